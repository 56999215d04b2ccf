/* SPDX-License-Identifier: MIT */
/*
 * A program on a device, its streams and its jobs.
 */
#ifndef DELTAHOP_INSTANCE_H
#define DELTAHOP_INSTANCE_H

#include <pthread.h>

#include "execute/backend.h"
#include "program/program.h"

/**
 * struct dh_stream - a recurrent state
 * @handle: of the state, 0 if the program has none
 * @initial: the next job submitted finds the initial state
 */
struct dh_stream {
	struct dh_instance *instance;
	struct dh_stream *next;
	uint32_t handle;
	bool initial;
};

enum job_phase {
	JOB_IDLE,  /* nothing to run yet */
	JOB_READY, /* set up */
	JOB_IN_FLIGHT,
	JOB_ENDED, /* set up, and may be submitted again as it is */
};

/**
 * struct dh_job - one run of the network, again and again
 * @memory: parameters, input, output and profile, at these offsets
 * @input: input of the caller instead, or NULL; @output likewise
 * @bindings: handle; @sync: syncobj that the job signals
 * @args: the job as the driver takes it, with what it points to
 * @starts: its first step is the first of the stream
 * @result: how it ended, a negative errno or 0
 */
struct dh_job {
	struct dh_instance *instance;
	struct dh_job *next;
	struct dh_stream *stream;
	struct dh_buffer memory;
	uint64_t input_offset;
	uint64_t output_offset;
	uint64_t profile_offset;
	uint64_t input_bytes;
	uint64_t output_bytes;
	struct dh_buffer *input;
	uint64_t input_at;
	struct dh_buffer *output;
	uint64_t output_at;
	uint32_t max_steps;
	uint32_t steps;
	uint32_t bindings;
	uint32_t sync;
	struct drm_deltahop_job args;
	struct drm_deltahop_sync signal;
	struct drm_deltahop_override override[2];
	enum job_phase phase;
	bool starts;
	int result;
	struct deltahop_record record;
};

/**
 * struct dh_instance - a program on a device
 * @lock: over everything that changes
 * @ctx: handle; @ctx_live: it exists
 * @fixed: commands, weights and scratch
 * @initial: initial state image, if it is not all zeros
 * @theta_x: thresholds by layer; @theta_h likewise
 * @dense_cycles: of one step, by layer
 * @batch: room for as many jobs as the instance has
 */
struct dh_instance {
	struct dh_device *device;
	const struct dh_program *program;
	struct dh_instance_options options;
	pthread_mutex_t lock;
	uint32_t ctx;
	bool ctx_live;
	struct dh_buffer fixed;
	uint64_t weights_offset;
	uint64_t scratch_offset;
	struct dh_buffer initial;
	int16_t *theta_x;
	int16_t *theta_h;
	uint64_t *dense_cycles;
	struct dh_stream *streams;
	struct dh_job *jobs;
	uint32_t job_count;
	struct drm_deltahop_job *batch;
};

/** dh_instance_ioctl() - of the instance's device */
int dh_instance_ioctl(struct dh_instance *instance, unsigned long request, void *arg);

/** dh_profile_bytes() - of the profile region of a job */
size_t dh_profile_bytes(const struct dh_program *program);

/** dh_report_dense_cycles() - what a step of a layer takes if every element fires */
uint64_t dh_report_dense_cycles(const struct dh_device *device, const struct dh_layer *layer);

/** dh_report_failure() - the sentence for a job that has not ended well */
void dh_report_failure(const struct dh_job *job, struct dh_error *err);

/** dh_job_collect() - take the record of a job that has ended by now, under the lock */
void dh_job_collect(struct dh_job *job);

/** dh_job_release() - free a job that is not in flight and in no list */
void dh_job_release(struct dh_job *job);

#endif /* DELTAHOP_INSTANCE_H */
