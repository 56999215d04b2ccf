/* SPDX-License-Identifier: MIT */
/*
 * A program made by hand, and what it must compute.
 */
#ifndef EXEC_FIXTURE_H
#define EXEC_FIXTURE_H

#include "deltahop.h"
#include "program/program.h"
#include "reference.h"

#define INPUTS 8
#define HIDDEN 16
#define LAYERS 2

/**
 * fixture_program() - two GRU layers with a bias column and weights from @seed, without any
 * capability; freed with fixture_free()
 */
struct dh_program *fixture_program(uint32_t seed);

/** fixture_free() - free it */
void fixture_free(struct dh_program *program);

/** fixture_input() - step @step of stream @stream: small, slowly changing values */
void fixture_input(uint32_t stream, uint32_t step, int16_t *x);

/** struct fixture_reference - the same network by the reference */
struct fixture_reference {
	struct ref_layer layer[LAYERS];
	struct ref_state memory[LAYERS];
	uint16_t theta_x[LAYERS];
	uint16_t theta_h[LAYERS];
	uint64_t fired;
};

/** fixture_reference() - ready for the first step */
void fixture_reference(struct fixture_reference *ref, const struct dh_program *program);

/** fixture_step() - one step; @y gets HIDDEN values */
void fixture_step(struct fixture_reference *ref, const int16_t *x, int16_t *y);

#endif /* EXEC_FIXTURE_H */
