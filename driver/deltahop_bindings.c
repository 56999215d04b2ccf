// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bindings: buffers under region numbers, looked up and mapped once. The table
 * stays in kernel memory; a ring copies it to where the device reads it, with
 * the overrides of the job, so that no user can ever write to it.
 */
#include "deltahop_drv.h"

#include <linux/overflow.h>

#include <drm/drm_drv.h>

#define DELTAHOP_BIND_ACCESS (DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_WRITE)

static int deltahop_bind_check(const struct drm_deltahop_binding *args)
{
	if (!args->handle)
		return args->flags || args->offset || args->size ? -EINVAL : 0;
	if (args->flags & ~(DELTAHOP_BIND_ACCESS | DRM_DELTAHOP_BIND_SYNC) ||
	    !(args->flags & DELTAHOP_BIND_ACCESS) || args->offset % 8 || !args->size)
		return -EINVAL;
	return 0;
}

/**
 * deltahop_bind() - look up, check and map one region; the caller is inside drm_dev_enter()
 * @file: whose buffer
 * @args: what userspace asks for
 * @bound: out; zeroed before
 */
int deltahop_bind(struct drm_file *file, const struct drm_deltahop_binding *args,
		  struct deltahop_bound *bound)
{
	int ret = deltahop_bind_check(args);
	struct drm_gem_object *obj;
	u64 end;

	if (ret || !args->handle)
		return ret;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	bound->obj = obj;
	bound->flags = args->flags;
	if (drm_gem_is_imported(obj))
		bound->flags |= DRM_DELTAHOP_BIND_SYNC;

	if (check_add_overflow(args->offset, args->size, &end) || end > obj->size)
		ret = -ERANGE;
	else
		ret = deltahop_region_map(to_deltahop_bo(obj));
	if (ret) {
		deltahop_unbind(bound);
		return ret;
	}
	deltahop_region_make(to_deltahop_bo(obj), args->offset, args->size, args->flags,
			     &bound->region);
	return 0;
}

void deltahop_unbind(struct deltahop_bound *bound)
{
	if (bound->obj)
		drm_gem_object_put(bound->obj);
	bound->obj = NULL;
}

static void deltahop_bindings_release(struct kref *ref)
{
	struct deltahop_bindings *bindings = container_of(ref, struct deltahop_bindings, ref);
	u32 i;

	for (i = 0; i < bindings->count; i++)
		deltahop_unbind(&bindings->bounds[i]);
	kvfree(bindings);
}

void deltahop_bindings_put(struct deltahop_bindings *bindings)
{
	if (bindings)
		kref_put(&bindings->ref, deltahop_bindings_release);
}

struct deltahop_bindings *deltahop_bindings_get(struct deltahop_file *dfile, u32 handle)
{
	struct deltahop_bindings *bindings;

	xa_lock(&dfile->bindings);
	bindings = xa_load(&dfile->bindings, handle);
	if (bindings)
		kref_get(&bindings->ref);
	xa_unlock(&dfile->bindings);
	return bindings;
}

static struct deltahop_bindings *deltahop_bindings_create(struct drm_file *file,
							  const struct drm_deltahop_binding *array,
							  u32 count, u32 *bad)
{
	struct deltahop_bindings *bindings;
	int ret;
	u32 i;

	bindings = kvzalloc(struct_size(bindings, bounds, count), GFP_KERNEL);
	if (!bindings)
		return ERR_PTR(-ENOMEM);
	kref_init(&bindings->ref);
	bindings->count = count;

	for (i = 0; i < count; i++) {
		ret = deltahop_bind(file, &array[i], &bindings->bounds[i]);
		if (ret) {
			*bad = i;
			deltahop_bindings_put(bindings);
			return ERR_PTR(ret);
		}
	}
	return bindings;
}

int deltahop_bindings_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct deltahop_device *ddev = to_deltahop_device(drm);
	struct drm_deltahop_bindings_create *args = data;
	struct deltahop_file *dfile = file->driver_priv;
	struct drm_deltahop_binding *array;
	struct deltahop_bindings *bindings;
	int idx, ret;

	if (!args->count || args->count > ddev->info.max_regions)
		return -EINVAL;

	array = kvcalloc(args->count, sizeof(*array), GFP_KERNEL);
	if (!array)
		return -ENOMEM;
	ret = deltahop_copy_array(array, sizeof(*array), args->bindings, args->count, args->stride,
				  &args->bad);
	if (ret)
		goto out_free;

	ret = -ENODEV;
	if (!drm_dev_enter(drm, &idx))
		goto out_free;
	bindings = deltahop_bindings_create(file, array, args->count, &args->bad);
	drm_dev_exit(idx);
	ret = PTR_ERR_OR_ZERO(bindings);
	if (ret)
		goto out_free;

	ret = xa_alloc(&dfile->bindings, &args->handle, bindings,
		       XA_LIMIT(1, DELTAHOP_MAX_BINDINGS), GFP_KERNEL);
	if (ret)
		deltahop_bindings_put(bindings);
	if (ret == -EBUSY)
		ret = -ENOSPC;
out_free:
	kvfree(array);
	return ret;
}

int deltahop_bindings_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_bindings_destroy *args = data;
	struct deltahop_file *dfile = file->driver_priv;
	struct deltahop_bindings *bindings;

	if (args->pad)
		return -EINVAL;
	bindings = xa_erase(&dfile->bindings, args->handle);
	if (!bindings)
		return -ENOENT;
	deltahop_bindings_put(bindings);
	return 0;
}

void deltahop_bindings_close_all(struct deltahop_file *dfile)
{
	struct deltahop_bindings *bindings;
	unsigned long handle;

	xa_for_each(&dfile->bindings, handle, bindings)
		deltahop_bindings_put(bindings);
	xa_destroy(&dfile->bindings);
}
