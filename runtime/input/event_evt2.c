// SPDX-License-Identifier: MIT
/*
 * EVT 2.0 of Prophesee (.raw): after lines that begin with "% ", words of 32 bits, little endian,
 * whose upper 4 bits are the type. Events have the lower 6 bits of the time, other words the 28 above.
 */
#include <stdlib.h>
#include <string.h>

#include "input/event_reader.h"

#define WORD_BYTES 4

enum word_type {
	WORD_CD_OFF = 0x0,
	WORD_CD_ON = 0x1,
	WORD_TIME_HIGH = 0x8,
	WORD_EXT_TRIGGER = 0xa,
	WORD_OTHERS = 0xe,
	WORD_CONTINUED = 0xf,
};

enum { TRIGGER, OTHERS, CONTINUED, TIMELESS };

static const char *const skipped[] = { "trigger", "others", "continued", "before the first time",
				       NULL };

/* Sensors of recordings whose header has no size, by the name of the driver. */
static const struct {
	const char *plugin;
	uint16_t width;
	uint16_t height;
} plugins[] = {
	{ "hal_plugin_gen3_", 640, 480 },   { "hal_plugin_gen31_", 640, 480 },
	{ "hal_plugin_gen4", 1280, 720 },   { "hal_plugin_imx636", 1280, 720 },
	{ "hal_plugin_genx320", 320, 320 },
};

static int take_cd(struct dh_event_reader *reader, uint32_t word, struct dh_event *event)
{
	if (!reader->of.evt2.have_time)
		return event_skip(reader, TIMELESS, 1);
	return event_deliver(reader, reader->of.evt2.time_high | (word >> 22 & 0x3f),
			     word >> 11 & 0x7ff, word & 0x7ff, word >> 28 == WORD_CD_ON, event);
}

static int take_word(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	uint32_t word = event_le32(at);

	switch (word >> 28) {
	case WORD_CD_OFF:
	case WORD_CD_ON:
		return take_cd(reader, word, event);
	case WORD_TIME_HIGH:
		reader->of.evt2.have_time = true;
		reader->of.evt2.time_high = (uint64_t)(word & 0xfffffff) << 6;
		return 0;
	case WORD_EXT_TRIGGER:
		return event_skip(reader, TRIGGER, 1);
	case WORD_OTHERS:
		return event_skip(reader, OTHERS, 1);
	case WORD_CONTINUED:
		return event_skip(reader, CONTINUED, 1);
	default:
		return event_bad(reader,
				 "found word 0x%08x of type %u; expected 0, 1, 8, 10, 14 or 15",
				 word, word >> 28);
	}
}

static int use_version(struct dh_event_reader *reader, const char *value, const char *expected)
{
	size_t len = strlen(expected);

	if (strncmp(value, expected, len) || (value[len] && value[len] != ';'))
		return event_refuse(
			reader, "its events are in encoding %s; only EVT 2.0 can be read", value);
	reader->of.evt2.named = true;
	return 0;
}

/* A side of the sensor: the number at @text up to @until or the end; NULL: there is none. */
static int use_side(struct dh_event_reader *reader, const char *text, char until, uint16_t *side)
{
	unsigned long pixels = 0;
	char *end;

	if (text && *text >= '0' && *text <= '9')
		pixels = strtoul(text, &end, 10);
	if (!pixels || pixels > UINT16_MAX || (*end && *end != until))
		return event_bad(reader,
				 "found \"%s\"; expected the sensor's width and height in pixels",
				 reader->line);
	*side = pixels;
	if (reader->of.evt2.width && reader->of.evt2.height)
		event_header_size(reader, reader->of.evt2.width, reader->of.evt2.height);
	return 0;
}

/* "640x480" */
static int use_geometry(struct dh_event_reader *reader, const char *value)
{
	const char *times = strchr(value, 'x');
	int ret = use_side(reader, value, 'x', &reader->of.evt2.width);

	return ret ? ret : use_side(reader, times ? times + 1 : NULL, 0, &reader->of.evt2.height);
}

/* "EVT2;height=480;width=640" */
static int use_format(struct dh_event_reader *reader, const char *value)
{
	const char *width = strstr(value, ";width="), *height = strstr(value, ";height=");
	int ret = use_version(reader, value, "EVT2");

	if (!ret && width)
		ret = use_side(reader, width + 7, ';', &reader->of.evt2.width);
	if (!ret && height)
		ret = use_side(reader, height + 8, ';', &reader->of.evt2.height);
	return ret;
}

static void use_plugin(struct dh_event_reader *reader, const char *value)
{
	size_t i;

	event_header_sensor(reader, value);
	for (i = 0; i < sizeof(plugins) / sizeof(*plugins); i++)
		if (!reader->info.width &&
		    !strncmp(value, plugins[i].plugin, strlen(plugins[i].plugin)))
			event_header_size(reader, plugins[i].width, plugins[i].height);
}

static int line(struct dh_event_reader *reader, const char *text)
{
	const char *value;

	text += 2;
	if (!strcmp(text, "end"))
		return 1;
	if ((value = event_header_value(text, "evt")))
		return use_version(reader, value, "2.0");
	if ((value = event_header_value(text, "format")))
		return use_format(reader, value);
	if ((value = event_header_value(text, "geometry")))
		return use_geometry(reader, value);
	if ((value = event_header_value(text, "width")))
		return use_side(reader, value, 0, &reader->of.evt2.width);
	if ((value = event_header_value(text, "height")))
		return use_side(reader, value, 0, &reader->of.evt2.height);
	if ((value = event_header_value(text, "plugin_name")))
		use_plugin(reader, value);
	return 0;
}

static int begin(struct dh_event_reader *reader)
{
	if (!reader->of.evt2.named && !reader->forced)
		return event_refuse(reader,
				    "the header does not name the encoding (\"%% evt 2.0\"): if "
				    "it is EVT 2.0, name the format");
	return event_next_record(reader, take_word, WORD_BYTES);
}

const struct event_format event_evt2 = {
	.name = "EVT 2.0",
	.time_bits = 34,
	.mark = "% ",
	.open_header = true,
	.line = line,
	.begin = begin,
	.skipped = skipped,
};
