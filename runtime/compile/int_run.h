/* SPDX-License-Identifier: MIT */
/*
 * Runs a program's layers in the device's integer arithmetic, with accumulators that do not
 * wrap unseen: what the compiler measures errors and headroom with. Not the device model: no
 * commands, no memory, no time.
 */
#ifndef DELTAHOP_INT_RUN_H
#define DELTAHOP_INT_RUN_H

#include "base/arena.h"
#include "program/program.h"

/**
 * struct dh_int_layer - a layer while it runs
 * @x_mem: last x sent; @h_mem likewise; @h: hidden vector, or output of a dense layer
 * @sums: accumulators without a limit: GRU M_r, M_u, M_cx, M_ch; dense M
 * @bias_sent: the bias column has been sent, or dropped
 * @sum_max: largest absolute value of an accumulator (24 bits) or pre-activation (int16) when it
 *	was used, in units of its wrap-around
 */
struct dh_int_layer {
	int16_t *x_mem;
	int16_t *h_mem;
	int16_t *h;
	int64_t *sums;
	bool bias_sent;
	double sum_max;
};

/** struct dh_int_run - a run */
struct dh_int_run {
	struct dh_arena arena;
	const struct dh_program *program;
	struct dh_int_layer layers[DH_PROGRAM_MAX_LAYERS];
};

/**
 * dh_int_run_create() - in the initial state, with the program's default thresholds, or NULL: out
 * of memory
 */
struct dh_int_run *dh_int_run_create(const struct dh_program *program);

/** dh_int_run_free() - NULL is fine */
void dh_int_run_free(struct dh_int_run *run);

/** dh_int_run_reset() - back to the initial state; the largest values stay */
void dh_int_run_reset(struct dh_int_run *run);

/** dh_int_run_step() - run the layers of every step on one padded input vector */
void dh_int_run_step(struct dh_int_run *run, const int16_t *input);

/** dh_int_run_finish() - run the layers behind the last step */
void dh_int_run_finish(struct dh_int_run *run);

/** dh_int_run_output() - newest output of the last layer */
const int16_t *dh_int_run_output(const struct dh_int_run *run);

#endif /* DELTAHOP_INT_RUN_H */
