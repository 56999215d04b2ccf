// SPDX-License-Identifier: MIT
/*
 * A net as bytes. What is read may be nonsense: dh_net_check() looks at it. Operations have ONNX's
 * names in files.
 */
#include <stdlib.h>
#include <string.h>

#include "network/net_file.h"

#define MAX_TENSORS 65536
#define MAX_NODES   65536

/* --- pieces -------------------------------------------------------------------- */

/* There was nothing to be had from the arena. A file that asks for more than the limit is damaged. */
static void no_memory(struct dh_codec *codec, const struct dh_net *net)
{
	if (net->arena.full)
		codec->failed = true;
	else
		dh_codec_no_memory(codec);
}

/* Zeroed elements of the net's arena; each takes at least a byte in the file. */
static void *take(struct dh_codec *codec, struct dh_net *net, uint32_t count, uint32_t most,
		  size_t size)
{
	void *elements;

	if (codec->failed || count > most || count > (size_t)(codec->end - codec->at)) {
		codec->failed = true;
		return NULL;
	}
	elements = dh_arena_alloc(&net->arena, count ? count : 1, size);
	if (!elements)
		no_memory(codec, net);
	return elements;
}

static void code_name(struct dh_codec *codec, struct dh_net *net, char **name)
{
	char *text = *name;

	dh_code_text(codec, &text);
	if (!codec->reading)
		return;
	*name = text ? dh_arena_strdup(&net->arena, text) : NULL;
	if (text && !*name)
		no_memory(codec, net);
	free(text);
}

/* Indices of tensors. */
static void code_list(struct dh_codec *codec, struct dh_net *net, uint32_t *count, int32_t **list)
{
	uint32_t i, n = *count;

	dh_code_u32(codec, &n);
	if (codec->reading) {
		*list = take(codec, net, n, MAX_TENSORS, sizeof(**list));
		n = codec->failed ? 0 : n;
		*count = n;
	}
	for (i = 0; i < n; i++)
		dh_code_i32(codec, &(*list)[i]);
}

/* --- tensors ------------------------------------------------------------------- */

/* A constant has its elements elsewhere; until then any address says that it is one. */
static void code_tensor(struct dh_codec *codec, struct dh_net *net, struct dh_net_tensor *tensor)
{
	bool constant = tensor->data;

	code_name(codec, net, &tensor->name);
	dh_code_as_u32(codec, tensor->type);
	dh_code_i32(codec, &tensor->onnx_type);
	dh_code_u32(codec, &tensor->rank);
	codec->failed |= tensor->rank > DH_NET_MAX_RANK;
	for (uint32_t i = 0; !codec->failed && i < tensor->rank; i++)
		dh_code_u32(codec, &tensor->dims[i]);
	dh_code_bool(codec, &constant);
	if (codec->reading && constant)
		tensor->data = tensor;
}

void dh_net_code_tensors(struct dh_codec *codec, struct dh_net *net)
{
	uint32_t count = net->tensor_count;

	code_name(codec, net, &net->name);
	dh_code_u32(codec, &count);
	if (codec->reading) {
		net->tensors = take(codec, net, count, MAX_TENSORS, sizeof(*net->tensors));
		net->tensor_count = codec->failed ? 0 : count;
	}
	for (uint32_t i = 0; i < net->tensor_count && !codec->failed; i++)
		code_tensor(codec, net, &net->tensors[i]);
	code_list(codec, net, &net->input_count, &net->inputs);
}

static bool elements_fit(const struct dh_codec *codec, const struct dh_net_tensor *tensor)
{
	size_t size = tensor->type == DH_NET_FLOAT ? sizeof(float) : sizeof(int64_t);
	size_t room = (codec->end - codec->at) / size;

	for (uint32_t i = 0; i < tensor->rank; i++) {
		if (!tensor->dims[i])
			return true;
		room /= tensor->dims[i];
	}
	return room;
}

static void code_elements(struct dh_codec *codec, struct dh_net *net, struct dh_net_tensor *tensor)
{
	size_t count;

	if (codec->reading) {
		codec->failed |= tensor->type > DH_NET_INT || !elements_fit(codec, tensor);
		tensor->data = codec->failed
				       ? NULL
				       : dh_arena_alloc(&net->arena, dh_net_bytes(tensor) + 1, 1);
		if (!codec->failed && !tensor->data)
			no_memory(codec, net);
	}
	count = codec->failed ? 0 : dh_net_elements(tensor);
	for (size_t i = 0; i < count; i++) {
		if (tensor->type == DH_NET_FLOAT)
			dh_code_float(codec, &tensor->floats[i]);
		else
			dh_code_i64(codec, &tensor->ints[i]);
	}
}

/* --- attributes ---------------------------------------------------------------- */

static void code_window(struct dh_codec *codec, struct dh_net_window *window)
{
	for (int i = 0; i < 2; i++) {
		dh_code_u32(codec, &window->kernel[i]);
		dh_code_u32(codec, &window->strides[i]);
		dh_code_u32(codec, &window->dilations[i]);
	}
	for (int i = 0; i < 4; i++)
		dh_code_u32(codec, &window->pads[i]);
}

static void code_pool(struct dh_codec *codec, union dh_net_attributes *attr)
{
	code_window(codec, &attr->pool.window);
	dh_code_bool(codec, &attr->pool.ceil_mode);
	dh_code_bool(codec, &attr->pool.count_include_pad);
}

static void code_gemm(struct dh_codec *codec, union dh_net_attributes *attr)
{
	dh_code_float(codec, &attr->gemm.alpha);
	dh_code_float(codec, &attr->gemm.beta);
	dh_code_bool(codec, &attr->gemm.trans_a);
	dh_code_bool(codec, &attr->gemm.trans_b);
}

static void code_slice(struct dh_codec *codec, union dh_net_attributes *attr)
{
	for (int i = 0; i < DH_NET_MAX_RANK; i++) {
		dh_code_u32(codec, &attr->slice.starts[i]);
		dh_code_i32(codec, &attr->slice.steps[i]);
	}
}

static void code_pad(struct dh_codec *codec, union dh_net_attributes *attr)
{
	dh_code_as_u32(codec, attr->pad.mode);
	for (int i = 0; i < DH_NET_MAX_RANK; i++) {
		dh_code_i32(codec, &attr->pad.before[i]);
		dh_code_i32(codec, &attr->pad.after[i]);
	}
	dh_code_float(codec, &attr->pad.value);
}

static void code_op(struct dh_codec *codec, enum dh_net_op *op)
{
	char *name = codec->reading ? NULL : (char *)dh_net_op_name(*op);
	int i;

	dh_code_text(codec, &name);
	if (!codec->reading || !name)
		return;
	for (i = 0; i < DH_NET_OP_COUNT && strcmp(name, dh_net_op_name(i)) != 0; i++)
		;
	*op = i;
	codec->failed |= i == DH_NET_OP_COUNT;
	free(name);
}

static void code_recurrent(struct dh_codec *codec, struct dh_net_recurrent *attr)
{
	dh_code_as_u32(codec, attr->direction);
	dh_code_u32(codec, &attr->hidden);
	dh_code_float(codec, &attr->clip);
	dh_code_bool(codec, &attr->batch_first);
	dh_code_bool(codec, &attr->linear_before_reset);
	dh_code_bool(codec, &attr->input_forget);
	for (size_t i = 0; i < sizeof(attr->activations) / sizeof(*attr->activations); i++) {
		code_op(codec, &attr->activations[i].op);
		dh_code_float(codec, &attr->activations[i].a);
		dh_code_float(codec, &attr->activations[i].b);
	}
}

static void code_axes(struct dh_codec *codec, enum dh_net_op op, union dh_net_attributes *attr)
{
	switch (op) {
	case DH_NET_SOFTMAX:
	case DH_NET_LOG_SOFTMAX:
		dh_code_u32(codec, &attr->softmax.axis);
		dh_code_u32(codec, &attr->softmax.end);
		break;
	case DH_NET_ARG_MAX:
	case DH_NET_ARG_MIN:
		dh_code_u32(codec, &attr->arg.axis);
		dh_code_bool(codec, &attr->arg.keep);
		dh_code_bool(codec, &attr->arg.last);
		break;
	default:
		dh_code_u32(codec, &attr->reduce.axes);
		dh_code_bool(codec, &attr->reduce.keep);
		break;
	}
}

/* Operations that are not here have none. */
static void code_attributes(struct dh_codec *codec, enum dh_net_op op,
			    union dh_net_attributes *attr)
{
	switch (op) {
	case DH_NET_CONV:
		code_window(codec, &attr->conv.window);
		dh_code_u32(codec, &attr->conv.group);
		break;
	case DH_NET_MAX_POOL:
	case DH_NET_AVERAGE_POOL:
		code_pool(codec, attr);
		break;
	case DH_NET_GEMM:
		code_gemm(codec, attr);
		break;
	case DH_NET_SOFTMAX ... DH_NET_ARG_MIN:
		code_axes(codec, op, attr);
		break;
	case DH_NET_CONCAT:
	case DH_NET_GATHER:
		dh_code_u32(codec, &attr->axis);
		break;
	case DH_NET_TRANSPOSE:
		for (int i = 0; i < DH_NET_MAX_RANK; i++)
			dh_code_u32(codec, &attr->transpose.perm[i]);
		break;
	case DH_NET_SLICE:
		code_slice(codec, attr);
		break;
	case DH_NET_PAD:
		code_pad(codec, attr);
		break;
	case DH_NET_GRU:
	case DH_NET_LSTM:
	case DH_NET_RNN:
		code_recurrent(codec, &attr->recurrent);
		break;
	default:
		if (!dh_net_op_is_unary(op))
			break;
		dh_code_float(codec, &attr->unary.a);
		dh_code_float(codec, &attr->unary.b);
		break;
	}
}

/* --- nodes --------------------------------------------------------------------- */

static void code_node(struct dh_codec *codec, struct dh_net *net, struct dh_net_node *node)
{
	code_op(codec, &node->op);
	code_name(codec, net, &node->name);
	code_name(codec, net, &node->onnx_op);
	code_list(codec, net, &node->input_count, &node->inputs);
	code_list(codec, net, &node->output_count, &node->outputs);
	if (!codec->failed)
		code_attributes(codec, node->op, &node->attr);
}

void dh_net_code_nodes(struct dh_codec *codec, struct dh_net *net)
{
	uint32_t count = net->node_count;

	dh_code_u32(codec, &count);
	if (codec->reading) {
		net->nodes = take(codec, net, count, MAX_NODES, sizeof(*net->nodes));
		net->node_count = codec->failed ? 0 : count;
	}
	for (uint32_t i = 0; i < net->node_count && !codec->failed; i++)
		code_node(codec, net, &net->nodes[i]);
	for (uint32_t i = 0; i < net->tensor_count && !codec->failed; i++) {
		if (net->tensors[i].data)
			code_elements(codec, net, &net->tensors[i]);
	}
}
