// SPDX-License-Identifier: MIT
/*
 * The recurrent engine's step: which elements fire, what they add, how long it takes. Bit exact.
 */
#include <string.h>

#include "deltahop_rnn.h"

static struct dh_block find_block(struct dh_rnn *rnn, const struct dh_layer *layer)
{
	const struct dh_cell *cell = dh_cell(layer);
	uint8_t *at = rnn->state->image + layer->state_offset;
	struct dh_block block = { .flags = (state32 *)at };

	block.x_mem = (state16 *)(at + sizeof(struct deltahop_rnn_state));
	block.h_mem = block.x_mem + (layer->inputs + 7) / 8 * 8;
	block.h = block.h_mem + layer->hidden;
	block.c = block.h + layer->hidden;
	block.accu = (state32 *)(block.h_mem + (size_t)cell->vectors * layer->hidden);
	return block;
}

/* ---- delta rule ---- */

/*
 * Append the elements of a vector that fire, and note them as sent. Without a branch: whether an
 * element fires is as good as random.
 * Return: their number.
 */
static unsigned int scan(const state16 *value, state16 *sent, unsigned int count, int theta,
			 unsigned int first_column, uint16_t *columns, int16_t *deltas)
{
	unsigned int fired = 0;

	for (unsigned int i = 0; i < count; i++) {
		int16_t delta = (int16_t)(value[i] - sent[i]);
		bool fires = (delta != 0) & ((delta >= theta) | (delta <= -theta));

		columns[fired] = first_column + i;
		deltas[fired] = delta;
		sent[i] = fires ? value[i] : sent[i];
		fired += fires;
	}
	return fired;
}

/*
 * The bias is looked at once in the life of a state, and counts as sent even if the threshold drops
 * it.
 */
static void examine_bias(struct dh_block *block, const struct dh_layer *layer, int theta,
			 struct dh_rnn_result *result)
{
	if (layer->no_bias || *block->flags & DELTAHOP_STATE_BIAS_SENT)
		return;
	*block->flags |= DELTAHOP_STATE_BIAS_SENT;
	result->bias_examined = true;
	result->bias_fired = DH_RNN_ONE >= theta || DH_RNN_ONE <= -theta;
}

/* ---- accumulate ---- */

/**
 * struct columns - columns of a layer for the elements of one vector
 * @map: the first one, or NULL: fetch each
 * @offset: bytes from the layer's first column to this
 * @bytes: of a column
 * @accu: the accumulators of its first rows
 * @together: rows for accumulators that follow each other
 * @gap: accumulators between these and those of the rest
 */
struct columns {
	struct dh_rnn *rnn;
	struct dh_memory *memory;
	const struct dh_layer *layer;
	const int8_t *map;
	uint64_t offset;
	size_t bytes;
	state32 *accu;
	size_t together;
	size_t gap;
};

static enum deltahop_reason find_column(const struct columns *columns, unsigned int number,
					int8_t *bounce, const int8_t **column)
{
	const struct dh_layer *layer = columns->layer;
	uint64_t offset = (uint64_t)number * columns->bytes;

	if (columns->map) {
		*column = columns->map + offset;
		return DELTAHOP_REASON_NONE;
	}
	if (__builtin_add_overflow(layer->weight_offset, columns->offset + offset, &offset))
		offset = UINT64_MAX;
	*column = dh_memory_map(columns->memory, layer->weight_region, offset, columns->bytes);
	if (*column)
		return DELTAHOP_REASON_NONE;
	*column = bounce;
	return dh_memory_read(columns->memory, layer->weight_region, offset, bounce,
			      columns->bytes);
}

/* Add the columns that fire. */
static enum deltahop_reason accumulate(const struct columns *columns, const uint16_t *fired,
				       const int16_t *deltas, unsigned int count)
{
	static const int8_t no_column[DH_MAX_COLUMN];
	size_t together = columns->together, rest = columns->bytes - together;
	dh_add_function *add = dh_rnn_choose_add();
	enum deltahop_reason reason;

	for (unsigned int i = 0; i < count; i += DH_RNN_BATCH) {
		const int8_t *column[DH_RNN_BATCH] = { no_column, no_column, no_column, no_column };
		int16_t delta[DH_RNN_BATCH] = { 0 };

		for (unsigned int k = 0; k < DH_RNN_BATCH && i + k < count; k++) {
			reason = find_column(columns, fired[i + k], columns->rnn->bounce[k],
					     &column[k]);
			if (reason)
				return reason;
			delta[k] = deltas[i + k];
		}
		add(columns->accu, column, delta, together);
		if (!rest)
			continue;
		for (unsigned int k = 0; k < DH_RNN_BATCH; k++)
			column[k] += together;
		add(columns->accu + together + columns->gap, column, delta, rest);
	}
	return DELTAHOP_REASON_NONE;
}

/* ---- a step ---- */

/**
 * struct step - a layer in a step
 * @columns: of the vector that is being looked at
 * @weights: all columns in one piece, or NULL
 * @timing: the layer as the pipeline sees it
 */
struct step {
	struct dh_rnn *rnn;
	const struct dh_layer *layer;
	const struct dh_cell *cell;
	struct dh_block block;
	struct columns columns;
	const int8_t *weights;
	struct dh_timing_layer timing;
	struct dh_pipeline pipe;
	struct dh_rnn_result *result;
};

/* Columns of another vector, behind those of the one before: @gates blocks of rows. */
static void next_columns(struct step *step, size_t before, unsigned int gates)
{
	struct columns *columns = &step->columns;

	columns->offset += before * columns->bytes;
	columns->map = step->weights ? step->weights + columns->offset : NULL;
	columns->bytes = (size_t)gates * step->layer->hidden;
	columns->together = columns->bytes;
}

/* The columns of the elements from slot @slot on are those of @step->columns. */
static void announce(struct step *step, unsigned int slot)
{
	const struct columns *columns = &step->columns;

	dh_pipeline_columns(&step->pipe, &step->timing, columns->bytes);
	if (step->timing.port)
		dh_port_columns(step->timing.port, step->layer->weight_region,
				step->layer->weight_offset + columns->offset, slot, columns->bytes);
}

/* Push the elements that fired, and the last one of @count, from slot @slot on. */
static void push(struct step *step, unsigned int slot, unsigned int count, const uint16_t *fired,
		 unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		dh_pipeline_entry(&step->pipe, slot + fired[i], true);
	if (!n || fired[n - 1] + 1U != count)
		dh_pipeline_entry(&step->pipe, slot + count - 1, false);
}

/* Pay for the columns that fire, and add them. */
static enum deltahop_reason fetch(struct step *step, const uint16_t *fired, const int16_t *deltas,
				  unsigned int n)
{
	step->result->bytes += (uint64_t)n * step->columns.bytes;
	step->result->beats += (uint64_t)n * step->pipe.beats;
	return accumulate(&step->columns, fired, deltas, n);
}

/* Bias and x. Column 0 is that of the bias, if there is one. */
static enum deltahop_reason look_at_x(struct step *step, int theta, const int16_t *x)
{
	const struct dh_layer *layer = step->layer;
	struct dh_rnn_result *result = step->result;
	uint16_t *columns = step->rnn->columns;
	int16_t *deltas = step->rnn->deltas;
	bool bias;
	unsigned int n;

	examine_bias(&step->block, layer, theta, result);
	bias = result->bias_fired;
	columns[0] = 0;
	deltas[0] = DH_RNN_ONE;
	n = scan(x, step->block.x_mem, layer->inputs, theta, !layer->no_bias, columns + bias,
		 deltas + bias);
	result->fired_x = bias + n;
	if (step->timing.port && result->bias_examined)
		step->timing.port->origin += step->timing.port->bias_cycles;
	announce(step, DH_SLOT_X(0) - !layer->no_bias);
	if (bias)
		dh_pipeline_entry(&step->pipe, DH_SLOT_BIAS, true);
	push(step, DH_SLOT_X(0) - !layer->no_bias, step->timing.inputs + !layer->no_bias,
	     columns + bias, n);
	return fetch(step, columns, deltas, result->fired_x);
}

/* The c rows of a GRU's h go to M_ch, those of its x to M_cx, which lies between. */
static enum deltahop_reason look_at_h(struct step *step, int theta)
{
	const struct dh_layer *layer = step->layer;
	uint16_t *columns = step->rnn->columns;
	int16_t *deltas = step->rnn->deltas;
	unsigned int n;

	next_columns(step, !layer->no_bias + layer->inputs, step->cell->gates_h);
	if (layer->cell == DELTAHOP_CELL_GRU) {
		step->columns.together = 2 * (size_t)layer->hidden;
		step->columns.gap = layer->hidden;
	}
	n = scan(step->block.h, step->block.h_mem, layer->hidden, theta, 0, columns, deltas);
	step->result->fired_h = n;
	announce(step, DH_SLOT_H(step->timing.inputs, 0));
	push(step, DH_SLOT_H(step->timing.inputs, 0), layer->hidden, columns, n);
	return fetch(step, columns, deltas, n);
}

/* A phase of its own: the reset gates must be known. */
static enum deltahop_reason look_at_rh(struct step *step, int theta)
{
	const struct dh_layer *layer = step->layer;
	uint16_t *columns = step->rnn->columns;
	int16_t *deltas = step->rnn->deltas, *rh = step->rnn->rh;
	unsigned int n;

	dh_rnn_reset(step->rnn, layer, &step->block, rh);
	next_columns(step, layer->hidden, step->cell->gates_rh);
	step->columns.accu += 2 * (size_t)layer->hidden;
	n = scan(rh, step->block.rh_mem, layer->hidden, theta, 0, columns, deltas);
	step->result->fired_rh = n;
	if (step->timing.port)
		step->timing.port->origin += step->result->cycles;
	dh_pipeline_start(&step->pipe, &step->timing);
	announce(step, DH_SLOT_RH(0));
	push(step, DH_SLOT_RH(0), layer->hidden, columns, n);
	step->result->cycles += dh_pipeline_end(&step->pipe);
	return fetch(step, columns, deltas, n);
}

static void begin(struct step *step, struct dh_memory *memory)
{
	const struct dh_layer *layer = step->layer;

	step->cell = dh_cell(layer);
	step->block = find_block(step->rnn, layer);
	step->weights = dh_memory_map(memory, layer->weight_region, layer->weight_offset,
				      dh_layer_weight_bytes(layer));
	step->columns = (struct columns){
		.rnn = step->rnn, .memory = memory, .layer = layer, .accu = step->block.accu
	};
	next_columns(step, 0, step->cell->gates);
	step->timing = dh_timing_of(layer, step->rnn->config->rnn_pes,
				    dh_memory_channel(memory, layer->weight_region),
				    step->rnn->config->beat_bytes);
	step->timing.port = dh_memory_port(memory, layer->weight_region);
	dh_pipeline_start(&step->pipe, &step->timing);
	*step->result = (struct dh_rnn_result){ 0 };
}

enum deltahop_reason dh_rnn_step(struct dh_rnn *rnn, struct dh_memory *memory,
				 const struct dh_layer *layer, int theta_x, int theta_h,
				 const int16_t *x, int16_t *y, struct dh_rnn_result *result)
{
	struct step step = { .rnn = rnn, .layer = layer, .result = result };
	enum deltahop_reason reason;

	begin(&step, memory);
	reason = look_at_x(&step, theta_x, x);
	if (!reason && step.cell->gates_h)
		reason = look_at_h(&step, theta_h);
	result->cycles = dh_pipeline_end(&step.pipe);
	if (!reason && step.cell->gates_rh)
		reason = look_at_rh(&step, theta_h);
	if (!reason)
		dh_rnn_activate(rnn, layer, &step.block, y);
	return reason;
}
