// SPDX-License-Identifier: MIT
/* Layers of the engine, and the parts between host nodes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map/plan.h"

/* --- feature maps ----------------------------------------------------------- */

bool dh_plan_shape(const struct dh_plan *plan, int32_t tensor, struct dh_shape *shape)
{
	const struct dh_net_tensor *t = &plan->net->tensors[tensor];

	if (t->type != DH_NET_FLOAT || t->data || t->rank < 2 || t->rank > 4 || t->dims[0] != 1)
		return false;
	for (uint32_t i = 1; i < t->rank; i++) {
		if (t->dims[i] > UINT16_MAX)
			return false;
	}
	shape->channels = t->dims[1];
	shape->rows = t->rank == 4 ? t->dims[2] : 1;
	shape->cols = t->rank > 2 ? t->dims[t->rank - 1] : 1;
	if (t->rank == 3 && plan->tall) {
		shape->rows = t->dims[2];
		shape->cols = 1;
	}
	return true;
}

bool dh_plan_same_shape(const struct dh_plan *plan, int32_t a, int32_t b)
{
	struct dh_shape sa, sb;

	return dh_plan_shape(plan, a, &sa) && dh_plan_shape(plan, b, &sb) &&
	       sa.channels == sb.channels && sa.rows == sb.rows && sa.cols == sb.cols;
}

static bool in_chain(const struct dh_plan *plan, const struct dh_net_node *node)
{
	return plan->nodes[node - plan->net->nodes].chain != DH_PLAN_NONE;
}

static bool is_renamed(const struct dh_plan *plan, const struct dh_net_node *node, bool flat)
{
	struct dh_shape shape;

	return node->op == DH_NET_RESHAPE && !in_chain(plan, node) &&
	       dh_plan_shape(plan, node->inputs[0], &shape) &&
	       (flat || dh_plan_same_shape(plan, node->outputs[0], node->inputs[0]));
}

bool dh_plan_roots(const struct dh_plan *plan, int32_t tensor, bool flat, struct dh_roots *roots)
{
	const struct dh_net_tensor *t = &plan->net->tensors[tensor];
	const struct dh_net_node *node =
		t->producer == DH_NET_NONE ? NULL : &plan->net->nodes[t->producer];
	struct dh_shape shape;

	if (node && is_renamed(plan, node, flat))
		return dh_plan_roots(plan, node->inputs[0], flat, roots);
	if (node && node->op == DH_NET_CONCAT && node->attr.axis == 1 && t->dims[0] == 1) {
		for (uint32_t i = 0; i < node->input_count; i++) {
			if (!dh_plan_roots(plan, node->inputs[i], flat, roots))
				return false;
		}
		return true;
	}
	if (roots->count == DH_ROOTS_MOST || !dh_plan_shape(plan, tensor, &shape))
		return false;
	roots->tensors[roots->count++] = tensor;
	return true;
}

/* 1-D data run along the columns, for a stripe is two rows; along the rows if they are too long. */
static bool is_long(const struct dh_plan *plan)
{
	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		const struct dh_net_node *node = &plan->net->nodes[i];
		const struct dh_net_tensor *x, *y;

		if (node->op != DH_NET_CONV)
			continue;
		x = &plan->net->tensors[node->inputs[0]];
		y = &plan->net->tensors[node->outputs[0]];
		if (x->rank == 3 && (x->dims[2] > plan->limits.conv_max_cols ||
				     y->dims[2] > plan->limits.conv_max_cols))
			return true;
	}
	return false;
}

void dh_plan_window(const struct dh_plan *plan, const struct dh_net_node *node,
		    struct dh_net_window *window)
{
	const struct dh_net_window *from = &node->attr.conv.window;
	bool swap = plan->tall && plan->net->tensors[node->inputs[0]].rank == 3;

	for (int axis = 0; axis < 2; axis++) {
		int source = swap ? !axis : axis;

		window->kernel[axis] = from->kernel[source];
		window->strides[axis] = from->strides[source];
		window->dilations[axis] = from->dilations[source];
		window->pads[axis] = from->pads[source];
		window->pads[axis + 2] = from->pads[source + 2];
	}
}

/* --- layers ------------------------------------------------------------------- */

static struct dh_plan_layer *add_layer(struct dh_plan *plan, uint32_t node, uint32_t maps)
{
	struct dh_plan_layer *layer = &plan->layers[plan->layer_count++];

	*layer = (struct dh_plan_layer){
		.node = node,
		.last_node = node,
		.maps = maps,
		.kernel = { 1, 1 },
		.strides = { 1, 1 },
		.add_tensor = DH_NET_NONE,
		.add = DH_PLAN_NONE,
		.out_rows = 1,
		.out_cols = 1,
		.error_rms = -1,
		.weight = { .groups = 1, .dilations = { 1, 1 } },
	};
	layer->weight.scale = dh_plan_alloc(plan, maps, sizeof(float));
	layer->weight.bias = dh_plan_alloc(plan, maps, sizeof(float));
	layer->roots = dh_plan_alloc(plan, 1, sizeof(*layer->roots));
	if (!layer->weight.scale || !layer->weight.bias || !layer->roots)
		return NULL;
	for (uint32_t o = 0; o < maps; o++)
		layer->weight.scale[o] = 1;
	plan->nodes[node].place = DH_PLACE_ENGINE;
	plan->nodes[node].layer = node;
	return layer;
}

static void set_conv_weights(const struct dh_plan *plan, const struct dh_net_node *node,
			     struct dh_plan_layer *layer)
{
	const struct dh_net_window *window = &node->attr.conv.window;
	const struct dh_net_tensor *w = &plan->net->tensors[node->inputs[1]];
	size_t taps = (size_t)window->kernel[0] * window->kernel[1];

	layer->weight.data = w->floats;
	layer->weight.step[0] = w->dims[1] * taps;
	layer->weight.step[1] = taps;
	layer->weight.step[2] = plan->tall && w->rank == 3 ? 1 : window->kernel[1];
	layer->weight.step[3] = 1;
	if (node->input_count > 2 && node->inputs[2] != DH_NET_NONE)
		memcpy(layer->weight.bias, plan->net->tensors[node->inputs[2]].floats,
		       layer->maps * sizeof(float));
}

static int add_conv(struct dh_plan *plan, uint32_t index)
{
	const struct dh_net_node *node = &plan->net->nodes[index];
	struct dh_net_window window;
	struct dh_plan_layer *layer;
	struct dh_shape in = { 0 }, out = { 0 };

	dh_plan_shape(plan, node->inputs[0], &in);
	dh_plan_shape(plan, node->outputs[0], &out);
	dh_plan_window(plan, node, &window);
	layer = add_layer(plan, index, out.channels);
	if (!layer)
		return -ENOMEM;
	layer->channels = in.channels;
	layer->out_rows = out.rows;
	layer->out_cols = out.cols;
	layer->weight.groups = node->attr.conv.group;
	for (int axis = 0; axis < 2; axis++) {
		layer->weight.dilations[axis] = window.dilations[axis];
		layer->kernel[axis] = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
		layer->strides[axis] = window.strides[axis];
		layer->pads[axis] = window.pads[axis];
	}
	set_conv_weights(plan, node, layer);
	dh_plan_roots(plan, node->inputs[0], false, layer->roots);
	dh_plan_fuse(plan, layer);
	return 0;
}

/* Weights are [values][outputs] or, transposed, [outputs][values]. */
static int add_dense(struct dh_plan *plan, uint32_t index)
{
	const struct dh_net_node *node = &plan->net->nodes[index];
	const struct dh_net_tensor *w = &plan->net->tensors[node->inputs[1]];
	bool gemm = node->op == DH_NET_GEMM, transposed = gemm && node->attr.gemm.trans_b;
	uint32_t maps = w->dims[!transposed];
	struct dh_plan_layer *layer = add_layer(plan, index, maps);
	const float *c = NULL;
	size_t step;

	if (!layer)
		return -ENOMEM;
	layer->fully_connected = true;
	layer->channels = w->dims[transposed];
	layer->weight.data = w->floats;
	layer->weight.step[0] = transposed ? layer->channels : 1;
	layer->weight.step[1] = transposed ? 1 : maps;
	if (gemm && node->input_count > 2 && node->inputs[2] != DH_NET_NONE)
		c = dh_plan_channel_constant(plan, node->inputs[2], node->outputs[0], &step);
	for (uint32_t o = 0; o < maps; o++) {
		layer->weight.scale[o] = gemm ? node->attr.gemm.alpha : 1;
		layer->weight.bias[o] = c ? node->attr.gemm.beta * c[o * step] : 0;
	}
	dh_plan_roots(plan, node->inputs[0], true, layer->roots);
	dh_plan_fuse(plan, layer);
	return 0;
}

static int find_layers(struct dh_plan *plan)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < plan->net->node_count; i++) {
		enum dh_net_op op = plan->net->nodes[i].op;
		const char *why;

		if (plan->nodes[i].place == DH_PLACE_ENGINE || plan->nodes[i].chain != DH_PLAN_NONE)
			continue;
		why = dh_plan_unfit(plan, i);
		if (why) {
			plan->nodes[i].place = DH_PLACE_HOST;
			plan->nodes[i].text = why;
			continue;
		}
		ret = op == DH_NET_CONV ? add_conv(plan, i) : add_dense(plan, i);
	}
	return ret;
}

/* --- parts ---------------------------------------------------------------------- */

/* A layer is one level behind the host nodes that it needs; the layers of a level are a part. */
static void raise_level(const struct dh_plan *plan, struct dh_plan_layer *layer, int32_t tensor)
{
	const struct dh_plan_tensor *from = &plan->tensors[tensor];
	bool host = !from->on_engine && plan->net->tensors[tensor].producer != DH_NET_NONE;

	if (from->level + host > layer->part)
		layer->part = from->level + host;
}

static void set_layer_level(struct dh_plan *plan, struct dh_plan_layer *layer)
{
	layer->part = 0;
	for (uint32_t i = 0; i < layer->roots->count; i++)
		raise_level(plan, layer, layer->roots->tensors[i]);
	if (layer->add_tensor != DH_NET_NONE)
		raise_level(plan, layer, layer->add_tensor);
	plan->tensors[layer->out_tensor].level = layer->part;
	plan->tensors[layer->out_tensor].on_engine = true;
}

static void set_host_level(struct dh_plan *plan, uint32_t index)
{
	const struct dh_net_node *node = &plan->net->nodes[index];
	uint32_t level = 0;

	for (uint32_t i = 0; i < node->input_count; i++) {
		if (node->inputs[i] != DH_NET_NONE && plan->tensors[node->inputs[i]].level > level)
			level = plan->tensors[node->inputs[i]].level;
	}
	for (uint32_t i = 0; i < node->output_count; i++) {
		if (node->outputs[i] != DH_NET_NONE)
			plan->tensors[node->outputs[i]].level = level;
	}
	plan->nodes[index].level = level;
}

/* A chain too runs when its input is there; what it gives lies where the host reads it. */
static void set_chain_level(struct dh_plan *plan, struct dh_plan_chain *chain)
{
	chain->level = plan->tensors[chain->input].level;
	plan->tensors[chain->output].level = chain->level;
}

/* By the last node, so that every map is written before it is read. */
static int compare_ends(const void *a, const void *b)
{
	const struct dh_plan_layer *x = a, *y = b;

	return (x->last_node > y->last_node) - (x->last_node < y->last_node);
}

static int compare_parts(const void *a, const void *b)
{
	const struct dh_plan_layer *x = a, *y = b;

	return x->part != y->part ? (x->part > y->part) - (x->part < y->part) : compare_ends(a, b);
}

static void set_levels(struct dh_plan *plan)
{
	uint32_t next = 0;

	qsort(plan->layers, plan->layer_count, sizeof(*plan->layers), compare_ends);
	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		struct dh_plan_chain *chain = dh_plan_chain_at(plan, i);

		if (chain)
			set_chain_level(plan, chain);
		else if (plan->nodes[i].place == DH_PLACE_HOST)
			set_host_level(plan, i);
		else if (next < plan->layer_count && plan->layers[next].last_node == i)
			set_layer_level(plan, &plan->layers[next++]);
	}
	qsort(plan->layers, plan->layer_count, sizeof(*plan->layers), compare_parts);
	for (uint32_t t = 0; t < plan->net->tensor_count; t++) {
		if (plan->tensors[t].level >= plan->level_count)
			plan->level_count = plan->tensors[t].level + 1;
	}
}

/* So far nodes named the node of their layer. */
static int number_layers(struct dh_plan *plan)
{
	int32_t *number = dh_plan_alloc(plan, plan->net->node_count, sizeof(*number));

	if (!number)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->layer_count; i++)
		number[plan->layers[i].node] = i;
	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		if (plan->nodes[i].place == DH_PLACE_ENGINE && plan->nodes[i].chain == DH_PLAN_NONE)
			plan->nodes[i].layer = number[plan->nodes[i].layer];
	}
	return 0;
}

/* --- what the host needs ------------------------------------------------------------ */

/* Nodes that only rename are not done by the host if only layers read what they give. */
static bool is_bypassed(const struct dh_plan *plan, const struct dh_net_node *node)
{
	return (node->op == DH_NET_RESHAPE || node->op == DH_NET_CONCAT) &&
	       !plan->tensors[node->outputs[0]].for_host;
}

static void need_inputs(struct dh_plan *plan, uint32_t index)
{
	const struct dh_net_node *node = &plan->net->nodes[index];

	if (is_bypassed(plan, node)) {
		plan->nodes[index].place = DH_PLACE_NAME;
		plan->nodes[index].text = "";
		return;
	}
	for (uint32_t i = 0; i < node->input_count; i++) {
		if (node->inputs[i] != DH_NET_NONE)
			plan->tensors[node->inputs[i]].for_host = true;
	}
}

static void need_root(struct dh_plan *plan, const struct dh_plan_layer *layer, int32_t tensor)
{
	struct dh_plan_tensor *t = &plan->tensors[tensor];

	if (!t->on_engine || t->level != layer->part)
		t->for_host = true;
}

static void find_needs(struct dh_plan *plan)
{
	for (uint32_t i = 0; i < plan->net->output_count; i++)
		plan->tensors[plan->net->outputs[i]].for_host = true;
	for (uint32_t c = 0; c < plan->chain_count; c++)
		plan->tensors[plan->chains[c].input].for_host = true;
	for (uint32_t l = 0; l < plan->layer_count; l++) {
		const struct dh_plan_layer *layer = &plan->layers[l];

		for (uint32_t i = 0; i < layer->roots->count; i++)
			need_root(plan, layer, layer->roots->tensors[i]);
		if (layer->add_tensor != DH_NET_NONE)
			need_root(plan, layer, layer->add_tensor);
	}
	for (uint32_t i = plan->net->node_count; i-- > 0;) {
		if (plan->nodes[i].place == DH_PLACE_HOST)
			need_inputs(plan, i);
	}
}

/* --- maps ------------------------------------------------------------------------------ */

static int32_t find_map(const struct dh_plan *plan, int32_t tensor, uint32_t part)
{
	for (uint32_t i = 0; i < plan->map_count; i++) {
		if (plan->maps[i].tensor == tensor && plan->maps[i].part == part)
			return i;
	}
	return DH_PLAN_NONE;
}

/* Is nothing of what the host gives below 0? */
static bool is_never_negative(const struct dh_plan *plan, int32_t tensor)
{
	int32_t index = plan->net->tensors[tensor].producer;
	const struct dh_net_node *node = index == DH_NET_NONE ? NULL : &plan->net->nodes[index];

	switch (node ? node->op : DH_NET_OP_COUNT) {
	case DH_NET_RELU:
	case DH_NET_SIGMOID:
	case DH_NET_SOFTMAX:
	case DH_NET_ABS:
	case DH_NET_EXP:
		return true;
	case DH_NET_MAX_POOL:
	case DH_NET_AVERAGE_POOL:
	case DH_NET_RESHAPE:
	case DH_NET_TRANSPOSE:
	case DH_NET_SLICE:
		return is_never_negative(plan, node->inputs[0]);
	default:
		return false;
	}
}

/* There is room for every tensor that a layer has. */
static uint32_t get_map(struct dh_plan *plan, int32_t tensor, uint32_t part)
{
	int32_t found = find_map(plan, tensor, part);
	struct dh_shape shape = { 0 };

	if (found != DH_PLAN_NONE)
		return found;
	dh_plan_shape(plan, tensor, &shape);
	plan->maps[plan->map_count] = (struct dh_plan_map){
		.tensor = tensor,
		.part = part,
		.rows = shape.rows,
		.cols = shape.cols,
		.channels = shape.channels,
		.writer = DH_PLAN_NONE,
		.last_reader = DH_PLAN_NONE,
		.non_negative = is_never_negative(plan, tensor),
		.group_most = UINT16_MAX,
		.group_unit = 1,
	};
	return plan->map_count++;
}

static int connect(struct dh_plan *plan, struct dh_plan_layer *layer, int32_t index)
{
	layer->input_count = layer->roots->count;
	layer->inputs = dh_plan_alloc(plan, layer->input_count, sizeof(*layer->inputs));
	if (!layer->inputs)
		return -ENOMEM;
	for (uint32_t i = 0; i < layer->input_count; i++) {
		layer->inputs[i] = get_map(plan, layer->roots->tensors[i], layer->part);
		plan->maps[layer->inputs[i]].last_reader = index;
	}
	if (layer->add_tensor != DH_NET_NONE) {
		layer->add = get_map(plan, layer->add_tensor, layer->part);
		plan->maps[layer->add].last_reader = index;
	}
	layer->output = get_map(plan, layer->out_tensor, layer->part);
	plan->maps[layer->output].writer = index;
	plan->maps[layer->output].last_reader = index;
	plan->maps[layer->output].non_negative = layer->relu;
	plan->maps[layer->output].is_output = plan->tensors[layer->out_tensor].for_host;
	return 0;
}

static int make_maps(struct dh_plan *plan)
{
	size_t room = 0;
	int ret = 0;

	for (uint32_t i = 0; i < plan->layer_count; i++)
		room += plan->layers[i].roots->count + 2;
	plan->maps = dh_plan_alloc(plan, room, sizeof(*plan->maps));
	if (!plan->maps)
		return -ENOMEM;
	for (uint32_t i = 0; !ret && i < plan->layer_count; i++)
		ret = connect(plan, &plan->layers[i], i);
	return ret;
}

int dh_plan_cut(struct dh_plan *plan)
{
	int ret;

	plan->tall = is_long(plan);
	plan->nodes = dh_plan_alloc(plan, plan->net->node_count, sizeof(*plan->nodes));
	plan->tensors = dh_plan_alloc(plan, plan->net->tensor_count, sizeof(*plan->tensors));
	plan->layers = dh_plan_alloc(plan, plan->net->node_count, sizeof(*plan->layers));
	if (!plan->nodes || !plan->tensors || !plan->layers)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		plan->nodes[i].place = DH_PLACE_NOT_REACHED;
		plan->nodes[i].chain = DH_PLAN_NONE;
	}
	ret = dh_plan_chains(plan);
	if (!ret)
		ret = find_layers(plan);
	if (ret)
		return ret;
	set_levels(plan);
	ret = number_layers(plan);
	if (ret)
		return ret;
	find_needs(plan);
	return make_maps(plan);
}
