/* SPDX-License-Identifier: MIT */
/*
 * Counts the allocations of what is linked with alloc_wraps (see meson.build), and makes them
 * fail. Those inside of shared libraries do not count, but jansson's after alloc_hook_jansson().
 */
#ifndef ALLOC_HOOK_H
#define ALLOC_HOOK_H

#include <stdbool.h>

/* Calls so far that get memory. */
extern unsigned long alloc_count;

/* Pieces of memory that are in use. */
extern long alloc_live;

/**
 * alloc_fail() - the @n-th call from here on that gets memory fails
 * @n: 1 is the next one; 0: none
 * @forever: so do all after it
 */
void alloc_fail(unsigned long n, bool forever);

/** alloc_has_failed() - did one fail since alloc_fail()? */
bool alloc_has_failed(void);

/** alloc_told() - is it told as it should be: success, or -ENOMEM and a sentence about memory? */
bool alloc_told(int ret, const char *sentence);

/** alloc_hook_jansson() - JSON values are counted and fail too */
void alloc_hook_jansson(void);

#endif /* ALLOC_HOOK_H */
