/* SPDX-License-Identifier: MIT */
/*
 * What the compiler did with each ONNX node, and why it refused one.
 */
#ifndef DELTAHOP_EXPLAIN_H
#define DELTAHOP_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

/** enum dh_place - where a node ended up */
enum dh_place {
	DH_PLACE_ENGINE,      /* a layer slot, alone or with others */
	DH_PLACE_HOST,	      /* after the device, in float */
	DH_PLACE_NAME,	      /* only moves or renames: costs nothing */
	DH_PLACE_CONSTANT,    /* computed by the compiler */
	DH_PLACE_UNUSED,      /* no output of the network needs it */
	DH_PLACE_REFUSED,     /* why the network does not compile */
	DH_PLACE_NOT_REACHED, /* behind the node that was refused */
};

/** struct dh_explain_node - a row of the table; @layer is -1 where it is not on the engine */
struct dh_explain_node {
	char *name;
	char *op;
	enum dh_place place;
	int layer;
	char *text;
};

/**
 * struct dh_explain_layer - what became of a layer
 * @weight_frac: fraction bits by gate, as in struct deltahop_cmd_rnn_layer
 * @gates: how many of them
 * @weight_error: root mean square error of the rounded weights, in units of the weights'
 *	own root mean square
 * @output_scale_exp: real output = int16 / 256 * 2^this
 * @error_rms: of the output against float, over the calibration data; negative: not measured
 * @error_max: largest error
 * @headroom_bits: bits that the fullest accumulator had left; negative numbers: it
 *	wrapped; INT32_MIN: not measured
 */
struct dh_explain_layer {
	char *name;
	char *op;
	uint32_t inputs, hidden, padded_inputs, padded_hidden;
	uint32_t gates;
	uint8_t weight_frac[4];
	double weight_error;
	int32_t output_scale_exp;
	double error_rms, error_max;
	double headroom_bits;
};

/**
 * struct dh_explain_conv - what became of a layer of the convolution engine
 * @input: channels, rows, columns; @output likewise
 * @kernel: rows, columns
 * @macs: that work on an output map
 * @passes: groups of output maps
 * @pieces: into which channels and kernel are cut
 * @weight_error: as in struct dh_explain_layer
 * @scale_exp: real output = int16 / 256 * 2^this
 * @zeros: share of the output that is 0, as measured or assumed
 * @encoded: the output is
 * @dense: multiply-accumulates that the network asks for; @work: predicted
 * @bytes: of DRAM, predicted; @cycles likewise
 * @error_rms: of the output against float, over the calibration data; negative: not measured
 * @error_max: largest error
 * @output_rms: the output's own size in float
 */
struct dh_explain_conv {
	char *name;
	char *op;
	uint32_t input[3], output[3], kernel[2];
	uint32_t macs, passes, pieces, weight_bits;
	double weight_error;
	int32_t scale_exp;
	double zeros;
	bool encoded;
	double dense, work, bytes, cycles;
	double error_rms, error_max, output_rms;
};

/**
 * struct dh_explain - the whole answer
 * @out_of_memory: something is missing from it
 */
struct dh_explain {
	struct dh_explain_node *nodes;
	size_t node_count;
	struct dh_explain_layer *layers;
	size_t layer_count;
	struct dh_explain_conv *convs;
	size_t conv_count;
	char **notes;
	size_t note_count;
	char **warnings;
	size_t warning_count;
	bool out_of_memory;
};

/** dh_explain_create() - an empty one, or NULL */
struct dh_explain *dh_explain_create(void);

/** dh_explain_free() - NULL is fine */
void dh_explain_free(struct dh_explain *explain);

/**
 * dh_explain_node() - add a row
 * @explain: may be NULL, here and below; when memory runs out it says so itself
 */
void dh_explain_node(struct dh_explain *explain, const char *name, const char *op,
		     enum dh_place place, int layer, const char *text);

/** dh_explain_replace() - change where row @index says that its node is */
void dh_explain_replace(struct dh_explain *explain, size_t index, enum dh_place place, int layer,
			const char *text);

/** dh_explain_refuse_layer() - the nodes of layer @layer are why the network does not compile */
void dh_explain_refuse_layer(struct dh_explain *explain, uint32_t layer, const char *text);

/** dh_explain_layer() - add a layer, of which the strings are copied */
void dh_explain_layer(struct dh_explain *explain, const struct dh_explain_layer *layer);

/** dh_explain_conv() - add a layer of the convolution engine, of which the strings are copied */
void dh_explain_conv(struct dh_explain *explain, const struct dh_explain_conv *conv);

/** dh_explain_note() - add a sentence about the network as a whole */
void dh_explain_note(struct dh_explain *explain, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** dh_explain_warn() - add a sentence that the user must see, explanation or not */
void dh_explain_warn(struct dh_explain *explain, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** dh_explain_print() - as a table; the warnings are not in it */
void dh_explain_print(const struct dh_explain *explain, FILE *out);

/** dh_explain_json() - the same as a JSON object, a new reference, or NULL */
json_t *dh_explain_json(const struct dh_explain *explain);

#endif /* DELTAHOP_EXPLAIN_H */
