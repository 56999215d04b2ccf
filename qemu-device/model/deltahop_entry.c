// SPDX-License-Identifier: MIT
/* Ring entries: what they ask for, whose state is on the chip, and the record in the end. */
#include <assert.h>
#include <string.h>

#include "deltahop_internal.h"

#define ENTRY_BYTES  sizeof(struct deltahop_entry)
#define REGION_BYTES sizeof(struct deltahop_region)
#define RECORD_BYTES sizeof(struct deltahop_record)
#define STATE_REGION 0

static_assert(sizeof(struct deltahop_entry) == 64, "size of a ring entry");
static_assert(sizeof(struct deltahop_region) == 32, "size of a region");
static_assert(sizeof(struct deltahop_record) == 128, "size of a record");
static_assert(sizeof(struct deltahop_profile_head) == 64, "size of a profile head");
static_assert(sizeof(struct deltahop_profile_row) == 64, "size of a profile row");

static uint64_t entry_addr(const struct dh_ring *ring)
{
	return ring->base + ENTRY_BYTES * (ring->head & ((1U << ring->size) - 1));
}

static bool read_entry(struct dh_ring *ring)
{
	const struct dh_bus *bus = &ring->model->bus;
	struct dh_entry *entry = &ring->entry;
	uint8_t buf[ENTRY_BYTES];

	if (!bus->read(bus->opaque, entry_addr(ring), buf, sizeof(buf)))
		return false;
	entry->type = get_le32(buf);
	entry->flags = get_le32(buf + 4);
	entry->owner = get_le32(buf + 8);
	entry->seqno = get_le32(buf + 12);
	entry->table_addr = get_le64(buf + 16);
	entry->table_count = get_le32(buf + 24);
	entry->cmd_region = get_le32(buf + 28);
	entry->cmd_offset = get_le64(buf + 32);
	entry->size = get_le32(buf + 40);
	entry->profile_region = get_le32(buf + 44);
	entry->record_addr = get_le64(buf + 48);
	entry->cycle_budget = get_le64(buf + 56);
	return true;
}

static bool well_formed(const struct dh_entry *entry, uint32_t state_bytes)
{
	bool image = entry->type == DELTAHOP_ENTRY_STATE_LOAD ||
		     entry->type == DELTAHOP_ENTRY_STATE_SAVE;
	uint32_t flags = DELTAHOP_ENTRY_IRQ;

	if (entry->type == DELTAHOP_ENTRY_STATE_LOAD)
		flags |= DELTAHOP_ENTRY_STATE_ZERO;
	if (entry->type < DELTAHOP_ENTRY_NOP || entry->type > DELTAHOP_ENTRY_STATE_DISCARD ||
	    entry->flags & ~flags)
		return false;
	if (!entry->owner || entry->table_addr % 8 || entry->table_count > DH_MAX_REGIONS ||
	    entry->record_addr % 8)
		return false;
	if (image && (entry->cmd_region != STATE_REGION || entry->size > state_bytes))
		return false;
	return !(image || entry->type == DELTAHOP_ENTRY_JOB) ||
	       !(entry->cmd_offset % 8 || entry->size % 8);
}

/* A transfer that no budget refuses. */
static void charge_read(struct dh_ring *ring, uint32_t region, uint64_t offset, uint64_t bytes)
{
	struct dh_unit unit = { 0 };

	dh_unit_read(&unit, ring, region, offset, bytes);
	dh_ring_charge(ring, &unit);
}

static void charge_write(struct dh_ring *ring, uint32_t region, uint64_t offset, uint64_t bytes)
{
	struct dh_unit unit = { 0 };

	dh_unit_write(&unit, ring, region, offset, bytes);
	dh_ring_charge(ring, &unit);
}

/* The entry, and the table that it names. */
static void charge_entry(struct dh_ring *ring)
{
	struct dh_extent entry = { DELTAHOP_REGION_NONE, entry_addr(ring), ENTRY_BYTES },
			 table = { DELTAHOP_REGION_NONE, ring->entry.table_addr,
				   REGION_BYTES * ring->entry.table_count };
	struct dh_unit unit = { 0 };

	dh_unit_read_both(&unit, ring, &entry, &table);
	dh_ring_charge(ring, &unit);
	ring->own.bytes_commands = entry.bytes + table.bytes;
}

void dh_entry_finish(struct dh_ring *ring, enum deltahop_status status, enum deltahop_reason reason)
{
	ring->status = status;
	ring->reason = reason;
	if (ring->entry.type == DELTAHOP_ENTRY_JOB &&
	    ring->entry.profile_region != DELTAHOP_REGION_NONE) {
		charge_write(ring, ring->entry.profile_region, 0,
			     sizeof(struct deltahop_profile_head));
		ring->own.bytes_commands += sizeof(struct deltahop_profile_head);
	}
	dh_ring_wait(ring, DH_EVENT_END);
}

void dh_entry_fault_access(struct dh_ring *ring, enum deltahop_reason reason)
{
	ring->fault_region = ring->memory.fault_region;
	ring->fault_offset = ring->memory.fault_offset;
	dh_entry_finish(ring, DELTAHOP_STATUS_FAULT, reason);
}

/* ---- state ---- */

static void load_state(struct dh_ring *ring)
{
	const struct dh_entry *entry = &ring->entry;
	struct dh_state *state = &ring->state;
	enum deltahop_reason reason;

	state->loaded = 0;
	if (entry->flags & DELTAHOP_ENTRY_STATE_ZERO) {
		memset(state->image, 0, entry->size);
		ring->own.cycles++;
	} else {
		reason = dh_memory_read(&ring->memory, STATE_REGION, entry->cmd_offset,
					state->image, entry->size);
		if (reason) {
			dh_entry_fault_access(ring, reason);
			return;
		}
		charge_read(ring, STATE_REGION, entry->cmd_offset, entry->size);
		ring->own.bytes_state += entry->size;
	}
	state->loaded = entry->size;
	state->owner = entry->owner;
	dh_entry_finish(ring, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
}

/* The image is written at the end of the entry. */
static void save_state(struct dh_ring *ring)
{
	const struct dh_state *state = &ring->state;

	if (!state->loaded || state->owner != ring->entry.owner ||
	    ring->entry.size > state->loaded) {
		dh_entry_finish(ring, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_NOT_LOADED);
		return;
	}
	charge_write(ring, STATE_REGION, ring->entry.cmd_offset, ring->entry.size);
	ring->own.bytes_state += ring->entry.size;
	dh_entry_finish(ring, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
}

/*
 * Nothing of another owner stays valid on the chip. A save is refused instead: it would need what
 * it must not see.
 */
static void change_owner(struct dh_ring *ring)
{
	if (ring->entry.owner != ring->last_owner &&
	    ring->entry.type != DELTAHOP_ENTRY_STATE_SAVE && ring->entry.type != DELTAHOP_ENTRY_NOP)
		ring->state.loaded = 0;
	ring->last_owner = ring->entry.owner;
}

/* ---- start ---- */

static void run_entry(struct dh_ring *ring)
{
	switch (ring->entry.type) {
	case DELTAHOP_ENTRY_JOB:
		dh_job_start(ring);
		return;
	case DELTAHOP_ENTRY_STATE_LOAD:
		load_state(ring);
		return;
	case DELTAHOP_ENTRY_STATE_SAVE:
		save_state(ring);
		return;
	case DELTAHOP_ENTRY_STATE_DISCARD:
		ring->state.loaded = 0;
	}
	dh_entry_finish(ring, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
}

static void reset_entry(struct dh_ring *ring)
{
	ring->start_ns = ring->event_ns;
	memset(&ring->own, 0, sizeof(ring->own));
	ring->port.energy_fj = 0;
	ring->status = DELTAHOP_STATUS_NONE;
	ring->fault_region = DELTAHOP_REGION_NONE;
	ring->fault_offset = 0;
	dh_job_reset(ring);
}

void dh_entry_start(struct dh_ring *ring)
{
	const struct dh_entry *entry = &ring->entry;
	enum deltahop_reason reason;

	reset_entry(ring);
	if (!read_entry(ring)) {
		dh_ring_halt(ring, DELTAHOP_RING_DMA);
		return;
	}
	if (!well_formed(entry, ring->state.size)) {
		dh_ring_halt(ring, DELTAHOP_RING_BAD_ENTRY);
		return;
	}
	dh_model_trace(ring, DH_TRACE_ENTRY_START, ring->start_ns, entry->type, entry->seqno);
	change_owner(ring);
	charge_entry(ring);
	if (entry->type == DELTAHOP_ENTRY_JOB)
		dh_job_inject(ring);
	reason = dh_memory_load(&ring->memory, entry->table_addr, entry->table_count);
	if (!reason) {
		run_entry(ring);
		return;
	}
	ring->entry.profile_region = DELTAHOP_REGION_NONE;
	dh_entry_fault_access(ring, reason);
}

/* ---- end ---- */

static uint64_t energy_pj(const struct dh_model *model, const struct dh_totals *sum)
{
	const struct dh_config *config = &model->config;
	uint64_t bytes = sum->bytes_weights + sum->bytes_in + sum->bytes_out + sum->bytes_state +
			 sum->bytes_commands;

	uint64_t dram_fj = bytes * config->energy_dram_fj_byte;

	if (model->dram.detailed)
		dram_fj = sum->dram_fj +
			  dh_dram_standby_fj(&model->dram, sum->cycles + sum->wait_cycles);
	return (dram_fj + sum->work_done * config->energy_mac_fj) / 1000;
}

static void encode_record(const struct dh_ring *ring, const struct dh_totals *sum, uint8_t *buf)
{
	put_le16(buf, RECORD_BYTES);
	put_le16(buf + 2, DELTAHOP_RECORD_VERSION);
	put_le16(buf + 4, ring->status);
	put_le16(buf + 6, ring->reason);
	put_le32(buf + 8, sum->wait_cycles < UINT32_MAX ? sum->wait_cycles : UINT32_MAX);
	put_le16(buf + 12, ring->number);
	put_le16(buf + 14, DELTAHOP_WRITER_DEVICE);
	put_le32(buf + 16, ring->job.offset);
	put_le32(buf + 20, ring->fault_region);
	put_le64(buf + 24, ring->fault_offset);
	put_le64(buf + 32, sum->cycles + sum->wait_cycles);
	put_le64(buf + 40, sum->step_cycles);
	put_le64(buf + 48, sum->bytes_weights);
	put_le64(buf + 56, sum->bytes_in);
	put_le64(buf + 64, sum->bytes_out);
	put_le32(buf + 72, sum->bytes_state);
	put_le32(buf + 76, sum->bytes_commands);
	put_le64(buf + 80, sum->work_done);
	put_le64(buf + 88, sum->work_skipped);
	put_le64(buf + 96, energy_pj(ring->model, sum));
	put_le64(buf + 104, ring->start_ns);
	put_le64(buf + 112, ring->event_ns);
	put_le32(buf + 120, ring->job.rows_lost);
	put_le32(buf + 124, ring->entry.seqno);
}

/* The sequence number comes last, by itself: who sees it may read the rest. */
static bool write_record(struct dh_ring *ring, const struct dh_totals *sum)
{
	const struct dh_bus *bus = &ring->model->bus;
	const size_t seqno = offsetof(struct deltahop_record, seqno);
	uint8_t buf[RECORD_BYTES];

	if (!ring->entry.record_addr)
		return true;
	encode_record(ring, sum, buf);
	return bus->write(bus->opaque, ring->entry.record_addr, buf, seqno) &&
	       bus->write(bus->opaque, ring->entry.record_addr + seqno, buf + seqno,
			  sizeof(buf) - seqno);
}

/* What an entry writes when it ends. */
static enum deltahop_reason write_last(struct dh_ring *ring)
{
	if (ring->entry.type == DELTAHOP_ENTRY_JOB &&
	    ring->entry.profile_region != DELTAHOP_REGION_NONE)
		return dh_profile_write_head(ring);
	if (ring->entry.type == DELTAHOP_ENTRY_STATE_SAVE && ring->status == DELTAHOP_STATUS_OK)
		return dh_memory_write(&ring->memory, STATE_REGION, ring->entry.cmd_offset,
				       ring->state.image, ring->entry.size);
	return DELTAHOP_REASON_NONE;
}

/* A job's record also holds what was done for it since the job before. */
static struct dh_totals sum_up(struct dh_ring *ring)
{
	struct dh_totals sum;
	bool job = ring->entry.type == DELTAHOP_ENTRY_JOB;

	ring->own.dram_fj = ring->port.energy_fj;
	sum = ring->own;
	ring->carry.cycles += sum.cycles;
	ring->carry.dram_fj += sum.dram_fj;
	ring->carry.wait_cycles += sum.wait_cycles;
	ring->carry.bytes_state += sum.bytes_state;
	ring->carry.bytes_commands += sum.bytes_commands;
	if (job) {
		sum.cycles = ring->carry.cycles;
		sum.wait_cycles = ring->carry.wait_cycles;
		sum.bytes_state = ring->carry.bytes_state;
		sum.bytes_commands = ring->carry.bytes_commands;
		sum.dram_fj = ring->carry.dram_fj;
		memset(&ring->carry, 0, sizeof(ring->carry));
	}
	return sum;
}

void dh_entry_end(struct dh_ring *ring)
{
	enum deltahop_reason reason = write_last(ring);
	struct dh_totals sum = sum_up(ring);

	if (reason && ring->status == DELTAHOP_STATUS_OK) {
		ring->status = DELTAHOP_STATUS_FAULT;
		ring->reason = reason;
		ring->fault_region = ring->memory.fault_region;
		ring->fault_offset = ring->memory.fault_offset;
	}
	/* Half a job's deltas are never saved. */
	if (ring->entry.type == DELTAHOP_ENTRY_JOB && ring->status != DELTAHOP_STATUS_OK)
		ring->state.loaded = 0;
	dh_model_trace(ring, DH_TRACE_ENTRY_END, ring->event_ns, ring->status, ring->entry.seqno);
	if (!write_record(ring, &sum)) {
		dh_ring_halt(ring, DELTAHOP_RING_DMA);
		return;
	}
	ring->head++;
	ring->seqno = ring->entry.seqno;
	if (ring->entry.flags & DELTAHOP_ENTRY_IRQ && !ring->lost_irq)
		dh_model_raise(ring->model, DELTAHOP_VECTOR_RING(ring->number));
	dh_ring_next(ring, ring->event_ns);
}
