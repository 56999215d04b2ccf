// SPDX-License-Identifier: MIT
/* The input store, whose size is a multiple of 8 bytes: what just fits, and what just does not. */
#include <stdlib.h>

#include "conv_check.h"

/* 9 rows of 8 columns and 16 channels that are not encoded: 1152 words, or 8 more a row encoded. */
#define ROWS	 9
#define ROW	 (8 * 16)
#define WORDS	 (ROWS * ROW)
#define ROW_MOST (ROW + ROW / 16)

/* @pad: of a kernel of 2 pad + 1 squared */
static void make_layer(struct trial *trial, int pad, bool pool)
{
	struct ref_conv_layer *layer = &trial->layer[0].ref;

	trial_clear(trial);
	trial->layers = 1;
	*layer = (struct ref_conv_layer){
		.kernel_rows = 2 * pad + 1,
		.kernel_cols = 2 * pad + 1,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = pad,
		.pad_left = pad,
		.macs = 1,
		.pool_max = pool,
		.out_shift = 8,
		.rows = ROWS,
		.cols = 8,
		.out_rows = ROWS,
		.out_cols = 8,
		.channels = 16,
		.inputs = 1,
	};
	layer->input[0] = (struct ref_map){
		.rows = ROWS,
		.cols = 8,
		.channels = 16,
		.value = random_values(&trial->random, WORDS),
	};
}

static struct ref_conv_cost *add_pass(struct trial *trial, bool psum_out)
{
	struct trial_layer *layer = &trial->layer[0];
	struct trial_pass *pass = &layer->pass[layer->passes++];
	size_t kernel = (size_t)layer->ref.kernel_rows * layer->ref.kernel_cols * 16;

	pass->ref.maps = 2;
	pass->ref.psum_out = psum_out;
	pass->ref.bias = random_values(&trial->random, 2);
	pass->ref.kernel = random_values(&trial->random, 2 * kernel);
	if (psum_out)
		pass->sums = ref_conv_psums(&layer->ref, &pass->ref);
	else
		pass->output = ref_conv_output(&layer->ref, &pass->ref);
	return &pass->cost;
}

static void check_and_end(struct trial *trial)
{
	trial_place(trial);
	check_job(trial);
	trial_free_job(trial);
}

/* Bytes of the input that the second pass reads again. */
static long long read_again(uint32_t store_bytes)
{
	struct trial *trial = trial_create_profile(1, "card", store_bytes);
	struct ref_conv_cost *second;
	long long bytes;

	make_layer(trial, 1, false);
	add_pass(trial, false);
	second = add_pass(trial, false);
	check_and_end(trial);
	bytes = second->bytes_in;
	trial_destroy(trial);
	return bytes;
}

START_TEST(input_that_fits_stays)
{
	ck_assert_int_eq(read_again(2 * WORDS), 0);
	ck_assert_int_eq(read_again(2 * WORDS - 8), 2 * WORDS);
}
END_TEST

/* A pooled pass reads 8 rows, which fit; one that writes partial sums reads 9, which do not. */
START_TEST(one_row_too_many)
{
	struct trial *trial = trial_create_profile(2, "card", 2 * 8 * ROW);
	const struct ref_conv_cost *pooled, *sums, *again;

	make_layer(trial, 0, true);
	pooled = add_pass(trial, false);
	sums = add_pass(trial, true);
	again = add_pass(trial, false);
	check_and_end(trial);
	ck_assert_int_eq(pooled->bytes_in, 2 * 8 * ROW);
	ck_assert_int_eq(sums->bytes_in, 2 * ROW);
	ck_assert_int_eq(again->bytes_in, 2 * 8 * ROW);
	trial_destroy(trial);
}
END_TEST

/* The rows of a stripe and those that the next one needs besides: 3 + 3, and no row less. */
START_TEST(least_store)
{
	struct trial *trial = trial_create_profile(3, "card", 2 * 6 * ROW_MOST);
	struct deltahop_record record;

	make_layer(trial, 1, false);
	add_pass(trial, false);
	check_and_end(trial);
	trial_destroy(trial);

	trial = trial_create_profile(3, "card", 2 * 6 * ROW_MOST - 8);
	make_layer(trial, 1, false);
	add_pass(trial, false);
	trial_place(trial);
	record = trial_run(trial, 0);
	check_end(trial, &record, DELTAHOP_STATUS_FAULT, DELTAHOP_REASON_BAD_SIZE);
	trial_free_job(trial);
	trial_destroy(trial);
}
END_TEST

TCase *model_conv_store_case(void)
{
	TCase *tcase = tcase_create("input store");

	tcase_add_test(tcase, input_that_fits_stays);
	tcase_add_test(tcase, one_row_too_many);
	tcase_add_test(tcase, least_store);
	return tcase;
}
