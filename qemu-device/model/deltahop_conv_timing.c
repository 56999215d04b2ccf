// SPDX-License-Identifier: MIT
/* Timing of the convolution engine. */
#include "deltahop_conv_timing.h"

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return a / b + !!(a % b);
}

static uint64_t largest(const uint64_t *end, uint32_t controllers)
{
	uint64_t most = 0;

	for (uint32_t g = 0; g < controllers; g++)
		most = later(most, end[g]);
	return most;
}

/* A controller begins a column no earlier than the slowest one has ended the one before the last. */
uint64_t dh_timing_multiply(const uint32_t *work, uint32_t controllers, uint32_t cols)
{
	uint64_t end[DH_CONV_CONTROLLERS] = { 0 }, before = 0, last = 0;

	for (uint32_t x = 0; x < cols; x++) {
		for (uint32_t g = 0; g < controllers; g++)
			end[g] = later(end[g], before) + work[(uint64_t)g * cols + x];
		before = last;
		last = largest(end, controllers);
	}
	return last;
}

uint64_t dh_timing_leave(uint64_t words, bool packed, uint32_t beat_bytes)
{
	return divide_up(words, packed ? beat_bytes / 2 : 2);
}

static uint32_t log2_of(uint32_t macs)
{
	return 31 - __builtin_clz(macs);
}

uint64_t dh_timing_stripe(uint64_t multiply, uint64_t read, uint64_t leave, uint32_t macs)
{
	return later(later(multiply, read), leave) + log2_of(macs) + 1;
}

uint64_t dh_timing_columns(const struct dh_memory_timing *memory, uint32_t beat_bytes,
			   uint32_t macs, uint32_t outputs, uint64_t column_bytes, uint64_t columns)
{
	uint64_t beats = divide_up(column_bytes, beat_bytes), add = divide_up(outputs, macs);
	uint64_t fetch = beats * memory->n, latency = (uint64_t)memory->l + 1;

	if (!memory->n)
		return columns * later(add, beats);
	return latency + columns * later(add, later(fetch, divide_up(latency + fetch, memory->q)));
}
