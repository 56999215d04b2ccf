/* SPDX-License-Identifier: MIT */
/*
 * Events out of a file, a pipe or standard input, as they come.
 */
#ifndef DELTAHOP_RECORDING_H
#define DELTAHOP_RECORDING_H

#include <jansson.h>

#include "deltahop.h"

#define RECORDING_BYTES 65536

/**
 * struct recording - an open file
 * @name: for people
 * @reader: decodes it; its dh_event_info tells what is known
 * @fd: of the file
 * @bytes: read; of these @filled, and from @at on not yet decoded
 * @ended: no more will come
 */
struct recording {
	const char *name;
	struct dh_event_reader *reader;
	int fd;
	bool ended;
	size_t at;
	size_t filled;
	unsigned char bytes[RECORDING_BYTES];
};

/** recording_open() - "-" is standard input; @options: the name is filled in here */
int recording_open(struct recording *rec, const char *path,
		   const struct dh_event_reader_options *options, struct dh_error *err);

/**
 * recording_next() - wait for events
 * @events: filled with what has come, at most @room
 * @count: filled: how many there are
 *
 * Return: 1: there are some; 0: the recording is over; or a negative errno.
 */
int recording_next(struct recording *rec, struct dh_event *events, size_t room, size_t *count,
		   struct dh_error *err);

/** recording_print_skipped() - a line on records that were no events of pixels, if any */
void recording_print_skipped(const struct recording *rec);

/** recording_json_skipped() - the same: number by kind */
json_t *recording_json_skipped(const struct recording *rec);

/** recording_close() - also what was not opened, if it is all zero */
void recording_close(struct recording *rec);

/**
 * recording_stop_on_signal() - from now on the first SIGINT or SIGTERM ends a recording that is read,
 * as if no more came
 */
void recording_stop_on_signal(void);

/** recording_stopped() - has such a signal come? */
bool recording_stopped(void);

#endif /* DELTAHOP_RECORDING_H */
