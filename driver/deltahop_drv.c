// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DRM driver: files, ioctls, versions.
 */
#include "deltahop_drv.h"

#include <linux/uaccess.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_ioctl.h>

/*
 * Version history of the interface:
 * 1.0: everything up to DRM_DELTAHOP_WAIT; DRM_DELTAHOP_STATE_COPY is reserved.
 */
#define DELTAHOP_DRIVER_MAJOR 1
#define DELTAHOP_DRIVER_MINOR 0

/**
 * deltahop_copy_array() - read an array whose elements may have another size than ours
 * @dst: elements as the kernel knows them
 * @size: their size
 * @ptr: user pointer
 * @count: elements
 * @stride: bytes from one to the next in user memory, a multiple of 8
 * @bad: out on error: index of the element, ~0 if the stride is wrong
 *
 * Smaller elements are filled up with zeros. What larger ones have besides must be zero (-E2BIG).
 */
int deltahop_copy_array(void *dst, size_t size, u64 ptr, u32 count, u32 stride, u32 *bad)
{
	int ret;
	u32 i;

	*bad = ~0;
	if (!stride || stride % 8 || stride > DELTAHOP_MAX_STRIDE)
		return -EINVAL;
	*bad = 0;
	for (i = 0; i < count; i++) {
		ret = copy_struct_from_user(dst + i * size, size,
					    u64_to_user_ptr(ptr + (u64)i * stride), stride);
		if (ret) {
			*bad = i;
			return ret;
		}
	}
	return 0;
}

static int deltahop_open(struct drm_device *drm, struct drm_file *file)
{
	struct deltahop_file *dfile = kzalloc(sizeof(*dfile), GFP_KERNEL);

	if (!dfile)
		return -ENOMEM;
	xa_init_flags(&dfile->contexts, XA_FLAGS_ALLOC1);
	xa_init_flags(&dfile->bindings, XA_FLAGS_ALLOC1);
	xa_init_flags(&dfile->states, XA_FLAGS_ALLOC1);
	file->driver_priv = dfile;
	return 0;
}

/* Returns at once: jobs in flight keep what they need. */
static void deltahop_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct deltahop_file *dfile = file->driver_priv;

	deltahop_ctx_close_all(dfile);
	deltahop_state_close_all(dfile);
	deltahop_bindings_close_all(dfile);
	kfree(dfile);
}

static int deltahop_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct drm_file *file = filp->private_data;

	if (drm_dev_is_unplugged(file->minor->dev))
		return -ENODEV;
	if (vma->vm_pgoff < DRM_FILE_PAGE_OFFSET_START)
		return deltahop_ctx_mmap(file->driver_priv, vma);
	return drm_gem_mmap(filp, vma);
}

static const struct file_operations deltahop_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = drm_release,
	.unlocked_ioctl = drm_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = deltahop_mmap,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

static const struct drm_ioctl_desc deltahop_ioctls[] = {
	DRM_IOCTL_DEF_DRV(DELTAHOP_DEV_QUERY, deltahop_query_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_BO_CREATE, deltahop_bo_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_BO_INFO, deltahop_bo_info_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_BO_WAIT, deltahop_bo_wait_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_CTX_CREATE, deltahop_ctx_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_CTX_DESTROY, deltahop_ctx_destroy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_BINDINGS_CREATE, deltahop_bindings_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_BINDINGS_DESTROY, deltahop_bindings_destroy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_STATE_CREATE, deltahop_state_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_STATE_DESTROY, deltahop_state_destroy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_STATE_RESET, deltahop_state_reset_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_STATE_COPY, deltahop_state_copy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_SUBMIT, deltahop_submit_ioctl, 0),
	DRM_IOCTL_DEF_DRV(DELTAHOP_WAIT, deltahop_wait_ioctl, 0),
};

const struct drm_driver deltahop_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_COMPUTE_ACCEL | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE,
	.open = deltahop_open,
	.postclose = deltahop_postclose,
	.gem_create_object = deltahop_gem_create_object,
	.gem_prime_import = deltahop_gem_prime_import,
	.gem_prime_import_sg_table = deltahop_gem_prime_import_sg_table,
	.fops = &deltahop_fops,
	.ioctls = deltahop_ioctls,
	.num_ioctls = ARRAY_SIZE(deltahop_ioctls),
	.name = DELTAHOP_DRIVER_NAME,
	.desc = "DeltaHop neural network accelerator",
	.major = DELTAHOP_DRIVER_MAJOR,
	.minor = DELTAHOP_DRIVER_MINOR,
	DELTAHOP_DRIVER_DATE
};

MODULE_DESCRIPTION("DeltaHop neural network accelerator");
MODULE_AUTHOR("The DeltaHop authors");
MODULE_LICENSE("GPL");
