// SPDX-License-Identifier: MIT
/* Makes nets by hand. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maker.h"

void maker_start(struct maker *maker, uint32_t seed)
{
	struct dh_net *net = calloc(1, sizeof(*net));

	ck_assert_ptr_nonnull(net);
	net->arena.limit = (size_t)1 << 30;
	net->name = dh_arena_strdup(&net->arena, "made");
	net->tensors = dh_arena_alloc(&net->arena, MAKER_TENSORS, sizeof(*net->tensors));
	net->nodes = dh_arena_alloc(&net->arena, MAKER_NODES, sizeof(*net->nodes));
	net->inputs = dh_arena_alloc(&net->arena, 8, sizeof(*net->inputs));
	net->outputs = dh_arena_alloc(&net->arena, 8, sizeof(*net->outputs));
	ck_assert_ptr_nonnull(net->outputs);
	*maker = (struct maker){ .net = net, .seed = seed };
}

uint32_t maker_random(struct maker *maker, uint32_t below)
{
	maker->seed = maker->seed * 1664525 + 1013904223;
	return (uint64_t)(maker->seed >> 8) * below >> 24;
}

float maker_normal(struct maker *maker)
{
	int sum = 0;

	for (int i = 0; i < 12; i++)
		sum += (int)maker_random(maker, 65536);
	return (float)(sum - 6 * 65536) / 65536;
}

uint32_t maker_dim(const struct maker *maker, int32_t tensor, uint32_t axis)
{
	return maker->net->tensors[tensor].dims[axis];
}

static int32_t add_tensor(struct maker *maker, const char *kind, uint32_t rank,
			  const uint32_t *dims)
{
	struct dh_net *net = maker->net;
	struct dh_net_tensor *tensor = &net->tensors[net->tensor_count];
	char name[32];

	ck_assert_uint_lt(net->tensor_count, MAKER_TENSORS);
	snprintf(name, sizeof(name), "%s%u", kind, net->tensor_count);
	tensor->name = dh_arena_strdup(&net->arena, name);
	tensor->type = DH_NET_FLOAT;
	tensor->onnx_type = 1;
	tensor->rank = rank;
	tensor->producer = DH_NET_NONE;
	memcpy(tensor->dims, dims, rank * sizeof(*dims));
	return net->tensor_count++;
}

int32_t maker_input(struct maker *maker, uint32_t rank, const uint32_t *dims)
{
	int32_t tensor = add_tensor(maker, "input", rank, dims);

	maker->net->inputs[maker->net->input_count++] = tensor;
	return tensor;
}

int32_t maker_constant(struct maker *maker, uint32_t rank, const uint32_t *dims, float size,
		       float grid)
{
	int32_t index = add_tensor(maker, "constant", rank, dims);
	struct dh_net_tensor *tensor = &maker->net->tensors[index];
	size_t count = dh_net_elements(tensor);

	tensor->floats = dh_arena_alloc(&maker->net->arena, count, sizeof(float));
	ck_assert_ptr_nonnull(tensor->floats);
	for (size_t i = 0; i < count; i++) {
		float value = size * maker_normal(maker);

		tensor->floats[i] = grid ? rintf(value * grid) / grid : value;
	}
	return index;
}

int32_t maker_node(struct maker *maker, enum dh_net_op op, const union dh_net_attributes *attr,
		   uint32_t inputs, const int32_t *input, uint32_t rank, const uint32_t *dims)
{
	struct dh_net *net = maker->net;
	struct dh_net_node *node = &net->nodes[net->node_count];
	char name[32];

	ck_assert_uint_lt(net->node_count, MAKER_NODES);
	snprintf(name, sizeof(name), "node%u", net->node_count);
	node->op = op;
	node->name = dh_arena_strdup(&net->arena, name);
	node->onnx_op = dh_arena_strdup(&net->arena, dh_net_op_name(op));
	node->inputs = dh_arena_alloc(&net->arena, inputs, sizeof(*input));
	node->outputs = dh_arena_alloc(&net->arena, 1, sizeof(*input));
	node->input_count = inputs;
	node->output_count = 1;
	memcpy(node->inputs, input, inputs * sizeof(*input));
	if (attr)
		node->attr = *attr;
	node->outputs[0] = add_tensor(maker, "value", rank, dims);
	net->node_count++;
	return node->outputs[0];
}

int32_t maker_conv(struct maker *maker, int32_t x, uint32_t maps, uint32_t group,
		   const struct window *window)
{
	union dh_net_attributes attr = { .conv.group = group };
	uint32_t channels = maker_dim(maker, x, 1) / group, dims[4] = { 1, maps };
	uint32_t weight_dims[4] = { maps, channels, window->kernel[0], window->kernel[1] };
	uint32_t fan = channels * window->kernel[0] * window->kernel[1];
	int32_t inputs[3] = { x };

	for (int axis = 0; axis < 2; axis++) {
		uint32_t whole = (window->kernel[axis] - 1) * window->dilations[axis] + 1;
		uint32_t size =
			maker_dim(maker, x, axis + 2) + window->pads[axis] + window->pads[axis + 2];

		ck_assert_uint_ge(size, whole);
		dims[axis + 2] = (size - whole) / window->strides[axis] + 1;
	}
	memcpy(attr.conv.window.kernel, window->kernel, sizeof(window->kernel));
	memcpy(attr.conv.window.strides, window->strides, sizeof(window->strides));
	memcpy(attr.conv.window.dilations, window->dilations, sizeof(window->dilations));
	memcpy(attr.conv.window.pads, window->pads, sizeof(window->pads));
	inputs[1] = maker_constant(maker, 4, weight_dims, sqrtf(1.5F / fan), 0);
	inputs[2] = maker_constant(maker, 1, &maps, 0.3F, 0);
	return maker_node(maker, DH_NET_CONV, &attr, 3, inputs, 4, dims);
}

int32_t maker_square(struct maker *maker, int32_t x, uint32_t maps, uint32_t kernel)
{
	uint32_t before = (kernel - 1) / 2, after = kernel / 2;
	struct window window = {
		{ kernel, kernel }, { 1, 1 }, { 1, 1 }, { before, before, after, after }
	};

	return maker_conv(maker, x, maps, 1, &window);
}

int32_t maker_same(struct maker *maker, enum dh_net_op op, int32_t x, int32_t y)
{
	const struct dh_net_tensor *like = &maker->net->tensors[x];
	int32_t inputs[2] = { x, y };

	return maker_node(maker, op, NULL, y == DH_NET_NONE ? 1 : 2, inputs, like->rank,
			  like->dims);
}

int32_t maker_pool(struct maker *maker, enum dh_net_op op, int32_t x, uint32_t size, uint32_t step)
{
	union dh_net_attributes attr = { 0 };
	uint32_t dims[4] = { 1, maker_dim(maker, x, 1) };

	for (int axis = 0; axis < 2; axis++) {
		attr.pool.window.kernel[axis] = size;
		attr.pool.window.strides[axis] = step;
		attr.pool.window.dilations[axis] = 1;
		dims[axis + 2] = (maker_dim(maker, x, axis + 2) - size) / step + 1;
	}
	return maker_node(maker, op, &attr, 1, &x, 4, dims);
}

int32_t maker_concat(struct maker *maker, int32_t a, int32_t b)
{
	union dh_net_attributes attr = { .axis = 1 };
	const struct dh_net_tensor *like = &maker->net->tensors[a];
	uint32_t dims[DH_NET_MAX_RANK];
	int32_t inputs[2] = { a, b };

	memcpy(dims, like->dims, sizeof(dims));
	dims[1] += maker_dim(maker, b, 1);
	return maker_node(maker, DH_NET_CONCAT, &attr, 2, inputs, like->rank, dims);
}

int32_t maker_flat(struct maker *maker, int32_t x)
{
	uint32_t dims[2] = { 1, dh_net_elements(&maker->net->tensors[x]) };

	return maker_shape(maker, x, 2, dims);
}

int32_t maker_shape(struct maker *maker, int32_t x, uint32_t rank, const uint32_t *dims)
{
	return maker_node(maker, DH_NET_RESHAPE, NULL, 1, &x, rank, dims);
}

int32_t maker_gru(struct maker *maker, int32_t x, uint32_t hidden, bool all)
{
	const union dh_net_attributes attr = {
		.recurrent = { .hidden = hidden,
			       .linear_before_reset = true,
			       .activations = { { DH_NET_SIGMOID }, { DH_NET_TANH } } }
	};
	uint32_t steps = maker_dim(maker, x, 0), values = maker_dim(maker, x, 2);
	uint32_t w[] = { 1, 3 * hidden, values }, r[] = { 1, 3 * hidden, hidden },
		 b[] = { 1, 6 * hidden };
	uint32_t states[] = { steps, 1, 1, hidden }, last[] = { 1, 1, hidden };
	struct dh_net_node *node;
	int32_t inputs[4] = { x }, y;

	inputs[1] = maker_constant(maker, 3, w, sqrtf(1.0F / values), 0);
	inputs[2] = maker_constant(maker, 3, r, sqrtf(1.0F / hidden), 0);
	inputs[3] = maker_constant(maker, 2, b, 0.1F, 0);
	if (all)
		return maker_node(maker, DH_NET_GRU, &attr, 4, inputs, 4, states);
	y = maker_node(maker, DH_NET_GRU, &attr, 4, inputs, 3, last);
	node = &maker->net->nodes[maker->net->node_count - 1];
	node->outputs = dh_arena_alloc(&maker->net->arena, 2, sizeof(*node->outputs));
	ck_assert_ptr_nonnull(node->outputs);
	node->outputs[0] = DH_NET_NONE;
	node->outputs[1] = y;
	node->output_count = 2;
	return y;
}

int32_t maker_product(struct maker *maker, int32_t x, uint32_t outputs)
{
	const struct dh_net_tensor *from = &maker->net->tensors[x];
	uint32_t dims[DH_NET_MAX_RANK], weights[2] = { from->dims[from->rank - 1], outputs };
	int32_t inputs[2] = { x };

	memcpy(dims, from->dims, sizeof(dims));
	dims[from->rank - 1] = outputs;
	inputs[1] = maker_constant(maker, 2, weights, sqrtf(1.0F / weights[0]), 0);
	return maker_node(maker, DH_NET_MATMUL, NULL, 2, inputs, from->rank, dims);
}

int32_t maker_dense(struct maker *maker, int32_t x, uint32_t outputs, bool transposed)
{
	union dh_net_attributes attr = { .gemm = { .alpha = 1, .beta = 1, .trans_b = transposed } };
	uint32_t values = maker_dim(maker, x, 1), dims[2] = { 1, outputs };
	uint32_t weight_dims[2] = { transposed ? outputs : values, transposed ? values : outputs };
	int32_t inputs[3] = { x };

	inputs[1] = maker_constant(maker, 2, weight_dims, sqrtf(1.5F / values), 0);
	inputs[2] = maker_constant(maker, 1, &outputs, 0.3F, 0);
	return maker_node(maker, DH_NET_GEMM, &attr, 3, inputs, 2, dims);
}

void maker_output(struct maker *maker, int32_t tensor)
{
	maker->net->outputs[maker->net->output_count++] = tensor;
}

struct dh_net *maker_finish(struct maker *maker)
{
	struct dh_error err;

	ck_assert_msg(!dh_net_check(maker->net, &err), "%s", err.text);
	return maker->net;
}
