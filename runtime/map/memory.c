// SPDX-License-Identifier: MIT
/* Where feature maps and partial sums lie; what is no longer needed makes room. */
#include <errno.h>
#include <stdlib.h>

#include "map/plan.h"
#include "program/map.h"

#define ALIGNMENT 64

static uint64_t align(uint64_t offset)
{
	return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/** struct block - memory in region SCRATCH while layers @first to @last run; @map or the sums of @layer */
struct block {
	uint64_t bytes;
	uint64_t offset;
	int32_t first;
	int32_t last;
	struct dh_plan_map *map;
	struct dh_plan_layer *layer;
};

/* Sizes of a map's groups, for the fullest content; offsets from its beginning. */
static uint64_t lay_out(const struct dh_plan *plan, struct dh_plan_map *map)
{
	uint64_t bytes = 0;

	for (uint32_t g = 0; g < map->group_count; g++) {
		struct dh_plan_group *group = &map->groups[g];

		group->offset = bytes;
		group->bytes = dh_map_room(map->rows, map->cols, group->channels, map->encoded,
					   plan->packed);
		bytes = align(bytes + group->bytes);
	}
	return bytes;
}

static void move(struct dh_plan_map *map, uint64_t offset)
{
	for (uint32_t g = 0; g < map->group_count; g++)
		map->groups[g].offset += offset;
}

static bool has_sums(const struct dh_plan_layer *layer)
{
	for (uint32_t p = 0; p < layer->piece_count; p++) {
		if (layer->pieces[p].to_psum)
			return true;
	}
	return false;
}

uint64_t dh_layer_sum_bytes(const struct dh_plan_layer *layer, uint32_t maps)
{
	return align(4ULL * layer->out_rows * layer->out_cols * maps);
}

static uint64_t all_sums(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	const struct dh_plan_map *out = &plan->maps[layer->output];
	uint64_t bytes = 0;

	for (uint32_t g = 0; g < out->group_count; g++)
		bytes += dh_layer_sum_bytes(layer, out->groups[g].channels);
	return bytes;
}

static uint32_t collect(struct dh_plan *plan, uint32_t level, struct block *blocks)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->map_count; i++) {
		struct dh_plan_map *map = &plan->maps[i];

		if (map->part == level && map->region == DH_REGION_SCRATCH)
			blocks[count++] = (struct block){ .bytes = lay_out(plan, map),
							  .first = map->writer,
							  .last = map->last_reader,
							  .map = map };
	}
	for (uint32_t l = 0; l < plan->layer_count; l++) {
		struct dh_plan_layer *layer = &plan->layers[l];

		if (layer->part == level && has_sums(layer))
			blocks[count++] = (struct block){ .bytes = all_sums(plan, layer),
							  .first = l,
							  .last = l,
							  .layer = layer };
	}
	return count;
}

static int compare_sizes(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->first > y->first) - (x->first < y->first);
}

/* The lowest place that no block before it has while it is needed. */
static void settle(struct block *blocks, uint32_t index)
{
	struct block *block = &blocks[index];
	bool moved = true;

	while (moved) {
		moved = false;
		for (uint32_t i = 0; i < index; i++) {
			const struct block *other = &blocks[i];

			if (other->first <= block->last && block->first <= other->last &&
			    other->offset < block->offset + block->bytes &&
			    block->offset < other->offset + other->bytes) {
				block->offset = other->offset + other->bytes;
				moved = true;
			}
		}
	}
}

static int place_scratch(struct dh_plan *plan, uint32_t level)
{
	struct block *blocks = calloc(plan->map_count + plan->layer_count + 1, sizeof(*blocks));
	uint32_t count;

	if (!blocks) {
		dh_error_set(plan->err, "out of memory");
		return -ENOMEM;
	}
	count = collect(plan, level, blocks);
	qsort(blocks, count, sizeof(*blocks), compare_sizes);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t end;

		settle(blocks, i);
		end = blocks[i].offset + blocks[i].bytes;
		if (end > plan->scratch_bytes[level])
			plan->scratch_bytes[level] = end;
		if (blocks[i].map)
			move(blocks[i].map, blocks[i].offset);
		else
			blocks[i].layer->psum_offset = blocks[i].offset;
	}
	free(blocks);
	return 0;
}

/* Inputs and outputs of a part, one behind the other. */
static uint64_t place_side(struct dh_plan *plan, uint32_t level, uint32_t region)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < plan->map_count; i++) {
		struct dh_plan_map *map = &plan->maps[i];
		uint64_t size;

		if (map->part != level || map->region != region)
			continue;
		size = lay_out(plan, map);
		move(map, bytes);
		bytes += size;
	}
	return bytes;
}

static int check_size(const struct dh_plan *plan, const char *what, uint64_t bytes)
{
	if (bytes <= UINT32_MAX)
		return 0;
	dh_error_set(plan->err,
		     "the network needs %llu bytes for %s of a part; it may be %u: use a "
		     "smaller input",
		     (unsigned long long)bytes, what, UINT32_MAX);
	return -EOPNOTSUPP;
}

int dh_plan_place(struct dh_plan *plan)
{
	int ret = 0;

	plan->scratch_bytes = dh_plan_alloc(plan, plan->level_count, sizeof(*plan->scratch_bytes));
	if (!plan->scratch_bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i < plan->map_count; i++) {
		struct dh_plan_map *map = &plan->maps[i];

		map->region = map->writer == DH_PLAN_NONE ? DH_REGION_INPUT
			      : map->is_output		  ? DH_REGION_OUTPUT
							  : DH_REGION_SCRATCH;
	}
	for (uint32_t level = 0; !ret && level < plan->level_count; level++) {
		ret = place_scratch(plan, level);
		if (!ret)
			ret = check_size(plan, "intermediate maps", plan->scratch_bytes[level]);
		if (!ret)
			ret = check_size(plan, "inputs", place_side(plan, level, DH_REGION_INPUT));
		if (!ret)
			ret = check_size(plan, "outputs",
					 place_side(plan, level, DH_REGION_OUTPUT));
	}
	return ret;
}
