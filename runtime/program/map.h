/* SPDX-License-Identifier: MIT */
/*
 * Feature maps in the memory of the device: Documentation/hardware-conv.rst, "Words in memory" and
 * "Feature maps".
 */
#ifndef DELTAHOP_PROGRAM_MAP_H
#define DELTAHOP_PROGRAM_MAP_H

#include "program/program.h"

/**
 * dh_map_room() - most bytes that a map takes in memory, rounded up to 8
 * @rows, @cols, @channels: 16 bits each; the result then does not overflow
 * @encoded: sparsity maps and values, none of which is 0 in the worst case; else values only
 * @packed: words lie without gaps, else two in a bus word
 */
uint64_t dh_map_room(uint32_t rows, uint32_t cols, uint32_t channels, bool encoded, bool packed);

/** dh_map_values() - number of values of a map */
uint64_t dh_map_values(const struct dh_program_map *map);

/** dh_program_maps_bytes() - bytes of the region with these maps */
uint64_t dh_program_maps_bytes(const struct dh_program_map *maps, uint32_t count);

/**
 * dh_map_write() - put a map into memory, rounded to its scale
 * @chw: [channels][rows][cols], all finite
 * @region: memory of the region
 * @clipped: counts values that became the nearest one in range
 */
void dh_map_write(const struct dh_program_map *map, bool packed, const float *chw, uint8_t *region,
		  uint64_t *clipped);

/**
 * dh_map_read() - get a map that a device has written out of memory
 *
 * Nothing is read outside of the map's groups, whatever is there. Return: false: it is not in its
 * format.
 */
bool dh_map_read(const struct dh_program_map *map, bool packed, const uint8_t *region, float *chw);

#endif /* DELTAHOP_PROGRAM_MAP_H */
