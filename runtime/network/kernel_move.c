// SPDX-License-Identifier: MIT
/* Kernels of what only moves elements. */
#include <string.h>

#include "network/function.h"
#include "network/walk.h"

void dh_kernel_copy(const struct dh_kernel *k)
{
	memcpy(dh_kernel_write(k, 0), dh_kernel_read(k, 0), dh_net_bytes(dh_kernel_out(k, 0)));
}

/* Steps of an axis of the output in the input, and where the first element is. */
static ptrdiff_t step_of(const struct dh_net_node *node, const struct dh_net_tensor *x,
			 const struct dh_net_tensor *out, uint32_t axis, const ptrdiff_t *strides,
			 ptrdiff_t *start)
{
	uint32_t lead = out->rank - x->rank;

	switch (node->op) {
	case DH_NET_TRANSPOSE:
		return strides[node->attr.transpose.perm[axis]];
	case DH_NET_SLICE:
		*start += strides[axis] * (ptrdiff_t)node->attr.slice.starts[axis];
		return strides[axis] * node->attr.slice.steps[axis];
	default: /* DH_NET_EXPAND */
		return axis < lead || x->dims[axis - lead] == 1 ? 0 : strides[axis - lead];
	}
}

static void copy_span(const char *from, ptrdiff_t step, char *to, size_t count, size_t size)
{
	if (step == 1) {
		memcpy(to, from, count * size);
		return;
	}
	for (size_t i = 0; i < count; i++)
		memcpy(to + i * size, from + (ptrdiff_t)i * step * (ptrdiff_t)size, size);
}

void dh_kernel_move(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0), *out = dh_kernel_out(k, 0);
	size_t size = dh_element_size(x->type);
	ptrdiff_t strides[DH_NET_MAX_RANK], start = 0;
	struct dh_walk walk = dh_walk_begin(1);
	char *to = dh_kernel_write(k, 0);

	dh_walk_strides(x, strides);
	for (uint32_t axis = 0; axis < out->rank; axis++) {
		ptrdiff_t step = step_of(k->node, x, out, axis, strides, &start);

		dh_walk_axis(&walk, out->dims[axis], &step);
	}
	walk.at[0] = start;
	if (!dh_walk_start(&walk))
		return;
	do {
		copy_span((const char *)dh_kernel_read(k, 0) + walk.at[0] * (ptrdiff_t)size,
			  walk.step[0], to, walk.span, size);
		to += walk.span * size;
	} while (dh_walk_next(&walk));
}

void dh_kernel_concat(const struct dh_kernel *k)
{
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	uint32_t axis = k->node->attr.axis;
	size_t outer = dh_elements(out, 0, axis);
	size_t inner = dh_elements(out, axis + 1, out->rank) * dh_element_size(out->type);
	char *to = dh_kernel_write(k, 0);

	for (size_t o = 0; o < outer; o++) {
		for (uint32_t i = 0; i < k->node->input_count; i++) {
			size_t bytes = dh_kernel_in(k, i)->dims[axis] * inner;

			memcpy(to, (const char *)dh_kernel_read(k, i) + o * bytes, bytes);
			to += bytes;
		}
	}
}

/* The element of an axis of @size that stands at @at, which may lie beside it; -1: the value. */
static ptrdiff_t padded_from(enum dh_net_pad_mode mode, ptrdiff_t at, ptrdiff_t size)
{
	if (at >= 0 && at < size)
		return at;
	switch (mode) {
	case DH_NET_PAD_EDGE:
		return at < 0 ? 0 : size - 1;
	case DH_NET_PAD_REFLECT:
		return at < 0 ? -at : 2 * (size - 1) - at;
	case DH_NET_PAD_WRAP:
		return at < 0 ? at + size : at - size;
	default:
		return -1;
	}
}

/* The element of the input that belongs to element @index of the output; -1: the value. */
static ptrdiff_t source_of(const struct dh_kernel *k, size_t index)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0), *out = dh_kernel_out(k, 0);
	ptrdiff_t from = 0, stride = 1;

	for (uint32_t axis = x->rank; axis-- > 0;) {
		ptrdiff_t at =
			(ptrdiff_t)(index % out->dims[axis]) - k->node->attr.pad.before[axis];

		at = padded_from(k->node->attr.pad.mode, at, x->dims[axis]);
		if (at < 0)
			return -1;
		from += at * stride;
		stride *= x->dims[axis];
		index /= out->dims[axis];
	}
	return from;
}

void dh_kernel_pad(const struct dh_kernel *k)
{
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	size_t size = dh_element_size(out->type), count = dh_net_elements(out);
	float value = k->node->attr.pad.value;
	int64_t whole = dh_to_int(value);
	char *to = dh_kernel_write(k, 0);

	for (size_t i = 0; i < count; i++) {
		ptrdiff_t from = source_of(k, i);

		if (from >= 0)
			memcpy(to + i * size,
			       (const char *)dh_kernel_read(k, 0) + (size_t)from * size, size);
		else if (out->type == DH_NET_FLOAT)
			memcpy(to + i * size, &value, size);
		else
			memcpy(to + i * size, &whole, size);
	}
}

void dh_kernel_gather(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0), *indices = dh_kernel_in(k, 1);
	uint32_t axis = k->node->attr.axis;
	size_t outer = dh_elements(x, 0, axis), count = dh_net_elements(indices);
	size_t bytes = dh_elements(x, axis + 1, x->rank) * dh_element_size(x->type);
	const char *from = dh_kernel_read(k, 0);
	char *to = dh_kernel_write(k, 0);

	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 0; i < count; i++, to += bytes)
			memcpy(to, from + (o * x->dims[axis] + indices->ints[i]) * bytes, bytes);
	}
}
