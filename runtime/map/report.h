/* SPDX-License-Identifier: MIT */
/*
 * What was decided, as rows of the explanation.
 */
#ifndef DELTAHOP_REPORT_H
#define DELTAHOP_REPORT_H

#include "map/samples.h"

/**
 * dh_plan_report() - fill @plan->explain, which is there
 * @count: samples on which errors were measured
 * @error: of the outputs, relative; negative: not measured
 * @same: samples with the same largest output; negative: not measured
 */
void dh_plan_report(struct dh_plan *plan, const struct dh_samples *samples, size_t count,
		    double error, double same);

#endif /* DELTAHOP_REPORT_H */
