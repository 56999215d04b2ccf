/* SPDX-License-Identifier: MIT */
/*
 * NumPy array files (.npy), versions 1.0 to 3.0: little endian, C order, plain integers and floats.
 */
#ifndef DELTAHOP_NPY_H
#define DELTAHOP_NPY_H

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

#define DH_ARRAY_MAX_DIMS 8

/** enum dh_dtype - type of the elements */
enum dh_dtype {
	DH_DTYPE_I1,
	DH_DTYPE_I2,
	DH_DTYPE_I4,
	DH_DTYPE_I8,
	DH_DTYPE_U1,
	DH_DTYPE_U2,
	DH_DTYPE_U4,
	DH_DTYPE_U8,
	DH_DTYPE_F4,
	DH_DTYPE_F8,
	DH_DTYPE_COUNT,
};

/**
 * struct dh_array - an array in C order
 * @dtype: type of the elements
 * @ndim: dimensions, 0 for a single value
 * @shape: elements along each dimension
 * @data: the elements in host byte order, aligned for any type
 */
struct dh_array {
	enum dh_dtype dtype;
	unsigned int ndim;
	size_t shape[DH_ARRAY_MAX_DIMS];
	void *data;
};

/** dh_dtype_size() - bytes of one element */
size_t dh_dtype_size(enum dh_dtype dtype);

/** dh_dtype_name() - NumPy's name of a type ("int16") */
const char *dh_dtype_name(enum dh_dtype dtype);

/** dh_array_count() - number of elements; 1 for a single value */
size_t dh_array_count(const struct dh_array *array);

/** dh_array_value() - an element as a real value; int16 are Q8.8, so value / 256, others as they are */
double dh_array_value(const struct dh_array *array, size_t index);

/** dh_array_free() - free the elements and forget them */
void dh_array_free(struct dh_array *array);

/**
 * dh_npy_load() - read a file
 * @path: its name
 * @array: filled on success; free it with dh_array_free()
 * @err: says what is wrong with the file
 *
 * Return: 0 or a negative errno (-EINVAL: not a file of this kind).
 */
int dh_npy_load(const char *path, struct dh_array *array, struct dh_error *err);

/**
 * dh_npy_parse() - the same from memory
 * @name: what to call it in errors
 */
int dh_npy_parse(const void *buf, size_t len, const char *name, struct dh_array *array,
		 struct dh_error *err);

/** dh_npy_save() - write a file of version 1.0 as NumPy does */
int dh_npy_save(const char *path, const struct dh_array *array, struct dh_error *err);

/**
 * struct dh_npy_writer - a file that is written row by row
 * @file: NULL: not open, or an error occurred
 * @path: its name, the caller's
 * @array: rows so far, without data
 */
struct dh_npy_writer {
	FILE *file;
	const char *path;
	struct dh_array array;
};

/**
 * dh_npy_writer_open() - begin to write a file, which cannot be a pipe
 * @path: must last until it is closed
 * @row: type and shape of a row, of at most DH_ARRAY_MAX_DIMS - 1 dimensions
 */
int dh_npy_writer_open(struct dh_npy_writer *writer, const char *path, const struct dh_array *row,
		       struct dh_error *err);

/** dh_npy_writer_add() - add a row; after an error the file is closed */
int dh_npy_writer_add(struct dh_npy_writer *writer, const void *row, struct dh_error *err);

/** dh_npy_writer_close() - write how many rows there are, and close; may be called after an error */
int dh_npy_writer_close(struct dh_npy_writer *writer, struct dh_error *err);

#endif /* DELTAHOP_NPY_H */
