/* SPDX-License-Identifier: MIT */
/*
 * The embedded device: a driver like the kernel's, and below it the device model, in this process.
 *
 * Jobs are queued by submit, for each engine in a queue of its own, and run by whoever waits, in
 * device time that jumps from event to event of both engines. There is no thread. The order of ring
 * entries, the placement of memory and the handling of states are those of the kernel driver, so
 * that records are the same to the cycle.
 */
#ifndef DELTAHOP_EMBEDDED_H
#define DELTAHOP_EMBEDDED_H

#include <pthread.h>
#include <stdio.h>

#include <deltahop_hw.h>

#include "deltahop_model.h"
#include "execute/backend.h"

#define EMBEDDED_MAX_JOBS      128
#define EMBEDDED_RECORD_SLOTS  256
#define EMBEDDED_MAX_OVERRIDES 8
#define EMBEDDED_MAX_SYNCS     64

/* --- memory: heap.c ----------------------------------------------------- */

/**
 * struct dh_block - a piece of a heap
 * @size: 0: none
 * @shared: a file is mapped there
 */
struct dh_block {
	uint64_t offset;
	uint64_t size;
	bool shared;
	struct dh_block *next;
};

/**
 * struct dh_heap - address space that grows no pages before they are touched
 * @base: its bytes; an address is an offset from here
 * @size: bytes
 * @used: bytes in blocks
 * @blocks: blocks in order of their offsets
 */
struct dh_heap {
	uint8_t *base;
	uint64_t size;
	uint64_t used;
	struct dh_block *blocks;
};

/** dh_heap_init() - reserve up to @size bytes, at least @least; false if that is not to be had */
bool dh_heap_init(struct dh_heap *heap, uint64_t size, uint64_t least);

/** dh_heap_fini() - give it back */
void dh_heap_fini(struct dh_heap *heap);

/**
 * dh_heap_alloc() - a zeroed block of whole device pages, first fit; false if none is large enough
 */
bool dh_heap_alloc(struct dh_heap *heap, struct dh_block *block, uint64_t size);

/**
 * dh_heap_free() - give a block back; one without size is fine
 *
 * Return: false: it is shared, and no memory can be had to put in the file's place; the block stays
 * taken.
 */
bool dh_heap_free(struct dh_heap *heap, struct dh_block *block);

/** dh_heap_largest() - bytes of the largest block that could be had */
uint64_t dh_heap_largest(const struct dh_heap *heap);

/* --- objects -------------------------------------------------------------------- */

/** struct table - objects by handle, which is 1 + index */
struct table {
	void **slot;
	uint32_t count;
};

/**
 * struct bo - a buffer
 * @next: with @refs 0: of those whose block could not be given back
 */
struct bo {
	struct bo *next;
	uint32_t refs;
	uint32_t placement;
	bool imported;
	struct dh_block block;
};

/**
 * struct bound - a region with memory
 * @bo: the buffer, NULL: it is empty
 * @sync: jobs that use the buffer so, and of which one writes it, run in the order of their submits
 * @entry: of the device's table
 */
struct bound {
	struct bo *bo;
	bool sync;
	struct deltahop_region entry;
};

/**
 * struct bindings - regions bound to buffers, and their table in device memory
 */
struct bindings {
	uint32_t refs;
	uint32_t count;
	struct dh_block table;
	struct bound bound[];
};

/**
 * struct state - of one stream
 * @image: where it is kept while not on the chip
 * @initial: what it starts from; none: zeros
 * @fresh: starts from @initial when next used
 * @lost: a job failed
 * @reset_next: the next job submitted gets DRM_DELTAHOP_JOB_STATE_RESET
 */
struct state {
	uint32_t refs;
	uint32_t owner;
	uint32_t size;
	struct dh_block image;
	struct dh_block initial;
	bool fresh;
	bool lost;
	bool reset_next;
};

enum sync_state {
	SYNC_EMPTY,
	SYNC_PENDING,
	SYNC_DONE,
};

/**
 * struct sync - a syncobj
 * @ticket: of the job that signals it, the last one submitted
 * @failed: which has not ended well
 */
struct sync {
	uint32_t refs;
	enum sync_state state;
	uint64_t ticket;
	bool failed;
};

struct override {
	uint32_t region;
	struct bound bound;
};

/**
 * struct job - in the queue
 * @ticket: number among all jobs, in the order of their submits
 * @depends: sequence number of the job that must have succeeded, 0: none
 * @wait: tickets of the jobs that must have ended
 * @broken: one of them has not ended well
 * @sync: what it signals
 */
struct job {
	struct job *next;
	struct context *ctx;
	struct bindings *bindings;
	struct state *state;
	enum deltahop_engine engine;
	uint64_t ticket;
	uint32_t seqno;
	uint32_t flags;
	uint64_t cmd_offset;
	uint32_t cmd_size;
	uint32_t cmd_region;
	uint32_t profile_region;
	uint32_t depends;
	uint64_t cycle_budget;
	bool broken;
	uint32_t override_count;
	uint32_t sync_count;
	uint32_t wait_count;
	struct override override[EMBEDDED_MAX_OVERRIDES];
	struct sync *sync[EMBEDDED_MAX_SYNCS];
	uint64_t wait[EMBEDDED_MAX_SYNCS];
};

/**
 * struct context - a sequence of jobs and their records
 * @owner: tag of ring entries, never used twice
 * @last: last sequence number given out
 * @unfinished: jobs submitted and not ended
 * @records: the ring of records
 * @busy: the job with a record in this slot has not ended
 * @idle: jobs not in use
 */
struct context {
	uint32_t owner;
	uint32_t last;
	uint32_t unfinished;
	struct dh_block records;
	bool busy[EMBEDDED_RECORD_SLOTS];
	struct job *idle;
	struct job pool[EMBEDDED_MAX_JOBS];
};

/**
 * struct engine - one of the device's, with its ring and its queue
 * @first: oldest job that waits; @tail: where the next one goes
 * @running: job on the ring, or NULL
 * @kernel: ring, tables and records of the driver
 * @ring_tail: entries produced
 * @leaving: state that is saved for the running job, or NULL
 */
struct engine {
	enum deltahop_engine number;
	struct job *first;
	struct job **tail;
	struct job *running;
	struct dh_block kernel;
	uint32_t ring_tail;
	struct state *leaving;
};

/**
 * struct embedded - the device
 * @lock: over everything below
 * @now: device time
 * @ticket: last one given out; @ended: jobs that have ended
 * @resident: state on the chip; @dirty: changed since it was loaded
 * @owner: last tag given out
 * @stuck: buffers whose block could not be given back
 * @dram_trace: where bursts on the DRAM channel are written, or NULL
 */
struct embedded {
	struct dh_device base;
	pthread_mutex_t lock;
	struct dh_config config;
	struct dh_model *model;
	struct dh_heap system;
	struct dh_heap card;
	uint64_t now;
	struct table bos;
	struct table contexts;
	struct table bindings;
	struct table states;
	struct table syncs;
	struct engine engine[DELTAHOP_ENGINE_COUNT];
	uint64_t ticket;
	uint64_t ended;
	struct state *resident;
	bool dirty;
	uint32_t owner;
	struct bo *stuck;
	FILE *dram_trace;
};

/* --- running jobs: engine.c -------------------------------------------------- */

/** dh_engine_start() - set the rings of all engines up */
bool dh_engine_start(struct embedded *dev);

/** dh_engine_stop() - give the rings' memory back */
void dh_engine_stop(struct embedded *dev);

/** dh_engine_run() - let device time go on until a job has ended; false if there is none */
bool dh_engine_run(struct embedded *dev);

/** dh_engine_cancel() - end all jobs of a context that wait, then those that run */
void dh_engine_cancel(struct embedded *dev, struct context *ctx);

/** dh_engine_bound() - what a job has bound to a region, with overrides; NULL: no such region */
const struct bound *dh_engine_bound(const struct job *job, uint32_t region);

/** dh_engine_record() - the record of a job, in device memory */
struct deltahop_record *dh_engine_record(struct embedded *dev, const struct context *ctx,
					 uint32_t seqno);

/* --- taking jobs: submit.c -------------------------------------------------------- */

/** dh_embedded_submit() - DRM_DELTAHOP_SUBMIT, under the lock */
int dh_embedded_submit(struct embedded *dev, void *arg);

/** dh_embedded_wait() - DRM_DELTAHOP_WAIT, without the lock */
int dh_embedded_wait(struct embedded *dev, struct drm_deltahop_wait *args);

/* --- the DRAM channel: dram.c ------------------------------------------------------- */

int dh_embedded_trace_dram(struct dh_device *device, const char *path);
void dh_embedded_dram_counts(struct dh_device *device, struct dh_dram_counts *counts);

/** dh_embedded_trace_end() - close the trace, if there is one; 0 or a negative errno */
int dh_embedded_trace_end(struct embedded *dev);

/* --- what they share: backend.c, options.c ------------------------------------------- */

/** dh_embedded_options() - a configuration from "name=value,..." */
int dh_embedded_options(struct dh_config *config, const char *text, struct dh_error *err);

/**
 * dh_embedded_fetch() - element @index of an array of the caller: a longer one must end in zeros, a
 * shorter one gets them
 */
int dh_embedded_fetch(void *dst, size_t size, uint64_t array, uint32_t stride, uint32_t index);

/** dh_embedded_bind() - check a binding; its buffer is not held yet */
int dh_embedded_bind(struct embedded *dev, const struct drm_deltahop_binding *binding,
		     struct bound *bound);

/** dh_table_get() - the object, or NULL */
void *dh_table_get(const struct table *table, uint32_t handle);

void dh_bo_put(struct embedded *dev, struct bo *bo);
void dh_bindings_put(struct embedded *dev, struct bindings *bindings);
void dh_state_put(struct embedded *dev, struct state *state);
void dh_sync_put(struct sync *sync);

#endif /* DELTAHOP_EMBEDDED_H */
