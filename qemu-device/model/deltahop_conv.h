/* SPDX-License-Identifier: MIT */
/*
 * The convolution engine from inside: what a pass loads (load), adds up (mac) and hands out
 * (conv), and fully connected layers (fc). It knows nothing of rings and jobs.
 */
#ifndef DELTAHOP_CONV_H
#define DELTAHOP_CONV_H

#include "deltahop_cmd.h"
#include "deltahop_conv_timing.h"
#include "deltahop_map.h"

struct dh_port;

/* Rows of an output, or of accumulators, that are computed together. */
#define DH_CONV_STRIPE 2
/* Most input rows that a stripe touches: kernel rows and a stride. */
#define DH_CONV_ROWS   11
#define DH_CONV_KERNEL 7
/* Output maps lie in groups of so many, the last one padded with zeros. */
#define DH_CONV_LANES 16
/* Columns of a fully connected layer that are added together. */
#define DH_CONV_BATCH 16

/**
 * struct dh_conv_row - an input row on the chip
 * @values: [cols][channels]
 * @taken: of them, those that are multiplied: [controllers][cols]
 * @read_cycles: of its reader
 */
struct dh_conv_row {
	int16_t *values;
	uint16_t *taken;
	uint64_t read_cycles;
};

/**
 * struct dh_conv_store - rows of a layer that stay on the chip from pass to pass
 * @words: in the order in which they were loaded
 * @capacity: most of them
 * @used: how many
 * @at: next one that a later pass takes
 * @rows: whose all words are here
 * @full: the pass has loaded more than fits
 */
struct dh_conv_store {
	uint16_t *words;
	uint32_t capacity;
	uint32_t used;
	uint32_t at;
	uint32_t rows;
	bool full;
};

/**
 * struct dh_conv_geometry - of the running pass
 * @packed: words in memory have no gaps
 * @rows: output rows that are computed
 * @cols: output columns that are computed
 * @stripes: of them
 * @lanes: output maps, padded
 * @span: input rows on the chip
 * @controllers: m
 * @place: kernel columns in the order in which an input column meets output columns, by phase
 */
struct dh_conv_geometry {
	bool packed;
	uint32_t rows;
	uint32_t cols;
	uint32_t stripes;
	uint32_t lanes;
	uint32_t span;
	uint32_t controllers;
	uint8_t place[DH_CONV_KERNEL];
};

/**
 * struct dh_conv_hits - output columns that an input column meets
 * @first: the first of them
 * @count: how many
 * @place: place of its kernel column; those of the others follow
 */
struct dh_conv_hits {
	uint16_t first;
	uint8_t count;
	uint8_t place;
};

/**
 * struct dh_conv_loads - bytes that a stripe's loads moved
 * @maps: of each map of the input
 * @psum: of partial sums
 * @add: of the added map
 */
struct dh_conv_loads {
	uint64_t maps[DELTAHOP_CONV_MAX_INPUTS];
	uint64_t psum;
	uint64_t add;
};

/**
 * struct dh_conv_result - what a stripe, or a fully connected layer, did
 * @cycles: C, L' + F
 * @work: multiply-accumulates done
 * @taken: pixels taken
 */
struct dh_conv_result {
	uint64_t cycles;
	uint64_t work;
	uint64_t taken;
};

/**
 * dh_conv_add_function - add up pixels: accu[i] += sum over k < n of value[k] * kernel[k][offset + i]
 * @accu: wraps modulo 2^32
 * @count: accumulators
 * @kernel: weights, @count of them at @offset; n + n % 2 pointers
 * @value: as many; the last is 0 if n is odd
 */
typedef void dh_conv_add_function(uint32_t *accu, size_t count, const int16_t *const *kernel,
				  size_t offset, const int16_t *value, size_t n);

/**
 * struct dh_conv - the convolution engine
 * @add_pixels: the fastest one for this processor
 * @memory: what the running job can reach
 * @input: maps of the running pass
 * @inputs: how many
 * @layer: of the running pass
 * @pass: itself
 * @next_row: input row that is loaded next
 * @result_offset: where the next results are written
 * @stream: of each map
 * @added: of the added map
 * @controller: of each channel
 * @hits: by input column
 * @kernels: [kernel rows][channels][places of kernel columns][lanes]
 * @bias: of each output map, shifted
 * @accu: accumulators of the running stripe and of the next one, [rows][cols][lanes]
 * @writer: results of the running stripe and of the one before
 * @words: scratch: a row, or all kernels
 * @macs: scratch: number of each kernel word's MAC
 * @values: scratch: a row of output, of the added map, or of one of several maps
 * @sums: scratch: a row of partial sums
 * @work: scratch: cycles by controller and column
 * @index: scratch: of the pixels that are not zero
 * @pixel: scratch: they
 * @weights: scratch: and their weights
 * @columns: scratch: columns of a fully connected layer that are not in one piece
 */
struct dh_conv {
	const struct dh_config *config;
	struct dh_cmd_limits limits;
	dh_conv_add_function *add_pixels;

	struct dh_memory *memory;
	const struct dh_conv_input *input;
	uint32_t inputs;
	const struct dh_conv_layer *layer;
	const struct dh_conv_pass *pass;
	struct dh_conv_geometry geometry;
	uint32_t next_row;
	uint64_t result_offset;

	struct dh_stream stream[DELTAHOP_CONV_MAX_INPUTS];
	struct dh_stream added;
	struct dh_conv_store store;
	struct dh_conv_row row[DH_CONV_ROWS];
	uint8_t *controller;
	struct dh_conv_hits *hits;
	int16_t *kernels;
	uint32_t *bias;
	uint32_t *accu[2];
	struct dh_writer writer[2];

	uint16_t *words;
	uint8_t *macs;
	int16_t *values;
	uint32_t *sums;
	uint32_t *work;
	uint16_t *index;
	int16_t *pixel;
	const int16_t **weights;
	int16_t *columns;
};

/** dh_conv_create() - allocate all that the engine will ever need; false: out of memory */
bool dh_conv_create(struct dh_conv *conv, const struct dh_config *config);

/** dh_conv_destroy() - free it; what is zeroed is fine */
void dh_conv_destroy(struct dh_conv *conv);

/** dh_conv_forget() - nothing of the layer before stays in the input store */
void dh_conv_forget(struct dh_conv *conv);

/** dh_conv_start() - begin a pass, whose commands have been checked */
void dh_conv_start(struct dh_conv *conv, struct dh_memory *memory, const struct dh_cmd_check *check,
		   const struct dh_conv_pass *pass);

/** dh_conv_start_fc() - begin a fully connected layer, likewise; what is in the store stays */
void dh_conv_start_fc(struct dh_conv *conv, struct dh_memory *memory,
		      const struct dh_cmd_check *check, const struct dh_conv_pass *pass);

/** dh_conv_load_weights() - read biases and kernels of the pass */
enum deltahop_reason dh_conv_load_weights(struct dh_conv *conv);

/** dh_conv_load_stripe() - read what stripe @stripe needs and those before it have not loaded */
enum deltahop_reason dh_conv_load_stripe(struct dh_conv *conv, uint32_t stripe,
					 struct dh_conv_loads *loads);

/** dh_conv_compute() - a stripe that is loaded; its results wait in @conv->writer[@stripe % 2] */
void dh_conv_compute(struct dh_conv *conv, uint32_t stripe, struct dh_conv_result *result);

/** dh_conv_end() - the pass has ended well: what it loaded may stay */
void dh_conv_end(struct dh_conv *conv);

/** dh_conv_fc() - a fully connected layer; its results wait in @conv->writer[0] */
enum deltahop_reason dh_conv_fc(struct dh_conv *conv, struct dh_conv_loads *loads,
				struct dh_conv_result *result);

/**
 * dh_conv_fc_fetch() - the same layer's columns once more, as bursts at a port
 * @result: of the layer; its cycles become those at the port, with dram=ddr
 */
void dh_conv_fc_fetch(struct dh_conv *conv, struct dh_port *port, struct dh_conv_result *result);

/* ---- between the files of the engine ---- */

/** dh_conv_stripe_rows() - output rows of a stripe: 2, or 1 */
uint32_t dh_conv_stripe_rows(const struct dh_conv *conv, uint32_t stripe);

/**
 * dh_conv_kernel_row() - kernel row with which input row @row meets output row @out; it does not if
 * that is negative or beyond the kernel
 */
int64_t dh_conv_kernel_row(const struct dh_conv *conv, uint32_t row, uint32_t out);

/** dh_conv_hits_rows() - b: output rows of the stripe that an input row meets */
uint32_t dh_conv_hits_rows(const struct dh_conv *conv, uint32_t stripe, uint32_t row);

/** dh_conv_row_of() - where input row @row is on the chip */
struct dh_conv_row *dh_conv_row_of(struct dh_conv *conv, uint32_t row);

/** dh_conv_choose_add() - the fastest for this processor */
dh_conv_add_function *dh_conv_choose_add(void);

/**
 * dh_conv_gather() - find the values that are not zero
 * @index: filled: their places
 * @pixel: filled: they, and a 0 behind
 *
 * Both have room for @count and 16 more. Return: how many.
 */
size_t dh_conv_gather(const int16_t *values, size_t count, uint16_t *index, int16_t *pixel);

/** dh_conv_put_row() - encode a row if the layer is, and append it to a writer; Return: its words */
uint32_t dh_conv_put_row(struct dh_conv *conv, struct dh_writer *writer, uint32_t count);

/** dh_conv_output() - an accumulator's value as output; @more: bits to shift besides */
int16_t dh_conv_output(const struct dh_conv_layer *layer, int64_t sum, uint32_t more);

#endif /* DELTAHOP_CONV_H */
