// SPDX-License-Identifier: MIT
/* What a convolution layer would take if no value of its maps were 0. */
#include <errno.h>
#include <stdlib.h>

#include "deltahop_conv_timing.h"
#include "execute/conv_dense.h"

#define STRIPE 2 /* output rows that are computed together */

/**
 * struct walk - through the commands of a layer
 * @inputs: maps so far
 * @channels: of each controller
 * @work: scratch: cycles by controller and column
 * @stored: rows that stay in the input store from pass to pass
 */
struct walk {
	const struct drm_deltahop_device_info *hw;
	const struct dh_program *program;
	const struct dh_program_conv *conv;
	const struct dh_conv_layer *layer;
	struct dh_cmd_limits limits;
	struct dh_conv_input inputs[DELTAHOP_CONV_MAX_INPUTS];
	uint32_t input_count;
	uint32_t channels[DH_CONV_CONTROLLERS];
	uint32_t *work;
	uint32_t stored;
};

/**
 * struct pass - a pass, and how far it is
 * @rows: output rows that it computes; @cols likewise
 * @met: columns of the input that meet outputs
 * @hits: output rows that input rows of a stripe met, when @multiply was computed: its M
 * @next_row: input row that is loaded next
 * @words: that have been written
 */
struct pass {
	const struct dh_conv_pass *cmd;
	uint32_t rows;
	uint32_t cols;
	uint32_t stripes;
	uint32_t met;
	uint32_t hits;
	uint64_t multiply;
	uint32_t next_row;
	uint64_t words;
};

/* --- memory ----------------------------------------------------------------------- */

/* What an instance puts into card memory, where there is some; the rest is behind the link. */
static struct dh_memory_timing channel(const struct drm_deltahop_device_info *hw, uint32_t region)
{
	bool card = hw->card_size && (region == DH_REGION_WEIGHTS || region == DH_REGION_SCRATCH);
	bool linked = hw->link_n && !card;

	return (struct dh_memory_timing){
		.n = linked ? hw->link_n : hw->dram_n,
		.l = linked ? hw->link_l : hw->dram_l,
		.q = linked ? hw->link_q : hw->dram_q,
	};
}

static uint64_t transfer(const struct walk *walk, uint32_t region, uint64_t bytes)
{
	struct dh_memory_timing memory = channel(walk->hw, region);
	uint64_t beats = (bytes + walk->hw->dram_beat_bytes - 1) / walk->hw->dram_beat_bytes;

	if (!beats || !memory.n)
		return beats;
	return memory.l + 2ull + (beats - 1) * memory.n;
}

/* Words @from to @to - 1 of a sequence; of a bus word that two pieces share the first one has it. */
static uint64_t read_bytes(const struct walk *walk, uint64_t from, uint64_t to)
{
	if (walk->program->packed)
		return 2 * (to - from);
	return 8 * ((to + 1) / 2 - (from + 1) / 2);
}

/* Written is what is full; the last piece writes the rest. */
static uint64_t written_bytes(const struct walk *walk, uint64_t from, uint64_t to, bool last)
{
	if (walk->program->packed)
		return 2 * (to - from);
	return 8 * ((last ? (to + 1) / 2 : to / 2) - from / 2);
}

/* --- a stripe --------------------------------------------------------------------- */

static uint32_t stripe_rows(const struct pass *pass, uint32_t stripe)
{
	uint32_t left = pass->rows - STRIPE * stripe;

	return left < STRIPE ? left : STRIPE;
}

/**
 * struct touched - input rows that a stripe touches
 * @count: of them
 * @hits: output rows that they meet, one by one
 * @end: one behind the last
 */
struct touched {
	uint32_t count;
	uint32_t hits;
	uint32_t end;
};

/* Kernel row @k of output row @out is an input row, or outside. */
static bool input_row(const struct dh_conv_layer *layer, uint32_t out, uint32_t k, uint32_t *row)
{
	int64_t at = (int64_t)out * layer->stride_rows + k - layer->pad_top;

	*row = at;
	return at >= 0 && at < layer->rows;
}

static struct touched touch(const struct dh_conv_layer *layer, const struct pass *pass,
			    uint32_t stripe)
{
	struct touched touched = { 0 };
	uint32_t first = STRIPE * stripe, n = stripe_rows(pass, stripe), row, other;

	for (uint32_t o = 0; o < n; o++) {
		for (uint32_t k = 0; k < layer->kernel_rows; k++) {
			bool met = false;

			if (!input_row(layer, first + o, k, &row))
				continue;
			for (uint32_t j = 0; o && j < layer->kernel_rows; j++)
				met |= input_row(layer, first, j, &other) && other == row;
			touched.hits++;
			touched.count += !met;
			touched.end = row + 1 > touched.end ? row + 1 : touched.end;
		}
	}
	return touched;
}

/* a: output columns that an input column meets. */
static uint32_t columns_met(const struct dh_conv_layer *layer, const struct pass *pass, uint32_t x)
{
	uint32_t count = 0;

	for (uint32_t k = 0; k < layer->kernel_cols; k++) {
		int64_t at = (int64_t)x + layer->pad_left - k;

		count += at >= 0 && at % layer->stride_cols == 0 &&
			 at / layer->stride_cols < pass->cols;
	}
	return count;
}

/* M, which is the same for all stripes but the first and the last ones. */
static uint64_t multiply(const struct walk *walk, struct pass *pass, uint32_t hits)
{
	const struct dh_conv_layer *layer = walk->layer;

	if (hits == pass->hits)
		return pass->multiply;
	for (uint32_t x = 0; x < layer->cols; x++) {
		uint32_t met = columns_met(layer, pass, x);

		for (uint32_t g = 0; g < layer->macs; g++)
			walk->work[g * layer->cols + x] = walk->channels[g] * met * hits;
	}
	pass->hits = hits;
	pass->multiply = dh_timing_multiply(walk->work, layer->macs, layer->cols);
	return pass->multiply;
}

/* Words of the results of a stripe; partial sums have two each. */
static uint64_t result_words(const struct walk *walk, const struct pass *pass, uint32_t stripe)
{
	const struct dh_conv_layer *layer = walk->layer;
	uint32_t n = stripe_rows(pass, stripe);

	if (pass->cmd->flags & DELTAHOP_PASS_PSUM_OUT)
		return 2ull * n * layer->out_cols * pass->cmd->maps;
	return (dh_conv_pooled(layer, pass->cmd->flags) ? n / 2 : n) *
	       dh_conv_row_words(dh_conv_output_cols(layer), pass->cmd->maps,
				 layer->flags & DELTAHOP_CONV_ENCODE);
}

static uint64_t compute(const struct walk *walk, struct pass *pass, uint32_t stripe)
{
	const struct dh_conv_layer *layer = walk->layer;
	struct touched touched = touch(layer, pass, stripe);
	uint64_t read = touched.count ? (uint64_t)layer->cols * layer->channels : 0;

	return dh_timing_stripe(multiply(walk, pass, touched.hits), read,
				dh_timing_leave(result_words(walk, pass, stripe),
						walk->program->packed, walk->hw->dram_beat_bytes),
				layer->macs);
}

/* --- what moves for a stripe ---------------------------------------------------------- */

static uint64_t load_maps(const struct walk *walk, struct pass *pass, uint32_t end)
{
	uint32_t from = pass->next_row > walk->stored ? pass->next_row : walk->stored;
	uint64_t cycles = 0;

	for (uint32_t i = 0; i < walk->input_count && end > from; i++) {
		uint64_t row = dh_conv_row_words(walk->layer->cols, walk->inputs[i].channels,
						 walk->inputs[i].encoded);

		cycles += transfer(walk, walk->inputs[i].region,
				   read_bytes(walk, from * row, end * row));
	}
	if (end > pass->next_row)
		pass->next_row = end;
	return cycles;
}

static uint64_t load(const struct walk *walk, struct pass *pass, uint32_t stripe)
{
	const struct dh_conv_layer *layer = walk->layer;
	const struct dh_conv_pass *cmd = pass->cmd;
	uint64_t first = STRIPE * stripe, end, row, cycles;

	if (stripe == pass->stripes)
		return 0;
	end = first + stripe_rows(pass, stripe);
	cycles = load_maps(walk, pass, touch(layer, pass, stripe).end);
	if (cmd->flags & DELTAHOP_PASS_PSUM_IN)
		cycles += transfer(walk, cmd->psum_region,
				   4 * (end - first) * layer->out_cols * cmd->maps);
	if (cmd->flags & DELTAHOP_PASS_ADD) {
		row = dh_conv_row_words(layer->out_cols, cmd->maps,
					cmd->flags & DELTAHOP_PASS_ADD_ENCODED);
		cycles += transfer(walk, cmd->add_region, read_bytes(walk, first * row, end * row));
	}
	return cycles;
}

static uint64_t leave(const struct walk *walk, struct pass *pass, uint32_t stripe)
{
	bool sums = pass->cmd->flags & DELTAHOP_PASS_PSUM_OUT;
	uint64_t from = pass->words;

	pass->words += result_words(walk, pass, stripe);
	return transfer(walk, sums ? pass->cmd->psum_region : pass->cmd->output_region,
			written_bytes(walk, from, pass->words, stripe + 1 == pass->stripes));
}

/* --- commands --------------------------------------------------------------------- */

static struct pass pass_of(const struct dh_conv_layer *layer, const struct dh_conv_pass *cmd)
{
	struct pass pass = {
		.cmd = cmd,
		.rows = dh_conv_computed_rows(layer, cmd->flags),
		.cols = dh_conv_computed_cols(layer, cmd->flags),
	};

	pass.stripes = (pass.rows + STRIPE - 1) / STRIPE;
	for (uint32_t x = 0; x < layer->cols; x++)
		pass.met += columns_met(layer, &pass, x) != 0;
	return pass;
}

/* Rows that a pass has read stay if all of them fit. */
static void keep_rows(struct walk *walk, const struct pass *pass)
{
	uint64_t row = 0;

	for (uint32_t i = 0; i < walk->input_count; i++)
		row += dh_conv_row_words(walk->layer->cols, walk->inputs[i].channels,
					 walk->inputs[i].encoded);
	if (pass->next_row * row > walk->hw->conv_store_bytes / 2)
		walk->stored = 0;
	else if (pass->next_row > walk->stored)
		walk->stored = pass->next_row;
}

static uint64_t pass_cycles(struct walk *walk, const struct dh_conv_pass *cmd)
{
	struct pass pass = pass_of(walk->layer, cmd);
	uint64_t before = 0, moved, cycles;

	cycles = 1 + transfer(walk, cmd->weight_region,
			      dh_conv_weight_bytes(walk->layer, cmd, &walk->limits));
	cycles += load(walk, &pass, 0);
	for (uint32_t s = 0; s < pass.stripes; s++) {
		uint64_t busy = compute(walk, &pass, s);

		moved = load(walk, &pass, s + 1) + before;
		cycles += busy > moved ? busy : moved;
		before = leave(walk, &pass, s);
	}
	keep_rows(walk, &pass);
	return cycles + before;
}

static uint64_t fc_cycles(const struct walk *walk, const struct dh_conv_pass *cmd)
{
	const struct dh_conv_layer *layer = walk->layer;
	struct dh_memory_timing memory = channel(walk->hw, cmd->weight_region);
	uint64_t cycles = 1 + transfer(walk, cmd->weight_region, 2ull * cmd->maps), words;

	for (uint32_t i = 0; i < walk->input_count; i++) {
		words = layer->rows * dh_conv_row_words(layer->cols, walk->inputs[i].channels,
							walk->inputs[i].encoded);
		cycles += transfer(walk, walk->inputs[i].region, read_bytes(walk, 0, words));
	}
	cycles += dh_timing_columns(&memory, walk->hw->dram_beat_bytes, walk->hw->conv_macs,
				    cmd->maps, dh_conv_fc_column_bytes(layer, cmd),
				    dh_conv_fc_values(layer));
	words = dh_conv_row_words(1, cmd->maps, layer->flags & DELTAHOP_CONV_ENCODE);
	return cycles + transfer(walk, cmd->output_region, written_bytes(walk, 0, words, true));
}

static uint64_t pass_pixels(const struct walk *walk, const struct dh_conv_pass *cmd)
{
	struct pass pass = pass_of(walk->layer, cmd);
	uint64_t rows = 0;

	for (uint32_t s = 0; s < pass.stripes; s++)
		rows += touch(walk->layer, &pass, s).count;
	return rows * pass.met * walk->layer->channels;
}

/* The next command of the layer that computes something; false: there is none. */
static bool next_pass(struct walk *walk, size_t *at, struct dh_cmd *cmd)
{
	const struct dh_blob *commands = &walk->program->commands;

	for (; *at < walk->conv->cmd_end; *at += cmd->size) {
		dh_cmd_decode(commands->data + *at, commands->size - *at, &walk->limits, cmd);
		if (cmd->opcode == DELTAHOP_OP_CONV_INPUT)
			walk->inputs[walk->input_count++] = cmd->conv_input;
		if (cmd->opcode != DELTAHOP_OP_CONV_PASS && cmd->opcode != DELTAHOP_OP_CONV_FC)
			continue;
		*at += cmd->size;
		return true;
	}
	return false;
}

static struct walk walk_of(const struct drm_deltahop_device_info *hw,
			   const struct dh_program *program, const struct dh_program_conv *conv)
{
	return (struct walk){
		.hw = hw,
		.program = program,
		.conv = conv,
		.layer = &conv->layer,
		.limits = program->need,
	};
}

int dh_conv_dense_cycles(const struct drm_deltahop_device_info *hw,
			 const struct dh_program *program, const struct dh_program_conv *conv,
			 uint64_t *cycles)
{
	struct walk walk = walk_of(hw, program, conv);
	size_t at = conv->cmd_offset;
	struct dh_cmd cmd;

	*cycles = 0;
	for (uint32_t c = 0; c < conv->layer.channels; c++)
		walk.channels[dh_conv_controller(&conv->layer, c)]++;
	walk.work = calloc((size_t)conv->layer.macs * conv->layer.cols, sizeof(*walk.work));
	if (!walk.work)
		return -ENOMEM;
	while (next_pass(&walk, &at, &cmd))
		*cycles += cmd.opcode == DELTAHOP_OP_CONV_FC ? fc_cycles(&walk, &cmd.conv_pass)
							     : pass_cycles(&walk, &cmd.conv_pass);
	free(walk.work);
	return 0;
}

uint64_t dh_conv_dense_pixels(const struct dh_program *program, const struct dh_program_conv *conv)
{
	struct walk walk = walk_of(NULL, program, conv);
	size_t at = conv->cmd_offset;
	uint64_t pixels = 0;
	struct dh_cmd cmd;

	while (next_pass(&walk, &at, &cmd))
		pixels += cmd.opcode == DELTAHOP_OP_CONV_FC ? dh_conv_fc_values(&conv->layer)
							    : pass_pixels(&walk, &cmd.conv_pass);
	return pixels;
}
