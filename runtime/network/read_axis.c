// SPDX-License-Identifier: MIT
/* What goes along axes. */
#include <errno.h>
#include <string.h>

#include "network/reader.h"

/* Before opset 13 all axes from the given one on were one; since then it is that axis alone. */
int dh_read_softmax(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	bool old = r->opset < 13;
	int32_t input;
	struct dh_form form = { .op = dh_read_op_named(proto->op_type, strlen(proto->op_type)),
				.inputs = &input,
				.input_count = 1 };
	uint32_t rank, axis;
	int ret = dh_read_input(r, proto, 0, &input);

	if (ret)
		return ret;
	rank = dh_read_tensor(r, input)->rank;
	ret = dh_read_axis(r, proto, dh_onnx_int(proto, "axis", old ? 1 : -1), rank, &axis);
	if (ret)
		return ret;
	form.attr.softmax.axis = axis;
	form.attr.softmax.end = old ? rank : axis + 1;
	return dh_read_emit(r, proto, &form);
}

int dh_read_reduce(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t axes[DH_NET_MAX_RANK];
	int32_t input;
	struct dh_form form = { .op = dh_read_op_named(proto->op_type, strlen(proto->op_type)),
				.inputs = &input,
				.input_count = 1 };
	uint32_t rank;
	size_t count;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_ints(r, proto, 1, "axes", axes, DH_NET_MAX_RANK, &count, &given);
	if (ret)
		return ret;
	rank = dh_read_tensor(r, input)->rank;
	if (!count && dh_onnx_int(proto, "noop_with_empty_axes", 0))
		return dh_read_bind(r, proto, 0, input);
	ret = dh_read_axes(r, proto, axes, count, rank, &form.attr.reduce.axes);
	if (!count)
		form.attr.reduce.axes = (1u << rank) - 1;
	form.attr.reduce.keep = dh_onnx_int(proto, "keepdims", 1);
	return ret ? ret : dh_read_emit(r, proto, &form);
}

int dh_read_arg(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t input;
	struct dh_form form = { .op = dh_read_op_named(proto->op_type, strlen(proto->op_type)),
				.inputs = &input,
				.input_count = 1 };
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_axis(r, proto, dh_onnx_int(proto, "axis", 0),
				   dh_read_tensor(r, input)->rank, &form.attr.arg.axis);
	form.attr.arg.keep = dh_onnx_int(proto, "keepdims", 1);
	form.attr.arg.last = dh_onnx_int(proto, "select_last_index", 0);
	return ret ? ret : dh_read_emit(r, proto, &form);
}
