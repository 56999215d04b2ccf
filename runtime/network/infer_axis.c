// SPDX-License-Identifier: MIT
/* Shapes of what goes along axes. */
#include <errno.h>

#include "import/onnx.h"
#include "network/op.h"

#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

int dh_infer_softmax(const struct dh_infer *infer)
{
	uint32_t axis = infer->node->attr.softmax.axis, end = infer->node->attr.softmax.end;

	if (dh_infer_need_float(infer, 0))
		return -EINVAL;
	if (axis >= end || end > infer->in[0]->rank)
		return dh_infer_bad(infer, "axes %u to %u are not axes of its input, which has %u",
				    axis, end, infer->in[0]->rank);
	infer->out[0] = dh_shape_of(infer->in[0]);
	return 0;
}

static void drop_axes(struct dh_net_shape *shape, uint32_t axes, bool keep)
{
	uint32_t rank = 0;

	for (uint32_t i = 0; i < shape->rank; i++) {
		bool drop = axes >> i & 1;

		if (!drop || keep)
			shape->dims[rank++] = drop ? 1 : shape->dims[i];
	}
	shape->rank = rank;
}

int dh_infer_reduce(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	uint32_t axes = infer->node->attr.reduce.axes;
	enum dh_net_op op = infer->node->op;

	if ((op == DH_NET_REDUCE_L1 || op == DH_NET_REDUCE_L2 || op == DH_NET_REDUCE_SUM_SQUARE) &&
	    dh_infer_need_float(infer, 0))
		return -EINVAL;
	if (axes >> x->rank)
		return dh_infer_bad(infer, "reduces axes that its input (%u axes) does not have",
				    x->rank);
	for (uint32_t i = 0; i < x->rank; i++) {
		if (axes >> i & 1 && !x->dims[i])
			return dh_infer_bad(infer, "reduces axis %u, which has no elements", i);
	}
	infer->out[0] = dh_shape_of(x);
	drop_axes(&infer->out[0], axes, infer->node->attr.reduce.keep);
	return 0;
}

int dh_infer_arg(const struct dh_infer *infer)
{
	const struct dh_net_tensor *x = infer->in[0];
	uint32_t axis = infer->node->attr.arg.axis;

	if (axis >= x->rank || !x->dims[axis])
		return dh_infer_bad(
			infer, "axis %u is not an axis of its input, or has no elements", axis);
	infer->out[0] = dh_shape_of(x);
	infer->out[0].type = DH_NET_INT;
	infer->out[0].onnx_type = INT64;
	drop_axes(&infer->out[0], 1u << axis, infer->node->attr.arg.keep);
	return 0;
}
