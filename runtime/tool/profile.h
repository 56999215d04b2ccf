/* SPDX-License-Identifier: MIT */
/*
 * What single steps and passes cost, and when: collected job by job.
 */
#ifndef DELTAHOP_PROFILE_H
#define DELTAHOP_PROFILE_H

#include "deltahop.h"

/**
 * struct profile_cell - a step of a sequence, or a pass of a convolution, of all jobs together
 * @sum: rows added up
 * @rows: how many
 */
struct profile_cell {
	struct dh_row_report sum;
	uint64_t rows;
};

/**
 * struct profile_layer - what a layer cost
 * @cells: by step of the sequence, or by pass; @room for more
 * @passes: of the job that is being added
 */
struct profile_layer {
	struct profile_cell *cells;
	size_t room;
	uint32_t count;
	uint32_t passes;
};

/** enum profile_track - where something was done; the engines as enum deltahop_engine */
enum profile_track { PROFILE_RNN, PROFILE_CONV, PROFILE_HOST, PROFILE_TRACKS };

/** enum profile_kind - what was done */
enum profile_kind {
	PROFILE_JOB,	/* a job, whose rows lie within it */
	PROFILE_ROW,	/* a layer in a step or a pass */
	PROFILE_NODE,	/* a node of the host */
	PROFILE_VALUES, /* putting the values of a part into the device's form and back */
};

/**
 * struct profile_slice - something that took time
 * @name: of the node; of a job and its values: of the program
 * @start: seconds from the first one on
 * @run: sequence, or run of a network
 * @index: PROFILE_ROW: step or pass
 * @row: PROFILE_ROW; PROFILE_JOB: what the record says, layer and steps apart
 * @bytes_state: PROFILE_JOB; as all that follows
 */
struct profile_slice {
	enum profile_track track;
	enum profile_kind kind;
	const char *name;
	double start;
	double seconds;
	uint64_t run;
	uint32_t index;
	struct dh_row_report row;
	uint64_t bytes_state;
	uint64_t bytes_commands;
	uint64_t wait_cycles;
};

/**
 * struct profile - of all jobs so far
 * @slices: if they are kept, in no order; @slice_room for more
 * @runs: sequences, or runs of a network; @jobs of them
 * @now: end of the last one
 * @host_end: of the last one of the host
 * @shift: from device time to that of the slices
 * @failed: memory was short
 */
struct profile {
	uint32_t clock_hz;
	struct profile_layer *layers;
	uint32_t layer_count;
	bool keep_slices;
	struct profile_slice *slices;
	size_t slice_count;
	size_t slice_room;
	uint64_t runs;
	uint64_t jobs;
	double now;
	double host_end;
	double shift;
	bool failed;
};

/** profile_init() - nothing yet; @keep_slices: for a trace; 0 or -ENOMEM */
int profile_init(struct profile *profile, uint32_t clock_hz, uint32_t layers, bool keep_slices,
		 struct dh_error *err);

/** profile_add_job() - a sequence of a recurrent program, that has ended well */
void profile_add_job(struct profile *profile, const struct dh_job *job);

/** profile_add_run() - the run of a network of parts that has ended well just now */
void profile_add_run(struct profile *profile, const struct dh_session *session, uint32_t steps);

/** profile_check() - was everything kept? 0 or -ENOMEM */
int profile_check(const struct profile *profile, struct dh_error *err);

/** profile_fold() - cells @first to @end - 1 of a layer added up */
struct profile_cell profile_fold(const struct profile_layer *layer, uint32_t first, uint32_t end);

/** profile_fini() - free it */
void profile_fini(struct profile *profile);

#endif /* DELTAHOP_PROFILE_H */
