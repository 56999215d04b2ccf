// SPDX-License-Identifier: GPL-2.0-only
/*
 * A card's life: start, recovery of a stuck engine, and the way out, which must
 * leave nothing that the device could still reach although files are open.
 */
#include "deltahop_drv.h"

#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

/* Jobs end by themselves once the device is stopped; longer means a bug. */
#define DELTAHOP_DRAIN_TIMEOUT (10 * HZ)

static const char *const deltahop_engine_names[] = {
	[DELTAHOP_ENGINE_RNN] = "deltahop-rnn",
	[DELTAHOP_ENGINE_CONV] = "deltahop-conv",
};

static void deltahop_device_destroy_wqs(struct drm_device *drm, void *data)
{
	struct deltahop_device *ddev = to_deltahop_device(drm);

	if (ddev->reset_wq)
		destroy_workqueue(ddev->reset_wq);
	if (ddev->free_wq)
		destroy_workqueue(ddev->free_wq);
}

static int deltahop_device_create_wqs(struct deltahop_device *ddev)
{
	ddev->reset_wq = alloc_ordered_workqueue("deltahop-reset", WQ_MEM_RECLAIM);
	ddev->free_wq = alloc_workqueue("deltahop-free", WQ_UNBOUND, 0);
	if (!ddev->reset_wq || !ddev->free_wq) {
		deltahop_device_destroy_wqs(&ddev->drm, NULL);
		return -ENOMEM;
	}
	return drmm_add_action_or_reset(&ddev->drm, deltahop_device_destroy_wqs, NULL);
}

static int deltahop_device_init_soft(struct deltahop_device *ddev)
{
	unsigned int i;

	spin_lock_init(&ddev->time_lock);
	xa_init_flags(&ddev->contexts, XA_FLAGS_ALLOC1);
	init_waitqueue_head(&ddev->idle);
	mutex_init(&ddev->card_lock);
	INIT_LIST_HEAD(&ddev->bos);
	mutex_init(&ddev->bo_lock);
	INIT_LIST_HEAD(&ddev->mems);
	mutex_init(&ddev->mem_lock);

	for (i = 0; i < DELTAHOP_ENGINE_COUNT; i++) {
		struct deltahop_ring *ring = &ddev->rings[i];

		ring->ddev = ddev;
		ring->engine = i;
		ring->name = deltahop_engine_names[i];
		mutex_init(&ring->pause_lock);
		mutex_init(&ring->lock);
		INIT_LIST_HEAD(&ring->jobs);
	}
	return deltahop_device_create_wqs(ddev);
}

static int deltahop_device_init_rings(struct deltahop_device *ddev)
{
	struct deltahop_ring *ring;
	int ret;

	deltahop_for_each_ring(ring, ddev) {
		ret = deltahop_ring_init(ring);
		if (ret)
			return ret;
		ret = deltahop_sched_init(ring);
		if (ret)
			return ret;
	}
	return 0;
}

/* The device does nothing any more, and no job exists. */
static void deltahop_device_release_memory(struct deltahop_device *ddev)
{
	struct deltahop_ring *ring;

	deltahop_for_each_ring(ring, ddev)
		deltahop_sched_fini(ring);
	flush_workqueue(ddev->free_wq);
	deltahop_gem_unmap_all(ddev);
	deltahop_mem_free_all(ddev);
}

static int deltahop_device_start(struct deltahop_device *ddev)
{
	struct deltahop_ring *ring;
	int ret;

	ret = deltahop_device_init_rings(ddev);
	if (ret)
		return ret;
	ret = deltahop_irq_init(ddev);
	if (ret)
		return ret;

	pci_set_master(to_pci_dev(ddev->drm.dev));
	deltahop_for_each_ring(ring, ddev)
		deltahop_hw_ring_start(ring);
	deltahop_hw_irq_enable(ddev);
	return 0;
}

/**
 * deltahop_device_init() - from mapped registers to a device that runs jobs
 * @ddev: device
 */
int deltahop_device_init(struct deltahop_device *ddev)
{
	int ret;

	ret = deltahop_device_init_soft(ddev);
	if (ret)
		return ret;
	ret = deltahop_hw_identify(ddev);
	if (ret)
		return ret;
	ret = deltahop_hw_reset(ddev);
	if (ret) {
		drm_err(&ddev->drm, "reset does not end\n");
		return ret;
	}
	ret = deltahop_card_init(ddev);
	if (ret)
		return ret;

	ret = deltahop_device_start(ddev);
	if (ret)
		deltahop_device_release_memory(ddev);
	return ret;
}

static bool deltahop_device_lock_rings(struct deltahop_device *ddev)
{
	bool signalling = dma_fence_begin_signalling();
	struct deltahop_ring *ring;

	deltahop_for_each_ring(ring, ddev)
		mutex_lock_nested(&ring->lock, ring->engine);
	return signalling;
}

static void deltahop_device_unlock_rings(struct deltahop_device *ddev, bool signalling)
{
	struct deltahop_ring *ring;

	deltahop_for_each_ring(ring, ddev)
		mutex_unlock(&ring->lock);
	dma_fence_end_signalling(signalling);
}

/* Without bus mastering, a device that ignores resets does no harm to memory. */
static void deltahop_device_stop(struct deltahop_device *ddev, enum deltahop_reason reason)
{
	struct deltahop_ring *ring;

	pci_clear_master(to_pci_dev(ddev->drm.dev));
	deltahop_for_each_ring(ring, ddev)
		deltahop_ring_abandon(ring, reason);
}

static void deltahop_device_reset_all(struct deltahop_device *ddev)
{
	bool signalling = deltahop_device_lock_rings(ddev);
	struct deltahop_ring *ring;

	if (!deltahop_hw_reset(ddev)) {
		deltahop_for_each_ring(ring, ddev)
			deltahop_ring_restart(ring);
		deltahop_hw_irq_enable(ddev);
	} else {
		drm_err(&ddev->drm,
			"reset does not end: the device is given up, rebind the driver to try again\n");
		WRITE_ONCE(ddev->dead, true);
		deltahop_device_stop(ddev, DELTAHOP_REASON_HANG);
	}
	deltahop_device_unlock_rings(ddev, signalling);
}

/**
 * deltahop_device_recover() - reset an engine that stands still, or the device if need be
 * @ring: engine
 * @seqno: ring number of the job that is to blame
 * @status: how it ends
 * @reason: and why
 *
 * All other jobs run again as if nothing had happened.
 */
void deltahop_device_recover(struct deltahop_ring *ring, u32 seqno, enum deltahop_status status,
			     enum deltahop_reason reason)
{
	bool signalling = deltahop_ring_lock(ring);
	bool done = true;

	if (deltahop_ring_condemn(ring, seqno, status, reason)) {
		drm_err_ratelimited(&ring->ddev->drm, "%s: %s: engine is reset\n", ring->name,
				    status == DELTAHOP_STATUS_TIMEOUT ? "no progress" : "halted");
		done = !deltahop_hw_ring_reset(ring);
		if (done)
			deltahop_ring_restart(ring);
	}
	deltahop_ring_unlock(ring, signalling);
	if (done)
		return;

	drm_err_ratelimited(&ring->ddev->drm,
			    "%s: reset of the engine does not end, device is reset\n", ring->name);
	deltahop_device_reset_all(ring->ddev);
}

/**
 * deltahop_device_unplug() - the driver lets go of the device, which may have gone already
 * @ddev: device
 *
 * In this order: no ioctl, interrupt or run callback touches the device any more; it is stopped;
 * its jobs end, the queued ones too; all that it could reach is freed. Open files keep objects that
 * are good for nothing.
 */
void deltahop_device_unplug(struct deltahop_device *ddev)
{
	bool signalling;

	drm_dev_unplug(&ddev->drm);

	signalling = deltahop_device_lock_rings(ddev);
	if (deltahop_hw_reset(ddev))
		drm_warn(&ddev->drm, "device does not answer\n");
	deltahop_device_stop(ddev, DELTAHOP_REASON_UNPLUG);
	deltahop_device_unlock_rings(ddev, signalling);

	deltahop_ctx_kill_all(ddev);
	if (!wait_event_timeout(ddev->idle, !atomic_read(&ddev->job_count), DELTAHOP_DRAIN_TIMEOUT))
		drm_err(&ddev->drm, "%d jobs do not end\n", atomic_read(&ddev->job_count));
	deltahop_device_release_memory(ddev);
}
