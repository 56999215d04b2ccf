/* SPDX-License-Identifier: MIT */
/*
 * Writes event files of every format, from their descriptions; shares nothing with the readers.
 */
#ifndef DELTAHOP_EVENT_WRITER_H
#define DELTAHOP_EVENT_WRITER_H

#include "deltahop.h"

#define FILE_BYTES 65536
#define FILE_ENDS  8192

/**
 * struct event_file - a file in the making
 * @bytes: its content
 * @len: number of them
 * @ends: lengths at which it may end
 * @end_count: of these
 * @events: what a reader must find
 * @count: of these
 */
struct event_file {
	uint8_t bytes[FILE_BYTES];
	size_t len;
	size_t ends[FILE_ENDS];
	size_t end_count;
	struct dh_event events[FILE_ENDS];
	size_t count;
};

/** file_new() - an empty one; free() it */
struct event_file *file_new(void);

/** file_text() - add text */
void file_text(struct event_file *file, const char *text);

/** file_bytes() - add bytes */
void file_bytes(struct event_file *file, const void *bytes, size_t len);

/** file_end() - it may end here */
void file_end(struct event_file *file);

/** file_expect() - a reader must find this event */
void file_expect(struct event_file *file, int64_t time, unsigned int x, unsigned int y, bool on);

/** put_le16() - add a number of 16 bits, little endian */
void put_le16(struct event_file *file, uint32_t value);

/** put_le32() - of 32 bits, little endian */
void put_le32(struct event_file *file, uint32_t value);

/** put_be32() - of 32 bits, big endian */
void put_be32(struct event_file *file, uint32_t value);

/** put_packet() - header of an AEDAT 3.1 packet of @number events of @size bytes, the time at 4 */
void put_packet(struct event_file *file, unsigned int type, unsigned int source, uint32_t size,
		uint32_t overflow, uint32_t number);

/** put_polarity() - event of a polarity packet */
void put_polarity(struct event_file *file, uint32_t time, unsigned int x, unsigned int y, bool on,
		  bool valid);

/* Whole files with events all over the sensor, other records in between, and what is hard to read. */
struct event_file *file_aedat2_dvs128(void);
struct event_file *file_aedat2_jaer(void);
struct event_file *file_aedat2_davis(void);
struct event_file *file_aedat3(void);
struct event_file *file_aedat3_network(void);
struct event_file *file_stream(void);
struct event_file *file_evt2(void);
struct event_file *file_evt2_end(void);

#endif /* DELTAHOP_EVENT_WRITER_H */
