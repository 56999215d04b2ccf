// SPDX-License-Identifier: MIT
/* Arguments of random bytes, and memory that runs out at every possible place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktap.h"
#include "runner.h"

#define ROUNDS	      20000
#define MOST_FAILURES 400 /* allocations of one call */

struct request {
	unsigned long number;
	uint32_t size;
};

#define REQUEST(name, type)                                                   \
	{                                                                     \
		DRM_IOCTL_DELTAHOP_##name, sizeof(struct drm_deltahop_##type) \
	}

static const struct request requests[] = {
	REQUEST(DEV_QUERY, dev_query),
	REQUEST(BO_CREATE, bo_create),
	REQUEST(BO_INFO, bo_info),
	REQUEST(BO_WAIT, bo_wait),
	REQUEST(CTX_CREATE, ctx_create),
	REQUEST(CTX_DESTROY, ctx_destroy),
	REQUEST(BINDINGS_CREATE, bindings_create),
	REQUEST(BINDINGS_DESTROY, bindings_destroy),
	REQUEST(STATE_CREATE, state_create),
	REQUEST(STATE_DESTROY, state_destroy),
	REQUEST(STATE_RESET, state_reset),
	REQUEST(STATE_COPY, state_copy),
	REQUEST(SUBMIT, submit),
	REQUEST(WAIT, wait),
};

static void device_works(void)
{
	static struct stream stream;
	struct network net;
	struct runner r;
	int fd = dev_open();

	memset(&stream, 0, sizeof(stream));
	network_small(&net, 2);
	runner_create(&r, fd, ctx_create(fd), &net, 2, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
	runner_destroy(&r);
	close(fd);
}

/* A word as an attacker would choose it: small numbers, edges, pointers to his own memory, anything. */
static uint32_t hostile_word(uint32_t *seed, const void *memory)
{
	uint32_t choice = random_next(seed) % 10;

	if (choice < 4)
		return 0;
	if (choice < 6)
		return random_next(seed) % 5;
	if (choice == 6)
		return user_ptr(memory) + random_next(seed) % 512 * 8;
	if (choice == 7)
		return user_ptr(memory) >> 32;
	if (choice == 8)
		return 1U << random_next(seed) % 32;
	return random_next(seed) & 1 ? ~0U : random_next(seed);
}

static void fill(uint32_t *words, size_t bytes, uint32_t *seed, const void *memory)
{
	size_t i;

	for (i = 0; i < bytes / 4; i++)
		words[i] = hostile_word(seed, memory);
}

/* Not hostile but tiring: buffers that fill the machine, and waits for something that never comes. */
static void tame(const struct request *request, void *arg)
{
	struct drm_deltahop_bo_create *create = arg;
	struct drm_deltahop_bo_wait *bo_wait = arg;
	struct drm_deltahop_wait *wait = arg;

	if (request->number == DRM_IOCTL_DELTAHOP_BO_CREATE && create->size >> 44 == 0)
		create->size %= 1 << 16;
	if (request->number == DRM_IOCTL_DELTAHOP_BO_WAIT)
		bo_wait->timeout_ns = NOW_ONLY;
	if (request->number == DRM_IOCTL_DELTAHOP_WAIT)
		wait->timeout_ns = NOW_ONLY;
}

TEST_LIMIT(hostile_arguments, 600,
	   "arguments of random numbers, thousands of times: an error or a result, never a crash "
	   "or hang")
{
	static uint64_t memory[1024], arg[128];
	uint32_t seed = 271828;
	unsigned int i, good = 0;
	int fd = dev_open(), ret;

	for (i = 0; i < ROUNDS; i++) {
		const struct request *request =
			&requests[random_next(&seed) % (sizeof(requests) / sizeof(requests[0]))];

		if (i % 500 == 0) {
			close(fd);
			fd = dev_open();
		}
		fill((uint32_t *)arg, request->size, &seed, memory);
		fill((uint32_t *)memory, sizeof(memory), &seed, memory);
		tame(request, arg);
		ret = dev_ioctl(fd, request->number, arg);
		CHECK(ret <= 0);
		good += !ret;
	}
	ktap_note("%u of %u calls succeeded", good, ROUNDS);
	CHECK(good > ROUNDS / 100);
	device_works();
}

TEST_LIMIT(hostile_sizes, 300,
	   "every ioctl of every size, with random content: an error or a result, never a crash or "
	   "hang")
{
	static uint64_t arg[128];
	uint32_t seed = 31415, size;
	unsigned int i, round;
	int fd = dev_open();

	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		for (size = 0; size <= 320; size += 4) {
			for (round = 0; round < 4; round++) {
				fill((uint32_t *)arg, sizeof(arg), &seed, arg);
				tame(&requests[i], arg);
				dev_ioctl(fd,
					  _IOC(round, DRM_IOCTL_BASE, requests[i].number & 0xff,
					       size),
					  arg);
			}
		}
		close(fd);
		fd = dev_open();
	}
	device_works();
}

static void write_text(const char *path, const char *text)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);

	if (file < 0)
		ktap_skip("no %s: the kernel cannot make allocations fail", path);
	CHECK_EQ(write(file, text, strlen(text)), (long)strlen(text));
	close(file);
}

static void allow_failures(void)
{
	write_text("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_text("/sys/kernel/debug/failslab/verbose", "0");
	write_text("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_text("/sys/kernel/debug/fail_page_alloc/verbose", "0");
}

/* Let the nth allocation of this process from here on fail. */
static void fail_nth(int control, unsigned int n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	CHECK_EQ(pwrite(control, text, length, 0), length);
}

/* Has it? Also takes it back. */
static bool has_failed(int control)
{
	char text[16] = "";

	CHECK(pread(control, text, sizeof(text) - 1, 0) > 0);
	CHECK_EQ(pwrite(control, "0", 1, 0), 1);
	return atoi(text) == 0;
}

/* What the calls below use, and what they have made. */
struct made {
	struct runner r;
	uint32_t sync[2];
	uint32_t buffer;
	uint32_t bindings;
	uint32_t ctx;
	uint32_t state;
	uint32_t seqno;
	int fd;
};

static void undo(struct made *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (m->bindings)
		CHECK_OK(bindings_destroy(m->r.fd, m->bindings));
	if (m->buffer)
		CHECK_OK(handle_close(m->r.fd, m->buffer));
	if (m->state)
		CHECK_OK(state_destroy(m->r.fd, m->state));
	if (m->ctx)
		CHECK_OK(ctx_destroy(m->r.fd, m->ctx));
	m->bindings = m->buffer = m->state = m->ctx = 0;
	m->fd = -1;
}

/*
 * Call again and again, each time with another allocation failing, until none is left to fail. The call may succeed all the
 * same; where it fails it must say -ENOMEM (or, from shmem, -ENOSPC), and what it would have made is not there.
 */
static void call_without_memory(const char *name, int (*call)(struct made *), struct made *m)
{
	int control = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC), ret;
	bool failed = true;
	unsigned int n;

	CHECK(control >= 0);
	for (n = 1; failed && n < MOST_FAILURES; n++) {
		fail_nth(control, n);
		ret = call(m);
		failed = has_failed(control);
		CHECK(!ret || (failed && (ret == -ENOMEM || ret == -ENOSPC)));
		undo(m);
	}
	close(control);
	CHECK(!failed);
	ktap_note("%s: %u allocations", name, n - 2);
}

static int open_file(struct made *m)
{
	m->fd = open("/dev/accel/accel0", O_RDWR | O_CLOEXEC);
	return m->fd < 0 ? -errno : 0;
}

static int make_buffer(struct made *m)
{
	struct drm_deltahop_bo_create arg;
	int ret = bo_create(m->r.fd, 3 * 4096, m->r.placement, &arg);

	m->buffer = ret ? 0 : arg.handle;
	return ret;
}

/* Pinning and mapping a new buffer for the device is where most can fail. */
static int make_bindings(struct made *m)
{
	struct drm_deltahop_binding binding = { .flags = DRM_DELTAHOP_BIND_READ, .size = 3 * 4096 };
	int ret = make_buffer(m);

	if (ret)
		return ret;
	binding.handle = m->buffer;
	ret = bindings_create(m->r.fd, &binding, 1, &m->bindings);
	if (ret)
		m->bindings = 0;
	return ret;
}

static int make_context(struct made *m)
{
	struct drm_deltahop_ctx_create arg = { 0 };
	int ret = dev_ioctl(m->r.fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg);

	m->ctx = ret ? 0 : arg.id;
	return ret;
}

static int make_state(struct made *m)
{
	bool template = m->r.info.caps & DELTAHOP_CAP_RNN_TEMPLATE;
	int ret = state_create(m->r.fd, m->r.ctx, 1024,
			       template ? m->r.buffer[REGION_WEIGHTS].handle : 0, 0, &m->state);

	if (ret)
		m->state = 0;
	return ret;
}

/* Two jobs with everything that a job can have. */
static int submit_jobs(struct made *m)
{
	struct drm_deltahop_override override = { .region = REGION_INPUT,
						  .binding = m->r.binding[REGION_INPUT] };
	struct drm_deltahop_sync sync[2];
	struct drm_deltahop_job job[2];
	int i, ret;

	override.binding.flags |= DRM_DELTAHOP_BIND_SYNC;
	for (i = 0; i < 2; i++) {
		sync[i] = (struct drm_deltahop_sync){ m->sync[i], DRM_DELTAHOP_SYNC_SIGNAL,
						      i ? m->seqno + 9 : 0 };
		job[i] = runner_job(&m->r);
		job[i].overrides = user_ptr(&override);
		job[i].syncs = user_ptr(&sync[i]);
		job[i].override_count = job[i].sync_count = 1;
		job[i].depends = i;
	}
	ret = job_submit(m->r.fd, m->r.ctx, job, 2, NULL);
	if (!ret)
		m->seqno = job[1].seqno;
	return ret;
}

static void open_made(struct made *m)
{
	struct network net;
	int fd = dev_open(), i;

	*m = (struct made){ .fd = -1 };
	network_wide(&net, 1);
	runner_create(&m->r, fd, ctx_create(fd), &net, 2, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < 2; i++)
		m->sync[i] = syncobj_create(fd);
}

TEST_LIMIT(no_memory, 600,
	   "when any one allocation of a call fails it answers -ENOMEM or succeeds, and nothing is "
	   "lost")
{
	struct drm_deltahop_heap_info before;
	struct made m;
	int p;

	allow_failures();
	open_made(&m);
	before = dev_heaps(m.r.fd);
	if (!strcmp(dev_path(), "/dev/accel/accel0"))
		call_without_memory("open", open_file, &m);
	for (p = 0; p <= (m.r.info.card_size != 0); p++) {
		m.r.placement = DRM_DELTAHOP_PLACEMENT_SYSTEM + p;
		call_without_memory(p ? "card buffer" : "buffer", make_buffer, &m);
		call_without_memory(p ? "card bindings" : "bindings", make_bindings, &m);
	}
	call_without_memory("context", make_context, &m);
	call_without_memory("state", make_state, &m);
	CHECK_EQ(dev_heaps(m.r.fd).system_used, before.system_used);
	CHECK_EQ(dev_heaps(m.r.fd).card_free, before.card_free);
	device_works();
}

TEST_LIMIT(no_memory_submit, 600,
	   "when any one allocation of SUBMIT fails nothing of it happens, and those that do not "
	   "fail run right")
{
	static struct stream stream;
	static int16_t expected[2 * 128];
	uint32_t i;
	struct made m;

	allow_failures();
	open_made(&m);
	call_without_memory("submit", submit_jobs, &m);
	CHECK_OK(job_wait(m.r.fd, m.r.ctx, m.seqno, in_seconds(DEVICE_SECONDS), NULL));
	CHECK_ERR(job_wait(m.r.fd, m.r.ctx, m.seqno + 1, NOW_ONLY, NULL), ENOENT);
	for (i = 0; i < m.seqno; i++)
		runner_expect(&m.r, &stream, expected, NULL);
	CHECK_EQ(runner_differs(&m.r, expected), 0);
	CHECK(syncobj_signalled(m.r.fd, m.sync[0], 0));
	device_works();
}
