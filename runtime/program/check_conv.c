// SPDX-License-Identifier: MIT
/*
 * Is a program of the convolution engine consistent? The device checks every access again; what is
 * found here gets a sentence before anything runs.
 */
#include <string.h>

#include "program/check.h"
#include "program/map.h"

#define MAX_REGION   (1u << 30) /* bytes */
#define MAX_COMMANDS (4u << 20) /* bytes */
#define MAX_SIZE     65535	/* of a map, each way */
#define MAX_STRIPES  (1u << 24) /* pairs of rows, of all passes */
#define ALIGN	     8

/* --- parts --- */

static int check_group(const struct dh_program *program, const struct dh_program_map *map,
		       const struct dh_program_group *group, struct dh_error *err)
{
	if (!group->channels || group->channels > map->channels || group->offset % ALIGN ||
	    group->bytes > MAX_REGION || group->offset > MAX_REGION - group->bytes ||
	    group->bytes < dh_map_room(map->rows, map->cols, group->channels, map->encoded,
				       program->packed))
		return dh_program_wrong(err,
					"%u channels of map %.100s in %u bytes at offset %u do not "
					"fit",
					group->channels, map->name, group->bytes, group->offset);
	return 0;
}

static int check_map(const struct dh_program *program, const struct dh_program_map *map,
		     struct dh_error *err)
{
	uint64_t channels = 0;

	if (!map->name)
		return dh_program_wrong(err, "a map has no name");
	if (!map->rows || map->rows > MAX_SIZE || !map->cols || map->cols > MAX_SIZE ||
	    !map->channels || map->channels > MAX_SIZE)
		return dh_program_wrong(err, "map %.100s has %u x %u x %u values", map->name,
					map->rows, map->cols, map->channels);
	if (map->scale_exp < -DH_CHECK_MAX_SCALE || map->scale_exp > DH_CHECK_MAX_SCALE)
		return dh_program_wrong(err, "map %.100s has scale 2^%d", map->name,
					(int)map->scale_exp);
	if (!map->groups)
		return dh_program_wrong(err, "map %.100s has no groups", map->name);
	for (uint32_t i = 0; i < map->group_count; i++) {
		int ret = check_group(program, map, &map->groups[i], err);

		if (ret)
			return ret;
		channels += map->groups[i].channels;
	}
	if (channels != map->channels)
		return dh_program_wrong(err, "the groups of map %.100s have not its %u channels",
					map->name, map->channels);
	return 0;
}

static uint64_t count_groups(const struct dh_program_map *maps, uint32_t count)
{
	uint64_t groups = 0;

	for (uint32_t i = 0; i < count; i++)
		groups += maps[i].group_count;
	return groups;
}

static int check_maps(const struct dh_program *program, const struct dh_program_map *maps,
		      uint32_t count, struct dh_error *err)
{
	int ret = 0;

	if (!maps || !count || count > DH_PROGRAM_MAX_MAPS)
		return dh_program_wrong(err, "%u inputs or outputs", count);
	if (count_groups(maps, count) > DH_PROGRAM_MAX_GROUPS)
		return dh_program_wrong(err, "more than %u groups in inputs or outputs",
					DH_PROGRAM_MAX_GROUPS);
	for (uint32_t i = 0; !ret && i < count; i++)
		ret = check_map(program, &maps[i], err);
	return ret;
}

int dh_program_check_conv_parts(const struct dh_program *program, struct dh_error *err)
{
	int ret;

	if (!program->convs || !program->conv_count || program->conv_count > DH_PROGRAM_MAX_CONVS)
		return dh_program_wrong(err, "%u layers", program->conv_count);
	for (uint32_t i = 0; i < program->conv_count; i++) {
		if (!program->convs[i].node || !program->convs[i].op)
			return dh_program_wrong(err, "layer %u has no name", i);
	}
	if (program->commands.size > MAX_COMMANDS)
		return dh_program_wrong(err, "%zu bytes of commands", program->commands.size);
	if (program->scratch_bytes > MAX_REGION)
		return dh_program_wrong(err, "%u bytes of scratch memory", program->scratch_bytes);
	if (program->packed != !!(program->need.caps & DELTAHOP_CAP_CONV_PACKED) ||
	    program->macs != program->need.conv_macs)
		return dh_program_wrong(err, "the form of its words is not the one it needs");
	ret = check_maps(program, program->inputs, program->input_count, err);
	return ret ? ret : check_maps(program, program->outputs, program->output_count, err);
}

/* --- commands --- */

/**
 * struct walk - through the commands
 * @conv: layer that they belong to, none before the first
 * @layer: its CONV_LAYER
 * @passes: of it so far; @channels: their maps
 * @done: layers before it
 * @written: groups of outputs so far
 * @stripes: pairs of output rows so far
 * @at: offset of the command
 */
struct walk {
	const struct dh_program *program;
	const struct dh_cmd_limits *limits;
	struct dh_error *err;
	const struct dh_program_conv *conv;
	struct dh_conv_layer layer;
	uint32_t passes;
	uint64_t channels;
	uint32_t done;
	uint32_t written;
	uint64_t stripes;
	size_t at;
};

static int wrong_here(const struct walk *walk, const char *what)
{
	return dh_program_wrong(walk->err, "layer %.100s, command at offset %zu: %s",
				walk->conv ? walk->conv->node : "(none)", walk->at, what);
}

static uint64_t region_bytes(const struct dh_program *program, uint32_t region)
{
	switch (region) {
	case DH_REGION_WEIGHTS:
		return program->weights.size;
	case DH_REGION_INPUT:
		return dh_program_maps_bytes(program->inputs, program->input_count);
	case DH_REGION_OUTPUT:
		return dh_program_maps_bytes(program->outputs, program->output_count);
	case DH_REGION_SCRATCH:
		return program->scratch_bytes;
	default:
		return 0;
	}
}

static bool inside(const struct walk *walk, uint32_t region, uint64_t offset, uint64_t bytes)
{
	uint64_t size = region_bytes(walk->program, region);

	return offset <= size && bytes <= size - offset;
}

/**
 * struct piece - a map that a command reads or writes
 */
struct piece {
	uint32_t region;
	uint64_t offset;
	uint32_t rows;
	uint32_t cols;
	uint32_t channels;
	bool encoded;
	bool packed;
};

/* The same words: rows of as many values or, where nothing marks a row, as many values. */
static bool same_words(const struct dh_program_map *map, const struct dh_program_group *group,
		       const struct piece *piece)
{
	uint64_t row = (uint64_t)map->cols * group->channels;
	uint64_t piece_row = (uint64_t)piece->cols * piece->channels;

	if (map->encoded != piece->encoded || group->offset != piece->offset ||
	    row * map->rows != piece_row * piece->rows)
		return false;
	return map->rows == piece->rows || (!piece->encoded && piece->packed);
}

static bool is_group(const struct dh_program_map *maps, uint32_t count, const struct piece *piece)
{
	for (uint32_t m = 0; m < count; m++) {
		for (uint32_t g = 0; g < maps[m].group_count; g++) {
			if (same_words(&maps[m], &maps[m].groups[g], piece))
				return true;
		}
	}
	return false;
}

static int check_read(const struct walk *walk, const struct piece *piece)
{
	const struct dh_program *program = walk->program;

	if (piece->region == DH_REGION_INPUT)
		return is_group(program->inputs, program->input_count, piece)
			       ? 0
			       : wrong_here(walk, "reads what is no input");
	if (piece->region != DH_REGION_SCRATCH && piece->region != DH_REGION_OUTPUT)
		return wrong_here(walk, "reads a map from the wrong region");
	if (!inside(walk, piece->region, piece->offset,
		    dh_map_room(piece->rows, piece->cols, piece->channels, piece->encoded,
				program->packed)))
		return wrong_here(walk, "reads a map past the end of its region");
	return 0;
}

static int check_written(struct walk *walk, const struct piece *piece)
{
	const struct dh_program *program = walk->program;

	if (piece->region == DH_REGION_OUTPUT) {
		walk->written++;
		return is_group(program->outputs, program->output_count, piece)
			       ? 0
			       : wrong_here(walk, "writes what is no output");
	}
	if (piece->region != DH_REGION_SCRATCH)
		return wrong_here(walk, "writes to the wrong region");
	if (!inside(walk, piece->region, piece->offset,
		    dh_map_room(piece->rows, piece->cols, piece->channels, piece->encoded,
				program->packed)))
		return wrong_here(walk, "writes past the end of its region");
	return 0;
}

static int check_input(const struct walk *walk, const struct dh_conv_input *input)
{
	const struct piece piece = {
		.region = input->region,
		.offset = input->offset,
		.rows = walk->layer.rows,
		.cols = walk->layer.cols,
		.channels = input->channels,
		.encoded = input->encoded,
		.packed = walk->program->packed,
	};

	return check_read(walk, &piece);
}

static int check_weights(const struct walk *walk, const struct dh_cmd *cmd)
{
	const struct dh_conv_pass *pass = &cmd->conv_pass;
	uint64_t bytes = cmd->opcode == DELTAHOP_OP_CONV_FC
				 ? dh_conv_fc_weight_bytes(&walk->layer, pass)
				 : dh_conv_weight_bytes(&walk->layer, pass, walk->limits);

	if (pass->weight_region != DH_REGION_WEIGHTS ||
	    !inside(walk, pass->weight_region, pass->weight_offset, bytes))
		return wrong_here(walk, "reads weights past their end");
	return 0;
}

static int check_psum(const struct walk *walk, const struct dh_conv_pass *pass)
{
	uint64_t bytes = 4ull * walk->layer.out_rows * walk->layer.out_cols * pass->maps;

	if (!(pass->flags & (DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_PSUM_OUT)))
		return 0;
	if (pass->psum_region != DH_REGION_SCRATCH ||
	    !inside(walk, pass->psum_region, pass->psum_offset, bytes))
		return wrong_here(walk, "has its partial sums past the end of the scratch memory");
	return 0;
}

static int check_added(const struct walk *walk, const struct dh_conv_pass *pass)
{
	const struct piece piece = {
		.region = pass->add_region,
		.offset = pass->add_offset,
		.rows = walk->layer.out_rows,
		.cols = walk->layer.out_cols,
		.channels = pass->maps,
		.encoded = pass->flags & DELTAHOP_PASS_ADD_ENCODED,
		.packed = walk->program->packed,
	};

	return pass->flags & DELTAHOP_PASS_ADD ? check_read(walk, &piece) : 0;
}

static int check_output(struct walk *walk, const struct dh_conv_pass *pass)
{
	const struct piece piece = {
		.region = pass->output_region,
		.offset = pass->output_offset,
		.rows = dh_conv_output_rows(&walk->layer),
		.cols = dh_conv_output_cols(&walk->layer),
		.channels = pass->maps,
		.encoded = walk->layer.flags & DELTAHOP_CONV_ENCODE,
		.packed = walk->program->packed,
	};

	return pass->flags & DELTAHOP_PASS_PSUM_OUT ? 0 : check_written(walk, &piece);
}

static int check_pass(struct walk *walk, const struct dh_cmd *cmd)
{
	int ret = check_weights(walk, cmd);

	if (!ret)
		ret = check_psum(walk, &cmd->conv_pass);
	if (!ret)
		ret = check_added(walk, &cmd->conv_pass);
	if (!ret)
		ret = check_output(walk, &cmd->conv_pass);
	walk->passes++;
	walk->channels += cmd->conv_pass.maps;
	walk->stripes += (walk->layer.out_rows + 1) / 2;
	if (!ret && walk->stripes > MAX_STRIPES)
		ret = wrong_here(walk, "more rows than any job could do in time");
	return ret;
}

/* A layer ends where the next one begins, or with the commands. */
static int end_layer(const struct walk *walk)
{
	const struct dh_program_conv *conv = walk->conv;

	if (conv && (conv->cmd_end != walk->at || conv->passes != walk->passes ||
		     conv->out_channels != walk->channels || !walk->passes))
		return wrong_here(walk, "the source map does not match the layer that ends here");
	return 0;
}

static bool same_layer(const struct dh_conv_layer *a, const struct dh_conv_layer *b)
{
	return a->flags == b->flags && a->kernel_rows == b->kernel_rows &&
	       a->kernel_cols == b->kernel_cols && a->stride_rows == b->stride_rows &&
	       a->stride_cols == b->stride_cols && a->pad_top == b->pad_top &&
	       a->pad_left == b->pad_left && a->macs == b->macs && a->out_shift == b->out_shift &&
	       a->rows == b->rows && a->cols == b->cols && a->out_rows == b->out_rows &&
	       a->out_cols == b->out_cols && a->channels == b->channels &&
	       a->bias_shift == b->bias_shift;
}

static int begin_layer(struct walk *walk, const struct dh_conv_layer *layer)
{
	const struct dh_program *program = walk->program;
	int ret = end_layer(walk);

	if (ret)
		return ret;
	if (walk->done == program->conv_count)
		return wrong_here(walk, "more layers than it says");
	walk->conv = &program->convs[walk->done++];
	walk->layer = *layer;
	walk->passes = 0;
	walk->channels = 0;
	if (walk->conv->cmd_offset != walk->at || !same_layer(&walk->conv->layer, layer))
		return wrong_here(walk, "the source map does not match this layer");
	return 0;
}

static int check_command(struct walk *walk, const struct dh_cmd *cmd)
{
	switch (cmd->opcode) {
	case DELTAHOP_OP_CONV_LAYER:
		return begin_layer(walk, &cmd->conv_layer);
	case DELTAHOP_OP_CONV_INPUT:
		return check_input(walk, &cmd->conv_input);
	case DELTAHOP_OP_CONV_PASS:
	case DELTAHOP_OP_CONV_FC:
		return check_pass(walk, cmd);
	case DELTAHOP_OP_END:
		return end_layer(walk);
	default:
		return 0;
	}
}

/* The commands are valid, so that each belongs to a layer. */
int dh_program_check_conv(const struct dh_program *program, const struct dh_cmd_limits *limits,
			  struct dh_error *err)
{
	struct walk walk = { .program = program, .limits = limits, .err = err };
	struct dh_cmd cmd;
	int ret = 0;

	for (; !ret && walk.at < program->commands.size; walk.at += cmd.size) {
		dh_cmd_decode(program->commands.data + walk.at, program->commands.size - walk.at,
			      limits, &cmd);
		ret = check_command(&walk, &cmd);
	}
	if (!ret && walk.done != program->conv_count)
		ret = dh_program_wrong(err, "fewer layers than it says");
	if (!ret && walk.written != count_groups(program->outputs, program->output_count))
		ret = dh_program_wrong(err, "an output that nothing writes, or twice");
	return ret;
}
