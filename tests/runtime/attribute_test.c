// SPDX-License-Identifier: MIT
/* Attributes of the wrong type are refused by name, and never read as zero. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/onnx.h"
#include "onnx_fixture.h"

#define TYPE(name) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##name

/* What importers read, and what an operator needs it to be. */
static const struct {
	const char *op;
	const char *name;
	int type;
} known[] = {
	{ "GRU", "activation_alpha", TYPE(FLOATS) },
	{ "GRU", "activation_beta", TYPE(FLOATS) },
	{ "GRU", "activations", TYPE(STRINGS) },
	{ "GRU", "clip", TYPE(FLOAT) },
	{ "GRU", "direction", TYPE(STRING) },
	{ "GRU", "hidden_size", TYPE(INT) },
	{ "GRU", "layout", TYPE(INT) },
	{ "GRU", "linear_before_reset", TYPE(INT) },
	{ "Gemm", "alpha", TYPE(FLOAT) },
	{ "Gemm", "beta", TYPE(FLOAT) },
	{ "Gemm", "transA", TYPE(INT) },
	{ "Gemm", "transB", TYPE(INT) },
	{ "BatchNormalization", "epsilon", TYPE(FLOAT) },
	{ "BatchNormalization", "training_mode", TYPE(INT) },
	{ "Softmax", "axis", TYPE(INT) },
	{ "ArgMax", "axis", TYPE(INT) },
	{ "ArgMax", "keepdims", TYPE(INT) },
	{ "ArgMax", "select_last_index", TYPE(INT) },
	{ "Transpose", "perm", TYPE(INTS) },
	{ "Squeeze", "axes", TYPE(INTS) },
	{ "Unsqueeze", "axes", TYPE(INTS) },
	{ "Reshape", "allowzero", TYPE(INT) },
	{ "Concat", "axis", TYPE(INT) },
	{ "Gather", "axis", TYPE(INT) },
	{ "Slice", "starts", TYPE(INTS) },
	{ "Slice", "ends", TYPE(INTS) },
	{ "Slice", "axes", TYPE(INTS) },
	{ "Slice", "steps", TYPE(INTS) },
	{ "Cast", "to", TYPE(INT) },
	{ "Shape", "start", TYPE(INT) },
	{ "Shape", "end", TYPE(INT) },
	{ "Constant", "value", TYPE(TENSOR) },
	{ "Constant", "value_float", TYPE(FLOAT) },
	{ "Constant", "value_floats", TYPE(FLOATS) },
	{ "Constant", "value_int", TYPE(INT) },
	{ "Constant", "value_ints", TYPE(INTS) },
	{ "ConstantOfShape", "value", TYPE(TENSOR) },
};

/* Likewise, of operators that no network of these tests has. */
static const struct {
	const char *op;
	const char *name;
	int type;
} more[] = {
	{ "Conv", "auto_pad", TYPE(STRING) },
	{ "Conv", "dilations", TYPE(INTS) },
	{ "Conv", "group", TYPE(INT) },
	{ "Conv", "kernel_shape", TYPE(INTS) },
	{ "Conv", "pads", TYPE(INTS) },
	{ "Conv", "strides", TYPE(INTS) },
	{ "AveragePool", "ceil_mode", TYPE(INT) },
	{ "AveragePool", "count_include_pad", TYPE(INT) },
	{ "BatchNormalization", "is_test", TYPE(INT) },
	{ "BatchNormalization", "spatial", TYPE(INT) },
	{ "Add", "axis", TYPE(INT) },
	{ "Add", "broadcast", TYPE(INT) },
	{ "Clip", "max", TYPE(FLOAT) },
	{ "Clip", "min", TYPE(FLOAT) },
	{ "Selu", "gamma", TYPE(FLOAT) },
	{ "LeakyRelu", "alpha", TYPE(FLOAT) },
	{ "ReduceMean", "axes", TYPE(INTS) },
	{ "ReduceMean", "noop_with_empty_axes", TYPE(INT) },
	{ "LSTM", "input_forget", TYPE(INT) },
	{ "Flatten", "axis", TYPE(INT) },
	{ "Reshape", "shape", TYPE(INTS) },
	{ "DepthToSpace", "blocksize", TYPE(INT) },
	{ "DepthToSpace", "mode", TYPE(STRING) },
	{ "Split", "split", TYPE(INTS) },
	{ "Pad", "mode", TYPE(STRING) },
	{ "Pad", "paddings", TYPE(INTS) },
	{ "Pad", "pads", TYPE(INTS) },
	{ "Pad", "value", TYPE(FLOAT) },
};

#define KNOWN (sizeof(known) / sizeof(known[0]))
#define MORE  (sizeof(more) / sizeof(more[0]))

/* --- a network, and one attribute in it that is changed --------------------------- */

/**
 * struct changed - a model in memory
 * @node: that has the attribute
 * @list: its attributes, and one more
 */
struct changed {
	Onnx__ModelProto *model;
	Onnx__NodeProto *node;
	Onnx__AttributeProto attribute;
	Onnx__AttributeProto *list[32];
	Onnx__AttributeProto **old;
	size_t old_count;
};

/* In place of the attribute that has the name, if one has. */
static void start_change(struct changed *c, const char *op, const char *name)
{
	size_t count = 0;

	c->model = onnx_find(op);
	c->node = onnx_node(c->model, op);
	c->old = c->node->attribute;
	c->old_count = c->node->n_attribute;
	ck_assert_uint_lt(c->old_count, sizeof(c->list) / sizeof(c->list[0]));
	for (size_t i = 0; i < c->old_count; i++) {
		if (strcmp(c->old[i]->name, name))
			c->list[count++] = c->old[i];
	}
	onnx__attribute_proto__init(&c->attribute);
	c->attribute.name = (char *)name;
	c->list[count++] = &c->attribute;
	c->node->attribute = c->list;
	c->node->n_attribute = count;
}

static void end_change(struct changed *c)
{
	c->node->attribute = c->old;
	c->node->n_attribute = c->old_count;
	onnx__model_proto__free_unpacked(c->model, NULL);
}

static void declare(Onnx__AttributeProto *a, int type)
{
	a->has_type = true;
	a->type = type;
}

/* A value of a type; the type is not declared by it. */
static void hold(Onnx__AttributeProto *a, int type)
{
	static Onnx__TensorProto tensor, *tensors[] = { &tensor };
	static Onnx__GraphProto graph, *graphs[] = { &graph };
	static float floats[] = { 1 };
	static int64_t ints[] = { 1 };
	static uint8_t text[] = "forward";
	static ProtobufCBinaryData string = { 7, text };

	onnx__tensor_proto__init(&tensor);
	onnx__graph_proto__init(&graph);
	a->has_f = type == TYPE(FLOAT);
	a->f = 1;
	a->has_i = type == TYPE(INT);
	a->i = 1;
	a->has_s = type == TYPE(STRING);
	a->s = string;
	a->t = type == TYPE(TENSOR) ? &tensor : NULL;
	a->g = type == TYPE(GRAPH) ? &graph : NULL;
	a->n_floats = type == TYPE(FLOATS);
	a->floats = floats;
	a->n_ints = type == TYPE(INTS);
	a->ints = ints;
	a->n_strings = type == TYPE(STRINGS);
	a->strings = &string;
	a->n_tensors = type == TYPE(TENSORS);
	a->tensors = tensors;
	a->n_graphs = type == TYPE(GRAPHS);
	a->graphs = graphs;
}

static const char *name_of(int type)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&onnx__attribute_proto__attribute_type__descriptor, type);

	return value ? value->name : "unknown";
}

/* The sentence names attribute, its type, and the type that would work. */
static void check_sentence(const char *sentence, const char *name, int type, int wanted)
{
	char want[3][96];

	snprintf(want[0], sizeof(want[0]), "attribute %s ", name);
	snprintf(want[1], sizeof(want[1]), "is of type %s;", name_of(type));
	snprintf(want[2], sizeof(want[2]), "must be of type %s:", name_of(wanted));
	for (int i = 0; i < 3; i++)
		ck_assert_msg(strstr(sentence, want[i]), "\"%s\" lacks \"%s\"", sentence, want[i]);
}

/* By both importers, which name the node too. */
static void is_refused(const struct changed *c, const char *op, int type, int wanted)
{
	struct dh_error err[2];
	char node[64];

	snprintf(node, sizeof(node), "(%s): attribute ", op);
	ck_assert_int_eq(onnx_compile(c->model, &err[0]), -EOPNOTSUPP);
	ck_assert_int_eq(onnx_import_network(c->model, &err[1]), -EOPNOTSUPP);
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(strstr(err[i].text, node), "\"%s\"", err[i].text);
		check_sentence(err[i].text, c->attribute.name, type, wanted);
	}
}

/* --- what is refused -------------------------------------------------------------- */

/* Every attribute as every other type. */
START_TEST(wrong_type)
{
	int wanted = known[_i].type;
	struct changed c;

	start_change(&c, known[_i].op, known[_i].name);
	for (int type = TYPE(FLOAT); type <= TYPE(GRAPHS); type++) {
		if (type == wanted)
			continue;
		hold(&c.attribute, type);
		declare(&c.attribute, type);
		is_refused(&c, known[_i].op, type, wanted);
		/* a file that does not say the type, and one that says it wrongly */
		c.attribute.has_type = false;
		is_refused(&c, known[_i].op, type, wanted);
		declare(&c.attribute, wanted);
		is_refused(&c, known[_i].op, type, wanted);
	}
	hold(&c.attribute, TYPE(UNDEFINED));
	declare(&c.attribute, 77);
	ck_assert_str_eq(name_of(77), "unknown");
	is_refused(&c, known[_i].op, 77, wanted);
	end_change(&c);
}
END_TEST

START_TEST(wrong_type_of_more)
{
	Onnx__AttributeProto attribute = ONNX__ATTRIBUTE_PROTO__INIT, *list = &attribute;
	Onnx__NodeProto node = ONNX__NODE_PROTO__INIT;
	struct dh_error why;

	node.op_type = (char *)more[_i].op;
	node.attribute = &list;
	node.n_attribute = 1;
	attribute.name = (char *)more[_i].name;
	for (int type = TYPE(FLOAT); type <= TYPE(GRAPHS); type++) {
		int ret;

		hold(&attribute, type);
		ret = dh_onnx_check_attributes(&node, 13, &why);
		ck_assert_int_eq(ret, type == more[_i].type ? 0 : -EOPNOTSUPP);
		if (ret)
			check_sentence(why.text, attribute.name, type, more[_i].type);
	}
}
END_TEST

/* The type to cast to was a word until operator set 5. */
START_TEST(old_cast)
{
	Onnx__AttributeProto attribute = ONNX__ATTRIBUTE_PROTO__INIT, *list = &attribute;
	Onnx__NodeProto node = ONNX__NODE_PROTO__INIT;

	node.op_type = "Cast";
	node.attribute = &list;
	node.n_attribute = 1;
	attribute.name = "to";
	hold(&attribute, TYPE(STRING));
	ck_assert_int_eq(dh_onnx_check_attributes(&node, 5, NULL), 0);
	ck_assert_int_eq(dh_onnx_check_attributes(&node, 6, NULL), -EOPNOTSUPP);
	hold(&attribute, TYPE(INT));
	ck_assert_int_eq(dh_onnx_check_attributes(&node, 5, NULL), -EOPNOTSUPP);
	ck_assert_int_eq(dh_onnx_check_attributes(&node, 6, NULL), 0);
}
END_TEST

/* An attribute of the function that the node would be in. */
START_TEST(reference)
{
	struct dh_error err;
	struct changed c;

	start_change(&c, "GRU", "linear_before_reset");
	declare(&c.attribute, TYPE(INT));
	c.attribute.ref_attr_name = "reset";
	ck_assert_int_eq(onnx_compile(c.model, &err), -EOPNOTSUPP);
	ck_assert_msg(strstr(err.text, "attribute linear_before_reset stands for reset") &&
			      strstr(err.text, "of type INT"),
		      "%s", err.text);
	end_change(&c);
}
END_TEST

START_TEST(tensor_without_tensor)
{
	static const char *const ops[] = { "Constant", "ConstantOfShape" };
	struct dh_error err;
	struct changed c;

	start_change(&c, ops[_i], "value");
	declare(&c.attribute, TYPE(TENSOR));
	ck_assert_int_eq(onnx_compile(c.model, &err), -EOPNOTSUPP);
	ck_assert_msg(strstr(err.text, "attribute value has no tensor"), "%s", err.text);
	end_change(&c);
}
END_TEST

/* --- what is not -------------------------------------------------------------------- */

START_TEST(undeclared_type_that_fits)
{
	struct dh_error err;
	struct changed c;

	start_change(&c, "GRU", "linear_before_reset");
	hold(&c.attribute, TYPE(INT));
	ck_assert_msg(!onnx_compile(c.model, &err), "%s", err.text);
	end_change(&c);
}
END_TEST

/* Writers of another dialect of protobuf leave out zeros: that is no default then. */
START_TEST(zero_that_is_left_out)
{
	struct dh_error err;
	struct changed c;

	start_change(&c, "Concat", "axis");
	declare(&c.attribute, TYPE(INT));
	ck_assert_msg(!onnx_compile(c.model, &err), "%s", err.text);
	hold(&c.attribute, TYPE(INT));
	ck_assert_int_eq(onnx_compile(c.model, &err), -EOPNOTSUPP);
	end_change(&c);
}
END_TEST

/* Attributes that nobody reads may be anything. */
START_TEST(unknown_attribute)
{
	struct dh_error err;
	struct changed c;

	start_change(&c, "GRU", "doc");
	hold(&c.attribute, TYPE(STRINGS));
	ck_assert_msg(!onnx_compile(c.model, &err), "%s", err.text);
	end_change(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attributes");
	TCase *tests = tcase_create("attributes");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, wrong_type, 0, KNOWN);
	tcase_add_loop_test(tests, wrong_type_of_more, 0, MORE);
	tcase_add_test(tests, old_cast);
	tcase_add_test(tests, reference);
	tcase_add_loop_test(tests, tensor_without_tensor, 0, 2);
	tcase_add_test(tests, undeclared_type_that_fits);
	tcase_add_test(tests, zero_that_is_left_out);
	tcase_add_test(tests, unknown_attribute);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
