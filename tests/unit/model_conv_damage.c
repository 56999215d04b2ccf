// SPDX-License-Identifier: MIT
/* Maps and weights of which a bit is turned: found and named, or computed with as they are. */
#include <stdlib.h>
#include <string.h>

#include "conv_check.h"

/** struct victim - a map, or weights, of which a bit is turned */
struct victim {
	struct ref_map *map;
	const struct place *place;
	int rows;
};

/* The input or added map that is to suffer. */
static struct victim choose_map(struct trial *trial)
{
	struct trial_layer *layer = &trial->layer[0];
	struct trial_pass *pass = &layer->pass[0];
	int input = rig_below(&trial->random, layer->ref.inputs);

	if (pass->ref.add && rig_below(&trial->random, 2))
		return (struct victim){ &pass->ref.added, &pass->added,
					ref_conv_rows(&layer->ref, &pass->ref) };
	return (struct victim){ &layer->ref.input[input], &layer->input[input],
				ref_conv_rows_read(&layer->ref, &pass->ref) };
}

static void turn_bit(struct trial *trial, const struct place *place, uint64_t bit)
{
	uint64_t at = place->offset + bit / 8;
	uint8_t byte;

	rig_peek(trial->rig, place->buffer, at, &byte, 1);
	byte ^= 1 << bit % 8;
	rig_poke(trial->rig, place->buffer, at, &byte, 1);
}

static size_t room(const struct trial *trial, const struct place *place)
{
	return trial->rig->table[place->buffer->region].length - place->offset;
}

/* The map as it now lies in memory. Return: what is wrong with it */
static struct ref_fault load_again(struct trial *trial, const struct victim *victim)
{
	size_t length = room(trial, victim->place);
	uint8_t *bytes = trial_bytes(length);
	struct ref_fault fault;

	rig_peek(trial->rig, victim->place->buffer, victim->place->offset, bytes, length);
	fault = ref_map_load(victim->map, victim->rows, trial->device.packed, bytes, length);
	free(bytes);
	return fault;
}

/* What the device may have written before it found out. */
static void expect_anything(const struct trial *trial, struct rig *expected,
			    const struct rig_buffer *buffer)
{
	uint64_t length = trial->rig->table[buffer->region].length;
	uint8_t *bytes = trial_bytes(length);

	rig_peek(trial->rig, buffer, 0, bytes, length);
	rig_poke(expected, buffer, 0, bytes, length);
	free(bytes);
}

/*
 * The record names the first bad word, as a rule. But the words of an access, which are not more
 * than a group needs, come together: one that is not there is missed before, and what a bus word
 * says besides its words is looked at before these.
 */
static void compare_fault(const struct trial *trial, const struct deltahop_record *record,
			  const struct place *place, const struct ref_fault *fault)
{
	uint64_t first = place->offset + fault->offset,
		 reach = trial->device.packed ? 0 : REF_GROUP / 2 * 8;

	check_same(trial, "the command", record->cmd_offset, trial->layer[0].pass[0].cmd_offset);
	check_same(trial, "the region", record->fault_region, place->buffer->region);
	if (record->reason == DELTAHOP_REASON_OUT_OF_BOUNDS &&
	    (fault->kind == REF_NOT_THERE ||
	     fault->offset + ref_words_bytes(1 + REF_GROUP, trial->device.packed) >
		     room(trial, place)))
		return;
	check_end(trial, record, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_BAD_DATA);
	if (record->fault_offset < first || record->fault_offset > first + reach)
		check_same(trial, "the bad word", record->fault_offset, first);
}

static void expect_fault(struct trial *trial, const struct place *place,
			 const struct ref_fault *fault)
{
	struct rig expected = check_copy_memory(trial);
	struct deltahop_record record = trial_run(trial, 0);

	compare_fault(trial, &record, place, fault);
	expect_anything(trial, &expected, trial->profile.buffer);
	expect_anything(trial, &expected, check_results(&trial->layer[0].pass[0])->buffer);
	check_compare_memory(trial, &expected);
}

/* The results of the one pass anew. Return: false if they no longer fit. */
static bool compute_again(struct trial *trial)
{
	struct trial_layer *layer = &trial->layer[0];
	struct trial_pass *pass = &layer->pass[0];
	size_t before = pass->sums ? 0 : ref_map_bytes(&pass->output, trial->device.packed);

	free(pass->output.value);
	free(pass->sums);
	pass->output.value = NULL;
	pass->sums = NULL;
	if (pass->ref.psum_out)
		pass->sums = ref_conv_psums(&layer->ref, &pass->ref);
	else
		pass->output = ref_conv_output(&layer->ref, &pass->ref);
	return pass->sums || ref_map_bytes(&pass->output, trial->device.packed) <= before;
}

static void damage_map(struct trial *trial)
{
	struct victim victim = choose_map(trial);
	size_t words = ref_map_words(victim.map, victim.rows);
	uint64_t bits = 8 * ref_words_bytes(words, trial->device.packed);
	struct ref_fault fault;
	uint64_t bit;

	if (!bits)
		return;
	/* Often at the end: what is behind the last word that is read is checked, too. */
	bit = rig_random(&trial->random) % bits;
	if (rig_below(&trial->random, 3) == 0)
		bit = bits - 1 - bit % 64;
	turn_bit(trial, victim.place, bit);
	fault = load_again(trial, &victim);
	if (fault.kind)
		expect_fault(trial, victim.place, &fault);
	else if (compute_again(trial))
		check_job(trial);
}

/* Everything in a bus word but the words. */
static void damage_weights(struct trial *trial)
{
	struct trial_layer *layer = &trial->layer[0];
	size_t length =
		ref_conv_weight_bytes(&layer->ref, &layer->pass[0].ref, trial->device.macs, false);
	struct ref_fault fault = { REF_BAD_WORD, 8 * rig_below(&trial->random, length / 8) };

	turn_bit(trial, &layer->pass[0].weight,
		 8 * fault.offset + 32 + rig_below(&trial->random, 32));
	expect_fault(trial, &layer->pass[0].weight, &fault);
}

static void damaged_job(struct trial *trial)
{
	trial_job(trial, 1, 1);
	if (!trial->device.packed && rig_below(&trial->random, 4) == 0)
		damage_weights(trial);
	else
		damage_map(trial);
	trial_free_job(trial);
}

/*
 * Three rows of words, of which pooling reads two: 2 and 3 words, so that the last bus word goes on
 * with the row that is not read.
 */
static void make_odd_layer(struct trial *trial)
{
	static const int16_t values[] = { 1, 0, 1, 1, 1, 1 };
	struct ref_conv_layer *layer = &trial->layer[0].ref;
	struct trial_pass *pass = &trial->layer[0].pass[0];

	trial_clear(trial);
	trial->layers = trial->layer[0].passes = 1;
	*layer = (struct ref_conv_layer){
		.kernel_rows = 1,
		.kernel_cols = 1,
		.stride_rows = 1,
		.stride_cols = 1,
		.macs = 1,
		.pool_max = true,
		.out_shift = 8,
		.bias_shift = 8,
		.rows = 3,
		.cols = 2,
		.out_rows = 3,
		.out_cols = 2,
		.channels = 1,
		.inputs = 1,
	};
	layer->input[0] = (struct ref_map){
		.rows = 3,
		.cols = 2,
		.channels = 1,
		.encoded = true,
		.value = random_values(&trial->random, 6),
	};
	memcpy(layer->input[0].value, values, sizeof(values));
	pass->ref.maps = 1;
	pass->ref.bias = random_values(&trial->random, 1);
	pass->ref.kernel = random_values(&trial->random, 1);
	pass->output = ref_conv_output(layer, &pass->ref);
	trial_place(trial);
}

/* Valid bit and address of the second word. */
START_TEST(checks_what_is_behind)
{
	struct trial *trial = trial_create_profile(1, "nullhop-asic", 0);
	struct ref_fault fault = { REF_BAD_WORD, 16 };
	int bit = _i ? 42 + _i : 35;

	make_odd_layer(trial);
	check_job(trial);
	turn_bit(trial, &trial->layer[0].input[0], 8 * fault.offset + bit);
	expect_fault(trial, &trial->layer[0].input[0], &fault);
	trial_free_job(trial);
	trial_destroy(trial);
}
END_TEST

START_TEST(finds_damage)
{
	check_trials(damaged_job, _i);
}
END_TEST

TCase *model_conv_damage_case(void)
{
	TCase *tcase = tcase_create("damaged maps");

	tcase_add_loop_test(tcase, finds_damage, 0, CHECK_LOOPS);
	tcase_add_loop_test(tcase, checks_what_is_behind, 0, 8);
	return tcase;
}
