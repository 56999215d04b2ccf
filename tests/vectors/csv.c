// SPDX-License-Identifier: MIT
/* Tables of integers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"

#define MAX_LINE 4096

static int refuse(const struct csv *csv, struct dh_error *err, size_t line, const char *what)
{
	dh_error_set(err, "%s, line %zu: %s", csv->path, line, what);
	return -EINVAL;
}

/* Return: 1 for a line (without its end), 0 at the end of the file, or a negative errno. */
static int read_line(FILE *file, const struct csv *csv, char *line, size_t number,
		     struct dh_error *err)
{
	size_t len;

	errno = 0;
	if (!fgets(line, MAX_LINE, file)) {
		if (!ferror(file))
			return 0;
		dh_error_set(err, "%s: cannot read it: %s", csv->path, strerror(errno));
		return -EIO;
	}
	len = strlen(line);
	if (len == MAX_LINE - 1 && line[len - 1] != '\n')
		return refuse(csv, err, number, "line too long");
	line[strcspn(line, "\r\n")] = '\0';
	return 1;
}

static int take_names(struct csv *csv, char *line, struct dh_error *err)
{
	char *name, *rest = line;

	while ((name = strsep(&rest, ","))) {
		if (csv->columns == CSV_MAX_COLUMNS)
			return refuse(csv, err, 1, "too many columns");
		if (!*name || strlen(name) >= CSV_MAX_NAME)
			return refuse(csv, err, 1, "column name empty or too long");
		memcpy(csv->name[csv->columns++], name, strlen(name) + 1);
	}
	return 0;
}

static bool take_value(const char *text, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 0);
	return *text && !*end && !errno;
}

static int take_row(struct csv *csv, char *line, size_t number, struct dh_error *err)
{
	unsigned int column = 0;
	char *text, *rest = line;
	int64_t *grown;

	if (!(csv->rows & (csv->rows - 1))) {
		grown = realloc(csv->value,
				(csv->rows ? 2 * csv->rows : 1) * csv->columns * sizeof(*grown));
		if (!grown)
			return refuse(csv, err, number, "out of memory");
		csv->value = grown;
	}
	while ((text = strsep(&rest, ","))) {
		if (column == csv->columns)
			return refuse(csv, err, number, "more values than columns");
		if (!take_value(text, &csv->value[csv->rows * csv->columns + column++]))
			return refuse(csv, err, number, "a value that is no integer");
	}
	if (column != csv->columns)
		return refuse(csv, err, number, "fewer values than columns");
	csv->rows++;
	return 0;
}

static int take_table(FILE *file, struct csv *csv, struct dh_error *err)
{
	char line[MAX_LINE];
	int ret;

	ret = read_line(file, csv, line, 1, err);
	if (ret <= 0)
		return ret ? ret
			   : refuse(csv, err, 1,
				    "the file is empty; wanted is a line of column names");
	ret = take_names(csv, line, err);
	for (size_t number = 2; !ret; number++) {
		ret = read_line(file, csv, line, number, err);
		if (ret <= 0)
			return ret;
		ret = *line ? take_row(csv, line, number, err) : 0;
	}
	return ret;
}

static int take_key(struct csv *csv, char *line, size_t number, struct dh_error *err)
{
	char *comma = strchr(line, ',');
	unsigned int column = csv->columns;

	if (!comma)
		return refuse(csv, err, number, "not \"key,value\"");
	*comma = '\0';
	if (column == CSV_MAX_COLUMNS || strlen(line) >= CSV_MAX_NAME)
		return refuse(csv, err, number, "too many keys, or one that is too long");
	if (csv_column(csv, line) >= 0)
		return refuse(csv, err, number, "a key that was there before");
	/* Who needs the key will miss it. */
	if (!take_value(comma + 1, &csv->value[column]))
		return 0;
	memcpy(csv->name[column], line, strlen(line) + 1);
	csv->columns++;
	return 0;
}

static int take_keys(FILE *file, struct csv *csv, struct dh_error *err)
{
	char line[MAX_LINE];
	int ret = 0;

	csv->value = calloc(CSV_MAX_COLUMNS, sizeof(*csv->value));
	if (!csv->value)
		return refuse(csv, err, 1, "out of memory");
	csv->rows = 1;
	for (size_t number = 1; !ret; number++) {
		ret = read_line(file, csv, line, number, err);
		if (ret <= 0)
			return ret;
		ret = !*line || !strcmp(line, "key,value") ? 0 : take_key(csv, line, number, err);
	}
	return ret;
}

static int load(const char *path, struct csv *csv, struct dh_error *err,
		int (*take)(FILE *, struct csv *, struct dh_error *))
{
	FILE *file;
	int ret;

	memset(csv, 0, sizeof(*csv));
	snprintf(csv->path, sizeof(csv->path), "%s", path);
	file = fopen(path, "re");
	if (!file) {
		ret = -errno;
		dh_error_set(err, "%s: cannot open it: %s", path, strerror(errno));
		return ret;
	}
	ret = take(file, csv, err);
	fclose(file);
	if (ret)
		csv_free(csv);
	return ret;
}

int csv_load(const char *path, struct csv *csv, struct dh_error *err)
{
	return load(path, csv, err, take_table);
}

int csv_load_keys(const char *path, struct csv *csv, struct dh_error *err)
{
	return load(path, csv, err, take_keys);
}

void csv_free(struct csv *csv)
{
	free(csv->value);
	csv->value = NULL;
	csv->rows = 0;
}

int csv_column(const struct csv *csv, const char *name)
{
	for (unsigned int i = 0; i < csv->columns; i++) {
		if (!strcmp(csv->name[i], name))
			return i;
	}
	return -1;
}
