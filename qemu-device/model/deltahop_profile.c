// SPDX-License-Identifier: MIT
/* Profile rows: what one command cost in one layer. */
#include "deltahop_internal.h"

#define HEAD_BYTES sizeof(struct deltahop_profile_head)
#define ROW_BYTES  sizeof(struct deltahop_profile_row)

void dh_profile_add(struct dh_row *sum, const struct dh_row *row)
{
	sum->steps += row->steps;
	sum->cycles += row->cycles;
	sum->bytes_weights += row->bytes_weights;
	sum->bytes_in += row->bytes_in;
	sum->bytes_out += row->bytes_out;
	sum->work_done += row->work_done;
	sum->work_skipped += row->work_skipped;
	sum->fired_x += row->fired_x;
	sum->fired_h += row->fired_h;
}

/* What is too large for its field is the largest that fits. */
static void put_cut16(uint8_t *buf, uint64_t value)
{
	put_le16(buf, value < UINT16_MAX ? value : UINT16_MAX);
}

static void put_cut32(uint8_t *buf, uint64_t value)
{
	put_le32(buf, value < UINT32_MAX ? value : UINT32_MAX);
}

static void encode_row(const struct dh_job *job, const struct dh_row *row, uint8_t *buf)
{
	put_le32(buf, job->offset);
	put_le16(buf + 4, job->cmd.opcode);
	put_cut16(buf + 6, row->layer);
	put_le32(buf + 8, row->step);
	put_cut32(buf + 12, row->steps);
	put_le64(buf + 16, row->cycles);
	put_le64(buf + 24, row->bytes_weights);
	put_cut32(buf + 32, row->bytes_in);
	put_cut32(buf + 36, row->bytes_out);
	put_le64(buf + 40, row->work_done);
	put_le64(buf + 48, row->work_skipped);
	put_cut32(buf + 56, row->fired_x);
	put_cut32(buf + 60, row->fired_h);
}

uint64_t dh_profile_end(const struct dh_ring *ring)
{
	return HEAD_BYTES + (uint64_t)ring->job.rows_written * ROW_BYTES;
}

enum deltahop_reason dh_profile_write(struct dh_ring *ring, const struct dh_row *row)
{
	uint64_t offset = dh_profile_end(ring);
	uint32_t region = ring->entry.profile_region;
	enum deltahop_reason reason;
	uint8_t buf[ROW_BYTES];

	if (ring->memory.region[region].length < offset + ROW_BYTES) {
		ring->job.rows_lost++;
		return DELTAHOP_REASON_NONE;
	}
	encode_row(&ring->job, row, buf);
	reason = dh_memory_write(&ring->memory, region, offset, buf, sizeof(buf));
	if (!reason) {
		ring->job.rows_written++;
		ring->job.pending_rows++;
	}
	return reason;
}

enum deltahop_reason dh_profile_write_head(struct dh_ring *ring)
{
	uint8_t buf[HEAD_BYTES] = { 0 };

	put_le32(buf, ring->job.rows_written);
	put_le32(buf + 4, ring->job.rows_lost);
	return dh_memory_write(&ring->memory, ring->entry.profile_region, 0, buf, sizeof(buf));
}
