// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: made by submit, armed when nothing can fail any more, finished exactly
 * once, freed by the last put.
 */
#include "deltahop_drv.h"

#include <linux/dma-fence-chain.h>
#include <linux/overflow.h>

#include <drm/drm_syncobj.h>

static void deltahop_job_free_signals(struct deltahop_job *job)
{
	u32 i;

	for (i = 0; i < job->signal_count; i++) {
		drm_syncobj_put(job->signals[i].syncobj);
		dma_fence_chain_free(job->signals[i].chain);
	}
	kfree(job->signals);
}

static void deltahop_job_free_deps(struct deltahop_job *job)
{
	u32 i;

	for (i = 0; i < job->dep_count; i++)
		dma_fence_put(job->deps[i].fence);
	kfree(job->deps);
}

static void deltahop_job_free_overrides(struct deltahop_job *job)
{
	u32 i;

	for (i = 0; i < job->override_count; i++)
		deltahop_unbind(&job->overrides[i].bound);
	kfree(job->overrides);
}

static void deltahop_job_free_work(struct work_struct *work)
{
	struct deltahop_job *job = container_of(work, struct deltahop_job, free_work);
	struct deltahop_device *ddev = job->ctx->ddev;

	deltahop_job_free_signals(job);
	deltahop_job_free_deps(job);
	deltahop_job_free_overrides(job);
	deltahop_bindings_put(job->bindings);
	deltahop_state_put(job->state);
	deltahop_state_put(job->saves);
	if (job->armed)
		dma_fence_put(job->fence);
	else
		deltahop_fence_free(job->fence);
	deltahop_ctx_put(job->ctx);
	kfree(job);

	if (atomic_dec_and_test(&ddev->job_count))
		wake_up_all(&ddev->idle);
}

/* Freeing takes locks of buffers, which somebody may hold while waiting for a later job. */
static void deltahop_job_release(struct kref *ref)
{
	struct deltahop_job *job = container_of(ref, struct deltahop_job, ref);

	queue_work(job->ctx->ddev->free_wq, &job->free_work);
}

void deltahop_job_put(struct deltahop_job *job)
{
	kref_put(&job->ref, deltahop_job_release);
}

/**
 * deltahop_job_bound() - what a region number means for a job
 * @job: job
 * @region: below the number of regions of its bindings
 */
const struct deltahop_bound *deltahop_job_bound(const struct deltahop_job *job, u32 region)
{
	u32 i;

	for (i = job->override_count; i--;)
		if (job->overrides[i].region == region)
			return &job->overrides[i].bound;
	return &job->bindings->bounds[region];
}

/* Jobs of one queue end in order anyway. */
static bool deltahop_job_ordered(struct deltahop_job *job, struct dma_fence *fence)
{
	return fence->context == job->ctx->queues[job->ring->engine].fence_context;
}

static bool deltahop_job_merge_dep(struct deltahop_job *job, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < job->dep_count; i++) {
		struct deltahop_dep *dep = &job->deps[i];

		if (dep->must_succeed || dep->fence->context != fence->context)
			continue;
		if (dma_fence_is_later(fence, dep->fence)) {
			dma_fence_put(dep->fence);
			dep->fence = dma_fence_get(fence);
		}
		return true;
	}
	return false;
}

static int deltahop_job_grow_deps(struct deltahop_job *job)
{
	u32 capacity = max(2 * job->dep_capacity, 8U);
	struct deltahop_dep *deps;

	deps = krealloc_array(job->deps, capacity, sizeof(*deps), GFP_KERNEL);
	if (!deps)
		return -ENOMEM;
	job->deps = deps;
	job->dep_capacity = capacity;
	return 0;
}

/**
 * deltahop_job_add_dep() - make a job wait for a fence
 * @job: job, not yet armed
 * @fence: fence; a reference is taken
 * @must_succeed: and not run if it carries an error
 *
 * Room for one from each engine is always left, for dependencies that are added when the job is
 * armed.
 */
int deltahop_job_add_dep(struct deltahop_job *job, struct dma_fence *fence, bool must_succeed)
{
	int ret;

	if (!must_succeed &&
	    (deltahop_job_ordered(job, fence) || deltahop_job_merge_dep(job, fence)))
		return 0;
	if (job->dep_count + DELTAHOP_ENGINE_COUNT + 1 >= job->dep_capacity) {
		ret = deltahop_job_grow_deps(job);
		if (ret)
			return ret;
	}
	job->deps[job->dep_count++] = (struct deltahop_dep){
		.fence = dma_fence_get(fence),
		.must_succeed = must_succeed,
	};
	return 0;
}

static int deltahop_job_check(struct deltahop_device *ddev, const struct drm_deltahop_job *args)
{
	if (args->engine >= DELTAHOP_ENGINE_COUNT || args->pad ||
	    args->flags & ~DRM_DELTAHOP_JOB_STATE_RESET ||
	    args->override_count > DELTAHOP_MAX_OVERRIDES ||
	    args->sync_count > DELTAHOP_MAX_SYNCS || args->cmd_offset % 8 || args->cmd_size % 8 ||
	    !args->cmd_size)
		return -EINVAL;
	if (args->state ? args->engine != DELTAHOP_ENGINE_RNN : args->flags)
		return -EINVAL;
	return ddev->info.engines & BIT(args->engine) ? 0 : -EOPNOTSUPP;
}

static int deltahop_job_get_objects(struct deltahop_job *job, struct deltahop_file *dfile,
				    const struct drm_deltahop_job *args)
{
	job->bindings = deltahop_bindings_get(dfile, args->bindings);
	if (!job->bindings)
		return -ENOENT;
	if (!args->state)
		return 0;
	job->state = deltahop_state_get(dfile, args->state);
	if (!job->state)
		return -ENOENT;
	return job->state->owner == job->ctx->owner ? 0 : -EINVAL;
}

static int deltahop_job_get_override(struct deltahop_job *job, struct drm_file *file,
				     const struct drm_deltahop_override *args)
{
	struct deltahop_override *override = &job->overrides[job->override_count];

	if (args->pad || args->region >= job->bindings->count || !args->binding.handle)
		return -EINVAL;
	override->region = args->region;
	job->override_count++;
	return deltahop_bind(file, &args->binding, &override->bound);
}

static int deltahop_job_get_overrides(struct deltahop_job *job, struct drm_file *file,
				      const struct drm_deltahop_job *args)
{
	struct drm_deltahop_override *array;
	u32 i, bad, count = args->override_count;
	int ret;

	if (!count)
		return 0;
	job->overrides = kcalloc(count, sizeof(*job->overrides), GFP_KERNEL);
	array = kcalloc(count, sizeof(*array), GFP_KERNEL);
	ret = job->overrides && array ? 0 : -ENOMEM;
	if (!ret)
		ret = deltahop_copy_array(array, sizeof(*array), args->overrides, count,
					  args->override_stride, &bad);
	for (i = 0; !ret && i < count; i++)
		ret = deltahop_job_get_override(job, file, &array[i]);
	kfree(array);
	return ret;
}

static int deltahop_job_get_wait(struct deltahop_job *job, struct drm_file *file,
				 const struct drm_deltahop_sync *args)
{
	struct dma_fence *fence;
	int ret;

	ret = drm_syncobj_find_fence(file, args->handle, args->point, 0, &fence);
	if (ret)
		return ret;
	ret = deltahop_job_add_dep(job, fence, true);
	dma_fence_put(fence);
	return ret;
}

static int deltahop_job_get_signal(struct deltahop_job *job, struct drm_file *file,
				   const struct drm_deltahop_sync *args)
{
	struct deltahop_signal *signal = &job->signals[job->signal_count];

	signal->syncobj = drm_syncobj_find(file, args->handle);
	if (!signal->syncobj)
		return -ENOENT;
	job->signal_count++;
	signal->point = args->point;
	if (!args->point)
		return 0;
	signal->chain = dma_fence_chain_alloc();
	return signal->chain ? 0 : -ENOMEM;
}

static int deltahop_job_get_syncs(struct deltahop_job *job, struct drm_file *file,
				  const struct drm_deltahop_job *args)
{
	struct drm_deltahop_sync *array;
	u32 i, bad, count = args->sync_count;
	int ret;

	if (!count)
		return 0;
	job->signals = kcalloc(count, sizeof(*job->signals), GFP_KERNEL);
	array = kcalloc(count, sizeof(*array), GFP_KERNEL);
	ret = job->signals && array ? 0 : -ENOMEM;
	if (!ret)
		ret = deltahop_copy_array(array, sizeof(*array), args->syncs, count,
					  args->sync_stride, &bad);
	for (i = 0; !ret && i < count; i++) {
		if (array[i].flags & ~DRM_DELTAHOP_SYNC_SIGNAL)
			ret = -EINVAL;
		else if (array[i].flags & DRM_DELTAHOP_SYNC_SIGNAL)
			ret = deltahop_job_get_signal(job, file, &array[i]);
		else
			ret = deltahop_job_get_wait(job, file, &array[i]);
	}
	kfree(array);
	return ret;
}

/* The device checks every access; this only gives the obvious mistakes an early answer. */
static int deltahop_job_check_regions(struct deltahop_job *job)
{
	const struct deltahop_bound *bound;
	u64 end;

	if (job->cmd_region >= job->bindings->count)
		return -EINVAL;
	bound = deltahop_job_bound(job, job->cmd_region);
	if (!(bound->flags & DRM_DELTAHOP_BIND_READ))
		return -EINVAL;
	if (check_add_overflow(job->cmd_offset, (u64)job->cmd_size, &end) ||
	    end > le64_to_cpu(bound->region.length))
		return -ERANGE;

	if (job->profile_region == DELTAHOP_REGION_NONE)
		return 0;
	if (job->profile_region >= job->bindings->count)
		return -EINVAL;
	bound = deltahop_job_bound(job, job->profile_region);
	return bound->flags & DRM_DELTAHOP_BIND_WRITE ? 0 : -EINVAL;
}

static int deltahop_job_init(struct deltahop_job *job, struct drm_file *file,
			     const struct drm_deltahop_job *args)
{
	int ret;

	job->fence = deltahop_fence_alloc();
	if (!job->fence)
		return -ENOMEM;
	ret = deltahop_job_grow_deps(job);
	if (ret)
		return ret;
	ret = deltahop_job_get_objects(job, file->driver_priv, args);
	if (ret)
		return ret;
	ret = deltahop_job_get_overrides(job, file, args);
	if (ret)
		return ret;
	ret = deltahop_job_check_regions(job);
	if (ret)
		return ret;
	return deltahop_job_get_syncs(job, file, args);
}

/**
 * deltahop_job_create() - all of a job that needs no lock; the caller is inside drm_dev_enter()
 * @ctx: context
 * @file: file that handles belong to
 * @args: what userspace asks for
 */
struct deltahop_job *deltahop_job_create(struct deltahop_ctx *ctx, struct drm_file *file,
					 const struct drm_deltahop_job *args)
{
	struct deltahop_device *ddev = ctx->ddev;
	struct deltahop_job *job;
	int ret = deltahop_job_check(ddev, args);

	if (ret)
		return ERR_PTR(ret);
	job = kzalloc(sizeof(*job), GFP_KERNEL);
	if (!job)
		return ERR_PTR(-ENOMEM);

	kref_init(&job->ref);
	INIT_LIST_HEAD(&job->link);
	INIT_WORK(&job->free_work, deltahop_job_free_work);
	atomic_inc(&ddev->job_count);
	kref_get(&ctx->ref);
	job->ctx = ctx;
	job->ring = &ddev->rings[args->engine];
	job->reset = args->flags & DRM_DELTAHOP_JOB_STATE_RESET;
	job->cmd_offset = args->cmd_offset;
	job->cmd_size = args->cmd_size;
	job->cmd_region = args->cmd_region;
	job->profile_region = args->profile_region;
	job->cycle_budget = args->cycle_budget;
	job->depends = args->depends;

	ret = deltahop_job_init(job, file, args);
	if (ret) {
		deltahop_job_put(job);
		return ERR_PTR(ret);
	}
	return job;
}

static void deltahop_job_signal_syncobjs(struct deltahop_job *job)
{
	u32 i;

	for (i = 0; i < job->signal_count; i++) {
		struct deltahop_signal *signal = &job->signals[i];

		if (signal->chain)
			drm_syncobj_add_point(signal->syncobj, signal->chain, job->fence,
					      signal->point);
		else
			drm_syncobj_replace_fence(signal->syncobj, job->fence);
		signal->chain = NULL;
	}
}

/**
 * deltahop_job_arm() - give a job its number and its fence: from here on it must be pushed
 * @job: job whose scheduler part has been armed
 *
 * The caller holds deltahop_ctx.lock.
 */
void deltahop_job_arm(struct deltahop_job *job)
{
	struct deltahop_ctx *ctx = job->ctx;

	deltahop_fence_init(job->fence, job->ring, &ctx->queues[job->ring->engine]);
	job->armed = true;
	job->seqno = deltahop_record_reserve(ctx, job->fence);
	if (job->state)
		job->reset |= xchg(&job->state->reset_next, false);
	deltahop_job_signal_syncobjs(job);
}

/**
 * deltahop_job_finish() - a job has ended: say how, in its record and in its fence
 * @job: job
 * @rec: record; gets the job's engine and number
 */
void deltahop_job_finish(struct deltahop_job *job, struct deltahop_record *rec)
{
	int error = deltahop_record_errno(le16_to_cpu(rec->status));

	rec->engine = cpu_to_le16(job->ring->engine);
	rec->seqno = cpu_to_le32(job->seqno);
	deltahop_record_publish(job->ctx, rec);
	job->finished = true;
	if (error)
		dma_fence_set_error(job->fence, error);
	dma_fence_signal(job->fence);
}
