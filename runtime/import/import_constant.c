// SPDX-License-Identifier: MIT
/* Operators that compute on constants, which the compiler folds, and on the shapes of data. */
#include <errno.h>
#include <string.h>

#include "import/import.h"

static int constant_of_list(struct dh_import *im, const Onnx__NodeProto *node,
			    const Onnx__AttributeProto *attribute)
{
	bool is_int = !strncmp(attribute->name, "value_int", strlen("value_int"));
	struct dh_constant c = { .is_int = is_int, .rank = !!strchr(attribute->name, 's') };
	size_t count;
	int ret;

	c.dims[0] = dh_sym_known(is_int ? attribute->n_ints : attribute->n_floats);
	ret = dh_constant_alloc(&im->scratch, &c);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret || !dh_constant_count(&c, &count))
		return dh_import_refuse(im, node, "attribute %s has too many elements",
					attribute->name);
	for (size_t i = 0; i < count; i++) {
		if (is_int)
			((struct dh_sym *)c.data)[i] =
				dh_sym_known(c.rank ? attribute->ints[i] : attribute->i);
		else
			((float *)c.data)[i] = c.rank ? attribute->floats[i] : attribute->f;
	}
	return dh_import_set_constant(im, node, &c);
}

int dh_import_constant(struct dh_import *im, const Onnx__NodeProto *node)
{
	static const char *const lists[] = { "value_float", "value_floats", "value_int",
					     "value_ints" };
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, "value");
	struct dh_constant c;
	int ret;

	if (attribute) {
		ret = dh_import_tensor(im, attribute->t, &c);
		return ret ? ret : dh_import_set_constant(im, node, &c);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		attribute = dh_onnx_attribute(node, lists[i]);
		if (attribute)
			return constant_of_list(im, node, attribute);
	}
	return dh_import_refuse(im, node,
				"has no value of a supported type; use a dense tensor of numbers");
}

/* Dimensions from a list of integers, some of which may be unknown lengths. */
static int dims_of(struct dh_import *im, const Onnx__NodeProto *node, size_t input,
		   struct dh_constant *out)
{
	const struct dh_constant *shape;
	size_t count;
	int ret = dh_import_constant_input(im, node, input, "shape", &shape);

	if (ret)
		return ret;
	if (!shape->is_int || shape->rank != 1 || !dh_constant_count(shape, &count) ||
	    count > DH_MAX_RANK)
		return dh_import_refuse(im, node, "its shape must be a list of at most %d integers",
					DH_MAX_RANK);
	out->rank = count;
	for (size_t i = 0; i < count; i++) {
		out->dims[i] = dh_constant_get(shape, i).i;
		if (dh_sym_is_known(out->dims[i]) && out->dims[i].add < 0)
			return dh_import_refuse(im, node, "its shape has a size below 0");
	}
	return 0;
}

int dh_import_constant_of_shape(struct dh_import *im, const Onnx__NodeProto *node)
{
	const Onnx__AttributeProto *attribute = dh_onnx_attribute(node, "value");
	struct dh_constant c = { 0 }, value = { 0 };
	size_t count;
	int ret;

	if (attribute) {
		ret = dh_import_tensor(im, attribute->t, &value);
		if (ret)
			return ret;
		if (!dh_constant_count(&value, &count) || count != 1)
			return dh_import_refuse(im, node, "attribute value must have one element");
		c.is_int = value.is_int;
		c.fill = dh_constant_get(&value, 0);
	}
	ret = dims_of(im, node, 0, &c);
	return ret ? ret : dh_import_set_constant(im, node, &c);
}

static int shape_of(struct dh_import *im, const Onnx__NodeProto *node, const struct dh_value *value,
		    struct dh_sym *dims, unsigned int *rank)
{
	*rank = value->kind == DH_VALUE_CONSTANT ? value->constant.rank : value->rank;
	if (value->kind == DH_VALUE_STATES)
		return dh_import_refuse(im, node, "the shape of collected states is not computed");
	for (unsigned int i = 0; i < *rank; i++) {
		if (value->kind == DH_VALUE_CONSTANT)
			dims[i] = value->constant.dims[i];
		else if (!dh_import_axis_size(im, &value->axes[i], &dims[i]))
			return dh_import_refuse(im, node, "the size of axis %u is not computable",
						i);
	}
	return 0;
}

int dh_import_shape(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_constant c = { .is_int = true, .rank = 1 };
	struct dh_sym dims[DH_MAX_RANK];
	struct dh_value *value;
	unsigned int rank;
	int64_t start, end;
	int ret = dh_import_input(im, node, 0, &value);

	if (!ret)
		ret = shape_of(im, node, value, dims, &rank);
	if (ret)
		return ret;
	start = dh_onnx_int(node, "start", 0);
	end = dh_onnx_int(node, "end", rank);
	start += start < 0 ? rank : 0;
	end += end < 0 ? rank : 0;
	if (start < 0 || end > rank || start > end)
		return dh_import_refuse(im, node, "start and end are not axes of its input");
	c.dims[0] = dh_sym_known(end - start);
	if (dh_constant_alloc(&im->scratch, &c))
		return dh_import_no_memory(im);
	memcpy(c.data, dims + start, (end - start) * sizeof(*dims));
	return dh_import_set_constant(im, node, &c);
}

int dh_import_expand(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_constant shape = { 0 }, out;
	const struct dh_constant *c;
	int ret = dh_import_constant_input(im, node, 0, "its data", &c);

	if (!ret)
		ret = dims_of(im, node, 1, &shape);
	if (ret)
		return ret;
	ret = dh_constant_broadcast(&im->scratch, c, shape.rank, shape.dims, &out);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret)
		return dh_import_refuse(
			im, node,
			"cannot be expanded to this shape before the length of the input is known");
	return dh_import_set_constant(im, node, &out);
}

/* --- concat --- */

/* Last hidden vectors of several layers, one after the other: what torch calls hn. */
static int concat_states(struct dh_import *im, const Onnx__NodeProto *node)
{
	struct dh_value out = { .kind = DH_VALUE_STATES, .input = -1, .part_count = node->n_input },
			*value;

	out.parts = dh_arena_alloc(&im->scratch, node->n_input, sizeof(*out.parts));
	if (!out.parts)
		return dh_import_no_memory(im);
	for (size_t i = 0; i < node->n_input; i++) {
		int ret = dh_import_input(im, node, i, &value);

		if (ret)
			return ret;
		if (value->kind != DH_VALUE_STATES &&
		    !(value->kind == DH_VALUE_DATA && value->final_state))
			return dh_import_refuse(im, node,
						"joins data of several branches; the engine runs "
						"one chain of layers: split the "
						"network into one model per branch");
		/* each part must be one long along axis 0, to be found again by its number */
		if (value->kind != DH_VALUE_DATA || !value->rank || value->axes[0].count ||
		    dh_onnx_int(node, "axis", 1))
			out.part_count = 0;
		out.parts[i] = value;
	}
	return dh_import_set_output(im, node, 0, &out);
}

static bool parts_fit(const struct dh_constant *const *parts, size_t count, unsigned int axis)
{
	for (size_t i = 0; i < count; i++) {
		if (parts[i]->is_int != parts[0]->is_int || parts[i]->rank != parts[0]->rank)
			return false;
		for (unsigned int k = 0; k < parts[0]->rank; k++) {
			if (k != axis && !dh_sym_equal(parts[i]->dims[k], parts[0]->dims[k]))
				return false;
		}
	}
	return true;
}

int dh_import_concat(struct dh_import *im, const Onnx__NodeProto *node)
{
	const struct dh_constant **parts =
		dh_arena_alloc(&im->scratch, node->n_input + 1, sizeof(*parts));
	struct dh_constant out;
	struct dh_value *value;
	int axis, ret = 0;

	if (!parts)
		return dh_import_no_memory(im);
	for (size_t i = 0; i < node->n_input; i++) {
		ret = dh_import_input(im, node, i, &value);
		if (ret)
			return ret;
		if (value->kind != DH_VALUE_CONSTANT)
			return node->n_input == 1 ? dh_import_set_output(im, node, 0, value)
						  : concat_states(im, node);
		parts[i] = &value->constant;
	}
	axis = node->n_input ? dh_import_axis_number(dh_onnx_int(node, "axis", 1), parts[0]->rank)
			     : -1;
	if (axis < 0 || !parts_fit(parts, node->n_input, axis))
		return dh_import_refuse(im, node, "its inputs do not fit each other");
	ret = dh_constant_concat(&im->scratch, parts, node->n_input, axis, &out);
	if (ret == -ENOMEM)
		return dh_import_no_memory(im);
	if (ret)
		return dh_import_refuse(im, node,
					"cannot be joined before the length of the input is known, "
					"or has too many elements");
	return dh_import_set_constant(im, node, &out);
}

/* --- Add, Sub, Mul, Div --- */

static char arithmetic_sign(const char *op)
{
	return !strcmp(op, "Add") ? '+' : !strcmp(op, "Sub") ? '-' : !strcmp(op, "Mul") ? '*' : '/';
}

int dh_import_arithmetic(struct dh_import *im, const Onnx__NodeProto *node)
{
	char sign = arithmetic_sign(node->op_type);
	struct dh_constant out;
	struct dh_value *a, *b;
	int ret = dh_import_input(im, node, 0, &a);

	if (!ret)
		ret = dh_import_input(im, node, 1, &b);
	if (ret)
		return ret;
	if (a->kind == DH_VALUE_CONSTANT && b->kind == DH_VALUE_CONSTANT) {
		ret = dh_constant_calc(&im->scratch, sign, &a->constant, &b->constant, &out);
		if (ret == -ENOMEM)
			return dh_import_no_memory(im);
		if (ret)
			return dh_import_refuse(im, node,
						"cannot be computed before the length of the input "
						"is known, or its inputs do not fit");
		return dh_import_set_constant(im, node, &out);
	}
	if (b->kind == DH_VALUE_CONSTANT)
		return dh_import_affine(im, node, sign, a, &b->constant);
	if (a->kind == DH_VALUE_CONSTANT && (sign == '+' || sign == '*'))
		return dh_import_affine(im, node, sign, b, &a->constant);
	return dh_import_refuse(im, node,
				"combines two results (or divides by one); the engine runs one "
				"chain of layers, each using only the one "
				"before it");
}
