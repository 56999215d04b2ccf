// SPDX-License-Identifier: MIT
/* The device goes away under open files, running jobs and live mappings; and comes back. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "ktap.h"
#include "runner.h"

#define STEPS		4
#define LOOPS		10
#define ADDRESS_BYTES	32
#define MODULE		"/lib/modules/deltahop.ko"
#define PCI		"/sys/bus/pci/"
#define LOST_ADDRESS	"0000:01:00.0"	/* where the test guest has it */

static struct stream stream;

/* The PCI address of the device. */
static void find_address(char *address)
{
	char path[64], target[256];
	const char *node = dev_path();
	struct stat st;
	ssize_t length;

	CHECK(node);
	CHECK(!stat(node, &st));
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev), minor(st.st_rdev));
	length = readlink(path, target, sizeof(target) - 1);
	CHECK(length > 0);
	target[length] = 0;
	CHECK(strrchr(target, '/'));
	CHECK(strlen(strrchr(target, '/') + 1) < ADDRESS_BYTES);
	strcpy(address, strrchr(target, '/') + 1);
}

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	if (file < 0 || write(file, text, strlen(text)) != (ssize_t)strlen(text))
		ktap_fail(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
	close(file);
}

static int rmmod(void)
{
	return syscall(SYS_delete_module, DELTAHOP_DRIVER_NAME, O_NONBLOCK) ? -errno : 0;
}

/* Fences of jobs that have ended are freed a moment later. */
static void rmmod_soon(void)
{
	int64_t until = in_seconds(DEVICE_SECONDS);
	int ret = rmmod();

	while (ret && now_ns() < until) {
		sleep_ms(10);
		ret = rmmod();
	}
	CHECK_OK(ret);
	CHECK(!dev_path());
}

static void insmod(void)
{
	int file = open(MODULE, O_RDONLY | O_CLOEXEC);

	CHECK(file >= 0);
	if (syscall(SYS_finit_module, file, "", 0))
		ktap_fail(__FILE__, __LINE__, "insmod: %s", strerror(errno));
	close(file);
}

/* A test that was stopped halfway may have left the device without its driver. */
static void find_device(char *address)
{
	if (!dev_path() && access("/sys/module/" DELTAHOP_DRIVER_NAME, F_OK))
		insmod();
	if (!dev_path())
		write_file(PCI "drivers_probe", LOST_ADDRESS);
	find_address(address);
}

static int open_device(char *address)
{
	find_device(address);
	return dev_open();
}

static void unbind(const char *address)
{
	write_file(PCI "drivers/" DELTAHOP_DRIVER_NAME "/unbind", address);
	CHECK(!dev_path());
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

static void bind(const char *address)
{
	write_file(PCI "drivers/" DELTAHOP_DRIVER_NAME "/bind", address);
	device_works();
}

static const unsigned long requests[] = {
	DRM_IOCTL_DELTAHOP_DEV_QUERY, DRM_IOCTL_DELTAHOP_BO_CREATE, DRM_IOCTL_DELTAHOP_BO_INFO,
	DRM_IOCTL_DELTAHOP_BO_WAIT, DRM_IOCTL_DELTAHOP_CTX_CREATE, DRM_IOCTL_DELTAHOP_CTX_DESTROY,
	DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY, DRM_IOCTL_DELTAHOP_STATE_CREATE,
	DRM_IOCTL_DELTAHOP_STATE_DESTROY, DRM_IOCTL_DELTAHOP_STATE_RESET, DRM_IOCTL_DELTAHOP_STATE_COPY,
	DRM_IOCTL_DELTAHOP_SUBMIT, DRM_IOCTL_DELTAHOP_WAIT,
};

static void all_gone(int fd)
{
	char arg[512] = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		CHECK_ERR(dev_ioctl(fd, requests[i], arg), ENODEV);
	CHECK(mmap64(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1ULL << 32) == MAP_FAILED);
}

TEST(unbind_idle, "after unbind every ioctl of an open file is -ENODEV; after bind a new file works")
{
	char address[ADDRESS_BYTES];
	struct network net;
	struct runner r;
	int fd = open_device(address), i;

	network_small(&net, 1);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_OK(runner_do(&r, NULL));
	for (i = 0; i < LOOPS; i++) {
		unbind(address);
		all_gone(fd);
		bind(address);
		all_gone(fd);
	}
	close(fd);
	device_works();
}

/* Queue jobs behind a long one and return the fence of the last one. */
static int queue_jobs(struct runner *r, struct runner *blocker, int fd)
{
	struct drm_syncobj_handle fence = { .flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE, .fd = -1 };
	struct drm_deltahop_sync sync = { .handle = syncobj_create(fd), .flags = DRM_DELTAHOP_SYNC_SIGNAL };
	struct drm_deltahop_job job;
	struct network net;
	int i;

	network_small(&net, 1);
	runner_create(r, fd, ctx_create(fd), &net, STEPS,
		      dev_info(fd).card_size ? DRM_DELTAHOP_PLACEMENT_CARD : DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_blocker(blocker, fd, ctx_create(fd), 2000);
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

TEST_LIMIT(unbind_busy, 300, "unbind with jobs queued and running, and somebody waiting: all of them end, nobody hangs")
{
	struct runner r, blocker;
	char address[ADDRESS_BYTES];
	int fd, fence, pid, i;

	find_device(address);
	for (i = 0; i < LOOPS; i++) {
		fd = dev_open();
		fence = queue_jobs(&r, &blocker, fd);
		pid = ktap_child();
		if (!pid) {
			CHECK_ERR(job_wait(fd, r.ctx, 6, in_seconds(DEVICE_SECONDS), NULL), ENODEV);
			_exit(0);
		}
		sleep_ms(i % 3 * 20);
		unbind(address);
		CHECK(signalled(fence));
		all_gone(fd);
		ktap_join(pid);
		close(fence);
		close(fd);
		bind(address);
	}
}

TEST_LIMIT(unbind_records, 120, "the record ring of a device that has gone says DEVICE_LOST for jobs that did not end")
{
	const volatile struct deltahop_record *ring;
	struct runner r, blocker;
	uint32_t ctx, slots, i;
	char address[ADDRESS_BYTES];
	struct network net;
	int fd = open_device(address);

	network_small(&net, 1);
	ring = record_ring(fd, &ctx, &slots);
	runner_create(&r, fd, ctx, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	runner_blocker(&blocker, fd, ctx_create(fd), 2000);
	CHECK_OK(runner_do(&r, NULL));
	runner_seqno(&blocker);
	for (i = 0; i < 3; i++)
		runner_seqno(&r);
	unbind(address);
	CHECK_EQ(ring[1].status, DELTAHOP_STATUS_OK);
	for (i = 2; i < 5; i++) {
		CHECK_EQ(ring[i].status, DELTAHOP_STATUS_DEVICE_LOST);
		CHECK_EQ(ring[i].reason, DELTAHOP_REASON_UNPLUG);
		CHECK_EQ(ring[i].writer, DELTAHOP_WRITER_DRIVER);
		CHECK_EQ(ring[i].seqno, i);
	}
	bind(address);
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

TEST_LIMIT(unbind_mapped, 120, "buffers mapped when the device goes: touching them gives memory or SIGBUS, nothing worse")
{
	struct sigaction action = { .sa_handler = fault };
	struct runner r[2];
	struct buffer late[2];
	char address[ADDRESS_BYTES];
	struct network net;
	int fd = open_device(address), p, card = dev_info(fd).card_size != 0;

	CHECK(!sigaction(SIGBUS, &action, NULL));
	CHECK(!sigaction(SIGSEGV, &action, NULL));
	network_wide(&net, 1);
	for (p = 0; p <= card; p++) {
		runner_create(&r[p], fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_SYSTEM + p);
		late[p] = buffer_create(fd, 16 * 4096, DRM_DELTAHOP_PLACEMENT_SYSTEM + p);	/* never touched before */
		touch_buffers(&r[p]);
	}
	unbind(address);
	for (p = 0; p <= card; p++) {
		touch_buffers(&r[p]);
		touch(late[p].map, late[p].size);
	}
	bind(address);
	for (p = 0; p <= card; p++) {
		touch_buffers(&r[p]);
		touch(late[p].map, late[p].size);
	}
	close(fd);
	for (p = 0; p <= card; p++)
		touch_buffers(&r[p]);
	device_works();
}

TEST_LIMIT(unbind_exported, 120, "a buffer exported when the device goes: its file stays harmless, also after the driver is back")
{
	struct buffer buffer;
	char address[ADDRESS_BYTES];
	uint32_t handle;
	int fd = open_device(address), file;
	void *map;

	buffer = buffer_create(fd, 2 * 4096, DRM_DELTAHOP_PLACEMENT_SYSTEM);
	memset(buffer.map, 7, buffer.size);
	file = prime_export(fd, buffer.handle);
	unbind(address);
	close(fd);
	bind(address);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
	if (map != MAP_FAILED)
		CHECK_EQ(*(char *)map, 7);
	fd = dev_open();
	if (!prime_import(fd, file, &handle))
		CHECK_OK(handle_close(fd, handle));
	close(file);
	device_works();
}

/* Keep the device busy until it has gone. */
static void hammer(unsigned int number)
{
	struct drm_deltahop_job job;
	struct network net;
	struct runner r;
	int fd = dev_open(), ret;

	network_small(&net, number);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
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
	int pid[4], i, p;
	char address[ADDRESS_BYTES];

	find_device(address);
	for (i = 0; i < LOOPS; i++) {
		for (p = 0; p < 4; p++) {
			pid[p] = ktap_child();
			if (!pid[p]) {
				hammer(p);
				_exit(0);
			}
		}
		sleep_ms(150 + i * 13);
		unbind(address);
		for (p = 0; p < 4; p++)
			ktap_join(pid[p]);
		bind(address);
	}
}

TEST_LIMIT(removed, 120, "the PCI function is removed with jobs running, and found again by a rescan")
{
	struct runner r, blocker;
	char address[ADDRESS_BYTES], path[96];
	int fd = open_device(address), fence;

	fence = queue_jobs(&r, &blocker, fd);
	snprintf(path, sizeof(path), PCI "devices/%s/remove", address);
	write_file(path, "1");
	CHECK(signalled(fence));
	all_gone(fd);
	close(fd);
	close(fence);
	write_file(PCI "rescan", "1");
	device_works();
}

TEST_LIMIT(reloaded, 120, "the module stays while a file is open, and goes and comes back when none is, in a loop")
{
	char address[ADDRESS_BYTES];
	int fd, i;

	if (access(MODULE, R_OK))
		ktap_skip("no module in " MODULE);
	find_device(address);
	for (i = 0; i < LOOPS; i++) {
		fd = dev_open();
		CHECK_ERR2(rmmod(), EAGAIN, EBUSY);
		close(fd);
		rmmod_soon();
		insmod();
		device_works();
	}
}

TEST_LIMIT(reloaded_unbound, 120, "the module stays while a file of a device that has gone is open")
{
	char address[ADDRESS_BYTES];
	int fd = open_device(address);

	if (access(MODULE, R_OK))
		ktap_skip("no module in " MODULE);
	unbind(address);
	CHECK_ERR2(rmmod(), EAGAIN, EBUSY);
	all_gone(fd);
	close(fd);
	rmmod_soon();
	insmod();
	device_works();
}
