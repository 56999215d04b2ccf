// SPDX-License-Identifier: MIT
/* Fuzzer of the command decoder, validator and encoder: what is accepted must come back the same. */
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
static void decode_all(const uint8_t *data, size_t size, const struct dh_cmd_limits *device, enum deltahop_reason reason,
		       size_t bad_offset)
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
	uint8_t buf[sizeof(struct deltahop_rnn_params)];

	if (dh_params_decode(data, device, &run, &params))
		return;
	dh_params_encode(&params, buf);
	must(!dh_params_decode(buf, device, &run, &again));
	must(!memcmp(&params, &again, sizeof(params)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dh_cmd_limits *device;
	enum deltahop_reason reason;
	size_t bad_offset = 0;

	if (!size)
		return 0;
	device = &limits[data[0] % 3];
	data++;
	size--;
	reason = dh_cmd_validate(data, size, device, &bad_offset);
	must(bad_offset <= size);
	must(strlen(dh_reason_text(reason)) > 0);
	decode_all(data, size, device, reason, bad_offset);
	if (size >= sizeof(struct deltahop_rnn_params))
		decode_params(data, device);
	return 0;
}
