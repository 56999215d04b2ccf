// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers: in system memory through the shmem helper, imported ones too, and
 * the ioctls that are the same for those in card memory (deltahop_card.c).
 */
#include "deltahop_drv.h"

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/drm_utils.h>

DELTAHOP_IMPORT_NS(DMA_BUF);

/* The caller holds bo_lock, so that it is done once, and not after the device has gone. */
static void deltahop_gem_unmap(struct deltahop_bo *bo)
{
	struct drm_gem_object *obj = &bo->shmem.base;
	struct sg_table *sgt = bo->shmem.sgt;

	if (!sgt)
		return;
	bo->shmem.sgt = NULL;
	if (drm_gem_is_imported(obj)) {
		dma_buf_unmap_attachment_unlocked(obj->import_attach, sgt, DMA_BIDIRECTIONAL);
		return;
	}
	dma_unmap_sgtable(obj->dev->dev, sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static void deltahop_gem_free(struct drm_gem_object *obj)
{
	struct deltahop_device *ddev = to_deltahop_device(obj->dev);
	struct deltahop_bo *bo = to_deltahop_bo(obj);

	mutex_lock(&ddev->bo_lock);
	deltahop_gem_unmap(bo);
	list_del_init(&bo->link);
	mutex_unlock(&ddev->bo_lock);

	deltahop_mem_free(ddev, &bo->pages);
	mutex_destroy(&bo->map_lock);
	drm_gem_shmem_free(&bo->shmem);
}

static const struct drm_gem_object_funcs deltahop_gem_funcs = {
	.free = deltahop_gem_free,
	.print_info = drm_gem_shmem_object_print_info,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/**
 * deltahop_gem_create_object() - memory for a buffer, for the shmem helper and for card memory
 * @drm: DRM device
 * @size: unused
 */
struct drm_gem_object *deltahop_gem_create_object(struct drm_device *drm, size_t size)
{
	struct deltahop_bo *bo = kzalloc(sizeof(*bo), GFP_KERNEL);

	if (!bo)
		return ERR_PTR(-ENOMEM);

	bo->placement = DRM_DELTAHOP_PLACEMENT_SYSTEM;
	bo->shmem.base.funcs = &deltahop_gem_funcs;
	mutex_init(&bo->map_lock);
	INIT_LIST_HEAD(&bo->link);
	return &bo->shmem.base;
}

/* From here on unplug finds the buffer's mappings. */
static void deltahop_gem_track(struct drm_gem_object *obj)
{
	struct deltahop_device *ddev = to_deltahop_device(obj->dev);

	mutex_lock(&ddev->bo_lock);
	list_add(&to_deltahop_bo(obj)->link, &ddev->bos);
	mutex_unlock(&ddev->bo_lock);
}

/**
 * deltahop_gem_prime_import() - import, which makes DMA mappings: not while the device goes away
 * @drm: DRM device
 * @dmabuf: what to import
 */
struct drm_gem_object *deltahop_gem_prime_import(struct drm_device *drm, struct dma_buf *dmabuf)
{
	struct drm_gem_object *obj;
	int idx;

	if (!drm_dev_enter(drm, &idx))
		return ERR_PTR(-ENODEV);
	obj = drm_gem_prime_import(drm, dmabuf);
	drm_dev_exit(idx);
	return obj;
}

struct drm_gem_object *deltahop_gem_prime_import_sg_table(struct drm_device *drm,
							  struct dma_buf_attachment *attach,
							  struct sg_table *sgt)
{
	struct drm_gem_object *obj = drm_gem_shmem_prime_import_sg_table(drm, attach, sgt);

	if (!IS_ERR(obj))
		deltahop_gem_track(obj);
	return obj;
}

/**
 * deltahop_gem_unmap_all() - the device is stopped and going away
 * @ddev: device
 *
 * No DMA mapping may outlive the driver's hold on the device. The buffers live on without.
 */
void deltahop_gem_unmap_all(struct deltahop_device *ddev)
{
	struct deltahop_bo *bo;

	mutex_lock(&ddev->bo_lock);
	list_for_each_entry(bo, &ddev->bos, link)
		deltahop_gem_unmap(bo);
	mutex_unlock(&ddev->bo_lock);
}

/**
 * deltahop_gem_read() - copy from a buffer, wherever it is; the caller is inside drm_dev_enter()
 * @obj: buffer
 * @offset: byte offset; range checked by the caller
 * @dst: where to
 * @size: bytes
 */
int deltahop_gem_read(struct drm_gem_object *obj, u64 offset, void *dst, size_t size)
{
	struct deltahop_bo *bo = to_deltahop_bo(obj);
	struct iosys_map map;
	int ret;

	if (bo->placement == DRM_DELTAHOP_PLACEMENT_CARD)
		return deltahop_card_read(bo, offset, dst, size);

	ret = drm_gem_vmap(obj, &map);
	if (ret)
		return ret;
	if (drm_gem_is_imported(obj))
		ret = dma_buf_begin_cpu_access(obj->dma_buf, DMA_FROM_DEVICE);
	if (!ret)
		iosys_map_memcpy_from(dst, &map, offset, size);
	if (!ret && drm_gem_is_imported(obj))
		ret = dma_buf_end_cpu_access(obj->dma_buf, DMA_FROM_DEVICE);
	drm_gem_vunmap(obj, &map);
	return ret;
}

static struct drm_gem_object *deltahop_gem_create(struct deltahop_device *ddev, u32 placement,
						  size_t size)
{
	struct drm_gem_shmem_object *shmem;

	if (placement == DRM_DELTAHOP_PLACEMENT_CARD)
		return deltahop_card_create(ddev, size);

	/* The device cannot page: what is bound must fit, and leave room for others. */
	if (size >> PAGE_SHIFT > totalram_pages() / 2)
		return ERR_PTR(-ENOMEM);
	shmem = drm_gem_shmem_create(&ddev->drm, size);
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);
	deltahop_gem_track(&shmem->base);
	return &shmem->base;
}

int deltahop_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct deltahop_device *ddev = to_deltahop_device(drm);
	struct drm_deltahop_bo_create *args = data;
	struct drm_gem_object *obj;
	int idx, ret;

	if (args->flags || args->pad || args->placement > DRM_DELTAHOP_PLACEMENT_CARD ||
	    !args->size || args->size > DELTAHOP_MAX_BO_BYTES || args->size > SIZE_MAX - PAGE_SIZE)
		return -EINVAL;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	obj = deltahop_gem_create(ddev, args->placement, PAGE_ALIGN(args->size));
	drm_dev_exit(idx);
	if (IS_ERR(obj))
		return PTR_ERR(obj);

	args->mmap_offset = drm_vma_node_offset_addr(&obj->vma_node);
	ret = drm_gem_handle_create(file, obj, &args->handle);
	drm_gem_object_put(obj);
	return ret;
}

int deltahop_bo_info_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_bo_info *args = data;
	struct drm_gem_object *obj = drm_gem_object_lookup(file, args->handle);

	if (!obj)
		return -ENOENT;

	args->placement = to_deltahop_bo(obj)->placement;
	args->size = obj->size;
	args->mmap_offset = drm_gem_is_imported(obj) ? 0 : drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return 0;
}

int deltahop_bo_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_bo_wait *args = data;
	struct drm_gem_object *obj;
	enum dma_resv_usage usage;
	long ret;

	if (args->flags & ~DRM_DELTAHOP_BO_WAIT_WRITE)
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	usage = dma_resv_usage_rw(args->flags & DRM_DELTAHOP_BO_WAIT_WRITE);
	do {
		ret = dma_resv_wait_timeout(obj->resv, usage, true,
					    drm_timeout_abs_to_jiffies(args->timeout_ns));
	} while (!ret && deltahop_time_left(args->timeout_ns));
	drm_gem_object_put(obj);
	if (ret < 0)
		return ret;
	return ret ? 0 : -ETIMEDOUT;
}
