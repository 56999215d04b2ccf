// SPDX-License-Identifier: MIT
/* A network as such: what it consists of, and whether it is sound. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "network/op.h"

void dh_net_free(struct dh_net *net)
{
	if (!net)
		return;
	dh_arena_free(&net->arena);
	free(net);
}

size_t dh_net_elements(const struct dh_net_tensor *tensor)
{
	return dh_elements(tensor, 0, tensor->rank);
}

size_t dh_net_bytes(const struct dh_net_tensor *tensor)
{
	return dh_net_elements(tensor) * dh_element_size(tensor->type);
}

bool dh_net_is_output(const struct dh_net *net, int32_t index)
{
	for (uint32_t i = 0; i < net->output_count; i++) {
		if (net->outputs[i] == index)
			return true;
	}
	return false;
}

/* --- the check --- */

#define bad(err, ...) (dh_error_set(err, __VA_ARGS__), -EINVAL)

static int check_constant(const struct dh_net_tensor *tensor, struct dh_error *err)
{
	size_t count = dh_net_elements(tensor);

	for (size_t i = 0; tensor->type == DH_NET_FLOAT && i < count; i++) {
		if (!isfinite(tensor->floats[i]))
			return bad(err, "tensor %s: element %zu is not a finite number",
				   tensor->name, i);
	}
	return 0;
}

static int check_tensor(const struct dh_net_tensor *tensor, uint32_t index, struct dh_error *err)
{
	size_t count;

	if (!tensor->name)
		return bad(err, "tensor %u has no name", index);
	if ((tensor->type != DH_NET_FLOAT && tensor->type != DH_NET_INT) ||
	    tensor->rank > DH_NET_MAX_RANK ||
	    !dh_shape_elements(tensor->dims, tensor->rank, &count))
		return bad(err, "tensor %s: more than %d axes or %zu elements, or no type",
			   tensor->name, DH_NET_MAX_RANK, DH_NET_MAX_ELEMENTS);
	if (!count && !tensor->data)
		return bad(err, "tensor %s has no elements", tensor->name);
	return tensor->data ? check_constant(tensor, err) : 0;
}

static int check_index(const struct dh_net *net, int32_t index, const char *what,
		       struct dh_error *err)
{
	if (index >= 0 && (uint32_t)index < net->tensor_count)
		return 0;
	return bad(err, "%s: there is no tensor %d", what, index);
}

/* What a node reads is there before it; @ready by tensor: constant, input, or computed. */
static int check_inputs(const struct dh_net *net, const struct dh_net_node *node, const bool *ready,
			struct dh_error *err)
{
	if (node->input_count > DH_NET_MAX_INPUTS)
		return bad(err, "node %s has %u inputs; at most %d work", node->name,
			   node->input_count, DH_NET_MAX_INPUTS);
	for (uint32_t i = 0; i < node->input_count; i++) {
		int32_t index = node->inputs[i];

		if (index == DH_NET_NONE)
			continue;
		if (check_index(net, index, node->name, err))
			return -EINVAL;
		if (!ready[index])
			return bad(err, "node %s reads %s, which nothing before it computes",
				   node->name, net->tensors[index].name);
	}
	return 0;
}

static int check_outputs(struct dh_net *net, uint32_t n, bool *ready, struct dh_error *err)
{
	struct dh_net_shape shapes[DH_NET_MAX_OUTPUTS] = { 0 };
	const struct dh_net_node *node = &net->nodes[n];
	struct dh_error why = { "" };

	if (node->output_count > DH_NET_MAX_OUTPUTS)
		return bad(err, "node %s has %u outputs", node->name, node->output_count);
	for (uint32_t i = 0; i < node->output_count; i++) {
		if (node->outputs[i] == DH_NET_NONE)
			continue;
		if (check_index(net, node->outputs[i], node->name, err))
			return -EINVAL;
		shapes[i] = dh_shape_of(&net->tensors[node->outputs[i]]);
	}
	if (dh_op_infer(net->tensors, node, shapes, &why))
		return bad(err, "node %s (%s): %s", node->name, node->onnx_op, why.text);
	for (uint32_t i = 0; i < node->output_count; i++) {
		struct dh_net_tensor *out =
			node->outputs[i] == DH_NET_NONE ? NULL : &net->tensors[node->outputs[i]];

		if (!out)
			continue;
		if (ready[node->outputs[i]])
			return bad(err, "node %s computes %s, which is there already", node->name,
				   out->name);
		if (out->type != shapes[i].type ||
		    !dh_shape_equal(out->dims, out->rank, shapes[i].dims, shapes[i].rank))
			return bad(err, "node %s: output %s does not have the shape that it should",
				   node->name, out->name);
		ready[node->outputs[i]] = true;
		out->producer = n;
	}
	return 0;
}

static int check_nodes(struct dh_net *net, bool *ready, struct dh_error *err)
{
	for (uint32_t n = 0; n < net->node_count; n++) {
		const struct dh_net_node *node = &net->nodes[n];

		if (!node->name || !node->onnx_op || node->op < 0 || node->op >= DH_NET_OP_COUNT)
			return bad(err, "node %u has no name or an unknown operation", n);
		if (check_inputs(net, node, ready, err) || check_outputs(net, n, ready, err))
			return -EINVAL;
	}
	return 0;
}

static int check_ends(struct dh_net *net, bool *ready, struct dh_error *err)
{
	for (uint32_t i = 0; i < net->input_count; i++) {
		if (check_index(net, net->inputs[i], "input", err))
			return -EINVAL;
		if (ready[net->inputs[i]])
			return bad(err, "input %s is a constant, or an input twice",
				   net->tensors[net->inputs[i]].name);
		ready[net->inputs[i]] = true;
	}
	return 0;
}

static int check_all(struct dh_net *net, bool *ready, struct dh_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < net->tensor_count; i++) {
		ret = check_tensor(&net->tensors[i], i, err);
		net->tensors[i].producer = DH_NET_NONE;
		ready[i] = net->tensors[i].data;
	}
	if (!ret)
		ret = check_ends(net, ready, err);
	if (!ret)
		ret = check_nodes(net, ready, err);
	for (uint32_t i = 0; !ret && i < net->output_count; i++) {
		ret = check_index(net, net->outputs[i], "output", err);
		if (!ret && net->tensors[net->outputs[i]].producer == DH_NET_NONE)
			ret = bad(err, "output %s is not computed",
				  net->tensors[net->outputs[i]].name);
	}
	return ret;
}

/* --- users --- */

/* With @fill: write down who reads what; else count only. A node that reads twice is one user. */
static void visit_users(struct dh_net *net, bool fill)
{
	for (uint32_t i = 0; i < net->tensor_count; i++)
		net->tensors[i].user_count = 0;
	for (uint32_t n = 0; n < net->node_count; n++) {
		const struct dh_net_node *node = &net->nodes[n];

		for (uint32_t i = 0; i < node->input_count; i++) {
			struct dh_net_tensor *in = node->inputs[i] == DH_NET_NONE
							   ? NULL
							   : &net->tensors[node->inputs[i]];

			if (!in || (fill && in->user_count && in->users[in->user_count - 1] == n))
				continue;
			if (fill)
				in->users[in->user_count] = n;
			in->user_count++;
		}
	}
}

static int link_users(struct dh_net *net)
{
	visit_users(net, false);
	for (uint32_t i = 0; i < net->tensor_count; i++) {
		struct dh_net_tensor *tensor = &net->tensors[i];

		tensor->users = NULL;
		if (!tensor->user_count)
			continue;
		tensor->users =
			dh_arena_alloc(&net->arena, tensor->user_count, sizeof(*tensor->users));
		if (!tensor->users)
			return -ENOMEM;
	}
	visit_users(net, true);
	return 0;
}

int dh_net_check(struct dh_net *net, struct dh_error *err)
{
	bool *ready = calloc(net->tensor_count + 1, sizeof(*ready));
	int ret = ready ? check_all(net, ready, err) : -ENOMEM;

	free(ready);
	if (!ret)
		ret = link_users(net);
	if (ret == -ENOMEM)
		dh_error_set(err, "out of memory");
	return ret;
}
