// SPDX-License-Identifier: MIT
/* A Pad of zeros before a window becomes pads of the window. */
#include <limits.h>
#include <string.h>

#include "network/pass.h"

static bool pads_nothing(const struct dh_net_node *pad, uint32_t rank)
{
	for (uint32_t i = 0; i < rank; i++) {
		if (pad->attr.pad.before[i] || pad->attr.pad.after[i])
			return false;
	}
	return true;
}

/* Zeros around rows and columns only, none cut off. */
static bool pads_windows(const struct dh_net_node *pad, uint32_t rank)
{
	if (pad->attr.pad.mode != DH_NET_PAD_CONSTANT || pad->attr.pad.value != 0)
		return false;
	for (uint32_t i = 0; i < rank; i++) {
		int32_t before = pad->attr.pad.before[i], after = pad->attr.pad.after[i];

		if (before < 0 || after < 0 || (i < 2 && (before || after)))
			return false;
	}
	return true;
}

/* The pads of both together; false: too large. */
static bool add_pads(const struct dh_net_node *pad, uint32_t rank, uint32_t *pads)
{
	for (uint32_t i = 2; i < rank; i++) {
		uint32_t axis = i + 2 - rank;
		uint64_t before = (uint64_t)pads[axis] + pad->attr.pad.before[i];
		uint64_t after = (uint64_t)pads[2 + axis] + pad->attr.pad.after[i];

		if (before > INT_MAX || after > INT_MAX)
			return false;
		pads[axis] = (uint32_t)before;
		pads[2 + axis] = (uint32_t)after;
	}
	return true;
}

static bool has_pads(const struct dh_net_window *w)
{
	return w->pads[0] || w->pads[1] || w->pads[2] || w->pads[3];
}

/* Averages count the zeros of a Pad; pads of a pool must be smaller than its window. */
static bool can_pool(const struct dh_net_node *pool, const uint32_t *pads)
{
	const struct dh_net_window *w = &pool->attr.pool.window;

	for (uint32_t i = 0; i < 4; i++) {
		if (pads[i] >= (w->kernel[i % 2] - 1) * w->dilations[i % 2] + 1)
			return false;
	}
	return !pool->attr.pool.ceil_mode && (pool->attr.pool.count_include_pad || !has_pads(w));
}

int dh_pass_pads(struct dh_pass *pass, struct dh_net_node *node)
{
	struct dh_net_node *pad = dh_pass_only_before(pass, node, 0);
	bool pool = node->op == DH_NET_AVERAGE_POOL;
	struct dh_net_window *w = pool ? &node->attr.pool.window : &node->attr.conv.window;
	uint32_t rank, pads[4];

	if (node->op == DH_NET_PAD) {
		rank = dh_pass_tensor(pass, node->inputs[0])->rank;
		return pads_nothing(node, rank) ? dh_pass_skip(pass, node) : 0;
	}
	if ((node->op != DH_NET_CONV && !pool) || !pad || pad->op != DH_NET_PAD)
		return 0;
	rank = dh_pass_tensor(pass, node->inputs[0])->rank;
	memcpy(pads, w->pads, sizeof(pads));
	if (!pads_windows(pad, rank) || !add_pads(pad, rank, pads) ||
	    (pool && !can_pool(node, pads)))
		return 0;
	memcpy(w->pads, pads, sizeof(pads));
	if (pool)
		node->attr.pool.count_include_pad = true;
	return dh_pass_join_before(pass, pad, node, pad->inputs[0]);
}
