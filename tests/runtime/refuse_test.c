// SPDX-License-Identifier: MIT
/* What the compiler refuses, and that it says node, attribute, value, and what would work. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "compile/quantise.h"
#include "net_fixture.h"

/* Model, profile, and two pieces of the sentence. */
static const struct {
	const char *name;
	const char *profile;
	const char *what;
	const char *instead;
} refused[] = {
	{ "bad_before_reset", "card", "node gru (GRU): attribute linear_before_reset = 0",
	  "reset_after=True" },
	{ "bad_no_before_reset", "card", "node gru (GRU): attribute linear_before_reset = 0",
	  "PyTorch" },
	{ "bad_reverse", "card", "node gru (GRU): attribute direction = reverse", "only forward" },
	{ "bad_clip", "card", "node gru (GRU): attribute clip = 3", "without" },
	{ "bad_activations", "card", "node gru (GRU): attribute activations[1] = Relu",
	  "Tanh for the candidate" },
	{ "bad_alpha", "card", "node gru (GRU): attribute activation_alpha", "remove it" },
	{ "bad_layout", "card", "node gru (GRU): attribute layout = 1", "layout 0" },
	{ "bad_lens", "card", "node gru (GRU): input sequence_lens[0]", "remove it" },
	{ "bad_lens_input", "card", "node gru (GRU): sequence_lens (lens)", "initializer" },
	{ "bad_shape", "card", "node gru (GRU): W does not have the shape", "(1, 48, 12)" },
	{ "bad_hidden_size", "card", "node gru (GRU): W does not have the shape", "(1, 51, 12)" },
	{ "bad_initial_rows", "card", "node gru (GRU): initial_h differs", "equal rows" },
	{ "bad_state_shape", "card", "node gru (GRU): initial_h from input h0", "(1, batch, 16)" },
	{ "bad_integer_input", "card", "node gru (GRU): uses input x of type int64",
	  "must be float" },
	{ "bad_dynamic_weights", "card", "node gru (GRU): W (W) is not a constant", "initializer" },
	{ "bad_wide", "card", "node wide (MatMul): 4 inputs and 1032 units", "at most 1024" },
	{ "bad_nan", "card", "tensor W: element 0", "finite" },
	{ "bad_lstm", "card", "node lstm (LSTM): the recurrent engine computes GRU only",
	  "train the network with GRU" },
	{ "bad_branch", "card", "node head2 (MatMul): its input branches off",
	  "split the network" },
	{ "bad_residual", "card", "node add (Add): combines two results", "one chain" },
	{ "bad_two_outputs", "card", "output y leaves the chain", "model of its own" },
	{ "bad_softmax_middle", "card", "node head (MatMul): follows Softmax", "only the end" },
	{ "bad_mean", "card", "node mean (ReduceMean): operator ReduceMean", "what works" },
	{ "bad_first_step", "card", "node pick (Gather): takes one element", "last step" },
	{ "bad_gru_after_last", "card", "node gru2 (GRU): runs on the last step",
	  "whole sequence" },
	{ "bad_axes", "card", "tensor x: its elements must be the last axis", "Transpose" },
	{ "bad_domain", "card", "node gru (GRU): operator of the unknown domain com.example",
	  "standard ONNX" },
	{ "bad_opset", "card", "operator set 22", "7 to 21" },
	{ "bad_order", "card", "node y3 (Squeeze): input y4 is not made", "sort" },
	{ "bad_deep", "card", "node dense8 (MatMul): layer 9", "8 layer slots" },
	{ "bad_external", "card", "tensor W: its data are in another file",
	  "save_as_external_data=False" },
	{ "bad_short", "card", "tensor W: its shape asks for 576 elements", "holds 575" },
	{ "bad_huge", "card", "node gru (GRU): W does not have the shape", "(1, 48, 12)" },
	{ "published_shrink", "edgedrnn", "node gru1 (GRU): 16 units after a layer of 24",
	  "profile card" },
	{ "published_five", "edgedrnn", "node gru4 (GRU): layer 5", "4 layer slots" },
	{ "published_weights", "edgedrnn", "node gru0 (GRU): input weight", "[-1, 127/128]" },
	{ "published_rbh", "edgedrnn",
	  "node gru0 (GRU): the recurrent bias of the candidate gate (Rbh)", "profile card" },
	{ "mlp", "edgedrnn", "(Gemm): profile edgedrnn has no dense layers", "profile card" },
	{ "state_constant", "edgedrnn", "node gru (GRU): ", "profile card" },
	{ "gru_bare", "nullhop-asic", "profile nullhop-asic", "card or edgedrnn" },
};

START_TEST(says_what_and_what_instead)
{
	struct dh_compile_options options = { .profile = refused[_i].profile };
	struct dh_program *program;
	struct dh_explain *explain;
	struct dh_error err = { "" };
	int ret =
		dh_compile(net_path(refused[_i].name, ".onnx"), &options, &program, &explain, &err);

	ck_assert_msg(ret == -EOPNOTSUPP || ret == -EINVAL || ret == -ERANGE, "%s: %d",
		      refused[_i].name, ret);
	ck_assert_ptr_null(program);
	ck_assert_ptr_nonnull(explain);
	ck_assert_msg(strstr(err.text, refused[_i].what) && strstr(err.text, refused[_i].instead),
		      "%s: \"%s\" lacks \"%s\" or \"%s\"", refused[_i].name, err.text,
		      refused[_i].what, refused[_i].instead);
	dh_explain_free(explain);
}
END_TEST

/*
 * The table of a refused network has the reason in the row of the node, and rows for all the
 * others.
 */
START_TEST(explain_names_the_node)
{
	static const char *const names[] = { "bad_clip", "bad_mean", "bad_deep", "bad_wide" };
	struct dh_program *program;
	struct dh_explain *explain;
	bool found = false;

	ck_assert_int_lt(dh_compile(net_path(names[_i], ".onnx"), NULL, &program, &explain, NULL),
			 0);
	for (size_t i = 0; i < explain->node_count; i++) {
		bool is_refused = explain->nodes[i].place == DH_PLACE_REFUSED;

		found |= is_refused;
		ck_assert(!is_refused || explain->nodes[i].text[0]);
	}
	ck_assert(found);
	dh_explain_free(explain);
}
END_TEST

/* The row of the node has the reason alone; the sentence names the node, once. */
START_TEST(remark_does_not_repeat_the_node)
{
	struct dh_compile_options options = { .profile = "edgedrnn" };
	struct dh_program *program;
	struct dh_explain *explain;
	struct dh_error err;
	size_t i = 0;

	ck_assert_int_eq(dh_compile(net_path("published_weights", ".onnx"), &options, &program,
				    &explain, &err),
			 -EOPNOTSUPP);
	while (i < explain->node_count && explain->nodes[i].place != DH_PLACE_REFUSED)
		i++;
	ck_assert_uint_lt(i, explain->node_count);
	ck_assert_ptr_eq(strstr(explain->nodes[i].text, "input weight"), explain->nodes[i].text);
	ck_assert_ptr_nonnull(strstr(err.text, "node gru0 (GRU): input weight"));
	dh_explain_free(explain);
}
END_TEST

static const struct {
	double weight;
	double bias;
	const char *what;
} extremes[] = {
	{ 127.4, 127.9, NULL },
	{ -128.4, -127.9, NULL },
	{ 128, 0, "input weight 128 is outside" },
	{ 1e30, 0, "input weight 1e+30 is outside" },
	{ 0, 128, "bias 128 of unit 2 is outside" },
	{ 0, -500, "bias -500 of unit 2 is outside" },
};

/* Numbers that the engine's formats cannot hold, in a network that compiles. */
START_TEST(extremes_are_refused)
{
	struct dh_quant_options options = { .caps = ~0ull };
	struct dh_quant quant = { 0 };
	struct dh_graph *graph;
	struct dh_error err;
	int ret;

	ck_assert(!dh_graph_import(net_path("gru_bare", ".onnx"), NULL, &graph, &err));
	graph->layers[0].w[3] = extremes[_i].weight;
	graph->layers[0].bias[2] = extremes[_i].bias;
	ret = dh_quantise(graph, &options, &quant, &err);
	ck_assert_int_eq(ret, extremes[_i].what ? -EOPNOTSUPP : 0);
	ck_assert(!ret || strstr(err.text, extremes[_i].what));
	dh_quant_free(&quant);
	dh_graph_free(graph);
}
END_TEST

START_TEST(files_that_are_none)
{
	static const char *const bytes[] = { "", "x", "\x0a\xff\xff\xff\xff\x0f", "\x08\x07",
					     "{\"a\": 1}" };
	struct dh_program *program;
	struct dh_error err;

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		ck_assert_int_eq(dh_compile_memory(bytes[i], strlen(bytes[i]), "file.onnx", NULL,
						   &program, NULL, &err),
				 -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.text, "file.onnx"));
	}
	ck_assert_int_eq(dh_compile("/nonexistent/file.onnx", NULL, &program, NULL, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/file.onnx"));
	ck_assert_int_lt(dh_compile("/", NULL, &program, NULL, &err), 0);
}
END_TEST

/*
 * A graph in an attribute of a node of a graph in an attribute...: the parser of protobuf would
 * recurse without end.
 */
START_TEST(nesting_is_bounded)
{
	static uint8_t bytes[1 << 20];
	static const uint8_t tags[] = {
		0x32, 0x2a, 0x0a
	}; /* graph in an attribute in a node, from the inside */
	size_t at = sizeof(bytes);
	struct dh_program *program;
	struct dh_error err;

	for (size_t level = 0; level <= 120000; level++) {
		uint32_t len = sizeof(bytes) - at;

		at -= 5;
		bytes[at] = level == 120000 ? 0x3a : tags[level % 3];
		bytes[at + 1] = (len & 0x7f) | 0x80;
		bytes[at + 2] = (len >> 7 & 0x7f) | 0x80;
		bytes[at + 3] = (len >> 14 & 0x7f) | 0x80;
		bytes[at + 4] = len >> 21 & 0x7f;
	}
	ck_assert_int_eq(dh_compile_memory(bytes + at, sizeof(bytes) - at, "deep", NULL, &program,
					   NULL, &err),
			 -EINVAL);
	ck_assert_msg(strstr(err.text, "nested"), "%s", err.text);
}
END_TEST

/* Every cut and many changed bytes: an error or a program, never a crash. */
START_TEST(damage_is_survived)
{
	static uint8_t bytes[1 << 16], copy[1 << 16];
	FILE *file = fopen(net_path("keras", ".onnx"), "rbe");
	size_t len = fread(bytes, 1, sizeof(bytes), file);
	struct dh_program *program;
	uint32_t random = 1;

	fclose(file);
	ck_assert_uint_gt(len, 0);
	for (size_t cut = 0; cut < len; cut += 1 + cut / 40) {
		dh_compile_memory(bytes, cut, "cut", NULL, &program, NULL, NULL);
		dh_program_free(program);
	}
	for (int round = 0; round < 400; round++) {
		memcpy(copy, bytes, len);
		for (int i = 0; i < 3; i++) {
			random = random * 1664525 + 1013904223;
			copy[(random >> 8) % len] = random >> 24;
		}
		dh_compile_memory(copy, len, "changed", NULL, &program, NULL, NULL);
		dh_program_free(program);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("refusals");
	TCase *tests = tcase_create("refusals");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, says_what_and_what_instead, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_loop_test(tests, explain_names_the_node, 0, 4);
	tcase_add_test(tests, remark_does_not_repeat_the_node);
	tcase_add_loop_test(tests, extremes_are_refused, 0, sizeof(extremes) / sizeof(extremes[0]));
	tcase_add_test(tests, files_that_are_none);
	tcase_add_test(tests, nesting_is_bounded);
	tcase_add_test(tests, damage_is_survived);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
