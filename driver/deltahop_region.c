// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the device finds a buffer: one range where the DMA addresses happen to
 * be contiguous, else a list of device pages of 4 KiB, whatever PAGE_SIZE is.
 * Both are made once for a buffer and serve all regions in it.
 */
#include "deltahop_drv.h"

#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

static bool deltahop_sgt_contiguous(struct sg_table *sgt)
{
	dma_addr_t next = sg_dma_address(sgt->sgl);
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (sg_dma_address(sg) != next)
			return false;
		next += sg_dma_len(sg);
	}
	return true;
}

/* What another driver exports need not be made of whole device pages. */
static bool deltahop_sgt_usable(struct sg_table *sgt, u64 size)
{
	struct scatterlist *sg;
	u64 sum = 0;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (!IS_ALIGNED(sg_dma_address(sg) | sg_dma_len(sg), DELTAHOP_PAGE_SIZE))
			return false;
		sum += sg_dma_len(sg);
	}
	return sum >= size;
}

static int deltahop_region_list(struct deltahop_bo *bo, struct sg_table *sgt)
{
	size_t left = bo->shmem.base.size >> DELTAHOP_PAGE_SHIFT;
	struct scatterlist *sg;
	__le64 *entry;
	int i, ret;

	ret = deltahop_mem_alloc(to_deltahop_device(bo->shmem.base.dev), &bo->pages,
				 left * sizeof(*entry));
	if (ret)
		return ret;

	entry = bo->pages.vaddr;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 addr = sg_dma_address(sg);
		u64 end = addr + sg_dma_len(sg);

		for (; left && addr < end; addr += DELTAHOP_PAGE_SIZE, left--)
			*entry++ = cpu_to_le64(addr);
	}
	return 0;
}

static int deltahop_region_map_system(struct deltahop_bo *bo)
{
	struct sg_table *sgt = drm_gem_shmem_get_pages_sgt(&bo->shmem);

	if (IS_ERR(sgt))
		return PTR_ERR(sgt) == -EINTR ? -ERESTARTSYS : PTR_ERR(sgt);
	if (!deltahop_sgt_usable(sgt, bo->shmem.base.size))
		return -EINVAL;

	bo->contiguous = deltahop_sgt_contiguous(sgt);
	bo->addr = sg_dma_address(sgt->sgl);
	return bo->contiguous ? 0 : deltahop_region_list(bo, sgt);
}

/**
 * deltahop_region_map() - make a buffer usable by the device; the caller is inside drm_dev_enter()
 * @bo: buffer
 *
 * It stays so until it is freed, or the device is gone.
 */
int deltahop_region_map(struct deltahop_bo *bo)
{
	int ret = 0;

	mutex_lock(&bo->map_lock);
	if (!bo->mapped && bo->placement == DRM_DELTAHOP_PLACEMENT_CARD) {
		bo->contiguous = true;
		bo->addr = bo->node.start;
	} else if (!bo->mapped) {
		ret = deltahop_region_map_system(bo);
	}
	bo->mapped = !ret;
	mutex_unlock(&bo->map_lock);
	return ret;
}

/**
 * deltahop_region_make() - write a region table entry
 * @bo: buffer, mapped
 * @offset: byte offset in it; range checked by the caller
 * @size: bytes
 * @flags: DRM_DELTAHOP_BIND_*
 * @region: out
 */
void deltahop_region_make(struct deltahop_bo *bo, u64 offset, u64 size, u32 flags,
			  struct deltahop_region *region)
{
	u32 bits = DELTAHOP_REGION_VALID;
	u64 addr = bo->addr + offset;
	u32 first = 0;

	if (flags & DRM_DELTAHOP_BIND_READ)
		bits |= DELTAHOP_REGION_READ;
	if (flags & DRM_DELTAHOP_BIND_WRITE)
		bits |= DELTAHOP_REGION_WRITE;
	if (bo->placement == DRM_DELTAHOP_PLACEMENT_CARD)
		bits |= DELTAHOP_REGION_CARD;
	if (!bo->contiguous) {
		bits |= DELTAHOP_REGION_LIST;
		addr = bo->pages.addr + (offset >> DELTAHOP_PAGE_SHIFT) * sizeof(__le64);
		first = offset & (DELTAHOP_PAGE_SIZE - 1);
	}

	*region = (struct deltahop_region){
		.addr = cpu_to_le64(addr),
		.length = cpu_to_le64(size),
		.flags = cpu_to_le32(bits),
		.first = cpu_to_le32(first),
	};
}
