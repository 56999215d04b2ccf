// SPDX-License-Identifier: MIT
/*
 * How a layer is cut: output maps over passes; channels and parts of the kernel over pieces that hand
 * on partial sums; and how many MACs work on an output map.
 */
#include <errno.h>
#include <string.h>

#include "map/split.h"

/* DRAM bytes that fewer cycles may cost. */
#define BYTES_TOLERANCE (17.0 / 16)
#define MAPS_MOST	DELTAHOP_CONV_MAX_INPUTS

/* --- what readers wish ------------------------------------------------------------ */

/* The largest group that a piece of the layer can take, 0: none. */
static uint32_t largest_group(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	struct dh_conv_layer form = dh_split_form(plan, layer);
	uint32_t most = plan->limits.conv_max_channels;

	form.kernel_rows = form.kernel_rows > DH_KERNEL_MOST ? DH_KERNEL_MOST : form.kernel_rows;
	form.kernel_cols = form.kernel_cols > DH_KERNEL_MOST ? DH_KERNEL_MOST : form.kernel_cols;
	form.macs = 8;
	for (; most; most /= 2) {
		form.channels = most;
		if (dh_conv_fits_kernels(&form, &plan->limits) &&
		    dh_conv_fits_store(&form, &plan->limits))
			return most;
	}
	return 0;
}

static void wish_groups(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			uint32_t *most, uint32_t *unit)
{
	uint32_t width = layer->channels / layer->weight.groups, several = width;

	*most = largest_group(plan, layer);
	*unit = 1;
	if (layer->channels <= *most)
		*most = UINT16_MAX;
	if (layer->weight.groups == 1)
		return;
	*unit = width;
	while (several + width <= dh_plan_group_channels(plan))
		several += width;
	*most = several < *most ? several : *most;
}

static void wish(struct dh_plan_map *map, uint32_t most, uint32_t unit)
{
	map->group_most = most < map->group_most ? most : map->group_most;
	map->group_unit = unit > map->group_unit ? unit : map->group_unit;
}

/* From the last layer on, for what is added is cut as the sum is. */
static int collect_wishes(struct dh_plan *plan)
{
	for (uint32_t l = plan->layer_count; l-- > 0;) {
		struct dh_plan_layer *layer = &plan->layers[l];
		const struct dh_plan_map *out = &plan->maps[layer->output];
		uint32_t most = UINT16_MAX, unit = 1;

		if (layer->add != DH_PLAN_NONE) {
			struct dh_plan_map *added = &plan->maps[layer->add];

			wish(added, out->group_most, out->group_unit);
			wish(added, plan->limits.conv_macs, 1);
		}
		if (layer->fully_connected)
			continue;
		wish_groups(plan, layer, &most, &unit);
		if (!most)
			return dh_plan_evict(plan, layer->node,
					     "rows of %u columns do not fit the input store of %u "
					     "bytes: cut the input",
					     dh_layer_input(plan, layer, 0)->cols,
					     plan->limits.conv_store_bytes);
		for (uint32_t i = 0; i < layer->input_count; i++)
			wish(dh_layer_input(plan, layer, i), most, unit);
	}
	return 0;
}

/* --- groups ---------------------------------------------------------------------------- */

/* Equal groups if that is possible. */
static uint32_t group_size(uint32_t channels, uint32_t most, uint32_t unit)
{
	uint32_t count, size;

	most = most > unit ? most / unit * unit : most;
	count = (channels + most - 1) / most;
	while (channels % count && count < 2 * ((channels + most - 1) / most))
		count++;
	if (channels % count)
		count = (channels + most - 1) / most;
	size = (channels + count - 1) / count;
	if (unit > 1 && size % unit && size / unit * unit + unit <= most)
		size = size / unit * unit + unit;
	return size;
}

static int make_groups(struct dh_plan *plan, uint32_t channels, uint32_t most, uint32_t unit,
		       struct dh_plan_group **groups, uint32_t *count)
{
	uint32_t size = group_size(channels, most, unit);

	*count = (channels + size - 1) / size;
	*groups = dh_plan_alloc(plan, *count, sizeof(**groups));
	if (!*groups)
		return -ENOMEM;
	for (uint32_t i = 0; i < *count; i++)
		(*groups)[i].channels = i + 1 < *count ? size : channels - i * size;
	return 0;
}

/* What the host gives is in one piece if possible. */
static int group_input(struct dh_plan *plan, struct dh_plan_map *map)
{
	if (map->groups)
		return 0;
	return make_groups(plan, map->channels, map->group_most, map->group_unit, &map->groups,
			   &map->group_count);
}

static int list_groups(struct dh_plan *plan, struct dh_plan_layer *layer,
		       struct dh_input_groups *list)
{
	int ret = 0;

	list->count = 0;
	for (uint32_t i = 0; !ret && i < layer->input_count; i++) {
		ret = group_input(plan, dh_layer_input(plan, layer, i));
		list->count += dh_layer_input(plan, layer, i)->group_count;
	}
	if (ret)
		return ret;
	list->groups = dh_plan_alloc(plan, list->count, sizeof(*list->groups));
	if (!list->groups)
		return -ENOMEM;
	for (uint32_t i = 0, n = 0; i < layer->input_count; i++) {
		for (uint32_t g = 0; g < dh_layer_input(plan, layer, i)->group_count; g++) {
			list->groups[n].map = dh_layer_input(plan, layer, i);
			list->groups[n++].group = g;
		}
	}
	return 0;
}

/* --- pieces ------------------------------------------------------------------------------ */

void dh_tile_axis(uint32_t kernel, uint32_t dilation, uint32_t most, struct dh_tiles *tiles)
{
	uint32_t taps = (kernel - 1) / dilation + 1, fit = (most - 1) / dilation + 1;
	uint32_t per;

	tiles->count = (taps + fit - 1) / fit;
	per = (taps + tiles->count - 1) / tiles->count;
	tiles->count = (taps + per - 1) / per;
	for (uint32_t i = 0; i < tiles->count; i++) {
		uint32_t left = taps - i * per;

		tiles->first[i] = i * per * dilation;
		tiles->size[i] = ((left < per ? left : per) - 1) * dilation + 1;
	}
}

struct dh_conv_layer dh_split_form(const struct dh_plan *plan, const struct dh_plan_layer *layer)
{
	const struct dh_plan_map *in = dh_layer_input(plan, layer, 0);

	return (struct dh_conv_layer){
		.kernel_rows = layer->kernel[0],
		.kernel_cols = layer->kernel[1],
		.stride_rows = layer->strides[0],
		.stride_cols = layer->strides[1],
		.macs = 1,
		.rows = in->rows,
		.cols = in->cols,
		.out_rows = layer->out_rows,
		.out_cols = layer->out_cols,
		.channels = layer->channels,
	};
}

/** struct cutter - a way to cut a layer, being tried */
struct cutter {
	struct dh_plan *plan;
	struct dh_plan_layer *layer;
	const struct dh_input_groups *inputs;
	struct dh_tiles tiles[2];
	struct dh_split *split;
	uint32_t room;
};

static bool fits(const struct cutter *cut, uint32_t channels, uint32_t groups)
{
	struct dh_conv_layer form = dh_split_form(cut->plan, cut->layer);

	form.kernel_rows = cut->tiles[0].size[0];
	form.kernel_cols = cut->tiles[1].size[0];
	form.channels = channels;
	form.macs = cut->split->macs;
	return groups <= MAPS_MOST && channels <= cut->plan->limits.conv_max_channels &&
	       dh_conv_fits_kernels(&form, &cut->plan->limits) &&
	       dh_conv_fits_store(&form, &cut->plan->limits);
}

static bool add_piece(struct cutter *cut, const struct dh_piece *piece)
{
	struct dh_split *split = cut->split;

	if (split->piece_count == cut->room) {
		uint32_t room = cut->room ? 2 * cut->room : 16;
		struct dh_piece *pieces = dh_plan_alloc(cut->plan, room, sizeof(*pieces));

		if (!pieces)
			return false;
		if (cut->room)
			memcpy(pieces, split->pieces, cut->room * sizeof(*pieces));
		split->pieces = pieces;
		cut->room = room;
	}
	split->pieces[split->piece_count++] = *piece;
	return true;
}

/* Every part of the kernel over the same channels. */
static bool add_tiles(struct cutter *cut, struct dh_piece piece, bool last)
{
	for (uint32_t i = 0; i < cut->tiles[0].count; i++) {
		for (uint32_t j = 0; j < cut->tiles[1].count; j++) {
			piece.from[0] = cut->tiles[0].first[i];
			piece.from[1] = cut->tiles[1].first[j];
			piece.kernel[0] = cut->tiles[0].size[i];
			piece.kernel[1] = cut->tiles[1].size[j];
			piece.to_psum = !last || i + 1 < cut->tiles[0].count ||
					j + 1 < cut->tiles[1].count;
			if (!add_piece(cut, &piece))
				return false;
			piece.from_psum = true;
		}
	}
	return true;
}

static uint32_t group_channels(const struct dh_input_groups *inputs, uint32_t i)
{
	return inputs->groups[i].map->groups[inputs->groups[i].group].channels;
}

/* Passes @piece has, over groups from @first to @end, as many at once as fit. */
static int add_chunks(struct cutter *cut, struct dh_piece piece, uint32_t first, uint32_t end)
{
	while (first < end) {
		piece.first_group = first;
		piece.group_count = piece.channels = 0;
		while (first < end && fits(cut, piece.channels + group_channels(cut->inputs, first),
					   piece.group_count + 1)) {
			piece.channels += group_channels(cut->inputs, first++);
			piece.group_count++;
		}
		if (!piece.group_count)
			return -ENOSPC;
		if (!add_tiles(cut, piece, first == end))
			return -ENOMEM;
		piece.from_psum = true;
		piece.first_channel += piece.channels;
	}
	return 0;
}

/* The groups that output maps @from to @to - 1 depend on. */
static void needed_groups(const struct cutter *cut, uint32_t from, uint32_t to, uint32_t *first,
			  uint32_t *end, uint32_t *first_channel)
{
	const struct dh_plan_layer *layer = cut->layer;
	uint32_t width = layer->channels / layer->weight.groups;
	uint32_t maps = layer->maps / layer->weight.groups;
	uint32_t low = from / maps * width, high = ((to - 1) / maps + 1) * width;
	uint32_t channel = 0;

	*first = cut->inputs->count;
	*end = 0;
	for (uint32_t g = 0; g < cut->inputs->count; g++) {
		uint32_t next = channel + group_channels(cut->inputs, g);

		if (next > low && *first == cut->inputs->count) {
			*first = g;
			*first_channel = channel;
		}
		if (channel < high)
			*end = g + 1;
		channel = next;
	}
}

/* Passes that depend on the same groups go together. */
static int add_pieces(struct cutter *cut)
{
	const struct dh_split *split = cut->split;
	uint32_t map = 0, pass = 0;
	int ret = 0;

	while (!ret && pass < split->group_count) {
		struct dh_piece piece = { .first_pass = pass };
		uint32_t first, end, again, until, channel;

		needed_groups(cut, map, map + split->groups[pass].channels, &first, &end,
			      &piece.first_channel);
		do {
			map += split->groups[pass++].channels;
			if (pass < split->group_count)
				needed_groups(cut, map, map + split->groups[pass].channels, &again,
					      &until, &channel);
		} while (pass < split->group_count && again == first && until == end);
		piece.pass_count = pass - piece.first_pass;
		ret = add_chunks(cut, piece, first, end);
	}
	return ret;
}

/* --- choosing ------------------------------------------------------------------------------- */

/* Output maps of a pass with @macs: as they are added, or as readers wish. */
static int split_maps(struct dh_plan *plan, const struct dh_plan_layer *layer,
		      struct dh_split *split)
{
	const struct dh_plan_map *out = &plan->maps[layer->output];
	uint32_t most = plan->limits.conv_macs / split->macs;

	if (layer->add != DH_PLAN_NONE) {
		const struct dh_plan_map *added = &plan->maps[layer->add];

		split->group_count = added->group_count;
		split->groups = dh_plan_alloc(plan, added->group_count, sizeof(*split->groups));
		if (!split->groups)
			return -ENOMEM;
		for (uint32_t i = 0; i < added->group_count; i++) {
			split->groups[i].channels = added->groups[i].channels;
			if (added->groups[i].channels > most)
				return -ENOSPC;
		}
		return 0;
	}
	most = most < out->group_most ? most : out->group_most;
	return make_groups(plan, layer->maps, most, out->group_unit, &split->groups,
			   &split->group_count);
}

static int try_macs(struct cutter *cut, uint32_t macs, struct dh_split *split)
{
	int ret;

	*split = (struct dh_split){ .macs = macs };
	cut->split = split;
	cut->room = 0;
	ret = split_maps(cut->plan, cut->layer, split);
	if (!ret)
		ret = add_pieces(cut);
	if (!ret && split->piece_count > 1 && split->pieces[0].to_psum &&
	    !dh_plan_has(cut->plan, DELTAHOP_CAP_CONV_PSUM))
		ret = -ENOSPC;
	if (!ret)
		dh_split_cost(cut->plan, cut->layer, cut->inputs, split);
	return ret;
}

static double all_bytes(const struct dh_cost *cost)
{
	return cost->bytes_weights + cost->bytes_in + cost->bytes_out;
}

/* The fewest DRAM bytes; but a few more are accepted for fewer cycles. */
static const struct dh_split *best(const struct dh_split *splits, uint32_t count)
{
	const struct dh_split *chosen = NULL;
	double least = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!i || all_bytes(&splits[i].cost) < least)
			least = all_bytes(&splits[i].cost);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (all_bytes(&splits[i].cost) <= least * BYTES_TOLERANCE &&
		    (!chosen || splits[i].cost.cycles < chosen->cost.cycles))
			chosen = &splits[i];
	}
	return chosen;
}

/* All numbers of MACs with one way to cut the kernel; published profiles: the one of NullHop. */
static int try_tiles(struct cutter *cut, struct dh_split *chosen)
{
	struct dh_split splits[4];
	uint32_t count = 0, only = 0;
	int ret = 0;

	if (!dh_plan_has(cut->plan, DELTAHOP_CAP_CONV_PSUM))
		only = dh_conv_choose_macs(&cut->plan->limits, cut->layer->kernel[0],
					   cut->layer->kernel[1], cut->layer->channels,
					   cut->layer->maps);
	for (uint32_t macs = 1; macs <= 8; macs *= 2) {
		ret = only && macs != only ? -ENOSPC : try_macs(cut, macs, &splits[count]);
		if (ret == -ENOMEM)
			break;
		count += !ret;
	}
	cut->split = NULL;
	if (ret == -ENOMEM || !count)
		return ret == -ENOMEM ? ret : -ENOSPC;
	*chosen = *best(splits, count);
	return 0;
}

static int split_conv(struct dh_plan *plan, struct dh_plan_layer *layer,
		      const struct dh_input_groups *inputs)
{
	static const uint8_t sizes[][2] = { { 7, 7 }, { 4, 7 }, { 4, 4 }, { 2, 4 },
					    { 2, 2 }, { 1, 2 }, { 1, 1 } };
	struct cutter cut = { .plan = plan, .layer = layer, .inputs = inputs };
	struct dh_split split;
	int ret = -ENOSPC;

	for (size_t i = 0; ret == -ENOSPC && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int axis = 0; axis < 2; axis++)
			dh_tile_axis(layer->kernel[axis], layer->weight.dilations[axis],
				     sizes[i][axis], &cut.tiles[axis]);
		ret = try_tiles(&cut, &split);
	}
	if (ret == -ENOSPC)
		return dh_plan_evict(
			plan, layer->node,
			"no way to cut it into passes that fit %u MACs with %u weights "
			"each and an input store of %u bytes: use fewer channels",
			plan->limits.conv_macs, plan->limits.conv_kernel_words,
			plan->limits.conv_store_bytes);
	if (ret)
		return ret;
	dh_split_keep(plan, layer, &split);
	return 0;
}

/* --- fully connected ------------------------------------------------------------------------- */

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint32_t largest_divisor(uint32_t value, uint32_t most)
{
	uint32_t largest = 1;

	for (uint32_t divisor = 2; divisor <= most; divisor++)
		largest = value % divisor ? largest : divisor;
	return largest;
}

/*
 * The engine sees maps of the same rows and columns. Only the order of the values counts, so rows of
 * any length that all of them have will do; if they are encoded, with their own rows.
 */
static bool find_view(const struct dh_plan *plan, struct dh_plan_layer *layer,
		      const struct dh_input_groups *inputs, bool keep_rows)
{
	uint32_t common = 0, values = 0, rows = inputs->groups[0].map->rows;

	for (uint32_t g = 0; g < inputs->count; g++) {
		const struct dh_plan_map *map = inputs->groups[g].map;
		uint32_t size = map->rows * map->cols * group_channels(inputs, g);

		if (keep_rows && map->rows != rows)
			return false;
		size /= keep_rows ? rows : 1;
		common = gcd(common, size);
		values += size;
	}
	if (!common)
		return false;
	layer->view[1] = largest_divisor(common, plan->limits.conv_max_cols);
	layer->view[0] = keep_rows ? rows : common / layer->view[1];
	layer->view[2] = values / (keep_rows ? layer->view[1] : common);
	return layer->view[2] <= plan->limits.conv_max_channels && layer->view[0] <= UINT16_MAX;
}

static bool choose_view(const struct dh_plan *plan, struct dh_plan_layer *layer,
			const struct dh_input_groups *inputs)
{
	if (inputs->count > MAPS_MOST)
		return false;
	if (find_view(plan, layer, inputs, true))
		return true;
	if (!find_view(plan, layer, inputs, false))
		return false;
	for (uint32_t g = 0; g < inputs->count; g++)
		inputs->groups[g].map->encoded = false;
	return true;
}

static int split_dense(struct dh_plan *plan, struct dh_plan_layer *layer,
		       const struct dh_input_groups *inputs)
{
	const struct dh_plan_map *out = &plan->maps[layer->output];
	uint32_t most = plan->limits.conv_max_outputs;
	struct dh_split split = { .macs = 1 };
	struct dh_piece *piece = dh_plan_alloc(plan, 1, sizeof(*piece));
	int ret;

	if (!piece)
		return -ENOMEM;
	if (!choose_view(plan, layer, inputs))
		return dh_plan_evict(
			plan, layer->node,
			"an input of %u maps of unlike sizes; the engine takes at most "
			"%u maps, of rows of the same length: use fewer inputs",
			inputs->count, MAPS_MOST);
	most = most < out->group_most ? most : out->group_most;
	ret = make_groups(plan, layer->maps, most, out->group_unit, &split.groups,
			  &split.group_count);
	if (ret)
		return ret;
	*piece = (struct dh_piece){ .pass_count = split.group_count,
				    .group_count = inputs->count,
				    .channels = layer->view[2],
				    .kernel = { 1, 1 } };
	split.pieces = piece;
	split.piece_count = 1;
	dh_split_cost(plan, layer, inputs, &split);
	dh_split_keep(plan, layer, &split);
	return 0;
}

void dh_split_keep(struct dh_plan *plan, struct dh_plan_layer *layer, const struct dh_split *split)
{
	struct dh_plan_map *out = &plan->maps[layer->output];

	layer->macs = split->macs;
	layer->pieces = split->pieces;
	layer->piece_count = split->piece_count;
	layer->cost = split->cost;
	out->groups = split->groups;
	out->group_count = split->group_count;
}

/* --- all layers --------------------------------------------------------------------------------- */

/* Encoded where that saves words; without CONV_FORMAT the activation decides. */
static void choose_formats(struct dh_plan *plan)
{
	for (uint32_t i = 0; i < plan->map_count; i++) {
		struct dh_plan_map *map = &plan->maps[i];
		double row = (double)map->cols * map->channels;
		double words = dh_conv_row_words(map->cols, map->channels, true) -
			       row * dh_map_zeros(plan, map);

		map->encoded = words < row;
		if (map->writer != DH_PLAN_NONE && !dh_plan_has(plan, DELTAHOP_CAP_CONV_FORMAT))
			map->encoded = plan->layers[map->writer].relu;
	}
}

int dh_plan_split(struct dh_plan *plan)
{
	int ret;

	choose_formats(plan);
	ret = collect_wishes(plan);
	for (uint32_t l = 0; !ret && l < plan->layer_count; l++) {
		struct dh_plan_layer *layer = &plan->layers[l];
		struct dh_input_groups inputs;

		ret = list_groups(plan, layer, &inputs);
		if (!ret && layer->add != DH_PLAN_NONE)
			ret = group_input(plan, &plan->maps[layer->add]);
		if (!ret)
			ret = layer->fully_connected ? split_dense(plan, layer, &inputs)
						     : split_conv(plan, layer, &inputs);
		layer->groups = inputs;
	}
	return ret;
}
