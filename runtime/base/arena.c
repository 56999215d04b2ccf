// SPDX-License-Identifier: MIT
/* Memory that is freed all at once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

struct dh_arena_piece {
	struct dh_arena_piece *next;
	max_align_t data[];
};

void *dh_arena_alloc(struct dh_arena *arena, size_t count, size_t size)
{
	struct dh_arena_piece *piece;
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > arena->limit ||
	    arena->used > arena->limit - bytes) {
		arena->full = true;
		return NULL;
	}
	piece = calloc(1, sizeof(*piece) + bytes);
	if (!piece)
		return NULL;
	arena->used += bytes;
	piece->next = arena->pieces;
	arena->pieces = piece;
	return piece->data;
}

char *dh_arena_strdup(struct dh_arena *arena, const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = dh_arena_alloc(arena, len, 1);

	return copy ? memcpy(copy, text, len) : NULL;
}

void dh_arena_free(struct dh_arena *arena)
{
	while (arena->pieces) {
		struct dh_arena_piece *next = arena->pieces->next;

		free(arena->pieces);
		arena->pieces = next;
	}
	arena->used = 0;
}
