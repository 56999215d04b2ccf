/* SPDX-License-Identifier: MIT */
/*
 * A walk over the elements of an output in C order, with the places of the inputs' elements
 * that belong to each: strides may be 0 (broadcast) or negative. Adjacent axes that
 * are one for all inputs are walked as one; the last is left to the caller, as a span.
 */
#ifndef DELTAHOP_WALK_H
#define DELTAHOP_WALK_H

#include "network/op.h"

#define DH_WALK_MAX_INPUTS 3

/**
 * struct dh_walk - on its way
 * @span: elements of the output until dh_walk_next()
 * @at: element of each input that belongs to the first of them
 * @step: by which it moves with each
 */
struct dh_walk {
	size_t span;
	ptrdiff_t at[DH_WALK_MAX_INPUTS];
	ptrdiff_t step[DH_WALK_MAX_INPUTS];
	uint32_t inputs;
	uint32_t rank;
	size_t dims[DH_NET_MAX_RANK];
	ptrdiff_t strides[DH_NET_MAX_RANK][DH_WALK_MAX_INPUTS];
	size_t index[DH_NET_MAX_RANK];
};

/** dh_walk_begin() - an empty walk over @inputs inputs */
struct dh_walk dh_walk_begin(uint32_t inputs);

/** dh_walk_axis() - next axis, outermost first, with a stride for each input */
void dh_walk_axis(struct dh_walk *walk, size_t dim, const ptrdiff_t *strides);

/** dh_walk_start() - all axes are there; false: there is nothing to walk over */
bool dh_walk_start(struct dh_walk *walk);

/** dh_walk_next() - on to the next span; false: that was all */
bool dh_walk_next(struct dh_walk *walk);

/** dh_walk_strides() - of a tensor, by axis */
void dh_walk_strides(const struct dh_net_tensor *tensor, ptrdiff_t *strides);

/** dh_walk_spread() - a walk over @out with inputs that are broadcast to it; as dh_walk_start() */
bool dh_walk_spread(struct dh_walk *walk, const struct dh_net_tensor *out,
		    const struct dh_net_tensor *const *in, uint32_t inputs);

#endif /* DELTAHOP_WALK_H */
