// SPDX-License-Identifier: MIT
/*
 * Event Stream 2: a short header, then events that have the time since the one before in 7 bits,
 * with bytes in between that stand for 127 us each.
 */
#include "input/event_reader.h"

#define SIZE_BYTES  4
#define PIXEL_BYTES 4
#define OVERFLOW    0xff
#define RESET	    0xfe
#define DVS	    1

enum { RESETS };

static const char *const skipped[] = { "reset byte", NULL };
static const char *const types[] = { "generic", "DVS", "ATIS", "display", "color" };

static int take_first(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event);

static int take_pixel(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	event_next_record(reader, take_first, 1);
	return event_deliver(reader, reader->of.stream.time, event_le16(at), event_le16(at + 2),
			     reader->of.stream.on, event);
}

static int take_first(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	(void)event;
	if (*at == RESET)
		return event_skip(reader, RESETS, 1);
	reader->of.stream.time += *at >> 1;
	if (*at == OVERFLOW)
		return 0;
	reader->of.stream.on = *at & 1;
	return event_next(reader, take_pixel, PIXEL_BYTES);
}

static int take_size(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	uint32_t width = event_le16(at), height = event_le16(at + 2);

	(void)event;
	if (!width || !height)
		return event_bad(reader, "found a sensor of %u x %u pixels; expected some", width,
				 height);
	event_header_size(reader, width, height);
	return event_next_record(reader, take_first, 1);
}

int event_take_stream(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	const uint8_t *version = at + 12;
	uint8_t type = at[15];

	(void)event;
	if (version[0] != 2)
		return event_refuse(reader, "is Event Stream %u.%u.%u; only version 2 can be read",
				    version[0], version[1], version[2]);
	if (type != DVS)
		return event_refuse(
			reader, "its events are of type %s (%u); only DVS events (1) can be read",
			type < sizeof(types) / sizeof(*types) ? types[type] : "unknown", type);
	return event_next(reader, take_size, SIZE_BYTES);
}

const struct event_format event_stream = {
	.name = "Event Stream 2",
	.time_bits = 64,
	.skipped = skipped,
};
