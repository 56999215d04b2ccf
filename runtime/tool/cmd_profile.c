// SPDX-License-Identifier: MIT
/* deltahop profile: run a program, and show where time and memory bandwidth go. */
#include <stdlib.h>
#include <string.h>

#include "tool/net_table.h"
#include "tool/parts.h"
#include "tool/picture.h"
#include "tool/profile_table.h"
#include "tool/recurrent.h"
#include "tool/table.h"
#include "tool/tool.h"
#include "tool/trace.h"

enum {
	KEY_TRACE = 256,
	KEY_SVG,
	KEY_ALL,
};

struct arguments {
	struct run_arguments run;
	const char *trace;
	const char *svg;
	bool all;
};

/**
 * struct subject - what has run
 * @net: of a network of parts, else NULL; @cost is a part of it
 */
struct subject {
	const struct arguments *args;
	struct profile profile;
	const struct dh_device_info *info;
	const struct cost *cost;
	const struct net_cost *net;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->run;
		return 0;
	case 'j':
		args->run.json = true;
		return 0;
	case KEY_TRACE:
		args->trace = arg;
		return 0;
	case KEY_SVG:
		args->svg = arg;
		return 0;
	case KEY_ALL:
		args->all = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "trace", KEY_TRACE, "OUT.json", 0,
	  "write a trace that Perfetto and chrome://tracing open: engines and host over time, "
	  "counters of DRAM bandwidth and skipped work",
	  0 },
	{ "svg", KEY_SVG, "OUT.svg", 0, "draw a picture of time, DRAM bandwidth and work", 0 },
	{ "all", KEY_ALL, NULL, 0, "print every step, not folded", 0 },
	{ "json", 'j', NULL, 0,
	  "print JSON: {device, program, layers: [...], rows: [{layer, index, rows, cycles, "
	  "...}], totals}",
	  0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = (const struct argp_child[]){ { &run_argp, 0, NULL, 0 }, { 0 } },
	.args_doc = "PROGRAM.dhp",
	.doc = "Runs a program on input as `deltahop run` does, and shows what every layer cost, in "
	       "every step of a recurrent network and every pass of a convolution: cycles, bytes "
	       "of DRAM by purpose, work done and skipped, waiting.\v"
	       "devices",
	.help_filter = run_help,
};

/* --- what is shown -------------------------------------------------------------------------- */

static int save_trace(const struct subject *subject, struct dh_error *err)
{
	return trace_write(subject->args->trace, &subject->profile, subject->cost, subject->info,
			   basename(subject->args->run.program), err);
}

static int save_picture(const struct subject *subject, struct dh_error *err)
{
	struct chart chart;
	struct picture picture = {
		.chart = &chart,
		.profile = &subject->profile,
		.cost = subject->cost,
		.device = subject->info,
		.program = basename(subject->args->run.program),
		.recurrent = !subject->net,
	};
	int ret = chart_init(&chart, subject->cost, subject->net, subject->info, err);

	if (ret)
		return ret;
	ret = picture_save(&picture, subject->args->svg, err);
	chart_fini(&chart);
	return ret;
}

static int print_json(const struct subject *subject)
{
	json_t *json = subject->net ? net_table_json(subject->net, subject->info, true)
				    : table_json(subject->cost, subject->info, true);

	json_add(json, "program", json_string(basename(subject->args->run.program)));
	json_add(json, "device", json_device(subject->info));
	json_add(json, "runs", json_integer(subject->profile.runs));
	json_add(json, "rows", profile_table_json(&subject->profile));
	return tool_print_json(json, NULL);
}

static void print_text(const struct subject *subject)
{
	tool_print_device(subject->info);
	printf("program  %s: %llu %s\n\n", basename(subject->args->run.program),
	       (unsigned long long)subject->profile.runs, subject->net ? "runs" : "sequences");
	if (subject->net)
		net_table_print(subject->net, subject->info, true);
	else
		table_print(subject->cost, subject->info, true);
	profile_table_print(&subject->profile, subject->cost, subject->args->all);
}

/* An exit status. */
static int show(const struct subject *subject, struct dh_error *err)
{
	int ret = profile_check(&subject->profile, err);

	if (!ret && subject->args->trace)
		ret = save_trace(subject, err);
	if (!ret && subject->args->svg)
		ret = save_picture(subject, err);
	if (ret)
		return tool_fail(EXIT_FAILED, err);
	if (subject->args->run.json)
		return print_json(subject);
	print_text(subject);
	return EXIT_OK;
}

/* --- running -------------------------------------------------------------------------------- */

static int begin(struct subject *subject, struct cost *cost, struct dh_error *err)
{
	int ret = profile_init(&subject->profile, subject->info->clock_hz, cost->layer_count,
			       subject->args->trace, err);

	cost->profile = &subject->profile;
	return ret ? tool_fail(EXIT_FAILED, err) : EXIT_OK;
}

static int profile_recurrent(const struct arguments *args, struct dh_error *err)
{
	struct recurrent run;
	struct subject subject = { .args = args, .info = &run.info, .cost = &run.cost };
	int ret = recurrent_open(&run, &args->run, err);

	if (!ret)
		ret = begin(&subject, &run.cost, err);
	if (!ret)
		ret = recurrent_run(&run, NULL, err);
	if (!ret) {
		recurrent_warn_of_input(&run);
		ret = show(&subject, err);
	}
	profile_fini(&subject.profile);
	recurrent_close(&run);
	return ret;
}

static int profile_parts(const struct arguments *args, struct dh_error *err)
{
	struct parts run;
	struct subject subject = {
		.args = args, .info = &run.info, .cost = &run.cost.cost, .net = &run.cost
	};
	int ret = parts_open(&run, &args->run, err);

	if (!ret)
		ret = begin(&subject, &run.cost.cost, err);
	if (!ret)
		ret = parts_run(&run, NULL, err);
	if (!ret) {
		parts_warn_of_input(&run);
		ret = show(&subject, err);
	}
	profile_fini(&subject.profile);
	parts_close(&run);
	return ret;
}

int cmd_profile(int argc, char **argv)
{
	struct arguments args = { .run = { .profile_steps = true } };
	struct dh_error err;

	tool_parse(&argp, argc, argv, &args);
	if (dh_network_is_file(args.run.program))
		return profile_parts(&args, &err);
	return profile_recurrent(&args, &err);
}
