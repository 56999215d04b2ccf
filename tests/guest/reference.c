// SPDX-License-Identifier: MIT
#include <math.h>
#include <string.h>

#include <drm/deltahop_isa.h>

#include "reference.h"

#define ONE 256 /* 1.0 in Q8.8 */

static size_t padded(size_t inputs)
{
	return (inputs + 7) / 8 * 8;
}

static bool is_dense(const struct ref_layer *layer)
{
	return layer->cell == DELTAHOP_CELL_DENSE;
}

static size_t recurrent(const struct ref_layer *layer)
{
	return is_dense(layer) ? 0 : layer->hidden;
}

size_t ref_columns(const struct ref_layer *layer)
{
	return !layer->no_bias + layer->inputs + recurrent(layer);
}

size_t ref_column_bytes(const struct ref_layer *layer)
{
	return is_dense(layer) ? layer->hidden : 3 * layer->hidden;
}

size_t ref_state_bytes(const struct ref_layer *layer)
{
	size_t head = 8 + 2 * padded(layer->inputs), h = layer->hidden;

	return is_dense(layer) ? head + 4 * h : head + 4 * h + 16 * h;
}

/* v / 2^n, to the nearest, ties to even */
static int64_t rne(int64_t v, unsigned int n)
{
	return n ? (v + (1LL << (n - 1)) - 1 + ((v >> n) & 1)) >> n : v;
}

static int32_t wrap24(int64_t v)
{
	return (int32_t)((uint32_t)v << 8) >> 8;
}

static int32_t sigmoid(int16_t p)
{
	return 16 * (int32_t)floor(16 / (1 + exp(-p / 256.0)) + 0.5);
}

static int32_t hyperbolic(int16_t p)
{
	return 16 * (int32_t)floor(16 * tanh(p / 256.0) + 0.5);
}

void ref_load(const struct ref_layer *layer, struct ref_state *memory, const void *block)
{
	const struct deltahop_rnn_state *head = block;
	const uint8_t *at = (const uint8_t *)(head + 1);
	unsigned int g, j;

	memset(memory, 0, sizeof(*memory));
	memory->bias_sent = head->flags & DELTAHOP_STATE_BIAS_SENT;
	memcpy(memory->x_sent, at, 2 * padded(layer->inputs));
	at += 2 * padded(layer->inputs);
	if (!is_dense(layer)) {
		memcpy(memory->h_sent, at, 2 * layer->hidden);
		memcpy(memory->h, at + 2 * layer->hidden, 2 * layer->hidden);
		at += 4 * layer->hidden;
	}
	for (g = 0; g < (is_dense(layer) ? 1 : 4); g++, at += 4 * layer->hidden)
		memcpy(memory->acc[g], at, 4 * layer->hidden);
	for (g = 0; g < 4; g++)
		for (j = 0; j < layer->hidden; j++)
			memory->acc[g][j] = wrap24(memory->acc[g][j]);
}

static int16_t threshold(uint16_t value)
{
	return (int16_t)(value << 6) >> 6;
}

/* A value that fires replaces the one sent last. Returns its delta, or 0. */
static int16_t delta(int16_t value, int16_t *sent, int16_t theta)
{
	int16_t d = value - *sent;

	if (!d || (d < theta && d > -theta))
		return 0;
	*sent = value;
	return d;
}

static void accumulate(const struct ref_layer *layer, struct ref_state *memory, size_t column,
		       int16_t d, bool is_h)
{
	const int8_t *w = layer->weights + column * ref_column_bytes(layer);
	unsigned int gates = is_dense(layer) ? 1 : 3, g, j;

	for (g = 0; g < gates; g++) {
		int32_t *acc = memory->acc[g == 2 && is_h ? 3 : g];

		for (j = 0; j < layer->hidden; j++)
			acc[j] = wrap24((int64_t)acc[j] + d * w[g * layer->hidden + j]);
	}
}

static void activate_gru(const struct ref_layer *layer, struct ref_state *memory)
{
	unsigned int n_c = layer->frac[2], j;

	for (j = 0; j < layer->hidden; j++) {
		int32_t r = sigmoid(rne(memory->acc[0][j], layer->frac[0]));
		int32_t u = sigmoid(rne(memory->acc[1][j], layer->frac[1]));
		int64_t m = memory->acc[2][j];
		int16_t q = rne(memory->acc[3][j], n_c);
		int32_t a = wrap24(r * q + (n_c <= 8 ? m * (1 << (8 - n_c)) : rne(m, n_c - 8)));
		int32_t c = hyperbolic(rne(a, 8));

		memory->h[j] = rne(u * memory->h[j], 8) + rne((ONE - u) * c, 8);
	}
}

static void activate_dense(const struct ref_layer *layer, struct ref_state *memory)
{
	unsigned int j;

	for (j = 0; j < layer->hidden; j++) {
		int16_t p = rne(memory->acc[0][j], layer->frac[0]);

		switch (layer->activation) {
		case DELTAHOP_ACT_RELU:
			p = p > 0 ? p : 0;
			break;
		case DELTAHOP_ACT_SIGMOID:
			p = sigmoid(p);
			break;
		case DELTAHOP_ACT_TANH:
			p = hyperbolic(p);
			break;
		}
		memory->h[j] = p;
	}
}

/* The bias, an input of 1.0, is looked at once in the life of a state. */
static void send_bias(const struct ref_layer *layer, struct ref_state *memory, int16_t theta,
		      struct ref_trace *trace)
{
	int16_t none = 0, d;

	trace->waited = !layer->no_bias && !memory->bias_sent;
	if (!trace->waited)
		return;
	memory->bias_sent = true;
	d = delta(ONE, &none, theta);
	if (!d)
		return;
	trace->bias = trace->fired[0] = 1;
	accumulate(layer, memory, 0, d, false);
}

void ref_step(const struct ref_layer *layer, struct ref_state *memory, uint16_t theta_x,
	      uint16_t theta_h, const int16_t *x, struct ref_trace *trace)
{
	size_t first_x = !layer->no_bias, first_h = first_x + layer->inputs;
	uint8_t *fired_h = trace->fired + 1 + padded(layer->inputs);
	int16_t d;
	size_t i;

	memset(trace, 0, sizeof(*trace));
	send_bias(layer, memory, threshold(theta_x), trace);
	for (i = 0; i < layer->inputs; i++) {
		d = delta(x[i], &memory->x_sent[i], threshold(theta_x));
		if (!d)
			continue;
		trace->x += trace->fired[1 + i] = 1;
		accumulate(layer, memory, first_x + i, d, false);
	}
	for (i = 0; i < recurrent(layer); i++) {
		d = delta(memory->h[i], &memory->h_sent[i], threshold(theta_h));
		if (!d)
			continue;
		trace->h += fired_h[i] = 1;
		accumulate(layer, memory, first_h + i, d, true);
	}
	if (is_dense(layer))
		activate_dense(layer, memory);
	else
		activate_gru(layer, memory);
}
