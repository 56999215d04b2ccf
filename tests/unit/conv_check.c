// SPDX-License-Identifier: MIT
/* What should come of a job according to the references, and whether it did. */
#include <stdlib.h>
#include <string.h>

#include "conv_check.h"
#include "reference_number.h"

#define TRIALS 24 /* a loop */
#define JOBS   12 /* a trial */

void check_same(const struct trial *trial, const char *what, uint64_t got, uint64_t want)
{
	ck_assert_msg(got == want, "seed %llu: %s is %llu, not %llu",
		      (unsigned long long)trial->seed, what, (unsigned long long)got,
		      (unsigned long long)want);
}

void check_end(const struct trial *trial, const struct deltahop_record *record, uint16_t status,
	       uint16_t reason)
{
	ck_assert_msg(record->status == status && record->reason == reason,
		      "seed %llu: the job ended %s (%s; region %u, byte %llu), not %s (%s)",
		      (unsigned long long)trial->seed, dh_status_text(record->status),
		      dh_reason_text(record->reason), record->fault_region,
		      (unsigned long long)record->fault_offset, dh_status_text(status),
		      dh_reason_text(reason));
}

/* ---- what should come of it ---- */

void check_add_cost(struct ref_conv_cost *sum, const struct ref_conv_cost *cost)
{
	sum->cycles += cost->cycles;
	sum->step_cycles += cost->step_cycles;
	sum->bytes_weights += cost->bytes_weights;
	sum->bytes_in += cost->bytes_in;
	sum->bytes_out += cost->bytes_out;
	sum->work_done += cost->work_done;
	sum->work_skipped += cost->work_skipped;
}

struct ref_conv_cost check_pass_cost(const struct trial *trial, const struct trial_layer *layer,
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

			pass->cost = check_pass_cost(trial, layer, pass, &held, NULL);
			check_add_cost(&sum, &pass->cost);
		}
	}
	return sum;
}

long long check_transfer(const struct trial *trial, bool card, long long bytes)
{
	return ref_transfer(&trial->device, card, bytes);
}

/* Entry and table, commands in blocks, a profile row for each pass, the head of the profile. */
static long long expect_front_end(const struct trial *trial)
{
	bool card = trial->profile.buffer->card;
	long long cycles = check_transfer(trial, false, 64 + 32 * trial->rig->regions);

	for (uint32_t at = 0; at < trial->command_bytes; at += 4096) {
		uint32_t rest = trial->command_bytes - at;

		cycles += check_transfer(trial, trial->commands.buffer->card,
					 rest < 4096 ? rest : 4096);
	}
	return cycles + trial_passes(trial) * check_transfer(trial, card, 64) +
	       check_transfer(trial, card, 64);
}

static void compare_record(const struct trial *trial, const struct deltahop_record *record,
			   const struct ref_conv_cost *sum)
{
	const struct dh_config *config = &trial->rig->config;
	uint64_t commands = 64 + 32 * trial->rig->regions + trial->command_bytes +
			    64 * trial_passes(trial) + 64;
	uint64_t bytes = commands + sum->bytes_weights + sum->bytes_in + sum->bytes_out;
	uint64_t cycles = sum->cycles + expect_front_end(trial);

	check_end(trial, record, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
	check_same(trial, "the offset of the last command", record->cmd_offset,
		   trial->command_bytes - 8);
	check_same(trial, "the engine", record->engine, DELTAHOP_ENGINE_CONV);
	check_same(trial, "work_done", record->work_done, sum->work_done);
	check_same(trial, "work_skipped", record->work_skipped, sum->work_skipped);
	check_same(trial, "bytes_weights", record->bytes_weights, sum->bytes_weights);
	check_same(trial, "bytes_in", record->bytes_in, sum->bytes_in);
	check_same(trial, "bytes_out", record->bytes_out, sum->bytes_out);
	check_same(trial, "bytes_state", record->bytes_state, 0);
	check_same(trial, "bytes_commands", record->bytes_commands, commands);
	check_same(trial, "step_cycles", record->step_cycles, sum->step_cycles);
	check_same(trial, "cycles", record->cycles, cycles);
	check_same(trial, "wait_cycles", record->wait_cycles, 0);
	check_same(trial, "the time", record->end_ns - record->start_ns,
		   ref_ceil((long long)cycles * 1000000000LL, config->clock_hz));
	check_same(trial, "the energy", record->energy_pj,
		   (bytes * config->energy_dram_fj_byte + sum->work_done * config->energy_mac_fj) /
			   1000);
	check_same(trial, "profile_lost", record->profile_lost, 0);
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
	check_same(trial, "a row's command", got.cmd_offset, want->cmd_offset);
	check_same(trial, "a row's layer", got.layer, want->layer);
	check_same(trial, "a row's work", got.work_done, want->work_done);
	check_same(trial, "a row's skipped work", got.work_skipped, want->work_skipped);
	check_same(trial, "a row's pixels", got.fired_x, want->fired_x);
	check_same(trial, "a row's stripes", got.steps, want->steps);
	check_same(trial, "a row's bytes of weights", got.bytes_weights, want->bytes_weights);
	check_same(trial, "a row's bytes in", got.bytes_in, want->bytes_in);
	check_same(trial, "a row's bytes out", got.bytes_out, want->bytes_out);
	check_same(trial, "a row's cycles", got.cycles, want->cycles);
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
struct rig check_copy_memory(const struct trial *trial)
{
	struct rig copy = *trial->rig;

	copy.ram = copy_of(copy.ram, copy.free_ram);
	copy.config.card = copy.free_card ? copy_of(copy.config.card, copy.free_card) : NULL;
	return copy;
}

const struct place *check_results(const struct trial_pass *pass)
{
	return pass->sums ? &pass->psum : &pass->target;
}

/* The first @length bytes of what a pass writes. */
void check_expect_results(const struct trial *trial, struct rig *expected,
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
	rig_poke(expected, check_results(pass)->buffer, check_results(pass)->offset, bytes, length);
	free(bytes);
}

static void expect_all_results(const struct trial *trial, struct rig *expected)
{
	for (int i = 0; i < trial->layers; i++) {
		const struct trial_layer *layer = &trial->layer[i];

		for (int j = 0; j < layer->passes; j++)
			check_expect_results(trial, expected, layer, &layer->pass[j],
					     layer->pass[j].cost.bytes_out);
	}
}

/* All that is in memory behind the ring, the table and the records. Frees the copy. */
void check_compare_memory(const struct trial *trial, struct rig *expected)
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

/* ---- a whole job ---- */

void check_job(struct trial *trial)
{
	struct rig expected = check_copy_memory(trial);
	struct ref_conv_cost sum = expect_passes(trial);
	struct deltahop_record record = trial_run(trial, 0);

	compare_record(trial, &record, &sum);
	expect_profile(trial, &expected);
	expect_all_results(trial, &expected);
	check_compare_memory(trial, &expected);
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

void check_trials(void (*job)(struct trial *trial), int loop)
{
	uint64_t rounds = number_from("DELTAHOP_TEST_ROUNDS", 1),
		 seed = number_from("DELTAHOP_TEST_SEED", 0);

	for (uint64_t i = 0; i < TRIALS * rounds && !seed; i++)
		run_trial(job, 1 + loop + i * CHECK_LOOPS);
	if (seed && !loop)
		run_trial(job, seed);
}
