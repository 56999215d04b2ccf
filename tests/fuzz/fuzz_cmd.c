// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the command decoder, validator and encoder: what is accepted must come back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "deltahop_cmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A device, and whose commands it is given. */
struct device {
	struct dh_cmd_limits limits;
	enum deltahop_engine engine;
};

static const struct device devices[] = {
	{ { 0, 4, 1024, 1024, 98304 }, DELTAHOP_ENGINE_RNN },
	{ { 0x7ff, 8, 1024, 1024, 196608 }, DELTAHOP_ENGINE_RNN },
	{ { 0x7ff, 16, 1024, 1024, 8 }, DELTAHOP_ENGINE_RNN },
	{ { 0, 0, 0, 0, 0, 128, 4096, 524288, 1024, 1024, 0 }, DELTAHOP_ENGINE_CONV },
	{ { 0x3ff000007ff, 8, 1024, 1024, 196608, 128, 4096, 524288, 1024, 1024, 1024 },
	  DELTAHOP_ENGINE_CONV },
	{ { 0x3ff00000000, 0, 0, 0, 0, 8, 64, 1024, 16, 16, 16 }, DELTAHOP_ENGINE_CONV },
};

#define DEVICES (sizeof(devices) / sizeof(devices[0]))

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* What follows from a layer that a device accepts keeps to its limits. */
static void check_geometry(const struct dh_cmd_check *check, const struct device *device)
{
	const struct dh_conv_layer *layer = &check->conv_layer;
	uint32_t padded;

	if (!check->conv_layers)
		return;
	padded = dh_conv_channels_padded(layer);
	must(padded >= layer->channels && padded % layer->macs == 0);
	for (uint32_t channel = 0; channel < padded; channel++)
		must(dh_conv_controller(layer, channel) < layer->macs);
	must(dh_conv_output_rows(layer) &&
	     dh_conv_output_cols(layer) <= device->limits.conv_max_cols);
}

/* The stream once more, command by command: the validator's answer must be the same. */
static void decode_all(const uint8_t *data, size_t size, const struct device *device,
		       enum deltahop_reason reason, size_t bad_offset)
{
	struct dh_cmd_check check = { .engine = device->engine };
	uint8_t again[64];
	struct dh_cmd cmd;

	for (size_t at = 0; at < bad_offset; at += cmd.size) {
		must(!dh_cmd_decode(data + at, size - at, &device->limits, &cmd));
		must(!dh_cmd_check(&check, &device->limits, &cmd));
		must(dh_cmd_encode(&cmd, again) == cmd.size && !memcmp(again, data + at, cmd.size));
	}
	must(reason || check.ended);
	check_geometry(&check, device);
}

static void decode_params(const uint8_t *data, const struct dh_cmd_limits *device)
{
	struct dh_run run = { .count = device->slots };
	struct dh_params params, again;
	uint8_t buf[sizeof(struct deltahop_rnn_params)], buf_again[sizeof(buf)];

	if (dh_params_decode(data, device, &run, &params))
		return;
	dh_params_encode(&params, buf);
	must(!dh_params_decode(buf, device, &run, &again));
	dh_params_encode(&again, buf_again);
	must(!memcmp(buf, buf_again, sizeof(buf)));
}

static size_t put(uint8_t *at, struct dh_cmd cmd)
{
	return dh_cmd_encode(&cmd, at);
}

/* Streams that are good, for the input to change here and there. */
static size_t good_rnn(uint8_t *stream)
{
	struct dh_layer layer = { .inputs = 16, .hidden = 16, .weight_frac = { 7, 7, 7, 0 } };
	uint8_t *at = stream;

	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_LAYER, .layer = layer });
	layer.slot = 1;
	layer.weight_offset = 33 * 48;
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_LAYER, .layer = layer });
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_NOP });
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_RNN_RUN, .run = { .count = 2 } });
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_END });
	return at - stream;
}

static size_t good_conv(uint8_t *stream)
{
	struct dh_conv_layer layer = {
		.flags = DELTAHOP_CONV_RELU | DELTAHOP_CONV_POOL_MAX | DELTAHOP_CONV_ENCODE,
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 8,
		.out_shift = 8,
		.rows = 4,
		.cols = 4,
		.out_rows = 4,
		.out_cols = 4,
		.channels = 8,
		.bias_shift = 8,
	};
	struct dh_conv_input input = { .encoded = true, .channels = 4 };
	uint8_t *at = stream;

	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_LAYER, .conv_layer = layer });
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_INPUT, .conv_input = input });
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_INPUT, .conv_input = input });
	at += put(at,
		  (struct dh_cmd){ .opcode = DELTAHOP_OP_CONV_PASS, .conv_pass = { .maps = 1 } });
	at += put(at, (struct dh_cmd){ .opcode = DELTAHOP_OP_END });
	return at - stream;
}

static void try_stream(const uint8_t *data, size_t size, const struct device *device)
{
	enum deltahop_reason reason;
	size_t bad_offset = 0;

	reason = dh_cmd_validate(data, size, device->engine, &device->limits, &bad_offset);
	must(bad_offset <= size);
	must(strlen(dh_reason_text(reason)) > 0);
	decode_all(data, size, device, reason, bad_offset);
	if (size >= sizeof(struct deltahop_rnn_params))
		decode_params(data, &device->limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct device *device;
	uint8_t stream[256];
	size_t len;

	if (!size)
		return 0;
	device = &devices[data[0] % DEVICES];
	if (data[0] & 128) {
		try_stream(data + 1, size - 1, device);
		return 0;
	}
	len = device->engine == DELTAHOP_ENGINE_RNN ? good_rnn(stream) : good_conv(stream);
	for (size_t i = 1; i + 2 <= size; i += 2)
		stream[data[i] % len] = data[i + 1];
	try_stream(stream, len, device);
	return 0;
}
