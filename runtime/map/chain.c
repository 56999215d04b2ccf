// SPDX-License-Identifier: MIT
/* Which nodes the recurrent engine does: chains of recurrent and dense layers over a sequence. */
#include <errno.h>
#include <string.h>

#include "map/plan.h"
#include "network/recurrent.h"

/* --- a recurrent layer -------------------------------------------------------------- */

static bool has_input(const struct dh_net_node *node, uint32_t input)
{
	return node->input_count > input && node->inputs[input] != DH_NET_NONE;
}

static bool has_output(const struct dh_net_node *node, uint32_t output)
{
	return node->output_count > output && node->outputs[output] != DH_NET_NONE;
}

static bool is_constant(const struct dh_plan *plan, int32_t tensor)
{
	return plan->net->tensors[tensor].data && plan->net->tensors[tensor].type == DH_NET_FLOAT;
}

static const char *check_attributes(struct dh_plan *plan, const struct dh_net_recurrent *attr)
{
	if (attr->direction != DH_NET_FORWARD)
		return "direction is not forward; the recurrent engine sees each step as it comes: "
		       "use forward";
	if (attr->clip > 0)
		return dh_plan_say(plan,
				   "clip %g; the recurrent engine does not clip: export without it",
				   (double)attr->clip);
	if (!attr->linear_before_reset)
		return "linear_before_reset 0; the recurrent engine applies the reset gate after the "
		       "product (1), as PyTorch's GRU and Keras' reset_after=True do";
	if (attr->activations[0].op != DH_NET_SIGMOID || attr->activations[1].op != DH_NET_TANH)
		return dh_plan_say(plan,
				   "activations %s, %s; the recurrent engine has Sigmoid and Tanh: "
				   "train with these",
				   dh_net_op_name(attr->activations[0].op),
				   dh_net_op_name(attr->activations[1].op));
	return NULL;
}

static const char *check_inputs(struct dh_plan *plan, const struct dh_net_node *node,
				const struct dh_recurrent_sizes *sizes)
{
	if (sizes->batch != 1)
		return dh_plan_say(
			plan,
			"a batch of %u; a part takes one sequence: export it with a batch "
			"of 1",
			sizes->batch);
	if (sizes->steps > DELTAHOP_RNN_MAX_STEPS)
		return dh_plan_say(plan, "%u steps; a job has at most %u", sizes->steps,
				   DELTAHOP_RNN_MAX_STEPS);
	if (!is_constant(plan, node->inputs[1]) || !is_constant(plan, node->inputs[2]) ||
	    (has_input(node, 3) && !is_constant(plan, node->inputs[3])))
		return "its weights are computed, and the engine needs constants: make them "
		       "initializers";
	if (has_input(node, 4))
		return "sequence_lens is set; the engine runs the whole sequence: remove it";
	if (has_input(node, 5) && !is_constant(plan, node->inputs[5]))
		return "initial_h is no constant; the engine keeps the state itself: leave it out";
	if (plan->net->tensors[node->inputs[0]].data)
		return "its input is constant";
	return NULL;
}

const char *dh_gru_unfit(struct dh_plan *plan, const struct dh_net_node *node)
{
	struct dh_recurrent_sizes sizes =
		dh_recurrent_sizes(node, &plan->net->tensors[node->inputs[0]]);
	const char *why;

	if (!plan->limits.slots)
		return dh_plan_say(plan, "profile %s has no recurrent engine: use profile card",
				   plan->options->profile);
	why = check_attributes(plan, &node->attr.recurrent);
	if (!why)
		why = check_inputs(plan, node, &sizes);
	if (!why && has_output(node, 0) && has_output(node, 1))
		why = "Y and Y_h are both needed; a part gives one of them: Y_h is the last step of Y";
	return why;
}

/* --- on the way along a chain ----------------------------------------------------------- */

/**
 * struct walk - a chain as far as it goes
 * @tensor: the newest
 * @steps: vectors in it; @width: elements of each
 * @per_step: it has one for every step
 * @open: the last layer is dense and may get a constant, or an activation
 */
struct walk {
	struct dh_plan_chain chain;
	int32_t tensor;
	uint32_t steps;
	uint32_t width;
	bool per_step;
	bool open;
	bool recurrent;
};

static uint32_t last_dim(const struct dh_plan *plan, int32_t tensor)
{
	const struct dh_net_tensor *t = &plan->net->tensors[tensor];

	return t->rank ? t->dims[t->rank - 1] : 1;
}

static bool take(const struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node,
		 int32_t output)
{
	if (walk->chain.node_count == DH_CHAIN_NODES_MOST)
		return false;
	walk->chain.nodes[walk->chain.node_count++] = node - plan->net->nodes;
	walk->tensor = output;
	return true;
}

static bool add_layer(const struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node,
		      uint32_t hidden, int32_t output)
{
	struct dh_plan_chain *chain = &walk->chain;

	if (chain->layer_count == DH_PROGRAM_MAX_LAYERS ||
	    chain->layer_count == plan->limits.slots || !take(plan, walk, node, output))
		return false;
	chain->layers[chain->layer_count++] = (struct dh_chain_layer){
		.cell = node->op == DH_NET_GRU ? DELTAHOP_CELL_GRU : DELTAHOP_CELL_DENSE,
		.node = node - plan->net->nodes,
		.inputs = walk->width,
		.hidden = hidden,
		.added = DH_NET_NONE,
		.per_step = walk->per_step,
	};
	walk->width = hidden;
	return true;
}

static bool take_gru(struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node)
{
	const struct dh_net_tensor *x = &plan->net->tensors[node->inputs[0]];
	struct dh_recurrent_sizes sizes = dh_recurrent_sizes(node, x);
	bool all = has_output(node, 0);

	if (plan->unfit[node - plan->net->nodes] || dh_gru_unfit(plan, node) || !walk->per_step ||
	    sizes.steps != walk->steps || sizes.inputs != walk->width ||
	    !add_layer(plan, walk, node, node->attr.recurrent.hidden, node->outputs[!all]))
		return false;
	walk->open = false;
	walk->recurrent = true;
	walk->per_step = all;
	walk->steps = all ? walk->steps : 1;
	return true;
}

/* --- dense layers -------------------------------------------------------------------- */

const struct dh_net_tensor *dh_chain_weights(const struct dh_plan *plan,
					     const struct dh_chain_layer *layer, bool *transposed)
{
	const struct dh_net_node *node = &plan->net->nodes[layer->node];

	*transposed = node->op == DH_NET_GEMM && node->attr.gemm.trans_b;
	return &plan->net->tensors[node->inputs[1]];
}

/* A constant with one value, or one for each of @width elements of a vector. */
static bool is_vector(const struct dh_plan *plan, int32_t tensor, uint32_t width)
{
	size_t count = dh_net_elements(&plan->net->tensors[tensor]);

	return is_constant(plan, tensor) &&
	       (count == 1 || (count == width && last_dim(plan, tensor) == width));
}

static bool is_dense(const struct dh_plan *plan, const struct dh_net_node *node)
{
	const struct dh_net_tensor *x, *w;
	bool gemm = node->op == DH_NET_GEMM;

	if (node->op != DH_NET_MATMUL && !gemm)
		return false;
	x = &plan->net->tensors[node->inputs[0]];
	w = &plan->net->tensors[node->inputs[1]];
	return !x->data && is_constant(plan, node->inputs[1]) && w->rank == 2 &&
	       dh_plan_has(plan, DELTAHOP_CAP_RNN_DENSE | DELTAHOP_CAP_RNN_TEMPLATE) &&
	       !(gemm && node->attr.gemm.trans_a) &&
	       (!has_input(node, 2) ||
		is_vector(plan, node->inputs[2], last_dim(plan, node->outputs[0])));
}

static bool take_dense(struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node)
{
	if (plan->unfit[node - plan->net->nodes] || !is_dense(plan, node) ||
	    node->inputs[0] != walk->tensor || last_dim(plan, walk->tensor) != walk->width ||
	    !add_layer(plan, walk, node, last_dim(plan, node->outputs[0]), node->outputs[0]))
		return false;
	walk->open = true;
	return true;
}

static struct dh_chain_layer *newest(struct walk *walk)
{
	return &walk->chain.layers[walk->chain.layer_count - 1];
}

/* A bias that is a node of its own. */
static bool take_constant(struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node)
{
	int32_t other = node->inputs[node->inputs[0] == walk->tensor];

	if (!walk->open || newest(walk)->added != DH_NET_NONE ||
	    !is_vector(plan, other, walk->width) ||
	    dh_net_elements(&plan->net->tensors[node->outputs[0]]) !=
		    dh_net_elements(&plan->net->tensors[walk->tensor]) ||
	    !take(plan, walk, node, node->outputs[0]))
		return false;
	newest(walk)->added = other;
	return true;
}

static bool take_activation(struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node)
{
	if (!walk->open || !take(plan, walk, node, node->outputs[0]))
		return false;
	newest(walk)->activation = node->op == DH_NET_RELU	? DELTAHOP_ACT_RELU
				   : node->op == DH_NET_SIGMOID ? DELTAHOP_ACT_SIGMOID
								: DELTAHOP_ACT_TANH;
	walk->open = false;
	return true;
}

/* --- moves ------------------------------------------------------------------------------ */

/* Do the elements stay in their order? */
static bool keeps_order(const struct dh_plan *plan, const struct dh_net_node *node)
{
	const struct dh_net_tensor *in = &plan->net->tensors[node->inputs[0]];
	uint32_t last = 0;

	if (node->op == DH_NET_RESHAPE)
		return true;
	if (node->op != DH_NET_TRANSPOSE)
		return false;
	for (uint32_t i = 0; i < in->rank; i++) {
		uint32_t axis = node->attr.transpose.perm[i];

		if (in->dims[axis] == 1)
			continue;
		if (axis < last)
			return false;
		last = axis;
	}
	return true;
}

/* Is @axis of a tensor that of the steps? */
static bool is_step_axis(const struct dh_plan *plan, const struct walk *walk, uint32_t axis)
{
	const struct dh_net_tensor *t = &plan->net->tensors[walk->tensor];
	size_t behind = 1;

	for (uint32_t i = axis + 1; i < t->rank; i++)
		behind *= t->dims[i];
	return t->dims[axis] == walk->steps && behind == walk->width;
}

static bool slices_last(const struct dh_plan *plan, const struct walk *walk,
			const struct dh_net_node *node)
{
	const struct dh_net_tensor *in = &plan->net->tensors[node->inputs[0]];

	for (uint32_t i = 0; i < in->rank; i++) {
		if (is_step_axis(plan, walk, i))
			return node->attr.slice.starts[i] == walk->steps - 1;
	}
	return false;
}

static bool gathers_last(const struct dh_plan *plan, const struct walk *walk,
			 const struct dh_net_node *node)
{
	const struct dh_net_tensor *index = &plan->net->tensors[node->inputs[1]];

	return node->inputs[0] == walk->tensor && index->data && index->type == DH_NET_INT &&
	       is_step_axis(plan, walk, node->attr.axis) && index->ints[0] == walk->steps - 1;
}

/* Selects the last of several steps, whole. */
static bool take_last(struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node)
{
	size_t count = dh_net_elements(&plan->net->tensors[node->outputs[0]]);
	bool last = node->op == DH_NET_SLICE ? slices_last(plan, walk, node)
					     : gathers_last(plan, walk, node);

	if (!walk->per_step || walk->steps < 2 || count != walk->width || !last ||
	    !take(plan, walk, node, node->outputs[0]))
		return false;
	walk->per_step = false;
	walk->steps = 1;
	walk->open = false;
	return true;
}

static bool take_node(struct dh_plan *plan, struct walk *walk, const struct dh_net_node *node)
{
	switch (node->op) {
	case DH_NET_GRU:
		return node->inputs[0] == walk->tensor && take_gru(plan, walk, node);
	case DH_NET_GEMM:
	case DH_NET_MATMUL:
		return take_dense(plan, walk, node);
	case DH_NET_ADD:
		return take_constant(plan, walk, node);
	case DH_NET_RELU:
	case DH_NET_SIGMOID:
	case DH_NET_TANH:
		return take_activation(plan, walk, node);
	case DH_NET_SLICE:
	case DH_NET_GATHER:
		return take_last(plan, walk, node);
	case DH_NET_RESHAPE:
	case DH_NET_TRANSPOSE:
		return keeps_order(plan, node) && take(plan, walk, node, node->outputs[0]);
	default:
		return false;
	}
}

/* --- chains ----------------------------------------------------------------------------- */

/* Sigmoid and Tanh of the engine are coarse: good between layers, not as a result. */
static bool may_end(const struct walk *walk)
{
	const struct dh_plan_chain *chain = &walk->chain;
	enum deltahop_activation activation = chain->layers[chain->layer_count - 1].activation;

	return walk->recurrent &&
	       (activation == DELTAHOP_ACT_NONE || activation == DELTAHOP_ACT_RELU);
}

/* What only moves, in front of the first layer, and is for it alone. */
static void take_front(struct dh_plan *plan, struct walk *walk)
{
	struct dh_plan_chain *chain = &walk->chain;
	const struct dh_net_node *node;
	int32_t producer;

	while (dh_plan_only_user(plan, chain->input)) {
		producer = plan->net->tensors[chain->input].producer;
		node = producer == DH_NET_NONE ? NULL : &plan->net->nodes[producer];
		if (!node || plan->nodes[producer].chain != DH_PLAN_NONE ||
		    !keeps_order(plan, node) || chain->node_count == DH_CHAIN_NODES_MOST ||
		    plan->net->tensors[node->inputs[0]].data)
			return;
		chain->nodes[chain->node_count++] = producer;
		chain->input = node->inputs[0];
	}
}

/* The longest chain from a node on; no layers: there is none. */
static void find_chain(struct dh_plan *plan, const struct dh_net_node *node, struct walk *best)
{
	size_t count = dh_net_elements(&plan->net->tensors[node->inputs[0]]);
	uint32_t width = last_dim(plan, node->inputs[0]);
	struct walk walk = {
		.chain = { .input = node->inputs[0], .head = node - plan->net->nodes },
		.tensor = node->inputs[0],
		.steps = width ? count / width : 0,
		.width = width,
		.per_step = true,
	};

	walk.chain.steps = walk.steps;
	best->chain.layer_count = 0;
	while (node && plan->nodes[node - plan->net->nodes].chain == DH_PLAN_NONE &&
	       take_node(plan, &walk, node)) {
		walk.chain.output = walk.tensor;
		walk.chain.all_steps = walk.per_step;
		if (may_end(&walk))
			*best = walk;
		node = dh_plan_only_user(plan, walk.tensor);
	}
}

static void mark(struct dh_plan *plan, const struct dh_plan_chain *chain, int32_t number)
{
	for (uint32_t i = 0; i < chain->node_count; i++) {
		struct dh_plan_node *node = &plan->nodes[chain->nodes[i]];

		node->chain = number;
		node->place = DH_PLACE_NAME;
		node->text = "";
	}
	/* what is not a move belongs to the layer before it */
	for (uint32_t i = 0, layer = 0; i < chain->node_count; i++) {
		enum dh_net_op op = plan->net->nodes[chain->nodes[i]].op;
		struct dh_plan_node *node = &plan->nodes[chain->nodes[i]];

		if (op == DH_NET_RESHAPE || op == DH_NET_TRANSPOSE || op == DH_NET_SLICE ||
		    op == DH_NET_GATHER)
			continue;
		if (layer < chain->layer_count && chain->layers[layer].node == chain->nodes[i])
			layer++;
		node->place = DH_PLACE_ENGINE;
		node->layer = layer - 1;
	}
	plan->tensors[chain->output].vectors = true;
}

int dh_plan_chains(struct dh_plan *plan)
{
	struct walk walk = { 0 };

	dh_plan_forget_chains(plan);
	plan->chains = dh_plan_alloc(plan, plan->net->node_count, sizeof(*plan->chains));
	if (!plan->chains)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		const struct dh_net_node *node = &plan->net->nodes[i];
		bool starts = node->op == DH_NET_GRU || is_dense(plan, node);

		if (plan->nodes[i].chain != DH_PLAN_NONE || !starts)
			continue;
		find_chain(plan, node, &walk);
		if (!walk.chain.layer_count)
			continue;
		take_front(plan, &walk);
		mark(plan, &walk.chain, plan->chain_count);
		plan->chains[plan->chain_count++] = walk.chain;
	}
	return 0;
}

struct dh_plan_chain *dh_plan_chain_at(const struct dh_plan *plan, uint32_t node)
{
	int32_t chain = plan->nodes[node].chain;

	return chain != DH_PLAN_NONE && plan->chains[chain].head == node ? &plan->chains[chain]
									 : NULL;
}

double dh_chain_dense(const struct dh_plan_chain *chain)
{
	double work = 0;

	for (uint32_t i = 0; i < chain->layer_count; i++) {
		const struct dh_chain_layer *layer = &chain->layers[i];
		double weights = layer->cell == DELTAHOP_CELL_GRU
					 ? 3.0 * layer->hidden * (layer->inputs + layer->hidden)
					 : (double)layer->hidden * layer->inputs;

		work += (layer->per_step ? chain->steps : 1) * weights;
	}
	return work;
}
