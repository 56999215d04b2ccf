/* SPDX-License-Identifier: MIT */
/*
 * The convolution engine's arithmetic a second time, plainly and slowly, straight from the text of
 * the manual. Shares no code with the model.
 */
#ifndef DELTAHOP_TEST_REFERENCE_CONV_H
#define DELTAHOP_TEST_REFERENCE_CONV_H

#include "reference_map.h"

#define REF_MAX_INPUTS 64

/**
 * struct ref_conv_layer - a layer, as its commands say
 * @macs: m
 * @input: its maps
 */
struct ref_conv_layer {
	bool relu, pool_max, pool_avg, weight8, encode;
	int kernel_rows, kernel_cols, stride_rows, stride_cols, pad_top, pad_left;
	int macs, out_shift, bias_shift;
	int rows, cols, out_rows, out_cols, channels;
	int inputs;
	struct ref_map input[REF_MAX_INPUTS];
};

/**
 * struct ref_conv_pass - a pass, or a fully connected layer
 * @maps: its output maps, or outputs
 * @bias: [maps]
 * @kernel: [maps][channels][kernel_rows][kernel_cols]; fully connected: [values of the input][maps]
 * @psum: [out_rows][out_cols][maps]: what was in memory
 * @add: the added map
 */
struct ref_conv_pass {
	int maps;
	bool fully_connected, psum_in, psum_out, add, psum_card, weight_card, output_card;
	int add_shift;
	int16_t *bias;
	int16_t *kernel;
	int32_t *psum;
	struct ref_map added;
};

/* ---- what is where ---- */

/** ref_conv_padded() - channels with those of dummy kernels */
int ref_conv_padded(const struct ref_conv_layer *layer);

/** ref_conv_controller() - controller of channel @c */
int ref_conv_controller(const struct ref_conv_layer *layer, int c);

/** ref_conv_choose_macs() - m that NullHop's software chooses, 0 if partial sums are needed */
int ref_conv_choose_macs(int kernel, int channels, int out_maps);

/** ref_conv_rows() - output rows that a pass computes, before pooling */
int ref_conv_rows(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass);
int ref_conv_cols(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass);

/** ref_conv_place() - of output place @out and kernel place @k along one side: the input place */
static inline int ref_conv_place(int out, int k, int stride, int pad)
{
	return out * stride + k - pad;
}

/* ---- weights ---- */

/** ref_conv_weight_bytes() - bytes of a pass's biases and kernels, what is not read in between too */
size_t ref_conv_weight_bytes(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			     int device_macs, bool packed);

/**
 * ref_conv_store_weights() - write them to @bytes
 * @dummy: for everything that is read and ignored
 */
void ref_conv_store_weights(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass,
			    int device_macs, bool packed, int dummy, uint8_t *bytes);

/* ---- results ---- */

/** ref_conv_output() - the map that a pass writes, its values allocated; not with psum_out */
struct ref_map ref_conv_output(const struct ref_conv_layer *layer,
			       const struct ref_conv_pass *pass);

/** ref_conv_psums() - the partial sums that a pass writes, allocated; only with psum_out */
int32_t *ref_conv_psums(const struct ref_conv_layer *layer, const struct ref_conv_pass *pass);

#endif /* DELTAHOP_TEST_REFERENCE_CONV_H */
