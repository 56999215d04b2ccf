// SPDX-License-Identifier: MIT
/* deltahop bench: host time against modelled time, in loops that can be repeated. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/bench.h"
#include "tool/run.h"
#include "tool/tool.h"

#define REPEAT_MAX 1000

enum {
	KEY_LENGTHS = 256,
	KEY_STEPS,
	KEY_SEQUENCES,
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench_arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->media;
		return 0;
	case 'i':
		run_add_file(state, &args->inputs, "--input", arg);
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
		if (args->lengths && !args->inputs.count)
			argp_error(state, "--lengths tells how --input is divided: give both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "input", 'i', "[NAME=]X.npy", 0,
	  "input as for `deltahop run`; without it, slowly changing values, the same in every run",
	  0 },
	{ "lengths", KEY_LENGTHS, "L.npy", 0, "the input is sequences end to end, of these lengths",
	  0 },
	{ "steps", KEY_STEPS, "N", 0, "without --input: steps of a sequence (default 100)", 0 },
	{ "sequences", KEY_SEQUENCES, "N", 0,
	  "without --input: sequences, or runs of a network of parts (default 20)", 0 },
	{ "repeat", 'r', "N", 0, "repeat N times (default 5); the fastest and the median count",
	  0 },
	{ "device", 'd', "DEVICE", 0, "measure here (see `deltahop run --help`)", 0 },
	{ "json", 'j', NULL, 0,
	  "print JSON: {device, loops: [{name, jobs, steps, cycles, modelled_s, host_best_s, "
	  "host_median_s}]}",
	  0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &media_options_argp, 0, "Images and sound as input:", 2 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "PROGRAM.dhp",
	.doc = "Measures a recurrent network in two loops: whole sequences as one job each, many in "
	       "flight; and single steps, each waited for, as in live use. A network of parts is "
	       "measured in runs, one after the other.\vModelled time is the device's "
	       "own and does not depend on the host. On the embedded device, host time is what the "
	       "simulation takes.",
};

/* A program to be measured. */
struct bench {
	struct bench_arguments args;
	struct dh_device *device;
	struct dh_device_info info;
	struct dh_program *program;
	struct sequences seqs;
	struct runner runner;
};

static int run_sequences(void *context, struct cost *cost, struct dh_error *err)
{
	struct bench *bench = context;
	int ret = cost_init(cost, bench->program->layer_count, err);

	return ret ? ret : runner_run(&bench->runner, &bench->seqs, false, NULL, cost, err);
}

/* The first sequence, step by step; a network of fixed length has no single steps. */
static int run_steps(void *context, struct cost *cost, struct dh_error *err)
{
	struct bench *bench = context;
	struct dh_job *job = bench->runner.jobs[0];
	uint32_t s, elements = bench->seqs.elements;
	int ret = cost_init(cost, bench->program->layer_count, err);
	double start;

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

/* An exit status. */
static int open_all(struct bench *bench, struct dh_error *err)
{
	const struct bench_arguments *args = &bench->args;
	uint32_t steps;
	int ret = dh_program_load(args->program, &bench->program, err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	steps = bench->program->fixed_steps ? bench->program->fixed_steps : args->steps;
	if (args->inputs.count)
		ret = sequences_load(&bench->seqs, bench->program, args->inputs.text[0],
				     args->lengths, &args->media, err);
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
				  bench->seqs.max_steps, false, err);
	return ret ? tool_fail(tool_status(ret), err) : EXIT_OK;
}

static int run_all(struct bench *bench, struct dh_error *err)
{
	struct loop loops[2] = { 0 };
	int count = bench->program->fixed_steps > 1 ? 1 : 2;
	int ret = loop_measure(&loops[0], "whole sequences", bench->args.repeat, run_sequences,
			       bench, err);

	if (!ret && count == 2)
		ret = loop_measure(&loops[1], "single steps", bench->args.repeat, run_steps, bench,
				   err);
	if (ret)
		ret = tool_fail(tool_status(ret), err);
	else
		ret = loops_print(&bench->args, &bench->info, bench->program->name, loops, count);
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
	if (dh_network_is_file(bench.args.program))
		return bench_network(&bench.args);
	ret = open_all(&bench, &err);
	if (!ret)
		ret = run_all(&bench, &err);
	runner_fini(&bench.runner);
	dh_device_close(bench.device);
	sequences_free(&bench.seqs);
	dh_program_free(bench.program);
	return ret;
}
