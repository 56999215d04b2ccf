// SPDX-License-Identifier: MIT
/* A RUN of the recurrent engine: its parameters, then its steps. */
#include <string.h>

#include "deltahop_internal.h"

/* The first layer of a step that looks at a bias begins so much later. */
#define BIAS_CYCLES 3

/* The running step: the unit before the first one reads the parameters. */
static uint32_t step_of(const struct dh_job *job)
{
	return job->units - 1;
}

static void count_layer(const struct dh_layer *layer, const struct dh_rnn_result *result,
			struct dh_row *row)
{
	uint64_t column = dh_layer_column_bytes(layer), bias = layer->no_bias ? 0 : column,
		 bias_fired = result->bias_fired ? column : 0;

	row->steps = 1;
	row->cycles = result->cycles;
	row->bytes_weights = result->bytes;
	row->work_done = result->bytes;
	row->work_skipped = dh_layer_weight_bytes(layer) - bias - (result->bytes - bias_fired);
	row->fired_x = result->fired_x;
	row->fired_h = result->fired_h;
}

static uint64_t input_offset(const struct dh_job *job)
{
	uint64_t way = (uint64_t)step_of(job) * job->params.input_stride, offset;

	return __builtin_add_overflow(job->cmd.run.input_offset, way, &offset) ? UINT64_MAX
									       : offset;
}

static uint64_t output_offset(const struct dh_job *job)
{
	uint64_t way = job->cmd.run.last_only ? 0
					      : (uint64_t)step_of(job) * job->params.output_stride,
		 offset;

	return __builtin_add_overflow(job->cmd.run.output_offset, way, &offset) ? UINT64_MAX
										: offset;
}

static bool writes_output(const struct dh_job *job)
{
	return !job->cmd.run.last_only || job->units == job->params.steps;
}

/* Of the cycles below, those that are known before the layer begins. */
static uint64_t lead_cycles(const struct dh_job *job, bool first)
{
	return !first || step_of(job);
}

/*
 * Cycles of a layer beyond its own: the first one waits for the bias, or follows the step before
 * directly; a later one starts one cycle after the one before could have been followed.
 */
static uint64_t extra_cycles(const struct dh_job *job, bool first,
			     const struct dh_rnn_result *result)
{
	return first && result->bias_examined ? BIAS_CYCLES : lead_cycles(job, first);
}

/* Run the layers of a step. @row: by layer of the RUN; @unit: the step without its transfers */
static enum deltahop_reason run_layers(struct dh_ring *ring, struct dh_row *row,
				       struct dh_unit *unit)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	struct dh_rnn_result result;
	enum deltahop_reason reason;

	for (unsigned int i = 0; i < run->count; i++) {
		unsigned int slot = run->first + i;
		const struct dh_layer *layer = &job->check.layer[slot];

		dh_unit_place(unit, ring, lead_cycles(job, !i));
		ring->port.bias_cycles = i ? 0 : BIAS_CYCLES - lead_cycles(job, true);
		reason = dh_rnn_step(&ring->model->rnn, &ring->memory, layer,
				     job->params.theta_x[slot], job->params.theta_h[slot],
				     job->vector, job->vector, &result);
		if (reason)
			return reason;
		count_layer(layer, &result, &row[i]);
		row[i].step = step_of(job);
		row[i].layer = slot;
		row[i].cycles += extra_cycles(job, !i, &result);
		unit->cycles += row[i].cycles;
		dh_unit_settle(unit, ring);
		dh_unit_beats(unit, ring, layer->weight_region, result.beats);
	}
	return DELTAHOP_REASON_NONE;
}

static void add_step(struct dh_ring *ring, const struct dh_row *row)
{
	struct dh_totals *own = &ring->own;

	for (unsigned int i = 0; i < ring->job.cmd.run.count; i++) {
		own->step_cycles += row[i].cycles;
		own->bytes_weights += row[i].bytes_weights;
		own->bytes_in += row[i].bytes_in;
		own->bytes_out += row[i].bytes_out;
		own->work_done += row[i].work_done;
		own->work_skipped += row[i].work_skipped;
	}
}

/* Sum up what the layers did, or write it out step by step. */
static void note_rows(struct dh_job *job, const struct dh_row *row)
{
	job->row_count = job->cmd.run.count;
	for (unsigned int i = 0; i < job->row_count; i++) {
		if (step_of(job) && !job->params.profile_steps)
			dh_profile_add(&job->rows[i], &row[i]);
		else
			job->rows[i] = row[i];
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
	struct dh_unit unit = { 0 };
	enum deltahop_reason reason;

	reason = dh_memory_read(&ring->memory, run->input_region, input_offset(job), job->vector,
				in);
	if (!reason)
		reason = run_layers(ring, row, &unit);
	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	row[0].bytes_in = in;
	row[run->count - 1].bytes_out = out;
	dh_unit_read(&unit, ring, run->input_region, input_offset(job), in);
	dh_unit_write(&unit, ring, run->output_region, output_offset(job), out);
	if (!dh_job_charge(ring, &unit))
		return;
	add_step(ring, row);
	note_rows(job, row);
	dh_ring_wait(ring, DH_EVENT_UNIT);
}

static enum deltahop_reason end_step(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	const struct dh_layer *last = &job->check.layer[run->first + run->count - 1];
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (writes_output(job))
		reason = dh_memory_write(&ring->memory, run->output_region, output_offset(job),
					 job->vector, 2 * last->hidden);
	if (!reason && job->params.profile_steps)
		reason = dh_job_write_rows(ring);
	return reason;
}

void dh_run_unit_end(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	enum deltahop_reason reason = job->units ? end_step(ring) : DELTAHOP_REASON_NONE;

	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	if (job->units)
		ring->progress++;
	if (job->units++ < job->params.steps)
		start_step(ring);
	else
		dh_job_end_command(ring);
}

void dh_run_start(struct dh_ring *ring)
{
	struct dh_job *job = &ring->job;
	const struct dh_run *run = &job->cmd.run;
	uint8_t params[sizeof(struct deltahop_rnn_params)];
	struct dh_unit unit = { .cycles = 1 };
	enum deltahop_reason reason;

	dh_unit_read(&unit, ring, run->params_region, run->params_offset, sizeof(params));
	if (!dh_job_charge(ring, &unit))
		return;
	reason = dh_memory_read(&ring->memory, run->params_region, run->params_offset, params,
				sizeof(params));
	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	ring->own.bytes_commands += sizeof(params);
	reason = dh_params_decode(params, &ring->model->limits, run, &job->params);
	if (reason) {
		ring->fault_region = run->params_region;
		ring->fault_offset = run->params_offset;
		dh_job_fault(ring, reason);
		return;
	}
	job->units = 0;
	dh_ring_wait(ring, DH_EVENT_UNIT);
}
