// SPDX-License-Identifier: MIT
/* Records: what a job cost, and why it failed. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "execute/instance.h"

/* --- cost ------------------------------------------------------------------------- */

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
		.engine = le16toh(r->engine),
		.wait_cycles = le32toh(r->wait_cycles),
	};

	if (job->phase != JOB_ENDED)
		full = (struct dh_report){ .size = report->size };
	memcpy(report, &full, report->size < sizeof(full) ? report->size : sizeof(full));
}

/* --- failure ------------------------------------------------------------------------ */

/* "node X (Conv)" of a command of the convolution engine. */
static void name_conv(const struct dh_program *program, const struct dh_report *report, char *text,
		      size_t size)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < program->conv_count; i++) {
		const struct dh_program_conv *conv = &program->convs[i];

		if (conv->cmd_offset <= report->cmd_offset && report->cmd_offset < conv->cmd_end)
			snprintf(text, size, ", node %s (%s)", conv->node, conv->op);
	}
}

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
		uint64_t size = dh_layer_weight_bytes(&layer->layer);

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
			 dh_region_name(report->fault_region),
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
	if (job->instance->program->engine == DELTAHOP_ENGINE_CONV)
		name_conv(job->instance->program, &report, nodes, sizeof(nodes));
	else
		name_nodes(job->instance->program, &report, nodes, sizeof(nodes));
	name_region(&report, region, sizeof(region));
	dh_error_set(err, "%s: job %u: %s: command at offset %u%s%s: %s",
		     job->instance->device->name, report.seqno, dh_status_text(report.status),
		     report.cmd_offset, nodes, region, dh_reason_text(report.reason));
}
