/* SPDX-License-Identifier: MIT */
/*
 * Names that each stand for a number, found by hash. Names are not copied.
 */
#ifndef DELTAHOP_NAMES_H
#define DELTAHOP_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** struct dh_names - all zero at the start */
struct dh_names {
	struct dh_names_entry {
		const char *name;
		uint32_t value;
	} * entries;
	size_t room;
	size_t used;
};

/** dh_names_find() - the number of a name, which may be changed; NULL: not there */
uint32_t *dh_names_find(const struct dh_names *names, const char *name);

/**
 * dh_names_add() - add a name
 * @name: must stay as long as @names does
 * @value: what it stands for, if it is new
 *
 * Return: the number that it stands for now, or NULL: out of memory. Valid until the next call.
 */
uint32_t *dh_names_add(struct dh_names *names, const char *name, uint32_t value);

/** dh_names_free() - forget all */
void dh_names_free(struct dh_names *names);

#endif /* DELTAHOP_NAMES_H */
