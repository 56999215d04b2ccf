// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contexts: a queue of jobs on each engine, a sequence of numbers, a ring of
 * records, and the owner tag by which the device keeps one from the state of
 * another.
 */
#include "deltahop_drv.h"

#include <linux/bitops.h>
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>

static const enum drm_sched_priority deltahop_priorities[] = {
	[DRM_DELTAHOP_PRIORITY_LOW] = DRM_SCHED_PRIORITY_LOW,
	[DRM_DELTAHOP_PRIORITY_MEDIUM] = DRM_SCHED_PRIORITY_NORMAL,
	[DRM_DELTAHOP_PRIORITY_HIGH] = DRM_SCHED_PRIORITY_HIGH,
	[DRM_DELTAHOP_PRIORITY_REALTIME] = DRM_SCHED_PRIORITY_KERNEL,
};

/**
 * deltahop_ctx_priority_allowed() - may the caller have this?
 * @priority: a valid &enum drm_deltahop_priority
 */
bool deltahop_ctx_priority_allowed(u32 priority)
{
	return priority <= DRM_DELTAHOP_PRIORITY_MEDIUM || capable(CAP_SYS_NICE);
}

static void deltahop_ctx_release(struct kref *ref)
{
	struct deltahop_ctx *ctx = container_of(ref, struct deltahop_ctx, ref);

	vfree(ctx->records);
	mutex_destroy(&ctx->lock);
	kfree(ctx);
}

void deltahop_ctx_put(struct deltahop_ctx *ctx)
{
	kref_put(&ctx->ref, deltahop_ctx_release);
}

struct deltahop_ctx *deltahop_ctx_get(struct deltahop_file *dfile, u32 id)
{
	struct deltahop_ctx *ctx;

	xa_lock(&dfile->contexts);
	ctx = xa_load(&dfile->contexts, id);
	if (ctx)
		kref_get(&ctx->ref);
	xa_unlock(&dfile->contexts);
	return ctx;
}

static void deltahop_ctx_fini_queues(struct deltahop_ctx *ctx)
{
	unsigned int i;

	for_each_set_bit(i, &ctx->queue_mask, DELTAHOP_ENGINE_COUNT)
		deltahop_sched_kill(&ctx->ddev->rings[i], &ctx->queues[i].entity);
}

/**
 * deltahop_ctx_kill() - what has not begun to run never will
 * @ctx: context
 * @status: how such jobs end: CANCELLED or DEVICE_LOST
 *
 * Waits for nothing but a run callback that is in progress: the jobs end one after the other
 * behind the caller's back. Submits are refused from here on.
 */
void deltahop_ctx_kill(struct deltahop_ctx *ctx, enum deltahop_status status)
{
	mutex_lock(&ctx->lock);
	if (ctx->killed == DELTAHOP_STATUS_NONE) {
		WRITE_ONCE(ctx->killed, status);
		deltahop_ctx_fini_queues(ctx);
	}
	mutex_unlock(&ctx->lock);
}

/**
 * deltahop_ctx_kill_all() - the device is going away; no context can be made any more
 * @ddev: device
 */
void deltahop_ctx_kill_all(struct deltahop_device *ddev)
{
	struct deltahop_ctx *ctx;
	unsigned long owner;

	xa_lock(&ddev->contexts);
	xa_for_each(&ddev->contexts, owner, ctx) {
		kref_get(&ctx->ref);
		xa_unlock(&ddev->contexts);
		deltahop_ctx_kill(ctx, DELTAHOP_STATUS_DEVICE_LOST);
		deltahop_ctx_put(ctx);
		xa_lock(&ddev->contexts);
	}
	xa_unlock(&ddev->contexts);
}

static int deltahop_ctx_init_queues(struct deltahop_ctx *ctx, u32 priority)
{
	struct deltahop_ring *ring;
	int ret;

	deltahop_for_each_ring(ring, ctx->ddev) {
		struct deltahop_queue *queue = &ctx->queues[ring->engine];
		struct drm_gpu_scheduler *sched = &ring->sched;

		queue->fence_context = dma_fence_context_alloc(1);
		ret = drm_sched_entity_init(&queue->entity, deltahop_priorities[priority], &sched,
					    1, NULL);
		if (ret)
			goto err_fini;
		ctx->queue_mask |= BIT(ring->engine);
	}
	return 0;

err_fini:
	deltahop_ctx_fini_queues(ctx);
	return ret;
}

static struct deltahop_ctx *deltahop_ctx_create(struct deltahop_device *ddev, u32 priority,
						u64 client_id)
{
	struct deltahop_ctx *ctx;
	int ret;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	kref_init(&ctx->ref);
	ctx->ddev = ddev;
	ctx->client_id = client_id;
	mutex_init(&ctx->lock);
	spin_lock_init(&ctx->record_lock);

	ret = -ENOMEM;
	ctx->records =
		__vmalloc(DELTAHOP_RECORD_BYTES, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
	if (!ctx->records)
		goto err_put;
	ret = deltahop_ctx_init_queues(ctx, priority);
	if (ret)
		goto err_put;
	return ctx;

err_put:
	deltahop_ctx_put(ctx);
	return ERR_PTR(ret);
}

/* The context is in no file (any more): its jobs keep what they need. */
static void deltahop_ctx_close(struct deltahop_ctx *ctx)
{
	deltahop_ctx_kill(ctx, DELTAHOP_STATUS_CANCELLED);
	if (ctx->owner)
		xa_erase(&ctx->ddev->contexts, ctx->owner);
	deltahop_ctx_put(ctx);
}

static int deltahop_ctx_publish(struct deltahop_ctx *ctx, struct deltahop_file *dfile, u32 *id)
{
	struct deltahop_device *ddev = ctx->ddev;
	int ret;

	/* Tags go round, so that one that is free was used long ago. */
	ret = xa_alloc_cyclic(&ddev->contexts, &ctx->owner, ctx, XA_LIMIT(1, U32_MAX),
			      &ddev->next_owner, GFP_KERNEL);
	if (ret < 0) {
		ctx->owner = 0;
		return ret;
	}
	ret = xa_alloc(&dfile->contexts, id, ctx, XA_LIMIT(1, DELTAHOP_MAX_CONTEXTS), GFP_KERNEL);
	return ret == -EBUSY ? -ENOSPC : ret;
}

int deltahop_ctx_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct deltahop_device *ddev = to_deltahop_device(drm);
	struct deltahop_file *dfile = file->driver_priv;
	struct drm_deltahop_ctx_create *args = data;
	struct deltahop_ctx *ctx;
	int idx, ret;

	if (args->flags || args->priority > DRM_DELTAHOP_PRIORITY_REALTIME)
		return -EINVAL;
	if (!deltahop_ctx_priority_allowed(args->priority))
		return -EACCES;
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;

	ctx = deltahop_ctx_create(ddev, args->priority, file->client_id);
	ret = PTR_ERR_OR_ZERO(ctx);
	if (ret)
		goto out_exit;
	ret = deltahop_ctx_publish(ctx, dfile, &args->id);
	if (ret) {
		deltahop_ctx_close(ctx);
		goto out_exit;
	}
	args->record_slots = DELTAHOP_RECORD_SLOTS;
	args->record_offset = (u64)args->id * DELTAHOP_RECORD_STRIDE;
out_exit:
	drm_dev_exit(idx);
	return ret;
}

int deltahop_ctx_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct deltahop_file *dfile = file->driver_priv;
	struct drm_deltahop_ctx_destroy *args = data;
	struct deltahop_ctx *ctx;

	if (args->pad)
		return -EINVAL;
	ctx = xa_erase(&dfile->contexts, args->id);
	if (!ctx)
		return -ENOENT;
	deltahop_ctx_close(ctx);
	return 0;
}

void deltahop_ctx_close_all(struct deltahop_file *dfile)
{
	struct deltahop_ctx *ctx;
	unsigned long id;

	xa_for_each(&dfile->contexts, id, ctx)
		deltahop_ctx_close(ctx);
	xa_destroy(&dfile->contexts);
}

static void deltahop_ctx_vm_open(struct vm_area_struct *vma)
{
	struct deltahop_ctx *ctx = vma->vm_private_data;

	kref_get(&ctx->ref);
}

static void deltahop_ctx_vm_close(struct vm_area_struct *vma)
{
	deltahop_ctx_put(vma->vm_private_data);
}

static vm_fault_t deltahop_ctx_vm_fault(struct vm_fault *vmf)
{
	struct deltahop_ctx *ctx = vmf->vma->vm_private_data;
	u64 offset = ((u64)vmf->pgoff << PAGE_SHIFT) % DELTAHOP_RECORD_STRIDE;

	if (offset >= PAGE_ALIGN(DELTAHOP_RECORD_BYTES))
		return VM_FAULT_SIGBUS;
	vmf->page = vmalloc_to_page((void *)ctx->records + offset);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct deltahop_ctx_vm_ops = {
	.open = deltahop_ctx_vm_open,
	.close = deltahop_ctx_vm_close,
	.fault = deltahop_ctx_vm_fault,
};

/**
 * deltahop_ctx_mmap() - map a ring of records, read only
 * @dfile: file
 * @vma: its offset is &drm_deltahop_ctx_create.record_offset
 *
 * The pages are plain memory, and the mapping holds the context: closing that does not hurt it.
 * Nor does losing the device, which zaps all mappings: the next access faults the page in again.
 */
int deltahop_ctx_mmap(struct deltahop_file *dfile, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct deltahop_ctx *ctx;

	if (vma->vm_flags & VM_WRITE)
		return -EACCES;
	if (offset % DELTAHOP_RECORD_STRIDE ||
	    vma->vm_end - vma->vm_start > PAGE_ALIGN(DELTAHOP_RECORD_BYTES))
		return -EINVAL;
	ctx = deltahop_ctx_get(dfile, offset / DELTAHOP_RECORD_STRIDE);
	if (!ctx)
		return -EINVAL;

	vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYWRITE);
	vma->vm_private_data = ctx;
	vma->vm_ops = &deltahop_ctx_vm_ops;
	return 0;
}
