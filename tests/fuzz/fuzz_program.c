// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the .dhp loaders, of programs and of networks. Checksums would keep a fuzzer out, so they are set right first:
 * what is left to find is behind them.
 */
#include <stdlib.h>
#include <string.h>

#include "compile/int_run.h"
#include "network/network.h"
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

static void set_checksums(uint8_t *file, size_t size)
{
	uint64_t sections = get(file + 12, 4), table = sections * ENTRY_BYTES;

	put(file + 16, size, 8);
	if (table <= size - HEADER_BYTES) {
		for (uint64_t i = 0; i < sections; i++) {
			uint8_t *entry = file + HEADER_BYTES + i * ENTRY_BYTES;
			uint64_t offset = get(entry + 8, 8), len = get(entry + 16, 8);

			if (offset <= size && len <= size - offset && len < 1 << 20)
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
	dh_network_free(network);
	free(file);
	return 0;
}
