// SPDX-License-Identifier: MIT
/* Writes event files of every format. */
#include <stdlib.h>
#include <string.h>

#include "event_writer.h"

/* --- bytes ---------------------------------------------------------------------------- */

struct event_file *file_new(void)
{
	struct event_file *file = calloc(1, sizeof(*file));

	if (!file)
		abort();
	return file;
}

void file_bytes(struct event_file *file, const void *bytes, size_t len)
{
	if (len > FILE_BYTES - file->len)
		abort();
	memcpy(file->bytes + file->len, bytes, len);
	file->len += len;
}

void file_text(struct event_file *file, const char *text)
{
	file_bytes(file, text, strlen(text));
}

void file_end(struct event_file *file)
{
	if (file->end_count == FILE_ENDS)
		abort();
	file->ends[file->end_count++] = file->len;
}

void file_expect(struct event_file *file, int64_t time, unsigned int x, unsigned int y, bool on)
{
	if (file->count == FILE_ENDS)
		abort();
	file->events[file->count++] =
		(struct dh_event){ .time_us = time, .x = x, .y = y, .on = on };
}

void put_le16(struct event_file *file, uint32_t value)
{
	file_bytes(file, (uint8_t[]){ value, value >> 8 }, 2);
}

void put_le32(struct event_file *file, uint32_t value)
{
	put_le16(file, value & 0xffff);
	put_le16(file, value >> 16);
}

void put_be32(struct event_file *file, uint32_t value)
{
	file_bytes(file, (uint8_t[]){ value >> 24, value >> 16, value >> 8, value }, 4);
}

/* Numbers that look random and are the same every time. */
static uint32_t next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* --- AEDAT 2.0 ------------------------------------------------------------------------ */

static void put_pair(struct event_file *file, uint32_t address, uint32_t time)
{
	put_be32(file, address);
	put_be32(file, time);
	file_end(file);
}

/* @on_bit: bit 0 of an on event */
static void put_dvs128(struct event_file *file, unsigned int on_bit)
{
	uint32_t state = 1, time = 4000000000U, i;
	int64_t expected = time;

	for (i = 0; i < 120; i++) {
		uint32_t x = next(&state) % 128, y = next(&state) % 128, on = next(&state) & 1;
		/* passes 2^32 after some */
		uint32_t step = next(&state) % 10000000;

		time += step;
		expected += step;
		put_pair(file, y << 8 | x << 1 | (on ? on_bit : !on_bit), time);
		file_expect(file, expected, x, y, on);
		if (i % 10 == 0)
			put_pair(file, 0x8000 | (x << 1), time);
		if (i % 30 == 0)
			put_pair(file, 0x80000000, time);
	}
}

struct event_file *file_aedat2_dvs128(void)
{
	struct event_file *file = file_new();

	file_text(file, "#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# AEChip: DVS128\r\n");
	file_end(file);
	put_dvs128(file, 1);
	return file;
}

struct event_file *file_aedat2_jaer(void)
{
	struct event_file *file = file_new();

	file_text(file, "#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
			"# <entry key=\"\tDVS128 \xe4\xff\"/>\r\n#End Of ASCII Header\r\n");
	file_end(file);
	put_dvs128(file, 0);
	return file;
}

/* The first event begins as header lines do and ends as they do. */
struct event_file *file_aedat2_davis(void)
{
	struct event_file *file = file_new();
	uint32_t state = 2, time = 1000, i;

	file_text(file, "#!AER-DAT2.0\r\n#\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\n");
	file_end(file);
	put_pair(file, 0x23000000, '\n');
	file_expect(file, '\n', 0, 0x23000000 >> 22, false);
	for (i = 0; i < 120; i++) {
		uint32_t x = next(&state) % 240, y = next(&state) % 180, on = next(&state) & 1;

		time += next(&state) % 100;
		put_pair(file, y << 22 | x << 12 | on << 11 | (next(&state) & 0x3ff), time);
		file_expect(file, time, x, y, on);
		if (i % 5 == 0)
			put_pair(file, 1U << 31 | y << 22 | x << 12 | next(&state) % 3072, time);
		if (i % 7 == 0)
			put_pair(file, 1U << 31 | 3 << 10 | x << 12, time);
		if (i % 9 == 0)
			put_pair(file, 1 << 10 | on << 11, time);
	}
	return file;
}

/* --- AEDAT 3.1 ------------------------------------------------------------------------ */

void put_packet(struct event_file *file, unsigned int type, unsigned int source, uint32_t size,
		uint32_t overflow, uint32_t number)
{
	put_le16(file, type);
	put_le16(file, source);
	put_le32(file, size);
	put_le32(file, 4);
	put_le32(file, overflow);
	put_le32(file, number);
	put_le32(file, number);
	put_le32(file, number);
}

void put_polarity(struct event_file *file, uint32_t time, unsigned int x, unsigned int y, bool on,
		  bool valid)
{
	put_le32(file, x << 17 | y << 2 | on << 1 | valid);
	put_le32(file, time);
}

static void put_packets(struct event_file *file)
{
	uint32_t state = 3, packet, i, overflow = 0, time = 0x7fff0000;

	for (packet = 0; packet < 8; packet++) {
		overflow += packet == 4;
		time = packet == 4 ? 0 : time;
		put_packet(file, 1, 1, 8, overflow, 20);
		for (i = 0; i < 20; i++) {
			uint32_t x = next(&state) % 346, y = next(&state) % 260;
			bool on = next(&state) & 1, valid = next(&state) % 8;

			time += next(&state) % 100;
			put_polarity(file, time, x, y, on, valid);
			if (valid)
				file_expect(file, ((int64_t)overflow << 31) + time, x, y, on);
		}
		file_end(file);
		/* a frame, special events, a packet without events, one of another camera, an unknown type */
		put_packet(file, 2, 1, 36 + 64, overflow, 2);
		file_bytes(file, file->bytes, 200);
		file_end(file);
		put_packet(file, 0, 1, 8, overflow, 3);
		file_bytes(file, file->bytes, 24);
		file_end(file);
		put_packet(file, 7, 1, 12, overflow, 0);
		file_end(file);
		put_packet(file, 1, 2, 8, overflow, 1);
		put_polarity(file, 5, 1, 1, true, true);
		file_end(file);
		put_packet(file, 300, 1, 1, overflow, 5);
		file_text(file, "#####");
		file_end(file);
	}
}

struct event_file *file_aedat3(void)
{
	struct event_file *file = file_new();

	file_text(file, "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DAVIS346B\r\n"
			"#Start-Time: 2017-01-12 14:08:22 (TZ+0100)\r\n#!END-HEADER\r\n");
	file_end(file);
	put_packets(file);
	return file;
}

struct event_file *file_aedat3_network(void)
{
	struct event_file *file = file_new();

	put_le32(file, 0x0b9a6658);
	put_le32(file, 0x1d378bc9);
	put_le32(file, 0);
	put_le32(file, 0);
	put_le16(file, 0x0001);
	put_le16(file, 1);
	file_end(file);
	put_packets(file);
	return file;
}

/* --- Event Stream --------------------------------------------------------------------- */

struct event_file *file_stream(void)
{
	struct event_file *file = file_new();
	uint32_t state = 4, i;
	int64_t time = 0;

	file_text(file, "Event Stream");
	file_bytes(file, (uint8_t[]){ 2, 0, 0, 1 }, 4);
	put_le16(file, 320);
	put_le16(file, 240);
	file_end(file);
	for (i = 0; i < 150; i++) {
		uint32_t x = next(&state) % 320, y = next(&state) % 240, on = next(&state) & 1;
		uint32_t step = i % 9 ? next(&state) % 127 : next(&state) % 1000;

		time += step;
		for (; step >= 127; step -= 127) {
			file_bytes(file, "\xff", 1);
			file_end(file);
		}
		file_bytes(file, (uint8_t[]){ step << 1 | on }, 1);
		put_le16(file, x);
		put_le16(file, y);
		file_end(file);
		file_expect(file, time, x, y, on);
		if (i % 20 == 0) {
			file_bytes(file, "\xfe", 1);
			file_end(file);
		}
	}
	return file;
}

/* --- EVT 2.0 -------------------------------------------------------------------------- */

static void put_word(struct event_file *file, uint32_t word)
{
	put_le32(file, word);
	file_end(file);
}

static void put_words(struct event_file *file)
{
	/* passes 2^34 after some */
	uint64_t time = (1ULL << 34) - 5000, high = 1;
	uint32_t state = 5, i;

	/* an event whose time cannot be known yet */
	put_word(file, 0x10000000 | 3 << 11 | 4);
	for (i = 0; i < 200; i++) {
		uint32_t x = next(&state) % 640, y = next(&state) % 480, on = next(&state) & 1;

		time += next(&state) % 60;
		if (high != time >> 6)
			put_word(file, 0x80000000 | ((time >> 6) & 0xfffffff));
		high = time >> 6;
		put_word(file, on << 28 | (time & 0x3f) << 22 | x << 11 | y);
		file_expect(file, time, x, y, on);
		if (i % 10 == 0)
			put_word(file, 0xa0000000 | next(&state));
		if (i % 15 == 0) {
			put_word(file, 0xe0000000 | next(&state));
			put_word(file, 0xf0000000 | next(&state));
		}
	}
}

struct event_file *file_evt2(void)
{
	struct event_file *file = file_new();

	file_text(file,
		  "% date 2020-09-25 07:48:31\n% plugin_name hal_plugin_gen3_fx3\n% evt 2.0\n");
	file_end(file);
	put_words(file);
	return file;
}

/* With an end line, after which even what looks like a header line is data. */
struct event_file *file_evt2_end(void)
{
	struct event_file *file = file_new();

	file_text(file, "% camera_integrator_name Prophesee\n% format EVT2;height=480;width=640\n"
			"% geometry 640x480\n% end\n");
	file_end(file);
	file_text(file, "% a\xa0");
	file_end(file);
	put_words(file);
	return file;
}
