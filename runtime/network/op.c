// SPDX-License-Identifier: MIT
/* The table of operations. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "network/op.h"

#define ANY_NUMBER DH_NET_MAX_INPUTS

#define UNARY(name)	name, 1, 1, 1, dh_infer_unary, dh_kernel_unary
#define UNARY_ANY(name) name, 1, 1, 1, dh_infer_unary_any, dh_kernel_unary
#define BINARY(name)	name, 2, 2, 1, dh_infer_binary, dh_kernel_binary
#define COMPARE(name)	name, 2, 2, 1, dh_infer_compare, dh_kernel_binary
#define LOGIC(name)	name, 2, 2, 1, dh_infer_logic, dh_kernel_binary
#define REDUCE(name)	name, 1, 1, 1, dh_infer_reduce, dh_kernel_reduce
#define RECURRENT(name, inputs, outputs)                                                         \
	name, 3, inputs, outputs, dh_infer_recurrent, dh_kernel_recurrent, dh_scratch_recurrent, \
		dh_work_recurrent

static const struct dh_op ops[DH_NET_OP_COUNT] = {
	[DH_NET_CONV] = { "Conv", 2, 3, 1, dh_infer_conv, dh_kernel_conv, dh_scratch_conv,
			  dh_work_conv },
	[DH_NET_MAX_POOL] = { "MaxPool", 1, 1, 1, dh_infer_pool, dh_kernel_pool, dh_scratch_pool,
			      dh_work_pool },
	[DH_NET_AVERAGE_POOL] = { "AveragePool", 1, 1, 1, dh_infer_pool, dh_kernel_pool,
				  dh_scratch_pool, dh_work_pool },
	[DH_NET_GEMM] = { "Gemm", 2, 3, 1, dh_infer_gemm, dh_kernel_gemm, dh_scratch_gemm,
			  dh_work_gemm },
	[DH_NET_MATMUL] = { "MatMul", 2, 2, 1, dh_infer_matmul, dh_kernel_matmul, NULL,
			    dh_work_gemm },
	[DH_NET_SCALE] = { "BatchNormalization", 3, 3, 1, dh_infer_scale, dh_kernel_scale },
	[DH_NET_ADD] = { BINARY("Add") },
	[DH_NET_SUB] = { BINARY("Sub") },
	[DH_NET_MUL] = { BINARY("Mul") },
	[DH_NET_DIV] = { BINARY("Div") },
	[DH_NET_POW] = { BINARY("Pow") },
	[DH_NET_MIN] = { BINARY("Min") },
	[DH_NET_MAX] = { BINARY("Max") },
	[DH_NET_PRELU] = { BINARY("PRelu") },
	[DH_NET_EQUAL] = { COMPARE("Equal") },
	[DH_NET_GREATER] = { COMPARE("Greater") },
	[DH_NET_LESS] = { COMPARE("Less") },
	[DH_NET_AND] = { LOGIC("And") },
	[DH_NET_OR] = { LOGIC("Or") },
	[DH_NET_WHERE] = { "Where", 3, 3, 1, dh_infer_where, dh_kernel_where },
	[DH_NET_RELU] = { UNARY_ANY("Relu") },
	[DH_NET_CLIP] = { UNARY_ANY("Clip") },
	[DH_NET_LEAKY_RELU] = { UNARY("LeakyRelu") },
	[DH_NET_THRESHOLDED_RELU] = { UNARY("ThresholdedRelu") },
	[DH_NET_ELU] = { UNARY("Elu") },
	[DH_NET_SELU] = { UNARY("Selu") },
	[DH_NET_CELU] = { UNARY("Celu") },
	[DH_NET_SIGMOID] = { UNARY("Sigmoid") },
	[DH_NET_HARD_SIGMOID] = { UNARY("HardSigmoid") },
	[DH_NET_HARD_SWISH] = { UNARY("HardSwish") },
	[DH_NET_TANH] = { UNARY("Tanh") },
	[DH_NET_SOFTPLUS] = { UNARY("Softplus") },
	[DH_NET_SOFTSIGN] = { UNARY("Softsign") },
	[DH_NET_EXP] = { UNARY("Exp") },
	[DH_NET_LOG] = { UNARY("Log") },
	[DH_NET_SQRT] = { UNARY("Sqrt") },
	[DH_NET_ABS] = { UNARY_ANY("Abs") },
	[DH_NET_NEG] = { UNARY_ANY("Neg") },
	[DH_NET_RECIPROCAL] = { UNARY("Reciprocal") },
	[DH_NET_FLOOR] = { UNARY("Floor") },
	[DH_NET_CEIL] = { UNARY("Ceil") },
	[DH_NET_ROUND] = { UNARY("Round") },
	[DH_NET_SIGN] = { UNARY_ANY("Sign") },
	[DH_NET_ERF] = { UNARY("Erf") },
	[DH_NET_NOT] = { "Not", 1, 1, 1, dh_infer_not, dh_kernel_unary },
	[DH_NET_CAST] = { "Cast", 1, 1, 1, dh_infer_cast, dh_kernel_cast },
	[DH_NET_SOFTMAX] = { "Softmax", 1, 1, 1, dh_infer_softmax, dh_kernel_softmax },
	[DH_NET_LOG_SOFTMAX] = { "LogSoftmax", 1, 1, 1, dh_infer_softmax, dh_kernel_softmax },
	[DH_NET_REDUCE_MEAN] = { REDUCE("ReduceMean") },
	[DH_NET_REDUCE_SUM] = { REDUCE("ReduceSum") },
	[DH_NET_REDUCE_MAX] = { REDUCE("ReduceMax") },
	[DH_NET_REDUCE_MIN] = { REDUCE("ReduceMin") },
	[DH_NET_REDUCE_PROD] = { REDUCE("ReduceProd") },
	[DH_NET_REDUCE_L1] = { REDUCE("ReduceL1") },
	[DH_NET_REDUCE_L2] = { REDUCE("ReduceL2") },
	[DH_NET_REDUCE_SUM_SQUARE] = { REDUCE("ReduceSumSquare") },
	[DH_NET_ARG_MAX] = { "ArgMax", 1, 1, 1, dh_infer_arg, dh_kernel_arg },
	[DH_NET_ARG_MIN] = { "ArgMin", 1, 1, 1, dh_infer_arg, dh_kernel_arg },
	[DH_NET_RESHAPE] = { "Reshape", 1, 1, 1, dh_infer_reshape, dh_kernel_copy },
	[DH_NET_TRANSPOSE] = { "Transpose", 1, 1, 1, dh_infer_transpose, dh_kernel_move },
	[DH_NET_EXPAND] = { "Expand", 1, 1, 1, dh_infer_expand, dh_kernel_move },
	[DH_NET_CONCAT] = { "Concat", 1, ANY_NUMBER, 1, dh_infer_concat, dh_kernel_concat },
	[DH_NET_SLICE] = { "Slice", 1, 1, 1, dh_infer_slice, dh_kernel_move },
	[DH_NET_PAD] = { "Pad", 1, 1, 1, dh_infer_pad, dh_kernel_pad },
	[DH_NET_GATHER] = { "Gather", 2, 2, 1, dh_infer_gather, dh_kernel_gather },
	[DH_NET_GRU] = { RECURRENT("GRU", 6, 2) },
	[DH_NET_LSTM] = { RECURRENT("LSTM", 8, 3) },
	[DH_NET_RNN] = { RECURRENT("RNN", 6, 2) },
};

const struct dh_op *dh_op_find(enum dh_net_op op)
{
	return &ops[op];
}

const char *dh_net_op_name(enum dh_net_op op)
{
	return ops[op].name;
}

bool dh_net_op_is_unary(enum dh_net_op op)
{
	return op >= 0 && op < DH_NET_OP_COUNT &&
	       (ops[op].infer == dh_infer_unary || ops[op].infer == dh_infer_unary_any);
}

size_t dh_net_scratch(const struct dh_net *net, const struct dh_net_node *node)
{
	return ops[node->op].scratch ? ops[node->op].scratch(net, node) : 0;
}

void dh_net_compute(const struct dh_net *net, const struct dh_net_node *node, void *const *data,
		    void *scratch)
{
	ops[node->op].compute(&(struct dh_kernel){ net, node, data, scratch });
}

uint64_t dh_op_work(const struct dh_net *net, const struct dh_net_node *node)
{
	uint64_t work = 0;

	if (ops[node->op].work)
		return ops[node->op].work(net, node);
	for (uint32_t i = 0; i < node->input_count; i++) {
		if (node->inputs[i] != DH_NET_NONE)
			work += dh_net_elements(&net->tensors[node->inputs[i]]);
	}
	for (uint32_t i = 0; i < node->output_count; i++) {
		if (node->outputs[i] != DH_NET_NONE)
			work += dh_net_elements(&net->tensors[node->outputs[i]]);
	}
	return work;
}

/* --- outputs --- */

static int check_outputs(const struct dh_infer *infer)
{
	size_t count;

	for (uint32_t i = 0; i < infer->node->output_count; i++) {
		const struct dh_net_shape *out = &infer->out[i];

		if (out->rank > DH_NET_MAX_RANK || !dh_shape_elements(out->dims, out->rank, &count))
			return dh_infer_bad(infer,
					    "its output is too large: more than %d axes or %zu "
					    "elements",
					    DH_NET_MAX_RANK, DH_NET_MAX_ELEMENTS);
	}
	return 0;
}

static int count_inputs(const struct dh_infer *infer, const struct dh_op *op)
{
	const struct dh_net_node *node = infer->node;

	if (node->input_count < op->min_inputs || node->input_count > op->max_inputs ||
	    !node->output_count || node->output_count > op->outputs)
		return dh_infer_bad(infer, "%u inputs and %u outputs; it has %u to %u and up to %u",
				    node->input_count, node->output_count, op->min_inputs,
				    op->max_inputs, op->outputs);
	for (uint32_t i = 0; i < node->input_count; i++) {
		if (!infer->in[i] && (i < op->min_inputs || op->max_inputs == ANY_NUMBER))
			return dh_infer_bad(infer, "input %u is missing", i);
	}
	return 0;
}

int dh_op_infer(const struct dh_net_tensor *tensors, const struct dh_net_node *node,
		struct dh_net_shape *out, struct dh_error *err)
{
	const struct dh_net_tensor *in[DH_NET_MAX_INPUTS] = { NULL };
	struct dh_net_shape outputs[DH_NET_MAX_OUTPUTS] = { 0 };
	struct dh_infer infer = { node, in, outputs, err };
	int ret;

	for (uint32_t i = 0; i < node->input_count && i < DH_NET_MAX_INPUTS; i++)
		in[i] = node->inputs[i] == DH_NET_NONE ? NULL : &tensors[node->inputs[i]];
	ret = count_inputs(&infer, &ops[node->op]);
	if (ret)
		return ret;
	memcpy(outputs, out, node->output_count * sizeof(*out));
	ret = ops[node->op].infer(&infer);
	if (!ret)
		ret = check_outputs(&infer);
	memcpy(out, outputs, node->output_count * sizeof(*out));
	return ret;
}

struct dh_net_shape dh_shape_of(const struct dh_net_tensor *tensor)
{
	struct dh_net_shape shape = { tensor->type, tensor->onnx_type, tensor->rank, { 0 } };

	memcpy(shape.dims, tensor->dims, tensor->rank * sizeof(*shape.dims));
	return shape;
}

bool dh_shape_equal(const uint32_t *a, uint32_t a_rank, const uint32_t *b, uint32_t b_rank)
{
	return a_rank == b_rank && !memcmp(a, b, a_rank * sizeof(*a));
}

bool dh_shape_elements(const uint32_t *dims, uint32_t rank, size_t *count)
{
	bool fits = true;

	*count = 1;
	for (uint32_t i = 0; i < rank; i++) {
		if (!dims[i])
			*count = 0;
		/* a product that is too large is not made right by a 0 that follows */
		fits &= dims[i] <= DH_NET_MAX_ELEMENTS && *count * dims[i] <= DH_NET_MAX_ELEMENTS;
		if (fits)
			*count *= dims[i];
	}
	return fits;
}

const char *dh_shape_text(const struct dh_net_tensor *tensor, char *text, size_t size)
{
	size_t len = 0;

	snprintf(text, size, "a single value");
	for (uint32_t i = 0; i < tensor->rank && len < size; i++)
		len += snprintf(text + len, size - len, "%s%u", i ? "x" : "", tensor->dims[i]);
	return text;
}

int dh_infer_need_float(const struct dh_infer *infer, uint32_t i)
{
	if (!infer->in[i] || infer->in[i]->type == DH_NET_FLOAT)
		return 0;
	return dh_infer_bad(infer, "input %s is of integers; put a Cast to float before it",
			    infer->in[i]->name);
}
