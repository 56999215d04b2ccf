/* SPDX-License-Identifier: MIT */
/* Random convolution layers and passes, of every kind that a device takes, with their values. */
#ifndef DELTAHOP_TEST_RANDOM_CONV_H
#define DELTAHOP_TEST_RANDOM_CONV_H

#include "reference_conv_timing.h"
#include "rig.h"

/**
 * struct conv_kind - what a device takes
 * @published: only what the published engine can do
 * @most_work: multiply-accumulates of a pass, which keeps trials short
 */
struct conv_kind {
	bool published;
	int macs, kernel_words, store_bytes, max_channels, max_cols, max_outputs;
	long long most_work;
};

/** random_size() - 1..@limit, small ones as often as large ones */
int random_size(struct rig_random *random, int limit);

/** random_values() - numbers of some kind: small, extreme, dense, sparse, all zero */
int16_t *random_values(struct rig_random *random, size_t count);

/** random_conv_fits() - does the device take the layer, and is it not too much work? */
bool random_conv_fits(const struct conv_kind *kind, const struct ref_conv_layer *layer);

/** random_conv_layer() - a layer with maps of its own; @connected: a fully connected one */
struct ref_conv_layer random_conv_layer(struct rig_random *random, const struct conv_kind *kind,
					bool connected);

/**
 * random_conv_follower() - a layer that takes given maps as they are
 * @layer: its inputs, rows, columns and channels; the rest is filled
 *
 * Return: false if none was found.
 */
bool random_conv_follower(struct rig_random *random, const struct conv_kind *kind, bool connected,
			  struct ref_conv_layer *layer);

/**
 * random_conv_pass() - a pass of a layer; random_pass_free() frees its values
 * @before: the pass before, of which partial sums may be taken over, or NULL
 * @connected: a fully connected layer
 */
struct ref_conv_pass random_conv_pass(struct rig_random *random, const struct conv_kind *kind,
				      const struct ref_conv_layer *layer,
				      const struct ref_conv_pass *before, bool connected);
void random_pass_free(struct ref_conv_pass *pass);

#endif /* DELTAHOP_TEST_RANDOM_CONV_H */
