// SPDX-License-Identifier: MIT
/* A run of a whole network in float. */
#include <errno.h>
#include <stdlib.h>

#include "network/net.h"

/* @data: by tensor; of constants the network's own */
struct dh_net_run {
	const struct dh_net *net;
	void **data;
	void *scratch;
};

static bool alloc_tensors(struct dh_net_run *run)
{
	for (uint32_t i = 0; i < run->net->tensor_count; i++) {
		const struct dh_net_tensor *tensor = &run->net->tensors[i];

		run->data[i] = tensor->data ? tensor->data : calloc(1, dh_net_bytes(tensor));
		if (!run->data[i])
			return false;
	}
	return true;
}

static bool alloc_scratch(struct dh_net_run *run)
{
	size_t most = 1;

	for (uint32_t i = 0; i < run->net->node_count; i++) {
		size_t size = dh_net_scratch(run->net, &run->net->nodes[i]);

		most = size > most ? size : most;
	}
	run->scratch = malloc(most);
	return run->scratch;
}

int dh_net_run_create(const struct dh_net *net, struct dh_net_run **run, struct dh_error *err)
{
	*run = calloc(1, sizeof(**run));
	if (*run) {
		(*run)->net = net;
		(*run)->data = calloc(net->tensor_count + 1, sizeof(*(*run)->data));
		if ((*run)->data && alloc_tensors(*run) && alloc_scratch(*run))
			return 0;
	}
	dh_net_run_free(*run);
	*run = NULL;
	dh_error_set(err, "out of memory for the tensors of network %s",
		     net->name ? net->name : "");
	return -ENOMEM;
}

void dh_net_run_free(struct dh_net_run *run)
{
	if (!run)
		return;
	for (uint32_t i = 0; run->data && i < run->net->tensor_count; i++) {
		if (!run->net->tensors[i].data)
			free(run->data[i]);
	}
	free(run->data);
	free(run->scratch);
	free(run);
}

float *dh_net_run_floats(struct dh_net_run *run, int32_t tensor)
{
	return run->data[tensor];
}

int64_t *dh_net_run_ints(struct dh_net_run *run, int32_t tensor)
{
	return run->data[tensor];
}

void dh_net_run_node(struct dh_net_run *run, uint32_t node)
{
	dh_net_compute(run->net, &run->net->nodes[node], run->data, run->scratch);
}

void dh_net_run_all(struct dh_net_run *run)
{
	for (uint32_t node = 0; node < run->net->node_count; node++)
		dh_net_run_node(run, node);
}
