/* SPDX-License-Identifier: MIT */
/* A random convolution device with random jobs in its memory, and what they should compute. */
#ifndef DELTAHOP_TEST_CONV_TRIAL_H
#define DELTAHOP_TEST_CONV_TRIAL_H

#include "random_conv.h"

#define MAX_LAYERS 3
#define MAX_PASSES 3

/** struct place - where something lies */
struct place {
	const struct rig_buffer *buffer;
	uint64_t offset;
};

/**
 * struct trial_pass - a pass and what should come of it
 * @sums: partial sums after it, or NULL
 * @takes_sums: it goes on with those of the pass before
 */
struct trial_pass {
	struct ref_conv_pass ref;
	struct ref_map output;
	int32_t *sums;
	bool takes_sums;
	struct place weight, target, psum, added;
	struct ref_conv_cost cost;
	uint32_t cmd_offset;
};

/** enum over - what the output of the first pass takes the place of */
enum over { OVER_NOTHING, OVER_INPUT, OVER_ADDED };

/**
 * struct trial_layer - a layer
 * @follows: its input is what the passes of the layer before wrote
 */
struct trial_layer {
	struct ref_conv_layer ref;
	enum over over;
	bool connected, follows;
	int passes;
	struct trial_pass pass[MAX_PASSES];
	struct place input[REF_MAX_INPUTS];
};

/**
 * struct trial - a random job on a random device
 * @buffer: a buffer for each region
 * @device: for the references
 */
struct trial {
	uint64_t seed;
	struct rig_random random;
	struct rig *rig;
	struct conv_kind kind;
	struct ref_conv_device device;
	struct rig_buffer buffer[64];
	struct place commands, profile;
	uint32_t command_bytes;
	int layers;
	struct trial_layer layer[MAX_LAYERS];
};

/** trial_create() - a device of random properties; aborts if there is no memory */
struct trial *trial_create(uint64_t seed);

/** trial_create_profile() - a device of a profile; @store_bytes: of the input store, 0: as it is */
struct trial *trial_create_profile(uint64_t seed, const char *name, uint32_t store_bytes);

void trial_destroy(struct trial *trial);

/**
 * trial_job() - put a job in memory, in place of the one before
 * @layers: at most so many
 * @passes: at most so many a layer
 */
void trial_job(struct trial *trial, int layers, int passes);
void trial_free_job(struct trial *trial);

/** trial_clear() - no job, no regions */
void trial_clear(struct trial *trial);

/** trial_place() - put the layers that are there, with outputs and sums, in memory */
void trial_place(struct trial *trial);

/** trial_run() - let the device do the job; @budget: of cycles, and no profile then; 0: none */
struct deltahop_record trial_run(struct trial *trial, uint64_t budget);

/** trial_passes() - passes and fully connected layers of the job */
int trial_passes(const struct trial *trial);

/** trial_commands() - its commands */
int trial_commands(const struct trial *trial);

/** trial_describe() - say what the job is, on stderr */
void trial_describe(const struct trial *trial);

/** trial_bytes() - room for so many bytes, all 0 */
uint8_t *trial_bytes(size_t length);

#endif /* DELTAHOP_TEST_CONV_TRIAL_H */
