// SPDX-License-Identifier: MIT
/* deltahop bench: host time against modelled time, in loops that can be repeated. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/runner.h"
#include "tool/tool.h"

#define REPEAT_MAX 1000

enum {
	KEY_LENGTHS = 256,
	KEY_STEPS,
	KEY_SEQUENCES,
};

struct arguments {
	const char *program;
	const char *input;
	const char *lengths;
	const char *device;
	uint32_t steps;
	uint32_t sequences;
	uint32_t repeat;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'i':
		args->input = arg;
		return 0;
	case 'd':
		args->device = arg;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case 'r':
		args->repeat = tool_number(state, "--repeat", arg, 1, REPEAT_MAX);
		return 0;
	case KEY_LENGTHS:
		args->lengths = arg;
		return 0;
	case KEY_STEPS:
		args->steps = tool_number(state, "--steps", arg, 1, DELTAHOP_RNN_MAX_STEPS);
		return 0;
	case KEY_SEQUENCES:
		args->sequences = tool_number(state, "--sequences", arg, 1, 100000);
		return 0;
	case ARGP_KEY_ARG:
		if (args->program)
			argp_error(state, "\"%s\": only one program can be measured at a time",
				   arg);
		args->program = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->program)
			argp_error(state,
				   "which program? Make a .dhp file with `deltahop compile` first");
		if (args->lengths && !args->input)
			argp_error(state, "--lengths tells how --input is divided: give both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "input", 'i', "X.npy", 0,
	  "input as for `deltahop run`; without it, slowly changing values, the same in every run",
	  0 },
	{ "lengths", KEY_LENGTHS, "L.npy", 0, "the input is sequences end to end, of these lengths",
	  0 },
	{ "steps", KEY_STEPS, "N", 0, "without --input: steps of a sequence (default 100)", 0 },
	{ "sequences", KEY_SEQUENCES, "N", 0, "without --input: sequences (default 20)", 0 },
	{ "repeat", 'r', "N", 0, "repeat N times (default 5); the fastest and the median count",
	  0 },
	{ "device", 'd', "DEVICE", 0, "measure here (see `deltahop run --help`)", 0 },
	{ "json", 'j', NULL, 0,
	  "print JSON: {device, loops: [{name, jobs, steps, cycles, modelled_s, host_best_s, "
	  "host_median_s}]}",
	  0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PROGRAM.dhp",
	.doc = "Measures a program in two loops: whole sequences as one job each, many in flight; "
	       "and single steps, each waited for, as in live use.\vModelled time is the device's "
	       "own and does not depend on the host. On the embedded device, host time is what the "
	       "simulation takes.",
};

/**
 * struct loop - a measurement
 * @cost: of one repetition; the others must have cost the same
 * @best: host seconds; @median likewise
 */
struct loop {
	const char *name;
	struct cost cost;
	double best;
	double median;
	bool steady;
};

struct bench {
	struct arguments args;
	struct dh_device *device;
	struct dh_device_info info;
	struct dh_program *program;
	struct sequences seqs;
	struct runner runner;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int run_sequences(struct bench *bench, struct cost *cost, struct dh_error *err)
{
	return runner_run(&bench->runner, &bench->seqs, false, NULL, cost, err);
}

/* The first sequence, step by step; a network of fixed length has no single steps. */
static int run_steps(struct bench *bench, struct cost *cost, struct dh_error *err)
{
	struct dh_job *job = bench->runner.jobs[0];
	uint32_t s, elements = bench->seqs.elements;
	double start;
	int ret = 0;

	sequences_get(&bench->seqs, 0, bench->runner.values);
	start = tool_seconds();
	for (s = 0; !ret && s < bench->seqs.steps[0]; s++) {
		ret = dh_job_quantise(job, bench->runner.values + (size_t)s * elements, 1, NULL,
				      err);
		if (!ret)
			ret = dh_run(job, bench->runner.streams[0], 1, s ? 0 : DH_JOB_RESET, err);
		if (!ret)
			cost_add(cost, job, 1);
	}
	cost->host_seconds += tool_seconds() - start;
	return ret;
}

static int measure(struct bench *bench, struct loop *loop, const char *name,
		   int (*run)(struct bench *bench, struct cost *cost, struct dh_error *err),
		   struct dh_error *err)
{
	double seconds[REPEAT_MAX];
	uint64_t cycles = 0;
	uint32_t i;
	int ret;

	loop->name = name;
	loop->steady = true;
	for (i = 0; i < bench->args.repeat; i++) {
		cost_fini(&loop->cost);
		ret = cost_init(&loop->cost, bench->program, err);
		if (!ret)
			ret = run(bench, &loop->cost, err);
		if (ret)
			return ret;
		seconds[i] = loop->cost.host_seconds;
		if (i && loop->cost.sum.cycles != cycles)
			loop->steady = false;
		cycles = loop->cost.sum.cycles;
	}
	qsort(seconds, bench->args.repeat, sizeof(*seconds), by_value);
	loop->best = seconds[0];
	loop->median = seconds[bench->args.repeat / 2];
	return 0;
}

/* --- output ------------------------------------------------------------------------ */

static void print_loop(const struct bench *bench, const struct loop *loop)
{
	const struct cost *cost = &loop->cost;
	double modelled = (double)cost->sum.cycles / bench->info.clock_hz;

	printf("\n%s: %" PRIu64 " jobs, %" PRIu64 " steps\n", loop->name, cost->jobs, cost->steps);
	printf("  modelled     %12.3f us a job  %12.3f us a step  %" PRIu64 " cycles%s\n",
	       modelled * 1e6 / cost->jobs, modelled * 1e6 / cost->steps, cost->sum.cycles,
	       loop->steady ? "" : " (differs between repetitions)");
	printf("  host, best   %12.3f us a job  %12.3f us a step  %.2f million cycles a second\n",
	       loop->best * 1e6 / cost->jobs, loop->best * 1e6 / cost->steps,
	       cost->sum.cycles / loop->best * 1e-6);
	printf("  host, median %12.3f us a job  %12.3f us a step\n",
	       loop->median * 1e6 / cost->jobs, loop->median * 1e6 / cost->steps);
	printf("  host / modelled time %.3f; work skipped %.1f %%\n", loop->best / modelled,
	       100.0 * cost->sum.work_skipped / (cost->sum.work_done + cost->sum.work_skipped));
}

static json_t *loop_json(const struct bench *bench, const struct loop *loop)
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
	json_add(json, "modelled_s", json_real((double)cost->sum.cycles / bench->info.clock_hz));
	json_add(json, "host_best_s", json_real(loop->best));
	json_add(json, "host_median_s", json_real(loop->median));
	return json;
}

static int print_all(const struct bench *bench, const struct loop *loops, int count)
{
	json_t *json, *array;
	int i;

	if (!bench->args.json) {
		printf("device   %s (%s), profile %s at %g MHz\nnetwork  %s, %u repetitions\n",
		       bench->info.name, bench->info.driver, bench->info.profile,
		       bench->info.clock_hz / 1e6, bench->program->name, bench->args.repeat);
		for (i = 0; i < count; i++)
			print_loop(bench, &loops[i]);
		return EXIT_OK;
	}
	json = json_object();
	array = json_array();
	for (i = 0; i < count; i++)
		json_array_append_new(array, loop_json(bench, &loops[i]));
	json_add(json, "device", json_device(&bench->info));
	json_add(json, "program", json_string(bench->program->name));
	json_add(json, "repeat", json_integer(bench->args.repeat));
	json_add(json, "loops", array);
	return tool_print_json(json, NULL);
}

/* An exit status. */
static int open_all(struct bench *bench, struct dh_error *err)
{
	const struct arguments *args = &bench->args;
	uint32_t steps;
	int ret = dh_program_load(args->program, &bench->program, err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	steps = bench->program->fixed_steps ? bench->program->fixed_steps : args->steps;
	if (args->input)
		ret = sequences_load(&bench->seqs, bench->program, args->input, args->lengths, err);
	else
		ret = sequences_random(&bench->seqs, bench->program, args->sequences, steps, err);
	if (ret)
		return tool_fail(EXIT_FAILED, err);
	ret = dh_device_open(args->device, &bench->device, err);
	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, err);
	ret = dh_device_get_info(bench->device, &bench->info, err);
	if (!ret)
		ret = runner_init(&bench->runner, bench->device, bench->program, 1,
				  bench->seqs.max_steps, err);
	return ret ? tool_fail(tool_status(ret), err) : EXIT_OK;
}

static int run_all(struct bench *bench, struct dh_error *err)
{
	struct loop loops[2] = { 0 };
	int count = bench->program->fixed_steps > 1 ? 1 : 2;
	int ret = measure(bench, &loops[0], "whole sequences", run_sequences, err);

	if (!ret && count == 2)
		ret = measure(bench, &loops[1], "single steps", run_steps, err);
	if (ret)
		ret = tool_fail(tool_status(ret), err);
	else
		ret = print_all(bench, loops, count);
	cost_fini(&loops[0].cost);
	cost_fini(&loops[1].cost);
	return ret;
}

int cmd_bench(int argc, char **argv)
{
	struct bench bench = {
		.args = { .steps = 100, .sequences = 20, .repeat = 5 },
		.info = { .size = sizeof(bench.info) },
	};
	struct dh_error err;
	int ret;

	tool_parse(&argp, argc, argv, &bench.args);
	ret = open_all(&bench, &err);
	if (!ret)
		ret = run_all(&bench, &err);
	runner_fini(&bench.runner);
	dh_device_close(bench.device);
	sequences_free(&bench.seqs);
	dh_program_free(bench.program);
	return ret;
}
