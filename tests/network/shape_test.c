// SPDX-License-Identifier: MIT
/* The shape of what each operator makes, in all forms that operator sets have given it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "network/op.h"

/* Lines before the output, which is y, and its shape. */
static const struct {
	const char *model;
	const char *shape;
} shapes[] = {
	/* windows */
	{ "input x 1 3 8 9\nconst w 4 3 3 2\nConv c: x w -> y", "1x4x6x8" },
	{ "input x 1 3 8 9\nconst w 4 3 3 3\nConv c: x w -> y strides=[2,3] pads=[1,0,2,1]",
	  "1x4x5x3" },
	{ "input x 1 3 8 9\nconst w 4 3 3 3\nConv c: x w -> y dilations=[2,3]", "1x4x4x3" },
	{ "input x 1 3 8 9\nconst w 4 3 3 3\nConv c: x w -> y auto_pad=SAME_UPPER strides=[3,2]",
	  "1x4x3x5" },
	{ "input x 1 3 8 9\nconst w 4 3 3 3\nConv c: x w -> y auto_pad=VALID strides=[2,2]",
	  "1x4x3x4" },
	{ "input x 2 4 9\nconst w 6 2 5\nConv c: x w -> y group=2 pads=[2,2]", "2x6x9" },
	{ "input x N 4 9\nconst w 6 4 5\nConv c: x w -> y", "1x6x5" },
	{ "input x 1 2 5 5\nMaxPool p: x -> y kernel_shape=[2,2] strides=[2,2]", "1x2x2x2" },
	{ "input x 1 2 5 5\nMaxPool p: x -> y kernel_shape=[2,2] strides=[2,2] ceil_mode=1",
	  "1x2x3x3" },
	/* a window that would begin in the padding at the end is left out */
	{ "input x 1 2 5 5\nMaxPool p: x -> y kernel_shape=[2,2] strides=[3,3] pads=[1,1,1,1] "
	  "ceil_mode=1",
	  "1x2x2x2" },
	{ "input x 1 2 7\nAveragePool p: x -> y kernel_shape=[3] pads=[1,1]", "1x2x7" },
	{ "input x 3 2 7 6\nGlobalAveragePool p: x -> y", "3x2x1x1" },
	{ "input x 3 2 7\nGlobalMaxPool p: x -> y", "3x2x1" },
	/* matrices */
	{ "input x 2 3\nconst w 3 5\nGemm g: x w -> y", "2x5" },
	{ "input x 3 2\nconst w 5 3\nconst b 5\nGemm g: x w b -> y transA=1 transB=1", "2x5" },
	{ "input x 2 3 4\nconst w 4 5\nMatMul m: x w -> y", "2x3x5" },
	{ "input x 2 1 3 4\nconst w 6 4 5\nMatMul m: x w -> y", "2x6x3x5" },
	{ "input x 4\nconst w 4 5\nMatMul m: x w -> y", "5" },
	{ "input x 2 4\nconst w 4\nMatMul m: x w -> y", "2" },
	{ "input x 4\nconst w 4\nMatMul m: x w -> y", "a single value" },
	/* broadcasting, today's and that of old */
	{ "input x 2 1 4\nconst c 3 1\nAdd a: x c -> y", "2x3x4" },
	{ "opset 6\ninput x 2 3 4 5\nconst c 3 4\nMul a: x c -> y broadcast=1 axis=1", "2x3x4x5" },
	{ "opset 6\ninput x 2 3 4\nconst c 4\nSub a: x c -> y broadcast=1", "2x3x4" },
	{ "opset 6\ninput x 2 3 4\nconst c 3\nPRelu a: x c -> y", "2x3x4" },
	{ "input x 2 3\ninput z 2 1\nLess l: x z -> b\nconst c 1\nWhere w: b x c -> y", "2x3" },
	{ "input x 2 3\ninput z 2 1\ninput u 3\nSum s: x z u -> y", "2x3" },
	/* along axes */
	{ "opset 11\ninput x 2 3 4\nSoftmax s: x -> y", "2x3x4" },
	{ "input x 2 3 4\nReduceMean r: x -> y axes=[1]", "2x1x4" },
	{ "input x 2 3 4\nconst:int64 a 2 = -1 0\nReduceSum r: x a -> y keepdims=0", "3" },
	{ "input x 2 3 4\nReduceMax r: x -> y keepdims=0", "a single value" },
	{ "input x 2 3 4\nReduceMin r: x -> y noop_with_empty_axes=1", "2x3x4" },
	{ "input x 2 3 4\nArgMax a: x -> y axis=-1", "2x3x1" },
	{ "input x 2 3 4\nArgMin a: x -> y axis=1 keepdims=0", "2x4" },
	/* shapes */
	{ "input x 2 3 4\nconst:int64 s 2 = 0 -1\nReshape r: x s -> y", "2x12" },
	{ "opset 1\ninput x 2 3 4\nReshape r: x -> y shape=[4,-1,2]", "4x3x2" },
	{ "input x 2 3 4\nFlatten f: x -> y axis=2", "6x4" },
	{ "input x 2 3 4\nFlatten f: x -> y axis=0", "1x24" },
	{ "input x 2 3 4\nFlatten f: x -> y axis=-1", "6x4" },
	{ "opset 11\ninput x 2 1 3 1\nSqueeze s: x -> y axes=[1]", "2x3x1" },
	{ "input x 2 1 3 1\nSqueeze s: x -> y", "2x3" },
	{ "input x 2 3\nconst:int64 a 2 = 0 -1\nUnsqueeze u: x a -> y", "1x2x3x1" },
	{ "input x 2 3 4\nTranspose t: x -> y", "4x3x2" },
	{ "input x 2 3 4\nTranspose t: x -> y perm=[1,0,2]", "3x2x4" },
	{ "input x 3 1\nconst:int64 s 3 = 2 1 4\nExpand e: x s -> y", "2x3x4" },
	{ "input x 1 8 2 3\nDepthToSpace d: x -> y blocksize=2", "1x2x4x6" },
	{ "input x 1 2 4 6\nSpaceToDepth d: x -> y blocksize=2", "1x8x2x3" },
	/* what depends on shapes only */
	{ "input x 2 3 4\nShape s: x -> d\nconst:int64 i 1 = 0\nGather g: d i -> n\n"
	  "const:int64 m 1 = -1\nConcat c: n m -> s axis=0\nReshape r: x s -> y",
	  "2x12" },
	{ "input x 2 3 4\nShape s: x -> s start=1\nConstantOfShape c: s -> c value=<1.5>\n"
	  "Add a: x c -> y",
	  "2x3x4" },
	{ "input x 2 3 4\nSize s: x -> n\nconst:int64 t 1 = 2\nDiv d: n t -> h\n"
	  "const:int64 m 1 = -1\nConcat c: m h -> s axis=0\nReshape r: x s -> y",
	  "2x12" },
	/* pieces */
	{ "input x 2 3\ninput z 2 5\nConcat c: x z -> y axis=-1", "2x8" },
	{ "opset 11\ninput x 2 7\nSplit s: x -> z y axis=1 split=[3,4]", "2x4" },
	{ "input x 2 7\nSplit s: x -> z y axis=1 num_outputs=2", "2x3" },
	{ "opset 9\ninput x 5 6\nSlice s: x -> y starts=[1,-3] ends=[100,-1]", "4x2" },
	{ "input x 5 6\nconst:int64 b 1 = -1\nconst:int64 e 1 = -100\nconst:int64 a 1 = 1\n"
	  "const:int64 s 1 = -2\nSlice s: x b e a s -> y",
	  "5x3" },
	{ "input x 5 6\nconst:int64 i 2 1 = -1 0\nGather g: x i -> y axis=1", "5x2x1" },
	{ "opset 2\ninput x 1 1 4 5\nPad p: x -> y pads=[0,0,1,2,0,0,3,4]", "1x1x8x11" },
	{ "input x 4 5\nconst:int64 p 2 = 1 -2\nconst:int64 a 1 = 1\nPad p: x p - a -> y", "4x4" },
	/* sequences */
	{ "input x 5 2 3\nconst w 1 12 3\nconst r 1 12 4\nGRU g: x w r -> y hidden_size=4",
	  "5x1x2x4" },
	{ "input x 5 2 3\nconst w 2 16 3\nconst r 2 16 4\n"
	  "LSTM l: x w r -> z h y hidden_size=4 direction=bidirectional",
	  "2x2x4" },
	{ "input x 2 5 3\nconst w 1 4 3\nconst r 1 4 4\nRNN n: x w r -> y layout=1", "2x5x1x4" },
};

START_TEST(shape)
{
	char model[1024], text[80];
	struct dh_net *net;

	snprintf(model, sizeof(model), "%s\noutput y\n", shapes[_i].model);
	net = model_net(model);
	ck_assert_uint_eq(net->output_count, 1);
	dh_shape_text(&net->tensors[net->outputs[0]], text, sizeof(text));
	ck_assert_msg(!strcmp(text, shapes[_i].shape), "%s\nis %s, not %s", model, text,
		      shapes[_i].shape);
	ck_assert_str_eq(net->tensors[net->outputs[0]].name, "y");
	dh_net_free(net);
}
END_TEST

/* --- open sizes, inputs that are constants, what nobody needs --- */

START_TEST(open_sizes)
{
	struct dh_net_size sizes[] = { { "steps", 7 } };
	struct dh_net_options options = { .sizes = sizes, .size_count = 1 };
	struct dh_net_tensor *x;
	struct dh_net *net;
	struct dh_error err;

	ck_assert_int_eq(model_import("input x steps batch 3\nRelu r: x -> y\noutput y\n", &options,
				      &net, &err),
			 0);
	x = &net->tensors[net->inputs[0]];
	ck_assert(x->dims[0] == 7 && x->dims[1] == 1 && x->dims[2] == 3);
	dh_net_free(net);
}
END_TEST

START_TEST(one_batch)
{
	struct dh_net_options options = { .one_batch = true };
	struct dh_net *net;

	ck_assert_int_eq(
		model_import("input x 4 3\nRelu r: x -> y\noutput y\n", &options, &net, NULL), 0);
	ck_assert_uint_eq(net->tensors[net->outputs[0]].dims[0], 1);
	dh_net_free(net);
}
END_TEST

START_TEST(given_constants)
{
	float weights[] = { 1, 2, 3, 4 };
	char name[] = "w";
	struct dh_net_tensor w = {
		.name = name, .onnx_type = 1, .rank = 2, .dims = { 2, 2 }, .floats = weights
	};
	struct dh_net_options options = { .constants = &w, .constant_count = 1 };
	struct dh_net *net;
	struct dh_error err = { "" };

	ck_assert_msg(!model_import("input x 1 2\ninput w 2 2\nMatMul m: x w -> y\noutput y\n",
				    &options, &net, &err),
		      "%s", err.text);
	ck_assert_uint_eq(net->input_count, 1);
	ck_assert_int_eq(net->nodes[0].op, DH_NET_GEMM);
	ck_assert(net->tensors[net->nodes[0].inputs[1]].floats[3] == 4);
	dh_net_free(net);
}
END_TEST

START_TEST(unused_goes)
{
	struct dh_net *net = model_net("input x 2 2\ninput unused 3 ? ?\nRelu a: x -> y\n"
				       "Nonsense n: unused -> z\nTanh t: x -> u\noutput y\n");

	ck_assert_uint_eq(net->input_count, 1);
	ck_assert_uint_eq(net->node_count, 1);
	ck_assert_uint_eq(net->source_count, 3);
	ck_assert_int_eq(net->sources[1].place, DH_PLACE_UNUSED);
	ck_assert_int_eq(net->sources[2].place, DH_PLACE_UNUSED);
	ck_assert_int_eq(net->sources[0].node, 0);
	dh_net_free(net);
}
END_TEST

/* An output that is an input, a constant or another output has a node of its own. */
START_TEST(outputs_are_computed)
{
	struct dh_net *net = model_net("input x 2 2\nconst c 3\nIdentity a: x -> y\n"
				       "Identity b: c -> z\nRelu r: x -> u\nIdentity d: u -> v\n"
				       "output y\noutput z\noutput u\noutput v\noutput x\n");
	static const char *const names[] = { "y", "z", "u", "v", "x" };

	ck_assert_uint_eq(net->output_count, 5);
	for (uint32_t i = 0; i < 5; i++) {
		const struct dh_net_tensor *output = &net->tensors[net->outputs[i]];

		ck_assert_str_eq(output->name, names[i]);
		ck_assert_int_ne(output->producer, DH_NET_NONE);
		for (uint32_t k = 0; k < i; k++)
			ck_assert_int_ne(net->outputs[i], net->outputs[k]);
	}
	dh_net_free(net);
}
END_TEST

START_TEST(users_are_linked)
{
	struct dh_net *net = model_net("input x 2\nMul a: x x -> y\nAdd b: x y -> z\noutput z\n");
	const struct dh_net_tensor *x = &net->tensors[net->inputs[0]];

	ck_assert_uint_eq(x->user_count, 2);
	ck_assert_uint_eq(x->users[0], 0);
	ck_assert_uint_eq(x->users[1], 1);
	ck_assert_int_eq(x->producer, DH_NET_NONE);
	ck_assert_int_eq(net->tensors[net->outputs[0]].producer, 1);
	ck_assert(dh_net_is_output(net, net->outputs[0]) && !dh_net_is_output(net, net->inputs[0]));
	dh_net_free(net);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network shapes");
	TCase *tcase = tcase_create("import");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, shape, 0, sizeof(shapes) / sizeof(shapes[0]));
	tcase_add_test(tcase, open_sizes);
	tcase_add_test(tcase, one_batch);
	tcase_add_test(tcase, given_constants);
	tcase_add_test(tcase, unused_goes);
	tcase_add_test(tcase, outputs_are_computed);
	tcase_add_test(tcase, users_are_linked);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
