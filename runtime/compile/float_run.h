/* SPDX-License-Identifier: MIT */
/*
 * Runs an imported network in float: what calibration measures and errors are compared with.
 */
#ifndef DELTAHOP_FLOAT_RUN_H
#define DELTAHOP_FLOAT_RUN_H

#include "import/graph.h"

/**
 * struct dh_float_layer - a layer while it runs
 * @columns: weights by column: x elements, then h elements, each with one value per accumulator row
 * @sums: pre-activations: GRU r, u, c from x, c from h (enum dh_gru_bias); dense one
 * @sum_max: largest absolute values of these so far, by gate
 * @output: newest output
 * @output_max: largest absolute output so far
 */
struct dh_float_layer {
	float *columns;
	float *sums;
	double sum_max[DH_BIAS_COUNT];
	float *output;
	double output_max;
};

/** struct dh_float_run - a run */
struct dh_float_run {
	struct dh_arena arena;
	const struct dh_graph *graph;
	struct dh_float_layer layers[DH_GRAPH_MAX_LAYERS];
	double input_max;
};

/** dh_float_run_create() - in the initial state, or NULL: out of memory; @graph must live longer */
struct dh_float_run *dh_float_run_create(const struct dh_graph *graph);

/** dh_float_run_free() - NULL is fine */
void dh_float_run_free(struct dh_float_run *run);

/** dh_float_run_reset() - back to the initial state; the largest values stay */
void dh_float_run_reset(struct dh_float_run *run);

/** dh_float_run_step() - run the layers of every step on one input vector */
void dh_float_run_step(struct dh_float_run *run, const float *input);

/** dh_float_run_finish() - run the layers behind the last step */
void dh_float_run_finish(struct dh_float_run *run);

/** dh_float_run_output() - newest output of the last layer */
const float *dh_float_run_output(const struct dh_float_run *run);

#endif /* DELTAHOP_FLOAT_RUN_H */
