// SPDX-License-Identifier: MIT
/* The network between import and compiler. */
#include <stdlib.h>
#include <string.h>

#include "import/graph.h"

/* Gates of ONNX (z, r, h) by the device's order (r, u, c); u is z. */
static const unsigned int onnx_gate[DH_GATE_COUNT] = {
	[DH_GATE_R] = 1, [DH_GATE_U] = 0, [DH_GATE_C] = 2
};

static bool alloc_weights(struct dh_arena *arena, struct dh_graph_layer *layer)
{
	size_t i = layer->inputs, h = layer->hidden,
	       gates = layer->cell == DELTAHOP_CELL_GRU ? DH_GATE_COUNT : 1;

	layer->w = dh_arena_alloc(arena, gates * h * i, sizeof(float));
	layer->bias = dh_arena_alloc(arena, (gates == 1 ? 1 : DH_BIAS_COUNT) * h, sizeof(float));
	if (gates == 1)
		return layer->w && layer->bias;
	layer->r = dh_arena_alloc(arena, gates * h * h, sizeof(float));
	return layer->w && layer->bias && layer->r;
}

struct dh_graph_layer *dh_graph_add_layer(struct dh_graph *graph, const struct dh_graph_layer *form,
					  const char *node, const char *op)
{
	struct dh_graph_layer *layer = &graph->layers[graph->layer_count];

	*layer = *form;
	layer->node = dh_arena_strdup(&graph->arena, node);
	layer->op = dh_arena_strdup(&graph->arena, op);
	if (!layer->node || !layer->op || !alloc_weights(&graph->arena, layer))
		return NULL;
	graph->layer_count++;
	return layer;
}

static void set_biases(struct dh_graph_layer *layer, const float *b)
{
	size_t h = layer->hidden;

	for (size_t k = 0; k < h; k++) {
		for (unsigned int g = DH_GATE_R; g <= DH_GATE_U; g++)
			layer->bias[g * h + k] =
				b[onnx_gate[g] * h + k] + b[(3 + onnx_gate[g]) * h + k];
		layer->bias[DH_BIAS_CX * h + k] = b[2 * h + k];
		layer->bias[DH_BIAS_CH * h + k] = b[5 * h + k];
	}
}

void dh_graph_set_gru(struct dh_graph_layer *layer, const float *w, const float *r, const float *b)
{
	size_t i = layer->inputs, h = layer->hidden;

	for (unsigned int g = 0; g < DH_GATE_COUNT; g++) {
		memcpy(layer->w + g * h * i, w + onnx_gate[g] * h * i, h * i * sizeof(*w));
		memcpy(layer->r + g * h * h, r + onnx_gate[g] * h * h, h * h * sizeof(*r));
	}
	if (b)
		set_biases(layer, b);
}

void dh_graph_free(struct dh_graph *graph)
{
	if (graph)
		dh_arena_free(&graph->arena);
	free(graph);
}
