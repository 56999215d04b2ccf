/* SPDX-License-Identifier: MIT */
/*
 * What the recurrent engine must compute and how long it may take, written from the programming manual alone and
 * sharing no code with the device: the tests' second opinion.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REF_MAX	   1024 /* inputs or units of a layer */
#define REF_LAYERS 4

/** struct ref_layer - shape and weights of a layer */
struct ref_layer {
	uint8_t cell;
	uint8_t activation;
	bool no_bias;
	uint16_t inputs;
	uint16_t hidden;
	uint8_t frac[4];
	const int8_t *weights;
};

/** struct ref_state - what a layer remembers from step to step; zeros at power-up */
struct ref_state {
	bool bias_sent;
	int16_t x_sent[REF_MAX];
	int16_t h_sent[REF_MAX];
	int16_t h[REF_MAX];
	int32_t acc[4][REF_MAX];
};

/**
 * struct ref_trace - what a layer did in a step
 * @bias: 1 if the bias fired
 * @x: elements of x that fired
 * @h: elements of h that fired
 * @waited: the step began with the bias not yet sent
 * @fired: by scanning order: bias, x (padded to 8), h
 */
struct ref_trace {
	uint32_t bias;
	uint32_t x;
	uint32_t h;
	bool waited;
	uint8_t fired[1 + 2 * REF_MAX];
};

/** struct ref_channel - a memory channel; n 0: ideal */
struct ref_channel {
	uint32_t n;
	uint32_t l;
	uint32_t q;
};

/** ref_columns() - weight columns of a layer */
size_t ref_columns(const struct ref_layer *layer);

/** ref_column_bytes() - bytes of a weight column */
size_t ref_column_bytes(const struct ref_layer *layer);

/** ref_state_bytes() - bytes of the layer's block in a state image */
size_t ref_state_bytes(const struct ref_layer *layer);

/** ref_load() - memory of a layer from its block in a state image */
void ref_load(const struct ref_layer *layer, struct ref_state *memory, const void *block);

/**
 * ref_step() - one layer, one time step
 * @theta_x: threshold register of bias and x
 * @theta_h: threshold register of h
 * @x: input vector; the output vector is then @memory->h
 */
void ref_step(const struct ref_layer *layer, struct ref_state *memory, uint16_t theta_x,
	      uint16_t theta_h, const int16_t *x, struct ref_trace *trace);

/** ref_cycles() - cycles of a layer in a step, without what is added between layers and steps */
uint64_t ref_cycles(const struct ref_layer *layer, const struct ref_trace *trace,
		    const struct ref_channel *channel, uint32_t beat_bytes, uint32_t pes);

/** ref_channel_transfer() - cycles of a transfer that nothing overlaps */
uint64_t ref_channel_transfer(const struct ref_channel *channel, uint32_t beat_bytes,
			      uint64_t bytes);

#endif /* REFERENCE_H */
