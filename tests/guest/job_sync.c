// SPDX-License-Identifier: MIT
/* Order and waiting: syncobjs, timelines, dependencies, limits, time-outs, cancelling. */
#include <errno.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktap.h"
#include "runner.h"

#define STEPS	 4
#define BLOCK_MS 100

static struct stream stream;

static void open_small(struct runner *r, int fd)
{
	struct network net;

	network_small(&net, 1);
	runner_create(r, fd, ctx_create(fd), &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
}

static struct drm_deltahop_job synced_job(const struct runner *r,
					  const struct drm_deltahop_sync *sync, unsigned int count)
{
	struct drm_deltahop_job job = runner_job(r);

	job.syncs = user_ptr(sync);
	job.sync_count = count;
	return job;
}

/* A long job in a context of its own, and the syncobj that it signals. */
static uint32_t block(struct runner *blocker, int fd, unsigned int ms)
{
	struct drm_deltahop_sync sync = { .handle = syncobj_create(fd),
					  .flags = DRM_DELTAHOP_SYNC_SIGNAL };
	struct drm_deltahop_job job;

	runner_blocker(blocker, fd, ctx_create(fd), ms);
	job = synced_job(blocker, &sync, 1);
	CHECK_OK(job_submit(fd, blocker->ctx, &job, 1, NULL));
	return sync.handle;
}

/* Keep the engine busy, however slow the host makes the test, until the blocker's context is closed. */
static void block_until_closed(struct runner *blocker, int fd)
{
	unsigned int i;

	block(blocker, fd, 1000);
	for (i = 0; i < DEVICE_SECONDS; i++)
		runner_seqno(blocker);
}

TEST(sync_binary,
     "a job signals a syncobj when it has ended, not before, and its answer is there then")
{
	struct drm_deltahop_sync sync;
	struct drm_deltahop_job job;
	struct runner r, blocker;
	int fd = dev_open();

	open_small(&r, fd);
	sync = (struct drm_deltahop_sync){ syncobj_create(fd), DRM_DELTAHOP_SYNC_SIGNAL, 0 };
	block_until_closed(&blocker, fd);
	job = synced_job(&r, &sync, 1);
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK(!syncobj_signalled(fd, sync.handle, 0));
	CHECK_OK(ctx_destroy(fd, blocker.ctx));
	CHECK_OK(syncobj_wait(fd, sync.handle, 0, in_seconds(DEVICE_SECONDS)));
	runner_check(&r, &stream);
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, NOW_ONLY, NULL));
}

TEST(sync_wait, "a job starts no sooner than the syncobj that it waits for")
{
	struct deltahop_record first, second;
	struct drm_deltahop_sync sync = { 0 };
	struct drm_deltahop_job job;
	struct runner r, blocker;
	int fd = dev_open();

	open_small(&r, fd);
	sync.handle = block(&blocker, fd, BLOCK_MS);
	job = synced_job(&r, &sync, 1);
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), &second));
	CHECK_OK(job_wait(fd, blocker.ctx, 1, NOW_ONLY, &first));
	CHECK(second.start_ns >= first.end_ns);
	runner_check(&r, &stream);
}

TEST(sync_timeline, "points of a timeline are signalled in order, and waited for one by one")
{
	struct drm_deltahop_sync sync[3][2];
	struct drm_deltahop_job job[3];
	uint32_t timeline;
	struct runner r;
	int fd = dev_open(), i;

	open_small(&r, fd);
	timeline = syncobj_create(fd);
	for (i = 0; i < 3; i++) {
		sync[i][0] = (struct drm_deltahop_sync){ timeline, DRM_DELTAHOP_SYNC_SIGNAL,
							 10 * (i + 1) };
		sync[i][1] = (struct drm_deltahop_sync){ timeline, DRM_DELTAHOP_SYNC_WAIT, 10 * i };
		job[i] = synced_job(&r, sync[i], i ? 2 : 1);
		CHECK_OK(job_submit(fd, r.ctx, &job[i], 1, NULL));
	}
	for (i = 3; i > 0; i--)
		CHECK_OK(syncobj_wait(fd, timeline, 10 * i, in_seconds(DEVICE_SECONDS)));
	CHECK(!syncobj_signalled(fd, timeline, 31));
	for (i = 0; i < 2; i++)
		runner_expect(&r, &stream, NULL, NULL);
	runner_check(&r, &stream);
}

TEST(sync_both, "a job may signal a syncobj that it also waits for: it waits for the old fence")
{
	struct drm_deltahop_sync sync[2] = { 0 };
	struct drm_deltahop_job job;
	struct runner r, blocker;
	int fd = dev_open();

	open_small(&r, fd);
	sync[0].handle = sync[1].handle = block(&blocker, fd, BLOCK_MS);
	sync[1].flags = DRM_DELTAHOP_SYNC_SIGNAL;
	job = synced_job(&r, sync, 2);
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(syncobj_wait(fd, sync[0].handle, 0, in_seconds(DEVICE_SECONDS)));
	CHECK_OK(job_wait(fd, r.ctx, job.seqno, NOW_ONLY, NULL));
	runner_check(&r, &stream);
}

TEST(sync_within_submit,
     "a job can wait for a syncobj that an earlier job of the same submit signals, or is refused")
{
	struct drm_deltahop_sync sync[2] = { 0 };
	struct drm_deltahop_job job[2];
	uint32_t bad;
	struct runner r;
	int fd = dev_open(), ret;

	open_small(&r, fd);
	sync[0] = (struct drm_deltahop_sync){ syncobj_create(fd), DRM_DELTAHOP_SYNC_SIGNAL, 0 };
	sync[1] = (struct drm_deltahop_sync){ sync[0].handle, DRM_DELTAHOP_SYNC_WAIT, 0 };
	job[0] = synced_job(&r, &sync[0], 1);
	job[1] = synced_job(&r, &sync[1], 1);
	ret = job_submit(fd, r.ctx, job, 2, &bad);
	if (ret) {
		CHECK_EQ(ret, -EINVAL);
		CHECK_EQ(bad, 1);
		return;
	}
	CHECK_OK(job_wait(fd, r.ctx, job[1].seqno, in_seconds(DEVICE_SECONDS), NULL));
	runner_expect(&r, &stream, NULL, NULL);
	runner_check(&r, &stream);
}

/* The error of a syncobj's fence, by way of a sync_file. */
static int fence_status(int fd, uint32_t syncobj)
{
	struct drm_syncobj_handle arg = {
		.handle = syncobj,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	struct sync_file_info info = { 0 };

	CHECK_OK(dev_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg));
	CHECK(!ioctl(arg.fd, SYNC_IOC_FILE_INFO, &info));
	close(arg.fd);
	return info.status;
}

TEST(sync_error, "the error of a failed job is on its fence too")
{
	struct drm_deltahop_sync sync;
	struct drm_deltahop_job job;
	struct runner r;
	int fd = dev_open();

	open_small(&r, fd);
	sync = (struct drm_deltahop_sync){ syncobj_create(fd), DRM_DELTAHOP_SYNC_SIGNAL, 0 };
	job = synced_job(&r, &sync, 1);
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(syncobj_wait(fd, sync.handle, 0, in_seconds(DEVICE_SECONDS)));
	CHECK_EQ(fence_status(fd, sync.handle), 1);
	runner_run(&r)->hdr.opcode = 77;
	CHECK_OK(job_submit(fd, r.ctx, &job, 1, NULL));
	CHECK_OK(syncobj_wait(fd, sync.handle, 0, in_seconds(DEVICE_SECONDS)));
	CHECK_EQ(fence_status(fd, sync.handle), -EIO);
}

TEST(depends_ok, "a job that depends on an earlier one of its submit runs after it")
{
	struct deltahop_record record[2];
	struct drm_deltahop_job job[2];
	struct runner r;
	int fd = dev_open(), i;

	open_small(&r, fd);
	for (i = 0; i < 2; i++)
		job[i] = runner_job(&r);
	job[1].depends = 1;
	CHECK_OK(job_submit(fd, r.ctx, job, 2, NULL));
	for (i = 0; i < 2; i++)
		CHECK_OK(job_wait(fd, r.ctx, job[i].seqno, in_seconds(DEVICE_SECONDS), &record[i]));
	CHECK(record[1].start_ns >= record[0].end_ns);
}

TEST(depends_failed,
     "a job whose dependency failed does not run, nor one that depends on it; others do")
{
	struct drm_deltahop_job job[4];
	struct deltahop_record record;
	struct runner bad, good;
	unsigned int i;
	int fd = dev_open();

	open_small(&bad, fd);
	open_small(&good, fd);
	runner_layer(&bad, 0)->hidden = 12;
	job[0] = runner_job(&bad);
	for (i = 1; i < 4; i++) {
		job[i] = runner_job(&good);
		job[i].depends = i < 3 ? i : 0;
		job[i].flags = DRM_DELTAHOP_JOB_STATE_RESET;
	}
	good.ctx = bad.ctx;
	CHECK_OK(state_create(fd, bad.ctx, good.net.state_bytes, 0, 0, &good.state));
	for (i = 1; i < 4; i++)
		job[i].state = good.state;
	CHECK_OK(job_submit(fd, bad.ctx, job, 4, NULL));
	CHECK_ERR(job_wait(fd, bad.ctx, job[0].seqno, in_seconds(DEVICE_SECONDS), &record), EIO);
	CHECK_EQ(record.reason, DELTAHOP_REASON_BAD_SIZE);
	for (i = 1; i < 3; i++) {
		CHECK_ERR(job_wait(fd, bad.ctx, job[i].seqno, in_seconds(DEVICE_SECONDS), &record),
			  ENODATA);
		CHECK_EQ(record.status, DELTAHOP_STATUS_DEPENDENCY_FAILED);
		CHECK_EQ(record.reason, DELTAHOP_REASON_DEPENDENCY);
		CHECK_EQ(record.writer, DELTAHOP_WRITER_DRIVER);
		CHECK_EQ(record.seqno, job[i].seqno);
	}
	CHECK_OK(job_wait(fd, bad.ctx, job[3].seqno, in_seconds(DEVICE_SECONDS), &record));
	runner_check(&good, &stream);
}

TEST(order_in_context,
     "jobs of a context run in the order of their numbers, many submits of many jobs")
{
	struct deltahop_record record, before = { 0 };
	struct drm_deltahop_job job[32];
	struct runner r;
	unsigned int i, round;
	int fd = dev_open();

	open_small(&r, fd);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 32; i++)
			job[i] = runner_job(&r);
		CHECK_OK(job_submit(fd, r.ctx, job, 32, NULL));
		for (i = 0; i < 32; i++) {
			CHECK_EQ(job[i].seqno, 32 * round + i + 1);
			CHECK_OK(job_wait(fd, r.ctx, job[i].seqno, in_seconds(DEVICE_SECONDS),
					  &record));
			CHECK(record.start_ns >= before.end_ns);
			before = record;
			if (i < 31)
				runner_expect(&r, &stream, NULL, NULL);
		}
		runner_check(&r, &stream);
	}
}

TEST(limit_unfinished, "128 unfinished jobs are taken, one more is -EBUSY and harms none of them")
{
	struct drm_deltahop_job job[128];
	struct runner r, blocker;
	unsigned int i, max;
	uint32_t bad;
	int fd = dev_open();

	open_small(&r, fd);
	max = r.info.max_jobs;
	CHECK_EQ(max, 128);
	block_until_closed(&blocker, fd);
	for (i = 0; i < max; i++)
		job[i] = runner_job(&r);
	CHECK_OK(job_submit(fd, r.ctx, job, max - 3, NULL));
	CHECK_ERR(job_submit(fd, r.ctx, job, 4, &bad), EBUSY);
	CHECK_EQ(bad, ~0U);
	CHECK_OK(job_submit(fd, r.ctx, job, 3, NULL));
	CHECK_ERR(job_submit(fd, r.ctx, job, 1, NULL), EBUSY);
	CHECK_OK(ctx_destroy(fd, blocker.ctx));
	CHECK_OK(job_wait(fd, r.ctx, max, in_seconds(DEVICE_SECONDS), NULL));
	CHECK_ERR(job_wait(fd, r.ctx, max + 1, NOW_ONLY, NULL), ENOENT);
	for (i = 0; i < max - 1; i++)
		runner_expect(&r, &stream, NULL, NULL);
	runner_check(&r, &stream);
	CHECK_OK(runner_do(&r, NULL));
}

TEST(wait_times_out,
     "a wait ends at its moment with -ETIMEDOUT and an empty record; one in the past at once")
{
	struct deltahop_record record;
	struct runner blocker;
	int64_t until, start;
	int fd = dev_open();

	block(&blocker, fd, 1000);
	start = now_ns();
	CHECK_ERR(job_wait(fd, blocker.ctx, 1, NOW_ONLY, &record), ETIMEDOUT);
	CHECK_EQ(record.status, DELTAHOP_STATUS_NONE);
	CHECK_ERR(job_wait(fd, blocker.ctx, 1, start - 1, &record), ETIMEDOUT);
	CHECK(now_ns() - start < 500000000);
	until = now_ns() + SHORT_NS;
	CHECK_ERR(job_wait(fd, blocker.ctx, 1, until, &record), ETIMEDOUT);
	CHECK(now_ns() >= until);
	CHECK_OK(job_wait(fd, blocker.ctx, 1, in_seconds(DEVICE_SECONDS), &record));
	CHECK_EQ(record.status, DELTAHOP_STATUS_OK);
}

TEST(wait_many, "several threads of control can wait for the same job")
{
	struct runner blocker;
	int fd = dev_open(), pid[4], i;

	block(&blocker, fd, BLOCK_MS);
	for (i = 0; i < 4; i++) {
		pid[i] = ktap_child();
		if (!pid[i])
			_exit(job_wait(fd, blocker.ctx, 1, in_seconds(DEVICE_SECONDS), NULL) ? 1
											     : 0);
	}
	for (i = 0; i < 4; i++)
		ktap_join(pid[i]);
}

TEST(closed_context, "closing a context ends its queued jobs CANCELLED, on their fences too, and "
		     "lets the running one end")
{
	const volatile struct deltahop_record *ring;
	struct drm_deltahop_sync sync[4];
	struct drm_deltahop_job job[4];
	struct runner r, blocker;
	uint32_t ctx, slots, blocked;
	struct network net;
	int fd = dev_open(), i;

	network_small(&net, 1);
	ring = record_ring(fd, &ctx, &slots);
	runner_create(&r, fd, ctx, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	blocked = block(&blocker, fd, 500);
	for (i = 0; i < 4; i++) {
		sync[i] = (struct drm_deltahop_sync){ syncobj_create(fd), DRM_DELTAHOP_SYNC_SIGNAL,
						      0 };
		job[i] = synced_job(&r, &sync[i], 1);
	}
	CHECK_OK(job_submit(fd, ctx, job, 4, NULL));
	CHECK_OK(ctx_destroy(fd, ctx));
	for (i = 0; i < 4; i++)
		CHECK_OK(syncobj_wait(fd, sync[i].handle, 0, in_seconds(DEVICE_SECONDS)));
	CHECK_EQ(fence_status(fd, sync[3].handle), -ECANCELED);
	CHECK_EQ(ring[4].status, DELTAHOP_STATUS_CANCELLED);
	CHECK_EQ(ring[4].reason, DELTAHOP_REASON_CLOSED);
	CHECK_EQ(ring[4].writer, DELTAHOP_WRITER_DRIVER);
	CHECK_ERR(job_wait(fd, ctx, 4, NOW_ONLY, NULL), ENOENT);
	CHECK_OK(syncobj_wait(fd, blocked, 0, in_seconds(DEVICE_SECONDS)));
	CHECK_EQ(fence_status(fd, blocked), 1);
}

TEST(priorities_run, "contexts of every priority get their own right answers")
{
	struct drm_deltahop_ctx_create arg = { 0 };
	static struct stream own[4];
	struct runner r[4];
	struct network net;
	uint32_t seqno[4];
	unsigned int i, round;
	int fd = dev_open();

	for (i = 0; i < 4; i++) {
		arg.priority = i;
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
		network_small(&net, 60 + i);
		runner_create(&r[i], fd, arg.id, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	}
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 4; i++)
			seqno[i] = runner_seqno(&r[i]);
		for (i = 0; i < 4; i++) {
			CHECK_OK(
				job_wait(fd, r[i].ctx, seqno[i], in_seconds(DEVICE_SECONDS), NULL));
			runner_check(&r[i], &own[i]);
		}
	}
}

TEST(priority_order,
     "queued jobs of a HIGH context run before those of a LOW one that were queued first")
{
	struct deltahop_record low, high;
	struct drm_deltahop_ctx_create arg = { .priority = DRM_DELTAHOP_PRIORITY_LOW };
	struct drm_deltahop_job job[8];
	struct runner r[2], blocker;
	struct network net;
	int fd = dev_open(), p, i;

	for (p = 0; p < 2; p++) {
		arg.priority = p ? DRM_DELTAHOP_PRIORITY_HIGH : DRM_DELTAHOP_PRIORITY_LOW;
		CHECK_OK(dev_ioctl(fd, DRM_IOCTL_DELTAHOP_CTX_CREATE, &arg));
		network_small(&net, 1);
		runner_create(&r[p], fd, arg.id, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	}
	block_until_closed(&blocker, fd);
	for (p = 0; p < 2; p++) {
		for (i = 0; i < 8; i++)
			job[i] = runner_job(&r[p]);
		CHECK_OK(job_submit(fd, r[p].ctx, job, 8, NULL));
	}
	CHECK_OK(ctx_destroy(fd, blocker.ctx));
	CHECK_OK(job_wait(fd, r[0].ctx, 8, in_seconds(DEVICE_SECONDS), &low));
	CHECK_OK(job_wait(fd, r[1].ctx, 8, in_seconds(DEVICE_SECONDS), &high));
	CHECK(high.end_ns < low.start_ns);
}

TEST(time_of_records,
     "times of a record lie between the device's times before the submit and after the wait")
{
	struct drm_deltahop_time_info before, after;
	struct deltahop_record record;
	struct runner r;
	int fd = dev_open(), i;

	open_small(&r, fd);
	for (i = 0; i < 5; i++) {
		dev_query(fd, DRM_DELTAHOP_QUERY_TIME, &before, sizeof(before));
		CHECK_OK(runner_do(&r, &record));
		dev_query(fd, DRM_DELTAHOP_QUERY_TIME, &after, sizeof(after));
		CHECK(record.start_ns >= before.device_ns);
		CHECK(record.end_ns > record.start_ns);
		CHECK(record.end_ns <= after.device_ns);
	}
}
