// SPDX-License-Identifier: MIT
/*
 * The recurrent engine's arithmetic from the manual, sentence by sentence, in wide numbers cut
 * where the text says so.
 */
#include <math.h>
#include <string.h>

#include "reference_rnn.h"
#include "reference_number.h"

/* v / 2^n to nearest, ties to even: by looking at the remainder. */
static long long nearest(long long v, int n)
{
	long long unit = 1LL << n, down = ref_down(v, n), rest = v - down * unit;

	if (2 * rest > unit || (2 * rest == unit && down % 2))
		down++;
	return down;
}

static long long sigma16(long long p)
{
	return 16 * (long long)floorl(16 / (1 + expl(-p / 256.0L)) + 0.5L);
}

static long long tanh16(long long p)
{
	return 16 * (long long)floorl(16 * tanhl(p / 256.0L) + 0.5L);
}

/* ---- the tables of the manual ---- */

int ref_x_bytes(const struct ref_layer *layer)
{
	switch (layer->cell) {
	case REF_GRU:
	case REF_GRU_BEFORE:
		return 3 * layer->hidden;
	case REF_LSTM:
		return 4 * layer->hidden;
	default:
		return layer->hidden;
	}
}

int ref_h_bytes(const struct ref_layer *layer)
{
	if (layer->cell == REF_DENSE)
		return 0;
	return layer->cell == REF_GRU_BEFORE ? 2 * layer->hidden : ref_x_bytes(layer);
}

int ref_rh_bytes(const struct ref_layer *layer)
{
	return layer->cell == REF_GRU_BEFORE ? layer->hidden : 0;
}

int ref_weight_bytes(const struct ref_layer *layer)
{
	return (layer->has_bias + layer->inputs) * ref_x_bytes(layer) +
	       layer->hidden * (ref_h_bytes(layer) + ref_rh_bytes(layer));
}

int ref_accumulators(enum ref_cell cell)
{
	return cell == REF_GRU || cell == REF_LSTM ? 4 : cell == REF_GRU_BEFORE ? 3 : 1;
}

bool ref_has_third(enum ref_cell cell)
{
	return cell == REF_GRU_BEFORE || cell == REF_LSTM;
}

int ref_state_bytes(const struct ref_layer *layer)
{
	static const int per_unit[REF_CELLS] = { 20, 4, 18, 22, 8 };

	return 8 + 2 * ((layer->inputs + 7) / 8 * 8) + per_unit[layer->cell] * layer->hidden;
}

/* ---- what fires, and what it adds ---- */

static bool fires(long long delta, int theta)
{
	long long threshold = ref_cut(theta, 10);

	return delta != 0 && (delta >= threshold || delta <= -threshold);
}

/* A column of @bytes at @w: its blocks of rows go to the accumulators @target, in order. */
static void add(struct ref_layer *layer, const int8_t *w, int bytes, long long delta,
		const int *target)
{
	for (int row = 0; row < bytes; row++) {
		long long *m = &layer->m[target[row / layer->hidden]][row % layer->hidden];

		*m = ref_cut(*m + delta * w[row], 24);
	}
}

static const int all_gates[] = { 0, 1, 2, 3 }, gru_h[] = { 0, 1, 3 }, only_c[] = { 2 };

static void examine_bias(struct ref_layer *layer)
{
	layer->bias_examined = layer->has_bias && !layer->bias_sent;
	if (!layer->bias_examined)
		return;
	layer->bias_sent = true;
	if (!fires(256, layer->theta_x))
		return;
	layer->fired[0] = 1;
	add(layer, layer->weights, ref_x_bytes(layer), 256, all_gates);
}

/* A vector whose columns of @bytes begin at @w; @mark: where @fired begins. */
static void examine(struct ref_layer *layer, int count, const long long *value, long long *memory,
		    int theta, const int8_t *w, int bytes, int mark, const int *target)
{
	for (int i = 0; i < count; i++) {
		long long delta = ref_cut(value[i] - memory[i], 16);

		if (!fires(delta, theta))
			continue;
		memory[i] = value[i];
		layer->fired[mark + i] = 1;
		add(layer, w + (long long)i * bytes, bytes, delta, target);
	}
}

/* ---- the published cell, and dense layers ---- */

static long long gru_unit(struct ref_layer *layer, int j)
{
	long long r = sigma16(ref_cut(nearest(layer->m[0][j], layer->frac[0]), 16));
	long long u = sigma16(ref_cut(nearest(layer->m[1][j], layer->frac[1]), 16));
	long long q = ref_cut(nearest(layer->m[3][j], layer->frac[2]), 16);
	long long x, a, c;

	/* M_cx has 8 + n fraction bits, the sum has 16. */
	if (layer->frac[2] <= 8)
		x = layer->m[2][j] * (1LL << (8 - layer->frac[2]));
	else
		x = nearest(layer->m[2][j], layer->frac[2] - 8);
	a = ref_cut(r * q + x, 24);
	c = tanh16(ref_cut(nearest(a, 8), 16));
	return ref_cut(ref_cut(nearest(u * layer->h[j], 8), 16) +
			       ref_cut(nearest((256 - u) * c, 8), 16),
		       16);
}

static long long dense_unit(struct ref_layer *layer, int j)
{
	long long p = ref_cut(nearest(layer->m[0][j], layer->frac[0]), 16);

	switch (layer->activation) {
	case 1:
		return p > 0 ? p : 0;
	case 2:
		return sigma16(p);
	case 3:
		return tanh16(p);
	}
	return p;
}

/* ---- other cells ---- */

static long long sat(long long v)
{
	return v < -32768 ? -32768 : v > 32767 ? 32767 : v;
}

static long long p_of(const struct ref_layer *layer, int gate, int m, int j)
{
	return sat(nearest(layer->m[m][j], layer->frac[gate]));
}

static long long rectified(long long v)
{
	return v > 0 ? v : 0;
}

static long long simple_unit(struct ref_layer *layer, int j)
{
	long long p = p_of(layer, 0, 0, j);

	switch (layer->activation) {
	case 1:
		return rectified(p);
	case 2:
		return sigma16(p);
	case 3:
		return tanh16(p);
	}
	return p;
}

static long long lstm_unit(struct ref_layer *layer, int j)
{
	long long i = sigma16(p_of(layer, 0, 0, j)), f = sigma16(p_of(layer, 1, 1, j));
	long long g = p_of(layer, 2, 2, j), o = sigma16(p_of(layer, 3, 3, j)), c;

	g = layer->activation ? rectified(g) : tanh16(g);
	c = sat(nearest(f * layer->third[j] + i * g, 8));
	layer->third[j] = c;
	return nearest(o * (layer->output_relu ? rectified(c) : tanh16(c)), 8);
}

static long long between(long long u, long long h, long long c)
{
	return nearest(u * h + (256 - u) * c, 8);
}

static long long gru_relu_unit(struct ref_layer *layer, int j)
{
	long long r = sigma16(p_of(layer, 0, 0, j)), u = sigma16(p_of(layer, 1, 1, j));
	long long q = p_of(layer, 2, 3, j), x;
	int n = layer->frac[2];

	x = n <= 8 ? layer->m[2][j] * (1LL << (8 - n)) : nearest(layer->m[2][j], n - 8);
	return between(u, layer->h[j], rectified(sat(nearest(r * q + x, 8))));
}

static long long gru_before_unit(struct ref_layer *layer, int j)
{
	long long u = sigma16(p_of(layer, 1, 1, j)), c = p_of(layer, 2, 2, j);

	return between(u, layer->h[j], layer->activation ? rectified(c) : tanh16(c));
}

static void examine_rh(struct ref_layer *layer, const int8_t *w, int mark)
{
	long long rh[REF_MAX];

	for (int j = 0; j < layer->hidden; j++)
		rh[j] = nearest(sigma16(p_of(layer, 0, 0, j)) * layer->h[j], 8);
	examine(layer, layer->hidden, rh, layer->third, layer->theta_h, w, ref_rh_bytes(layer),
		mark, only_c);
}

/* ---- a step ---- */

static long long unit(struct ref_layer *layer, int j)
{
	switch (layer->cell) {
	case REF_GRU:
		return layer->activation ? gru_relu_unit(layer, j) : gru_unit(layer, j);
	case REF_GRU_BEFORE:
		return gru_before_unit(layer, j);
	case REF_LSTM:
		return lstm_unit(layer, j);
	case REF_SIMPLE:
		return simple_unit(layer, j);
	default:
		return dense_unit(layer, j);
	}
}

void ref_step(struct ref_layer *layer, const int16_t *x, int16_t *y)
{
	int padded = (layer->inputs + 7) / 8 * 8, h_bytes = ref_h_bytes(layer);
	const int8_t *w_x = layer->weights + layer->has_bias * ref_x_bytes(layer),
		     *w_h = w_x + layer->inputs * ref_x_bytes(layer);
	long long wide[REF_MAX];

	memset(layer->fired, 0, sizeof(layer->fired));
	examine_bias(layer);
	for (int i = 0; i < layer->inputs; i++)
		wide[i] = x[i];
	examine(layer, layer->inputs, wide, layer->x_mem, layer->theta_x, w_x, ref_x_bytes(layer),
		1, all_gates);
	if (h_bytes)
		examine(layer, layer->hidden, layer->h, layer->h_mem, layer->theta_h, w_h, h_bytes,
			1 + padded, layer->cell == REF_GRU ? gru_h : all_gates);
	if (ref_rh_bytes(layer))
		examine_rh(layer, w_h + layer->hidden * h_bytes, 1 + padded + layer->hidden);
	for (int j = 0; j < layer->hidden; j++) {
		layer->h[j] = unit(layer, j);
		y[j] = (int16_t)layer->h[j];
	}
}
