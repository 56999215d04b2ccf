// SPDX-License-Identifier: MIT
/* Several processes, and what happens to their jobs and memory when they die. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"
#include "runner.h"

#define STEPS 4

static struct stream stream;

/* One process's work: a network of its own, each answer compared bit for bit. */
static void work(unsigned int number, unsigned int rounds)
{
	uint32_t placement = DRM_DELTAHOP_PLACEMENT_DEFAULT;
	struct network net;
	struct runner r;
	unsigned int i;
	int fd = dev_open();

	if (number & 2 && dev_info(fd).card_size)
		placement = DRM_DELTAHOP_PLACEMENT_CARD;
	if (number & 1)
		network_other(&net, 100 + number);
	else
		network_small(&net, 100 + number);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, placement);
	for (i = 0; i < rounds; i++) {
		runner_params(&r, 1 + i % STEPS, number, i % 7);
		runner_inputs(&r, 1000 * number + i);
		CHECK_OK(runner_do(&r, NULL));
		runner_check(&r, &stream);
	}
	runner_destroy(&r);
	close(fd);
}

static void processes(unsigned int count, unsigned int rounds)
{
	int pid[16];
	unsigned int i;

	for (i = 0; i < count; i++) {
		pid[i] = ktap_child();
		if (!pid[i]) {
			work(i, rounds);
			_exit(0);
		}
	}
	for (i = 0; i < count; i++)
		ktap_join(pid[i]);
}

/* Memory of dead processes comes back when their jobs have ended. */
static void check_card_free(int fd, uint64_t expected)
{
	int64_t until = in_seconds(DEVICE_SECONDS);

	while (dev_heaps(fd).card_free != expected && now_ns() < until)
		sleep_ms(20);
	CHECK_EQ(dev_heaps(fd).card_free, expected);
}

TEST_LIMIT(two_networks, 300,
	   "two processes at once with different networks, each gets its own right answers")
{
	processes(2, 60);
}

TEST_LIMIT(eight_networks, 300,
	   "eight processes at once, in system and card memory, each gets its own right answers")
{
	processes(8, 25);
}

/* Fill the queue, tell the parent, and wait to be killed. */
static void victim(int ready, unsigned int number)
{
	struct drm_deltahop_job job[64];
	struct runner r, blocker;
	struct network net;
	uint32_t placement;
	unsigned int i;
	int fd = dev_open();

	placement = dev_info(fd).card_size ? DRM_DELTAHOP_PLACEMENT_CARD
					   : DRM_DELTAHOP_PLACEMENT_DEFAULT;
	network_small(&net, number);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, placement);
	if (number % 3 == 0) {
		runner_blocker(&blocker, fd, ctx_create(fd), 30);
		runner_seqno(&blocker);
	}
	for (i = 0; i < 64; i++)
		job[i] = runner_job(&r);
	CHECK_OK(job_submit(fd, r.ctx, job, 64, NULL));
	CHECK_EQ(write(ready, "r", 1), 1);
	if (number % 2)
		job_wait(fd, r.ctx, 64, in_seconds(DEVICE_SECONDS), NULL);
	pause();
}

TEST_LIMIT(killed, 300,
	   "processes killed with jobs queued and running, forty times: the device stays right, no "
	   "memory is lost")
{
	int fd = dev_open(), ready[2], pid, i, status;
	uint64_t before = dev_heaps(fd).card_free;
	char byte;

	CHECK(!pipe(ready));
	for (i = 0; i < 40; i++) {
		pid = ktap_child();
		if (!pid)
			victim(ready[1], i);
		CHECK_EQ(read(ready[0], &byte, 1), 1);
		usleep(i * 997 % 7000);
		CHECK(!kill(pid, SIGKILL));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (i % 4 == 0)
			processes(1, 3);
	}
	check_card_free(fd, before);
	processes(2, 20);
	check_card_free(fd, before);
}

static void unmap(struct runner *r)
{
	enum region region;

	for (region = 0; region < REGION_COUNT; region++)
		munmap(r->buffer[region].map, r->buffer[region].size);
}

TEST_LIMIT(closed, 300,
	   "files closed with jobs queued and running, forty times: the device stays right, no "
	   "memory is lost")
{
	struct runner r, blocker;
	int fd = dev_open(), own, i;
	uint64_t before = dev_heaps(fd).card_free;
	struct network net;

	for (i = 0; i < 40; i++) {
		own = dev_open();
		network_small(&net, i);
		runner_create(&r, own, ctx_create(own), &net, STEPS,
			      before ? DRM_DELTAHOP_PLACEMENT_CARD
				     : DRM_DELTAHOP_PLACEMENT_DEFAULT);
		runner_blocker(&blocker, own, ctx_create(own), i % 4 * 10);
		runner_seqno(&blocker);
		runner_seqno(&r);
		runner_seqno(&r);
		close(own);
		unmap(&r); /* a mapping keeps its file open */
		unmap(&blocker);
		free(net.weights);
	}
	check_card_free(fd, before);
	processes(2, 10);
}

TEST(forked, "parent and child go on with one open file, each in a context of its own")
{
	struct network net;
	struct runner r;
	int fd = dev_open(), pid, i;
	uint32_t ctx[2];

	ctx[0] = ctx_create(fd);
	ctx[1] = ctx_create(fd);
	pid = ktap_child();
	network_small(&net, pid ? 1 : 2);
	runner_create(&r, fd, ctx[!pid], &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	for (i = 0; i < 20; i++) {
		runner_inputs(&r, i);
		CHECK_OK(runner_do(&r, NULL));
		runner_check(&r, &stream);
	}
	if (!pid)
		_exit(0);
	ktap_join(pid);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
}

TEST(forked_child_dies, "a child that dies with the file open takes nothing away from its parent")
{
	struct network net;
	struct runner r;
	int fd = dev_open(), pid, status;

	network_small(&net, 1);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	pid = ktap_child();
	if (!pid) {
		runner_seqno(&r);
		kill(getpid(), SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_OK(job_wait(fd, r.ctx, 1, in_seconds(DEVICE_SECONDS), NULL));
	runner_check(&r, &stream);
	CHECK_OK(runner_do(&r, NULL));
	runner_check(&r, &stream);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
	(void)number;
	alarms++;
}

static void start_alarms(int flags, unsigned int us)
{
	struct itimerval every = { { 0, us }, { 0, us } };
	struct sigaction action = { .sa_handler = count_alarm, .sa_flags = flags };

	CHECK(!sigaction(SIGALRM, &action, NULL));
	CHECK(!setitimer(ITIMER_REAL, &every, NULL));
}

static void stop_alarms(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &never, NULL);
}

/* A job too long for a signal to miss, and the wait for it. */
static struct drm_deltahop_wait wait_long(const struct runner *blocker)
{
	return (struct drm_deltahop_wait){
		.ctx = blocker->ctx,
		.seqno = runner_seqno(blocker),
		.timeout_ns = in_seconds(DEVICE_SECONDS),
	};
}

TEST(interrupted, "a signal ends a wait with -EINTR; the same wait again gets the record")
{
	struct drm_deltahop_wait arg;
	struct runner blocker;
	int fd = dev_open();

	runner_blocker(&blocker, fd, ctx_create(fd), 1000);
	arg = wait_long(&blocker);
	start_alarms(0, 20000);
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_WAIT, &arg), EINTR);
	CHECK_EQ(arg.record.status, DELTAHOP_STATUS_NONE);
	stop_alarms();
	CHECK(alarms);
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_WAIT, &arg));
	CHECK_EQ(arg.record.seqno, arg.seqno);
	CHECK_EQ(arg.record.status, DELTAHOP_STATUS_OK);
}

TEST(restarted, "with SA_RESTART a wait goes on after a signal, to the moment that it was given")
{
	struct drm_deltahop_bo_wait bo = { .timeout_ns = in_seconds(DEVICE_SECONDS) };
	struct drm_deltahop_wait arg;
	struct runner blocker;
	int64_t until;
	int fd = dev_open();

	runner_blocker(&blocker, fd, ctx_create(fd), 1000);
	start_alarms(SA_RESTART, 20000);
	arg = wait_long(&blocker);
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_WAIT, &arg));
	CHECK_EQ(arg.record.status, DELTAHOP_STATUS_OK);
	bo.handle = blocker.buffer[REGION_OUTPUT].handle;
	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_BO_WAIT, &bo));
	CHECK(alarms);
	arg = wait_long(&blocker);
	arg.timeout_ns = until = now_ns() + SHORT_NS;
	CHECK_ERR(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_WAIT, &arg), ETIMEDOUT);
	CHECK(now_ns() >= until);
	stop_alarms();
}

TEST_LIMIT(signal_storm, 120,
	   "under a storm of signals every submit happens once and every answer is right")
{
	struct network net;
	struct runner r;
	int fd = dev_open(), i;

	network_small(&net, 7);
	runner_create(&r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	start_alarms(0, 1500);
	for (i = 0; i < 100; i++) {
		runner_inputs(&r, i);
		CHECK_EQ(runner_seqno(&r), i + 1);
		CHECK_OK(job_wait(fd, r.ctx, i + 1, in_seconds(DEVICE_SECONDS), NULL));
		runner_check(&r, &stream);
	}
	stop_alarms();
}
