/* SPDX-License-Identifier: MIT */
/*
 * Whole files: read into memory, written so that nobody sees half of one.
 */
#ifndef DELTAHOP_FILE_H
#define DELTAHOP_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/**
 * dh_file_read() - read a regular file
 * @most: bytes that it may have
 * @data: set on success, to be freed with free(); a byte more than @size is there
 *
 * Return: 0 or a negative errno (-EINVAL: not a regular file, or too large).
 */
int dh_file_read(const char *path, size_t most, uint8_t **data, size_t *size, struct dh_error *err);

/**
 * dh_file_write() - write a file under a temporary name and rename it when it is complete; a pipe or
 * a device is written to
 */
int dh_file_write(const char *path, const void *data, size_t size, struct dh_error *err);

#endif /* DELTAHOP_FILE_H */
