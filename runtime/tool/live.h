/* SPDX-License-Identifier: MIT */
/*
 * Lines on standard output that come as things happen.
 */
#ifndef DELTAHOP_LIVE_H
#define DELTAHOP_LIVE_H

#include <jansson.h>
#include <stdbool.h>

#include "deltahop.h"

/**
 * struct live - where they go
 * @rewrite: a terminal: a line takes the place of the one before it
 * @shown: it has such a line
 */
struct live {
	bool rewrite;
	bool shown;
};

/** live_line() - print a line of text, or rewrite it; a negative errno if it cannot be written */
int live_line(struct live *live, const char *text, struct dh_error *err);

/** live_json() - print an object on a line; takes the reference */
int live_json(json_t *json, struct dh_error *err);

/** live_end() - the last line stays */
void live_end(struct live *live);

#endif /* DELTAHOP_LIVE_H */
