/* SPDX-License-Identifier: MIT */
/*
 * A recording's events on their way into frames.
 */
#ifndef DELTAHOP_FRAMING_H
#define DELTAHOP_FRAMING_H

#include "tool/recording.h"

/** framing_take - takes a frame; 0, or anything else to stop */
typedef int framing_take(void *context, const struct dh_frame *frame, struct dh_error *err);

/**
 * struct framing - frames in the making
 * @options: how; the size of frames is given, that of the sensor filled in
 * @take: what becomes of a frame
 * @context: for @take
 * @framer: makes them; NULL: not begun
 */
struct framing {
	struct dh_framer_options options;
	framing_take *take;
	void *context;
	struct dh_framer *framer;
};

/** framing_begin() - once the recording's header was read, which has the sensor's size */
int framing_begin(struct framing *framing, const struct recording *rec, struct dh_error *err);

/** framing_push() - add events; 0, a negative errno, or what @take stopped with */
int framing_push(struct framing *framing, const struct dh_event *events, size_t count,
		 struct dh_error *err);

/**
 * framing_end() - no more will come: the last window of time is a frame, fewer events than asked for
 * are none
 */
int framing_end(struct framing *framing, struct dh_error *err);

/** framing_free() - also what has not begun */
void framing_free(struct framing *framing);

#endif /* DELTAHOP_FRAMING_H */
