// SPDX-License-Identifier: MIT
/* The convolution engine from the manual, sentence by sentence, in wide numbers. */
#include <stdlib.h>

#include "reference_conv.h"
#include "reference_number.h"

static int power_of_two(int at_least)
{
	int p = 1;

	while (p < at_least)
		p *= 2;
	return p;
}

/* ---- what is where ---- */

int ref_conv_padded(const struct ref_conv_layer *layer)
{
	int p2 = power_of_two(layer->channels);

	if (layer->macs == 1)
		return layer->channels;
	return p2 <= layer->macs ? layer->macs : p2;
}

int ref_conv_controller(const struct ref_conv_layer *layer, int c)
{
	int p2 = power_of_two(layer->channels);

	if (layer->macs == 1)
		return 0;
	return p2 <= layer->macs ? c : c / (p2 / layer->macs);
}

int ref_conv_choose_macs(int kernel, int channels, int out_maps)
{
	int need_mem = kernel * kernel * channels / 4096 + 1, need_ch, need;

	if (out_maps > 128)
		need_ch = 128 / (out_maps / (out_maps / 128 + (out_maps % 128 ? 1 : 0)));
	else
		need_ch = 128 / out_maps;
	if (need_ch > 8)
		need_ch = 8;
	need = need_mem > need_ch ? need_mem : need_ch;
	for (int m = 1; m <= 8; m *= 2) {
		struct ref_conv_layer layer = { .macs = m, .channels = channels };

		if (m >= need && ref_conv_padded(&layer) / m * kernel * kernel <= 4096)
			return m;
	}
	return 0;
}

static bool pools(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	return (layer->pool_max || layer->pool_avg) && !pass->psum_out;
}

int ref_conv_rows(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	return pools(layer, pass) ? layer->out_rows / 2 * 2 : layer->out_rows;
}

int ref_conv_cols(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	return pools(layer, pass) ? layer->out_cols / 2 * 2 : layer->out_cols;
}

/* ---- weights ---- */

static int kernel_size(const struct ref_conv_layer *layer)
{
	return layer->kernel_rows * layer->kernel_cols;
}

static size_t input_values(const struct ref_conv_layer *layer)
{
	return (size_t)layer->rows * layer->cols * layer->channels;
}

size_t ref_conv_weight_bytes(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			     int device_macs, bool packed)
{
	size_t kernels = (size_t)pass->maps * ref_conv_padded(layer) * kernel_size(layer);

	if (pass->fully_connected)
		return 8 * ref_ceil(pass->maps, 4) +
		       input_values(layer) * pass->maps * (layer->weight8 ? 1 : 2);
	if (layer->weight8)
		return 2 * (size_t)device_macs + kernels;
	return ref_words_bytes(device_macs, packed) + ref_words_bytes(kernels, packed);
}

static void add_biases(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
		       int device_macs, int dummy, struct ref_words *words)
{
	for (int mac = 0; mac < device_macs; mac++) {
		int o = mac / layer->macs;
		bool used = mac % layer->macs == 0 && o < pass->maps;

		ref_words_add(words, used ? pass->bias[o] : dummy, mac);
	}
}

static void add_kernels(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			int dummy, struct ref_words *words)
{
	for (int o = 0; o < pass->maps; o++) {
		for (int c = 0; c < ref_conv_padded(layer); c++) {
			int mac = o * layer->macs + ref_conv_controller(layer, c);
			size_t first = ((size_t)o * layer->channels + c) * kernel_size(layer);

			for (int k = 0; k < kernel_size(layer); k++)
				ref_words_add(words,
					      c < layer->channels ? pass->kernel[first + k] : dummy,
					      mac);
		}
	}
}

static void add_columns(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			struct ref_words *words)
{
	for (size_t i = 0; i < input_values(layer) * pass->maps; i++)
		ref_words_add(words, pass->kernel[i], 0);
}

static void store_kernels(const struct ref_conv_layer *layer, struct ref_words *words, bool packed,
			  uint8_t *bytes)
{
	if (!layer->weight8)
		ref_words_store(words, packed, REF_KERNEL, bytes);
	for (size_t i = 0; i < words->count && layer->weight8; i++)
		bytes[i] = (uint8_t)words->word[i];
}

void ref_conv_store_weights(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			    int device_macs, bool packed, int dummy, uint8_t *bytes)
{
	struct ref_words biases = { 0 }, kernels = { 0 };

	if (pass->fully_connected) {
		for (int o = 0; o < pass->maps || o % 4; o++)
			ref_words_add(&biases, o < pass->maps ? pass->bias[o] : dummy, 0);
		add_columns(layer, pass, &kernels);
	} else {
		add_biases(layer, pass, device_macs, dummy, &biases);
		add_kernels(layer, pass, dummy, &kernels);
	}
	ref_words_store(&biases, packed, REF_BIAS, bytes);
	store_kernels(layer, &kernels, packed, bytes + ref_words_bytes(biases.count, packed));
	ref_words_free(&biases);
	ref_words_free(&kernels);
}

/* ---- results ---- */

static long long start_value(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			     int y, int x, int o)
{
	size_t place = ((size_t)y * layer->out_cols + x) * pass->maps + o;
	long long start = pass->psum_in ? pass->psum[place]
					: (long long)pass->bias[o] * (1LL << layer->bias_shift);

	if (pass->add)
		start += (long long)pass->added.value[place] * (1LL << pass->add_shift);
	return start;
}

/* One place of the kernel on one place of the input, all channels. @weight: that of channel 0 */
static long long multiply(const struct ref_conv_layer *layer, int row, int col,
			  const int16_t *weight)
{
	long long sum = 0;

	for (int i = 0; i < layer->inputs; i++) {
		const struct ref_map *map = &layer->input[i];
		const int16_t *value = map->value + ((size_t)row * map->cols + col) * map->channels;

		for (int c = 0; c < map->channels; c++) {
			sum += (long long)value[c] * *weight;
			weight += kernel_size(layer);
		}
	}
	return sum;
}

static long long convolve(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			  int y, int x, int o)
{
	const int16_t *kernel = pass->kernel + (size_t)o * layer->channels * kernel_size(layer);
	long long sum = 0;

	for (int i = 0; i < layer->kernel_rows; i++) {
		int row = ref_conv_place(y, i, layer->stride_rows, layer->pad_top);

		for (int j = 0; j < layer->kernel_cols; j++) {
			int col = ref_conv_place(x, j, layer->stride_cols, layer->pad_left);

			if (row >= 0 && row < layer->rows && col >= 0 && col < layer->cols)
				sum += multiply(layer, row, col,
						kernel + i * layer->kernel_cols + j);
		}
	}
	return sum;
}

/* Value e of the input, map by map in the order of memory, has weight column e. */
static long long connect(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			 int o)
{
	const int16_t *column = pass->kernel;
	long long sum = 0;

	for (int i = 0; i < layer->inputs; i++) {
		const struct ref_map *map = &layer->input[i];

		for (int v = 0; v < map->rows * map->cols * map->channels; v++) {
			sum += (long long)map->value[v] * column[o];
			column += pass->maps;
		}
	}
	return sum;
}

static long long accumulator(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			     int y, int x, int o)
{
	long long sum = pass->fully_connected ? connect(layer, pass, o)
					      : convolve(layer, pass, y, x, o);

	return ref_cut(start_value(layer, pass, y, x, o) + sum, 32);
}

static long long rectified(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			   int y, int x, int o)
{
	long long a = accumulator(layer, pass, y, x, o);

	return layer->relu && a < 0 ? 0 : a;
}

static long long pooled(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass, int y,
			int x, int o)
{
	long long sum = 0, largest = 0;

	for (int i = 0; i < 4; i++) {
		long long a = rectified(layer, pass, 2 * y + i / 2, 2 * x + i % 2, o);

		sum += a;
		if (i == 0 || a > largest)
			largest = a;
	}
	return layer->pool_max ? largest : sum;
}

static int16_t output_value(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			    int y, int x, int o)
{
	long long a = pools(layer, pass) ? pooled(layer, pass, y, x, o)
					 : rectified(layer, pass, y, x, o);

	a = ref_down(a, layer->out_shift + (layer->pool_avg ? 2 : 0));
	if (a > 32767)
		return 32767;
	return (int16_t)(a < -32768 ? -32768 : a);
}

struct ref_map ref_conv_output(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	int side = pools(layer, pass) ? 2 : 1;
	struct ref_map map = {
		.rows = layer->out_rows / side,
		.cols = layer->out_cols / side,
		.channels = pass->maps,
		.encoded = layer->encode,
		.card = pass->output_card,
	};
	int16_t *value;

	map.value = value = malloc(sizeof(*value) * map.rows * map.cols * map.channels);
	if (!value)
		abort();
	for (int y = 0; y < map.rows; y++) {
		for (int x = 0; x < map.cols; x++) {
			for (int o = 0; o < map.channels; o++)
				*value++ = output_value(layer, pass, y, x, o);
		}
	}
	return map;
}

int32_t *ref_conv_psums(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass)
{
	int32_t *psums, *psum;

	psums = psum = malloc(sizeof(*psum) * layer->out_rows * layer->out_cols * pass->maps);
	if (!psum)
		abort();
	for (int y = 0; y < layer->out_rows; y++) {
		for (int x = 0; x < layer->out_cols; x++) {
			for (int o = 0; o < pass->maps; o++)
				*psum++ = (int32_t)accumulator(layer, pass, y, x, o);
		}
	}
	return psums;
}
