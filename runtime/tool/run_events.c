// SPDX-License-Identifier: MIT
/* deltahop run --events: classify a recording of an event camera as it plays. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "tool/framing.h"
#include "tool/image_shape.h"
#include "tool/net_table.h"
#include "tool/parts.h"
#include "tool/tool.h"
#include "tool/verdicts.h"

#define BATCH	  4096
#define MOST_SIDE 1024
#define PAUSE	  0.05 /* seconds of sleep at most, before an interrupt is looked for */

/* All that a run needs and makes. @status: of a device that has failed. */
struct run {
	const struct run_arguments *args;
	struct parts parts;
	struct image_shape shape;
	struct dh_values_info output;
	struct recording rec;
	struct framing framing;
	struct results result;
	struct verdicts verdicts;
	double began;
	int status;
	struct dh_event events[BATCH];
};

/* --- what fits ------------------------------------------------------------------------- */

/* What only a run on files has. */
static int check_arguments(const struct run_arguments *args, struct dh_error *err)
{
	const char *what = args->inputs.count	 ? "--input"
			   : args->outputs.count ? "--output"
			   : args->labels	 ? "--labels"
			   : args->profile	 ? "--profile"
						 : NULL;

	if (!what)
		return EXIT_OK;
	dh_error_set(err, "%s does not go with --events: leave one of the two out", what);
	return tool_fail(EXIT_USAGE, err);
}

static int refuse_recurrent(const struct run_arguments *args, struct dh_error *err)
{
	struct dh_tensor_info input = { .size = sizeof(input) };
	struct dh_program *program;
	int ret = dh_program_load(args->program, &program, err);

	if (ret)
		return ret;
	dh_program_input(program, &input);
	dh_error_set(err,
		     "%s: input %s takes vectors of %u elements, step by step, and --events makes "
		     "images: give a network with an input such as [1, 1, 64, 64]",
		     args->program, input.name, input.elements);
	dh_program_free(program);
	return -EOPNOTSUPP;
}

/* What is asked for by hand is kept; without that, two channels are on and off events. */
static int check_channels(struct run *run, const char *name, struct dh_error *err)
{
	struct dh_framer_options *framer = &run->framing.options;
	const struct image_shape *shape = &run->shape;
	const char *program = run->args->program;

	framer->split |= shape->channels == 2 && !run->args->events.has_polarity;
	if (shape->channels == (framer->split ? 2 : 1))
		return 0;
	if (shape->channels > 2)
		dh_error_set(err,
			     "%s: input %s has %u channels; frames of events have 1, or 2 with on "
			     "and off events apart: give a network with an input such as [1, 1, "
			     "%u, %u]",
			     program, name, shape->channels, shape->height, shape->width);
	else
		dh_error_set(err, "%s: input %s has %u channel%s, so it takes %s", program, name,
			     shape->channels, shape->channels == 1 ? "" : "s",
			     shape->channels == 1 ? "--polarity ignore or keep"
						  : "--polarity split");
	return -EOPNOTSUPP;
}

/* Is it an image as large as frames can be? */
static bool takes_frames(struct run *run, const struct dh_values_info *info)
{
	return dh_network_inputs(run->parts.network) == 1 && !info->integers &&
	       image_shape_of(info, &run->shape) && run->shape.height <= MOST_SIDE &&
	       run->shape.width <= MOST_SIDE;
}

static int check_input(struct run *run, struct dh_error *err)
{
	struct dh_values_info info = { .size = sizeof(info) };
	char dims[128];

	dh_network_input(run->parts.network, 0, &info);
	if (takes_frames(run, &info)) {
		run->framing.options.width = run->shape.width;
		run->framing.options.height = run->shape.height;
		return check_channels(run, info.name, err);
	}
	samples_dims_text(&info, dims, sizeof(dims));
	dh_error_set(
		err,
		"%s: it has %u input%s, %s %s%s; frames of events are images of real values, of "
		"1 or 2 channels and at most %d a side: give a network of one input such as "
		"[1, 1, 64, 64]",
		run->args->program, dh_network_inputs(run->parts.network),
		dh_network_inputs(run->parts.network) == 1 ? "" : "s", info.name, dims,
		info.integers ? " of integers" : "", MOST_SIDE);
	return -EOPNOTSUPP;
}

/* A vector of scores, of which the largest one is the answer; or the class itself. */
static int check_output(struct run *run, struct dh_error *err)
{
	uint32_t axes = 0;
	char dims[128];

	run->output.size = sizeof(run->output);
	dh_network_output(run->parts.network, 0, &run->output);
	for (uint32_t i = 0; i < run->output.rank; i++)
		axes += run->output.dims[i] > 1;
	if (run->output.integers ? run->output.count == 1 : axes == 1)
		return 0;
	samples_dims_text(&run->output, dims, sizeof(dims));
	dh_error_set(
		err,
		"%s: output %s is %s; a class is told by a vector of scores, such as [1, 4], or "
		"by an ArgMax",
		run->args->program, run->output.name, dims);
	return -EOPNOTSUPP;
}

/* --- a frame ----------------------------------------------------------------------------- */

/* At the recording's own speed: not before its last event would have come. */
static void wait_for(struct run *run, uint64_t time_us)
{
	double left;

	if (!run->began)
		run->began = tool_seconds();
	while (!recording_stopped()) {
		left = run->began + time_us * 1e-6 - tool_seconds();
		if (left <= 0)
			return;
		left = fmin(left, PAUSE);
		nanosleep(&(struct timespec){ .tv_nsec = (long)(left * 1e9) }, NULL);
	}
}

/* What the host did last, if anything; it decides what scores are. */
static const char *last_op(const struct run *run)
{
	const struct dh_step_report *last = run->parts.cost.steps + run->parts.cost.step_count;

	return run->parts.cost.step_count && last[-1].on_host ? last[-1].op : "";
}

static double softmax(const struct run *run, int64_t class)
{
	double most = results_value(&run->result, 0, 0, class), sum = 0;

	for (size_t i = 0; i < run->output.count; i++)
		sum += exp(results_value(&run->result, 0, 0, i) - most);
	return 1 / sum;
}

/* Below 0: the network tells nothing but the class. */
static double confidence(const struct run *run, int64_t class)
{
	const char *op = last_op(run);

	if (run->output.integers)
		return -1;
	if (!strcmp(op, "Softmax") || !strcmp(op, "Sigmoid"))
		return results_value(&run->result, 0, 0, class);
	if (!strcmp(op, "LogSoftmax"))
		return exp(results_value(&run->result, 0, 0, class));
	return softmax(run, class);
}

/* What the last frame has added to the cost of @before; nothing is counted twice where both engines ran. */
static void set_cost(const struct run *run, const struct dh_report *before, uint64_t overlap_ns,
		     struct verdict *verdict)
{
	const struct dh_report *sum = &run->parts.cost.cost.sum;

	verdict->done = sum->work_done - before->work_done;
	verdict->skipped = sum->work_skipped - before->work_skipped;
	verdict->cycles = sum->cycles - before->cycles;
	verdict->latency = (double)verdict->cycles / run->parts.info.clock_hz -
			   (run->parts.cost.overlap_ns - overlap_ns) * 1e-9;
}

static int judge(struct run *run, struct verdict *verdict, struct dh_error *err)
{
	struct dh_report before = run->parts.cost.cost.sum;
	uint64_t overlap_ns = run->parts.cost.overlap_ns;
	int ret;

	image_shape_put(&run->shape, verdict->frame->values,
			dh_session_input(run->parts.session, 0));
	ret = net_runner_once(run->parts.session, &run->parts.cost, err);
	if (ret) {
		run->status = tool_status(ret);
		return ret;
	}
	results_keep(&run->result, 0, run->parts.session);
	verdict->class = results_class(&run->result, 0, 0);
	verdict->confidence = confidence(run, verdict->class);
	set_cost(run, &before, overlap_ns, verdict);
	return verdicts_add(&run->verdicts, verdict, err);
}

/* A frame that is ready when an interrupt comes is left over: 1. */
static int take_frame(void *context, const struct dh_frame *frame, struct dh_error *err)
{
	struct dh_event_info info = { .size = sizeof(info) };
	struct verdict verdict = { .frame = frame };
	struct run *run = context;

	dh_event_reader_get_info(run->rec.reader, &info);
	verdict.time_us = (uint64_t)frame->end_us - (uint64_t)info.first_us;
	if (run->args->realtime)
		wait_for(run, verdict.time_us);
	if (recording_stopped())
		return 1;
	return judge(run, &verdict, err);
}

/* --- the recording ------------------------------------------------------------------------ */

/* 0, 1: stopped by an interrupt, or a negative errno. */
static int read_all(struct run *run, struct dh_error *err)
{
	size_t count;
	int ret;

	for (;;) {
		ret = recording_next(&run->rec, run->events, BATCH, &count, err);
		if (ret <= 0)
			break;
		ret = run->framing.framer ? 0 : framing_begin(&run->framing, &run->rec, err);
		if (!ret)
			ret = framing_push(&run->framing, run->events, count, err);
		if (ret)
			return ret;
	}
	return ret ? ret : framing_end(&run->framing, err);
}

static int load_classes(struct run *run, struct dh_error *err)
{
	const struct run_arguments *args = run->args;

	if (!args->classes)
		return 0;
	return classes_load(&run->verdicts.classes, args->classes,
			    run->output.integers ? 0 : run->output.count, err);
}

static int open_all(struct run *run, struct dh_error *err)
{
	const struct run_arguments *args = run->args;
	int ret;

	if (!dh_network_is_file(args->program)) {
		ret = refuse_recurrent(args, err);
		return tool_fail(ret == -EOPNOTSUPP ? EXIT_REFUSED : EXIT_FAILED, err);
	}
	ret = parts_open(&run->parts, args, err);
	if (ret)
		return ret;
	if (check_input(run, err) || check_output(run, err))
		return tool_fail(EXIT_REFUSED, err);
	if (load_classes(run, err) || results_init(&run->result, run->parts.network, 1, err) ||
	    recording_open(&run->rec, args->recording, &args->events.reader, err))
		return tool_fail(EXIT_FAILED, err);
	return EXIT_OK;
}

static void print_beginning(const struct run *run)
{
	const struct dh_framer_options *framer = &run->framing.options;

	if (!run->verdicts.json) {
		tool_print_device(&run->parts.info);
		printf("network  %s: frames of %u x %u pixels, ", basename(run->args->program),
		       framer->width, framer->height);
		if (framer->period_us)
			printf("%" PRIu64 " us each\n\n", framer->period_us);
		else
			printf("%u events each\n\n", framer->events);
	}
	verdicts_begin(&run->verdicts);
}

/* --- the report ----------------------------------------------------------------------------- */

static json_t *summary_json(struct run *run, const struct dh_error *error)
{
	json_t *json = verdicts_json(&run->verdicts, &run->rec, &run->parts.cost),
	       *line = json_object();

	json_add(json, "program", json_string(basename(run->args->program)));
	json_add(json, "device", json_device(&run->parts.info));
	json_add(json, "interrupted", json_boolean(recording_stopped()));
	json_add(json, "error", error ? dh_text_json(error->text) : json_null());
	json_add(line, "summary", json);
	return line;
}

static void print_summary(struct run *run)
{
	verdicts_print(&run->verdicts, &run->rec, &run->parts.cost);
	if (run->args->table && run->verdicts.frames) {
		putchar('\n');
		net_table_print(&run->parts.cost, &run->parts.info, run->args->dense);
	}
}

/* Fewer events than a frame has are easily taken for a network that says nothing. */
static void warn(const struct run *run)
{
	struct dh_event_info info = { .size = sizeof(info) };

	parts_warn_of_input(&run->parts);
	dh_event_reader_get_info(run->rec.reader, &info);
	if (!run->verdicts.frames && info.events && !recording_stopped())
		tool_warn("%s: not a single frame in %" PRIu64 " events: give a smaller --count",
			  run->rec.name, info.events);
}

/* What was judged before an error is told too. */
static int report(struct run *run, const struct dh_error *error)
{
	struct dh_error err;
	int ret = EXIT_OK;

	if (!run->verdicts.json)
		print_summary(run);
	else if (live_json(summary_json(run, error), &err))
		ret = tool_fail(EXIT_FAILED, &err);
	if (error)
		return tool_fail(run->status ? run->status : EXIT_FAILED, error);
	warn(run);
	return ret;
}

static int play(struct run *run)
{
	struct dh_error err;
	int ret = open_all(run, &err);

	if (ret)
		return ret;
	recording_stop_on_signal();
	print_beginning(run);
	ret = read_all(run, &err);
	return report(run, ret < 0 ? &err : NULL);
}

static void close_all(struct run *run)
{
	framing_free(&run->framing);
	recording_close(&run->rec);
	classes_free(&run->verdicts.classes);
	if (run->result.network)
		results_free(&run->result);
	parts_close(&run->parts);
}

int run_events(const struct run_arguments *args)
{
	struct run *run = calloc(1, sizeof(*run));
	struct dh_error err;
	int ret;

	if (!run) {
		dh_error_set(&err, "out of memory");
		return tool_fail(EXIT_FAILED, &err);
	}
	run->args = args;
	run->framing.options = args->events.framer;
	run->framing.take = take_frame;
	run->framing.context = run;
	run->verdicts.json = args->json;
	run->verdicts.live.rewrite = !args->json && isatty(STDOUT_FILENO);
	ret = check_arguments(args, &err);
	if (!ret)
		ret = play(run);
	close_all(run);
	free(run);
	return ret;
}
