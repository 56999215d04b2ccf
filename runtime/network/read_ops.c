// SPDX-License-Identifier: MIT
/* Operators by name. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "network/reader.h"

static const struct op {
	const char *name;
	dh_read_op read;
} ops[] = {
	/* sorted by name */
	{ "Abs", dh_read_unary },
	{ "Add", dh_read_binary },
	{ "And", dh_read_binary },
	{ "ArgMax", dh_read_arg },
	{ "ArgMin", dh_read_arg },
	{ "AveragePool", dh_read_pool },
	{ "BatchNormalization", dh_read_batch_norm },
	{ "Cast", dh_read_cast },
	{ "Ceil", dh_read_unary },
	{ "Celu", dh_read_unary },
	{ "Clip", dh_read_clip },
	{ "Concat", dh_read_concat },
	{ "Constant", dh_read_constant_node },
	{ "ConstantOfShape", dh_read_constant_of_shape },
	{ "Conv", dh_read_conv },
	{ "DepthToSpace", dh_read_depth_to_space },
	{ "Div", dh_read_binary },
	{ "Dropout", dh_read_dropout },
	{ "Elu", dh_read_unary },
	{ "Equal", dh_read_binary },
	{ "Erf", dh_read_unary },
	{ "Exp", dh_read_unary },
	{ "Expand", dh_read_expand },
	{ "Flatten", dh_read_flatten },
	{ "Floor", dh_read_unary },
	{ "GRU", dh_read_recurrent },
	{ "Gather", dh_read_gather },
	{ "Gemm", dh_read_gemm },
	{ "GlobalAveragePool", dh_read_global_pool },
	{ "GlobalMaxPool", dh_read_global_pool },
	{ "Greater", dh_read_binary },
	{ "GreaterOrEqual", dh_read_not_less },
	{ "HardSigmoid", dh_read_unary },
	{ "HardSwish", dh_read_unary },
	{ "Identity", dh_read_identity },
	{ "LSTM", dh_read_recurrent },
	{ "LeakyRelu", dh_read_unary },
	{ "Less", dh_read_binary },
	{ "LessOrEqual", dh_read_not_less },
	{ "Log", dh_read_unary },
	{ "LogSoftmax", dh_read_softmax },
	{ "MatMul", dh_read_matmul },
	{ "Max", dh_read_many },
	{ "MaxPool", dh_read_pool },
	{ "Mean", dh_read_many },
	{ "Min", dh_read_many },
	{ "Mul", dh_read_binary },
	{ "Neg", dh_read_unary },
	{ "Not", dh_read_unary },
	{ "Or", dh_read_binary },
	{ "PRelu", dh_read_binary },
	{ "Pad", dh_read_pad },
	{ "Pow", dh_read_binary },
	{ "RNN", dh_read_recurrent },
	{ "Range", dh_read_range },
	{ "Reciprocal", dh_read_unary },
	{ "ReduceL1", dh_read_reduce },
	{ "ReduceL2", dh_read_reduce },
	{ "ReduceMax", dh_read_reduce },
	{ "ReduceMean", dh_read_reduce },
	{ "ReduceMin", dh_read_reduce },
	{ "ReduceProd", dh_read_reduce },
	{ "ReduceSum", dh_read_reduce },
	{ "ReduceSumSquare", dh_read_reduce },
	{ "Relu", dh_read_unary },
	{ "Reshape", dh_read_reshape_node },
	{ "Round", dh_read_unary },
	{ "Selu", dh_read_unary },
	{ "Shape", dh_read_shape },
	{ "Sigmoid", dh_read_unary },
	{ "Sign", dh_read_unary },
	{ "Size", dh_read_size },
	{ "Slice", dh_read_slice },
	{ "Softmax", dh_read_softmax },
	{ "Softplus", dh_read_unary },
	{ "Softsign", dh_read_unary },
	{ "SpaceToDepth", dh_read_space_to_depth },
	{ "Split", dh_read_split },
	{ "Sqrt", dh_read_unary },
	{ "Squeeze", dh_read_squeeze },
	{ "Sub", dh_read_binary },
	{ "Sum", dh_read_many },
	{ "Tanh", dh_read_unary },
	{ "ThresholdedRelu", dh_read_unary },
	{ "Transpose", dh_read_transpose },
	{ "Unsqueeze", dh_read_unsqueeze },
	{ "Where", dh_read_where },
};

static int by_name(const void *key, const void *entry)
{
	const struct op *op = entry;

	return strcmp(key, op->name);
}

dh_read_op dh_read_find_op(const char *op)
{
	const struct op *found =
		bsearch(op, ops, sizeof(ops) / sizeof(ops[0]), sizeof(ops[0]), by_name);

	return found ? found->read : NULL;
}

enum dh_net_op dh_read_op_named(const char *name, size_t len)
{
	for (int op = 0; op < DH_NET_OP_COUNT; op++) {
		const char *have = dh_net_op_name(op);

		if (strlen(have) == len && !strncasecmp(have, name, len))
			return op;
	}
	return DH_NET_OP_COUNT;
}

void dh_read_unary_defaults(enum dh_net_op op, float *a, float *b)
{
	*a = *b = 0;
	switch (op) {
	case DH_NET_LEAKY_RELU:
		*a = 0.01f;
		break;
	case DH_NET_THRESHOLDED_RELU:
	case DH_NET_ELU:
	case DH_NET_CELU:
		*a = 1;
		break;
	case DH_NET_SELU:
		*a = 1.67326319217681884765625f;
		*b = 1.05070102214813232421875f;
		break;
	case DH_NET_HARD_SIGMOID:
		*a = 0.2f;
		*b = 0.5f;
		break;
	default:
		break;
	}
}
