// SPDX-License-Identifier: MIT
/* Networks that did not come out of the import: whatever a kernel relies on is checked. */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>

#include "model.h"

/* A node of most kinds; x is used all along. */
#define MODEL                                                                              \
	"input x 1 4 6 6\nconst w 6 2 3 3\nconst b 6\nconst f 6 5\nconst s 4\n"            \
	"Conv conv: x w b -> c group=2 pads=[1,1,1,1]\n"                                   \
	"MaxPool pool: c -> p kernel_shape=[2,2] strides=[2,2] pads=[1,0,0,0]\n"           \
	"GlobalAveragePool mean: p -> m\nFlatten flat: m -> fl\nGemm gemm: fl f -> g\n"    \
	"Softmax soft: g -> so\nArgMax arg: g -> ar\nReduceSum sum: p -> su axes=[2,3]\n"  \
	"Transpose turn: p -> tr perm=[0,2,3,1]\n"                                         \
	"MaxPool pool2: c -> c2 kernel_shape=[2,2] strides=[2,2] pads=[1,0,0,0]\n"         \
	"Concat cat: p c2 -> ca axis=1\n"                                                  \
	"Slice slice: p -> sl starts=[1] ends=[3] axes=[3]\n"                              \
	"Pad pad: p -> pa mode=reflect pads=[0,0,1,1,0,0,1,1]\n"                           \
	"const:int64 i 2 = 0 5\nGather gather: p i -> ga axis=1\n"                         \
	"const rs 1 18 4\nconst rr 1 18 6\nReshape flat2: x shape -> r3\n"                 \
	"const:int64 shape 3 = 6 6 4\nGRU gru: r3 rs rr -> gr\nRelu relu: x -> re\n"       \
	"Add add: x re -> ad\nconst one 1 = 1\nconst:int64 es 4 = 1 1 6 5\n"               \
	"Reshape flat3: so es5 -> so4\nconst:int64 es5 4 = 1 1 1 5\n"                      \
	"Expand expand: so4 es -> ex\nCast cast: ar -> cs to=1\nPRelu prelu: x re -> pr\n" \
	"Sub norm: x re -> n0\nBatchNormalization scale: n0 s s s v -> sc\n"               \
	"const v 4 = 1 1 1 1\nMatMul mat: x x -> ma\n"

#define OUTPUTS                                                                         \
	"output so\noutput ar\noutput su\noutput tr\noutput ca\noutput sl\noutput pa\n" \
	"output ga\noutput gr\noutput ad\noutput ex\noutput cs\noutput pr\noutput sc\noutput ma\n"

static struct dh_net *sound_net(void)
{
	return model_net("opset 9\n" MODEL OUTPUTS);
}

static struct dh_net_node *node_named(struct dh_net *net, const char *name)
{
	for (uint32_t i = 0; i < net->node_count; i++) {
		if (!strcmp(net->nodes[i].name, name))
			return &net->nodes[i];
	}
	ck_abort_msg("no node %s", name);
	return NULL;
}

static struct dh_net_tensor *input_of(struct dh_net *net, const char *name, uint32_t i)
{
	return &net->tensors[node_named(net, name)->inputs[i]];
}

#define BREAK(what, ...)                     \
	static void what(struct dh_net *net) \
	{                                    \
		__VA_ARGS__;                 \
	}

BREAK(op_unknown, net->nodes[3].op = DH_NET_OP_COUNT)
BREAK(op_negative, net->nodes[3].op = -1)
BREAK(op_other, node_named(net, "relu")->op = DH_NET_ADD)
BREAK(node_nameless, net->nodes[0].name = NULL)
BREAK(tensor_nameless, net->tensors[0].name = NULL)
BREAK(tensor_rank, net->tensors[net->inputs[0]].rank = 7)
BREAK(tensor_huge, net->tensors[net->inputs[0]].dims[2] = 1u << 30)
BREAK(tensor_empty, net->tensors[net->inputs[0]].dims[2] = 0)
BREAK(tensor_type, net->tensors[net->inputs[0]].type = 2)
BREAK(input_type, net->tensors[net->inputs[0]].type = DH_NET_INT)
BREAK(input_shape, net->tensors[net->inputs[0]].dims[1] = 5)
BREAK(input_index, net->inputs[0] = (int32_t)net->tensor_count)
BREAK(input_constant, net->inputs[0] = node_named(net, "conv")->inputs[1])
BREAK(input_missing, net->input_count = 0)
BREAK(output_index, net->outputs[0] = -1)
BREAK(output_input, net->outputs[0] = net->inputs[0])
BREAK(constant_infinite, input_of(net, "conv", 1)->floats[3] = INFINITY)
BREAK(reads_later, node_named(net, "pool")->inputs[0] = node_named(net, "gemm")->outputs[0])
BREAK(reads_nothing, net->nodes[0].inputs[1] = DH_NET_NONE)
BREAK(reads_beyond, net->nodes[0].inputs[1] = (int32_t)net->tensor_count)
BREAK(reads_below, net->nodes[0].inputs[1] = -2)
BREAK(reads_too_little, net->nodes[0].input_count = 1)
BREAK(reads_too_much, node_named(net, "cat")->input_count = 1u << 30)
BREAK(writes_input, node_named(net, "relu")->outputs[0] = net->inputs[0])
BREAK(writes_twice, node_named(net, "relu")->outputs[0] = node_named(net, "conv")->outputs[0])
BREAK(writes_much, node_named(net, "relu")->output_count = 4)
BREAK(writes_none, node_named(net, "relu")->output_count = 0)
BREAK(shape_wrong, net->tensors[node_named(net, "relu")->outputs[0]].dims[3] = 7)
BREAK(conv_group, node_named(net, "conv")->attr.conv.group = 3)
BREAK(conv_group_zero, node_named(net, "conv")->attr.conv.group = 0)
BREAK(conv_kernel, node_named(net, "conv")->attr.conv.window.kernel[0] = 2)
BREAK(conv_stride, node_named(net, "conv")->attr.conv.window.strides[1] = 0)
BREAK(conv_dilation, node_named(net, "conv")->attr.conv.window.dilations[1] = 0)
BREAK(conv_pads, node_named(net, "conv")->attr.conv.window.pads[1] = UINT32_MAX)
BREAK(conv_bias, input_of(net, "conv", 2)->dims[0] = 5)
BREAK(pool_pads, node_named(net, "pool")->attr.pool.window.pads[0] = 2)
BREAK(pool_kernel, node_named(net, "pool")->attr.pool.window.kernel[0] = 0)
BREAK(pool_wide, node_named(net, "pool")->attr.pool.window.kernel[1] = 1000)
BREAK(gemm_trans, node_named(net, "gemm")->attr.gemm.trans_b = true)
BREAK(softmax_axis, node_named(net, "soft")->attr.softmax.axis = 2)
BREAK(softmax_end, node_named(net, "soft")->attr.softmax.end = 3)
BREAK(arg_axis, node_named(net, "arg")->attr.arg.axis = 2)
BREAK(reduce_axes, node_named(net, "sum")->attr.reduce.axes = 1u << 4)
BREAK(turn_perm, node_named(net, "turn")->attr.transpose.perm[0] = 1)
BREAK(turn_beyond, node_named(net, "turn")->attr.transpose.perm[0] = 1u << 31)
BREAK(cat_axis, node_named(net, "cat")->attr.axis = 4)
BREAK(slice_start, node_named(net, "slice")->attr.slice.starts[3] = 2)
BREAK(slice_step, node_named(net, "slice")->attr.slice.steps[3] = -2)
BREAK(slice_step_zero, node_named(net, "slice")->attr.slice.steps[0] = 0)
BREAK(pad_mode, node_named(net, "pad")->attr.pad.mode = 4)
BREAK(pad_far, node_named(net, "pad")->attr.pad.before[0] = 1)
BREAK(pad_crop, node_named(net, "pad")->attr.pad.after[2] = -9)
BREAK(pad_value, node_named(net, "pad")->attr.pad.value = NAN)
BREAK(gather_axis, node_named(net, "gather")->attr.axis = 4)
BREAK(gather_index, input_of(net, "gather", 1)->ints[1] = 6)
BREAK(gather_negative, input_of(net, "gather", 1)->ints[1] = -1)
BREAK(gather_computed, node_named(net, "gather")->inputs[1] = node_named(net, "arg")->outputs[0])
BREAK(gru_hidden, node_named(net, "gru")->attr.recurrent.hidden = 7)
BREAK(gru_none, node_named(net, "gru")->attr.recurrent.hidden = 0)
BREAK(gru_direction, node_named(net, "gru")->attr.recurrent.direction = DH_NET_BIDIRECTIONAL)
BREAK(gru_direction_unknown, node_named(net, "gru")->attr.recurrent.direction = 3)
BREAK(gru_activation, node_named(net, "gru")->attr.recurrent.activations[1].op = DH_NET_CONV)
BREAK(gru_clip, node_named(net, "gru")->attr.recurrent.clip = NAN)
BREAK(gru_weights, input_of(net, "gru", 2)->dims[1] = 17)
BREAK(unary_infinite, node_named(net, "relu")->attr.unary.a = INFINITY)
BREAK(expand_from, net->tensors[node_named(net, "expand")->outputs[0]].dims[3] = 4)
BREAK(reshape_count, net->tensors[node_named(net, "flat2")->outputs[0]].dims[0] = 7)
BREAK(cast_to, net->tensors[node_named(net, "cast")->outputs[0]].onnx_type = 8)
BREAK(scale_computed, node_named(net, "scale")->inputs[1] = node_named(net, "add")->outputs[0])

#define ENTRY(what)         \
	{                   \
#what, what \
	}
static const struct {
	const char *name;
	void (*damage)(struct dh_net *net);
} damages[] = {
	ENTRY(op_unknown),
	ENTRY(op_negative),
	ENTRY(op_other),
	ENTRY(node_nameless),
	ENTRY(tensor_nameless),
	ENTRY(tensor_rank),
	ENTRY(tensor_huge),
	ENTRY(tensor_empty),
	ENTRY(tensor_type),
	ENTRY(input_type),
	ENTRY(input_shape),
	ENTRY(input_index),
	ENTRY(input_constant),
	ENTRY(input_missing),
	ENTRY(output_index),
	ENTRY(output_input),
	ENTRY(constant_infinite),
	ENTRY(reads_later),
	ENTRY(reads_nothing),
	ENTRY(reads_beyond),
	ENTRY(reads_below),
	ENTRY(reads_too_little),
	ENTRY(reads_too_much),
	ENTRY(writes_input),
	ENTRY(writes_twice),
	ENTRY(writes_much),
	ENTRY(writes_none),
	ENTRY(shape_wrong),
	ENTRY(conv_group),
	ENTRY(conv_group_zero),
	ENTRY(conv_kernel),
	ENTRY(conv_stride),
	ENTRY(conv_dilation),
	ENTRY(conv_pads),
	ENTRY(conv_bias),
	ENTRY(pool_pads),
	ENTRY(pool_kernel),
	ENTRY(pool_wide),
	ENTRY(gemm_trans),
	ENTRY(softmax_axis),
	ENTRY(softmax_end),
	ENTRY(arg_axis),
	ENTRY(reduce_axes),
	ENTRY(turn_perm),
	ENTRY(turn_beyond),
	ENTRY(cat_axis),
	ENTRY(slice_start),
	ENTRY(slice_step),
	ENTRY(slice_step_zero),
	ENTRY(pad_mode),
	ENTRY(pad_far),
	ENTRY(pad_crop),
	ENTRY(pad_value),
	ENTRY(gather_axis),
	ENTRY(gather_index),
	ENTRY(gather_negative),
	ENTRY(gather_computed),
	ENTRY(gru_hidden),
	ENTRY(gru_none),
	ENTRY(gru_direction),
	ENTRY(gru_direction_unknown),
	ENTRY(gru_activation),
	ENTRY(gru_clip),
	ENTRY(gru_weights),
	ENTRY(unary_infinite),
	ENTRY(expand_from),
	ENTRY(reshape_count),
	ENTRY(cast_to),
	ENTRY(scale_computed),
};

START_TEST(damage_is_told)
{
	struct dh_net *net = sound_net();
	struct dh_error err = { "" };
	int ret;

	damages[_i].damage(net);
	ret = dh_net_check(net, &err);
	ck_assert_msg(ret == -EINVAL && err.text[0], "%s: %d, \"%s\"", damages[_i].name, ret,
		      err.text);
	dh_net_free(net);
}
END_TEST

START_TEST(sound_stays_sound)
{
	struct dh_net *net = sound_net();
	struct dh_error err = { "" };

	ck_assert_msg(!dh_net_check(net, &err), "%s", err.text);
	dh_net_run_free(model_run(net));
	dh_net_free(net);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network check");
	TCase *tcase = tcase_create("damage");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, damage_is_told, 0, sizeof(damages) / sizeof(damages[0]));
	tcase_add_test(tcase, sound_stays_sound);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return !!failed;
}
