// SPDX-License-Identifier: MIT
/* Backend: a device node of the kernel's driver. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#include "execute/backend.h"

struct kernel_device {
	struct dh_device base;
	int fd;
};

static int fd_of(struct dh_device *device)
{
	return ((struct kernel_device *)device)->fd;
}

static int kernel_ioctl(struct dh_device *device, unsigned long request, void *arg)
{
	return drmIoctl(fd_of(device), request, arg) ? -errno : 0;
}

static void *kernel_map(struct dh_device *device, uint64_t offset, size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_of(device), offset);

	return map == MAP_FAILED ? NULL : map;
}

static void kernel_unmap(struct dh_device *device, void *map, size_t size)
{
	(void)device;
	munmap(map, size);
}

static void kernel_bo_close(struct dh_device *device, uint32_t handle)
{
	drmCloseBufferHandle(fd_of(device), handle);
}

static int kernel_bo_import(struct dh_device *device, int fd, uint32_t *handle)
{
	return drmPrimeFDToHandle(fd_of(device), fd, handle) ? -errno : 0;
}

static int kernel_bo_export(struct dh_device *device, uint32_t handle)
{
	int fd;

	return drmPrimeHandleToFD(fd_of(device), handle, DRM_CLOEXEC | DRM_RDWR, &fd) ? -errno : fd;
}

static int kernel_sync_create(struct dh_device *device, uint32_t *handle)
{
	return drmSyncobjCreate(fd_of(device), 0, handle) ? -errno : 0;
}

static void kernel_sync_destroy(struct dh_device *device, uint32_t handle)
{
	drmSyncobjDestroy(fd_of(device), handle);
}

static int kernel_sync_wait(struct dh_device *device, uint32_t handle, int64_t timeout_ns)
{
	/* libdrm returns the errno here, negative */
	int ret = drmSyncobjWait(fd_of(device), &handle, 1, timeout_ns, 0, NULL);

	return ret == -ETIME ? -ETIMEDOUT : ret;
}

static int kernel_sync_fd(struct dh_device *device, uint32_t handle)
{
	int fd;

	return drmSyncobjExportSyncFile(fd_of(device), handle, &fd) ? -errno : fd;
}

static void kernel_close(struct dh_device *device)
{
	close(fd_of(device));
	free(device);
}

static const struct dh_backend kernel_backend = {
	.ioctl = kernel_ioctl,
	.map = kernel_map,
	.unmap = kernel_unmap,
	.bo_close = kernel_bo_close,
	.bo_import = kernel_bo_import,
	.bo_export = kernel_bo_export,
	.sync_create = kernel_sync_create,
	.sync_destroy = kernel_sync_destroy,
	.sync_wait = kernel_sync_wait,
	.sync_fd = kernel_sync_fd,
	.close = kernel_close,
};

/* Is it our driver, and do we know its device? */
static int identify(struct kernel_device *dev, struct dh_error *err)
{
	drmVersion *version;
	bool ours, no_memory;
	int ret;

	errno = 0;
	version = drmGetVersion(dev->fd);
	no_memory = !version && errno == ENOMEM;
	ours = version && version->name && !strcmp(version->name, DELTAHOP_DRIVER_NAME);
	if (ours)
		snprintf(dev->base.driver, sizeof(dev->base.driver), "%s %d.%d.%d", version->name,
			 version->version_major, version->version_minor,
			 version->version_patchlevel);
	drmFreeVersion(version);
	if (no_memory) {
		dh_error_set(err, "%s: out of memory", dev->base.name);
		return -ENOMEM;
	}
	if (!ours) {
		dh_error_set(err,
			     "%s: not a node of the " DELTAHOP_DRIVER_NAME
			     " driver: see `deltahop info` for those that are",
			     dev->base.name);
		return -EPROTO;
	}
	ret = dh_device_query(&dev->base, DRM_DELTAHOP_QUERY_DEVICE, &dev->base.hw,
			      sizeof(dev->base.hw));
	if (ret) {
		dh_error_set(err, "%s: the device does not say what it is: %s", dev->base.name,
			     strerror(-ret));
		return ret;
	}
	if (dev->base.hw.hw_abi >> 16 != DELTAHOP_HW_ABI_MAJOR) {
		dh_error_set(err,
			     "%s: hardware interface %u.%u, this library speaks %u: install a "
			     "library of the same major number",
			     dev->base.name, dev->base.hw.hw_abi >> 16,
			     dev->base.hw.hw_abi & 0xffff, DELTAHOP_HW_ABI_MAJOR);
		return -EPROTO;
	}
	return 0;
}

static const char *open_advice(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return ": ask for membership of the group that owns the node, usually \"render\"";
	case ENOENT:
		return ": is the " DELTAHOP_DRIVER_NAME " module loaded?";
	default:
		return "";
	}
}

int dh_kernel_open(const char *path, struct dh_device **device, struct dh_error *err)
{
	struct kernel_device *dev = calloc(1, sizeof(*dev));
	int ret;

	*device = NULL;
	if (!dev) {
		dh_error_set(err, "%s: out of memory", path);
		return -ENOMEM;
	}
	dev->base.backend = &kernel_backend;
	snprintf(dev->base.name, sizeof(dev->base.name), "%s", path);
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0) {
		ret = -errno;
		dh_error_set(err, "%s: %s%s", path, strerror(-ret), open_advice(-ret));
		free(dev);
		return ret;
	}
	ret = identify(dev, err);
	if (ret) {
		kernel_close(&dev->base);
		return ret;
	}
	*device = &dev->base;
	return 0;
}
