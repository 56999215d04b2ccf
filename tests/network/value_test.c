// SPDX-License-Identifier: MIT
/* What the kernels compute, against numbers worked out by hand: of operators that ONNX's cases in
 * tests/conformance do not have, or have in other forms.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "model.h"
#include "network/function.h"

#define MAX_VALUES 24

/* A model without its output y, the value of each input in turn, and of the output. */
static const struct {
	const char *model;
	double in[MAX_VALUES];
	double out[MAX_VALUES];
} values[] = {
	/* windows, with what the cases leave out */
	{ "input x 1 1 2 3\nconst w 1 1 1 2 = 1 10\nconst b 1 = 0.5\nConv c: x w b -> y strides=[1,2] "
	  "pads=[0,1,0,0]",
	  { 1, 2, 3, 4, 5, 6 },
	  { 10.5, 32.5, 40.5, 65.5 } },
	{ "input x 1 2 2\nconst w 2 1 1 = 2 3\nConv c: x w -> y group=2",
	  { 1, 2, 3, 4 },
	  { 2, 4, 9, 12 } },
	{ "input x 1 1 4\nMaxPool p: x -> y kernel_shape=[2] dilations=[2] pads=[1,1]",
	  { -4, -3, -2, -5 },
	  { -3, -2, -3, -2 } },
	{ "input x 1 1 5\nAveragePool p: x -> y kernel_shape=[2] strides=[2] ceil_mode=1",
	  { 1, 2, 3, 4, 5 },
	  { 1.5, 3.5, 5 } },
	/* what is beyond the pads because of ceil_mode does not count, the pads do */
	{ "input x 1 1 4\nAveragePool p: x -> y kernel_shape=[3] strides=[2] ceil_mode=1 pads=[1,0] "
	  "count_include_pad=1",
	  { 3, 6, 9, 12 },
	  { 3, 9 } },
	{ "input x 1 1 5\nAveragePool p: x -> y kernel_shape=[3] strides=[3] ceil_mode=1 pads=[0,1] "
	  "count_include_pad=1",
	  { 3, 6, 9, 12, 9 },
	  { 6, 7 } },
	{ "input x 1 2 1 2\nGlobalMaxPool p: x -> y", { 1, 5, -2, -7 }, { 5, -2 } },
	/* matrices */
	{ "input x 2 1\nconst w 1 2 = 1 2\nconst c 2 1 = 10 20\nGemm g: x w c -> y alpha=2.0 beta=0.5",
	  { 3, 4 },
	  { 11, 17, 18, 26 } },
	{ "input x 2 1 2\nconst w 2 2 = 1 2 3 4\nMatMul m: x w -> y",
	  { 1, 1, 0, 2 },
	  { 4, 6, 6, 8 } },
	{ "input x 1 2 2\nconst s 2 = 2 1\nconst b 2 = 1 0\nconst m 2 = 3 0\nconst v 2 = 4 1\n"
	  "BatchNormalization n: x s b m v -> y epsilon=0.0",
	  { 3, 5, 1, -1 },
	  { 1, 3, 1, -1 } },
	/* two inputs */
	{ "input x 2\ninput z 2\nDiv d: x z -> y", { 6, 1, 4, -2 }, { 1.5, -0.5 } },
	{ "input x 3\nconst z 1 = 3\nPow d: x z -> y", { 2, -2, 0.5 }, { 8, -8, 0.125 } },
	{ "input x 3\nconst z 1 = 0.5\nPow d: x z -> y", { 4, 9, 0.25 }, { 2, 3, 0.5 } },
	{ "input x 2\nconst z 1 = 2.5\nPow d: x z -> y", { 4, 1 }, { 32, 1 } },
	{ "input:int64 x 3\nconst:int64 z 1 = 3\nPow d: x z -> y", { 2, -3, 0 }, { 8, -27, 0 } },
	{ "input:int64 x 4\nconst:int64 z 1 = -2\nDiv d: x z -> y",
	  { 5, -5, 4, 0 },
	  { -2, 2, -2, 0 } },
	{ "input:int64 x 2\nconst:int64 z 1 = 0\nDiv d: x z -> y", { 5, -5 }, { 0, 0 } },
	{ "input:uint8 x 2\nconst:uint8 z 1 = 100\nMul d: x z -> y", { 2, 3 }, { 200, 44 } },
	{ "input:int8 x 2\nconst:int8 z 1 = 100\nAdd d: x z -> y", { 27, 28 }, { 127, -128 } },
	{ "input x 2\ninput z 2\ninput u 2\nMax d: x z u -> y", { 1, 5, 2, 4, 3, -6 }, { 3, 5 } },
	{ "input x 2\ninput z 2\nMin d: x z -> y", { 1, 5, 2, 4 }, { 1, 4 } },
	{ "input x 2\ninput z 2\ninput u 2\nMean d: x z u -> y", { 1, 5, 2, 4, 3, -6 }, { 2, 1 } },
	{ "input x 1 2 2\nconst s 2 1 = 0.5 2\nPRelu p: x s -> y",
	  { 4, -4, 4, -4 },
	  { 4, -2, 4, -8 } },
	{ "input x 3\nconst z 1 = 2\nGreaterOrEqual g: x z -> y", { 1, 2, 3 }, { 0, 1, 1 } },
	{ "input x 3\nconst z 1 = 2\nLessOrEqual g: x z -> y", { 1, 2, 3 }, { 1, 1, 0 } },
	{ "input x 3\nconst z 1 = 2\nEqual g: x z -> a\nGreater h: x z -> b\nOr o: a b -> c\n"
	  "Not n: c -> y",
	  { 1, 2, 3 },
	  { 1, 0, 0 } },
	{ "input:bool x 2\ninput z 2\nconst u 1 = 9\nWhere w: x z u -> y",
	  { 1, 0, 3, 4 },
	  { 3, 9 } },
	/* one input */
	{ "input x 4\nClip c: x -> y", { -9, 0, 2, 9 }, { -9, 0, 2, 9 } },
	{ "opset 6\ninput x 4\nClip c: x -> y min=-1.0 max=2.5",
	  { -9, 0, 2, 9 },
	  { -1, 0, 2, 2.5 } },
	{ "input x 3\nconst a 1 = 3\nconst b 1 = 1\nClip c: x a b -> y", { 0, 2, 9 }, { 1, 1, 1 } },
	{ "input x 3\nThresholdedRelu t: x -> y alpha=1.5", { 1, 1.5, 2 }, { 0, 0, 2 } },
	{ "input x 2\nElu e: x -> y alpha=2.0", { -1, 1 }, { -1.264241117657115, 1 } },
	{ "input x 2\nSelu e: x -> y", { -1, 1 }, { -1.1113307378, 1.0507009873 } },
	{ "input x 2\nCelu e: x -> y alpha=2.0", { -1, 1 }, { -0.786938680574733, 1 } },
	{ "input x 4\nHardSigmoid h: x -> y", { -9, 0, 1, 9 }, { 0, 0.5, 0.7, 1 } },
	{ "input x 4\nHardSwish h: x -> y",
	  { -9, 1, -1, 9 },
	  { 0, 0.6666666667, -0.3333333333, 9 } },
	{ "input x 3\nSoftplus s: x -> y", { 0, 50, -20 }, { 0.69314718056, 50, 2.0611536e-09 } },
	{ "input x 2\nSoftsign s: x -> y", { 3, -1 }, { 0.75, -0.5 } },
	{ "input x 3\nExp e: x -> y", { 0, 1, -3 }, { 1, 2.718281828459045, 0.049787068367864 } },
	{ "input x 3\nLog e: x -> y",
	  { 1, 10, 0.001 },
	  { 0, 2.302585092994046, -6.907755278982137 } },
	{ "input x 2\nSqrt s: x -> y", { 2, 9 }, { 1.414213562373095, 3 } },
	{ "input x 2\nReciprocal s: x -> y", { 4, -0.5 }, { 0.25, -2 } },
	{ "input x 4\nRound s: x -> y", { 0.5, 1.5, -2.5, 2.6 }, { 0, 2, -2, 3 } },
	{ "input x 2\nFloor s: x -> y", { 1.5, -1.5 }, { 1, -2 } },
	{ "input x 2\nCeil s: x -> y", { 1.5, -1.5 }, { 2, -1 } },
	{ "input x 3\nSign s: x -> y", { 1.5, -1.5, 0 }, { 1, -1, 0 } },
	{ "input x 2\nAbs s: x -> a\nNeg n: a -> y", { 1.5, -1.5 }, { -1.5, -1.5 } },
	{ "input x 3\nErf s: x -> y", { 0.5, -1, 5 }, { 0.5204998778, -0.8427007929, 1 } },
	{ "input:int32 x 3\nAbs s: x -> a\nNeg n: a -> b\nSign g: b -> y",
	  { 3, -3, 0 },
	  { -1, -1, 0 } },
	{ "input x 4\nCast c: x -> y to=2", { 1.9, -1, 256, 1e30 }, { 1, 255, 0, 255 } },
	{ "input x 3\nCast c: x -> y to=9", { 0, 0.5, -2 }, { 0, 1, 1 } },
	{ "opset 5\ninput:int64 x 2\nCast c: x -> y to=FLOAT", { 3, -4 }, { 3, -4 } },
	/* along axes */
	{ "opset 11\ninput x 1 2 2\nSoftmax s: x -> y axis=1",
	  { 0, 0, 0, 0 },
	  { .25, .25, .25, .25 } },
	{ "input x 1 2 2\nSoftmax s: x -> y axis=1", { 0, 0, 0, 0 }, { .5, .5, .5, .5 } },
	{ "input x 1 2\nLogSoftmax s: x -> y", { 1000, 1000 }, { -0.69314718056, -0.69314718056 } },
	{ "input x 2 3\nReduceSum r: x -> y axes=[0]", { 1, 2, 3, 4, 5, 6 }, { 5, 7, 9 } },
	{ "input x 2 3\nReduceMean r: x -> y axes=[1]", { 1, 2, 3, 4, 5, 6 }, { 2, 5 } },
	{ "input x 2 3\nReduceMax r: x -> y axes=[1]", { -1, -2, -3, 4, 6, 5 }, { -1, 6 } },
	{ "input x 2 3\nReduceMin r: x -> y axes=[1]", { -1, -2, -3, 4, 6, 5 }, { -3, 4 } },
	{ "input x 2 2\nReduceProd r: x -> y", { 1, 2, 3, -4 }, { -24 } },
	{ "input x 2 2\nReduceL1 r: x -> y axes=[1]", { 3, -4, 0, 1 }, { 7, 1 } },
	{ "input x 2 2\nReduceL2 r: x -> y axes=[1]", { 3, -4, 0, 1 }, { 5, 1 } },
	{ "input x 2 2\nReduceSumSquare r: x -> y axes=[1]", { 3, -4, 0, 1 }, { 25, 1 } },
	{ "input:int64 x 2 2\nReduceMean r: x -> y axes=[1]", { 3, 4, -1, 2 }, { 3, 0 } },
	{ "input:int64 x 2 2\nReduceMax r: x -> y axes=[0]", { 3, 4, -1, 5 }, { 3, 5 } },
	{ "input x 1 4\nArgMax a: x -> y axis=1", { 1, 7, 7, 2 }, { 1 } },
	{ "input x 1 4\nArgMax a: x -> y axis=1 select_last_index=1", { 1, 7, 7, 2 }, { 2 } },
	{ "input x 2 2\nArgMin a: x -> y axis=0", { 1, 7, 0, 9 }, { 1, 0 } },
	{ "input:int64 x 3\nArgMax a: x -> y", { 1, 7, 7 }, { 1 } },
	/* moves */
	{ "input x 2 3\nTranspose t: x -> y", { 1, 2, 3, 4, 5, 6 }, { 1, 4, 2, 5, 3, 6 } },
	{ "input:int64 x 2 1\nconst:int64 s 2 = 1 2\nExpand e: x s -> y", { 7, 8 }, { 7, 7, 8, 8 } },
	{ "input x 2 1\ninput z 2 2\nConcat c: x z -> y axis=1",
	  { 1, 2, 3, 4, 5, 6 },
	  { 1, 3, 4, 2, 5, 6 } },
	{ "opset 11\ninput x 1 4\nSplit s: x -> z y axis=1", { 1, 2, 3, 4 }, { 3, 4 } },
	{ "input x 5\nconst:int64 b 1 = -1\nconst:int64 e 1 = 0\nconst:int64 a 1 = 0\n"
	  "const:int64 s 1 = -2\nSlice s: x b e a s -> y",
	  { 1, 2, 3, 4, 5 },
	  { 5, 3 } },
	{ "input x 2 2\nconst:int64 i 2 = 1 -1\nGather g: x i -> y axis=1",
	  { 1, 2, 3, 4 },
	  { 2, 2, 4, 4 } },
	{ "input x 3\nconst:int64 p 2 = 2 -1\nconst v 1 = 9\nPad p: x p v -> y",
	  { 1, 2, 3 },
	  { 9, 9, 1, 2 } },
	{ "input:int64 x 2\nconst:int64 p 2 = 1 1\nconst:int64 v 1 = 9\nPad p: x p v -> y",
	  { 1, 2 },
	  { 9, 1, 2, 9 } },
	{ "input x 3\nPad p: x -> y pads=[1,2] mode=reflect", { 1, 2, 3 }, { 2, 1, 2, 3, 2, 1 } },
	{ "input x 3\nPad p: x -> y pads=[1,2] mode=edge", { 1, 2, 3 }, { 1, 1, 2, 3, 3, 3 } },
	{ "input x 3\nPad p: x -> y pads=[1,2] mode=wrap", { 1, 2, 3 }, { 3, 1, 2, 3, 1, 2 } },
	{ "input x 1 4 1 1\nDepthToSpace d: x -> y blocksize=2", { 1, 2, 3, 4 }, { 1, 2, 3, 4 } },
	{ "input x 1 8 1 1\nDepthToSpace d: x -> y blocksize=2",
	  { 1, 2, 3, 4, 5, 6, 7, 8 },
	  { 1, 3, 5, 7, 2, 4, 6, 8 } },
	{ "input x 1 8 1 1\nDepthToSpace d: x -> y blocksize=2 mode=CRD",
	  { 1, 2, 3, 4, 5, 6, 7, 8 },
	  { 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "input x 1 2 2 2\nSpaceToDepth d: x -> y blocksize=2",
	  { 1, 3, 5, 7, 2, 4, 6, 8 },
	  { 1, 2, 3, 4, 5, 6, 7, 8 } },
	{ "input x 2\nconst:int64 a 1 = 1\nconst:int64 b 1 = 6\nconst:int64 d 1 = 3\nRange r: a b d -> n\n"
	  "Cast c: n -> f to=1\nAdd s: x f -> y",
	  { 0, 0 },
	  { 1, 4 } },
	/* a GRU of one unit: z = r = 1/2; then h is tanh(x) / 2, and in reverse order too */
	{ "input x 1 1 1\nconst w 1 3 1 = 0 0 1\nconst r 1 3 1 = 0 0 0\nGRU g: x w r -> y",
	  { 0.5 },
	  { 0.23105857863 } },
	{ "input x 2 1 1\nconst w 1 1 1 = 1\nconst r 1 1 1 = 10\n"
	  "RNN g: x w r -> y direction=reverse activations=[Relu]",
	  { 1, 2 },
	  { 21, 2 } },
	{ "input x 2 1 1\nconst w 1 1 1 = 1\nconst r 1 1 1 = 10\n"
	  "RNN g: x w r -> y activations=[LeakyRelu] activation_alpha=[0.5] clip=4.0",
	  { 1, -2 },
	  { 1, 4 } },
	{ "input x 2 1 1\nconst w 1 1 1 = 1\nconst r 1 1 1 = 10\nconst:int32 n 1 = 1\n"
	  "RNN g: x w r - n -> y activations=[Relu]",
	  { 1, 2 },
	  { 1, 0 } },
};

static void set_inputs(const struct dh_net *net, struct dh_net_run *run, const double *in)
{
	for (uint32_t i = 0; i < net->input_count; i++) {
		const struct dh_net_tensor *tensor = &net->tensors[net->inputs[i]];

		for (size_t k = 0; k < dh_net_elements(tensor); k++, in++) {
			if (tensor->type == DH_NET_FLOAT)
				dh_net_run_floats(run, net->inputs[i])[k] = (float)*in;
			else
				dh_net_run_ints(run, net->inputs[i])[k] = (int64_t)*in;
		}
	}
}

START_TEST(value)
{
	struct dh_net_run *run;
	struct dh_net *net;
	char model[1024];

	snprintf(model, sizeof(model), "%s\noutput y\n", values[_i].model);
	net = model_net(model);
	run = model_run(net);
	set_inputs(net, run, values[_i].in);
	dh_net_run_all(run);
	for (size_t k = 0; k < dh_net_elements(&net->tensors[net->outputs[0]]); k++) {
		bool is_float = net->tensors[net->outputs[0]].type == DH_NET_FLOAT;
		double have = is_float ? (double)dh_net_run_floats(run, net->outputs[0])[k]
				       : (double)dh_net_run_ints(run, net->outputs[0])[k];
		double want = values[_i].out[k];

		ck_assert_msg(fabs(have - want) <= 1e-6 * fabs(want) + 1e-12,
			      "%s\nelement %zu is %.10g, not %.10g", model, k, have, want);
	}
	dh_net_run_free(run);
	dh_net_free(net);
}
END_TEST

/* The functions are near the C library's, which differ between machines in the last bit. */
START_TEST(functions)
{
	for (double x = -30; x < 30; x += 0.0137) {
		ck_assert_double_eq_tol(dh_exp(x) / exp(x), 1, 1e-12);
		ck_assert_double_eq_tol(dh_expm1(x / 1e4) / expm1(x / 1e4), 1, 1e-9);
		ck_assert_double_eq_tol(dh_log(fabs(x)), log(fabs(x)), 1e-12);
		ck_assert_double_eq_tol(dh_log1p(fabs(x) / 1e6) / log1p(fabs(x) / 1e6), 1, 1e-9);
		ck_assert_double_eq_tol(dh_tanh(x) / tanh(x), 1, 1e-12);
		ck_assert_double_eq_tol(dh_tanh(x / 1e4) / tanh(x / 1e4), 1, 1e-12);
		ck_assert_double_eq_tol(dh_sigmoid(x) * (1 + exp(-x)), 1, 1e-12);
		ck_assert_double_eq_tol(dh_erf(x / 6), erf(x / 6), 2e-8);
		ck_assert_double_eq_tol(dh_pow(fabs(x), 1.7) / pow(fabs(x), 1.7), 1, 1e-11);
	}
	ck_assert(isnan(dh_exp(NAN)) && isnan(dh_log(-1)) && isinf(dh_log(0)));
	ck_assert(dh_exp(1e9) > 1e300 && dh_exp(-1e9) < 1e-300);
	ck_assert(dh_to_int(-2.9f) == -2 && dh_to_int(1e30f) == INT64_MAX && !dh_to_int(NAN));
	ck_assert(isnan(dh_pow(-2, 0.7)) && dh_pow(-2, 65) < 0 && dh_pow(0, -1.5) > 1e300);
}
END_TEST

/* All sizes around the tiles that a product is cut into. */
START_TEST(product_sizes)
{
	for (unsigned int n = 1; n < 40; n++) {
		unsigned int k = 1 + n * 7 % 19, m = 1 + n % 6;
		struct dh_net_run *run;
		struct dh_net *net;
		const float *a, *b, *y;
		char model[200];

		snprintf(model, sizeof(model),
			 "input a %u %u\ninput b %u %u\nGemm g: a b -> y transB=%u\noutput y\n", m,
			 k, n % 2 ? n : k, n % 2 ? k : n, n % 2);
		net = model_net(model);
		run = model_run(net);
		a = dh_net_run_floats(run, net->inputs[0]);
		b = dh_net_run_floats(run, net->inputs[1]);
		y = dh_net_run_floats(run, net->outputs[0]);
		for (unsigned int i = 0; i < m * n; i++) {
			double sum = 0;

			for (unsigned int j = 0; j < k; j++)
				sum += a[i / n * k + j] * b[n % 2 ? i % n * k + j : j * n + i % n];
			ck_assert_double_eq_tol(y[i], sum, 1e-5);
		}
		dh_net_run_free(run);
		dh_net_free(net);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network values");
	TCase *tcase = tcase_create("kernels");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, value, 0, sizeof(values) / sizeof(values[0]));
	tcase_add_test(tcase, functions);
	tcase_add_test(tcase, product_sizes);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
