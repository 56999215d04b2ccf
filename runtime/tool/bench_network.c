// SPDX-License-Identifier: MIT
/* deltahop bench, of a network of several parts: a run is a step, the parts are its jobs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool/bench.h"
#include "tool/net_runner.h"
#include "tool/tool.h"

struct bench {
	struct dh_device *device;
	struct dh_device_info info;
	struct dh_network *network;
	struct dh_session *session;
	struct samples samples;
};

static int run_all(void *context, struct cost *cost, struct dh_error *err)
{
	struct bench *bench = context;
	struct net_cost net;
	int ret = net_cost_init(&net, bench->network, err);

	if (!ret)
		ret = net_runner_run(bench->session, &bench->samples, NULL, &net, err);
	*cost = net.cost;
	memset(&net.cost, 0, sizeof(net.cost));
	net_cost_fini(&net);
	return ret;
}

static int open_all(struct bench *bench, const struct bench_arguments *args, struct dh_error *err)
{
	int ret = dh_network_load(args->program, &bench->network, err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	ret = args->inputs.count
		      ? samples_load(&bench->samples, bench->network, &args->inputs, &args->media,
				     err)
		      : samples_random(&bench->samples, bench->network, args->sequences, err);
	if (ret)
		return tool_fail(EXIT_FAILED, err);
	ret = dh_device_open(args->device, &bench->device, err);
	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, err);
	ret = dh_device_get_info(bench->device, &bench->info, err);
	if (!ret)
		ret = dh_session_create(bench->device, bench->network, NULL, &bench->session, err);
	return ret ? tool_fail(tool_status(ret), err) : EXIT_OK;
}

static int measure(struct bench *bench, const struct bench_arguments *args, struct dh_error *err)
{
	struct loop loop = { 0 };
	int ret = loop_measure(&loop, "runs", args->repeat, run_all, bench, err);

	if (ret)
		ret = tool_fail(tool_status(ret), err);
	else
		ret = loops_print(args, &bench->info, basename(args->program), &loop, 1);
	cost_fini(&loop.cost);
	return ret;
}

int bench_network(const struct bench_arguments *args)
{
	struct bench bench = { .info = { .size = sizeof(bench.info) } };
	struct dh_error err;
	int ret;

	if (args->lengths) {
		dh_error_set(&err,
			     "%s: --lengths is for networks that are recurrent as a whole: leave "
			     "it out",
			     args->program);
		return tool_fail(EXIT_USAGE, &err);
	}
	ret = open_all(&bench, args, &err);
	if (!ret)
		ret = measure(&bench, args, &err);
	dh_session_destroy(bench.session);
	dh_device_close(bench.device);
	if (bench.samples.network)
		samples_free(&bench.samples);
	dh_network_free(bench.network);
	return ret;
}
