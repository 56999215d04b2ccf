// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tool/tool.h"
#include "tool/trace.h"

/* Events go out one by one: there may be millions. */
struct trace {
	FILE *out;
	const struct profile *profile;
	const struct cost *cost;
	size_t events;
};

static const char *const categories[] = {
	[PROFILE_JOB] = "job",
	[PROFILE_ROW] = "layer",
	[PROFILE_NODE] = "host",
	[PROFILE_VALUES] = "values",
};

/* A stream of which nothing can be written any more is found in the end. */
static void write_json(struct trace *trace, json_t *json)
{
	fputs(trace->events++ ? ",\n" : "\n", trace->out);
	json_dumpf(json, trace->out, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(json);
}

/* Threads are tracks, in microseconds; tracks are counted from 1. */
static json_t *event(const char *name, const char *phase, unsigned int track, json_t *args)
{
	json_t *json = json_object();

	json_add(json, "name", json_string(name));
	json_add(json, "ph", json_string(phase));
	json_add(json, "pid", json_integer(1));
	json_add(json, "tid", json_integer(track + 1));
	json_add(json, "args", args);
	return json;
}

static void name_it(struct trace *trace, const char *what, unsigned int track, const char *name)
{
	json_t *args = json_object();

	json_add(args, "name", json_string(name));
	write_json(trace, event(what, "M", track, args));
}

static void name_tracks(struct trace *trace, const char *program)
{
	static const char *const names[] = {
		[PROFILE_RNN] = "recurrent engine",
		[PROFILE_CONV] = "convolution engine",
		[PROFILE_HOST] = "host (as measured here)",
	};
	bool used[PROFILE_TRACKS] = { false };

	for (size_t i = 0; i < trace->profile->slice_count; i++)
		used[trace->profile->slices[i].track] = true;
	name_it(trace, "process_name", 0, program);
	for (unsigned int i = 0; i < PROFILE_TRACKS; i++) {
		if (used[i])
			name_it(trace, "thread_name", i, names[i]);
	}
}

/* --- what took time -------------------------------------------------------------------- */

static const char *name_of(const struct trace *trace, const struct profile_slice *slice)
{
	const char *name = slice->kind == PROFILE_ROW ? trace->cost->layers[slice->row.layer].node
						      : slice->name;

	return name && *name ? name : "(no name)";
}

static void add_cost(json_t *args, const struct profile_slice *slice)
{
	const struct dh_row_report *r = &slice->row;

	json_add(args, "cycles", json_integer(r->cycles));
	json_add(args, "bytes_weights", json_integer(r->bytes_weights));
	json_add(args, "bytes_in", json_integer(r->bytes_in));
	json_add(args, "bytes_out", json_integer(r->bytes_out));
	json_add(args, "work_done", json_integer(r->work_done));
	json_add(args, "work_skipped", json_integer(r->work_skipped));
	if (slice->kind == PROFILE_ROW)
		return;
	json_add(args, "bytes_state", json_integer(slice->bytes_state));
	json_add(args, "bytes_commands", json_integer(slice->bytes_commands));
	json_add(args, "wait_cycles", json_integer(slice->wait_cycles));
}

static json_t *slice_args(const struct profile_slice *slice)
{
	json_t *args = json_object();

	json_add(args, "run", json_integer(slice->run));
	if (slice->kind == PROFILE_ROW) {
		json_add(args, "layer", json_integer(slice->row.layer));
		json_add(args, slice->track == PROFILE_CONV ? "pass" : "step",
			 json_integer(slice->index));
	}
	if (slice->track != PROFILE_HOST)
		add_cost(args, slice);
	return args;
}

static void write_slice(struct trace *trace, const struct profile_slice *slice)
{
	json_t *json = event(name_of(trace, slice), "X", slice->track, slice_args(slice));

	json_add(json, "cat", json_string(categories[slice->kind]));
	json_add(json, "ts", json_real(slice->start * 1e6));
	json_add(json, "dur", json_real(slice->seconds * 1e6));
	write_json(trace, json);
}

/* --- counters, by engine ---------------------------------------------------------------- */

static void write_counter(struct trace *trace, const char *name, unsigned int track, double at,
			  json_t *args)
{
	json_t *json = event(name, "C", track, args);

	json_add(json, "ts", json_real(at * 1e6));
	write_json(trace, json);
}

/* Gigabytes a second, from the beginning of a row to its end. */
static void write_bandwidth(struct trace *trace, const struct profile_slice *slice, bool begins)
{
	double scale = begins ? 1e-9 / slice->seconds : 0;
	json_t *args = json_object();

	json_add(args, "weights", json_real(slice->row.bytes_weights * scale));
	json_add(args, "inputs", json_real(slice->row.bytes_in * scale));
	json_add(args, "outputs", json_real(slice->row.bytes_out * scale));
	write_counter(trace,
		      slice->track == PROFILE_CONV ? "DRAM GB/s, convolution engine"
						   : "DRAM GB/s, recurrent engine",
		      slice->track, slice->start + (begins ? 0 : slice->seconds), args);
}

static void write_skipped(struct trace *trace, const struct profile_slice *slice)
{
	uint64_t work = slice->row.work_done + slice->row.work_skipped;
	json_t *args = json_object();

	json_add(args, "skipped", json_real(work ? 100.0 * slice->row.work_skipped / work : 0));
	write_counter(trace,
		      slice->track == PROFILE_CONV ? "work skipped %, convolution engine"
						   : "work skipped %, recurrent engine",
		      slice->track, slice->start, args);
}

/* --- the file --------------------------------------------------------------------------- */

static void write_events(struct trace *trace)
{
	for (size_t i = 0; i < trace->profile->slice_count; i++) {
		const struct profile_slice *slice = &trace->profile->slices[i];

		write_slice(trace, slice);
		if (slice->kind != PROFILE_ROW || slice->seconds <= 0)
			continue;
		write_bandwidth(trace, slice, true);
		write_bandwidth(trace, slice, false);
		write_skipped(trace, slice);
	}
}

static void write_all(struct trace *trace, const struct dh_device_info *device, const char *program)
{
	json_t *other = json_object();

	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", trace->out);
	name_tracks(trace, program);
	write_events(trace);
	fputs("\n],\"otherData\":", trace->out);
	json_add(other, "program", json_string(program));
	json_add(other, "device", json_device(device));
	json_dumpf(other, trace->out, JSON_COMPACT);
	json_decref(other);
	fputs("}\n", trace->out);
}

int trace_write(const char *path, const struct profile *profile, const struct cost *cost,
		const struct dh_device_info *device, const char *program, struct dh_error *err)
{
	struct trace trace = { .out = fopen(path, "we"), .profile = profile, .cost = cost };
	bool failed = !trace.out;

	if (trace.out) {
		write_all(&trace, device, program);
		failed = ferror(trace.out);
		failed |= fclose(trace.out);
	}
	if (!failed)
		return 0;
	dh_error_set(err, "%s: cannot write: %s", path, strerror(errno));
	return -EIO;
}
