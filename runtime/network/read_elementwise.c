// SPDX-License-Identifier: MIT
/* What goes element by element. */
#include <errno.h>
#include <float.h>
#include <stdint.h>
#include <string.h>

#include "network/reader.h"

/* --- two and more inputs --- */

/* The second input as it is meant: its axes stand at those of the first from @axis on. */
static int align(struct dh_reader *r, const Onnx__NodeProto *proto, int64_t axis, int32_t *inputs)
{
	const struct dh_net_tensor *a = dh_read_tensor(r, inputs[0]);
	const struct dh_net_tensor *b = dh_read_tensor(r, inputs[1]);
	uint32_t dims[DH_NET_MAX_RANK], at, rank = b->rank;
	int ret;

	if (!b->rank)
		return 0;
	ret = dh_read_axis(r, proto, axis, a->rank, &at);
	if (ret)
		return ret;
	if (at + b->rank > a->rank)
		return dh_read_refuse(r, proto,
				      "attribute axis = %u with a second input of %u axes; the "
				      "first has only %u",
				      at, b->rank, a->rank);
	memcpy(dims, b->dims, rank * sizeof(*dims));
	for (; at + rank < a->rank; rank++)
		dims[rank] = 1;
	return dh_read_reshape(r, proto, inputs[1], rank, dims, &inputs[1]);
}

/* Before opset 7 attributes said how to broadcast; PRelu had its slopes along the channels. */
static int align_old(struct dh_reader *r, const Onnx__NodeProto *proto, enum dh_net_op op,
		     int32_t *inputs)
{
	const struct dh_net_tensor *a = dh_read_tensor(r, inputs[0]);
	const struct dh_net_tensor *b = dh_read_tensor(r, inputs[1]);
	bool has_axis = dh_onnx_attribute(proto, "axis");

	if (r->opset >= 7)
		return 0;
	if (op == DH_NET_PRELU)
		return b->rank == 1 && a->rank > 1 && b->dims[0] > 1 ? align(r, proto, 1, inputs)
								     : 0;
	if (dh_onnx_int(proto, "broadcast", 0) && has_axis)
		return align(r, proto, dh_onnx_int(proto, "axis", 0), inputs);
	return 0;
}

/* Pow takes exponents of another type than its base. */
static int cast_exponent(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t *inputs)
{
	const struct dh_net_tensor *x = dh_read_tensor(r, inputs[0]);
	struct dh_form form = { .op = DH_NET_CAST, .inputs = &inputs[1], .input_count = 1 };

	if (x->type == dh_read_tensor(r, inputs[1])->type)
		return 0;
	form.want[0].onnx_type = x->onnx_type;
	return dh_read_add(r, proto, &form, &inputs[1]);
}

static int read_two(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t *inputs)
{
	int ret = dh_read_input(r, proto, 0, &inputs[0]);

	return ret ? ret : dh_read_input(r, proto, 1, &inputs[1]);
}

int dh_read_binary(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[2];
	struct dh_form form = { .op = dh_read_op_named(proto->op_type, strlen(proto->op_type)),
				.inputs = inputs,
				.input_count = 2 };
	int ret = read_two(r, proto, inputs);

	if (!ret)
		ret = align_old(r, proto, form.op, inputs);
	if (!ret && form.op == DH_NET_POW)
		ret = cast_exponent(r, proto, inputs);
	return ret ? ret : dh_read_emit(r, proto, &form);
}

/* a >= b as not (a < b), and likewise a <= b */
int dh_read_not_less(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[2], less;
	struct dh_form form = { .inputs = inputs, .input_count = 2 };
	struct dh_form not_less = { .op = DH_NET_NOT, .inputs = &less, .input_count = 1 };
	int ret = read_two(r, proto, inputs);

	form.op = proto->op_type[0] == 'G' ? DH_NET_LESS : DH_NET_GREATER;
	if (!ret)
		ret = dh_read_add(r, proto, &form, &less);
	return ret ? ret : dh_read_emit(r, proto, &not_less);
}

/* The sum of a Mean becomes one. */
static int divide(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t *sum)
{
	struct dh_net_shape one = { DH_NET_FLOAT, dh_read_tensor(r, *sum)->onnx_type, 0, { 0 } };
	int32_t inputs[2] = { *sum, dh_builder_constant(&r->builder, &one) };
	struct dh_form form = { .op = DH_NET_DIV, .inputs = inputs, .input_count = 2 };

	if (inputs[1] < 0)
		return dh_read_no_memory(r);
	*(float *)r->builder.data[inputs[1]] = (float)proto->n_input;
	return dh_read_add(r, proto, &form, sum);
}

/* Sum, Mean, Min, Max of any number of inputs, two by two. */
int dh_read_many(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	enum dh_net_op op = !strcmp(proto->op_type, "Min")   ? DH_NET_MIN
			    : !strcmp(proto->op_type, "Max") ? DH_NET_MAX
							     : DH_NET_ADD;
	int32_t inputs[2];
	int ret = dh_read_input(r, proto, 0, &inputs[0]);

	for (size_t i = 1; !ret && i < proto->n_input; i++) {
		struct dh_form form = { .op = op, .inputs = inputs, .input_count = 2 };

		ret = dh_read_input(r, proto, i, &inputs[1]);
		if (!ret)
			ret = dh_read_add(r, proto, &form, &inputs[0]);
	}
	if (!ret && !strcmp(proto->op_type, "Mean"))
		ret = divide(r, proto, &inputs[0]);
	return ret ? ret : dh_read_bind(r, proto, 0, inputs[0]);
}

int dh_read_where(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[3];
	struct dh_form form = { .op = DH_NET_WHERE, .inputs = inputs };
	int ret = dh_read_inputs(r, proto, 3, inputs, &form.input_count);

	return ret ? ret : dh_read_emit(r, proto, &form);
}

/* --- one input --- */

int dh_read_unary(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t input;
	struct dh_form form = { .op = dh_read_op_named(proto->op_type, strlen(proto->op_type)),
				.inputs = &input,
				.input_count = 1 };
	bool selu = form.op == DH_NET_SELU;
	float a, b;
	int ret = dh_read_input(r, proto, 0, &input);

	dh_read_unary_defaults(form.op, &a, &b);
	if (selu && r->opset < 6) {
		a = 1.6732f;
		b = 1.0507f;
	}
	form.attr.unary.a = dh_onnx_float(proto, "alpha", a);
	form.attr.unary.b = dh_onnx_float(proto, selu ? "gamma" : "beta", b);
	return ret ? ret : dh_read_emit(r, proto, &form);
}

int dh_read_clip(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	float low = -FLT_MAX, high = FLT_MAX;
	int32_t input;
	struct dh_form form = { .op = DH_NET_CLIP, .inputs = &input, .input_count = 1 };
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = dh_read_number(r, proto, 1, "min", &low);
	if (!ret)
		ret = dh_read_number(r, proto, 2, "max", &high);
	if (ret)
		return ret;
	/* the upper limit wins, and none is as good as an infinite one */
	high = high > FLT_MAX ? FLT_MAX : high;
	low = low < -FLT_MAX ? -FLT_MAX : low;
	form.attr.unary.a = low > high ? high : low;
	form.attr.unary.b = high;
	if (low == 0 && high == FLT_MAX)
		form.op = DH_NET_RELU;
	return dh_read_emit(r, proto, &form);
}

/* Until opset 5 the type was a word. */
static int cast_type(const Onnx__NodeProto *proto)
{
	const Onnx__AttributeProto *to = dh_onnx_attribute(proto, "to");
	int64_t type = dh_onnx_int(proto, "to", 0);

	for (int i = 1; to && to->s.len && i < 32; i++) {
		const char *name = dh_onnx_type_name(i);

		if (strlen(name) == to->s.len && !strncasecmp(name, (char *)to->s.data, to->s.len))
			return i;
	}
	return type > 0 && type < INT32_MAX ? (int)type : 0;
}

int dh_read_cast(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int to = cast_type(proto);
	int32_t input;
	struct dh_form form = { .op = DH_NET_CAST, .inputs = &input, .input_count = 1 };
	const struct dh_net_tensor *x;
	int ret = dh_read_input(r, proto, 0, &input);

	if (ret)
		return ret;
	x = dh_read_tensor(r, input);
	/* all float types are one here */
	if (x->type == DH_NET_FLOAT && dh_onnx_is_float(to))
		return dh_read_bind(r, proto, 0, input);
	form.want[0].onnx_type = to;
	return dh_read_emit(r, proto, &form);
}
