/* SPDX-License-Identifier: MIT */
/*
 * Feature maps in the memory of the device: Documentation/hardware-conv.rst, "Words in memory" and
 * "Feature maps".
 */
#ifndef DELTAHOP_MAP_H
#define DELTAHOP_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * dh_map_room() - most bytes that a map takes in memory, rounded up to 8
 * @rows, @cols, @channels: 16 bits each; the result then does not overflow
 * @encoded: sparsity maps and values, none of which is 0 in the worst case; else values only
 * @packed: words lie without gaps, else two in a bus word
 */
uint64_t dh_map_room(uint32_t rows, uint32_t cols, uint32_t channels, bool encoded, bool packed);

#endif /* DELTAHOP_MAP_H */
