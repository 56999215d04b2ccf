// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the .dhp loaders, of programs and of networks. Checksums would keep a fuzzer out, so they are set right first:
 * what is left to find is behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "compile/int_run.h"
#include "network/net.h"
#include "network/network_disasm.h"
#include "program/disasm.h"
#include "program/program.h"

#define HEADER_BYTES 32
#define ENTRY_BYTES  24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t crc32_of(const uint8_t *data, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void put(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = value >> 8 * i;
}

static uint64_t get(const uint8_t *at, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static void set_checksums(uint8_t *file, size_t size);

/* Section 18 of a network: files in the file, each with two lists of tensors behind it. */
static void set_parts(uint8_t *section, uint64_t len)
{
	uint64_t at = 4;

	for (uint64_t parts = len < 4 ? 0 : get(section, 4); parts && len - at >= 8; parts--) {
		uint64_t size = get(section + at, 8);

		if (size > len - at - 8 || size < HEADER_BYTES)
			return;
		set_checksums(section + at + 8, size);
		at += 8 + size;
		for (int list = 0; list < 2; list++) {
			if (len - at < 4 || get(section + at, 4) > (len - at - 4) / 4)
				return;
			at += 4 + 4 * get(section + at, 4);
		}
	}
}

static void set_checksums(uint8_t *file, size_t size)
{
	uint64_t sections = get(file + 12, 4), table = sections * ENTRY_BYTES;

	put(file + 16, size, 8);
	if (table <= size - HEADER_BYTES) {
		for (uint64_t i = 0; i < sections; i++) {
			uint8_t *entry = file + HEADER_BYTES + i * ENTRY_BYTES;
			uint64_t offset = get(entry + 8, 8), len = get(entry + 16, 8);

			if (offset > size || len > size - offset || len >= 1 << 20)
				continue;
			if (get(entry, 4) == 18)
				set_parts(file + offset, len);
			put(entry + 4, crc32_of(file + offset, len), 4);
		}
		put(file + 24, crc32_of(file + HEADER_BYTES, table), 4);
	}
	put(file + 28, crc32_of(file, 28), 4);
}

/* A program that is accepted can be run: nothing in it leads outside. */
static void run(const struct dh_program *program)
{
	struct dh_int_run *run = dh_int_run_create(program);
	int16_t *input = calloc(program->input.padded, sizeof(*input));

	for (int step = 0; run && input && step < 2; step++) {
		for (uint32_t i = 0; i < program->input.padded; i++)
			input[i] = 256 * step + i;
		dh_int_run_step(run, input);
	}
	if (run && input)
		dh_int_run_finish(run);
	dh_int_run_free(run);
	free(input);
}

/* Of what a network takes: enough for all that a small file can honestly ask for. */
#define MEMORY (1u << 22)

static bool is_small(const struct dh_network *network)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < network->part_count; i++)
		bytes += network->parts[i].program->scratch_bytes;
	for (uint32_t i = 0; i < network->net->tensor_count; i++)
		bytes += dh_net_bytes(&network->net->tensors[i]);
	for (uint32_t i = 0; i < network->net->node_count; i++)
		bytes += dh_net_scratch(network->net, &network->net->nodes[i]);
	return bytes < MEMORY;
}

/* Nor does a network lead outside, whatever the device makes of its commands. */
static void run_network(const struct dh_network *network)
{
	const struct dh_instance_options options = { .size = sizeof(options),
						     .cycle_budget = 100000 };
	static struct dh_device *device;
	struct dh_session *session;
	struct dh_error err = { "" };

	if (!device && dh_device_open("embedded", &device, NULL))
		abort();
	if (!is_small(network))
		return;
	if (dh_session_create(device, network, &options, &session, &err) ||
	    dh_session_run(session, &err)) {
		if (!err.text[0])
			abort();
	}
	dh_session_destroy(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dh_program *program;
	struct dh_network *network;
	struct dh_error err = { "" };
	uint8_t *file = malloc(size + 1);
	int ret;

	memcpy(file, data, size);
	if (size >= HEADER_BYTES && size < 1 << 20)
		set_checksums(file, size);
	ret = dh_program_parse(file, size, "fuzz", &program, &err);
	if (ret > 0 || !ret != !!program || (ret && !err.text[0]))
		abort();
	if (program) {
		json_decref(dh_disasm_json(program));
		if (program->engine == DELTAHOP_ENGINE_RNN)
			run(program);
	}
	dh_program_free(program);
	ret = dh_network_parse(file, size, "fuzz", &network, &err);
	if (ret > 0 || !ret != !!network || (ret && !err.text[0]))
		abort();
	if (network) {
		json_decref(dh_network_disasm_json(network, true));
		run_network(network);
	}
	dh_network_free(network);
	free(file);
	return 0;
}
