/* SPDX-License-Identifier: MIT */
/*
 * Typical inputs of a net: calibration data, or made-up ones where there are none.
 */
#ifndef DELTAHOP_SAMPLES_H
#define DELTAHOP_SAMPLES_H

#include "map/plan.h"

/* Made-up inputs are within this, as the recurrent compiler assumes too. */
#define DH_SAMPLES_ASSUMED 8

/**
 * struct dh_samples - where they come from
 * @arrays: by input of the net; NULL: made up
 * @given: samples in the data
 * @count: of these that are used
 */
struct dh_samples {
	const struct dh_net *net;
	const struct dh_array **arrays;
	size_t given;
	size_t count;
};

/**
 * dh_samples_find() - match the calibration data of @plan's options with the inputs of its net
 *
 * Return: 0; -EINVAL: they do not fit, with the sentence; -ENOMEM.
 */
int dh_samples_find(struct dh_plan *plan, struct dh_samples *samples);

/** dh_samples_fill() - give a run sample @index as input */
void dh_samples_fill(const struct dh_samples *samples, size_t index, struct dh_net_run *run);

/**
 * dh_samples_measure() - run the net in float and note the range of every tensor
 * @work: multiply-accumulates that it may take; fewer samples are used then, at least one
 */
int dh_samples_measure(struct dh_plan *plan, struct dh_samples *samples, double work);

#endif /* DELTAHOP_SAMPLES_H */
