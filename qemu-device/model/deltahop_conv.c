// SPDX-License-Identifier: MIT
/* The convolution engine: its memories, a stripe, and what comes out of it. Bit exact. */
#include <stdlib.h>
#include <string.h>

#include "deltahop_internal.h"

/* ---- memories ---- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * Everything as large as the limits allow, and the vectors like to read and write. A row of maps has
 * most_cols * most_channels values if it is fully connected; else the store bounds it.
 */
bool dh_conv_create(struct dh_conv *conv, const struct dh_config *config)
{
	size_t cols = config->conv_max_cols, channels = config->conv_max_channels,
	       outputs = config->conv_max_outputs, store = config->conv_store_bytes / 2,
	       lanes = larger(config->conv_macs, DH_CONV_LANES),
	       kernels = (size_t)config->conv_kernel_words *
			 larger(config->conv_macs, DH_CONV_LANES * DH_CONV_CONTROLLERS),
	       out = larger(cols * config->conv_macs, outputs),
	       values = larger(cols * channels, out),
	       words = larger(dh_conv_row_words(1, values, true) + 1, kernels);
	bool packed = config->caps & DELTAHOP_CAP_CONV_PACKED, good = true;

	conv->config = config;
	conv->limits = dh_config_limits(config);
	conv->add_pixels = dh_conv_choose_add();
	conv->store.capacity = store;
#define ALLOCATE(pointer, count) \
	(good = good && ((pointer) = calloc((count), sizeof(*(pointer)))) != NULL)
	ALLOCATE(conv->store.words, store);
	ALLOCATE(conv->row[0].values, store);
	ALLOCATE(conv->row[0].taken, DH_CONV_ROWS * DH_CONV_CONTROLLERS * cols);
	ALLOCATE(conv->controller, channels);
	ALLOCATE(conv->hits, cols);
	ALLOCATE(conv->kernels, kernels);
	ALLOCATE(conv->bias, lanes);
	ALLOCATE(conv->words, words);
	ALLOCATE(conv->macs, packed ? 1 : (size_t)config->conv_macs * config->conv_kernel_words);
	ALLOCATE(conv->values, values);
	ALLOCATE(conv->sums, cols * config->conv_macs);
	ALLOCATE(conv->work, DH_CONV_CONTROLLERS * cols);
	ALLOCATE(conv->index, channels + DH_CONV_LANES);
	ALLOCATE(conv->pixel, channels + DH_CONV_LANES);
	ALLOCATE(conv->weights, channels + DH_CONV_LANES);
	ALLOCATE(conv->columns, DH_CONV_BATCH * larger(outputs, 1));
	for (int i = 0; i < 2; i++) {
		ALLOCATE(conv->accu[i], larger(DH_CONV_STRIPE * cols * lanes, outputs));
		ALLOCATE(conv->writer[i].bytes,
			 dh_conv_map_bytes_max(DH_CONV_STRIPE, 1, out, true, false) + 8);
	}
#undef ALLOCATE
	return good;
}

void dh_conv_destroy(struct dh_conv *conv)
{
	free(conv->store.words);
	free(conv->row[0].values);
	free(conv->row[0].taken);
	free(conv->controller);
	free(conv->hits);
	free(conv->kernels);
	free(conv->bias);
	free(conv->words);
	free(conv->macs);
	free(conv->values);
	free(conv->sums);
	free(conv->work);
	free(conv->index);
	free(conv->pixel);
	free(conv->weights);
	free(conv->columns);
	for (int i = 0; i < 2; i++) {
		free(conv->accu[i]);
		free(conv->writer[i].bytes);
	}
}

/* ---- geometry of a pass ---- */

void dh_conv_forget(struct dh_conv *conv)
{
	conv->store.rows = 0;
}

/* Kernel columns that an input column meets together follow each other. */
static void place_columns(struct dh_conv_geometry *geo, const struct dh_conv_layer *layer)
{
	uint8_t place = 0;

	for (int phase = 0; phase < layer->stride_cols; phase++) {
		for (int j = layer->kernel_cols - 1; j >= 0; j--) {
			if (j % layer->stride_cols == phase)
				geo->place[j] = place++;
		}
	}
}

static int divide_down(int a, int b)
{
	return a / b - (a % b < 0);
}

static void find_hits(struct dh_conv *conv)
{
	const struct dh_conv_layer *layer = conv->layer;

	for (int x = 0; x < layer->cols; x++) {
		int at = x + layer->pad_left, stride = layer->stride_cols,
		    first = divide_down(at - layer->kernel_cols, stride) + 1,
		    last = divide_down(at, stride);

		first = first > 0 ? first : 0;
		last = last < (int)conv->geometry.cols ? last : (int)conv->geometry.cols - 1;
		conv->hits[x] = (struct dh_conv_hits){ 0 };
		if (first > last)
			continue;
		conv->hits[x].first = first;
		conv->hits[x].count = last - first + 1;
		conv->hits[x].place = conv->geometry.place[at - first * stride];
	}
}

static void lay_out_rows(struct dh_conv *conv)
{
	size_t values = (size_t)conv->layer->cols * conv->layer->channels,
	       taken = (size_t)conv->layer->cols * conv->geometry.controllers;

	for (uint32_t i = 1; i < conv->geometry.span; i++) {
		conv->row[i].values = conv->row[0].values + i * values;
		conv->row[i].taken = conv->row[0].taken + i * taken;
	}
}

static void start_maps(struct dh_conv *conv)
{
	for (uint32_t i = 0; i < conv->inputs; i++)
		dh_stream_start(&conv->stream[i], conv->memory, conv->input[i].region,
				conv->input[i].offset, conv->geometry.packed);
	dh_stream_start(&conv->added, conv->memory, conv->pass->add_region, conv->pass->add_offset,
			conv->geometry.packed);
	for (int i = 0; i < 2; i++) {
		conv->writer[i].packed = conv->geometry.packed;
		conv->writer[i].half = false;
		conv->writer[i].len = 0;
	}
}

void dh_conv_start_fc(struct dh_conv *conv, struct dh_memory *memory,
		      const struct dh_cmd_check *check, const struct dh_conv_pass *pass)
{
	conv->memory = memory;
	conv->input = check->conv_input;
	conv->inputs = check->conv_inputs;
	conv->layer = &check->conv_layer;
	conv->pass = pass;
	conv->geometry.packed = conv->limits.caps & DELTAHOP_CAP_CONV_PACKED;
	start_maps(conv);
}

void dh_conv_start(struct dh_conv *conv, struct dh_memory *memory, const struct dh_cmd_check *check,
		   const struct dh_conv_pass *pass)
{
	const struct dh_conv_layer *layer = &check->conv_layer;
	struct dh_conv_geometry *geo = &conv->geometry;
	uint32_t span = layer->kernel_rows + layer->stride_rows;

	dh_conv_start_fc(conv, memory, check, pass);
	geo->rows = dh_conv_computed_rows(layer, pass->flags);
	geo->cols = dh_conv_computed_cols(layer, pass->flags);
	geo->stripes = (geo->rows + DH_CONV_STRIPE - 1) / DH_CONV_STRIPE;
	geo->lanes = (pass->maps + DH_CONV_LANES - 1) / DH_CONV_LANES * DH_CONV_LANES;
	geo->span = span < layer->rows ? span : layer->rows;
	geo->controllers = layer->macs;
	for (uint32_t c = 0; c < layer->channels; c++)
		conv->controller[c] = dh_conv_controller(layer, c);
	place_columns(geo, layer);
	find_hits(conv);
	lay_out_rows(conv);
	conv->next_row = 0;
	conv->store.at = 0;
	conv->store.full = false;
	if (!conv->store.rows)
		conv->store.used = 0;
}

uint32_t dh_conv_stripe_rows(const struct dh_conv *conv, uint32_t stripe)
{
	uint32_t rest = conv->geometry.rows - stripe * DH_CONV_STRIPE;

	return rest < DH_CONV_STRIPE ? rest : DH_CONV_STRIPE;
}

int64_t dh_conv_kernel_row(const struct dh_conv *conv, uint32_t row, uint32_t out)
{
	return (int64_t)row + conv->layer->pad_top - (int64_t)out * conv->layer->stride_rows;
}

static bool meets(const struct dh_conv *conv, uint32_t row, uint32_t out)
{
	int64_t i = dh_conv_kernel_row(conv, row, out);

	return i >= 0 && i < conv->layer->kernel_rows;
}

uint32_t dh_conv_hits_rows(const struct dh_conv *conv, uint32_t stripe, uint32_t row)
{
	uint32_t rows = 0;

	for (uint32_t i = 0; i < dh_conv_stripe_rows(conv, stripe); i++)
		rows += meets(conv, row, stripe * DH_CONV_STRIPE + i);
	return rows;
}

struct dh_conv_row *dh_conv_row_of(struct dh_conv *conv, uint32_t row)
{
	return &conv->row[row % conv->geometry.span];
}

void dh_conv_end(struct dh_conv *conv)
{
	struct dh_conv_store *store = &conv->store;

	if (store->full)
		store->rows = 0;
	else if (conv->next_row > store->rows)
		store->rows = conv->next_row;
}

/* ---- compute ---- */

/* All channels of an input row at one column, to all outputs of the stripe that they meet. */
static void add_place(struct dh_conv *conv, uint32_t stripe, uint32_t number, uint32_t x)
{
	const struct dh_conv_layer *layer = conv->layer;
	const struct dh_conv_hits *hits = &conv->hits[x];
	size_t lanes = conv->geometry.lanes, column = layer->kernel_cols * lanes;
	const int16_t *values = dh_conv_row_of(conv, number)->values + (size_t)x * layer->channels;
	size_t n = dh_conv_gather(values, layer->channels, conv->index, conv->pixel);

	for (size_t k = 0; k < n; k++)
		conv->weights[k] = conv->kernels + conv->index[k] * column + hits->place * lanes;
	conv->weights[n] = conv->kernels;
	for (uint32_t i = 0; i < dh_conv_stripe_rows(conv, stripe); i++) {
		uint32_t out = stripe * DH_CONV_STRIPE + i;

		if (!n || !meets(conv, number, out))
			continue;
		conv->add_pixels(conv->accu[stripe % 2] +
					 ((size_t)i * conv->geometry.cols + hits->first) * lanes,
				 hits->count * lanes, conv->weights,
				 dh_conv_kernel_row(conv, number, out) * layer->channels * column,
				 conv->pixel, n);
	}
}

/* The input rows from which a stripe's are; those in between that it does not touch hit nothing. */
static void touched_rows(const struct dh_conv *conv, uint32_t stripe, uint32_t *first,
			 uint32_t *end)
{
	const struct dh_conv_layer *layer = conv->layer;
	int64_t top = (int64_t)stripe * DH_CONV_STRIPE * layer->stride_rows - layer->pad_top,
		bottom = top + layer->stride_rows + layer->kernel_rows;

	*first = top < 0 ? 0 : top < layer->rows ? top : layer->rows;
	*end = bottom < 0 ? 0 : bottom < layer->rows ? bottom : layer->rows;
}

/* Cycles of each controller in each column. */
static void count_work(struct dh_conv *conv, uint32_t rows, const struct dh_conv_row *row)
{
	uint32_t cols = conv->layer->cols;

	for (uint32_t g = 0; g < conv->geometry.controllers; g++) {
		for (uint32_t x = 0; x < cols; x++)
			conv->work[g * cols + x] +=
				rows * conv->hits[x].count * row->taken[g * cols + x];
	}
}

static uint64_t count_taken(const struct dh_conv *conv, const struct dh_conv_row *row)
{
	uint32_t cols = conv->layer->cols;
	uint64_t taken = 0;

	for (uint32_t g = 0; g < conv->geometry.controllers; g++) {
		for (uint32_t x = 0; x < cols; x++)
			taken += conv->hits[x].count ? row->taken[g * cols + x] : 0;
	}
	return taken;
}

static uint64_t sum_of_work(const struct dh_conv *conv)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < conv->geometry.controllers * conv->layer->cols; i++)
		sum += conv->work[i];
	return sum;
}

/* Multiply; Return: R, cycles of the reader that has most to do. */
static uint64_t add_rows(struct dh_conv *conv, uint32_t stripe, struct dh_conv_result *result)
{
	uint64_t read = 0;
	uint32_t first, end;

	memset(conv->work, 0, sizeof(*conv->work) * conv->geometry.controllers * conv->layer->cols);
	touched_rows(conv, stripe, &first, &end);
	for (uint32_t number = first; number < end; number++) {
		const struct dh_conv_row *row = dh_conv_row_of(conv, number);
		uint32_t rows = dh_conv_hits_rows(conv, stripe, number);

		if (!rows)
			continue;
		read = larger(read, row->read_cycles);
		count_work(conv, rows, row);
		result->taken += count_taken(conv, row);
		for (uint32_t x = 0; x < conv->layer->cols; x++) {
			if (conv->hits[x].count)
				add_place(conv, stripe, number, x);
		}
	}
	return read;
}

/* ---- output ---- */

int16_t dh_conv_output(const struct dh_conv_layer *layer, int64_t sum, uint32_t more)
{
	int64_t value = sum >> (layer->out_shift + more);

	return value < INT16_MIN ? INT16_MIN : value > INT16_MAX ? INT16_MAX : value;
}

uint32_t dh_conv_put_row(struct dh_conv *conv, struct dh_writer *writer, uint32_t count)
{
	const uint16_t *words = (const uint16_t *)conv->values;
	uint32_t len = count;

	if (conv->layer->flags & DELTAHOP_CONV_ENCODE) {
		len = dh_map_encode_row(conv->values, count, conv->words);
		words = conv->words;
	}
	dh_writer_row(writer, words, len);
	return len;
}

static int32_t rectified(const struct dh_conv_layer *layer, uint32_t accu)
{
	int32_t sum = (int32_t)accu;

	return layer->flags & DELTAHOP_CONV_RELU && sum < 0 ? 0 : sum;
}

/* A row of accumulators. */
static void finish_row(struct dh_conv *conv, const uint32_t *accu)
{
	int16_t *values = conv->values;

	for (uint32_t x = 0; x < conv->geometry.cols; x++, accu += conv->geometry.lanes) {
		for (uint32_t o = 0; o < conv->pass->maps; o++)
			*values++ = dh_conv_output(conv->layer, rectified(conv->layer, accu[o]), 0);
	}
}

/* Four accumulators of a square; @right, @below: how far away the others are. */
static int16_t pool(const struct dh_conv_layer *layer, const uint32_t *accu, size_t right,
		    size_t below)
{
	int64_t a = rectified(layer, accu[0]), b = rectified(layer, accu[right]),
		c = rectified(layer, accu[below]), d = rectified(layer, accu[below + right]);

	if (layer->flags & DELTAHOP_CONV_POOL_AVG)
		return dh_conv_output(layer, a + b + c + d, 2);
	a = a > b ? a : b;
	c = c > d ? c : d;
	return dh_conv_output(layer, a > c ? a : c, 0);
}

/* A row of squares. */
static void finish_pooled(struct dh_conv *conv, const uint32_t *accu)
{
	size_t lanes = conv->geometry.lanes, row = conv->geometry.cols * lanes;
	int16_t *values = conv->values;

	for (uint32_t x = 0; x < conv->geometry.cols; x += 2, accu += 2 * lanes) {
		for (uint32_t o = 0; o < conv->pass->maps; o++)
			*values++ = pool(conv->layer, accu + o, lanes, row);
	}
}

/* Partial sums of a row as they are; Return: words. */
static uint64_t put_sums(struct dh_conv *conv, struct dh_writer *writer, const uint32_t *accu)
{
	size_t maps = conv->pass->maps, bytes = maps * sizeof(*accu);

	for (uint32_t x = 0; x < conv->geometry.cols; x++, accu += conv->geometry.lanes) {
		memcpy(writer->bytes + writer->len, accu, bytes);
		writer->len += bytes;
	}
	return 2 * maps * conv->geometry.cols;
}

/* What the stripe writes; Return: its words. */
static uint64_t put_stripe(struct dh_conv *conv, uint32_t stripe)
{
	struct dh_writer *writer = &conv->writer[stripe % 2];
	const uint32_t *accu = conv->accu[stripe % 2];
	size_t row = (size_t)conv->geometry.cols * conv->geometry.lanes;
	uint64_t words = 0;

	if (dh_conv_pooled(conv->layer, conv->pass->flags)) {
		finish_pooled(conv, accu);
		return dh_conv_put_row(conv, writer, conv->geometry.cols / 2 * conv->pass->maps);
	}
	for (uint32_t i = 0; i < dh_conv_stripe_rows(conv, stripe); i++, accu += row) {
		if (conv->pass->flags & DELTAHOP_PASS_PSUM_OUT) {
			words += put_sums(conv, writer, accu);
			continue;
		}
		finish_row(conv, accu);
		words += dh_conv_put_row(conv, writer, conv->geometry.cols * conv->pass->maps);
	}
	return words;
}

/* Go on with the bus word that the stripe before left half full. */
static void start_writing(struct dh_conv *conv, uint32_t stripe)
{
	struct dh_writer *writer = &conv->writer[stripe % 2],
			 *before = &conv->writer[!(stripe % 2)];

	writer->len = 0;
	writer->half = before->half;
	writer->bus = before->bus;
}

void dh_conv_compute(struct dh_conv *conv, uint32_t stripe, struct dh_conv_result *result)
{
	const struct dh_conv_geometry *geo = &conv->geometry;
	uint64_t read, words;

	*result = (struct dh_conv_result){ 0 };
	read = add_rows(conv, stripe, result);
	start_writing(conv, stripe);
	words = put_stripe(conv, stripe);
	if (stripe + 1 == geo->stripes)
		dh_writer_end(&conv->writer[stripe % 2]);
	result->work = sum_of_work(conv) * conv->pass->maps;
	result->cycles = dh_timing_stripe(
		dh_timing_multiply(conv->work, geo->controllers, conv->layer->cols), read,
		dh_timing_leave(words, geo->packed, conv->config->beat_bytes), geo->controllers);
}
