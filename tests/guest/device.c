// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "ktap.h"

#define NODES 64

int dev_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static bool is_ours(int fd)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !dev_ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, DELTAHOP_DRIVER_NAME);
}

const char *dev_path(void)
{
	static char path[32];
	int i, fd;

	for (i = 0; i < NODES; i++) {
		snprintf(path, sizeof(path), "/dev/accel/accel%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_ours(fd)) {
			close(fd);
			return path;
		}
		close(fd);
	}
	return NULL;
}

int dev_open(void)
{
	const char *path = dev_path();
	int fd;

	if (!path)
		ktap_fail(__FILE__, __LINE__, "no device of driver %s in /dev/accel",
			  DELTAHOP_DRIVER_NAME);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		ktap_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	return fd;
}

void dev_query(int fd, uint32_t id, void *data, uint32_t size)
{
	struct drm_deltahop_dev_query query = { .id = id, .size = size, .data = user_ptr(data) };

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_DEV_QUERY, &query));
	CHECK_EQ(query.size, size);
}

struct drm_deltahop_device_info dev_info(int fd)
{
	struct drm_deltahop_device_info info;

	dev_query(fd, DRM_DELTAHOP_QUERY_DEVICE, &info, sizeof(info));
	return info;
}

struct drm_deltahop_heap_info dev_heaps(int fd)
{
	struct drm_deltahop_heap_info heaps;

	dev_query(fd, DRM_DELTAHOP_QUERY_HEAPS, &heaps, sizeof(heaps));
	return heaps;
}

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t in_seconds(unsigned int seconds)
{
	return now_ns() + seconds * 1000000000LL;
}

void sleep_ms(unsigned int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

int bo_create(int fd, uint64_t size, uint32_t placement, struct drm_deltahop_bo_create *arg)
{
	*arg = (struct drm_deltahop_bo_create){ .size = size, .placement = placement };
	return dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_CREATE, arg);
}

int handle_close(int fd, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	return dev_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

struct buffer buffer_create(int fd, size_t size, uint32_t placement)
{
	struct drm_deltahop_bo_create arg;
	struct buffer buffer = { .fd = fd, .size = size };

	CHECK_OK(bo_create(fd, size, placement, &arg));
	CHECK(arg.handle);
	buffer.handle = arg.handle;
	buffer.mmap_offset = arg.mmap_offset;
	buffer.map = mmap64(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, arg.mmap_offset);
	if (buffer.map == MAP_FAILED)
		ktap_fail(__FILE__, __LINE__, "mmap of a buffer: %s", strerror(errno));
	return buffer;
}

void buffer_destroy(struct buffer *buffer)
{
	munmap(buffer->map, buffer->size);
	CHECK_OK(handle_close(buffer->fd, buffer->handle));
}

uint32_t ctx_create(int fd)
{
	struct drm_deltahop_ctx_create arg = { .priority = DRM_DELTAHOP_PRIORITY_MEDIUM };

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
	return arg.id;
}

int ctx_destroy(int fd, uint32_t ctx)
{
	struct drm_deltahop_ctx_destroy arg = { .id = ctx };

	return dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_DESTROY, &arg);
}

int bindings_create(int fd, const struct drm_deltahop_binding *bindings, uint32_t count,
		    uint32_t *handle)
{
	struct drm_deltahop_bindings_create arg = {
		.bindings = user_ptr(bindings),
		.count = count,
		.stride = sizeof(*bindings),
	};
	int ret = dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

int bindings_destroy(int fd, uint32_t handle)
{
	struct drm_deltahop_bindings_destroy arg = { .handle = handle };

	return dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY, &arg);
}

int state_create(int fd, uint32_t ctx, uint32_t size, uint32_t template_handle, uint64_t offset,
		 uint32_t *handle)
{
	struct drm_deltahop_state_create arg = {
		.ctx = ctx,
		.size = size,
		.template_handle = template_handle,
		.template_offset = offset,
	};
	int ret = dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

int state_destroy(int fd, uint32_t handle)
{
	struct drm_deltahop_state_destroy arg = { .handle = handle };

	return dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_DESTROY, &arg);
}

int state_reset(int fd, uint32_t handle)
{
	struct drm_deltahop_state_reset arg = { .handle = handle };

	return dev_ioctl(fd, DRM_IOCTL_DELTAHOP_STATE_RESET, &arg);
}

int job_submit(int fd, uint32_t ctx, struct drm_deltahop_job *jobs, uint32_t count, uint32_t *bad)
{
	struct drm_deltahop_submit arg = {
		.ctx = ctx,
		.jobs = user_ptr(jobs),
		.count = count,
		.stride = sizeof(*jobs),
	};
	int ret;

	do {
		ret = dev_ioctl(fd, DRM_IOCTL_DELTAHOP_SUBMIT, &arg);
	} while (ret == -EINTR);
	if (bad)
		*bad = arg.bad_job;
	return ret;
}

int job_wait(int fd, uint32_t ctx, uint32_t seqno, int64_t until, struct deltahop_record *record)
{
	struct drm_deltahop_wait arg = { .ctx = ctx, .seqno = seqno, .timeout_ns = until };
	int ret;

	do {
		ret = dev_ioctl(fd, DRM_IOCTL_DELTAHOP_WAIT, &arg);
	} while (ret == -EINTR);
	if (record)
		*record = arg.record;
	return ret;
}

uint32_t syncobj_create(int fd)
{
	struct drm_syncobj_create arg = { 0 };

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &arg));
	return arg.handle;
}

void syncobj_destroy(int fd, uint32_t handle)
{
	struct drm_syncobj_destroy arg = { .handle = handle };

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &arg));
}

int syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t until)
{
	struct drm_syncobj_timeline_wait arg = {
		.handles = user_ptr(&handle),
		.points = user_ptr(&point),
		.timeout_nsec = until,
		.count_handles = 1,
	};
	int ret;

	do {
		ret = dev_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);
	} while (ret == -EINTR);
	return ret;
}

int syncobj_signalled(int fd, uint32_t handle, uint64_t point)
{
	return !syncobj_wait(fd, handle, point, NOW_ONLY);
}

int prime_export(int fd, uint32_t handle)
{
	struct drm_prime_handle arg = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg));
	return arg.fd;
}

int prime_import(int fd, int file, uint32_t *handle)
{
	struct drm_prime_handle arg = { .fd = file };
	int ret = dev_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	*handle = arg.handle;
	return ret;
}

const volatile struct deltahop_record *record_ring(int fd, uint32_t *ctx, uint32_t *slots)
{
	struct drm_deltahop_ctx_create arg = { .priority = DRM_DELTAHOP_PRIORITY_MEDIUM };
	void *ring;

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
	ring = mmap64(NULL, arg.record_slots * sizeof(struct deltahop_record), PROT_READ,
		      MAP_SHARED, fd, arg.record_offset);
	if (ring == MAP_FAILED)
		ktap_fail(__FILE__, __LINE__, "mmap of the records: %s", strerror(errno));
	*ctx = arg.id;
	*slots = arg.record_slots;
	return ring;
}

void drop_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	CHECK(!prctl(PR_CAPBSET_DROP, capability, 0, 0, 0));
	CHECK(!syscall(SYS_capget, &header, data));
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	CHECK(!syscall(SYS_capset, &header, data));
}

void *page_end(const void *content, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
	char *map = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	CHECK(map != MAP_FAILED);
	CHECK(!mprotect(map + whole, page, PROT_NONE));
	return memcpy(map + whole - size, content, size);
}

uint64_t unmapped(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED);
	return user_ptr(map);
}
