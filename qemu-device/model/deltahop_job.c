// SPDX-License-Identifier: MIT
/*
 * A job: its commands one after another. Each command, and each unit of a long one, is an event of
 * its own: it reads memory when it starts and writes when it ends.
 */
#include <string.h>

#include "deltahop_internal.h"

/* The job goes no further. */
static void stop(struct dh_ring *ring, enum deltahop_status status, enum deltahop_reason reason)
{
	dh_model_trace(ring, DH_TRACE_FAULT, ring->event_ns, reason, ring->job.offset);
	dh_entry_finish(ring, status, reason);
}

void dh_job_fault(struct dh_ring *ring, enum deltahop_reason reason)
{
	stop(ring, DELTAHOP_STATUS_FAULT, reason);
}

void dh_job_fault_access(struct dh_ring *ring, enum deltahop_reason reason)
{
	ring->fault_region = ring->memory.fault_region;
	ring->fault_offset = ring->memory.fault_offset;
	dh_job_fault(ring, reason);
}

bool dh_job_charge(struct dh_ring *ring, const struct dh_unit *unit)
{
	uint64_t budget = ring->entry.cycle_budget;

	if (budget && ring->own.cycles + unit->cycles > budget) {
		stop(ring, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
		return false;
	}
	dh_ring_charge(ring, unit);
	return true;
}

/* ---- start ---- */

void dh_job_reset(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;

	memset(&job->check, 0, sizeof(job->check));
	job->check.engine = ring->number;
	job->fetched = 0;
	job->offset = 0;
	job->buffered = 0;
	job->rows_written = 0;
	job->rows_lost = 0;
	job->pending_rows = 0;
	job->row_count = 0;
	ring->stuck = false;
	ring->lost_irq = false;
	ring->memory.refuse_next = false;
}

void dh_job_inject(struct dh_ring *ring)
{
	ring->stuck = dh_ring_meets(ring, DH_FAULT_STUCK);
	ring->lost_irq = dh_ring_meets(ring, DH_FAULT_LOST_IRQ);
	ring->memory.refuse_next = dh_ring_meets(ring, DH_FAULT_DMA);
}

void dh_job_start(struct dh_ring *ring)
{
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (ring->entry.profile_region != DELTAHOP_REGION_NONE)
		reason = dh_memory_check(&ring->memory, ring->entry.profile_region, 0,
					 sizeof(struct deltahop_profile_head),
					 DELTAHOP_REGION_WRITE);
	if (!reason) {
		dh_ring_wait(ring, ring->stuck ? DH_EVENT_STUCK : DH_EVENT_COMMAND);
		if (ring->stuck)
			ring->event_ns = DH_NEVER;
		return;
	}
	/* There is nowhere to write even the head. */
	ring->entry.profile_region = DELTAHOP_REGION_NONE;
	dh_job_fault_access(ring, reason);
}

/* ---- fetch ---- */

/* Read the next block of commands behind what is still needed of the one before. */
static enum deltahop_reason fetch_block(struct dh_ring *ring, struct dh_unit *cost)
{
	struct dh_job *job = &ring->job;
	size_t rest = job->fetched - job->offset, len = ring->entry.size - job->fetched;
	bool refuse = ring->memory.refuse_next;
	enum deltahop_reason reason;
	uint64_t offset;

	if (len > DH_COMMAND_BLOCK)
		len = DH_COMMAND_BLOCK;
	if (__builtin_add_overflow(ring->entry.cmd_offset, job->fetched, &offset))
		offset = UINT64_MAX;
	memmove(job->buffer, job->buffer + (job->offset - job->buffered), rest);
	job->buffered = job->offset;
	/* A fault on purpose is for what the commands access, not for reading them. */
	ring->memory.refuse_next = false;
	reason = dh_memory_read(&ring->memory, ring->entry.cmd_region, offset, job->buffer + rest,
				len);
	ring->memory.refuse_next = refuse;
	job->fetched += len;
	ring->own.bytes_commands += len;
	dh_unit_read(cost, ring, ring->entry.cmd_region, offset, len);
	return reason;
}

/* Have the first @need bytes of the running command at hand, or all there are. */
static enum deltahop_reason fetch(struct dh_ring *ring, size_t need, struct dh_unit *cost)
{
	struct dh_job *job = &ring->job;

	if (job->offset + need <= job->fetched || job->fetched >= ring->entry.size)
		return DELTAHOP_REASON_NONE;
	return fetch_block(ring, cost);
}

static const uint8_t *command_bytes(const struct dh_job *job)
{
	return job->buffer + (job->offset - job->buffered);
}

/*
 * Have the running command at hand, as far as there is one, and charge what was read for it.
 * Return: false if the job has ended.
 */
static bool fetch_command(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	enum deltahop_reason reason;
	struct dh_unit cost = { 0 };

	if (job->offset == ring->entry.size)
		return true;
	reason = fetch(ring, sizeof(struct deltahop_cmd), &cost);
	if (!reason)
		reason = fetch(ring, dh_cmd_size(get_le16(command_bytes(job))), &cost);
	if (reason) {
		dh_job_fault_access(ring, reason);
		return false;
	}
	return dh_job_charge(ring, &cost);
}

/* ---- the end of a command ---- */

static void next_command(struct dh_ring *ring)
{
	ring->progress++;
	ring->job.offset += ring->job.cmd.size;
	dh_ring_wait(ring, DH_EVENT_COMMAND);
}

enum deltahop_reason dh_job_write_rows(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (ring->entry.profile_region != DELTAHOP_REGION_NONE) {
		for (uint32_t i = 0; i < job->row_count && !reason; i++)
			reason = dh_profile_write(ring, &job->rows[i]);
	}
	job->row_count = 0;
	return reason;
}

/* Those of the rows to come for which there is space. */
static uint32_t rows_to_come(const struct dh_ring *ring)
{
	const struct dh_job *job = &ring->job;
	uint64_t length = ring->memory.region[ring->entry.profile_region].length,
		 space = (length - sizeof(struct deltahop_profile_head)) /
				 sizeof(struct deltahop_profile_row) -
			 job->rows_written;

	return job->row_count < space ? job->row_count : space;
}

void dh_job_end_command(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	uint32_t region = ring->entry.profile_region;
	uint64_t bytes = job->pending_rows, pending = bytes * sizeof(struct deltahop_profile_row);
	struct dh_unit unit = { 0 };

	if (region != DELTAHOP_REGION_NONE)
		bytes += rows_to_come(ring);
	bytes *= sizeof(struct deltahop_profile_row);
	job->pending_rows = 0;
	dh_unit_write(&unit, ring, region, dh_profile_end(ring) - pending, bytes);
	if (!dh_job_charge(ring, &unit))
		return;
	ring->own.bytes_commands += bytes;
	dh_ring_wait(ring, DH_EVENT_ROWS);
}

void dh_job_rows_end(struct dh_ring *ring)
{
	enum deltahop_reason reason = dh_job_write_rows(ring);

	ring->job.pending_rows = 0;
	if (reason)
		dh_job_fault_access(ring, reason);
	else
		next_command(ring);
}

void dh_job_unit_end(struct dh_ring *ring)
{
	switch (ring->job.cmd.opcode) {
	case DELTAHOP_OP_CONV_PASS:
		dh_pass_unit_end(ring);
		break;
	case DELTAHOP_OP_CONV_FC:
		dh_pass_fc_end(ring);
		break;
	default:
		dh_run_unit_end(ring);
	}
}

/* ---- commands ---- */

/* A layer relies on its block of state memory. */
static bool state_is_loaded(const struct dh_ring *ring, const struct dh_layer *layer)
{
	return ring->state.owner == ring->entry.owner &&
	       layer->state_offset + dh_layer_state_bytes(layer) <= ring->state.loaded;
}

static enum deltahop_reason decode_command(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	enum deltahop_reason reason;

	if (job->offset == ring->entry.size)
		return DELTAHOP_REASON_NO_END;
	reason = dh_cmd_next(&job->check, &ring->model->limits, command_bytes(job),
			     ring->entry.size - job->offset, &job->cmd);
	if (!reason && job->cmd.opcode == DELTAHOP_OP_RNN_LAYER &&
	    !state_is_loaded(ring, &job->cmd.layer))
		reason = DELTAHOP_REASON_NOT_LOADED;
	return reason;
}

static void end_job(struct dh_ring *ring)
{
	if (ring->job.offset + ring->job.cmd.size != ring->entry.size) {
		dh_job_fault(ring, DELTAHOP_REASON_BAD_LENGTH);
		return;
	}
	ring->progress++;
	dh_entry_finish(ring, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
}

/* A command that sets up something, if that. */
static void run_short(struct dh_ring *ring)
{
	uint16_t opcode = ring->job.cmd.opcode;

	if (!dh_job_charge(ring, &(struct dh_unit){ .cycles = 1 }))
		return;
	if (opcode == DELTAHOP_OP_CONV_LAYER)
		dh_conv_forget(&ring->model->conv);
	if (opcode == DELTAHOP_OP_END)
		end_job(ring);
	else
		next_command(ring);
}

void dh_job_command(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	enum deltahop_reason reason;

	if (!fetch_command(ring))
		return;
	reason = decode_command(ring);
	if (reason) {
		dh_job_fault(ring, reason);
		return;
	}
	dh_model_trace(ring, DH_TRACE_COMMAND, ring->event_ns, job->cmd.opcode, job->offset);
	switch (job->cmd.opcode) {
	case DELTAHOP_OP_RNN_RUN:
		dh_run_start(ring);
		break;
	case DELTAHOP_OP_CONV_PASS:
		dh_pass_start(ring);
		break;
	case DELTAHOP_OP_CONV_FC:
		dh_pass_start_fc(ring);
		break;
	default:
		run_short(ring);
	}
}
