/* SPDX-License-Identifier: MIT */
/*
 * Inside of the event reader: what its formats share.
 *
 * A format is a chain of small functions: each takes the next record of a known number of bytes and
 * says which function takes the one after, and how many bytes that needs.
 */
#ifndef DELTAHOP_EVENT_READER_H
#define DELTAHOP_EVENT_READER_H

#include "base/error.h"
#include "input/event_clock.h"

#define EVENT_LINE_BYTES  4096
#define EVENT_MOST_RECORD 64
#define EVENT_SOURCES	  16

struct dh_event_reader;

/* Takes a record at @at: 1: @event is filled; 0: it was none; or a negative errno. */
typedef int event_take(struct dh_event_reader *reader, const uint8_t *at, struct dh_event *event);

/**
 * struct event_format - a kind of file
 * @name: for people
 * @time_bits: after which its time counter wraps
 * @mark: what each line of its text header begins with
 * @open_header: the header may end without an end line, where a line does not begin with @mark
 * @line: reads a header line without its end: 0: the next one; 1: it was the last; or a negative errno
 * @begin: the header is over, or there is none because the caller named the format: sets take and
 *	need of the first record; NULL: cannot begin without a header
 * @skipped: names of the kinds of records that are passed over, as in dh_event_info.skipped; NULL ends
 */
struct event_format {
	const char *name;
	unsigned int time_bits;
	const char *mark;
	bool open_header;
	int (*line)(struct dh_event_reader *reader, const char *text);
	int (*begin)(struct dh_event_reader *reader);
	const char *const *skipped;
};

extern const struct event_format event_aedat2;
extern const struct event_format event_aedat3;
extern const struct event_format event_stream;
extern const struct event_format event_evt2;

/** struct event_chip - what is known of a sensor by its name */
struct event_chip {
	const char *name;
	uint16_t width;
	uint16_t height;
	enum dh_event_layout layout;
};

/**
 * struct dh_event_reader - reads a stream of bytes, piece by piece
 * @format: NULL: not yet known
 * @forced: the caller named it
 * @name: of the file, for errors
 * @take: takes the next record
 * @need: its bytes, at most EVENT_MOST_RECORD
 * @may_end: the file may end before it
 * @looked: the last take only looked: its bytes come again
 * @again: bytes of @line that come again, for they are no header line
 * @skip: bytes to pass over before that
 * @offset: of the next record in the file
 * @hold: bytes that were not enough for a record, or come again
 * @line: header line so far
 * @clock: time
 * @info: what has been found out and counted
 * @sized: the caller gave the sensor's size
 * @err: of the call in progress
 * @failed: errno of the error that ended the reading, and @failure its sentence
 */
struct dh_event_reader {
	const struct event_format *format;
	const struct event_format *forced;
	char *name;
	event_take *take;
	size_t need;
	bool may_end;
	bool looked;
	size_t again;
	uint64_t skip;
	uint64_t offset;
	uint8_t hold[EVENT_LINE_BYTES + EVENT_MOST_RECORD];
	size_t held;
	char line[EVENT_LINE_BYTES];
	size_t line_len;
	struct dh_event_clock clock;
	struct dh_event_info info;
	bool sized;
	struct dh_error *err;
	int failed;
	struct dh_error failure;
	union {
		struct {
			const struct event_chip *chips[EVENT_SOURCES];
			const struct event_chip *before;
			bool have_source;
			uint16_t source;
			uint32_t left;
			uint64_t time_high;
		} aedat3;
		struct {
			uint64_t time;
			bool on;
		} stream;
		struct {
			bool named;
			uint16_t width;
			uint16_t height;
			bool have_time;
			uint64_t time_high;
		} evt2;
	} of;
};

/** event_next() - @take takes what comes next, @need bytes, at which the file must not end; returns 0 */
int event_next(struct dh_event_reader *reader, event_take *take, size_t need);

/** event_next_record() - the same, and the file may end there */
int event_next_record(struct dh_event_reader *reader, event_take *take, size_t need);

/** event_bad() - "NAME: byte OFFSET: SENTENCE"; returns -EINVAL */
int event_bad(struct dh_event_reader *reader, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** event_refuse() - "NAME: SENTENCE"; returns -EOPNOTSUPP */
int event_refuse(struct dh_event_reader *reader, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** event_skip() - @count records of a kind were passed over; returns 0 */
int event_skip(struct dh_event_reader *reader, unsigned int kind, uint64_t count);

/** event_deliver() - fill an event, after checking it; @raw: its time counter; as event_take */
int event_deliver(struct dh_event_reader *reader, uint64_t raw, uint32_t x, uint32_t y, bool on,
		  struct dh_event *event);

/** event_take_line() - the take of text headers, a byte at a time */
event_take event_take_line;

/* How AEDAT 3 begins that comes over a network, without a text header; and its length. */
#define EVENT_AEDAT3_NETWORK "\x58\x66\x9a\x0b\xc9\x8b\x37\x1d"
#define EVENT_NETWORK_BYTES  20

/** event_take_network() - takes that beginning */
event_take event_take_network;

#define EVENT_STREAM_BYTES 16

/** event_take_stream() - takes the first EVENT_STREAM_BYTES of an Event Stream */
event_take event_take_stream;

/** event_header_value() - what follows "KEY " or "KEY: " in a header line, or NULL */
const char *event_header_value(const char *text, const char *key);

/** event_header_sensor() - the name that the header has for the sensor */
void event_header_sensor(struct dh_event_reader *reader, const char *name);

/** event_header_size() - the sensor's size by the header; 0: not known; the caller's has precedence */
void event_header_size(struct dh_event_reader *reader, uint32_t width, uint32_t height);

/** event_chip_find() - by the name in a header, a Java class or a plain word; NULL: not known */
const struct event_chip *event_chip_find(const char *name);

static inline uint32_t event_le32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint32_t event_le16(const uint8_t *at)
{
	return at[0] | at[1] << 8;
}

static inline uint32_t event_be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

#endif /* DELTAHOP_EVENT_READER_H */
