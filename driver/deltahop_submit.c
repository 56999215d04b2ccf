// SPDX-License-Identifier: GPL-2.0-only
/*
 * Submit: all that can fail comes first, for all jobs; then the point of no
 * return, behind which nothing fails. Waits are looked up before any job of the
 * submit signals anything: within a submit, jobs are ordered by their queue and
 * by drm_deltahop_job.depends.
 */
#include "deltahop_drv.h"

#include <linux/uaccess.h>

#include <drm/drm_drv.h>
#include <drm/drm_exec.h>

/**
 * struct deltahop_submit - a submit on its way
 * @ctx: context
 * @file: file
 * @args: jobs as userspace describes them
 * @jobs: jobs
 * @count: jobs to make, valid @args
 * @made: valid @jobs
 * @inits: of these, have been given to the scheduler to initialise
 * @bad: index of the first bad job, or ~0
 * @exec: reservation locks
 */
struct deltahop_submit {
	struct deltahop_ctx *ctx;
	struct drm_file *file;
	struct drm_deltahop_job *args;
	struct deltahop_job **jobs;
	u32 count;
	u32 made;
	u32 inits;
	u32 bad;
	struct drm_exec exec;
};

static u32 __user *deltahop_submit_seqno(const struct drm_deltahop_submit *args, u32 i)
{
	return u64_to_user_ptr(args->jobs + (u64)i * args->stride +
			       offsetof(struct drm_deltahop_job, seqno));
}

/* Numbers are written back when nothing may fail any more: find out now whether that works. */
static int deltahop_submit_read(struct deltahop_submit *submit,
				const struct drm_deltahop_submit *args)
{
	u32 i;
	int ret;

	if (args->stride < offsetofend(struct drm_deltahop_job, seqno))
		return -EINVAL;
	ret = deltahop_copy_array(submit->args, sizeof(*submit->args), args->jobs, args->count,
				  args->stride, &submit->bad);
	for (i = 0; !ret && i < args->count; i++) {
		submit->bad = i;
		ret = put_user(0, deltahop_submit_seqno(args, i));
	}
	if (!ret)
		submit->bad = ~0;
	return ret;
}

static int deltahop_submit_make_job(struct deltahop_submit *submit, u32 i)
{
	struct deltahop_ctx *ctx = submit->ctx;
	struct deltahop_job *job;
	int ret;

	if (submit->args[i].depends > i)
		return -EINVAL;
	job = deltahop_job_create(ctx, submit->file, &submit->args[i]);
	if (IS_ERR(job))
		return PTR_ERR(job);
	submit->jobs[submit->made++] = job;

	ret = drm_sched_job_init(&job->base, &ctx->queues[job->ring->engine].entity, 1, ctx,
				 ctx->client_id);
	if (!ret)
		submit->inits++;
	return ret;
}

static int deltahop_submit_make_jobs(struct deltahop_submit *submit)
{
	u32 i;
	int ret;

	for (i = 0; i < submit->count; i++) {
		ret = deltahop_submit_make_job(submit, i);
		if (ret) {
			submit->bad = i;
			return ret;
		}
	}
	return 0;
}

/* The next region of a job, from *region on, that is synchronised implicitly. */
static const struct deltahop_bound *deltahop_submit_next_sync(const struct deltahop_job *job,
							      u32 *region)
{
	while (*region < job->bindings->count) {
		const struct deltahop_bound *bound = deltahop_job_bound(job, (*region)++);

		if (bound->flags & DRM_DELTAHOP_BIND_SYNC)
			return bound;
	}
	return NULL;
}

#define deltahop_for_each_sync(bound, job, region) \
	for ((region) = 0; ((bound) = deltahop_submit_next_sync(job, &(region)));)

/* A job leaves up to two fences on a buffer, if it reads it by one region and writes it by another. */
static int deltahop_submit_lock_all(struct deltahop_submit *submit)
{
	const struct deltahop_bound *bound;
	u32 i, region;
	int ret;

	for (i = 0; i < submit->count; i++) {
		deltahop_for_each_sync(bound, submit->jobs[i], region) {
			submit->jobs[i]->has_sync = true;
			ret = drm_exec_prepare_obj(&submit->exec, bound->obj, 2 * submit->count);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int deltahop_submit_lock(struct deltahop_submit *submit)
{
	int ret = 0;

	drm_exec_until_all_locked(&submit->exec) {
		ret = deltahop_submit_lock_all(submit);
		drm_exec_retry_on_contention(&submit->exec);
		if (ret)
			break;
	}
	return ret;
}

static int deltahop_submit_add_fences(struct deltahop_job *job, const struct deltahop_bound *bound)
{
	bool write = bound->flags & DRM_DELTAHOP_BIND_WRITE;
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_for_each_fence(&cursor, bound->obj->resv, dma_resv_usage_rw(write), fence) {
		ret = deltahop_job_add_dep(job, fence, false);
		if (ret)
			return ret;
	}
	return 0;
}

static int deltahop_submit_add_deps(struct deltahop_submit *submit)
{
	const struct deltahop_bound *bound;
	u32 i, region;
	int ret;

	for (i = 0; i < submit->count; i++) {
		deltahop_for_each_sync(bound, submit->jobs[i], region) {
			ret = deltahop_submit_add_fences(submit->jobs[i], bound);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int deltahop_submit_check_room(struct deltahop_submit *submit)
{
	struct deltahop_ctx *ctx = submit->ctx;

	if (ctx->killed == DELTAHOP_STATUS_CANCELLED)
		return -ENOENT;
	if (ctx->killed || READ_ONCE(ctx->ddev->dead))
		return -ENODEV;
	return deltahop_record_room(ctx, submit->count) ? 0 : -EBUSY;
}

/* Dependencies on jobs of the same submit; there is room for them. */
static void deltahop_submit_link(struct deltahop_submit *submit, u32 i)
{
	struct deltahop_job *job = submit->jobs[i];
	unsigned long seen = BIT(job->ring->engine);

	if (job->depends)
		deltahop_job_add_dep(job, submit->jobs[job->depends - 1]->fence, true);
	while (job->has_sync && i--) {
		struct deltahop_job *before = submit->jobs[i];

		if (!before->has_sync || __test_and_set_bit(before->ring->engine, &seen))
			continue;
		deltahop_job_add_dep(job, before->fence, false);
	}
}

static void deltahop_submit_attach_fence(struct deltahop_job *job)
{
	const struct deltahop_bound *bound;
	u32 region;

	deltahop_for_each_sync(bound, job, region)
		dma_resv_add_fence(bound->obj->resv, job->fence,
				   bound->flags & DRM_DELTAHOP_BIND_WRITE ? DMA_RESV_USAGE_WRITE
									  : DMA_RESV_USAGE_READ);
}

/* The point of no return. */
static void deltahop_submit_push(struct deltahop_submit *submit)
{
	bool signalling = dma_fence_begin_signalling();
	u32 i;

	for (i = 0; i < submit->count; i++) {
		struct deltahop_job *job = submit->jobs[i];

		drm_sched_job_arm(&job->base);
		deltahop_job_arm(job);
		deltahop_submit_link(submit, i);
		deltahop_submit_attach_fence(job);
		kref_get(&job->ref);
		drm_sched_entity_push_job(&job->base);
	}
	/* The scheduler cleans up from here on. */
	submit->inits = 0;
	dma_fence_end_signalling(signalling);
}

static int deltahop_submit_commit(struct deltahop_submit *submit)
{
	int ret;

	drm_exec_init(&submit->exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES, 0);
	ret = deltahop_submit_lock(submit);
	if (ret == -EINTR)
		ret = -ERESTARTSYS;
	if (!ret)
		ret = deltahop_submit_add_deps(submit);
	if (!ret) {
		mutex_lock(&submit->ctx->lock);
		ret = deltahop_submit_check_room(submit);
		if (!ret)
			deltahop_submit_push(submit);
		mutex_unlock(&submit->ctx->lock);
	}
	drm_exec_fini(&submit->exec);
	return ret;
}

static int deltahop_submit_run(struct deltahop_submit *submit, struct drm_device *drm)
{
	int idx, ret;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = deltahop_submit_make_jobs(submit);
	if (!ret)
		ret = deltahop_submit_commit(submit);
	drm_dev_exit(idx);
	return ret;
}

static int deltahop_submit_write_back(struct deltahop_submit *submit,
				      const struct drm_deltahop_submit *args)
{
	u32 i;

	for (i = 0; i < submit->count; i++)
		if (put_user(submit->jobs[i]->seqno, deltahop_submit_seqno(args, i)))
			return -EFAULT;
	return 0;
}

static int deltahop_submit_init(struct deltahop_submit *submit, u32 count)
{
	submit->count = count;
	submit->bad = ~0;
	submit->args = kvcalloc(count, sizeof(*submit->args), GFP_KERNEL);
	submit->jobs = kvcalloc(count, sizeof(*submit->jobs), GFP_KERNEL);
	return submit->args && submit->jobs ? 0 : -ENOMEM;
}

static void deltahop_submit_fini(struct deltahop_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->inits; i++)
		drm_sched_job_cleanup(&submit->jobs[i]->base);
	for (i = 0; i < submit->made; i++)
		deltahop_job_put(submit->jobs[i]);
	kvfree(submit->jobs);
	kvfree(submit->args);
	deltahop_ctx_put(submit->ctx);
}

int deltahop_submit_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_submit *args = data;
	struct deltahop_submit submit = { .file = file };
	int ret;

	args->bad_job = ~0;
	if (args->flags || args->pad || !args->count || args->count > DELTAHOP_MAX_JOBS)
		return -EINVAL;
	submit.ctx = deltahop_ctx_get(file->driver_priv, args->ctx);
	if (!submit.ctx)
		return -ENOENT;

	ret = deltahop_submit_init(&submit, args->count);
	if (!ret)
		ret = deltahop_submit_read(&submit, args);
	if (!ret)
		ret = deltahop_submit_run(&submit, drm);
	if (!ret)
		ret = deltahop_submit_write_back(&submit, args);
	args->bad_job = submit.bad;
	deltahop_submit_fini(&submit);
	return ret;
}
