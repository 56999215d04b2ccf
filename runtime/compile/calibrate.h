/* SPDX-License-Identifier: MIT */
/*
 * Calibration: runs the network over typical inputs, first in float for the ranges, then in
 * both arithmetics for the errors.
 */
#ifndef DELTAHOP_CALIBRATE_H
#define DELTAHOP_CALIBRATE_H

#include "base/npy.h"
#include "compile/float_run.h"
#include "compile/quantise.h"
#include "import/explain.h"
#include "import/graph.h"
#include "program/program.h"

struct dh_calibration;

/**
 * dh_calibration_create() - check the data and measure the ranges
 * @data: as in struct dh_compile_options; NULL: none
 */
int dh_calibration_create(const struct dh_graph *graph, const struct dh_array *data,
			  const struct dh_array *lengths, struct dh_calibration **calibration,
			  struct dh_error *err);

/** dh_calibration_free() - NULL is fine */
void dh_calibration_free(struct dh_calibration *calibration);

/** dh_calibration_ranges() - what was measured, or NULL without data */
const struct dh_float_run *dh_calibration_ranges(const struct dh_calibration *calibration);

/**
 * dh_calibration_report() - run the program next to the float network and write the layers' rows
 * of @explain
 */
int dh_calibration_report(struct dh_calibration *calibration, const struct dh_graph *graph,
			  const struct dh_quant *quant, const struct dh_program *program,
			  struct dh_explain *explain, struct dh_error *err);

#endif /* DELTAHOP_CALIBRATE_H */
