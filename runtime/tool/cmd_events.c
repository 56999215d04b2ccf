// SPDX-License-Identifier: MIT
/* deltahop events: what is in a recording of an event camera, as text or as frames. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tool/event_options.h"
#include "tool/frames.h"
#include "tool/framing.h"
#include "tool/tool.h"

#define BATCH 4096

enum {
	KEY_TEXT = 256,
	KEY_FRAMES,
	KEY_FRAME_SIZE,
};

struct arguments {
	const char *file;
	const char *frames;
	bool text;
	bool json;
	uint16_t width;
	uint16_t height;
	struct event_options events;
};

/* A recording as it is read. */
struct reading {
	struct arguments args;
	struct recording rec;
	struct framing framing;
	struct frames frames;
	struct dh_event events[BATCH];
};

/* --- options ------------------------------------------------------------------------- */

static error_t parse_end(const struct arguments *args, struct argp_state *state)
{
	if (!args->file)
		argp_error(state, "which recording? \"-\" is standard input");
	if (args->text && args->json)
		argp_error(state, "--text and --json both want standard output: choose one");
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->events;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case KEY_TEXT:
		args->text = true;
		return 0;
	case KEY_FRAMES:
		args->frames = arg;
		return 0;
	case KEY_FRAME_SIZE:
		event_options_size(state, "--frame-size", arg, 1024, &args->width, &args->height);
		return 0;
	case ARGP_KEY_ARG:
		if (args->file)
			argp_error(state, "\"%s\": only one recording can be read at a time", arg);
		args->file = arg;
		return 0;
	case ARGP_KEY_END:
		return parse_end(args, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "text", KEY_TEXT, NULL, 0,
	  "print the events, one a line: microseconds, column, row, 1 for on or 0 for off", 0 },
	{ "json", 'j', NULL, 0,
	  "print JSON: {format, width, height, events, on, first_us, last_us, rate, skipped, "
	  "frames...}",
	  0 },
	{ "frames", KEY_FRAMES, "PATH", 0,
	  "write frames, int16 with 256 for 1.0: PATH.npy [frames][channels][height][width], or else "
	  "a directory with a file [1][channels][height][width] each",
	  0 },
	{ "frame-size", KEY_FRAME_SIZE, "WxH", 0, "size of a frame (default 64x64)", 0 },
	{ 0 }
};

static const struct argp_child children[] = {
	{ &event_options_argp, 0, "The recording, and frames of it:", 1 }, { 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "FILE|-",
	.doc = "Tells what is in a recording of an event camera, AEDAT 2.0, AEDAT 3.1, Event Stream 2 "
	       "or EVT 2.0; prints its events or makes frames of them. From standard input (\"-\") "
	       "events are taken as they come, until the end or an interrupt."
	       "\vExit status: 0; 1 the recording is damaged, cut off or of another kind: what is "
	       "before the damage was read; 2 wrong usage.",
};

/* --- reading ------------------------------------------------------------------------- */

static struct dh_event_info get_info(const struct reading *reading)
{
	struct dh_event_info info = { .size = sizeof(info) };

	dh_event_reader_get_info(reading->rec.reader, &info);
	return info;
}

static int add_frame(void *context, const struct dh_frame *frame, struct dh_error *err)
{
	return frames_add(context, frame, err);
}

/* Not before the header was read, which has the sensor's size. */
static int begin_frames(struct reading *reading, struct dh_error *err)
{
	const struct arguments *args = &reading->args;
	struct framing *framing = &reading->framing;
	int ret;

	framing->options = args->events.framer;
	framing->options.width = args->width ? args->width : 64;
	framing->options.height = args->height ? args->height : 64;
	framing->take = add_frame;
	framing->context = &reading->frames;
	ret = framing_begin(framing, &reading->rec, err);
	return ret ? ret : frames_open(&reading->frames, args->frames, &framing->options, err);
}

static int make_frames(struct reading *reading, size_t count, struct dh_error *err)
{
	int ret = reading->framing.framer ? 0 : begin_frames(reading, err);

	return ret ? ret : framing_push(&reading->framing, reading->events, count, err);
}

static int end_frames(struct reading *reading, struct dh_error *err)
{
	int ret = framing_end(&reading->framing, err);
	int closed = frames_close(&reading->frames, ret ? NULL : err);

	return ret ? ret : closed;
}

static void print_events(const struct dh_event *events, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		printf("%" PRId64 " %u %u %d\n", events[i].time_us, events[i].x, events[i].y,
		       events[i].on);
	/* Whoever reads them from a pipe gets them as they come. */
	fflush(stdout);
}

static int read_all(struct reading *reading, struct dh_error *err)
{
	size_t count;
	int ret;

	for (;;) {
		ret = recording_next(&reading->rec, reading->events, BATCH, &count, err);
		if (ret <= 0)
			return ret;
		if (reading->args.text)
			print_events(reading->events, count);
		if (reading->args.frames && make_frames(reading, count, err))
			return -EINVAL;
	}
}

/* --- what it was ---------------------------------------------------------------------- */

static double duration(const struct dh_event_info *info)
{
	return (info->last_us - info->first_us) * 1e-6;
}

static void print_sensor(const struct dh_event_info *info)
{
	printf("sensor   ");
	if (info->width)
		printf("%u x %u pixels", info->width, info->height);
	else
		printf("of unknown size");
	if (info->sensor[0])
		printf(" (%s)", info->sensor);
	if (info->events)
		printf("; events up to column %u, row %u", info->max_x, info->max_y);
	putchar('\n');
}

static void print_time(const struct dh_event_info *info)
{
	if (!info->events)
		return;
	printf("time     %.6f s to %.6f s\n", info->first_us * 1e-6, info->last_us * 1e-6);
	if (info->last_us > info->first_us)
		printf("rate     %.0f events/s for %.6f s\n", info->events / duration(info),
		       duration(info));
	if (info->held || info->resets)
		printf("clock    ran back: %" PRIu64 " events held, %" PRIu64 " resets\n",
		       info->held, info->resets);
}

static void print_frames(const struct reading *reading, const struct dh_event_info *info)
{
	const struct frames *frames = &reading->frames;
	double count = frames->count ? (double)frames->count : 1;

	printf("frames   %" PRIu64 " in %s, of %.1f events and %.3f ms, %.1f %% empty; %" PRIu64
	       " events left over\n",
	       frames->count, frames->path, frames->events / count, frames->time_us / count * 1e-3,
	       frames->empty / count * 100, info->events - frames->events);
}

static void print_info(const struct reading *reading)
{
	struct dh_event_info info = get_info(reading);

	if (!info.format)
		return;
	printf("format   %s", info.format);
	if (info.layout != DH_EVENT_LAYOUT_AUTO)
		printf(", addresses as of %s", dh_event_layout_name(info.layout));
	putchar('\n');
	print_sensor(&info);
	printf("events   %" PRIu64 ": %" PRIu64 " on, %" PRIu64 " off\n", info.events, info.on,
	       info.events - info.on);
	recording_print_skipped(&reading->rec);
	print_time(&info);
	if (reading->frames.path)
		print_frames(reading, &info);
}

static json_t *json_frames(const struct reading *reading, const struct dh_event_info *info)
{
	const struct frames *frames = &reading->frames;
	json_t *json = json_object();

	if (!frames->path) {
		json_decref(json);
		return json_null();
	}
	json_add(json, "path", dh_text_json(frames->path));
	json_add(json, "count", json_integer(frames->count));
	json_add(json, "events", json_integer(frames->events));
	json_add(json, "left_over", json_integer(info->events - frames->events));
	json_add(json, "empty",
		 frames->count ? json_real(frames->empty / frames->count) : json_null());
	return json;
}

static json_t *json_info(const struct reading *reading, const char *error)
{
	struct dh_event_info info = get_info(reading);
	json_t *json = json_object();

	json_add(json, "file", dh_text_json(reading->rec.name));
	json_add(json, "format", info.format ? json_string(info.format) : json_null());
	json_add(json, "layout",
		 info.layout ? json_string(dh_event_layout_name(info.layout)) : json_null());
	json_add(json, "sensor", dh_text_json(info.sensor));
	json_add(json, "width", info.width ? json_integer(info.width) : json_null());
	json_add(json, "height", info.height ? json_integer(info.height) : json_null());
	json_add(json, "bytes", json_integer(info.bytes));
	json_add(json, "events", json_integer(info.events));
	json_add(json, "on", json_integer(info.on));
	json_add(json, "max_x", json_integer(info.max_x));
	json_add(json, "max_y", json_integer(info.max_y));
	json_add(json, "first_us", json_integer(info.first_us));
	json_add(json, "last_us", json_integer(info.last_us));
	json_add(json, "rate",
		 info.last_us > info.first_us ? json_real(info.events / duration(&info))
					      : json_null());
	json_add(json, "held", json_integer(info.held));
	json_add(json, "resets", json_integer(info.resets));
	json_add(json, "skipped", recording_json_skipped(&reading->rec));
	json_add(json, "frames", json_frames(reading, &info));
	json_add(json, "error", error ? dh_text_json(error) : json_null());
	return json;
}

/* What was read before an error is told too. */
static int tell(const struct reading *reading, const struct dh_error *error)
{
	int ret = EXIT_OK;

	if (reading->args.json)
		ret = tool_print_json(json_info(reading, error ? error->text : NULL), NULL);
	else if (!reading->args.text)
		print_info(reading);
	return error ? tool_fail(EXIT_FAILED, error) : ret;
}

static int run(struct reading *reading)
{
	const struct arguments *args = &reading->args;
	struct dh_error err;
	int ret;

	if (recording_open(&reading->rec, args->file, &args->events.reader, &err))
		return tool_fail(EXIT_FAILED, &err);
	recording_stop_on_signal();
	ret = read_all(reading, &err);
	if (!ret && args->frames && !reading->framing.framer)
		ret = begin_frames(reading, &err);
	if (end_frames(reading, ret ? NULL : &err) && !ret)
		ret = -EIO;
	return tell(reading, ret ? &err : NULL);
}

int cmd_events(int argc, char **argv)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	int ret;

	if (!reading) {
		fprintf(stderr, "deltahop: out of memory\n");
		return EXIT_FAILED;
	}
	tool_parse(&argp, argc, argv, &reading->args);
	ret = run(reading);
	recording_close(&reading->rec);
	framing_free(&reading->framing);
	free(reading);
	return ret;
}
