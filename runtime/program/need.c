// SPDX-License-Identifier: MIT
/* What a program needs, and whether a device has it. */
#include <errno.h>
#include <stdio.h>

#include "deltahop.h"
#include "program/check.h"

const char *dh_cap_name(unsigned int bit)
{
	static const char *const rnn[] = {
		"rnn-weight-base", "rnn-more-layers", "rnn-template", "rnn-weight-scale",
		"rnn-wide",	   "rnn-layer-theta", "rnn-dense",    "rnn-gru-before",
		"rnn-lstm",	   "rnn-simple",      "rnn-relu",
	};
	static const char *const conv[] = {
		"conv-stride", "conv-shape", "conv-shift", "conv-weight8", "conv-avg-pool",
		"conv-fc",     "conv-psum",  "conv-add",   "conv-packed",  "conv-format",
	};

	if (bit < sizeof(rnn) / sizeof(*rnn))
		return rnn[bit];
	if (bit >= 32 && bit - 32 < sizeof(conv) / sizeof(*conv))
		return conv[bit - 32];
	return NULL;
}

/* Every command that a device may have is valid for this one. */
static const struct dh_cmd_limits no_limits = {
	.caps = UINT64_MAX,
	.slots = DELTAHOP_RNN_MAX_SLOTS,
	.max_inputs = UINT32_MAX,
	.max_hidden = UINT32_MAX,
	.state_bytes = UINT32_MAX,
	.conv_macs = UINT32_MAX,
	.conv_kernel_words = UINT32_MAX,
	.conv_store_bytes = UINT32_MAX,
	.conv_max_channels = UINT32_MAX,
	.conv_max_cols = UINT32_MAX,
	.conv_max_outputs = UINT32_MAX,
};

static void at_least(uint32_t *need, uint64_t value)
{
	if (value > *need)
		*need = value;
}

/* --- the recurrent engine --- */

static void set_rnn_need(const struct dh_program *program, struct dh_cmd_limits *need)
{
	uint64_t columns = 0;

	need->slots = program->layer_count;
	need->state_bytes = program->state_bytes;
	for (uint32_t i = 0; i < program->layer_count; i++) {
		const struct dh_program_layer *layer = &program->layers[i];

		need->caps |= dh_layer_caps(&layer->layer);
		if (layer->layer.weight_offset !=
		    program->layers[0].layer.weight_offset +
			    columns * dh_layer_column_bytes(&layer->layer))
			need->caps |= DELTAHOP_CAP_RNN_WEIGHT_BASE;
		if (layer->theta_x != program->layers[0].theta_x ||
		    layer->theta_h != program->layers[0].theta_h)
			need->caps |= DELTAHOP_CAP_RNN_LAYER_THETA;
		columns += dh_layer_columns(&layer->layer);
		at_least(&need->max_inputs, layer->layer.inputs);
		at_least(&need->max_hidden, layer->layer.hidden);
	}
	if (program->layer_count > 4)
		need->caps |= DELTAHOP_CAP_RNN_MORE_LAYERS;
	if (program->run_count > 1)
		need->caps |= DELTAHOP_CAP_RNN_WEIGHT_BASE;
	if (program->state_template.size)
		need->caps |= DELTAHOP_CAP_RNN_TEMPLATE;
}

/* --- the convolution engine --- */

static void add_layer_need(const struct dh_conv_layer *layer, struct dh_cmd_limits *need)
{
	at_least(&need->conv_max_channels, layer->channels);
	at_least(&need->conv_max_cols, layer->cols);
	at_least(&need->conv_max_cols, layer->out_cols);
}

/* What of the layer only matters to a pass. */
static void add_pass_need(const struct dh_conv_layer *layer, struct dh_cmd_limits *need)
{
	at_least(&need->conv_kernel_words, dh_conv_kernel_words(layer));
	at_least(&need->conv_store_bytes, 2 * dh_conv_store_words(layer));
}

static void set_conv_need(const struct dh_program *program, struct dh_cmd_limits *need)
{
	const struct dh_conv_layer *layer = NULL;
	struct dh_cmd cmd, last;

	need->conv_macs = program->macs;
	need->caps = program->packed ? DELTAHOP_CAP_CONV_PACKED : 0;
	for (size_t at = 0; at < program->commands.size; at += cmd.size) {
		if (dh_cmd_decode(program->commands.data + at, program->commands.size - at,
				  &no_limits, &cmd))
			return;
		need->caps |= dh_conv_caps(&cmd);
		if (cmd.opcode == DELTAHOP_OP_CONV_LAYER) {
			last = cmd;
			layer = &last.conv_layer;
			add_layer_need(layer, need);
		} else if (cmd.opcode == DELTAHOP_OP_CONV_PASS && layer) {
			add_pass_need(layer, need);
		} else if (cmd.opcode == DELTAHOP_OP_CONV_FC) {
			at_least(&need->conv_max_outputs, cmd.conv_pass.maps);
		}
	}
}

/* --- both --- */

/* A command at an offset that a file says, if there is one. */
static bool command_at(const struct dh_program *program, uint32_t offset, struct dh_cmd *cmd)
{
	return offset < program->commands.size &&
	       !dh_cmd_decode(program->commands.data + offset, program->commands.size - offset,
			      &no_limits, cmd);
}

void dh_program_take_layers(struct dh_program *program)
{
	struct dh_cmd cmd;
	uint32_t i;

	for (i = 0; i < program->layer_count; i++) {
		if (command_at(program, program->layers[i].cmd_offset, &cmd) &&
		    cmd.opcode == DELTAHOP_OP_RNN_LAYER)
			program->layers[i].layer = cmd.layer;
	}
	for (i = 0; i < program->conv_count; i++) {
		if (command_at(program, program->convs[i].cmd_offset, &cmd) &&
		    cmd.opcode == DELTAHOP_OP_CONV_LAYER)
			program->convs[i].layer = cmd.conv_layer;
	}
}

void dh_program_set_need(struct dh_program *program)
{
	program->need = (struct dh_cmd_limits){ 0 };
	dh_program_take_layers(program);
	if (program->engine == DELTAHOP_ENGINE_CONV)
		set_conv_need(program, &program->need);
	else
		set_rnn_need(program, &program->need);
}

/* --- does it fit the device? --- */

static int lacks(const struct dh_program *program, const char *what, struct dh_error *err)
{
	dh_error_set(err,
		     "program %s needs %s, which the device lacks; compile it for this device "
		     "(profile it was compiled for: %s)",
		     program->name, what, program->profile);
	return -EOPNOTSUPP;
}

static int lacks_cap(const struct dh_program *program, uint64_t missing, struct dh_error *err)
{
	unsigned int bit = __builtin_ctzll(missing);
	const char *name = dh_cap_name(bit);
	char text[64];

	snprintf(text, sizeof(text), "capability %u (%s)", bit, name ? name : "unknown");
	return lacks(program, text, err);
}

/* Maps and weights lie in memory as the engine reads them. */
static int check_conv_layout(const struct dh_program *program, const struct dh_cmd_limits *limits,
			     struct dh_error *err)
{
	if (!limits->conv_macs)
		return lacks(program, "the convolution engine", err);
	if (program->need.conv_macs != limits->conv_macs) {
		dh_error_set(err,
			     "program %s is laid out for a convolution engine of %u MACs, the "
			     "device has %u; compile it for this device",
			     program->name, program->need.conv_macs, limits->conv_macs);
		return -EOPNOTSUPP;
	}
	if (limits->caps & ~program->need.caps & DELTAHOP_CAP_CONV_PACKED) {
		dh_error_set(err,
			     "program %s has two words in a bus word of 64 bits, the device reads "
			     "them packed; compile it for this device (profile it was compiled "
			     "for: %s)",
			     program->name, program->profile);
		return -EOPNOTSUPP;
	}
	return 0;
}

struct limit {
	const char *what;
	uint32_t need;
	uint32_t have;
};

static int check_limits(const struct dh_program *program, const struct limit *limit,
			struct dh_error *err)
{
	for (; limit->what; limit++) {
		if (limit->need <= limit->have)
			continue;
		dh_error_set(err,
			     "program %s needs %s of %u, the device has %u; compile it for this "
			     "device (profile it was compiled for: %s)",
			     program->name, limit->what, limit->need, limit->have,
			     program->profile);
		return -EOPNOTSUPP;
	}
	return 0;
}

int dh_program_check_need(const struct dh_program *program, const struct dh_cmd_limits *limits,
			  struct dh_error *err)
{
	const struct dh_cmd_limits *need = &program->need;
	const struct limit all[] = {
		{ "layer slots", need->slots, limits->slots },
		{ "input vectors", need->max_inputs, limits->max_inputs },
		{ "layers", need->max_hidden, limits->max_hidden },
		{ "state memory in bytes", need->state_bytes, limits->state_bytes },
		{ "kernel memory in weights", need->conv_kernel_words, limits->conv_kernel_words },
		{ "an input store in bytes", need->conv_store_bytes, limits->conv_store_bytes },
		{ "input channels", need->conv_max_channels, limits->conv_max_channels },
		{ "columns of maps", need->conv_max_cols, limits->conv_max_cols },
		{ "fully connected outputs", need->conv_max_outputs, limits->conv_max_outputs },
		{ NULL, 0, 0 },
	};
	uint64_t missing = need->caps & ~limits->caps;
	int ret = 0;

	if (program->engine == DELTAHOP_ENGINE_RNN && !limits->slots)
		return lacks(program, "the recurrent engine", err);
	if (program->engine == DELTAHOP_ENGINE_CONV)
		ret = check_conv_layout(program, limits, err);
	if (!ret && missing)
		ret = lacks_cap(program, missing, err);
	return ret ? ret : check_limits(program, all, err);
}
