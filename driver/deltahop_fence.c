// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fence of a job. It is allocated by submit, so that nothing on the way to
 * its signalling allocates, and it is what userspace gets: its error is the
 * error of the job.
 *
 * Others may hold it longer than any file of ours is open. As its operations
 * are in this module, each fence holds the module.
 */
#include "deltahop_drv.h"

#include <linux/dma-fence-chain.h>
#include <linux/slab.h>

/**
 * struct deltahop_fence - fence of a job
 * @base: fence
 * @lock: its lock
 * @name: name of the engine
 */
struct deltahop_fence {
	struct dma_fence base;
	spinlock_t lock;
	const char *name;
};

#define to_deltahop_fence(f) container_of(f, struct deltahop_fence, base)

static const char *deltahop_fence_driver_name(struct dma_fence *fence)
{
	return DELTAHOP_DRIVER_NAME;
}

static const char *deltahop_fence_timeline_name(struct dma_fence *fence)
{
	return to_deltahop_fence(fence)->name;
}

/*
 * RCU callbacks run with bottom halves off, and the module's memory is only
 * freed after all such sections have ended: so this may put its own module.
 */
static void deltahop_fence_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct deltahop_fence, base.rcu));
	module_put(THIS_MODULE);
}

static void deltahop_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, deltahop_fence_free_rcu);
}

static const struct dma_fence_ops deltahop_fence_ops = {
	.get_driver_name = deltahop_fence_driver_name,
	.get_timeline_name = deltahop_fence_timeline_name,
	.release = deltahop_fence_release,
};

/**
 * deltahop_fence_alloc() - memory for a fence
 *
 * Until deltahop_fence_init() it is freed by deltahop_fence_free(), from then on by its last put.
 */
struct dma_fence *deltahop_fence_alloc(void)
{
	struct deltahop_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL);

	return fence ? &fence->base : NULL;
}

void deltahop_fence_free(struct dma_fence *fence)
{
	if (fence)
		kfree(to_deltahop_fence(fence));
}

/**
 * deltahop_fence_init() - make it the next fence of a queue; the caller holds deltahop_ctx.lock
 * @fence: from deltahop_fence_alloc()
 * @ring: engine
 * @queue: timeline
 */
void deltahop_fence_init(struct dma_fence *fence, struct deltahop_ring *ring,
			 struct deltahop_queue *queue)
{
	struct deltahop_fence *f = to_deltahop_fence(fence);

	__module_get(THIS_MODULE);
	spin_lock_init(&f->lock);
	f->name = ring->name;
	dma_fence_init(fence, &deltahop_fence_ops, &f->lock, queue->fence_context,
		       ++queue->fence_seqno);
}

/**
 * deltahop_fence_error() - error of a signalled fence, also of a point on a timeline
 * @fence: fence
 */
int deltahop_fence_error(struct dma_fence *fence)
{
	return min(dma_fence_get_status(dma_fence_chain_contained(fence)), 0);
}
