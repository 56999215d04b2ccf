// SPDX-License-Identifier: MIT
/*
 * Numbers: the scale of every tensor on the engine, and weights as integers, such that accumulators
 * cannot wrap around.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "map/plan.h"

/* Room above the largest value seen, of calibration data and of made-up ones. */
#define MARGIN_MEASURED 2
#define MARGIN_ASSUMED	16
/* Of accumulators, where they are safe by measurement only. */
#define MARGIN_ACC 4
/* Weights that are rounded more coarsely than this are not worth a proof. */
#define WEIGHT_ERROR_PROOF (1.0 / 64)

#define FRAC_PUBLISHED 8 /* Q8.8, of values and weights */
#define FRAC_MOST      40
#define ACC_LIMIT      2147483648.0

static bool is_published(const struct dh_plan *plan)
{
	return !dh_plan_has(plan, DELTAHOP_CAP_CONV_SHIFT);
}

static int floor_log2(double value)
{
	int exp;

	frexp(value, &exp);
	return exp - 1;
}

/* --- tensors -------------------------------------------------------------------- */

/* The finest scale that leaves room. */
static int range_frac(const struct dh_plan *plan, int32_t tensor)
{
	const struct dh_range *range = &plan->ranges[tensor];
	int most = plan->tensors[tensor].frac_most;
	double margin = plan->measured ? MARGIN_MEASURED : MARGIN_ASSUMED;
	bool input = plan->net->tensors[tensor].producer == DH_NET_NONE;
	int frac;

	if (is_published(plan) || range->max <= 0 || !isfinite(range->max) ||
	    (input && !plan->measured))
		return FRAC_PUBLISHED;
	frac = floor_log2(-INT16_MIN / (margin * range->max));
	return frac < -FRAC_MOST ? -FRAC_MOST : frac > most ? most : frac;
}

static int input_frac(struct dh_plan *plan, int32_t tensor)
{
	struct dh_plan_tensor *t = &plan->tensors[tensor];

	if (!t->scaled && !t->vectors)
		t->frac = range_frac(plan, tensor);
	t->scaled = true;
	return t->frac;
}

/* --- how fine accumulators can be ------------------------------------------------ */

/** struct reach - what the accumulator of an output map can come to, above and below 0 */
struct reach {
	double high;
	double low;
};

static void reach_add(struct reach *reach, double weight, double largest, bool non_negative)
{
	double least = non_negative ? 0 : largest;

	reach->high += weight > 0 ? weight * largest : -weight * least;
	reach->low += weight > 0 ? weight * least : -weight * largest;
}

static double reach_most(const struct reach *reach)
{
	return isnan(reach->high) || reach->high > reach->low ? reach->high : reach->low;
}

/**
 * struct weights_seen - of a layer's weights in float
 * @reach: most that an accumulator can come to, as a real value
 * @finest: of accumulators, so that the largest weight of every input still fits 16 (8) bits
 */
struct weights_seen {
	double reach;
	int finest[2];
};

/* Largest real value that an input can hold on the engine. */
static double input_most(const struct dh_plan *plan, int32_t tensor)
{
	return ldexp(-INT16_MIN, -plan->tensors[tensor].frac);
}

static double see_input(const struct dh_plan *plan, const struct dh_plan_layer *layer, uint32_t map,
			uint32_t input, uint32_t first, struct reach *reach)
{
	const struct dh_plan_map *from = dh_layer_input(plan, layer, input);
	double most = input_most(plan, from->tensor), largest = 0;
	uint32_t end = first + dh_layer_input_width(plan, layer, input);

	for (uint32_t c = first; c < end; c++) {
		for (uint32_t i = 0; i < layer->kernel[0]; i++) {
			for (uint32_t j = 0; j < layer->kernel[1]; j++) {
				double w = dh_layer_weight(layer, map, c, i, j);

				reach_add(reach, w, most, from->non_negative);
				largest = fabs(w) > largest ? fabs(w) : largest;
			}
		}
	}
	return largest;
}

static void see_weights(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			struct weights_seen *seen)
{
	*seen = (struct weights_seen){ .finest = { FRAC_MOST, FRAC_MOST } };
	for (uint32_t o = 0; o < layer->maps; o++) {
		double bias = fabs(layer->weight.bias[o]);
		struct reach reach = { bias, bias };

		for (uint32_t i = 0, first = 0; i < layer->input_count; i++) {
			double largest = see_input(plan, layer, o, i, first, &reach);
			int frac = plan->tensors[dh_layer_input(plan, layer, i)->tensor].frac;
			int wide = floor_log2(INT16_MAX / largest) + frac;
			int narrow = floor_log2(INT8_MAX / largest) + frac;

			first += dh_layer_input_width(plan, layer, i);
			if (largest > 0 && wide < seen->finest[0])
				seen->finest[0] = wide;
			if (largest > 0 && narrow < seen->finest[1])
				seen->finest[1] = narrow;
		}
		if (layer->add != DH_PLAN_NONE)
			reach_add(&reach, 1, input_most(plan, layer->add_tensor), false);
		if (!isfinite(reach_most(&reach)))
			seen->reach = INFINITY;
		else if (reach_most(&reach) > seen->reach)
			seen->reach = reach_most(&reach);
	}
}

/* --- integers ---------------------------------------------------------------------- */

static int16_t round_weight(double value, bool weight8, uint64_t *clipped)
{
	double most = weight8 ? INT8_MAX : INT16_MAX, rounded = rint(value);

	if (fabs(rounded) <= most)
		return rounded;
	++*clipped;
	return rounded > 0 ? most : -most;
}

static void round_weights(const struct dh_plan *plan, struct dh_plan_layer *layer)
{
	uint32_t rows = layer->kernel[0], cols = layer->kernel[1];
	double error = 0, square = 0;
	int16_t *at = layer->weights;

	layer->clipped = 0;
	for (uint32_t o = 0; o < layer->maps; o++) {
		for (uint32_t i = 0, c = 0, end = 0; i < layer->input_count; i++) {
			int32_t tensor = dh_layer_input(plan, layer, i)->tensor;
			int frac = layer->acc_frac - plan->tensors[tensor].frac;
			double up = ldexp(1, frac), down = ldexp(1, -frac);

			end += dh_layer_input_width(plan, layer, i);
			for (; c < end; c++) {
				for (uint32_t k = 0; k < rows * cols; k++) {
					double w = dh_layer_weight(layer, o, c, k / cols, k % cols);

					*at = round_weight(w * up, layer->weight8, &layer->clipped);
					error += (w - *at * down) * (w - *at * down);
					square += w * w;
					at++;
				}
			}
		}
	}
	layer->weight_error = square > 0 ? sqrt(error / square) : 0;
}

/*
 * Biases with half a step of the output, for the engine rounds down. The finest shift with which all
 * of them fit.
 */
static void round_biases(const struct dh_plan *plan, struct dh_plan_layer *layer)
{
	double half = layer->out_shift && !is_published(plan) ? ldexp(1, layer->out_shift - 1) : 0;
	double most = 0;

	for (uint32_t o = 0; o < layer->maps; o++) {
		double value = fabs(ldexp(layer->weight.bias[o], layer->acc_frac) + half);

		most = value > most ? value : most;
	}
	layer->bias_shift = is_published(plan) ? FRAC_PUBLISHED : 0;
	while (!is_published(plan) && layer->bias_shift < 16 &&
	       rint(ldexp(most, -layer->bias_shift)) > INT16_MAX)
		layer->bias_shift++;
	for (uint32_t o = 0; o < layer->maps; o++) {
		double value = ldexp(layer->weight.bias[o], layer->acc_frac) + half;

		layer->biases[o] =
			round_weight(ldexp(value, -layer->bias_shift), false, &layer->clipped);
	}
}

/* Can no input make an accumulator wrap around? */
static bool is_safe(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	uint32_t taps = layer->kernel[0] * layer->kernel[1];
	const int16_t *w = layer->weights;

	for (uint32_t o = 0; o < layer->maps; o++) {
		double bias = ldexp(layer->biases[o], layer->bias_shift);
		struct reach reach = { bias, -bias };

		for (uint32_t i = 0; i < layer->input_count; i++) {
			bool non_negative = dh_layer_input(plan, layer, i)->non_negative;
			size_t count = (size_t)dh_layer_input_width(plan, layer, i) * taps;

			while (count--)
				reach_add(&reach, *w++, -INT16_MIN, non_negative);
		}
		if (layer->add != DH_PLAN_NONE)
			reach_add(&reach, ldexp(1, layer->add_shift), -INT16_MIN,
				  plan->maps[layer->add].non_negative);
		if (reach_most(&reach) >= ACC_LIMIT)
			return false;
	}
	return true;
}

static int add_frac(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	return plan->tensors[layer->add_tensor].frac;
}

/* Makes the integers of a layer whose accumulators have @frac fraction bits. */
static void set_integers(const struct dh_plan *plan, struct dh_plan_layer *layer, int frac)
{
	layer->acc_frac = frac;
	layer->out_shift = frac - plan->tensors[layer->out_tensor].frac;
	layer->add_shift = layer->add == DH_PLAN_NONE ? 0 : frac - add_frac(plan, layer);
	round_weights(plan, layer);
	round_biases(plan, layer);
}

/* Coarser than the input of the layer allows: as fine as the output and what is added need. */
static int coarsest(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	int least = plan->tensors[layer->out_tensor].frac;

	if (layer->add != DH_PLAN_NONE && add_frac(plan, layer) > least)
		least = add_frac(plan, layer);
	return least;
}

/* By the shifts that the engine has. */
static int finest(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		  const struct weights_seen *seen)
{
	int most = seen->finest[layer->weight8];

	if (most > plan->tensors[layer->out_tensor].frac + 31)
		most = plan->tensors[layer->out_tensor].frac + 31;
	if (layer->add != DH_PLAN_NONE && most > add_frac(plan, layer) + 24)
		most = add_frac(plan, layer) + 24;
	return most;
}

/* Where a proof costs too much, what was measured must do, with a margin. */
static bool trust_measurement(const struct dh_plan *plan, struct dh_plan_layer *layer, int most)
{
	double seen = MARGIN_ACC * plan->ranges[layer->acc_tensor].max;
	int proven = layer->acc_frac, frac;

	if (!plan->measured || layer->weight_error <= WEIGHT_ERROR_PROOF || seen <= 0)
		return false;
	frac = floor_log2(ACC_LIMIT / seen);
	frac = frac > most ? most : frac;
	if (frac <= proven)
		return false;
	set_integers(plan, layer, frac);
	return true;
}

/* 0; -EAGAIN: a tensor must be coarser; -ERANGE: int8 cannot hold the weights. */
static int choose(struct dh_plan *plan, struct dh_plan_layer *layer,
		  const struct weights_seen *seen, bool fixed_output)
{
	struct dh_plan_tensor *out = &plan->tensors[layer->out_tensor];
	int most = finest(plan, layer, seen);
	int frac = seen->reach > 0 ? floor_log2(ACC_LIMIT / seen->reach) : most;

	frac = frac > most ? most : frac;
	if (frac < out->frac && !fixed_output)
		out->frac = frac;
	if (layer->add != DH_PLAN_NONE && frac < add_frac(plan, layer)) {
		plan->tensors[layer->add_tensor].frac_most = frac;
		return fixed_output ? -ERANGE : -EAGAIN;
	}
	if (frac < coarsest(plan, layer))
		return -ERANGE;
	set_integers(plan, layer, frac);
	while (!is_safe(plan, layer) && layer->acc_frac > coarsest(plan, layer))
		set_integers(plan, layer, layer->acc_frac - 1);
	layer->measured = trust_measurement(plan, layer, most);
	return 0;
}

bool dh_plan_quantise(struct dh_plan *plan, struct dh_plan_layer *layer, bool weight8)
{
	struct weights_seen seen;

	layer->weight8 = weight8;
	see_weights(plan, layer, &seen);
	return !choose(plan, layer, &seen, true);
}

/* --- the layers in order ---------------------------------------------------------------- */

static void publish(const struct dh_plan *plan, struct dh_plan_layer *layer)
{
	set_integers(plan, layer, 2 * FRAC_PUBLISHED);
	layer->measured = !is_safe(plan, layer);
}

static int scale_layer(struct dh_plan *plan, struct dh_plan_layer *layer)
{
	struct dh_plan_tensor *out = &plan->tensors[layer->out_tensor];
	struct weights_seen seen;
	int ret;

	for (uint32_t i = 0; i < layer->input_count; i++)
		input_frac(plan, dh_layer_input(plan, layer, i)->tensor);
	if (layer->add != DH_PLAN_NONE)
		input_frac(plan, layer->add_tensor);
	out->frac = range_frac(plan, layer->out_tensor);
	out->scaled = true;
	if (!layer->weights)
		layer->weights =
			dh_plan_alloc(plan, dh_layer_weight_count(layer), sizeof(*layer->weights));
	if (!layer->biases)
		layer->biases = dh_plan_alloc(plan, layer->maps, sizeof(*layer->biases));
	if (!layer->weights || !layer->biases)
		return -ENOMEM;
	see_weights(plan, layer, &seen);
	if (!isfinite(seen.reach))
		return dh_plan_evict(plan, layer->node, "weights that are not finite numbers");
	if (is_published(plan)) {
		publish(plan, layer);
		return 0;
	}
	layer->weight8 = plan->options->weights == DH_WEIGHTS_8;
	ret = choose(plan, layer, &seen, false);
	if (ret == -ERANGE || out->frac < -FRAC_MOST)
		return dh_plan_evict(plan, layer->node,
				     "values beyond what 16 bits can hold at any scale: scale its "
				     "weights down");
	return ret;
}

/* A tensor that is added may have to be coarser than its own layer would have it: then once more. */
int dh_plan_scale(struct dh_plan *plan)
{
	int ret = -EAGAIN;

	for (uint32_t t = 0; t < plan->net->tensor_count; t++)
		plan->tensors[t].frac_most = FRAC_MOST;
	while (ret == -EAGAIN) {
		ret = 0;
		for (uint32_t t = 0; t < plan->net->tensor_count; t++)
			plan->tensors[t].scaled = false;
		for (uint32_t i = 0; !ret && i < plan->layer_count; i++)
			ret = scale_layer(plan, &plan->layers[i]);
	}
	return ret;
}
