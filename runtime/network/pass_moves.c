// SPDX-License-Identifier: MIT
/* Reshapes and transposes in a row become one, and what moves nothing goes. */
#include <string.h>

#include "network/pass.h"

static bool same_shape(const struct dh_pass *pass, const struct dh_net_node *node)
{
	const struct dh_net_tensor *x = dh_pass_tensor(pass, node->inputs[0]);
	const struct dh_net_tensor *out = dh_pass_tensor(pass, node->outputs[0]);

	return dh_shape_equal(x->dims, x->rank, out->dims, out->rank);
}

/* Do the axes that have more than one element keep their order? */
static bool keeps_order(const struct dh_pass *pass, const struct dh_net_node *node)
{
	const struct dh_net_tensor *x = dh_pass_tensor(pass, node->inputs[0]);
	uint32_t last = 0;

	for (uint32_t i = 0; i < x->rank; i++) {
		uint32_t axis = node->attr.transpose.perm[i];

		if (x->dims[axis] == 1)
			continue;
		if (axis < last)
			return false;
		last = axis;
	}
	return true;
}

static void compose(struct dh_pass *pass, struct dh_net_node *node,
		    const struct dh_net_node *before)
{
	uint32_t rank = dh_pass_tensor(pass, node->inputs[0])->rank;

	for (uint32_t i = 0; i < rank; i++)
		node->attr.transpose.perm[i] =
			before->attr.transpose.perm[node->attr.transpose.perm[i]];
	dh_pass_read(pass, node, 0, before->inputs[0]);
}

static int visit_transpose(struct dh_pass *pass, struct dh_net_node *node)
{
	const struct dh_net_node *before = dh_pass_before(pass, node, 0);

	if (before && before->op == DH_NET_TRANSPOSE)
		compose(pass, node, before);
	if (!keeps_order(pass, node))
		return 0;
	node->op = DH_NET_RESHAPE;
	memset(&node->attr, 0, sizeof(node->attr));
	return dh_pass_moves(pass, node);
}

static int visit_reshape(struct dh_pass *pass, struct dh_net_node *node)
{
	const struct dh_net_node *before = dh_pass_before(pass, node, 0);

	if (before && before->op == DH_NET_RESHAPE)
		dh_pass_read(pass, node, 0, before->inputs[0]);
	return same_shape(pass, node) ? dh_pass_skip(pass, node) : 0;
}

/* A slice of the same shape takes all elements; backwards it turns them round. */
static bool goes_forward(const struct dh_net_node *node, uint32_t rank)
{
	for (uint32_t i = 0; i < rank; i++) {
		if (node->attr.slice.steps[i] < 0)
			return false;
	}
	return true;
}

int dh_pass_moves(struct dh_pass *pass, struct dh_net_node *node)
{
	switch (node->op) {
	case DH_NET_TRANSPOSE:
		return visit_transpose(pass, node);
	case DH_NET_RESHAPE:
		return visit_reshape(pass, node);
	case DH_NET_SLICE:
		if (!goes_forward(node, dh_pass_tensor(pass, node->inputs[0])->rank))
			return 0;
		/* fall through */
	case DH_NET_EXPAND:
		return same_shape(pass, node) ? dh_pass_skip(pass, node) : 0;
	case DH_NET_CONCAT:
		return node->input_count == 1 ? dh_pass_skip(pass, node) : 0;
	default:
		return 0;
	}
}
