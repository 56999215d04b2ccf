// SPDX-License-Identifier: MIT
/* Commands: encoder, decoder and validator, one piece of code for runtime, model and fuzzers. */
#include <string.h>

#include "deltahop_bytes.h"
#include "deltahop_cmd_engine.h"

/**
 * struct kind - what an opcode is
 * @engine: whose, DELTAHOP_ENGINE_COUNT: any engine's
 */
struct kind {
	uint16_t opcode;
	uint16_t size;
	enum deltahop_engine engine;
};

static const struct kind kinds[] = {
	{ DELTAHOP_OP_NOP, sizeof(struct deltahop_cmd), DELTAHOP_ENGINE_COUNT },
	{ DELTAHOP_OP_END, sizeof(struct deltahop_cmd), DELTAHOP_ENGINE_COUNT },
	{ DELTAHOP_OP_RNN_LAYER, sizeof(struct deltahop_cmd_rnn_layer), DELTAHOP_ENGINE_RNN },
	{ DELTAHOP_OP_RNN_RUN, sizeof(struct deltahop_cmd_rnn_run), DELTAHOP_ENGINE_RNN },
	{ DELTAHOP_OP_CONV_LAYER, sizeof(struct deltahop_cmd_conv_layer), DELTAHOP_ENGINE_CONV },
	{ DELTAHOP_OP_CONV_INPUT, sizeof(struct deltahop_cmd_conv_input), DELTAHOP_ENGINE_CONV },
	{ DELTAHOP_OP_CONV_PASS, sizeof(struct deltahop_cmd_conv_pass), DELTAHOP_ENGINE_CONV },
	{ DELTAHOP_OP_CONV_FC, sizeof(struct deltahop_cmd_conv_pass), DELTAHOP_ENGINE_CONV },
};

static const struct kind *find(uint16_t opcode)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].opcode == opcode)
			return &kinds[i];
	}
	return NULL;
}

size_t dh_cmd_size(uint16_t opcode)
{
	const struct kind *kind = find(opcode);

	return kind ? kind->size : 0;
}

size_t dh_cmd_encode(const struct dh_cmd *cmd, void *buf)
{
	const struct kind *kind = find(cmd->opcode);

	if (!kind)
		return 0;
	memset(buf, 0, kind->size);
	put_le16(buf, cmd->opcode);
	put_le16((uint8_t *)buf + 2, kind->size);
	if (kind->engine == DELTAHOP_ENGINE_RNN)
		dh_cmd_rnn_encode(cmd, buf);
	else if (kind->engine == DELTAHOP_ENGINE_CONV)
		dh_cmd_conv_encode(cmd, buf);
	return kind->size;
}

enum deltahop_reason dh_cmd_decode(const void *buf, size_t len, const struct dh_cmd_limits *limits,
				   struct dh_cmd *cmd)
{
	const uint8_t *bytes = buf;
	const struct kind *kind;

	memset(cmd, 0, sizeof(*cmd));
	if (len < sizeof(struct deltahop_cmd))
		return DELTAHOP_REASON_BAD_LENGTH;
	cmd->opcode = get_le16(bytes);
	cmd->size = get_le16(bytes + 2);
	kind = find(cmd->opcode);
	if (!kind)
		return DELTAHOP_REASON_BAD_OPCODE;
	if (cmd->size != kind->size || cmd->size > len)
		return DELTAHOP_REASON_BAD_LENGTH;
	if (kind->engine == DELTAHOP_ENGINE_RNN)
		return dh_cmd_rnn_decode(bytes, limits, cmd);
	if (kind->engine == DELTAHOP_ENGINE_CONV)
		return dh_cmd_conv_decode(bytes, limits, cmd);
	return get_le32(bytes + 4) ? DELTAHOP_REASON_BAD_FIELD : DELTAHOP_REASON_NONE;
}

/* A command of the other engine is an unknown one. */
static bool of_engine(uint16_t opcode, enum deltahop_engine engine)
{
	const struct kind *kind = find(opcode);

	return kind && (kind->engine == DELTAHOP_ENGINE_COUNT || kind->engine == engine);
}

enum deltahop_reason dh_cmd_check(struct dh_cmd_check *check, const struct dh_cmd_limits *limits,
				  const struct dh_cmd *cmd)
{
	if (!of_engine(cmd->opcode, check->engine))
		return DELTAHOP_REASON_BAD_OPCODE;
	if (check->ended)
		return DELTAHOP_REASON_BAD_LENGTH;
	switch (cmd->opcode) {
	case DELTAHOP_OP_NOP:
		return DELTAHOP_REASON_NONE;
	case DELTAHOP_OP_END:
		check->ended = true;
		return DELTAHOP_REASON_NONE;
	default:
		return check->engine == DELTAHOP_ENGINE_RNN ? dh_cmd_rnn_check(check, limits, cmd)
							    : dh_cmd_conv_check(check, limits, cmd);
	}
}

enum deltahop_reason dh_cmd_next(struct dh_cmd_check *check, const struct dh_cmd_limits *limits,
				 const void *buf, size_t len, struct dh_cmd *cmd)
{
	enum deltahop_reason reason = dh_cmd_decode(buf, len, limits, cmd);

	if (len >= sizeof(struct deltahop_cmd) && !of_engine(cmd->opcode, check->engine))
		return DELTAHOP_REASON_BAD_OPCODE;
	return reason ? reason : dh_cmd_check(check, limits, cmd);
}

enum deltahop_reason dh_cmd_validate(const void *buf, size_t len, enum deltahop_engine engine,
				     const struct dh_cmd_limits *limits, size_t *bad_offset)
{
	struct dh_cmd_check check = { .engine = engine };
	enum deltahop_reason reason;
	struct dh_cmd cmd;
	size_t offset;

	for (offset = 0; offset < len; offset += cmd.size) {
		*bad_offset = offset;
		reason = dh_cmd_next(&check, limits, (const uint8_t *)buf + offset, len - offset,
				     &cmd);
		if (!reason && check.ended && offset + cmd.size != len)
			reason = DELTAHOP_REASON_BAD_LENGTH;
		if (reason)
			return reason;
	}
	*bad_offset = len;
	return check.ended ? DELTAHOP_REASON_NONE : DELTAHOP_REASON_NO_END;
}

const char *dh_reason_text(uint32_t reason)
{
	static const char *const text[] = {
		[DELTAHOP_REASON_NONE] = "nothing went wrong",
		[DELTAHOP_REASON_BAD_OPCODE] = "unknown command, or not of this engine",
		[DELTAHOP_REASON_BAD_LENGTH] =
			"command of a wrong size, or past the end of the commands",
		[DELTAHOP_REASON_BAD_FIELD] = "reserved bits set, or a value that is never legal",
		[DELTAHOP_REASON_BAD_SIZE] = "layer sizes that the engine cannot run",
		[DELTAHOP_REASON_UNSUPPORTED] = "needs a capability that the device lacks",
		[DELTAHOP_REASON_BAD_PARAMS] = "run parameters out of range",
		[DELTAHOP_REASON_BAD_REGION] = "no such region",
		[DELTAHOP_REASON_OUT_OF_BOUNDS] = "access past the end of the region",
		[DELTAHOP_REASON_NO_READ] = "region may not be read",
		[DELTAHOP_REASON_NO_WRITE] = "region may not be written",
		[DELTAHOP_REASON_DMA] = "the bus refused an access",
		[DELTAHOP_REASON_NOT_LOADED] = "layer not set up, or its state not on the chip",
		[DELTAHOP_REASON_NO_END] = "commands end without END",
		[DELTAHOP_REASON_CYCLES] = "cycle budget used up",
		[DELTAHOP_REASON_HANG] = "the engine made no progress",
		[DELTAHOP_REASON_STATE_LOST] = "the state was lost by a failed job",
		[DELTAHOP_REASON_UNPLUG] = "the device is gone",
		[DELTAHOP_REASON_CLOSED] = "the context was closed",
		[DELTAHOP_REASON_DEPENDENCY] = "a job that it depends on failed",
		[DELTAHOP_REASON_BAD_TABLE] = "malformed region table",
		[DELTAHOP_REASON_BAD_DATA] = "map, biases or kernels that are not in their format",
	};

	return reason < sizeof(text) / sizeof(text[0]) ? text[reason] : "unknown reason";
}

const char *dh_status_text(uint32_t status)
{
	static const char *const text[] = {
		[DELTAHOP_STATUS_NONE] = "not ended",
		[DELTAHOP_STATUS_OK] = "ok",
		[DELTAHOP_STATUS_FAULT] = "fault",
		[DELTAHOP_STATUS_BUDGET] = "budget",
		[DELTAHOP_STATUS_TIMEOUT] = "timeout",
		[DELTAHOP_STATUS_CANCELLED] = "cancelled",
		[DELTAHOP_STATUS_DEPENDENCY_FAILED] = "dependency failed",
		[DELTAHOP_STATUS_DEVICE_LOST] = "device lost",
	};

	return status < sizeof(text) / sizeof(text[0]) ? text[status] : "unknown status";
}
