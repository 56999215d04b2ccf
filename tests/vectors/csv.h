/* SPDX-License-Identifier: MIT */
/* Tables of integers with a line of column names, and key,value files. */
#ifndef DELTAHOP_TEST_CSV_H
#define DELTAHOP_TEST_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define CSV_MAX_COLUMNS 64
#define CSV_MAX_NAME	32

/**
 * struct csv - a table
 * @value: row by row; NULL for one without rows
 */
struct csv {
	char path[4096];
	unsigned int columns;
	char name[CSV_MAX_COLUMNS][CSV_MAX_NAME];
	size_t rows;
	int64_t *value;
};

/** csv_load() - read a table whose values are all integers; Return: 0 or a negative errno */
int csv_load(const char *path, struct csv *csv, struct dh_error *err);
void csv_free(struct csv *csv);

/** csv_column() - number of a column, -1 if there is none */
int csv_column(const struct csv *csv, const char *name);

/**
 * csv_load_keys() - read a file of "key,value" lines as a table of one row with a column for each
 * key whose value is an integer
 */
int csv_load_keys(const char *path, struct csv *csv, struct dh_error *err);

static inline int64_t csv_value(const struct csv *csv, size_t row, unsigned int column)
{
	return csv->value[row * csv->columns + column];
}

#endif /* DELTAHOP_TEST_CSV_H */
