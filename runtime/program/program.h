/* SPDX-License-Identifier: MIT */
/*
 * A compiled network: what the compiler makes, what a .dhp file holds, what an instance runs.
 */
#ifndef DELTAHOP_PROGRAM_H
#define DELTAHOP_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "deltahop_cmd.h"

/* Layers and runs that a program of the recurrent engine can have. */
#define DH_PROGRAM_MAX_LAYERS DELTAHOP_RNN_MAX_SLOTS

/* Layers that a program of the convolution engine can have; maps and groups of either side. */
#define DH_PROGRAM_MAX_CONVS  4096
#define DH_PROGRAM_MAX_MAPS   256
#define DH_PROGRAM_MAX_GROUPS 4096

/* Regions of every program, by number; all offsets in its commands are relative to these. */
enum dh_program_region {
	DH_REGION_COMMANDS = 0, /* read */
	DH_REGION_WEIGHTS = 1,	/* read; in card memory where there is some */
	DH_REGION_PARAMS = 2,	/* read; one struct deltahop_rnn_params per run, 96 bytes apart */
	DH_REGION_INPUT = 3,	/* read; int16 [steps][input.padded]; CONV: the input maps */
	DH_REGION_OUTPUT = 4,	/* write; int16 [steps or 1][output.padded]; CONV: maps, read too */
	DH_REGION_SCRATCH = 5,	/* read and write; scratch_bytes, never seen by the user */
	DH_REGION_PROFILE = 6,	/* write; bound only when profiling */
	DH_REGION_COUNT = 7,
};

/** dh_region_name() - name of a region, or "?" */
const char *dh_region_name(uint32_t region);

#define DH_PARAMS_PITCH 96

/** enum dh_run_steps - how often a run command steps */
enum dh_run_steps {
	DH_STEPS_SEQUENCE = 0, /* once per element of the input sequence */
	DH_STEPS_ONCE = 1,     /* once per job (what follows the last step of a sequence) */
};

/** struct dh_program_run - one DELTAHOP_OP_RNN_RUN and how to fill its parameters */
struct dh_program_run {
	uint32_t cmd_offset;
	enum dh_run_steps steps;
	uint32_t params_offset;
	uint32_t input_stride;
	uint32_t output_stride;
	uint8_t first;
	uint8_t count;
};

/** struct dh_program_layer - a layer slot and where it comes from (the source map) */
struct dh_program_layer {
	struct dh_layer layer;
	uint32_t cmd_offset;  /* of its DELTAHOP_OP_RNN_LAYER */
	uint32_t run;	      /* index of the run that contains it */
	char *node;	      /* name of the ONNX node */
	char *op;	      /* its operator */
	uint32_t real_inputs; /* before padding */
	uint32_t real_hidden;
	int16_t theta_x; /* defaults, 1/256 */
	int16_t theta_h;
};

/**
 * struct dh_program_tensor - input or output of the network
 * @name: of the ONNX tensor
 * @elements: per step
 * @padded: int16 values per step in memory; those after @elements are 0
 * @scale_exp: real value = int16 / 256 * 2^scale_exp
 * @per_step: one vector per step (else one per job)
 * @rank: axes of the ONNX tensor
 * @batch_axis: axis of the batch in the ONNX tensor, -1 if it has none; @step_axis
 *	likewise. Every other axis but the one
 *	of the elements is 1 long
 */
struct dh_program_tensor {
	char *name;
	uint32_t elements;
	uint32_t padded;
	int32_t scale_exp;
	bool per_step;
	uint32_t rank;
	int32_t batch_axis;
	int32_t step_axis;
};

/**
 * struct dh_program_group - channels of a feature map that lie together in memory
 * @channels: of it
 * @offset: in the map's region, multiple of 8
 * @bytes: room, enough for every content (dh_map_room() in program/map.h)
 */
struct dh_program_group {
	uint32_t channels;
	uint32_t offset;
	uint32_t bytes;
};

/**
 * struct dh_program_map - a feature map that goes into a program of the convolution engine (region
 * INPUT) or comes out of it (region OUTPUT)
 * @name: of the tensor
 * @rows: 1-D data have 1; @cols, @channels likewise: as the tensor [channels][rows][cols]
 * @scale_exp: real value = int16 / 256 * 2^scale_exp
 * @encoded: its groups are
 * @group_count: groups whose channels follow each other, as passes wrote them; of an input usually 1
 */
struct dh_program_map {
	char *name;
	uint32_t rows;
	uint32_t cols;
	uint32_t channels;
	int32_t scale_exp;
	bool encoded;
	uint32_t group_count;
	struct dh_program_group *groups;
};

/**
 * struct dh_program_conv - a layer of the convolution engine and where it comes from (the source map)
 * @layer: its geometry, as in the command, from where dh_program_set_need() takes it
 * @cmd_offset: of its DELTAHOP_OP_CONV_LAYER
 * @cmd_end: where the commands of the next layer, or END, begin
 * @passes: DELTAHOP_OP_CONV_PASS or _FC commands in between
 * @out_channels: maps of all passes together
 * @node: name of the ONNX node, of a fused group the main one
 * @op: its operator
 */
struct dh_program_conv {
	struct dh_conv_layer layer;
	uint32_t cmd_offset;
	uint32_t cmd_end;
	uint32_t passes;
	uint32_t out_channels;
	char *node;
	char *op;
};

/**
 * enum dh_host_op - what is left to the host after the device, elementwise or over a vector, in
 * float
 */
enum dh_host_op {
	DH_HOST_NONE = 0,
	DH_HOST_SOFTMAX = 1,
	DH_HOST_LOG_SOFTMAX = 2,
	DH_HOST_ARGMAX = 3,
	DH_HOST_SIGMOID = 4,
	DH_HOST_TANH = 5,
	DH_HOST_RELU = 6,
};

/** dh_host_op_name() - ONNX's name of a host operation, or "none" */
const char *dh_host_op_name(enum dh_host_op op);

/** enum dh_range_source - where a program knows the range of its input from */
enum dh_range_source {
	DH_RANGE_UNKNOWN = 0,	 /* a file of version 1.0 */
	DH_RANGE_ASSUMED = 1,	 /* there was no calibration data */
	DH_RANGE_CALIBRATED = 2, /* from the calibration data, with a margin */
};

struct dh_blob {
	uint8_t *data;
	size_t size;
};

/**
 * struct dh_program - a compiled network, or the part of one that runs as one job on one engine
 * @name: of the ONNX graph
 * @engine: RNN: what is marked so below; CONV likewise; the rest is for both
 * @profile: that it was compiled for
 * @abi_major: hardware interface that it needs: this major number exactly
 * @abi_minor: and at least this minor number
 * @need: capabilities and limits without which it does not run
 * @scratch_bytes: RNN: of an instance; CONV: of every job
 * @state_bytes: RNN: size of the state image; @state_template: initial image, or empty for zeros
 * @fixed_steps: RNN: sequence length if the network fixes it, else 0
 * @batch: RNN: batch size if the network fixes it, else 0; every batch element is a stream of its own
 * @input_limit: RNN: scales and accumulators were chosen for inputs up to this, as int16 values (may
 *	be more than these can hold); beyond it results may be wrong
 * @input_range: where @input_limit is from; if unknown it has no meaning
 * @input: RNN: the one vector that goes in; @output likewise
 * @host_op: RNN: what is left to the host
 * @runs: RNN; @layers likewise
 * @macs: CONV: MACs of the engine: the weights hold a bias for each
 * @packed: CONV: words lie without gaps (DELTAHOP_CAP_CONV_PACKED), else in bus words; the device
 *	must be of the same kind
 * @inputs: CONV: maps in region INPUT; @outputs: in region OUTPUT
 * @convs: CONV: the layers, in the order of their commands
 */
struct dh_program {
	char *name;
	char *profile;
	enum deltahop_engine engine;
	uint16_t abi_major;
	uint16_t abi_minor;
	struct dh_cmd_limits need;
	struct dh_blob commands;
	struct dh_blob weights;
	struct dh_blob state_template;
	uint32_t state_bytes;
	uint32_t scratch_bytes;
	uint32_t fixed_steps;
	uint32_t batch;
	uint32_t input_limit;
	enum dh_range_source input_range;
	struct dh_program_tensor input;
	struct dh_program_tensor output;
	enum dh_host_op host_op;
	struct dh_program_run *runs;
	uint32_t run_count;
	struct dh_program_layer *layers;
	uint32_t layer_count;
	uint32_t macs;
	bool packed;
	struct dh_program_map *inputs;
	uint32_t input_count;
	struct dh_program_map *outputs;
	uint32_t output_count;
	struct dh_program_conv *convs;
	uint32_t conv_count;
};

/** dh_program_free() - free a program and all it holds; NULL is fine */
void dh_program_free(struct dh_program *program);

/**
 * dh_program_check() - is everything in it consistent and runnable on a device with @limits?
 *
 * Return: 0, or a negative errno and a sentence that names what and where (-EOPNOTSUPP: the
 * device has too little).
 */
int dh_program_check(const struct dh_program *program, const struct dh_cmd_limits *limits,
		     struct dh_error *err);

/**
 * dh_program_check_abi() - does it fit a device whose hardware interface has this number? 0, or
 * -EOPNOTSUPP and a sentence
 */
int dh_program_check_abi(const struct dh_program *program, unsigned int major, unsigned int minor,
			 struct dh_error *err);

/**
 * dh_program_set_need() - fill @program->need: the least that a device must have; and what the layers
 * are, from the commands
 */
void dh_program_set_need(struct dh_program *program);

/** dh_program_write() - the bytes of a .dhp file; @file is empty; it fails when out of memory */
struct dh_codec;
void dh_program_write(const struct dh_program *program, struct dh_codec *file);

/** dh_program_save() - write a .dhp file (to a temporary name, renamed when complete) */
int dh_program_save(const struct dh_program *program, const char *path, struct dh_error *err);

/**
 * dh_program_load() - read and check a .dhp file; versions and checksum are verified, hostile
 * files are refused
 */
int dh_program_load(const char *path, struct dh_program **program, struct dh_error *err);

/** dh_program_parse() - the same from memory; @name is what errors call it */
int dh_program_parse(const void *buf, size_t len, const char *name, struct dh_program **program,
		     struct dh_error *err);

#endif /* DELTAHOP_PROGRAM_H */
