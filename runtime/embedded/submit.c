// SPDX-License-Identifier: MIT
/* The embedded device takes jobs and hands out records. */
#include <errno.h>
#include <endian.h>
#include <sched.h>
#include <string.h>

#include "embedded/embedded.h"

/* --- one job ------------------------------------------------------------------ */

static void drop(struct embedded *dev, struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->override_count; i++)
		dh_bo_put(dev, job->override[i].bound.bo);
	for (i = 0; i < job->sync_count; i++)
		dh_sync_put(job->sync[i]);
	if (job->bindings)
		dh_bindings_put(dev, job->bindings);
	if (job->state)
		dh_state_put(dev, job->state);
}

static int take_override(struct embedded *dev, struct job *job,
			 const struct drm_deltahop_override *from)
{
	struct override *to = &job->override[job->override_count];
	int ret;

	if (from->pad || from->region >= job->bindings->count || !from->binding.handle)
		return -EINVAL;
	ret = dh_embedded_bind(dev, &from->binding, &to->bound);
	if (ret)
		return ret;
	to->region = from->region;
	to->bound.bo->refs++;
	job->override_count++;
	return 0;
}

/* Wait for the job that signals it now, whichever does later. */
static int take_wait(struct job *job, const struct sync *sync)
{
	if (sync->state == SYNC_EMPTY)
		return -EINVAL;
	if (sync->state == SYNC_PENDING)
		job->wait[job->wait_count++] = sync->ticket;
	else
		job->broken |= sync->failed;
	return 0;
}

static int take_sync(struct embedded *dev, struct job *job, const struct drm_deltahop_sync *from)
{
	struct sync *sync = dh_table_get(&dev->syncs, from->handle);

	if (from->flags & ~DRM_DELTAHOP_SYNC_SIGNAL || from->point)
		return -EINVAL;
	if (!sync)
		return -ENOENT;
	if (!(from->flags & DRM_DELTAHOP_SYNC_SIGNAL))
		return take_wait(job, sync);
	sync->refs++;
	job->sync[job->sync_count++] = sync;
	return 0;
}

static int take_arrays(struct embedded *dev, struct job *job, const struct drm_deltahop_job *from)
{
	struct drm_deltahop_override override;
	struct drm_deltahop_sync sync;
	uint32_t i;
	int ret = 0;

	if (from->override_count > EMBEDDED_MAX_OVERRIDES || from->sync_count > EMBEDDED_MAX_SYNCS)
		return -EINVAL;
	for (i = 0; !ret && i < from->override_count; i++) {
		ret = dh_embedded_fetch(&override, sizeof(override), from->overrides,
					from->override_stride, i);
		if (!ret)
			ret = take_override(dev, job, &override);
	}
	for (i = 0; !ret && i < from->sync_count; i++) {
		ret = dh_embedded_fetch(&sync, sizeof(sync), from->syncs, from->sync_stride, i);
		if (!ret)
			ret = take_sync(dev, job, &sync);
	}
	return ret;
}

static bool region_allows(const struct bound *bound, uint32_t flag)
{
	return bound && bound->bo && le32toh(bound->entry.flags) & flag;
}

static int check_regions(const struct job *job)
{
	const struct bound *commands = dh_engine_bound(job, job->cmd_region);
	uint64_t length;

	if (!region_allows(commands, DELTAHOP_REGION_READ))
		return -EINVAL;
	if (job->profile_region != DELTAHOP_REGION_NONE &&
	    !region_allows(dh_engine_bound(job, job->profile_region), DELTAHOP_REGION_WRITE))
		return -EINVAL;
	length = le64toh(commands->entry.length);
	return job->cmd_offset > length || job->cmd_size > length - job->cmd_offset ? -ERANGE : 0;
}

/* What is wrong with a job, all by itself; @index is its place among the jobs of its submit. */
static int check_job(struct embedded *dev, const struct drm_deltahop_job *from, uint32_t index)
{
	if (from->engine >= DELTAHOP_ENGINE_COUNT || from->flags & ~DRM_DELTAHOP_JOB_STATE_RESET ||
	    from->pad || from->seqno || from->cmd_offset % 8 || from->cmd_size % 8 ||
	    from->cmd_size < 8 || from->depends > index)
		return -EINVAL;
	if (from->state ? from->engine != DELTAHOP_ENGINE_RNN : from->flags)
		return -EINVAL;
	return dev->base.hw.engines & 1u << from->engine ? 0 : -EOPNOTSUPP;
}

/* Check a job and hold what it names. */
static int take_job(struct embedded *dev, struct context *ctx, struct job *job,
		    const struct drm_deltahop_job *from, uint32_t index)
{
	struct bindings *bindings = dh_table_get(&dev->bindings, from->bindings);
	struct state *state = dh_table_get(&dev->states, from->state);
	int ret = check_job(dev, from, index);

	if (ret)
		return ret;
	if (!bindings || (from->state && !state))
		return -ENOENT;
	if (state && state->owner != ctx->owner)
		return -EINVAL;
	job->bindings = bindings;
	bindings->refs++;
	job->state = state;
	if (state)
		state->refs++;
	job->engine = from->engine;
	job->flags = from->flags;
	job->cmd_offset = from->cmd_offset;
	job->cmd_size = from->cmd_size;
	job->cmd_region = from->cmd_region;
	job->profile_region = from->profile_region;
	job->depends = from->depends ? ctx->last + from->depends : 0;
	job->cycle_budget = from->cycle_budget;
	ret = take_arrays(dev, job, from);
	return ret ? ret : check_regions(job);
}

/* --- a submit ------------------------------------------------------------------ */

/* Take all jobs off the idle list, in order; on error none. */
static int take_all(struct embedded *dev, struct context *ctx, struct drm_deltahop_submit *args,
		    struct job **first)
{
	struct drm_deltahop_job from;
	struct job *job, **end = first;
	uint32_t i;
	int ret = 0;

	*first = NULL;
	for (i = 0; !ret && i < args->count; i++) {
		args->bad_job = i;
		ret = dh_embedded_fetch(&from, sizeof(from), args->jobs, args->stride, i);
		if (ret)
			break;
		job = ctx->idle;
		ctx->idle = job->next;
		memset(job, 0, offsetof(struct job, override));
		job->ctx = ctx;
		*end = job;
		end = &job->next;
		ret = take_job(dev, ctx, job, &from, i);
	}
	if (!ret)
		return 0;
	while ((job = *first)) {
		*first = job->next;
		drop(dev, job);
		job->next = ctx->idle;
		ctx->idle = job;
	}
	return ret;
}

/* Nothing can fail any more. */
static void queue_job(struct embedded *dev, struct job *job)
{
	struct engine *engine = &dev->engine[job->engine];
	uint32_t i;

	job->ticket = ++dev->ticket;
	job->seqno = ++job->ctx->last;
	job->ctx->unfinished++;
	job->ctx->busy[job->seqno % EMBEDDED_RECORD_SLOTS] = true;
	if (job->state && job->state->reset_next) {
		job->flags |= DRM_DELTAHOP_JOB_STATE_RESET;
		job->state->reset_next = false;
	}
	for (i = 0; i < job->sync_count; i++) {
		job->sync[i]->state = SYNC_PENDING;
		job->sync[i]->ticket = job->ticket;
	}
	job->next = NULL;
	*engine->tail = job;
	engine->tail = &job->next;
}

/* Jobs of one engine may overtake one of the other, whose record must not be written over. */
static bool has_room(const struct context *ctx, uint32_t count)
{
	if (ctx->unfinished + count > EMBEDDED_MAX_JOBS)
		return false;
	while (count && !ctx->busy[(ctx->last + count) % EMBEDDED_RECORD_SLOTS])
		count--;
	return !count;
}

int dh_embedded_submit(struct embedded *dev, void *arg)
{
	struct drm_deltahop_submit *args = arg;
	struct context *ctx = dh_table_get(&dev->contexts, args->ctx);
	struct job *job, *next;
	uint32_t i;
	int ret;

	args->bad_job = ~0u;
	if (!ctx)
		return -ENOENT;
	if (args->flags || args->pad || !args->count || args->count > EMBEDDED_MAX_JOBS ||
	    args->stride < sizeof(struct drm_deltahop_job))
		return -EINVAL;
	if (!has_room(ctx, args->count))
		return -EBUSY;
	ret = take_all(dev, ctx, args, &job);
	if (ret)
		return ret;
	args->bad_job = 0;
	for (i = 0; job; job = next, i++) {
		struct drm_deltahop_job *user =
			(void *)(uintptr_t)(args->jobs + (uint64_t)args->stride * i);

		next = job->next;
		queue_job(dev, job);
		user->seqno = job->seqno;
	}
	return 0;
}

/* --- waiting ------------------------------------------------------------------- */

static int status_error(uint32_t status)
{
	switch (status) {
	case DELTAHOP_STATUS_OK:
		return 0;
	case DELTAHOP_STATUS_BUDGET:
		return -EDQUOT;
	case DELTAHOP_STATUS_TIMEOUT:
		return -ETIME;
	case DELTAHOP_STATUS_CANCELLED:
		return -ECANCELED;
	case DELTAHOP_STATUS_DEPENDENCY_FAILED:
		return -ENODATA;
	case DELTAHOP_STATUS_DEVICE_LOST:
		return -ENODEV;
	default:
		return -EIO;
	}
}

/* 0: the record is there; -EAGAIN: not yet. */
static int look(struct embedded *dev, struct drm_deltahop_wait *args)
{
	struct context *ctx = dh_table_get(&dev->contexts, args->ctx);

	if (!ctx || !args->seqno || (int32_t)(ctx->last - args->seqno) < 0)
		return -ENOENT;
	if (ctx->last - args->seqno >= EMBEDDED_RECORD_SLOTS)
		return -ESTALE;
	if (ctx->busy[args->seqno % EMBEDDED_RECORD_SLOTS])
		return -EAGAIN;
	args->record = *dh_engine_record(dev, ctx, args->seqno);
	return 0;
}

/*
 * The lock is let go between jobs; whoever waits runs what is in front of what it waits for, at
 * least one job unless it gave time 0.
 */
int dh_embedded_wait(struct embedded *dev, struct drm_deltahop_wait *args)
{
	int ret;

	if (args->flags || args->pad)
		return -EINVAL;
	memset(&args->record, 0, sizeof(args->record));
	do {
		pthread_mutex_lock(&dev->lock);
		ret = look(dev, args);
		if (ret == -EAGAIN && args->timeout_ns > 0) {
			dh_engine_run(dev);
			ret = look(dev, args);
		}
		pthread_mutex_unlock(&dev->lock);
		if (ret == -EAGAIN && dh_deadline(0) >= args->timeout_ns)
			return -ETIMEDOUT;
		sched_yield();
	} while (ret == -EAGAIN);
	return ret ? ret : status_error(le16toh(args->record.status));
}
