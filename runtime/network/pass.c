// SPDX-License-Identifier: MIT
/* Sweeps over the nodes of a network, and how nodes join. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/pass.h"

/* Constants that visiting one node makes, at most. */
#define NEW_PER_NODE 4

struct dh_net_tensor *dh_pass_tensor(const struct dh_pass *pass, int32_t tensor)
{
	return &pass->b->net->tensors[tensor];
}

static uint32_t index_of(const struct dh_pass *pass, const struct dh_net_node *node)
{
	return (uint32_t)(node - pass->b->net->nodes);
}

struct dh_net_node *dh_pass_before(const struct dh_pass *pass, const struct dh_net_node *node,
				   uint32_t i)
{
	int32_t input = i < node->input_count ? node->inputs[i] : DH_NET_NONE;

	if (input == DH_NET_NONE || pass->producer[input] == DH_NET_NONE)
		return NULL;
	return &pass->b->net->nodes[pass->producer[input]];
}

struct dh_net_node *dh_pass_only_before(const struct dh_pass *pass, const struct dh_net_node *node,
					uint32_t i)
{
	struct dh_net_node *before = dh_pass_before(pass, node, i);

	return before && pass->uses[node->inputs[i]] == 1 ? before : NULL;
}

bool dh_pass_is_constant(const struct dh_pass *pass, const struct dh_net_node *node, uint32_t i)
{
	const struct dh_net_tensor *tensor;

	if (i >= node->input_count || node->inputs[i] == DH_NET_NONE)
		return false;
	tensor = dh_pass_tensor(pass, node->inputs[i]);
	return tensor->data && tensor->type == DH_NET_FLOAT;
}

void dh_pass_read(struct dh_pass *pass, struct dh_net_node *node, uint32_t i, int32_t tensor)
{
	if (node->inputs[i] != DH_NET_NONE)
		pass->uses[node->inputs[i]]--;
	node->inputs[i] = tensor;
	pass->uses[tensor]++;
}

/* --- nodes that go --- */

/* @gone, which @node stands for, reads nothing any more. */
static int leave(struct dh_pass *pass, struct dh_net_node *gone, const struct dh_net_node *node)
{
	struct dh_net_source *source = &pass->b->net->sources[gone->source];
	uint32_t index = index_of(pass, gone);
	char text[128], *copy;

	for (uint32_t i = 0; i < gone->input_count; i++) {
		if (gone->inputs[i] != DH_NET_NONE)
			pass->uses[gone->inputs[i]]--;
	}
	pass->b->joined[index] = node ? (int32_t)index_of(pass, node) : DH_BUILDER_GONE;
	if (!node || source->node != (int32_t)index)
		return 0;
	snprintf(text, sizeof(text), "joined with %.100s", node->name);
	copy = dh_arena_strdup(&pass->b->net->arena, text);
	if (!copy)
		return -ENOMEM;
	source->text = copy;
	return 0;
}

int dh_pass_join(struct dh_pass *pass, struct dh_net_node *gone, struct dh_net_node *node)
{
	pass->producer[node->outputs[0]] = DH_NET_NONE;
	node->outputs[0] = gone->outputs[0];
	pass->producer[node->outputs[0]] = (int32_t)index_of(pass, node);
	return leave(pass, gone, node);
}

int dh_pass_join_before(struct dh_pass *pass, struct dh_net_node *gone, struct dh_net_node *node,
			int32_t input)
{
	pass->producer[gone->outputs[0]] = DH_NET_NONE;
	dh_pass_read(pass, node, 0, input);
	return leave(pass, gone, node);
}

int dh_pass_skip(struct dh_pass *pass, struct dh_net_node *node)
{
	struct dh_net_node *before = dh_pass_only_before(pass, node, 0);

	if (!pass->is_output[node->outputs[0]]) {
		pass->instead[node->outputs[0]] = node->inputs[0];
		return leave(pass, node, NULL);
	}
	/* the output of the network stays, and whoever computes the input computes it */
	if (!before || before->output_count > 1)
		return 0;
	return dh_pass_join(pass, node, before);
}

/* --- constants --- */

/* A new constant as input @i of @node; false: out of memory. */
static bool add_constant(struct dh_pass *pass, struct dh_net_node *node, uint32_t i,
			 const struct dh_net_shape *shape)
{
	int32_t tensor = dh_builder_constant(pass->b, shape);

	if (tensor < 0 || (uint32_t)tensor >= pass->room ||
	    dh_builder_name(pass->b, tensor, node->name))
		return false;
	pass->producer[tensor] = pass->instead[tensor] = DH_NET_NONE;
	dh_pass_read(pass, node, i, tensor);
	return true;
}

float *dh_pass_own(struct dh_pass *pass, struct dh_net_node *node, uint32_t i)
{
	const struct dh_net_tensor *old = dh_pass_tensor(pass, node->inputs[i]);
	const float *data = old->floats;
	size_t bytes = dh_net_bytes(old);
	struct dh_net_shape shape = dh_shape_of(old);
	float *copy;

	if (pass->uses[node->inputs[i]] == 1)
		return old->floats;
	if (!add_constant(pass, node, i, &shape))
		return NULL;
	copy = dh_pass_tensor(pass, node->inputs[i])->floats;
	memcpy(copy, data, bytes);
	return copy;
}

float *dh_pass_make(struct dh_pass *pass, struct dh_net_node *node, uint32_t i, uint32_t count)
{
	const struct dh_net_tensor *x = dh_pass_tensor(pass, node->inputs[0]);
	struct dh_net_shape shape = { x->type, x->onnx_type, 1, { count } };

	if (i >= node->input_count) {
		int32_t *inputs = dh_arena_alloc(&pass->b->net->arena, i + 1, sizeof(*inputs));

		if (!inputs)
			return NULL;
		memcpy(inputs, node->inputs, node->input_count * sizeof(*inputs));
		inputs[i] = DH_NET_NONE;
		node->inputs = inputs;
		node->input_count = i + 1;
	}
	if (!add_constant(pass, node, i, &shape))
		return NULL;
	return dh_pass_tensor(pass, node->inputs[i])->floats;
}

/* --- sweeps --- */

static void count_uses(struct dh_pass *pass)
{
	const struct dh_net *net = pass->b->net;

	for (uint32_t i = 0; i < net->tensor_count; i++)
		pass->producer[i] = pass->instead[i] = DH_NET_NONE;
	for (uint32_t i = 0; i < net->output_count; i++) {
		pass->is_output[net->outputs[i]] = true;
		pass->uses[net->outputs[i]]++;
	}
	for (uint32_t n = 0; n < net->node_count; n++) {
		const struct dh_net_node *node = &net->nodes[n];

		if (pass->b->joined[n] != DH_NET_NONE)
			continue;
		for (uint32_t i = 0; i < node->input_count; i++) {
			if (node->inputs[i] != DH_NET_NONE)
				pass->uses[node->inputs[i]]++;
		}
		for (uint32_t i = 0; i < node->output_count; i++) {
			if (node->outputs[i] != DH_NET_NONE)
				pass->producer[node->outputs[i]] = (int32_t)n;
		}
	}
}

static void read_instead(struct dh_pass *pass, struct dh_net_node *node)
{
	for (uint32_t i = 0; i < node->input_count; i++) {
		int32_t input = node->inputs[i];

		/* what is read instead was itself replaced before, if at all */
		if (input != DH_NET_NONE && pass->instead[input] != DH_NET_NONE)
			dh_pass_read(pass, node, i, pass->instead[input]);
	}
}

static int visit_all(struct dh_pass *pass, dh_pass_visit visit)
{
	int ret = 0;

	for (uint32_t n = 0; !ret && n < pass->b->net->node_count; n++) {
		if (pass->b->joined[n] != DH_NET_NONE)
			continue;
		read_instead(pass, &pass->b->net->nodes[n]);
		ret = visit(pass, &pass->b->net->nodes[n]);
	}
	return ret;
}

static int sweep(struct dh_builder *b, dh_pass_visit visit)
{
	struct dh_pass pass = { .b = b,
				.room = b->net->tensor_count + NEW_PER_NODE * b->net->node_count };
	size_t room = (size_t)pass.room + 1;
	int ret = -ENOMEM;

	pass.uses = calloc(room, sizeof(*pass.uses));
	pass.producer = calloc(room, sizeof(*pass.producer));
	pass.instead = calloc(room, sizeof(*pass.instead));
	pass.is_output = calloc(room, sizeof(*pass.is_output));
	if (pass.uses && pass.producer && pass.instead && pass.is_output) {
		count_uses(&pass);
		ret = visit_all(&pass, visit);
	}
	free(pass.uses);
	free(pass.producer);
	free(pass.instead);
	free(pass.is_output);
	return ret;
}

int dh_net_simplify(struct dh_builder *b)
{
	static const dh_pass_visit visits[] = { dh_pass_moves, dh_pass_pads, dh_pass_products,
						dh_pass_scales };
	int ret = 0;

	for (size_t i = 0; !ret && i < sizeof(visits) / sizeof(visits[0]); i++)
		ret = sweep(b, visits[i]);
	return ret;
}
