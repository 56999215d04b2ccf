// SPDX-License-Identifier: MIT
/*
 * Arithmetic of the recurrent engine: which elements fire, what they add, what comes out. Bit
 * exact.
 */
#include <math.h>
#include <string.h>

#if defined(__x86_64__) && !defined(DH_PORTABLE)
#define DH_X86
#include <immintrin.h>
#endif

#include "deltahop_internal.h"

#define ONE	   256	/* 1.0 in Q8.8 */
#define TABLE_HALF 1024 /* both activation functions are constant beyond */
#define BATCH	   4	/* columns added in one pass over the accumulators */

/* The state memory is bytes to the ring and numbers here. */
typedef int16_t __attribute__((may_alias)) state16;
typedef uint32_t __attribute__((may_alias)) state32;

/**
 * struct block - a layer's block of state memory
 * @accu: GRU: M_r, M_u, M_cx, M_ch; dense: M
 */
struct block {
	state32 *flags;
	state16 *x_mem;
	state16 *h_mem;
	state16 *h;
	state32 *accu;
};

static struct block find_block(struct dh_rnn *rnn, const struct dh_layer *layer)
{
	uint8_t *at = rnn->state->image + layer->state_offset;
	struct block block = { .flags = (state32 *)at };

	block.x_mem = (state16 *)(at + sizeof(struct deltahop_rnn_state));
	block.h_mem = block.x_mem + (layer->inputs + 7) / 8 * 8;
	block.h = block.h_mem;
	if (layer->cell == DELTAHOP_CELL_GRU)
		block.h += layer->hidden;
	block.accu =
		(state32 *)(layer->cell == DELTAHOP_CELL_GRU ? block.h + layer->hidden : block.h);
	return block;
}

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
		double v = p / (double)ONE;

		rnn->sigmoid[p + TABLE_HALF] = round_to_16ths(1 / (1 + exp(-v)));
		rnn->tanh[p + TABLE_HALF] = round_to_16ths(tanh(v));
	}
}

static inline int32_t look_up(const int16_t *table, int32_t p)
{
	p = p < -TABLE_HALF ? -TABLE_HALF : p > TABLE_HALF - 1 ? TABLE_HALF - 1 : p;
	return table[p + TABLE_HALF];
}

/* ---- delta rule ---- */

/*
 * Append the elements of a vector that fire, and note them as sent. Without a branch: whether an
 * element fires is as good as random.
 * Return: their number.
 */
static unsigned int scan(const int16_t *value, state16 *sent, unsigned int count, int theta,
			 unsigned int first_column, uint16_t *columns, int16_t *deltas)
{
	unsigned int fired = 0;

	for (unsigned int i = 0; i < count; i++) {
		int16_t delta = (int16_t)(value[i] - sent[i]);
		bool fires = (delta != 0) & ((delta >= theta) | (delta <= -theta));

		columns[fired] = first_column + i;
		deltas[fired] = delta;
		sent[i] = fires ? value[i] : sent[i];
		fired += fires;
	}
	return fired;
}

/*
 * The bias is looked at once in the life of a state, and counts as sent even if the threshold drops
 * it.
 */
static void examine_bias(struct block *block, const struct dh_layer *layer, int theta,
			 struct dh_rnn_result *result)
{
	if (layer->no_bias || *block->flags & DELTAHOP_STATE_BIAS_SENT)
		return;
	*block->flags |= DELTAHOP_STATE_BIAS_SENT;
	result->bias_examined = true;
	result->bias_fired = ONE >= theta || ONE <= -theta;
}

/* ---- accumulate ---- */

/*
 * accu[i] += sum of delta[k] * column[k][i], for @count elements, a multiple of 8. Wraps modulo
 * 2^32, which is right modulo 2^24. The x86 forms multiply the weights of a row in pairs, which
 * compilers do not find by themselves.
 */
typedef void add_function(state32 *restrict accu, const int8_t *const column[BATCH],
			  const int16_t delta[BATCH], size_t count);

#ifdef DH_X86
static inline int32_t pair(const int16_t *delta)
{
	return (int32_t)((uint16_t)delta[0] | (uint32_t)(uint16_t)delta[1] << 16);
}

static inline __m128i load8(const int8_t *bytes)
{
	return _mm_loadl_epi64((const __m128i *)bytes);
}

static void add_sse2(state32 *restrict accu, const int8_t *const column[BATCH],
		     const int16_t delta[BATCH], size_t count)
{
	__m128i d01 = _mm_set1_epi32(pair(delta)), d23 = _mm_set1_epi32(pair(delta + 2)),
		zero = _mm_setzero_si128();

	for (size_t i = 0; i < count; i += 8) {
		__m128i w01 = _mm_unpacklo_epi8(load8(column[0] + i), load8(column[1] + i));
		__m128i w23 = _mm_unpacklo_epi8(load8(column[2] + i), load8(column[3] + i));
		__m128i low = _mm_add_epi32(
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(zero, w01), 8), d01),
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(zero, w23), 8), d23));
		__m128i high = _mm_add_epi32(
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(zero, w01), 8), d01),
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(zero, w23), 8), d23));
		__m128i *at = (__m128i *)(accu + i);

		_mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), low));
		_mm_storeu_si128(at + 1, _mm_add_epi32(_mm_loadu_si128(at + 1), high));
	}
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load16(const int8_t *bytes)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)bytes));
}

AVX2 static void add_avx2(state32 *restrict accu, const int8_t *const column[BATCH],
			  const int16_t delta[BATCH], size_t count)
{
	__m256i d01 = _mm256_set1_epi32(pair(delta)), d23 = _mm256_set1_epi32(pair(delta + 2));
	const int8_t *rest[BATCH];
	size_t i;

	for (i = 0; i + 16 <= count; i += 16) {
		__m256i w0 = load16(column[0] + i), w1 = load16(column[1] + i);
		__m256i w2 = load16(column[2] + i), w3 = load16(column[3] + i);
		/* Elements 0..3 and 8..11, then 4..7 and 12..15. */
		__m256i even =
			_mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(w0, w1), d01),
					 _mm256_madd_epi16(_mm256_unpacklo_epi16(w2, w3), d23));
		__m256i odd =
			_mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(w0, w1), d01),
					 _mm256_madd_epi16(_mm256_unpackhi_epi16(w2, w3), d23));
		__m256i *at = (__m256i *)(accu + i);

		_mm256_storeu_si256(at,
				    _mm256_add_epi32(_mm256_loadu_si256(at),
						     _mm256_permute2x128_si256(even, odd, 0x20)));
		_mm256_storeu_si256(at + 1,
				    _mm256_add_epi32(_mm256_loadu_si256(at + 1),
						     _mm256_permute2x128_si256(even, odd, 0x31)));
	}
	for (int k = 0; k < BATCH; k++)
		rest[k] = column[k] + i;
	add_sse2(accu + i, rest, delta, count - i);
}

static add_function *choose_add(void)
{
	return __builtin_cpu_supports("avx2") ? add_avx2 : add_sse2;
}
#else
static void add_plain(state32 *restrict accu, const int8_t *const column[BATCH],
		      const int16_t delta[BATCH], size_t count)
{
	for (size_t i = 0; i < count; i++)
		accu[i] += (uint32_t)(delta[0] * column[0][i] + delta[1] * column[1][i] +
				      delta[2] * column[2][i] + delta[3] * column[3][i]);
}

static add_function *choose_add(void)
{
	return add_plain;
}
#endif

/**
 * struct columns - weight columns of a layer
 * @map: all of them, or NULL: fetch each
 */
struct columns {
	struct dh_rnn *rnn;
	struct dh_memory *memory;
	const struct dh_layer *layer;
	size_t bytes;
	const int8_t *map;
};

static enum deltahop_reason find_column(struct columns *columns, unsigned int number,
					int8_t *bounce, const int8_t **column)
{
	const struct dh_layer *layer = columns->layer;
	uint64_t offset = (uint64_t)number * columns->bytes;

	if (columns->map) {
		*column = columns->map + offset;
		return DELTAHOP_REASON_NONE;
	}
	if (__builtin_add_overflow(layer->weight_offset, offset, &offset))
		offset = UINT64_MAX;
	*column = dh_memory_map(columns->memory, layer->weight_region, offset, columns->bytes);
	if (*column)
		return DELTAHOP_REASON_NONE;
	*column = bounce;
	return dh_memory_read(columns->memory, layer->weight_region, offset, bounce,
			      columns->bytes);
}

/*
 * Add the columns that fire. Rows r and u of all go to the same accumulators, the c rows of x and
 * bias to M_cx and those of h to M_ch;
 * @candidate is the distance of that last part.
 */
static enum deltahop_reason accumulate(struct columns *columns, state32 *accu, size_t candidate,
				       const uint16_t *fired, const int16_t *deltas,
				       unsigned int count)
{
	static const int8_t no_column[DH_MAX_COLUMN];
	size_t together = candidate ? columns->bytes / 3 * 2 : columns->bytes;
	add_function *add = choose_add();
	enum deltahop_reason reason;

	for (unsigned int i = 0; i < count; i += BATCH) {
		const int8_t *column[BATCH] = { no_column, no_column, no_column, no_column };
		int16_t delta[BATCH] = { 0 };

		for (unsigned int k = 0; k < BATCH && i + k < count; k++) {
			reason = find_column(columns, fired[i + k], columns->rnn->bounce[k],
					     &column[k]);
			if (reason)
				return reason;
			delta[k] = deltas[i + k];
		}
		add(accu, column, delta, together);
		if (!candidate)
			continue;
		for (unsigned int k = 0; k < BATCH; k++)
			column[k] += together;
		add(accu + together + candidate, column, delta, columns->bytes - together);
	}
	return DELTAHOP_REASON_NONE;
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
			 struct block *block, int16_t *y)
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

		y[j] = (int16_t)(rne(u * block->h[j], 8) + rne((ONE - u) * c, 8));
		block->h[j] = y[j];
	}
}

static void activate_dense(const struct dh_rnn *rnn, const struct dh_layer *layer,
			   struct block *block, int16_t *y)
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

/* ---- timing ---- */

/* Cycles of the layer, from the columns that fired: @bias first, then x, then h. */
static uint64_t count_cycles(const struct dh_rnn *rnn, const struct dh_memory *memory,
			     const struct dh_layer *layer, const struct dh_rnn_result *result)
{
	unsigned int padded = (layer->inputs + 7) / 8 * 8, first_x = !layer->no_bias,
		     first_h = first_x + layer->inputs, i = result->bias_fired;
	unsigned int last_x = DH_SLOT_X(padded - 1), last_h = DH_SLOT_H(padded, layer->hidden - 1),
		     slot = 0;
	struct dh_timing_layer timing = {
		.inputs = padded,
		.hidden = layer->hidden,
		.recurrent = layer->cell == DELTAHOP_CELL_GRU ? layer->hidden : 0,
		.column_bytes = dh_layer_column_bytes(layer),
		.pes = rnn->config->rnn_pes,
		.memory = *dh_memory_channel(memory, layer->weight_region),
		.beat_bytes = rnn->config->beat_bytes,
		.port = dh_memory_port(memory, layer->weight_region),
	};
	struct dh_pipeline pipe;

	if (timing.port && result->bias_examined)
		timing.port->origin += timing.port->bias_cycles;
	if (timing.port)
		dh_port_columns(timing.port, layer->weight_region, layer->weight_offset,
				DH_SLOT_X(0) - first_x, timing.column_bytes);
	dh_pipeline_start(&pipe, &timing);
	if (result->bias_fired)
		dh_pipeline_entry(&pipe, DH_SLOT_BIAS, true);
	for (; i < result->fired_x; i++) {
		slot = DH_SLOT_X(rnn->columns[i] - first_x);
		dh_pipeline_entry(&pipe, slot, true);
	}
	if (slot != last_x)
		dh_pipeline_entry(&pipe, last_x, false);
	if (timing.port)
		dh_port_columns(timing.port, layer->weight_region,
				layer->weight_offset + (uint64_t)first_h * timing.column_bytes,
				DH_SLOT_H(padded, 0), timing.column_bytes);
	for (; i < result->fired_x + result->fired_h; i++) {
		slot = DH_SLOT_H(padded, rnn->columns[i] - first_h);
		dh_pipeline_entry(&pipe, slot, true);
	}
	if (timing.recurrent && slot != last_h)
		dh_pipeline_entry(&pipe, last_h, false);
	return dh_pipeline_end(&pipe);
}

enum deltahop_reason dh_rnn_step(struct dh_rnn *rnn, struct dh_memory *memory,
				 const struct dh_layer *layer, int theta_x, int theta_h,
				 const int16_t *x, int16_t *y, struct dh_rnn_result *result)
{
	struct columns columns = { rnn, memory, layer, dh_layer_column_bytes(layer), NULL };
	unsigned int first_x = !layer->no_bias, first_h = first_x + layer->inputs;
	bool gru = layer->cell == DELTAHOP_CELL_GRU, bias;
	struct block block = find_block(rnn, layer);
	enum deltahop_reason reason;

	*result = (struct dh_rnn_result){ 0 };
	examine_bias(&block, layer, theta_x, result);
	bias = result->bias_fired;
	rnn->columns[0] = 0;
	rnn->deltas[0] = ONE;
	result->fired_x = bias + scan(x, block.x_mem, layer->inputs, theta_x, first_x,
				      rnn->columns + bias, rnn->deltas + bias);
	if (gru)
		result->fired_h = scan((const int16_t *)block.h, block.h_mem, layer->hidden,
				       theta_h, first_h, rnn->columns + result->fired_x,
				       rnn->deltas + result->fired_x);
	result->cycles = count_cycles(rnn, memory, layer, result);
	result->beats = (uint64_t)(result->fired_x + result->fired_h) *
			((columns.bytes + rnn->config->beat_bytes - 1) / rnn->config->beat_bytes);

	columns.map = dh_memory_map(memory, layer->weight_region, layer->weight_offset,
				    dh_layer_columns(layer) * columns.bytes);
	reason = accumulate(&columns, block.accu, 0, rnn->columns, rnn->deltas, result->fired_x);
	if (!reason && gru)
		reason = accumulate(&columns, block.accu, layer->hidden,
				    rnn->columns + result->fired_x, rnn->deltas + result->fired_x,
				    result->fired_h);
	if (reason)
		return reason;
	if (gru)
		activate_gru(rnn, layer, &block, y);
	else
		activate_dense(rnn, layer, &block, y);
	return DELTAHOP_REASON_NONE;
}
