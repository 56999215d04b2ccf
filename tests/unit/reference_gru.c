// SPDX-License-Identifier: MIT
/*
 * The recurrent engine's arithmetic from the manual, sentence by sentence, in wide numbers cut
 * where the text says so.
 */
#include <math.h>
#include <string.h>

#include "reference_gru.h"
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

int ref_column_bytes(const struct ref_layer *layer)
{
	return layer->dense ? layer->hidden : 3 * layer->hidden;
}

static bool fires(long long delta, int theta)
{
	long long threshold = ref_cut(theta, 10);

	return delta != 0 && (delta >= threshold || delta <= -threshold);
}

/* @target: which accumulator takes the rows of gate c */
static void add(struct ref_layer *layer, int column, long long delta, int target)
{
	const int8_t *w = layer->weights + (long long)column * ref_column_bytes(layer);
	int gates = layer->dense ? 1 : 3;

	for (int gate = 0; gate < gates; gate++) {
		long long *m = layer->m[gate == 2 ? target : gate];

		for (int j = 0; j < layer->hidden; j++)
			m[j] = ref_cut(m[j] + delta * w[gate * layer->hidden + j], 24);
	}
}

static void examine_bias(struct ref_layer *layer)
{
	layer->bias_examined = layer->has_bias && !layer->bias_sent;
	if (!layer->bias_examined)
		return;
	layer->bias_sent = true;
	if (!fires(256, layer->theta_x))
		return;
	layer->fired[0] = 1;
	add(layer, 0, 256, 2);
}

static void examine(struct ref_layer *layer, int count, const long long *value, long long *memory,
		    int theta, int column, int mark, int target)
{
	for (int i = 0; i < count; i++) {
		long long delta = ref_cut(value[i] - memory[i], 16);

		if (!fires(delta, theta))
			continue;
		memory[i] = value[i];
		layer->fired[mark + i] = 1;
		add(layer, column + i, delta, target);
	}
}

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

void ref_step(struct ref_layer *layer, const int16_t *x, int16_t *y)
{
	int padded = (layer->inputs + 7) / 8 * 8;
	long long wide[REF_MAX];

	memset(layer->fired, 0, sizeof(layer->fired));
	examine_bias(layer);
	for (int i = 0; i < layer->inputs; i++)
		wide[i] = x[i];
	examine(layer, layer->inputs, wide, layer->x_mem, layer->theta_x, layer->has_bias, 1, 2);
	if (!layer->dense)
		examine(layer, layer->hidden, layer->h, layer->h_mem, layer->theta_h,
			layer->has_bias + layer->inputs, 1 + padded, 3);
	for (int j = 0; j < layer->hidden; j++) {
		long long out = layer->dense ? dense_unit(layer, j) : gru_unit(layer, j);

		layer->h[j] = out;
		y[j] = (int16_t)out;
	}
}
