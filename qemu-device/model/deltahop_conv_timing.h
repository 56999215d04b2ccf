/* SPDX-License-Identifier: MIT */
/*
 * Timing of the convolution engine: cycles of a stripe and of a fully connected layer, see the
 * timing chapter of Documentation/hardware-conv.rst. Pure functions, no state.
 */
#ifndef DELTAHOP_CONV_TIMING_H
#define DELTAHOP_CONV_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "deltahop_model.h"

/* Most controllers of an output map. */
#define DH_CONV_CONTROLLERS 8

/**
 * dh_timing_multiply() - M: cycles in which the controllers multiply
 * @work: cycles of each controller in each input column, [@controllers][@cols]
 * @controllers: m, 1..DH_CONV_CONTROLLERS
 * @cols: columns of the input
 */
uint64_t dh_timing_multiply(const uint32_t *work, uint32_t controllers, uint32_t cols);

/** dh_timing_leave() - O: cycles in which @words leave the engine */
uint64_t dh_timing_leave(uint64_t words, bool packed, uint32_t beat_bytes);

/**
 * dh_timing_stripe() - C: cycles of a stripe
 * @multiply: M
 * @read: R
 * @leave: O
 * @macs: m
 */
uint64_t dh_timing_stripe(uint64_t multiply, uint64_t read, uint64_t leave, uint32_t macs);

/**
 * dh_timing_columns() - L' + F: cycles in which a fully connected layer fetches and adds columns
 * @memory: channel of the weights
 * @beat_bytes: bytes a beat
 * @macs: of the engine
 * @outputs: N, weights of a column
 * @column_bytes: their bytes
 * @columns: how many are fetched
 */
uint64_t dh_timing_columns(const struct dh_memory_timing *memory, uint32_t beat_bytes,
			   uint32_t macs, uint32_t outputs, uint64_t column_bytes,
			   uint64_t columns);

#endif /* DELTAHOP_CONV_TIMING_H */
