// SPDX-License-Identifier: MIT
/*
 * Random convolution layers through the whole device, on memory of every kind, against the plain
 * references. DELTAHOP_TEST_ROUNDS=n does n times as many, DELTAHOP_TEST_SEED=n only those of that
 * seed, and describes them.
 */
#include "conv_check.h"

static void whole_job(struct trial *trial)
{
	trial_job(trial, MAX_LAYERS, MAX_PASSES);
	check_job(trial);
	trial_free_job(trial);
}

START_TEST(equals_references)
{
	check_trials(whole_job, _i);
}
END_TEST

TCase *model_conv_random_case(void)
{
	TCase *tcase = tcase_create("random convolutions");

	tcase_add_loop_test(tcase, equals_references, 0, CHECK_LOOPS);
	return tcase;
}
