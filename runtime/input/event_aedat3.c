// SPDX-License-Identifier: MIT
/*
 * AEDAT 3.1: after a text header, or a binary one if it comes over a network, packets of events of
 * one type and source, little endian.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "input/event_reader.h"

#define PACKET_BYTES   28
#define POLARITY_BYTES 8

/* Types of events that have a name; then those that do not come in packets of their own. */
enum { POLARITY = 1, UNNAMED = 13, INVALID, OTHER_SOURCE };

static const char *const skipped[] = {
	"special",
	"polarity",
	"frame",
	"IMU 6-axes",
	"IMU 9-axes",
	"sample",
	"ear",
	"config",
	"point 1D",
	"point 2D",
	"point 3D",
	"point 4D",
	"spike",
	"unnamed types",
	"marked invalid",
	"polarity of another source",
	NULL,
};

_Static_assert(sizeof(skipped) / sizeof(*skipped) <= DH_EVENT_SKIPPED + 1, "names fit");

static int take_packet(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event);

static int next_in_packet(struct dh_event_reader *reader, event_take *take)
{
	return reader->of.aedat3.left ? event_next(reader, take, POLARITY_BYTES)
				      : event_next_record(reader, take_packet, PACKET_BYTES);
}

static int take_polarity(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	uint32_t data = event_le32(at), time = event_le32(at + 4);

	reader->of.aedat3.left--;
	next_in_packet(reader, take_polarity);
	if (!(data & 1))
		return event_skip(reader, INVALID, 1);
	if (time >> 31)
		return event_bad(reader, "found time 0x%08x of an event; expected 31 bits", time);
	return event_deliver(reader, reader->of.aedat3.time_high | time, data >> 17,
			     data >> 2 & 0x7fff, data >> 1 & 1, event);
}

/* The first source of polarity events is read; clocks of several have nothing to do with each other. */
static bool is_our_source(struct dh_event_reader *reader, uint32_t source)
{
	const struct event_chip *chip;

	if (!reader->of.aedat3.have_source) {
		reader->of.aedat3.have_source = true;
		reader->of.aedat3.source = source;
		chip = source < EVENT_SOURCES ? reader->of.aedat3.chips[source] : NULL;
		if (!chip)
			chip = reader->of.aedat3.before;
		if (chip) {
			event_header_sensor(reader, chip->name);
			event_header_size(reader, chip->width, chip->height);
		}
	}
	return reader->of.aedat3.source == source;
}

/* Fields of a packet's header. */
struct packet {
	uint32_t type;
	uint32_t source;
	uint32_t size;
	uint32_t time_offset;
	uint32_t time_overflow;
	uint32_t capacity;
	uint32_t number;
	uint32_t valid;
};

static int bad_packet(struct dh_event_reader *reader, const struct packet *packet)
{
	if (packet->type >> 15)
		return event_refuse(reader,
				    "the packet at byte %" PRIu64 " is compressed (type 0x%04x); "
				    "only format RAW can be read: record it so",
				    reader->offset, packet->type);
	if ((packet->size | packet->time_overflow | packet->number) >> 31)
		return event_bad(reader,
				 "found a packet of 0x%x events of 0x%x bytes, time overflow 0x%x; "
				 "expected no negative numbers",
				 packet->number, packet->size, packet->time_overflow);
	if (packet->capacity != packet->number || packet->valid > packet->number)
		return event_bad(
			reader,
			"found a packet with room for %u events, with %u events and %u valid "
			"ones; expected it to be full, and not to have more valid ones",
			packet->capacity, packet->number, packet->valid);
	if (packet->type == POLARITY &&
	    (packet->size != POLARITY_BYTES || packet->time_offset != 4))
		return event_bad(
			reader,
			"found polarity events of %u bytes with the time at %u; expected %d "
			"and 4",
			packet->size, packet->time_offset, POLARITY_BYTES);
	return 0;
}

static int use_packet(struct dh_event_reader *reader, const struct packet *packet)
{
	unsigned int kind = packet->type < UNNAMED ? packet->type : UNNAMED;

	if (packet->type == POLARITY && is_our_source(reader, packet->source)) {
		reader->of.aedat3.left = packet->number;
		reader->of.aedat3.time_high = (uint64_t)packet->time_overflow << 31;
		return next_in_packet(reader, take_polarity);
	}
	reader->skip = (uint64_t)packet->number * packet->size;
	return event_skip(reader, packet->type == POLARITY ? OTHER_SOURCE : kind, packet->number);
}

static int take_packet(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	const struct packet packet = {
		.type = event_le16(at),
		.source = event_le16(at + 2),
		.size = event_le32(at + 4),
		.time_offset = event_le32(at + 8),
		.time_overflow = event_le32(at + 12),
		.capacity = event_le32(at + 16),
		.number = event_le32(at + 20),
		.valid = event_le32(at + 24),
	};
	int ret = bad_packet(reader, &packet);

	(void)event;
	return ret ? ret : use_packet(reader, &packet);
}

int event_take_network(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	(void)event;
	if (at[16] != 1 || at[17] != 0)
		return event_refuse(
			reader,
			"is AEDAT 3.%u in format %u over a network; only 3.1 in format 0 "
			"(RAW) can be read",
			at[16], at[17]);
	return event_next_record(reader, take_packet, PACKET_BYTES);
}

/* "0: DVS128" */
static void use_source(struct dh_event_reader *reader, const char *value)
{
	char *end;
	unsigned long source = strtoul(value, &end, 10);

	if (end != value && source < EVENT_SOURCES)
		reader->of.aedat3.chips[source] = event_chip_find(end + strspn(end, ": "));
}

/* The source of what was written to this file from another one. */
static void use_source_before(struct dh_event_reader *reader, const char *value)
{
	value += strspn(value, "0123456789");
	if (!reader->of.aedat3.before)
		reader->of.aedat3.before = event_chip_find(value + strspn(value, ": "));
}

static int line(struct dh_event_reader *reader, const char *text)
{
	const char *value;

	if (!strcmp(text, "#!END-HEADER"))
		return 1;
	value = event_header_value(text, "#Format");
	if (value && strcasecmp(value, "RAW"))
		return event_refuse(reader, "its packets are in format %s; only RAW can be read",
				    value);
	value = event_header_value(text, "#Source");
	if (value)
		use_source(reader, value);
	value = event_header_value(text, "#-Source");
	if (value)
		use_source_before(reader, value);
	return 0;
}

static int begin(struct dh_event_reader *reader)
{
	return event_next_record(reader, take_packet, PACKET_BYTES);
}

const struct event_format event_aedat3 = {
	.name = "AEDAT 3.1",
	.time_bits = 64,
	.mark = "#",
	.line = line,
	.begin = begin,
	.skipped = skipped,
};
