/* SPDX-License-Identifier: MIT */
/* The recurrent engine from inside: a layer's block of state, and what its files ask of each other. */
#ifndef DELTAHOP_RNN_H
#define DELTAHOP_RNN_H

#include "deltahop_internal.h"

#define DH_RNN_ONE   256 /* 1.0 in Q8.8 */
#define DH_RNN_BATCH 4	 /* columns added in one pass over the accumulators */

/* The state memory is bytes to the ring and numbers here. */
typedef int16_t __attribute__((may_alias)) state16;
typedef uint32_t __attribute__((may_alias)) state32;

/**
 * struct dh_block - a layer's block of state memory
 * @h: unless dense, as @h_mem
 * @rh_mem: GRU_BEFORE
 * @c: LSTM
 * @accu: accumulators, each of H: GRU: M_r, M_u, M_cx, M_ch; GRU_BEFORE: M_r, M_u, M_c; LSTM: M_i,
 *	M_f, M_g, M_o; dense, simple: M
 */
struct dh_block {
	state32 *flags;
	state16 *x_mem;
	state16 *h_mem;
	state16 *h;
	union {
		state16 *rh_mem;
		state16 *c;
	};
	state32 *accu;
};

/**
 * dh_add_function - accu[i] += sum of delta[k] * column[k][i], for @count elements, a multiple of 8
 *
 * Wraps modulo 2^32, which is right modulo 2^24.
 */
typedef void dh_add_function(state32 *restrict accu, const int8_t *const column[DH_RNN_BATCH],
			     const int16_t delta[DH_RNN_BATCH], size_t count);

/** dh_rnn_choose_add() - the fastest that this processor has */
dh_add_function *dh_rnn_choose_add(void);

/** dh_rnn_reset() - GRU_BEFORE: r * h of all units */
void dh_rnn_reset(const struct dh_rnn *rnn, const struct dh_layer *layer,
		  const struct dh_block *block, int16_t *rh);

/** dh_rnn_activate() - new values of all units, to the state and to @y */
void dh_rnn_activate(const struct dh_rnn *rnn, const struct dh_layer *layer, struct dh_block *block,
		     int16_t *y);

#endif /* DELTAHOP_RNN_H */
