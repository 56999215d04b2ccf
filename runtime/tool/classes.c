// SPDX-License-Identifier: MIT
/* Classes: their names, and how often each was the answer. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "tool/classes.h"
#include "tool/tool.h"

#define FILE_MOST     (1 << 20)
#define CLASSES_SHOWN 8

static int out_of_memory(struct dh_error *err)
{
	dh_error_set(err, "classes: out of memory");
	return -ENOMEM;
}

/* --- names --------------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n' || !text[1];
	return count;
}

/* Cuts a line off; returns what is behind it. */
static char *cut_line(char *line)
{
	char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;

	*end = '\0';
	if (end > line && end[-1] == '\r')
		end[-1] = '\0';
	dh_text_clean(line);
	return next;
}

static int take_names(struct classes *classes, const char *path, struct dh_error *err)
{
	char *line = classes->text, *next;

	for (; *line; line = next) {
		next = cut_line(line);
		classes->names[classes->name_count++] = line;
		if (*line)
			continue;
		dh_error_set(err, "%s: line %zu is empty: every class must have a name", path,
			     classes->name_count);
		return -EINVAL;
	}
	return 0;
}

static int check_names(const struct classes *classes, const char *path, size_t size, size_t count,
		       struct dh_error *err)
{
	if (strlen(classes->text) != size) {
		dh_error_set(err, "%s: byte %zu is 0: not a text file", path,
			     strlen(classes->text));
		return -EINVAL;
	}
	if (!count || count == count_lines(classes->text))
		return 0;
	dh_error_set(err, "%s: %zu names for %zu classes: give one a line, in their order", path,
		     count_lines(classes->text), count);
	return -EINVAL;
}

int classes_load(struct classes *classes, const char *path, size_t count, struct dh_error *err)
{
	uint8_t *data;
	size_t size;
	int ret = dh_file_read(path, FILE_MOST, &data, &size, err);

	if (ret)
		return ret;
	data[size] = '\0';
	classes->text = (char *)data;
	ret = check_names(classes, path, size, count, err);
	if (ret)
		return ret;
	classes->names = calloc(count_lines(classes->text) + 1, sizeof(*classes->names));
	return classes->names ? take_names(classes, path, err) : out_of_memory(err);
}

const char *classes_name(const struct classes *classes, int64_t class)
{
	return class >= 0 && (uint64_t) class < classes->name_count ? classes->names[class] : NULL;
}

/* --- answers ------------------------------------------------------------------------- */

int classes_add(struct classes *classes, int64_t class, struct dh_error *err)
{
	struct class_count *counts = classes->counts;
	size_t i;

	for (i = 0; i < classes->count_count && counts[i].class != class; i++)
		;
	if (i == classes->count_count) {
		counts = reallocarray(counts, i + 1, sizeof(*counts));
		if (!counts)
			return out_of_memory(err);
		counts[i] = (struct class_count){ .class = class };
		classes->counts = counts;
		classes->count_count++;
	}
	counts[i].count++;
	classes->answers++;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct class_count *a = left, *b = right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return a->class < b->class ? -1 : 1;
}

static void sort(struct classes *classes)
{
	if (classes->count_count)
		qsort(classes->counts, classes->count_count, sizeof(*classes->counts), compare);
}

void classes_print(struct classes *classes)
{
	size_t i;

	sort(classes);
	for (i = 0; i < classes->count_count && i < CLASSES_SHOWN; i++) {
		const struct class_count *one = classes->counts + i;
		const char *name = classes_name(classes, one->class);

		printf("%s", i ? ", " : "");
		if (name)
			printf("%s", name);
		else
			printf("%" PRId64, one->class);
		printf(" %" PRIu64 " (%.1f %%)", one->count, 100.0 * one->count / classes->answers);
	}
	if (i < classes->count_count)
		printf(", and %zu more", classes->count_count - i);
	putchar('\n');
}

json_t *classes_json(struct classes *classes)
{
	json_t *all = json_array(), *json;

	sort(classes);
	for (size_t i = 0; i < classes->count_count; i++) {
		const struct class_count *one = classes->counts + i;
		const char *name = classes_name(classes, one->class);

		json = json_object();
		json_add(json, "class", json_integer(one->class));
		json_add(json, "name", name ? dh_text_json(name) : json_null());
		json_add(json, "frames", json_integer(one->count));
		json_add(json, "share", json_real((double)one->count / classes->answers));
		json_append(all, json);
	}
	return all;
}

void classes_free(struct classes *classes)
{
	free(classes->text);
	free(classes->names);
	free(classes->counts);
	memset(classes, 0, sizeof(*classes));
}
