// SPDX-License-Identifier: MIT
/* A hash table of names: open addressing, never more than half full. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/names.h"

static size_t hash_of(const char *name)
{
	uint64_t hash = 14695981039346656037u;

	for (const char *s = name; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 1099511628211u;
	return hash ^ hash >> 32;
}

/* Where @name is, or would be. */
static struct dh_names_entry *slot(const struct dh_names *names, const char *name)
{
	size_t at = hash_of(name);

	for (;; at++) {
		struct dh_names_entry *entry = &names->entries[at & (names->room - 1)];

		if (!entry->name || !strcmp(entry->name, name))
			return entry;
	}
}

static bool grow(struct dh_names *names)
{
	struct dh_names more = { .room = names->room ? 2 * names->room : 64 };

	more.entries = calloc(more.room, sizeof(*more.entries));
	if (!more.entries)
		return false;
	for (size_t i = 0; i < names->room; i++) {
		if (names->entries[i].name)
			*slot(&more, names->entries[i].name) = names->entries[i];
	}
	free(names->entries);
	names->entries = more.entries;
	names->room = more.room;
	return true;
}

void *dh_names_find(const struct dh_names *names, const char *name)
{
	return names->room ? slot(names, name)->value : NULL;
}

bool dh_names_add(struct dh_names *names, const char *name, void *value)
{
	if (2 * (names->used + 1) > names->room && !grow(names))
		return false;
	*slot(names, name) = (struct dh_names_entry){ name, value };
	names->used++;
	return true;
}

void dh_names_free(struct dh_names *names)
{
	free(names->entries);
	*names = (struct dh_names){ 0 };
}
