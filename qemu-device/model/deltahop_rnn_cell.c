// SPDX-License-Identifier: MIT
/* Cells of the recurrent engine: from accumulators to outputs. Bit exact. */
#include <math.h>

#include "deltahop_rnn.h"

#define TABLE_HALF 1024 /* both activation functions are constant beyond */

/* v / 2^n, to nearest, ties to even. */
static inline int32_t rne(int32_t v, unsigned int n)
{
	return n ? (v + (1 << (n - 1)) - 1 + (v >> n & 1)) >> n : v;
}

/* The low 24 bits as a signed number. */
static inline int32_t cut24(uint32_t v)
{
	return (int32_t)(v << 8) >> 8;
}

/* ---- activation tables ---- */

static int16_t round_to_16ths(double value)
{
	return (int16_t)(16 * floor(16 * value + 0.5));
}

void dh_rnn_init(struct dh_rnn *rnn)
{
	for (int p = -TABLE_HALF; p < TABLE_HALF; p++) {
		double v = p / (double)DH_RNN_ONE;

		rnn->sigmoid[p + TABLE_HALF] = round_to_16ths(1 / (1 + exp(-v)));
		rnn->tanh[p + TABLE_HALF] = round_to_16ths(tanh(v));
	}
}

static inline int32_t look_up(const int16_t *table, int32_t p)
{
	p = p < -TABLE_HALF ? -TABLE_HALF : p > TABLE_HALF - 1 ? TABLE_HALF - 1 : p;
	return table[p + TABLE_HALF];
}

/* ---- activate ---- */

static inline int32_t pre_activation(state32 *accu, unsigned int frac)
{
	int32_t v = cut24(*accu);

	*accu = (uint32_t)v;
	return (int16_t)rne(v, frac);
}

/* What the candidate's own product adds, with 16 fraction bits. */
static inline uint32_t widen_candidate(state32 *accu, unsigned int frac)
{
	int32_t v = cut24(*accu);

	*accu = (uint32_t)v;
	return frac <= 8 ? (uint32_t)v << (8 - frac) : (uint32_t)rne(v, frac - 8);
}

static void activate_gru(const struct dh_rnn *rnn, const struct dh_layer *layer,
			 struct dh_block *block, int16_t *y)
{
	state32 *m_r = block->accu, *m_u = m_r + layer->hidden, *m_cx = m_u + layer->hidden,
		*m_ch = m_cx + layer->hidden;
	const uint8_t *frac = layer->weight_frac;

	for (unsigned int j = 0; j < layer->hidden; j++) {
		int32_t r = look_up(rnn->sigmoid, pre_activation(&m_r[j], frac[0]));
		int32_t u = look_up(rnn->sigmoid, pre_activation(&m_u[j], frac[1]));
		int32_t q = pre_activation(&m_ch[j], frac[2]);
		int32_t a = cut24((uint32_t)(r * q) + widen_candidate(&m_cx[j], frac[2]));
		int32_t c = look_up(rnn->tanh, (int16_t)rne(a, 8));

		y[j] = (int16_t)(rne(u * block->h[j], 8) + rne((DH_RNN_ONE - u) * c, 8));
		block->h[j] = y[j];
	}
}

static void activate_dense(const struct dh_rnn *rnn, const struct dh_layer *layer,
			   struct dh_block *block, int16_t *y)
{
	for (unsigned int j = 0; j < layer->hidden; j++) {
		int32_t p = pre_activation(&block->accu[j], layer->weight_frac[0]);

		switch (layer->activation) {
		case DELTAHOP_ACT_RELU:
			y[j] = p > 0 ? p : 0;
			break;
		case DELTAHOP_ACT_SIGMOID:
			y[j] = look_up(rnn->sigmoid, p);
			break;
		case DELTAHOP_ACT_TANH:
			y[j] = look_up(rnn->tanh, p);
			break;
		default:
			y[j] = p;
		}
	}
}

void dh_rnn_activate(const struct dh_rnn *rnn, const struct dh_layer *layer, struct dh_block *block,
		     int16_t *y)
{
	if (layer->cell == DELTAHOP_CELL_GRU)
		activate_gru(rnn, layer, block, y);
	else
		activate_dense(rnn, layer, block, y);
}
