/* SPDX-License-Identifier: MIT */
/*
 * A plan's network in the integers of the device, next to the same in float.
 */
#ifndef DELTAHOP_EVALUATE_H
#define DELTAHOP_EVALUATE_H

#include "map/samples.h"

struct dh_evaluator;

/** dh_evaluator_create() - memory for both runs; 0 or -ENOMEM; free it with dh_evaluator_free() */
int dh_evaluator_create(struct dh_plan *plan, const struct dh_samples *samples,
			struct dh_evaluator **evaluator);

/** dh_evaluator_free() - NULL is fine */
void dh_evaluator_free(struct dh_evaluator *evaluator);

/**
 * dh_evaluate() - run both over the first @count samples
 *
 * Return: the error of the network's outputs: root mean square, relative to theirs in float, of the
 * worst output; of an output of integers, the share of values that differ.
 */
double dh_evaluate(struct dh_evaluator *evaluator, size_t count);

/**
 * dh_evaluate_layers() - the same, and note the error of every layer's output
 * @same: set to the samples in which the largest value of the first output is at the same place;
 *	negative if it has only one value
 */
double dh_evaluate_layers(struct dh_evaluator *evaluator, size_t count, double *same);

#endif /* DELTAHOP_EVALUATE_H */
