// SPDX-License-Identifier: MIT
/* Frames from events: a count per pixel of so many events, or of so much time, normalised. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "input/normalise.h"

#define DEFAULT_EVENTS 2000
#define DEFAULT_SIDE   64

/**
 * struct dh_framer - collects events
 * @options: as given, with the defaults in place of zeros
 * @counts: of the frame in progress, a number per pixel and channel
 * @events: in it
 * @first: time of the first event, or where its window begins
 * @last: time of the last event
 * @complete: the frame was handed out: the next event begins another
 * @number: frames handed out
 */
struct dh_framer {
	struct dh_framer_options options;
	int32_t *counts;
	int16_t *q8;
	float *values;
	uint64_t events;
	int64_t first;
	int64_t last;
	bool started;
	bool complete;
	uint64_t number;
};

static int bad_options(const struct dh_framer_options *options, struct dh_error *err)
{
	if (!options->sensor_width || !options->sensor_height) {
		dh_error_set(err, "framer: the size of the sensor is not known: give its width and "
				  "height");
		return -EINVAL;
	}
	if (options->width > DH_FRAME_MAX_SIDE || options->height > DH_FRAME_MAX_SIDE) {
		dh_error_set(err, "framer: frames of %u x %u: at most %d x %d", options->width,
			     options->height, DH_FRAME_MAX_SIDE, DH_FRAME_MAX_SIDE);
		return -ERANGE;
	}
	if (!dh_normalise_name(options->normalise) || options->clip > DH_FRAME_MAX_CLIP) {
		dh_error_set(err,
			     "framer: normalisation %d, counts up to %u: there is no such "
			     "normalisation, or more than %d",
			     options->normalise, options->clip, DH_FRAME_MAX_CLIP);
		return -ERANGE;
	}
	if (options->events && options->period_us) {
		dh_error_set(err, "framer: frames of %u events and of %" PRIu64 " us: choose one",
			     options->events, options->period_us);
		return -EINVAL;
	}
	if (options->polarity && options->split) {
		dh_error_set(err, "framer: off events that count -1, and off events apart: choose "
				  "one");
		return -EINVAL;
	}
	return 0;
}

static void set_defaults(struct dh_framer_options *options)
{
	if (!options->width)
		options->width = DEFAULT_SIDE;
	if (!options->height)
		options->height = DEFAULT_SIDE;
	if (!options->events && !options->period_us)
		options->events = DEFAULT_EVENTS;
	if (!options->clip)
		options->clip = dh_normalise_clip(options->normalise);
}

/* Of one channel. */
static size_t pixels(const struct dh_framer *framer)
{
	return (size_t)framer->options.width * framer->options.height;
}

static uint32_t channels(const struct dh_framer *framer)
{
	return framer->options.split ? 2 : 1;
}

/* Of all channels. */
static size_t values(const struct dh_framer *framer)
{
	return pixels(framer) * channels(framer);
}

int dh_framer_create(const struct dh_framer_options *given, struct dh_framer **framer,
		     struct dh_error *err)
{
	struct dh_framer_options options = { 0 };
	struct dh_framer *made;
	int ret;

	*framer = NULL;
	memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
	ret = bad_options(&options, err);
	if (ret)
		return ret;
	set_defaults(&options);
	made = calloc(1, sizeof(*made));
	if (made) {
		made->options = options;
		made->counts = calloc(values(made), sizeof(*made->counts));
		made->q8 = calloc(values(made), sizeof(*made->q8));
		made->values = calloc(values(made), sizeof(*made->values));
	}
	if (!made || !made->counts || !made->q8 || !made->values) {
		dh_framer_destroy(made);
		dh_error_set(err, "framer: out of memory");
		return -ENOMEM;
	}
	*framer = made;
	return 0;
}

void dh_framer_destroy(struct dh_framer *framer)
{
	if (!framer)
		return;
	free(framer->counts);
	free(framer->q8);
	free(framer->values);
	free(framer);
}

/* Microseconds since the frame's beginning; none if time runs back. */
static uint64_t elapsed(const struct dh_framer *framer, int64_t time)
{
	return time > framer->first ? (uint64_t)time - (uint64_t)framer->first : 0;
}

/* Windows of time lie end to end; those without an event give no frame. */
static void begin_frame(struct dh_framer *framer, int64_t time)
{
	uint64_t period = framer->options.period_us;

	memset(framer->counts, 0, values(framer) * sizeof(*framer->counts));
	framer->events = 0;
	framer->complete = false;
	if (framer->started && period)
		framer->first += elapsed(framer, time) / period * period;
	else
		framer->first = time;
	framer->started = true;
}

static void add(struct dh_framer *framer, const struct dh_event *event)
{
	const struct dh_framer_options *o = &framer->options;
	uint32_t x = (uint32_t)event->x * o->width / o->sensor_width;
	uint32_t y = (uint32_t)event->y * o->height / o->sensor_height;
	int32_t *count, sum;

	if (o->flip_x)
		x = o->width - 1 - x;
	if (o->flip_y)
		y = o->height - 1 - y;
	count = framer->counts + (o->split && !event->on ? pixels(framer) : 0) +
		(size_t)y * o->width + x;
	if (!__builtin_add_overflow(*count, o->polarity && !event->on ? -1 : 1, &sum))
		*count = sum;
	framer->last = event->time_us;
	framer->events++;
}

/* Counts beyond the limit are cut. */
static void limit(struct dh_framer *framer, struct dh_frame *frame)
{
	int32_t clip = framer->options.clip;
	size_t i;

	for (i = 0; i < values(framer); i++) {
		int32_t *count = framer->counts + i;

		frame->empty += !*count;
		frame->clipped += *count > clip || *count < -clip;
		*count = *count > clip ? clip : *count < -clip ? -clip : *count;
	}
}

static void finish_frame(struct dh_framer *framer, struct dh_frame *frame)
{
	const struct dh_framer_options *o = &framer->options;
	struct dh_frame full = {
		.size = frame->size,
		.q8 = framer->q8,
		.values = framer->values,
		.width = o->width,
		.height = o->height,
		.start_us = framer->first,
		.end_us = framer->last,
		.events = framer->events,
		.number = framer->number++,
		.channels = channels(framer),
	};

	limit(framer, &full);
	/* Both channels together, so that they can be compared. */
	dh_normalise(o->normalise, framer->counts, values(framer), o->clip, o->polarity, framer->q8,
		     framer->values);
	framer->complete = true;
	memcpy(frame, &full, frame->size < sizeof(full) ? frame->size : sizeof(full));
}

static int push_one(struct dh_framer *framer, const struct dh_event *event, struct dh_frame *frame,
		    struct dh_error *err)
{
	const struct dh_framer_options *o = &framer->options;

	if (event->x >= o->sensor_width || event->y >= o->sensor_height) {
		dh_error_set(err, "framer: an event at pixel (%u, %u) of a sensor of %u x %u",
			     event->x, event->y, o->sensor_width, o->sensor_height);
		return -EINVAL;
	}
	if (!framer->started || framer->complete)
		begin_frame(framer, event->time_us);
	add(framer, event);
	if (framer->events != o->events)
		return 0;
	finish_frame(framer, frame);
	return 1;
}

/* Is the window over when an event of that time comes? */
static bool is_over(const struct dh_framer *framer, int64_t time)
{
	return framer->options.period_us && framer->started && !framer->complete &&
	       elapsed(framer, time) >= framer->options.period_us;
}

int dh_framer_push(struct dh_framer *framer, const struct dh_event *events, size_t count,
		   size_t *used, struct dh_frame *frame, struct dh_error *err)
{
	int ret = 0;

	for (*used = 0; !ret && *used < count; *used += ret >= 0) {
		if (is_over(framer, events[*used].time_us)) {
			finish_frame(framer, frame);
			return 1;
		}
		ret = push_one(framer, events + *used, frame, err);
	}
	return ret;
}

bool dh_framer_flush(struct dh_framer *framer, struct dh_frame *frame)
{
	if (!framer->started || framer->complete)
		return false;
	finish_frame(framer, frame);
	return true;
}
