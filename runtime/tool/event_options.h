/* SPDX-License-Identifier: MIT */
/*
 * The command line's options on recordings of event cameras and the frames of them.
 */
#ifndef DELTAHOP_EVENT_OPTIONS_H
#define DELTAHOP_EVENT_OPTIONS_H

#include <argp.h>

#include "deltahop.h"

/**
 * struct event_options - what they say
 * @reader: how to read
 * @framer: how to make frames, without the sizes of sensor and frames
 * @has_polarity: --polarity was given
 * @given: an option that was given; NULL: none
 */
struct event_options {
	struct dh_event_reader_options reader;
	struct dh_framer_options framer;
	bool has_polarity;
	const char *given;
};

/** event_options_argp - for argp's children; its input is a struct event_options, which it fills */
extern const struct argp event_options_argp;

/** event_options_size() - read "640x480", each number from 1 to @most, or argp_error() */
void event_options_size(struct argp_state *state, const char *what, const char *text,
			unsigned int most, uint16_t *width, uint16_t *height);

#endif /* DELTAHOP_EVENT_OPTIONS_H */
