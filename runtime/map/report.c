// SPDX-License-Identifier: MIT
/* What was decided, in the words of the explanation. */
#include <stdio.h>
#include <string.h>

#include "map/report.h"

#define MAX_WEIGHT_ERROR 0.05

/* --- nodes --------------------------------------------------------------------- */

static void say_layer(const struct dh_plan *plan, const struct dh_plan_layer *layer, char *text,
		      size_t room)
{
	double dense = dh_layer_dense(layer), zeros;
	int len = 0;

	text[0] = '\0';
	if (layer->weight.groups > 1 || layer->weight.dilations[0] > 1 ||
	    layer->weight.dilations[1] > 1) {
		zeros = (double)dh_layer_weight_count(layer) / layer->maps * layer->out_rows *
			layer->out_cols;
		len = snprintf(
			text, room,
			layer->weight.groups > 1
				? "%u groups, with zeros in between: predicted work %.1f times "
				  "that of the groups"
				: "%u dilated, with zeros in between: predicted work %.1f times "
				  "that of the weights",
			layer->weight.groups > 1 ? layer->weight.groups
						 : layer->weight.dilations[0],
			dense > 0 ? layer->cost.work / dense : 0);
		(void)zeros;
	}
	if (layer->piece_count > 1 && layer->pieces[0].to_psum)
		snprintf(text + len, room - len, "%s%u pieces, whose sums go through memory",
			 len ? "; " : "", layer->piece_count);
	(void)plan;
}

static void report_engine(struct dh_plan *plan, uint32_t source, uint32_t node)
{
	int32_t index = plan->nodes[node].layer;
	const struct dh_plan_layer *layer = &plan->layers[index];
	char text[256];

	say_layer(plan, layer, text, sizeof(text));
	if (layer->node != node)
		snprintf(text, sizeof(text), "part of %s", dh_layer_name(plan, layer));
	dh_explain_replace(plan->explain, source, DH_PLACE_ENGINE, index, text);
}

/* Its number is that of the layer behind all of the convolution engine. */
static void report_chain(struct dh_plan *plan, uint32_t source, uint32_t node)
{
	const struct dh_plan_node *fate = &plan->nodes[node];
	const struct dh_plan_chain *chain = &plan->chains[fate->chain];
	const struct dh_chain_layer *layer = &chain->layers[fate->layer];
	char text[256];

	if (layer->node == node && !layer->per_step)
		snprintf(text, sizeof(text), "recurrent engine, after the last step");
	else if (layer->node == node)
		snprintf(text, sizeof(text), "recurrent engine, %u step%s", chain->steps,
			 chain->steps > 1 ? "s" : "");
	else
		snprintf(text, sizeof(text), "part of %.200s", plan->net->nodes[layer->node].name);
	dh_explain_replace(plan->explain, source, DH_PLACE_ENGINE,
			   (int)(chain->first_layer + fate->layer), text);
}

static void report_source(struct dh_plan *plan, uint32_t source)
{
	int32_t node = plan->net->sources[source].node;
	const struct dh_plan_node *fate;

	if (node == DH_NET_NONE)
		return;
	fate = &plan->nodes[node];
	if (fate->place == DH_PLACE_ENGINE && fate->chain != DH_PLAN_NONE)
		report_chain(plan, source, node);
	else if (fate->place == DH_PLACE_ENGINE)
		report_engine(plan, source, node);
	else
		dh_explain_replace(plan->explain, source, fate->place, DH_PLAN_NONE, fate->text);
}

/* --- layers ---------------------------------------------------------------------- */

static void shape_of(const struct dh_plan_map *map, uint32_t *shape)
{
	shape[0] = map->channels;
	shape[1] = map->rows;
	shape[2] = map->cols;
}

static void report_layer(struct dh_plan *plan, uint32_t index)
{
	const struct dh_plan_layer *layer = &plan->layers[index];
	const struct dh_plan_map *out = &plan->maps[layer->output];
	struct dh_explain_conv row = {
		.name = plan->net->nodes[layer->node].name,
		.op = plan->net->nodes[layer->node].onnx_op,
		.macs = layer->macs,
		.passes = out->group_count,
		.pieces = layer->piece_count,
		.weight_bits = layer->weight8 ? 8 : 16,
		.weight_error = layer->weight_error,
		.scale_exp = 8 - plan->tensors[layer->out_tensor].frac,
		.zeros = dh_map_zeros(plan, out),
		.encoded = out->encoded,
		.dense = dh_layer_dense(layer),
		.work = layer->cost.work,
		.bytes = layer->cost.bytes_weights + layer->cost.bytes_in + layer->cost.bytes_out,
		.cycles = layer->cost.cycles,
		.error_rms = layer->error_rms,
		.error_max = layer->error_max,
		.output_rms = layer->out_rms,
	};

	shape_of(dh_layer_input(plan, layer, 0), row.input);
	row.input[0] = 0;
	for (uint32_t i = 0; i < layer->input_count; i++)
		row.input[0] += dh_layer_input(plan, layer, i)->channels;
	shape_of(out, row.output);
	row.kernel[0] = layer->kernel[0];
	row.kernel[1] = layer->kernel[1];
	dh_explain_conv(plan->explain, &row);
}

static void warn_of_layer(struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	const char *name = dh_layer_name(plan, layer);

	if (layer->weight_error > MAX_WEIGHT_ERROR)
		dh_explain_warn(plan->explain,
				"node %s: weights as integers are off by %.1f %%; results will be "
				"poor: train with weights of more equal size%s",
				name, 100 * layer->weight_error,
				layer->weight8 ? ", or give --weights 16" : "");
	if (layer->clipped)
		dh_explain_warn(plan->explain,
				"node %s: %llu weights or biases are beyond the %s format and were "
				"clipped",
				name, (unsigned long long)layer->clipped,
				layer->weight8 ? "8-bit" : "16-bit");
	if (layer->saturated)
		dh_explain_warn(plan->explain,
				"node %s: %llu output values were too large for their format and "
				"became the largest one",
				name, (unsigned long long)layer->saturated);
	if (layer->measured && plan->measured)
		dh_explain_note(
			plan->explain,
			"node %s: sums are safe up to 4 times those of the calibration data, "
			"not for all inputs",
			name);
	else if (layer->measured)
		dh_explain_warn(plan->explain,
				"node %s: nothing proves that its sums stay within 32 bits; show "
				"typical input with --calibration X.npy",
				name);
}

/* What the compiler of a chain says, of layers alone: errors are against float on the same input. */
static void report_recurrent(struct dh_plan *plan, const struct dh_plan_chain *chain)
{
	const struct dh_explain *from = chain->explain;

	for (size_t i = 0; i < from->layer_count; i++) {
		struct dh_explain_layer row = from->layers[i];

		if (!plan->measured)
			row.error_rms = -1;
		dh_explain_layer(plan->explain, &row);
	}
	for (size_t i = 0; i < from->warning_count; i++)
		dh_explain_warn(plan->explain, "%s", from->warnings[i]);
}

/* --- the whole ------------------------------------------------------------------- */

static void report_inputs(struct dh_plan *plan)
{
	for (uint32_t i = 0; i < plan->map_count; i++) {
		const struct dh_plan_map *map = &plan->maps[i];

		if (map->writer == DH_PLAN_NONE &&
		    plan->net->tensors[map->tensor].producer == DH_NET_NONE)
			dh_explain_note(plan->explain, "input %s: int16 = value * 256 / 2^%d, %s",
					plan->net->tensors[map->tensor].name,
					8 - plan->tensors[map->tensor].frac,
					map->encoded ? "encoded" : "not encoded");
	}
}

static void report_memory(struct dh_plan *plan)
{
	uint64_t most = 0;

	for (uint32_t level = 0; level < plan->level_count; level++)
		most = plan->scratch_bytes[level] > most ? plan->scratch_bytes[level] : most;
	dh_explain_note(plan->explain, "intermediate maps take at most %llu bytes",
			(unsigned long long)most);
}

static void report_error(struct dh_plan *plan, const struct dh_samples *samples, size_t count,
			 double error, double same)
{
	dh_explain_note(plan->explain, "measured on %zu of %zu samples of calibration data", count,
			samples->given);
	dh_explain_note(plan->explain,
			"outputs differ from float by %.4f %% of their size (root mean square)",
			100 * error);
	if (same >= 0)
		dh_explain_note(plan->explain,
				"the largest output is the same as in float in %.0f of %zu samples",
				same, count);
}

void dh_plan_report(struct dh_plan *plan, const struct dh_samples *samples, size_t count,
		    double error, double same)
{
	for (uint32_t i = 0; i < plan->net->source_count; i++)
		report_source(plan, i);
	for (uint32_t l = 0; l < plan->layer_count; l++) {
		report_layer(plan, l);
		warn_of_layer(plan, &plan->layers[l]);
	}
	for (uint32_t c = 0; c < plan->chain_count; c++)
		report_recurrent(plan, &plan->chains[c]);
	if (!plan->layer_count && !plan->chain_count)
		dh_explain_warn(plan->explain, "nothing of this network runs on the engine");
	report_inputs(plan);
	report_memory(plan);
	if (error >= 0)
		report_error(plan, samples, count, error, same);
	if (!plan->measured)
		dh_explain_warn(plan->explain,
				"no calibration data: inputs are taken to lie within -%d..%d, and "
				"errors were not measured; give typical input with --calibration "
				"X.npy",
				DH_SAMPLES_ASSUMED, DH_SAMPLES_ASSUMED);
}
