/* SPDX-License-Identifier: MIT */
/*
 * What a command of the convolution engine costs, a second time, by trying every output place with
 * every kernel place. Shares no code with the model.
 */
#ifndef DELTAHOP_TEST_REFERENCE_CONV_TIMING_H
#define DELTAHOP_TEST_REFERENCE_CONV_TIMING_H

#include "reference_conv.h"

/** struct ref_memory - a channel; n = 0: ideal memory */
struct ref_memory {
	long long n, l, q;
};

/**
 * struct ref_conv_device - what the costs depend on
 * @card: the channel of card memory
 * @other: that of all other memory
 */
struct ref_conv_device {
	int macs, beat_bytes, store_bytes;
	bool packed;
	struct ref_memory card, other;
};

/**
 * struct ref_conv_cost - of a command
 * @stripes: stripes, of a fully connected layer 1
 * @taken: pixels that hit an output, each once a stripe
 */
struct ref_conv_cost {
	long long cycles, step_cycles, bytes_weights, bytes_in, bytes_out, work_done, work_skipped;
	long long stripes, taken;
};

/** struct ref_stripe - what binds in a stripe: M, R, O */
struct ref_stripe {
	long long multiply, read, output;
};

/** ref_transfer() - T(b) */
long long ref_transfer(const struct ref_conv_device *device, bool card, long long bytes);

/** ref_conv_rows_read() - rows of its input that a pass or fully connected layer reads */
int ref_conv_rows_read(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass);

/** ref_conv_stripe() - stripe @s of a pass that writes @output (NULL: partial sums) */
struct ref_stripe ref_conv_stripe(const struct ref_conv_layer *layer,
				  const struct ref_conv_pass *pass,
				  const struct ref_conv_device *device,
				  const struct ref_map *output, int s);

/**
 * struct ref_terms - the terms of a command's cycles, which are units for budgets
 * @after: what the command has cost when the term is over; of the work, only what is done
 */
struct ref_terms {
	int count, room;
	struct ref_conv_cost *after;
};

/** ref_conv_written() - bytes of its results that a pass has written after stripe @s */
long long ref_conv_written(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			   const struct ref_conv_device *device, const struct ref_map *output,
			   int s);

/**
 * ref_conv_cost() - of a pass or fully connected layer
 * @output: what it writes, NULL: partial sums
 * @held: rows of the layer's input that are in the store; 0 after CONV_LAYER, updated
 * @terms: may be NULL; its terms are added
 */
struct ref_conv_cost ref_conv_cost(const struct ref_conv_layer *layer,
				   const struct ref_conv_pass *pass,
				   const struct ref_conv_device *device,
				   const struct ref_map *output, int *held,
				   struct ref_terms *terms);

#endif /* DELTAHOP_TEST_REFERENCE_CONV_TIMING_H */
