// SPDX-License-Identifier: MIT
/* Constants, and what becomes one because shapes are known. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "network/reader.h"

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

static int list_constant(struct dh_reader *r, const Onnx__NodeProto *proto,
			 const Onnx__AttributeProto *attribute)
{
	bool list = strchr(attribute->name, 's'), is_int = strstr(attribute->name, "int");
	struct dh_net_shape shape = {
		is_int ? DH_NET_INT : DH_NET_FLOAT, is_int ? INT64 : FLOAT, list, { 0 }
	};
	int32_t tensor;
	size_t count;

	shape.dims[0] = (uint32_t)(is_int ? attribute->n_ints : attribute->n_floats);
	tensor = dh_builder_constant(&r->builder, &shape);
	if (tensor < 0)
		return dh_read_no_memory(r);
	count = list ? shape.dims[0] : 1;
	for (size_t i = 0; i < count; i++) {
		if (is_int)
			((int64_t *)r->builder.data[tensor])[i] = list ? attribute->ints[i]
								       : attribute->i;
		else
			((float *)r->builder.data[tensor])[i] = list ? attribute->floats[i]
								     : attribute->f;
	}
	return dh_read_bind(r, proto, 0, tensor);
}

int dh_read_constant_node(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	static const char *const lists[] = { "value_float", "value_floats", "value_int",
					     "value_ints" };
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(proto, "value");
	int32_t tensor;
	int ret;

	if (attribute && attribute->t) {
		ret = dh_read_proto(r, attribute->t, &tensor);
		return ret ? ret : dh_read_bind(r, proto, 0, tensor);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		attribute = dh_onnx_attribute(proto, lists[i]);
		if (attribute)
			return list_constant(r, proto, attribute);
	}
	return dh_read_refuse(r, proto,
			      "has no value of a supported type; use a dense tensor of numbers");
}

/* The single value that the whole constant has: a float 0 if the file says nothing. */
static int fill_value(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t *tensor)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(proto, "value");
	struct dh_net_shape single = { DH_NET_FLOAT, FLOAT, 0, { 0 } };
	int ret;

	if (attribute && attribute->t) {
		ret = dh_read_proto(r, attribute->t, tensor);
		if (ret)
			return ret;
		if (dh_net_elements(dh_read_tensor(r, *tensor)) != 1)
			return dh_read_refuse(r, proto, "attribute value must have one element");
		return dh_read_reshape(r, proto, *tensor, 0, NULL, tensor);
	}
	*tensor = dh_builder_constant(&r->builder, &single);
	return *tensor < 0 ? dh_read_no_memory(r) : 0;
}

int dh_read_constant_of_shape(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t dims[DH_NET_MAX_RANK];
	int32_t value;
	struct dh_form form = { .op = DH_NET_EXPAND, .inputs = &value, .input_count = 1 };
	size_t count;
	bool given;
	int ret = dh_read_ints(r, proto, 0, "shape", dims, DH_NET_MAX_RANK, &count, &given);

	if (!ret)
		ret = fill_value(r, proto, &value);
	for (size_t i = 0; !ret && i < count; i++) {
		if (dims[i] < 0 || dims[i] > (int64_t)DH_NET_MAX_ELEMENTS)
			ret = dh_read_refuse(r, proto, "its shape has a size of %lld",
					     (long long)dims[i]);
		form.want[0].dims[i] = (uint32_t)dims[i];
	}
	form.want[0].rank = count;
	return ret ? ret : dh_read_emit(r, proto, &form);
}

int dh_read_shape(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	int64_t dims[DH_NET_MAX_RANK], start, end;
	const struct dh_net_tensor *x;
	int32_t input;
	int ret = dh_read_input(r, proto, 0, &input);

	if (ret)
		return ret;
	x = dh_read_tensor(r, input);
	start = dh_onnx_int(proto, "start", 0);
	end = dh_onnx_int(proto, "end", x->rank);
	start += start < 0 ? x->rank : 0;
	end += end < 0 ? x->rank : 0;
	start = start < 0 ? 0 : start > x->rank ? x->rank : start;
	end = end < start ? start : end > x->rank ? x->rank : end;
	for (uint32_t i = 0; i < x->rank; i++)
		dims[i] = x->dims[i];
	return dh_read_list(r, proto, dims + start, (size_t)(end - start));
}

int dh_read_size(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	struct dh_net_shape single = { DH_NET_INT, INT64, 0, { 0 } };
	int32_t input, tensor;
	int ret = dh_read_input(r, proto, 0, &input);

	if (ret)
		return ret;
	tensor = dh_builder_constant(&r->builder, &single);
	if (tensor < 0)
		return dh_read_no_memory(r);
	*(int64_t *)r->builder.data[tensor] = (int64_t)dh_net_elements(dh_read_tensor(r, input));
	return dh_read_bind(r, proto, 0, tensor);
}

/* --- Range --- */

static int range_input(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int64_t *value)
{
	static const char *const names[] = { "start", "limit", "delta" };
	struct dh_net_tensor c;
	int ret = dh_read_constant(r, proto, i, names[i], &c);

	if (ret)
		return ret;
	if (c.type != DH_NET_INT || dh_net_elements(&c) != 1 || c.ints[0] > INT32_MAX ||
	    c.ints[0] < INT32_MIN)
		return dh_read_refuse(r, proto, "%s must be a single integer of 32 bits", names[i]);
	*value = c.ints[0];
	return 0;
}

int dh_read_range(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	struct dh_net_shape shape = { DH_NET_INT, INT64, 1, { 0 } };
	int64_t range[3], count;
	int32_t tensor;

	for (size_t i = 0; i < 3; i++) {
		int ret = range_input(r, proto, i, &range[i]);

		if (ret)
			return ret;
	}
	if (!range[2])
		return dh_read_refuse(r, proto, "delta = 0; it must not be");
	count = (range[1] - range[0] + range[2] + (range[2] > 0 ? -1 : 1)) / range[2];
	shape.dims[0] = (uint32_t)(count < 0 ? 0 : count);
	tensor = dh_builder_constant(&r->builder, &shape);
	if (tensor < 0)
		return dh_read_no_memory(r);
	for (int64_t i = 0; i < count; i++)
		((int64_t *)r->builder.data[tensor])[i] = range[0] + i * range[2];
	return dh_read_bind(r, proto, 0, tensor);
}
