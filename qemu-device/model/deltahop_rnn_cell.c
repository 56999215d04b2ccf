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

/* ---- cells beyond the published one: what does not fit saturates ---- */

static inline int32_t saturate(int64_t v)
{
	return v < INT16_MIN ? INT16_MIN : v > INT16_MAX ? INT16_MAX : (int32_t)v;
}

static inline int32_t saturated(state32 *accu, unsigned int frac)
{
	int32_t v = cut24(*accu);

	*accu = (uint32_t)v;
	return saturate(rne(v, frac));
}

static inline int32_t relu(int32_t p)
{
	return p > 0 ? p : 0;
}

static inline int32_t candidate(const struct dh_rnn *rnn, const struct dh_layer *layer, int32_t p)
{
	return layer->activation == DELTAHOP_ACT_RELU ? relu(p) : look_up(rnn->tanh, p);
}

/* Between h and c, so it fits. */
static inline int32_t blend(int32_t u, int32_t h, int32_t c)
{
	return rne(u * h + (DH_RNN_ONE - u) * c, 8);
}

/* The sum that goes to ReLU, with 16 fraction bits, is not cut to 24 bits. */
static inline int32_t rectified_sum(int32_t r, int32_t q, state32 *m_cx, unsigned int frac)
{
	int32_t v = cut24(*m_cx);
	int64_t x = frac <= 8 ? (int64_t)v * (1 << (8 - frac)) : rne(v, frac - 8);
	int64_t a = r * q + x;

	*m_cx = (uint32_t)v;
	return relu(saturate((a + 127 + (a >> 8 & 1)) >> 8));
}

static void activate_gru_relu(const struct dh_rnn *rnn, const struct dh_layer *layer,
			      struct dh_block *block, int16_t *y)
{
	state32 *m_r = block->accu, *m_u = m_r + layer->hidden, *m_cx = m_u + layer->hidden,
		*m_ch = m_cx + layer->hidden;
	const uint8_t *frac = layer->weight_frac;

	for (unsigned int j = 0; j < layer->hidden; j++) {
		int32_t r = look_up(rnn->sigmoid, saturated(&m_r[j], frac[0]));
		int32_t u = look_up(rnn->sigmoid, saturated(&m_u[j], frac[1]));
		int32_t q = saturated(&m_ch[j], frac[2]);

		y[j] = blend(u, block->h[j], rectified_sum(r, q, &m_cx[j], frac[2]));
		block->h[j] = y[j];
	}
}

void dh_rnn_reset(const struct dh_rnn *rnn, const struct dh_layer *layer,
		  const struct dh_block *block, int16_t *rh)
{
	for (unsigned int j = 0; j < layer->hidden; j++) {
		int32_t r =
			look_up(rnn->sigmoid, saturated(&block->accu[j], layer->weight_frac[0]));

		rh[j] = rne(r * block->h[j], 8);
	}
}

static void activate_gru_before(const struct dh_rnn *rnn, const struct dh_layer *layer,
				struct dh_block *block, int16_t *y)
{
	state32 *m_u = block->accu + layer->hidden, *m_c = m_u + layer->hidden;
	const uint8_t *frac = layer->weight_frac;

	for (unsigned int j = 0; j < layer->hidden; j++) {
		int32_t u = look_up(rnn->sigmoid, saturated(&m_u[j], frac[1]));
		int32_t c = candidate(rnn, layer, saturated(&m_c[j], frac[2]));

		y[j] = blend(u, block->h[j], c);
		block->h[j] = y[j];
	}
}

static void activate_lstm(const struct dh_rnn *rnn, const struct dh_layer *layer,
			  struct dh_block *block, int16_t *y)
{
	state32 *m_i = block->accu, *m_f = m_i + layer->hidden, *m_g = m_f + layer->hidden,
		*m_o = m_g + layer->hidden;
	const uint8_t *frac = layer->weight_frac;

	for (unsigned int j = 0; j < layer->hidden; j++) {
		int32_t i = look_up(rnn->sigmoid, saturated(&m_i[j], frac[0]));
		int32_t f = look_up(rnn->sigmoid, saturated(&m_f[j], frac[1]));
		int32_t g = candidate(rnn, layer, saturated(&m_g[j], frac[2]));
		int32_t o = look_up(rnn->sigmoid, saturated(&m_o[j], frac[3]));
		int32_t c = saturate(rne(f * block->c[j] + i * g, 8));

		block->c[j] = c;
		y[j] = rne(o * (layer->output_relu ? relu(c) : look_up(rnn->tanh, c)), 8);
		block->h[j] = y[j];
	}
}

/* ---- layers of one gate ---- */

static inline int32_t output(const struct dh_rnn *rnn, const struct dh_layer *layer, int32_t p)
{
	switch (layer->activation) {
	case DELTAHOP_ACT_RELU:
		return relu(p);
	case DELTAHOP_ACT_SIGMOID:
		return look_up(rnn->sigmoid, p);
	case DELTAHOP_ACT_TANH:
		return look_up(rnn->tanh, p);
	default:
		return p;
	}
}

static void activate_simple(const struct dh_rnn *rnn, const struct dh_layer *layer,
			    struct dh_block *block, int16_t *y)
{
	for (unsigned int j = 0; j < layer->hidden; j++) {
		y[j] = output(rnn, layer, saturated(&block->accu[j], layer->weight_frac[0]));
		block->h[j] = y[j];
	}
}

static void activate_dense(const struct dh_rnn *rnn, const struct dh_layer *layer,
			   struct dh_block *block, int16_t *y)
{
	for (unsigned int j = 0; j < layer->hidden; j++)
		y[j] = output(rnn, layer, pre_activation(&block->accu[j], layer->weight_frac[0]));
}

void dh_rnn_activate(const struct dh_rnn *rnn, const struct dh_layer *layer, struct dh_block *block,
		     int16_t *y)
{
	switch (layer->cell) {
	case DELTAHOP_CELL_GRU:
		if (layer->activation == DELTAHOP_ACT_RELU)
			activate_gru_relu(rnn, layer, block, y);
		else
			activate_gru(rnn, layer, block, y);
		break;
	case DELTAHOP_CELL_GRU_BEFORE:
		activate_gru_before(rnn, layer, block, y);
		break;
	case DELTAHOP_CELL_LSTM:
		activate_lstm(rnn, layer, block, y);
		break;
	case DELTAHOP_CELL_SIMPLE:
		activate_simple(rnn, layer, block, y);
		break;
	default:
		activate_dense(rnn, layer, block, y);
	}
}
