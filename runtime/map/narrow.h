/* SPDX-License-Identifier: MIT */
/*
 * Weights of 8 bits where they do no harm.
 */
#ifndef DELTAHOP_NARROW_H
#define DELTAHOP_NARROW_H

#include "map/samples.h"

/**
 * dh_plan_narrow() - choose layers whose weights are int8
 * @work: multiply-accumulates that finding out may take
 *
 * Return: 0 or -ENOMEM.
 */
int dh_plan_narrow(struct dh_plan *plan, const struct dh_samples *samples, double work);

#endif /* DELTAHOP_NARROW_H */
