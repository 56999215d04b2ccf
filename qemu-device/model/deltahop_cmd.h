/* SPDX-License-Identifier: MIT */
/*
 * Commands: encoder, decoder and validator, one piece of code for runtime, model and fuzzers.
 */
#ifndef DELTAHOP_CMD_H
#define DELTAHOP_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/deltahop_isa.h>

/** struct dh_cmd_limits - what a device can do; a part of its configuration or of a device query */
struct dh_cmd_limits {
	uint64_t caps;
	uint32_t slots;
	uint32_t max_inputs;
	uint32_t max_hidden;
	uint32_t state_bytes;
	uint32_t conv_macs;
	uint32_t conv_kernel_words;
	uint32_t conv_store_bytes;
	uint32_t conv_max_channels;
	uint32_t conv_max_cols;
	uint32_t conv_max_outputs;
};

/**
 * struct dh_cell - the shape of a recurrent layer, by its enum deltahop_cell
 * @caps: capabilities that it needs
 * @gates: blocks of H rows in a column of bias and x, each with a scale of its own
 * @gates_h: blocks in a column of h, 0: there are none
 * @gates_rh: blocks in a column of r * h, 0: there are none
 * @vectors: of H numbers of 16 bits in the state
 * @accumulators: of H numbers of 32 bits in the state
 */
struct dh_cell {
	uint64_t caps;
	uint8_t gates;
	uint8_t gates_h;
	uint8_t gates_rh;
	uint8_t vectors;
	uint8_t accumulators;
};

/** struct dh_layer - a decoded DELTAHOP_OP_RNN_LAYER, host byte order */
struct dh_layer {
	uint8_t slot;
	uint8_t cell;
	uint8_t activation;
	bool no_bias;
	bool output_relu;
	uint16_t inputs;
	uint16_t hidden;
	uint8_t weight_frac[4];
	uint32_t weight_region;
	uint64_t weight_offset;
	uint32_t state_offset;
};

/** struct dh_run - a decoded DELTAHOP_OP_RNN_RUN */
struct dh_run {
	uint8_t first;
	uint8_t count;
	bool last_only;
	uint32_t params_region;
	uint64_t params_offset;
	uint32_t input_region;
	uint32_t output_region;
	uint64_t input_offset;
	uint64_t output_offset;
};

/** struct dh_conv_layer - a decoded DELTAHOP_OP_CONV_LAYER; fields as in the command */
struct dh_conv_layer {
	uint32_t flags;
	uint8_t kernel_rows;
	uint8_t kernel_cols;
	uint8_t stride_rows;
	uint8_t stride_cols;
	int8_t pad_top;
	int8_t pad_left;
	uint8_t macs;
	uint8_t out_shift;
	uint16_t rows;
	uint16_t cols;
	uint16_t out_rows;
	uint16_t out_cols;
	uint16_t channels;
	uint8_t bias_shift;
};

/** struct dh_conv_input - a decoded DELTAHOP_OP_CONV_INPUT */
struct dh_conv_input {
	bool encoded;
	uint16_t channels;
	uint32_t region;
	uint64_t offset;
};

/** struct dh_conv_pass - a decoded DELTAHOP_OP_CONV_PASS or DELTAHOP_OP_CONV_FC */
struct dh_conv_pass {
	uint32_t flags;
	uint16_t maps;
	uint8_t add_shift;
	uint32_t weight_region;
	uint64_t weight_offset;
	uint32_t output_region;
	uint32_t psum_region;
	uint64_t output_offset;
	uint64_t psum_offset;
	uint64_t add_offset;
	uint32_t add_region;
};

/** struct dh_cmd - any decoded command; @conv_pass is that of DELTAHOP_OP_CONV_FC too */
struct dh_cmd {
	uint16_t opcode;
	uint16_t size;
	union {
		struct dh_layer layer;
		struct dh_run run;
		struct dh_conv_layer conv_layer;
		struct dh_conv_input conv_input;
		struct dh_conv_pass conv_pass;
	};
};

/** struct dh_params - decoded run parameters; thresholds already cut to signed 10 bits */
struct dh_params {
	bool profile_steps;
	uint32_t steps;
	uint32_t input_stride;
	uint32_t output_stride;
	int16_t theta_x[DELTAHOP_RNN_MAX_SLOTS];
	int16_t theta_h[DELTAHOP_RNN_MAX_SLOTS];
};

/**
 * dh_cmd_encode() - write a command
 * @cmd: host form; size is ignored
 * @buf: at least dh_cmd_size(@cmd->opcode) bytes
 *
 * Return: bytes written, 0 for an unknown opcode.
 */
size_t dh_cmd_encode(const struct dh_cmd *cmd, void *buf);

/** dh_cmd_size() - bytes of a command by its opcode, 0 for an unknown one */
size_t dh_cmd_size(uint16_t opcode);

/**
 * dh_cmd_decode() - read and check one command, by itself
 * @buf: the bytes
 * @len: bytes until the end of the commands
 * @limits: the device
 * @cmd: filled on success
 *
 * Return: DELTAHOP_REASON_NONE, or why the command is refused.
 */
enum deltahop_reason dh_cmd_decode(const void *buf, size_t len, const struct dh_cmd_limits *limits,
				   struct dh_cmd *cmd);

/**
 * struct dh_cmd_check - what a validator knows after the commands so far; zero at the start of a
 * job, but for the engine
 * @engine: whose commands they are
 * @defined: recurrent: bit per slot set up
 * @conv_layers: convolution: layers so far
 * @conv_layer: the last of them
 * @conv_inputs: its maps so far
 * @conv_channels: channels of these
 */
struct dh_cmd_check {
	enum deltahop_engine engine;
	bool ended;
	uint32_t defined;
	struct dh_layer layer[DELTAHOP_RNN_MAX_SLOTS];
	uint32_t conv_layers;
	struct dh_conv_layer conv_layer;
	uint32_t conv_inputs;
	uint32_t conv_channels;
	struct dh_conv_input conv_input[DELTAHOP_CONV_MAX_INPUTS];
};

/**
 * dh_cmd_check() - check a decoded command against those before it, and note it
 *
 * Return: DELTAHOP_REASON_NONE, or why (not a command of @check->engine, slot not set up, sizes
 * that do not fit each other, addresses that need a capability...).
 */
enum deltahop_reason dh_cmd_check(struct dh_cmd_check *check, const struct dh_cmd_limits *limits,
				  const struct dh_cmd *cmd);

/**
 * dh_cmd_next() - dh_cmd_decode() and dh_cmd_check(): what a device does with its next command
 *
 * Return: as these; a command of the other engine is DELTAHOP_REASON_BAD_OPCODE whatever its
 * fields.
 */
enum deltahop_reason dh_cmd_next(struct dh_cmd_check *check, const struct dh_cmd_limits *limits,
				 const void *buf, size_t len, struct dh_cmd *cmd);

/**
 * dh_cmd_validate() - check a whole command stream
 * @engine: that it is for
 * @bad_offset: set to the byte offset of the bad command
 */
enum deltahop_reason dh_cmd_validate(const void *buf, size_t len, enum deltahop_engine engine,
				     const struct dh_cmd_limits *limits, size_t *bad_offset);

/** dh_params_encode() - write run parameters; @buf has sizeof(struct deltahop_rnn_params) bytes */
void dh_params_encode(const struct dh_params *params, void *buf);

/** dh_params_decode() - read and check run parameters for @run */
enum deltahop_reason dh_params_decode(const void *buf, const struct dh_cmd_limits *limits,
				      const struct dh_run *run, struct dh_params *params);

/** dh_cell() - the shape of a valid layer */
const struct dh_cell *dh_cell(const struct dh_layer *layer);

/** dh_layer_caps() - capabilities that a valid layer needs, whatever its place among others */
uint64_t dh_layer_caps(const struct dh_layer *layer);

/** dh_layer_state_bytes() - bytes of a layer's block in the state image */
size_t dh_layer_state_bytes(const struct dh_layer *layer);

/**
 * dh_layer_columns() - weight columns of a layer, with the bias column if it has one; the columns of
 * h[j] and of r[j] * h[j] count as one
 */
size_t dh_layer_columns(const struct dh_layer *layer);

/** dh_layer_column_bytes() - bytes of the weight column of an x; also of an h with its r * h */
size_t dh_layer_column_bytes(const struct dh_layer *layer);

/** dh_layer_weight_bytes() - bytes of all columns of a layer */
size_t dh_layer_weight_bytes(const struct dh_layer *layer);

/* ---- geometry of the convolution engine, Documentation/hardware-conv.rst ---- */

/** dh_conv_caps() - capabilities that a command of the convolution engine needs */
uint64_t dh_conv_caps(const struct dh_cmd *cmd);

/** dh_conv_channels_padded() - cp: channels of a kernel, with the dummy ones */
uint32_t dh_conv_channels_padded(const struct dh_conv_layer *layer);

/** dh_conv_controller() - which of the m controllers has channel @channel, 0..cp-1 */
uint32_t dh_conv_controller(const struct dh_conv_layer *layer, uint32_t channel);

/** dh_conv_pooled() - does a pass pool? It does not while it writes partial sums. */
bool dh_conv_pooled(const struct dh_conv_layer *layer, uint32_t pass_flags);

/** dh_conv_computed_rows() - rows that a pass computes: not an odd last one that pooling drops */
uint32_t dh_conv_computed_rows(const struct dh_conv_layer *layer, uint32_t pass_flags);

/** dh_conv_computed_cols() - columns that a pass computes */
uint32_t dh_conv_computed_cols(const struct dh_conv_layer *layer, uint32_t pass_flags);

/** dh_conv_output_rows() - rows of the layer's output map, after pooling */
uint32_t dh_conv_output_rows(const struct dh_conv_layer *layer);

/** dh_conv_output_cols() - columns of the layer's output map, after pooling */
uint32_t dh_conv_output_cols(const struct dh_conv_layer *layer);

/** dh_conv_row_words() - words of a row: most of them if @encoded */
uint64_t dh_conv_row_words(uint32_t cols, uint32_t channels, bool encoded);

/** dh_conv_words_bytes() - bytes in memory of a sequence of words; @packed: DELTAHOP_CAP_CONV_PACKED */
uint64_t dh_conv_words_bytes(uint64_t words, bool packed);

/** dh_conv_map_bytes_max() - bytes of a map; of an encoded one without zeros */
uint64_t dh_conv_map_bytes_max(uint32_t rows, uint32_t cols, uint32_t channels, bool encoded,
			       bool packed);

/** dh_conv_kernel_count() - weights of a pass: kernels, with the dummy ones */
uint64_t dh_conv_kernel_count(const struct dh_conv_layer *layer, const struct dh_conv_pass *pass);

/** dh_conv_weight_bytes() - biases and kernels of a DELTAHOP_OP_CONV_PASS in memory */
uint64_t dh_conv_weight_bytes(const struct dh_conv_layer *layer, const struct dh_conv_pass *pass,
			      const struct dh_cmd_limits *limits);

/** dh_conv_fc_values() - E: input values of a DELTAHOP_OP_CONV_FC */
uint64_t dh_conv_fc_values(const struct dh_conv_layer *layer);

/** dh_conv_fc_column_bytes() - bytes of the weight column of an input value */
uint64_t dh_conv_fc_column_bytes(const struct dh_conv_layer *layer,
				 const struct dh_conv_pass *pass);

/** dh_conv_fc_columns_offset() - byte of the first column from the biases on */
uint64_t dh_conv_fc_columns_offset(const struct dh_conv_pass *pass);

/** dh_conv_fc_weight_bytes() - biases and columns of a DELTAHOP_OP_CONV_FC in memory */
uint64_t dh_conv_fc_weight_bytes(const struct dh_conv_layer *layer,
				 const struct dh_conv_pass *pass);

/** dh_conv_kernel_words() - weights that a MAC holds of an output map */
uint32_t dh_conv_kernel_words(const struct dh_conv_layer *layer);

/** dh_conv_store_words() - words of the rows of a stripe, and of those that the next one needs */
uint64_t dh_conv_store_words(const struct dh_conv_layer *layer);

/** dh_conv_fits_kernels() - do the kernels of an output map fit the kernel memory of its MACs? */
bool dh_conv_fits_kernels(const struct dh_conv_layer *layer, const struct dh_cmd_limits *limits);

/** dh_conv_fits_store() - do the rows of a stripe, and those that the next one needs besides? */
bool dh_conv_fits_store(const struct dh_conv_layer *layer, const struct dh_cmd_limits *limits);

/**
 * dh_conv_choose_macs() - m as NullHop's software chooses it
 * @out: output maps of the layer, at least 1
 *
 * Return: 1, 2, 4 or 8; 0: too many weights for 8, the channels must be cut into passes that hand
 * on partial sums.
 */
uint32_t dh_conv_choose_macs(const struct dh_cmd_limits *limits, uint32_t kernel_rows,
			     uint32_t kernel_cols, uint32_t channels, uint32_t out);

/** dh_reason_text() - a sentence for a reason, never NULL */
const char *dh_reason_text(uint32_t reason);

/** dh_status_text() - a word for a status, never NULL */
const char *dh_status_text(uint32_t status);

#endif /* DELTAHOP_CMD_H */
