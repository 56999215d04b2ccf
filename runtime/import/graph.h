/* SPDX-License-Identifier: MIT */
/*
 * The network between import and compiler: one chain of layers with float weights.
 */
#ifndef DELTAHOP_GRAPH_H
#define DELTAHOP_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "import/explain.h"
#include "program/program.h"

#define DH_GRAPH_MAX_LAYERS 64

/* Gates of a GRU layer, in the order of the device; M_cx and M_ch have a bias each. */
enum dh_gate { DH_GATE_R, DH_GATE_U, DH_GATE_C, DH_GATE_COUNT };
enum dh_gru_bias { DH_BIAS_R, DH_BIAS_U, DH_BIAS_CX, DH_BIAS_CH, DH_BIAS_COUNT };

/**
 * struct dh_graph_layer - a layer
 * @cell: DELTAHOP_CELL_GRU or DELTAHOP_CELL_DENSE
 * @activation: of a dense layer
 * @node: name of its ONNX node; @op: operator
 * @per_step: runs on every step, else once after the last
 * @w: GRU [3][hidden][inputs], dense [hidden][inputs]
 * @r: GRU [3][hidden][hidden]
 * @bias: GRU [4][hidden] (enum dh_gru_bias), dense [hidden]; never NULL
 * @h0: initial hidden vector of a GRU, or NULL: zeros
 * @state_in: graph input that holds its initial state, or NULL
 */
struct dh_graph_layer {
	enum deltahop_cell cell;
	enum deltahop_activation activation;
	char *node;
	char *op;
	uint32_t inputs;
	uint32_t hidden;
	bool per_step;
	float *w;
	float *r;
	float *bias;
	float *h0;
	char *state_in;
};

/** struct dh_graph_tensor - input or output; axes as in struct dh_program_tensor */
struct dh_graph_tensor {
	char *name;
	uint32_t elements;
	bool per_step;
	uint32_t rank;
	int32_t batch_axis;
	int32_t step_axis;
};

/** struct dh_graph - the network; all memory is in @arena */
struct dh_graph {
	struct dh_arena arena;
	char *name;
	struct dh_graph_layer layers[DH_GRAPH_MAX_LAYERS];
	uint32_t layer_count;
	struct dh_graph_tensor input;
	struct dh_graph_tensor output;
	enum dh_host_op host_op;
	uint32_t fixed_steps;
	uint32_t batch;
};

/**
 * dh_graph_import() - read an ONNX file
 * @explain: gets a row for each node, also when the import fails; may be NULL
 *
 * Return: 0; -EOPNOTSUPP: a node cannot be expressed; -EINVAL: not a valid model; -ENOMEM...
 */
int dh_graph_import(const char *path, struct dh_explain *explain, struct dh_graph **graph,
		    struct dh_error *err);

/** dh_graph_import_memory() - the same from memory; @name is what errors call it */
int dh_graph_import_memory(const void *buf, size_t len, const char *name,
			   struct dh_explain *explain, struct dh_graph **graph,
			   struct dh_error *err);

/**
 * dh_graph_add_layer() - one more layer, with room for its weights and biases, all zero
 * @form: cell, sizes, and what else is not a pointer; there must be room for it
 *
 * Return: NULL: over the limit of the arena, or out of memory.
 */
struct dh_graph_layer *dh_graph_add_layer(struct dh_graph *graph, const struct dh_graph_layer *form,
					  const char *node, const char *op);

/**
 * dh_graph_set_gru() - weights and biases of a GRU out of ONNX's W, R and B, with the gates z, r, h
 * @b: may be NULL: zeros
 */
void dh_graph_set_gru(struct dh_graph_layer *layer, const float *w, const float *r, const float *b);

/** dh_graph_free() - NULL is fine */
void dh_graph_free(struct dh_graph *graph);

#endif /* DELTAHOP_GRAPH_H */
