/* SPDX-License-Identifier: MIT */
/*
 * A test network: its ONNX file, an input, and the output that PyTorch or NumPy gave for it.
 */
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include "base/npy.h"
#include "compile/compile.h"

/**
 * struct net - a network and its data
 * @x: input as [batch][steps][elements]
 * @y: expected output as [batch][steps, or 1][width]
 * @batch: streams
 * @steps: of each
 * @width: values of an output vector, after what the host does
 */
struct net {
	const char *name;
	struct dh_program *program;
	struct dh_graph *graph;
	float *x;
	float *y;
	uint32_t batch;
	uint32_t steps;
	uint32_t width;
};

/** net_path() - file of a network: its name and @suffix; valid until the next call */
const char *net_path(const char *name, const char *suffix);

/**
 * net_load() - import, compile with its own input as calibration data; fails the test if that does
 * not work
 */
void net_load(struct net *net, const char *name, const char *profile, int16_t theta);

/** net_free() - free it */
void net_free(struct net *net);

/** net_output_steps() - output vectors of a stream: steps, or 1 */
uint32_t net_output_steps(const struct net *net);

/** net_quantise() - one input vector as int16, padded */
void net_quantise(const struct net *net, const float *x, int16_t *out);

#endif /* NET_FIXTURE_H */
