/* SPDX-License-Identifier: MIT */
/*
 * An arena: memory that is given out piece by piece and freed all at once, up to a limit, so
 * that a small hostile file cannot make its reader take gigabytes.
 */
#ifndef DELTAHOP_ARENA_H
#define DELTAHOP_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct dh_arena_piece;

/**
 * struct dh_arena - all zero but for @limit at the start
 * @pieces: newest first
 * @used: bytes given out
 * @limit: most bytes that it gives out
 * @full: more was asked for
 */
struct dh_arena {
	struct dh_arena_piece *pieces;
	size_t used;
	size_t limit;
	bool full;
};

/**
 * dh_arena_alloc() - @count elements of @size bytes, zeroed; NULL: over the limit or out of memory
 */
void *dh_arena_alloc(struct dh_arena *arena, size_t count, size_t size);

/** dh_arena_strdup() - copy a string; NULL as above */
char *dh_arena_strdup(struct dh_arena *arena, const char *text);

/** dh_arena_free() - free every piece */
void dh_arena_free(struct dh_arena *arena);

#endif /* DELTAHOP_ARENA_H */
