// SPDX-License-Identifier: MIT
/*
 * A job: its commands one after another. Each command, and each step of a RUN, is an event of its
 * own: it reads memory when it starts and writes when it ends.
 */
#include <string.h>

#include "deltahop_internal.h"

/* The job goes no further. */
static void stop(struct dh_ring *ring, enum deltahop_status status, enum deltahop_reason reason)
{
	dh_model_trace(ring, DH_TRACE_FAULT, ring->event_ns, reason, ring->job.offset);
	dh_entry_finish(ring, status, reason);
}

static void fault(struct dh_ring *ring, enum deltahop_reason reason)
{
	stop(ring, DELTAHOP_STATUS_FAULT, reason);
}

static void fault_access(struct dh_ring *ring, enum deltahop_reason reason)
{
	ring->fault_region = ring->memory.fault_region;
	ring->fault_offset = ring->memory.fault_offset;
	fault(ring, reason);
}

/* May the job go on for so many cycles? If not, it has ended. */
static bool within_budget(struct dh_ring *ring, uint64_t cycles)
{
	uint64_t budget = ring->entry.cycle_budget;

	if (!budget || ring->own.cycles + cycles <= budget)
		return true;
	stop(ring, DELTAHOP_STATUS_BUDGET, DELTAHOP_REASON_CYCLES);
	return false;
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
	fault_access(ring, reason);
}

/* ---- fetch ---- */

/* Read the next block of commands behind what is still needed of the one before. */
static enum deltahop_reason fetch_block(struct dh_ring *ring, uint64_t *cost)
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
	*cost += dh_entry_transfer(ring, ring->entry.cmd_region, len);
	return reason;
}

/* Have the first @need bytes of the running command at hand, or all there are. */
static enum deltahop_reason fetch(struct dh_ring *ring, size_t need, uint64_t *cost)
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
	uint64_t cost = 0;

	if (job->offset == ring->entry.size)
		return true;
	reason = fetch(ring, sizeof(struct deltahop_cmd), &cost);
	if (!reason)
		reason = fetch(ring, dh_cmd_size(get_le16(command_bytes(job))), &cost);
	if (reason) {
		fault_access(ring, reason);
		return false;
	}
	if (!within_budget(ring, cost))
		return false;
	ring->own.cycles += cost;
	return true;
}

/* ---- steps ---- */

static void count_layer(const struct dh_layer *layer, const struct dh_rnn_result *result,
			struct dh_row *row)
{
	uint64_t column = dh_layer_column_bytes(layer), fired = result->fired_x + result->fired_h;
	uint64_t elements = layer->inputs + (layer->cell == DELTAHOP_CELL_GRU ? layer->hidden : 0);
	bool bias = result->bias_fired;

	row->steps = 1;
	row->cycles = result->cycles;
	row->bytes_weights = fired * column;
	row->work_done = fired * column;
	row->work_skipped = (elements - (fired - bias)) * column;
	row->fired_x = result->fired_x;
	row->fired_h = result->fired_h;
}

static uint64_t input_offset(const struct dh_job *job)
{
	uint64_t way = (uint64_t)job->step * job->params.input_stride, offset;

	return __builtin_add_overflow(job->cmd.run.input_offset, way, &offset) ? UINT64_MAX
									       : offset;
}

static uint64_t output_offset(const struct dh_job *job)
{
	uint64_t way = job->cmd.run.last_only ? 0 : (uint64_t)job->step * job->params.output_stride,
		 offset;

	return __builtin_add_overflow(job->cmd.run.output_offset, way, &offset) ? UINT64_MAX
										: offset;
}

static bool writes_output(const struct dh_job *job)
{
	return !job->cmd.run.last_only || job->step + 1 == job->params.steps;
}

/*
 * Cycles of a layer beyond its own: the first one waits for the bias, or follows the step before
 * directly; a later one starts one cycle after the one before could have been followed.
 */
static uint64_t extra_cycles(const struct dh_job *job, bool first,
			     const struct dh_rnn_result *result)
{
	if (!first)
		return 1;
	return result->bias_examined ? 3 : job->step ? 1 : 0;
}

/* Run the layers of a step. @row: by layer of the RUN */
static enum deltahop_reason run_layers(struct dh_ring *ring, struct dh_row *row)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	struct dh_rnn_result result;
	enum deltahop_reason reason;

	for (unsigned int i = 0; i < run->count; i++) {
		unsigned int slot = run->first + i;
		const struct dh_layer *layer = &job->check.layer[slot];

		reason = dh_rnn_step(&ring->rnn, &ring->memory, layer, job->params.theta_x[slot],
				     job->params.theta_h[slot], job->vector, job->vector, &result);
		if (reason)
			return reason;
		count_layer(layer, &result, &row[i]);
		row[i].step = job->step;
		row[i].cycles += extra_cycles(job, !i, &result);
	}
	return DELTAHOP_REASON_NONE;
}

static void add_step(struct dh_ring *ring, const struct dh_row *row, uint64_t cycles,
		     uint64_t step_cycles)
{
	struct dh_totals *own = &ring->own;

	own->cycles += cycles;
	own->step_cycles += step_cycles;
	for (unsigned int i = 0; i < ring->job.cmd.run.count; i++) {
		own->bytes_weights += row[i].bytes_weights;
		own->bytes_in += row[i].bytes_in;
		own->bytes_out += row[i].bytes_out;
		own->work_done += row[i].work_done;
		own->work_skipped += row[i].work_skipped;
	}
}

/* Compute a step; what it writes waits for its end. */
static void start_step(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	const struct dh_layer *last = &job->check.layer[run->first + run->count - 1];
	uint32_t in = 2 * job->check.layer[run->first].inputs,
		 out = writes_output(job) ? 2 * last->hidden : 0;
	struct dh_row row[DELTAHOP_RNN_MAX_SLOTS] = { 0 };
	uint64_t step_cycles = 0, cycles;
	enum deltahop_reason reason;

	reason = dh_memory_read(&ring->memory, run->input_region, input_offset(job), job->vector,
				in);
	if (!reason)
		reason = run_layers(ring, row);
	if (reason) {
		fault_access(ring, reason);
		return;
	}
	row[0].bytes_in = in;
	row[run->count - 1].bytes_out = out;
	for (unsigned int i = 0; i < run->count; i++)
		step_cycles += row[i].cycles;
	cycles = dh_entry_transfer(ring, run->input_region, in) + step_cycles +
		 dh_entry_transfer(ring, run->output_region, out);
	if (!within_budget(ring, cycles))
		return;
	add_step(ring, row, cycles, step_cycles);
	for (unsigned int i = 0; i < run->count; i++) {
		if (job->params.profile_steps)
			job->rows[i] = row[i];
		else
			dh_profile_add(&job->rows[i], &row[i]);
	}
	dh_ring_wait(ring, DH_EVENT_STEP);
}

static enum deltahop_reason write_rows(struct dh_ring *ring)
{
	const struct dh_run *run = &ring->job.cmd.run;
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (ring->entry.profile_region == DELTAHOP_REGION_NONE)
		return reason;
	for (unsigned int i = 0; i < run->count && !reason; i++)
		reason = dh_profile_write(ring, run->first + i, &ring->job.rows[i]);
	return reason;
}

static void next_command(struct dh_ring *ring)
{
	ring->progress++;
	ring->job.offset += ring->job.cmd.size;
	dh_ring_wait(ring, DH_EVENT_COMMAND);
}

/* Steps are done: charge the rows, which are written by the end of the command. */
static void end_run(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	uint64_t bytes, cycles, rows = job->pending_rows;
	uint32_t region = ring->entry.profile_region;

	if (region != DELTAHOP_REGION_NONE && !job->params.profile_steps) {
		uint64_t space = (ring->memory.region[region].length -
				  sizeof(struct deltahop_profile_head)) /
					 sizeof(struct deltahop_profile_row) -
				 job->rows_written;

		rows = job->cmd.run.count < space ? job->cmd.run.count : space;
	}
	job->pending_rows = 0;
	bytes = rows * sizeof(struct deltahop_profile_row);
	cycles = dh_entry_transfer(ring, region, bytes);
	if (!within_budget(ring, cycles))
		return;
	ring->own.cycles += cycles;
	ring->own.bytes_commands += bytes;
	dh_ring_wait(ring, DH_EVENT_ROWS);
}

void dh_job_rows_end(struct dh_ring *ring)
{
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (!ring->job.params.profile_steps)
		reason = write_rows(ring);
	ring->job.pending_rows = 0;
	if (reason)
		fault_access(ring, reason);
	else
		next_command(ring);
}

void dh_job_step_end(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	const struct dh_layer *last = &job->check.layer[run->first + run->count - 1];
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (writes_output(job))
		reason = dh_memory_write(&ring->memory, run->output_region, output_offset(job),
					 job->vector, 2 * last->hidden);
	if (!reason && job->params.profile_steps)
		reason = write_rows(ring);
	if (reason) {
		fault_access(ring, reason);
		return;
	}
	ring->progress++;
	if (++job->step < job->params.steps)
		start_step(ring);
	else
		end_run(ring);
}

/* ---- commands ---- */

static void start_run(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	uint8_t params[sizeof(struct deltahop_rnn_params)];
	enum deltahop_reason reason;
	uint64_t cycles;

	cycles = 1 + dh_entry_transfer(ring, run->params_region, sizeof(params));
	if (!within_budget(ring, cycles))
		return;
	reason = dh_memory_read(&ring->memory, run->params_region, run->params_offset, params,
				sizeof(params));
	if (reason) {
		fault_access(ring, reason);
		return;
	}
	ring->own.cycles += cycles;
	ring->own.bytes_commands += sizeof(params);
	reason = dh_params_decode(params, &ring->model->limits, run, &job->params);
	if (reason) {
		ring->fault_region = run->params_region;
		ring->fault_offset = run->params_offset;
		fault(ring, reason);
		return;
	}
	memset(job->rows, 0, sizeof(job->rows));
	job->step = 0;
	start_step(ring);
}

/* A layer relies on its block of state memory. */
static bool state_is_loaded(const struct dh_ring *ring, const struct dh_layer *layer)
{
	return ring->rnn.owner == ring->entry.owner &&
	       layer->state_offset + dh_layer_state_bytes(layer) <= ring->rnn.loaded;
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
		fault(ring, DELTAHOP_REASON_BAD_LENGTH);
		return;
	}
	ring->progress++;
	dh_entry_finish(ring, DELTAHOP_STATUS_OK, DELTAHOP_REASON_NONE);
}

void dh_job_command(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	enum deltahop_reason reason;

	if (!fetch_command(ring))
		return;
	reason = decode_command(ring);
	if (reason) {
		fault(ring, reason);
		return;
	}
	dh_model_trace(ring, DH_TRACE_COMMAND, ring->event_ns, job->cmd.opcode, job->offset);
	if (job->cmd.opcode == DELTAHOP_OP_RNN_RUN) {
		start_run(ring);
		return;
	}
	if (job->cmd.opcode == DELTAHOP_OP_CONV_PASS || job->cmd.opcode == DELTAHOP_OP_CONV_FC) {
		fault(ring, DELTAHOP_REASON_UNSUPPORTED);
		return;
	}
	if (!within_budget(ring, 1))
		return;
	ring->own.cycles++;
	if (job->cmd.opcode == DELTAHOP_OP_END)
		end_job(ring);
	else
		next_command(ring);
}
