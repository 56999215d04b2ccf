// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers in card memory: one contiguous range each, which the CPU reaches
 * through a BAR.
 */
#include "deltahop_drv.h"

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

static void deltahop_card_fini(struct drm_device *drm, void *data)
{
	drm_mm_takedown(&to_deltahop_device(drm)->card);
}

/**
 * deltahop_card_init() - find card memory; without it only CARD buffers fail
 * @ddev: device
 */
int deltahop_card_init(struct deltahop_device *ddev)
{
	struct pci_dev *pdev = to_pci_dev(ddev->drm.dev);
	u64 bar = pci_resource_len(pdev, DELTAHOP_PCI_BAR_CARD);

	if (ddev->info.card_size > bar) {
		drm_warn(&ddev->drm,
			 "BAR %d shows %llu of %llu bytes of card memory: the rest is not used\n",
			 DELTAHOP_PCI_BAR_CARD, bar, ddev->info.card_size);
		ddev->info.card_size = bar;
	}
	ddev->info.card_size = round_down(ddev->info.card_size, PAGE_SIZE);
	if (!ddev->info.card_size)
		return 0;

	ddev->card_bus = pci_resource_start(pdev, DELTAHOP_PCI_BAR_CARD);
	drm_mm_init(&ddev->card, 0, ddev->info.card_size);
	return drmm_add_action_or_reset(&ddev->drm, deltahop_card_fini, NULL);
}

static void deltahop_card_free(struct drm_gem_object *obj)
{
	struct deltahop_device *ddev = to_deltahop_device(obj->dev);
	struct deltahop_bo *bo = to_deltahop_bo(obj);

	mutex_lock(&ddev->card_lock);
	if (drm_mm_node_allocated(&bo->node))
		drm_mm_remove_node(&bo->node);
	mutex_unlock(&ddev->card_lock);

	if (bo->dummy)
		__free_page(bo->dummy);
	mutex_destroy(&bo->map_lock);
	drm_gem_object_release(obj);
	kfree(bo);
}

/* After unplug a program must not die of a memory access: it sees one page that forgets. */
static vm_fault_t deltahop_card_fault_gone(struct deltahop_bo *bo, struct vm_fault *vmf)
{
	mutex_lock(&bo->map_lock);
	if (!bo->dummy)
		bo->dummy = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	mutex_unlock(&bo->map_lock);
	if (!bo->dummy)
		return VM_FAULT_OOM;
	return vmf_insert_pfn_prot(vmf->vma, vmf->address, page_to_pfn(bo->dummy),
				   vm_get_page_prot(vmf->vma->vm_flags));
}

static vm_fault_t deltahop_card_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct deltahop_device *ddev = to_deltahop_device(obj->dev);
	struct deltahop_bo *bo = to_deltahop_bo(obj);
	u64 offset = (u64)(vmf->pgoff - drm_vma_node_start(&obj->vma_node)) << PAGE_SHIFT;
	vm_fault_t ret;
	int idx;

	if (offset >= obj->size)
		return VM_FAULT_SIGBUS;
	if (!drm_dev_enter(obj->dev, &idx))
		return deltahop_card_fault_gone(bo, vmf);
	ret = vmf_insert_pfn(vmf->vma, vmf->address,
			     PHYS_PFN(ddev->card_bus + bo->node.start + offset));
	drm_dev_exit(idx);
	return ret;
}

static const struct vm_operations_struct deltahop_card_vm_ops = {
	.fault = deltahop_card_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static int deltahop_card_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	/* A private copy of a page that has no struct page cannot be made. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = pgprot_writecombine(vm_get_page_prot(vma->vm_flags));
	return 0;
}

static struct dma_buf *deltahop_card_export(struct drm_gem_object *obj, int flags)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static const struct drm_gem_object_funcs deltahop_card_funcs = {
	.free = deltahop_card_free,
	.export = deltahop_card_export,
	.mmap = deltahop_card_mmap,
	.vm_ops = &deltahop_card_vm_ops,
};

static void __iomem *deltahop_card_map(struct deltahop_bo *bo, u64 offset, size_t size)
{
	struct deltahop_device *ddev = to_deltahop_device(bo->shmem.base.dev);

	return ioremap_wc(ddev->card_bus + bo->node.start + offset, size);
}

static int deltahop_card_clear(struct deltahop_bo *bo)
{
	u64 size = bo->shmem.base.size;
	u64 done, chunk;

	for (done = 0; done < size; done += chunk) {
		void __iomem *map;

		chunk = min_t(u64, size - done, SZ_2M);
		map = deltahop_card_map(bo, done, chunk);
		if (!map)
			return -ENOMEM;
		memset_io(map, 0, chunk);
		iounmap(map);
		cond_resched();
	}
	return 0;
}

/**
 * deltahop_card_read() - copy from card memory; the caller is inside drm_dev_enter()
 * @bo: buffer
 * @offset: byte offset; range checked by the caller
 * @dst: where to
 * @size: bytes
 */
int deltahop_card_read(struct deltahop_bo *bo, u64 offset, void *dst, size_t size)
{
	u64 start = round_down(offset, PAGE_SIZE);
	void __iomem *map = deltahop_card_map(bo, start, offset - start + size);

	if (!map)
		return -ENOMEM;
	memcpy_fromio(dst, map + (offset - start), size);
	iounmap(map);
	return 0;
}

static int deltahop_card_place(struct deltahop_device *ddev, struct deltahop_bo *bo)
{
	struct drm_gem_object *obj = &bo->shmem.base;
	int ret;

	mutex_lock(&ddev->card_lock);
	ret = drm_mm_insert_node_generic(&ddev->card, &bo->node, obj->size, PAGE_SIZE, 0,
					 DRM_MM_INSERT_BEST);
	mutex_unlock(&ddev->card_lock);
	if (ret)
		return ret;
	ret = drm_gem_create_mmap_offset(obj);
	return ret ? ret : deltahop_card_clear(bo);
}

/**
 * deltahop_card_create() - a zeroed buffer in card memory; the caller is inside drm_dev_enter()
 * @ddev: device
 * @size: bytes, whole pages
 */
struct drm_gem_object *deltahop_card_create(struct deltahop_device *ddev, size_t size)
{
	struct drm_gem_object *obj;
	struct deltahop_bo *bo;
	int ret;

	if (!ddev->info.card_size)
		return ERR_PTR(-EOPNOTSUPP);

	obj = deltahop_gem_create_object(&ddev->drm, size);
	if (IS_ERR(obj))
		return obj;
	bo = to_deltahop_bo(obj);
	bo->placement = DRM_DELTAHOP_PLACEMENT_CARD;
	obj->funcs = &deltahop_card_funcs;
	drm_gem_private_object_init(&ddev->drm, obj, size);

	ret = deltahop_card_place(ddev, bo);
	if (ret) {
		drm_gem_object_put(obj);
		return ERR_PTR(ret);
	}
	return obj;
}

/**
 * deltahop_card_space() - how much card memory is left
 * @ddev: device
 * @free: out: bytes
 * @largest: out: bytes of the largest buffer that fits
 */
void deltahop_card_space(struct deltahop_device *ddev, u64 *free, u64 *largest)
{
	struct drm_mm_node *hole;
	u64 start, end;

	*free = 0;
	*largest = 0;
	if (!ddev->info.card_size)
		return;

	mutex_lock(&ddev->card_lock);
	drm_mm_for_each_hole(hole, &ddev->card, start, end) {
		*free += end - start;
		*largest = max(*largest, end - start);
	}
	mutex_unlock(&ddev->card_lock);
}
