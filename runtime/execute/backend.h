/* SPDX-License-Identifier: MIT */
/*
 * What a device is underneath: the kernel's driver, or the model in this process.
 * Both speak the same language, the ioctls of drm/deltahop_accel.h; everything above is written
 * once.
 */
#ifndef DELTAHOP_BACKEND_H
#define DELTAHOP_BACKEND_H

#include <drm/deltahop_accel.h>

#include "base/error.h"
#include "deltahop_cmd.h"

struct dh_dram_counts;

/**
 * struct dh_backend - the two kinds of device
 * @ioctl: DRM_IOCTL_DELTAHOP_*, restarted when interrupted; 0 or a negative errno
 * @map: memory at an offset that BO_CREATE gave, or NULL with errno set
 * @unmap: undo @map
 * @bo_close: drop a buffer's handle
 * @bo_import: handle of the memory behind a file descriptor
 * @bo_export: file descriptor of a buffer
 * @sync_create: make a syncobj
 * @sync_destroy: drop it
 * @sync_wait: wait until the job that signals it has ended, however it did; @timeout_ns as for
 *	DRM_DELTAHOP_WAIT
 * @sync_fd: pollable file descriptor of it, close-on-exec
 * @close: free the device
 * @trace_dram: optional: write bursts on the DRAM channel to a file, NULL: no more; 0 or a negative
 *	errno
 * @dram_counts: optional: what has been on the channel
 */
struct dh_backend {
	int (*ioctl)(struct dh_device *device, unsigned long request, void *arg);
	void *(*map)(struct dh_device *device, uint64_t offset, size_t size);
	void (*unmap)(struct dh_device *device, void *map, size_t size);
	void (*bo_close)(struct dh_device *device, uint32_t handle);
	int (*bo_import)(struct dh_device *device, int fd, uint32_t *handle);
	int (*bo_export)(struct dh_device *device, uint32_t handle);
	int (*sync_create)(struct dh_device *device, uint32_t *handle);
	void (*sync_destroy)(struct dh_device *device, uint32_t handle);
	int (*sync_wait)(struct dh_device *device, uint32_t handle, int64_t timeout_ns);
	int (*sync_fd)(struct dh_device *device, uint32_t handle);
	void (*close)(struct dh_device *device);
	int (*trace_dram)(struct dh_device *device, const char *path);
	void (*dram_counts)(struct dh_device *device, struct dh_dram_counts *counts);
};

/**
 * struct dh_device - first member of either kind
 * @backend: which kind
 * @hw: what it says it is
 * @name: "embedded" or the node
 * @driver: driver and version
 * @why: how it was chosen
 * @dram: model of its DRAM channel, "" if unknown
 */
struct dh_device {
	const struct dh_backend *backend;
	struct drm_deltahop_device_info hw;
	char name[128];
	char driver[64];
	char why[256];
	char dram[32];
};

/** dh_embedded_open() - the model in this process; @options as after "embedded:", or "" */
int dh_embedded_open(const char *options, struct dh_device **device, struct dh_error *err);

/** dh_kernel_open() - a device node */
int dh_kernel_open(const char *path, struct dh_device **device, struct dh_error *err);

/** dh_device_query() - DRM_DELTAHOP_DEV_QUERY of one structure */
int dh_device_query(struct dh_device *device, uint32_t id, void *data, uint32_t size);

/** dh_device_limits() - what programs are checked against */
struct dh_cmd_limits dh_device_limits(const struct dh_device *device);

/** dh_deadline() - absolute CLOCK_MONOTONIC time that is @timeout_ns from now; negative: never */
int64_t dh_deadline(int64_t timeout_ns);

/**
 * struct dh_buffer - memory that device and CPU share
 * @fd: of an imported buffer, -1 else
 */
struct dh_buffer {
	struct dh_device *device;
	uint32_t handle;
	int fd;
	size_t size;
	void *map;
};

/** dh_buffer_init() - a buffer in place, of @placement (enum drm_deltahop_placement) */
int dh_buffer_init(struct dh_buffer *buffer, struct dh_device *device, uint32_t placement,
		   size_t size, struct dh_error *err);

/** dh_buffer_fini() - undo; a zeroed buffer is fine */
void dh_buffer_fini(struct dh_buffer *buffer);

#endif /* DELTAHOP_BACKEND_H */
