// SPDX-License-Identifier: MIT
/*
 * Faults that the virtual device makes on purpose. Argument inject=boot: the fault was set by a property of the device (run
 * one test by name then); inject=monitor: the test asks for it, by a line that the host hands to QEMU's monitor. Either way the
 * fault meets one of the coming jobs, nobody knows which.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "pci.h"
#include "runner.h"

#define STEPS	4
#define JOBS	4
#define ROUNDS	3000
#define SECONDS 120 /* until the fault has come */

struct side {
	struct runner r;
	struct stream stream;
	struct drm_deltahop_job job[JOBS];
	unsigned int failed;
	struct deltahop_record record; /* of the job that failed first */
};

static struct side sides[2];

/* The @nth job, or reset, from now on. */
static void ask_for_nth(const char *what, unsigned int nth)
{
	const char *how = ktap_option("inject");
	char line[80];
	int length;

	if (!how)
		ktap_skip("no fault injection here (inject=boot or inject=monitor)");
	if (strcmp(how, "monitor"))
		return;
	length = snprintf(line, sizeof(line),
			  "@monitor: qom-set /machine/peripheral/dh0 inject-%s %u\n", what, nth);
	CHECK_EQ(write(STDOUT_FILENO, line, length), length);
}

static void ask_for(const char *what)
{
	ask_for_nth(what, 7);
}

static void need_monitor(void)
{
	if (!ktap_option("inject") || strcmp(ktap_option("inject"), "monitor"))
		ktap_skip("needs inject=monitor");
}

static void open_sides(void)
{
	struct network net;
	int i;

	for (i = 0; i < 2; i++) {
		int fd = dev_open();

		if (i)
			network_other(&net, 1);
		else
			network_small(&net, 2);
		runner_create(&sides[i].r, fd, ctx_create(fd), &net, STEPS,
			      DRM_DELTAHOP_PLACEMENT_DEFAULT);
	}
}

static void submit_side(struct side *side, uint32_t seed)
{
	unsigned int i;

	side->failed = 0;
	runner_inputs(&side->r, seed);
	for (i = 0; i < JOBS; i++)
		side->job[i] = runner_job(&side->r);
	CHECK_OK(job_submit(side->r.fd, side->r.ctx, side->job, JOBS, NULL));
}

/* After the first failure the state is lost, and all later jobs of this side say so. */
static void wait_side(struct side *side, int error)
{
	struct deltahop_record record;
	unsigned int i;

	for (i = 0; i < JOBS; i++) {
		int ret = job_wait(side->r.fd, side->r.ctx, side->job[i].seqno, in_seconds(SECONDS),
				   &record);

		if (!ret && !side->failed)
			continue;
		CHECK_ERR(ret, side->failed ? ENODATA : error);
		CHECK_EQ(record.seqno, side->job[i].seqno);
		if (!side->failed++)
			side->record = record;
	}
}

/* The answers of a side that met no fault; one that did starts anew. */
static void check_side(struct side *side)
{
	unsigned int i;

	if (side->failed) {
		CHECK_OK(state_reset(side->r.fd, side->r.state));
		memset(&side->stream, 0, sizeof(side->stream));
		return;
	}
	for (i = 0; i < JOBS - 1; i++)
		runner_expect(&side->r, &side->stream, NULL, NULL);
	runner_check(&side->r, &side->stream);
}

static void round_of_jobs(uint32_t seed, int error)
{
	int i;

	for (i = 0; i < 2; i++)
		submit_side(&sides[i], seed + i);
	for (i = 0; i < 2; i++)
		wait_side(&sides[i], error);
	for (i = 0; i < 2; i++)
		check_side(&sides[i]);
}

/* Rounds of jobs until a side has met the fault; the other one must not notice. Returns the guilty side. */
static struct side *meet_fault(int error)
{
	int64_t until = in_seconds(SECONDS);
	unsigned int round;

	for (round = 0; round < ROUNDS && now_ns() < until; round++) {
		round_of_jobs(2 * round, error);
		if (!sides[0].failed && !sides[1].failed)
			continue;
		CHECK(!sides[0].failed || !sides[1].failed);
		ktap_note("met in round %u", round);
		return sides[0].failed ? &sides[0] : &sides[1];
	}
	ktap_fail(__FILE__, __LINE__, "the fault did not come in %u rounds", round);
}

static void all_works(void)
{
	unsigned int round;

	for (round = 0; round < 5; round++) {
		round_of_jobs(5000 + 2 * round, 0);
		CHECK(!sides[0].failed && !sides[1].failed);
	}
}

static void dead_engine(void)
{
	struct side *guilty = meet_fault(ETIME);

	CHECK_EQ(guilty->record.status, DELTAHOP_STATUS_TIMEOUT);
	CHECK_EQ(guilty->record.reason, DELTAHOP_REASON_HANG);
	CHECK_EQ(guilty->record.writer, DELTAHOP_WRITER_DRIVER);
	CHECK_EQ(guilty->record.engine, DELTAHOP_ENGINE_RNN);
	CHECK_EQ(guilty->record.size, sizeof(guilty->record));
	CHECK_EQ(guilty->record.version, DELTAHOP_RECORD_VERSION);
	all_works();
}

TEST_LIMIT(stuck, 300,
	   "a dead engine: its job ends TIMEOUT with the reason, others' jobs answer right, and "
	   "all goes on")
{
	ask_for("stuck");
	open_sides();
	dead_engine();
}

TEST_LIMIT(stuck_again, 600, "an engine that dies again and again is reset again and again")
{
	int i;

	need_monitor();
	open_sides();
	for (i = 0; i < 5; i++) {
		ask_for("stuck");
		dead_engine();
	}
}

TEST_LIMIT(
	ring_reset, 300,
	"a dead engine whose reset does not end: the device is reset, its job ends TIMEOUT, others' "
	"jobs answer right")
{
	need_monitor();
	ask_for_nth("ring-reset", 1);
	ask_for("stuck");
	open_sides();
	dead_engine();
}

/* A job on either side; the last record is that of the last job that was taken. */
static int try_sides(struct deltahop_record *record, unsigned int *timeouts)
{
	int ret = 0, i;

	for (i = 0; i < 2 && !ret; i++) {
		struct drm_deltahop_job job = runner_job(&sides[i].r);

		ret = job_submit(sides[i].r.fd, sides[i].r.ctx, &job, 1, NULL);
		if (!ret)
			ret = job_wait(sides[i].r.fd, sides[i].r.ctx, job.seqno,
				       in_seconds(SECONDS), record);
	}
	if (ret != -ETIME)
		return ret;
	CHECK_EQ(record->status, DELTAHOP_STATUS_TIMEOUT);
	CHECK_EQ(record->reason, DELTAHOP_REASON_HANG);
	++*timeouts;
	return 0;
}

/* Jobs until the device has been given up: one meets the fault, and what comes then is refused. */
static void meet_death(void)
{
	int64_t until = in_seconds(SECONDS);
	struct deltahop_record record;
	unsigned int timeouts = 0;
	int ret;

	do
		ret = try_sides(&record, &timeouts);
	while (!ret && now_ns() < until);
	CHECK_ERR(ret, ENODEV);
	CHECK_EQ(timeouts, 1);
}

TEST_LIMIT(dead_device, 300,
	   "a device that no reset revives: all jobs end -ENODEV, nobody hangs, and after a "
	   "function-level reset a new bind works")
{
	char address[PCI_ADDRESS_BYTES], path[96];

	need_monitor();
	pci_find(address);
	ask_for_nth("ring-reset", 1);
	ask_for_nth("reset", 1);
	ask_for("stuck");
	open_sides();
	meet_death();
	pci_unbind(address);
	snprintf(path, sizeof(path), "devices/%s/reset", address);
	pci_write(path, "1");
	pci_bind(address);
	open_sides();
	all_works();
}

TEST_LIMIT(dma, 300,
	   "a bus error: its job ends FAULT with reason DMA, others' jobs answer right, and all "
	   "goes on")
{
	struct side *guilty;

	ask_for("dma");
	open_sides();
	guilty = meet_fault(EIO);
	CHECK_EQ(guilty->record.status, DELTAHOP_STATUS_FAULT);
	CHECK_EQ(guilty->record.reason, DELTAHOP_REASON_DMA);
	CHECK_EQ(guilty->record.writer, DELTAHOP_WRITER_DEVICE);
	all_works();
}

/* Alone on the device, so that no other job's interrupt helps: the one that lost its own takes far longer. */
TEST_LIMIT(lost_irq, 300, "a lost interrupt: the job still ends well and answers right, only later")
{
	int64_t until = in_seconds(SECONDS), start, took, usual = INT64_MAX;
	struct deltahop_record record;
	struct side *side = &sides[0];
	unsigned int i;

	ask_for("lost-irq");
	open_sides();
	for (i = 0; i < ROUNDS && now_ns() < until; i++) {
		runner_inputs(&side->r, i);
		start = now_ns();
		CHECK_OK(job_wait(side->r.fd, side->r.ctx, runner_seqno(&side->r),
				  in_seconds(SECONDS), &record));
		took = now_ns() - start;
		CHECK_EQ(record.writer, DELTAHOP_WRITER_DEVICE);
		runner_check(&side->r, &side->stream);
		if (i > 3 && took > 100000000 && took > 20 * usual) {
			ktap_note("job %u took %lld us, usually %lld us", i, (long long)took / 1000,
				  (long long)usual / 1000);
			all_works();
			return;
		}
		usual = took < usual ? took : usual;
	}
	ktap_fail(__FILE__, __LINE__, "no interrupt was lost in %u jobs", i);
}
