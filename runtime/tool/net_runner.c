// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool/net_runner.h"
#include "tool/tool.h"

int net_cost_init(struct net_cost *cost, const struct dh_network *network, struct dh_error *err)
{
	int ret;

	memset(cost, 0, sizeof(*cost));
	cost->step_count = dh_network_steps(network);
	ret = cost_init(&cost->cost, dh_network_layers(network), err);
	if (ret)
		return ret;
	cost->steps = calloc(cost->step_count + 1, sizeof(*cost->steps));
	if (cost->steps)
		return 0;
	dh_error_set(err, "out of memory");
	return -ENOMEM;
}

void net_cost_fini(struct net_cost *cost)
{
	cost_fini(&cost->cost);
	free(cost->steps);
	memset(cost, 0, sizeof(*cost));
}

static void add_step(struct dh_step_report *sum, const struct dh_step_report *one)
{
	double seconds = sum->host_seconds;
	uint64_t clipped = sum->clipped;

	*sum = *one;
	sum->host_seconds += seconds;
	sum->clipped += clipped;
}

/* @end_ns: until when parts before it ran. */
static void add_part(struct net_cost *cost, const struct dh_session *session, uint32_t step,
		     uint64_t *end_ns)
{
	struct dh_report report = { .size = sizeof(report) };
	uint64_t until;

	if (dh_session_report(session, step, &report))
		return;
	cost_add_report(&cost->cost, &report);
	until = report.end_ns < *end_ns ? report.end_ns : *end_ns;
	if (until > report.start_ns)
		cost->overlap_ns += until - report.start_ns;
	if (report.end_ns > *end_ns)
		*end_ns = report.end_ns;
}

static void add_run(struct net_cost *cost, const struct dh_session *session)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_step_report step = { .size = sizeof(step) };
	uint64_t end_ns = 0;

	for (uint32_t i = 0; i < cost->step_count; i++) {
		if (!dh_session_step(session, i, &step))
			add_step(&cost->steps[i], &step);
		cost->cost.clipped += step.clipped;
		add_part(cost, session, i, &end_ns);
	}
	for (uint32_t i = 0; i < cost->cost.layer_count; i++) {
		if (!dh_session_layer(session, i, &layer))
			cost_add_layer(&cost->cost, i, &layer);
	}
	if (cost->cost.profile)
		profile_add_run(cost->cost.profile, session, cost->step_count);
	cost->runs++;
	cost->cost.steps++;
}

double net_cost_host_seconds(const struct net_cost *cost)
{
	double seconds = 0;

	for (uint32_t i = 0; i < cost->step_count; i++)
		seconds += cost->steps[i].host_seconds;
	return seconds;
}

int net_runner_once(struct dh_session *session, struct net_cost *cost, struct dh_error *err)
{
	int ret = dh_session_run(session, err);

	if (!ret)
		add_run(cost, session);
	return ret;
}

int net_runner_run(struct dh_session *session, const struct samples *samples,
		   struct results *results, struct net_cost *cost, struct dh_error *err)
{
	double start = tool_seconds();
	int ret = 0;

	for (size_t i = 0; !ret && i < samples->count; i++) {
		samples_get(samples, i, session);
		ret = net_runner_once(session, cost, err);
		if (!ret && results)
			results_keep(results, i, session);
	}
	cost->cost.host_seconds += tool_seconds() - start;
	return ret;
}
