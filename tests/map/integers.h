/* SPDX-License-Identifier: MIT */
/*
 * A layer in the numbers that the mapper chose, computed plainly: what any way to cut it must give.
 */
#ifndef DELTAHOP_TEST_INTEGERS_H
#define DELTAHOP_TEST_INTEGERS_H

#include "map/plan.h"
#include "network/network.h"

/**
 * integers_layer() - compute the output of a layer from its inputs
 * @run: holds the inputs as real values; gets the output
 */
void integers_layer(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		    struct dh_net_run *run);

/**
 * integers_network() - the whole plan: layers in integers, the host's nodes in float
 * @network: has the programs of the recurrent engine, which run in the arithmetic of their compiler;
 *	that this is the device's is for tests/runtime/compile_test.c to show
 */
void integers_network(const struct dh_plan *plan, const struct dh_network *network,
		      struct dh_net_run *run);

#endif /* DELTAHOP_TEST_INTEGERS_H */
