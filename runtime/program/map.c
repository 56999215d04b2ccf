// SPDX-License-Identifier: MIT
/* Feature maps in the memory of the device. */
#include "program/map.h"

#define GROUP 16 /* values under a sparsity map word */

/* Bytes of @words words, rounded up to bus words. */
static uint64_t words_bytes(uint64_t words, bool packed)
{
	return packed ? (2 * words + 7) / 8 * 8 : (words + 1) / 2 * 8;
}

uint64_t dh_map_room(uint32_t rows, uint32_t cols, uint32_t channels, bool encoded, bool packed)
{
	uint64_t values = (uint64_t)cols * channels;
	uint64_t maps = encoded ? (values + GROUP - 1) / GROUP : 0;

	return words_bytes(rows * (values + maps), packed);
}
