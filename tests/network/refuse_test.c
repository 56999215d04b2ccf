// SPDX-License-Identifier: MIT
/* What the import of networks refuses: it says node, operator, attribute, value, and what would work. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* A model without its output y, and two pieces of the sentence. */
static const struct {
	const char *model;
	const char *what;
	const char *instead;
} refused[] = {
	/* the file */
	{ "opset 22\ninput x 2\nRelu r: x -> y", "operator set 22", "opset_version 1 to 21" },
	{ "input x 2 ?\nRelu r: x -> y", "input x: the size of axis 1 (no name) is left open",
	  "export the model with a fixed one" },
	{ "input x time batch 3\nRelu r: x -> y", "input x: the size of axis 0 (time)",
	  "only the batch" },
	{ "input:string x 2\nIdentity r: x -> y", "input x: type string", "use float" },
	{ "input x 1 1 1 1 1 1 1\nRelu r: x -> y", "input x: is no tensor", "more than 6 axes" },
	{ "input x 65536 65536\nRelu r: x -> y", "input x: has more than 268435456 elements", "" },
	{ "input x 2\nRelu r: z -> y", "node r (Relu): input z is not made by any node before it",
	  "sort the graph" },
	{ "input x 2\nRelu a: x -> y\nRelu b: x -> y", "node b (Relu): output y is made twice",
	  "damaged" },
	{ "input x 2\ninput x 2\nRelu a: x -> y", "input x is there twice", "damaged" },
	{ "input x 2\nRelu a: x -> z", "output y is not computed", "" },
	{ "input x 2\nRelu a: -  -> y", "node a (Relu): input 0 is missing", "damaged" },
	{ "const w 2 = 1 nan\ninput x 2\nAdd a: x w -> y", "tensor w: element 1 is not a finite",
	  "damaged" },
	{ "const w 3 = 1 2\ninput x 2\nAdd a: x w -> y", "tensor w: its shape asks for 3",
	  "damaged" },
	{ "input x 2\nLSTM2 a: x -> y", "node a (LSTM2): operator LSTM2 is not supported",
	  "use Conv" },
	{ "input x 2\nConvTranspose a: x x -> y", "operator ConvTranspose", "DepthToSpace" },
	{ "input x 2\nQuantizeLinear a: x x -> y", "operator QuantizeLinear",
	  "export the network in "
	  "float" },
	{ "input x 2\nIf a: x -> y", "operator If", "constant condition" },
	/* windows */
	{ "input x 1 2 3 4 5\nconst w 1 2 3 3 3\nConv c: x w -> y",
	  "node c (Conv): its input is 1x2x3x4x5, which is 3-D", "only 1-D and 2-D" },
	{ "input x 1 2 8 8\nconst w 4 3 3 3\nConv c: x w -> y", "for 3 input channels a group",
	  "its input has 2" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y group=2", "group 2 does not divide 3",
	  "" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y group=0", "attribute group = 0",
	  "at least 1" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y strides=[0,1]",
	  "attribute strides[0] = 0", "at least 1" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y strides=[2]",
	  "attribute strides has 1 values", "2 spatial axes" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y pads=[1,1]",
	  "attribute pads has 2 values", "needs 4" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y pads=[0,0,-1,0]",
	  "attribute pads[2] = -1", "Slice" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y auto_pad=SOME",
	  "attribute auto_pad = SOME", "SAME_UPPER" },
	{ "input x 1 3 8 8\nconst w 4 3 9 3\nConv c: x w -> y", "rows: the window spans 9",
	  "make the kernel smaller" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nConv c: x w -> y kernel_shape=[3,2]",
	  "its weights are 4x3x3x3, its kernel is 3 x 2", "" },
	{ "input x 1 3 8 8\nconst w 4 3 3 3\nconst b 3\nConv c: x w b -> y", "its bias is 3",
	  "it must be 4" },
	{ "input x 1 3 8 8\nMaxPool c: x -> y", "attribute kernel_shape is missing", "" },
	{ "input x 1 3 8 8\nMaxPool c: x -> y kernel_shape=[2,2] pads=[2,0,0,0]",
	  "rows: pads of 2 around windows of 2", "smaller than the window" },
	{ "input x 1 3 8 8\nMaxPool c: x -> z y kernel_shape=[2,2]", "output Indices is used",
	  "do without it" },
	/* matrices and normalisation */
	{ "input x 1 3 4\nconst w 4 5\nGemm g: x w -> y", "multiplies 1x3x4 by 4x5", "Flatten" },
	{ "input x 3 4\nconst w 5 4\nGemm g: x w -> y", "multiplies 3x4 by 5x4", "fit together" },
	{ "input x 3 4\nconst w 4 5\nconst b 4\nGemm g: x w b -> y", "adds 4 to a matrix of 3x5",
	  "" },
	{ "input x 3 4\nconst w 5 4\nMatMul g: x w -> y", "multiplies 3x4 by 5x4", "" },
	{ "input x 1 2 3\nconst s 2\nconst v 2 = 1 1\nBatchNormalization b: x s s s v -> y m - "
	  "training_mode=1",
	  "training_mode = 1", "export the model for inference" },
	{ "opset 6\ninput x 1 2 3\nconst s 2\nconst v 2 = 1 1\nBatchNormalization b: x s s s v -> y",
	  "is_test = 0", "inference" },
	{ "input x 1 2 3\nconst s 3\nBatchNormalization b: x s s s s -> y", "scale has 3 elements",
	  "each channel (axis 1) of its input: 2" },
	{ "input x 1 2 3\ninput s 2\nBatchNormalization b: x s s s s -> y",
	  "scale (s) is not a constant but an input of the graph", "initializer" },
	{ "input x 1 2 3\nconst s 2\nconst v 2 = 1 -1\nBatchNormalization b: x s s s v -> y",
	  "channel 1: variance -1", "damaged" },
	/* elementwise */
	{ "input x 2 3\nconst c 4\nAdd a: x c -> y", "inputs of 2x3 and 4 cannot be combined", "" },
	{ "input x 2\ninput:int32 z 2\nAdd a: x z -> y", "inputs x and z are of different types",
	  "Cast" },
	{ "input:int32 x 2\nSigmoid a: x -> y", "input x is of integers", "Cast to float" },
	{ "input x 2\nAnd a: x x -> y", "input x is not boolean", "compare" },
	{ "opset 6\ninput x 2 3\nconst c 3 3\nAdd a: x c -> y broadcast=1 axis=1",
	  "attribute axis = 1 with a second input of 2 axes", "" },
	{ "input x 2\nElu a: x -> y alpha=nan", "its attributes are not finite", "" },
	{ "input x 2\nCast a: x -> y to=8", "converts to string", "number types" },
	/* along axes */
	{ "input x 2\nSoftmax a: x -> y axis=1", "axis 1 is not one of 1 axes", "" },
	{ "input x 2\nReduceSum a: x -> y axes=[0,0]", "axis 0 is named twice", "" },
	{ "input x 2\nArgMax a: x -> y axis=-2", "axis -2", "" },
	{ "input x 2\ninput:int64 a 1\nReduceSum s: x a -> y", "axes (a) is not a constant", "" },
	/* shapes */
	{ "input x 2 3\nconst:int64 s 2 = 4 -1\nReshape r: x s -> y",
	  "its input has 6 elements, its new shape asks for a multiple of 4", "" },
	{ "input x 2 3\nconst:int64 s 2 = -1 -1\nReshape r: x s -> y", "has -1 at axis 1", "" },
	{ "input x 2 3\nconst:int64 s 3 = 2 3 0\nReshape r: x s -> y", "has 0 at axis 2", "" },
	{ "input x 2 3\ninput:int64 s 3\nReshape r: x s -> y", "shape (s) is not a constant",
	  "initializer" },
	{ "input x 2 3\nSqueeze s: x -> y axes=[0]", "axis 0 has 2 elements", "only axes of 1" },
	{ "input x 1 1 1 1 1 1\nUnsqueeze s: x -> y axes=[0]", "its output has 7 axes", "6" },
	{ "input x 2 3\nTranspose t: x -> y perm=[0,0]", "perm is not an order", "" },
	{ "input x 2 3\nTranspose t: x -> y perm=[0]", "attribute perm has 1 values", "2 axes" },
	{ "input x 2 3\nFlatten f: x -> y axis=3", "attribute axis = 3", "2 axes" },
	{ "input x 2 3\nconst:int64 s 1 = 4\nExpand e: x s -> y", "2x3 cannot be spread", "" },
	{ "input x 1 3 2 2\nDepthToSpace d: x -> y blocksize=2", "3 channels", "blocksize 2" },
	/* pieces */
	{ "input x 2 3\ninput z 3 2\nConcat c: x z -> y axis=0", "inputs of 2x3 and 3x2 differ",
	  "" },
	{ "input x 2 3\nconst:int64 s 2 = 1 1\nSplit c: x s -> y z axis=1", "its parts have 2",
	  "the axis has 3" },
	{ "input x 5\nconst:int64 a 1 = 5\nconst:int64 e 1 = 9\nSlice s: x a e -> y",
	  "its output has no elements", "leave it out" },
	{ "input x 5\nconst:int64 a 1 = 0\nconst:int64 z 1 = 0\nSlice s: x a a a z -> y",
	  "steps[...] = 0", "must not be 0" },
	{ "input x 5\nconst:int64 a 2 = 1 5\nGather g: x a -> y", "index 5 is not on axis 0", "" },
	{ "input x 5\nconst a 1 = 1\nGather g: x a -> y", "indices must be integers", "" },
	{ "input x 1 1 2\nPad p: x -> y pads=[0,0,2,0,0,0] mode=reflect", "axis 2 of 2 elements",
	  "cannot be padded by 2 and 0" },
	{ "input x 2\nPad p: x -> y pads=[0,1] mode=other", "attribute mode = other", "reflect" },
	{ "input x 2\nDropout d: x -> z y", "output mask is used", "inference" },
	/* sequences */
	{ "input x 5 2 3\nconst w 1 12 4\nconst r 1 12 4\nGRU g: x w r -> y", "W (w) is 1x12x4",
	  "it must be 1x12x3" },
	{ "input x 5 2 3\nconst w 1 12 3\nconst r 1 12 4\nGRU g: x w r -> y direction=up",
	  "attribute direction = up", "forward" },
	{ "input x 5 2 3\nconst w 1 12 3\nconst r 1 12 4\nGRU g: x w r -> y activations=[Sigmoid]",
	  "attribute activations has 1 names", "needs 2" },
	{ "input x 5 2 3\nconst w 1 12 3\nconst r 1 12 4\n"
	  "GRU g: x w r -> y activations=[Sigmoid,Affine]",
	  "attribute activations: Affine", "use Relu" },
	{ "input x 5 2 3\nconst w 1 12 3\nconst r 1 12 4\nGRU g: x w r -> y layout=2",
	  "attribute layout = 2", "0 or 1" },
	{ "input x 5 2 3\nconst w 1 12 3\nconst r 1 12 4\nconst h 1 3 4\nGRU g: x w r - - h -> y",
	  "initial_h (h) is 1x3x4", "it must be 1x2x4" },
	{ "input x 2 3\nconst w 1 12 3\nconst r 1 12 4\nGRU g: x w r -> y", "its input is 2x3",
	  "[steps, batch, elements]" },
};

START_TEST(says_what_and_what_instead)
{
	struct dh_error err = { "" };
	struct dh_net *net;
	char model[1024];
	int ret;

	snprintf(model, sizeof(model), "%s\noutput y\n", refused[_i].model);
	ret = model_import(model, NULL, &net, &err);
	ck_assert_msg(ret == -EOPNOTSUPP || ret == -EINVAL, "%s: %d", model, ret);
	ck_assert_ptr_null(net);
	ck_assert_msg(strstr(err.text, refused[_i].what) && strstr(err.text, refused[_i].instead),
		      "%s\n\"%s\" lacks \"%s\" or \"%s\"", model, err.text, refused[_i].what,
		      refused[_i].instead);
}
END_TEST

/* The table has the reason in the row of the node, and what else has no place behind it. */
START_TEST(explain_names_the_node)
{
	struct dh_explain *explain = dh_explain_create();
	struct dh_net *net;
	size_t size;
	void *bytes = model_bytes("input x 2\nRelu a: x -> b\nNonsense c: b -> d\nTanh e: d -> f\n"
				  "Other g: f -> y\noutput y\n",
				  &size);
	static const enum dh_place places[] = { DH_PLACE_HOST, DH_PLACE_REFUSED,
						DH_PLACE_NOT_REACHED, DH_PLACE_REFUSED };

	ck_assert_int_eq(dh_net_import_memory(bytes, size, "test", NULL, explain, &net, NULL),
			 -EOPNOTSUPP);
	ck_assert_uint_eq(explain->node_count, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(explain->nodes[i].place, places[i]);
	ck_assert_ptr_nonnull(strstr(explain->nodes[1].text, "operator Nonsense"));
	ck_assert_ptr_null(strstr(explain->nodes[1].text, "node c"));
	dh_explain_free(explain);
	free(bytes);
}
END_TEST

START_TEST(not_a_model)
{
	struct dh_error err = { "" };
	struct dh_net *net;

	ck_assert_int_eq(dh_net_import_memory("nonsense", 8, "file", NULL, NULL, &net, &err),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "file: not an ONNX"));
	ck_assert_int_eq(dh_net_import("/nonexistent", NULL, NULL, &net, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent"));
	ck_assert_ptr_null(net);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network refusals");
	TCase *tcase = tcase_create("import");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, says_what_and_what_instead, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(tcase, explain_names_the_node);
	tcase_add_test(tcase, not_a_model);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
