// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: one vector for each ring, one for rings that have halted. All
 * work is in threads, which may take a ring's lock.
 */
#include "deltahop_drv.h"

#include <linux/interrupt.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

/* Acknowledge first: a job that ends from here on interrupts again. */
static irqreturn_t deltahop_irq_ring(int irq, void *data)
{
	struct deltahop_ring *ring = data;
	bool signalling;
	int idx;

	if (!drm_dev_enter(&ring->ddev->drm, &idx))
		return IRQ_HANDLED;

	deltahop_write(ring->ddev, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_RING(ring->engine));
	signalling = deltahop_ring_lock(ring);
	deltahop_ring_process(ring);
	deltahop_ring_unlock(ring, signalling);
	drm_dev_exit(idx);
	return IRQ_HANDLED;
}

/* A ring that has halted is treated as a time-out that is due now. */
static irqreturn_t deltahop_irq_error(int irq, void *data)
{
	struct deltahop_device *ddev = data;
	struct deltahop_ring *ring;
	int idx;

	if (!drm_dev_enter(&ddev->drm, &idx))
		return IRQ_HANDLED;

	deltahop_write(ddev, DELTAHOP_REG_IRQ_STATUS, DELTAHOP_IRQ_ERROR);
	deltahop_for_each_ring(ring, ddev) {
		u32 status = deltahop_read(ddev, DELTAHOP_RING(ring->engine, DELTAHOP_RING_STATUS));

		if (status == DELTAHOP_RING_HALTED)
			drm_sched_fault(&ring->sched);
	}

	drm_dev_exit(idx);
	return IRQ_HANDLED;
}

static int deltahop_irq_request(struct deltahop_device *ddev, int vector, irq_handler_t thread,
				const char *name, void *data)
{
	int irq = pci_irq_vector(to_pci_dev(ddev->drm.dev), vector);
	int ret;

	if (irq < 0)
		return irq;
	ret = devm_request_threaded_irq(ddev->drm.dev, irq, NULL, thread, IRQF_ONESHOT, name, data);
	return ret ? ret : irq;
}

/**
 * deltahop_irq_init() - get all interrupts; the device does not send any yet
 * @ddev: device
 */
int deltahop_irq_init(struct deltahop_device *ddev)
{
	struct deltahop_ring *ring;
	int ret;

	ret = pci_alloc_irq_vectors(to_pci_dev(ddev->drm.dev), DELTAHOP_VECTOR_COUNT,
				    DELTAHOP_VECTOR_COUNT, PCI_IRQ_MSIX);
	if (ret < 0) {
		drm_err(&ddev->drm, "cannot get %d MSI-X vectors: %d\n", DELTAHOP_VECTOR_COUNT,
			ret);
		return ret;
	}

	ret = deltahop_irq_request(ddev, DELTAHOP_VECTOR_ERROR, deltahop_irq_error,
				   "deltahop-error", ddev);
	if (ret < 0)
		return ret;

	deltahop_for_each_ring(ring, ddev) {
		ret = deltahop_irq_request(ddev, DELTAHOP_VECTOR_RING(ring->engine),
					   deltahop_irq_ring, ring->name, ring);
		if (ret < 0)
			return ret;
		ring->irq = ret;
	}
	return 0;
}
