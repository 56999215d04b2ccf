// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DRM scheduler's callbacks. It picks jobs and waits for what they depend
 * on; a ring's own list knows what is on the ring. A time-out is settled within
 * its callback, so that for the scheduler no job ever hangs: its fence is
 * signalled, with an error or after it has been run again.
 */
#include "deltahop_drv.h"

#include <linux/interrupt.h>
#include <linux/moduleparam.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

static unsigned int timeout_ms = 1000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(
	timeout_ms,
	"An engine without progress for this long (up to twice) is reset (ms, default 1000)");

/*
 * Dependencies are given to the scheduler here, not in advance: a queue that is
 * killed then ends its jobs at once, however long others take.
 */
static struct dma_fence *deltahop_sched_prepare(struct drm_sched_job *sched_job,
						struct drm_sched_entity *entity)
{
	struct deltahop_job *job = to_deltahop_job(sched_job);

	while (job->dep_next < job->dep_count) {
		struct dma_fence *fence = job->deps[job->dep_next++].fence;

		if (!dma_fence_is_signaled(fence))
			return dma_fence_get(fence);
	}
	return NULL;
}

static struct dma_fence *deltahop_sched_run(struct drm_sched_job *sched_job)
{
	struct deltahop_job *job = to_deltahop_job(sched_job);
	struct deltahop_ring *ring = job->ring;
	struct dma_fence *fence = dma_fence_get(job->fence);
	bool entered, signalling;
	int idx;

	entered = drm_dev_enter(&ring->ddev->drm, &idx);
	signalling = deltahop_ring_lock(ring);
	deltahop_ring_run(ring, job);
	deltahop_ring_unlock(ring, signalling);
	if (entered)
		drm_dev_exit(idx);
	return fence;
}

static bool deltahop_sched_lost_interrupt(struct deltahop_ring *ring, struct dma_fence *fence)
{
	bool signalling = deltahop_ring_lock(ring);
	bool ended;

	deltahop_ring_process(ring);
	ended = dma_fence_is_signaled(fence);
	deltahop_ring_unlock(ring, signalling);
	if (ended)
		dev_warn_ratelimited(ring->ddev->drm.dev,
				     "%s: a job had ended without an interrupt\n", ring->name);
	return ended;
}

/* Has the first job on the ring not moved since the last time-out? */
static bool deltahop_sched_stuck(struct deltahop_ring *ring, u32 *seqno)
{
	u32 progress =
		deltahop_read(ring->ddev, DELTAHOP_RING(ring->engine, DELTAHOP_RING_PROGRESS));
	struct deltahop_job *job;
	bool stuck = false;

	mutex_lock(&ring->lock);
	job = list_first_entry_or_null(&ring->jobs, struct deltahop_job, link);
	if (job) {
		*seqno = job->job_seqno;
		stuck = ring->watch_seqno == *seqno && ring->watch_progress == progress;
		ring->watch_seqno = *seqno;
		ring->watch_progress = progress;
	}
	mutex_unlock(&ring->lock);
	return stuck;
}

static const char *const deltahop_ring_errors[] = {
	[DELTAHOP_RING_OK] = "no error",
	[DELTAHOP_RING_BAD_ENTRY] = "malformed entry",
	[DELTAHOP_RING_BAD_TAIL] = "bad doorbell",
	[DELTAHOP_RING_DMA] = "entry not readable, or record not writable",
};

static bool deltahop_sched_halted(struct deltahop_ring *ring)
{
	u32 error;

	if (deltahop_read(ring->ddev, DELTAHOP_RING(ring->engine, DELTAHOP_RING_STATUS)) !=
	    DELTAHOP_RING_HALTED)
		return false;
	error = deltahop_read(ring->ddev, DELTAHOP_RING(ring->engine, DELTAHOP_RING_ERROR));
	drm_err_ratelimited(&ring->ddev->drm, "%s: ring halted: %s\n", ring->name,
			    error < ARRAY_SIZE(deltahop_ring_errors) ? deltahop_ring_errors[error]
								     : "unknown error");
	return true;
}

static void deltahop_sched_examine(struct deltahop_ring *ring, struct dma_fence *fence)
{
	bool stuck, halted;
	u32 seqno = 0;

	synchronize_irq(ring->irq);
	if (dma_fence_is_signaled(fence) || deltahop_sched_lost_interrupt(ring, fence))
		return;

	stuck = deltahop_sched_stuck(ring, &seqno);
	halted = deltahop_sched_halted(ring);
	if (halted)
		deltahop_device_recover(ring, seqno, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_DMA);
	else if (stuck)
		deltahop_device_recover(ring, seqno, DELTAHOP_STATUS_TIMEOUT, DELTAHOP_REASON_HANG);
}

static enum drm_gpu_sched_stat deltahop_sched_timedout(struct drm_sched_job *sched_job)
{
	struct deltahop_job *job = to_deltahop_job(sched_job);
	struct deltahop_ring *ring = job->ring;
	enum drm_gpu_sched_stat stat;
	int idx;

	if (!dma_fence_is_signaled(job->fence) && drm_dev_enter(&ring->ddev->drm, &idx)) {
		deltahop_sched_examine(ring, job->fence);
		drm_dev_exit(idx);
	}
	/* This may start the scheduler. */
	mutex_lock(&ring->pause_lock);
	stat = deltahop_sched_no_hang(sched_job);
	mutex_unlock(&ring->pause_lock);
	return stat;
}

/* Also the end of a job whose queue was killed before its turn. */
static void deltahop_sched_free(struct drm_sched_job *sched_job)
{
	struct deltahop_job *job = to_deltahop_job(sched_job);
	struct deltahop_record rec;

	if (!job->finished) {
		enum deltahop_status status = READ_ONCE(job->ctx->killed);

		deltahop_record_make(&rec, status,
				     status == DELTAHOP_STATUS_DEVICE_LOST
					     ? DELTAHOP_REASON_UNPLUG
					     : DELTAHOP_REASON_CLOSED);
		deltahop_job_finish(job, &rec);
	}
	drm_sched_job_cleanup(sched_job);
	deltahop_job_put(job);
}

static const struct drm_sched_backend_ops deltahop_sched_ops = {
	.prepare_job = deltahop_sched_prepare,
	.run_job = deltahop_sched_run,
	.timedout_job = deltahop_sched_timedout,
	.free_job = deltahop_sched_free,
};

int deltahop_sched_init(struct deltahop_ring *ring)
{
	const struct drm_sched_init_args args = {
		.ops = &deltahop_sched_ops,
		.timeout_wq = ring->ddev->reset_wq,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = DELTAHOP_RING_JOBS,
		.timeout = msecs_to_jiffies(max(timeout_ms, 1U)),
		.name = ring->name,
		.dev = ring->ddev->drm.dev,
	};

	return drm_sched_init(&ring->sched, &args);
}

/**
 * deltahop_sched_kill() - the end of a queue: what has not begun to run never will
 * @ring: engine
 * @entity: the scheduler's part of the queue
 *
 * The scheduler is paused, for Linux 6.12 may put an entity that is removed back into its tree
 * when it has just taken a job from it.
 */
void deltahop_sched_kill(struct deltahop_ring *ring, struct drm_sched_entity *entity)
{
	mutex_lock(&ring->pause_lock);
	drm_sched_wqueue_stop(&ring->sched);
	drm_sched_entity_fini(entity);
	drm_sched_wqueue_start(&ring->sched);
	mutex_unlock(&ring->pause_lock);
}

/**
 * deltahop_sched_fini() - all jobs have been freed, all contexts killed
 * @ring: engine; never started is fine
 */
void deltahop_sched_fini(struct deltahop_ring *ring)
{
	if (!ring->sched.ready)
		return;
	/* A time-out that has just handed its job back may still wake the scheduler. */
	flush_workqueue(ring->ddev->reset_wq);
	drm_sched_fini(&ring->sched);
}
