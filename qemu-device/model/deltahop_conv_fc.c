// SPDX-License-Identifier: MIT
/* Fully connected layers: a column of weights for each input value that is not zero. */
#include <string.h>

#include "deltahop_internal.h"

/**
 * struct batch - columns that are to be added
 * @n: how many
 * @value: times what
 * @column: they
 */
struct batch {
	size_t n;
	int16_t value[DH_CONV_BATCH];
	const int16_t *column[DH_CONV_BATCH];
};

static enum deltahop_reason start_from_biases(struct dh_conv *conv)
{
	const struct dh_conv_pass *pass = conv->pass;
	enum deltahop_reason reason = dh_memory_read(conv->memory, pass->weight_region,
						     pass->weight_offset, conv->words,
						     pass->maps * sizeof(*conv->words));

	for (uint32_t o = 0; o < pass->maps && !reason; o++)
		conv->accu[0][o] = (uint32_t)(int16_t)conv->words[o] << conv->layer->bias_shift;
	return reason;
}

static uint64_t column_offset(const struct dh_conv *conv, uint64_t number)
{
	uint64_t way = dh_conv_fc_columns_offset(conv->pass) +
		       number * dh_conv_fc_column_bytes(conv->layer, conv->pass),
		 offset;

	return __builtin_add_overflow(conv->pass->weight_offset, way, &offset) ? UINT64_MAX
									       : offset;
}

/* A column of bytes, as words: read into the end of its place, and widened from the first one on. */
static enum deltahop_reason fetch_narrow(struct dh_conv *conv, uint64_t offset, int16_t *column)
{
	uint32_t outputs = conv->pass->maps;
	int8_t *bytes = (int8_t *)(column + outputs) - outputs;
	enum deltahop_reason reason =
		dh_memory_read(conv->memory, conv->pass->weight_region, offset, bytes, outputs);

	for (uint32_t o = 0; o < outputs; o++)
		column[o] = (int16_t)bytes[o];
	return reason;
}

/* Where memory has the column in one piece, and words where words may be, it is not copied. */
static enum deltahop_reason fetch_column(struct dh_conv *conv, uint64_t number, struct batch *batch)
{
	uint32_t region = conv->pass->weight_region, outputs = conv->pass->maps;
	int16_t *bounce = conv->columns + batch->n * outputs;
	uint64_t offset = column_offset(conv, number);
	const void *map;

	batch->column[batch->n] = bounce;
	if (conv->layer->flags & DELTAHOP_CONV_WEIGHT8)
		return fetch_narrow(conv, offset, bounce);
	map = dh_memory_map(conv->memory, region, offset, outputs * sizeof(*bounce));
	if (!map || (uintptr_t)map % _Alignof(int16_t))
		return dh_memory_read(conv->memory, region, offset, bounce,
				      outputs * sizeof(*bounce));
	batch->column[batch->n] = map;
	return DELTAHOP_REASON_NONE;
}

static void add_batch(struct dh_conv *conv, struct batch *batch)
{
	if (batch->n % 2) {
		batch->column[batch->n] = batch->column[0];
		batch->value[batch->n] = 0;
	}
	conv->add_pixels(conv->accu[0], conv->pass->maps, batch->column, 0, batch->value, batch->n);
	batch->n = 0;
}

/* @first: column of the first value */
static enum deltahop_reason add_values(struct dh_conv *conv, const int16_t *values, uint32_t count,
				       uint64_t first, struct batch *batch, uint64_t *taken)
{
	size_t n = dh_conv_gather(values, count, conv->index, conv->pixel);
	enum deltahop_reason reason;

	for (size_t k = 0; k < n; k++) {
		reason = fetch_column(conv, first + conv->index[k], batch);
		if (reason)
			return reason;
		batch->value[batch->n++] = conv->pixel[k];
		if (batch->n == DH_CONV_BATCH)
			add_batch(conv, batch);
	}
	*taken += n;
	return DELTAHOP_REASON_NONE;
}

/* A row of a map, as many values at a time as there is room for. */
static enum deltahop_reason add_row(struct dh_conv *conv, uint32_t map, uint32_t number,
				    uint64_t first, struct batch *batch, uint64_t *taken)
{
	uint32_t values = conv->layer->cols * conv->input[map].channels,
		 room = conv->limits.conv_max_channels, count;
	bool encoded = conv->input[map].encoded;
	enum deltahop_reason reason;

	reason = dh_map_read_row(&conv->stream[map], values, encoded,
				 number + 1 == conv->layer->rows, conv->words, &count);
	if (reason)
		return reason;
	dh_map_decode_row(conv->words, values, encoded, conv->values);
	for (uint32_t done = 0; done < values && !reason; done += room) {
		uint32_t some = values - done < room ? values - done : room;

		reason = add_values(conv, conv->values + done, some, first + done, batch, taken);
	}
	return reason;
}

static enum deltahop_reason add_maps(struct dh_conv *conv, struct dh_conv_loads *loads,
				     uint64_t *taken)
{
	struct batch batch = { .n = 0 };
	enum deltahop_reason reason;
	uint64_t first = 0;

	for (uint32_t map = 0; map < conv->inputs; map++) {
		for (uint32_t number = 0; number < conv->layer->rows; number++) {
			reason = add_row(conv, map, number, first, &batch, taken);
			if (reason)
				return reason;
			first += conv->layer->cols * conv->input[map].channels;
		}
		loads->maps[map] = dh_stream_bytes(&conv->stream[map]);
	}
	add_batch(conv, &batch);
	return DELTAHOP_REASON_NONE;
}

static void put_outputs(struct dh_conv *conv)
{
	for (uint32_t o = 0; o < conv->pass->maps; o++) {
		int32_t sum = (int32_t)conv->accu[0][o];

		if (conv->layer->flags & DELTAHOP_CONV_RELU && sum < 0)
			sum = 0;
		conv->values[o] = dh_conv_output(conv->layer, sum, 0);
	}
	dh_conv_put_row(conv, &conv->writer[0], conv->pass->maps);
}

enum deltahop_reason dh_conv_fc(struct dh_conv *conv, struct dh_conv_loads *loads,
				struct dh_conv_result *result)
{
	const struct dh_conv_pass *pass = conv->pass;
	enum deltahop_reason reason = start_from_biases(conv);

	memset(loads, 0, sizeof(*loads));
	*result = (struct dh_conv_result){ 0 };
	if (!reason)
		reason = add_maps(conv, loads, &result->taken);
	if (reason)
		return reason;
	put_outputs(conv);
	result->work = result->taken * pass->maps;
	result->cycles = dh_timing_columns(dh_memory_channel(conv->memory, pass->weight_region),
					   conv->config->beat_bytes, conv->limits.conv_macs,
					   pass->maps, dh_conv_fc_column_bytes(conv->layer, pass),
					   result->taken);
	return DELTAHOP_REASON_NONE;
}

/* ---- bursts ---- */

/**
 * struct fetch - columns on their way
 * @beats: of a column
 * @add: cycles in which the MACs add one
 * @bursts: so far
 * @accepted: cycle in which the channel took the last one
 * @last: its last beat
 * @finished: last beats of the last bursts
 * @added: the last column has been added then
 */
struct fetch {
	struct dh_port *port;
	const struct dh_memory_timing *memory;
	uint64_t beats;
	uint64_t add;
	uint32_t outstanding;
	uint64_t bursts;
	uint64_t accepted;
	uint64_t last;
	uint64_t finished[DH_PIPELINE_BURSTS];
	uint64_t added;
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void fetch_next(struct fetch *fetch, uint32_t number)
{
	uint64_t accept = fetch->bursts ? fetch->accepted + 1 : 0,
		 step = later(1, fetch->memory->n);
	uint64_t *finished = &fetch->finished[fetch->bursts % fetch->outstanding];
	struct dh_beats beats;

	if (fetch->bursts >= fetch->outstanding)
		accept = later(accept, *finished + 1);
	beats.first = accept + fetch->memory->l + 1;
	if (fetch->bursts)
		beats.first = later(beats.first, fetch->last + step);
	beats.last = beats.first + (fetch->beats - 1) * step;
	dh_port_column(fetch->port, number, accept, step, &beats);
	fetch->accepted = accept;
	fetch->last = *finished = beats.last;
	fetch->bursts++;
	fetch->added = later(later(fetch->added, beats.first) + fetch->add, beats.last + 1);
}

/* The columns of a row's values; @first: of the first one. False: it is not there any more. */
static bool fetch_row(struct dh_conv *conv, struct dh_stream *stream, uint32_t map, uint32_t row,
		      uint32_t first, struct fetch *fetch)
{
	uint32_t values = conv->layer->cols * conv->input[map].channels, count;
	bool encoded = conv->input[map].encoded;

	if (dh_map_read_row(stream, values, encoded, row + 1 == conv->layer->rows, conv->words,
			    &count))
		return false;
	dh_map_decode_row(conv->words, values, encoded, conv->values);
	for (uint32_t i = 0; i < values; i++) {
		if (conv->values[i])
			fetch_next(fetch, first + i);
	}
	return true;
}

/*
 * The maps are read again, as there is no room for the numbers of all values that are not zero. If
 * their owner changes them meanwhile, timing is all that differs.
 */
void dh_conv_fc_fetch(struct dh_conv *conv, struct dh_port *port, struct dh_conv_result *result)
{
	const struct dh_conv_pass *pass = conv->pass;
	uint64_t column = dh_conv_fc_column_bytes(conv->layer, pass),
		 beat = conv->config->beat_bytes;
	struct fetch fetch = {
		.port = port,
		.memory = &conv->config->dram,
		.beats = (column + beat - 1) / beat,
		.add = (pass->maps + conv->limits.conv_macs - 1) / conv->limits.conv_macs,
		.outstanding = conv->config->dram.q < DH_PIPELINE_BURSTS
				       ? later(1, conv->config->dram.q)
				       : DH_PIPELINE_BURSTS,
	};
	uint32_t first = 0;
	bool there = true;

	dh_port_columns(port, pass->weight_region,
			pass->weight_offset + dh_conv_fc_columns_offset(pass), 0, column);
	for (uint32_t map = 0; map < conv->inputs; map++) {
		struct dh_stream stream;

		dh_stream_start(&stream, conv->memory, conv->input[map].region,
				conv->input[map].offset, conv->geometry.packed);
		for (uint32_t row = 0; row < conv->layer->rows && there; row++) {
			there = fetch_row(conv, &stream, map, row, first, &fetch);
			first += conv->layer->cols * conv->input[map].channels;
		}
	}
	if (port->dram->detailed)
		result->cycles = fetch.bursts ? fetch.added : conv->config->dram.l + 1;
}
