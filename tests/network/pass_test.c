// SPDX-License-Identifier: MIT
/* Simplification: what is left of a network, and that it computes the same. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* Constants that the models use: scale, shift and others of three and four channels. */
#define CONSTANTS                                                           \
	"const s 4\nconst b 4\nconst m 4\nconst v 4 = 1 2 0.5 3\n"          \
	"const s3 3\nconst b3 3\nconst v3 3 = 1 2 0.5\nconst w 4 3 3 3\n"   \
	"const c4 4 1 1\nconst c3 3 1 1\nconst one 1 = 1.5\nconst d4 1 4\n" \
	"const f 6 4\nconst ft 4 6\nconst g6 6\n"

/*
 * A model with its output y; how many nodes are left, and which one of ONNX ends where. @inner: values
 * that are outputs too in the other version of the model, so that nothing can be joined there.
 */
static const struct {
	const char *model;
	const char *inner;
	unsigned int nodes;
	unsigned int inner_nodes;
} passes[] = {
	/* scales after a product */
	{ "input x 1 3 6 6\nConv c: x w -> a\nBatchNormalization n: a s b m v -> y", "a", 1, 2 },
	{ "input x 1 3 6 6\nConv c: x w b -> a pads=[1,1,1,1]\nBatchNormalization n: a s b m v -> d\n"
	  "Relu r: d -> y",
	  "a d", 2, 3 },
	{ "input x 1 3 6 6\nConv c: x w -> a\nAdd n: c4 a -> y", "a", 1, 2 },
	{ "input x 1 3 6 6\nConv c: x w -> a\nSub n: c4 a -> d\nSub e: d one -> y", "a d", 1, 3 },
	{ "input x 1 3 6 6\nConv c: x w -> a\nMul n: a c4 -> d\nDiv e: d one -> y", "a d", 1, 3 },
	{ "input x 1 3 6 6\nconst u 6 1 3 3\nConv c: x u -> a group=3\nconst c6 6 1 1\nMul n: a c6 -> y",
	  "a", 1, 2 },
	{ "input x 1 6\nGemm c: x f -> a\nBatchNormalization n: a s b m v -> y", "a", 1, 2 },
	{ "input x 2 6\nGemm c: x ft d4 -> a transB=1 alpha=0.5 beta=2.0\nMul n: a s -> y", "a", 1,
	  2 },
	{ "input x 2 6\nMatMul c: x f -> a\nAdd n: a d4 -> y", "a", 1, 2 },
	{ "input x 2 6\nGemm c: x f one -> a\nAdd n: a s -> y", "a", 1, 2 },
	/* scales before a product */
	{ "input x 1 3 6 6\nSub a: x c3 -> p\nDiv d: p one -> q\nConv c: q w -> y", "p q", 1, 3 },
	{ "input x 1 3 6 6\nBatchNormalization n: x s3 b3 s3 v3 -> a\nConv c: a w -> y", "a", 1,
	  2 },
	{ "input x 1 4 6 6\nconst u 6 2 3 3\nBatchNormalization n: x s b m v -> a\nConv c: a u -> y group=2",
	  "a", 1, 2 },
	{ "input x 1 3 6 6\nMul n: x c3 -> a\nConv c: a w -> y pads=[1,1,1,1]", "a", 1, 2 },
	{ "input x 2 6\nAdd n: x g6 -> a\nGemm c: a ft s -> y transB=1", "a", 1, 2 },
	{ "input x 1 3 6 6\nBatchNormalization n: x s3 b3 s3 v3 -> a\nMul d: a c3 -> e\nRelu r: e -> y",
	  "a e", 2, 3 },
	/* scales that stay: a shift in front of padding, a product that others read, other shapes */
	{ "input x 1 3 6 6\nAdd n: x c3 -> a\nConv c: a w -> y pads=[1,1,1,1]", "", 2, 2 },
	{ "input x 1 3 6 6\nConv c: x w -> a\nMul n: a c4 -> d\nRelu r: a -> e\nAdd g: d e -> y",
	  "", 4, 4 },
	{ "input x 1 3 6 6\nConv c: x w -> a\nconst row 1 4 1 4\nAdd n: a row -> y", "", 2, 2 },
	{ "input x 1 3 6 6\nConv c: x w -> a\nDiv n: c4 a -> y", "", 2, 2 },
	{ "input x 1 3 6 6\ninput u 4 3 3 3\nConv c: x u -> a\nMul n: a c4 -> y", "", 2, 2 },
	{ "input x 4 6\nGemm c: x f -> a transA=0\nconst col 4 1\nMul n: a col -> y", "", 2, 2 },
	{ "input x 6 2\nconst c2 2\nMul n: x c2 -> a\nGemm c: a f -> y transA=1", "", 2, 2 },
	{ "input x 2 6\nconst e 2 4\nGemm c: x f e -> a\nMul n: a s -> y", "", 2, 2 },
	/* pads */
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,1,0,0,0,2,1]\nConv c: a w -> y pads=[0,1,0,0]",
	  "a", 1, 2 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,1,1,0,0,1,0]\n"
	  "AveragePool c: a -> y kernel_shape=[3,3]",
	  "a", 1, 2 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,0,0,0,0,0,0]\nRelu r: a -> y", "", 1, 1 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,1,1,0,0,1,0]\nMaxPool c: a -> y kernel_shape=[3,3]",
	  "", 2, 2 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,3,0,0,0,0,0]\n"
	  "AveragePool c: a -> y kernel_shape=[3,3]",
	  "", 2, 2 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,1,1,0,0,1,0]\n"
	  "AveragePool c: a -> y kernel_shape=[3,3] pads=[1,0,0,0]",
	  "", 2, 2 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,1,1,0,0,1,1] value=1.0\nConv c: a w -> y", "",
	  2, 2 },
	{ "input x 1 2 6 6\nPad p: x -> a pads=[0,1,0,0,0,0,0,0]\nConv c: a w -> y", "", 2, 2 },
	{ "input x 1 3 6 6\nPad p: x -> a pads=[0,0,-1,0,0,0,0,0]\nConv c: a w -> y", "", 2, 2 },
	/* moves */
	{ "input x 2 3 4\nTranspose a: x -> p perm=[1,2,0]\nTranspose b: p -> q perm=[2,0,1]\nRelu r: q -> y",
	  "p q", 1, 3 },
	{ "input x 2 3 4\nTranspose a: x -> p perm=[1,2,0]\nTranspose b: p -> y perm=[1,0,2]", "p",
	  1, 2 },
	{ "input x 2 1 4\nTranspose a: x -> p perm=[0,2,1]\nFlatten f: p -> q\nRelu r: q -> y",
	  "p q", 2, 3 },
	{ "input x 2 3 4\nFlatten f: x -> p\nReshape g: p z -> y\nconst:int64 z 3 = 2 3 4", "p", 1,
	  2 },
	{ "input x 2 3 4\nRelu r: x -> u\nReshape g: u z -> y\nconst:int64 z 3 = 2 3 4", "", 1, 1 },
	{ "input x 2 3 4\nRelu r: x -> u\nDropout d: u -> p\nIdentity i: p -> q\nConcat c: q -> e axis=0\n"
	  "const:int64 z 1 = 1\nExpand g: e z -> y",
	  "", 1, 1 },
	{ "input x 2 3\nconst:int64 n 1 = -1\nconst:int64 e 1 = -9\nconst:int64 z 1 = 0\n"
	  "Slice s: x n e z n -> y",
	  "", 1, 1 },
};

static struct dh_net *net_of(const char *model, const char *inner)
{
	char text[4096], name[8];
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), "opset 9\n%s%s\noutput y\n", CONSTANTS, model);
	for (; sscanf(inner, "%7s", name) == 1; inner += strspn(inner, " ") + strlen(name))
		len += (size_t)snprintf(text + len, sizeof(text) - len, "output %s\n", name);
	return model_net(text);
}

START_TEST(simplifies)
{
	struct dh_net *net = net_of(passes[_i].model, ""), *plain;
	struct dh_net_run *run = model_run(net), *plain_run;
	const float *y = dh_net_run_floats(run, net->outputs[0]), *plain_y;

	plain = net_of(passes[_i].model, passes[_i].inner);
	plain_run = model_run(plain);
	plain_y = dh_net_run_floats(plain_run, plain->outputs[0]);
	ck_assert_msg(net->node_count == passes[_i].nodes, "%s\nhas %u nodes left, not %u",
		      passes[_i].model, net->node_count, passes[_i].nodes);
	ck_assert_msg(plain->node_count == passes[_i].inner_nodes,
		      "%s\nhas %u nodes with inner outputs, not %u", passes[_i].model,
		      plain->node_count, passes[_i].inner_nodes);
	ck_assert_str_eq(net->tensors[net->outputs[0]].name, "y");
	for (size_t i = 0; i < dh_net_elements(&net->tensors[net->outputs[0]]); i++)
		ck_assert_msg(fabsf(y[i] - plain_y[i]) <= 1e-4f * (1 + fabsf(plain_y[i])),
			      "%s\nelement %zu is %g, not %g", passes[_i].model, i, y[i],
			      plain_y[i]);
	dh_net_run_free(run);
	dh_net_run_free(plain_run);
	dh_net_free(net);
	dh_net_free(plain);
}
END_TEST

/* Weights that two convolutions share are changed for one of them only. */
START_TEST(shared_weights)
{
	struct dh_net *net = net_of("input x 1 3 6 6\nConv c: x w -> a\nMul n: a c4 -> d\n"
				    "Conv e: x w -> h\nSub g: d h -> y",
				    "");
	struct dh_net *plain = net_of("input x 1 3 6 6\nConv c: x w -> a\nMul n: a c4 -> d\n"
				      "Conv e: x w -> h\nSub g: d h -> y",
				      "a h d");
	struct dh_net_run *run = model_run(net), *plain_run = model_run(plain);

	ck_assert_uint_eq(net->node_count, 3);
	for (size_t i = 0; i < dh_net_elements(&net->tensors[net->outputs[0]]); i++)
		ck_assert_float_eq_tol(dh_net_run_floats(run, net->outputs[0])[i],
				       dh_net_run_floats(plain_run, plain->outputs[0])[i], 1e-5f);
	dh_net_run_free(run);
	dh_net_run_free(plain_run);
	dh_net_free(net);
	dh_net_free(plain);
}
END_TEST

/* Every ONNX node says where its work is done. */
START_TEST(sources_follow)
{
	struct dh_net *net = net_of("input x 1 3 6 6\nPad p: x -> a pads=[0,0,1,1,0,0,1,1]\n"
				    "Conv c: a w -> d\nBatchNormalization n: d s b m v -> e\n"
				    "Mul f: e c4 -> g\nDropout h: g -> i\nRelu r: i -> y",
				    "");
	static const int32_t nodes[] = { 0, 0, 0, 0, DH_NET_NONE, 1 };
	static const char *const texts[] = { "joined with c", "", "joined with c",
					     "joined with c", "", "" };

	ck_assert_uint_eq(net->node_count, 2);
	ck_assert_uint_eq(net->source_count, 6);
	for (uint32_t i = 0; i < 6; i++) {
		ck_assert_int_eq(net->sources[i].node, nodes[i]);
		ck_assert_str_eq(net->sources[i].text, texts[i]);
	}
	ck_assert_int_eq(net->sources[4].place, DH_PLACE_NAME);
	ck_assert_int_eq(net->sources[0].place, DH_PLACE_HOST);
	ck_assert_str_eq(net->nodes[0].name, "c");
	ck_assert_uint_eq(net->nodes[0].source, 1);
	ck_assert_uint_eq(net->nodes[0].attr.conv.window.pads[2], 1);
	dh_net_free(net);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network simplification");
	TCase *tcase = tcase_create("passes");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, simplifies, 0, sizeof(passes) / sizeof(passes[0]));
	tcase_add_test(tcase, shared_weights);
	tcase_add_test(tcase, sources_follow);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
