// SPDX-License-Identifier: MIT
/* Options on recordings of event cameras and the frames of them. */
#include <stdio.h>
#include <string.h>

#include "tool/event_options.h"
#include "tool/tool.h"

#define DEFAULT_COUNT 2000

enum {
	KEY_FORMAT = 512,
	KEY_LAYOUT,
	KEY_SIZE,
	KEY_COUNT,
	KEY_PERIOD,
	KEY_POLARITY,
	KEY_NORMALISE,
	KEY_CLIP,
	KEY_FLIP,
};

static const struct argp_option options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0,
	  "auto (by the first bytes, the default), aedat2, aedat3, es or evt2; with a name, the data "
	  "may begin without a header",
	  0 },
	{ "layout", KEY_LAYOUT, "LAYOUT", 0,
	  "addresses of AEDAT 2.0: auto (by the header, the default), dvs128, dvs128-jaer (the same "
	  "with the opposite polarity) or davis",
	  0 },
	{ "size", KEY_SIZE, "WxH", 0, "size of the sensor in pixels (default: by the header)", 0 },
	{ "count", KEY_COUNT, "N", 0, "frames of N events (default 2000)", 0 },
	{ "period", KEY_PERIOD, "US", 0,
	  "frames of US microseconds instead; without an event there is no frame", 0 },
	{ "polarity", KEY_POLARITY, "WHAT", 0,
	  "ignore (the default): every event counts 1; keep: off events count -1; or split: on and "
	  "off events are counted apart, in two channels",
	  0 },
	{ "normalise", KEY_NORMALISE, "HOW", 0,
	  "caer (the default), jaer, jaer-centred or linear; see Documentation/events.rst", 0 },
	{ "clip", KEY_CLIP, "N", 0,
	  "counts above N become N (default 200 for caer, 100 for jaer, 16 for linear)", 0 },
	{ "flip", KEY_FLIP, "AXES", 0, "x, y or xy: mirror frames", 0 },
	{ 0 }
};

/* One of the names that a function knows, or argp_error() */
static unsigned int choice(struct argp_state *state, const char *what, const char *text,
			   const char *(*name)(unsigned int))
{
	char all[128] = "";
	unsigned int i;

	for (i = 0; name(i); i++) {
		if (!strcmp(text, name(i)))
			return i;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? ", " : "",
			 name(i));
	}
	argp_error(state, "%s: \"%s\": must be one of %s", what, text, all);
	return 0;
}

void event_options_size(struct argp_state *state, const char *what, const char *text,
			unsigned int most, uint16_t *width, uint16_t *height)
{
	unsigned int w, h;
	char more;

	if (sscanf(text, "%5ux%5u%c", &w, &h, &more) != 2 || !w || !h || w > most || h > most)
		argp_error(state, "%s: \"%s\": must be WIDTHxHEIGHT, each from 1 to %u", what, text,
			   most);
	*width = w;
	*height = h;
}

/* Bit 0: off events count -1, bit 1: they are counted apart. */
static const char *polarity_name(unsigned int i)
{
	static const char *const names[] = { "ignore", "keep", "split" };

	return i < 3 ? names[i] : NULL;
}

/* Bit 0: columns, bit 1: rows. */
static const char *flip_name(unsigned int i)
{
	static const char *const names[] = { "none", "x", "y", "xy" };

	return i < 4 ? names[i] : NULL;
}

static error_t parse_reader(int key, char *arg, struct argp_state *state)
{
	struct dh_event_reader_options *reader = &((struct event_options *)state->input)->reader;

	switch (key) {
	case KEY_FORMAT:
		reader->format = choice(state, "--format", arg, dh_event_format_name);
		return 0;
	case KEY_LAYOUT:
		reader->layout = choice(state, "--layout", arg, dh_event_layout_name);
		return 0;
	case KEY_SIZE:
		event_options_size(state, "--size", arg, UINT16_MAX, &reader->width,
				   &reader->height);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_framer(int key, char *arg, struct argp_state *state)
{
	struct event_options *given = state->input;
	struct dh_framer_options *framer = &given->framer;
	unsigned int bits;

	switch (key) {
	case KEY_COUNT:
		framer->events = tool_number(state, "--count", arg, 1, 1000000000);
		return 0;
	case KEY_PERIOD:
		framer->period_us = tool_number(state, "--period", arg, 1, 1000000000);
		return 0;
	case KEY_POLARITY:
		bits = choice(state, "--polarity", arg, polarity_name);
		framer->polarity = bits & 1;
		framer->split = bits >> 1;
		given->has_polarity = true;
		return 0;
	case KEY_NORMALISE:
		framer->normalise = choice(state, "--normalise", arg, dh_normalise_name);
		return 0;
	case KEY_CLIP:
		framer->clip = tool_number(state, "--clip", arg, 1, 1023);
		return 0;
	case KEY_FLIP:
		bits = choice(state, "--flip", arg, flip_name);
		framer->flip_x = bits & 1;
		framer->flip_y = bits >> 1;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void begin(struct event_options *given)
{
	*given = (struct event_options){ .reader = { .size = sizeof(given->reader) },
					 .framer = { .size = sizeof(given->framer) } };
}

static void end(struct dh_framer_options *framer, struct argp_state *state)
{
	if (framer->events && framer->period_us)
		argp_error(state, "--count and --period: choose one");
	if (!framer->period_us && !framer->events)
		framer->events = DEFAULT_COUNT;
}

static const char *name_of(int key)
{
	const struct argp_option *option = options;

	while (option->name && option->key != key)
		option++;
	return option->name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct event_options *given = state->input;
	error_t ret;

	if (key == ARGP_KEY_INIT) {
		begin(given);
		return 0;
	}
	if (key == ARGP_KEY_END) {
		end(&given->framer, state);
		return 0;
	}
	ret = parse_reader(key, arg, state);
	if (ret)
		ret = parse_framer(key, arg, state);
	if (!ret)
		given->given = name_of(key);
	return ret;
}

const struct argp event_options_argp = { .options = options, .parser = parse };
