// SPDX-License-Identifier: MIT
/* What a network said of the frames of a recording, and what that cost. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "tool/format.h"
#include "tool/tool.h"
#include "tool/verdicts.h"

static struct dh_event_info info_of(const struct recording *rec)
{
	struct dh_event_info info = { .size = sizeof(info) };

	dh_event_reader_get_info(rec->reader, &info);
	return info;
}

/* --- a frame ------------------------------------------------------------------------- */

void verdicts_begin(const struct verdicts *verdicts)
{
	if (!verdicts->json)
		printf("         time  class             confidence   events  skipped    latency\n");
	fflush(stdout);
}

static int show_text(struct verdicts *verdicts, const struct verdict *v, struct dh_error *err)
{
	const char *name = classes_name(&verdicts->classes, v->class);
	char text[256], number[24], confidence[16] = "-";
	struct format skipped;

	snprintf(number, sizeof(number), "%" PRId64, v->class);
	if (v->confidence >= 0)
		snprintf(confidence, sizeof(confidence), "%.1f %%", v->confidence * 100);
	snprintf(text, sizeof(text), "%11.6f s  %-16.16s  %10s %8" PRIu64 "  %7s %7.3f ms",
		 v->time_us * 1e-6, name ? name : number, confidence, v->frame->events,
		 format_percent(v->skipped, v->done + v->skipped, &skipped), v->latency * 1e3);
	return live_line(&verdicts->live, text, err);
}

static double share(uint64_t part, uint64_t other)
{
	return part + other ? (double)part / (part + other) : 0;
}

static int show_json(const struct verdicts *verdicts, const struct verdict *v, struct dh_error *err)
{
	const char *name = classes_name(&verdicts->classes, v->class);
	const struct dh_frame *frame = v->frame;
	json_t *json = json_object();

	json_add(json, "frame", json_integer(frame->number));
	json_add(json, "time", json_real(v->time_us * 1e-6));
	json_add(json, "start_us", json_integer(frame->start_us));
	json_add(json, "end_us", json_integer(frame->end_us));
	json_add(json, "class", json_integer(v->class));
	json_add(json, "name", name ? dh_text_json(name) : json_null());
	json_add(json, "confidence", v->confidence < 0 ? json_null() : json_real(v->confidence));
	json_add(json, "events", json_integer(frame->events));
	json_add(json, "work_done", json_integer(v->done));
	json_add(json, "work_skipped", json_integer(v->skipped));
	json_add(json, "skipped", json_real(share(v->skipped, v->done)));
	json_add(json, "cycles", json_integer(v->cycles));
	json_add(json, "latency", json_real(v->latency));
	return live_json(json, err);
}

int verdicts_add(struct verdicts *verdicts, const struct verdict *verdict, struct dh_error *err)
{
	int ret = classes_add(&verdicts->classes, verdict->class, err);

	if (ret)
		return ret;
	verdicts->frames++;
	verdicts->events += verdict->frame->events;
	verdicts->time_us = verdict->time_us;
	verdicts->latency += verdict->latency;
	if (verdict->latency > verdicts->worst)
		verdicts->worst = verdict->latency;
	return verdicts->json ? show_json(verdicts, verdict, err)
			      : show_text(verdicts, verdict, err);
}

/* --- all of them ---------------------------------------------------------------------- */

/* Frames in a second of the recording; 0: it has no length. */
static double frame_rate(const struct verdicts *verdicts)
{
	return verdicts->time_us ? verdicts->frames / (verdicts->time_us * 1e-6) : 0;
}

static void print_cost(struct verdicts *verdicts, const struct net_cost *cost)
{
	const struct dh_report *sum = &cost->cost.sum;
	double host = net_cost_host_seconds(cost) / verdicts->frames;
	struct format skipped;

	printf("classes  ");
	classes_print(&verdicts->classes);
	printf("zeros    %s of the multiply-accumulates skipped\n",
	       format_percent(sum->work_skipped, sum->work_done + sum->work_skipped, &skipped));
	printf("latency  mean %.3f ms, worst %.3f ms, on the device as modelled; ~%.3f ms of the host\n",
	       verdicts->latency / verdicts->frames * 1e3, verdicts->worst * 1e3, host * 1e3);
	printf("rate     the device sustains %.1f frames/s", verdicts->frames / verdicts->latency);
	if (verdicts->time_us)
		printf("; the recording has %.1f", frame_rate(verdicts));
	putchar('\n');
}

void verdicts_print(struct verdicts *verdicts, const struct recording *rec,
		    const struct net_cost *cost)
{
	struct dh_event_info info = info_of(rec);

	live_end(&verdicts->live);
	printf("\nframes   %" PRIu64 " in %.3f s; %" PRIu64 " of %" PRIu64 " events, %" PRIu64
	       " left over\n",
	       verdicts->frames, verdicts->time_us * 1e-6, verdicts->events, info.events,
	       info.events - verdicts->events);
	recording_print_skipped(rec);
	if (verdicts->frames)
		print_cost(verdicts, cost);
}

json_t *verdicts_json(struct verdicts *verdicts, const struct recording *rec,
		      const struct net_cost *cost)
{
	const struct dh_report *sum = &cost->cost.sum;
	struct dh_event_info info = info_of(rec);
	bool any = verdicts->frames;
	json_t *json = json_object();

	json_add(json, "file", dh_text_json(rec->name));
	json_add(json, "frames", json_integer(verdicts->frames));
	json_add(json, "time", json_real(verdicts->time_us * 1e-6));
	json_add(json, "events", json_integer(info.events));
	json_add(json, "left_over", json_integer(info.events - verdicts->events));
	json_add(json, "not_events", recording_json_skipped(rec));
	json_add(json, "classes", classes_json(&verdicts->classes));
	json_add(json, "work_done", json_integer(sum->work_done));
	json_add(json, "work_skipped", json_integer(sum->work_skipped));
	json_add(json, "skipped", json_real(share(sum->work_skipped, sum->work_done)));
	json_add(json, "cycles", json_integer(sum->cycles));
	json_add(json, "latency_mean",
		 any ? json_real(verdicts->latency / verdicts->frames) : json_null());
	json_add(json, "latency_worst", any ? json_real(verdicts->worst) : json_null());
	json_add(json, "frames_per_second",
		 any ? json_real(verdicts->frames / verdicts->latency) : json_null());
	json_add(json, "recording_frames_per_second",
		 frame_rate(verdicts) ? json_real(frame_rate(verdicts)) : json_null());
	json_add(json, "host_seconds", json_real(net_cost_host_seconds(cost)));
	json_add(json, "clipped", json_integer(cost->cost.clipped));
	return json;
}
