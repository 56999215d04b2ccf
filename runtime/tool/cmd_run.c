// SPDX-License-Identifier: MIT
/* deltahop run: run a program on input from files. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/dram.h"
#include "tool/recurrent.h"
#include "tool/table.h"
#include "tool/tool.h"

enum {
	KEY_LABELS = 256,
	KEY_PROFILE,
	KEY_TABLE,
	KEY_NO_DENSE,
	KEY_ANSWERS,
	KEY_EVENTS,
	KEY_CLASSES,
	KEY_REALTIME,
};

/* All that a run needs and makes. */
struct run {
	struct run_arguments args;
	struct recurrent rec;
	struct dh_array labels;
	struct answers answers;
	uint64_t right;
	uint64_t judged;
};

/* What is only for recordings. */
static void check_recording(const struct run_arguments *args, struct argp_state *state)
{
	const char *what = args->events.given ? args->events.given
			   : args->classes    ? "classes"
			   : args->realtime   ? "realtime"
					      : NULL;

	if (what && !args->recording)
		argp_error(state, "--%s is for a recording: give --events FILE", what);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = args;
		state->child_inputs[1] = &args->events;
		return 0;
	case 'o':
		run_add_file(state, &args->outputs, "--output", arg);
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case KEY_LABELS:
		args->labels = arg;
		return 0;
	case KEY_PROFILE:
		args->profile = arg;
		return 0;
	case KEY_TABLE:
		args->table = true;
		return 0;
	case KEY_NO_DENSE:
		args->dense = false;
		return 0;
	case KEY_ANSWERS:
		args->answers = tool_number(state, "--answers", arg, 0, 1000000000);
		return 0;
	case KEY_EVENTS:
		args->recording = arg;
		return 0;
	case KEY_CLASSES:
		args->classes = arg;
		return 0;
	case KEY_REALTIME:
		args->realtime = true;
		return 0;
	case ARGP_KEY_END:
		check_recording(args, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "labels", KEY_LABELS, "Y.npy", 0,
	  "right classes, one per sequence or run (or per step): prints the accuracy", 0 },
	{ "output", 'o', "[NAME=]OUT.npy", 0,
	  "write the output: float32 (int64 for an ArgMax); with several outputs, with its name",
	  0 },
	{ "answers", KEY_ANSWERS, "N", 0, "print at most N answers (default 10)", 0 },
	{ "table", KEY_TABLE, NULL, 0, "print what every layer cost", 0 },
	{ "no-dense", KEY_NO_DENSE, NULL, 0, "do not compare with the dense run", 0 },
	{ "profile", KEY_PROFILE, "OUT.json", 0, "write what every layer cost", 0 },
	{ "json", 'j', NULL, 0,
	  "print JSON: {device, program, sequences, accuracy, answers: [[...]...], layers: [...], "
	  "totals}; with --events an object a line",
	  0 },
	{ "events", KEY_EVENTS, "FILE", 0,
	  "instead of --input: classify a recording of an event camera as it plays, frame by frame; "
	  "\"-\" is standard input",
	  1 },
	{ "classes", KEY_CLASSES, "FILE", 0, "names of the classes, a line each, from class 0 on",
	  1 },
	{ "realtime", KEY_REALTIME, NULL, 0,
	  "play at the recording's own speed, instead of as fast as it goes", 1 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &run_argp, 0, NULL, 0 },
	{ &event_options_argp, 0, "The recording, and frames of it, with --events:", 2 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "PROGRAM.dhp",
	.doc = "Runs a program on the input of .npy files, prints the answers and what they "
	       "cost.\n\n"
	       "Of a network of parts, such as one with convolutions, an input has the network's "
	       "shape, or an axis for "
	       "runs in front of it. Of a recurrent network it is [steps][elements]; or [steps][batch][elements] or "
	       "[batch][steps][elements], whichever order "
	       "the network has; or, with --lengths, [frames][elements]. Every sequence starts "
	       "from the initial "
	       "state, unless --stream is given.\v"
	       "devices",
	.children = children,
	.help_filter = run_help,
};

/* --- answers ---------------------------------------------------------------------- */

static uint32_t best(const float *values, uint32_t count)
{
	uint32_t i, at = 0;

	for (i = 1; i < count; i++)
		if (values[i] > values[at])
			at = i;
	return at;
}

/* The class that a vector of values stands for. */
static int64_t class_of(const struct answers *answers, size_t vector)
{
	const float *values = answers->values + vector * answers->elements;

	return answers->index ? (int64_t)values[0] : best(values, answers->elements);
}

/* The vector that answers for a sequence: its last one. */
static size_t last_vector(const struct answers *answers, const struct sequences *seqs, size_t index)
{
	return answers->first[index] + (answers->per_step ? seqs->steps[index] - 1 : 0);
}

static int judge(struct run *run, struct dh_error *err)
{
	bool per_step = run->answers.per_step && run->labels.shape[0] == run->answers.vectors;
	size_t i, count = run->labels.shape[0];

	if (!per_step && count != run->rec.seqs.count) {
		dh_error_set(err, "%s: %zu labels for %zu sequences: give one label per sequence",
			     run->args.labels, count, run->rec.seqs.count);
		return -EINVAL;
	}
	for (i = 0; i < count; i++) {
		size_t vector = per_step ? i : last_vector(&run->answers, &run->rec.seqs, i);

		run->right += class_of(&run->answers, vector) == labels_get(&run->labels, i);
	}
	run->judged = count;
	return 0;
}

/* Are the answers classes? Then class and score are shown, else values. */
static bool classifies(const struct run *run)
{
	enum dh_host_op op = run->rec.program->host_op;

	return run->labels.data || op == DH_HOST_ARGMAX || op == DH_HOST_SOFTMAX ||
	       op == DH_HOST_LOG_SOFTMAX;
}

static void print_class(const struct run *run, size_t i)
{
	size_t vector = last_vector(&run->answers, &run->rec.seqs, i);
	int64_t class = class_of(&run->answers, vector);

	printf("%8zu %7u %7lld", i, run->rec.seqs.steps[i], (long long)class);
	if (!run->answers.index)
		printf(" %9.4f", run->answers.values[vector * run->answers.elements + class]);
	if (run->labels.data && run->labels.shape[0] == run->rec.seqs.count) {
		int64_t label = labels_get(&run->labels, i);

		printf(" %7lld%s", (long long)label, class == label ? "" : "  wrong");
	}
	putchar('\n');
}

static void print_values(const struct run *run, size_t i)
{
	const float *values = run->answers.values +
			      last_vector(&run->answers, &run->rec.seqs, i) * run->answers.elements;
	uint32_t e;

	printf("%8zu %7u ", i, run->rec.seqs.steps[i]);
	for (e = 0; e < run->answers.elements && e < 8; e++)
		printf(" %9.4f", values[e]);
	printf("%s\n", e < run->answers.elements ? " ..." : "");
}

static void print_answers(const struct run *run)
{
	bool classes = classifies(run);
	size_t i, shown = run->args.answers < run->rec.seqs.count ? run->args.answers
								  : run->rec.seqs.count;

	if (!shown)
		return;
	if (classes)
		printf("sequence   steps   class%s%s\n", run->answers.index ? "" : "     score",
		       run->labels.data ? "   label" : "");
	else
		printf("sequence   steps  %s\n",
		       run->answers.per_step ? "last step's values" : "values");
	for (i = 0; i < shown; i++) {
		if (classes)
			print_class(run, i);
		else
			print_values(run, i);
	}
	if (shown < run->rec.seqs.count)
		printf("... and %zu more (--answers N)\n", run->rec.seqs.count - shown);
}

/* The sequences that were not told right, as far as they fit. */
static void print_wrong(const struct run *run)
{
	size_t i, shown = 0;

	if (run->labels.shape[0] != run->rec.seqs.count || run->right == run->judged)
		return;
	printf("wrong   ");
	for (i = 0; i < run->rec.seqs.count && shown < RUN_WRONG_SHOWN; i++) {
		int64_t class =
			class_of(&run->answers, last_vector(&run->answers, &run->rec.seqs, i));
		int64_t label = labels_get(&run->labels, i);

		if (class == label)
			continue;
		printf(" %s%zu (%lld, not %lld)", shown ? "" : "sequence ", i, (long long)class,
		       (long long)label);
		shown++;
	}
	printf("%s\n", run->judged - run->right > shown ? " ..." : "");
}

static void print_accuracy(const struct run *run)
{
	printf("accuracy %" PRIu64 " of %" PRIu64 " right: %.2f %%\n", run->right, run->judged,
	       100.0 * run->right / run->judged);
	print_wrong(run);
}

/* A number by which two runs can be told to have given the same bits (FNV-1a). */
static uint64_t fingerprint(const struct answers *answers)
{
	const uint8_t *bytes = (const uint8_t *)answers->values;
	size_t i, count = answers->vectors * answers->elements * sizeof(*answers->values);
	uint64_t hash = 0xcbf29ce484222325;

	for (i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

/* --- report ------------------------------------------------------------------------ */

static void print_summary(const struct run *run)
{
	const struct cost *cost = &run->rec.cost;

	tool_print_device(&run->rec.info);
	printf("program  %s: %zu sequences, %" PRIu64 " steps, %s\n", basename(run->args.program),
	       run->rec.seqs.count, cost->steps,
	       run->args.keep_state ? "state carried on" : "each from the initial state");
	media_print_sound(&run->rec.seqs.sound);
	putchar('\n');
	print_answers(run);
	putchar('\n');
	if (run->judged)
		print_accuracy(run);
	printf("outputs  %zu x %u values, fingerprint %016" PRIx64 "\n", run->answers.vectors,
	       run->answers.elements, fingerprint(&run->answers));
	printf("time     %.3f ms on the device as modelled\n",
	       cost->sum.cycles * 1e3 / run->rec.info.clock_hz);
	dram_print(run->rec.device, &run->rec.info, &cost->sum);
	if (run->args.table) {
		putchar('\n');
		table_print(cost, &run->rec.info, run->args.dense);
	}
}

static json_t *answers_json(const struct run *run)
{
	const struct answers *answers = &run->answers;
	json_t *all = json_array();
	size_t v;
	uint32_t e;

	for (v = 0; v < answers->vectors; v++) {
		json_t *one = json_array();

		for (e = 0; e < answers->elements; e++)
			json_append(one, json_real(answers->values[v * answers->elements + e]));
		json_append(all, one);
	}
	return all;
}

static json_t *profile_json(const struct run *run)
{
	json_t *json = table_json(&run->rec.cost, &run->rec.info, run->args.dense);

	json_add(json, "program", json_string(run->rec.program->name));
	json_add(json, "device", json_device(&run->rec.info));
	json_add(json, "dram", dram_json(run->rec.device, &run->rec.info, &run->rec.cost.sum));
	json_add(json, "sequences", json_integer(run->rec.seqs.count));
	json_add(json, "accuracy",
		 run->judged ? json_real((double)run->right / run->judged) : json_null());
	json_add(json, "fingerprint", json_sprintf("%016" PRIx64, fingerprint(&run->answers)));
	json_add(json, "host_seconds", json_real(run->rec.cost.host_seconds));
	return json;
}

static int report(struct run *run, struct dh_error *err)
{
	int ret = 0;
	json_t *json;

	recurrent_warn_of_input(&run->rec);
	if (run->args.outputs.count &&
	    answers_save(&run->answers, &run->rec.seqs, run->args.outputs.text[0], err))
		return tool_fail(EXIT_FAILED, err);
	if (run->args.profile)
		ret = tool_print_json(profile_json(run), run->args.profile);
	if (ret)
		return ret;
	if (!run->args.json) {
		print_summary(run);
		return EXIT_OK;
	}
	json = profile_json(run);
	json_add(json, "answers", answers_json(run));
	return tool_print_json(json, NULL);
}

/* --- the run ----------------------------------------------------------------------- */

static int open_all(struct run *run, struct dh_error *err)
{
	int ret = recurrent_open(&run->rec, &run->args, err);

	if (!ret && run->args.labels && labels_load(run->args.labels, &run->labels, err))
		return tool_fail(EXIT_FAILED, err);
	return ret;
}

static int execute(struct run *run, struct dh_error *err)
{
	int ret = answers_init(&run->answers, &run->rec.seqs, run->rec.program, err);

	ret = ret ? tool_fail(tool_status(ret), err) : recurrent_run(&run->rec, &run->answers, err);
	if (!ret && run->labels.data && judge(run, err))
		return tool_fail(EXIT_FAILED, err);
	return ret;
}

static void close_all(struct run *run)
{
	answers_free(&run->answers);
	dh_array_free(&run->labels);
	recurrent_close(&run->rec);
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .args = { .answers = 10, .dense = true } };
	struct dh_error err;
	int ret;

	tool_parse(&argp, argc, argv, &run.args);
	if (run.args.recording)
		return run_events(&run.args);
	if (dh_network_is_file(run.args.program))
		return run_network(&run.args);
	ret = open_all(&run, &err);
	if (!ret)
		ret = execute(&run, &err);
	if (!ret)
		ret = report(&run, &err);
	close_all(&run);
	return ret;
}
