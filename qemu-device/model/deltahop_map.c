// SPDX-License-Identifier: MIT
/* Words in memory, and feature maps. */
#include <string.h>

#include "deltahop_internal.h"
#include "deltahop_map.h"

#define WORD_BYTES 2
#define BUS_BYTES  8
#define BLOCK	   512 /* bus words read at a time */

/* Fields of a bus word. */
#define TYPE_SHIFT     32
#define TYPE_MASK      3
#define FIRST_VALID    (1ULL << 34)
#define SECOND_VALID   (1ULL << 35)
#define FIRST_ADDRESS  36
#define SECOND_ADDRESS 43
#define ADDRESS_MASK   0x7f
#define BUS_END	       50 /* bits from here on are 0 */

static enum deltahop_reason bad_data(struct dh_memory *memory, uint32_t region, uint64_t offset)
{
	memory->fault_region = region;
	memory->fault_offset = offset;
	return DELTAHOP_REASON_BAD_DATA;
}

static uint64_t add_offset(uint64_t offset, uint64_t way)
{
	return __builtin_add_overflow(offset, way, &offset) ? UINT64_MAX : offset;
}

/* ---- bus words ---- */

/* Is the part of a bus word right that every one has: type, first word, zeros? */
static bool good_first(uint64_t bus, enum dh_word type, uint32_t address)
{
	return (bus >> TYPE_SHIFT & TYPE_MASK) == type && bus & FIRST_VALID &&
	       (bus >> FIRST_ADDRESS & ADDRESS_MASK) == address && !(bus >> BUS_END);
}

static bool good_second(uint64_t bus, uint32_t address)
{
	return bus & SECOND_VALID && (bus >> SECOND_ADDRESS & ADDRESS_MASK) == address;
}

static bool no_second(uint64_t bus)
{
	return !(bus & SECOND_VALID) && !(bus >> SECOND_ADDRESS & ADDRESS_MASK) &&
	       !(bus >> 16 & 0xffff);
}

static uint64_t first_word(uint16_t word, enum dh_word type, uint32_t address)
{
	return word | (uint64_t)type << TYPE_SHIFT | FIRST_VALID |
	       (uint64_t)address << FIRST_ADDRESS;
}

static uint64_t second_word(uint16_t word, uint32_t address)
{
	return (uint64_t)word << 16 | SECOND_VALID | (uint64_t)address << SECOND_ADDRESS;
}

/* Words of the bus words at hand; Return: their number, or -1 less the number of the bad one. */
static int64_t unpack(const uint64_t *bus, uint32_t count, enum dh_word type, const uint8_t *macs,
		      uint16_t *words)
{
	for (uint32_t i = 0; i < count; i += 2) {
		uint64_t pair = bus[i / 2];
		bool second = i + 1 < count;

		if (!good_first(pair, type, macs[i]) ||
		    !(second ? good_second(pair, macs[i + 1]) : no_second(pair)))
			return -1 - (int64_t)(i / 2);
		words[i] = pair & 0xffff;
		if (second)
			words[i + 1] = pair >> 16 & 0xffff;
	}
	return count;
}

enum deltahop_reason dh_bus_read(struct dh_memory *memory, uint32_t region, uint64_t offset,
				 enum dh_word type, uint32_t count, const uint8_t *macs,
				 uint16_t *words)
{
	uint64_t block[BLOCK];

	for (uint32_t done = 0; done < count; done += 2 * BLOCK) {
		uint32_t some = count - done < 2 * BLOCK ? count - done : 2 * BLOCK;
		uint64_t at = add_offset(offset, (uint64_t)done / 2 * BUS_BYTES);
		enum deltahop_reason reason = dh_memory_read(memory, region, at, block,
							     (size_t)(some + 1) / 2 * BUS_BYTES);
		int64_t got;

		if (reason)
			return reason;
		got = unpack(block, some, type, macs + done, words + done);
		if (got < 0)
			return bad_data(memory, region, at + (uint64_t)(-1 - got) * BUS_BYTES);
	}
	return DELTAHOP_REASON_NONE;
}

/* ---- reading a map ---- */

void dh_stream_start(struct dh_stream *stream, struct dh_memory *memory, uint32_t region,
		     uint64_t offset, bool packed)
{
	*stream = (struct dh_stream){
		.memory = memory, .region = region, .offset = offset, .packed = packed
	};
}

/* Where word @number lies. */
static uint64_t place(const struct dh_stream *stream, uint64_t number)
{
	return add_offset(stream->offset,
			  stream->packed ? number * WORD_BYTES : number / 2 * BUS_BYTES);
}

uint64_t dh_stream_bytes(const struct dh_stream *stream)
{
	return stream->packed ? stream->words * WORD_BYTES : (stream->words + 1) / 2 * BUS_BYTES;
}

static enum deltahop_reason bad_word(const struct dh_stream *stream, uint64_t number)
{
	return bad_data(stream->memory, stream->region, place(stream, number));
}

/* The second word of the bus word at hand. @address: 1 if it opens a row */
static enum deltahop_reason take_half(struct dh_stream *stream, uint32_t address, uint16_t *word)
{
	if (!good_second(stream->bus, address))
		return bad_word(stream, stream->words);
	*word = stream->bus >> 16 & 0xffff;
	stream->half = false;
	stream->words++;
	return DELTAHOP_REASON_NONE;
}

/* Words from whole bus words, the last one perhaps by half. */
static enum deltahop_reason take_bus(struct dh_stream *stream, const uint64_t *bus, uint32_t count,
				     bool opens, uint16_t *words)
{
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	for (uint32_t i = 0; i < count && !reason; i++) {
		if (stream->half) {
			reason = take_half(stream, 0, &words[i]);
			continue;
		}
		stream->bus = *bus++;
		if (!good_first(stream->bus, DH_WORD_IMAGE, opens && !i))
			return bad_word(stream, stream->words);
		words[i] = stream->bus & 0xffff;
		stream->half = true;
		stream->words++;
	}
	return reason;
}

static enum deltahop_reason read_bus(struct dh_stream *stream, uint32_t count, bool opens,
				     uint16_t *words)
{
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;
	uint64_t block[BLOCK];

	if (stream->half && count) {
		reason = take_half(stream, opens, words++);
		count--;
		opens = false;
	}
	while (count && !reason) {
		uint32_t some = count < 2 * BLOCK ? count : 2 * BLOCK;

		reason = dh_memory_read(stream->memory, stream->region,
					place(stream, stream->words), block,
					(size_t)(some + 1) / 2 * BUS_BYTES);
		if (!reason)
			reason = take_bus(stream, block, some, opens, words);
		opens = false;
		words += some;
		count -= some;
	}
	return reason;
}

/* The next words of a row, which are known to be there. @opens: the first one opens the row */
static enum deltahop_reason read_words(struct dh_stream *stream, uint32_t count, bool opens,
				       uint16_t *words)
{
	enum deltahop_reason reason;

	if (!stream->packed)
		return read_bus(stream, count, opens, words);
	reason = dh_memory_read(stream->memory, stream->region, place(stream, stream->words), words,
				(size_t)count * WORD_BYTES);
	stream->words += count;
	return reason;
}

static uint32_t groups_of(uint32_t values)
{
	return (values + DH_MAP_GROUP - 1) / DH_MAP_GROUP;
}

/* Bits that a sparsity map word may have: not those beyond the end of the row. */
static uint16_t allowed_bits(uint32_t values, uint32_t group)
{
	uint32_t rest = values - group * DH_MAP_GROUP;

	return rest >= DH_MAP_GROUP ? 0xffff : (1U << rest) - 1;
}

/**
 * struct parser - an encoded row being looked at
 * @known: words that the row is known to have
 * @parsed: of these, how many have been looked at
 * @group: sparsity map words among them
 * @left: values that the last one of these still asks for
 */
struct parser {
	uint32_t known;
	uint32_t parsed;
	uint32_t group;
	uint32_t left;
};

/* Look at the words up to @end. False: word @parsed is not what it must be. */
static bool parse(struct parser *parser, const uint16_t *words, uint32_t end, uint32_t values)
{
	while (parser->parsed < end) {
		uint16_t word = words[parser->parsed];

		if (parser->left) {
			if (!word)
				return false;
			parser->left--;
		} else {
			if (word & ~allowed_bits(values, parser->group))
				return false;
			parser->group++;
			parser->left = __builtin_popcount(word);
			parser->known += parser->left;
		}
		parser->parsed++;
	}
	return true;
}

/* No word is read before those in front of it say that it is there. */
static enum deltahop_reason read_encoded(struct dh_stream *stream, uint32_t values, uint16_t *words,
					 uint32_t *count)
{
	struct parser parser = { .known = groups_of(values) };
	uint64_t first = stream->words;
	enum deltahop_reason reason;

	while (parser.parsed < parser.known) {
		uint32_t end = parser.known;

		reason = read_words(stream, end - parser.parsed, !parser.parsed,
				    words + parser.parsed);
		if (reason)
			return reason;
		if (!parse(&parser, words, end, values))
			return bad_word(stream, first + parser.parsed);
	}
	*count = parser.known;
	return DELTAHOP_REASON_NONE;
}

/* A bus word that goes on behind the row: with the next row, or not at all. */
static enum deltahop_reason end_row(const struct dh_stream *stream, bool last)
{
	if (!stream->half || (last ? no_second(stream->bus) : good_second(stream->bus, 1)))
		return DELTAHOP_REASON_NONE;
	return bad_word(stream, stream->words);
}

enum deltahop_reason dh_map_read_row(struct dh_stream *stream, uint32_t values, bool encoded,
				     bool last, uint16_t *words, uint32_t *count)
{
	enum deltahop_reason reason;

	*count = values;
	reason = encoded ? read_encoded(stream, values, words, count)
			 : read_words(stream, values, true, words);
	return reason ? reason : end_row(stream, last);
}

uint32_t dh_map_row_words(const uint16_t *words, uint32_t values, bool encoded)
{
	uint32_t count = 0;

	if (!encoded)
		return values;
	for (uint32_t group = 0; group < groups_of(values); group++)
		count += 1 + __builtin_popcount(words[count]);
	return count;
}

void dh_map_decode_row(const uint16_t *words, uint32_t count, bool encoded, int16_t *values)
{
	if (!encoded) {
		memcpy(values, words, (size_t)count * WORD_BYTES);
		return;
	}
	memset(values, 0, (size_t)count * WORD_BYTES);
	for (uint32_t first = 0; first < count; first += DH_MAP_GROUP) {
		for (uint32_t bits = *words++; bits; bits &= bits - 1)
			values[first + __builtin_ctz(bits)] = (int16_t)*words++;
	}
}

/* A sparsity map word without a value takes a cycle too. */
uint64_t dh_map_read_cycles(const uint16_t *words, uint32_t count, bool encoded)
{
	uint64_t cycles = 0;

	if (!encoded)
		return count;
	for (uint32_t group = 0; group < groups_of(count); group++) {
		uint32_t values = __builtin_popcount(*words);

		cycles += values ? values : 1;
		words += 1 + values;
	}
	return cycles;
}

/* ---- writing a map ---- */

uint32_t dh_map_encode_row(const int16_t *values, uint32_t count, uint16_t *words)
{
	uint16_t *at = words;

	for (uint32_t first = 0; first < count; first += DH_MAP_GROUP) {
		uint32_t end = count - first < DH_MAP_GROUP ? count - first : DH_MAP_GROUP;
		uint16_t *map = at++;
		uint32_t bits = 0;

		for (uint32_t i = 0; i < end; i++) {
			int16_t value = values[first + i];

			*at = (uint16_t)value;
			at += value != 0;
			bits |= (uint32_t)(value != 0) << i;
		}
		*map = bits;
	}
	return at - words;
}

static void put_bus(struct dh_writer *writer)
{
	memcpy(writer->bytes + writer->len, &writer->bus, BUS_BYTES);
	writer->len += BUS_BYTES;
	writer->half = false;
}

void dh_writer_row(struct dh_writer *writer, const uint16_t *words, uint32_t count)
{
	if (writer->packed) {
		memcpy(writer->bytes + writer->len, words, (size_t)count * WORD_BYTES);
		writer->len += (size_t)count * WORD_BYTES;
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (writer->half) {
			writer->bus |= second_word(words[i], !i);
			put_bus(writer);
		} else {
			writer->bus = first_word(words[i], DH_WORD_IMAGE, !i);
			writer->half = true;
		}
	}
}

void dh_writer_end(struct dh_writer *writer)
{
	if (writer->half)
		put_bus(writer);
}
