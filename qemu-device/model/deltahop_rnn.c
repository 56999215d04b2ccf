// SPDX-License-Identifier: MIT
/*
 * The recurrent engine's step: which elements fire, what they add, how long it takes. Bit exact.
 */
#include <string.h>

#include "deltahop_rnn.h"

static struct dh_block find_block(struct dh_rnn *rnn, const struct dh_layer *layer)
{
	uint8_t *at = rnn->state->image + layer->state_offset;
	struct dh_block block = { .flags = (state32 *)at };

	block.x_mem = (state16 *)(at + sizeof(struct deltahop_rnn_state));
	block.h_mem = block.x_mem + (layer->inputs + 7) / 8 * 8;
	block.h = block.h_mem;
	if (layer->cell == DELTAHOP_CELL_GRU)
		block.h += layer->hidden;
	block.accu =
		(state32 *)(layer->cell == DELTAHOP_CELL_GRU ? block.h + layer->hidden : block.h);
	return block;
}

/* ---- delta rule ---- */

/*
 * Append the elements of a vector that fire, and note them as sent. Without a branch: whether an
 * element fires is as good as random.
 * Return: their number.
 */
static unsigned int scan(const int16_t *value, state16 *sent, unsigned int count, int theta,
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
 * struct columns - weight columns of a layer
 * @map: all of them, or NULL: fetch each
 */
struct columns {
	struct dh_rnn *rnn;
	struct dh_memory *memory;
	const struct dh_layer *layer;
	size_t bytes;
	const int8_t *map;
};

static enum deltahop_reason find_column(struct columns *columns, unsigned int number,
					int8_t *bounce, const int8_t **column)
{
	const struct dh_layer *layer = columns->layer;
	uint64_t offset = (uint64_t)number * columns->bytes;

	if (columns->map) {
		*column = columns->map + offset;
		return DELTAHOP_REASON_NONE;
	}
	if (__builtin_add_overflow(layer->weight_offset, offset, &offset))
		offset = UINT64_MAX;
	*column = dh_memory_map(columns->memory, layer->weight_region, offset, columns->bytes);
	if (*column)
		return DELTAHOP_REASON_NONE;
	*column = bounce;
	return dh_memory_read(columns->memory, layer->weight_region, offset, bounce,
			      columns->bytes);
}

/*
 * Add the columns that fire. Rows r and u of all go to the same accumulators, the c rows of x and
 * bias to M_cx and those of h to M_ch;
 * @candidate is the distance of that last part.
 */
static enum deltahop_reason accumulate(struct columns *columns, state32 *accu, size_t candidate,
				       const uint16_t *fired, const int16_t *deltas,
				       unsigned int count)
{
	static const int8_t no_column[DH_MAX_COLUMN];
	size_t together = candidate ? columns->bytes / 3 * 2 : columns->bytes;
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
		add(accu, column, delta, together);
		if (!candidate)
			continue;
		for (unsigned int k = 0; k < DH_RNN_BATCH; k++)
			column[k] += together;
		add(accu + together + candidate, column, delta, columns->bytes - together);
	}
	return DELTAHOP_REASON_NONE;
}

/* ---- timing ---- */

/* Cycles of the layer, from the columns that fired: @bias first, then x, then h. */
static uint64_t count_cycles(const struct dh_rnn *rnn, const struct dh_memory *memory,
			     const struct dh_layer *layer, const struct dh_rnn_result *result)
{
	unsigned int padded = (layer->inputs + 7) / 8 * 8, first_x = !layer->no_bias,
		     first_h = first_x + layer->inputs, i = result->bias_fired;
	unsigned int last_x = DH_SLOT_X(padded - 1), last_h = DH_SLOT_H(padded, layer->hidden - 1),
		     slot = 0;
	struct dh_timing_layer timing = {
		.inputs = padded,
		.hidden = layer->hidden,
		.recurrent = layer->cell == DELTAHOP_CELL_GRU ? layer->hidden : 0,
		.column_bytes = dh_layer_column_bytes(layer),
		.pes = rnn->config->rnn_pes,
		.memory = *dh_memory_channel(memory, layer->weight_region),
		.beat_bytes = rnn->config->beat_bytes,
		.port = dh_memory_port(memory, layer->weight_region),
	};
	struct dh_pipeline pipe;

	if (timing.port && result->bias_examined)
		timing.port->origin += timing.port->bias_cycles;
	if (timing.port)
		dh_port_columns(timing.port, layer->weight_region, layer->weight_offset,
				DH_SLOT_X(0) - first_x, timing.column_bytes);
	dh_pipeline_start(&pipe, &timing);
	if (result->bias_fired)
		dh_pipeline_entry(&pipe, DH_SLOT_BIAS, true);
	for (; i < result->fired_x; i++) {
		slot = DH_SLOT_X(rnn->columns[i] - first_x);
		dh_pipeline_entry(&pipe, slot, true);
	}
	if (slot != last_x)
		dh_pipeline_entry(&pipe, last_x, false);
	if (timing.port)
		dh_port_columns(timing.port, layer->weight_region,
				layer->weight_offset + (uint64_t)first_h * timing.column_bytes,
				DH_SLOT_H(padded, 0), timing.column_bytes);
	for (; i < result->fired_x + result->fired_h; i++) {
		slot = DH_SLOT_H(padded, rnn->columns[i] - first_h);
		dh_pipeline_entry(&pipe, slot, true);
	}
	if (timing.recurrent && slot != last_h)
		dh_pipeline_entry(&pipe, last_h, false);
	return dh_pipeline_end(&pipe);
}

enum deltahop_reason dh_rnn_step(struct dh_rnn *rnn, struct dh_memory *memory,
				 const struct dh_layer *layer, int theta_x, int theta_h,
				 const int16_t *x, int16_t *y, struct dh_rnn_result *result)
{
	struct columns columns = { rnn, memory, layer, dh_layer_column_bytes(layer), NULL };
	unsigned int first_x = !layer->no_bias, first_h = first_x + layer->inputs;
	bool gru = layer->cell == DELTAHOP_CELL_GRU, bias;
	struct dh_block block = find_block(rnn, layer);
	enum deltahop_reason reason;

	*result = (struct dh_rnn_result){ 0 };
	examine_bias(&block, layer, theta_x, result);
	bias = result->bias_fired;
	rnn->columns[0] = 0;
	rnn->deltas[0] = DH_RNN_ONE;
	result->fired_x = bias + scan(x, block.x_mem, layer->inputs, theta_x, first_x,
				      rnn->columns + bias, rnn->deltas + bias);
	if (gru)
		result->fired_h = scan((const int16_t *)block.h, block.h_mem, layer->hidden,
				       theta_h, first_h, rnn->columns + result->fired_x,
				       rnn->deltas + result->fired_x);
	result->cycles = count_cycles(rnn, memory, layer, result);
	result->beats = (uint64_t)(result->fired_x + result->fired_h) *
			((columns.bytes + rnn->config->beat_bytes - 1) / rnn->config->beat_bytes);

	columns.map = dh_memory_map(memory, layer->weight_region, layer->weight_offset,
				    dh_layer_columns(layer) * columns.bytes);
	reason = accumulate(&columns, block.accu, 0, rnn->columns, rnn->deltas, result->fired_x);
	if (!reason && gru)
		reason = accumulate(&columns, block.accu, layer->hidden,
				    rnn->columns + result->fired_x, rnn->deltas + result->fired_x,
				    result->fired_h);
	if (reason)
		return reason;
	dh_rnn_activate(rnn, layer, &block, y);
	return DELTAHOP_REASON_NONE;
}
