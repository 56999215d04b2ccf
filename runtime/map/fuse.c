// SPDX-License-Identifier: MIT
/* What joins a layer of the engine: constants, a sum, the activation, a pool. */
#include <string.h>

#include "map/plan.h"

const float *dh_plan_channel_constant(const struct dh_plan *plan, int32_t tensor, int32_t like,
				      size_t *step)
{
	const struct dh_net_tensor *constant = &plan->net->tensors[tensor];
	const struct dh_net_tensor *out = &plan->net->tensors[like];

	if (!constant->data || constant->type != DH_NET_FLOAT || constant->rank > out->rank)
		return NULL;
	*step = dh_net_elements(constant) > 1;
	for (uint32_t i = 0; *step && i < constant->rank; i++) {
		uint32_t axis = i + out->rank - constant->rank;

		if (constant->dims[i] != (axis == 1 ? out->dims[1] : 1))
			return NULL;
	}
	return constant->floats;
}

/* --- constants ----------------------------------------------------------------- */

static void take_constant(struct dh_plan_layer *layer, enum dh_net_op op, const float *c,
			  size_t step)
{
	struct dh_plan_kernel *weight = &layer->weight;

	for (uint32_t o = 0; o < layer->maps; o++) {
		float value = c[o * step];

		if (op == DH_NET_ADD || op == DH_NET_SUB) {
			weight->bias[o] += op == DH_NET_ADD ? value : -value;
			continue;
		}
		value = op == DH_NET_MUL ? value : 1 / value;
		weight->scale[o] *= value;
		weight->bias[o] *= value;
	}
}

/* x + c, x - c, x * c, x / c with a constant by channel. */
static bool fuse_constant(struct dh_plan *plan, struct dh_plan_layer *layer,
			  const struct dh_net_node *node, int32_t tensor)
{
	bool first = node->inputs[0] == tensor;
	bool shifts = node->op == DH_NET_ADD || node->op == DH_NET_SUB;
	bool swaps = node->op == DH_NET_ADD || node->op == DH_NET_MUL;
	const float *c;
	size_t step;

	if (layer->relu || layer->pool || (!first && !swaps) ||
	    (!shifts && layer->add_tensor != DH_NET_NONE))
		return false;
	c = dh_plan_channel_constant(plan, node->inputs[first], node->outputs[0], &step);
	if (!c || !dh_plan_same_shape(plan, tensor, node->outputs[0]))
		return false;
	take_constant(layer, node->op, c, step);
	return true;
}

static bool fuse_scale(struct dh_plan *plan, struct dh_plan_layer *layer,
		       const struct dh_net_node *node)
{
	if (layer->relu || layer->pool || layer->add_tensor != DH_NET_NONE)
		return false;
	take_constant(layer, DH_NET_MUL, plan->net->tensors[node->inputs[1]].floats, 1);
	take_constant(layer, DH_NET_ADD, plan->net->tensors[node->inputs[2]].floats, 1);
	return true;
}

/* --- sums ------------------------------------------------------------------------ */

/* The operand that a node adds constants by channel to, or DH_NET_NONE. */
static int32_t shifted(const struct dh_plan *plan, const struct dh_net_node *node)
{
	int32_t out = node->outputs[0];
	size_t step;

	if (node->op == DH_NET_SCALE)
		return node->inputs[0];
	if (node->op != DH_NET_ADD && node->op != DH_NET_SUB)
		return DH_NET_NONE;
	if (dh_plan_channel_constant(plan, node->inputs[1], out, &step))
		return node->inputs[0];
	if (node->op == DH_NET_ADD && dh_plan_channel_constant(plan, node->inputs[0], out, &step))
		return node->inputs[1];
	return DH_NET_NONE;
}

/* The convolution that a sum of @tensor could join, or DH_NET_NONE. */
static int32_t summand(struct dh_plan *plan, int32_t tensor)
{
	while (tensor != DH_NET_NONE && dh_plan_only_user(plan, tensor)) {
		int32_t index = plan->net->tensors[tensor].producer;

		if (index == DH_NET_NONE)
			break;
		if (plan->net->nodes[index].op == DH_NET_CONV)
			return dh_plan_unfit(plan, index) ? DH_NET_NONE : index;
		tensor = shifted(plan, &plan->net->nodes[index]);
	}
	return DH_NET_NONE;
}

/* A sum of two maps joins the later of the convolutions that they come from. */
static bool fuse_sum(struct dh_plan *plan, struct dh_plan_layer *layer,
		     const struct dh_net_node *node, int32_t tensor)
{
	int32_t other = node->inputs[node->inputs[0] == tensor];
	struct dh_roots roots = { 0 };

	if (layer->relu || layer->pool || layer->add_tensor != DH_NET_NONE ||
	    layer->fully_connected || other == tensor ||
	    !dh_plan_has(plan, DELTAHOP_CAP_CONV_ADD) || !dh_plan_same_shape(plan, tensor, other) ||
	    summand(plan, other) > (int32_t)layer->node ||
	    !dh_plan_roots(plan, other, false, &roots) || roots.count != 1)
		return false;
	layer->add_tensor = roots.tensors[0];
	return true;
}

/* --- pools and activations --------------------------------------------------------- */

/* A 2x2 window in steps of two, of which every square is inside of the map. */
static bool is_square_pool(const struct dh_plan *plan, const struct dh_net_node *node)
{
	const struct dh_net_window *window = &node->attr.pool.window;
	struct dh_shape in, out;

	for (int axis = 0; axis < 2; axis++) {
		if (window->kernel[axis] != 2 || window->strides[axis] != 2 ||
		    window->dilations[axis] != 1 || window->pads[axis] || window->pads[axis + 2])
			return false;
	}
	return node->output_count == 1 && dh_plan_shape(plan, node->inputs[0], &in) &&
	       dh_plan_shape(plan, node->outputs[0], &out) && in.rows / 2 == out.rows &&
	       in.cols / 2 == out.cols && out.rows && out.cols;
}

static bool fuse_pool(struct dh_plan *plan, struct dh_plan_layer *layer,
		      const struct dh_net_node *node)
{
	bool average = node->op == DH_NET_AVERAGE_POOL;

	if (layer->pool || layer->fully_connected || !is_square_pool(plan, node) ||
	    (average && !dh_plan_has(plan, DELTAHOP_CAP_CONV_AVG_POOL)))
		return false;
	layer->pool = average ? DH_POOL_AVERAGE : DH_POOL_MAX;
	return true;
}

/* Rectifying before or after the largest is taken is the same. */
static bool fuse_relu(struct dh_plan_layer *layer)
{
	if (layer->relu || layer->pool == DH_POOL_AVERAGE)
		return false;
	layer->relu = true;
	return true;
}

static bool fuse_node(struct dh_plan *plan, struct dh_plan_layer *layer,
		      const struct dh_net_node *node, int32_t tensor)
{
	switch (node->op) {
	case DH_NET_ADD:
		return fuse_constant(plan, layer, node, tensor) ||
		       fuse_sum(plan, layer, node, tensor);
	case DH_NET_SUB:
	case DH_NET_MUL:
	case DH_NET_DIV:
		return fuse_constant(plan, layer, node, tensor);
	case DH_NET_SCALE:
		return fuse_scale(plan, layer, node);
	case DH_NET_RELU:
		return fuse_relu(layer);
	case DH_NET_MAX_POOL:
	case DH_NET_AVERAGE_POOL:
		return fuse_pool(plan, layer, node);
	default:
		return false;
	}
}

void dh_plan_fuse(struct dh_plan *plan, struct dh_plan_layer *layer)
{
	int32_t tensor = plan->net->nodes[layer->node].outputs[0];
	const struct dh_net_node *node;

	layer->acc_tensor = tensor;
	while ((node = dh_plan_only_user(plan, tensor)) && fuse_node(plan, layer, node, tensor)) {
		tensor = node->outputs[0];
		if (!layer->relu && !layer->pool)
			layer->acc_tensor = tensor;
		layer->last_node = node - plan->net->nodes;
		plan->nodes[layer->last_node].place = DH_PLACE_ENGINE;
		plan->nodes[layer->last_node].layer = layer->node;
	}
	layer->out_tensor = tensor;
}
