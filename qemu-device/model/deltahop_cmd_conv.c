// SPDX-License-Identifier: MIT
/* Commands of the convolution engine, and the geometry that follows from them. */
#include <assert.h>
#include <string.h>

#include "deltahop_bytes.h"
#include "deltahop_cmd_engine.h"

#define MAX_KERNEL	7
#define MAX_STRIDE	4
#define MAX_MACS	8
#define MAX_OUT_SHIFT	31
#define MAX_BIAS_SHIFT	16
#define MAX_ADD_SHIFT	24
#define PUBLISHED_SHIFT 8
#define GROUP		16 /* values of a sparsity map word */
#define ALIGN		8  /* of maps, weights and partial sums */

#define POOL	    ((uint32_t)(DELTAHOP_CONV_POOL_MAX | DELTAHOP_CONV_POOL_AVG))
#define LAYER_FLAGS (DELTAHOP_CONV_RELU | POOL | DELTAHOP_CONV_WEIGHT8 | DELTAHOP_CONV_ENCODE)
#define PSUM	    ((uint32_t)(DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_PSUM_OUT))
#define ADD	    ((uint32_t)(DELTAHOP_PASS_ADD | DELTAHOP_PASS_ADD_ENCODED))

static_assert(sizeof(struct deltahop_cmd_conv_layer) == 32, "size of a command");
static_assert(sizeof(struct deltahop_cmd_conv_input) == 24, "size of a command");
static_assert(sizeof(struct deltahop_cmd_conv_pass) == 64, "size of a command");

static bool within(uint32_t value, uint32_t least, uint32_t most)
{
	return value >= least && value <= most;
}

/* ---- geometry ---- */

static uint32_t power_of_two(uint32_t least)
{
	uint32_t power = 1;

	while (power < least)
		power *= 2;
	return power;
}

/* cp of so many channels on so many controllers. */
static uint32_t padded(uint32_t channels, uint32_t macs)
{
	uint32_t power = power_of_two(channels);

	if (macs == 1)
		return channels;
	return power > macs ? power : macs;
}

uint32_t dh_conv_channels_padded(const struct dh_conv_layer *layer)
{
	return padded(layer->channels, layer->macs);
}

uint32_t dh_conv_controller(const struct dh_conv_layer *layer, uint32_t channel)
{
	uint32_t power = power_of_two(layer->channels);

	return power > layer->macs ? channel / (power / layer->macs) : channel;
}

bool dh_conv_pooled(const struct dh_conv_layer *layer, uint32_t pass_flags)
{
	return layer->flags & POOL && !(pass_flags & DELTAHOP_PASS_PSUM_OUT);
}

uint32_t dh_conv_computed_rows(const struct dh_conv_layer *layer, uint32_t pass_flags)
{
	return layer->out_rows - (dh_conv_pooled(layer, pass_flags) ? layer->out_rows % 2 : 0);
}

uint32_t dh_conv_computed_cols(const struct dh_conv_layer *layer, uint32_t pass_flags)
{
	return layer->out_cols - (dh_conv_pooled(layer, pass_flags) ? layer->out_cols % 2 : 0);
}

uint32_t dh_conv_output_rows(const struct dh_conv_layer *layer)
{
	return layer->flags & POOL ? layer->out_rows / 2 : layer->out_rows;
}

uint32_t dh_conv_output_cols(const struct dh_conv_layer *layer)
{
	return layer->flags & POOL ? layer->out_cols / 2 : layer->out_cols;
}

uint64_t dh_conv_row_words(uint32_t cols, uint32_t channels, bool encoded)
{
	uint64_t values = (uint64_t)cols * channels;

	return values + (encoded ? (values + GROUP - 1) / GROUP : 0);
}

uint64_t dh_conv_words_bytes(uint64_t words, bool packed)
{
	return packed ? 2 * words : (words + 1) / 2 * 8;
}

uint64_t dh_conv_map_bytes_max(uint32_t rows, uint32_t cols, uint32_t channels, bool encoded,
			       bool packed)
{
	return dh_conv_words_bytes(rows * dh_conv_row_words(cols, channels, encoded), packed);
}

uint64_t dh_conv_kernel_count(const struct dh_conv_layer *layer, const struct dh_conv_pass *pass)
{
	return (uint64_t)pass->maps * dh_conv_channels_padded(layer) * layer->kernel_rows *
	       layer->kernel_cols;
}

uint64_t dh_conv_weight_bytes(const struct dh_conv_layer *layer, const struct dh_conv_pass *pass,
			      const struct dh_cmd_limits *limits)
{
	bool packed = limits->caps & DELTAHOP_CAP_CONV_PACKED;
	uint64_t kernels = dh_conv_kernel_count(layer, pass);

	return dh_conv_words_bytes(limits->conv_macs, packed) +
	       (layer->flags & DELTAHOP_CONV_WEIGHT8 ? kernels
						     : dh_conv_words_bytes(kernels, packed));
}

uint64_t dh_conv_fc_values(const struct dh_conv_layer *layer)
{
	return (uint64_t)layer->rows * layer->cols * layer->channels;
}

uint64_t dh_conv_fc_column_bytes(const struct dh_conv_layer *layer, const struct dh_conv_pass *pass)
{
	return (layer->flags & DELTAHOP_CONV_WEIGHT8 ? 1 : 2) * (uint64_t)pass->maps;
}

uint64_t dh_conv_fc_columns_offset(const struct dh_conv_pass *pass)
{
	return (2 * (uint64_t)pass->maps + ALIGN - 1) / ALIGN * ALIGN;
}

uint64_t dh_conv_fc_weight_bytes(const struct dh_conv_layer *layer, const struct dh_conv_pass *pass)
{
	return dh_conv_fc_columns_offset(pass) +
	       dh_conv_fc_values(layer) * dh_conv_fc_column_bytes(layer, pass);
}

uint32_t dh_conv_kernel_words(const struct dh_conv_layer *layer)
{
	return dh_conv_channels_padded(layer) / layer->macs * layer->kernel_rows *
	       layer->kernel_cols;
}

uint64_t dh_conv_store_words(const struct dh_conv_layer *layer)
{
	uint32_t rows = layer->kernel_rows + 3 * layer->stride_rows;

	if (rows > layer->rows)
		rows = layer->rows;
	return rows * dh_conv_row_words(layer->cols, layer->channels, true);
}

bool dh_conv_fits_kernels(const struct dh_conv_layer *layer, const struct dh_cmd_limits *limits)
{
	return dh_conv_kernel_words(layer) <= limits->conv_kernel_words;
}

bool dh_conv_fits_store(const struct dh_conv_layer *layer, const struct dh_cmd_limits *limits)
{
	return dh_conv_store_words(layer) <= limits->conv_store_bytes / 2;
}

/* MACs for each output map so that all of them are busy, as far as there are output maps. */
static uint32_t macs_for_outputs(uint32_t macs, uint32_t out)
{
	uint32_t blocks = (out + macs - 1) / macs, need = macs / (out / blocks);

	return need < MAX_MACS ? need : MAX_MACS;
}

uint32_t dh_conv_choose_macs(const struct dh_cmd_limits *limits, uint32_t kernel_rows,
			     uint32_t kernel_cols, uint32_t channels, uint32_t out)
{
	uint32_t weights = kernel_rows * kernel_cols,
		 need = weights * channels / limits->conv_kernel_words + 1,
		 need_out = macs_for_outputs(limits->conv_macs, out), macs;

	for (macs = power_of_two(need > need_out ? need : need_out); macs <= MAX_MACS; macs *= 2) {
		if (padded(channels, macs) / macs * weights <= limits->conv_kernel_words)
			return macs;
	}
	return 0;
}

/* ---- capabilities ---- */

/* Is the output as large as a square kernel and the same pad on both sides make it? */
static bool plain_size(uint32_t in, uint32_t out, int pad, uint32_t kernel, uint32_t stride)
{
	return in + 2 * pad >= kernel && out == (in + 2 * pad - kernel) / stride + 1;
}

static bool plain_shape(const struct dh_conv_layer *layer)
{
	return layer->kernel_rows == layer->kernel_cols && layer->pad_top == layer->pad_left &&
	       layer->pad_top >= 0 && layer->pad_top < layer->kernel_rows &&
	       plain_size(layer->rows, layer->out_rows, layer->pad_top, layer->kernel_rows,
			  layer->stride_rows) &&
	       plain_size(layer->cols, layer->out_cols, layer->pad_left, layer->kernel_cols,
			  layer->stride_cols);
}

static uint64_t layer_caps(const struct dh_conv_layer *layer)
{
	uint64_t caps = 0;

	if (layer->stride_rows > 1 || layer->stride_cols > 1)
		caps |= DELTAHOP_CAP_CONV_STRIDE;
	if (!plain_shape(layer))
		caps |= DELTAHOP_CAP_CONV_SHAPE;
	if (layer->out_shift != PUBLISHED_SHIFT || layer->bias_shift != PUBLISHED_SHIFT)
		caps |= DELTAHOP_CAP_CONV_SHIFT;
	if (layer->flags & DELTAHOP_CONV_WEIGHT8)
		caps |= DELTAHOP_CAP_CONV_WEIGHT8;
	if (layer->flags & DELTAHOP_CONV_POOL_AVG)
		caps |= DELTAHOP_CAP_CONV_AVG_POOL;
	if (!(layer->flags & DELTAHOP_CONV_ENCODE) != !(layer->flags & DELTAHOP_CONV_RELU))
		caps |= DELTAHOP_CAP_CONV_FORMAT;
	return caps;
}

uint64_t dh_conv_caps(const struct dh_cmd *cmd)
{
	uint32_t flags = cmd->conv_pass.flags;

	switch (cmd->opcode) {
	case DELTAHOP_OP_CONV_LAYER:
		return layer_caps(&cmd->conv_layer);
	case DELTAHOP_OP_CONV_PASS:
		return (flags & PSUM ? DELTAHOP_CAP_CONV_PSUM : 0) |
		       (flags & ADD ? DELTAHOP_CAP_CONV_ADD : 0);
	case DELTAHOP_OP_CONV_FC:
		return DELTAHOP_CAP_CONV_FC;
	default:
		return 0;
	}
}

/* ---- encode ---- */

static void encode_layer(const struct dh_conv_layer *layer, uint8_t *buf)
{
	put_le32(buf + 4, layer->flags);
	buf[8] = layer->kernel_rows;
	buf[9] = layer->kernel_cols;
	buf[10] = layer->stride_rows;
	buf[11] = layer->stride_cols;
	buf[12] = (uint8_t)layer->pad_top;
	buf[13] = (uint8_t)layer->pad_left;
	buf[14] = layer->macs;
	buf[15] = layer->out_shift;
	put_le16(buf + 16, layer->rows);
	put_le16(buf + 18, layer->cols);
	put_le16(buf + 20, layer->out_rows);
	put_le16(buf + 22, layer->out_cols);
	put_le16(buf + 24, layer->channels);
	buf[26] = layer->bias_shift;
}

static void encode_input(const struct dh_conv_input *input, uint8_t *buf)
{
	put_le32(buf + 4, input->encoded ? DELTAHOP_INPUT_ENCODED : 0);
	put_le16(buf + 8, input->channels);
	put_le32(buf + 12, input->region);
	put_le64(buf + 16, input->offset);
}

static void encode_pass(const struct dh_conv_pass *pass, uint8_t *buf)
{
	put_le32(buf + 4, pass->flags);
	put_le16(buf + 8, pass->maps);
	buf[10] = pass->add_shift;
	put_le32(buf + 12, pass->weight_region);
	put_le64(buf + 16, pass->weight_offset);
	put_le32(buf + 24, pass->output_region);
	put_le32(buf + 28, pass->psum_region);
	put_le64(buf + 32, pass->output_offset);
	put_le64(buf + 40, pass->psum_offset);
	put_le64(buf + 48, pass->add_offset);
	put_le32(buf + 56, pass->add_region);
}

void dh_cmd_conv_encode(const struct dh_cmd *cmd, uint8_t *buf)
{
	if (cmd->opcode == DELTAHOP_OP_CONV_LAYER)
		encode_layer(&cmd->conv_layer, buf);
	else if (cmd->opcode == DELTAHOP_OP_CONV_INPUT)
		encode_input(&cmd->conv_input, buf);
	else
		encode_pass(&cmd->conv_pass, buf);
}

/* ---- decode: a layer ---- */

static enum deltahop_reason check_layer_fields(const struct dh_conv_layer *layer)
{
	bool good = !(layer->flags & ~LAYER_FLAGS) && (layer->flags & POOL) != POOL &&
		    within(layer->kernel_rows, 1, MAX_KERNEL) &&
		    within(layer->kernel_cols, 1, MAX_KERNEL) &&
		    within(layer->stride_rows, 1, MAX_STRIDE) &&
		    within(layer->stride_cols, 1, MAX_STRIDE) && within(layer->macs, 1, MAX_MACS) &&
		    !(layer->macs & (layer->macs - 1)) && layer->out_shift <= MAX_OUT_SHIFT &&
		    layer->bias_shift <= MAX_BIAS_SHIFT && layer->rows && layer->cols &&
		    layer->out_rows && layer->out_cols && layer->channels;

	return good ? DELTAHOP_REASON_NONE : DELTAHOP_REASON_BAD_FIELD;
}

static enum deltahop_reason check_layer_size(const struct dh_conv_layer *layer,
					     const struct dh_cmd_limits *limits)
{
	bool good = layer->cols <= limits->conv_max_cols &&
		    layer->out_cols <= limits->conv_max_cols &&
		    layer->channels <= limits->conv_max_channels &&
		    (!(layer->flags & POOL) || (layer->out_rows >= 2 && layer->out_cols >= 2));

	return good ? DELTAHOP_REASON_NONE : DELTAHOP_REASON_BAD_SIZE;
}

static enum deltahop_reason decode_layer(const uint8_t *buf, const struct dh_cmd_limits *limits,
					 struct dh_conv_layer *layer)
{
	static const uint8_t reserved[sizeof(((struct deltahop_cmd_conv_layer *)0)->rsvd)];
	enum deltahop_reason reason;

	layer->flags = get_le32(buf + 4);
	layer->kernel_rows = buf[8];
	layer->kernel_cols = buf[9];
	layer->stride_rows = buf[10];
	layer->stride_cols = buf[11];
	layer->pad_top = (int8_t)buf[12];
	layer->pad_left = (int8_t)buf[13];
	layer->macs = buf[14];
	layer->out_shift = buf[15];
	layer->rows = get_le16(buf + 16);
	layer->cols = get_le16(buf + 18);
	layer->out_rows = get_le16(buf + 20);
	layer->out_cols = get_le16(buf + 22);
	layer->channels = get_le16(buf + 24);
	layer->bias_shift = buf[26];
	if (memcmp(buf + 27, reserved, sizeof(reserved)) != 0)
		return DELTAHOP_REASON_BAD_FIELD;
	reason = check_layer_fields(layer);
	return reason ? reason : check_layer_size(layer, limits);
}

/* ---- decode: a map, a pass ---- */

static enum deltahop_reason decode_input(const uint8_t *buf, struct dh_conv_input *input)
{
	input->encoded = get_le32(buf + 4) & DELTAHOP_INPUT_ENCODED;
	input->channels = get_le16(buf + 8);
	input->region = get_le32(buf + 12);
	input->offset = get_le64(buf + 16);
	if (get_le32(buf + 4) & ~(uint32_t)DELTAHOP_INPUT_ENCODED || get_le16(buf + 10) ||
	    !input->channels || input->offset % ALIGN)
		return DELTAHOP_REASON_BAD_FIELD;
	return DELTAHOP_REASON_NONE;
}

/* Are the fields 0 that the flags do not ask for? */
static bool unused_are_zero(const struct dh_conv_pass *pass)
{
	if (pass->flags & DELTAHOP_PASS_PSUM_OUT && (pass->output_region || pass->output_offset))
		return false;
	if (!(pass->flags & PSUM) && (pass->psum_region || pass->psum_offset))
		return false;
	return pass->flags & DELTAHOP_PASS_ADD ||
	       !(pass->flags & ADD || pass->add_shift || pass->add_region || pass->add_offset);
}

static enum deltahop_reason check_pass_fields(const struct dh_conv_pass *pass, bool fc)
{
	bool good = !(pass->flags & (fc ? ~0U : ~(PSUM | ADD))) && pass->maps &&
		    pass->add_shift <= MAX_ADD_SHIFT && pass->weight_offset % ALIGN == 0 &&
		    pass->output_offset % ALIGN == 0 && pass->psum_offset % ALIGN == 0 &&
		    pass->add_offset % ALIGN == 0 && unused_are_zero(pass);

	return good ? DELTAHOP_REASON_NONE : DELTAHOP_REASON_BAD_FIELD;
}

static enum deltahop_reason decode_pass(const uint8_t *buf, bool fc, struct dh_conv_pass *pass)
{
	pass->flags = get_le32(buf + 4);
	pass->maps = get_le16(buf + 8);
	pass->add_shift = buf[10];
	pass->weight_region = get_le32(buf + 12);
	pass->weight_offset = get_le64(buf + 16);
	pass->output_region = get_le32(buf + 24);
	pass->psum_region = get_le32(buf + 28);
	pass->output_offset = get_le64(buf + 32);
	pass->psum_offset = get_le64(buf + 40);
	pass->add_offset = get_le64(buf + 48);
	pass->add_region = get_le32(buf + 56);
	if (buf[11] || get_le32(buf + 60))
		return DELTAHOP_REASON_BAD_FIELD;
	return check_pass_fields(pass, fc);
}

static enum deltahop_reason decode_fields(const uint8_t *buf, const struct dh_cmd_limits *limits,
					  struct dh_cmd *cmd)
{
	if (cmd->opcode == DELTAHOP_OP_CONV_LAYER)
		return decode_layer(buf, limits, &cmd->conv_layer);
	if (cmd->opcode == DELTAHOP_OP_CONV_INPUT)
		return decode_input(buf, &cmd->conv_input);
	return decode_pass(buf, cmd->opcode == DELTAHOP_OP_CONV_FC, &cmd->conv_pass);
}

enum deltahop_reason dh_cmd_conv_decode(const uint8_t *buf, const struct dh_cmd_limits *limits,
					struct dh_cmd *cmd)
{
	enum deltahop_reason reason = decode_fields(buf, limits, cmd);

	if (!reason && dh_conv_caps(cmd) & ~limits->caps)
		reason = DELTAHOP_REASON_UNSUPPORTED;
	return reason;
}

/* ---- against the commands before ---- */

static enum deltahop_reason check_input(struct dh_cmd_check *check,
					const struct dh_conv_input *input)
{
	if (!check->conv_layers)
		return DELTAHOP_REASON_NOT_LOADED;
	if (check->conv_inputs == DELTAHOP_CONV_MAX_INPUTS ||
	    check->conv_channels + input->channels > check->conv_layer.channels)
		return DELTAHOP_REASON_BAD_SIZE;
	check->conv_input[check->conv_inputs++] = *input;
	check->conv_channels += input->channels;
	return DELTAHOP_REASON_NONE;
}

static enum deltahop_reason check_pass(const struct dh_conv_layer *layer,
				       const struct dh_cmd_limits *limits,
				       const struct dh_conv_pass *pass)
{
	bool good = pass->maps <= limits->conv_macs / layer->macs &&
		    dh_conv_fits_kernels(layer, limits) && dh_conv_fits_store(layer, limits);

	return good ? DELTAHOP_REASON_NONE : DELTAHOP_REASON_BAD_SIZE;
}

static enum deltahop_reason check_fc(const struct dh_conv_layer *layer,
				     const struct dh_cmd_limits *limits,
				     const struct dh_conv_pass *pass)
{
	if (layer->kernel_rows != 1 || layer->kernel_cols != 1 || layer->stride_rows != 1 ||
	    layer->stride_cols != 1 || layer->pad_top || layer->pad_left || layer->macs != 1 ||
	    layer->out_rows != 1 || layer->out_cols != 1 || layer->flags & POOL)
		return DELTAHOP_REASON_BAD_FIELD;
	return pass->maps <= limits->conv_max_outputs ? DELTAHOP_REASON_NONE
						      : DELTAHOP_REASON_BAD_SIZE;
}

enum deltahop_reason dh_cmd_conv_check(struct dh_cmd_check *check,
				       const struct dh_cmd_limits *limits, const struct dh_cmd *cmd)
{
	const struct dh_conv_layer *layer = &check->conv_layer;

	if (cmd->opcode == DELTAHOP_OP_CONV_INPUT)
		return check_input(check, &cmd->conv_input);
	if (cmd->opcode == DELTAHOP_OP_CONV_LAYER) {
		check->conv_layer = cmd->conv_layer;
		check->conv_layers++;
		check->conv_inputs = 0;
		check->conv_channels = 0;
		return DELTAHOP_REASON_NONE;
	}
	if (!check->conv_layers || check->conv_channels != layer->channels)
		return DELTAHOP_REASON_NOT_LOADED;
	return cmd->opcode == DELTAHOP_OP_CONV_FC ? check_fc(layer, limits, &cmd->conv_pass)
						  : check_pass(layer, limits, &cmd->conv_pass);
}
