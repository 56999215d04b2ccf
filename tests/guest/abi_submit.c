// SPDX-License-Identifier: MIT
/*
 * SUBMIT: three jobs of which the middle one is wrong in one field. Nothing of such a submit may happen: no number is
 * given out, no syncobj is touched, and the same jobs without the mistake run.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ktap.h"
#include "runner.h"

#define JOBS	  3
#define WRONG_JOB 1
#define STEPS	  2
#define OVERRIDES 8
#define SYNCS	  64
#define PAGE	  4096
#define NO_JOB	  ~0U

struct fixture {
	int fd;
	struct runner runner;
	struct stream stream;
	uint32_t seqno;	     /* the last one given out */
	uint32_t done[JOBS]; /* syncobjs, signalled by the jobs */
	struct drm_deltahop_sync sync[JOBS][SYNCS + 1];
	struct drm_deltahop_override override[OVERRIDES + 1];
	struct drm_deltahop_job job[JOBS];
	struct drm_deltahop_submit arg;
};

static void open_fixture(struct fixture *f)
{
	struct network net;
	unsigned int i;

	network_small(&net, 1);
	memset(f, 0, sizeof(*f));
	f->fd = dev_open();
	runner_create(&f->runner, f->fd, ctx_create(f->fd), &net, STEPS,
		      DRM_DELTAHOP_PLACEMENT_DEFAULT);
	f->seqno = runner_seqno(&f->runner);
	CHECK_OK(job_wait(f->fd, f->runner.ctx, f->seqno, in_seconds(DEVICE_SECONDS), NULL));
	runner_check(&f->runner, &f->stream);
	for (i = 0; i < JOBS; i++) {
		f->done[i] = syncobj_create(f->fd);
		f->sync[i][0] =
			(struct drm_deltahop_sync){ f->done[i], DRM_DELTAHOP_SYNC_SIGNAL, 0 };
		f->job[i] = runner_job(&f->runner);
		f->job[i].syncs = user_ptr(f->sync[i]);
		f->job[i].sync_count = 1;
	}
	f->arg = (struct drm_deltahop_submit){
		.ctx = f->runner.ctx,
		.jobs = user_ptr(f->job),
		.count = JOBS,
		.stride = sizeof(f->job[0]),
	};
}

static int submit(struct fixture *f)
{
	return dev_ioctl(f->fd, DRM_IOCTL_DELTAHOP_SUBMIT, &f->arg);
}

static void nothing_happened(struct fixture *f)
{
	unsigned int i;

	for (i = 0; i < JOBS; i++)
		CHECK(!syncobj_signalled(f->fd, f->done[i], 0));
	CHECK_ERR(job_wait(f->fd, f->runner.ctx, f->seqno + 1, NOW_ONLY, NULL), ENOENT);
}

/* The right jobs get the next numbers, run, signal and answer right. */
static void right_jobs_run(struct fixture *f)
{
	struct drm_deltahop_job job[JOBS];
	unsigned int i;

	for (i = 0; i < JOBS; i++) {
		job[i] = runner_job(&f->runner);
		job[i].syncs = user_ptr(f->sync[i]);
		job[i].sync_count = 1;
		f->sync[i][0] =
			(struct drm_deltahop_sync){ f->done[i], DRM_DELTAHOP_SYNC_SIGNAL, 0 };
	}
	CHECK_OK(job_submit(f->fd, f->runner.ctx, job, JOBS, NULL));
	for (i = 0; i < JOBS; i++) {
		CHECK_EQ(job[i].seqno, f->seqno + 1 + i);
		CHECK_OK(job_wait(f->fd, f->runner.ctx, job[i].seqno, in_seconds(DEVICE_SECONDS),
				  NULL));
		CHECK_OK(syncobj_wait(f->fd, f->done[i], 0, in_seconds(DEVICE_SECONDS)));
	}
	for (i = 0; i < JOBS - 1; i++)
		runner_expect(&f->runner, &f->stream, NULL, NULL);
	runner_check(&f->runner, &f->stream);
}

static void refused(struct fixture *f, int error, uint32_t bad_job)
{
	f->arg.bad_job = 0xa5a5a5a5;
	CHECK_ERR(submit(f), error);
	CHECK_EQ(f->arg.bad_job, bad_job);
	nothing_happened(f);
	right_jobs_run(f);
}

#define WRONG_ARGUMENT(suffix, text, error, spoil)                          \
	TEST(submit_##suffix, "SUBMIT refuses, and does nothing of, " text) \
	{                                                                   \
		static struct fixture f;                                    \
                                                                            \
		open_fixture(&f);                                           \
		spoil;                                                      \
		refused(&f, error, NO_JOB);                                 \
	}

WRONG_ARGUMENT(ctx, "a context that is none", ENOENT, f.arg.ctx = 4711)
WRONG_ARGUMENT(ctx_zero, "context 0", ENOENT, f.arg.ctx = 0)
WRONG_ARGUMENT(flags, "an unknown flag", EINVAL, f.arg.flags = 1)
WRONG_ARGUMENT(flags_high, "the highest flag", EINVAL, f.arg.flags = 1U << 31)
WRONG_ARGUMENT(pad, "a pad that is not zero", EINVAL, f.arg.pad = 1)
WRONG_ARGUMENT(count_zero, "no job", EINVAL, f.arg.count = 0)
WRONG_ARGUMENT(count_large, "more jobs than max_jobs", EINVAL,
	       f.arg.count = f.runner.info.max_jobs + 1)
WRONG_ARGUMENT(count_largest, "the largest count", EINVAL, f.arg.count = ~0U)
WRONG_ARGUMENT(stride_zero, "stride 0", EINVAL, f.arg.stride = 0)
WRONG_ARGUMENT(stride_odd, "a stride that is no multiple of 8", EINVAL, f.arg.stride += 4)
WRONG_ARGUMENT(stride_short, "jobs too short for their number", EINVAL,
	       f.arg.stride = offsetof(struct drm_deltahop_job, seqno))

/* Where the array itself cannot be read, the first job that cannot is named. */
#define WRONG_ARRAY(suffix, text, first, spoil)                                   \
	TEST(submit_array_##suffix, "SUBMIT refuses, and does nothing of, " text) \
	{                                                                         \
		static struct fixture f;                                          \
                                                                                  \
		open_fixture(&f);                                                 \
		spoil;                                                            \
		CHECK_ERR(submit(&f), EFAULT);                                    \
		CHECK(f.arg.bad_job == (first) || f.arg.bad_job == NO_JOB);       \
		nothing_happened(&f);                                             \
		right_jobs_run(&f);                                               \
	}

WRONG_ARRAY(null, "jobs at address 0", 0, f.arg.jobs = 0)
WRONG_ARRAY(unmapped, "jobs without memory", 0, f.arg.jobs = unmapped())
WRONG_ARRAY(kernel, "jobs in the kernel", 0, f.arg.jobs = 0xffff888000000000ULL)
WRONG_ARRAY(end, "jobs of which the last one has no memory", 1,
	    (f.arg.jobs = user_ptr(page_end(f.job, sizeof(f.job[0]))), f.arg.count = 2))
WRONG_ARRAY(stride, "a stride that leads out of memory", 0,
	    (f.arg.jobs = user_ptr(page_end(f.job, sizeof(f.job[0]))), f.arg.stride += 64))

static void need_missing_engine(const struct fixture *f)
{
	if (f->runner.info.engines & 1U << DELTAHOP_ENGINE_CONV)
		ktap_skip("this device has both engines");
}

#define WRONG_JOB_FIELD(suffix, text, error, spoil)                            \
	TEST(job_##suffix, "a submit is refused, its bad job told, for " text) \
	{                                                                      \
		struct drm_deltahop_job *job;                                  \
		static struct fixture f;                                       \
                                                                               \
		open_fixture(&f);                                              \
		job = &f.job[WRONG_JOB];                                       \
		spoil;                                                         \
		refused(&f, error, WRONG_JOB);                                 \
	}

WRONG_JOB_FIELD(engine, "an engine that no device has", EINVAL, job->engine = DELTAHOP_ENGINE_COUNT)
WRONG_JOB_FIELD(engine_largest, "the largest engine", EINVAL, job->engine = ~0U)
WRONG_JOB_FIELD(engine_missing, "an engine that this device lacks", EOPNOTSUPP,
		(need_missing_engine(&f), job->engine = DELTAHOP_ENGINE_CONV, job->state = 0))
WRONG_JOB_FIELD(engine_state, "a state of another engine", EINVAL,
		job->engine = DELTAHOP_ENGINE_CONV)
WRONG_JOB_FIELD(flags_state, "the reset of a state without a state", EINVAL,
		(job->flags = DRM_DELTAHOP_JOB_STATE_RESET, job->state = 0))
WRONG_JOB_FIELD(flags, "an unknown flag", EINVAL, job->flags = 2)
WRONG_JOB_FIELD(flags_high, "the highest flag", EINVAL, job->flags = 1U << 31)
WRONG_JOB_FIELD(bindings, "bindings that are none", ENOENT, job->bindings = 4711)
WRONG_JOB_FIELD(bindings_zero, "bindings 0", ENOENT, job->bindings = 0)
WRONG_JOB_FIELD(state, "a state that is none", ENOENT, job->state = 4711)
WRONG_JOB_FIELD(cmd_offset_odd, "commands at no multiple of 8", EINVAL, job->cmd_offset = 4)
WRONG_JOB_FIELD(cmd_offset_end, "commands past the region's end", ERANGE,
		job->cmd_offset = f.runner.binding[REGION_COMMANDS].size)
WRONG_JOB_FIELD(cmd_offset_largest, "commands whose end overflows", ERANGE, job->cmd_offset = ~7ULL)
WRONG_JOB_FIELD(cmd_size_zero, "no commands", EINVAL, job->cmd_size = 0)
WRONG_JOB_FIELD(cmd_size_odd, "a command size that is no multiple of 8", EINVAL, job->cmd_size += 4)
WRONG_JOB_FIELD(cmd_size_end, "commands longer than their region", ERANGE,
		job->cmd_size = f.runner.binding[REGION_COMMANDS].size + 8)
WRONG_JOB_FIELD(cmd_size_largest, "the largest command size", ERANGE, job->cmd_size = ~7U)
WRONG_JOB_FIELD(cmd_region, "commands in a region that is not bound", EINVAL,
		job->cmd_region = REGION_COUNT)
WRONG_JOB_FIELD(cmd_region_largest, "commands in the largest region", EINVAL, job->cmd_region = ~0U)
WRONG_JOB_FIELD(cmd_region_write, "commands in a region without READ", EINVAL,
		job->cmd_region = REGION_OUTPUT)
WRONG_JOB_FIELD(profile_region, "profile rows in a region that is not bound", EINVAL,
		job->profile_region = REGION_COUNT)
WRONG_JOB_FIELD(profile_region_read, "profile rows in a region without WRITE", EINVAL,
		job->profile_region = REGION_INPUT)
WRONG_JOB_FIELD(depends_self, "a job that depends on itself", EINVAL, job->depends = WRONG_JOB + 1)
WRONG_JOB_FIELD(depends_later, "a job that depends on a later one", EINVAL,
		job->depends = WRONG_JOB + 2)
WRONG_JOB_FIELD(depends_largest, "the largest dependency", EINVAL, job->depends = ~0U)
WRONG_JOB_FIELD(pad, "a pad that is not zero", EINVAL, job->pad = 1)

WRONG_JOB_FIELD(override_count, "more than 8 overrides", EINVAL,
		(job->overrides = user_ptr(f.override), job->override_count = OVERRIDES + 1))
WRONG_JOB_FIELD(override_count_largest, "the largest count of overrides", EINVAL,
		(job->overrides = user_ptr(f.override), job->override_count = ~0U))
WRONG_JOB_FIELD(override_null, "overrides at address 0", EFAULT, job->override_count = 1)
WRONG_JOB_FIELD(override_unmapped, "overrides without memory", EFAULT,
		(job->overrides = unmapped(), job->override_count = 1))
WRONG_JOB_FIELD(override_stride, "overrides of stride 0", EINVAL,
		(job->overrides = user_ptr(f.override), job->override_count = 1,
		 job->override_stride = 0))
WRONG_JOB_FIELD(sync_count, "more than 64 syncobjs", EINVAL, job->sync_count = SYNCS + 1)
WRONG_JOB_FIELD(sync_count_largest, "the largest count of syncobjs", EINVAL, job->sync_count = ~0U)
WRONG_JOB_FIELD(sync_null, "syncobjs at address 0", EFAULT, job->syncs = 0)
WRONG_JOB_FIELD(sync_unmapped, "syncobjs without memory", EFAULT, job->syncs = unmapped())
WRONG_JOB_FIELD(sync_stride, "syncobjs of stride 0", EINVAL, job->sync_stride = 0)

#define WRONG_OVERRIDE(suffix, text, error, spoil)                                                 \
	TEST(override_##suffix, "a submit is refused, its bad job told, for " text)                \
	{                                                                                          \
		struct drm_deltahop_override *o;                                                   \
		static struct fixture f;                                                           \
                                                                                                   \
		open_fixture(&f);                                                                  \
		o = &f.override[1];                                                                \
		f.override[0] = (struct drm_deltahop_override){                                    \
			.region = REGION_INPUT, .binding = f.runner.binding[REGION_INPUT]          \
		};                                                                                 \
		*o = (struct drm_deltahop_override){ .region = REGION_OUTPUT,                      \
						     .binding = f.runner.binding[REGION_OUTPUT] }; \
		spoil;                                                                             \
		f.job[WRONG_JOB].overrides = user_ptr(f.override);                                 \
		f.job[WRONG_JOB].override_count = 2;                                               \
		refused(&f, error, WRONG_JOB);                                                     \
	}

WRONG_OVERRIDE(region, "an override of a region that is not bound", EINVAL,
	       o->region = REGION_COUNT)
WRONG_OVERRIDE(region_largest, "an override of the largest region", EINVAL, o->region = ~0U)
WRONG_OVERRIDE(pad, "an override whose pad is not zero", EINVAL, o->pad = 1)
WRONG_OVERRIDE(handle, "an override by a buffer that is none", ENOENT, o->binding.handle = 4711)
WRONG_OVERRIDE(flags_none, "an override with neither READ nor WRITE", EINVAL, o->binding.flags = 0)
WRONG_OVERRIDE(flags_unknown, "an override with an unknown flag", EINVAL, o->binding.flags |= 8)
WRONG_OVERRIDE(offset_odd, "an override at no multiple of 8", EINVAL, o->binding.offset = 4)
WRONG_OVERRIDE(size_zero, "an override of size 0", EINVAL, o->binding.size = 0)
WRONG_OVERRIDE(end, "an override past its buffer's end", ERANGE, o->binding.size = 1 << 20)
WRONG_OVERRIDE(overflow, "an override whose end overflows", ERANGE, o->binding.size = ~7ULL)

#define WRONG_SYNC(suffix, text, error, spoil)                                             \
	TEST(sync_##suffix, "a submit is refused, its bad job told, for " text)            \
	{                                                                                  \
		struct drm_deltahop_sync *s;                                               \
		static struct fixture f;                                                   \
                                                                                           \
		open_fixture(&f);                                                          \
		s = &f.sync[WRONG_JOB][1];                                                 \
		*s = (struct drm_deltahop_sync){ f.done[0], DRM_DELTAHOP_SYNC_SIGNAL, 7 }; \
		spoil;                                                                     \
		f.job[WRONG_JOB].sync_count = 2;                                           \
		refused(&f, error, WRONG_JOB);                                             \
	}

WRONG_SYNC(handle, "a syncobj to signal that is none", ENOENT, s->handle = 4711)
WRONG_SYNC(handle_zero, "syncobj 0", ENOENT, s->handle = 0)
WRONG_SYNC(handle_wait, "a syncobj to wait for that is none", ENOENT,
	   (s->handle = 4711, s->flags = 0))
WRONG_SYNC(flags, "an unknown flag of a syncobj", EINVAL, s->flags = 2)
WRONG_SYNC(flags_high, "the highest flag of a syncobj", EINVAL, s->flags |= 1U << 31)
WRONG_SYNC(no_fence, "waiting for a syncobj that has no fence", EINVAL,
	   (s->flags = DRM_DELTAHOP_SYNC_WAIT, s->point = 0, s->handle = syncobj_create(f.fd)))
WRONG_SYNC(no_point, "waiting for a point of a timeline that nobody has submitted", EINVAL,
	   (s->flags = DRM_DELTAHOP_SYNC_WAIT, s->handle = syncobj_create(f.fd)))

TEST(job_state_foreign, "a submit is refused, its bad job told, for a state of another context")
{
	static struct fixture f;

	open_fixture(&f);
	CHECK_OK(state_create(f.fd, ctx_create(f.fd), f.runner.net.state_bytes, 0, 0,
			      &f.job[WRONG_JOB].state));
	CHECK_ERR2(submit(&f), ENOENT, EINVAL);
	CHECK_EQ(f.arg.bad_job, WRONG_JOB);
	nothing_happened(&f);
	right_jobs_run(&f);
}

TEST(job_cmd_region_empty,
     "a submit is refused, its bad job told, for commands in a region without memory")
{
	static struct fixture f;

	open_fixture(&f);
	memset(&f.runner.binding[REGION_COMMANDS], 0, sizeof(f.runner.binding[0]));
	CHECK_OK(bindings_create(f.fd, f.runner.binding, REGION_COUNT, &f.job[WRONG_JOB].bindings));
	CHECK_ERR2(submit(&f), EINVAL, ERANGE);
	CHECK_EQ(f.arg.bad_job, WRONG_JOB);
	nothing_happened(&f);
	right_jobs_run(&f);
}

TEST(submit_first_bad, "of several bad jobs the first is told")
{
	static struct fixture f;

	open_fixture(&f);
	f.job[1].pad = 1;
	f.job[2].flags = 1U << 31;
	refused(&f, EINVAL, 1);
}

TEST(submit_last_bad, "a bad last job undoes the good ones before")
{
	static struct fixture f;

	open_fixture(&f);
	f.job[2].bindings = 4711;
	refused(&f, ENOENT, 2);
}

TEST(submit_read_only,
     "jobs in memory that cannot be written to are refused, and nothing of them happens")
{
	static struct fixture f;
	void *at;

	open_fixture(&f);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	memcpy(at, f.job, sizeof(f.job));
	CHECK(!mprotect(at, PAGE, PROT_READ));
	f.arg.jobs = user_ptr(at);
	CHECK_ERR(submit(&f), EFAULT);
	nothing_happened(&f);
	right_jobs_run(&f);
}

TEST(submit_argument, "SUBMIT refuses an argument without memory")
{
	static struct fixture f;

	open_fixture(&f);
	CHECK_ERR(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_SUBMIT, NULL), EFAULT);
	CHECK_ERR(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_SUBMIT, (void *)(uintptr_t)unmapped()),
		  EFAULT);
	nothing_happened(&f);
	right_jobs_run(&f);
}

static void wait_all(struct fixture *f, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		CHECK_OK(job_wait(f->fd, f->runner.ctx, ++f->seqno, in_seconds(DEVICE_SECONDS),
				  NULL));
		if (i < count - 1)
			runner_expect(&f->runner, &f->stream, NULL, NULL);
	}
	runner_check(&f->runner, &f->stream);
}

TEST(submit_page_end,
     "SUBMIT touches nothing behind argument, jobs, overrides and syncobjs that end a page")
{
	static struct fixture f;
	unsigned int i;

	open_fixture(&f);
	f.override[0] = (struct drm_deltahop_override){
		.region = REGION_INPUT,
		.binding = f.runner.binding[REGION_INPUT],
	};
	for (i = 0; i < JOBS; i++) {
		f.job[i].overrides = user_ptr(page_end(f.override, sizeof(f.override[0])));
		f.job[i].override_count = 1;
		f.job[i].syncs = user_ptr(page_end(f.sync[i], sizeof(f.sync[i][0])));
	}
	f.arg.jobs = user_ptr(page_end(f.job, sizeof(f.job)));
	CHECK_OK(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_SUBMIT, page_end(&f.arg, sizeof(f.arg))));
	wait_all(&f, JOBS);
}

struct longer_job {
	struct drm_deltahop_job job;
	uint64_t more[3];
};

TEST(submit_stride_longer,
     "jobs longer than the kernel's are taken if the rest is zero, and refused if not")
{
	struct longer_job longer[JOBS];
	static struct fixture f;
	unsigned int i;

	open_fixture(&f);
	for (i = 0; i < JOBS; i++)
		longer[i] = (struct longer_job){ .job = f.job[i] };
	f.arg.jobs = user_ptr(longer);
	f.arg.stride = sizeof(longer[0]);
	longer[WRONG_JOB].more[2] = 1;
	CHECK_ERR2(submit(&f), E2BIG, EINVAL);
	CHECK_EQ(f.arg.bad_job, WRONG_JOB);
	nothing_happened(&f);
	longer[WRONG_JOB].more[2] = 0;
	CHECK_OK(submit(&f));
	for (i = 0; i < JOBS; i++)
		CHECK_EQ(longer[i].job.seqno, f.seqno + 1 + i);
	wait_all(&f, JOBS);
}

TEST(submit_inner_strides,
     "longer overrides and syncobjs are taken if the rest is zero, and refused if not")
{
	struct {
		struct drm_deltahop_override o;
		uint64_t more;
	} override[2] = { 0 };
	struct {
		struct drm_deltahop_sync s;
		uint64_t more;
	} sync[2] = { 0 };
	static struct fixture f;
	struct drm_deltahop_job *job = &f.job[WRONG_JOB];

	open_fixture(&f);
	override[0].o =
		(struct drm_deltahop_override){ REGION_INPUT, 0, f.runner.binding[REGION_INPUT] };
	override[1].o =
		(struct drm_deltahop_override){ REGION_OUTPUT, 0, f.runner.binding[REGION_OUTPUT] };
	sync[0].s = f.sync[WRONG_JOB][0];
	sync[1].s = (struct drm_deltahop_sync){ syncobj_create(f.fd), DRM_DELTAHOP_SYNC_SIGNAL, 5 };
	job->overrides = user_ptr(page_end(override, sizeof(override)));
	job->syncs = user_ptr(page_end(sync, sizeof(sync)));
	job->override_count = job->sync_count = 2;
	job->override_stride = sizeof(override[0]);
	job->sync_stride = sizeof(sync[0]);
	override[1].more = 1;
	job->overrides = user_ptr(override);
	CHECK_ERR2(submit(&f), E2BIG, EINVAL);
	CHECK_EQ(f.arg.bad_job, WRONG_JOB);
	override[1].more = 0;
	sync[0].more = 1;
	job->syncs = user_ptr(sync);
	CHECK_ERR2(submit(&f), E2BIG, EINVAL);
	CHECK_EQ(f.arg.bad_job, WRONG_JOB);
	nothing_happened(&f);
	sync[0].more = 0;
	CHECK_OK(submit(&f));
	wait_all(&f, JOBS);
	CHECK_OK(syncobj_wait(f.fd, sync[1].s.handle, 5, in_seconds(DEVICE_SECONDS)));
}

TEST(submit_full_arrays, "8 overrides and 64 syncobjs of one job are taken")
{
	struct drm_deltahop_job *job;
	static struct fixture f;
	unsigned int i;

	open_fixture(&f);
	job = &f.job[WRONG_JOB];
	for (i = 0; i < OVERRIDES; i++)
		f.override[i] = (struct drm_deltahop_override){ REGION_INPUT, 0,
								f.runner.binding[REGION_INPUT] };
	for (i = 1; i < SYNCS; i++)
		f.sync[WRONG_JOB][i] = (struct drm_deltahop_sync){ syncobj_create(f.fd),
								   DRM_DELTAHOP_SYNC_SIGNAL,
								   i % 3 };
	job->overrides = user_ptr(f.override);
	job->override_count = OVERRIDES;
	job->sync_count = SYNCS;
	CHECK_OK(submit(&f));
	wait_all(&f, JOBS);
	for (i = 0; i < SYNCS; i++)
		CHECK(syncobj_signalled(f.fd, f.sync[WRONG_JOB][i].handle,
					f.sync[WRONG_JOB][i].point));
}

TEST(submit_destroyed, "a context that was closed takes no job")
{
	static struct fixture f;

	open_fixture(&f);
	CHECK_OK(ctx_destroy(f.fd, f.runner.ctx));
	CHECK_ERR(submit(&f), ENOENT);
	CHECK_EQ(f.arg.bad_job, NO_JOB);
}
