/* SPDX-License-Identifier: MIT */
/*
 * A network in the device's memory, ready to be submitted, and what its jobs must answer.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "device.h"
#include "reference.h"

/* Region numbers of a runner's bindings. */
enum region {
	REGION_COMMANDS,
	REGION_PARAMS,
	REGION_WEIGHTS,
	REGION_INPUT,
	REGION_OUTPUT,
	REGION_PROFILE,
	REGION_COUNT,
};

/* Where a region begins in its buffer: eight bytes of the first page, then the next one. */
#define REGION_SHIFT 4088

/* Energy of the profiles, as the manual has it. */
#define ENERGY_DRAM_FJ_BYTE 500000
#define ENERGY_MAC_FJ	    3100

/** struct network - layers and their weights */
struct network {
	unsigned int layers;
	struct ref_layer layer[REF_LAYERS];
	int8_t *weights;
	size_t weight_bytes;
	size_t state_bytes;
};

/** struct stream - what the reference remembers of one stream */
struct stream {
	struct ref_state memory[REF_LAYERS];
};

/** struct totals - what a job's record must say; cycles without those of state entries */
struct totals {
	uint64_t cycles;
	uint64_t step_cycles;
	uint64_t bytes_weights;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t bytes_commands;
	uint64_t work_done;
	uint64_t work_skipped;
};

/** struct runner - a network with its buffers, in one context */
struct runner {
	int fd;
	uint32_t ctx;
	struct drm_deltahop_device_info info;
	uint32_t placement;
	struct network net;
	unsigned int max_steps;
	struct buffer buffer[REGION_COUNT];
	struct drm_deltahop_binding binding[REGION_COUNT];
	uint32_t bindings;
	uint32_t state;
	uint32_t cmd_size;
};

/** random_next() - next pseudo-random number, the same everywhere */
uint32_t random_next(uint32_t *seed);

/** network_small() - two GRU layers of 16 units, 12 inputs: legal on every profile */
void network_small(struct network *net, uint32_t seed);

/** network_other() - one GRU layer of 24 units, 8 inputs */
void network_other(struct network *net, uint32_t seed);

/** network_wide() - one GRU layer of 128 units, 64 inputs: weights of many pages */
void network_wide(struct network *net, uint32_t seed);

/** network_make() - random weights for layers of any shape, one after another */
void network_make(struct network *net, const struct ref_layer *layers, unsigned int count,
		  uint32_t seed);

/** runner_create() - put a network into buffers of @placement, with room for @steps steps, and make a state */
void runner_create(struct runner *r, int fd, uint32_t ctx, const struct network *net,
		   unsigned int steps, uint32_t placement);

/** runner_destroy() - drop everything but context and file */
void runner_destroy(struct runner *r);

/** runner_at() - a region's first byte */
void *runner_at(const struct runner *r, enum region region);

/** runner_params() - steps and thresholds of the jobs to come */
void runner_params(struct runner *r, unsigned int steps, uint16_t theta_x, uint16_t theta_h);

/** runner_inputs() - new random inputs; the outputs are made invalid */
void runner_inputs(struct runner *r, uint32_t seed);

/** runner_job() - a job of the runner's state */
struct drm_deltahop_job runner_job(const struct runner *r);

/** runner_layer() - the command that sets up layer @l */
struct deltahop_cmd_rnn_layer *runner_layer(const struct runner *r, unsigned int l);

/** runner_run() - the command that runs the layers */
struct deltahop_cmd_rnn_run *runner_run(const struct runner *r);

/** runner_end() - the command behind it */
struct deltahop_cmd *runner_end(const struct runner *r);

/** runner_seqno() - submit a job of the runner; returns its number */
uint32_t runner_seqno(const struct runner *r);

/** runner_do() - submit a job and wait; @record may be NULL; returns what WAIT does */
int runner_do(const struct runner *r, struct deltahop_record *record);

/** runner_expect() - let the reference take the same steps: outputs (may be NULL) and totals (may be NULL) */
void runner_expect(const struct runner *r, struct stream *stream, int16_t *outputs,
		   struct totals *totals);

/** runner_check() - the outputs in the buffer are those of the reference */
void runner_check(const struct runner *r, struct stream *stream);

/** runner_differs() - number of outputs in the buffer that differ from @expected */
unsigned int runner_differs(const struct runner *r, const int16_t *expected);

/** runner_check_record() - the record of a job whose state was already on the chip, every field */
void runner_check_record(const struct runner *r, const struct totals *totals,
			 const struct deltahop_record *record, uint32_t seqno);

/** runner_blocker() - a runner whose job takes at least @ms of device time */
void runner_blocker(struct runner *r, int fd, uint32_t ctx, unsigned int ms);

/** runner_memory() - the channel that serves a placement */
struct ref_channel runner_memory(const struct drm_deltahop_device_info *info, uint32_t placement);

#endif /* RUNNER_H */
