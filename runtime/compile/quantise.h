/* SPDX-License-Identifier: MIT */
/*
 * From float weights to the device's: int8 with a power-of-two scale per gate, 24-bit biases,
 * power-of-two scales of the vectors between layers.
 */
#ifndef DELTAHOP_QUANTISE_H
#define DELTAHOP_QUANTISE_H

#include "compile/float_run.h"
#include "import/graph.h"

/**
 * struct dh_quant_options - what is given
 * @ranges: a float run over the calibration data, or NULL
 * @input_is_fixed: the application gives int16 Q8.8: the input's scale stays 2^0
 * @caps: of the device
 */
struct dh_quant_options {
	const struct dh_float_run *ranges;
	bool input_is_fixed;
	uint64_t caps;
};

/**
 * struct dh_quant_layer - a layer for the device
 * @inputs: padded; @hidden likewise
 * @bias_column: biases are the first column; else they are in @bias
 * @weight_frac: by gate
 * @input_exp: real input = int16 / 256 * 2^this; @output_exp likewise
 * @weights: columns as in the device's memory; @weight_bytes
 * @bias: initial accumulators: GRU [4][hidden], dense [hidden]
 * @h0: initial hidden vector or NULL
 * @likely_sum: what a pre-activation is likely to reach, in real units; 0: measured, or scaled to fit
 * @weight_error: root mean square error of the weights relative to their root mean square
 */
struct dh_quant_layer {
	uint32_t inputs;
	uint32_t hidden;
	bool bias_column;
	uint8_t weight_frac[4];
	int32_t input_exp;
	int32_t output_exp;
	int8_t *weights;
	size_t weight_bytes;
	int32_t *bias;
	int16_t *h0;
	double likely_sum;
	double weight_error;
};

/**
 * struct dh_quant - a network for the device; memory is in @arena
 * @input_limit: largest absolute int16 value of the input that all this was chosen for
 * @refused_layer: that cannot be expressed; @refused: why
 */
struct dh_quant {
	struct dh_arena arena;
	uint32_t input_limit;
	struct dh_quant_layer layers[DH_GRAPH_MAX_LAYERS];
	uint32_t refused_layer;
	char refused[256];
};

/**
 * dh_quantise() - quantise a network
 * @quant: zeroed; free it with dh_quant_free() in any case
 *
 * Return: 0; -EOPNOTSUPP: @quant->refused_layer cannot be expressed with these capabilities.
 */
int dh_quantise(const struct dh_graph *graph, const struct dh_quant_options *options,
		struct dh_quant *quant, struct dh_error *err);

/** dh_quant_free() - free its memory */
void dh_quant_free(struct dh_quant *quant);

#endif /* DELTAHOP_QUANTISE_H */
