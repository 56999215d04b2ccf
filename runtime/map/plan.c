// SPDX-License-Identifier: MIT
/* A plan's memory, and questions that several steps ask of it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "map/plan.h"

void *dh_plan_alloc(struct dh_plan *plan, size_t count, size_t size)
{
	void *memory = dh_arena_alloc(&plan->arena, count, size);

	if (!memory)
		dh_error_set(plan->err, "out of memory");
	return memory;
}

float dh_layer_weight(const struct dh_plan_layer *layer, uint32_t map, uint32_t channel,
		      uint32_t row, uint32_t col)
{
	const struct dh_plan_kernel *weight = &layer->weight;
	uint32_t width = layer->channels / weight->groups;
	uint32_t group = map / (layer->maps / weight->groups);

	if (channel / width != group || row % weight->dilations[0] || col % weight->dilations[1])
		return 0;
	return weight->scale[map] *
	       weight->data[map * weight->step[0] + (channel - group * width) * weight->step[1] +
			    row / weight->dilations[0] * weight->step[2] +
			    col / weight->dilations[1] * weight->step[3]];
}

size_t dh_layer_weight_count(const struct dh_plan_layer *layer)
{
	return (size_t)layer->maps * layer->channels * layer->kernel[0] * layer->kernel[1];
}

double dh_layer_dense(const struct dh_plan_layer *layer)
{
	const struct dh_plan_kernel *weight = &layer->weight;
	uint32_t rows = (layer->kernel[0] - 1) / weight->dilations[0] + 1;
	uint32_t cols = (layer->kernel[1] - 1) / weight->dilations[1] + 1;

	return (double)rows * cols * layer->channels / weight->groups * layer->maps *
	       layer->out_rows * layer->out_cols;
}

const char *dh_layer_name(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	return plan->net->nodes[layer->node].name;
}

const struct dh_net_node *dh_plan_only_user(const struct dh_plan *plan, int32_t tensor)
{
	const struct dh_net_tensor *t = &plan->net->tensors[tensor];

	return t->user_count == 1 && !dh_net_is_output(plan->net, tensor)
		       ? &plan->net->nodes[t->users[0]]
		       : NULL;
}

double dh_map_zeros(const struct dh_plan *plan, const struct dh_plan_map *map)
{
	const struct dh_range *range = &plan->ranges[map->tensor];

	if (plan->measured && range->count)
		return range->zeros / range->count;
	return map->non_negative ? 0.5 : 0;
}

char *dh_plan_say(struct dh_plan *plan, const char *fmt, ...)
{
	static char lost[] = "";
	char text[512], *copy;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	copy = dh_arena_strdup(&plan->arena, text);
	return copy ? copy : lost;
}

int dh_plan_evict(struct dh_plan *plan, uint32_t node, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	plan->unfit[node] = dh_arena_strdup(&plan->arena, text);
	if (plan->unfit[node])
		return -ERESTART;
	dh_error_set(plan->err, "out of memory");
	return -ENOMEM;
}
