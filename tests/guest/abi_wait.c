// SPDX-License-Identifier: MIT
/* WAIT: every wrong field, the sizes of its argument, times. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"
#include "runner.h"

struct fixture {
	int fd;
	struct runner runner;
	uint32_t seqno;
	struct drm_deltahop_wait arg;
};

static void open_fixture(struct fixture *f)
{
	struct network net;

	network_small(&net, 1);
	memset(f, 0, sizeof(*f));
	f->fd = dev_open();
	runner_create(&f->runner, f->fd, ctx_create(f->fd), &net, 1,
		      DRM_DELTAHOP_PLACEMENT_DEFAULT);
	f->seqno = runner_seqno(&f->runner);
	f->arg = (struct drm_deltahop_wait){
		.ctx = f->runner.ctx,
		.seqno = f->seqno,
		.timeout_ns = in_seconds(DEVICE_SECONDS),
	};
	memset(&f->arg.record, 0xa5, sizeof(f->arg.record));
}

static int wait(struct fixture *f)
{
	return dev_ioctl(f->fd, DRM_IOCTL_DELTAHOP_WAIT, &f->arg);
}

static void still_works(struct fixture *f)
{
	struct stream *stream = calloc(1, sizeof(*stream));
	struct deltahop_record record;

	CHECK(stream);
	CHECK_OK(job_wait(f->fd, f->runner.ctx, f->seqno, in_seconds(DEVICE_SECONDS), &record));
	CHECK_EQ(record.status, DELTAHOP_STATUS_OK);
	CHECK_EQ(record.seqno, f->seqno);
	runner_check(&f->runner, stream);
}

#define WRONG(suffix, text, error, spoil)                                     \
	TEST(wait_##suffix, "WAIT refuses " text ", and its record is empty") \
	{                                                                     \
		struct fixture f;                                             \
                                                                              \
		open_fixture(&f);                                             \
		spoil;                                                        \
		CHECK_ERR(wait(&f), error);                                   \
		CHECK_EQ(f.arg.record.status, DELTAHOP_STATUS_NONE);          \
		still_works(&f);                                              \
	}

WRONG(ctx, "a context that is none", ENOENT, f.arg.ctx = 4711)
WRONG(ctx_zero, "context 0", ENOENT, f.arg.ctx = 0)
WRONG(seqno, "a number not yet given out", ENOENT, f.arg.seqno++)
WRONG(seqno_far, "a number far ahead", ENOENT, f.arg.seqno += 1 << 30)
WRONG(seqno_zero, "number 0", ENOENT, f.arg.seqno = 0)
WRONG(flags, "an unknown flag", EINVAL, f.arg.flags = 1)
WRONG(flags_high, "the highest flag", EINVAL, f.arg.flags = 1U << 31)
WRONG(pad, "a pad that is not zero", EINVAL, f.arg.pad = 1)

TEST(wait_argument, "WAIT refuses an argument without memory")
{
	struct fixture f;

	open_fixture(&f);
	CHECK_ERR(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_WAIT, NULL), EFAULT);
	CHECK_ERR(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_WAIT, (void *)(uintptr_t)unmapped()), EFAULT);
	still_works(&f);
}

TEST(wait_foreign, "a context of another file is none")
{
	struct fixture f;
	int other;

	open_fixture(&f);
	other = dev_open();
	CHECK_ERR(dev_ioctl(other, DRM_IOCTL_DELTAHOP_WAIT, &f.arg), ENOENT);
	still_works(&f);
}

TEST(wait_page_end, "WAIT touches nothing behind an argument that ends a page")
{
	struct drm_deltahop_wait *at;
	struct fixture f;

	open_fixture(&f);
	at = page_end(&f.arg, sizeof(f.arg));
	CHECK_OK(dev_ioctl(f.fd, DRM_IOCTL_DELTAHOP_WAIT, at));
	CHECK_EQ(at->record.seqno, f.seqno);
	still_works(&f);
}

struct shorter_wait {
	uint32_t ctx;
	uint32_t seqno;
	int64_t timeout_ns;
	struct deltahop_record record;
};

TEST(wait_sizes, "a shorter WAIT is filled up with zeros, a longer one with zeros behind is taken")
{
	struct {
		struct drm_deltahop_wait arg;
		uint64_t more[2];
	} longer = { 0 };
	struct shorter_wait shorter;
	struct fixture f;

	open_fixture(&f);
	memcpy(&shorter, &f.arg, sizeof(shorter));
	CHECK_OK(dev_ioctl(f.fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_WAIT, shorter),
			   page_end(&shorter, sizeof(shorter))));
	longer.arg = f.arg;
	CHECK_OK(dev_ioctl(f.fd, DRM_IOWR(DRM_COMMAND_BASE + DRM_DELTAHOP_WAIT, longer), &longer));
	CHECK_EQ(longer.arg.record.seqno, f.seqno);
	still_works(&f);
}

TEST(wait_record_only, "WAIT changes nothing but the record, and every byte of that")
{
	struct drm_deltahop_wait before;
	struct fixture f;

	open_fixture(&f);
	before = f.arg;
	CHECK_OK(wait(&f));
	CHECK(!memcmp(&before, &f.arg, offsetof(struct drm_deltahop_wait, record)));
	CHECK_EQ(f.arg.flags, 0);
	CHECK_EQ(f.arg.pad, 0);
	CHECK_EQ(f.arg.record.size, sizeof(f.arg.record));
	CHECK_EQ(f.arg.record.profile_lost, 0);
}

TEST(wait_moments, "WAIT takes every moment: past, negative, far ahead")
{
	static const int64_t moments[] = { 0, -1, INT64_MIN, INT64_MAX, 1 };
	struct fixture f;
	unsigned int i;

	open_fixture(&f);
	still_works(&f);
	for (i = 0; i < 5; i++) {
		f.arg.timeout_ns = moments[i];
		CHECK_OK(wait(&f));
		CHECK_EQ(f.arg.record.seqno, f.seqno);
	}
}
