// SPDX-License-Identifier: MIT
/* Runs a program's layers in the device's integer arithmetic. */
#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/int_run.h"

#define WRAP 8388608.0 /* 2^23 */

static bool is_gru(const struct dh_layer *layer)
{
	return layer->cell == DELTAHOP_CELL_GRU;
}

static size_t sum_count(const struct dh_layer *layer)
{
	return (is_gru(layer) ? 4 : 1) * (size_t)layer->hidden;
}

static bool create_layer(struct dh_int_run *run, const struct dh_layer *layer,
			 struct dh_int_layer *state)
{
	state->x_mem = dh_arena_alloc(&run->arena, layer->inputs, sizeof(int16_t));
	state->h_mem = dh_arena_alloc(&run->arena, layer->hidden, sizeof(int16_t));
	state->h = dh_arena_alloc(&run->arena, layer->hidden, sizeof(int16_t));
	state->sums = dh_arena_alloc(&run->arena, sum_count(layer), sizeof(int64_t));
	return state->x_mem && state->h_mem && state->h && state->sums;
}

struct dh_int_run *dh_int_run_create(const struct dh_program *program)
{
	struct dh_int_run *run = calloc(1, sizeof(*run));
	bool ok = run;

	if (run) {
		run->program = program;
		run->arena.limit = SIZE_MAX;
	}
	for (uint32_t i = 0; ok && i < program->layer_count; i++)
		ok = create_layer(run, &program->layers[i].layer, &run->layers[i]);
	if (!ok) {
		dh_int_run_free(run);
		return NULL;
	}
	dh_int_run_reset(run);
	return run;
}

void dh_int_run_free(struct dh_int_run *run)
{
	if (run)
		dh_arena_free(&run->arena);
	free(run);
}

static const uint8_t *get_int16s(const uint8_t *from, int16_t *to, size_t count)
{
	for (size_t i = 0; i < count; i++, from += 2)
		to[i] = (int16_t)(from[0] | from[1] << 8);
	return from;
}

/* The layer's block of the state image, see drm/deltahop_isa.h. */
static void load_state(const struct dh_layer *layer, struct dh_int_layer *state,
		       const uint8_t *image)
{
	const uint8_t *at = image + layer->state_offset;

	state->bias_sent = at[0] & DELTAHOP_STATE_BIAS_SENT;
	get_int16s(at + 8, state->x_mem, layer->inputs);
	at += 8 + 2 * ((layer->inputs + 7u) / 8 * 8);
	if (is_gru(layer)) {
		at = get_int16s(at, state->h_mem, layer->hidden);
		at = get_int16s(at, state->h, layer->hidden);
	}
	for (size_t i = 0; i < sum_count(layer); i++, at += 4) {
		uint32_t raw = at[0] | at[1] << 8 | at[2] << 16;

		state->sums[i] = (int32_t)(raw << 8) >> 8;
	}
}

void dh_int_run_reset(struct dh_int_run *run)
{
	for (uint32_t i = 0; i < run->program->layer_count; i++) {
		const struct dh_layer *layer = &run->program->layers[i].layer;
		struct dh_int_layer *state = &run->layers[i];

		memset(state->x_mem, 0, layer->inputs * sizeof(int16_t));
		memset(state->h_mem, 0, layer->hidden * sizeof(int16_t));
		memset(state->h, 0, layer->hidden * sizeof(int16_t));
		memset(state->sums, 0, sum_count(layer) * sizeof(int64_t));
		state->bias_sent = false;
		if (run->program->state_template.size)
			load_state(layer, state, run->program->state_template.data);
	}
}

/* --- arithmetic --- */

static int64_t cut24(int64_t value)
{
	return (int32_t)((uint32_t)value << 8) >> 8;
}

static int64_t rne(int64_t value, unsigned int bits)
{
	return bits ? (value + (1LL << (bits - 1)) - 1 + (value >> bits & 1)) >> bits : value;
}

static int32_t sigmoid_of(int16_t p)
{
	return 16 * (int32_t)floor(16 / (1 + exp(-p / 256.0)) + 0.5);
}

static int32_t tanh_of(int16_t p)
{
	return 16 * (int32_t)floor(16 * tanh(p / 256.0) + 0.5);
}

static bool fires(int16_t delta, int16_t theta)
{
	return delta && (delta >= theta || delta <= -theta);
}

static void add_rows(int64_t *sums, const int8_t *column, int32_t delta, size_t rows)
{
	for (size_t i = 0; i < rows; i++)
		sums[i] += delta * column[i];
}

/*
 * One column into r, u and one of the two sums of the candidate; or into the one sum of a dense
 * layer.
 */
static void add_column(const struct dh_layer *layer, struct dh_int_layer *state,
		       const int8_t *column, int32_t delta, bool recurrent)
{
	size_t h = layer->hidden;

	if (!is_gru(layer)) {
		add_rows(state->sums, column, delta, h);
		return;
	}
	add_rows(state->sums, column, delta, 2 * h);
	add_rows(state->sums + (recurrent ? 3 : 2) * h, column + 2 * h, delta, h);
}

static void send(const struct dh_layer *layer, struct dh_int_layer *state, const int8_t *columns,
		 const int16_t *values, int16_t *memory, size_t count, int16_t theta,
		 bool recurrent)
{
	for (size_t i = 0; i < count; i++) {
		int16_t delta = (int16_t)(values[i] - memory[i]);

		if (!fires(delta, theta))
			continue;
		memory[i] = values[i];
		add_column(layer, state, columns + i * dh_layer_column_bytes(layer), delta,
			   recurrent);
	}
}

static void take_max(struct dh_int_layer *state, double value, double wrap)
{
	double size = fabs(value) / wrap;

	if (size > state->sum_max)
		state->sum_max = size;
}

/* How full accumulators and pre-activations are. */
static void measure(const struct dh_layer *layer, struct dh_int_layer *state)
{
	static const uint8_t gates[] = { 0, 1, 2, 2 };

	for (size_t i = 0; i < sum_count(layer); i++) {
		size_t kind = i / layer->hidden;
		uint8_t n = layer->weight_frac[gates[kind]];

		take_max(state, state->sums[i], WRAP);
		if (n < 8 && (!is_gru(layer) || kind != 2))
			take_max(state, state->sums[i], ldexp(32768, n));
	}
}

static void activate_gru(const struct dh_layer *layer, struct dh_int_layer *state)
{
	const uint8_t *n = layer->weight_frac;
	size_t h = layer->hidden;

	for (size_t j = 0; j < h; j++) {
		int32_t r = sigmoid_of((int16_t)rne(cut24(state->sums[j]), n[0]));
		int32_t u = sigmoid_of((int16_t)rne(cut24(state->sums[h + j]), n[1]));
		int64_t cx = cut24(state->sums[2 * h + j]);
		int64_t q = (int16_t)rne(cut24(state->sums[3 * h + j]), n[2]);
		int64_t x = n[2] <= 8 ? cx * (1 << (8 - n[2])) : rne(cx, n[2] - 8);
		int32_t c = tanh_of((int16_t)rne(cut24(r * q + x), 8));

		take_max(state, r * q + x, WRAP);
		state->h[j] = (int16_t)(rne(u * state->h[j], 8) + rne((256 - u) * c, 8));
	}
}

static void activate_dense(const struct dh_layer *layer, struct dh_int_layer *state)
{
	for (size_t j = 0; j < layer->hidden; j++) {
		int16_t y = (int16_t)rne(cut24(state->sums[j]), layer->weight_frac[0]);

		if (layer->activation == DELTAHOP_ACT_RELU && y < 0)
			y = 0;
		else if (layer->activation == DELTAHOP_ACT_SIGMOID)
			y = sigmoid_of(y);
		else if (layer->activation == DELTAHOP_ACT_TANH)
			y = tanh_of(y);
		state->h[j] = y;
	}
}

static void step_layer(const struct dh_program *program, const struct dh_program_layer *source,
		       struct dh_int_layer *state, const int16_t *x)
{
	const struct dh_layer *layer = &source->layer;
	const int8_t *columns = (const int8_t *)program->weights.data + layer->weight_offset;

	if (!layer->no_bias) {
		if (!state->bias_sent && fires(256, source->theta_x))
			add_column(layer, state, columns, 256, false);
		state->bias_sent = true;
		columns += dh_layer_column_bytes(layer);
	}
	send(layer, state, columns, x, state->x_mem, layer->inputs, source->theta_x, false);
	if (is_gru(layer))
		send(layer, state, columns + layer->inputs * dh_layer_column_bytes(layer), state->h,
		     state->h_mem, layer->hidden, source->theta_h, true);
	measure(layer, state);
	if (is_gru(layer))
		activate_gru(layer, state);
	else
		activate_dense(layer, state);
}

static void run_layers(struct dh_int_run *run, enum dh_run_steps steps, const int16_t *x)
{
	const struct dh_program *program = run->program;

	for (uint32_t i = 0; i < program->layer_count; i++) {
		if (x && program->runs[program->layers[i].run].steps == steps)
			step_layer(program, &program->layers[i], &run->layers[i], x);
		x = run->layers[i].h;
	}
}

void dh_int_run_step(struct dh_int_run *run, const int16_t *input)
{
	run_layers(run, DH_STEPS_SEQUENCE, input);
}

void dh_int_run_finish(struct dh_int_run *run)
{
	run_layers(run, DH_STEPS_ONCE, NULL);
}

const int16_t *dh_int_run_output(const struct dh_int_run *run)
{
	return run->layers[run->program->layer_count - 1].h;
}
