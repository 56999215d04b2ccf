/* SPDX-License-Identifier: MIT */
/*
 * Ways to cut a layer into passes, and what they cost.
 */
#ifndef DELTAHOP_SPLIT_H
#define DELTAHOP_SPLIT_H

#include "map/plan.h"

/** struct dh_split - a way to cut a layer; fields as in struct dh_plan_layer, groups of its output */
struct dh_split {
	uint32_t macs;
	struct dh_plan_group *groups;
	uint32_t group_count;
	struct dh_piece *pieces;
	uint32_t piece_count;
	struct dh_cost cost;
};

/** dh_split_form() - a layer as one command, where that is possible; without flags, pads, shifts */
struct dh_conv_layer dh_split_form(const struct dh_plan *plan, const struct dh_plan_layer *layer);

/** dh_split_cost() - set @split->cost: by the manual's timing, with zeros spread evenly */
void dh_split_cost(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		   const struct dh_input_groups *inputs, struct dh_split *split);

/** dh_split_keep() - choose it */
void dh_split_keep(struct dh_plan *plan, struct dh_plan_layer *layer, const struct dh_split *split);

#endif /* DELTAHOP_SPLIT_H */
