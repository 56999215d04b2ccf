// SPDX-License-Identifier: MIT
/*
 * AEDAT 2.0: after lines that begin with '#', pairs of address and time in microseconds, 32 bits
 * each, big endian. What the bits of an address mean depends on the sensor.
 */
#include <strings.h>
#include <string.h>

#include "input/event_reader.h"

#define RECORD_BYTES 8

enum { EXTERNAL, APS, IMU };

static const char *const skipped[] = { "external input", "APS sample", "IMU sample", NULL };

static int take_dvs128(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	uint32_t address = event_be32(at);
	bool set = address & 1;

	/* The other high bit is for events that were put in by software. */
	if (address & 0x80008000)
		return event_skip(reader, EXTERNAL, 1);
	if (address & 0x7fff0000)
		return event_bad(reader,
				 "found address 0x%08x; expected one of a DVS128, below 0x10000",
				 address);
	return event_deliver(reader, event_be32(at + 4), address >> 1 & 0x7f, address >> 8 & 0x7f,
			     set == (reader->info.layout == DH_EVENT_LAYOUT_DVS128), event);
}

static int take_davis(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	uint32_t address = event_be32(at);

	if (address >> 31)
		return event_skip(reader, (address >> 10 & 3) == 3 ? IMU : APS, 1);
	if (address >> 10 & 1)
		return event_skip(reader, EXTERNAL, 1);
	return event_deliver(reader, event_be32(at + 4), address >> 12 & 0x3ff,
			     address >> 22 & 0x1ff, address >> 11 & 1, event);
}

/*
 * The sensor's class is jAER's if it has a package, as in ch.unizh.ini.jaer.chip.retina.DVS128. jAER
 * reads the polarity of a DVS128 the other way round than the description of the format has it.
 */
static void use_chip(struct dh_event_reader *reader, const char *name)
{
	const struct event_chip *chip = event_chip_find(name);
	struct dh_event_info *info = &reader->info;

	event_header_sensor(reader, name);
	if (!chip)
		return;
	event_header_size(reader, chip->width, chip->height);
	if (info->layout != DH_EVENT_LAYOUT_AUTO)
		return;
	info->layout = chip->layout;
	if (chip->layout == DH_EVENT_LAYOUT_DVS128 && strchr(name, '.'))
		info->layout = DH_EVENT_LAYOUT_DVS128_JAER;
}

static int line(struct dh_event_reader *reader, const char *text)
{
	const char *value;

	text++;
	text += strspn(text, " ");
	if (!strncasecmp(text, "End of ASCII Header", 19))
		return 1;
	value = event_header_value(text, "AEChip");
	if (value)
		use_chip(reader, value);
	return 0;
}

static int begin(struct dh_event_reader *reader)
{
	switch (reader->info.layout) {
	case DH_EVENT_LAYOUT_DVS128:
	case DH_EVENT_LAYOUT_DVS128_JAER:
		event_header_size(reader, 128, 128);
		return event_next_record(reader, take_dvs128, RECORD_BYTES);
	case DH_EVENT_LAYOUT_DAVIS:
		return event_next_record(reader, take_davis, RECORD_BYTES);
	default:
		return event_refuse(
			reader,
			"the header does not name a sensor that is known (AEChip: %s): give "
			"the layout of addresses, dvs128, dvs128-jaer or davis",
			reader->info.sensor[0] ? reader->info.sensor : "missing");
	}
}

const struct event_format event_aedat2 = {
	.name = "AEDAT 2.0",
	.time_bits = 32,
	.mark = "#",
	.open_header = true,
	.line = line,
	.begin = begin,
	.skipped = skipped,
};
