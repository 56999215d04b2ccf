// SPDX-License-Identifier: MIT
/* A PASS of the convolution engine: its weights, then its stripes; and a fully connected layer. */
#include "deltahop_internal.h"

/* Units of a PASS before that of its first stripe: the weights, and what that stripe needs. */
#define FIRST_STRIPE 2

/* What a map's stream has moved last: @bytes. */
static void add_map(struct dh_ring *ring, const struct dh_stream *stream, uint64_t bytes,
		    struct dh_unit *unit)
{
	dh_unit_read(unit, ring, stream->region, stream->offset + dh_stream_bytes(stream) - bytes,
		     bytes);
}

static void add_loads(struct dh_ring *ring, uint32_t stripe, const struct dh_conv_loads *loads,
		      struct dh_unit *unit, struct dh_row *row)
{
	const struct dh_conv *conv = &ring->model->conv;
	uint64_t sums = sizeof(uint32_t) * conv->layer->out_cols * conv->pass->maps;

	for (uint32_t i = 0; i < conv->inputs; i++) {
		add_map(ring, &conv->stream[i], loads->maps[i], unit);
		row->bytes_in += loads->maps[i];
	}
	dh_unit_read(unit, ring, conv->pass->psum_region,
		     conv->pass->psum_offset + stripe * DH_CONV_STRIPE * sums, loads->psum);
	if (loads->add)
		add_map(ring, &conv->added, loads->add, unit);
	row->bytes_in += loads->psum + loads->add;
}

static void add_result(const struct dh_conv_result *result, uint64_t dense, struct dh_row *row)
{
	row->work_done = result->work;
	row->work_skipped = dense - result->work;
	row->fired_x = result->taken;
}

/*
 * Charge a unit and what it did, and wait for its end. @stripe_cycles: of the stripe in it
 */
static void run_unit(struct dh_ring *ring, const struct dh_unit *unit, struct dh_row *row,
		     uint64_t stripe_cycles)
{
	struct dh_totals *own = &ring->own;

	if (!dh_job_charge(ring, unit))
		return;
	own->step_cycles += stripe_cycles;
	own->bytes_weights += row->bytes_weights;
	own->bytes_in += row->bytes_in;
	own->bytes_out += row->bytes_out;
	own->work_done += row->work_done;
	own->work_skipped += row->work_skipped;
	row->cycles = unit->cycles;
	dh_profile_add(&ring->job.rows[0], row);
	dh_ring_wait(ring, DH_EVENT_UNIT);
}

/* ---- results ---- */

static bool writes_sums(const struct dh_conv *conv)
{
	return conv->pass->flags & DELTAHOP_PASS_PSUM_OUT;
}

static uint32_t result_region(const struct dh_conv *conv)
{
	return writes_sums(conv) ? conv->pass->psum_region : conv->pass->output_region;
}

/* Results of a stripe begin where those of the one before ended. */
static enum deltahop_reason write_results(struct dh_ring *ring, uint32_t stripe)
{
	struct dh_conv *conv = &ring->model->conv;
	const struct dh_writer *writer = &conv->writer[stripe % 2];
	enum deltahop_reason reason;

	if (!writer->len)
		return DELTAHOP_REASON_NONE;
	reason = dh_memory_write(&ring->memory, result_region(conv), conv->result_offset,
				 writer->bytes, writer->len);
	if (__builtin_add_overflow(conv->result_offset, writer->len, &conv->result_offset))
		conv->result_offset = UINT64_MAX;
	return reason;
}

static void add_results(struct dh_ring *ring, uint32_t stripe, struct dh_unit *unit,
			struct dh_row *row)
{
	const struct dh_conv *conv = &ring->model->conv;
	size_t len = conv->writer[stripe % 2].len;

	dh_unit_write(unit, ring, result_region(conv), conv->result_offset, len);
	row->bytes_out = len;
}

/* ---- units ---- */

static void load_first(struct dh_ring *ring)
{
	struct dh_conv_loads loads;
	struct dh_unit unit = { 0 };
	struct dh_row row = { 0 };
	enum deltahop_reason reason = dh_conv_load_stripe(&ring->model->conv, 0, &loads);

	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	add_loads(ring, 0, &loads, &unit, &row);
	run_unit(ring, &unit, &row, 0);
}

static uint64_t dense_work(const struct dh_conv *conv, uint32_t stripe)
{
	const struct dh_conv_layer *layer = conv->layer;

	return (uint64_t)dh_conv_stripe_rows(conv, stripe) * conv->geometry.cols *
	       layer->kernel_rows * layer->kernel_cols * layer->channels * conv->pass->maps;
}

/* Compute a stripe while the next one's rows come in and the results of the one before leave. */
static void start_stripe(struct dh_ring *ring, uint32_t stripe)
{
	struct dh_conv *conv = &ring->model->conv;
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;
	struct dh_conv_loads loads = { 0 };
	struct dh_conv_result result;
	struct dh_unit unit = { 0 };
	struct dh_row row = { .steps = 1 };

	dh_conv_compute(conv, stripe, &result);
	if (stripe + 1 < conv->geometry.stripes)
		reason = dh_conv_load_stripe(conv, stripe + 1, &loads);
	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	add_loads(ring, stripe + 1, &loads, &unit, &row);
	if (stripe)
		add_results(ring, stripe - 1, &unit, &row);
	dh_unit_overlap(&unit, result.cycles);
	add_result(&result, dense_work(conv, stripe), &row);
	run_unit(ring, &unit, &row, result.cycles);
}

static void write_last(struct dh_ring *ring, uint32_t stripe)
{
	struct dh_unit unit = { 0 };
	struct dh_row row = { 0 };

	add_results(ring, stripe, &unit, &row);
	run_unit(ring, &unit, &row, 0);
}

static void start_unit(struct dh_ring *ring, uint64_t number)
{
	struct dh_conv *conv = &ring->model->conv;

	if (number < FIRST_STRIPE)
		load_first(ring);
	else if (number < FIRST_STRIPE + conv->geometry.stripes)
		start_stripe(ring, number - FIRST_STRIPE);
	else if (number == FIRST_STRIPE + conv->geometry.stripes)
		write_last(ring, conv->geometry.stripes - 1);
	else {
		dh_conv_end(conv);
		dh_job_end_command(ring);
	}
}

/* While a stripe runs the results of the one before leave; unit 2 is that of the first. */
void dh_pass_unit_end(struct dh_ring *ring)
{
	uint64_t number = ring->job.units++;
	enum deltahop_reason reason = DELTAHOP_REASON_NONE;

	if (number > FIRST_STRIPE)
		reason = write_results(ring, number - FIRST_STRIPE - 1);
	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	ring->progress++;
	start_unit(ring, number + 1);
}

/* ---- start ---- */

static void start_command(struct dh_ring *ring)
{
	struct dh_conv *conv = &ring->model->conv;
	struct dh_job *job = &ring->job;

	conv->result_offset = writes_sums(conv) ? conv->pass->psum_offset
						: conv->pass->output_offset;
	job->units = 0;
	job->rows[0] = (struct dh_row){ .layer = job->check.conv_layers - 1 };
	job->row_count = 1;
}

void dh_pass_start(struct dh_ring *ring)
{
	struct dh_conv *conv = &ring->model->conv;
	struct dh_unit unit = { .cycles = 1 };
	struct dh_row row = { 0 };
	enum deltahop_reason reason;

	dh_conv_start(conv, &ring->memory, &ring->job.check, &ring->job.cmd.conv_pass);
	start_command(ring);
	reason = dh_conv_load_weights(conv);
	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	row.bytes_weights = dh_conv_weight_bytes(conv->layer, conv->pass, &ring->model->limits);
	dh_unit_read(&unit, ring, conv->pass->weight_region, conv->pass->weight_offset,
		     row.bytes_weights);
	run_unit(ring, &unit, &row, 0);
}

/* ---- fully connected ---- */

static void add_biases(struct dh_ring *ring, struct dh_unit *unit, struct dh_row *row)
{
	const struct dh_conv_pass *pass = ring->model->conv.pass;

	row->bytes_weights = 2 * (uint64_t)pass->maps;
	dh_unit_read(unit, ring, pass->weight_region, pass->weight_offset, row->bytes_weights);
}

static void add_columns(struct dh_ring *ring, struct dh_conv_result *result, struct dh_unit *unit,
			struct dh_row *row)
{
	struct dh_conv *conv = &ring->model->conv;
	struct dh_port *port = dh_memory_port(&ring->memory, conv->pass->weight_region);
	uint64_t column = dh_conv_fc_column_bytes(conv->layer, conv->pass),
		 beat = ring->model->config.beat_bytes;

	if (port) {
		dh_unit_place(unit, ring, 0);
		dh_conv_fc_fetch(conv, port, result);
		dh_unit_settle(unit, ring);
	}
	unit->cycles += result->cycles;
	dh_unit_beats(unit, ring, conv->pass->weight_region,
		      result->taken * ((column + beat - 1) / beat));
	row->bytes_weights += result->taken * column;
}

void dh_pass_start_fc(struct dh_ring *ring)
{
	struct dh_conv *conv = &ring->model->conv;
	struct dh_conv_result result;
	struct dh_conv_loads loads;
	struct dh_unit unit = { .cycles = 1 };
	struct dh_row row = { .steps = 1 };
	enum deltahop_reason reason;

	dh_conv_start_fc(conv, &ring->memory, &ring->job.check, &ring->job.cmd.conv_pass);
	start_command(ring);
	reason = dh_conv_fc(conv, &loads, &result);
	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	add_biases(ring, &unit, &row);
	add_loads(ring, 0, &loads, &unit, &row);
	add_columns(ring, &result, &unit, &row);
	add_results(ring, 0, &unit, &row);
	add_result(&result, dh_conv_fc_values(conv->layer) * conv->pass->maps, &row);
	run_unit(ring, &unit, &row, result.cycles);
}

void dh_pass_fc_end(struct dh_ring *ring)
{
	enum deltahop_reason reason = write_results(ring, 0);

	if (reason) {
		dh_job_fault_access(ring, reason);
		return;
	}
	ring->progress++;
	dh_job_end_command(ring);
}
