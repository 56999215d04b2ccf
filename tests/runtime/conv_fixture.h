/* SPDX-License-Identifier: MIT */
/*
 * Convolution programs made by hand, with the codec, and what they must compute, by the reference.
 */
#ifndef CONV_FIXTURE_H
#define CONV_FIXTURE_H

#include "program/program.h"
#include "reference_conv.h"

struct ref_conv_cost;
struct ref_conv_device;

#define FIX_MAPS   32
#define FIX_LAYERS 8
#define FIX_PASSES 8
#define FIX_NONE   (-1)

/** struct fix_map - a feature map in a region, and its values after fix_evaluate() */
struct fix_map {
	uint32_t region;
	uint32_t offset;
	struct ref_map ref;
};

/**
 * struct fix_pass - a pass or a fully connected layer
 * @out: its map, FIX_NONE: partial sums
 * @add: map that is added, or FIX_NONE
 */
struct fix_pass {
	struct ref_conv_pass ref;
	int out;
	int add;
};

/** struct fix_layer - @in: its maps */
struct fix_layer {
	struct ref_conv_layer ref;
	int in[4];
	struct fix_pass pass[FIX_PASSES];
	int passes;
};

/**
 * struct fixture - a program
 * @macs: of the device
 * @sparse: of 8 weights or inputs, so many are 0
 */
struct fixture {
	struct dh_program *program;
	uint32_t seed;
	int macs;
	int sparse;
	struct fix_map map[FIX_MAPS];
	int maps;
	struct fix_layer layer[FIX_LAYERS];
	int layers;
	uint32_t bytes[DH_REGION_COUNT];
};

/** fix_begin() - nothing yet; @packed: for a device that is */
void fix_begin(struct fixture *fix, uint32_t seed, bool packed);

/** fix_add_map() - room for a map; its number */
int fix_add_map(struct fixture *fix, uint32_t region, int rows, int cols, int channels,
		bool encoded);

/** fix_add_layer() - CONV_LAYER with CONV_INPUT of maps @in, @count of them */
void fix_add_layer(struct fixture *fix, const char *node, const struct ref_conv_layer *geometry,
		   const int *in, int count);

/**
 * fix_add_pass() - CONV_PASS or CONV_FC of the last layer with weights from the seed
 * @psum: 1: of @psum_offset in, 2: out
 */
void fix_add_pass(struct fixture *fix, bool fully_connected, int maps, int out, int add, int psum,
		  uint32_t psum_offset);

/** fix_room() - room for something else in a region; its offset */
uint32_t fix_room(struct fixture *fix, uint32_t region, uint32_t bytes);

/** fix_name() - maps @ids, @count of them, as an input or output of the program, by their region */
void fix_name(struct fixture *fix, const char *name, int scale_exp, const int *ids, int count);

/** fix_end() - END, needs */
void fix_end(struct fixture *fix);

/** fix_fill() - random values for the inputs; @floats: of each, [channels][rows][cols] */
void fix_fill(struct fixture *fix, float **floats);

/** fix_evaluate() - what the program computes of them */
void fix_evaluate(struct fixture *fix);

/** fix_expected() - values of output @index, [channels][rows][cols], allocated */
float *fix_expected(const struct fixture *fix, uint32_t index);

/** fix_cost() - of a layer, after fix_evaluate() */
void fix_cost(const struct fixture *fix, int layer, const struct ref_conv_device *device,
	      struct ref_conv_cost *sum);

/** fix_free() - the program too */
void fix_free(struct fixture *fix);

/**
 * fix_network() - three layers for profile card: two passes, an added map, pooling, partial sums, a
 * fully connected one; two inputs and two outputs, one of two groups
 */
void fix_network(struct fixture *fix, uint32_t seed);

/** fix_published() - two layers for the published engine: bus words, an odd number of them */
void fix_published(struct fixture *fix, uint32_t seed);

#endif /* CONV_FIXTURE_H */
