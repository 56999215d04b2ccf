// SPDX-License-Identifier: MIT
/* The arithmetic of the engine, layer by layer, next to float. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/int_run.h"
#include "map/evaluate.h"

#define BLOCK 16

/**
 * struct dh_evaluator - two runs
 * @exact: in float
 * @device: layers in integers, host nodes in float
 * @chains: runs of the chains' programs
 * @values: input of a layer, int16 as [channel][row][column]
 * @weights: of BLOCK of its output maps
 * @sums: accumulators of these
 * @add_up: what a value that it adds is multiplied by
 */
struct dh_evaluator {
	struct dh_plan *plan;
	const struct dh_samples *samples;
	struct dh_net_run *exact;
	struct dh_net_run *device;
	struct dh_int_run **chains;
	int16_t *values;
	int16_t *weights;
	uint32_t *sums;
	float add_up;
	uint64_t saturated;
};

/* --- memory ------------------------------------------------------------------------ */

static size_t input_values(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	size_t count = 0;

	for (uint32_t i = 0; i < layer->input_count; i++) {
		const struct dh_plan_map *map = dh_layer_input(plan, layer, i);

		count += (size_t)map->channels * map->rows * map->cols;
	}
	return count;
}

static bool create_chains(struct dh_evaluator *ev)
{
	ev->chains = calloc(ev->plan->chain_count + 1, sizeof(struct dh_int_run *));
	for (uint32_t i = 0; ev->chains && i < ev->plan->chain_count; i++) {
		ev->chains[i] = dh_int_run_create(ev->plan->chains[i].program);
		if (!ev->chains[i])
			return false;
	}
	return ev->chains;
}

int dh_evaluator_create(struct dh_plan *plan, const struct dh_samples *samples,
			struct dh_evaluator **evaluator)
{
	struct dh_evaluator *ev = calloc(1, sizeof(*ev));
	size_t values = 1, sums = 1, depth = 1;

	*evaluator = ev;
	if (!ev) {
		dh_error_set(plan->err, "out of memory");
		return -ENOMEM;
	}
	ev->plan = plan;
	ev->samples = samples;
	for (uint32_t l = 0; l < plan->layer_count; l++) {
		const struct dh_plan_layer *layer = &plan->layers[l];
		size_t area = (size_t)layer->out_rows * layer->out_cols;
		size_t taps = dh_layer_weight_count(layer) / layer->maps;

		if (input_values(plan, layer) > values)
			values = input_values(plan, layer);
		sums = area > sums ? area : sums;
		depth = taps > depth ? taps : depth;
	}
	ev->values = malloc(values * sizeof(*ev->values));
	ev->weights = malloc(depth * BLOCK * sizeof(*ev->weights));
	ev->sums = malloc(sums * BLOCK * sizeof(*ev->sums));
	if (!ev->values || !ev->weights || !ev->sums || !create_chains(ev) ||
	    dh_net_run_create(plan->net, &ev->exact, plan->err) ||
	    dh_net_run_create(plan->net, &ev->device, plan->err)) {
		dh_error_set(plan->err, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

void dh_evaluator_free(struct dh_evaluator *evaluator)
{
	if (!evaluator)
		return;
	dh_net_run_free(evaluator->exact);
	dh_net_run_free(evaluator->device);
	for (uint32_t i = 0; evaluator->chains && i < evaluator->plan->chain_count; i++)
		dh_int_run_free(evaluator->chains[i]);
	free(evaluator->chains);
	free(evaluator->values);
	free(evaluator->weights);
	free(evaluator->sums);
	free(evaluator);
}

/* --- integers ------------------------------------------------------------------------- */

static int16_t saturate(int64_t value)
{
	return value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value;
}

static int16_t quantise(float value, float up)
{
	float scaled = value * up;

	return scaled >= INT16_MAX ? INT16_MAX : scaled <= INT16_MIN ? INT16_MIN : lrintf(scaled);
}

static void load_inputs(struct dh_evaluator *ev, const struct dh_plan_layer *layer)
{
	int16_t *at = ev->values;

	for (uint32_t i = 0; i < layer->input_count; i++) {
		const struct dh_plan_map *map = dh_layer_input(ev->plan, layer, i);
		const float *from = dh_net_run_floats(ev->device, map->tensor);
		float up = ldexpf(1, ev->plan->tensors[map->tensor].frac);
		size_t count = (size_t)map->channels * map->rows * map->cols;

		for (size_t k = 0; k < count; k++)
			*at++ = quantise(from[k], up);
	}
}

/** struct span - kernel places along an axis that lie inside of the input, for one output */
struct span {
	uint32_t first;
	uint32_t end;
	int32_t start; /* input of kernel place 0 */
};

static struct span find_span(uint32_t out, uint32_t in, uint32_t stride, int32_t pad,
			     uint32_t kernel)
{
	int32_t start = (int32_t)(out * stride) - pad, left = (int32_t)in - start;
	struct span span = { .start = start };

	span.first = start < 0 ? -start : 0;
	span.end = left < 0 ? 0 : left < (int32_t)kernel ? left : kernel;
	return span;
}

/* The next maps' weights side by side: [channel][kernel row][kernel column][map]. */
static void take_weights(struct dh_evaluator *ev, const struct dh_plan_layer *layer, uint32_t map)
{
	size_t depth = (size_t)layer->channels * layer->kernel[0] * layer->kernel[1];
	uint32_t maps = layer->maps - map < BLOCK ? layer->maps - map : BLOCK;

	memset(ev->weights, 0, depth * BLOCK * sizeof(*ev->weights));
	for (uint32_t o = 0; o < maps; o++) {
		const int16_t *w = layer->weights + (map + o) * depth;

		for (size_t i = 0; i < depth; i++)
			ev->weights[i * BLOCK + o] = w[i];
	}
}

/* So many maps at once, which compilers turn into vectors. */
static void add_block(uint32_t *restrict sums, const int16_t *restrict w, int16_t value)
{
	for (int o = 0; o < BLOCK; o++)
		sums[o] += (uint32_t)(w[o] * value);
}

static void add_channel(const struct dh_plan_layer *layer, const struct span *y,
			const struct span *x, const int16_t *in, uint32_t cols, const int16_t *w,
			uint32_t *sums)
{
	for (uint32_t i = y->first; i < y->end; i++) {
		const int16_t *row = in + (size_t)(y->start + (int32_t)i) * cols;

		for (uint32_t j = x->first; j < x->end; j++) {
			int16_t value = row[x->start + (int32_t)j];

			if (value)
				add_block(sums, w + (size_t)(i * layer->kernel[1] + j) * BLOCK,
					  value);
		}
	}
}

static void add_pixel(struct dh_evaluator *ev, const struct dh_plan_layer *layer, uint32_t row,
		      uint32_t col, uint32_t *sums)
{
	const struct dh_plan_map *in = dh_layer_input(ev->plan, layer, 0);
	struct span y =
		find_span(row, in->rows, layer->strides[0], layer->pads[0], layer->kernel[0]);
	struct span x =
		find_span(col, in->cols, layer->strides[1], layer->pads[1], layer->kernel[1]);
	size_t taps = (size_t)layer->kernel[0] * layer->kernel[1];
	size_t area = (size_t)in->rows * in->cols;

	for (uint32_t c = 0; c < layer->channels; c++)
		add_channel(layer, &y, &x, ev->values + c * area, in->cols,
			    ev->weights + c * taps * BLOCK, sums);
}

static void add_values(struct dh_evaluator *ev, const struct dh_plan_layer *layer, uint32_t *sums)
{
	for (uint32_t c = 0; c < layer->channels; c++) {
		if (ev->values[c])
			add_block(sums, ev->weights + (size_t)c * BLOCK, ev->values[c]);
	}
}

/* Bias and added map, of the maps from @map on. */
static void start_sums(struct dh_evaluator *ev, const struct dh_plan_layer *layer, uint32_t map,
		       size_t pixel, uint32_t *sums)
{
	size_t area = (size_t)layer->out_rows * layer->out_cols;
	const float *added = layer->add == DH_PLAN_NONE
				     ? NULL
				     : dh_net_run_floats(ev->device, layer->add_tensor);

	for (uint32_t o = 0; o < BLOCK; o++) {
		bool real = map + o < layer->maps;

		sums[o] = real ? (uint32_t)layer->biases[map + o] << layer->bias_shift : 0;
		if (real && added)
			sums[o] += (uint32_t)quantise(added[(map + o) * area + pixel], ev->add_up)
				   << layer->add_shift;
	}
}

/* The accumulators of the maps from @map on, as [map][row][column]. */
static void sum_maps(struct dh_evaluator *ev, const struct dh_plan_layer *layer, uint32_t map)
{
	size_t area = (size_t)layer->out_rows * layer->out_cols;
	uint32_t sums[BLOCK];

	take_weights(ev, layer, map);
	for (size_t pixel = 0; pixel < area; pixel++) {
		start_sums(ev, layer, map, pixel, sums);
		if (layer->fully_connected)
			add_values(ev, layer, sums);
		else
			add_pixel(ev, layer, pixel / layer->out_cols, pixel % layer->out_cols,
				  sums);
		for (uint32_t o = 0; o < BLOCK; o++)
			ev->sums[o * area + pixel] = sums[o];
	}
}

/* One output value of the square, or of the single accumulator, at @at. */
static int64_t pooled(const struct dh_plan_layer *layer, const uint32_t *at)
{
	const uint32_t square[4] = { at[0], at[1], at[layer->out_cols], at[layer->out_cols + 1] };
	int64_t result = layer->pool == DH_POOL_MAX ? INT32_MIN : 0;

	for (int i = 0; i < 4; i++) {
		int32_t value = square[i];

		if (layer->relu && value < 0)
			value = 0;
		if (layer->pool == DH_POOL_AVERAGE)
			result += value;
		else if (value > result)
			result = value;
	}
	return layer->pool == DH_POOL_AVERAGE ? result >> 2 : result;
}

static int64_t rectified(const struct dh_plan_layer *layer, uint32_t sum)
{
	int32_t value = sum;

	return layer->relu && value < 0 ? 0 : value;
}

static void finish_map(struct dh_evaluator *ev, const struct dh_plan_layer *layer,
		       const uint32_t *sums, float *out)
{
	uint32_t step = layer->pool ? 2 : 1;
	uint32_t rows = layer->out_rows / step, cols = layer->out_cols / step;
	float down = ldexpf(1, -ev->plan->tensors[layer->out_tensor].frac);

	for (uint32_t r = 0; r < rows; r++) {
		for (uint32_t c = 0; c < cols; c++) {
			const uint32_t *at =
				sums + (size_t)r * step * layer->out_cols + (size_t)c * step;
			int64_t value = layer->pool ? pooled(layer, at) : rectified(layer, *at);

			value >>= layer->out_shift;
			ev->saturated += value != saturate(value);
			*out++ = saturate(value) * down;
		}
	}
}

static void run_layer(struct dh_evaluator *ev, struct dh_plan_layer *layer)
{
	const struct dh_plan_map *out = &ev->plan->maps[layer->output];
	size_t area = (size_t)layer->out_rows * layer->out_cols;
	float *result = dh_net_run_floats(ev->device, layer->out_tensor);

	load_inputs(ev, layer);
	if (layer->add != DH_PLAN_NONE)
		ev->add_up = ldexpf(1, ev->plan->tensors[layer->add_tensor].frac);
	ev->saturated = 0;
	for (uint32_t map = 0; map < layer->maps; map += BLOCK) {
		sum_maps(ev, layer, map);
		for (uint32_t o = 0; o < BLOCK && map + o < layer->maps; o++)
			finish_map(ev, layer, ev->sums + o * area,
				   result + (size_t)(map + o) * out->rows * out->cols);
	}
	layer->saturated += ev->saturated;
}

static void run_chain(struct dh_evaluator *ev, const struct dh_plan_chain *chain)
{
	dh_chain_run(ev->chains[chain - ev->plan->chains], chain->steps,
		     dh_net_run_floats(ev->device, chain->input),
		     dh_net_run_floats(ev->device, chain->output));
}

/* What the host does right behind a part, and the recurrent engine in between. */
static void run_behind(struct dh_evaluator *ev, uint32_t level)
{
	const struct dh_plan *plan = ev->plan;

	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		const struct dh_plan_chain *chain = dh_plan_chain_at(plan, i);

		if (chain && chain->level == level)
			run_chain(ev, chain);
		else if (plan->nodes[i].place == DH_PLACE_HOST && plan->nodes[i].level == level)
			dh_net_run_node(ev->device, i);
	}
}

/* Layers of every part, then what comes behind it. */
static void run_device(struct dh_evaluator *ev)
{
	struct dh_plan *plan = ev->plan;
	uint32_t next = 0;

	for (uint32_t level = 0; level < plan->level_count; level++) {
		while (next < plan->layer_count && plan->layers[next].part == level)
			run_layer(ev, &plan->layers[next++]);
		run_behind(ev, level);
	}
}

static void run_sample(struct dh_evaluator *ev, size_t index)
{
	dh_samples_fill(ev->samples, index, ev->exact);
	dh_samples_fill(ev->samples, index, ev->device);
	dh_net_run_all(ev->exact);
	run_device(ev);
}

/* --- errors --------------------------------------------------------------------------- */

/** struct meter - error of a tensor so far */
struct meter {
	double error;
	double square;
	double most;
	double count;
};

static void measure(struct meter *meter, const float *exact, const float *device, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double error = fabs((double)device[i] - exact[i]);

		meter->error += error * error;
		meter->square += (double)exact[i] * exact[i];
		meter->most = error > meter->most ? error : meter->most;
	}
	meter->count += count;
}

static void measure_ints(struct meter *meter, const int64_t *exact, const int64_t *device,
			 size_t count)
{
	for (size_t i = 0; i < count; i++)
		meter->error += exact[i] != device[i];
	meter->square += count;
}

static void measure_output(struct dh_evaluator *ev, uint32_t output, struct meter *meter)
{
	int32_t tensor = ev->plan->net->outputs[output];
	const struct dh_net_tensor *t = &ev->plan->net->tensors[tensor];

	if (t->type == DH_NET_FLOAT)
		measure(meter, dh_net_run_floats(ev->exact, tensor),
			dh_net_run_floats(ev->device, tensor), dh_net_elements(t));
	else
		measure_ints(meter, dh_net_run_ints(ev->exact, tensor),
			     dh_net_run_ints(ev->device, tensor), dh_net_elements(t));
}

static double relative(const struct dh_plan *plan, uint32_t output, const struct meter *meter)
{
	bool floats = plan->net->tensors[plan->net->outputs[output]].type == DH_NET_FLOAT;

	if (meter->square <= 0)
		return meter->error > 0;
	return floats ? sqrt(meter->error / meter->square) : meter->error / meter->square;
}

static size_t largest(const float *values, size_t count)
{
	size_t at = 0;

	for (size_t i = 1; i < count; i++) {
		if (values[i] > values[at])
			at = i;
	}
	return at;
}

/* Does the first output say the same? */
static bool is_same(struct dh_evaluator *ev)
{
	int32_t tensor = ev->plan->net->outputs[0];
	size_t count = dh_net_elements(&ev->plan->net->tensors[tensor]);

	return largest(dh_net_run_floats(ev->exact, tensor), count) ==
	       largest(dh_net_run_floats(ev->device, tensor), count);
}

static bool has_answer(const struct dh_plan *plan)
{
	const struct dh_net_tensor *t = &plan->net->tensors[plan->net->outputs[0]];

	return t->type == DH_NET_FLOAT && dh_net_elements(t) > 1 && dh_net_elements(t) <= 65536;
}

static double worst_output(struct dh_evaluator *ev, const struct meter *meters)
{
	double worst = 0;

	for (uint32_t i = 0; i < ev->plan->net->output_count; i++) {
		double error = relative(ev->plan, i, &meters[i]);

		worst = error > worst ? error : worst;
	}
	return worst;
}

static struct meter *new_meters(const struct dh_evaluator *ev, uint32_t count)
{
	struct meter *meters = calloc(count ? count : 1, sizeof(*meters));

	if (!meters)
		dh_error_set(ev->plan->err, "out of memory");
	return meters;
}

double dh_evaluate(struct dh_evaluator *ev, size_t count)
{
	struct meter *meters = new_meters(ev, ev->plan->net->output_count);
	double worst;

	if (!meters)
		return INFINITY;
	for (size_t s = 0; s < count; s++) {
		run_sample(ev, s);
		for (uint32_t i = 0; i < ev->plan->net->output_count; i++)
			measure_output(ev, i, &meters[i]);
	}
	worst = worst_output(ev, meters);
	free(meters);
	return worst;
}

static void measure_layer(struct dh_evaluator *ev, uint32_t index, struct meter *meter)
{
	int32_t tensor = ev->plan->layers[index].out_tensor;

	measure(meter, dh_net_run_floats(ev->exact, tensor), dh_net_run_floats(ev->device, tensor),
		dh_net_elements(&ev->plan->net->tensors[tensor]));
}

double dh_evaluate_layers(struct dh_evaluator *ev, size_t count, double *same)
{
	struct dh_plan *plan = ev->plan;
	uint32_t outputs = plan->net->output_count;
	struct meter *meters = new_meters(ev, outputs + plan->layer_count);
	double worst;

	*same = has_answer(plan) ? 0 : -1;
	if (!meters)
		return INFINITY;
	for (uint32_t l = 0; l < plan->layer_count; l++)
		plan->layers[l].saturated = 0;
	for (size_t s = 0; s < count; s++) {
		run_sample(ev, s);
		for (uint32_t i = 0; i < outputs; i++)
			measure_output(ev, i, &meters[i]);
		for (uint32_t l = 0; l < plan->layer_count; l++)
			measure_layer(ev, l, &meters[outputs + l]);
		if (*same >= 0)
			*same += is_same(ev);
	}
	for (uint32_t l = 0; l < plan->layer_count; l++) {
		const struct meter *meter = &meters[outputs + l];

		plan->layers[l].error_rms = sqrt(meter->error / meter->count);
		plan->layers[l].error_max = meter->most;
		plan->layers[l].out_rms = sqrt(meter->square / meter->count);
	}
	worst = worst_output(ev, meters);
	free(meters);
	return worst;
}
