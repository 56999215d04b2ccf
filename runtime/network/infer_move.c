// SPDX-License-Identifier: MIT
/* Shapes of what only moves elements. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "network/op.h"

#define LARGEST_INT 0x1p24f /* up to which float holds all integers */

/* The type of the input; the shape was given. */
static void keep_type(const struct dh_infer *infer)
{
	infer->out[0].type = infer->in[0]->type;
	infer->out[0].onnx_type = infer->in[0]->onnx_type;
}

int dh_infer_reshape(const struct dh_infer *infer)
{
	size_t count;

	keep_type(infer);
	if (!dh_shape_elements(infer->out[0].dims, infer->out[0].rank, &count) ||
	    count != dh_net_elements(infer->in[0]))
		return dh_infer_bad(infer,
				    "its new shape does not have the %zu elements of its input",
				    dh_net_elements(infer->in[0]));
	return 0;
}

int dh_infer_transpose(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	const uint32_t *perm = infer->node->attr.transpose.perm;
	uint32_t seen = 0;

	infer->out[0] = dh_shape_of(x);
	for (uint32_t i = 0; i < x->rank; i++) {
		if (perm[i] >= x->rank || seen >> perm[i] & 1)
			return dh_infer_bad(
				infer, "perm is not an order of the %u axes of its input", x->rank);
		seen |= 1u << perm[i];
		infer->out[0].dims[i] = x->dims[perm[i]];
	}
	return 0;
}

int dh_infer_expand(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	const struct dh_net_shape *out = &infer->out[0];
	char text[80];

	keep_type(infer);
	for (uint32_t i = 1; i <= x->rank; i++) {
		if (i > out->rank ||
		    (x->dims[x->rank - i] != 1 && x->dims[x->rank - i] != out->dims[out->rank - i]))
			return dh_infer_bad(infer, "%s cannot be spread to its new shape",
					    dh_shape_text(x, text, sizeof(text)));
	}
	return 0;
}

static bool fits_beside(const struct dh_net_tensor *a, const struct dh_net_tensor *b, uint32_t axis)
{
	if (a->type != b->type || a->rank != b->rank)
		return false;
	for (uint32_t i = 0; i < a->rank; i++) {
		if (i != axis && a->dims[i] != b->dims[i])
			return false;
	}
	return true;
}

int dh_infer_concat(const struct dh_infer *infer)
{
	const struct dh_net_tensor *first = infer->in[0];
	uint32_t axis = infer->node->attr.axis;
	uint64_t size = 0;
	char a[80], b[80];

	if (axis >= first->rank)
		return dh_infer_bad(infer, "axis %u is not one of the %u axes of its inputs", axis,
				    first->rank);
	for (uint32_t i = 0; i < infer->node->input_count; i++) {
		if (!fits_beside(first, infer->in[i], axis))
			return dh_infer_bad(infer,
					    "inputs of %s and %s differ beside axis %u, or in type",
					    dh_shape_text(first, a, sizeof(a)),
					    dh_shape_text(infer->in[i], b, sizeof(b)), axis);
		size += infer->in[i]->dims[axis];
	}
	infer->out[0] = dh_shape_of(first);
	infer->out[0].dims[axis] = size > UINT32_MAX ? UINT32_MAX : size;
	return 0;
}

int dh_infer_slice(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];

	keep_type(infer);
	if (infer->out[0].rank != x->rank)
		return dh_infer_bad(infer, "a slice has as many axes as its input");
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t first = infer->node->attr.slice.starts[i];
		int64_t step = infer->node->attr.slice.steps[i];
		int64_t last = first + ((int64_t)infer->out[0].dims[i] - 1) * step;

		if (!step || (infer->out[0].dims[i] &&
			      (first >= x->dims[i] || last < 0 || last >= x->dims[i])))
			return dh_infer_bad(infer,
					    "axis %u: elements %lld to %lld in steps of %lld are "
					    "not in its input, which has %u",
					    i, (long long)first, (long long)last, (long long)step,
					    x->dims[i]);
	}
	return 0;
}

/* How much border a mode can make of an axis of @size. */
static int64_t largest_pad(enum dh_net_pad_mode mode, int64_t size)
{
	switch (mode) {
	case DH_NET_PAD_CONSTANT:
		return INT32_MAX;
	case DH_NET_PAD_EDGE:
		return size ? INT32_MAX : 0;
	case DH_NET_PAD_REFLECT:
		return size - 1;
	default:
		return size;
	}
}

int dh_infer_pad(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	enum dh_net_pad_mode mode = infer->node->attr.pad.mode;

	float value = infer->node->attr.pad.value;

	if (mode < DH_NET_PAD_CONSTANT || mode > DH_NET_PAD_WRAP || !isfinite(value) ||
	    (x->type == DH_NET_INT && fabsf(value) > LARGEST_INT))
		return dh_infer_bad(infer, "mode %d with value %g does not work", mode, value);
	infer->out[0] = dh_shape_of(x);
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t before = infer->node->attr.pad.before[i];
		int64_t after = infer->node->attr.pad.after[i];
		int64_t size = x->dims[i] + before + after, most = largest_pad(mode, x->dims[i]);

		if (before > most || after > most || size < 0 || -before > x->dims[i] ||
		    -after > x->dims[i] || size > (int64_t)DH_NET_MAX_ELEMENTS)
			return dh_infer_bad(infer,
					    "axis %u of %u elements cannot be padded by %lld and "
					    "%lld in this mode",
					    i, x->dims[i], (long long)before, (long long)after);
		infer->out[0].dims[i] = size;
	}
	return 0;
}

int dh_infer_gather(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0], *indices = infer->in[1];
	uint32_t axis = infer->node->attr.axis;
	struct dh_net_shape *out = &infer->out[0];

	if (axis >= x->rank || x->rank - 1 + indices->rank > DH_NET_MAX_RANK)
		return dh_infer_bad(infer,
				    "axis %u is not an axis of its input, or its output has more "
				    "than %d axes",
				    axis, DH_NET_MAX_RANK);
	if (indices->type != DH_NET_INT || !indices->data)
		return dh_infer_bad(infer,
				    "indices (%s) are not constant integers; make them an "
				    "initializer",
				    indices->name);
	for (size_t i = 0; i < dh_net_elements(indices); i++) {
		if (indices->ints[i] < 0 || indices->ints[i] >= x->dims[axis])
			return dh_infer_bad(infer, "index %lld is not on axis %u, which has %u",
					    (long long)indices->ints[i], axis, x->dims[axis]);
	}
	*out = dh_shape_of(x);
	out->rank = x->rank - 1 + indices->rank;
	memcpy(out->dims + axis, indices->dims, indices->rank * sizeof(*out->dims));
	memcpy(out->dims + axis + indices->rank, x->dims + axis + 1,
	       (x->rank - axis - 1) * sizeof(*out->dims));
	return 0;
}
