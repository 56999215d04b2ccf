// SPDX-License-Identifier: MIT
/* The network between import and compiler. */
#include <stdlib.h>

#include "import/graph.h"

void dh_graph_free(struct dh_graph *graph)
{
	if (graph)
		dh_arena_free(&graph->arena);
	free(graph);
}
