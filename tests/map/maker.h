/* SPDX-License-Identifier: MIT */
/*
 * Makes nets by hand, with random weights. Whatever fails ends the test.
 */
#ifndef DELTAHOP_TEST_MAKER_H
#define DELTAHOP_TEST_MAKER_H

#include "network/net.h"

#define MAKER_TENSORS 256
#define MAKER_NODES   128

/** struct maker - a net being made; @seed: of everything random */
struct maker {
	struct dh_net *net;
	uint32_t seed;
};

/** struct window - of a convolution: kernel, strides, dilations by axis; pads as in the net */
struct window {
	uint32_t kernel[2], strides[2], dilations[2], pads[4];
};

/** maker_start() - an empty net */
void maker_start(struct maker *maker, uint32_t seed);

/** maker_random() - 0..@below - 1 */
uint32_t maker_random(struct maker *maker, uint32_t below);

/** maker_normal() - about normal, deviation 1 */
float maker_normal(struct maker *maker);

/** maker_dim() - a dimension of a tensor */
uint32_t maker_dim(const struct maker *maker, int32_t tensor, uint32_t axis);

/** maker_input() - an input of the net */
int32_t maker_input(struct maker *maker, uint32_t rank, const uint32_t *dims);

/** maker_constant() - random values of deviation @size, rounded to multiples of 1/@grid if not 0 */
int32_t maker_constant(struct maker *maker, uint32_t rank, const uint32_t *dims, float size,
		       float grid);

/** maker_node() - a node with one output of this shape */
int32_t maker_node(struct maker *maker, enum dh_net_op op, const union dh_net_attributes *attr,
		   uint32_t inputs, const int32_t *input, uint32_t rank, const uint32_t *dims);

/** maker_conv() - with random weights that keep the size of values, and biases */
int32_t maker_conv(struct maker *maker, int32_t x, uint32_t maps, uint32_t group,
		   const struct window *window);

/** maker_square() - a convolution of @kernel x @kernel, stride 1, that keeps rows and columns */
int32_t maker_square(struct maker *maker, int32_t x, uint32_t maps, uint32_t kernel);

/** maker_same() - an operation that keeps the shape of its first input; @y: or DH_NET_NONE */
int32_t maker_same(struct maker *maker, enum dh_net_op op, int32_t x, int32_t y);

/** maker_pool() - squares of @size, in steps of @step */
int32_t maker_pool(struct maker *maker, enum dh_net_op op, int32_t x, uint32_t size, uint32_t step);

/** maker_concat() - along the channels */
int32_t maker_concat(struct maker *maker, int32_t a, int32_t b);

/** maker_flat() - as [1][all] */
int32_t maker_flat(struct maker *maker, int32_t x);

/** maker_dense() - Gemm with random weights, transposed or not */
int32_t maker_dense(struct maker *maker, int32_t x, uint32_t outputs, bool transposed);

/** maker_shape() - the same values in another shape */
int32_t maker_shape(struct maker *maker, int32_t x, uint32_t rank, const uint32_t *dims);

/** maker_gru() - over [steps][1][values]: all states, as [steps][1][1][hidden], or the last, as [1][1][hidden] */
int32_t maker_gru(struct maker *maker, int32_t x, uint32_t hidden, bool all);

/** maker_product() - MatMul of vectors along the last axis with a random matrix */
int32_t maker_product(struct maker *maker, int32_t x, uint32_t outputs);

/** maker_output() - an output of the net */
void maker_output(struct maker *maker, int32_t tensor);

/** maker_finish() - the net, checked */
struct dh_net *maker_finish(struct maker *maker);

#endif /* DELTAHOP_TEST_MAKER_H */
