/* SPDX-License-Identifier: MIT */
/*
 * Data structures to bytes and back. A function that codes a structure serves both directions, so
 * that they cannot disagree: every call writes the value, or reads it in. Little endian.
 */
#ifndef DELTAHOP_CODEC_H
#define DELTAHOP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text; a longer one is cut when it is written. */
#define DH_CODEC_MAX_TEXT 1024

/**
 * struct dh_codec - bytes on their way; all zero: to write
 * @failed: out of memory, or reading past the end or anything impossible; it stays so, and what is
 *	read then is 0
 * @out_of_memory: why it failed
 * @reading: direction
 * @data: writing: the bytes so far, freed with free()
 * @at: reading: the next byte
 */
struct dh_codec {
	bool failed;
	bool out_of_memory;
	bool reading;
	uint8_t *data;
	size_t size;
	size_t room;
	const uint8_t *at;
	const uint8_t *end;
};

/** dh_codec_reader() - to read @size bytes at @data */
struct dh_codec dh_codec_reader(const uint8_t *data, size_t size);

/** dh_codec_no_memory() - it has failed for want of memory */
void dh_codec_no_memory(struct dh_codec *codec);

/** dh_code_bytes() - @size bytes */
void dh_code_bytes(struct dh_codec *codec, void *bytes, size_t size);

void dh_code_u16(struct dh_codec *codec, uint16_t *value);
void dh_code_u32(struct dh_codec *codec, uint32_t *value);
void dh_code_u64(struct dh_codec *codec, uint64_t *value);
void dh_code_i16(struct dh_codec *codec, int16_t *value);
void dh_code_i32(struct dh_codec *codec, int32_t *value);
void dh_code_i64(struct dh_codec *codec, int64_t *value);
void dh_code_float(struct dh_codec *codec, float *value);

/** dh_code_bool() - as 32 bits, 0 or 1 */
void dh_code_bool(struct dh_codec *codec, bool *value);

/** dh_code_as_u32() - any integer or enumeration as 32 bits, which it must hold */
#define dh_code_as_u32(codec, lvalue)                            \
	do {                                                     \
		uint32_t dh_coded = (uint32_t)(lvalue);          \
                                                                 \
		dh_code_u32(codec, &dh_coded);                   \
		if ((codec)->reading) {                          \
			(lvalue) = dh_coded;                     \
			(codec)->failed |= (lvalue) != dh_coded; \
		}                                                \
	} while (0)

/** dh_code_text() - a string, allocated when reading and made fit to be shown; NULL is written as "" */
void dh_code_text(struct dh_codec *codec, char **text);

/**
 * dh_code_array() - the number of elements of an array; when reading, with zeroed memory for them
 * @most: elements that it may have
 * @size: of an element, each of which takes at least a byte in the file
 * @array: address of the pointer to the first one
 *
 * Return: may the elements be coded now?
 */
bool dh_code_array(struct dh_codec *codec, uint32_t *count, uint32_t most, size_t size,
		   void *array);

#endif /* DELTAHOP_CODEC_H */
