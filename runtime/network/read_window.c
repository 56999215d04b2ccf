// SPDX-License-Identifier: MIT
/* Convolution and pooling. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "network/reader.h"

/* Windows go over axes 2 and up. */
static int check_rank(struct dh_reader *r, const Onnx__NodeProto *proto,
		      const struct dh_net_tensor *x)
{
	char text[80];

	if (x->rank == 3 || x->rank == 4)
		return 0;
	return dh_read_refuse(
		r, proto,
		"its input is %s, which is %u-D; only 1-D and 2-D windows work: inputs "
		"of [N, C, columns] or [N, C, rows, columns]",
		dh_shape_text(x, text, sizeof(text)), x->rank > 2 ? x->rank - 2 : 0);
}

/*
 * An attribute with a value for each spatial axis; @out: rows and columns. Without it @out is left
 * alone. Of a 1-D window the columns are set.
 */
static int read_pair(struct dh_reader *r, const Onnx__NodeProto *proto, const char *name,
		     uint32_t spatial, int64_t smallest, uint32_t *out)
{
	int64_t values[2];
	size_t count;
	bool given;
	int ret = dh_read_ints(r, proto, SIZE_MAX, name, values, 2, &count, &given);

	if (ret || !given)
		return ret;
	if (count != spatial)
		return dh_read_refuse(r, proto,
				      "attribute %s has %zu values; its input has %u spatial axes",
				      name, count, spatial);
	for (uint32_t i = 0; i < spatial; i++) {
		if (values[i] < smallest || values[i] > INT32_MAX)
			return dh_read_refuse(r, proto,
					      "attribute %s[%u] = %lld; it must be at least %lld",
					      name, i, (long long)values[i], (long long)smallest);
		out[2 - spatial + i] = (uint32_t)values[i];
	}
	return 0;
}

static int read_pads(struct dh_reader *r, const Onnx__NodeProto *proto, uint32_t spatial,
		     uint32_t *pads)
{
	int64_t values[4];
	size_t count;
	bool given;
	int ret = dh_read_ints(r, proto, SIZE_MAX, "pads", values, 4, &count, &given);

	if (ret || !given)
		return ret;
	if (count != 2 * (size_t)spatial)
		return dh_read_refuse(
			r, proto,
			"attribute pads has %zu values; with %u spatial axes it needs "
			"%u",
			count, spatial, 2 * spatial);
	for (uint32_t i = 0; i < 2 * spatial; i++) {
		bool after = i >= spatial;

		if (values[i] < 0 || values[i] > INT32_MAX)
			return dh_read_refuse(r, proto,
					      "attribute pads[%u] = %lld; it must not be negative: "
					      "put a Slice before it",
					      i, (long long)values[i]);
		pads[2 - spatial + i + (after ? 2 - spatial : 0)] = (uint32_t)values[i];
	}
	return 0;
}

/* Pads that make ceil(size / stride) windows. */
static void same_pads(struct dh_net_window *w, unsigned int axis, uint32_t size, bool upper)
{
	uint64_t span = (uint64_t)(w->kernel[axis] - 1) * w->dilations[axis] + 1;
	uint64_t count = ((uint64_t)size + w->strides[axis] - 1) / w->strides[axis];
	uint64_t need = (count - 1) * w->strides[axis] + span;
	uint64_t total = need > size ? need - size : 0;

	w->pads[axis] = (uint32_t)(upper ? total / 2 : total - total / 2);
	w->pads[2 + axis] = (uint32_t)(total - w->pads[axis]);
}

static int auto_pads(struct dh_reader *r, const Onnx__NodeProto *proto,
		     const struct dh_net_tensor *x, struct dh_net_window *w)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(proto, "auto_pad");
	bool upper = attribute && dh_onnx_bytes_are(&attribute->s, "SAME_UPPER");
	struct dh_map map = dh_map_of(x);

	if (!attribute || dh_onnx_bytes_are(&attribute->s, "NOTSET") || !attribute->s.len)
		return read_pads(r, proto, x->rank - 2, w->pads);
	if (dh_onnx_bytes_are(&attribute->s, "VALID"))
		return 0;
	if (!upper && !dh_onnx_bytes_are(&attribute->s, "SAME_LOWER"))
		return dh_read_refuse(r, proto,
				      "attribute auto_pad = %.*s; it must be NOTSET, VALID, "
				      "SAME_UPPER or SAME_LOWER",
				      attribute->s.len < 40 ? (int)attribute->s.len : 40,
				      attribute->s.data);
	same_pads(w, 0, (uint32_t)map.rows, upper);
	same_pads(w, 1, (uint32_t)map.cols, upper);
	return 0;
}

/* A window of which @w->kernel is set, where the file does not say it. */
static int read_window(struct dh_reader *r, const Onnx__NodeProto *proto,
		       const struct dh_net_tensor *x, struct dh_net_window *w)
{
	uint32_t spatial = x->rank - 2;
	int ret = read_pair(r, proto, "kernel_shape", spatial, 1, w->kernel);

	w->strides[0] = w->strides[1] = w->dilations[0] = w->dilations[1] = 1;
	if (!ret && (!w->kernel[0] || !w->kernel[1]))
		ret = dh_read_refuse(r, proto, "attribute kernel_shape is missing");
	if (!ret)
		ret = read_pair(r, proto, "strides", spatial, 1, w->strides);
	if (!ret)
		ret = read_pair(r, proto, "dilations", spatial, 1, w->dilations);
	return ret ? ret : auto_pads(r, proto, x, w);
}

int dh_read_conv(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t group = dh_onnx_int(proto, "group", 1);
	int32_t inputs[3];
	struct dh_form form = { .op = DH_NET_CONV, .inputs = inputs };
	struct dh_net_window *window = &form.attr.conv.window;
	struct dh_net_tensor x, w;
	int ret = dh_read_input(r, proto, 0, &inputs[0]);

	if (!ret)
		ret = dh_read_input(r, proto, 1, &inputs[1]);
	if (!ret)
		ret = dh_read_optional(r, proto, 2, &inputs[2]);
	if (ret)
		return ret;
	form.input_count = inputs[2] == DH_NET_NONE ? 2 : 3;
	x = *dh_read_tensor(r, inputs[0]);
	w = *dh_read_tensor(r, inputs[1]);
	ret = check_rank(r, proto, &x);
	if (ret)
		return ret;
	if (group < 1 || group > INT32_MAX)
		return dh_read_refuse(r, proto, "attribute group = %lld; it must be at least 1",
				      (long long)group);
	form.attr.conv.group = (uint32_t)group;
	window->kernel[0] = w.rank == 4 ? w.dims[2] : 1;
	window->kernel[1] = w.rank >= 3 ? w.dims[w.rank - 1] : 1;
	ret = read_window(r, proto, &x, window);
	return ret ? ret : dh_read_emit(r, proto, &form);
}

static int check_pool(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	if (dh_read_output_live(r, proto, 1))
		return dh_read_refuse(r, proto,
				      "output Indices is used; only the maxima are computed: do "
				      "without it");
	return 0;
}

int dh_read_pool(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	bool max = !strcmp(proto->op_type, "MaxPool");
	int32_t input;
	struct dh_form form = { .op = max ? DH_NET_MAX_POOL : DH_NET_AVERAGE_POOL,
				.inputs = &input,
				.input_count = 1 };
	struct dh_net_tensor x;
	int ret = dh_read_input(r, proto, 0, &input);

	if (!ret)
		ret = check_pool(r, proto);
	if (ret)
		return ret;
	x = *dh_read_tensor(r, input);
	ret = check_rank(r, proto, &x);
	form.attr.pool.window.kernel[0] = x.rank == 3;
	form.attr.pool.ceil_mode = dh_onnx_int(proto, "ceil_mode", 0);
	form.attr.pool.count_include_pad = !max && dh_onnx_int(proto, "count_include_pad", 0);
	if (!ret)
		ret = read_window(r, proto, &x, &form.attr.pool.window);
	return ret ? ret : dh_read_emit(r, proto, &form);
}

int dh_read_global_pool(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	bool max = !strcmp(proto->op_type, "GlobalMaxPool");
	int32_t input;
	struct dh_form form = { .op = max ? DH_NET_MAX_POOL : DH_NET_AVERAGE_POOL,
				.inputs = &input,
				.input_count = 1 };
	struct dh_net_tensor x;
	struct dh_map map;
	int ret = dh_read_input(r, proto, 0, &input);

	if (ret)
		return ret;
	x = *dh_read_tensor(r, input);
	ret = check_rank(r, proto, &x);
	if (ret)
		return ret;
	map = dh_map_of(&x);
	form.attr.pool.window = (struct dh_net_window){
		.kernel = { (uint32_t)map.rows, (uint32_t)map.cols },
		.strides = { 1, 1 },
		.dilations = { 1, 1 },
	};
	return dh_read_emit(r, proto, &form);
}
