/* SPDX-License-Identifier: MIT */
/*
 * Sequences of 16-bit words in memory, packed or in bus words, and the feature maps that they are:
 * plain or encoded. Every word is checked before it is believed, and none is read twice.
 */
#ifndef DELTAHOP_MAP_H
#define DELTAHOP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/deltahop_isa.h>

struct dh_memory;

/* Values of a sparsity map word. */
#define DH_MAP_GROUP 16

/** enum dh_word - type of a bus word */
enum dh_word { DH_WORD_BIAS = 0, DH_WORD_IMAGE = 1, DH_WORD_KERNEL = 2 };

/**
 * struct dh_stream - a feature map being read from its beginning
 * @memory: where it lies
 * @region: in which region
 * @offset: and where in it
 * @packed: words without gaps; else bus words
 * @words: read so far
 * @half: the second word of @bus has not been read
 * @bus: the last bus word
 */
struct dh_stream {
	struct dh_memory *memory;
	uint32_t region;
	uint64_t offset;
	bool packed;
	uint64_t words;
	bool half;
	uint64_t bus;
};

/** dh_stream_start() - at the first word of a map */
void dh_stream_start(struct dh_stream *stream, struct dh_memory *memory, uint32_t region,
		     uint64_t offset, bool packed);

/** dh_stream_bytes() - bytes that have moved for the words read so far */
uint64_t dh_stream_bytes(const struct dh_stream *stream);

/**
 * dh_map_read_row() - read the next row of a map
 * @values: of a row
 * @encoded: whether the map is
 * @last: it is the map's last row
 * @words: filled; has room for a row without zeros
 * @count: set to the number of words
 *
 * Return: DELTAHOP_REASON_NONE, or why not; the memory's fault says where.
 */
enum deltahop_reason dh_map_read_row(struct dh_stream *stream, uint32_t values, bool encoded,
				     bool last, uint16_t *words, uint32_t *count);

/** dh_map_row_words() - words of a row that has been read before */
uint32_t dh_map_row_words(const uint16_t *words, uint32_t values, bool encoded);

/**
 * dh_map_decode_row() - the values of a row that has been read
 * @values: filled: @count of them
 */
void dh_map_decode_row(const uint16_t *words, uint32_t count, bool encoded, int16_t *values);

/** dh_map_read_cycles() - cycles in which a reader delivers a row of @count values */
uint64_t dh_map_read_cycles(const uint16_t *words, uint32_t count, bool encoded);

/**
 * dh_map_encode_row() - encode a row
 * @values: of the row
 * @count: how many
 * @words: filled; has room for a row without zeros, and one word more
 *
 * Return: number of words.
 */
uint32_t dh_map_encode_row(const int16_t *values, uint32_t count, uint16_t *words);

/**
 * dh_bus_read() - read a sequence of biases or kernels in bus words
 * @offset: of its first byte
 * @type: of its words
 * @count: how many
 * @macs: number of each word's MAC
 * @words: filled
 */
enum deltahop_reason dh_bus_read(struct dh_memory *memory, uint32_t region, uint64_t offset,
				 enum dh_word type, uint32_t count, const uint8_t *macs,
				 uint16_t *words);

/**
 * struct dh_writer - a feature map being written
 * @packed: words without gaps; else bus words
 * @half: a first word waits for the second one of its bus word
 * @bus: that bus word
 * @bytes: what is to be written next
 * @len: how much
 */
struct dh_writer {
	bool packed;
	bool half;
	uint64_t bus;
	uint8_t *bytes;
	size_t len;
};

/** dh_writer_row() - append a row */
void dh_writer_row(struct dh_writer *writer, const uint16_t *words, uint32_t count);

/** dh_writer_end() - the map ends; a bus word may remain half full */
void dh_writer_end(struct dh_writer *writer);

#endif /* DELTAHOP_MAP_H */
