// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the import of networks: any bytes give a sound network, which runs, or a sentence.
 */
#include <stdlib.h>

#include "network/op.h"

#define MAX_WORK ((uint64_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void run(const struct dh_net *net)
{
	struct dh_net_run *run;
	uint64_t work = 0;

	for (uint32_t i = 0; i < net->node_count; i++)
		work += dh_op_work(net, &net->nodes[i]);
	if (work > MAX_WORK || dh_net_run_create(net, &run, NULL))
		return;
	dh_net_run_all(run);
	dh_net_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dh_explain *explain = dh_explain_create();
	struct dh_error err = { "" };
	struct dh_net *net;
	int ret = dh_net_import_memory(data, size, "fuzz", NULL, explain, &net, &err);

	must(ret <= 0 && !ret == !!net);
	must(!ret || err.text[0]);
	if (net) {
		must(!dh_net_check(net, &err));
		must(!explain || explain->node_count == net->source_count);
		run(net);
	}
	dh_explain_free(explain);
	dh_net_free(net);
	return 0;
}
