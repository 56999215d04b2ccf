// SPDX-License-Identifier: MIT
/*
 * Random networks through the whole device, on memory of every kind, against the plain references:
 * outputs, what fired, cycles, every sum of the record, and the state that is saved.
 */
#include <stdlib.h>
#include <string.h>

#include "model_test.h"
#include "reference_rnn.h"
#include "reference_timing.h"

#define NETWORKS   1200
#define LOOPS	   8
#define MAX_LAYERS 4
#define MAX_STEPS  6
#define RAM_BYTES  (8 << 20)
#define CARD_BYTES (4 << 20)

/**
 * struct sums - what a record should say
 * @rows: profile rows of one RUN
 */
struct sums {
	uint64_t cycles, step_cycles, weights, in, out, commands, done, skipped;
};

/**
 * struct trial - a random network on a random device
 * @ref: its layers, the first one of slot @first
 */
struct trial {
	struct rig_random random;
	struct rig *rig;
	unsigned int first, layers, steps;
	bool last_only, profile_steps;
	struct ref_layer *ref;
	struct dh_layer layer[MAX_LAYERS];
	struct dh_params params;
	struct rig_buffer commands, param_buffer, input, output, profile, image,
		weights[MAX_LAYERS];
	int8_t *weight_bytes[MAX_LAYERS];
	uint32_t input_offset, output_offset, state_bytes;
	int16_t in[MAX_STEPS][REF_MAX];
	struct sums sums;
};

static uint32_t pick(struct trial *trial, uint32_t limit)
{
	return rig_below(&trial->random, limit);
}

static struct rig_buffer any_buffer(struct trial *trial, uint64_t length, uint32_t flags)
{
	if (pick(trial, 2))
		flags |= DELTAHOP_REGION_LIST;
	if (pick(trial, 2))
		flags |= DELTAHOP_REGION_CARD;
	return rig_buffer(trial->rig, &trial->random, length, flags);
}

/* ---- the device ---- */

static void random_device(struct trial *trial)
{
	static const struct dh_memory_timing memories[] = {
		{ 0, 0, 0 }, { 1, 32, 4 }, { 2, 16, 1 }, { 4, 250, 8 }
	};
	struct dh_config config;

	ck_assert(dh_config_profile(&config, "card"));
	config.card_size = CARD_BYTES;
	config.rnn_pes = 8U << pick(trial, 3);
	config.beat_bytes = 8U << pick(trial, 3);
	config.dram = memories[pick(trial, 4)];
	config.link = memories[pick(trial, 4)];
	trial->rig = rig_create(&config, RAM_BYTES);
	ck_assert_ptr_nonnull(trial->rig);
	trial->rig->maps = pick(trial, 2);
	rig_start(trial->rig);
}

static const struct dh_memory_timing *channel(const struct trial *trial, bool card)
{
	const struct dh_config *config = &trial->rig->config;

	return card || !config->link.n ? &config->dram : &config->link;
}

/* Cycles of a transfer, from the text. */
static uint64_t transfer(const struct trial *trial, bool card, uint64_t bytes)
{
	const struct dh_memory_timing *memory = channel(trial, card);
	uint64_t beats =
		(bytes + trial->rig->config.beat_bytes - 1) / trial->rig->config.beat_bytes;

	if (!bytes || !memory->n)
		return beats;
	return memory->l + 2 + (beats - 1) * memory->n;
}

/* ---- the network ---- */

static void random_layer(struct trial *trial, unsigned int l)
{
	struct ref_layer *ref = &trial->ref[l];
	struct dh_layer *layer = &trial->layer[l];
	uint32_t bytes;

	ref->cell = pick(trial, REF_CELLS);
	ref->activation = pick(trial, ref->cell == REF_DENSE || ref->cell == REF_SIMPLE ? 4 : 2);
	ref->output_relu = ref->cell == REF_LSTM && pick(trial, 3) == 0;
	ref->has_bias = pick(trial, 2);
	ref->inputs = l ? trial->ref[l - 1].hidden : 4 + 4 * (int)pick(trial, 10);
	ref->hidden = 16 + 8 * pick(trial, 8);
	for (int gate = 0; gate < ref_x_bytes(ref) / ref->hidden; gate++)
		ref->frac[gate] = pick(trial, 3) ? pick(trial, 16) : 7;

	layer->slot = trial->first + l;
	layer->cell = ref->cell;
	layer->activation = ref->activation;
	layer->output_relu = ref->output_relu;
	layer->no_bias = !ref->has_bias;
	layer->inputs = ref->inputs;
	layer->hidden = ref->hidden;
	for (int gate = 0; gate < 4; gate++)
		layer->weight_frac[gate] = ref->frac[gate];
	layer->weight_offset = pick(trial, 100);
	layer->state_offset = trial->state_bytes;
	ck_assert_uint_eq(dh_layer_state_bytes(layer), ref_state_bytes(ref));
	trial->state_bytes += ref_state_bytes(ref) + 8 * pick(trial, 3);

	bytes = ref_weight_bytes(ref);
	ck_assert_uint_eq(dh_layer_weight_bytes(layer), bytes);
	trial->weight_bytes[l] = malloc(bytes);
	for (uint32_t i = 0; i < bytes; i++)
		trial->weight_bytes[l][i] = rig_random(&trial->random);
	ref->weights = trial->weight_bytes[l];
	trial->weights[l] = any_buffer(trial, layer->weight_offset + bytes, DELTAHOP_REGION_READ);
	layer->weight_region = trial->weights[l].region;
	rig_poke(trial->rig, &trial->weights[l], layer->weight_offset, ref->weights, bytes);
}

static void random_network(struct trial *trial)
{
	trial->layers = 1 + pick(trial, MAX_LAYERS);
	trial->first = pick(trial, trial->rig->config.rnn_slots - trial->layers + 1);
	trial->ref = calloc(trial->layers, sizeof(*trial->ref));
	for (unsigned int l = 0; l < trial->layers; l++)
		random_layer(trial, l);
	trial->commands = any_buffer(trial, 0x1000, DELTAHOP_REGION_READ);
	trial->param_buffer = any_buffer(trial, 0x100, DELTAHOP_REGION_READ);
	trial->input = any_buffer(trial, 0x6000, DELTAHOP_REGION_READ);
	trial->output = any_buffer(trial, 0x6000, DELTAHOP_REGION_WRITE);
	trial->profile = any_buffer(trial, 64 + 64 * MAX_LAYERS * MAX_STEPS, DELTAHOP_REGION_WRITE);
}

static void put16(struct trial *trial, uint64_t *at, int value)
{
	int16_t v = value;

	rig_poke(trial->rig, &trial->image, *at, &v, sizeof(v));
	*at += sizeof(v);
}

static void put32(struct trial *trial, uint64_t *at, int value)
{
	int32_t v = value;

	rig_poke(trial->rig, &trial->image, *at, &v, sizeof(v));
	*at += sizeof(v);
}

/* A vector of units: small numbers, as tanh gives them, or any. */
static void random_units(struct trial *trial, uint64_t *at, long long *unit, int count)
{
	int range = pick(trial, 2) ? 512 : 65536;

	for (int j = 0; j < count; j++)
		put16(trial, at, unit[j] = (int)pick(trial, range) - range / 2);
}

/* A state in the middle of its life, with anything in the accumulators. */
static void random_state(struct trial *trial)
{
	for (unsigned int l = 0; l < trial->layers; l++) {
		struct ref_layer *ref = &trial->ref[l];
		uint64_t at = trial->layer[l].state_offset;

		ref->bias_sent = pick(trial, 2);
		put32(trial, &at, ref->bias_sent);
		put32(trial, &at, 0);
		for (int i = 0; i < (ref->inputs + 7) / 8 * 8; i++) {
			ref->x_mem[i] = i < ref->inputs && pick(trial, 2)
						? (int16_t)rig_random(&trial->random)
						: 0;
			put16(trial, &at, ref->x_mem[i]);
		}
		if (ref_h_bytes(ref)) {
			random_units(trial, &at, ref->h_mem, ref->hidden);
			random_units(trial, &at, ref->h, ref->hidden);
		}
		if (ref_has_third(ref->cell))
			random_units(trial, &at, ref->third, ref->hidden);
		for (int m = 0; m < ref_accumulators(ref->cell); m++) {
			for (int j = 0; j < ref->hidden; j++) {
				uint32_t raw = rig_random(&trial->random) << 8 ^
					       rig_random(&trial->random);

				/* Only the low 24 bits count. */
				ref->m[m][j] = (int32_t)(raw << 8) >> 8;
				put32(trial, &at, raw);
			}
		}
	}
}

static void load_state(struct trial *trial)
{
	struct deltahop_entry entry;
	struct rig *rig = trial->rig;
	uint64_t garbage;

	/* Region 0 of a state entry's table is the image: it takes the place that was kept free. */
	trial->image =
		any_buffer(trial, trial->state_bytes, DELTAHOP_REGION_READ | DELTAHOP_REGION_WRITE);
	rig->table[0] = rig->table[trial->image.region];
	rig->regions--;
	for (uint32_t at = 0; at < trial->state_bytes; at += 8) {
		garbage = rig_random(&trial->random);
		rig_poke(rig, &trial->image, at, &garbage, 8);
	}
	random_state(trial);
	entry = rig_entry(rig, DELTAHOP_ENTRY_STATE_LOAD);
	entry.size = trial->state_bytes;
	assert_ok(rig_do(rig, &entry));
}

/* ---- a job ---- */

static int random_theta(struct trial *trial)
{
	switch (pick(trial, 5)) {
	case 0:
		return 0;
	case 1:
		return pick(trial, 64);
	case 2:
		return 250 + pick(trial, 12);
	case 3:
		return 505 + pick(trial, 12);
	default:
		return rig_random(&trial->random) & 0xffff;
	}
}

static void random_params(struct trial *trial)
{
	const struct ref_layer *last = &trial->ref[trial->layers - 1];

	memset(&trial->params, 0, sizeof(trial->params));
	trial->steps = 1 + pick(trial, MAX_STEPS);
	trial->last_only = pick(trial, 4) == 0;
	trial->profile_steps = pick(trial, 2);
	trial->params.profile_steps = trial->profile_steps;
	trial->params.steps = trial->steps;
	trial->params.input_stride = 2 * (trial->ref[0].inputs + pick(trial, 8));
	trial->params.output_stride = 2 * (last->hidden + pick(trial, 8));
	for (unsigned int l = 0; l < trial->layers; l++) {
		trial->ref[l].theta_x = random_theta(trial);
		trial->ref[l].theta_h = random_theta(trial);
		trial->params.theta_x[trial->first + l] = trial->ref[l].theta_x;
		trial->params.theta_h[trial->first + l] = trial->ref[l].theta_h;
	}
}

static void random_input(struct trial *trial)
{
	int range = 1 << (4 + pick(trial, 13));

	trial->input_offset = 2 * pick(trial, 100);
	trial->output_offset = 2 * pick(trial, 100);
	for (unsigned int t = 0; t < trial->steps; t++) {
		for (int i = 0; i < trial->ref[0].inputs; i++)
			trial->in[t][i] = (int16_t)((int)pick(trial, range) - range / 2);
		rig_poke(trial->rig, &trial->input,
			 trial->input_offset + t * (uint64_t)trial->params.input_stride,
			 trial->in[t], 2 * trial->ref[0].inputs);
	}
}

static uint32_t write_job(struct trial *trial)
{
	uint8_t bytes[512], params[sizeof(struct deltahop_rnn_params)];
	struct rig_program program = { bytes, bytes };
	struct dh_run run = {
		.first = trial->first,
		.count = trial->layers,
		.last_only = trial->last_only,
		.params_region = trial->param_buffer.region,
		.params_offset = 8,
		.input_region = trial->input.region,
		.input_offset = trial->input_offset,
		.output_region = trial->output.region,
		.output_offset = trial->output_offset,
	};

	for (unsigned int l = 0; l < trial->layers; l++)
		rig_put_layer(&program, &trial->layer[l]);
	rig_put_run(&program, &run);
	rig_put_end(&program);
	rig_poke(trial->rig, &trial->commands, 16, bytes, program.at - program.start);
	dh_params_encode(&trial->params, params);
	rig_poke(trial->rig, &trial->param_buffer, 8, params, sizeof(params));
	return program.at - program.start;
}

/* ---- what should come out ---- */

static struct deltahop_profile_row expect_layer(struct trial *trial, unsigned int l, unsigned int t)
{
	const struct ref_layer *ref = &trial->ref[l];
	const struct dh_memory_timing *memory = channel(trial, trial->weights[l].card);
	int padded = (ref->inputs + 7) / 8 * 8, column = ref_x_bytes(ref),
	    recurrent = ref_h_bytes(ref) ? ref->hidden : 0, rh = 0;
	struct ref_pipeline pipe = {
		padded,
		ref->hidden,
		recurrent,
		column,
		ref_h_bytes(ref),
		ref_rh_bytes(ref),
		trial->rig->config.rnn_pes,
		trial->rig->config.beat_bytes,
		memory->n,
		memory->l,
		memory->q,
	};
	struct deltahop_profile_row row = {
		.layer = trial->first + l, .step = t, .steps = 1, .opcode = DELTAHOP_OP_RNN_RUN
	};

	for (int i = 0; i <= padded; i++)
		row.fired_x += ref->fired[i];
	for (int j = 0; j < recurrent; j++)
		row.fired_h += ref->fired[1 + padded + j];
	for (int j = 0; j < ref->hidden && ref_rh_bytes(ref); j++)
		rh += ref->fired[1 + padded + ref->hidden + j];
	row.cycles = ref_cycles(&pipe, ref->fired);
	if (l || (t && !ref->bias_examined))
		row.cycles += 1;
	else if (ref->bias_examined)
		row.cycles += 3;
	row.work_done = (uint64_t)column * row.fired_x + (uint64_t)ref_h_bytes(ref) * row.fired_h +
			(uint64_t)ref_rh_bytes(ref) * rh;
	row.bytes_weights = row.work_done;
	row.work_skipped = ref_weight_bytes(ref) - (uint64_t)column * ref->has_bias -
			   (row.work_done - (uint64_t)column * ref->fired[0]);
	return row;
}

static void add_row(struct deltahop_profile_row *sum, const struct deltahop_profile_row *row)
{
	sum->steps += row->steps;
	sum->cycles += row->cycles;
	sum->bytes_weights += row->bytes_weights;
	sum->bytes_in += row->bytes_in;
	sum->bytes_out += row->bytes_out;
	sum->work_done += row->work_done;
	sum->work_skipped += row->work_skipped;
	sum->fired_x += row->fired_x;
	sum->fired_h += row->fired_h;
}

/* Run the references over the steps: outputs, rows, sums. */
static void expect_steps(struct trial *trial, int16_t out[][REF_MAX],
			 struct deltahop_profile_row rows[][MAX_LAYERS])
{
	const struct ref_layer *first = &trial->ref[0], *last = &trial->ref[trial->layers - 1];
	struct sums *sums = &trial->sums;

	for (unsigned int t = 0; t < trial->steps; t++) {
		memcpy(out[t], trial->in[t], sizeof(out[t]));
		for (unsigned int l = 0; l < trial->layers; l++) {
			ref_step(&trial->ref[l], out[t], out[t]);
			rows[t][l] = expect_layer(trial, l, t);
			sums->step_cycles += rows[t][l].cycles;
			sums->weights += rows[t][l].bytes_weights;
			sums->done += rows[t][l].work_done;
			sums->skipped += rows[t][l].work_skipped;
		}
		rows[t][0].bytes_in = 2 * first->inputs;
		if (!trial->last_only || t + 1 == trial->steps)
			rows[t][trial->layers - 1].bytes_out = 2 * last->hidden;
		sums->in += rows[t][0].bytes_in;
		sums->out += rows[t][trial->layers - 1].bytes_out;
		sums->cycles +=
			transfer(trial, trial->input.card, rows[t][0].bytes_in) +
			transfer(trial, trial->output.card, rows[t][trial->layers - 1].bytes_out);
	}
	sums->cycles += sums->step_cycles;
}

static void expect_rest(struct trial *trial, uint32_t command_bytes)
{
	uint64_t rows = trial->layers * (trial->profile_steps ? trial->steps : 1),
		 entry = 64 + 32 * trial->rig->regions;
	struct sums *sums = &trial->sums;

	sums->commands = entry + command_bytes + 88 + 64 * rows + 64;
	sums->cycles += transfer(trial, false, entry) +
			transfer(trial, trial->commands.card, command_bytes) + trial->layers + 2 +
			transfer(trial, trial->param_buffer.card, 88) +
			transfer(trial, trial->profile.card, 64 * rows) +
			transfer(trial, trial->profile.card, 64);
}

/* ---- compare ---- */

static void compare_outputs(struct trial *trial, int16_t out[][REF_MAX])
{
	unsigned int hidden = trial->ref[trial->layers - 1].hidden;
	int16_t got[REF_MAX];

	for (unsigned int t = trial->last_only ? trial->steps - 1 : 0; t < trial->steps; t++) {
		uint64_t way = trial->last_only ? 0 : (uint64_t)t * trial->params.output_stride;

		rig_peek(trial->rig, &trial->output, trial->output_offset + way, got, 2 * hidden);
		ck_assert_mem_eq(got, out[t], 2 * hidden);
	}
}

static void compare_row(struct trial *trial, unsigned int number,
			const struct deltahop_profile_row *want)
{
	struct deltahop_profile_row got;

	rig_peek(trial->rig, &trial->profile, 64 + 64 * number, &got, sizeof(got));
	ck_assert_uint_eq(got.cmd_offset, 40 * trial->layers);
	got.cmd_offset = 0;
	ck_assert_uint_eq(got.cycles, want->cycles);
	ck_assert_mem_eq(&got, want, sizeof(got));
}

static void compare_rows(struct trial *trial, struct deltahop_profile_row rows[][MAX_LAYERS])
{
	struct deltahop_profile_head head;

	rig_peek(trial->rig, &trial->profile, 0, &head, sizeof(head));
	ck_assert_uint_eq(head.rows, trial->layers * (trial->profile_steps ? trial->steps : 1));
	ck_assert_uint_eq(head.lost, 0);
	for (unsigned int t = 0; t < trial->steps; t++) {
		for (unsigned int l = 0; l < trial->layers; l++) {
			if (trial->profile_steps)
				compare_row(trial, t * trial->layers + l, &rows[t][l]);
			else if (t)
				add_row(&rows[0][l], &rows[t][l]);
		}
	}
	for (unsigned int l = 0; l < trial->layers && !trial->profile_steps; l++)
		compare_row(trial, l, &rows[0][l]);
}

static void compare_record(struct trial *trial, const struct deltahop_record *record,
			   const struct deltahop_record *load)
{
	const struct dh_config *config = &trial->rig->config;
	const struct sums *sums = &trial->sums;
	uint64_t bytes = sums->weights + sums->in + sums->out + sums->commands, ns;

	assert_ok(*record);
	ns = (sums->cycles * 1000000000ULL + config->clock_hz - 1) / config->clock_hz;
	ck_assert_uint_eq(record->end_ns - record->start_ns, ns);
	ck_assert_uint_eq(record->cycles, sums->cycles + load->cycles);
	ck_assert_uint_eq(record->step_cycles, sums->step_cycles);
	ck_assert_uint_eq(record->bytes_weights, sums->weights);
	ck_assert_uint_eq(record->bytes_in, sums->in);
	ck_assert_uint_eq(record->bytes_out, sums->out);
	ck_assert_uint_eq(record->bytes_state, load->bytes_state);
	ck_assert_uint_eq(record->bytes_commands, sums->commands + load->bytes_commands);
	ck_assert_uint_eq(record->work_done, sums->done);
	ck_assert_uint_eq(record->work_skipped, sums->skipped);
	bytes += load->bytes_state + load->bytes_commands;
	ck_assert_uint_eq(
		record->energy_pj,
		(bytes * config->energy_dram_fj_byte + sums->done * config->energy_mac_fj) / 1000);
	ck_assert_uint_eq(record->cmd_offset, 40 * trial->layers + 48);
}

/* @load: record of a state entry before the job, or zeros */
static void run_job(struct trial *trial, const struct deltahop_record *load)
{
	static int16_t out[MAX_STEPS][REF_MAX];
	static struct deltahop_profile_row rows[MAX_STEPS][MAX_LAYERS];
	struct deltahop_record record;
	struct deltahop_entry entry;
	uint32_t bytes;

	random_params(trial);
	random_input(trial);
	memset(&trial->sums, 0, sizeof(trial->sums));
	bytes = write_job(trial);
	entry = rig_entry(trial->rig, DELTAHOP_ENTRY_JOB);
	entry.cmd_region = trial->commands.region;
	entry.cmd_offset = 16;
	entry.size = bytes;
	entry.profile_region = trial->profile.region;
	record = rig_do(trial->rig, &entry);
	expect_steps(trial, out, rows);
	expect_rest(trial, bytes);
	compare_record(trial, &record, load);
	compare_outputs(trial, out);
	compare_rows(trial, rows);
}

static void expect16(struct trial *trial, uint64_t *at, long long want)
{
	int16_t got;

	rig_peek(trial->rig, &trial->image, *at, &got, sizeof(got));
	ck_assert_int_eq(got, want);
	*at += sizeof(got);
}

static void expect32(struct trial *trial, uint64_t *at, long long want)
{
	int32_t got;

	rig_peek(trial->rig, &trial->image, *at, &got, sizeof(got));
	ck_assert_int_eq(got, want);
	*at += sizeof(got);
}

static void compare_state(struct trial *trial)
{
	struct deltahop_entry entry = rig_entry(trial->rig, DELTAHOP_ENTRY_STATE_SAVE);

	entry.size = trial->state_bytes;
	assert_ok(rig_do(trial->rig, &entry));
	for (unsigned int l = 0; l < trial->layers; l++) {
		const struct ref_layer *ref = &trial->ref[l];
		uint64_t at = trial->layer[l].state_offset;

		expect32(trial, &at, ref->bias_sent);
		expect32(trial, &at, 0);
		for (int i = 0; i < (ref->inputs + 7) / 8 * 8; i++)
			expect16(trial, &at, ref->x_mem[i]);
		for (int j = 0; j < ref->hidden && ref_h_bytes(ref); j++)
			expect16(trial, &at, ref->h_mem[j]);
		for (int j = 0; j < ref->hidden && ref_h_bytes(ref); j++)
			expect16(trial, &at, ref->h[j]);
		for (int j = 0; j < ref->hidden && ref_has_third(ref->cell); j++)
			expect16(trial, &at, ref->third[j]);
		for (int m = 0; m < ref_accumulators(ref->cell); m++) {
			for (int j = 0; j < ref->hidden; j++)
				expect32(trial, &at, ref->m[m][j]);
		}
	}
}

static void run_trial(uint64_t seed)
{
	struct trial trial = { .random = { seed } };
	struct deltahop_record load;

	random_device(&trial);
	rig_region(trial.rig, 0, 0, 0);
	random_network(&trial);
	load_state(&trial);
	load = rig_record(trial.rig, 0);
	run_job(&trial, &load);
	run_job(&trial, &(struct deltahop_record){ 0 });
	compare_state(&trial);
	ck_assert_uint_eq(trial.rig->stray, 0);
	ck_assert_uint_eq(dh_model_next_event(trial.rig->model), DH_NEVER);
	rig_destroy(trial.rig);
	for (unsigned int l = 0; l < trial.layers; l++)
		free(trial.weight_bytes[l]);
	free(trial.ref);
}

START_TEST(equals_references)
{
	for (int i = 0; i < NETWORKS / LOOPS; i++)
		run_trial(_i * 1000 + i + 1);
}
END_TEST

TCase *model_random_case(void)
{
	TCase *tcase = tcase_create("random networks");

	tcase_add_loop_test(tcase, equals_references, 0, LOOPS);
	return tcase;
}
