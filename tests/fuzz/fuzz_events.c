// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the event readers and the framer. The first byte chooses how: options, pieces, and what the
 * data begin with, so that they are read further.
 */
#include <stdlib.h>
#include <string.h>

#include "deltahop.h"

#define ROOM	   64
#define MAX_BYTES  65536
#define STARTS	   8
#define START_MOST 128

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static const struct {
	const char *bytes;
	size_t len;
} starts[STARTS] = {
#define START(bytes)                     \
	{                                \
		bytes, sizeof(bytes) - 1 \
	}
	START(""),
	START("#!AER-DAT2.0\r\n# AEChip: DVS128\r\n#End Of ASCII Header\r\n"),
	START("#!AER-DAT2.0\r\n# AEChip: Davis640\r\n"),
	START("#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n\1\0\0\0\x08\0\0\0\4\0\0\0\0\0\0\0"
	      "\x40\0\0\0\x40\0\0\0\0\0\0\0"),
	START("\x58\x66\x9a\x0b\xc9\x8b\x37\x1d\0\0\0\0\0\0\0\0\1\0\0\0"),
	START("Event Stream\2\0\0\1\xff\xff\xff\xff"),
	START("% evt 2.0\n% end\n\0\0\0\x80"),
	START("% "),
#undef START
};

static struct dh_framer *make_framer(uint8_t choice)
{
	const struct dh_framer_options options = {
		.size = sizeof(options),
		.sensor_width = 300,
		.sensor_height = 500,
		.width = 10,
		.height = 10,
		.events = choice & 16 ? 7 : 0,
		.period_us = choice & 16 ? 0 : 1000,
		.polarity = choice & 32,
		.normalise = choice >> 6,
	};
	struct dh_framer *framer;

	must(!dh_framer_create(&options, &framer, NULL));
	return framer;
}

static void check_frame(const struct dh_frame *frame)
{
	must(frame->events && frame->width == 10 && frame->height == 10);
	for (int i = 0; i < 100; i++)
		must(frame->q8[i] >= -256 && frame->q8[i] <= 256 && frame->values[i] >= -1 &&
		     frame->values[i] <= 1);
}

static void push(struct dh_framer *framer, const struct dh_event *events, size_t count)
{
	struct dh_frame frame = { .size = sizeof(frame) };
	size_t used, at = 0;
	int ret;

	while (at < count) {
		ret = dh_framer_push(framer, events + at, count - at, &used, &frame, NULL);
		if (ret == 1)
			check_frame(&frame);
		/* not on the sensor: passed over */
		at += used + (ret < 0);
	}
}

static int64_t check_events(const struct dh_event *events, size_t count, int64_t last)
{
	for (size_t i = 0; i < count; i++) {
		must(events[i].time_us >= last);
		last = events[i].time_us;
	}
	return last;
}

static void read_all(struct dh_event_reader *reader, struct dh_framer *framer, const uint8_t *data,
		     size_t size, size_t piece)
{
	struct dh_event_info info = { .size = sizeof(info) };
	struct dh_event events[ROOM];
	size_t at = 0, used, count, total = 0;
	struct dh_error err = { "" };
	int64_t last = INT64_MIN;
	int ret;

	do {
		ret = dh_event_reader_decode(reader, data + at,
					     size - at < piece ? size - at : piece, &used, events,
					     ROOM, &count, &err);
		at += used;
		total += count;
		must(at <= size && count <= ROOM && (!ret || err.text[0]));
		last = check_events(events, count, last);
		push(framer, events, count);
	} while (!ret && (at < size || count));
	if (!ret)
		dh_event_reader_finish(reader, &err);
	dh_event_reader_get_info(reader, &info);
	must(info.events == total && info.bytes == at && info.on <= total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t input[MAX_BYTES + START_MOST];
	struct dh_event_reader_options options = { .size = sizeof(options) };
	struct dh_event_reader *reader;
	struct dh_framer *framer;
	size_t start;

	if (size < 3 || size > MAX_BYTES)
		return 0;
	start = starts[data[0] % STARTS].len;
	memcpy(input, starts[data[0] % STARTS].bytes, start);
	memcpy(input + start, data + 3, size - 3);
	if (data[0] & 8) {
		options.format = data[1] % 5;
		options.layout = data[1] / 5 % 4;
	}
	must(!dh_event_reader_create(&options, &reader, NULL));
	framer = make_framer(data[0]);
	read_all(reader, framer, input, start + size - 3, 1 + data[2] * data[2]);
	dh_framer_destroy(framer);
	dh_event_reader_destroy(reader);
	return 0;
}
