/* SPDX-License-Identifier: MIT */
/*
 * The recurrent engine's arithmetic a second time, plainly and slowly, straight from the text of
 * the manual. Shares no code with the model.
 */
#ifndef DELTAHOP_TEST_REFERENCE_RNN_H
#define DELTAHOP_TEST_REFERENCE_RNN_H

#include <stdbool.h>
#include <stdint.h>

#define REF_MAX 1024

/** enum ref_cell - the numbers of the manual */
enum ref_cell {
	REF_GRU,
	REF_DENSE,
	REF_GRU_BEFORE,
	REF_LSTM,
	REF_SIMPLE,
	REF_CELLS,
};

/**
 * struct ref_layer - a layer and its state
 * @activation: dense, simple: 0 none, 1 ReLU, 2 sigmoid, 3 tanh; others: 0, 1 ReLU
 * @output_relu: of an LSTM
 * @frac: fraction bits of the weights of gates r, u, c; i, f, g, o; or the first alone
 * @theta_x: threshold as in the parameters: low 10 bits
 * @weights: columns
 * @third: rh_mem of a GRU_BEFORE, c of an LSTM
 * @m: accumulators r, u, cx, ch; r, u, c; i, f, g, o; or the first alone
 * @fired: one for the bias, then x (padded to 8), then h, then r h: what fired in the last step
 */
struct ref_layer {
	enum ref_cell cell;
	int activation;
	bool output_relu;
	bool has_bias;
	int inputs;
	int hidden;
	int frac[4];
	int theta_x;
	int theta_h;
	const int8_t *weights;
	bool bias_sent;
	long long x_mem[REF_MAX];
	long long h_mem[REF_MAX];
	long long h[REF_MAX];
	long long third[REF_MAX];
	long long m[4][REF_MAX];
	uint8_t fired[1 + 3 * REF_MAX];
	bool bias_examined;
};

/** ref_step() - one step; @y has room for H numbers and may be @x */
void ref_step(struct ref_layer *layer, const int16_t *x, int16_t *y);

/** ref_x_bytes() - bytes of a column of bias or x */
int ref_x_bytes(const struct ref_layer *layer);

/** ref_h_bytes() - bytes of a column of h, 0 where there are none */
int ref_h_bytes(const struct ref_layer *layer);

/** ref_rh_bytes() - bytes of a column of r h, 0 where there are none */
int ref_rh_bytes(const struct ref_layer *layer);

/** ref_weight_bytes() - bytes of all columns */
int ref_weight_bytes(const struct ref_layer *layer);

/** ref_accumulators() - how many arrays of @m the cell has */
int ref_accumulators(enum ref_cell cell);

/** ref_has_third() - does the cell use @third? */
bool ref_has_third(enum ref_cell cell);

/** ref_state_bytes() - bytes of the layer's block in the state image */
int ref_state_bytes(const struct ref_layer *layer);

#endif /* DELTAHOP_TEST_REFERENCE_RNN_H */
