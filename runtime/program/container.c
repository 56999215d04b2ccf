// SPDX-License-Identifier: MIT
/* The .dhp file around what it holds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/container.h"
#include "program/program.h"

#define MAGIC	     "DHPROG\r\n"
#define MAGIC_LEN    8
#define HEADER_BYTES 32
#define ENTRY_BYTES  24
#define MAX_SECTIONS 64

/** struct entry - of the section table */
struct entry {
	uint32_t id;
	uint32_t crc;
	uint64_t offset;
	uint64_t size;
};

/** struct header - @table_crc: of the section table */
struct header {
	uint16_t major;
	uint16_t minor;
	uint32_t sections;
	uint64_t size;
	uint32_t table_crc;
};

static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

static void code_entry(struct dh_codec *codec, struct entry *entry)
{
	dh_code_u32(codec, &entry->id);
	dh_code_u32(codec, &entry->crc);
	dh_code_u64(codec, &entry->offset);
	dh_code_u64(codec, &entry->size);
}

static void code_header(struct dh_codec *codec, struct header *header)
{
	dh_code_u16(codec, &header->major);
	dh_code_u16(codec, &header->minor);
	dh_code_u32(codec, &header->sections);
	dh_code_u64(codec, &header->size);
	dh_code_u32(codec, &header->table_crc);
}

static void get_blob(struct dh_codec *codec, struct dh_blob *blob)
{
	size_t size = codec->end - codec->at;

	if (!size || codec->failed)
		return;
	blob->data = malloc(size);
	if (!blob->data) {
		dh_codec_no_memory(codec);
		return;
	}
	blob->size = size;
	dh_code_bytes(codec, blob->data, size);
}

void dh_code_blob(struct dh_codec *codec, struct dh_blob *blob)
{
	if (codec->reading)
		get_blob(codec, blob);
	else
		dh_code_bytes(codec, blob->data, blob->size);
}

/* --- writing --- */

static void put_header(struct dh_codec *file, const struct dh_container *container,
		       const struct dh_codec *table, size_t body)
{
	struct header header = {
		.major = container->major,
		.minor = container->minor,
		.sections = table->size / ENTRY_BYTES,
		.size = HEADER_BYTES + table->size + body,
		.table_crc = crc32_of(table->data, table->size),
	};
	char magic[] = MAGIC;
	uint32_t crc;

	dh_code_bytes(file, magic, MAGIC_LEN);
	code_header(file, &header);
	crc = file->failed ? 0 : crc32_of(file->data, file->size);
	dh_code_u32(file, &crc);
}

static size_t count_sections(const struct dh_container *container)
{
	size_t count = 0;

	while (container->sections[count])
		count++;
	return count;
}

void dh_container_write(struct dh_codec *file, const struct dh_container *container, void *object)
{
	size_t i, count = count_sections(container);
	size_t start = HEADER_BYTES + count * ENTRY_BYTES;
	struct dh_codec body = { 0 }, table = { 0 };

	for (i = 0; i < count && !body.failed; i++) {
		struct entry entry = { .id = container->sections[i], .offset = start + body.size };
		size_t from = body.size;

		container->code(&body, container->sections[i], object);
		entry.size = body.size - from;
		entry.crc = body.failed ? 0 : crc32_of(body.data + from, entry.size);
		code_entry(&table, &entry);
	}
	if (body.failed || table.failed) {
		dh_codec_no_memory(file);
	} else {
		put_header(file, container, &table, body.size);
		dh_code_bytes(file, table.data, table.size);
		dh_code_bytes(file, body.data, body.size);
	}
	free(body.data);
	free(table.data);
}

/* --- reading --- */

static int damaged(struct dh_error *err, const char *name, const char *what)
{
	dh_error_set(err, "%s: damaged program file: %s; compile the model again", name, what);
	return -EINVAL;
}

static int read_header(const uint8_t *data, size_t size, const char *name, struct header *header,
		       struct dh_error *err)
{
	struct dh_codec codec;
	uint32_t crc;

	if (size < HEADER_BYTES || memcmp(data, MAGIC, MAGIC_LEN) != 0) {
		dh_error_set(
			err,
			"%s: not a program file (.dhp); make one with: deltahop compile MODEL.onnx",
			name);
		return -EINVAL;
	}
	codec = dh_codec_reader(data + MAGIC_LEN, HEADER_BYTES - MAGIC_LEN);
	code_header(&codec, header);
	dh_code_u32(&codec, &crc);
	if (crc != crc32_of(data, HEADER_BYTES - 4))
		return damaged(err, name, "the checksum of its header is wrong");
	if (!header->major || header->major > DH_CONTAINER_MAJOR) {
		dh_error_set(err,
			     "%s: program file of version %u.%u, this library reads versions 1 to "
			     "%d; compile the model again",
			     name, header->major, header->minor, DH_CONTAINER_MAJOR);
		return -EOPNOTSUPP;
	}
	if (header->size != size)
		return damaged(err, name, "it is cut short, or bytes were added");
	if (header->sections > MAX_SECTIONS ||
	    size < HEADER_BYTES + (size_t)header->sections * ENTRY_BYTES)
		return damaged(err, name, "its table of sections is too long");
	if (header->table_crc != crc32_of(data + HEADER_BYTES, header->sections * ENTRY_BYTES))
		return damaged(err, name, "the checksum of its table is wrong");
	return 0;
}

static int check_entry(const uint8_t *data, size_t size, const char *name,
		       const struct entry *entry, uint32_t *seen, struct dh_error *err)
{
	if (entry->offset > size || entry->size > size - entry->offset)
		return damaged(err, name, "a section lies past its end");
	if (crc32_of(data + entry->offset, entry->size) != entry->crc)
		return damaged(err, name, "a checksum is wrong");
	if (entry->id >= DH_SECTION_MAX)
		return 0;
	if (*seen & 1u << entry->id)
		return damaged(err, name, "a section comes twice");
	*seen |= 1u << entry->id;
	return 0;
}

/* One that the coder does not know, of a later minor version, has not been touched. */
static int read_section(const uint8_t *data, const char *name, const struct entry *entry,
			dh_section_code *code, void *object, struct dh_error *err)
{
	const uint8_t *start = data + entry->offset;
	struct dh_codec codec = dh_codec_reader(start, entry->size);
	char text[64];

	if (entry->id < DH_SECTION_MAX)
		code(&codec, entry->id, object);
	if (!codec.failed && (codec.at == codec.end || codec.at == start))
		return 0;
	if (codec.out_of_memory) {
		dh_error_set(err, "%s: out of memory", name);
		return -ENOMEM;
	}
	snprintf(text, sizeof(text), "section %u cannot be read", entry->id);
	return damaged(err, name, text);
}

int dh_container_read(const uint8_t *data, size_t size, const char *name, dh_section_code *code,
		      void *object, uint32_t *seen, struct dh_error *err)
{
	struct dh_codec table;
	struct header header;
	uint32_t i;
	int ret = read_header(data, size, name, &header, err);

	*seen = 0;
	if (ret)
		return ret;
	table = dh_codec_reader(data + HEADER_BYTES, (size_t)header.sections * ENTRY_BYTES);
	for (i = 0; !ret && i < header.sections; i++) {
		struct entry entry;

		code_entry(&table, &entry);
		ret = check_entry(data, size, name, &entry, seen, err);
		if (!ret)
			ret = read_section(data, name, &entry, code, object, err);
	}
	return ret;
}
