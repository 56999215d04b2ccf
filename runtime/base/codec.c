// SPDX-License-Identifier: MIT
/* Data structures to bytes and back. */
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/text.h"

struct dh_codec dh_codec_reader(const uint8_t *data, size_t size)
{
	return (struct dh_codec){ .reading = true, .at = data, .end = data + size };
}

void dh_codec_no_memory(struct dh_codec *codec)
{
	codec->failed = codec->out_of_memory = true;
}

static bool make_room(struct dh_codec *codec, size_t size)
{
	size_t room = codec->size + size;
	uint8_t *more;

	if (room <= codec->room)
		return true;
	more = realloc(codec->data, 2 * room);
	if (!more)
		return false;
	codec->data = more;
	codec->room = 2 * room;
	return true;
}

static void put_bytes(struct dh_codec *codec, const void *bytes, size_t size)
{
	if (codec->failed || !size)
		return;
	if (!make_room(codec, size)) {
		dh_codec_no_memory(codec);
		return;
	}
	memcpy(codec->data + codec->size, bytes, size);
	codec->size += size;
}

static size_t left(const struct dh_codec *codec)
{
	return codec->end - codec->at;
}

static void get_bytes(struct dh_codec *codec, void *bytes, size_t size)
{
	codec->failed |= left(codec) < size;
	if (codec->failed) {
		memset(bytes, 0, size);
		return;
	}
	if (size)
		memcpy(bytes, codec->at, size);
	codec->at += size;
}

void dh_code_bytes(struct dh_codec *codec, void *bytes, size_t size)
{
	if (codec->reading)
		get_bytes(codec, bytes, size);
	else
		put_bytes(codec, bytes, size);
}

/* The number that is read, or @value, which is written. */
static uint64_t code(struct dh_codec *codec, uint64_t value, unsigned int bytes)
{
	uint8_t le[8];

	for (unsigned int i = 0; i < bytes; i++)
		le[i] = value >> 8 * i;
	dh_code_bytes(codec, le, bytes);
	if (!codec->reading)
		return value;
	value = 0;
	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)le[i] << 8 * i;
	return value;
}

void dh_code_u16(struct dh_codec *codec, uint16_t *value)
{
	uint16_t coded = code(codec, *value, 2);

	if (codec->reading)
		*value = coded;
}

void dh_code_u32(struct dh_codec *codec, uint32_t *value)
{
	uint32_t coded = code(codec, *value, 4);

	if (codec->reading)
		*value = coded;
}

void dh_code_u64(struct dh_codec *codec, uint64_t *value)
{
	uint64_t coded = code(codec, *value, 8);

	if (codec->reading)
		*value = coded;
}

void dh_code_i16(struct dh_codec *codec, int16_t *value)
{
	int16_t coded = (int16_t)code(codec, *value, 2);

	if (codec->reading)
		*value = coded;
}

void dh_code_i32(struct dh_codec *codec, int32_t *value)
{
	int32_t coded = (int32_t)code(codec, *value, 4);

	if (codec->reading)
		*value = coded;
}

void dh_code_i64(struct dh_codec *codec, int64_t *value)
{
	int64_t coded = (int64_t)code(codec, *value, 8);

	if (codec->reading)
		*value = coded;
}

void dh_code_float(struct dh_codec *codec, float *value)
{
	uint32_t bits;

	memcpy(&bits, value, sizeof(bits));
	bits = code(codec, bits, 4);
	if (codec->reading)
		memcpy(value, &bits, sizeof(bits));
}

void dh_code_bool(struct dh_codec *codec, bool *value)
{
	uint32_t coded = code(codec, *value, 4);

	codec->failed |= coded > 1;
	if (codec->reading)
		*value = coded;
}

static void put_text(struct dh_codec *codec, const char *text)
{
	size_t len = text ? strnlen(text, DH_CODEC_MAX_TEXT) : 0;

	code(codec, len, 2);
	put_bytes(codec, text, len);
}

static char *get_text(struct dh_codec *codec)
{
	size_t len = code(codec, 0, 2);
	char *text;

	if (codec->failed || len > DH_CODEC_MAX_TEXT || left(codec) < len ||
	    memchr(codec->at, 0, len)) {
		codec->failed = true;
		return NULL;
	}
	text = strndup((const char *)codec->at, len);
	if (!text)
		dh_codec_no_memory(codec);
	codec->at += len;
	dh_text_clean(text);
	return text;
}

void dh_code_text(struct dh_codec *codec, char **text)
{
	if (codec->reading)
		*text = get_text(codec);
	else
		put_text(codec, *text);
}

/* As many elements as a damaged file may say, but no more than it has bytes. */
static void *make_array(struct dh_codec *codec, uint32_t count, uint32_t most, size_t size)
{
	void *elements = NULL;

	codec->failed |= count > most || count > left(codec);
	if (!codec->failed && count) {
		elements = calloc(count, size);
		if (!elements)
			dh_codec_no_memory(codec);
	}
	return elements;
}

bool dh_code_array(struct dh_codec *codec, uint32_t *count, uint32_t most, size_t size, void *array)
{
	void *elements;

	dh_code_u32(codec, count);
	if (!codec->reading)
		return !codec->failed;
	elements = make_array(codec, *count, most, size);
	memcpy(array, &elements, sizeof(elements));
	if (codec->failed)
		*count = 0;
	return !codec->failed;
}
