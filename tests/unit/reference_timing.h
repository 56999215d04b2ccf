/* SPDX-License-Identifier: MIT */
/* The pipeline's timing a second time, cycle by cycle. Shares no code with the model. */
#ifndef DELTAHOP_TEST_REFERENCE_TIMING_H
#define DELTAHOP_TEST_REFERENCE_TIMING_H

#include <stdint.h>

/**
 * struct ref_pipeline - what the cycles of a layer depend on; n = 0: ideal memory
 * @column_bytes: of a column of bias or x
 * @h_bytes: of a column of h
 * @rh_bytes: of a column of r h, 0: that phase does not exist
 * @fetch: optional: a memory with a mind of its own: burst number @burst is accepted in cycle
 *	@accepted, and beat i is there in cycle ready[i], L included
 */
struct ref_pipeline {
	int inputs;
	int hidden;
	int recurrent;
	int column_bytes;
	int h_bytes;
	int rh_bytes;
	int pes;
	int beat_bytes;
	int n;
	int l;
	int q;
	void (*fetch)(void *opaque, int burst, long long accepted, long long *ready);
	void *opaque;
};

/** ref_cycles() - cycles of a layer in a step; @fired: bias, x, h, r h */
long long ref_cycles(const struct ref_pipeline *layer, const uint8_t *fired);

#endif /* DELTAHOP_TEST_REFERENCE_TIMING_H */
