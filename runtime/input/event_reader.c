// SPDX-License-Identifier: MIT
/* The event reader: bytes in, events out. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/event_reader.h"

static const struct {
	const char *option;
	const struct event_format *format;
} formats[] = {
	[DH_EVENT_FORMAT_AUTO] = { "auto", NULL },
	[DH_EVENT_FORMAT_AEDAT2] = { "aedat2", &event_aedat2 },
	[DH_EVENT_FORMAT_AEDAT3] = { "aedat3", &event_aedat3 },
	[DH_EVENT_FORMAT_STREAM] = { "es", &event_stream },
	[DH_EVENT_FORMAT_EVT2] = { "evt2", &event_evt2 },
};

static const char *const layouts[] = {
	[DH_EVENT_LAYOUT_AUTO] = "auto",
	[DH_EVENT_LAYOUT_DVS128] = "dvs128",
	[DH_EVENT_LAYOUT_DVS128_JAER] = "dvs128-jaer",
	[DH_EVENT_LAYOUT_DAVIS] = "davis",
};

/* How files begin, and what takes it from there; without a format: they are refused. */
static const struct {
	const char *bytes;
	size_t len;
	const struct event_format *format;
	event_take *take;
	size_t need;
	const char *refused;
} magics[] = {
	{ "#!AER-DAT2.0", 12, &event_aedat2, event_take_line, 1, NULL },
	{ "#!AER-DAT3.1", 12, &event_aedat3, event_take_line, 1, NULL },
	{ EVENT_AEDAT3_NETWORK, 8, &event_aedat3, event_take_network, EVENT_NETWORK_BYTES, NULL },
	{ "Event Stream", 12, &event_stream, event_take_stream, EVENT_STREAM_BYTES, NULL },
	{ "% ", 2, &event_evt2, event_take_line, 1, NULL },
	{ "#!AER-DAT1.0", 12, NULL, NULL, 0, "AEDAT 1.0" },
	{ "#!AER-DAT3.0", 12, NULL, NULL, 0, "AEDAT 3.0" },
	{ "#!AER-DAT4.0", 12, NULL, NULL, 0, "AEDAT 4.0" },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define WHAT_IS_READ "AEDAT 2.0, AEDAT 3.1, Event Stream 2 and EVT 2.0 can be read"

const char *dh_event_format_name(unsigned int format)
{
	return format < COUNT(formats) ? formats[format].option : NULL;
}

const char *dh_event_layout_name(unsigned int layout)
{
	return layout < COUNT(layouts) ? layouts[layout] : NULL;
}

/* --- what formats use ---------------------------------------------------------------- */

int event_next(struct dh_event_reader *reader, event_take *take, size_t need)
{
	reader->take = take;
	reader->need = need;
	reader->may_end = false;
	return 0;
}

int event_next_record(struct dh_event_reader *reader, event_take *take, size_t need)
{
	event_next(reader, take, need);
	reader->may_end = true;
	return 0;
}

int event_bad(struct dh_event_reader *reader, const char *fmt, ...)
{
	char text[sizeof(reader->err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dh_error_set(reader->err, "%s: byte %" PRIu64 ": %s", reader->name, reader->offset, text);
	return -EINVAL;
}

int event_refuse(struct dh_event_reader *reader, const char *fmt, ...)
{
	char text[sizeof(reader->err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dh_error_set(reader->err, "%s: %s", reader->name, text);
	return -EOPNOTSUPP;
}

int event_skip(struct dh_event_reader *reader, unsigned int kind, uint64_t count)
{
	reader->info.skipped[kind].count += count;
	return 0;
}

static void count_event(struct dh_event_info *info, const struct dh_event *event)
{
	if (!info->events++)
		info->first_us = event->time_us;
	info->last_us = event->time_us;
	info->on += event->on;
	if (event->x > info->max_x)
		info->max_x = event->x;
	if (event->y > info->max_y)
		info->max_y = event->y;
}

int event_deliver(struct dh_event_reader *reader, uint64_t raw, uint32_t x, uint32_t y, bool on,
		  struct dh_event *event)
{
	const struct dh_event_info *info = &reader->info;

	if (info->width && (x >= info->width || y >= info->height))
		return event_bad(
			reader, "an event at pixel (%u, %u); expected one on the sensor of %u x %u",
			x, y, info->width, info->height);
	if (!dh_event_clock_read(&reader->clock, raw, reader->format->time_bits, &event->time_us))
		return event_bad(reader,
				 "the counter of time jumps to %" PRIu64 " us, so that the time of "
				 "the recording passes 2^63 us; expected a plausible time",
				 raw);
	event->x = x;
	event->y = y;
	event->on = on;
	count_event(&reader->info, event);
	return 1;
}

/* --- which format -------------------------------------------------------------------- */

static void use_format(struct dh_event_reader *reader, const struct event_format *format)
{
	unsigned int i;

	reader->format = format;
	reader->info.format = format->name;
	for (i = 0; format->skipped[i]; i++)
		reader->info.skipped[i].name = format->skipped[i];
}

static int headless(struct dh_event_reader *reader)
{
	const struct event_format *format = reader->forced;

	if (!format->begin)
		return event_bad(reader, "does not begin as %s does", format->name);
	use_format(reader, format);
	return format->begin(reader);
}

static int recognise(struct dh_event_reader *reader, unsigned int magic)
{
	const struct event_format *format = magics[magic].format;

	if (!format)
		return event_refuse(reader, "is %s, which cannot be read: " WHAT_IS_READ,
				    magics[magic].refused);
	if (reader->forced && format != reader->forced)
		return event_refuse(reader, "begins as %s does, but was said to be %s",
				    format->name, reader->forced->name);
	use_format(reader, format);
	return event_next(reader, magics[magic].take, magics[magic].need);
}

/* Looks at the first bytes, one more each time, until they can be only one thing. */
static int take_magic(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event)
{
	bool maybe = false;
	unsigned int i;

	(void)event;
	reader->looked = true;
	for (i = 0; i < COUNT(magics); i++) {
		if (memcmp(at, magics[i].bytes,
			   reader->need < magics[i].len ? reader->need : magics[i].len))
			continue;
		if (reader->need >= magics[i].len)
			return recognise(reader, i);
		maybe = true;
	}
	if (maybe)
		return event_next(reader, take_magic, reader->need + 1);
	if (reader->forced)
		return headless(reader);
	return event_bad(reader,
			 "found 0x%02x where no known kind of event file goes on so; " WHAT_IS_READ
			 ", without a header only if the format is named",
			 at[reader->need - 1]);
}

/* --- the stream ---------------------------------------------------------------------- */

static int bad_options(const struct dh_event_reader_options *options, struct dh_error *err)
{
	if (options->format >= COUNT(formats) || options->layout >= COUNT(layouts)) {
		dh_error_set(err, "event reader: no such format or address layout");
		return -EINVAL;
	}
	if (!options->width != !options->height) {
		dh_error_set(err, "event reader: a sensor of %u x %u pixels", options->width,
			     options->height);
		return -EINVAL;
	}
	return 0;
}

int dh_event_reader_create(const struct dh_event_reader_options *given,
			   struct dh_event_reader **reader, struct dh_error *err)
{
	struct dh_event_reader_options options = { 0 };
	struct dh_event_reader *made;
	int ret;

	*reader = NULL;
	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	ret = bad_options(&options, err);
	if (ret)
		return ret;
	made = calloc(1, sizeof(*made));
	if (made)
		made->name = strdup(options.name ? options.name : "events");
	if (!made || !made->name) {
		free(made);
		dh_error_set(err, "event reader: out of memory");
		return -ENOMEM;
	}
	made->forced = formats[options.format].format;
	made->info.layout = options.layout;
	made->info.width = options.width;
	made->info.height = options.height;
	made->sized = options.width;
	event_next(made, take_magic, 1);
	*reader = made;
	return 0;
}

void dh_event_reader_destroy(struct dh_event_reader *reader)
{
	if (!reader)
		return;
	free(reader->name);
	free(reader);
}

/* Input bytes that are not used yet. */
struct input {
	const uint8_t *at;
	size_t left;
};

static void use_input(struct dh_event_reader *reader, struct input *input, size_t count)
{
	input->at += count;
	input->left -= count;
	reader->info.bytes += count;
}

/* The next record's bytes in one piece, or NULL: there are not enough. */
static const uint8_t *peek(struct dh_event_reader *reader, struct input *input)
{
	size_t missing;

	if (!reader->held && input->left >= reader->need)
		return input->at;
	if (reader->held < reader->need && input->left) {
		missing = reader->need - reader->held;
		if (missing > input->left)
			missing = input->left;
		memcpy(reader->hold + reader->held, input->at, missing);
		reader->held += missing;
		use_input(reader, input, missing);
	}
	return reader->held >= reader->need ? reader->hold : NULL;
}

static void consume(struct dh_event_reader *reader, struct input *input, size_t count)
{
	reader->offset += count;
	if (!reader->held) {
		use_input(reader, input, count);
		return;
	}
	reader->held -= count;
	memmove(reader->hold, reader->hold + count, reader->held);
}

/* Passes over bytes, also those that were put on hold. */
static void pass_over(struct dh_event_reader *reader, struct input *input)
{
	size_t count = reader->held ? reader->held : input->left;

	if (count > reader->skip)
		count = reader->skip;
	reader->skip -= count;
	consume(reader, input, count);
}

/* What was taken for a header line, but is the first bytes of the records. */
static void take_again(struct dh_event_reader *reader)
{
	memmove(reader->hold + reader->again, reader->hold, reader->held);
	memcpy(reader->hold, reader->line, reader->again);
	reader->held += reader->again;
	reader->offset -= reader->again;
	reader->again = 0;
}

static int take_one(struct dh_event_reader *reader, struct input *input, const uint8_t *at,
		    struct dh_event *event)
{
	size_t need = reader->need;
	int ret;

	reader->looked = false;
	ret = reader->take(reader, at, event);
	if (ret >= 0 && !reader->looked)
		consume(reader, input, need);
	if (ret >= 0 && reader->again)
		take_again(reader);
	return ret;
}

static int decode(struct dh_event_reader *reader, struct input *input, struct dh_event *events,
		  size_t room, size_t *count)
{
	const uint8_t *at;
	int ret;

	while (*count < room) {
		if (reader->skip && (reader->held || input->left)) {
			pass_over(reader, input);
			continue;
		}
		at = reader->skip ? NULL : peek(reader, input);
		if (!at)
			return 0;
		ret = take_one(reader, input, at, events + *count);
		if (ret < 0)
			return ret;
		*count += ret;
	}
	return 0;
}

/* The first error stays. */
static int fail(struct dh_event_reader *reader, int ret)
{
	if (ret) {
		reader->failed = ret;
		reader->failure = *reader->err;
	}
	return ret;
}

static int failed_before(const struct dh_event_reader *reader, struct dh_error *err)
{
	if (err)
		*err = reader->failure;
	return reader->failed;
}

int dh_event_reader_decode(struct dh_event_reader *reader, const void *bytes, size_t len,
			   size_t *used, struct dh_event *events, size_t room, size_t *count,
			   struct dh_error *err)
{
	struct input input = { .at = bytes, .left = len };
	struct dh_error spare;
	int ret;

	*used = *count = 0;
	if (reader->failed)
		return failed_before(reader, err);
	reader->err = err ? err : &spare;
	ret = fail(reader, decode(reader, &input, events, room, count));
	*used = len - input.left;
	reader->err = NULL;
	return ret;
}

/* What is wrong with an end here, or NULL. */
static const char *unfinished(const struct dh_event_reader *reader)
{
	if (!reader->info.bytes)
		return "is empty";
	if (!reader->format)
		return "ends before it is clear what it is";
	if (reader->take == event_take_line)
		return reader->format->open_header && !reader->line_len
			       ? NULL
			       : "ends in its header: it is cut off";
	if (reader->held || reader->skip || !reader->may_end)
		return "ends in the middle of a record: it is cut off";
	return NULL;
}

int dh_event_reader_finish(struct dh_event_reader *reader, struct dh_error *err)
{
	struct dh_error spare;
	const char *what;
	int ret = 0;

	if (reader->failed)
		return failed_before(reader, err);
	reader->err = err ? err : &spare;
	if (reader->forced && !reader->format && reader->held)
		headless(reader);
	what = unfinished(reader);
	reader->offset = reader->info.bytes;
	if (what)
		ret = event_bad(reader, "%s; %" PRIu64 " events were read", what,
				reader->info.events);
	else if (reader->take == event_take_line)
		ret = reader->format->begin(reader);
	fail(reader, ret);
	reader->err = NULL;
	return ret;
}

void dh_event_reader_get_info(const struct dh_event_reader *reader, struct dh_event_info *info)
{
	struct dh_event_info full = reader->info;

	full.size = info->size;
	full.held = reader->clock.held;
	full.resets = reader->clock.resets;
	memcpy(info, &full, info->size < sizeof(full) ? info->size : sizeof(full));
}
