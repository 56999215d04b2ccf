// SPDX-License-Identifier: MIT
/* What takes tensors apart and puts them together. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "network/reader.h"

int dh_read_concat(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[DH_NET_MAX_INPUTS];
	struct dh_form form = { .op = DH_NET_CONCAT, .inputs = inputs };
	int ret = dh_read_input(r, proto, 0, &inputs[0]);

	if (!ret && proto->n_input > DH_NET_MAX_INPUTS)
		ret = dh_read_refuse(r, proto, "%zu inputs; at most %d work", proto->n_input,
				     DH_NET_MAX_INPUTS);
	for (size_t i = 1; !ret && i < proto->n_input; i++)
		ret = dh_read_input(r, proto, i, &inputs[i]);
	if (!ret)
		ret = dh_read_axis(r, proto, dh_onnx_int(proto, "axis", 1),
				   dh_read_tensor(r, inputs[0])->rank, &form.attr.axis);
	form.input_count = (uint32_t)proto->n_input;
	return ret ? ret : dh_read_emit(r, proto, &form);
}

/* --- slices --- */

/* A slice of everything of @x. */
static struct dh_form slice_form(const struct dh_net_tensor *x, const int32_t *input)
{
	struct dh_form form = { .op = DH_NET_SLICE, .inputs = input, .input_count = 1 };

	form.want[0] = dh_shape_of(x);
	for (uint32_t i = 0; i < x->rank; i++)
		form.attr.slice.steps[i] = 1;
	return form;
}

/* The sizes of the parts along an axis of @size; @given: those of the file. */
static int split_sizes(struct dh_reader *r, const Onnx__NodeProto *proto, uint32_t size,
		       int64_t *parts, size_t count, bool given)
{
	int64_t part = (int64_t)((size + proto->n_output - 1) / proto->n_output), sum = 0;

	if (given && count != proto->n_output)
		return dh_read_refuse(r, proto, "split has %zu sizes for %zu outputs", count,
				      proto->n_output);
	for (size_t i = 0; i < proto->n_output; i++) {
		if (!given)
			parts[i] = size - sum < part ? size - sum : part;
		if (parts[i] < 0 || parts[i] > size)
			return dh_read_refuse(r, proto, "split has a part of %lld of %u elements",
					      (long long)parts[i], size);
		sum += parts[i];
	}
	if (sum != size)
		return dh_read_refuse(r, proto, "its parts have %lld elements, the axis has %u",
				      (long long)sum, size);
	return 0;
}

static int emit_parts(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t input,
		      uint32_t axis, const int64_t *parts)
{
	struct dh_net_tensor x = *dh_read_tensor(r, input);
	uint32_t start = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < proto->n_output; i++) {
		struct dh_form form = slice_form(&x, &input);
		int32_t output;

		form.want[0].dims[axis] = (uint32_t)parts[i];
		form.attr.slice.starts[axis] = start;
		start += (uint32_t)parts[i];
		if (!dh_read_output_live(r, proto, i))
			continue;
		ret = dh_read_add(r, proto, &form, &output);
		if (!ret)
			ret = dh_read_bind(r, proto, i, output);
	}
	return ret;
}

int dh_read_split(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t parts[DH_NET_MAX_INPUTS];
	int32_t input;
	uint32_t axis;
	size_t count;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret && (!proto->n_output || proto->n_output > DH_NET_MAX_INPUTS))
		ret = dh_read_refuse(r, proto, "%zu outputs; 1 to %d work", proto->n_output,
				     DH_NET_MAX_INPUTS);
	if (!ret)
		ret = dh_read_ints(r, proto, 1, "split", parts, DH_NET_MAX_INPUTS, &count, &given);
	if (!ret)
		ret = dh_read_axis(r, proto, dh_onnx_int(proto, "axis", 0),
				   dh_read_tensor(r, input)->rank, &axis);
	if (!ret)
		ret = split_sizes(r, proto, dh_read_tensor(r, input)->dims[axis], parts, count,
				  given);
	return ret ? ret : emit_parts(r, proto, input, axis, parts);
}

/* Elements @start to @end - 1 in steps, as ONNX cuts them to an axis of @size. */
static int set_range(struct dh_reader *r, const Onnx__NodeProto *proto, struct dh_form *form,
		     uint32_t axis, int64_t start, int64_t end, int64_t step)
{
	int64_t size = form->want[0].dims[axis], low = step < 0 ? -1 : 0,
		high = step < 0 ? size - 1 : size, count;

	if (!step || step > INT32_MAX || step < -INT32_MAX)
		return dh_read_refuse(r, proto, "steps[...] = %lld; it must not be 0 or as large",
				      (long long)step);
	start += start < 0 ? size : 0;
	end += end < 0 ? size : 0;
	start = start < low + (step < 0) ? low + (step < 0) : start > high ? high : start;
	end = end < low ? low : end > high ? high : end;
	if (step < 0)
		count = start > end ? (start - end - step - 1) / -step : 0;
	else
		count = end > start ? (end - start + step - 1) / step : 0;
	form->want[0].dims[axis] = (uint32_t)count;
	form->attr.slice.starts[axis] = count ? (uint32_t)start : 0;
	form->attr.slice.steps[axis] = (int32_t)step;
	return 0;
}

int dh_read_slice(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	static const char *const names[] = { "starts", "ends", "axes", "steps" };
	int64_t lists[4][DH_NET_MAX_RANK];
	size_t counts[4];
	bool given[4];
	int32_t input;
	struct dh_form form;
	uint32_t rank, mask;
	int ret = dh_read_input(r, proto, 0, &input);

	for (size_t i = 0; !ret && i < 4; i++)
		ret = dh_read_ints(r, proto, i + 1, names[i], lists[i], DH_NET_MAX_RANK, &counts[i],
				   &given[i]);
	if (ret)
		return ret;
	rank = dh_read_tensor(r, input)->rank;
	if (counts[0] != counts[1] || (given[2] && counts[2] != counts[0]) ||
	    (given[3] && counts[3] != counts[0]) || counts[0] > rank)
		return dh_read_refuse(r, proto,
				      "%zu starts, %zu ends, %zu axes, %zu steps for %u axes; they "
				      "must be equally many",
				      counts[0], counts[1], counts[2], counts[3], rank);
	for (size_t i = 0; !given[2] && i < counts[0]; i++)
		lists[2][i] = (int64_t)i;
	ret = dh_read_axes(r, proto, lists[2], counts[0], rank, &mask);
	form = slice_form(dh_read_tensor(r, input), &input);
	for (size_t i = 0; !ret && i < counts[0]; i++) {
		int64_t axis = lists[2][i] < 0 ? lists[2][i] + rank : lists[2][i];

		ret = set_range(r, proto, &form, (uint32_t)axis, lists[0][i], lists[1][i],
				given[3] ? lists[3][i] : 1);
	}
	return ret ? ret : dh_read_emit(r, proto, &form);
}

/* --- Pad --- */

static int pad_mode(struct dh_reader *r, const Onnx__NodeProto *proto, enum dh_net_pad_mode *mode)
{
	static const char *const names[] = { "constant", "edge", "reflect", "wrap" };
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(proto, "mode");

	*mode = DH_NET_PAD_CONSTANT;
	if (!attribute)
		return 0;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*mode = i;
		if (dh_onnx_bytes_are(&attribute->s, names[i]))
			return 0;
	}
	return dh_read_refuse(r, proto,
			      "attribute mode = %.*s; it must be constant, edge, reflect or wrap",
			      attribute->s.len < 40 ? (int)attribute->s.len : 40,
			      attribute->s.data);
}

/* Pads are given for axes @axes, or for all: first those before, then those after. */
static int set_pads(struct dh_reader *r, const Onnx__NodeProto *proto, struct dh_form *form,
		    uint32_t rank, const int64_t *pads, size_t count)
{
	int64_t axes[DH_NET_MAX_RANK];
	size_t axis_count;
	uint32_t mask;
	bool given;
	int ret = dh_read_ints(r, proto, 3, "axes", axes, DH_NET_MAX_RANK, &axis_count, &given);

	for (uint32_t i = 0; !given && i < rank; i++)
		axes[axis_count++] = i;
	if (!ret)
		ret = dh_read_axes(r, proto, axes, axis_count, rank, &mask);
	if (ret)
		return ret;
	if (count != 2 * axis_count)
		return dh_read_refuse(r, proto, "%zu pads for %zu axes; it must be twice as many",
				      count, axis_count);
	for (size_t i = 0; i < axis_count; i++) {
		int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
		int64_t before = pads[i], after = pads[axis_count + i];

		if (before > INT32_MAX || before < -INT32_MAX || after > INT32_MAX ||
		    after < -INT32_MAX)
			return dh_read_refuse(r, proto, "pads of %lld and %lld are too large",
					      (long long)before, (long long)after);
		form->attr.pad.before[axis] = (int32_t)before;
		form->attr.pad.after[axis] = (int32_t)after;
	}
	return 0;
}

int dh_read_pad(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	const char *name = dh_onnx_attribute(proto, "paddings") ? "paddings" : "pads";
	int64_t pads[2 * DH_NET_MAX_RANK];
	int32_t input;
	struct dh_form form = { .op = DH_NET_PAD, .inputs = &input, .input_count = 1 };
	float value = 0;
	size_t count;
	bool given;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = pad_mode(r, proto, &form.attr.pad.mode);
	if (!ret)
		ret = dh_read_ints(r, proto, 1, name, pads, 2 * DH_NET_MAX_RANK, &count, &given);
	if (!ret)
		ret = dh_read_number(r, proto, 2, "value", &value);
	form.attr.pad.value = value;
	if (!ret)
		ret = set_pads(r, proto, &form, dh_read_tensor(r, input)->rank, pads, count);
	return ret ? ret : dh_read_emit(r, proto, &form);
}

/* --- Gather --- */

/* Indices that count from the end are replaced by those that do not. */
static int positive_indices(struct dh_reader *r, const Onnx__NodeProto *proto, uint32_t size,
			    int32_t *indices)
{
	struct dh_net_tensor c;
	struct dh_net_shape shape;
	int ret = dh_read_constant(r, proto, 1, "indices", &c);

	if (ret)
		return ret;
	if (c.type != DH_NET_INT)
		return dh_read_refuse(r, proto, "indices must be integers");
	shape = dh_shape_of(&c);
	*indices = dh_builder_constant(&r->builder, &shape);
	if (*indices < 0)
		return dh_read_no_memory(r);
	for (size_t i = 0; i < dh_net_elements(&c); i++)
		((int64_t *)r->builder.data[*indices])[i] = c.ints[i] < 0 ? c.ints[i] + size
									  : c.ints[i];
	return 0;
}

int dh_read_gather(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int32_t inputs[2];
	struct dh_form form = { .op = DH_NET_GATHER, .inputs = inputs, .input_count = 2 };
	const struct dh_net_tensor *x;
	int ret = dh_read_input(r, proto, 0, &inputs[0]);

	if (ret)
		return ret;
	x = dh_read_tensor(r, inputs[0]);
	ret = dh_read_axis(r, proto, dh_onnx_int(proto, "axis", 0), x->rank, &form.attr.axis);
	if (!ret)
		ret = positive_indices(r, proto, x->dims[form.attr.axis], &inputs[1]);
	return ret ? ret : dh_read_emit(r, proto, &form);
}
