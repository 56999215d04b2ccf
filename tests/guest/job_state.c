// SPDX-License-Identifier: MIT
/* States: many streams on one engine, resets, loss, and that nobody gets another's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "runner.h"

#define STEPS  4
#define ROUNDS 6

static struct stream streams[4];

struct lane {
	struct runner r;
	struct stream *stream;
};

static void open_lane(struct lane *lane, int fd, uint32_t ctx, unsigned int number, bool other)
{
	struct network net;

	if (other)
		network_other(&net, 10 + number);
	else
		network_small(&net, 10 + number);
	runner_create(&lane->r, fd, ctx, &net, STEPS, DRM_DELTAHOP_PLACEMENT_DEFAULT);
	lane->stream = &streams[number];
}

static void run_lane(struct lane *lane, uint32_t seed)
{
	runner_inputs(&lane->r, seed);
	CHECK_OK(runner_do(&lane->r, NULL));
	runner_check(&lane->r, lane->stream);
}

TEST(state_two_streams, "two states of one context, used in turn, give the bits of each run alone")
{
	struct lane lane[2];
	unsigned int round;
	int fd = dev_open();
	uint32_t ctx = ctx_create(fd);

	open_lane(&lane[0], fd, ctx, 0, false);
	open_lane(&lane[1], fd, ctx, 1, true);
	for (round = 0; round < ROUNDS; round++) {
		run_lane(&lane[0], 2 * round);
		run_lane(&lane[1], 2 * round + 1);
	}
}

TEST(state_same_network, "three states of one network and one bindings object do not mix")
{
	uint32_t state[3];
	struct lane lane;
	unsigned int i;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	for (i = 0; i < 3; i++)
		CHECK_OK(state_create(fd, lane.r.ctx, lane.r.net.state_bytes, 0, 0, &state[i]));
	CHECK_OK(state_destroy(fd, lane.r.state));
	for (i = 0; i < 3 * ROUNDS; i++) {
		lane.r.state = state[i * 7 % 3];
		lane.stream = &streams[i * 7 % 3];
		run_lane(&lane, 100 + i);
	}
}

TEST(state_two_contexts, "states of two contexts of one file give the bits of each run alone")
{
	struct lane lane[2];
	unsigned int round;
	int fd = dev_open();

	open_lane(&lane[0], fd, ctx_create(fd), 0, false);
	open_lane(&lane[1], fd, ctx_create(fd), 1, false);
	for (round = 0; round < ROUNDS; round++) {
		run_lane(&lane[round % 2], round);
		run_lane(&lane[1 - round % 2], 50 + round);
	}
}

TEST(state_two_files,
     "states of two files, all submitted before any is waited for, give the bits of each run alone")
{
	struct lane lane[4];
	uint32_t seqno[4];
	unsigned int round, i;

	for (i = 0; i < 4; i++) {
		int fd = dev_open();

		open_lane(&lane[i], fd, ctx_create(fd), i, i & 1);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < 4; i++) {
			runner_inputs(&lane[i].r, 4 * round + i);
			seqno[i] = runner_seqno(&lane[i].r);
		}
		for (i = 0; i < 4; i++) {
			CHECK_OK(job_wait(lane[i].r.fd, lane[i].r.ctx, seqno[i],
					  in_seconds(DEVICE_SECONDS), NULL));
			runner_check(&lane[i].r, lane[i].stream);
		}
	}
}

TEST(state_reset_ioctl, "STATE_RESET: the next job starts from zeros, those after it do not")
{
	struct lane lane;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	run_lane(&lane, 1);
	run_lane(&lane, 2);
	CHECK_OK(state_reset(fd, lane.r.state));
	memset(lane.stream, 0, sizeof(*lane.stream));
	run_lane(&lane, 3);
	run_lane(&lane, 4);
}

static void run_with_flags(struct lane *lane, uint32_t flags)
{
	struct drm_deltahop_job job = runner_job(&lane->r);

	job.flags = flags;
	CHECK_OK(job_submit(lane->r.fd, lane->r.ctx, &job, 1, NULL));
	CHECK_OK(job_wait(lane->r.fd, lane->r.ctx, job.seqno, in_seconds(DEVICE_SECONDS), NULL));
}

TEST(state_reset_flag, "JOB_STATE_RESET: this job starts from zeros")
{
	struct lane lane;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	run_lane(&lane, 1);
	runner_inputs(&lane.r, 2);
	run_with_flags(&lane, DRM_DELTAHOP_JOB_STATE_RESET);
	memset(lane.stream, 0, sizeof(*lane.stream));
	runner_check(&lane.r, lane.stream);
	run_lane(&lane, 3);
}

TEST(state_reset_ordered,
     "STATE_RESET does not reach back: jobs submitted before it keep their state")
{
	struct runner blocker;
	struct lane lane;
	uint32_t seqno;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	run_lane(&lane, 1);
	runner_blocker(&blocker, fd, lane.r.ctx, 50);
	runner_inputs(&lane.r, 2);
	runner_seqno(&blocker);
	seqno = runner_seqno(&lane.r);
	CHECK_OK(state_reset(fd, lane.r.state));
	CHECK_OK(job_wait(fd, lane.r.ctx, seqno, in_seconds(DEVICE_SECONDS), NULL));
	runner_check(&lane.r, lane.stream);
	memset(lane.stream, 0, sizeof(*lane.stream));
	run_lane(&lane, 3);
}

/* Let a job of the lane fail, which loses its state. */
static void lose_state(struct lane *lane)
{
	struct deltahop_cmd *end = runner_end(&lane->r);
	struct deltahop_record record;

	end->opcode = 77;
	CHECK_ERR(runner_do(&lane->r, &record), EIO);
	CHECK_EQ(record.status, DELTAHOP_STATUS_FAULT);
	end->opcode = DELTAHOP_OP_END;
}

static void check_lost(struct lane *lane)
{
	struct deltahop_record record;
	uint32_t seqno = runner_seqno(&lane->r);

	CHECK_ERR(job_wait(lane->r.fd, lane->r.ctx, seqno, in_seconds(DEVICE_SECONDS), &record),
		  ENODATA);
	CHECK_EQ(record.status, DELTAHOP_STATUS_DEPENDENCY_FAILED);
	CHECK_EQ(record.reason, DELTAHOP_REASON_STATE_LOST);
	CHECK_EQ(record.writer, DELTAHOP_WRITER_DRIVER);
	CHECK_EQ(record.size, sizeof(record));
	CHECK_EQ(record.version, DELTAHOP_RECORD_VERSION);
	CHECK_EQ(record.seqno, seqno);
}

TEST(state_lost, "after a failed job its state is lost, job after job, until STATE_RESET")
{
	struct lane lane;
	int fd = dev_open(), i;

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	run_lane(&lane, 1);
	lose_state(&lane);
	for (i = 0; i < 3; i++)
		check_lost(&lane);
	CHECK_OK(state_reset(fd, lane.r.state));
	memset(lane.stream, 0, sizeof(*lane.stream));
	run_lane(&lane, 2);
}

TEST(state_lost_flag, "after a failed job a job with JOB_STATE_RESET brings its state back")
{
	struct lane lane;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	lose_state(&lane);
	check_lost(&lane);
	runner_inputs(&lane.r, 3);
	run_with_flags(&lane, DRM_DELTAHOP_JOB_STATE_RESET);
	runner_check(&lane.r, lane.stream);
	run_lane(&lane, 4);
}

TEST(state_lost_alone, "a lost state harms no other state of the context")
{
	struct lane lane[2];
	int fd = dev_open();
	uint32_t ctx = ctx_create(fd);

	open_lane(&lane[0], fd, ctx, 0, false);
	open_lane(&lane[1], fd, ctx, 1, true);
	run_lane(&lane[0], 1);
	run_lane(&lane[1], 2);
	lose_state(&lane[0]);
	run_lane(&lane[1], 3);
	check_lost(&lane[0]);
	run_lane(&lane[1], 4);
}

TEST(state_lost_queued,
     "jobs of a state that are queued behind the failing one do not run on garbage")
{
	struct drm_deltahop_job job[4];
	struct deltahop_record record;
	struct lane bad, good;
	unsigned int i;
	int fd = dev_open();
	uint32_t ctx = ctx_create(fd);

	open_lane(&bad, fd, ctx, 0, false);
	open_lane(&good, fd, ctx, 1, true);
	runner_end(&bad.r)->opcode = 77;
	for (i = 0; i < 3; i++)
		job[i] = runner_job(&bad.r);
	job[3] = runner_job(&good.r);
	CHECK_OK(job_submit(fd, ctx, job, 4, NULL));
	CHECK_ERR(job_wait(fd, ctx, job[0].seqno, in_seconds(DEVICE_SECONDS), &record), EIO);
	for (i = 1; i < 3; i++) {
		CHECK_ERR(job_wait(fd, ctx, job[i].seqno, in_seconds(DEVICE_SECONDS), &record),
			  ENODATA);
		CHECK_EQ(record.status, DELTAHOP_STATUS_DEPENDENCY_FAILED);
	}
	CHECK_OK(job_wait(fd, ctx, job[3].seqno, in_seconds(DEVICE_SECONDS), &record));
	runner_check(&good.r, good.stream);
}

TEST(state_destroy_queued, "a state can be destroyed while its jobs are queued: they answer right")
{
	struct runner blocker;
	struct lane lane;
	uint32_t seqno;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	run_lane(&lane, 1);
	runner_blocker(&blocker, fd, lane.r.ctx, 50);
	runner_inputs(&lane.r, 2);
	runner_seqno(&blocker);
	seqno = runner_seqno(&lane.r);
	CHECK_OK(state_destroy(fd, lane.r.state));
	CHECK_OK(bindings_destroy(fd, lane.r.bindings));
	CHECK_OK(job_wait(fd, lane.r.ctx, seqno, in_seconds(DEVICE_SECONDS), NULL));
	runner_check(&lane.r, lane.stream);
}

TEST(state_not_leaked, "a state made of zeros is zeros, whatever ran on the engine before")
{
	static int16_t expected[STEPS * 16];
	struct lane lane[2];
	int fd = dev_open(), other = dev_open();

	open_lane(&lane[0], fd, ctx_create(fd), 0, false);
	run_lane(&lane[0], 1);
	open_lane(&lane[1], other, ctx_create(other), 0, false);
	memset(lane[1].stream, 0, sizeof(*lane[1].stream));
	runner_expect(&lane[1].r, lane[1].stream, expected, NULL);
	CHECK_OK(runner_do(&lane[1].r, NULL));
	CHECK_EQ(runner_differs(&lane[1].r, expected), 0);
}

static void check_stateless(struct runner *r, uint32_t ctx)
{
	struct drm_deltahop_job job = runner_job(r);
	struct deltahop_record record;

	job.state = 0;
	CHECK_OK(job_submit(r->fd, ctx, &job, 1, NULL));
	CHECK_ERR(job_wait(r->fd, ctx, job.seqno, in_seconds(DEVICE_SECONDS), &record), EIO);
	CHECK_EQ(record.status, DELTAHOP_STATUS_FAULT);
	CHECK_EQ(record.reason, DELTAHOP_REASON_NOT_LOADED);
}

TEST(state_none_given,
     "a job without state gets nobody's: not its context's, not another's; and harms neither")
{
	struct lane lane;
	int fd = dev_open();

	open_lane(&lane, fd, ctx_create(fd), 0, false);
	run_lane(&lane, 1);
	check_stateless(&lane.r, lane.r.ctx);
	run_lane(&lane, 2);
	check_stateless(&lane.r, ctx_create(fd));
	run_lane(&lane, 3);
}

TEST(state_largest, "a state as large as the state memory works, and one more in turn")
{
	struct lane lane[2];
	unsigned int i, round;
	int fd = dev_open();
	uint32_t ctx = ctx_create(fd);

	for (i = 0; i < 2; i++) {
		open_lane(&lane[i], fd, ctx, i, false);
		CHECK_OK(state_destroy(fd, lane[i].r.state));
		CHECK_OK(state_create(fd, ctx, lane[i].r.info.rnn_state_bytes, 0, 0,
				      &lane[i].r.state));
	}
	for (round = 0; round < 3; round++)
		for (i = 0; i < 2; i++)
			run_lane(&lane[i], 10 * round + i);
}
