// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings: turning jobs into entries and records into finished jobs, and moving
 * states between chip and memory on the way.
 *
 * Entries run in order. A job brings up to three of them: the state on the chip
 * is saved if the job does not continue it; the job's own state is loaded if it
 * is not there, or, for a job without state, what is left on the chip discarded;
 * then the job. A job that is refused gets no entry, but it ends in
 * its turn, so that fences of a queue signal in order.
 *
 * Everything here is called with the ring's lock held, and allocates nothing.
 */
#include "deltahop_drv.h"

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

/**
 * deltahop_ring_init() - memory of a ring; the engine does not know of it yet
 * @ring: engine
 */
int deltahop_ring_init(struct deltahop_ring *ring)
{
	struct deltahop_device *ddev = ring->ddev;
	size_t entries = DELTAHOP_RING_ENTRIES * sizeof(*ring->entries);
	size_t records = DELTAHOP_RING_ENTRIES * sizeof(*ring->records);
	size_t tables = DELTAHOP_RING_ENTRIES * ddev->info.max_regions * sizeof(*ring->tables);
	int ret;

	ret = deltahop_mem_alloc(ddev, &ring->mem, entries + records + tables);
	if (ret)
		return ret;
	ring->entries = ring->mem.vaddr;
	ring->records = ring->mem.vaddr + entries;
	ring->tables = ring->mem.vaddr + entries + records;
	return 0;
}

/**
 * deltahop_ring_lock() - take the lock of a ring, to signal fences under it
 * @ring: engine
 *
 * Return: to be handed to deltahop_ring_unlock().
 */
bool deltahop_ring_lock(struct deltahop_ring *ring)
{
	bool signalling = dma_fence_begin_signalling();

	mutex_lock(&ring->lock);
	return signalling;
}

void deltahop_ring_unlock(struct deltahop_ring *ring, bool signalling)
{
	mutex_unlock(&ring->lock);
	dma_fence_end_signalling(signalling);
}

static dma_addr_t deltahop_ring_dma(struct deltahop_ring *ring, const void *p)
{
	return ring->mem.addr + (p - ring->mem.vaddr);
}

static u32 deltahop_ring_slot(u32 seqno)
{
	return seqno % DELTAHOP_RING_ENTRIES;
}

/*
 * Write an entry; the device looks at it when the doorbell is rung. Records and
 * tables go by sequence number, not by place on the ring, which starts again
 * after a reset.
 */
static u32 deltahop_ring_emit(struct deltahop_ring *ring, struct deltahop_entry *entry)
{
	u32 seqno = ring->seqno + 1 ?: 1;
	struct deltahop_record *rec = &ring->records[deltahop_ring_slot(seqno)];

	memset(rec, 0, sizeof(*rec));
	entry->seqno = cpu_to_le32(seqno);
	entry->record_addr = cpu_to_le64(deltahop_ring_dma(ring, rec));
	ring->entries[ring->tail % DELTAHOP_RING_ENTRIES] = *entry;
	ring->tail++;
	ring->seqno = seqno;
	return seqno;
}

static void deltahop_ring_doorbell(struct deltahop_ring *ring)
{
	deltahop_write(ring->ddev, DELTAHOP_RING(ring->engine, DELTAHOP_RING_TAIL), ring->tail);
}

static u32 deltahop_ring_emit_state(struct deltahop_ring *ring, struct deltahop_state *state,
				    enum deltahop_entry_type type, u32 flags, u32 offset)
{
	struct deltahop_entry entry = {
		.type = cpu_to_le32(type),
		.flags = cpu_to_le32(flags),
		.owner = cpu_to_le32(state->owner),
		.table_addr = cpu_to_le64(state->mem.addr),
		.table_count = cpu_to_le32(1),
		.cmd_offset = cpu_to_le64(offset),
		.size = cpu_to_le32(state->size),
		.profile_region = cpu_to_le32(DELTAHOP_REGION_NONE),
	};

	return deltahop_ring_emit(ring, &entry);
}

/* A state that has lost its last user meanwhile need not be saved. */
static void deltahop_ring_emit_save(struct deltahop_ring *ring, struct deltahop_job *job)
{
	struct deltahop_state *state = ring->resident;

	ring->resident = NULL;
	if (state == job->state || !kref_get_unless_zero(&state->ref))
		return;
	deltahop_state_put(job->saves);
	job->saves = state;
	job->saves_life = ring->resident_life;
	job->save_seqno = deltahop_ring_emit_state(ring, state, DELTAHOP_ENTRY_STATE_SAVE, 0, 0);
}

static void deltahop_ring_emit_load(struct deltahop_ring *ring, struct deltahop_job *job)
{
	struct deltahop_state *state = job->state;
	u32 flags = 0, offset = 0;

	if (job->reset && state->has_template)
		offset = state->size;
	else if (job->reset)
		flags = DELTAHOP_ENTRY_STATE_ZERO;
	deltahop_ring_emit_state(ring, state, DELTAHOP_ENTRY_STATE_LOAD, flags, offset);
	ring->resident = state;
	ring->resident_life = job->life;
}

/* Else a job without state would get that of the job before it in its context. */
static void deltahop_ring_emit_discard(struct deltahop_ring *ring, struct deltahop_job *job)
{
	struct deltahop_entry entry = {
		.type = cpu_to_le32(DELTAHOP_ENTRY_STATE_DISCARD),
		.owner = cpu_to_le32(job->ctx->owner),
		.profile_region = cpu_to_le32(DELTAHOP_REGION_NONE),
	};

	deltahop_ring_emit(ring, &entry);
}

static dma_addr_t deltahop_ring_make_table(struct deltahop_ring *ring, struct deltahop_job *job)
{
	u32 slot = deltahop_ring_slot(ring->seqno + 1 ?: 1);
	struct deltahop_region *table = &ring->tables[slot * ring->ddev->info.max_regions];
	u32 i;

	for (i = 0; i < job->bindings->count; i++)
		table[i] = job->bindings->bounds[i].region;
	for (i = 0; i < job->override_count; i++)
		table[job->overrides[i].region] = job->overrides[i].bound.region;
	return deltahop_ring_dma(ring, table);
}

static void deltahop_ring_emit_job(struct deltahop_ring *ring, struct deltahop_job *job)
{
	struct deltahop_entry entry = {
		.type = cpu_to_le32(DELTAHOP_ENTRY_JOB),
		.flags = cpu_to_le32(DELTAHOP_ENTRY_IRQ),
		.owner = cpu_to_le32(job->ctx->owner),
		.table_addr = cpu_to_le64(deltahop_ring_make_table(ring, job)),
		.table_count = cpu_to_le32(job->bindings->count),
		.cmd_region = cpu_to_le32(job->cmd_region),
		.cmd_offset = cpu_to_le64(job->cmd_offset),
		.size = cpu_to_le32(job->cmd_size),
		.profile_region = cpu_to_le32(job->profile_region),
		.cycle_budget = cpu_to_le64(job->cycle_budget),
	};

	job->job_seqno = deltahop_ring_emit(ring, &entry);
}

static void deltahop_ring_emit_all(struct deltahop_ring *ring, struct deltahop_job *job)
{
	job->save_seqno = 0;
	if (ring->resident && (ring->resident != job->state || job->reset))
		deltahop_ring_emit_save(ring, job);
	if (job->state && !ring->resident)
		deltahop_ring_emit_load(ring, job);
	else if (!job->state && ring->engine == DELTAHOP_ENGINE_RNN)
		deltahop_ring_emit_discard(ring, job);
	deltahop_ring_emit_job(ring, job);
}

static void deltahop_ring_refuse(struct deltahop_job *job, enum deltahop_status status,
				 enum deltahop_reason reason)
{
	job->verdict = status;
	job->reason = reason;
}

static bool deltahop_ring_dependency_failed(struct deltahop_job *job)
{
	u32 i;

	for (i = 0; i < job->dep_count; i++)
		if (job->deps[i].must_succeed && deltahop_fence_error(job->deps[i].fence))
			return true;
	return false;
}

/* Nothing runs on garbage: the last moment at which a job can be stopped. */
static void deltahop_ring_judge(struct deltahop_ring *ring, struct deltahop_job *job)
{
	enum deltahop_status killed = READ_ONCE(job->ctx->killed);

	if (ring->ddev->dead || drm_dev_is_unplugged(&ring->ddev->drm) ||
	    killed == DELTAHOP_STATUS_DEVICE_LOST)
		deltahop_ring_refuse(job, DELTAHOP_STATUS_DEVICE_LOST, DELTAHOP_REASON_UNPLUG);
	else if (killed)
		deltahop_ring_refuse(job, killed, DELTAHOP_REASON_CLOSED);
	else if (deltahop_ring_dependency_failed(job))
		deltahop_ring_refuse(job, DELTAHOP_STATUS_DEPENDENCY_FAILED,
				     DELTAHOP_REASON_DEPENDENCY);
	else if (job->state && job->state->lost_life == job->life)
		deltahop_ring_refuse(job, DELTAHOP_STATUS_DEPENDENCY_FAILED,
				     DELTAHOP_REASON_STATE_LOST);
}

/**
 * deltahop_ring_run() - a job's turn has come
 * @ring: engine
 * @job: job; a reference is taken until it ends
 *
 * The caller is inside drm_dev_enter(), or the device is gone and the job ends at once.
 */
void deltahop_ring_run(struct deltahop_ring *ring, struct deltahop_job *job)
{
	lockdep_assert_held(&ring->lock);

	if (job->state) {
		if (job->reset)
			job->state->life++;
		job->life = job->state->life;
	}
	kref_get(&job->ref);
	list_add_tail(&job->link, &ring->jobs);

	deltahop_ring_judge(ring, job);
	if (job->verdict) {
		deltahop_ring_process(ring);
		return;
	}
	deltahop_ring_emit_all(ring, job);
	deltahop_ring_doorbell(ring);
}

/*
 * Copy the record of an entry if the device has written it. The number comes
 * last; what is checked and used afterwards is the copy.
 */
static bool deltahop_ring_read_record(struct deltahop_ring *ring, u32 seqno,
				      struct deltahop_record *rec)
{
	struct deltahop_record *src = &ring->records[deltahop_ring_slot(seqno)];

	if (le32_to_cpu(READ_ONCE(src->seqno)) != seqno)
		return false;
	dma_rmb();
	*rec = *src;
	if (deltahop_record_valid(rec, ring->engine))
		return true;

	drm_err_ratelimited(&ring->ddev->drm, "%s: malformed record\n", ring->name);
	deltahop_record_make(rec, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_DMA);
	return true;
}

static bool deltahop_record_ok(const struct deltahop_record *rec)
{
	return le16_to_cpu(rec->status) == DELTAHOP_STATUS_OK;
}

/*
 * The state that a job had saved: is its image good? If the job has run, the
 * saving must have. If not, and the saving has not either, the chip still has it.
 */
static void deltahop_ring_settle_save(struct deltahop_ring *ring, struct deltahop_job *job,
				      bool ran)
{
	struct deltahop_record rec;
	bool saved;

	if (!job->save_seqno)
		return;
	saved = deltahop_ring_read_record(ring, job->save_seqno, &rec);
	if (saved ? !deltahop_record_ok(&rec) : ran)
		deltahop_state_lose(job->saves, job->saves_life);
	if ((saved || ran) && ring->chip == job->saves)
		ring->chip = NULL;
	job->save_seqno = 0;
}

/* The state that a job used: does it live on, and where? */
static void deltahop_ring_settle_state(struct deltahop_ring *ring, struct deltahop_job *job,
				       bool ok)
{
	struct deltahop_state *state = job->state;

	if (ok) {
		ring->chip = state;
		ring->chip_life = job->life;
		return;
	}
	deltahop_state_lose(state, job->life);
	if (ring->chip == state)
		ring->chip = NULL;
	if (ring->resident == state && ring->resident_life == job->life)
		ring->resident = NULL;
}

/*
 * A job that was behind a failed one of the same state faulted for want of it, or
 * ran without touching it: either way it did not do what was asked.
 */
static void deltahop_ring_conclude(struct deltahop_job *job, struct deltahop_record *rec)
{
	if (job->verdict)
		deltahop_record_make(rec, job->verdict, job->reason);
	else if (job->state && job->state->lost_life == job->life)
		deltahop_record_make(rec, DELTAHOP_STATUS_DEPENDENCY_FAILED,
				     DELTAHOP_REASON_STATE_LOST);
}

static void deltahop_ring_retire(struct deltahop_ring *ring, struct deltahop_job *job,
				 struct deltahop_record *rec)
{
	list_del_init(&job->link);
	deltahop_ring_settle_save(ring, job, !job->verdict);
	deltahop_ring_conclude(job, rec);
	if (job->state)
		deltahop_ring_settle_state(ring, job, deltahop_record_ok(rec));
	deltahop_job_finish(job, rec);
	deltahop_job_put(job);
}

/**
 * deltahop_ring_process() - finish the jobs that have ended
 * @ring: engine
 */
void deltahop_ring_process(struct deltahop_ring *ring)
{
	struct deltahop_record rec;
	struct deltahop_job *job;

	lockdep_assert_held(&ring->lock);

	while ((job = list_first_entry_or_null(&ring->jobs, struct deltahop_job, link))) {
		if (!job->verdict && !deltahop_ring_read_record(ring, job->job_seqno, &rec))
			return;
		deltahop_ring_retire(ring, job, &rec);
	}
}

/**
 * deltahop_ring_condemn() - the engine is (about to be) reset: decide how its first job ends
 * @ring: engine
 * @seqno: ring number of the job, which must still be the first
 * @status: how
 * @reason: and why
 *
 * Return: false if that job has ended meanwhile.
 */
bool deltahop_ring_condemn(struct deltahop_ring *ring, u32 seqno, enum deltahop_status status,
			   enum deltahop_reason reason)
{
	struct deltahop_job *job;

	lockdep_assert_held(&ring->lock);

	deltahop_ring_process(ring);
	job = list_first_entry_or_null(&ring->jobs, struct deltahop_job, link);
	if (!job || job->job_seqno != seqno)
		return false;
	deltahop_ring_refuse(job, status, reason);
	return true;
}

/**
 * deltahop_ring_abandon() - the device is stopped for good: all jobs on the ring are lost
 * @ring: engine
 * @reason: why
 */
void deltahop_ring_abandon(struct deltahop_ring *ring, enum deltahop_reason reason)
{
	struct deltahop_job *job;

	lockdep_assert_held(&ring->lock);

	deltahop_ring_process(ring);
	list_for_each_entry(job, &ring->jobs, link)
		if (!job->verdict)
			deltahop_ring_refuse(job, DELTAHOP_STATUS_DEVICE_LOST, reason);
	deltahop_ring_process(ring);
}

/**
 * deltahop_ring_restart() - the engine has been reset: run again what is unfinished, not condemned
 * @ring: engine
 *
 * Nothing of an unfinished job has reached its state's image, so it runs as if for the first time.
 * A state that was newer on the chip than its image is lost.
 */
void deltahop_ring_restart(struct deltahop_ring *ring)
{
	struct deltahop_job *job;

	lockdep_assert_held(&ring->lock);

	list_for_each_entry(job, &ring->jobs, link)
		deltahop_ring_settle_save(ring, job, false);
	/* The condemned job is the first; others may have ended before the reset. */
	deltahop_ring_process(ring);
	if (ring->chip)
		deltahop_state_lose(ring->chip, ring->chip_life);
	ring->chip = NULL;
	ring->resident = NULL;
	ring->tail = 0;
	deltahop_hw_ring_start(ring);

	list_for_each_entry(job, &ring->jobs, link) {
		if (!job->verdict)
			deltahop_ring_judge(ring, job);
		if (!job->verdict)
			deltahop_ring_emit_all(ring, job);
	}
	deltahop_ring_process(ring);
	deltahop_ring_doorbell(ring);
}
