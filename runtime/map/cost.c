// SPDX-License-Identifier: MIT
/*
 * What a layer will cost: the timing of Documentation/hardware-conv.rst with the zeros of a map
 * spread evenly over it.
 */
#include "map/split.h"

/** struct channel - of memory, for the formula of a transfer */
struct channel {
	double beat;
	double latency;
	double spacing;
};

/*
 * The profiles' channel: what the manual gives for them. A device with another one gets the same
 * program, which is right there too.
 */
static struct channel channel_of(const struct dh_plan *plan)
{
	bool packed = dh_plan_has(plan, DELTAHOP_CAP_CONV_PACKED);

	return (struct channel){ .beat = packed ? 16 : 8, .latency = 32, .spacing = 1 };
}

static double transfer(const struct channel *channel, double bytes)
{
	if (bytes <= 0)
		return 0;
	return channel->latency + 2 + (bytes / channel->beat - 1) * channel->spacing;
}

static double bytes_of(const struct dh_plan *plan, double words)
{
	return words * (plan->packed ? 2 : 4);
}

/* Words of a group of a map, on average. */
static double group_words(const struct dh_plan *plan, const struct dh_plan_map *map,
			  uint32_t channels)
{
	double row = dh_conv_row_words(map->cols, channels, map->encoded);

	if (map->encoded)
		row -= dh_map_zeros(plan, map) * map->cols * channels;
	return row * map->rows;
}

static double piece_words(const struct dh_plan *plan, const struct dh_input_groups *inputs,
			  const struct dh_piece *piece)
{
	double words = 0;

	for (uint32_t g = piece->first_group; g < piece->first_group + piece->group_count; g++) {
		const struct dh_plan_map *map = inputs->groups[g].map;

		words += group_words(plan, map, map->groups[inputs->groups[g].group].channels);
	}
	return words;
}

/* Channels whose values are multiplied: of encoded maps only the share that is not 0. */
static double busy_channels(const struct dh_plan *plan, const struct dh_input_groups *inputs,
			    const struct dh_piece *piece)
{
	double channels = 0;

	for (uint32_t g = piece->first_group; g < piece->first_group + piece->group_count; g++) {
		const struct dh_plan_map *map = inputs->groups[g].map;
		double share = map->encoded ? 1 - dh_map_zeros(plan, map) : 1;

		channels += share * map->groups[inputs->groups[g].group].channels;
	}
	return channels;
}

/* --- a convolution ------------------------------------------------------------ */

/** struct pass_cost - what all passes of a piece have in common, by stripe */
struct pass_cost {
	double stripes;
	double multiply;
	double read;
	double load;
};

static struct dh_conv_layer piece_form(const struct dh_plan *plan,
				       const struct dh_plan_layer *layer,
				       const struct dh_split *split, const struct dh_piece *piece)
{
	struct dh_conv_layer form = dh_split_form(plan, layer);

	form.kernel_rows = piece->kernel[0];
	form.kernel_cols = piece->kernel[1];
	form.channels = piece->channels;
	form.macs = split->macs;
	form.flags = layer->weight8 ? DELTAHOP_CONV_WEIGHT8 : 0;
	return form;
}

static struct pass_cost piece_cost(const struct dh_plan *plan, const struct dh_plan_layer *layer,
				   const struct dh_input_groups *inputs,
				   const struct dh_split *split, const struct dh_piece *piece)
{
	struct dh_conv_layer form = piece_form(plan, layer, split, piece);
	double busy = busy_channels(plan, inputs, piece);
	double share = (double)dh_conv_channels_padded(&form) / split->macs / piece->channels;
	double words = piece_words(plan, inputs, piece);
	uint32_t stripes = (layer->out_rows + 1) / 2;

	if (share > 1)
		share = 1;
	return (struct pass_cost){
		.stripes = stripes,
		.multiply = share * busy * layer->out_rows / stripes * layer->out_cols *
			    piece->kernel[0] * piece->kernel[1],
		.read = words / form.rows,
		.load = bytes_of(plan, words) / stripes,
	};
}

static void add_pass(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		     const struct dh_split *split, const struct dh_piece *piece,
		     const struct pass_cost *common, uint32_t pass, bool loads,
		     struct dh_cost *cost)
{
	const struct dh_plan_map *out = &plan->maps[layer->output];
	struct channel channel = channel_of(plan);
	struct dh_conv_layer form = piece_form(plan, layer, split, piece);
	struct dh_conv_pass command = { .maps = split->groups[pass].channels };
	double weights = dh_conv_weight_bytes(&form, &command, &plan->limits);
	double sums = 4.0 * layer->out_rows * layer->out_cols * command.maps / common->stripes;
	double in = loads ? common->load : 0, result, cycles;

	in += piece->from_psum ? sums : 0;
	if (!piece->to_psum && layer->add != DH_PLAN_NONE)
		in += bytes_of(plan, group_words(plan, &plan->maps[layer->add], command.maps)) /
		      common->stripes;
	result = piece->to_psum
			 ? sums
			 : bytes_of(plan, group_words(plan, out, command.maps)) / common->stripes;
	cycles = common->multiply > common->read ? common->multiply : common->read;
	if (result / channel.beat > cycles)
		cycles = result / channel.beat;
	if (transfer(&channel, in) + transfer(&channel, result) > cycles)
		cycles = transfer(&channel, in) + transfer(&channel, result);
	cost->cycles += 1 + transfer(&channel, weights) + common->stripes * cycles;
	cost->bytes_weights += weights;
	cost->bytes_in += common->stripes * in;
	cost->bytes_out += common->stripes * result;
	cost->work += common->stripes * common->multiply * split->macs * command.maps;
}

static void cost_of_conv(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			 const struct dh_input_groups *inputs, struct dh_split *split)
{
	for (uint32_t p = 0; p < split->piece_count; p++) {
		const struct dh_piece *piece = &split->pieces[p];
		struct pass_cost common = piece_cost(plan, layer, inputs, split, piece);
		bool stays = 2 * piece_words(plan, inputs, piece) <= plan->limits.conv_store_bytes;

		for (uint32_t i = 0; i < piece->pass_count; i++)
			add_pass(plan, layer, split, piece, &common, piece->first_pass + i,
				 !i || !stays, &split->cost);
	}
}

/* --- fully connected -------------------------------------------------------------- */

static void cost_of_dense(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			  const struct dh_input_groups *inputs, struct dh_split *split)
{
	struct channel channel = channel_of(plan);
	double in = bytes_of(plan, piece_words(plan, inputs, &split->pieces[0])), busy = 0;

	for (uint32_t g = 0; g < inputs->count; g++) {
		const struct dh_plan_map *map = inputs->groups[g].map;

		busy += (1 - dh_map_zeros(plan, map)) * map->rows * map->cols *
			map->groups[inputs->groups[g].group].channels;
	}
	for (uint32_t i = 0; i < split->group_count; i++) {
		double outputs = split->groups[i].channels;
		double column = outputs * (layer->weight8 ? 1 : 2);
		double each = column / channel.beat > outputs / plan->limits.conv_macs
				      ? column / channel.beat
				      : outputs / plan->limits.conv_macs;

		split->cost.bytes_weights += 2 * outputs + busy * column;
		split->cost.bytes_in += in;
		split->cost.bytes_out += 2 * outputs;
		split->cost.work += busy * outputs;
		split->cost.cycles += transfer(&channel, in) + transfer(&channel, 2 * outputs) +
				      busy * (each > 1 ? each : 1);
	}
}

void dh_split_cost(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		   const struct dh_input_groups *inputs, struct dh_split *split)
{
	split->cost = (struct dh_cost){ 0 };
	if (layer->fully_connected)
		cost_of_dense(plan, layer, inputs, split);
	else
		cost_of_conv(plan, layer, inputs, split);
}
