// SPDX-License-Identifier: MIT
/* What the readers of operators use: sentences, inputs, outputs. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "network/reader.h"

#define INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

static const char *text(const char *s)
{
	return s ? s : "";
}

/* --- sentences --- */

const char *dh_read_label(struct dh_reader *r, const Onnx__NodeProto *proto)
{
	const char *name = text(proto->name);

	for (size_t i = 0; !*name && i < proto->n_output; i++)
		name = proto->output[i];
	snprintf(r->label, sizeof(r->label), "%s", *name ? name : "(no name)");
	dh_text_clean(r->label);
	return r->label;
}

void dh_read_say(struct dh_reader *r, const Onnx__NodeProto *proto, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->note, sizeof(r->note), fmt, args);
	va_end(args);
	dh_text_clean(r->note);
	if (proto)
		dh_error_set(r->err, "node %s (%.60s): %s", dh_read_label(r, proto),
			     text(proto->op_type), r->note);
	else
		dh_error_set(r->err, "%s", r->note);
}

bool dh_read_say_no_memory(struct dh_reader *r)
{
	bool full = r->builder.net && r->builder.net->arena.full;

	if (full)
		dh_read_say(r, NULL,
			    "the constants of the graph need more than %zu MiB; store them in the "
			    "file, or make the network smaller",
			    r->builder.net->arena.limit >> 20);
	else
		dh_error_set(r->err, "out of memory");
	return full;
}

/* --- constants --- */

/* Sizes of a TensorProto as a shape. */
static int proto_shape(struct dh_reader *r, const Onnx__TensorProto *proto,
		       struct dh_net_shape *shape, size_t *count)
{
	const char *name = text(proto->name);

	if (dh_onnx_tensor_inside(proto, &r->why))
		return dh_read_refuse(r, NULL, "%s", r->why.text);
	*shape = (struct dh_net_shape){ .onnx_type = proto->data_type, .rank = proto->n_dims };
	shape->type = dh_onnx_is_int(proto->data_type) ? DH_NET_INT : DH_NET_FLOAT;
	if (shape->type == DH_NET_FLOAT && !dh_onnx_is_float(proto->data_type))
		return dh_read_refuse(r, NULL, "tensor %.100s: type %s is not supported; use float",
				      name, dh_onnx_type_name(proto->data_type));
	if (proto->n_dims > DH_NET_MAX_RANK || !dh_onnx_tensor_count(proto, count) ||
	    *count > DH_NET_MAX_ELEMENTS)
		return dh_read_refuse(r, NULL,
				      "tensor %.100s: more than %d axes or %zu elements, or a "
				      "negative size; such tensors do not work",
				      name, DH_NET_MAX_RANK, DH_NET_MAX_ELEMENTS);
	for (uint32_t i = 0; i < shape->rank; i++) {
		if (proto->dims[i] > (int64_t)DH_NET_MAX_ELEMENTS)
			return dh_read_refuse(r, NULL, "tensor %.100s: axis %u is too long", name,
					      i);
		shape->dims[i] = (uint32_t)proto->dims[i];
	}
	if (*count > r->onnx.file_size)
		return dh_read_refuse(
			r, NULL,
			"tensor %.100s: %zu elements do not fit in the file; it is damaged", name,
			*count);
	return 0;
}

int dh_read_proto(struct dh_reader *r, const Onnx__TensorProto *proto, int32_t *tensor)
{
	struct dh_net_shape shape;
	size_t count;
	int ret = proto_shape(r, proto, &shape, &count);

	if (ret)
		return ret;
	*tensor = dh_builder_constant(&r->builder, &shape);
	if (*tensor < 0)
		return dh_read_no_memory(r);
	if (shape.type == DH_NET_INT)
		ret = dh_onnx_ints(proto, count, r->builder.data[*tensor], &r->why);
	else
		ret = dh_onnx_floats(proto, count, r->builder.data[*tensor], &r->why);
	if (ret)
		dh_read_say(r, NULL, "%s", r->why.text);
	return ret;
}

/* A constant out of the options, whose data are copied. */
static int read_given(struct dh_reader *r, const struct dh_net_tensor *given, int32_t *tensor)
{
	struct dh_net_shape shape = dh_shape_of(given);

	*tensor = dh_builder_constant(&r->builder, &shape);
	if (*tensor < 0)
		return dh_read_no_memory(r);
	memcpy(r->builder.data[*tensor], given->data, dh_net_bytes(given));
	return 0;
}

/* --- inputs of the graph --- */

static const Onnx__TypeProto__Tensor *tensor_type(const Onnx__ValueInfoProto *info)
{
	return info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
		       ? info->type->tensor_type
		       : NULL;
}

/* The name of an axis without a fixed size; NULL: it has one. */
static const char *open_name(const Onnx__TensorShapeProto__Dimension *dim)
{
	if (dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE)
		return dim->dim_value > 0 ? NULL : "";
	return dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
		       ? text(dim->dim_param)
		       : "";
}

/* The axis of the batch in input @input of a node, which is the first but for recurrent layers. */
static uint32_t batch_axis_of(const Onnx__NodeProto *node, size_t input)
{
	const char *op = text(node->op_type);
	bool recurrent = !strcmp(op, "GRU") || !strcmp(op, "LSTM") || !strcmp(op, "RNN");

	return recurrent && (input == 0 || input == 5 || input == 6) &&
	       !dh_onnx_int(node, "layout", 0);
}

/* By who reads the input @name. */
static uint32_t batch_axis_by_use(const struct dh_reader *r, const char *name)
{
	for (size_t i = 0; i < r->proto->n_node; i++) {
		const Onnx__NodeProto *node = r->proto->node[i];

		for (size_t k = 0; k < node->n_input; k++) {
			if (!strcmp(node->input[k], name))
				return batch_axis_of(node, k);
		}
	}
	return 0;
}

/* The one that is called so, or else the one that is used as such. */
static uint32_t batch_axis(const struct dh_reader *r, const Onnx__ValueInfoProto *info)
{
	const Onnx__TensorShapeProto *shape = tensor_type(info)->shape;

	for (uint32_t i = 0; i < shape->n_dim; i++) {
		const char *name = open_name(shape->dim[i]);

		if (name && (!strcmp(name, "N") || strstr(name, "batch") || strstr(name, "Batch")))
			return i;
	}
	return batch_axis_by_use(r, text(info->name));
}

/* The size of an axis that has none in the file. */
static int open_size(struct dh_reader *r, const char *input, uint32_t axis, const char *name,
		     bool is_batch, uint32_t *size)
{
	for (size_t i = 0; r->options && i < r->options->size_count; i++) {
		if (*name && !strcmp(r->options->sizes[i].name, name)) {
			*size = r->options->sizes[i].size;
			return 0;
		}
	}
	if (!is_batch)
		return dh_read_refuse(
			r, NULL,
			"input %.100s: the size of axis %u (%.60s) is left open; "
			"export the model with a fixed one: only the batch may be open",
			input, axis, *name ? name : "no name");
	*size = 1;
	dh_explain_note(r->explain, "input %.100s: the batch, axis %u, is left open and made 1",
			input, axis);
	return 0;
}

static int read_dim(struct dh_reader *r, const Onnx__ValueInfoProto *info, uint32_t axis,
		    uint32_t *size)
{
	const Onnx__TensorShapeProto *shape = tensor_type(info)->shape;
	const char *name = open_name(shape->dim[axis]);

	if (name)
		return open_size(r, text(info->name), axis, name, axis == batch_axis(r, info),
				 size);
	*size = shape->dim[axis]->dim_value > INT32_MAX ? INT32_MAX
							: (uint32_t)shape->dim[axis]->dim_value;
	if (r->options && r->options->one_batch && axis == batch_axis(r, info))
		*size = 1;
	return 0;
}

static int input_shape(struct dh_reader *r, const Onnx__ValueInfoProto *info,
		       struct dh_net_shape *shape)
{
	const Onnx__TypeProto__Tensor *type = tensor_type(info);
	size_t count;
	int ret = 0;

	if (!type || !type->shape || type->shape->n_dim > DH_NET_MAX_RANK)
		return dh_read_refuse(r, NULL,
				      "input %.100s: is no tensor, has no shape, or more than %d "
				      "axes; export it as a tensor with its shape",
				      text(info->name), DH_NET_MAX_RANK);
	if (!dh_onnx_is_float(type->elem_type) && !dh_onnx_is_int(type->elem_type))
		return dh_read_refuse(r, NULL, "input %.100s: type %s is not supported; use float",
				      text(info->name), dh_onnx_type_name(type->elem_type));
	*shape = (struct dh_net_shape){ .onnx_type = type->elem_type, .rank = type->shape->n_dim };
	shape->type = dh_onnx_is_int(type->elem_type) ? DH_NET_INT : DH_NET_FLOAT;
	for (uint32_t i = 0; !ret && i < shape->rank; i++)
		ret = read_dim(r, info, i, &shape->dims[i]);
	if (!ret && (!dh_shape_elements(shape->dims, shape->rank, &count) || !count))
		ret = dh_read_refuse(
			r, NULL,
			"input %.100s: has more than %zu elements, or none; no network "
			"of this size works",
			text(info->name), DH_NET_MAX_ELEMENTS);
	return ret;
}

static int load_input(struct dh_reader *r, const Onnx__ValueInfoProto *info, int32_t *tensor)
{
	struct dh_net_shape shape;
	int ret = input_shape(r, info, &shape);

	if (ret)
		return ret;
	*tensor = dh_builder_tensor(&r->builder, &shape);
	return *tensor < 0 ? dh_read_no_memory(r) : 0;
}

/* A name that no node makes: what it stands for is read when it is asked for first. */
static int load_value(struct dh_reader *r, struct dh_read_value *value)
{
	int32_t tensor;
	int ret;

	if (value->given)
		ret = read_given(r, value->given, &tensor);
	else if (value->initializer)
		ret = dh_read_proto(r, value->initializer, &tensor);
	else
		ret = load_input(r, r->proto->input[value->input], &tensor);
	if (ret)
		return ret;
	value->tensor = tensor;
	return dh_builder_name(&r->builder, tensor, value->name) ? dh_read_no_memory(r) : 0;
}

/* --- inputs of nodes --- */

bool dh_read_has_input(const Onnx__NodeProto *proto, size_t i)
{
	return i < proto->n_input && proto->input[i][0];
}

int dh_read_input(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int32_t *tensor)
{
	struct dh_read_value *value;
	int ret;

	if (!dh_read_has_input(proto, i))
		return dh_read_refuse(r, proto, "input %zu is missing; the file is damaged", i);
	value = dh_names_find(&r->names, proto->input[i]);
	if (!value || (value->tensor == DH_NET_NONE && !value->given && !value->initializer &&
		       value->input < 0))
		return dh_read_refuse(r, proto,
				      "input %.100s is not made by any node before it; sort the "
				      "graph or export it again",
				      proto->input[i]);
	ret = value->tensor == DH_NET_NONE ? load_value(r, value) : 0;
	*tensor = value->tensor;
	return ret;
}

int dh_read_optional(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int32_t *tensor)
{
	*tensor = DH_NET_NONE;
	return dh_read_has_input(proto, i) ? dh_read_input(r, proto, i, tensor) : 0;
}

int dh_read_inputs(struct dh_reader *r, const Onnx__NodeProto *proto, size_t count,
		   int32_t *tensors, uint32_t *given)
{
	int ret = 0;

	*given = 0;
	for (size_t i = 0; !ret && i < count; i++) {
		ret = dh_read_optional(r, proto, i, &tensors[i]);
		if (tensors[i] != DH_NET_NONE)
			*given = i + 1;
	}
	return ret;
}

const struct dh_net_tensor *dh_read_tensor(const struct dh_reader *r, int32_t tensor)
{
	return &r->builder.net->tensors[tensor];
}

int dh_read_constant(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, const char *what,
		     struct dh_net_tensor *constant)
{
	const struct dh_read_value *value;
	int32_t tensor;
	int ret = dh_read_input(r, proto, i, &tensor);

	if (ret)
		return ret;
	*constant = *dh_read_tensor(r, tensor);
	if (constant->data)
		return 0;
	value = dh_names_find(&r->names, proto->input[i]);
	return dh_read_refuse(
		r, proto, "%s (%.100s) is not a constant but %s; make it an initializer", what,
		proto->input[i],
		value->input >= 0 ? "an input of the graph" : "computed from the input");
}

static int attribute_ints(struct dh_reader *r, const Onnx__NodeProto *proto, const char *what,
			  int64_t *out, size_t room, size_t *count, bool *given)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(proto, what);

	*given = attribute;
	if (!attribute)
		return 0;
	if (attribute->n_ints > room)
		return dh_read_refuse(r, proto, "attribute %s has %zu values, more than %zu", what,
				      attribute->n_ints, room);
	for (; *count < attribute->n_ints; ++*count)
		out[*count] = attribute->ints[*count];
	return 0;
}

int dh_read_ints(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, const char *what,
		 int64_t *out, size_t room, size_t *count, bool *given)
{
	struct dh_net_tensor c;
	int ret;

	*count = 0;
	if (!dh_read_has_input(proto, i))
		return attribute_ints(r, proto, what, out, room, count, given);
	*given = true;
	ret = dh_read_constant(r, proto, i, what, &c);
	if (ret)
		return ret;
	if (c.type != DH_NET_INT || c.rank > 1 || dh_net_elements(&c) > room)
		return dh_read_refuse(r, proto, "%s must be a list of at most %zu integers", what,
				      room);
	*count = dh_net_elements(&c);
	memcpy(out, c.ints, *count * sizeof(*out));
	return 0;
}

int dh_read_number(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, const char *what,
		   float *out)
{
	struct dh_net_tensor c;
	int ret;

	if (!dh_read_has_input(proto, i)) {
		*out = dh_onnx_float(proto, what, *out);
		return 0;
	}
	ret = dh_read_constant(r, proto, i, what, &c);
	if (ret)
		return ret;
	if (dh_net_elements(&c) != 1)
		return dh_read_refuse(r, proto, "%s has %zu elements; it must be a single number",
				      what, dh_net_elements(&c));
	*out = c.type == DH_NET_FLOAT ? c.floats[0] : (float)c.ints[0];
	return 0;
}

int dh_read_axis(struct dh_reader *r, const Onnx__NodeProto *proto, int64_t axis, uint32_t rank,
		 uint32_t *out)
{
	if (axis < -(int64_t)rank || axis >= (int64_t)rank)
		return dh_read_refuse(r, proto, "axis %lld is not one of %u axes", (long long)axis,
				      rank);
	*out = (uint32_t)(axis < 0 ? axis + rank : axis);
	return 0;
}

int dh_read_axes(struct dh_reader *r, const Onnx__NodeProto *proto, const int64_t *axes,
		 size_t count, uint32_t rank, uint32_t *mask)
{
	*mask = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t axis;
		int ret = dh_read_axis(r, proto, axes[i], rank, &axis);

		if (ret)
			return ret;
		if (*mask >> axis & 1)
			return dh_read_refuse(r, proto, "axis %u is named twice", axis);
		*mask |= 1u << axis;
	}
	return 0;
}

/* --- outputs --- */

/* The name of output @i, if the network needs it; else NULL. */
static struct dh_read_value *live_output(struct dh_reader *r, const Onnx__NodeProto *proto,
					 size_t i)
{
	struct dh_read_value *value = i < proto->n_output && proto->output[i][0]
					      ? dh_names_find(&r->names, proto->output[i])
					      : NULL;

	return value && value->live ? value : NULL;
}

bool dh_read_output_live(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i)
{
	return live_output(r, proto, i);
}

int dh_read_bind(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int32_t tensor)
{
	struct dh_read_value *value = live_output(r, proto, i);

	if (!value)
		return 0;
	if (value->tensor != DH_NET_NONE || value->given || value->initializer || value->input >= 0)
		return dh_read_refuse(r, proto, "output %.100s is made twice; the file is damaged",
				      proto->output[i]);
	value->tensor = tensor;
	if (dh_read_tensor(r, tensor)->name)
		return 0;
	return dh_builder_name(&r->builder, tensor, value->name) ? dh_read_no_memory(r) : 0;
}

int dh_read_add(struct dh_reader *r, const Onnx__NodeProto *proto, struct dh_form *form,
		int32_t *outputs)
{
	int ret;

	form->name = dh_read_label(r, proto);
	form->onnx_op = text(proto->op_type);
	form->source = r->row;
	if (!form->output_count)
		form->output_count = 1;
	r->why.text[0] = '\0';
	ret = dh_builder_node(&r->builder, form, outputs);
	if (ret == -ENOMEM)
		return dh_read_no_memory(r);
	return ret ? dh_read_refuse(r, proto, "%s", r->why.text) : 0;
}

int dh_read_emit(struct dh_reader *r, const Onnx__NodeProto *proto, struct dh_form *form)
{
	int32_t outputs[DH_NET_MAX_OUTPUTS];
	int ret = dh_read_add(r, proto, form, outputs);

	return ret ? ret : dh_read_bind(r, proto, 0, outputs[0]);
}

int dh_read_reshape(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t tensor,
		    uint32_t rank, const uint32_t *dims, int32_t *out)
{
	const struct dh_net_tensor *x = dh_read_tensor(r, tensor);
	struct dh_form form = { .op = DH_NET_RESHAPE, .inputs = &tensor, .input_count = 1 };

	*out = tensor;
	if (dh_shape_equal(x->dims, x->rank, dims, rank))
		return 0;
	form.want[0].rank = rank;
	for (uint32_t i = 0; i < rank; i++)
		form.want[0].dims[i] = dims[i];
	return dh_read_add(r, proto, &form, out);
}

int dh_read_list(struct dh_reader *r, const Onnx__NodeProto *proto, const int64_t *values,
		 size_t count)
{
	struct dh_net_shape shape = { DH_NET_INT, INT64, 1, { (uint32_t)count } };
	int32_t tensor = dh_builder_constant(&r->builder, &shape);

	if (tensor < 0)
		return dh_read_no_memory(r);
	memcpy(r->builder.data[tensor], values, count * sizeof(*values));
	return dh_read_bind(r, proto, 0, tensor);
}
