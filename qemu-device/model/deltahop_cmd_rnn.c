// SPDX-License-Identifier: MIT
/* Commands of the recurrent engine, and the parameters of a run. */
#include <assert.h>
#include <string.h>

#include "deltahop_bytes.h"
#include "deltahop_cmd_engine.h"

#define MAX_FRAC       15
#define PUBLISHED_FRAC 7
#define MIN_INPUTS     4
#define MIN_HIDDEN     16
#define MAX_ACTIVATION DELTAHOP_ACT_TANH
#define LAYER_FLAGS    (DELTAHOP_LAYER_NO_BIAS | DELTAHOP_LAYER_OUTPUT_RELU)

static_assert(sizeof(struct deltahop_cmd_rnn_layer) == 40, "size of a command");
static_assert(sizeof(struct deltahop_cmd_rnn_run) == 48, "size of a command");
static_assert(sizeof(struct deltahop_rnn_params) == 88, "size of the run parameters");

static const struct dh_cell cells[] = {
	[DELTAHOP_CELL_GRU] = { 0, 3, 3, 0, 2, 4 },
	[DELTAHOP_CELL_DENSE] = { DELTAHOP_CAP_RNN_DENSE, 1, 0, 0, 0, 1 },
	[DELTAHOP_CELL_GRU_BEFORE] = { DELTAHOP_CAP_RNN_GRU_BEFORE, 3, 2, 1, 3, 3 },
	[DELTAHOP_CELL_LSTM] = { DELTAHOP_CAP_RNN_LSTM, 4, 4, 0, 3, 4 },
	[DELTAHOP_CELL_SIMPLE] = { DELTAHOP_CAP_RNN_SIMPLE, 1, 1, 0, 2, 1 },
};

#define CELLS (sizeof(cells) / sizeof(cells[0]))

const struct dh_cell *dh_cell(const struct dh_layer *layer)
{
	return &cells[layer->cell];
}

size_t dh_layer_state_bytes(const struct dh_layer *layer)
{
	const struct dh_cell *cell = dh_cell(layer);

	return sizeof(struct deltahop_rnn_state) + 2 * (size_t)((layer->inputs + 7) / 8 * 8) +
	       (2 * cell->vectors + 4 * cell->accumulators) * (size_t)layer->hidden;
}

size_t dh_layer_columns(const struct dh_layer *layer)
{
	return !layer->no_bias + layer->inputs + (dh_cell(layer)->gates_h ? layer->hidden : 0);
}

size_t dh_layer_column_bytes(const struct dh_layer *layer)
{
	return dh_cell(layer)->gates * (size_t)layer->hidden;
}

size_t dh_layer_weight_bytes(const struct dh_layer *layer)
{
	return dh_layer_columns(layer) * dh_layer_column_bytes(layer);
}

static void encode_layer(const struct dh_layer *layer, uint8_t *buf)
{
	put_le32(buf + 4, (layer->no_bias ? DELTAHOP_LAYER_NO_BIAS : 0) |
				  (layer->output_relu ? DELTAHOP_LAYER_OUTPUT_RELU : 0));
	buf[8] = layer->slot;
	buf[9] = layer->cell;
	buf[10] = layer->activation;
	put_le16(buf + 12, layer->inputs);
	put_le16(buf + 14, layer->hidden);
	memcpy(buf + 16, layer->weight_frac, 4);
	put_le32(buf + 20, layer->weight_region);
	put_le64(buf + 24, layer->weight_offset);
	put_le32(buf + 32, layer->state_offset);
}

static void encode_run(const struct dh_run *run, uint8_t *buf)
{
	put_le32(buf + 4, run->last_only ? DELTAHOP_RUN_LAST_ONLY : 0);
	buf[8] = run->first;
	buf[9] = run->count;
	put_le32(buf + 12, run->params_region);
	put_le64(buf + 16, run->params_offset);
	put_le32(buf + 24, run->input_region);
	put_le32(buf + 28, run->output_region);
	put_le64(buf + 32, run->input_offset);
	put_le64(buf + 40, run->output_offset);
}

void dh_cmd_rnn_encode(const struct dh_cmd *cmd, uint8_t *buf)
{
	if (cmd->opcode == DELTAHOP_OP_RNN_LAYER)
		encode_layer(&cmd->layer, buf);
	else
		encode_run(&cmd->run, buf);
}

/* A cell of one gate has any output function; the others have their own, or ReLU in its place. */
static bool has_own_activation(const struct dh_layer *layer)
{
	return dh_cell(layer)->gates > 1;
}

uint64_t dh_layer_caps(const struct dh_layer *layer)
{
	const struct dh_cell *cell = dh_cell(layer);
	uint64_t caps = cell->caps;

	if (layer->no_bias)
		caps |= DELTAHOP_CAP_RNN_TEMPLATE;
	if ((layer->activation && has_own_activation(layer)) || layer->output_relu)
		caps |= DELTAHOP_CAP_RNN_RELU;
	for (int gate = 0; gate < cell->gates; gate++) {
		if (layer->weight_frac[gate] != PUBLISHED_FRAC)
			caps |= DELTAHOP_CAP_RNN_WEIGHT_SCALE;
	}
	return caps;
}

static bool possible_activation(const struct dh_layer *layer)
{
	if (layer->output_relu && layer->cell != DELTAHOP_CELL_LSTM)
		return false;
	return layer->activation <=
	       (has_own_activation(layer) ? DELTAHOP_ACT_RELU : MAX_ACTIVATION);
}

static enum deltahop_reason check_layer_fields(const struct dh_layer *layer)
{
	if (layer->slot >= DELTAHOP_RNN_MAX_SLOTS || layer->cell >= CELLS ||
	    !possible_activation(layer))
		return DELTAHOP_REASON_BAD_FIELD;
	for (int gate = 0; gate < 4; gate++) {
		if (layer->weight_frac[gate] > (gate < dh_cell(layer)->gates ? MAX_FRAC : 0))
			return DELTAHOP_REASON_BAD_FIELD;
	}
	return layer->state_offset % 8 ? DELTAHOP_REASON_BAD_FIELD : DELTAHOP_REASON_NONE;
}

static enum deltahop_reason check_layer_size(const struct dh_layer *layer,
					     const struct dh_cmd_limits *limits)
{
	if (layer->inputs % 4 || layer->inputs < MIN_INPUTS || layer->inputs > limits->max_inputs)
		return DELTAHOP_REASON_BAD_SIZE;
	if (layer->hidden % 8 || layer->hidden < MIN_HIDDEN || layer->hidden > limits->max_hidden)
		return DELTAHOP_REASON_BAD_SIZE;
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason check_layer_support(const struct dh_layer *layer,
						const struct dh_cmd_limits *limits)
{
	if (layer->slot >= limits->slots || dh_layer_caps(layer) & ~limits->caps)
		return DELTAHOP_REASON_UNSUPPORTED;
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason decode_layer(const uint8_t *buf, const struct dh_cmd_limits *limits,
					 struct dh_layer *layer)
{
	uint32_t flags = get_le32(buf + 4);
	enum deltahop_reason reason;

	if (flags & ~(uint32_t)LAYER_FLAGS || buf[11] || get_le32(buf + 36))
		return DELTAHOP_REASON_BAD_FIELD;
	layer->no_bias = flags & DELTAHOP_LAYER_NO_BIAS;
	layer->output_relu = flags & DELTAHOP_LAYER_OUTPUT_RELU;
	layer->slot = buf[8];
	layer->cell = buf[9];
	layer->activation = buf[10];
	layer->inputs = get_le16(buf + 12);
	layer->hidden = get_le16(buf + 14);
	memcpy(layer->weight_frac, buf + 16, 4);
	layer->weight_region = get_le32(buf + 20);
	layer->weight_offset = get_le64(buf + 24);
	layer->state_offset = get_le32(buf + 32);
	reason = check_layer_fields(layer);
	if (!reason)
		reason = check_layer_size(layer, limits);
	if (!reason)
		reason = check_layer_support(layer, limits);
	if (!reason &&
	    (uint64_t)layer->state_offset + dh_layer_state_bytes(layer) > limits->state_bytes)
		reason = DELTAHOP_REASON_NOT_LOADED;
	return reason;
}

static enum deltahop_reason decode_run(const uint8_t *buf, const struct dh_cmd_limits *limits,
				       struct dh_run *run)
{
	if (get_le32(buf + 4) & ~(uint32_t)DELTAHOP_RUN_LAST_ONLY || get_le16(buf + 10))
		return DELTAHOP_REASON_BAD_FIELD;
	run->last_only = get_le32(buf + 4) & DELTAHOP_RUN_LAST_ONLY;
	run->first = buf[8];
	run->count = buf[9];
	run->params_region = get_le32(buf + 12);
	run->params_offset = get_le64(buf + 16);
	run->input_region = get_le32(buf + 24);
	run->output_region = get_le32(buf + 28);
	run->input_offset = get_le64(buf + 32);
	run->output_offset = get_le64(buf + 40);
	if (!run->count || run->first + run->count > DELTAHOP_RNN_MAX_SLOTS)
		return DELTAHOP_REASON_BAD_FIELD;
	if (run->params_offset % 8 || run->input_offset % 2 || run->output_offset % 2)
		return DELTAHOP_REASON_BAD_FIELD;
	if (run->first + run->count > limits->slots ||
	    (run->first && !(limits->caps & DELTAHOP_CAP_RNN_WEIGHT_BASE)))
		return DELTAHOP_REASON_UNSUPPORTED;
	return DELTAHOP_REASON_NONE;
}

enum deltahop_reason dh_cmd_rnn_decode(const uint8_t *buf, const struct dh_cmd_limits *limits,
				       struct dh_cmd *cmd)
{
	if (cmd->opcode == DELTAHOP_OP_RNN_LAYER)
		return decode_layer(buf, limits, &cmd->layer);
	return decode_run(buf, limits, &cmd->run);
}

/*
 * The published engine has one weight base: columns are counted over all layers, each times its own
 * layer's column size.
 */
static enum deltahop_reason check_addresses(const struct dh_cmd_check *check,
					    const struct dh_run *run)
{
	const struct dh_layer *first = &check->layer[0], *layer = first;
	uint64_t columns = 0;

	for (; layer < first + run->count; layer++) {
		if (layer->weight_region != first->weight_region ||
		    layer->weight_offset !=
			    first->weight_offset + columns * dh_layer_column_bytes(layer))
			return DELTAHOP_REASON_UNSUPPORTED;
		columns += dh_layer_columns(layer);
	}
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason check_run(const struct dh_cmd_check *check,
				      const struct dh_cmd_limits *limits, const struct dh_run *run)
{
	uint32_t slots = ((1U << run->count) - 1) << run->first;

	if (slots & ~check->defined)
		return DELTAHOP_REASON_NOT_LOADED;
	for (int slot = run->first + 1; slot < run->first + run->count; slot++) {
		if (check->layer[slot].inputs != check->layer[slot - 1].hidden)
			return DELTAHOP_REASON_BAD_SIZE;
	}
	return limits->caps & DELTAHOP_CAP_RNN_WEIGHT_BASE ? DELTAHOP_REASON_NONE
							   : check_addresses(check, run);
}

enum deltahop_reason dh_cmd_rnn_check(struct dh_cmd_check *check,
				      const struct dh_cmd_limits *limits, const struct dh_cmd *cmd)
{
	if (cmd->opcode == DELTAHOP_OP_RNN_RUN)
		return check_run(check, limits, &cmd->run);
	check->layer[cmd->layer.slot] = cmd->layer;
	check->defined |= 1U << cmd->layer.slot;
	return DELTAHOP_REASON_NONE;
}

void dh_params_encode(const struct dh_params *params, void *buf)
{
	uint8_t *bytes = buf;

	memset(bytes, 0, sizeof(struct deltahop_rnn_params));
	put_le32(bytes, sizeof(struct deltahop_rnn_params));
	put_le32(bytes + 4, params->profile_steps ? DELTAHOP_PARAMS_PROFILE_STEPS : 0);
	put_le32(bytes + 8, params->steps);
	put_le32(bytes + 16, params->input_stride);
	put_le32(bytes + 20, params->output_stride);
	for (int slot = 0; slot < DELTAHOP_RNN_MAX_SLOTS; slot++) {
		put_le16(bytes + 24 + 4 * slot, params->theta_x[slot]);
		put_le16(bytes + 26 + 4 * slot, params->theta_h[slot]);
	}
}

/* The low 10 bits as a signed number. */
static int16_t cut_theta(uint16_t raw)
{
	return (int16_t)((raw & 0x3ff) ^ 0x200) - 0x200;
}

enum deltahop_reason dh_params_decode(const void *buf, const struct dh_cmd_limits *limits,
				      const struct dh_run *run, struct dh_params *params)
{
	const uint8_t *bytes = buf;
	uint32_t flags = get_le32(bytes + 4);

	memset(params, 0, sizeof(*params));
	params->profile_steps = flags & DELTAHOP_PARAMS_PROFILE_STEPS;
	params->steps = get_le32(bytes + 8);
	params->input_stride = get_le32(bytes + 16);
	params->output_stride = get_le32(bytes + 20);
	if (get_le32(bytes) != sizeof(struct deltahop_rnn_params) || get_le32(bytes + 12) ||
	    flags & ~(uint32_t)DELTAHOP_PARAMS_PROFILE_STEPS || !params->steps ||
	    params->steps > DELTAHOP_RNN_MAX_STEPS || params->input_stride % 2 ||
	    params->output_stride % 2)
		return DELTAHOP_REASON_BAD_PARAMS;
	for (int slot = 0; slot < DELTAHOP_RNN_MAX_SLOTS; slot++) {
		params->theta_x[slot] = cut_theta(get_le16(bytes + 24 + 4 * slot));
		params->theta_h[slot] = cut_theta(get_le16(bytes + 26 + 4 * slot));
	}
	for (int slot = run->first; slot < run->first + run->count; slot++) {
		if (!(limits->caps & DELTAHOP_CAP_RNN_LAYER_THETA) &&
		    (params->theta_x[slot] != params->theta_x[run->first] ||
		     params->theta_h[slot] != params->theta_h[run->first]))
			return DELTAHOP_REASON_UNSUPPORTED;
	}
	return DELTAHOP_REASON_NONE;
}
