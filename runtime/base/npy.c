// SPDX-License-Identifier: MIT
/* NumPy array files: the one reader and writer of the project. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"

#define MAGIC	  "\x93NUMPY"
#define MAGIC_LEN 6

static const struct {
	const char *code;
	const char *name;
	unsigned char size;
} dtypes[DH_DTYPE_COUNT] = {
	[DH_DTYPE_I1] = { "i1", "int8", 1 },	[DH_DTYPE_I2] = { "i2", "int16", 2 },
	[DH_DTYPE_I4] = { "i4", "int32", 4 },	[DH_DTYPE_I8] = { "i8", "int64", 8 },
	[DH_DTYPE_U1] = { "u1", "uint8", 1 },	[DH_DTYPE_U2] = { "u2", "uint16", 2 },
	[DH_DTYPE_U4] = { "u4", "uint32", 4 },	[DH_DTYPE_U8] = { "u8", "uint64", 8 },
	[DH_DTYPE_F4] = { "f4", "float32", 4 }, [DH_DTYPE_F8] = { "f8", "float64", 8 },
};

size_t dh_dtype_size(enum dh_dtype dtype)
{
	return dtypes[dtype].size;
}

const char *dh_dtype_name(enum dh_dtype dtype)
{
	return dtypes[dtype].name;
}

size_t dh_array_count(const struct dh_array *array)
{
	size_t count = 1;

	for (unsigned int i = 0; i < array->ndim; i++)
		count *= array->shape[i];
	return count;
}

double dh_array_value(const struct dh_array *array, size_t index)
{
	switch (array->dtype) {
	case DH_DTYPE_I1:
		return ((const int8_t *)array->data)[index];
	case DH_DTYPE_I2:
		return ((const int16_t *)array->data)[index] / 256.0;
	case DH_DTYPE_I4:
		return ((const int32_t *)array->data)[index];
	case DH_DTYPE_I8:
		return ((const int64_t *)array->data)[index];
	case DH_DTYPE_U1:
		return ((const uint8_t *)array->data)[index];
	case DH_DTYPE_U2:
		return ((const uint16_t *)array->data)[index];
	case DH_DTYPE_U4:
		return ((const uint32_t *)array->data)[index];
	case DH_DTYPE_U8:
		return ((const uint64_t *)array->data)[index];
	case DH_DTYPE_F4:
		return ((const float *)array->data)[index];
	case DH_DTYPE_F8:
		return ((const double *)array->data)[index];
	default:
		return 0;
	}
}

void dh_array_free(struct dh_array *array)
{
	free(array->data);
	memset(array, 0, sizeof(*array));
}

/* Text of the header, a Python dictionary literal, read from left to right. */
struct header {
	const char *at;
	const char *end;
	const char *name;
	struct dh_error *err;
};

static int malformed(const struct header *header, const char *what)
{
	dh_error_set(header->err,
		     "%s: malformed .npy header: %s; write the file anew with numpy.save()",
		     header->name, what);
	return -EINVAL;
}

static void skip_space(struct header *header)
{
	while (header->at < header->end && isspace((unsigned char)*header->at))
		header->at++;
}

static bool take(struct header *header, const char *token)
{
	size_t len = strlen(token);

	skip_space(header);
	if ((size_t)(header->end - header->at) < len || memcmp(header->at, token, len))
		return false;
	header->at += len;
	return true;
}

/* A quoted word of at most @size - 1 bytes. */
static bool take_word(struct header *header, char *word, size_t size)
{
	const char *start;
	char quote;

	skip_space(header);
	if (header->at == header->end || (*header->at != '\'' && *header->at != '"'))
		return false;
	quote = *header->at++;
	start = header->at;
	while (header->at < header->end && *header->at != quote)
		header->at++;
	if (header->at == header->end || (size_t)(header->at - start) >= size)
		return false;
	memcpy(word, start, header->at - start);
	word[header->at++ - start] = '\0';
	return true;
}

static int take_descr(struct header *header, struct dh_array *array)
{
	char word[32];

	if (!take_word(header, word, sizeof(word)))
		return malformed(header, "'descr' is not a simple type");
	for (int i = 0; i < DH_DTYPE_COUNT; i++) {
		if (strcmp(word + 1, dtypes[i].code) ||
		    !strchr(dtypes[i].size == 1 ? "<>|=" : "<", word[0]))
			continue;
		array->dtype = i;
		return 0;
	}
	dh_error_set(header->err,
		     "%s: elements of type '%s'; wanted is a little-endian int8, int16, int32, "
		     "int64, uint8 to uint64, float32 or float64: convert with array.astype()",
		     header->name, word);
	return -EINVAL;
}

static int take_order(struct header *header)
{
	if (take(header, "False"))
		return 0;
	if (!take(header, "True"))
		return malformed(header, "'fortran_order' is neither True nor False");
	dh_error_set(header->err,
		     "%s: array in Fortran order; save numpy.ascontiguousarray(array) instead",
		     header->name);
	return -EINVAL;
}

static bool take_number(struct header *header, size_t *number)
{
	size_t value = 0;

	skip_space(header);
	if (header->at == header->end || !isdigit((unsigned char)*header->at))
		return false;
	while (header->at < header->end && isdigit((unsigned char)*header->at)) {
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *header->at - '0', &value))
			return false;
		header->at++;
	}
	*number = value;
	return true;
}

static int take_shape(struct header *header, struct dh_array *array)
{
	if (!take(header, "("))
		return malformed(header, "'shape' is not a tuple");
	array->ndim = 0;
	while (!take(header, ")")) {
		if (array->ndim == DH_ARRAY_MAX_DIMS)
			return malformed(header, "more than 8 dimensions");
		if (!take_number(header, &array->shape[array->ndim]))
			return malformed(header, "'shape' holds something that is no size");
		array->ndim++;
		if (!take(header, ",")) {
			if (!take(header, ")"))
				return malformed(header, "'shape' does not end");
			break;
		}
	}
	return 0;
}

static int take_dictionary(struct header *header, struct dh_array *array)
{
	enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
	unsigned int seen = 0, key;
	char word[32];
	int ret;

	if (!take(header, "{"))
		return malformed(header, "no dictionary");
	while (!take(header, "}")) {
		if (!take_word(header, word, sizeof(word)) || !take(header, ":"))
			return malformed(header, "the dictionary is cut off");
		key = !strcmp(word, "descr")	       ? DESCR
		      : !strcmp(word, "fortran_order") ? ORDER
		      : !strcmp(word, "shape")	       ? SHAPE
						       : 0;
		if (!key || seen & key)
			return malformed(header, "a key that is unknown or there twice");
		seen |= key;
		ret = key == DESCR   ? take_descr(header, array)
		      : key == ORDER ? take_order(header)
				     : take_shape(header, array);
		if (ret)
			return ret;
		if (!take(header, ",") && (header->at == header->end || *header->at != '}'))
			return malformed(header, "a comma is missing");
	}
	skip_space(header);
	if (header->at != header->end)
		return malformed(header, "text behind the dictionary");
	return seen == (DESCR | ORDER | SHAPE)
		       ? 0
		       : malformed(header, "'descr', 'fortran_order' or 'shape' is missing");
}

/* Elements are little endian in files; a no-op on most machines. */
static void swap_elements(void *data, size_t size, size_t count)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	unsigned char *bytes = data, spare;

	for (size_t i = 0; i < count; i++, bytes += size) {
		for (size_t k = 0; k < size / 2; k++) {
			spare = bytes[k];
			bytes[k] = bytes[size - 1 - k];
			bytes[size - 1 - k] = spare;
		}
	}
#else
	(void)data, (void)size, (void)count;
#endif
}

static bool array_bytes(const struct dh_array *array, size_t *bytes)
{
	size_t total = dh_dtype_size(array->dtype);
	bool empty = false;

	/* The product without the zeros must fit too, so that no part of it overflows anywhere. */
	for (unsigned int i = 0; i < array->ndim; i++) {
		if (!array->shape[i])
			empty = true;
		else if (__builtin_mul_overflow(total, array->shape[i], &total))
			return false;
	}
	*bytes = empty ? 0 : total;
	return total <= SIZE_MAX / 2;
}

static int take_elements(const void *data, size_t len, const struct header *header,
			 struct dh_array *array)
{
	size_t bytes;

	if (!array_bytes(array, &bytes))
		return malformed(header, "the shape is larger than any memory");
	if (bytes != len) {
		dh_error_set(header->err,
			     "%s: %zu bytes of elements where shape and type ask for %zu; the file "
			     "is %s",
			     header->name, len, bytes,
			     len < bytes ? "cut off" : "longer than its array");
		return -EINVAL;
	}
	array->data = malloc(bytes ? bytes : 1);
	if (!array->data) {
		dh_error_set(header->err, "%s: no memory for %zu bytes", header->name, bytes);
		return -ENOMEM;
	}
	memcpy(array->data, data, bytes);
	swap_elements(array->data, dh_dtype_size(array->dtype), dh_array_count(array));
	return 0;
}

int dh_npy_parse(const void *buf, size_t len, const char *name, struct dh_array *array,
		 struct dh_error *err)
{
	const unsigned char *bytes = buf;
	struct header header = { .name = name, .err = err };
	size_t start, size;
	int ret;

	memset(array, 0, sizeof(*array));
	if (len < MAGIC_LEN + 2 || memcmp(bytes, MAGIC, MAGIC_LEN)) {
		dh_error_set(err, "%s: not a .npy file; write one with numpy.save()", name);
		return -EINVAL;
	}
	if (bytes[6] < 1 || bytes[6] > 3) {
		dh_error_set(err, "%s: .npy version %u.%u; versions 1.0 to 3.0 can be read", name,
			     bytes[6], bytes[7]);
		return -EINVAL;
	}
	start = bytes[6] == 1 ? 10 : 12;
	if (len < start)
		return malformed(&header, "it is cut off");
	size = bytes[8] | bytes[9] << 8;
	if (bytes[6] > 1)
		size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
	if (len - start < size)
		return malformed(&header, "it is cut off");
	header.at = (const char *)bytes + start;
	header.end = header.at + size;
	ret = take_dictionary(&header, array);
	if (!ret)
		ret = take_elements(bytes + start + size, len - start - size, &header, array);
	if (ret)
		memset(array, 0, sizeof(*array));
	return ret;
}

static int file_error(const char *path, const char *what, int error, struct dh_error *err)
{
	dh_error_set(err, "%s: cannot %s: %s", path, what, strerror(error));
	return -error;
}

/*
 * Everything that @file holds, in a buffer that grows: works for pipes too, and no header decides
 * how much is allocated. What does not begin like an array is not read on: it may have no end.
 */
static int read_all(FILE *file, unsigned char **buf, size_t *len)
{
	size_t size = 0, got;
	unsigned char *grown;

	*buf = NULL;
	*len = 0;
	do {
		if (*len == size) {
			size = size ? 2 * size : 65536;
			grown = realloc(*buf, size);
			if (!grown)
				return ENOMEM;
			*buf = grown;
		}
		errno = 0;
		got = fread(*buf + *len, 1, size - *len, file);
		*len += got;
	} while (got && !memcmp(*buf, MAGIC, *len < strlen(MAGIC) ? *len : strlen(MAGIC)));
	return ferror(file) ? (errno ? errno : EIO) : 0;
}

int dh_npy_load(const char *path, struct dh_array *array, struct dh_error *err)
{
	unsigned char *buf;
	size_t len;
	FILE *file;
	int ret;

	memset(array, 0, sizeof(*array));
	file = fopen(path, "rbe");
	if (!file)
		return file_error(path, "open it", errno, err);
	ret = read_all(file, &buf, &len);
	fclose(file);
	if (ret)
		ret = file_error(path, "read it", ret, err);
	else
		ret = dh_npy_parse(buf, len, path, array, err);
	free(buf);
	return ret;
}

/* The elements begin at a multiple of 64 bytes, at least after @room bytes. */
static bool write_header(FILE *file, const struct dh_array *array, size_t room)
{
	char text[512];
	unsigned char head[10] = MAGIC "\x01";
	int len;

	len = snprintf(text, sizeof(text), "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
		       dh_dtype_size(array->dtype) == 1 ? '|' : '<', dtypes[array->dtype].code);
	for (unsigned int i = 0; i < array->ndim; i++)
		len += snprintf(text + len, sizeof(text) - len, i ? " %zu," : "%zu,",
				array->shape[i]);
	if (array->ndim > 1)
		len--;
	len += snprintf(text + len, sizeof(text) - len, "), }");
	while ((sizeof(head) + len + 1) % 64 || sizeof(head) + len + 1 < room)
		text[len++] = ' ';
	text[len++] = '\n';
	head[8] = len & 0xff;
	head[9] = len >> 8;
	return fwrite(head, sizeof(head), 1, file) == 1 && fwrite(text, len, 1, file) == 1;
}

static bool write_elements(FILE *file, const struct dh_array *array)
{
	size_t size = dh_dtype_size(array->dtype), count = dh_array_count(array);
	bool ok;

	swap_elements(array->data, size, count);
	ok = !count || fwrite(array->data, size, count, file) == count;
	swap_elements(array->data, size, count);
	return ok;
}

int dh_npy_save(const char *path, const struct dh_array *array, struct dh_error *err)
{
	FILE *file;
	int error;

	file = fopen(path, "wbe");
	if (!file)
		return file_error(path, "create it", errno, err);
	errno = 0;
	error = write_header(file, array, 0) && write_elements(file, array) ? 0
		: errno							    ? errno
									    : EIO;
	if (fclose(file) && !error)
		error = errno;
	return error ? file_error(path, "write it", error, err) : 0;
}

/* Enough for the header of any array, so that it can be written again with another first dimension. */
#define WRITER_ROOM 256

static int writer_error(struct dh_npy_writer *writer, const char *what, struct dh_error *err)
{
	int error = errno ? errno : EIO;

	if (writer->file)
		fclose(writer->file);
	writer->file = NULL;
	return file_error(writer->path, what, error, err);
}

int dh_npy_writer_open(struct dh_npy_writer *writer, const char *path, const struct dh_array *row,
		       struct dh_error *err)
{
	*writer = (struct dh_npy_writer){ .path = path, .array = *row };
	writer->array.ndim = row->ndim + 1;
	memmove(writer->array.shape + 1, row->shape, row->ndim * sizeof(*row->shape));
	writer->array.shape[0] = 0;
	errno = 0;
	writer->file = fopen(path, "wbe");
	if (!writer->file)
		return writer_error(writer, "create it", err);
	/* Fails now, not at the end, on what is no file: the number of rows is written at the end. */
	if (fseek(writer->file, 0, SEEK_SET) ||
	    !write_header(writer->file, &writer->array, WRITER_ROOM))
		return writer_error(writer, "write it", err);
	return 0;
}

int dh_npy_writer_add(struct dh_npy_writer *writer, const void *row, struct dh_error *err)
{
	struct dh_array array = writer->array;

	array.shape[0] = 1;
	array.data = (void *)row;
	errno = 0;
	if (!write_elements(writer->file, &array))
		return writer_error(writer, "write it", err);
	writer->array.shape[0]++;
	return 0;
}

int dh_npy_writer_close(struct dh_npy_writer *writer, struct dh_error *err)
{
	FILE *file = writer->file;

	if (!file)
		return 0;
	errno = 0;
	if (fseek(file, 0, SEEK_SET) || !write_header(file, &writer->array, WRITER_ROOM))
		return writer_error(writer, "write it", err);
	writer->file = NULL;
	return fclose(file) ? writer_error(writer, "write it", err) : 0;
}
