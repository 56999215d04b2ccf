// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the reader of NumPy arrays. Half of the inputs get a good start, so that they are read
 * further.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"

#define START_BYTES 10
#define MAX_BYTES   65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void parse(const uint8_t *data, size_t size)
{
	struct dh_error err = { .text = "" };
	struct dh_array array;
	volatile uint8_t last;
	size_t bytes;

	if (dh_npy_parse(data, size, "input", &array, &err)) {
		must(err.text[0] && !array.data);
		return;
	}
	bytes = dh_array_count(&array) * dh_dtype_size(array.dtype);
	must(bytes <= size);
	if (bytes)
		last = ((uint8_t *)array.data)[bytes - 1];
	(void)last;
	dh_array_free(&array);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t input[MAX_BYTES + START_BYTES];
	static const char words[] = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }";

	if (size < 2 || size > MAX_BYTES || data[0] % 2) {
		parse(data, size);
		return 0;
	}
	/*
	 * Magic and version; the header as long as the second byte says, made of good words with
	 * the rest of the input over them.
	 */
	memcpy(input, "\x93NUMPY\x01\x00", 8);
	input[8] = data[1];
	input[9] = 0;
	memset(input + START_BYTES, ' ', sizeof(input) - START_BYTES);
	memcpy(input + START_BYTES, words, sizeof(words) - 1);
	for (size_t i = 2; i + 2 <= size; i += 2)
		input[START_BYTES + data[i]] = data[i + 1];
	parse(input, START_BYTES + data[1] + data[0] / 2 % 32);
	return 0;
}
