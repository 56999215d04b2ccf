// SPDX-License-Identifier: MIT
/* The network between import and compiler. */
#include <stdlib.h>

#include "graph.h"

void dh_graph_free(struct dh_graph *graph)
{
	if (graph)
		dh_arena_free(&graph->arena);
	free(graph);
}

const char *dh_host_op_name(enum dh_host_op op)
{
	static const char *const names[] = {
		[DH_HOST_NONE] = "none",
		[DH_HOST_SOFTMAX] = "Softmax",
		[DH_HOST_LOG_SOFTMAX] = "LogSoftmax",
		[DH_HOST_ARGMAX] = "ArgMax",
		[DH_HOST_SIGMOID] = "Sigmoid",
		[DH_HOST_TANH] = "Tanh",
		[DH_HOST_RELU] = "Relu",
	};

	return (size_t)op < sizeof(names) / sizeof(names[0]) ? names[op] : "unknown";
}
