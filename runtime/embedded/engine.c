// SPDX-License-Identifier: MIT
/* The embedded device runs jobs: states, ring entries, records. */
#include <endian.h>
#include <string.h>

#include "embedded/embedded.h"

#define RING_LOG2    3
#define RING_ENTRIES (1u << RING_LOG2)

/*
 * Offsets in an engine's memory: ring, tables and records of state transfers, table of a job with
 * overrides.
 */
#define SAVE_TABLE  0x1000
#define LOAD_TABLE  0x1040
#define SAVE_RECORD 0x1080
#define JOB_TABLE   0x2000

/* --- the ring of an engine ---------------------------------------------------- */

static void *kernel_memory(struct embedded *dev, const struct engine *engine, uint32_t offset)
{
	return dev->system.base + engine->kernel.offset + offset;
}

static void ring_write(struct embedded *dev, const struct engine *engine, uint32_t reg,
		       uint32_t value)
{
	dh_model_write(dev->model, DELTAHOP_RING(engine->number, reg), value, dev->now);
}

static uint32_t ring_status(struct embedded *dev, const struct engine *engine)
{
	return dh_model_read(dev->model, DELTAHOP_RING(engine->number, DELTAHOP_RING_STATUS),
			     dev->now);
}

static void enable_ring(struct embedded *dev, struct engine *engine)
{
	ring_write(dev, engine, DELTAHOP_RING_BASE_LO, engine->kernel.offset);
	ring_write(dev, engine, DELTAHOP_RING_BASE_HI, engine->kernel.offset >> 32);
	ring_write(dev, engine, DELTAHOP_RING_SIZE, RING_LOG2);
	ring_write(dev, engine, DELTAHOP_RING_CTRL, DELTAHOP_RING_CTRL_ENABLE);
	engine->ring_tail = 0;
}

static bool start_engine(struct embedded *dev, struct engine *engine)
{
	uint64_t size = JOB_TABLE + dev->base.hw.max_regions * sizeof(struct deltahop_region);

	if (!(dev->base.hw.engines & 1u << engine->number))
		return true;
	if (!dh_heap_alloc(&dev->system, &engine->kernel, size))
		return false;
	enable_ring(dev, engine);
	return true;
}

bool dh_engine_start(struct embedded *dev)
{
	bool ok = true;

	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		dev->engine[i].number = i;
		dev->engine[i].tail = &dev->engine[i].first;
		ok = ok && start_engine(dev, &dev->engine[i]);
	}
	return ok;
}

void dh_engine_stop(struct embedded *dev)
{
	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++)
		dh_heap_free(&dev->system, &dev->engine[i].kernel);
}

/* Let device time jump to the next event of any engine; false: there is none. */
static bool advance(struct embedded *dev)
{
	uint64_t next = dh_model_next_event(dev->model);

	if (next == DH_NEVER)
		return false;
	if (next > dev->now)
		dev->now = next;
	dh_model_advance(dev->model, dev->now);
	return true;
}

/* The other engine goes on meanwhile. */
static void reset_ring(struct embedded *dev, struct engine *engine)
{
	ring_write(dev, engine, DELTAHOP_RING_CTRL, DELTAHOP_RING_CTRL_RESET);
	while (ring_status(dev, engine) == DELTAHOP_RING_RESETTING && advance(dev))
		;
	enable_ring(dev, engine);
}

static void push(struct embedded *dev, struct engine *engine, const struct deltahop_entry *entry)
{
	struct deltahop_entry *ring = kernel_memory(dev, engine, 0);

	ring[engine->ring_tail++ % RING_ENTRIES] = *entry;
}

/* --- records -------------------------------------------------------------------- */

struct deltahop_record *dh_engine_record(struct embedded *dev, const struct context *ctx,
					 uint32_t seqno)
{
	struct deltahop_record *records = (void *)(dev->system.base + ctx->records.offset);

	return &records[seqno % EMBEDDED_RECORD_SLOTS];
}

static bool status_ok(const struct deltahop_record *record)
{
	return le16toh(record->status) == DELTAHOP_STATUS_OK;
}

static bool job_ok(struct embedded *dev, const struct job *job)
{
	return status_ok(dh_engine_record(dev, job->ctx, job->seqno));
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
		.engine = htole16(job->engine),
		.writer = htole16(DELTAHOP_WRITER_DRIVER),
		.fault_region = htole32(~0u),
		.start_ns = htole64(dev->now),
		.end_ns = htole64(dev->now),
		.seqno = htole32(job->seqno),
	};
}

/* --- states ------------------------------------------------------------------- */

static void push_state(struct embedded *dev, struct engine *engine, struct state *state,
		       const struct dh_block *image, uint32_t type, uint32_t table)
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
		.table_addr = htole64(engine->kernel.offset + table),
		.table_count = htole32(1),
		.size = htole32(state->size),
		.profile_region = htole32(DELTAHOP_REGION_NONE),
		.record_addr = htole64(load ? 0 : engine->kernel.offset + SAVE_RECORD),
	};

	if (!image->size)
		region.addr = htole64(state->image.offset);
	memcpy(kernel_memory(dev, engine, table), &region, sizeof(region));
	push(dev, engine, &entry);
}

/* Put the right state on the chip: entries before the job's own. */
static void push_states(struct embedded *dev, struct engine *engine, struct job *job)
{
	bool reset = job->state && (job->state->fresh || job->flags & DRM_DELTAHOP_JOB_STATE_RESET);

	if (dev->dirty && dev->resident && dev->resident != job->state) {
		engine->leaving = dev->resident;
		engine->leaving->refs++;
		push_state(dev, engine, dev->resident, &dev->resident->image,
			   DELTAHOP_ENTRY_STATE_SAVE, SAVE_TABLE);
	}
	if (job->state && (dev->resident != job->state || reset))
		push_state(dev, engine, job->state,
			   reset ? &job->state->initial : &job->state->image,
			   DELTAHOP_ENTRY_STATE_LOAD, LOAD_TABLE);
	dev->resident = job->state;
	dev->dirty = false;
}

/* The state that had to leave has been saved, or is lost. */
static void settle_leaving(struct embedded *dev, struct engine *engine)
{
	const struct deltahop_record *save = kernel_memory(dev, engine, SAVE_RECORD);

	if (!engine->leaving)
		return;
	if (!status_ok(save))
		engine->leaving->lost = true;
	dh_state_put(dev, engine->leaving);
	engine->leaving = NULL;
}

/* --- a job on the ring ------------------------------------------------------------ */

const struct bound *dh_engine_bound(const struct job *job, uint32_t region)
{
	uint32_t i;

	for (i = job->override_count; i--;)
		if (job->override[i].region == region)
			return &job->override[i].bound;
	return region < job->bindings->count ? &job->bindings->bound[region] : NULL;
}

/* The bindings' table, or a copy with the job's overrides in it. */
static uint64_t job_table(struct embedded *dev, const struct engine *engine, const struct job *job)
{
	struct deltahop_region *table = kernel_memory(dev, engine, JOB_TABLE);
	uint32_t i;

	if (!job->override_count)
		return job->bindings->table.offset;
	for (i = 0; i < job->bindings->count; i++)
		table[i] = dh_engine_bound(job, i)->entry;
	return engine->kernel.offset + JOB_TABLE;
}

static void push_job(struct embedded *dev, struct engine *engine, const struct job *job)
{
	uint64_t record = (uint8_t *)dh_engine_record(dev, job->ctx, job->seqno) - dev->system.base;
	struct deltahop_entry entry = {
		.type = htole32(DELTAHOP_ENTRY_JOB),
		.flags = htole32(DELTAHOP_ENTRY_IRQ),
		.owner = htole32(job->ctx->owner),
		.seqno = htole32(job->seqno),
		.table_addr = htole64(job_table(dev, engine, job)),
		.table_count = htole32(job->bindings->count),
		.cmd_region = htole32(job->cmd_region),
		.cmd_offset = htole64(job->cmd_offset),
		.size = htole32(job->cmd_size),
		.profile_region = htole32(job->profile_region),
		.record_addr = htole64(record),
		.cycle_budget = htole64(job->cycle_budget),
	};

	push(dev, engine, &entry);
}

/* Put a job on the ring, and ring the bell. */
static void put_on_ring(struct embedded *dev, struct engine *engine, struct job *job)
{
	memset(dh_engine_record(dev, job->ctx, job->seqno), 0, sizeof(struct deltahop_record));
	memset(kernel_memory(dev, engine, SAVE_RECORD), 0, sizeof(struct deltahop_record));
	if (engine->number == DELTAHOP_ENGINE_RNN)
		push_states(dev, engine, job);
	push_job(dev, engine, job);
	engine->running = job;
	ring_write(dev, engine, DELTAHOP_RING_TAIL, engine->ring_tail);
}

/* --- the end of a job ------------------------------------------------------------ */

/* A job that waits for the one with the ticket need not any more. */
static void stop_waiting(struct job *job, uint64_t ticket, bool ok)
{
	for (uint32_t i = 0; i < job->wait_count; i++) {
		if (job->wait[i] != ticket)
			continue;
		job->wait[i--] = job->wait[--job->wait_count];
		job->broken |= !ok;
	}
}

static void tell_waiting(struct embedded *dev, uint64_t ticket, bool ok)
{
	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		for (struct job *job = dev->engine[i].first; job; job = job->next)
			stop_waiting(job, ticket, ok);
	}
}

/* Tell who waits, and let go of what it held. */
static void end_job(struct embedded *dev, struct job *job)
{
	bool ok = job_ok(dev, job);
	uint32_t i;

	for (i = 0; i < job->sync_count; i++) {
		if (job->sync[i]->ticket == job->ticket) {
			job->sync[i]->state = SYNC_DONE;
			job->sync[i]->failed = !ok;
		}
		dh_sync_put(job->sync[i]);
	}
	tell_waiting(dev, job->ticket, ok);
	for (i = 0; i < job->override_count; i++)
		dh_bo_put(dev, job->override[i].bound.bo);
	dh_bindings_put(dev, job->bindings);
	if (job->state)
		dh_state_put(dev, job->state);
	job->ctx->busy[job->seqno % EMBEDDED_RECORD_SLOTS] = false;
	job->ctx->unfinished--;
	job->next = job->ctx->idle;
	job->ctx->idle = job;
	dev->ended++;
}

/* What the job did to its state; @ran: it was on the ring. */
static void settle_state(struct embedded *dev, const struct job *job, bool ran)
{
	bool ok = job_ok(dev, job);

	if (job->engine != DELTAHOP_ENGINE_RNN)
		return;
	if (!ok && (ran || dev->resident == job->state))
		dev->resident = NULL;
	if (!job->state)
		return;
	job->state->lost = !ok;
	if (ok) {
		job->state->fresh = false;
		dev->dirty = true;
	}
}

static void end_running(struct embedded *dev, struct engine *engine, struct job *job)
{
	engine->running = NULL;
	settle_leaving(dev, engine);
	settle_state(dev, job, true);
	end_job(dev, job);
}

/* The engine halted, or stands still. */
static void recover(struct embedded *dev, struct engine *engine, struct job *job,
		    enum deltahop_status status, enum deltahop_reason reason)
{
	reset_ring(dev, engine);
	write_record(dev, job, status, reason);
	end_running(dev, engine, job);
}

/* Has the job on the ring ended? Nothing happens any more if @quiet. */
static void look_at_ring(struct embedded *dev, struct engine *engine, struct job *job, bool quiet)
{
	uint32_t status = ring_status(dev, engine);

	if (status == DELTAHOP_RING_IDLE)
		end_running(dev, engine, job);
	else if (status == DELTAHOP_RING_HALTED)
		recover(dev, engine, job, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_DMA);
	else if (quiet)
		recover(dev, engine, job, DELTAHOP_STATUS_TIMEOUT, DELTAHOP_REASON_HANG);
}

/* --- the start of a job ------------------------------------------------------------ */

/* Do they use a buffer that asks for order, and does one of them write it? */
static bool conflict(const struct job *a, const struct job *b)
{
	uint32_t i, k;

	for (i = 0; i < a->bindings->count; i++) {
		const struct bound *x = dh_engine_bound(a, i);

		for (k = 0; x->bo && x->sync && k < b->bindings->count; k++) {
			const struct bound *y = dh_engine_bound(b, k);

			if (y->bo == x->bo && y->sync &&
			    le32toh(x->entry.flags | y->entry.flags) & DELTAHOP_REGION_WRITE)
				return true;
		}
	}
	return false;
}

/* Does it use a buffer as an earlier job of @engine does? Those of its own come in order anyway. */
static bool held_up(const struct engine *engine, const struct job *job)
{
	const struct job *other = engine->first;

	if (engine->running && engine->running->ticket < job->ticket &&
	    conflict(job, engine->running))
		return true;
	while (other && other->ticket < job->ticket && !conflict(job, other))
		other = other->next;
	return other && other->ticket < job->ticket;
}

static bool must_wait(struct embedded *dev, const struct job *job)
{
	if (job->wait_count)
		return true;
	if (job->depends && job->ctx->busy[job->depends % EMBEDDED_RECORD_SLOTS])
		return true;
	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		if (i != (int)job->engine && held_up(&dev->engine[i], job))
			return true;
	}
	return false;
}

/* Why a job cannot even start, if so. */
static enum deltahop_reason blocked(struct embedded *dev, const struct job *job)
{
	if (job->broken ||
	    (job->depends && !status_ok(dh_engine_record(dev, job->ctx, job->depends))))
		return DELTAHOP_REASON_DEPENDENCY;
	if (job->state && job->state->lost && !(job->flags & DRM_DELTAHOP_JOB_STATE_RESET))
		return DELTAHOP_REASON_STATE_LOST;
	return DELTAHOP_REASON_NONE;
}

static void start_job(struct embedded *dev, struct engine *engine, struct job *job)
{
	enum deltahop_reason why = blocked(dev, job);

	engine->first = job->next;
	if (!engine->first)
		engine->tail = &engine->first;
	if (!why) {
		put_on_ring(dev, engine, job);
		return;
	}
	write_record(dev, job, DELTAHOP_STATUS_DEPENDENCY_FAILED, why);
	settle_state(dev, job, false);
	end_job(dev, job);
}

static void start_jobs(struct embedded *dev)
{
	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		struct engine *engine = &dev->engine[i];

		if (engine->first && !engine->running && !must_wait(dev, engine->first))
			start_job(dev, engine, engine->first);
	}
}

/* --- both engines -------------------------------------------------------------------- */

static bool has_jobs(const struct embedded *dev)
{
	bool any = false;

	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++)
		any |= dev->engine[i].first || dev->engine[i].running;
	return any;
}

/* One event of the device, and what it means to the jobs on the rings. */
static void step(struct embedded *dev)
{
	bool quiet = !advance(dev);

	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		if (dev->engine[i].running)
			look_at_ring(dev, &dev->engine[i], dev->engine[i].running, quiet);
	}
}

/* A wait is for an earlier job, so that the earliest of all can always run. */
bool dh_engine_run(struct embedded *dev)
{
	uint64_t ended = dev->ended;

	if (!has_jobs(dev))
		return false;
	while (dev->ended == ended) {
		start_jobs(dev);
		if (dev->ended == ended)
			step(dev);
	}
	return true;
}

static void cancel_waiting(struct embedded *dev, struct engine *engine, const struct context *ctx)
{
	struct job **at = &engine->first, *job;

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
	engine->tail = at;
}

void dh_engine_cancel(struct embedded *dev, struct context *ctx)
{
	for (int i = 0; i < DELTAHOP_ENGINE_COUNT; i++)
		cancel_waiting(dev, &dev->engine[i], ctx);
	while (ctx->unfinished && dh_engine_run(dev))
		;
}
