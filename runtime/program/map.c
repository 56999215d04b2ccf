// SPDX-License-Identifier: MIT
/* Feature maps in the memory of the device. */
#include "base/fixed.h"
#include "deltahop_bytes.h"
#include "program/map.h"

#define PIECE 16 /* values under a sparsity map word */
#define ALIGN 8

/* Fields of a bus word. */
#define BUS_IMAGE	 (1ull << 32)
#define BUS_FIRST_VALID	 (1ull << 34)
#define BUS_SECOND_VALID (1ull << 35)
#define BUS_FIRST_OPENS	 (1ull << 36)
#define BUS_SECOND_OPENS (1ull << 43)

uint64_t dh_map_room(uint32_t rows, uint32_t cols, uint32_t channels, bool encoded, bool packed)
{
	uint64_t bytes = dh_conv_map_bytes_max(rows, cols, channels, encoded, packed);

	return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

uint64_t dh_map_values(const struct dh_program_map *map)
{
	return (uint64_t)map->rows * map->cols * map->channels;
}

uint64_t dh_program_maps_bytes(const struct dh_program_map *maps, uint32_t count)
{
	uint64_t bytes = 0;

	for (uint32_t m = 0; m < count; m++) {
		for (uint32_t g = 0; g < maps[m].group_count; g++) {
			const struct dh_program_group *group = &maps[m].groups[g];
			uint64_t end = (uint64_t)group->offset + group->bytes;

			bytes = end > bytes ? end : bytes;
		}
	}
	return bytes;
}

/* --- words --- */

/**
 * struct words - a sequence of words in memory
 * @count: words so far
 * @room: words that it may have
 */
struct words {
	uint8_t *data;
	uint64_t count;
	uint64_t room;
	bool packed;
};

static struct words words_at(const struct dh_program_group *group, bool packed,
			     const uint8_t *region)
{
	return (struct words){
		.data = (uint8_t *)region + group->offset,
		.room = packed ? group->bytes / 2 : group->bytes / 8 * 2,
		.packed = packed,
	};
}

/* @opens: it is the first one of a row. Room is known to be there. */
static void put_word(struct words *words, uint16_t word, bool opens)
{
	uint64_t at = words->count++;
	uint8_t *bus = words->data + at / 2 * 8;

	if (words->packed)
		put_le16(words->data + 2 * at, word);
	else if (at % 2)
		put_le64(bus, get_le64(bus) | (uint64_t)word << 16 | BUS_SECOND_VALID |
				      (opens ? BUS_SECOND_OPENS : 0));
	else
		put_le64(bus, word | BUS_IMAGE | BUS_FIRST_VALID | (opens ? BUS_FIRST_OPENS : 0));
}

/* Whether the second word of a bus word is there is known by the words that are asked for. */
static bool get_word(struct words *words, uint16_t *word, bool opens)
{
	uint64_t at = words->count++, bus;

	if (at >= words->room)
		return false;
	if (words->packed) {
		*word = get_le16(words->data + 2 * at);
		return true;
	}
	bus = get_le64(words->data + at / 2 * 8);
	*word = at % 2 ? bus >> 16 : bus;
	if (at % 2)
		return bus & BUS_SECOND_VALID && !(bus & BUS_SECOND_OPENS) == !opens;
	return bus & BUS_FIRST_VALID && bus & BUS_IMAGE && !(bus & BUS_FIRST_OPENS) == !opens;
}

/* --- a row of a group --- */

/**
 * struct row - goes through the values of a row, in the order of memory
 * @at: channel 0 of the column, in [channels][rows][cols]
 * @apart: from channel to channel
 * @channel: the next one
 * @count: values: columns times channels
 */
struct row {
	float *at;
	uint64_t apart;
	uint32_t channel;
	uint32_t channels;
	uint32_t count;
};

static struct row row_of(const struct dh_program_map *map, const struct dh_program_group *group,
			 const float *first, uint32_t row)
{
	return (struct row){
		.at = (float *)first + (uint64_t)row * map->cols,
		.apart = (uint64_t)map->rows * map->cols,
		.channels = group->channels,
		.count = map->cols * group->channels,
	};
}

static float *next_value(struct row *row)
{
	float *value = row->at + row->channel * row->apart;

	if (++row->channel == row->channels) {
		row->channel = 0;
		row->at++;
	}
	return value;
}

static void write_plain(struct words *words, struct row *row, double per_unit, uint64_t *clipped)
{
	for (uint32_t i = 0; i < row->count; i++)
		put_word(words, dh_fixed(*next_value(row), per_unit, clipped), !i);
}

static void write_encoded(struct words *words, struct row *row, double per_unit, uint64_t *clipped)
{
	for (uint32_t start = 0; start < row->count; start += PIECE) {
		uint32_t n = row->count - start < PIECE ? row->count - start : PIECE;
		int16_t values[PIECE];
		uint16_t map = 0;

		for (uint32_t i = 0; i < n; i++) {
			values[i] = dh_fixed(*next_value(row), per_unit, clipped);
			map |= (values[i] != 0) << i;
		}
		put_word(words, map, !start);
		for (uint32_t i = 0; i < n; i++) {
			if (values[i])
				put_word(words, values[i], false);
		}
	}
}

static bool read_plain(struct words *words, struct row *row, double unit)
{
	uint16_t word;

	for (uint32_t i = 0; i < row->count; i++) {
		if (!get_word(words, &word, !i))
			return false;
		*next_value(row) = (int16_t)word * unit;
	}
	return true;
}

static bool read_encoded(struct words *words, struct row *row, double unit)
{
	for (uint32_t start = 0; start < row->count; start += PIECE) {
		uint32_t n = row->count - start < PIECE ? row->count - start : PIECE;
		uint16_t map, word;

		if (!get_word(words, &map, !start) || (n < PIECE && map >> n))
			return false;
		for (uint32_t i = 0; i < n; i++, map >>= 1) {
			word = 0;
			if (map & 1 && (!get_word(words, &word, false) || !word))
				return false;
			*next_value(row) = (int16_t)word * unit;
		}
	}
	return true;
}

/* --- a map --- */

void dh_map_write(const struct dh_program_map *map, bool packed, const float *chw, uint8_t *region,
		  uint64_t *clipped)
{
	double per_unit = 1 / dh_fixed_unit(map->scale_exp);

	for (uint32_t g = 0; g < map->group_count; g++) {
		const struct dh_program_group *group = &map->groups[g];
		struct words words = words_at(group, packed, region);

		for (uint32_t r = 0; r < map->rows; r++) {
			struct row row = row_of(map, group, chw, r);

			if (map->encoded)
				write_encoded(&words, &row, per_unit, clipped);
			else
				write_plain(&words, &row, per_unit, clipped);
		}
		chw += (uint64_t)group->channels * map->rows * map->cols;
	}
}

bool dh_map_read(const struct dh_program_map *map, bool packed, const uint8_t *region, float *chw)
{
	double unit = dh_fixed_unit(map->scale_exp);

	for (uint32_t g = 0; g < map->group_count; g++) {
		const struct dh_program_group *group = &map->groups[g];
		struct words words = words_at(group, packed, region);

		for (uint32_t r = 0; r < map->rows; r++) {
			struct row row = row_of(map, group, chw, r);

			if (!(map->encoded ? read_encoded(&words, &row, unit)
					   : read_plain(&words, &row, unit)))
				return false;
		}
		chw += (uint64_t)group->channels * map->rows * map->cols;
	}
	return true;
}
