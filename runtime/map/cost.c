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
	double bursts;
};

/*
 * The profiles' channels, as the manual has them. A device with others gets the same program, which is
 * right there too.
 */
static const struct channel published = { .beat = 8, .latency = 32, .spacing = 1, .bursts = 4 };
static const struct channel card = { .beat = 16, .latency = 32, .spacing = 1, .bursts = 4 };
static const struct channel link = { .beat = 16, .latency = 250, .spacing = 4, .bursts = 8 };

static const struct channel *memory_of(const struct dh_plan *plan)
{
	return plan->packed ? &card : &published;
}

/* What the host gives and gets lies behind the link. */
static const struct channel *channel_of(const struct dh_plan *plan, const struct dh_plan_map *map)
{
	bool host = map->writer == DH_PLAN_NONE || map->is_output;

	return plan->packed && host ? &link : memory_of(plan);
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

/* Cycles in which the rows of a stripe come in, one transfer for each group. */
static double load_cycles(const struct dh_plan *plan, const struct dh_input_groups *inputs,
			  const struct dh_piece *piece, uint32_t stripes)
{
	double cycles = 0;

	for (uint32_t g = piece->first_group; g < piece->first_group + piece->group_count; g++) {
		const struct dh_plan_map *map = inputs->groups[g].map;
		uint32_t channels = map->groups[inputs->groups[g].group].channels;
		double bytes = bytes_of(plan, group_words(plan, map, channels)) / stripes;

		cycles += transfer(channel_of(plan, map), bytes);
	}
	return cycles;
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
	double load_cycles;
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
		.load_cycles = load_cycles(plan, inputs, piece, stripes),
	};
}

/** struct traffic - what goes over the channels in a stripe besides the rows of the input */
struct traffic {
	double in;
	double out;
	double cycles;
};

static struct traffic pass_traffic(const struct dh_plan *plan, const struct dh_plan_layer *layer,
				   const struct dh_piece *piece, uint32_t maps, double stripes)
{
	const struct dh_plan_map *out = &plan->maps[layer->output];
	double sums = 4.0 * layer->out_rows * layer->out_cols * maps / stripes, added;
	struct traffic traffic = { 0 };

	if (piece->from_psum) {
		traffic.in += sums;
		traffic.cycles += transfer(memory_of(plan), sums);
	}
	if (!piece->to_psum && layer->add != DH_PLAN_NONE) {
		added = bytes_of(plan, group_words(plan, &plan->maps[layer->add], maps)) / stripes;
		traffic.in += added;
		traffic.cycles += transfer(channel_of(plan, &plan->maps[layer->add]), added);
	}
	traffic.out = piece->to_psum ? sums
				     : bytes_of(plan, group_words(plan, out, maps)) / stripes;
	traffic.cycles +=
		transfer(piece->to_psum ? memory_of(plan) : channel_of(plan, out), traffic.out);
	return traffic;
}

static void add_pass(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		     const struct dh_split *split, const struct dh_piece *piece,
		     const struct pass_cost *common, uint32_t pass, bool loads,
		     struct dh_cost *cost)
{
	struct dh_conv_layer form = piece_form(plan, layer, split, piece);
	struct dh_conv_pass command = { .maps = split->groups[pass].channels };
	double weights = dh_conv_weight_bytes(&form, &command, &plan->limits);
	struct traffic traffic = pass_traffic(plan, layer, piece, command.maps, common->stripes);
	double moves = traffic.cycles + (loads ? common->load_cycles : 0);
	double cycles = common->multiply > common->read ? common->multiply : common->read;

	if (traffic.out / memory_of(plan)->beat > cycles)
		cycles = traffic.out / memory_of(plan)->beat;
	cycles = moves > cycles ? moves : cycles;
	cost->cycles += 1 + transfer(memory_of(plan), weights) + common->stripes * cycles;
	cost->bytes_weights += weights;
	cost->bytes_in += common->stripes * (traffic.in + (loads ? common->load : 0));
	cost->bytes_out += common->stripes * traffic.out;
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

/* Cycles for a column of weights. */
static double column_cycles(const struct dh_plan *plan, double bytes, double outputs)
{
	const struct channel *memory = memory_of(plan);
	double beats = bytes / memory->beat < 1 ? 1 : bytes / memory->beat;
	double work = outputs / plan->limits.conv_macs;
	double burst = (memory->latency + 1 + beats * memory->spacing) / memory->bursts;

	beats = beats * memory->spacing > work ? beats * memory->spacing : work;
	return burst > beats ? burst : beats;
}

static void cost_of_dense(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			  const struct dh_input_groups *inputs, struct dh_split *split)
{
	const struct dh_plan_map *out = &plan->maps[layer->output];
	const struct dh_piece *piece = &split->pieces[0];
	double in = bytes_of(plan, piece_words(plan, inputs, piece)), busy = 0;

	for (uint32_t g = 0; g < inputs->count; g++) {
		const struct dh_plan_map *map = inputs->groups[g].map;

		busy += (1 - dh_map_zeros(plan, map)) * map->rows * map->cols *
			map->groups[inputs->groups[g].group].channels;
	}
	for (uint32_t i = 0; i < split->group_count; i++) {
		double outputs = split->groups[i].channels;
		double column = outputs * (layer->weight8 ? 1 : 2);

		split->cost.bytes_weights += 2 * outputs + busy * column;
		split->cost.bytes_in += in;
		split->cost.bytes_out += 2 * outputs;
		split->cost.work += busy * outputs;
		split->cost.cycles += load_cycles(plan, inputs, piece, 1) +
				      transfer(memory_of(plan), 2 * outputs) +
				      transfer(channel_of(plan, out), 2 * outputs) +
				      busy * column_cycles(plan, column, outputs);
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
