/* SPDX-License-Identifier: MIT */
/*
 * What names stand for, found by hash. Names are not copied.
 */
#ifndef DELTAHOP_NAMES_H
#define DELTAHOP_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/** struct dh_names - all zero at the start */
struct dh_names {
	struct dh_names_entry {
		const char *name;
		void *value;
	} * entries;
	size_t room;
	size_t used;
};

/** dh_names_find() - what a name stands for, or NULL: it is not there */
void *dh_names_find(const struct dh_names *names, const char *name);

/**
 * dh_names_add() - add a name that is not there yet
 * @name: must stay as long as @names does
 * @value: what it stands for, not NULL
 *
 * Return: false: out of memory.
 */
bool dh_names_add(struct dh_names *names, const char *name, void *value);

/** dh_names_free() - forget all */
void dh_names_free(struct dh_names *names);

#endif /* DELTAHOP_NAMES_H */
