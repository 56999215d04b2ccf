// SPDX-License-Identifier: MIT
/* The device goes away under open files, running jobs and live mappings; and comes back. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ktap.h"
#include "pci.h"
#include "runner.h"

#define STEPS	 4
#define LOOPS	 10
#define LONG_MS	 1000 /* of a job that is still there when the device goes, */
#define BLOCKERS 8    /* and that many of them, as a busy host is slow */

static struct stream stream;

static int open_device(char *address)
{
	pci_find(address);
	return dev_open();
}

static void device_works(void)
{
	struct network net;
	struct runner r;
	int fd = dev_open();

	memset(&stream, 0, sizeof(stream));
	network_small(&net, 2);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
	runner_destroy(&r);
	close(fd);
}

static void bind_again(const char *address)
{
	pci_bind(address);
	device_works();
}

static const unsigned long requests[] = {
	DRM_IOCTL_DELTAHOP_DEV_QUERY,	    DRM_IOCTL_DELTAHOP_BO_CREATE,
	DRM_IOCTL_DELTAHOP_BO_INFO,	    DRM_IOCTL_DELTAHOP_BO_WAIT,
	DRM_IOCTL_DELTAHOP_CTX_CREATE,	    DRM_IOCTL_DELTAHOP_CTX_DESTROY,
	DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY,
	DRM_IOCTL_DELTAHOP_STATE_CREATE,    DRM_IOCTL_DELTAHOP_STATE_DESTROY,
	DRM_IOCTL_DELTAHOP_STATE_RESET,	    DRM_IOCTL_DELTAHOP_STATE_COPY,
	DRM_IOCTL_DELTAHOP_SUBMIT,	    DRM_IOCTL_DELTAHOP_WAIT,
};

static void all_gone(int fd)
{
	char arg[512] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		CHECK_ERR(dev_ioctl(fd, requests[i], arg), ENODEV);
	CHECK(mmap64(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1ULL << 32) == MAP_FAILED);
}

TEST(unbind_idle,
     "after unbind every ioctl of an open file is -ENODEV; after bind a new file works")
{
	char address[PCI_ADDRESS_BYTES];
	struct network net;
	struct runner r;
	int fd = open_device(address), i;

	network_small(&net, 1);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_OK(runner_do(&r, NULL));
	for (i = 0; i < LOOPS; i++) {
		pci_unbind(address);
		all_gone(fd);
		bind_again(address);
		all_gone(fd);
	}
	close(fd);
	device_works();
}

/* Queue jobs behind a long one and return the fence of the last one. */
static int queue_jobs(struct runner *r, struct runner *blocker, int fd)
{
	struct drm_syncobj_handle fence = {
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE, .fd = -1
	};
	struct drm_deltahop_sync sync = { .handle = syncobj_create(fd),
					  .flags = DRM_DELTAHOP_SYNC_SIGNAL };
	struct drm_deltahop_job job;
	struct network net;
	int i;

	network_small(&net, 1);
	runner_create(r, fd, ctx_create(fd), &net, STEPS,
		      dev_info(fd).card_size ? DRM_DELTAHOP_PLACEMENT_CARD
					     : DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_blocker(blocker, fd, ctx_create(fd), LONG_MS);
	for (i = 0; i < BLOCKERS; i++)
		runner_seqno(blocker);
	for (i = 0; i < 5; i++)
		runner_seqno(r);
	job = runner_job(r);
	job.syncs = user_ptr(&sync);
	job.sync_count = 1;
	CHECK_OK(job_submit(fd, r->ctx, &job, 1, NULL));
	fence.handle = sync.handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &fence));
	return fence.fd;
}

static bool signalled(int fence)
{
	struct pollfd p = { .fd = fence, .events = POLLIN };

	return poll(&p, 1, DEVICE_SECONDS * 1000) == 1;
}

TEST_LIMIT(
	unbind_busy, 300,
	"unbind with jobs queued and running, and somebody waiting: all of them end, nobody hangs")
{
	struct runner r, blocker;
	char address[PCI_ADDRESS_BYTES];
	int fd, fence, pid, i;

	pci_find(address);
	for (i = 0; i < LOOPS; i++) {
		fd = dev_open();
		fence = queue_jobs(&r, &blocker, fd);
		pid = ktap_child();
		if (!pid) {
			CHECK_ERR(job_wait(fd, r.ctx, 6, in_seconds(DEVICE_SECONDS), NULL), ENODEV);
			_exit(0);
		}
		sleep_ms(i % 3 * 20);
		pci_unbind(address);
		CHECK(signalled(fence));
		all_gone(fd);
		ktap_join(pid);
		close(fence);
		close(fd);
		bind_again(address);
	}
}

TEST_LIMIT(unbind_records, 120,
	   "the record ring of a device that has gone says DEVICE_LOST for jobs that did not end")
{
	const volatile struct deltahop_record *ring;
	struct runner r, blocker;
	uint32_t ctx, slots, i;
	char address[PCI_ADDRESS_BYTES];
	struct network net;
	int fd = open_device(address);

	network_small(&net, 1);
	ring = record_ring(fd, &ctx, &slots);
	runner_create(&r, fd, ctx, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_blocker(&blocker, fd, ctx_create(fd), LONG_MS);
	CHECK_OK(runner_do(&r, NULL));
	for (i = 0; i < BLOCKERS; i++)
		runner_seqno(&blocker);
	for (i = 0; i < 3; i++)
		runner_seqno(&r);
	pci_unbind(address);
	CHECK_EQ(ring[1].status, DELTAHOP_STATUS_OK);
	for (i = 2; i < 5; i++) {
		CHECK_EQ(ring[i].status, DELTAHOP_STATUS_DEVICE_LOST);
		CHECK_EQ(ring[i].reason, DELTAHOP_REASON_UNPLUG);
		CHECK_EQ(ring[i].writer, DELTAHOP_WRITER_DRIVER);
		CHECK_EQ(ring[i].seqno, i);
	}
	bind_again(address);
}

static sigjmp_buf on_fault;

static void fault(int number)
{
	siglongjmp(on_fault, number);
}

/* Read and write every page; SIGBUS is allowed, only that. */
static void touch(void *map, size_t size)
{
	volatile char *byte = map;
	int number = sigsetjmp(on_fault, 1);
	size_t i;

	if (number) {
		CHECK_EQ(number, SIGBUS);
		return;
	}
	for (i = 0; i < size; i += 4096)
		byte[i] = byte[i] + 1;
}

static void touch_buffers(const struct runner *r)
{
	enum region region;

	for (region = 0; region < REGION_COUNT; region++)
		touch(r->buffer[region].map, r->buffer[region].size);
}

TEST_LIMIT(
	unbind_mapped, 120,
	"buffers mapped when the device goes: touching them gives memory or SIGBUS, nothing worse")
{
	struct sigaction action = { .sa_handler = fault };
	struct runner r[2];
	struct buffer late[2];
	char address[PCI_ADDRESS_BYTES];
	struct network net;
	int fd = open_device(address), p, card = dev_info(fd).card_size != 0;

	CHECK(!sigaction(SIGBUS, &action, NULL));
	CHECK(!sigaction(SIGSEGV, &action, NULL));
	network_wide(&net, 1);
	for (p = 0; p <= card; p++) {
		runner_create(&r[p], fd, ctx_create(fd), &net, STEPS,
			      DRM_DELTAHOP_PLACEMENT_SYSTEM + p);
		late[p] =
			buffer_create(fd, 16 * 4096,
				      DRM_DELTAHOP_PLACEMENT_SYSTEM + p); /* never touched before */
		touch_buffers(&r[p]);
	}
	pci_unbind(address);
	for (p = 0; p <= card; p++) {
		touch_buffers(&r[p]);
		touch(late[p].map, late[p].size);
	}
	bind_again(address);
	for (p = 0; p <= card; p++) {
		touch_buffers(&r[p]);
		touch(late[p].map, late[p].size);
	}
	close(fd);
	for (p = 0; p <= card; p++)
		touch_buffers(&r[p]);
	device_works();
}

TEST_LIMIT(unbind_exported, 120,
	   "a buffer exported when the device goes: its file stays harmless, also after the driver "
	   "is back")
{
	struct buffer buffer;
	char address[PCI_ADDRESS_BYTES];
	uint32_t handle;
	int fd = open_device(address), file;
	void *map;

	buffer = buffer_create(fd, 2 * 4096, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	memset(buffer.map, 7, buffer.size);
	file = prime_export(fd, buffer.handle);
	pci_unbind(address);
	close(fd);
	bind_again(address);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
	if (map != MAP_FAILED)
		CHECK_EQ(*(char *)map, 7);
	fd = dev_open();
	if (!prime_import(fd, file, &handle))
		CHECK_OK(handle_close(fd, handle));
	close(file);
	device_works();
}

/* Keep the device busy until it has gone; say when that begins. */
static void hammer(unsigned int number, int ready)
{
	struct drm_deltahop_job job;
	struct network net;
	struct runner r;
	int fd = dev_open(), ret;

	network_small(&net, number);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_EQ(write(ready, "r", 1), 1);
	do {
		job = runner_job(&r);
		ret = job_submit(fd, r.ctx, &job, 1, NULL);
		if (!ret)
			ret = job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), NULL);
	} while (!ret);
	CHECK_ERR(ret, ENODEV);
	all_gone(fd);
}

TEST_LIMIT(unbind_hammered, 300, "unbind in the middle of the traffic of four processes, in a loop")
{
	int pid[4], ready[2], i, p;
	char address[PCI_ADDRESS_BYTES], byte;

	pci_find(address);
	CHECK(!pipe(ready));
	for (i = 0; i < LOOPS; i++) {
		for (p = 0; p < 4; p++) {
			pid[p] = ktap_child();
			if (!pid[p]) {
				hammer(p, ready[1]);
				_exit(0);
			}
		}
		for (p = 0; p < 4; p++)
			CHECK_EQ(read(ready[0], &byte, 1), 1);
		sleep_ms(20 + i * 13);
		pci_unbind(address);
		for (p = 0; p < 4; p++)
			ktap_join(pid[p]);
		bind_again(address);
	}
}

TEST_LIMIT(removed, 120,
	   "the PCI function is removed with jobs running, and found again by a rescan")
{
	struct runner r, blocker;
	char address[PCI_ADDRESS_BYTES], path[96];
	int fd = open_device(address), fence;

	fence = queue_jobs(&r, &blocker, fd);
	snprintf(path, sizeof(path), "devices/%s/remove", address);
	pci_write(path, "1");
	CHECK(signalled(fence));
	all_gone(fd);
	close(fd);
	close(fence);
	pci_write("rescan", "1");
	device_works();
}

TEST_LIMIT(reloaded, 120,
	   "the module stays while a file is open, and goes and comes back when none is, in a loop")
{
	char address[PCI_ADDRESS_BYTES];
	int fd, i;

	pci_find(address);
	for (i = 0; i < LOOPS; i++) {
		fd = dev_open();
		CHECK_ERR2(module_remove(DELTAHOP_DRIVER_NAME), EAGAIN, EBUSY);
		close(fd);
		module_remove_soon(DELTAHOP_DRIVER_NAME);
		module_insert(DELTAHOP_DRIVER_NAME);
		device_works();
	}
}

TEST_LIMIT(reloaded_unbound, 120, "the module stays while a file of a device that has gone is open")
{
	char address[PCI_ADDRESS_BYTES];
	int fd = open_device(address);

	pci_unbind(address);
	CHECK_ERR2(module_remove(DELTAHOP_DRIVER_NAME), EAGAIN, EBUSY);
	all_gone(fd);
	close(fd);
	module_remove_soon(DELTAHOP_DRIVER_NAME);
	module_insert(DELTAHOP_DRIVER_NAME);
	device_works();
}
