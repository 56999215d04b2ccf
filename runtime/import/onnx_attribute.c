// SPDX-License-Identifier: MIT
/*
 * The types of attributes. Every attribute that an importer reads is in the table here, so that
 * one of another type is not read as zero.
 */
#include <errno.h>
#include <string.h>

#include "import/onnx.h"

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

static const struct {
	const char *name;
	int type;
} attributes[] = {
	{ "activation_alpha", TYPE(FLOATS) },
	{ "activation_beta", TYPE(FLOATS) },
	{ "activations", TYPE(STRINGS) },
	{ "allowzero", TYPE(INT) },
	{ "alpha", TYPE(FLOAT) },
	{ "auto_pad", TYPE(STRING) },
	{ "axes", TYPE(INTS) },
	{ "axis", TYPE(INT) },
	{ "beta", TYPE(FLOAT) },
	{ "blocksize", TYPE(INT) },
	{ "broadcast", TYPE(INT) },
	{ "ceil_mode", TYPE(INT) },
	{ "clip", TYPE(FLOAT) },
	{ "count_include_pad", TYPE(INT) },
	{ "dilations", TYPE(INTS) },
	{ "direction", TYPE(STRING) },
	{ "end", TYPE(INT) },
	{ "ends", TYPE(INTS) },
	{ "epsilon", TYPE(FLOAT) },
	{ "gamma", TYPE(FLOAT) },
	{ "group", TYPE(INT) },
	{ "hidden_size", TYPE(INT) },
	{ "input_forget", TYPE(INT) },
	{ "is_test", TYPE(INT) },
	{ "keepdims", TYPE(INT) },
	{ "kernel_shape", TYPE(INTS) },
	{ "layout", TYPE(INT) },
	{ "linear_before_reset", TYPE(INT) },
	{ "max", TYPE(FLOAT) },
	{ "min", TYPE(FLOAT) },
	{ "mode", TYPE(STRING) },
	{ "noop_with_empty_axes", TYPE(INT) },
	{ "paddings", TYPE(INTS) },
	{ "pads", TYPE(INTS) },
	{ "perm", TYPE(INTS) },
	{ "select_last_index", TYPE(INT) },
	{ "shape", TYPE(INTS) },
	{ "spatial", TYPE(INT) },
	{ "split", TYPE(INTS) },
	{ "start", TYPE(INT) },
	{ "starts", TYPE(INTS) },
	{ "steps", TYPE(INTS) },
	{ "strides", TYPE(INTS) },
	{ "to", TYPE(INT) },
	{ "training_mode", TYPE(INT) },
	{ "transA", TYPE(INT) },
	{ "transB", TYPE(INT) },
	{ "value", TYPE(TENSOR) },
	{ "value_float", TYPE(FLOAT) },
	{ "value_floats", TYPE(FLOATS) },
	{ "value_int", TYPE(INT) },
	{ "value_ints", TYPE(INTS) },
};

/* What a field of the message is there for, in the order of the types' numbers. */
static bool holds(const Onnx__AttributeProto *a, int type)
{
	switch (type) {
	case TYPE(FLOAT):
		return a->has_f;
	case TYPE(INT):
		return a->has_i;
	case TYPE(STRING):
		return a->has_s;
	case TYPE(TENSOR):
		return a->t;
	case TYPE(GRAPH):
		return a->g;
	case TYPE(FLOATS):
		return a->n_floats;
	case TYPE(INTS):
		return a->n_ints;
	case TYPE(STRINGS):
		return a->n_strings;
	case TYPE(TENSORS):
		return a->n_tensors;
	case TYPE(GRAPHS):
		return a->n_graphs;
	default:
		return false;
	}
}

/* As which type it is stored: what it says itself, unless it holds a value of another type only. */
static int type_of(const Onnx__AttributeProto *a)
{
	int declared = a->has_type ? (int)a->type : TYPE(UNDEFINED), held = TYPE(FLOAT);

	while (held <= TYPE(GRAPHS) && !holds(a, held))
		held++;
	/* zeros and empty lists need not be stored */
	if (held > TYPE(GRAPHS) || holds(a, declared))
		return declared;
	return held;
}

static const char *type_name(int type)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&onnx__attribute_proto__attribute_type__descriptor, type);

	return value ? value->name : "unknown";
}

/* TYPE(UNDEFINED): nobody reads it. */
static int wanted_type(const char *op, const char *name, int64_t opset)
{
	if (!strcmp(op, "Pad") && !strcmp(name, "value"))
		return TYPE(FLOAT);
	if (!strcmp(op, "Cast") && !strcmp(name, "to") && opset < 6)
		return TYPE(STRING);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (!strcmp(name, attributes[i].name))
			return attributes[i].type;
	}
	return TYPE(UNDEFINED);
}

static int check_attribute(const Onnx__AttributeProto *a, int wanted, struct dh_error *why)
{
	if (a->ref_attr_name && *a->ref_attr_name)
		dh_error_set(why,
			     "attribute %s stands for %.60s of a function around the node; give it "
			     "a value, of type %s",
			     a->name, a->ref_attr_name, type_name(wanted));
	else if (type_of(a) != wanted)
		dh_error_set(why,
			     "attribute %s is of type %s; it must be of type %s: store it as that, "
			     "or export the model again",
			     a->name, type_name(type_of(a)), type_name(wanted));
	else if (wanted == TYPE(TENSOR) && !a->t)
		dh_error_set(why, "attribute %s has no tensor; the file is damaged", a->name);
	else
		return 0;
	return -EOPNOTSUPP;
}

int dh_onnx_check_attributes(const Onnx__NodeProto *node, int64_t opset, struct dh_error *why)
{
	const char *op = node->op_type ? node->op_type : "";
	int ret = 0;

	for (size_t i = 0; !ret && i < node->n_attribute; i++) {
		const Onnx__AttributeProto *a = node->attribute[i];
		int wanted = a->name ? wanted_type(op, a->name, opset) : TYPE(UNDEFINED);

		if (wanted != TYPE(UNDEFINED))
			ret = check_attribute(a, wanted, why);
	}
	return ret;
}
