// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/bench.h"
#include "tool/tool.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int loop_measure(struct loop *loop, const char *name, uint32_t repeat, loop_run *run, void *context,
		 struct dh_error *err)
{
	double seconds[REPEAT_MAX];
	uint64_t cycles = 0;
	uint32_t i;
	int ret;

	loop->name = name;
	loop->steady = true;
	for (i = 0; i < repeat; i++) {
		cost_fini(&loop->cost);
		ret = run(context, &loop->cost, err);
		if (ret)
			return ret;
		seconds[i] = loop->cost.host_seconds;
		if (i && loop->cost.sum.cycles != cycles)
			loop->steady = false;
		cycles = loop->cost.sum.cycles;
	}
	qsort(seconds, repeat, sizeof(*seconds), by_value);
	loop->best = seconds[0];
	loop->median = seconds[repeat / 2];
	return 0;
}

static double skipped(const struct dh_report *sum)
{
	uint64_t work = sum->work_done + sum->work_skipped;

	return work ? 100.0 * sum->work_skipped / work : 0;
}

static void print_loop(const struct dh_device_info *info, const struct loop *loop)
{
	const struct cost *cost = &loop->cost;
	double modelled = (double)cost->sum.cycles / info->clock_hz;
	uint64_t jobs = cost->jobs ? cost->jobs : 1;

	printf("\n%s: %" PRIu64 " jobs, %" PRIu64 " steps\n", loop->name, cost->jobs, cost->steps);
	printf("  modelled     %12.3f us a job  %12.3f us a step  %" PRIu64 " cycles%s\n",
	       modelled * 1e6 / jobs, modelled * 1e6 / cost->steps, cost->sum.cycles,
	       loop->steady ? "" : " (differs between repetitions)");
	printf("  host, best   %12.3f us a job  %12.3f us a step  %.2f million cycles a second\n",
	       loop->best * 1e6 / jobs, loop->best * 1e6 / cost->steps,
	       cost->sum.cycles / loop->best * 1e-6);
	printf("  host, median %12.3f us a job  %12.3f us a step\n", loop->median * 1e6 / jobs,
	       loop->median * 1e6 / cost->steps);
	printf("  host / modelled time %.3f; work skipped %.1f %%\n",
	       modelled > 0 ? loop->best / modelled : 0, skipped(&cost->sum));
}

static json_t *loop_json(const struct dh_device_info *info, const struct loop *loop)
{
	const struct cost *cost = &loop->cost;
	json_t *json = json_object();

	json_add(json, "name", json_string(loop->name));
	json_add(json, "jobs", json_integer(cost->jobs));
	json_add(json, "steps", json_integer(cost->steps));
	json_add(json, "cycles", json_integer(cost->sum.cycles));
	json_add(json, "steady", json_boolean(loop->steady));
	json_add(json, "work_done", json_integer(cost->sum.work_done));
	json_add(json, "work_skipped", json_integer(cost->sum.work_skipped));
	json_add(json, "modelled_s", json_real((double)cost->sum.cycles / info->clock_hz));
	json_add(json, "host_best_s", json_real(loop->best));
	json_add(json, "host_median_s", json_real(loop->median));
	return json;
}

int loops_print(const struct bench_arguments *args, const struct dh_device_info *info,
		const char *program, const struct loop *loops, int count)
{
	json_t *json, *array;
	int i;

	if (!args->json) {
		tool_print_device(info);
		printf("network  %s, %u repetitions\n", program, args->repeat);
		for (i = 0; i < count; i++)
			print_loop(info, &loops[i]);
		return EXIT_OK;
	}
	json = json_object();
	array = json_array();
	for (i = 0; i < count; i++)
		json_append(array, loop_json(info, &loops[i]));
	json_add(json, "device", json_device(info));
	json_add(json, "program", json_string(program));
	json_add(json, "repeat", json_integer(args->repeat));
	json_add(json, "loops", array);
	return tool_print_json(json, NULL);
}
