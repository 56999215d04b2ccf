// SPDX-License-Identifier: MIT
/*
 * Random convolution layers through the whole device, on memory of every kind, against the plain
 * references: every byte that is written, and none elsewhere; cycles and every sum of the record;
 * every profile row. DELTAHOP_TEST_ROUNDS=n does n times as many, DELTAHOP_TEST_SEED=n only those of
 * that seed, and describes them.
 */
#include <stdlib.h>
#include <string.h>

#include "conv_trial.h"
#include "model_test.h"
#include "reference_number.h"

#define LOOPS  8
#define TRIALS 24 /* a loop */
#define JOBS   12 /* a trial */

static void same(const struct trial *trial, const char *what, uint64_t got, uint64_t want)
{
	ck_assert_msg(got == want, "seed %llu: %s is %llu, not %llu",
		      (unsigned long long)trial->seed, what, (unsigned long long)got,
		      (unsigned long long)want);
}

static void same_end(const struct trial *trial, const struct deltahop_record *record,
		     uint16_t status, uint16_t reason)
{
	ck_assert_msg(record->status == status && record->reason == reason,
		      "seed %llu: the job ended %s (%s; region %u, byte %llu), not %s (%s)",
		      (unsigned long long)trial->seed, dh_status_text(record->status),
		      dh_reason_text(record->reason), record->fault_region,
		      (unsigned long long)record->fault_offset, dh_status_text(status),
		      dh_reason_text(reason));
}

/* ---- what should come of it ---- */

static void add_cost(struct ref_conv_cost *sum, const struct ref_conv_cost *cost)
{
	sum->cycles += cost->cycles;
	sum->step_cycles += cost->step_cycles;
	sum->bytes_weights += cost->bytes_weights;
	sum->bytes_in += cost->bytes_in;
	sum->bytes_out += cost->bytes_out;
	sum->work_done += cost->work_done;
	sum->work_skipped += cost->work_skipped;
}

static struct ref_conv_cost pass_cost(const struct trial *trial, const struct trial_layer *layer,
				      const struct trial_pass *pass, int *held,
				      struct ref_terms *terms)
{
	return ref_conv_cost(&layer->ref, &pass->ref, &trial->device,
			     pass->sums ? NULL : &pass->output, held, terms);
}

/* All passes. The cycle that each command takes is in the cost of a pass already. */
static struct ref_conv_cost expect_passes(struct trial *trial)
{
	struct ref_conv_cost sum = { .cycles = trial_commands(trial) - trial_passes(trial) };

	for (int i = 0; i < trial->layers; i++) {
		struct trial_layer *layer = &trial->layer[i];
		int held = 0;

		for (int j = 0; j < layer->passes; j++) {
			struct trial_pass *pass = &layer->pass[j];

			pass->cost = pass_cost(trial, layer, pass, &held, NULL);
			add_cost(&sum, &pass->cost);
		}
	}
	return sum;
}

static long long transfer(const struct trial *trial, bool card, long long bytes)
{
	return ref_transfer(&trial->device, card, bytes);
}

/* Entry and table, commands in blocks, a profile row for each pass, the head of the profile. */
static long long expect_front_end(const struct trial *trial)
{
	bool card = trial->profile.buffer->card;
	long long cycles = transfer(trial, false, 64 + 32 * trial->rig->regions);

	for (uint32_t at = 0; at < trial->command_bytes; at += 4096) {
		uint32_t rest = trial->command_bytes - at;

		cycles += transfer(trial, trial->commands.buffer->card, rest < 4096 ? rest : 4096);
	}
	return cycles + trial_passes(trial) * transfer(trial, card, 64) + transfer(trial, card, 64);
}

static void compare_record(const struct trial *trial, const struct deltahop_record *record,
			   const struct ref_conv_cost *sum)
{
	const struct dh_config *config = &trial->rig->config;
	uint64_t commands = 64 + 32 * trial->rig->regions + trial->command_bytes +
			    64 * trial_passes(trial) + 64;
	uint64_t bytes = commands + sum->bytes_weights + sum->bytes_in + sum->bytes_out;
	uint64_t cycles = sum->cycles + expect_front_end(trial);

	same_end(trial, record, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
	same(trial, "the offset of the last command", record->cmd_offset, trial->command_bytes - 8);
	same(trial, "the engine", record->engine, DELTAHOP_ENGINE_CONV);
	same(trial, "work_done", record->work_done, sum->work_done);
	same(trial, "work_skipped", record->work_skipped, sum->work_skipped);
	same(trial, "bytes_weights", record->bytes_weights, sum->bytes_weights);
	same(trial, "bytes_in", record->bytes_in, sum->bytes_in);
	same(trial, "bytes_out", record->bytes_out, sum->bytes_out);
	same(trial, "bytes_state", record->bytes_state, 0);
	same(trial, "bytes_commands", record->bytes_commands, commands);
	same(trial, "step_cycles", record->step_cycles, sum->step_cycles);
	same(trial, "cycles", record->cycles, cycles);
	same(trial, "wait_cycles", record->wait_cycles, 0);
	same(trial, "the time", record->end_ns - record->start_ns,
	     ref_ceil((long long)cycles * 1000000000LL, config->clock_hz));
	same(trial, "the energy", record->energy_pj,
	     (bytes * config->energy_dram_fj_byte + sum->work_done * config->energy_mac_fj) / 1000);
	same(trial, "profile_lost", record->profile_lost, 0);
}

static struct deltahop_profile_row expect_row(const struct trial_pass *pass, int layer)
{
	const struct ref_conv_cost *cost = &pass->cost;

	return (struct deltahop_profile_row){
		.cmd_offset = pass->cmd_offset,
		.opcode = pass->ref.fully_connected ? DELTAHOP_OP_CONV_FC : DELTAHOP_OP_CONV_PASS,
		.layer = layer,
		.steps = cost->stripes,
		.cycles = cost->cycles,
		.bytes_weights = cost->bytes_weights,
		.bytes_in = cost->bytes_in,
		.bytes_out = cost->bytes_out,
		.work_done = cost->work_done,
		.work_skipped = cost->work_skipped,
		.fired_x = cost->taken,
	};
}

/* A row by its fields, so that a difference has a name. */
static void compare_row(const struct trial *trial, uint64_t offset,
			const struct deltahop_profile_row *want)
{
	struct deltahop_profile_row got;

	rig_peek(trial->rig, trial->profile.buffer, offset, &got, sizeof(got));
	same(trial, "a row's command", got.cmd_offset, want->cmd_offset);
	same(trial, "a row's layer", got.layer, want->layer);
	same(trial, "a row's work", got.work_done, want->work_done);
	same(trial, "a row's skipped work", got.work_skipped, want->work_skipped);
	same(trial, "a row's pixels", got.fired_x, want->fired_x);
	same(trial, "a row's stripes", got.steps, want->steps);
	same(trial, "a row's bytes of weights", got.bytes_weights, want->bytes_weights);
	same(trial, "a row's bytes in", got.bytes_in, want->bytes_in);
	same(trial, "a row's bytes out", got.bytes_out, want->bytes_out);
	same(trial, "a row's cycles", got.cycles, want->cycles);
}

/* The profile, into the memory that is expected. */
static void expect_profile(const struct trial *trial, struct rig *expected)
{
	struct deltahop_profile_head head = { .rows = trial_passes(trial) };
	uint64_t at = sizeof(head);

	rig_poke(expected, trial->profile.buffer, 0, &head, sizeof(head));
	for (int i = 0; i < trial->layers; i++) {
		for (int j = 0; j < trial->layer[i].passes; j++, at += 64) {
			struct deltahop_profile_row row = expect_row(&trial->layer[i].pass[j], i);

			compare_row(trial, at, &row);
			rig_poke(expected, trial->profile.buffer, at, &row, sizeof(row));
		}
	}
}

/* ---- memory ---- */

static void *copy_of(const void *bytes, size_t length)
{
	void *copy = trial_bytes(length);

	memcpy(copy, bytes, length);
	return copy;
}

/* A second memory like that of the device, in which to put what should come. */
static struct rig copy_memory(const struct trial *trial)
{
	struct rig copy = *trial->rig;

	copy.ram = copy_of(copy.ram, copy.free_ram);
	copy.config.card = copy.free_card ? copy_of(copy.config.card, copy.free_card) : NULL;
	return copy;
}

static const struct place *results(const struct trial_pass *pass)
{
	return pass->sums ? &pass->psum : &pass->target;
}

/* The first @length bytes of what a pass writes. */
static void expect_results(const struct trial *trial, struct rig *expected,
			   const struct trial_layer *layer, const struct trial_pass *pass,
			   size_t length)
{
	size_t values = (size_t)layer->ref.out_rows * layer->ref.out_cols * pass->ref.maps;
	uint8_t *bytes;

	if (pass->sums) {
		bytes = copy_of(pass->sums, values * sizeof(int32_t));
	} else {
		bytes = trial_bytes(ref_map_bytes(&pass->output, trial->device.packed));
		ref_map_store(&pass->output, trial->device.packed, bytes);
	}
	rig_poke(expected, results(pass)->buffer, results(pass)->offset, bytes, length);
	free(bytes);
}

static void expect_all_results(const struct trial *trial, struct rig *expected)
{
	for (int i = 0; i < trial->layers; i++) {
		const struct trial_layer *layer = &trial->layer[i];

		for (int j = 0; j < layer->passes; j++)
			expect_results(trial, expected, layer, &layer->pass[j],
				       layer->pass[j].cost.bytes_out);
	}
}

/* All that is in memory behind the ring, the table and the records. Frees the copy. */
static void compare_memory(const struct trial *trial, struct rig *expected)
{
	const struct rig *rig = trial->rig;

	ck_assert_msg(!memcmp(rig->ram + RIG_FREE, expected->ram + RIG_FREE,
			      rig->free_ram - RIG_FREE),
		      "seed %llu: memory differs", (unsigned long long)trial->seed);
	ck_assert_msg(!rig->free_card || !rig->config.card || !expected->config.card ||
			      !memcmp(rig->config.card, expected->config.card, rig->free_card),
		      "seed %llu: card memory differs", (unsigned long long)trial->seed);
	free(expected->ram);
	free(expected->config.card);
}

/* ---- whole jobs ---- */

static void compare_job(struct trial *trial)
{
	struct rig expected = copy_memory(trial);
	struct ref_conv_cost sum = expect_passes(trial);
	struct deltahop_record record = trial_run(trial, 0);

	compare_record(trial, &record, &sum);
	expect_profile(trial, &expected);
	expect_all_results(trial, &expected);
	compare_memory(trial, &expected);
}

static void whole_job(struct trial *trial)
{
	trial_job(trial, MAX_LAYERS, MAX_PASSES);
	compare_job(trial);
	trial_free_job(trial);
}

/* ---- jobs that a budget stops ---- */

/**
 * struct moment - what a job has come to when some unit is over
 * @command: its offset
 * @layer: of the pass to which the unit belongs, if any
 * @term: the unit is term @term of the pass
 */
struct moment {
	struct ref_conv_cost sum;
	uint32_t command;
	int layer, pass, term;
};

/** struct course - all moments of a job, one after the other */
struct course {
	int count;
	struct moment *moment;
};

static struct moment *add_moment(struct course *course, struct moment moment)
{
	course->moment = realloc(course->moment, (course->count + 1) * sizeof(moment));
	ck_assert_ptr_nonnull(course->moment);
	course->moment[course->count] = moment;
	return &course->moment[course->count++];
}

/* A command that only takes its cycle. */
static void add_simple(struct course *course, uint32_t *command, uint32_t size)
{
	struct moment next = course->moment[course->count - 1];

	next.sum.cycles++;
	next.command = *command;
	next.term = -1;
	add_moment(course, next);
	*command += size;
}

static void add_pass(struct trial *trial, struct course *course, int layer, int pass, int *held)
{
	struct moment start = course->moment[course->count - 1];
	struct trial_layer *whose = &trial->layer[layer];
	struct ref_terms terms = { 0 };

	whose->pass[pass].cost = pass_cost(trial, whose, &whose->pass[pass], held, &terms);
	for (int i = 0; i < terms.count; i++) {
		struct moment next = start;

		add_cost(&next.sum, &terms.after[i]);
		next.command = whose->pass[pass].cmd_offset;
		next.layer = layer;
		next.pass = pass;
		next.term = i;
		add_moment(course, next);
	}
	free(terms.after);
}

static struct course course_of(struct trial *trial)
{
	struct course course = { 0 };
	uint32_t command = 0;

	add_moment(&course, (struct moment){ .term = -1 })->sum.cycles =
		transfer(trial, false, 64 + 32 * trial->rig->regions) +
		transfer(trial, trial->commands.buffer->card, trial->command_bytes);
	for (int i = 0; i < trial->layers; i++) {
		int held = 0;

		add_simple(&course, &command, 32);
		for (int j = 0; j < trial->layer[i].ref.inputs; j++)
			add_simple(&course, &command, 24);
		for (int j = 0; j < trial->layer[i].passes; j++, command += 64)
			add_pass(trial, &course, i, j, &held);
	}
	add_simple(&course, &command, 8);
	return course;
}

/* What the last pass has written by then: terms are weights, I(0), the stripes, W. */
static void expect_part(const struct trial *trial, struct rig *expected,
			const struct moment *moment)
{
	const struct trial_layer *layer = &trial->layer[moment->layer];
	const struct trial_pass *pass = &layer->pass[moment->pass];
	int stripe = moment->term - 3;

	if (pass->ref.fully_connected || stripe == pass->cost.stripes - 1)
		expect_results(trial, expected, layer, pass, pass->cost.bytes_out);
	else if (stripe >= 0)
		expect_results(trial, expected, layer, pass,
			       ref_conv_written(&layer->ref, &pass->ref, &trial->device,
						pass->sums ? NULL : &pass->output, stripe));
}

static bool same_pass(const struct moment *a, const struct moment *b)
{
	return a->command == b->command;
}

static void expect_until(const struct trial *trial, struct rig *expected,
			 const struct course *course, int last)
{
	for (int i = 0; i <= last; i++) {
		const struct moment *moment = &course->moment[i];

		if (moment->term >= 0 && (i == last || !same_pass(moment, moment + 1)))
			expect_part(trial, expected, moment);
	}
}

static void compare_stopped(const struct trial *trial, const struct deltahop_record *record,
			    const struct moment *last, const struct moment *next)
{
	same_end(trial, record, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
	same(trial, "the stopped command", record->cmd_offset, next->command);
	same(trial, "cycles", record->cycles, last->sum.cycles);
	same(trial, "step_cycles", record->step_cycles, last->sum.step_cycles);
	same(trial, "bytes_weights", record->bytes_weights, last->sum.bytes_weights);
	same(trial, "bytes_in", record->bytes_in, last->sum.bytes_in);
	same(trial, "bytes_out", record->bytes_out, last->sum.bytes_out);
	same(trial, "work_done", record->work_done, last->sum.work_done);
}

static void compare_budget(struct trial *trial, const struct course *course)
{
	int last = rig_below(&trial->random, course->count - 1);
	uint64_t room = course->moment[last + 1].sum.cycles - course->moment[last].sum.cycles;
	struct rig expected = copy_memory(trial);
	struct deltahop_record record;

	/* A unit that takes no time is over with the one before it. */
	while (last + 2 < course->count && !room) {
		last++;
		room = course->moment[last + 1].sum.cycles - course->moment[last].sum.cycles;
	}
	record = trial_run(trial, course->moment[last].sum.cycles +
					  (rig_below(&trial->random, 2) ? room - 1 : 0));
	compare_stopped(trial, &record, &course->moment[last], &course->moment[last + 1]);
	expect_until(trial, &expected, course, last);
	compare_memory(trial, &expected);
}

static void budget_job(struct trial *trial)
{
	struct course course;

	trial_job(trial, MAX_LAYERS, MAX_PASSES);
	course = course_of(trial);
	/* More commands are fetched in blocks, in between. */
	if (trial->command_bytes <= 4096)
		compare_budget(trial, &course);
	free(course.moment);
	trial_free_job(trial);
}

/* ---- data that is damaged ---- */

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

	same(trial, "the command", record->cmd_offset, trial->layer[0].pass[0].cmd_offset);
	same(trial, "the region", record->fault_region, place->buffer->region);
	if (record->reason == DELTAHOP_REASON_OUT_OF_BOUNDS &&
	    (fault->kind == REF_NOT_THERE ||
	     fault->offset + ref_words_bytes(1 + REF_GROUP, trial->device.packed) >
		     room(trial, place)))
		return;
	same_end(trial, record, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_BAD_DATA);
	if (record->fault_offset < first || record->fault_offset > first + reach)
		same(trial, "the bad word", record->fault_offset, first);
}

static void expect_fault(struct trial *trial, const struct place *place,
			 const struct ref_fault *fault)
{
	struct rig expected = copy_memory(trial);
	struct deltahop_record record = trial_run(trial, 0);

	compare_fault(trial, &record, place, fault);
	expect_anything(trial, &expected, trial->profile.buffer);
	expect_anything(trial, &expected, results(&trial->layer[0].pass[0])->buffer);
	compare_memory(trial, &expected);
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

	if (!bits)
		return;
	turn_bit(trial, victim.place, rig_random(&trial->random) % bits);
	fault = load_again(trial, &victim);
	if (fault.kind)
		expect_fault(trial, victim.place, &fault);
	else if (compute_again(trial))
		compare_job(trial);
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

/* ---- memory that is read and written ---- */

/*
 * A pass reads at the start of a unit and writes at its end. So an output may take the place of the
 * input, or of the added map, when it is of the same size: rows are read long before they are
 * written. A second pass finds the old input in the store, or the new one in memory.
 */
static struct ref_conv_layer same_size(struct trial *trial)
{
	struct rig_random *random = &trial->random;
	int pad = rig_below(random, 3);
	struct ref_conv_layer layer = {
		.kernel_rows = 1 + 2 * pad,
		.kernel_cols = 1 + 2 * pad,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = pad,
		.pad_left = pad,
		.macs = 1,
		.out_shift = 8,
		.bias_shift = 8,
		.rows = random_size(random, 24),
		.cols = random_size(random, 16),
		.channels = random_size(random, 24),
		.inputs = 1,
	};

	layer.out_rows = layer.rows;
	layer.out_cols = layer.cols;
	return layer;
}

static void fill_input(struct trial *trial, struct ref_conv_layer *layer)
{
	size_t values = (size_t)layer->rows * layer->cols * layer->channels;

	layer->input[0] = (struct ref_map){
		.rows = layer->rows,
		.cols = layer->cols,
		.channels = layer->channels,
		.value = random_values(&trial->random, values),
	};
}

static void in_place_pass(struct trial *trial, struct trial_pass *pass, bool add)
{
	const struct ref_conv_layer *layer = &trial->layer[0].ref;
	size_t kernel = (size_t)layer->kernel_rows * layer->kernel_cols * layer->channels;

	pass->ref.maps = layer->channels;
	pass->ref.bias = random_values(&trial->random, layer->channels);
	pass->ref.kernel = random_values(&trial->random, kernel * layer->channels);
	pass->ref.add = add;
	if (!add)
		return;
	pass->ref.added = layer->input[0];
	pass->ref.added.value =
		random_values(&trial->random, (size_t)layer->rows * layer->cols * layer->channels);
}

/* Does the input, of which all rows are read, stay in the store? */
static bool stays(const struct trial *trial)
{
	const struct ref_conv_layer *layer = &trial->layer[0].ref;

	return ref_map_words(&layer->input[0], layer->rows) * 2 <=
	       (size_t)trial->device.store_bytes;
}

static void in_place_results(struct trial *trial)
{
	struct trial_layer *layer = &trial->layer[0];
	struct ref_map first = layer->ref.input[0];
	bool over_input = !layer->pass[0].ref.add;

	layer->pass[0].output = ref_conv_output(&layer->ref, &layer->pass[0].ref);
	if (over_input && !stays(trial))
		layer->ref.input[0].value = layer->pass[0].output.value;
	layer->pass[1].output = ref_conv_output(&layer->ref, &layer->pass[1].ref);
	layer->ref.input[0] = first;
}

static void in_place_job(struct trial *trial)
{
	bool over_input = rig_below(&trial->random, 2);

	if (!trial->device.packed)
		return;
	trial_clear(trial);
	trial->layers = 1;
	trial->layer[0].passes = 2;
	trial->layer[0].over = over_input ? OVER_INPUT : OVER_ADDED;
	do
		trial->layer[0].ref = same_size(trial);
	while (!random_conv_fits(&trial->kind, &trial->layer[0].ref));
	fill_input(trial, &trial->layer[0].ref);
	in_place_pass(trial, &trial->layer[0].pass[0], !over_input);
	in_place_pass(trial, &trial->layer[0].pass[1], false);
	in_place_results(trial);
	trial_place(trial);
	compare_job(trial);
	trial_free_job(trial);
}

/* ---- trials ---- */

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void run_trial(void (*job)(struct trial *trial), uint64_t seed)
{
	struct trial *trial = trial_create(seed);

	for (int i = 0; i < JOBS; i++)
		job(trial);
	ck_assert_uint_eq(trial->rig->stray, 0);
	ck_assert_uint_eq(dh_model_next_event(trial->rig->model), DH_NEVER);
	trial_destroy(trial);
}

static void run_trials(void (*job)(struct trial *trial), int loop)
{
	uint64_t rounds = number_from("DELTAHOP_TEST_ROUNDS", 1),
		 seed = number_from("DELTAHOP_TEST_SEED", 0);

	for (uint64_t i = 0; i < TRIALS * rounds && !seed; i++)
		run_trial(job, 1 + loop + i * LOOPS);
	if (seed && !loop)
		run_trial(job, seed);
}

START_TEST(equals_references)
{
	run_trials(whole_job, _i);
}
END_TEST

START_TEST(stops_at_budgets)
{
	run_trials(budget_job, _i);
}
END_TEST

START_TEST(finds_damage)
{
	run_trials(damaged_job, _i);
}
END_TEST

START_TEST(works_in_place)
{
	run_trials(in_place_job, _i);
}
END_TEST

TCase *model_conv_random_case(void)
{
	TCase *tcase = tcase_create("random convolutions");

	tcase_add_loop_test(tcase, equals_references, 0, LOOPS);
	return tcase;
}

TCase *model_conv_budget_case(void)
{
	TCase *tcase = tcase_create("budgets of convolutions");

	tcase_add_loop_test(tcase, stops_at_budgets, 0, LOOPS);
	return tcase;
}

TCase *model_conv_damage_case(void)
{
	TCase *tcase = tcase_create("damaged maps");

	tcase_add_loop_test(tcase, finds_damage, 0, LOOPS);
	return tcase;
}

TCase *model_conv_place_case(void)
{
	TCase *tcase = tcase_create("convolutions in place");

	tcase_add_loop_test(tcase, works_in_place, 0, LOOPS);
	return tcase;
}
