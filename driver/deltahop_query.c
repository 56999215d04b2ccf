// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queries: an id, a size, a structure. A caller that knows less than the kernel
 * gets the part that it knows.
 */
#include "deltahop_drv.h"

#include <linux/ktime.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

union deltahop_answer {
	struct drm_deltahop_device_info device;
	struct drm_deltahop_heap_info heaps;
	struct drm_deltahop_priority_info priorities;
	struct drm_deltahop_time_info time;
};

static int deltahop_query_device(struct deltahop_device *ddev, struct drm_file *file,
				 union deltahop_answer *answer)
{
	answer->device = ddev->info;
	return 0;
}

static u64 deltahop_query_system_used(struct drm_file *file)
{
	struct drm_gem_object *obj;
	u64 used = 0;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id)
		if (to_deltahop_bo(obj)->placement == DRM_DELTAHOP_PLACEMENT_SYSTEM &&
		    !drm_gem_is_imported(obj))
			used += obj->size;
	spin_unlock(&file->table_lock);
	return used;
}

static int deltahop_query_heaps(struct deltahop_device *ddev, struct drm_file *file,
				union deltahop_answer *answer)
{
	answer->heaps.card_size = ddev->info.card_size;
	deltahop_card_space(ddev, &answer->heaps.card_free, &answer->heaps.card_largest);
	answer->heaps.system_used = deltahop_query_system_used(file);
	return 0;
}

static int deltahop_query_priorities(struct deltahop_device *ddev, struct drm_file *file,
				     union deltahop_answer *answer)
{
	u32 priority;

	answer->priorities = (struct drm_deltahop_priority_info){};
	for (priority = 0; priority <= DRM_DELTAHOP_PRIORITY_REALTIME; priority++)
		if (deltahop_ctx_priority_allowed(priority))
			answer->priorities.allowed |= BIT(priority);
	return 0;
}

static int deltahop_query_time(struct deltahop_device *ddev, struct drm_file *file,
			       union deltahop_answer *answer)
{
	u64 before, after;
	int idx;

	if (!drm_dev_enter(&ddev->drm, &idx))
		return -ENODEV;
	before = ktime_get_ns();
	answer->time.device_ns = deltahop_hw_time(ddev);
	after = ktime_get_ns();
	drm_dev_exit(idx);
	answer->time.monotonic_ns = before + (after - before) / 2;
	return 0;
}

static const struct deltahop_query {
	u32 size;
	int (*ask)(struct deltahop_device *ddev, struct drm_file *file,
		   union deltahop_answer *answer);
} deltahop_queries[] = {
	[DRM_DELTAHOP_QUERY_DEVICE] = { sizeof(struct drm_deltahop_device_info),
					deltahop_query_device },
	[DRM_DELTAHOP_QUERY_HEAPS] = { sizeof(struct drm_deltahop_heap_info),
				       deltahop_query_heaps },
	[DRM_DELTAHOP_QUERY_PRIORITIES] = { sizeof(struct drm_deltahop_priority_info),
					    deltahop_query_priorities },
	[DRM_DELTAHOP_QUERY_TIME] = { sizeof(struct drm_deltahop_time_info), deltahop_query_time },
};

int deltahop_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_dev_query *args = data;
	const struct deltahop_query *query;
	union deltahop_answer answer;
	u32 size = args->size;
	int ret;

	if (args->id >= ARRAY_SIZE(deltahop_queries))
		return -EINVAL;
	query = &deltahop_queries[array_index_nospec(args->id, ARRAY_SIZE(deltahop_queries))];
	args->size = query->size;
	if (!args->data)
		return 0;

	ret = query->ask(to_deltahop_device(drm), file, &answer);
	if (ret)
		return ret;
	return copy_to_user(u64_to_user_ptr(args->data), &answer, min(size, query->size)) ? -EFAULT
											  : 0;
}
