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
 * struct dh_context - a context of the device, for one instance or for several whose jobs are
 * submitted together
 * @lock: over everything of its instances that changes
 * @id: the driver's; @live: it exists
 * @batch: room for as many jobs as the instances have, @job_count
 */
struct dh_context {
	struct dh_device *device;
	uint32_t priority;
	pthread_mutex_t lock;
	uint32_t id;
	bool live;
	struct dh_instance *instances;
	struct drm_deltahop_job *batch;
	uint32_t job_count;
};

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
 * @scratch: CONV: what lies between layers
 * @input: input of the caller instead, or NULL; @output likewise
 * @bindings: handle; @sync: syncobj that the job signals
 * @after: job that must have succeeded before, if it is earlier in the same submit, or NULL
 * @args: the job as the driver takes it, with what it points to
 * @starts: its first step is the first of the stream
 * @result: how it ended, a negative errno or 0
 */
struct dh_job {
	struct dh_instance *instance;
	struct dh_job *next;
	struct dh_stream *stream;
	struct dh_buffer memory;
	struct dh_buffer scratch;
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
	struct dh_job *after;
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
 * @next: of its context
 * @owns_context: nobody else has it
 * @fixed: commands, weights and, of a recurrent program, scratch
 * @initial: initial state image, if it is not all zeros
 * @theta_x: thresholds by layer; @theta_h likewise
 * @dense_cycles: by layer; RNN: of one step
 */
struct dh_instance {
	struct dh_device *device;
	struct dh_context *context;
	struct dh_instance *next;
	bool owns_context;
	const struct dh_program *program;
	struct dh_instance_options options;
	struct dh_buffer fixed;
	uint64_t weights_offset;
	uint64_t scratch_offset;
	struct dh_buffer initial;
	int16_t *theta_x;
	int16_t *theta_h;
	uint64_t *dense_cycles;
	struct dh_stream *streams;
	struct dh_job *jobs;
};

/** dh_context_create() - a context; all its instances are destroyed before it is */
int dh_context_create(struct dh_device *device, uint32_t priority, struct dh_context **context,
		      struct dh_error *err);

/** dh_context_destroy() - end its jobs and free it; NULL is fine */
void dh_context_destroy(struct dh_context *context);

/** dh_context_open() - make the driver's context, anew after dh_context_close() */
int dh_context_open(struct dh_context *context, struct dh_error *err);

/** dh_context_close() - jobs that wait end, and none can be submitted any more */
void dh_context_close(struct dh_context *context);

/**
 * dh_instance_add() - as dh_instance_create(), in a context that others may have too; the priority is
 * that of the context
 */
int dh_instance_add(struct dh_context *context, const struct dh_program *program,
		    const struct dh_instance_options *options, struct dh_instance **instance,
		    struct dh_error *err);

/** dh_instance_ioctl() - of the instance's device */
int dh_instance_ioctl(struct dh_instance *instance, unsigned long request, void *arg);

/** dh_profile_rows() - most rows that the job writes */
uint32_t dh_profile_rows(const struct dh_job *job);

/** dh_profile_bytes() - of the profile region of a job */
size_t dh_profile_bytes(const struct dh_job *job);

/**
 * dh_report_dense_cycles() - what a layer takes if nothing is skipped; RNN: a step of it; 0 or -ENOMEM
 */
int dh_report_dense_cycles(const struct dh_instance *instance, uint32_t layer, uint64_t *cycles);

/** dh_report_failure() - the sentence for a job that has not ended well */
void dh_report_failure(const struct dh_job *job, struct dh_error *err);

/**
 * dh_job_write_map() - put an input map of a convolution program into the job's memory
 * @index: of the map
 * @chw: its values, [channels][rows][cols]
 * @clipped: number of values out of range, which became the nearest one in range; may be NULL
 *
 * Return: 0; -EDOM: not a number, or infinite; the sentence says where; -ERANGE: no such map.
 */
int dh_job_write_map(struct dh_job *job, uint32_t index, const float *chw, uint64_t *clipped,
		     struct dh_error *err);

/**
 * dh_job_read_map() - get an output map, after the job has ended well
 *
 * Return: 0; -EBADMSG: what is there is no map; -ERANGE: no such map.
 */
int dh_job_read_map(const struct dh_job *job, uint32_t index, float *chw, struct dh_error *err);

/** dh_job_collect() - take the record of a job that has ended by now, under the lock */
void dh_job_collect(struct dh_job *job);

/** dh_job_release() - free a job that is not in flight and in no list */
void dh_job_release(struct dh_job *job);

#endif /* DELTAHOP_INSTANCE_H */
