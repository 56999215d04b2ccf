/* SPDX-License-Identifier: MIT */
/* What the codec's common part has the engines' parts do; @cmd is one of the engine's. */
#ifndef DELTAHOP_CMD_ENGINE_H
#define DELTAHOP_CMD_ENGINE_H

#include "deltahop_cmd.h"

/* The bytes behind the opcode and size of a command that is zeroed. */
void dh_cmd_rnn_encode(const struct dh_cmd *cmd, uint8_t *buf);
void dh_cmd_conv_encode(const struct dh_cmd *cmd, uint8_t *buf);

/* The same bytes, read and checked; opcode and size are known and right. */
enum deltahop_reason dh_cmd_rnn_decode(const uint8_t *buf, const struct dh_cmd_limits *limits,
				       struct dh_cmd *cmd);
enum deltahop_reason dh_cmd_conv_decode(const uint8_t *buf, const struct dh_cmd_limits *limits,
					struct dh_cmd *cmd);

/* Against the commands before. */
enum deltahop_reason dh_cmd_rnn_check(struct dh_cmd_check *check,
				      const struct dh_cmd_limits *limits, const struct dh_cmd *cmd);
enum deltahop_reason dh_cmd_conv_check(struct dh_cmd_check *check,
				       const struct dh_cmd_limits *limits,
				       const struct dh_cmd *cmd);

#endif /* DELTAHOP_CMD_ENGINE_H */
