// SPDX-License-Identifier: MIT
/* From a net to a network: the steps of mapping, one after the other. */
#include <errno.h>

#include "map/evaluate.h"
#include "map/narrow.h"
#include "map/report.h"

/* Multiply-accumulates for the ranges, for the choice of weights, for the report: a few seconds each. */
#define WORK_RANGES 3e9
#define WORK_NARROW 3e9
#define WORK_REPORT 3e9
/* Far more than a network of DH_NET_MAX_ELEMENTS needs. */
#define PLAN_BYTES_MOST ((size_t)1 << 36)

static int start(struct dh_plan *plan, struct dh_samples *samples)
{
	plan->arena.limit = PLAN_BYTES_MOST;
	plan->limits = plan->options->limits;
	plan->packed = dh_plan_has(plan, DELTAHOP_CAP_CONV_PACKED);
	plan->unfit = dh_plan_alloc(plan, plan->net->node_count + 1, sizeof(*plan->unfit));
	plan->ranges = dh_plan_alloc(plan, plan->net->tensor_count + 1, sizeof(*plan->ranges));
	if (!plan->unfit || !plan->ranges)
		return -ENOMEM;
	return dh_samples_find(plan, samples);
}

/* Everything but the ranges is decided anew when a layer turns out not to fit. */
static int decide(struct dh_plan *plan, struct dh_samples *samples, bool *ranged)
{
	int ret;

	plan->layer_count = plan->map_count = plan->level_count = 0;
	ret = dh_plan_cut(plan);
	if (!ret && !*ranged)
		ret = dh_samples_measure(plan, samples, WORK_RANGES);
	*ranged |= !ret;
	if (!ret)
		ret = dh_plan_recurrent(plan, samples);
	if (!ret)
		ret = dh_plan_scale(plan);
	if (!ret)
		ret = dh_plan_narrow(plan, samples, WORK_NARROW);
	if (!ret)
		ret = dh_plan_split(plan);
	return ret ? ret : dh_plan_place(plan);
}

static int report(struct dh_plan *plan, struct dh_samples *samples)
{
	struct dh_evaluator *evaluator = NULL;
	double dense = 1, error = -1, same = -1;
	size_t count = samples->count;
	int ret = 0;

	for (uint32_t i = 0; i < plan->layer_count; i++)
		dense += 2 * dh_layer_dense(&plan->layers[i]);
	for (uint32_t i = 0; i < plan->chain_count; i++)
		dense += 2 * dh_chain_dense(&plan->chains[i]);
	if (count > WORK_REPORT / dense)
		count = WORK_REPORT / dense >= 1 ? WORK_REPORT / dense : 1;
	if (plan->explain && plan->measured) {
		ret = dh_evaluator_create(plan, samples, &evaluator);
		if (!ret)
			error = dh_evaluate_layers(evaluator, count, &same);
		dh_evaluator_free(evaluator);
		plan->output_error = error;
	}
	if (!ret && plan->explain)
		dh_plan_report(plan, samples, count, error, same);
	return ret;
}

int dh_plan_make(struct dh_plan *plan, struct dh_network **network)
{
	struct dh_samples samples;
	bool ranged = false;
	int ret = start(plan, &samples);

	if (ret)
		return ret;
	do {
		ret = decide(plan, &samples, &ranged);
	} while (ret == -ERESTART);
	if (!ret)
		ret = report(plan, &samples);
	return ret ? ret : dh_plan_emit(plan, network);
}

void dh_plan_free(struct dh_plan *plan)
{
	dh_plan_forget_chains(plan);
	dh_arena_free(&plan->arena);
}

int dh_map_net(struct dh_net *net, const struct dh_map_options *options,
	       struct dh_network **network, struct dh_explain *explain, struct dh_error *err)
{
	struct dh_plan plan = { .net = net, .options = options, .explain = explain, .err = err };
	int ret;

	*network = NULL;
	ret = dh_plan_make(&plan, network);
	dh_plan_free(&plan);
	if (ret)
		dh_net_free(net);
	return ret;
}
