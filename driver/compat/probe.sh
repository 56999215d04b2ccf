#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# probe.sh OUTPUT COMPILER FLAGS...: ask the kernel's headers which interfaces
# they have, by compiling a few lines against them, and write the answers as
# macros. Run by Kbuild.

set -u

output=$1
shift
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
verdict=0

# probe NAME COMPILER FLAGS...: define DELTAHOP_HAVE_NAME if stdin compiles
probe()
{
	name=$1
	shift
	cat >"$work/probe.c"
	if "$@" -Wno-unused -c -o "$work/probe.o" "$work/probe.c" >"$work/$name.log" 2>&1; then
		echo "#define DELTAHOP_HAVE_$name 1"
	else
		echo "/* no DELTAHOP_HAVE_$name */"
		verdict=1
	fi >>"$work/probes.h"
}

cat >"$work/probes.h" <<'END'
/* SPDX-License-Identifier: GPL-2.0-only */
/* Written by probe.sh. */
END

# A control: what every supported kernel has. If even this fails, the probes
# would answer no to everything, and the reason must be said.
probe CONTROL "$@" <<'END'
#include <drm/drm_device.h>
#include <drm/drm_exec.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/gpu_scheduler.h>
int f(struct drm_sched_job *job);
int f(struct drm_sched_job *job) { drm_sched_job_arm(job); return 0; }
END
if [ $verdict -ne 0 ]; then
	cat "$work/CONTROL.log" >&2
	echo "deltahop: these kernel headers lack DRM with its scheduler and shmem helpers (Linux 6.12 or newer is needed)" >&2
	exit 1
fi

probe SCHED_INIT_ARGS "$@" <<'END'
#include <drm/gpu_scheduler.h>
int f(struct drm_gpu_scheduler *s);
int f(struct drm_gpu_scheduler *s)
{
	const struct drm_sched_init_args args = { .credit_limit = 1 };

	return drm_sched_init(s, &args);
}
END

probe SCHED_CLIENT_ID "$@" <<'END'
#include <drm/gpu_scheduler.h>
int f(struct drm_sched_job *job, struct drm_sched_entity *e);
int f(struct drm_sched_job *job, struct drm_sched_entity *e)
{
	return drm_sched_job_init(job, e, 1, NULL, 7);
}
END

probe SCHED_NO_HANG "$@" <<'END'
#include <drm/gpu_scheduler.h>
int f(void);
int f(void) { return DRM_GPU_SCHED_STAT_NO_HANG; }
END

probe GEM_VMAP "$@" <<'END'
#include <linux/iosys-map.h>
#include <drm/drm_gem.h>
int f(struct drm_gem_object *obj, struct iosys_map *map);
int f(struct drm_gem_object *obj, struct iosys_map *map) { return drm_gem_vmap(obj, map); }
END

probe DRIVER_DATE "$@" <<'END'
#include <drm/drm_drv.h>
extern const struct drm_driver d;
const struct drm_driver d = { .date = "" };
END

# (The older form would take a string as well, and import a name in quotes.)
probe NS_IDENTIFIER "$@" <<'END'
#include <linux/module.h>
MODULE_IMPORT_NS(DMA_BUF);
END

cmp -s "$work/probes.h" "$output" || cp "$work/probes.h" "$output"
