/* SPDX-License-Identifier: MIT */
/*
 * The recurrent engine's arithmetic a second time, plainly and slowly, straight from the text of
 * the manual. Shares no code with the model.
 */
#ifndef DELTAHOP_TEST_REFERENCE_GRU_H
#define DELTAHOP_TEST_REFERENCE_GRU_H

#include <stdbool.h>
#include <stdint.h>

#define REF_MAX 1024

/**
 * struct ref_layer - a layer and its state
 * @dense: a dense layer instead of a GRU
 * @activation: of a dense layer: 0 none, 1 ReLU, 2 sigmoid, 3 tanh
 * @frac: fraction bits of the weights of gates r, u, c; dense: the first
 * @theta_x: threshold as in the parameters: low 10 bits
 * @weights: columns
 * @m: accumulators r, u, cx, ch; dense: the first
 * @fired: one for the bias, then x (padded to 8), then h: what fired in the last step
 */
struct ref_layer {
	bool dense;
	int activation;
	bool has_bias;
	int inputs;
	int hidden;
	int frac[3];
	int theta_x;
	int theta_h;
	const int8_t *weights;
	bool bias_sent;
	long long x_mem[REF_MAX];
	long long h_mem[REF_MAX];
	long long h[REF_MAX];
	long long m[4][REF_MAX];
	uint8_t fired[1 + 2 * REF_MAX];
	bool bias_examined;
};

/** ref_step() - one step; @y has room for H numbers and may be @x */
void ref_step(struct ref_layer *layer, const int16_t *x, int16_t *y);

/** ref_column_bytes() - bytes of a column */
int ref_column_bytes(const struct ref_layer *layer);

#endif /* DELTAHOP_TEST_REFERENCE_GRU_H */
