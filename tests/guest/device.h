/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of the device with what every test needs of them. Nothing here hides an error: a function without a result
 * fails the test, the others return 0 or a negative errno.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include <drm/deltahop_accel.h>

#define DEVICE_SECONDS 30	 /* longer than any job here may take */
#define NOW_ONLY       0	 /* a moment in the past: do not wait */
#define SHORT_NS       200000000 /* a wait that is to run out */

/** struct buffer - a buffer that is mapped */
struct buffer {
	int fd;
	uint32_t handle;
	size_t size;
	uint64_t mmap_offset;
	void *map;
};

/** dev_path() - path of a device node of the driver, or NULL if there is none */
const char *dev_path(void);

/** dev_open() - open the device */
int dev_open(void);

/** dev_ioctl() - an ioctl, once: 0 or a negative errno */
int dev_ioctl(int fd, unsigned long request, void *arg);

/** dev_query() - fill a structure of DEV_QUERY */
void dev_query(int fd, uint32_t id, void *data, uint32_t size);

/** dev_info() - what the device is */
struct drm_deltahop_device_info dev_info(int fd);

/** dev_heaps() - memory now */
struct drm_deltahop_heap_info dev_heaps(int fd);

/** now_ns() - CLOCK_MONOTONIC */
int64_t now_ns(void);

/** in_seconds() - CLOCK_MONOTONIC of a moment ahead */
int64_t in_seconds(unsigned int seconds);

/** sleep_ms() - also when signals come */
void sleep_ms(unsigned int ms);

/** bo_create() - the bare ioctl */
int bo_create(int fd, uint64_t size, uint32_t placement, struct drm_deltahop_bo_create *arg);

/** handle_close() - drop a GEM handle */
int handle_close(int fd, uint32_t handle);

/** buffer_create() - make and map a buffer */
struct buffer buffer_create(int fd, size_t size, uint32_t placement);

/** buffer_destroy() - unmap and drop a buffer */
void buffer_destroy(struct buffer *buffer);

/** ctx_create() - a context of priority MEDIUM */
uint32_t ctx_create(int fd);

/** ctx_destroy() - close a context */
int ctx_destroy(int fd, uint32_t ctx);

/** bindings_create() - bind an array */
int bindings_create(int fd, const struct drm_deltahop_binding *bindings, uint32_t count,
		    uint32_t *handle);

/** bindings_destroy() - drop them */
int bindings_destroy(int fd, uint32_t handle);

/** state_create() - a state of zeros, or from a template (handle 0: none) */
int state_create(int fd, uint32_t ctx, uint32_t size, uint32_t template_handle, uint64_t offset,
		 uint32_t *handle);

/** state_destroy() - drop a state */
int state_destroy(int fd, uint32_t handle);

/** state_reset() - start anew with the next job */
int state_reset(int fd, uint32_t handle);

/** job_submit() - hand in jobs; @bad may be NULL */
int job_submit(int fd, uint32_t ctx, struct drm_deltahop_job *jobs, uint32_t count, uint32_t *bad);

/** job_wait() - until an absolute time, signals notwithstanding; @record may be NULL */
int job_wait(int fd, uint32_t ctx, uint32_t seqno, int64_t until, struct deltahop_record *record);

/** syncobj_create() - a binary syncobj or a timeline, without a fence */
uint32_t syncobj_create(int fd);

/** syncobj_destroy() - drop it */
void syncobj_destroy(int fd, uint32_t handle);

/** syncobj_wait() - for the fence of a syncobj (@point 0) or a point of a timeline */
int syncobj_wait(int fd, uint32_t handle, uint64_t point, int64_t until);

/** syncobj_signalled() - is it, now? A syncobj without a fence is not. */
int syncobj_signalled(int fd, uint32_t handle, uint64_t point);

/** prime_export() - a buffer as a dma-buf file */
int prime_export(int fd, uint32_t handle);

/** prime_import() - a dma-buf file as a handle: 0 or a negative errno */
int prime_import(int fd, int file, uint32_t *handle);

/** record_ring() - map the records of a new context, which is returned in @ctx */
const volatile struct deltahop_record *record_ring(int fd, uint32_t *ctx, uint32_t *slots);

/** drop_capability() - this process loses a CAP_* for good */
void drop_capability(unsigned int capability);

/** page_end() - @size bytes that end where mapped memory ends; @content is copied there */
void *page_end(const void *content, size_t size);

/** unmapped() - an address at which nothing is mapped */
uint64_t unmapped(void);

/** user_ptr() - a pointer as the interface wants it */
static inline uint64_t user_ptr(const void *pointer)
{
	return (uintptr_t)pointer;
}

#endif /* DEVICE_H */
