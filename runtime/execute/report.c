// SPDX-License-Identifier: MIT
/* Records and profile rows: what a job cost, and why it failed. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "deltahop_rnn_timing.h"
#include "execute/instance.h"

/* --- cost ------------------------------------------------------------------------- */

static void fill(void *to, size_t to_size, const void *full, size_t full_size)
{
	memcpy(to, full, to_size < full_size ? to_size : full_size);
}

void dh_job_report(const struct dh_job *job, struct dh_report *report)
{
	const struct deltahop_record *r = &job->record;
	struct dh_report full = {
		.size = report->size,
		.status = le16toh(r->status),
		.reason = le16toh(r->reason),
		.by_driver = le16toh(r->writer) == DELTAHOP_WRITER_DRIVER,
		.seqno = le32toh(r->seqno),
		.cmd_offset = le32toh(r->cmd_offset),
		.fault_region = le32toh(r->fault_region),
		.fault_offset = le64toh(r->fault_offset),
		.cycles = le64toh(r->cycles),
		.step_cycles = le64toh(r->step_cycles),
		.bytes_weights = le64toh(r->bytes_weights),
		.bytes_in = le64toh(r->bytes_in),
		.bytes_out = le64toh(r->bytes_out),
		.bytes_state = le32toh(r->bytes_state),
		.bytes_commands = le32toh(r->bytes_commands),
		.work_done = le64toh(r->work_done),
		.work_skipped = le64toh(r->work_skipped),
		.energy_pj = le64toh(r->energy_pj),
		.start_ns = le64toh(r->start_ns),
		.end_ns = le64toh(r->end_ns),
		.profile_lost = le32toh(r->profile_lost),
	};

	if (job->phase != JOB_ENDED)
		full = (struct dh_report){ .size = report->size };
	fill(report, report->size, &full, sizeof(full));
}

uint64_t dh_report_dense_cycles(const struct dh_device *device, const struct dh_layer *layer)
{
	const struct drm_deltahop_device_info *hw = &device->hw;
	bool linked = !hw->card_size && hw->link_n;
	struct dh_timing_layer timing = {
		.inputs = (layer->inputs + 7) / 8 * 8,
		.hidden = layer->hidden,
		.recurrent = layer->cell == DELTAHOP_CELL_GRU ? layer->hidden : 0,
		.column_bytes = dh_layer_column_bytes(layer),
		.pes = hw->rnn_pes,
		.memory =
			{
				.n = linked ? hw->link_n : hw->dram_n,
				.l = linked ? hw->link_l : hw->dram_l,
				.q = linked ? hw->link_q : hw->dram_q,
			},
		.beat_bytes = hw->dram_beat_bytes,
	};

	return dh_timing_layer_cycles(&timing, NULL);
}

static void add_row(struct dh_layer_report *sum, const struct deltahop_profile_row *row)
{
	sum->steps += le32toh(row->steps);
	sum->cycles += le64toh(row->cycles);
	sum->bytes_weights += le64toh(row->bytes_weights);
	sum->bytes_in += le32toh(row->bytes_in);
	sum->bytes_out += le32toh(row->bytes_out);
	sum->work_done += le64toh(row->work_done);
	sum->work_skipped += le64toh(row->work_skipped);
	sum->fired_x += le32toh(row->fired_x);
	sum->fired_h += le32toh(row->fired_h);
}

/* Rows of this layer; the count is the device's, and bounded all the same. */
static void sum_rows(const struct dh_job *job, const struct dh_program_layer *layer,
		     struct dh_layer_report *sum)
{
	const struct dh_program *program = job->instance->program;
	const void *region = (const uint8_t *)job->memory.map + job->profile_offset;
	const struct deltahop_profile_head *head = region;
	const struct deltahop_profile_row *row = (const void *)(head + 1);
	uint32_t i, rows = le32toh(head->rows);

	for (i = 0; i < rows && i < program->layer_count; i++)
		if (le32toh(row[i].cmd_offset) == program->runs[layer->run].cmd_offset &&
		    le16toh(row[i].layer) == layer->layer.slot)
			add_row(sum, &row[i]);
}

/* A step follows the one before it a cycle later, and a layer the layer before it. */
static uint64_t dense_cycles(const struct dh_job *job, uint32_t index, uint64_t steps)
{
	const struct dh_program *program = job->instance->program;
	const struct dh_program_layer *layer = &program->layers[index];
	bool first = layer->layer.slot == program->runs[layer->run].first;

	return steps * (job->instance->dense_cycles[index] + 1) - (first && steps);
}

int dh_job_layer(const struct dh_job *job, uint32_t layer, struct dh_layer_report *report)
{
	const struct dh_program *program = job->instance->program;
	const struct dh_program_layer *from;
	const struct deltahop_rnn_params *params;
	struct dh_layer_report full = { .size = report->size };

	if (layer >= program->layer_count)
		return -ERANGE;
	if (!job->instance->options.profile || job->phase != JOB_ENDED || job->result)
		return -ENODATA;
	from = &program->layers[layer];
	params = (const void *)((const uint8_t *)job->memory.map +
				program->runs[from->run].params_offset);
	full.node = from->node;
	full.op = from->op;
	full.inputs = from->real_inputs;
	full.hidden = from->real_hidden;
	full.theta_x = le16toh(params->theta[from->layer.slot].x);
	full.theta_h = le16toh(params->theta[from->layer.slot].h);
	sum_rows(job, from, &full);
	full.dense_cycles = dense_cycles(job, layer, full.steps);
	full.slots_x = full.steps * from->real_inputs + (job->starts && !from->layer.no_bias);
	full.slots_h = from->layer.cell == DELTAHOP_CELL_GRU ? full.steps * from->real_hidden : 0;
	fill(report, report->size, &full, sizeof(full));
	return 0;
}

/* --- failure ------------------------------------------------------------------------ */

static const char *const region_names[DH_REGION_COUNT] = {
	"commands", "weights", "parameters", "input", "output", "scratch", "profile",
};

/*
 * The layer whose weights hold the faulting byte, or whose command it is; -1: a run of several, or
 * none.
 */
static int guilty_layer(const struct dh_program *program, const struct dh_report *report)
{
	uint32_t i;

	for (i = 0; i < program->layer_count; i++) {
		const struct dh_program_layer *layer = &program->layers[i];
		uint64_t start = layer->layer.weight_offset;
		uint64_t size =
			dh_layer_columns(&layer->layer) * dh_layer_column_bytes(&layer->layer);

		if (report->cmd_offset == layer->cmd_offset)
			return i;
		if (report->fault_region == DH_REGION_WEIGHTS && report->fault_offset >= start &&
		    report->fault_offset - start < size)
			return i;
	}
	return -1;
}

/* "node X (GRU)" of a command, from the source map. */
static void name_nodes(const struct dh_program *program, const struct dh_report *report, char *text,
		       size_t size)
{
	int layer = guilty_layer(program, report);
	uint32_t i, last = 0;
	bool found = false;

	if (layer >= 0) {
		snprintf(text, size, ", node %s (%s)", program->layers[layer].node,
			 program->layers[layer].op);
		return;
	}
	text[0] = '\0';
	for (i = 0; i < program->layer_count; i++) {
		const struct dh_program_layer *l = &program->layers[i];

		if (program->runs[l->run].cmd_offset != report->cmd_offset)
			continue;
		if (!found)
			layer = i;
		found = true;
		last = i;
	}
	if (found && (uint32_t)layer == last)
		snprintf(text, size, ", node %s (%s)", program->layers[last].node,
			 program->layers[last].op);
	else if (found)
		snprintf(text, size, ", nodes %s to %s", program->layers[layer].node,
			 program->layers[last].node);
}

static void name_region(const struct dh_report *report, char *text, size_t size)
{
	text[0] = '\0';
	if (report->fault_region < DH_REGION_COUNT)
		snprintf(text, size, ", region %s at offset %llu",
			 region_names[report->fault_region],
			 (unsigned long long)report->fault_offset);
	else if (report->fault_region != ~0u)
		snprintf(text, size, ", region %u at offset %llu", report->fault_region,
			 (unsigned long long)report->fault_offset);
}

void dh_report_failure(const struct dh_job *job, struct dh_error *err)
{
	struct dh_report report = { .size = sizeof(report) };
	char nodes[256], region[64];

	dh_job_report(job, &report);
	if (!report.status) {
		dh_error_set(err, "%s: job %u has no record: %s", job->instance->device->name,
			     job->args.seqno, strerror(-job->result));
		return;
	}
	if (report.status != DELTAHOP_STATUS_FAULT && report.status != DELTAHOP_STATUS_BUDGET &&
	    report.status != DELTAHOP_STATUS_TIMEOUT) {
		dh_error_set(err, "%s: job %u: %s: %s", job->instance->device->name, report.seqno,
			     dh_status_text(report.status), dh_reason_text(report.reason));
		return;
	}
	name_nodes(job->instance->program, &report, nodes, sizeof(nodes));
	name_region(&report, region, sizeof(region));
	dh_error_set(err, "%s: job %u: %s: command at offset %u%s%s: %s",
		     job->instance->device->name, report.seqno, dh_status_text(report.status),
		     report.cmd_offset, nodes, region, dh_reason_text(report.reason));
}
