/* SPDX-License-Identifier: MIT */
/*
 * Classes: their names, and how often each was the answer.
 */
#ifndef DELTAHOP_CLASSES_H
#define DELTAHOP_CLASSES_H

#include <jansson.h>

#include "deltahop.h"

/** struct class_count - answers of a class */
struct class_count {
	int64_t class;
	uint64_t count;
};

/**
 * struct classes - what is known of them; all zero: nothing
 * @text: the file of names
 * @names: in it, of class 0 and up
 * @counts: of the classes that were answers
 * @answers: in all
 */
struct classes {
	char *text;
	const char **names;
	size_t name_count;
	struct class_count *counts;
	size_t count_count;
	uint64_t answers;
};

/**
 * classes_load() - read names, a line each
 * @count: classes that there are; 0: not known
 */
int classes_load(struct classes *classes, const char *path, size_t count, struct dh_error *err);

/** classes_name() - NULL: it has none */
const char *classes_name(const struct classes *classes, int64_t class);

/** classes_add() - count an answer */
int classes_add(struct classes *classes, int64_t class, struct dh_error *err);

/** classes_print() - how often each was the answer, the most frequent ones first, on a line */
void classes_print(struct classes *classes);

/** classes_json() - the same, all of them */
json_t *classes_json(struct classes *classes);

/** classes_free() - free all */
void classes_free(struct classes *classes);

#endif /* DELTAHOP_CLASSES_H */
