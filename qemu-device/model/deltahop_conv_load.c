// SPDX-License-Identifier: MIT
/* What a pass loads: weights, rows of the input, and what its accumulators start from. */
#include <assert.h>
#include <string.h>

#include "deltahop_internal.h"

/* ---- weights ---- */

/* The numbers of the MACs that kernel words are for, in the order of memory. */
static void number_macs(struct dh_conv *conv)
{
	uint32_t padded = dh_conv_channels_padded(conv->layer),
		 weights = conv->layer->kernel_rows * conv->layer->kernel_cols;
	uint8_t *at = conv->macs;

	for (uint32_t o = 0; o < conv->pass->maps; o++) {
		for (uint32_t c = 0; c < padded; c++, at += weights)
			memset(at, o * conv->layer->macs + dh_conv_controller(conv->layer, c),
			       weights);
	}
}

static enum deltahop_reason read_biases(struct dh_conv *conv, uint16_t *words)
{
	uint32_t macs = conv->limits.conv_macs;

	if (conv->geometry.packed)
		return dh_memory_read(conv->memory, conv->pass->weight_region,
				      conv->pass->weight_offset, words, macs * sizeof(*words));
	for (uint32_t i = 0; i < macs; i++)
		conv->macs[i] = i;
	return dh_bus_read(conv->memory, conv->pass->weight_region, conv->pass->weight_offset,
			   DH_WORD_BIAS, macs, conv->macs, words);
}

/* Widen bytes to words where they are, from the last one on. */
static void widen(uint16_t *words, uint64_t count)
{
	const int8_t *bytes = (const int8_t *)words;

	while (count--)
		words[count] = (uint16_t)bytes[count];
}

static enum deltahop_reason read_kernels(struct dh_conv *conv, uint16_t *words)
{
	bool narrow = conv->layer->flags & DELTAHOP_CONV_WEIGHT8;
	uint64_t count = dh_conv_kernel_count(conv->layer, conv->pass), offset,
		 biases = dh_conv_words_bytes(conv->limits.conv_macs, conv->geometry.packed);
	enum deltahop_reason reason;

	if (__builtin_add_overflow(conv->pass->weight_offset, biases, &offset))
		offset = UINT64_MAX;
	if (!conv->geometry.packed) {
		number_macs(conv);
		return dh_bus_read(conv->memory, conv->pass->weight_region, offset, DH_WORD_KERNEL,
				   count, conv->macs, words);
	}
	reason = dh_memory_read(conv->memory, conv->pass->weight_region, offset, words,
				narrow ? count : 2 * count);
	if (!reason && narrow)
		widen(words, count);
	return reason;
}

/* From output map by output map to weights of all output maps side by side. */
static void arrange_kernels(struct dh_conv *conv, const uint16_t *words)
{
	const struct dh_conv_layer *layer = conv->layer;
	const struct dh_conv_geometry *geo = &conv->geometry;
	uint32_t padded = dh_conv_channels_padded(layer), rows = layer->kernel_rows,
		 cols = layer->kernel_cols;

	if (conv->pass->maps != geo->lanes)
		memset(conv->kernels, 0,
		       sizeof(*conv->kernels) * geo->lanes * layer->channels * rows * cols);
	for (uint32_t o = 0; o < conv->pass->maps; o++) {
		for (uint32_t c = 0; c < layer->channels; c++) {
			const uint16_t *from = words + ((size_t)o * padded + c) * rows * cols;

			for (uint32_t i = 0; i < rows; i++) {
				int16_t *to = conv->kernels + o +
					      ((size_t)i * layer->channels + c) * cols * geo->lanes;

				for (uint32_t j = 0; j < cols; j++)
					to[geo->place[j] * geo->lanes] = (int16_t)*from++;
			}
		}
	}
}

enum deltahop_reason dh_conv_load_weights(struct dh_conv *conv)
{
	enum deltahop_reason reason = read_biases(conv, conv->words);

	if (reason)
		return reason;
	memset(conv->bias, 0, sizeof(*conv->bias) * conv->geometry.lanes);
	for (uint32_t o = 0; o < conv->pass->maps; o++)
		conv->bias[o] = (uint32_t)(int16_t)conv->words[o * conv->layer->macs]
				<< conv->layer->bias_shift;
	reason = read_kernels(conv, conv->words);
	if (!reason)
		arrange_kernels(conv, conv->words);
	return reason;
}

/* ---- rows of the input ---- */

/* The last input row that a stripe touches, which may be one of the upper output row; -1: none. */
static int64_t last_row(const struct dh_conv *conv, uint32_t stripe)
{
	const struct dh_conv_layer *layer = conv->layer;

	for (uint32_t i = dh_conv_stripe_rows(conv, stripe); i > 0; i--) {
		int64_t out = (int64_t)stripe * DH_CONV_STRIPE + i - 1,
			top = out * layer->stride_rows - layer->pad_top,
			last = top + layer->kernel_rows - 1;

		if (last >= 0 && top < layer->rows)
			return last < layer->rows ? last : layer->rows - 1;
	}
	return -1;
}

static void keep_row(struct dh_conv_store *store, uint32_t count, const uint16_t *words)
{
	if (store->full || count > store->capacity - store->used) {
		store->full = true;
		return;
	}
	memcpy(store->words + store->used, words, sizeof(*words) * count);
	store->used += count;
	store->at = store->used;
}

/* The words of a row that stayed from a pass before. */
static const uint16_t *kept_row(struct dh_conv_store *store, uint32_t values, bool encoded,
				uint32_t *count)
{
	const uint16_t *words = store->words + store->at;

	assert(store->at < store->used);
	*count = dh_map_row_words(words, values, encoded);
	store->at += *count;
	return words;
}

/* Put the values of a map's row in their places, and count what will be multiplied. */
static void place_row(struct dh_conv *conv, struct dh_conv_row *row, uint32_t map, uint32_t first,
		      const uint16_t *words)
{
	uint32_t channels = conv->input[map].channels, all = conv->layer->channels,
		 cols = conv->layer->cols;
	bool encoded = conv->input[map].encoded;
	int16_t *values = channels == all ? row->values : conv->values;

	if (!map) {
		row->read_cycles = 0;
		memset(row->taken, 0, sizeof(*row->taken) * conv->geometry.controllers * cols);
	}
	row->read_cycles += dh_map_read_cycles(words, cols * channels, encoded);
	dh_map_decode_row(words, cols * channels, encoded, values);
	for (uint32_t x = 0; x < cols; x++, values += channels) {
		if (channels != all)
			memcpy(row->values + (size_t)x * all + first, values,
			       sizeof(*values) * channels);
		for (uint32_t c = 0; c < channels; c++)
			row->taken[conv->controller[first + c] * cols + x] += !encoded ||
									      values[c] != 0;
	}
}

/* One row of one map. @moved: bytes that it moves are added */
static enum deltahop_reason load_row(struct dh_conv *conv, uint32_t stripe, uint32_t map,
				     uint32_t first, uint32_t number, uint64_t *moved)
{
	const struct dh_conv_input *input = &conv->input[map];
	struct dh_stream *stream = &conv->stream[map];
	uint32_t values = conv->layer->cols * input->channels, count;
	const uint16_t *words = conv->words;
	enum deltahop_reason reason;

	if (number < conv->store.rows) {
		words = kept_row(&conv->store, values, input->encoded, &count);
		stream->words += count;
	} else {
		uint64_t before = dh_stream_bytes(stream);

		reason = dh_map_read_row(stream, values, input->encoded,
					 number + 1 == conv->layer->rows, conv->words, &count);
		if (reason)
			return reason;
		*moved += dh_stream_bytes(stream) - before;
		keep_row(&conv->store, count, words);
	}
	if (dh_conv_hits_rows(conv, stripe, number))
		place_row(conv, dh_conv_row_of(conv, number), map, first, words);
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason load_rows(struct dh_conv *conv, uint32_t stripe,
				      struct dh_conv_loads *loads)
{
	int64_t last = last_row(conv, stripe);
	enum deltahop_reason reason;
	uint32_t first = 0;

	if (last < conv->next_row)
		return DELTAHOP_REASON_NONE;
	for (uint32_t map = 0; map < conv->inputs; map++) {
		for (uint32_t number = conv->next_row; number <= last; number++) {
			reason = load_row(conv, stripe, map, first, number, &loads->maps[map]);
			if (reason)
				return reason;
		}
		first += conv->input[map].channels;
	}
	conv->next_row = last + 1;
	return DELTAHOP_REASON_NONE;
}

/* ---- what accumulators start from ---- */

static void start_from_biases(struct dh_conv *conv, uint32_t *accu)
{
	uint32_t lanes = conv->geometry.lanes;

	for (uint32_t x = 0; x < conv->geometry.cols; x++)
		memcpy(accu + (size_t)x * lanes, conv->bias, sizeof(*accu) * lanes);
}

static enum deltahop_reason start_from_sums(struct dh_conv *conv, uint32_t out, uint32_t *accu)
{
	uint32_t maps = conv->pass->maps, lanes = conv->geometry.lanes;
	uint64_t bytes = sizeof(*accu) * conv->layer->out_cols * maps, offset;
	enum deltahop_reason reason;

	if (__builtin_add_overflow(conv->pass->psum_offset, out * bytes, &offset))
		offset = UINT64_MAX;
	reason = dh_memory_read(conv->memory, conv->pass->psum_region, offset, conv->sums, bytes);
	if (reason)
		return reason;
	for (uint32_t x = 0; x < conv->geometry.cols; x++)
		memcpy(accu + (size_t)x * lanes, conv->sums + (size_t)x * maps,
		       sizeof(*accu) * maps);
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason add_row(struct dh_conv *conv, uint32_t out, uint32_t *accu)
{
	uint32_t maps = conv->pass->maps, values = conv->layer->out_cols * maps, count;
	bool encoded = conv->pass->flags & DELTAHOP_PASS_ADD_ENCODED;
	enum deltahop_reason reason;

	reason = dh_map_read_row(&conv->added, values, encoded, out + 1 == conv->layer->out_rows,
				 conv->words, &count);
	if (reason)
		return reason;
	dh_map_decode_row(conv->words, values, encoded, conv->values);
	for (uint32_t x = 0; x < conv->geometry.cols; x++, accu += conv->geometry.lanes) {
		for (uint32_t o = 0; o < maps; o++)
			accu[o] += (uint32_t)conv->values[(size_t)x * maps + o]
				   << conv->pass->add_shift;
	}
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason start_sums(struct dh_conv *conv, uint32_t stripe,
				       struct dh_conv_loads *loads)
{
	uint32_t *accu = conv->accu[stripe % 2], rows = dh_conv_stripe_rows(conv, stripe);
	size_t row = (size_t)conv->geometry.cols * conv->geometry.lanes;
	enum deltahop_reason reason;

	for (uint32_t i = 0; i < rows; i++) {
		if (!(conv->pass->flags & DELTAHOP_PASS_PSUM_IN)) {
			start_from_biases(conv, accu + i * row);
			continue;
		}
		reason = start_from_sums(conv, stripe * DH_CONV_STRIPE + i, accu + i * row);
		if (reason)
			return reason;
		loads->psum += sizeof(*accu) * conv->layer->out_cols * conv->pass->maps;
	}
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason add_rows(struct dh_conv *conv, uint32_t stripe,
				     struct dh_conv_loads *loads)
{
	uint32_t *accu = conv->accu[stripe % 2], rows = dh_conv_stripe_rows(conv, stripe);
	size_t row = (size_t)conv->geometry.cols * conv->geometry.lanes;
	uint64_t before = dh_stream_bytes(&conv->added);
	enum deltahop_reason reason;

	for (uint32_t i = 0; i < rows; i++) {
		reason = add_row(conv, stripe * DH_CONV_STRIPE + i, accu + i * row);
		if (reason)
			return reason;
	}
	loads->add = dh_stream_bytes(&conv->added) - before;
	return DELTAHOP_REASON_NONE;
}

enum deltahop_reason dh_conv_load_stripe(struct dh_conv *conv, uint32_t stripe,
					 struct dh_conv_loads *loads)
{
	enum deltahop_reason reason;

	memset(loads, 0, sizeof(*loads));
	reason = load_rows(conv, stripe, loads);
	if (!reason)
		reason = start_sums(conv, stripe, loads);
	if (!reason && conv->pass->flags & DELTAHOP_PASS_ADD)
		reason = add_rows(conv, stripe, loads);
	return reason;
}
