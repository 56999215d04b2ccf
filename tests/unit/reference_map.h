/* SPDX-License-Identifier: MIT */
/*
 * Words in memory and feature maps a second time, plainly and slowly, straight from the text of the
 * manual. Shares no code with the model.
 */
#ifndef DELTAHOP_TEST_REFERENCE_MAP_H
#define DELTAHOP_TEST_REFERENCE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values that a sparsity map word is for. */
#define REF_GROUP 16

/** enum ref_type - of a bus word */
enum ref_type { REF_BIAS = 0, REF_IMAGE = 1, REF_KERNEL = 2 };

/**
 * struct ref_words - a sequence of 16-bit words
 * @room: words that fit
 * @address: of each word, as a bus word has it
 */
struct ref_words {
	size_t count, room;
	uint16_t *word;
	uint8_t *address;
};

void ref_words_add(struct ref_words *words, int word, int address);
void ref_words_free(struct ref_words *words);

/** ref_words_bytes() - bytes that @count words take */
size_t ref_words_bytes(size_t count, bool packed);

/** ref_words_store() - write all words to @bytes */
void ref_words_store(const struct ref_words *words, bool packed, enum ref_type type,
		     uint8_t *bytes);

/**
 * struct ref_map - a feature map
 * @card: its region is in card memory
 * @value: rows * cols * channels numbers, channel fastest, then column
 */
struct ref_map {
	int rows, cols, channels;
	bool encoded;
	bool card;
	int16_t *value;
};

/** ref_map_words() - words that the first @rows rows take */
size_t ref_map_words(const struct ref_map *map, int rows);

/** ref_map_bytes() - bytes that the whole map takes */
size_t ref_map_bytes(const struct ref_map *map, bool packed);

/** ref_map_store() - write the whole map to @bytes */
void ref_map_store(const struct ref_map *map, bool packed, uint8_t *bytes);

enum ref_fault_kind { REF_GOOD, REF_BAD_WORD, REF_NOT_THERE };

/**
 * struct ref_fault - the first thing that is wrong with a map
 * @offset: of the word, or bus word, in bytes from the map's first
 */
struct ref_fault {
	enum ref_fault_kind kind;
	size_t offset;
};

/** ref_map_load() - read the first @rows rows of a map from @length bytes */
struct ref_fault ref_map_load(struct ref_map *map, int rows, bool packed, const uint8_t *bytes,
			      size_t length);

/** ref_row_cycles() - cycles that a reader needs for a row */
long long ref_row_cycles(const struct ref_map *map, int row);

#endif /* DELTAHOP_TEST_REFERENCE_MAP_H */
