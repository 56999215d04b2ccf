// SPDX-License-Identifier: MIT
/* The embedded device runs jobs: states, ring entries, records. */
#include <endian.h>
#include <string.h>

#include "embedded/embedded.h"

#define RING_LOG2    3
#define RING_ENTRIES (1u << RING_LOG2)

/*
 * Offsets in the driver's own memory: ring, tables and records of state transfers, table of a job
 * with overrides.
 */
#define SAVE_TABLE  0x1000
#define LOAD_TABLE  0x1040
#define SAVE_RECORD 0x1080
#define JOB_TABLE   0x2000

static void *kernel_memory(struct embedded *dev, uint32_t offset)
{
	return dev->system.base + dev->kernel.offset + offset;
}

static void ring_write(struct embedded *dev, uint32_t reg, uint32_t value)
{
	dh_model_write(dev->model, DELTAHOP_RING(DELTAHOP_ENGINE_RNN, reg), value, dev->now);
}

static uint32_t ring_read(struct embedded *dev, uint32_t reg)
{
	return dh_model_read(dev->model, DELTAHOP_RING(DELTAHOP_ENGINE_RNN, reg), dev->now);
}

static void enable_ring(struct embedded *dev)
{
	ring_write(dev, DELTAHOP_RING_BASE_LO, dev->kernel.offset);
	ring_write(dev, DELTAHOP_RING_BASE_HI, dev->kernel.offset >> 32);
	ring_write(dev, DELTAHOP_RING_SIZE, RING_LOG2);
	ring_write(dev, DELTAHOP_RING_CTRL, DELTAHOP_RING_CTRL_ENABLE);
	dev->ring_tail = 0;
}

bool dh_engine_start(struct embedded *dev)
{
	uint64_t size = JOB_TABLE + dev->base.hw.max_regions * sizeof(struct deltahop_region);

	dev->tail = &dev->first;
	if (!dh_heap_alloc(&dev->system, &dev->kernel, size))
		return false;
	enable_ring(dev);
	return true;
}

/* Let device time jump from event to event until nothing more happens. */
static void drain(struct embedded *dev)
{
	uint64_t next;

	while ((next = dh_model_next_event(dev->model)) != DH_NEVER) {
		if (next > dev->now)
			dev->now = next;
		dh_model_advance(dev->model, dev->now);
	}
}

static void push(struct embedded *dev, const struct deltahop_entry *entry)
{
	struct deltahop_entry *ring = kernel_memory(dev, 0);

	ring[dev->ring_tail++ % RING_ENTRIES] = *entry;
}

/* Ring the bell and wait. False: the engine stands still or halted; it has been reset. */
static bool run_ring(struct embedded *dev)
{
	ring_write(dev, DELTAHOP_RING_TAIL, dev->ring_tail);
	drain(dev);
	if (ring_read(dev, DELTAHOP_RING_STATUS) == DELTAHOP_RING_IDLE)
		return true;
	ring_write(dev, DELTAHOP_RING_CTRL, DELTAHOP_RING_CTRL_RESET);
	drain(dev);
	enable_ring(dev);
	return false;
}

struct deltahop_record *dh_engine_record(struct embedded *dev, const struct context *ctx,
					 uint32_t seqno)
{
	struct deltahop_record *records = (void *)(dev->system.base + ctx->records.offset);

	return &records[seqno % EMBEDDED_RECORD_SLOTS];
}

/* A record that the driver writes, because the device could not or was not asked. */
static void write_record(struct embedded *dev, struct job *job, enum deltahop_status status,
			 enum deltahop_reason reason)
{
	*dh_engine_record(dev, job->ctx, job->seqno) = (struct deltahop_record){
		.size = htole16(sizeof(struct deltahop_record)),
		.version = htole16(DELTAHOP_RECORD_VERSION),
		.status = htole16(status),
		.reason = htole16(reason),
		.engine = htole16(DELTAHOP_ENGINE_RNN),
		.writer = htole16(DELTAHOP_WRITER_DRIVER),
		.fault_region = htole32(~0u),
		.start_ns = htole64(dev->now),
		.end_ns = htole64(dev->now),
		.seqno = htole32(job->seqno),
	};
}

/* --- states ------------------------------------------------------------------- */

static void push_state(struct embedded *dev, struct state *state, const struct dh_block *image,
		       uint32_t type, uint32_t table)
{
	bool load = type == DELTAHOP_ENTRY_STATE_LOAD;
	struct deltahop_region region = {
		.addr = htole64(image->offset),
		.length = htole64(state->size),
		.flags = htole32(DELTAHOP_REGION_VALID |
				 (load ? DELTAHOP_REGION_READ : DELTAHOP_REGION_WRITE)),
	};
	struct deltahop_entry entry = {
		.type = htole32(type),
		.flags = htole32(load && !image->size ? DELTAHOP_ENTRY_STATE_ZERO : 0),
		.owner = htole32(state->owner),
		.table_addr = htole64(dev->kernel.offset + table),
		.table_count = htole32(1),
		.size = htole32(state->size),
		.profile_region = htole32(DELTAHOP_REGION_NONE),
		.record_addr = htole64(load ? 0 : dev->kernel.offset + SAVE_RECORD),
	};

	if (!image->size)
		region.addr = htole64(state->image.offset);
	memcpy(kernel_memory(dev, table), &region, sizeof(region));
	push(dev, &entry);
}

/*
 * Put the right state on the chip: entries before the job's own. The one that must be saved for it
 * is returned.
 */
static struct state *push_states(struct embedded *dev, struct job *job)
{
	bool reset = job->state && (job->state->fresh || job->flags & DRM_DELTAHOP_JOB_STATE_RESET);
	struct state *leaving = dev->resident == job->state || !dev->dirty ? NULL : dev->resident;

	if (leaving)
		push_state(dev, leaving, &leaving->image, DELTAHOP_ENTRY_STATE_SAVE, SAVE_TABLE);
	if (job->state && (dev->resident != job->state || reset))
		push_state(dev, job->state, reset ? &job->state->initial : &job->state->image,
			   DELTAHOP_ENTRY_STATE_LOAD, LOAD_TABLE);
	dev->resident = job->state;
	dev->dirty = false;
	return leaving;
}

/* --- jobs ---------------------------------------------------------------------- */

/* The bindings' table, or a copy with the job's overrides in it. */
static uint64_t job_table(struct embedded *dev, const struct job *job)
{
	struct deltahop_region *table = kernel_memory(dev, JOB_TABLE);
	uint32_t i;

	if (!job->override_count)
		return job->bindings->table.offset;
	memcpy(table, dev->system.base + job->bindings->table.offset,
	       job->bindings->count * sizeof(*table));
	for (i = 0; i < job->override_count; i++)
		table[job->override[i].region] = job->override[i].entry;
	return dev->kernel.offset + JOB_TABLE;
}

static void push_job(struct embedded *dev, const struct job *job)
{
	uint64_t record = (uint8_t *)dh_engine_record(dev, job->ctx, job->seqno) - dev->system.base;
	struct deltahop_entry entry = {
		.type = htole32(DELTAHOP_ENTRY_JOB),
		.flags = htole32(DELTAHOP_ENTRY_IRQ),
		.owner = htole32(job->ctx->owner),
		.seqno = htole32(job->seqno),
		.table_addr = htole64(job_table(dev, job)),
		.table_count = htole32(job->bindings->count),
		.cmd_region = htole32(job->cmd_region),
		.cmd_offset = htole64(job->cmd_offset),
		.size = htole32(job->cmd_size),
		.profile_region = htole32(job->profile_region),
		.record_addr = htole64(record),
		.cycle_budget = htole64(job->cycle_budget),
	};

	push(dev, &entry);
}

static bool status_ok(const struct deltahop_record *record)
{
	return le16toh(record->status) == DELTAHOP_STATUS_OK;
}

/* Why a job cannot even start, if so. */
static enum deltahop_reason blocked(struct embedded *dev, const struct job *job)
{
	if (job->depends && !status_ok(dh_engine_record(dev, job->ctx, job->depends)))
		return DELTAHOP_REASON_DEPENDENCY;
	if (job->state && job->state->lost && !(job->flags & DRM_DELTAHOP_JOB_STATE_RESET))
		return DELTAHOP_REASON_STATE_LOST;
	return DELTAHOP_REASON_NONE;
}

static void run_on_device(struct embedded *dev, struct job *job)
{
	struct deltahop_record *save = kernel_memory(dev, SAVE_RECORD);
	struct state *leaving;

	memset(dh_engine_record(dev, job->ctx, job->seqno), 0, sizeof(struct deltahop_record));
	memset(save, 0, sizeof(*save));
	leaving = push_states(dev, job);
	push_job(dev, job);
	if (!run_ring(dev))
		write_record(dev, job, DELTAHOP_STATUS_TIMEOUT, DELTAHOP_REASON_HANG);
	if (leaving && !status_ok(save))
		leaving->lost = true;
}

static void run_job(struct embedded *dev, struct job *job)
{
	enum deltahop_reason why = blocked(dev, job);
	bool ok;

	if (why)
		write_record(dev, job, DELTAHOP_STATUS_DEPENDENCY_FAILED, why);
	else
		run_on_device(dev, job);
	ok = status_ok(dh_engine_record(dev, job->ctx, job->seqno));
	if (!ok && (!why || dev->resident == job->state))
		dev->resident = NULL;
	if (!job->state)
		return;
	job->state->lost = !ok;
	if (ok) {
		job->state->fresh = false;
		dev->dirty = true;
	}
}

/* The job has ended: tell who waits, and let go of what it held. */
static void end_job(struct embedded *dev, struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->sync_count; i++) {
		if (!--job->sync[i]->pending)
			job->sync[i]->state = SYNC_DONE;
		dh_sync_put(job->sync[i]);
	}
	for (i = 0; i < job->override_count; i++)
		dh_bo_put(dev, job->override[i].bo);
	dh_bindings_put(dev, job->bindings);
	if (job->state)
		dh_state_put(dev, job->state);
	job->ctx->done = job->seqno;
	job->ctx->unfinished--;
	job->next = job->ctx->idle;
	job->ctx->idle = job;
}

bool dh_engine_run_next(struct embedded *dev)
{
	struct job *job = dev->first;

	if (!job)
		return false;
	dev->first = job->next;
	if (!dev->first)
		dev->tail = &dev->first;
	run_job(dev, job);
	end_job(dev, job);
	return true;
}

void dh_engine_cancel(struct embedded *dev, struct context *ctx)
{
	struct job **at = &dev->first, *job;

	while ((job = *at)) {
		if (job->ctx != ctx) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		if (job->state)
			job->state->lost = true;
		write_record(dev, job, DELTAHOP_STATUS_CANCELLED, DELTAHOP_REASON_CLOSED);
		end_job(dev, job);
	}
	dev->tail = at;
}
