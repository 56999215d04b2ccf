// SPDX-License-Identifier: MIT
/* Memory that device and CPU share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "execute/backend.h"

static const char *placement_name(uint32_t placement)
{
	return placement == DRM_DELTAHOP_PLACEMENT_CARD ? "card" : "system";
}

int dh_buffer_init(struct dh_buffer *buffer, struct dh_device *device, uint32_t placement,
		   size_t size, struct dh_error *err)
{
	struct drm_deltahop_bo_create create = { .size = size, .placement = placement };
	int ret = device->backend->ioctl(device, DRM_IOCTL_DELTAHOP_BO_CREATE, &create);

	*buffer = (struct dh_buffer){ 0 };
	if (ret) {
		dh_error_set(err, "%s: cannot get a buffer of %zu bytes in %s memory: %s",
			     device->name, size, placement_name(placement), strerror(-ret));
		return ret;
	}
	buffer->device = device;
	buffer->handle = create.handle;
	buffer->fd = -1;
	buffer->size = create.size;
	buffer->map = device->backend->map(device, create.mmap_offset, create.size);
	if (buffer->map)
		return 0;
	ret = -errno;
	dh_error_set(err, "%s: cannot map a buffer of %zu bytes in %s memory: %s", device->name,
		     size, placement_name(placement), strerror(-ret));
	dh_buffer_fini(buffer);
	return ret;
}

void dh_buffer_fini(struct dh_buffer *buffer)
{
	if (!buffer->device)
		return;
	if (buffer->map && buffer->fd < 0)
		buffer->device->backend->unmap(buffer->device, buffer->map, buffer->size);
	else if (buffer->map)
		munmap(buffer->map, buffer->size);
	buffer->device->backend->bo_close(buffer->device, buffer->handle);
	*buffer = (struct dh_buffer){ 0 };
}

int dh_buffer_create(struct dh_device *device, size_t size, struct dh_buffer **buffer,
		     struct dh_error *err)
{
	struct dh_buffer *made = malloc(sizeof(*made));
	int ret;

	*buffer = NULL;
	if (!made) {
		dh_error_set(err, "dh_buffer_create: out of memory");
		return -ENOMEM;
	}
	ret = dh_buffer_init(made, device, DRM_DELTAHOP_PLACEMENT_SYSTEM, size, err);
	if (ret)
		free(made);
	else
		*buffer = made;
	return ret;
}

/*
 * An imported buffer is mapped through its own file; one that cannot be mapped is still good for
 * the device.
 */
int dh_buffer_import(struct dh_device *device, int fd, struct dh_buffer **buffer,
		     struct dh_error *err)
{
	struct drm_deltahop_bo_info info = { 0 };
	struct dh_buffer *made = calloc(1, sizeof(*made));
	int ret = made ? device->backend->bo_import(device, fd, &info.handle) : -ENOMEM;

	*buffer = NULL;
	if (ret) {
		dh_error_set(err, "%s: cannot import file descriptor %d: %s%s", device->name, fd,
			     strerror(-ret),
			     ret == -EINVAL ? ": give a dma-buf, or to the embedded device a memfd "
					      "of whole pages sealed with F_SEAL_SHRINK"
					    : "");
		free(made);
		return ret;
	}
	made->device = device;
	made->handle = info.handle;
	made->fd = fd;
	ret = device->backend->ioctl(device, DRM_IOCTL_DELTAHOP_BO_INFO, &info);
	if (ret) {
		dh_error_set(err, "%s: the imported buffer is gone: %s", device->name,
			     strerror(-ret));
		dh_buffer_destroy(made);
		return ret;
	}
	made->size = info.size;
	made->map = mmap(NULL, made->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (made->map == MAP_FAILED)
		made->map = NULL;
	*buffer = made;
	return 0;
}

int dh_buffer_export(struct dh_buffer *buffer, struct dh_error *err)
{
	int fd = buffer->device->backend->bo_export(buffer->device, buffer->handle);

	if (fd < 0)
		dh_error_set(err, "%s: cannot export a buffer: %s", buffer->device->name,
			     strerror(-fd));
	return fd;
}

void *dh_buffer_map(struct dh_buffer *buffer, size_t *size)
{
	if (size)
		*size = buffer->size;
	return buffer->map;
}

void dh_buffer_destroy(struct dh_buffer *buffer)
{
	if (!buffer)
		return;
	dh_buffer_fini(buffer);
	free(buffer);
}
