// SPDX-License-Identifier: GPL-2.0-only
/*
 * Coherent memory that only kernel and device see. All of it is on a list: when
 * the device goes away while files are open, it is freed at once, and what
 * remains of the objects that had it is harmless.
 */
#include "deltahop_drv.h"

#include <linux/dma-mapping.h>

/**
 * deltahop_mem_alloc() - zeroed memory; the caller is inside drm_dev_enter()
 * @ddev: device
 * @mem: filled in
 * @size: bytes
 */
int deltahop_mem_alloc(struct deltahop_device *ddev, struct deltahop_mem *mem, size_t size)
{
	mem->vaddr = dma_alloc_coherent(ddev->drm.dev, size, &mem->addr, GFP_KERNEL | __GFP_NOWARN);
	if (!mem->vaddr)
		return -ENOMEM;
	mem->size = size;

	mutex_lock(&ddev->mem_lock);
	list_add(&mem->link, &ddev->mems);
	mutex_unlock(&ddev->mem_lock);
	return 0;
}

static void deltahop_mem_free_locked(struct deltahop_device *ddev, struct deltahop_mem *mem)
{
	if (!mem->vaddr)
		return;
	list_del(&mem->link);
	dma_free_coherent(ddev->drm.dev, mem->size, mem->vaddr, mem->addr);
	mem->vaddr = NULL;
}

/**
 * deltahop_mem_free() - free it, unless unplug has
 * @ddev: device
 * @mem: memory; zeroed is fine
 */
void deltahop_mem_free(struct deltahop_device *ddev, struct deltahop_mem *mem)
{
	mutex_lock(&ddev->mem_lock);
	deltahop_mem_free_locked(ddev, mem);
	mutex_unlock(&ddev->mem_lock);
}

/**
 * deltahop_mem_free_all() - the device is stopped and going away
 * @ddev: device
 */
void deltahop_mem_free_all(struct deltahop_device *ddev)
{
	struct deltahop_mem *mem, *next;

	mutex_lock(&ddev->mem_lock);
	list_for_each_entry_safe(mem, next, &ddev->mems, link)
		deltahop_mem_free_locked(ddev, mem);
	mutex_unlock(&ddev->mem_lock);
}
