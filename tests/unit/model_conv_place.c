// SPDX-License-Identifier: MIT
/*
 * A pass reads at the start of a unit and writes at its end. So an output may take the place of the
 * input, or of the added map, when it is of the same size: rows are read long before they are
 * written. A second pass finds the old input in the store, or the new one in memory.
 */
#include <stdlib.h>

#include "conv_check.h"

static struct ref_conv_layer same_size(struct trial *trial)
{
	struct rig_random *random = &trial->random;
	int pad = rig_below(random, 3);
	struct ref_conv_layer layer = {
		.kernel_rows = 1 + 2 * pad,
		.kernel_cols = 1 + 2 * pad,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = pad,
		.pad_left = pad,
		.macs = 1,
		.out_shift = 8,
		.bias_shift = 8,
		.rows = random_size(random, 24),
		.cols = random_size(random, 16),
		.channels = random_size(random, 24),
		.inputs = 1,
	};

	layer.out_rows = layer.rows;
	layer.out_cols = layer.cols;
	return layer;
}

static void fill_input(struct trial *trial, struct ref_conv_layer *layer)
{
	size_t values = (size_t)layer->rows * layer->cols * layer->channels;

	layer->input[0] = (struct ref_map){
		.rows = layer->rows,
		.cols = layer->cols,
		.channels = layer->channels,
		.value = random_values(&trial->random, values),
	};
}

static void in_place_pass(struct trial *trial, struct trial_pass *pass, bool add)
{
	const struct ref_conv_layer *layer = &trial->layer[0].ref;
	size_t kernel = (size_t)layer->kernel_rows * layer->kernel_cols * layer->channels;

	pass->ref.maps = layer->channels;
	pass->ref.bias = random_values(&trial->random, layer->channels);
	pass->ref.kernel = random_values(&trial->random, kernel * layer->channels);
	pass->ref.add = add;
	if (!add)
		return;
	pass->ref.added = layer->input[0];
	pass->ref.added.value =
		random_values(&trial->random, (size_t)layer->rows * layer->cols * layer->channels);
}

/* Does the input, of which all rows are read, stay in the store? */
static bool stays(const struct trial *trial)
{
	const struct ref_conv_layer *layer = &trial->layer[0].ref;

	return ref_map_words(&layer->input[0], layer->rows) * 2 <=
	       (size_t)trial->device.store_bytes;
}

static void in_place_results(struct trial *trial)
{
	struct trial_layer *layer = &trial->layer[0];
	struct ref_map first = layer->ref.input[0];
	bool over_input = !layer->pass[0].ref.add;

	layer->pass[0].output = ref_conv_output(&layer->ref, &layer->pass[0].ref);
	if (over_input && !stays(trial))
		layer->ref.input[0].value = layer->pass[0].output.value;
	layer->pass[1].output = ref_conv_output(&layer->ref, &layer->pass[1].ref);
	layer->ref.input[0] = first;
}

static void in_place_job(struct trial *trial)
{
	bool over_input = rig_below(&trial->random, 2);

	if (!trial->device.packed)
		return;
	trial_clear(trial);
	trial->layers = 1;
	trial->layer[0].passes = 2;
	trial->layer[0].over = over_input ? OVER_INPUT : OVER_ADDED;
	do
		trial->layer[0].ref = same_size(trial);
	while (!random_conv_fits(&trial->kind, &trial->layer[0].ref));
	fill_input(trial, &trial->layer[0].ref);
	in_place_pass(trial, &trial->layer[0].pass[0], !over_input);
	in_place_pass(trial, &trial->layer[0].pass[1], false);
	in_place_results(trial);
	trial_place(trial);
	check_job(trial);
	trial_free_job(trial);
}

START_TEST(works_in_place)
{
	check_trials(in_place_job, _i);
}
END_TEST

TCase *model_conv_place_case(void)
{
	TCase *tcase = tcase_create("convolutions in place");

	tcase_add_loop_test(tcase, works_in_place, 0, CHECK_LOOPS);
	return tcase;
}
