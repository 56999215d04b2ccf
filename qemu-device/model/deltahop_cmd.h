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
};

/** struct dh_layer - a decoded DELTAHOP_OP_RNN_LAYER, host byte order */
struct dh_layer {
	uint8_t slot;
	uint8_t cell;
	uint8_t activation;
	bool no_bias;
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

/** struct dh_cmd - any decoded command */
struct dh_cmd {
	uint16_t opcode;
	uint16_t size;
	union {
		struct dh_layer layer;
		struct dh_run run;
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
 * job
 */
struct dh_cmd_check {
	uint32_t defined; /* bit per slot set up */
	struct dh_layer layer[DELTAHOP_RNN_MAX_SLOTS];
	bool ended;
};

/**
 * dh_cmd_check() - check a decoded command against those before it, and note it
 *
 * Return: DELTAHOP_REASON_NONE, or why (slot not set up, sizes that do not fit each other,
 * addresses that need a capability...).
 */
enum deltahop_reason dh_cmd_check(struct dh_cmd_check *check, const struct dh_cmd_limits *limits,
				  const struct dh_cmd *cmd);

/**
 * dh_cmd_validate() - check a whole command stream
 * @bad_offset: set to the byte offset of the bad command
 */
enum deltahop_reason dh_cmd_validate(const void *buf, size_t len,
				     const struct dh_cmd_limits *limits, size_t *bad_offset);

/** dh_params_encode() - write run parameters; @buf has sizeof(struct deltahop_rnn_params) bytes */
void dh_params_encode(const struct dh_params *params, void *buf);

/** dh_params_decode() - read and check run parameters for @run */
enum deltahop_reason dh_params_decode(const void *buf, const struct dh_cmd_limits *limits,
				      const struct dh_run *run, struct dh_params *params);

/** dh_layer_state_bytes() - bytes of a layer's block in the state image */
size_t dh_layer_state_bytes(const struct dh_layer *layer);

/** dh_layer_columns() - weight columns of a layer, with the bias column if it has one */
size_t dh_layer_columns(const struct dh_layer *layer);

/** dh_layer_column_bytes() - bytes of one weight column */
size_t dh_layer_column_bytes(const struct dh_layer *layer);

/** dh_reason_text() - a sentence for a reason, never NULL */
const char *dh_reason_text(uint32_t reason);

/** dh_status_text() - a word for a status, never NULL */
const char *dh_status_text(uint32_t status);

#endif /* DELTAHOP_CMD_H */
