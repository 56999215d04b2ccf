/* SPDX-License-Identifier: MIT */
/*
 * Jobs of a trial against the references: every byte that is written, and none elsewhere; cycles and
 * every sum of the record; every profile row. A difference is told with the seed of its trial.
 */
#ifndef DELTAHOP_TEST_CONV_CHECK_H
#define DELTAHOP_TEST_CONV_CHECK_H

#include "conv_trial.h"
#include "model_test.h"

#define CHECK_LOOPS 8 /* of a test */

/** check_trials() - devices, and what @job does on each; more or others as the environment says */
void check_trials(void (*job)(struct trial *trial), int loop);

/** check_job() - run the job, and compare all that comes of it */
void check_job(struct trial *trial);

void check_same(const struct trial *trial, const char *what, uint64_t got, uint64_t want);

/** check_end() - did the job end like this? */
void check_end(const struct trial *trial, const struct deltahop_record *record, uint16_t status,
	       uint16_t reason);

/** check_transfer() - T(b) */
long long check_transfer(const struct trial *trial, bool card, long long bytes);

void check_add_cost(struct ref_conv_cost *sum, const struct ref_conv_cost *cost);
struct ref_conv_cost check_pass_cost(const struct trial *trial, const struct trial_layer *layer,
				     const struct trial_pass *pass, int *held,
				     struct ref_terms *terms);

/** check_copy_memory() - a second memory like the device's, in which to put what should come */
struct rig check_copy_memory(const struct trial *trial);

/** check_results() - where a pass writes */
const struct place *check_results(const struct trial_pass *pass);

/** check_expect_results() - put the first @length bytes of what a pass writes in its place */
void check_expect_results(const struct trial *trial, struct rig *expected,
			  const struct trial_layer *layer, const struct trial_pass *pass,
			  size_t length);

/** check_compare_memory() - is the device's memory as expected? Frees the copy */
void check_compare_memory(const struct trial *trial, struct rig *expected);

#endif /* DELTAHOP_TEST_CONV_CHECK_H */
