// SPDX-License-Identifier: MIT
/* Walks over tensors. */
#include "network/walk.h"

struct dh_walk dh_walk_begin(uint32_t inputs)
{
	return (struct dh_walk){ .inputs = inputs };
}

/* Is the axis before, of these strides, the same as going on along the new one? */
static bool continues(const struct dh_walk *walk, size_t dim, const ptrdiff_t *strides)
{
	for (uint32_t i = 0; i < walk->inputs; i++) {
		if (walk->strides[walk->rank - 1][i] != strides[i] * (ptrdiff_t)dim)
			return false;
	}
	return true;
}

void dh_walk_axis(struct dh_walk *walk, size_t dim, const ptrdiff_t *strides)
{
	bool join = walk->rank && continues(walk, dim, strides);

	if (dim == 1)
		return;
	if (join)
		walk->dims[walk->rank - 1] *= dim;
	else
		walk->dims[walk->rank++] = dim;
	for (uint32_t i = 0; i < walk->inputs; i++)
		walk->strides[walk->rank - 1][i] = strides[i];
}

bool dh_walk_start(struct dh_walk *walk)
{
	for (uint32_t axis = 0; axis < walk->rank; axis++) {
		if (!walk->dims[axis])
			return false;
	}
	walk->span = 1;
	if (!walk->rank)
		return true;
	walk->span = walk->dims[--walk->rank];
	for (uint32_t i = 0; i < walk->inputs; i++)
		walk->step[i] = walk->strides[walk->rank][i];
	return true;
}

bool dh_walk_next(struct dh_walk *walk)
{
	for (uint32_t axis = walk->rank; axis-- > 0;) {
		bool wraps = ++walk->index[axis] == walk->dims[axis];
		ptrdiff_t moves = wraps ? 1 - (ptrdiff_t)walk->dims[axis] : 1;

		for (uint32_t i = 0; i < walk->inputs; i++)
			walk->at[i] += walk->strides[axis][i] * moves;
		if (!wraps)
			return true;
		walk->index[axis] = 0;
	}
	return false;
}

void dh_walk_strides(const struct dh_net_tensor *tensor, ptrdiff_t *strides)
{
	ptrdiff_t stride = 1;

	for (uint32_t i = tensor->rank; i-- > 0;) {
		strides[i] = stride;
		stride *= tensor->dims[i];
	}
}

bool dh_walk_spread(struct dh_walk *walk, const struct dh_net_tensor *out,
		    const struct dh_net_tensor *const *in, uint32_t inputs)
{
	ptrdiff_t strides[DH_WALK_MAX_INPUTS][DH_NET_MAX_RANK];

	*walk = dh_walk_begin(inputs);
	for (uint32_t i = 0; i < inputs; i++)
		dh_walk_strides(in[i], strides[i]);
	for (uint32_t axis = 0; axis < out->rank; axis++) {
		ptrdiff_t step[DH_WALK_MAX_INPUTS] = { 0 };

		for (uint32_t i = 0; i < inputs; i++) {
			uint32_t lead = out->rank - in[i]->rank;

			if (axis >= lead && in[i]->dims[axis - lead] != 1)
				step[i] = strides[i][axis - lead];
		}
		dh_walk_axis(walk, out->dims[axis], step);
	}
	return dh_walk_start(walk);
}
