// SPDX-License-Identifier: MIT
/* Networks with numbers in them that no exporter writes: sizes, indices and shapes. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_fixture.h"

#define TO_INT64 ONNX__TENSOR_PROTO__DATA_TYPE__INT64

static Onnx__ModelProto *model;
static struct dh_error err;

static void teardown(void)
{
	onnx_free(model);
}

static void is_refused(const char *what)
{
	int ret = onnx_compile(model, &err);

	ck_assert_msg(ret == -EOPNOTSUPP && strstr(err.text, what), "%d: \"%s\" lacks \"%s\"", ret,
		      err.text, what);
}

/* A constant of @rows x @columns that takes no memory. */
static void add_fill(const char *output, int64_t rows, int64_t columns)
{
	const int64_t dims[] = { rows, columns };

	onnx_add_ints(model, "dims", dims, 2);
	onnx_add_node(model, "ConstantOfShape", "dims", NULL, output);
}

static const int64_t negative[][2] = { { -5, 4 }, { 4, INT64_MIN } };

START_TEST(negative_size)
{
	const int64_t index = INT64_MIN;

	model = onnx_read("gru_bare");
	onnx_add_ints(model, "index", &index, 1);
	onnx_add_node(model, "Gather", "fill", "index", "made");
	add_fill("fill", negative[_i][0], negative[_i][1]);
	onnx_set_input(onnx_node(model, "GRU"), 1, "made");
	is_refused("(ConstantOfShape): its shape has a size below 0");
}
END_TEST

/* Each element of integers takes more than a float of the limit that both are under. */
START_TEST(constants_that_need_too_much)
{
	model = onnx_read("gru_bare");
	onnx_add_int(onnx_add_node(model, "Cast", "fill", NULL, "made"), "to", TO_INT64);
	add_fill("fill", 4096, 4096);
	onnx_set_input(onnx_node(model, "GRU"), 1, "made");
	is_refused("the constants of the graph need more than");
}
END_TEST

START_TEST(constants_of_unknown_size)
{
	model = onnx_read("gru_bare");
	onnx_add_int(onnx_add_node(model, "Cast", "fill", NULL, "made"), "to", TO_INT64);
	onnx_add_node(model, "ConstantOfShape", "shape", NULL, "fill");
	onnx_add_node(model, "Shape", "x", NULL, "shape");
	onnx_set_input(onnx_node(model, "GRU"), 1, "made");
	is_refused("(Cast): cannot be converted before the length of the input is known");
}
END_TEST

/* Its elements are not in the file, and there are too many of them: the former is what helps. */
START_TEST(huge_tensor_elsewhere)
{
	Onnx__TensorProto *w;

	model = onnx_read("bad_external");
	w = onnx_initializer(model, "W");
	ck_assert_uint_eq(w->n_dims, 3);
	w->dims[1] = w->dims[2] = 1 << 14;
	is_refused("tensor W: its data are in another file");
}
END_TEST

/* A part of a part of an input, further away than can be counted. */
START_TEST(parts_far_away)
{
	const int64_t index = INT64_MAX;

	model = onnx_read("gru_bare");
	onnx_add_ints(model, "index", &index, 1);
	onnx_add_node(model, "Gather", "part", "index", "made");
	onnx_add_node(model, "Gather", "x", "index", "part");
	onnx_set_input(onnx_node(model, "GRU"), 1, "made");
	is_refused("takes a part outside of its input");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostile networks");
	TCase *tests = tcase_create("hostile networks");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_loop_test(tests, negative_size, 0, 2);
	tcase_add_test(tests, constants_that_need_too_much);
	tcase_add_test(tests, constants_of_unknown_size);
	tcase_add_test(tests, huge_tensor_elsewhere);
	tcase_add_test(tests, parts_far_away);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
