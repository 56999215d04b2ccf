// SPDX-License-Identifier: MIT
/* Options on images and sound as inputs of networks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/media.h"

enum {
	KEY_MAX = 768,
	KEY_MEAN,
	KEY_STD,
	KEY_WAVEFORM,
};

static const struct argp_option options[] = {
	{ "pixel-max", KEY_MAX, "1|255", 0,
	  "values of a PNG file's pixels are 0 to this; 255 (the default), as uint8 arrays have them",
	  0 },
	{ "pixel-mean", KEY_MEAN, "M,...", 0,
	  "subtract this from the pixels of each channel, after that (default 0)", 0 },
	{ "pixel-std", KEY_STD, "S,...", 0, "and divide by this (default 1)", 0 },
	{ "waveform", KEY_WAVEFORM, NULL, 0,
	  "vectors of the input are pieces of a WAV or FLAC file's waveform, not features of it",
	  0 },
	{ 0 }
};

/* "0.5", or a number for each channel. */
static void numbers(struct argp_state *state, const char *what, char *text, bool positive,
		    double *values)
{
	double value = 0;
	size_t i;
	char *end = text;

	for (i = 0; i < MEDIA_CHANNELS; i++) {
		if (!i || *end == ',') {
			text = end + (i > 0);
			value = strtod(text, &end);
			if (end == text || !isfinite(value) || (positive && value <= 0))
				break;
		}
		values[i] = value;
	}
	if (i < MEDIA_CHANNELS || *end)
		argp_error(state, "%s: must be a%s number, or one for each of up to %d channels",
			   what, positive ? " positive" : "", MEDIA_CHANNELS);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct media_options *media = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		*media = (struct media_options){ .most = 255, .std = { 1, 1, 1, 1 } };
		return 0;
	case KEY_MAX:
		if (strcmp(arg, "1") && strcmp(arg, "255"))
			argp_error(state, "--pixel-max: \"%s\": must be 1 or 255", arg);
		media->most = atoi(arg);
		return 0;
	case KEY_MEAN:
		numbers(state, "--pixel-mean", arg, false, media->mean);
		return 0;
	case KEY_STD:
		numbers(state, "--pixel-std", arg, true, media->std);
		return 0;
	case KEY_WAVEFORM:
		media->waveform = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp media_options_argp = { .options = options, .parser = parse };
