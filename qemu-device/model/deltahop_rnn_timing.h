/* SPDX-License-Identifier: MIT */
/*
 * Timing of the recurrent engine: cycles of one layer in one step from the pattern of
 * elements that fire. Source of the rule: EdgeDRNN's pipeline, see the
 * timing chapter of Documentation/hardware.rst. Pure functions, no state.
 */
#ifndef DELTAHOP_RNN_TIMING_H
#define DELTAHOP_RNN_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "deltahop_cmd.h"
#include "deltahop_model.h"

struct dh_port;

/**
 * struct dh_timing_layer - a layer as the pipeline sees it
 * @inputs: elements of x, rounded up to 8
 * @hidden: units H (for the output phase)
 * @recurrent: elements of h that are scanned: H, or 0 for a dense layer
 * @column_bytes: bytes of a weight column of bias and x
 * @h_bytes: bytes of a column of h
 * @rh_bytes: bytes of a column of r * h, 0: there is no such phase
 * @pes: processing elements = weights consumed a cycle
 * @memory: channel that serves the weights
 * @beat_bytes: bytes a beat
 * @port: where the weights are fetched if it matters where they are, else NULL
 */
struct dh_timing_layer {
	uint32_t inputs;
	uint32_t hidden;
	uint32_t recurrent;
	uint32_t column_bytes;
	uint32_t h_bytes;
	uint32_t rh_bytes;
	uint32_t pes;
	struct dh_memory_timing memory;
	uint32_t beat_bytes;
	struct dh_port *port;
};

/** dh_timing_of() - a layer with its weights behind @memory */
struct dh_timing_layer dh_timing_of(const struct dh_layer *layer, uint32_t pes,
				    const struct dh_memory_timing *memory, uint32_t beat_bytes);

/**
 * dh_timing_layer_cycles() - cycles from reading element 0 of x to the last output beat, both
 * counted
 * @layer: the layer
 * @fired: one byte per slot in scanning order: bias, x[0..inputs-1], h[0..recurrent-1], and r * h if
 *	there is that phase, of as many as h; non-zero where it fires. NULL: everything but the bias fires
 *
 * Add 3 to a step's first layer while the bias has not been sent, 1 if it follows another step of
 * its job directly, and 1 between layers.
 */
uint64_t dh_timing_layer_cycles(const struct dh_timing_layer *layer, const uint8_t *fired);

/**
 * dh_timing_transfer() - cycles of a transfer of @bytes that nothing overlaps: (L + 1) + 1 + (beats
 * - 1) N; ideal: beats; 0 bytes: 0
 */
uint64_t dh_timing_transfer(const struct dh_memory_timing *memory, uint32_t beat_bytes,
			    uint64_t bytes);

#endif /* DELTAHOP_RNN_TIMING_H */
