// SPDX-License-Identifier: MIT
/* Weights of 8 bits: where they are exact, and where the network's outputs hardly change. */
#include <errno.h>
#include <stdlib.h>

#include "map/evaluate.h"
#include "map/narrow.h"

/* Error of the outputs that nobody minds, relative. */
#define NEGLIGIBLE (1.0 / 128)
/* Of all weights, what is worth trying. */
#define SHARE_LEAST (1.0 / 64)
/* Samples that tell enough. */
#define SAMPLES_MOST 32

/* As 8 bits again, or as they were. */
static bool try_exact(struct dh_plan *plan, struct dh_plan_layer *layer)
{
	if (dh_plan_quantise(plan, layer, true) && layer->weight_error == 0 && !layer->clipped)
		return true;
	dh_plan_quantise(plan, layer, false);
	return false;
}

static bool try_measured(struct dh_plan *plan, struct dh_plan_layer *layer,
			 struct dh_evaluator *evaluator, size_t count, double limit)
{
	if (dh_plan_quantise(plan, layer, true) && dh_evaluate(evaluator, count) <= limit)
		return true;
	dh_plan_quantise(plan, layer, false);
	return false;
}

/** struct candidate - a layer by the bytes of its weights */
struct candidate {
	struct dh_plan_layer *layer;
	size_t weights;
};

static int compare_weights(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->weights != y->weights)
		return x->weights < y->weights ? 1 : -1;
	return (x->layer > y->layer) - (x->layer < y->layer);
}

/* The largest first, for they save most. */
static int narrow_measured(struct dh_plan *plan, const struct dh_samples *samples,
			   struct candidate *candidates, uint32_t count, double work)
{
	struct dh_evaluator *evaluator;
	double dense = 1, base, limit;
	size_t used;
	int ret = dh_evaluator_create(plan, samples, &evaluator);

	for (uint32_t i = 0; i < plan->layer_count; i++)
		dense += 2 * dh_layer_dense(&plan->layers[i]);
	used = work / dense / (count + 1);
	used = used > SAMPLES_MOST ? SAMPLES_MOST : used;
	used = used > samples->count ? samples->count : used;
	if (!ret && used) {
		base = dh_evaluate(evaluator, used);
		limit = base > NEGLIGIBLE ? base : NEGLIGIBLE;
		for (uint32_t i = 0; i < count; i++)
			try_measured(plan, candidates[i].layer, evaluator, used, limit);
	}
	dh_evaluator_free(evaluator);
	return ret;
}

int dh_plan_narrow(struct dh_plan *plan, const struct dh_samples *samples, double work)
{
	struct candidate *candidates;
	uint32_t count = 0;
	double all = 0;
	int ret = 0;

	if (plan->options->weights != DH_WEIGHTS_AUTO || !plan->layer_count ||
	    !dh_plan_has(plan, DELTAHOP_CAP_CONV_WEIGHT8))
		return 0;
	candidates = dh_plan_alloc(plan, plan->layer_count, sizeof(*candidates));
	if (!candidates)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->layer_count; i++)
		all += dh_layer_weight_count(&plan->layers[i]);
	for (uint32_t i = 0; i < plan->layer_count; i++) {
		struct dh_plan_layer *layer = &plan->layers[i];
		size_t weights = dh_layer_weight_count(layer);

		if (!try_exact(plan, layer) && weights >= SHARE_LEAST * all)
			candidates[count++] = (struct candidate){ layer, weights };
	}
	qsort(candidates, count, sizeof(*candidates), compare_weights);
	if (plan->measured && count)
		ret = narrow_measured(plan, samples, candidates, count, work);
	return ret;
}
