/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver is written against the newest kernel. What older ones (from 6.12)
 * call otherwise is bridged here, by what probe.sh found, never by a version:
 * 6.12.y itself has changed these interfaces twice.
 */
#ifndef _DELTAHOP_COMPAT_H_
#define _DELTAHOP_COMPAT_H_

#include "deltahop_probes.h"

#include <linux/module.h>
#include <linux/version.h>

#include <drm/drm_gem.h>
#include <drm/gpu_scheduler.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "deltahop needs Linux 6.12 or newer"
#endif

#ifdef DELTAHOP_HAVE_NS_IDENTIFIER
#define DELTAHOP_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#else
#define DELTAHOP_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#endif

#ifdef DELTAHOP_HAVE_DRIVER_DATE
#define DELTAHOP_DRIVER_DATE .date = "20261123",
#else
#define DELTAHOP_DRIVER_DATE
#endif

#ifndef DELTAHOP_HAVE_GEM_VMAP
#define drm_gem_vmap   drm_gem_vmap_unlocked
#define drm_gem_vunmap drm_gem_vunmap_unlocked
#endif

#ifndef DELTAHOP_HAVE_SCHED_CLIENT_ID
#define drm_sched_job_init(job, entity, credits, owner, client_id) \
	((void)(client_id), drm_sched_job_init(job, entity, credits, owner))
#endif

#ifndef DELTAHOP_HAVE_SCHED_INIT_ARGS
struct drm_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *timeout_wq;
	u32 num_rqs;
	u32 credit_limit;
	unsigned int hang_limit;
	long timeout;
	atomic_t *score;
	const char *name;
	struct device *dev;
};

static inline int deltahop_sched_init_args(struct drm_gpu_scheduler *sched,
					   const struct drm_sched_init_args *a)
{
	return drm_sched_init(sched, a->ops, a->submit_wq, a->num_rqs, a->credit_limit,
			      a->hang_limit, a->timeout, a->timeout_wq, a->score, a->name, a->dev);
}
#define drm_sched_init deltahop_sched_init_args
#endif

/**
 * deltahop_sched_no_hang() - what a time-out handler returns when it has settled the matter itself
 * @job: the job that the scheduler thought stuck
 *
 * The scheduler took the job off its list. Newer ones put it back themselves.
 */
static inline enum drm_gpu_sched_stat deltahop_sched_no_hang(struct drm_sched_job *job)
{
#ifdef DELTAHOP_HAVE_SCHED_NO_HANG
	return DRM_GPU_SCHED_STAT_NO_HANG;
#else
	struct drm_gpu_scheduler *sched = job->sched;

	spin_lock(&sched->job_list_lock);
	list_add(&job->list, &sched->pending_list);
	spin_unlock(&sched->job_list_lock);
	/* The job may have ended meanwhile: have it freed. */
	drm_sched_wqueue_start(sched);
	return DRM_GPU_SCHED_STAT_NOMINAL;
#endif
}

#endif /* _DELTAHOP_COMPAT_H_ */
