/* SPDX-License-Identifier: MIT */
/*
 * Runs a network of parts and adds up what it cost.
 */
#ifndef DELTAHOP_NET_RUNNER_H
#define DELTAHOP_NET_RUNNER_H

#include "tool/runner.h"
#include "tool/samples.h"

/**
 * struct net_cost - of all runs together
 * @cost: of the device, with the layers of all parts
 * @steps: reports of the last run, with host's seconds and clipped values added up
 * @overlap_ns: device time in which both engines had jobs
 */
struct net_cost {
	struct cost cost;
	struct dh_step_report *steps;
	uint32_t step_count;
	uint64_t runs;
	uint64_t overlap_ns;
};

/** net_cost_init() - nothing yet; 0 or -ENOMEM */
int net_cost_init(struct net_cost *cost, const struct dh_network *network, struct dh_error *err);

/** net_cost_fini() - free it */
void net_cost_fini(struct net_cost *cost);

/** net_cost_host_seconds() - that the host took for its nodes and for the form of values, as measured */
double net_cost_host_seconds(const struct net_cost *cost);

/** net_runner_once() - run what is in the session's inputs; @cost: added to */
int net_runner_once(struct dh_session *session, struct net_cost *cost, struct dh_error *err);

/**
 * net_runner_run() - run all samples
 * @results: filled; may be NULL
 * @cost: added to
 */
int net_runner_run(struct dh_session *session, const struct samples *samples,
		   struct results *results, struct net_cost *cost, struct dh_error *err);

#endif /* DELTAHOP_NET_RUNNER_H */
