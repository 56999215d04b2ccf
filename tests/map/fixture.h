/* SPDX-License-Identifier: MIT */
/*
 * A net mapped for a profile, with its plan, its network and its calibration data.
 */
#ifndef DELTAHOP_TEST_FIXTURE_H
#define DELTAHOP_TEST_FIXTURE_H

#include "maker.h"
#include "map/plan.h"
#include "network/network.h"

#define FIXTURE_SAMPLES 3

/**
 * struct fixture - what a test works with
 * @data: of every input, [FIXTURE_SAMPLES][...]
 */
struct fixture {
	struct dh_map_options options;
	struct dh_map_data data[8];
	struct dh_array arrays[8];
	struct dh_plan plan;
	struct dh_network *network;
	struct dh_explain *explain;
	struct dh_error err;
};

/** fixture_options() - those of a profile, without calibration data */
void fixture_options(struct fixture *fixture, const char *profile);

/** fixture_calibrate() - random calibration data for every input of @net, as images are: not below 0 */
void fixture_calibrate(struct fixture *fixture, const struct dh_net *net, uint32_t seed);

/** fixture_map() - map a net, which must succeed */
void fixture_map(struct fixture *fixture, struct dh_net *net);

/** fixture_input() - give a run sample @index */
void fixture_input(const struct fixture *fixture, uint32_t index, struct dh_net_run *run);

/**
 * fixture_compare() - the network on the device gives for every sample exactly what the plan's
 * integers give, and differs from float as was predicted
 */
void fixture_compare(struct fixture *fixture);

/** fixture_free() - free all of it */
void fixture_free(struct fixture *fixture);

/** fixture_layer() - the layer that gives a tensor, or NULL: none does */
const struct dh_plan_layer *fixture_layer(const struct fixture *fixture, int32_t out_tensor);

#endif /* DELTAHOP_TEST_FIXTURE_H */
