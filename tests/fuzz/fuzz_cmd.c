// SPDX-License-Identifier: MIT
/*
 * Fuzzer of the command decoder, validator and encoder: what is accepted must come back the same.
 */
#include <stdlib.h>
#include <string.h>

#include "deltahop_cmd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dh_cmd_limits limits[] = {
	{ 0, 4, 1024, 1024, 98304 },
	{ 0x7f, 8, 1024, 1024, 196608 },
	{ 0x7f, 16, 1024, 1024, 8 },
};

static void must(bool condition)
{
	if (!condition)
		abort();
}

/* The stream once more, command by command: the validator's answer must be the same. */
static void decode_all(const uint8_t *data, size_t size, const struct dh_cmd_limits *device,
		       enum deltahop_reason reason, size_t bad_offset)
{
	struct dh_cmd_check check = { 0 };
	uint8_t again[64];
	struct dh_cmd cmd;

	for (size_t at = 0; at < bad_offset; at += cmd.size) {
		must(!dh_cmd_decode(data + at, size - at, device, &cmd));
		must(!dh_cmd_check(&check, device, &cmd));
		must(dh_cmd_encode(&cmd, again) == cmd.size && !memcmp(again, data + at, cmd.size));
	}
	must(reason || check.ended);
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

/* A stream that is good, for the input to change here and there. */
static size_t good_stream(uint8_t *stream)
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

static void try_stream(const uint8_t *data, size_t size, const struct dh_cmd_limits *device)
{
	enum deltahop_reason reason;
	size_t bad_offset = 0;

	reason = dh_cmd_validate(data, size, device, &bad_offset);
	must(bad_offset <= size);
	must(strlen(dh_reason_text(reason)) > 0);
	decode_all(data, size, device, reason, bad_offset);
	if (size >= sizeof(struct deltahop_rnn_params))
		decode_params(data, device);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t stream[256];
	size_t len;

	if (!size)
		return 0;
	if (data[0] & 4) {
		try_stream(data + 1, size - 1, &limits[data[0] % 3]);
		return 0;
	}
	len = good_stream(stream);
	for (size_t i = 1; i + 2 <= size; i += 2)
		stream[data[i] % len] = data[i + 1];
	try_stream(stream, len, &limits[data[0] % 3]);
	return 0;
}
