// SPDX-License-Identifier: MIT
/* Text headers of event files. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "input/event_reader.h"

/* Sensors by the names they have in headers; the first that a name begins with. */
static const struct event_chip chips[] = {
	{ "dvs128", 128, 128, DH_EVENT_LAYOUT_DVS128 },
	{ "tmpdiff128", 128, 128, DH_EVENT_LAYOUT_DVS128 },
	{ "davis128", 128, 128, DH_EVENT_LAYOUT_DAVIS },
	{ "davis208", 208, 192, DH_EVENT_LAYOUT_DAVIS },
	{ "davis240", 240, 180, DH_EVENT_LAYOUT_DAVIS },
	{ "sbret", 240, 180, DH_EVENT_LAYOUT_DAVIS },
	{ "davis346", 346, 260, DH_EVENT_LAYOUT_DAVIS },
	{ "davis640", 640, 480, DH_EVENT_LAYOUT_DAVIS },
	{ "davis", 0, 0, DH_EVENT_LAYOUT_DAVIS },
};

const struct event_chip *event_chip_find(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t i;

	if (dot)
		name = dot + 1;
	for (i = 0; i < sizeof(chips) / sizeof(*chips); i++)
		if (!strncasecmp(name, chips[i].name, strlen(chips[i].name)))
			return chips + i;
	return NULL;
}

const char *event_header_value(const char *text, const char *key)
{
	size_t len = strlen(key);

	if (strncasecmp(text, key, len) || (text[len] != ':' && text[len] != ' '))
		return NULL;
	text += len;
	return text + strspn(text, ": ");
}

void event_header_sensor(struct dh_event_reader *reader, const char *name)
{
	snprintf(reader->info.sensor, sizeof(reader->info.sensor), "%s", name);
}

void event_header_size(struct dh_event_reader *reader, uint32_t width, uint32_t height)
{
	if (reader->sized || !width)
		return;
	reader->info.width = width;
	reader->info.height = height;
}

static int end_of_header(struct dh_event_reader *reader)
{
	reader->line_len = 0;
	return reader->format->begin(reader);
}

/* A line that does not begin as it should, or is not text. */
static int not_a_line(struct dh_event_reader *reader, unsigned int byte)
{
	if (reader->format->open_header) {
		reader->again = reader->line_len;
		return end_of_header(reader);
	}
	return event_bad(reader, "found 0x%02x; expected a header line that begins with '%s'", byte,
			 reader->format->mark);
}

static int end_of_line(struct dh_event_reader *reader)
{
	size_t len = reader->line_len, start = len - 1;
	int ret;

	while (len > strlen(reader->format->mark) && isspace((unsigned char)reader->line[len - 1]))
		len--;
	reader->line[len] = '\0';
	reader->line_len = 0;
	/* Errors are about the whole line, not its last byte. */
	reader->offset -= start;
	ret = reader->format->line(reader, reader->line);
	if (ret < 0)
		return ret;
	reader->offset += start;
	return ret ? end_of_header(reader) : 0;
}

/* Whatever the character set: no control character but those of white space. */
static bool is_text(unsigned int byte)
{
	return (byte >= ' ' && byte != 0x7f) || byte == '\t' || byte == '\r' || byte == '\n';
}

int event_take_line(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	const char *mark = reader->format->mark;
	size_t len = reader->line_len;
	unsigned int byte = *at;

	(void)event;
	reader->line[reader->line_len++] = byte;
	if ((len < strlen(mark) && byte != (unsigned char)mark[len]) || !is_text(byte))
		return not_a_line(reader, byte);
	if (byte == '\n')
		return end_of_line(reader);
	if (reader->line_len == sizeof(reader->line))
		return event_bad(reader,
				 "the header line is longer than %d bytes; expected its end",
				 EVENT_LINE_BYTES - 1);
	return 0;
}
