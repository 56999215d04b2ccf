// SPDX-License-Identifier: MIT
/*
 * A case as a file that was damaged: each of many files that differ from the model in a few bytes is
 * imported or refused with a sentence, and what is imported is sound and runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "network/op.h"

#define MUTANTS	  200
#define MAX_BYTES 65536
#define MAX_WORK  ((uint64_t)1 << 22)

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void mutate(uint8_t *bytes, size_t size, uint32_t *state)
{
	for (uint32_t changes = 1 + next_random(state) % 3; changes; changes--) {
		uint8_t *at = &bytes[next_random(state) % size];

		switch (next_random(state) % 4) {
		case 0:
			*at ^= 1u << next_random(state) % 8;
			break;
		case 1:
			*at = (uint8_t)next_random(state);
			break;
		case 2:
			*at = (uint8_t)(*at + 1);
			break;
		default:
			*at = bytes[next_random(state) % size];
			break;
		}
	}
}

static void run_if_small(const struct dh_net *net)
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

static bool survives(const uint8_t *bytes, size_t size, struct dh_error *say)
{
	struct dh_error err = { "" };
	struct dh_net *net;
	int ret = dh_net_import_memory(bytes, size, "mutant", NULL, NULL, &net, &err);

	if (ret) {
		dh_error_set(say, "refused (%d) without a sentence", ret);
		return err.text[0];
	}
	run_if_small(net);
	ret = dh_net_check(net, say);
	dh_net_free(net);
	return !ret;
}

enum verdict case_mutate(struct onnx_case *c, struct dh_error *say)
{
	static uint8_t model[MAX_BYTES], mutant[MAX_BYTES];
	FILE *file = fopen(c->model, "re");
	size_t size = file ? fread(model, 1, sizeof(model), file) : 0;
	uint32_t state = (uint32_t)size;

	if (file)
		fclose(file);
	for (unsigned int i = 0; size && i < MUTANTS; i++) {
		memcpy(mutant, model, size);
		mutate(mutant, size, &state);
		if (!survives(mutant, size, say))
			return CASE_FAILED;
	}
	*say = (struct dh_error){ "" };
	return size ? CASE_OK : CASE_FAILED;
}
