// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion records. The device writes each into memory of its ring that no
 * user sees; a checked copy goes to the context's ring of records, which is
 * plain kernel memory that userspace can map. What the device did not write,
 * the driver does.
 */
#include "deltahop_drv.h"

#include <drm/drm_utils.h>

#define DELTAHOP_REASON_LAST DELTAHOP_REASON_BAD_DATA

/**
 * deltahop_record_make() - the driver's own record
 * @rec: out
 * @status: how the job ended
 * @reason: and why
 */
void deltahop_record_make(struct deltahop_record *rec, enum deltahop_status status,
			  enum deltahop_reason reason)
{
	*rec = (struct deltahop_record){
		.size = cpu_to_le16(sizeof(*rec)),
		.version = cpu_to_le16(DELTAHOP_RECORD_VERSION),
		.status = cpu_to_le16(status),
		.reason = cpu_to_le16(reason),
		.writer = cpu_to_le16(DELTAHOP_WRITER_DRIVER),
		.fault_region = cpu_to_le32(DELTAHOP_REGION_NONE),
	};
}

/**
 * deltahop_record_valid() - may the driver believe this record of a device?
 * @rec: record, no longer in the device's reach
 * @engine: whose
 */
bool deltahop_record_valid(const struct deltahop_record *rec, enum deltahop_engine engine)
{
	u32 status = le16_to_cpu(rec->status);
	u32 reason = le16_to_cpu(rec->reason);

	return le16_to_cpu(rec->size) == sizeof(*rec) &&
	       le16_to_cpu(rec->version) == DELTAHOP_RECORD_VERSION &&
	       le16_to_cpu(rec->engine) == engine &&
	       le16_to_cpu(rec->writer) == DELTAHOP_WRITER_DEVICE && status >= DELTAHOP_STATUS_OK &&
	       status <= DELTAHOP_STATUS_BUDGET && reason <= DELTAHOP_REASON_LAST &&
	       (status == DELTAHOP_STATUS_OK) == (reason == DELTAHOP_REASON_NONE);
}

/**
 * deltahop_record_errno() - error of a status, as fences and waits return it
 * @status: how a job ended
 */
int deltahop_record_errno(enum deltahop_status status)
{
	switch (status) {
	case DELTAHOP_STATUS_OK:
		return 0;
	case DELTAHOP_STATUS_BUDGET:
		return -EDQUOT;
	case DELTAHOP_STATUS_TIMEOUT:
		return -ETIME;
	case DELTAHOP_STATUS_CANCELLED:
		return -ECANCELED;
	case DELTAHOP_STATUS_DEPENDENCY_FAILED:
		return -ENODATA;
	case DELTAHOP_STATUS_DEVICE_LOST:
		return -ENODEV;
	default:
		return -EIO;
	}
}

static u32 deltahop_record_slot(u32 seqno)
{
	return seqno % DELTAHOP_RECORD_SLOTS;
}

/**
 * deltahop_record_room() - is there room for the records of so many jobs more?
 * @ctx: context
 * @count: jobs
 *
 * A job of one engine may be unfinished while many newer ones of the other have come and gone: the slot
 * that it will write its record to is not to be had until then.
 */
bool deltahop_record_room(struct deltahop_ctx *ctx, u32 count)
{
	bool room;
	u32 i;

	spin_lock(&ctx->record_lock);
	room = ctx->unfinished + count <= DELTAHOP_MAX_JOBS;
	/* One more, as the number 0 is skipped. */
	for (i = 1; room && i <= count + 1; i++)
		room = !ctx->fences[deltahop_record_slot(ctx->last_seqno + i)];
	spin_unlock(&ctx->record_lock);
	return room;
}

/**
 * deltahop_record_reserve() - give a job the next sequence number
 * @ctx: context
 * @fence: the job's
 *
 * The caller holds deltahop_ctx.lock and has asked deltahop_record_room(). 0 is no number: it is what an empty slot has.
 */
u32 deltahop_record_reserve(struct deltahop_ctx *ctx, struct dma_fence *fence)
{
	u32 seqno;

	lockdep_assert_held(&ctx->lock);

	spin_lock(&ctx->record_lock);
	seqno = ctx->last_seqno + 1 ?: 1;
	ctx->last_seqno = seqno;
	ctx->fences[deltahop_record_slot(seqno)] = dma_fence_get(fence);
	ctx->unfinished++;
	spin_unlock(&ctx->record_lock);
	return seqno;
}

/**
 * deltahop_record_publish() - a job has ended; its fence is signalled after this
 * @ctx: context
 * @rec: with the job's sequence number in the context
 *
 * A reader of the mapped ring that finds the number finds all else, too: that is written last.
 */
void deltahop_record_publish(struct deltahop_ctx *ctx, const struct deltahop_record *rec)
{
	u32 slot = deltahop_record_slot(le32_to_cpu(rec->seqno));
	struct deltahop_record *dst = &ctx->records[slot];
	struct dma_fence *fence;

	spin_lock(&ctx->record_lock);
	WRITE_ONCE(dst->seqno, 0);
	smp_wmb(); /* no number beside half a record */
	memcpy(dst, rec, offsetof(struct deltahop_record, seqno));
	smp_wmb(); /* the number beside the whole record */
	WRITE_ONCE(dst->seqno, rec->seqno);
	fence = ctx->fences[slot];
	ctx->fences[slot] = NULL;
	ctx->unfinished--;
	spin_unlock(&ctx->record_lock);

	dma_fence_put(fence);
}

/* Its fence if the job has not ended, NULL if its record may be there. */
static struct dma_fence *deltahop_record_fence(struct deltahop_ctx *ctx, u32 seqno)
{
	struct dma_fence *fence = NULL;

	spin_lock(&ctx->record_lock);
	if (!seqno || (s32)(ctx->last_seqno - seqno) < 0)
		fence = ERR_PTR(-ENOENT);
	else if (ctx->last_seqno - seqno < DELTAHOP_RECORD_SLOTS)
		fence = dma_fence_get(ctx->fences[deltahop_record_slot(seqno)]);
	spin_unlock(&ctx->record_lock);
	return fence;
}

static int deltahop_record_read(struct deltahop_ctx *ctx, u32 seqno, struct deltahop_record *rec)
{
	spin_lock(&ctx->record_lock);
	*rec = ctx->records[deltahop_record_slot(seqno)];
	spin_unlock(&ctx->record_lock);

	if (le32_to_cpu(rec->seqno) == seqno)
		return deltahop_record_errno(le16_to_cpu(rec->status));
	*rec = (struct deltahop_record){};
	return -ESTALE;
}

static int deltahop_record_wait(struct deltahop_ctx *ctx, u32 seqno, s64 timeout_ns)
{
	struct dma_fence *fence = deltahop_record_fence(ctx, seqno);
	long ret;

	if (IS_ERR_OR_NULL(fence))
		return PTR_ERR_OR_ZERO(fence);
	do {
		ret = dma_fence_wait_timeout(fence, true, drm_timeout_abs_to_jiffies(timeout_ns));
	} while (!ret && deltahop_time_left(timeout_ns));
	dma_fence_put(fence);
	if (ret < 0)
		return ret;
	return ret ? 0 : -ETIMEDOUT;
}

int deltahop_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_deltahop_wait *args = data;
	struct deltahop_ctx *ctx;
	int ret;

	memset(&args->record, 0, sizeof(args->record));
	if (args->flags || args->pad)
		return -EINVAL;

	ctx = deltahop_ctx_get(file->driver_priv, args->ctx);
	if (!ctx)
		return -ENOENT;
	ret = deltahop_record_wait(ctx, args->seqno, args->timeout_ns);
	if (!ret)
		ret = deltahop_record_read(ctx, args->seqno, &args->record);
	deltahop_ctx_put(ctx);
	return ret;
}
