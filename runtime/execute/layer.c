// SPDX-License-Identifier: MIT
/* Profile rows: what each layer of a job cost. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "deltahop_rnn_timing.h"
#include "execute/conv_dense.h"
#include "execute/instance.h"

/* --- rows ----------------------------------------------------------------------- */

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

/* A recurrent layer has a row of its run's command, a convolution layer one of each pass. */
static bool is_of(const struct dh_program *program, uint32_t index,
		  const struct deltahop_profile_row *row)
{
	uint32_t offset = le32toh(row->cmd_offset);

	if (program->engine == DELTAHOP_ENGINE_CONV)
		return program->convs[index].cmd_offset <= offset &&
		       offset < program->convs[index].cmd_end;
	return offset == program->runs[program->layers[index].run].cmd_offset &&
	       le16toh(row->layer) == program->layers[index].layer.slot;
}

static const struct deltahop_profile_head *head_of(const struct dh_job *job)
{
	return (const void *)((const uint8_t *)job->memory.map + job->profile_offset);
}

static const struct deltahop_profile_row *rows_of(const struct dh_job *job)
{
	return (const void *)(head_of(job) + 1);
}

/* The count is the device's, and bounded all the same. */
static uint32_t count_rows(const struct dh_job *job)
{
	uint32_t rows = le32toh(head_of(job)->rows), most = dh_profile_rows(job);

	return rows < most ? rows : most;
}

static void sum_rows(const struct dh_job *job, uint32_t index, struct dh_layer_report *sum)
{
	const struct deltahop_profile_row *row = rows_of(job);
	uint32_t i, rows = count_rows(job);

	for (i = 0; i < rows; i++)
		if (is_of(job->instance->program, index, &row[i]))
			add_row(sum, &row[i]);
}

static bool has_rows(const struct dh_job *job)
{
	return job->instance->options.profile && job->phase == JOB_ENDED && !job->result;
}

uint32_t dh_job_rows(const struct dh_job *job)
{
	return has_rows(job) ? count_rows(job) : 0;
}

int dh_job_row(const struct dh_job *job, uint32_t index, struct dh_row_report *row)
{
	const struct dh_program *program = job->instance->program;
	uint32_t layer = 0, layers = dh_program_layers(program);
	const struct deltahop_profile_row *from;
	struct dh_row_report full;

	if (index >= dh_job_rows(job))
		return -ERANGE;
	from = rows_of(job) + index;
	while (layer < layers && !is_of(program, layer, from))
		layer++;
	full = (struct dh_row_report){
		.size = row->size,
		.layer = layer,
		.step = le32toh(from->step),
		.steps = le32toh(from->steps),
		.fired_x = le32toh(from->fired_x),
		.fired_h = le32toh(from->fired_h),
		.cycles = le64toh(from->cycles),
		.bytes_weights = le64toh(from->bytes_weights),
		.bytes_in = le32toh(from->bytes_in),
		.bytes_out = le32toh(from->bytes_out),
		.work_done = le64toh(from->work_done),
		.work_skipped = le64toh(from->work_skipped),
	};
	memcpy(row, &full, row->size < sizeof(full) ? row->size : sizeof(full));
	return 0;
}

/* --- the recurrent engine --------------------------------------------------------- */

static struct dh_memory_timing channel(const struct drm_deltahop_device_info *hw, bool linked)
{
	return (struct dh_memory_timing){
		.n = linked ? hw->link_n : hw->dram_n,
		.l = linked ? hw->link_l : hw->dram_l,
		.q = linked ? hw->link_q : hw->dram_q,
	};
}

static uint64_t rnn_dense_cycles(const struct dh_device *device, const struct dh_layer *layer)
{
	const struct drm_deltahop_device_info *hw = &device->hw;
	struct dh_memory_timing memory = channel(hw, !hw->card_size && hw->link_n);
	struct dh_timing_layer timing =
		dh_timing_of(layer, hw->rnn_pes, &memory, hw->dram_beat_bytes);

	return dh_timing_layer_cycles(&timing, NULL);
}

/* A step follows the one before it a cycle later, and a layer the layer before it. */
static uint64_t rnn_dense_steps(const struct dh_job *job, uint32_t index, uint64_t steps)
{
	const struct dh_program *program = job->instance->program;
	const struct dh_program_layer *layer = &program->layers[index];
	bool first = layer->layer.slot == program->runs[layer->run].first;

	return steps * (job->instance->dense_cycles[index] + 1) - (first && steps);
}

/* A row does not say it, but its bytes do. */
static void add_rh(const struct dh_layer *layer, struct dh_layer_report *full)
{
	const struct dh_cell *cell = dh_cell(layer);
	uint64_t bytes = (full->fired_x * cell->gates + full->fired_h * cell->gates_h) *
			 (uint64_t)layer->hidden;

	if (cell->gates_rh && full->bytes_weights >= bytes)
		full->fired_rh =
			(full->bytes_weights - bytes) / (cell->gates_rh * (uint64_t)layer->hidden);
}

static void describe_rnn(const struct dh_job *job, uint32_t index, struct dh_layer_report *full)
{
	const struct dh_program *program = job->instance->program;
	const struct dh_program_layer *from = &program->layers[index];
	const struct deltahop_rnn_params *params =
		(const void *)((const uint8_t *)job->memory.map +
			       program->runs[from->run].params_offset);

	full->node = from->node;
	full->op = from->op;
	full->inputs = from->real_inputs;
	full->hidden = from->real_hidden;
	full->theta_x = le16toh(params->theta[from->layer.slot].x);
	full->theta_h = le16toh(params->theta[from->layer.slot].h);
	sum_rows(job, index, full);
	full->dense_cycles = rnn_dense_steps(job, index, full->steps);
	full->slots_x = full->steps * from->real_inputs + (job->starts && !from->layer.no_bias);
	full->slots_h = dh_cell(&from->layer)->gates_h ? full->steps * from->real_hidden : 0;
	full->slots_rh = dh_cell(&from->layer)->gates_rh ? full->slots_h : 0;
	add_rh(&from->layer, full);
}

/* --- the convolution engine --------------------------------------------------------- */

static void describe_conv(const struct dh_job *job, uint32_t index, struct dh_layer_report *full)
{
	const struct dh_program_conv *from = &job->instance->program->convs[index];

	full->engine = DELTAHOP_ENGINE_CONV;
	full->node = from->node;
	full->op = from->op;
	full->inputs = from->layer.channels;
	full->hidden = from->out_channels;
	full->rows = from->layer.rows;
	full->cols = from->layer.cols;
	full->out_rows = dh_conv_output_rows(&from->layer);
	full->out_cols = dh_conv_output_cols(&from->layer);
	full->kernel_rows = from->layer.kernel_rows;
	full->kernel_cols = from->layer.kernel_cols;
	full->passes = from->passes;
	full->macs = job->instance->device->hw.conv_macs;
	sum_rows(job, index, full);
	full->dense_cycles = job->instance->dense_cycles[index];
	full->slots_x = dh_conv_dense_pixels(job->instance->program, from);
}

/* --- both ------------------------------------------------------------------------ */

int dh_report_dense_cycles(const struct dh_instance *instance, uint32_t layer, uint64_t *cycles)
{
	const struct dh_program *program = instance->program;

	if (program->engine == DELTAHOP_ENGINE_CONV)
		return dh_conv_dense_cycles(&instance->device->hw, program, &program->convs[layer],
					    cycles);
	*cycles = rnn_dense_cycles(instance->device, &program->layers[layer].layer);
	return 0;
}

int dh_job_layer(const struct dh_job *job, uint32_t layer, struct dh_layer_report *report)
{
	const struct dh_program *program = job->instance->program;
	struct dh_layer_report full = { .size = report->size };

	if (layer >= dh_program_layers(program))
		return -ERANGE;
	if (!has_rows(job))
		return -ENODATA;
	if (program->engine == DELTAHOP_ENGINE_CONV)
		describe_conv(job, layer, &full);
	else
		describe_rnn(job, layer, &full);
	memcpy(report, &full, report->size < sizeof(full) ? report->size : sizeof(full));
	return 0;
}
