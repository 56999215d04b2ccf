// SPDX-License-Identifier: MIT
/* Memory of jobs: overrides, sharing with other files and drivers, implicit fences, exhaustion. */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ktap.h"
#include "runner.h"

#define STEPS 6
#define PAGE  4096

static struct stream stream;

static void open_other(struct runner *r, int fd, uint32_t placement)
{
	struct network net;

	network_other(&net, 1);
	runner_create(r, fd, ctx_create(fd), &net, STEPS, placement);
}

static int run_overridden(struct runner *r, const struct drm_deltahop_override *override,
			  unsigned int count, struct deltahop_record *record)
{
	struct drm_deltahop_job job = runner_job(r);

	job.overrides = user_ptr(override);
	job.override_count = count;
	CHECK_OK(job_submit(r->fd, r->ctx, &job, 1, NULL));
	return job_wait(r->fd, r->ctx, job.seqno, in_seconds(DEVICE_SECONDS), record);
}

TEST(override_for_one_job, "an override replaces a region for one job, and for that job alone")
{
	int16_t expected[STEPS * 24], *usual, *instead;
	struct drm_deltahop_override override = { .region = REGION_OUTPUT };
	struct buffer buffer;
	struct runner r;
	int fd = dev_open();

	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	buffer = buffer_create(fd, 2 * PAGE, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	usual = runner_at(&r, REGION_OUTPUT);
	instead = (int16_t *)((char *)buffer.map + PAGE - 16);
	override.binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_WRITE,
		PAGE - 16,
		sizeof(expected),
	};
	runner_expect(&r, &stream, expected, NULL);
	CHECK_OK(run_overridden(&r, &override, 1, NULL));
	CHECK(!memcmp(instead, expected, sizeof(expected)));
	CHECK_EQ(usual[0], 0x7ffe);
	CHECK_EQ(instead[-1], 0);
	CHECK_EQ(instead[STEPS * 24], 0);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
	CHECK(!memcmp(instead, expected, sizeof(expected)));
}

TEST(override_takes_access, "an override's access counts, not that of the region it replaces")
{
	struct drm_deltahop_override override = { .region = REGION_OUTPUT };
	struct deltahop_record record;
	struct runner r;
	int fd = dev_open();

	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	override.binding = r.binding[REGION_OUTPUT];
	override.binding.flags = DRM_DELTAHOP_BIND_READ;
	CHECK_ERR(run_overridden(&r, &override, 1, &record), EIO);
	CHECK_EQ(record.reason, DELTAHOP_REASON_NO_WRITE);
	CHECK_EQ(record.fault_region, REGION_OUTPUT);
}

TEST(override_closed_buffer, "a buffer of an override may be closed while its job is queued")
{
	int16_t expected[STEPS * 24];
	struct drm_deltahop_override override = { .region = REGION_INPUT };
	struct drm_deltahop_job job;
	struct buffer buffer;
	struct runner r, blocker;
	int fd = dev_open();

	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_expect(&r, &stream, expected, NULL);
	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	memcpy(buffer.map, runner_at(&r, REGION_INPUT), STEPS * 2 * 8);
	memset(runner_at(&r, REGION_INPUT), 0, STEPS * 2 * 8);
	override.binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_READ,
		0,
		STEPS * 2 * 8,
	};
	runner_blocker(&blocker, fd, r.ctx, 50);
	runner_seqno(&blocker);
	job = runner_job(&r);
	job.overrides = user_ptr(&override);
	job.override_count = 1;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	buffer_destroy(&buffer);
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), NULL));
	CHECK_EQ(runner_differs(&r, expected), 0);
}

TEST(mixed_placements, "regions of one job may lie in system and card memory")
{
	struct drm_deltahop_override override = { .region = REGION_WEIGHTS };
	struct buffer buffer;
	struct runner r;
	int fd = dev_open();

	if (!dev_info(fd).card_size)
		ktap_skip("the device has no card memory");
	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	buffer = buffer_create(fd, r.net.weight_bytes + 8, DRM_DELTAHOP_PLACEMENT_CARD);
	memcpy((char *)buffer.map + 8, r.net.weights, r.net.weight_bytes);
	memset(runner_at(&r, REGION_WEIGHTS), 0, r.net.weight_bytes);
	override.binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_READ,
		8,
		r.net.weight_bytes,
	};
	CHECK_OK(run_overridden(&r, &override, 1, NULL));
	runner_check(&r, &stream);
}

static void run_with_input(struct runner *r, uint32_t handle, uint64_t offset)
{
	struct drm_deltahop_override override = {
		.region = REGION_INPUT,
		.binding = { handle, DRM_DELTAHOP_BIND_READ, offset, STEPS * 2 * 8 },
	};

	CHECK_OK(run_overridden(r, &override, 1, NULL));
	runner_check(r, &stream);
}

TEST(prime_other_file, "a buffer exported by one file and imported by another is the same memory")
{
	struct drm_deltahop_bo_info info = { 0 };
	struct buffer buffer;
	uint32_t handle;
	struct runner r;
	int fd = dev_open(), other = dev_open(), file;

	buffer = buffer_create(other, 2 * PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	file = prime_export(other, buffer.handle);
	CHECK_OK(prime_import(fd, file, &handle));
	close(file);
	info.handle = handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, &info));
	CHECK_EQ(info.size, 2 * PAGE);
	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	memcpy((char *)buffer.map + 40, runner_at(&r, REGION_INPUT), STEPS * 2 * 8);
	buffer_destroy(&buffer);
	close(other);
	run_with_input(&r, handle, 40);
	CHECK_OK(handle_close(fd, handle));
}

TEST(prime_same_file, "a buffer imported by the file that exported it is the same handle")
{
	int fd = dev_open();
	struct buffer buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	uint32_t handle;

	CHECK_OK(prime_import(fd, prime_export(fd, buffer.handle), &handle));
	CHECK_EQ(handle, buffer.handle);
}

TEST(prime_other_process,
     "a buffer exported by one process and imported by its child is the same memory")
{
	struct buffer buffer;
	uint32_t handle;
	struct runner r;
	int fd = dev_open(), file, pid;

	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	file = prime_export(fd, buffer.handle);
	pid = ktap_child();
	if (!pid) {
		int own = dev_open();

		CHECK_OK(prime_import(own, file, &handle));
		open_other(&r, own, DRM_DELTAHOP_PLACEMENT_DEFAULT);
		memcpy(buffer.map, runner_at(&r, REGION_INPUT), STEPS * 2 * 8);
		run_with_input(&r, handle, 0);
		((char *)buffer.map)[PAGE - 1] = 77;
		_exit(0);
	}
	ktap_join(pid);
	CHECK_EQ(((char *)buffer.map)[PAGE - 1], 77);
}

TEST(prime_card, "a card buffer is exported, or refused with a clear error, and no crash")
{
	struct drm_prime_handle arg = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct buffer buffer;
	uint32_t handle;
	int fd = dev_open(), ret;

	if (!dev_info(fd).card_size)
		ktap_skip("the device has no card memory");
	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_CARD);
	arg.handle = buffer.handle;
	ret = dev_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);
	ktap_note("export of a card buffer: %d", ret);
	CHECK(ret == 0 || ret == -EOPNOTSUPP || ret == -EINVAL || ret == -ENOSYS);
	if (!ret)
		CHECK_OK(prime_import(dev_open(), arg.fd, &handle));
}

TEST(prime_not_a_buffer, "files that are no dma-buf cannot be imported")
{
	uint32_t handle;
	int fd = dev_open();

	CHECK_ERR(prime_import(fd, fd, &handle), EINVAL);
	CHECK_ERR(prime_import(fd, -1, &handle), EBADF);
}

/* Memory of this process as a dma-buf. */
static int udmabuf(void **map, size_t size)
{
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), memory, file;
	struct udmabuf_create arg = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };

	if (dev < 0)
		ktap_skip("no /dev/udmabuf");
	memory = memfd_create("frames", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	CHECK(memory >= 0);
	CHECK(!ftruncate(memory, size));
	CHECK(!fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK));
	*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	CHECK(*map != MAP_FAILED);
	arg.memfd = memory;
	file = ioctl(dev, UDMABUF_CREATE, &arg);
	CHECK(file >= 0);
	close(dev);
	close(memory);
	return file;
}

TEST(udmabuf_input,
     "memory of a process, imported by way of udmabuf, can be a job's input and output")
{
	int16_t expected[STEPS * 24];
	struct drm_deltahop_override override[2] = { { .region = REGION_INPUT },
						     { .region = REGION_OUTPUT } };
	struct drm_deltahop_bo_info info = { 0 };
	struct runner r;
	void *map;
	int fd = dev_open(), file = udmabuf(&map, 4 * PAGE);

	CHECK_OK(prime_import(fd, file, &info.handle));
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_INFO, &info));
	CHECK_EQ(info.size, 4 * PAGE);
	CHECK_EQ(info.mmap_offset, 0);
	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	memcpy((char *)map + PAGE - 8, runner_at(&r, REGION_INPUT), STEPS * 2 * 8);
	override[0].binding = (struct drm_deltahop_binding){
		info.handle,
		DRM_DELTAHOP_BIND_READ,
		PAGE - 8,
		STEPS * 2 * 8,
	};
	override[1].binding = (struct drm_deltahop_binding){
		info.handle,
		DRM_DELTAHOP_BIND_WRITE,
		3 * PAGE - 24,
		STEPS * 2 * 24,
	};
	runner_expect(&r, &stream, expected, NULL);
	CHECK_OK(run_overridden(&r, override, 2, NULL));
	CHECK(!memcmp((char *)map + 3 * PAGE - 24, expected, sizeof(expected)));
	CHECK_OK(handle_close(fd, info.handle));
}

static int ready(int file, short events)
{
	struct pollfd p = { .fd = file, .events = events };

	return poll(&p, 1, 0) == 1;
}

TEST(implicit_fence, "a dma-buf that a queued job writes is not readable until the job has ended")
{
	struct drm_deltahop_override override = { .region = REGION_OUTPUT };
	struct drm_deltahop_bo_wait wait = { .timeout_ns = NOW_ONLY };
	struct pollfd p = { .events = POLLIN };
	struct drm_deltahop_job job;
	struct buffer buffer;
	struct runner r, blocker;
	int fd = dev_open();

	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	p.fd = prime_export(fd, buffer.handle);
	CHECK(ready(p.fd, POLLIN) && ready(p.fd, POLLOUT));
	runner_blocker(&blocker, fd, r.ctx, 300);
	runner_seqno(&blocker);
	override.binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_WRITE | DRM_DELTAHOP_BIND_SYNC,
		0,
		STEPS * 2 * 24,
	};
	job = runner_job(&r);
	job.overrides = user_ptr(&override);
	job.override_count = 1;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK(!ready(p.fd, POLLIN));
	CHECK(!ready(p.fd, POLLOUT));
	wait.handle = buffer.handle;
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &wait), ETIMEDOUT);
	CHECK_EQ(poll(&p, 1, DEVICE_SECONDS * 1000), 1);
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, NOW_ONLY, NULL));
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &wait));
	CHECK(ready(p.fd, POLLOUT));
}

TEST(implicit_fence_read, "a buffer that a queued job reads may be read meanwhile, but not written")
{
	struct drm_deltahop_override override = { .region = REGION_INPUT };
	struct drm_deltahop_bo_wait wait = { .timeout_ns = NOW_ONLY };
	struct drm_deltahop_job job;
	struct buffer buffer;
	struct runner r, blocker;
	int fd = dev_open(), file;

	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	file = prime_export(fd, buffer.handle);
	runner_blocker(&blocker, fd, r.ctx, 300);
	runner_seqno(&blocker);
	override.binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_SYNC,
		0,
		STEPS * 2 * 8,
	};
	job = runner_job(&r);
	job.overrides = user_ptr(&override);
	job.override_count = 1;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK(ready(file, POLLIN));
	CHECK(!ready(file, POLLOUT));
	wait.handle = buffer.handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &wait));
	wait.flags = DRM_DELTAHOP_BO_WAIT_WRITE;
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &wait), ETIMEDOUT);
	wait.timeout_ns = in_seconds(DEVICE_SECONDS);
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &wait));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, NOW_ONLY, NULL));
}

TEST(implicit_off, "a buffer bound without SYNC has no implicit fence")
{
	struct drm_deltahop_bo_wait wait = { .timeout_ns = NOW_ONLY,
					     .flags = DRM_DELTAHOP_BO_WAIT_WRITE };
	struct runner r, blocker;
	uint32_t seqno;
	int fd = dev_open();

	open_other(&r, fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_blocker(&blocker, fd, r.ctx, 300);
	runner_seqno(&blocker);
	seqno = runner_seqno(&r);
	wait.handle = r.buffer[REGION_WEIGHTS].handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &wait));
	CHECK_OK(job_wait(fd, r.ctx, seqno, in_seconds(DEVICE_SECONDS), NULL));
}

TEST(implicit_order,
     "jobs of two contexts that share a synchronised buffer run in the order of their submits")
{
	struct drm_deltahop_override override = { .region = REGION_OUTPUT };
	struct drm_deltahop_override input = { .region = REGION_INPUT };
	struct deltahop_record first, second;
	struct drm_deltahop_job job[2];
	struct buffer buffer;
	struct runner r[2], blocker;
	int fd = dev_open();

	open_other(&r[0], fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	open_other(&r[1], fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	runner_blocker(&blocker, fd, r[0].ctx, 100);
	runner_seqno(&blocker);
	override.binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_WRITE | DRM_DELTAHOP_BIND_SYNC,
		0,
		STEPS * 2 * 24,
	};
	input.binding = override.binding;
	input.binding.flags = DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_SYNC;
	job[0] = runner_job(&r[0]);
	job[0].overrides = user_ptr(&override);
	job[1] = runner_job(&r[1]);
	job[1].overrides = user_ptr(&input);
	job[0].override_count = job[1].override_count = 1;
	CHECK_OK(job_submit(fd, r[0].ctx, &job[0], 1, NULL));
	CHECK_OK(job_submit(fd, r[1].ctx, &job[1], 1, NULL));
	CHECK_OK(job_wait(fd, r[1].ctx, job[1].seqno, in_seconds(DEVICE_SECONDS), &second));
	CHECK_OK(job_wait(fd, r[0].ctx, job[0].seqno, NOW_ONLY, &first));
	CHECK(second.start_ns >= first.end_ns);
	memcpy(runner_at(&r[1], REGION_INPUT), buffer.map, STEPS * 2 * 8);
	runner_check(&r[1], &stream);
}

/* Two fences a job: whoever makes room for one is found out by the third, on a kernel without mutex debugging. */
TEST(implicit_both, "jobs of many contexts may read and write one synchronised buffer at once")
{
	enum { CONTEXTS = 5 };
	struct drm_deltahop_override override[2] = { { .region = REGION_PROFILE },
						     { .region = REGION_OUTPUT } };
	struct drm_deltahop_job job[CONTEXTS];
	struct runner r[CONTEXTS], blocker;
	struct buffer buffer;
	int fd = dev_open();
	unsigned int i;

	buffer = buffer_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	for (i = 0; i < CONTEXTS; i++)
		open_other(&r[i], fd, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_blocker(&blocker, fd, r[0].ctx, 300);
	runner_seqno(&blocker);
	override[0].binding = (struct drm_deltahop_binding){
		buffer.handle,
		DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_SYNC,
		0,
		STEPS * 2 * 24,
	};
	override[1].binding = override[0].binding;
	override[1].binding.flags = DRM_DELTAHOP_BIND_WRITE | DRM_DELTAHOP_BIND_SYNC;
	for (i = 0; i < CONTEXTS; i++) {
		job[i] = runner_job(&r[i]);
		job[i].overrides = user_ptr(override);
		job[i].override_count = 2;
		CHECK_OK(job_submit(fd, r[i].ctx, &job[i], 1, NULL));
	}
	for (i = 0; i < CONTEXTS; i++)
		CHECK_OK(job_wait(fd, r[i].ctx, job[i].seqno, in_seconds(DEVICE_SECONDS), NULL));
}

TEST(card_exhausted, "card memory ends with -ENOSPC, and all of it comes back")
{
	struct drm_deltahop_bo_create arg;
	struct drm_deltahop_heap_info before, full;
	uint32_t handle[4096];
	unsigned int count = 0;
	uint64_t size;
	int fd = dev_open(), ret = 0;

	before = dev_heaps(fd);
	if (!before.card_size)
		ktap_skip("the device has no card memory");
	for (size = before.card_largest; size >= PAGE && count < 4096;) {
		ret = bo_create(fd, size, DRM_DELTAHOP_PLACEMENT_CARD, &arg);
		if (!ret)
			handle[count++] = arg.handle;
		else
			size = size / 2 / PAGE * PAGE;
	}
	CHECK_EQ(ret, -ENOSPC);
	full = dev_heaps(fd);
	CHECK_EQ(full.card_free, 0);
	CHECK_EQ(full.card_largest, 0);
	CHECK_ERR(bo_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_CARD, &arg), ENOSPC);
	CHECK_OK(bo_create(fd, PAGE, DRM_DELTAHOP_PLACEMENT_SYSTEM, &arg));
	while (count)
		CHECK_OK(handle_close(fd, handle[--count]));
	CHECK_EQ(dev_heaps(fd).card_free, before.card_free);
	CHECK_EQ(dev_heaps(fd).card_largest, before.card_largest);
}

TEST(card_fragmented,
     "card memory in pieces: card_largest is what fits, and what lies in the holes computes right")
{
	struct drm_deltahop_bo_create arg;
	uint32_t *handle;
	unsigned int count = 0, i;
	uint64_t piece = 32 * PAGE;
	struct runner r;
	struct network net;
	int fd = dev_open();

	if (!dev_info(fd).card_size)
		ktap_skip("the device has no card memory");
	handle = calloc(dev_heaps(fd).card_free / piece + 1, sizeof(*handle));
	CHECK(handle);
	while (!bo_create(fd, piece, DRM_DELTAHOP_PLACEMENT_CARD, &arg))
		handle[count++] = arg.handle;
	for (i = 0; i < count; i += 2)
		CHECK_OK(handle_close(fd, handle[i]));
	CHECK_EQ(dev_heaps(fd).card_largest, piece);
	CHECK_ERR(bo_create(fd, piece + 1, DRM_DELTAHOP_PLACEMENT_CARD, &arg), ENOSPC);
	network_wide(&net, 3);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_CARD);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
}
