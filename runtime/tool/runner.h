/* SPDX-License-Identifier: MIT */
/*
 * Runs sequences through a program and adds up what they cost.
 */
#ifndef DELTAHOP_RUNNER_H
#define DELTAHOP_RUNNER_H

#include "tool/profile.h"
#include "tool/sequences.h"

/**
 * struct cost - of all jobs together
 * @sum: records added up; status, reason, command and times are those of the last job
 * @layers: profile rows added up, by layer
 * @jobs: how many
 * @wait_cycles: of the cycles, lost because the other engine used the channel
 * @start_ns: device time at which the first job began
 * @host_seconds: from first submit to last answer
 * @clipped: input values that int16 cannot hold
 * @beyond: input values beyond the range that the program was compiled for
 * @largest: absolute value of these
 * @profile: where single steps and passes go too, or NULL
 */
struct cost {
	struct dh_report sum;
	struct dh_layer_report *layers;
	uint32_t layer_count;
	uint64_t jobs;
	uint64_t steps;
	uint64_t wait_cycles;
	uint64_t start_ns;
	double host_seconds;
	uint64_t clipped;
	uint64_t beyond;
	double largest;
	struct profile *profile;
};

/**
 * struct runner - a program ready to run
 * @streams: recurrent states; sequence i runs on stream i mod @stream_count
 * @jobs: submitted together
 */
struct runner {
	struct dh_device *device;
	const struct dh_program *program;
	struct dh_instance *instance;
	struct dh_stream **streams;
	uint32_t stream_count;
	struct dh_job **jobs;
	uint32_t job_count;
	float *values;
};

/**
 * runner_init() - instance, streams and jobs for sequences of at most @max_steps; 0 or a negative
 * errno
 * @profile_steps: record steps apart (dh_instance_options.profile_steps)
 */
int runner_init(struct runner *runner, struct dh_device *device, const struct dh_program *program,
		uint32_t streams, uint32_t max_steps, bool profile_steps, struct dh_error *err);

/**
 * runner_run() - run all sequences
 * @answers: filled; may be NULL
 * @cost: added to
 */
int runner_run(struct runner *runner, const struct sequences *seqs, bool keep_state,
	       struct answers *answers, struct cost *cost, struct dh_error *err);

/** runner_fini() - free all */
void runner_fini(struct runner *runner);

/** cost_init() - nothing yet; 0 or -ENOMEM */
int cost_init(struct cost *cost, uint32_t layers, struct dh_error *err);

/** cost_fini() - free it */
void cost_fini(struct cost *cost);

/** cost_add_report() - add what a record says */
void cost_add_report(struct cost *cost, const struct dh_report *report);

/** cost_add_layer() - add what a layer has cost */
void cost_add_layer(struct cost *cost, uint32_t layer, const struct dh_layer_report *report);

/** cost_add() - add what a job has cost, that has ended well */
void cost_add(struct cost *cost, const struct dh_job *job, uint32_t steps);

#endif /* DELTAHOP_RUNNER_H */
