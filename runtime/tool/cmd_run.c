// SPDX-License-Identifier: MIT
/* deltahop run: run a program on input from files. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/run.h"
#include "tool/table.h"
#include "tool/tool.h"

#define THETA_MAX   511
#define STREAMS_MAX 1024

enum {
	KEY_LENGTHS = 256,
	KEY_LABELS,
	KEY_THETA_X,
	KEY_THETA_H,
	KEY_STREAM,
	KEY_BATCH,
	KEY_PROFILE,
	KEY_TABLE,
	KEY_NO_DENSE,
	KEY_ANSWERS,
};

/* All that a run needs and makes. */
struct run {
	struct run_arguments args;
	struct dh_device *device;
	struct dh_device_info info;
	struct dh_program *program;
	struct sequences seqs;
	struct dh_array labels;
	struct answers answers;
	struct runner runner;
	struct cost cost;
	uint64_t right;
	uint64_t judged;
};

const char tool_device_help[] =
	"DEVICE is \"auto\" (the default: the first device node of the driver that can be opened, "
	"else the embedded model), a node such as /dev/accel/accel0, or \"embedded\", the model in "
	"this process, with options as in \"embedded:profile=edgedrnn,dram-n=2\":";

static void add_file(struct argp_state *state, struct file_names *files, const char *what,
		     const char *text)
{
	if (files->count == SAMPLES_FILES_MAX)
		argp_error(state, "%s: at most %d times", what, SAMPLES_FILES_MAX);
	else
		files->text[files->count++] = text;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_arguments *args = state->input;

	switch (key) {
	case 'i':
		add_file(state, &args->inputs, "--input", arg);
		return 0;
	case 'o':
		add_file(state, &args->outputs, "--output", arg);
		return 0;
	case 'd':
		args->device = arg;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case KEY_LENGTHS:
		args->lengths = arg;
		return 0;
	case KEY_LABELS:
		args->labels = arg;
		return 0;
	case KEY_THETA_X:
		args->theta_x = arg;
		return 0;
	case KEY_THETA_H:
		args->theta_h = arg;
		return 0;
	case KEY_STREAM:
		args->keep_state = true;
		return 0;
	case KEY_BATCH:
		args->streams = tool_number(state, "--batch", arg, 1, STREAMS_MAX);
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
	case ARGP_KEY_ARG:
		if (args->program)
			argp_error(state, "\"%s\": only one program can be run at a time", arg);
		args->program = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->program)
			argp_error(state,
				   "which program? Make a .dhp file with `deltahop compile` first");
		if (!args->inputs.count)
			argp_error(state, "--input is missing: give a .npy file");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "input", 'i', "[NAME=]X.npy", 0,
	  "input: float32 or float64 (real values) or int16 (Q8.8: value * 256); of a network of "
	  "parts also uint8 (as they are), and with several inputs once for each, with its name",
	  0 },
	{ "lengths", KEY_LENGTHS, "L.npy", 0, "the input is sequences end to end, of these lengths",
	  0 },
	{ "labels", KEY_LABELS, "Y.npy", 0,
	  "right classes, one per sequence or run (or per step): prints the accuracy", 0 },
	{ "output", 'o', "[NAME=]OUT.npy", 0,
	  "write the output: float32 (int64 for an ArgMax); with several outputs, with its name",
	  0 },
	{ "device", 'd', "DEVICE", 0, "run here; see below", 0 },
	{ "theta-x", KEY_THETA_X, "T", 0,
	  "threshold of input vectors in 1/256, 0..511: of all recurrent layers, or of single "
	  "layers, also dense ones, as in 0=8,2=16",
	  0 },
	{ "theta-h", KEY_THETA_H, "T", 0, "threshold of hidden vectors, given as --theta-x is", 0 },
	{ "stream", KEY_STREAM, NULL, 0,
	  "carry the state on from sequence to sequence, instead of starting anew", 0 },
	{ "batch", KEY_BATCH, "B", 0,
	  "B states: sequence i uses state i mod B (default: the network's batch size, or 1)", 0 },
	{ "answers", KEY_ANSWERS, "N", 0, "print at most N answers (default 10)", 0 },
	{ "table", KEY_TABLE, NULL, 0, "print what every layer cost", 0 },
	{ "no-dense", KEY_NO_DENSE, NULL, 0, "do not compare with the dense run", 0 },
	{ "profile", KEY_PROFILE, "OUT.json", 0, "write what every layer cost", 0 },
	{ "json", 'j', NULL, 0,
	  "print JSON: {device, program, sequences, accuracy, answers: [[...]...], layers: [...], "
	  "totals}",
	  0 },
	{ 0 }
};

static const char exit_help[] = "Exit status: 0; 1 a file cannot be read or written, or does not "
				"fit; 2 wrong usage; 3 the program is not for this device; 4 no "
				"device, or a job failed: the sentence names ONNX node, command, "
				"region and offset.";

static char *filter_help(int key, const char *text, void *input)
{
	char *all;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	if (asprintf(&all, "%s\n\n%s\n%s", tool_device_help, dh_device_options(), exit_help) < 0)
		return (char *)text;
	return all;
}

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
	.help_filter = filter_help,
};

/* --- thresholds ------------------------------------------------------------------ */

static int bad_theta(const char *name, const char *text, uint32_t layers, struct dh_error *err)
{
	dh_error_set(err,
		     "%s %s: give a whole number from 0 to %d (in 1/256) for all recurrent layers, "
		     "or LAYER=NUMBER,... with layers 0 to %u",
		     name, text, THETA_MAX, layers - 1);
	return -EINVAL;
}

static bool read_number(const char **at, int most, int *value)
{
	char *end;
	long number = strtol(*at, &end, 10);

	if (**at < '0' || **at > '9' || number > most)
		return false;
	*value = number;
	*at = end;
	return true;
}

/* One entry, "0=8". */
static bool read_theta(const char **at, uint32_t layers, int *layer, int *value)
{
	if (!read_number(at, layers - 1, layer) || *(*at)++ != '=')
		return false;
	return read_number(at, THETA_MAX, value) && (!**at || **at == ',');
}

/* "8" for all recurrent layers, or "0=8,1=16". */
static int set_theta(struct dh_instance *instance, uint32_t layers, const char *name,
		     const char *text, bool is_x, struct dh_error *err)
{
	bool all = !strchr(text, '=');
	const char *at = text;
	int layer = -1, value, ret = 0;

	do {
		if (all ? !read_number(&at, THETA_MAX, &value) || *at
			: !read_theta(&at, layers, &layer, &value))
			return bad_theta(name, text, layers, err);
		ret = dh_instance_set_theta(instance, layer, is_x ? value : DH_THETA_KEEP,
					    is_x ? DH_THETA_KEEP : value, err);
	} while (!ret && *at++);
	return ret;
}

static bool is_recurrent(const struct dh_program *program)
{
	uint32_t i;

	for (i = 0; i < program->layer_count; i++)
		if (program->layers[i].layer.cell != DELTAHOP_CELL_DENSE)
			return true;
	return false;
}

/* A threshold that is for no layer is told. */
static void warn_of_theta(const struct run *run, const char *name, const char *text)
{
	if (text && !strchr(text, '=') && !is_recurrent(run->program))
		tool_warn("%s %s is for recurrent layers, and %s has none: give those of its "
			  "layers, as in 0=8",
			  name, text, run->args.program);
}

static int set_thetas(const struct run *run, struct dh_error *err)
{
	const struct run_arguments *args = &run->args;
	uint32_t layers = run->program->layer_count;
	int ret = 0;

	if (args->theta_x)
		ret = set_theta(run->runner.instance, layers, "--theta-x", args->theta_x, true,
				err);
	if (!ret && args->theta_h)
		ret = set_theta(run->runner.instance, layers, "--theta-h", args->theta_h, false,
				err);
	if (!ret) {
		warn_of_theta(run, "--theta-x", args->theta_x);
		warn_of_theta(run, "--theta-h", args->theta_h);
	}
	return ret;
}

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

	if (!per_step && count != run->seqs.count) {
		dh_error_set(err, "%s: %zu labels for %zu sequences: give one label per sequence",
			     run->args.labels, count, run->seqs.count);
		return -EINVAL;
	}
	for (i = 0; i < count; i++) {
		size_t vector = per_step ? i : last_vector(&run->answers, &run->seqs, i);

		run->right += class_of(&run->answers, vector) == labels_get(&run->labels, i);
	}
	run->judged = count;
	return 0;
}

/* Are the answers classes? Then class and score are shown, else values. */
static bool classifies(const struct run *run)
{
	enum dh_host_op op = run->program->host_op;

	return run->labels.data || op == DH_HOST_ARGMAX || op == DH_HOST_SOFTMAX ||
	       op == DH_HOST_LOG_SOFTMAX;
}

static void print_class(const struct run *run, size_t i)
{
	size_t vector = last_vector(&run->answers, &run->seqs, i);
	int64_t class = class_of(&run->answers, vector);

	printf("%8zu %7u %7lld", i, run->seqs.steps[i], (long long)class);
	if (!run->answers.index)
		printf(" %9.4f", run->answers.values[vector * run->answers.elements + class]);
	if (run->labels.data && run->labels.shape[0] == run->seqs.count) {
		int64_t label = labels_get(&run->labels, i);

		printf(" %7lld%s", (long long)label, class == label ? "" : "  wrong");
	}
	putchar('\n');
}

static void print_values(const struct run *run, size_t i)
{
	const float *values = run->answers.values +
			      last_vector(&run->answers, &run->seqs, i) * run->answers.elements;
	uint32_t e;

	printf("%8zu %7u ", i, run->seqs.steps[i]);
	for (e = 0; e < run->answers.elements && e < 8; e++)
		printf(" %9.4f", values[e]);
	printf("%s\n", e < run->answers.elements ? " ..." : "");
}

static void print_answers(const struct run *run)
{
	bool classes = classifies(run);
	size_t i, shown = run->args.answers < run->seqs.count ? run->args.answers : run->seqs.count;

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
	if (shown < run->seqs.count)
		printf("... and %zu more (--answers N)\n", run->seqs.count - shown);
}

/* The sequences that were not told right, as far as they fit. */
static void print_wrong(const struct run *run)
{
	size_t i, shown = 0;

	if (run->labels.shape[0] != run->seqs.count || run->right == run->judged)
		return;
	printf("wrong   ");
	for (i = 0; i < run->seqs.count && shown < RUN_WRONG_SHOWN; i++) {
		int64_t class = class_of(&run->answers, last_vector(&run->answers, &run->seqs, i));
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
	const struct cost *cost = &run->cost;

	tool_print_device(&run->info);
	printf("program  %s: %zu sequences, %" PRIu64 " steps, %s\n\n", basename(run->args.program),
	       run->seqs.count, cost->steps,
	       run->args.keep_state ? "state carried on" : "each from the initial state");
	print_answers(run);
	putchar('\n');
	if (run->judged)
		print_accuracy(run);
	printf("outputs  %zu x %u values, fingerprint %016" PRIx64 "\n", run->answers.vectors,
	       run->answers.elements, fingerprint(&run->answers));
	printf("time     %.3f ms on the device as modelled\n",
	       cost->sum.cycles * 1e3 / run->info.clock_hz);
	if (run->args.table) {
		putchar('\n');
		table_print(cost, &run->info, run->args.dense);
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
	json_t *json = table_json(&run->cost, &run->info, run->args.dense);

	json_add(json, "program", json_string(run->program->name));
	json_add(json, "device", json_device(&run->info));
	json_add(json, "sequences", json_integer(run->seqs.count));
	json_add(json, "accuracy",
		 run->judged ? json_real((double)run->right / run->judged) : json_null());
	json_add(json, "fingerprint", json_sprintf("%016" PRIx64, fingerprint(&run->answers)));
	json_add(json, "host_seconds", json_real(run->cost.host_seconds));
	return json;
}

/* Results that may be wrong are told. */
static void warn_of_input(const struct run *run)
{
	const struct cost *cost = &run->cost;
	struct dh_tensor_info input = { .size = sizeof(input) };

	dh_program_input(run->program, &input);
	if (cost->clipped)
		tool_warn("%s: %" PRIu64 " values were out of the network's input range and became "
			  "the nearest one in range",
			  run->args.inputs.text[0], cost->clipped);
	if (cost->beyond)
		tool_warn("%s: %" PRIu64 " values, the largest %g, are beyond -%g..%g, the range "
			  "that the program was compiled for (%s): answers may be wrong; compile "
			  "with --calibration that has such values",
			  run->args.inputs.text[0], cost->beyond, cost->largest, input.limit,
			  input.limit,
			  run->program->input_range == DH_RANGE_CALIBRATED
				  ? "from its calibration data"
				  : "assumed, for there was no calibration data");
}

static int report(struct run *run, struct dh_error *err)
{
	int ret = 0;
	json_t *json;

	warn_of_input(run);
	if (run->args.outputs.count &&
	    answers_save(&run->answers, &run->seqs, run->args.outputs.text[0], err))
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

static uint32_t stream_count(const struct run *run)
{
	uint32_t streams = run->args.streams ? run->args.streams : run->program->batch;

	if (!streams)
		streams = 1;
	if (streams > run->seqs.count)
		streams = run->seqs.count;
	return streams;
}

static int open_all(struct run *run, struct dh_error *err)
{
	const struct run_arguments *args = &run->args;
	int ret = dh_program_load(args->program, &run->program, err);

	if (ret)
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	if (args->inputs.count > 1 || args->outputs.count > 1) {
		dh_error_set(err,
			     "%s: it has one input and one output: give --input and --output once",
			     args->program);
		return tool_fail(EXIT_USAGE, err);
	}
	if (sequences_load(&run->seqs, run->program, args->inputs.text[0], args->lengths, err))
		return tool_fail(EXIT_FAILED, err);
	if (args->labels && labels_load(args->labels, &run->labels, err))
		return tool_fail(EXIT_FAILED, err);
	ret = dh_device_open(args->device, &run->device, err);
	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, err);
	ret = dh_device_get_info(run->device, &run->info, err);
	if (!ret)
		ret = runner_init(&run->runner, run->device, run->program, stream_count(run),
				  run->seqs.max_steps, err);
	if (ret)
		return tool_fail(tool_status(ret), err);
	ret = set_thetas(run, err);
	return ret ? tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_USAGE, err) : EXIT_OK;
}

static int execute(struct run *run, struct dh_error *err)
{
	int ret = answers_init(&run->answers, &run->seqs, run->program, err);

	if (!ret)
		ret = cost_init(&run->cost, run->program->layer_count, err);
	if (!ret)
		ret = runner_run(&run->runner, &run->seqs, run->args.keep_state, &run->answers,
				 &run->cost, err);
	if (ret)
		return tool_fail(tool_status(ret), err);
	if (run->labels.data && judge(run, err))
		return tool_fail(EXIT_FAILED, err);
	return EXIT_OK;
}

static void close_all(struct run *run)
{
	cost_fini(&run->cost);
	answers_free(&run->answers);
	runner_fini(&run->runner);
	dh_device_close(run->device);
	dh_array_free(&run->labels);
	sequences_free(&run->seqs);
	dh_program_free(run->program);
}

int cmd_run(int argc, char **argv)
{
	struct run run = { .args = { .answers = 10, .dense = true },
			   .info = { .size = sizeof(run.info) } };
	struct dh_error err;
	int ret;

	tool_parse(&argp, argc, argv, &run.args);
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
