// SPDX-License-Identifier: MIT
/* Words and feature maps from the manual, sentence by sentence. */
#include <stdlib.h>

#include "reference_map.h"
#include "reference_number.h"

void ref_words_add(struct ref_words *words, int word, int address)
{
	if (words->count == words->room) {
		words->room = 2 * words->room + 1024;
		words->word = realloc(words->word, words->room * sizeof(*words->word));
		words->address = realloc(words->address, words->room * sizeof(*words->address));
		if (!words->word || !words->address)
			abort();
	}
	words->word[words->count] = (uint16_t)word;
	words->address[words->count++] = (uint8_t)address;
}

void ref_words_free(struct ref_words *words)
{
	free(words->word);
	free(words->address);
	*words = (struct ref_words){ 0 };
}

size_t ref_words_bytes(size_t count, bool packed)
{
	return packed ? 2 * count : 8 * (size_t)ref_ceil(count, 2);
}

/* Words 2 @number and 2 @number + 1 as a bus word; @valid of them are there. */
static uint64_t bus_word(const uint16_t *word, const uint8_t *address, int valid,
			 enum ref_type type)
{
	uint64_t bus = word[0];

	bus += (uint64_t)type << 32;
	bus += 1ULL << 34;
	bus += (uint64_t)address[0] << 36;
	if (valid == 2) {
		bus += (uint64_t)word[1] << 16;
		bus += 1ULL << 35;
		bus += (uint64_t)address[1] << 43;
	}
	return bus;
}

static void put(uint8_t *bytes, uint64_t value, int size)
{
	for (int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, int size)
{
	uint64_t value = 0;

	for (int i = 0; i < size; i++)
		value += (uint64_t)bytes[i] << 8 * i;
	return value;
}

void ref_words_store(const struct ref_words *words, bool packed, enum ref_type type, uint8_t *bytes)
{
	size_t i = 0;

	while (packed && i < words->count) {
		put(bytes + 2 * i, words->word[i], 2);
		i++;
	}
	while (i < words->count) {
		int valid = words->count - i >= 2 ? 2 : 1;

		put(bytes + 4 * i, bus_word(words->word + i, words->address + i, valid, type), 8);
		i += valid;
	}
}

/* ---- writing a map ---- */

static int row_values(const struct ref_map *map)
{
	return map->cols * map->channels;
}

static const int16_t *row_start(const struct ref_map *map, int row)
{
	return map->value + (size_t)row * row_values(map);
}

/* How many values of the group that begins at value @first of a row are not zero. */
static int group_count(const struct ref_map *map, int row, int first)
{
	int count = 0;

	for (int i = first; i < first + REF_GROUP && i < row_values(map); i++)
		count += row_start(map, row)[i] != 0;
	return count;
}

static void store_group(const struct ref_map *map, int row, int first, struct ref_words *words)
{
	const int16_t *value = row_start(map, row);
	int sparsity = 0;

	for (int i = 0; i < REF_GROUP && first + i < row_values(map); i++) {
		if (value[first + i])
			sparsity += 1 << i;
	}
	ref_words_add(words, sparsity, first == 0);
	for (int i = 0; i < REF_GROUP; i++) {
		if (sparsity >> i & 1)
			ref_words_add(words, value[first + i], 0);
	}
}

static void store_row(const struct ref_map *map, int row, struct ref_words *words)
{
	for (int i = 0; i < row_values(map) && !map->encoded; i++)
		ref_words_add(words, row_start(map, row)[i], i == 0);
	for (int i = 0; i < row_values(map) && map->encoded; i += REF_GROUP)
		store_group(map, row, i, words);
}

void ref_map_store(const struct ref_map *map, bool packed, uint8_t *bytes)
{
	struct ref_words words = { 0 };

	for (int row = 0; row < map->rows; row++)
		store_row(map, row, &words);
	ref_words_store(&words, packed, REF_IMAGE, bytes);
	ref_words_free(&words);
}

size_t ref_map_words(const struct ref_map *map, int rows)
{
	size_t words = 0;

	for (int row = 0; row < rows; row++) {
		if (!map->encoded)
			words += row_values(map);
		for (int i = 0; i < row_values(map) && map->encoded; i += REF_GROUP)
			words += 1 + group_count(map, row, i);
	}
	return words;
}

size_t ref_map_bytes(const struct ref_map *map, bool packed)
{
	return ref_words_bytes(ref_map_words(map, map->rows), packed);
}

long long ref_row_cycles(const struct ref_map *map, int row)
{
	long long cycles = 0;

	if (!map->encoded)
		return row_values(map);
	for (int i = 0; i < row_values(map); i += REF_GROUP) {
		int count = group_count(map, row, i);

		cycles += count > 1 ? count : 1;
	}
	return cycles;
}

/* ---- reading a map ---- */

/**
 * struct reader - words being read
 * @read: words so far
 * @fault: of the first word that is not in its format, or not there
 */
struct reader {
	const uint8_t *bytes;
	size_t length;
	bool packed;
	size_t read;
	struct ref_fault fault;
};

static void fail(struct reader *reader, enum ref_fault_kind kind, size_t word)
{
	if (reader->fault.kind)
		return;
	reader->fault.kind = kind;
	reader->fault.offset = reader->packed ? 2 * word : 8 * (word / 2);
}

/* The bytes of the word, or bus word, of which word @word is; 0 after a fault. */
static uint64_t bytes_of(struct reader *reader, size_t word)
{
	size_t at = reader->packed ? 2 * word : 8 * (word / 2), size = reader->packed ? 2 : 8;

	if (at + size > reader->length)
		fail(reader, REF_NOT_THERE, word);
	return reader->fault.kind ? 0 : get(reader->bytes + at, (int)size);
}

/* What a bus word has for one of its words: valid bit, address, and if not valid the word itself. */
static void check_half(struct reader *reader, uint64_t bus, size_t word, bool valid, int address)
{
	int half = word % 2;
	uint64_t got = bus >> (half ? 43 : 36) & 127, want = valid ? address : 0;

	if ((bus >> (34 + half) & 1) != valid || got != want ||
	    (!valid && (bus >> 16 * half & 0xffff)))
		fail(reader, REF_BAD_WORD, word);
}

static int next_word(struct reader *reader, bool opens_row)
{
	size_t number = reader->read++;
	uint64_t bus = bytes_of(reader, number);

	if (reader->packed)
		return (int16_t)bus;
	if ((bus >> 32 & 3) != REF_IMAGE || bus >> 50)
		fail(reader, REF_BAD_WORD, number);
	check_half(reader, bus, number, true, opens_row);
	return (int16_t)(bus >> 16 * (number % 2));
}

/* The second half of a bus word of which only the first was read: of the next row, or nothing. */
static void check_rest(struct reader *reader, bool ended)
{
	if (!reader->packed && reader->read % 2)
		check_half(reader, bytes_of(reader, reader->read), reader->read, !ended, 1);
}

static void load_group(struct ref_map *map, int row, int first, struct reader *reader)
{
	int16_t *value = map->value + (size_t)row * row_values(map);
	int sparsity = next_word(reader, first == 0), left = row_values(map) - first;

	if (left < REF_GROUP && (sparsity & 0xffff) >> left)
		fail(reader, REF_BAD_WORD, reader->read - 1);
	for (int i = 0; i < REF_GROUP && i < left; i++) {
		bool there = sparsity >> i & 1;

		value[first + i] = (int16_t)(there ? next_word(reader, false) : 0);
		if (there && !value[first + i])
			fail(reader, REF_BAD_WORD, reader->read - 1);
	}
}

static void load_row(struct ref_map *map, int row, struct reader *reader)
{
	int16_t *value = map->value + (size_t)row * row_values(map);

	for (int i = 0; i < row_values(map) && !map->encoded; i++)
		value[i] = (int16_t)next_word(reader, i == 0);
	for (int i = 0; i < row_values(map) && map->encoded && !reader->fault.kind; i += REF_GROUP)
		load_group(map, row, i, reader);
}

struct ref_fault ref_map_load(struct ref_map *map, int rows, bool packed, const uint8_t *bytes,
			      size_t length)
{
	struct reader reader = { bytes, length, packed };

	for (int row = 0; row < rows; row++)
		load_row(map, row, &reader);
	check_rest(&reader, rows == map->rows);
	return reader.fault;
}
