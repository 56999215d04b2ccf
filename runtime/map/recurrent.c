// SPDX-License-Identifier: MIT
/* Programs of the recurrent engine: a chain as its compiler wants it, with calibration data. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fixed.h"
#include "compile/compile.h"
#include "compile/int_run.h"
#include "deltahop.h"
#include "map/samples.h"

/* Values of a chain's input that are kept to calibrate by; more tell nothing new. */
#define VALUES_MOST ((size_t)1 << 24)
/* Of a layer, by the manual. */
#define INPUTS_MOST 1024

static int no_memory(const struct dh_plan *plan)
{
	dh_error_set(plan->err, "out of memory");
	return -ENOMEM;
}

/* --- the chain as a graph ------------------------------------------------------------ */

static const float *floats(const struct dh_plan *plan, const struct dh_net_node *node,
			   uint32_t input)
{
	return input < node->input_count && node->inputs[input] != DH_NET_NONE
		       ? plan->net->tensors[node->inputs[input]].floats
		       : NULL;
}

/* Only a start other than zero is one. */
static bool set_state(struct dh_graph *graph, struct dh_graph_layer *layer, const float *initial)
{
	bool any = false;

	for (uint32_t k = 0; initial && k < layer->hidden; k++)
		any |= initial[k] != 0;
	if (!any)
		return true;
	layer->h0 = dh_arena_alloc(&graph->arena, layer->hidden, sizeof(*layer->h0));
	if (layer->h0)
		memcpy(layer->h0, initial, layer->hidden * sizeof(*layer->h0));
	return layer->h0;
}

static void add_vector(const struct dh_plan *plan, int32_t tensor, float factor,
		       struct dh_graph_layer *layer)
{
	const struct dh_net_tensor *t = &plan->net->tensors[tensor];
	size_t step = dh_net_elements(t) > 1;

	for (uint32_t k = 0; k < layer->hidden; k++)
		layer->bias[k] += factor * t->floats[k * step];
}

static void set_dense(const struct dh_plan *plan, const struct dh_chain_layer *from,
		      struct dh_graph_layer *layer)
{
	const struct dh_net_node *node = &plan->net->nodes[from->node];
	bool gemm = node->op == DH_NET_GEMM, transposed;
	const struct dh_net_tensor *w = dh_chain_weights(plan, from, &transposed);
	size_t h = layer->hidden, i = layer->inputs;

	for (size_t row = 0; row < h; row++) {
		for (size_t k = 0; k < i; k++)
			layer->w[row * i + k] = (gemm ? node->attr.gemm.alpha : 1) *
						w->floats[transposed ? row * i + k : k * h + row];
	}
	if (node->input_count > 2 && node->inputs[2] != DH_NET_NONE)
		add_vector(plan, node->inputs[2], node->attr.gemm.beta, layer);
	if (from->added != DH_NET_NONE)
		add_vector(plan, from->added, 1, layer);
}

static bool add_layer(const struct dh_plan *plan, const struct dh_chain_layer *from,
		      struct dh_graph *graph)
{
	const struct dh_net_node *node = &plan->net->nodes[from->node];
	const struct dh_graph_layer form = {
		.cell = from->cell,
		.activation = from->activation,
		.inputs = from->inputs,
		.hidden = from->hidden,
		.per_step = from->per_step,
	};
	struct dh_graph_layer *layer = dh_graph_add_layer(graph, &form, node->name, node->onnx_op);

	if (!layer)
		return false;
	if (from->cell == DELTAHOP_CELL_GRU) {
		dh_graph_set_gru(layer, floats(plan, node, 1), floats(plan, node, 2),
				 floats(plan, node, 3));
		return set_state(graph, layer, floats(plan, node, 5));
	}
	set_dense(plan, from, layer);
	return true;
}

static struct dh_graph_tensor tensor_of(const struct dh_plan *plan, struct dh_graph *graph,
					int32_t tensor, uint32_t elements, bool per_step)
{
	return (struct dh_graph_tensor){
		.name = dh_arena_strdup(&graph->arena, plan->net->tensors[tensor].name),
		.elements = elements,
		.per_step = per_step,
		.rank = per_step ? 3 : 2,
		.batch_axis = per_step,
		.step_axis = per_step ? 0 : -1,
	};
}

static bool fill_graph(const struct dh_plan *plan, const struct dh_plan_chain *chain,
		       struct dh_graph *graph)
{
	const struct dh_chain_layer *last = &chain->layers[chain->layer_count - 1];

	graph->arena.limit = SIZE_MAX;
	graph->fixed_steps = chain->steps;
	graph->batch = 1;
	graph->name = dh_arena_strdup(&graph->arena, plan->net->name);
	graph->input = tensor_of(plan, graph, chain->input, chain->layers[0].inputs, true);
	graph->output = tensor_of(plan, graph, chain->output, last->hidden, chain->all_steps);
	for (uint32_t i = 0; i < chain->layer_count; i++) {
		if (!add_layer(plan, &chain->layers[i], graph))
			return false;
	}
	return graph->name && graph->input.name && graph->output.name;
}

/* --- typical inputs ------------------------------------------------------------------------ */

static size_t input_size(const struct dh_plan *plan, const struct dh_plan_chain *chain)
{
	return dh_net_elements(&plan->net->tensors[chain->input]);
}

static size_t kept_samples(const struct dh_plan *plan, const struct dh_plan_chain *chain,
			   const struct dh_samples *samples)
{
	size_t most = VALUES_MOST / input_size(plan, chain);

	return samples->count < most ? samples->count : most ? most : 1;
}

/* Runs the net in float and keeps what goes into each chain. */
static int keep_inputs(struct dh_plan *plan, const struct dh_samples *samples, float **inputs)
{
	struct dh_net_run *run;
	int ret = dh_net_run_create(plan->net, &run, plan->err);

	for (size_t s = 0; !ret && s < samples->count; s++) {
		dh_samples_fill(samples, s, run);
		dh_net_run_all(run);
		for (uint32_t c = 0; c < plan->chain_count; c++) {
			const struct dh_plan_chain *chain = &plan->chains[c];
			size_t size = input_size(plan, chain);

			if (s < kept_samples(plan, chain, samples))
				memcpy(inputs[c] + s * size, dh_net_run_floats(run, chain->input),
				       size * sizeof(float));
		}
	}
	dh_net_run_free(run);
	return ret;
}

static void free_inputs(float **inputs, uint32_t count)
{
	for (uint32_t c = 0; inputs && c < count; c++)
		free(inputs[c]);
	free(inputs);
}

static int make_inputs(struct dh_plan *plan, const struct dh_samples *samples, float ***inputs)
{
	*inputs = calloc(plan->chain_count, sizeof(**inputs));
	if (!*inputs)
		return no_memory(plan);
	for (uint32_t c = 0; c < plan->chain_count; c++) {
		const struct dh_plan_chain *chain = &plan->chains[c];

		(*inputs)[c] = calloc(kept_samples(plan, chain, samples) * input_size(plan, chain),
				      sizeof(float));
		if (!(*inputs)[c])
			return no_memory(plan);
	}
	return keep_inputs(plan, samples, *inputs);
}

/* --- thresholds ------------------------------------------------------------------------------- */

static int check_theta(const struct dh_plan *plan)
{
	const struct dh_map_options *options = plan->options;
	const struct dh_plan_chain *last = plan->chains + plan->chain_count;
	uint32_t first = plan->layer_count, end;

	if (!options->theta_x && !options->theta_h && !options->theta_count)
		return 0;
	if (!plan->chain_count) {
		dh_error_set(plan->err,
			     "a threshold is for layers of the recurrent engine, and this network "
			     "has none there: leave it out");
		return -ERANGE;
	}
	end = last[-1].first_layer + last[-1].layer_count;
	for (uint32_t i = 0; i < options->theta_count; i++) {
		uint32_t layer = options->theta[i].layer;

		if (layer >= first && layer < end)
			continue;
		dh_error_set(plan->err,
			     "threshold for layer %u: the recurrent engine does layers %u to %u",
			     layer, first, end - 1);
		return -ERANGE;
	}
	return 0;
}

/* The thresholds of a chain's layers, counted from its own first one. */
static int pick_theta(struct dh_plan *plan, const struct dh_plan_chain *chain,
		      struct dh_compile_options *options)
{
	const struct dh_map_options *from = plan->options;
	struct dh_layer_theta *theta =
		dh_plan_alloc(plan, from->theta_count + 1, sizeof(*options->theta));

	if (!theta)
		return -ENOMEM;
	options->theta_x = from->theta_x;
	options->theta_h = from->theta_h;
	options->theta = theta;
	for (uint32_t i = 0; i < from->theta_count; i++) {
		if (from->theta[i].layer - chain->first_layer >= chain->layer_count)
			continue;
		theta[options->theta_count] = from->theta[i];
		theta[options->theta_count++].layer -= chain->first_layer;
	}
	return 0;
}

/* --- programs ----------------------------------------------------------------------------------- */

/* The layer that its compiler refused has to run on the host. */
static int evict_refused(struct dh_plan *plan, const struct dh_plan_chain *chain)
{
	const struct dh_explain *explain = chain->explain;

	for (size_t i = 0; i < explain->node_count; i++) {
		if (explain->nodes[i].place == DH_PLACE_REFUSED)
			return dh_plan_evict(plan, chain->layers[i].node, "%s",
					     explain->nodes[i].text);
	}
	return -EOPNOTSUPP;
}

static int start_explain(const struct dh_plan *plan, struct dh_plan_chain *chain,
			 const struct dh_graph *graph)
{
	chain->explain = dh_explain_create();
	if (!chain->explain)
		return no_memory(plan);
	for (uint32_t i = 0; i < graph->layer_count; i++)
		dh_explain_node(chain->explain, graph->layers[i].node, graph->layers[i].op,
				DH_PLACE_ENGINE, (int)i, "");
	return 0;
}

static int compile_chain(struct dh_plan *plan, struct dh_plan_chain *chain,
			 const struct dh_graph *graph, const struct dh_array *inputs)
{
	struct dh_compile_options options = {
		.profile = plan->options->profile,
		.limits = &plan->limits,
		.calibration = inputs,
	};
	int ret = pick_theta(plan, chain, &options);

	if (!ret)
		ret = start_explain(plan, chain, graph);
	if (!ret)
		ret = dh_compile_graph(graph, &options, &chain->program, chain->explain, plan->err);
	if (ret == -EOPNOTSUPP)
		return evict_refused(plan, chain);
	if (!ret && !plan->measured)
		chain->program->input_range = DH_RANGE_ASSUMED;
	return ret;
}

static int make_program(struct dh_plan *plan, struct dh_plan_chain *chain, float *inputs,
			size_t samples)
{
	struct dh_graph *graph = calloc(1, sizeof(*graph));
	const struct dh_array array = { .dtype = DH_DTYPE_F4,
					.ndim = 3,
					.shape = { samples, chain->steps, chain->layers[0].inputs },
					.data = inputs };
	int ret;

	ret = graph && fill_graph(plan, chain, graph) ? compile_chain(plan, chain, graph, &array)
						      : no_memory(plan);
	dh_graph_free(graph);
	if (!ret)
		plan->tensors[chain->output].frac = 8 - chain->program->output.scale_exp;
	return ret;
}

static void number_layers(struct dh_plan *plan)
{
	uint32_t next = plan->layer_count;

	for (uint32_t c = 0; c < plan->chain_count; c++) {
		plan->chains[c].first_layer = next;
		next += plan->chains[c].layer_count;
	}
}

int dh_plan_recurrent(struct dh_plan *plan, const struct dh_samples *samples)
{
	float **inputs = NULL;
	int ret;

	number_layers(plan);
	ret = check_theta(plan);
	if (ret || !plan->chain_count)
		return ret;
	ret = make_inputs(plan, samples, &inputs);
	for (uint32_t c = 0; !ret && c < plan->chain_count; c++)
		ret = make_program(plan, &plan->chains[c], inputs[c],
				   kept_samples(plan, &plan->chains[c], samples));
	free_inputs(inputs, plan->chain_count);
	return ret;
}

void dh_plan_forget_chains(struct dh_plan *plan)
{
	for (uint32_t c = 0; c < plan->chain_count; c++) {
		dh_program_free(plan->chains[c].program);
		dh_explain_free(plan->chains[c].explain);
	}
	plan->chain_count = 0;
}

/* --- a run in integers ------------------------------------------------------------------------- */

void dh_chain_run(struct dh_int_run *run, uint32_t steps, const float *values, float *result)
{
	const struct dh_program_tensor *input = &run->program->input;
	bool all = run->program->output.per_step;
	double per_unit = 1 / dh_fixed_unit(input->scale_exp);
	int16_t raw[INPUTS_MOST] = { 0 };
	uint64_t clipped = 0;

	dh_int_run_reset(run);
	for (uint32_t t = 0; t < steps; t++) {
		for (uint32_t k = 0; k < input->elements; k++)
			raw[k] = dh_fixed(*values++, per_unit, &clipped);
		dh_int_run_step(run, raw);
		if (all)
			result += dh_program_finish(run->program, dh_int_run_output(run), result);
	}
	dh_int_run_finish(run);
	if (!all)
		dh_program_finish(run->program, dh_int_run_output(run), result);
}
