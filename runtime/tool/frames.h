/* SPDX-License-Identifier: MIT */
/*
 * Frames of events on their way to files: one .npy file of all, or a directory with one file each.
 */
#ifndef DELTAHOP_FRAMES_H
#define DELTAHOP_FRAMES_H

#include "base/npy.h"

/**
 * struct frames - where frames go, and what they were like
 * @path: a file if it ends in ".npy", else a directory; NULL: nowhere
 * @count: frames written
 * @events: in them
 * @time_us: from start to end, summed up
 * @empty: share of empty pixels, summed up
 */
struct frames {
	const char *path;
	struct dh_npy_writer writer;
	uint64_t count;
	uint64_t events;
	uint64_t time_us;
	double empty;
};

/**
 * frames_open() - create the file or directory
 * @path: must last until frames_close(); a directory must not have frames in it
 * @options: of the framer, with the size of frames
 */
int frames_open(struct frames *frames, const char *path, const struct dh_framer_options *options,
		struct dh_error *err);

/** frames_add() - write a frame */
int frames_add(struct frames *frames, const struct dh_frame *frame, struct dh_error *err);

/** frames_close() - finish the file */
int frames_close(struct frames *frames, struct dh_error *err);

#endif /* DELTAHOP_FRAMES_H */
