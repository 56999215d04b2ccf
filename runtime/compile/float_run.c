// SPDX-License-Identifier: MIT
/* Runs an imported network in float. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/float_run.h"

static bool is_gru(const struct dh_graph_layer *layer)
{
	return layer->cell == DELTAHOP_CELL_GRU;
}

/* Weights by column, so that the inner loop runs over rows. */
static void fill_columns(const struct dh_graph_layer *layer, float *columns)
{
	size_t h = layer->hidden, i = layer->inputs, rows = (is_gru(layer) ? DH_GATE_COUNT : 1) * h;

	for (size_t row = 0; row < rows; row++) {
		for (size_t k = 0; k < i; k++)
			columns[k * rows + row] = layer->w[row * i + k];
		for (size_t k = 0; is_gru(layer) && k < h; k++)
			columns[(i + k) * rows + row] = layer->r[row * h + k];
	}
}

static bool create_layer(struct dh_float_run *run, const struct dh_graph_layer *layer,
			 struct dh_float_layer *out)
{
	size_t h = layer->hidden, rows = (is_gru(layer) ? DH_GATE_COUNT : 1) * h;

	out->columns = dh_arena_alloc(&run->arena, rows * (layer->inputs + (is_gru(layer) ? h : 0)),
				      sizeof(float));
	out->sums = dh_arena_alloc(&run->arena, DH_BIAS_COUNT * h, sizeof(float));
	out->output = dh_arena_alloc(&run->arena, h, sizeof(float));
	if (!out->columns || !out->sums || !out->output)
		return false;
	fill_columns(layer, out->columns);
	return true;
}

struct dh_float_run *dh_float_run_create(const struct dh_graph *graph)
{
	struct dh_float_run *run = calloc(1, sizeof(*run));
	bool ok = run;

	if (run) {
		run->graph = graph;
		run->arena.limit = SIZE_MAX;
	}
	for (uint32_t i = 0; ok && i < graph->layer_count; i++)
		ok = create_layer(run, &graph->layers[i], &run->layers[i]);
	if (!ok) {
		dh_float_run_free(run);
		return NULL;
	}
	dh_float_run_reset(run);
	return run;
}

void dh_float_run_free(struct dh_float_run *run)
{
	if (run)
		dh_arena_free(&run->arena);
	free(run);
}

void dh_float_run_reset(struct dh_float_run *run)
{
	for (uint32_t i = 0; i < run->graph->layer_count; i++) {
		const struct dh_graph_layer *layer = &run->graph->layers[i];

		if (layer->h0)
			memcpy(run->layers[i].output, layer->h0, layer->hidden * sizeof(float));
		else
			memset(run->layers[i].output, 0, layer->hidden * sizeof(float));
	}
}

static void add_column(float *sums, const float *column, float x, size_t rows)
{
	for (size_t row = 0; row < rows; row++)
		sums[row] += column[row] * x;
}

static double largest(const float *values, size_t count, double so_far)
{
	for (size_t i = 0; i < count; i++) {
		if (fabsf(values[i]) > so_far)
			so_far = fabsf(values[i]);
	}
	return so_far;
}

static float sigmoid(float x)
{
	return 1 / (1 + expf(-x));
}

static void step_gru(const struct dh_graph_layer *layer, struct dh_float_layer *state,
		     const float *x)
{
	size_t h = layer->hidden, i = layer->inputs, rows = DH_GATE_COUNT * h;
	float *sums = state->sums;
	const float *r = sums, *u = sums + h, *cx = sums + 2 * h, *ch = sums + 3 * h;

	memcpy(sums, layer->bias, DH_BIAS_COUNT * h * sizeof(*sums));
	for (size_t k = 0; k < i; k++)
		add_column(sums, state->columns + k * rows, x[k], rows);
	for (size_t k = 0; k < h; k++) {
		const float *column = state->columns + (i + k) * rows;

		add_column(sums, column, state->output[k], 2 * h);
		add_column(sums + 3 * h, column + 2 * h, state->output[k], h);
	}
	for (unsigned int g = 0; g < DH_BIAS_COUNT; g++)
		state->sum_max[g] = largest(sums + g * h, h, state->sum_max[g]);
	for (size_t k = 0; k < h; k++) {
		float update = sigmoid(u[k]);
		float candidate = tanhf(cx[k] + sigmoid(r[k]) * ch[k]);

		state->output[k] = update * state->output[k] + (1 - update) * candidate;
	}
}

static float activate(enum deltahop_activation activation, float y)
{
	switch (activation) {
	case DELTAHOP_ACT_RELU:
		return y > 0 ? y : 0;
	case DELTAHOP_ACT_SIGMOID:
		return sigmoid(y);
	case DELTAHOP_ACT_TANH:
		return tanhf(y);
	default:
		return y;
	}
}

static void step_dense(const struct dh_graph_layer *layer, struct dh_float_layer *state,
		       const float *x)
{
	size_t h = layer->hidden;

	memcpy(state->sums, layer->bias, h * sizeof(*state->sums));
	for (size_t k = 0; k < layer->inputs; k++)
		add_column(state->sums, state->columns + k * h, x[k], h);
	state->sum_max[0] = largest(state->sums, h, state->sum_max[0]);
	for (size_t k = 0; k < h; k++)
		state->output[k] = activate(layer->activation, state->sums[k]);
}

static void run_layers(struct dh_float_run *run, bool per_step, const float *x)
{
	for (uint32_t i = 0; i < run->graph->layer_count; i++) {
		const struct dh_graph_layer *layer = &run->graph->layers[i];
		struct dh_float_layer *state = &run->layers[i];

		if (x && layer->per_step == per_step) {
			if (is_gru(layer))
				step_gru(layer, state, x);
			else
				step_dense(layer, state, x);
			state->output_max =
				largest(state->output, layer->hidden, state->output_max);
		}
		x = state->output;
	}
}

void dh_float_run_step(struct dh_float_run *run, const float *input)
{
	run->input_max = largest(input, run->graph->input.elements, run->input_max);
	run_layers(run, true, input);
}

void dh_float_run_finish(struct dh_float_run *run)
{
	run_layers(run, false, NULL);
}

const float *dh_float_run_output(const struct dh_float_run *run)
{
	return run->layers[run->graph->layer_count - 1].output;
}
