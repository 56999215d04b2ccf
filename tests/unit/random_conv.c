// SPDX-License-Identifier: MIT
/* Random layers: shapes are tried until one fits the device and is not too much work. */
#include <stdlib.h>
#include <string.h>

#include "random_conv.h"
#include "reference_number.h"

#define TRIES	    200
#define MOST_VALUES 50000

static int pick(struct rig_random *random, int low, int high)
{
	return low + (int)rig_below(random, high - low + 1);
}

static bool one_in(struct rig_random *random, int n)
{
	return rig_below(random, n) == 0;
}

int random_size(struct rig_random *random, int limit)
{
	int high = 1;

	while (high < limit && pick(random, 0, 7))
		high *= 2;
	return pick(random, 1, high < limit ? high : limit);
}

/* ---- values ---- */

static int extreme(struct rig_random *random)
{
	static const int values[] = { -32768, 32767, -32768, 32767, 1, -1, -32767, 256 };

	return values[pick(random, 0, 7)];
}

int16_t *random_values(struct rig_random *random, size_t count)
{
	static const int shares[] = { 0, 0, 30, 50, 75, 90, 98, 100 };
	int16_t *value = calloc(count, sizeof(*value));
	int zeros = shares[pick(random, 0, 7)], bits = pick(random, 1, 16);
	bool extremes = one_in(random, 6);

	if (!value)
		abort();
	for (size_t i = 0; i < count; i++) {
		if (pick(random, 0, 99) < zeros)
			continue;
		value[i] =
			(int16_t)(extremes ? extreme(random) : ref_cut(rig_random(random), bits));
	}
	return value;
}

static int16_t *random_weights(struct rig_random *random, size_t count, bool weight8)
{
	int16_t *value = random_values(random, count);

	for (size_t i = 0; i < count && weight8; i++)
		value[i] = (int16_t)ref_cut(value[i] >> 8 ^ value[i], 8);
	return value;
}

static int32_t *random_sums(struct rig_random *random, size_t count)
{
	int32_t *sum = calloc(count, sizeof(*sum));

	if (!sum)
		abort();
	for (size_t i = 0; i < count; i++)
		sum[i] = (int32_t)(rig_random(random) << 16 ^ rig_random(random)) >>
			 pick(random, 0, 31);
	return sum;
}

/* ---- the input ---- */

static void random_map(struct rig_random *random, struct ref_map *map)
{
	map->encoded = pick(random, 0, 2);
	map->value = random_values(random, (size_t)map->rows * map->cols * map->channels);
}

/* Cut the channels of a layer into maps. */
static void random_maps(struct rig_random *random, struct ref_conv_layer *layer)
{
	int most = layer->channels < REF_MAX_INPUTS ? layer->channels : REF_MAX_INPUTS;
	int left = layer->channels;

	layer->inputs = pick(random, 0, 1) ? 1 : random_size(random, most);
	for (int i = 0; i < layer->inputs; i++) {
		int rest = layer->inputs - 1 - i, channels = left - rest;

		if (rest)
			channels = random_size(random, channels);
		left -= channels;
		layer->input[i] = (struct ref_map){
			.rows = layer->rows,
			.cols = layer->cols,
			.channels = channels,
		};
		random_map(random, &layer->input[i]);
	}
}

static void random_input_size(struct rig_random *random, const struct conv_kind *kind,
			      struct ref_conv_layer *layer)
{
	do {
		layer->rows = random_size(random, one_in(random, 8) ? 2000 : 60);
		layer->cols = random_size(random, kind->max_cols);
		layer->channels = random_size(random, kind->max_channels);
	} while ((long long)layer->rows * layer->cols * layer->channels > MOST_VALUES);
}

/* ---- what is done to it ---- */

static void published_shape(struct rig_random *random, struct ref_conv_layer *layer)
{
	layer->kernel_rows = layer->kernel_cols = pick(random, 1, 7);
	layer->stride_rows = layer->stride_cols = 1;
	layer->pad_top = layer->pad_left = pick(random, 0, layer->kernel_rows - 1);
	layer->out_rows = layer->rows + 2 * layer->pad_top - layer->kernel_rows + 1;
	layer->out_cols = layer->cols + 2 * layer->pad_left - layer->kernel_cols + 1;
	layer->out_shift = layer->bias_shift = 8;
}

static int random_pad(struct rig_random *random)
{
	if (one_in(random, 20))
		return pick(random, -128, 127);
	return pick(random, -5, 8);
}

/* Output places along a side: about as many as there are inputs for, or any. */
static int random_outputs(struct rig_random *random, int inputs, int stride, int limit)
{
	int most = one_in(random, 4) ? inputs + 20 : inputs / stride + 2;

	if (pick(random, 0, 1))
		return most < limit ? most : limit;
	return random_size(random, most < limit ? most : limit);
}

static void any_shape(struct rig_random *random, const struct conv_kind *kind,
		      struct ref_conv_layer *layer)
{
	layer->kernel_rows = pick(random, 1, 7);
	layer->kernel_cols = pick(random, 1, 7);
	layer->stride_rows = pick(random, 1, 4);
	layer->stride_cols = pick(random, 1, 4);
	layer->pad_top = random_pad(random);
	layer->pad_left = random_pad(random);
	layer->out_rows = random_outputs(random, layer->rows, layer->stride_rows, 65535);
	layer->out_cols = random_outputs(random, layer->cols, layer->stride_cols, kind->max_cols);
	layer->out_shift = pick(random, 0, 1) ? pick(random, 4, 16) : pick(random, 0, 31);
	layer->bias_shift = pick(random, 0, 16);
}

static bool connected_shape(struct rig_random *random, const struct conv_kind *kind,
			    struct ref_conv_layer *layer)
{
	layer->kernel_rows = layer->kernel_cols = layer->stride_rows = layer->stride_cols = 1;
	layer->out_rows = layer->out_cols = layer->macs = 1;
	layer->pad_top = layer->pad_left = 0;
	layer->pool_max = layer->pool_avg = false;
	layer->out_shift = pick(random, 0, 31);
	layer->bias_shift = pick(random, 0, 16);
	return (long long)layer->rows * layer->cols * layer->channels <= kind->most_work;
}

static void random_flags(struct rig_random *random, const struct conv_kind *kind,
			 struct ref_conv_layer *layer)
{
	int pool = pick(random, 0, kind->published ? 1 : 2);

	layer->relu = pick(random, 0, 1);
	layer->encode = kind->published ? layer->relu : pick(random, 0, 1);
	layer->weight8 = !kind->published && pick(random, 0, 1);
	layer->pool_max = pool == 1;
	layer->pool_avg = pool == 2;
}

static bool fits_store(const struct conv_kind *kind, const struct ref_conv_layer *layer)
{
	int rows = layer->kernel_rows + 3 * layer->stride_rows;
	long long values = (long long)layer->cols * layer->channels;

	if (rows > layer->rows)
		rows = layer->rows;
	return rows * (values + ref_ceil(values, 16)) <= kind->store_bytes / 2;
}

bool random_conv_fits(const struct conv_kind *kind, const struct ref_conv_layer *layer)
{
	long long kernel = (long long)layer->kernel_rows * layer->kernel_cols;
	int least = layer->pool_max || layer->pool_avg ? 2 : 1;

	if (layer->out_rows < least || layer->out_cols < least || layer->out_cols > kind->max_cols)
		return false;
	if (ref_conv_padded(layer) / layer->macs * kernel > kind->kernel_words)
		return false;
	if (kernel * layer->channels * layer->out_rows * layer->out_cols > kind->most_work)
		return false;
	return fits_store(kind, layer);
}

static bool random_shape(struct rig_random *random, const struct conv_kind *kind, bool connected,
			 struct ref_conv_layer *layer)
{
	random_flags(random, kind, layer);
	layer->macs = 1 << pick(random, 0, 3);
	if (connected)
		return connected_shape(random, kind, layer);
	if (kind->published)
		published_shape(random, layer);
	else
		any_shape(random, kind, layer);
	return random_conv_fits(kind, layer);
}

struct ref_conv_layer random_conv_layer(struct rig_random *random, const struct conv_kind *kind,
					bool connected)
{
	struct ref_conv_layer layer = { 0 };

	do
		random_input_size(random, kind, &layer);
	while (!random_shape(random, kind, connected, &layer));
	random_maps(random, &layer);
	return layer;
}

bool random_conv_follower(struct rig_random *random, const struct conv_kind *kind, bool connected,
			  struct ref_conv_layer *layer)
{
	for (int i = 0; i < TRIES && layer->channels <= kind->max_channels; i++) {
		if (random_shape(random, kind, connected, layer))
			return true;
	}
	return false;
}

/* ---- passes ---- */

static int random_count(struct rig_random *random, long long most)
{
	int limit = (int)(most > 1 ? most : 1);

	return one_in(random, 3) ? limit : random_size(random, limit);
}

static int pass_maps(struct rig_random *random, const struct conv_kind *kind,
		     const struct ref_conv_layer *layer)
{
	long long work = (long long)layer->kernel_rows * layer->kernel_cols * layer->channels *
			 layer->out_rows * layer->out_cols;
	long long most = kind->most_work / work, limit = kind->macs / layer->macs;

	return random_count(random, most < limit ? most : limit);
}

static int connected_maps(struct rig_random *random, const struct conv_kind *kind,
			  const struct ref_conv_layer *layer)
{
	long long most = kind->most_work / layer->rows / layer->cols / layer->channels;

	return random_count(random, most < kind->max_outputs ? most : kind->max_outputs);
}

static void random_sources(struct rig_random *random, const struct ref_conv_layer *layer,
			   const struct ref_conv_pass *before, struct ref_conv_pass *pass)
{
	size_t count;

	if (before && before->psum_out && pick(random, 0, 3)) {
		pass->psum_in = true;
		pass->maps = before->maps;
	}
	count = (size_t)layer->out_rows * layer->out_cols * pass->maps;
	if (!pass->psum_in && one_in(random, 4)) {
		pass->psum_in = true;
		pass->psum = random_sums(random, count);
	}
	pass->psum_out = one_in(random, 4);
	if (pick(random, 0, 3))
		return;
	pass->add = true;
	pass->add_shift = pick(random, 0, 24);
	pass->added = (struct ref_map){
		.rows = layer->out_rows,
		.cols = layer->out_cols,
		.channels = pass->maps,
	};
	random_map(random, &pass->added);
}

struct ref_conv_pass random_conv_pass(struct rig_random *random, const struct conv_kind *kind,
				      const struct ref_conv_layer *layer,
				      const struct ref_conv_pass *before, bool connected)
{
	struct ref_conv_pass pass = { .fully_connected = connected };
	size_t weights = layer->channels;

	pass.maps = connected ? connected_maps(random, kind, layer)
			      : pass_maps(random, kind, layer);
	if (!kind->published && !connected)
		random_sources(random, layer, before, &pass);
	weights *= connected ? (size_t)layer->rows * layer->cols
			     : (size_t)layer->kernel_rows * layer->kernel_cols;
	pass.bias = random_values(random, pass.maps);
	pass.kernel = random_weights(random, weights * pass.maps, layer->weight8);
	return pass;
}

void random_pass_free(struct ref_conv_pass *pass)
{
	free(pass->bias);
	free(pass->kernel);
	free(pass->psum);
	free(pass->added.value);
}
