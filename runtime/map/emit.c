// SPDX-License-Identifier: MIT
/* Writes a plan down: a program for every part, and the network that holds them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "map/weights.h"

#define WEIGHT_ALIGNMENT 64

static int no_memory(const struct dh_plan *plan)
{
	dh_error_set(plan->err, "out of memory");
	return -ENOMEM;
}

/* --- commands ---------------------------------------------------------------------- */

/** struct writer - a program being written; without buffers it only counts */
struct writer {
	const struct dh_plan *plan;
	struct dh_program *program;
	uint64_t commands;
	uint64_t weights;
	uint32_t convs;
};

static void emit(struct writer *out, const struct dh_cmd *cmd)
{
	if (out->program->commands.data)
		dh_cmd_encode(cmd, out->program->commands.data + out->commands);
	out->commands += dh_cmd_size(cmd->opcode);
}

static struct dh_conv_layer layer_form(const struct dh_plan *plan,
				       const struct dh_plan_layer *layer,
				       const struct dh_piece *piece)
{
	const struct dh_plan_map *in = dh_layer_input(plan, layer, 0);
	bool dense = layer->fully_connected;

	return (struct dh_conv_layer){
		.flags = (layer->relu ? DELTAHOP_CONV_RELU : 0) |
			 (layer->pool == DH_POOL_MAX ? DELTAHOP_CONV_POOL_MAX : 0) |
			 (layer->pool == DH_POOL_AVERAGE ? DELTAHOP_CONV_POOL_AVG : 0) |
			 (layer->weight8 ? DELTAHOP_CONV_WEIGHT8 : 0) |
			 (plan->maps[layer->output].encoded ? DELTAHOP_CONV_ENCODE : 0),
		.kernel_rows = piece->kernel[0],
		.kernel_cols = piece->kernel[1],
		.stride_rows = layer->strides[0],
		.stride_cols = layer->strides[1],
		.pad_top = layer->pads[0] - piece->from[0],
		.pad_left = layer->pads[1] - piece->from[1],
		.macs = layer->macs,
		.out_shift = layer->out_shift,
		.rows = dense ? layer->view[0] : in->rows,
		.cols = dense ? layer->view[1] : in->cols,
		.out_rows = layer->out_rows,
		.out_cols = layer->out_cols,
		.channels = piece->channels,
		.bias_shift = layer->bias_shift,
	};
}

static void emit_input(struct writer *out, const struct dh_plan_layer *layer, uint32_t index)
{
	const struct dh_plan_map *map = layer->groups.groups[index].map;
	const struct dh_plan_group *group = &map->groups[layer->groups.groups[index].group];
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_CONV_INPUT };

	cmd.conv_input = (struct dh_conv_input){
		.encoded = map->encoded,
		.channels = group->channels,
		.region = map->region,
		.offset = group->offset,
	};
	if (layer->fully_connected)
		cmd.conv_input.channels = (uint64_t)map->rows * map->cols * group->channels /
					  layer->view[0] / layer->view[1];
	emit(out, &cmd);
}

static void emit_weights(struct writer *out, const struct dh_plan_layer *layer,
			 const struct dh_piece *piece, const struct dh_conv_layer *form,
			 uint32_t first_map, const struct dh_conv_pass *pass)
{
	uint8_t *at = out->program->weights.data ? out->program->weights.data + out->weights : NULL;
	uint64_t bytes = layer->fully_connected
				 ? dh_conv_fc_weight_bytes(form, pass)
				 : dh_conv_weight_bytes(form, pass, &out->plan->limits);

	if (at && layer->fully_connected)
		dh_weights_dense(out->plan, layer, first_map, pass->maps, at);
	else if (at)
		dh_weights_conv(out->plan, layer, piece, form, first_map, pass->maps, at);
	out->weights += (bytes + WEIGHT_ALIGNMENT - 1) / WEIGHT_ALIGNMENT * WEIGHT_ALIGNMENT;
}

static void set_sums(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		     const struct dh_piece *piece, uint32_t pass, struct dh_conv_pass *command)
{
	const struct dh_plan_map *map = &plan->maps[layer->output];

	if (!piece->from_psum && !piece->to_psum)
		return;
	command->flags |= (piece->from_psum ? DELTAHOP_PASS_PSUM_IN : 0) |
			  (piece->to_psum ? DELTAHOP_PASS_PSUM_OUT : 0);
	command->psum_region = DH_REGION_SCRATCH;
	command->psum_offset = layer->psum_offset;
	for (uint32_t g = 0; g < pass; g++)
		command->psum_offset += dh_layer_sum_bytes(layer, map->groups[g].channels);
}

static void set_added(const struct dh_plan *plan, const struct dh_plan_layer *layer, uint32_t pass,
		      struct dh_conv_pass *command)
{
	const struct dh_plan_map *added;

	if (layer->add == DH_PLAN_NONE)
		return;
	added = &plan->maps[layer->add];
	command->flags |= DELTAHOP_PASS_ADD | (added->encoded ? DELTAHOP_PASS_ADD_ENCODED : 0);
	command->add_shift = layer->add_shift;
	command->add_region = added->region;
	command->add_offset = added->groups[pass].offset;
}

static void emit_pass(struct writer *out, const struct dh_plan_layer *layer,
		      const struct dh_piece *piece, const struct dh_conv_layer *form, uint32_t pass,
		      uint32_t first_map)
{
	const struct dh_plan_map *map = &out->plan->maps[layer->output];
	struct dh_cmd cmd = { .opcode = layer->fully_connected ? DELTAHOP_OP_CONV_FC
							       : DELTAHOP_OP_CONV_PASS };

	cmd.conv_pass = (struct dh_conv_pass){
		.maps = map->groups[pass].channels,
		.weight_region = DH_REGION_WEIGHTS,
		.weight_offset = out->weights,
	};
	set_sums(out->plan, layer, piece, pass, &cmd.conv_pass);
	if (!piece->to_psum) {
		cmd.conv_pass.output_region = map->region;
		cmd.conv_pass.output_offset = map->groups[pass].offset;
		set_added(out->plan, layer, pass, &cmd.conv_pass);
	}
	emit_weights(out, layer, piece, form, first_map, &cmd.conv_pass);
	emit(out, &cmd);
}

/* What is fused names the layer too, in the order of the network. */
static int describe_piece(struct writer *out, const struct dh_plan_layer *layer,
			  const struct dh_piece *piece, uint32_t offset)
{
	const struct dh_net_node *node = &out->plan->net->nodes[layer->node];
	struct dh_program_conv *conv = &out->program->convs[out->convs];

	*conv = (struct dh_program_conv){
		.cmd_offset = offset,
		.cmd_end = out->commands,
		.passes = piece->pass_count,
		.node = strdup(node->name),
		.op = strdup(node->onnx_op),
	};
	for (uint32_t i = 0; i < piece->pass_count; i++)
		conv->out_channels +=
			out->plan->maps[layer->output].groups[piece->first_pass + i].channels;
	return conv->node && conv->op ? 0 : no_memory(out->plan);
}

static int emit_piece(struct writer *out, const struct dh_plan_layer *layer,
		      const struct dh_piece *piece)
{
	const struct dh_plan_map *map = &out->plan->maps[layer->output];
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_CONV_LAYER };
	uint32_t offset = out->commands, first_map = 0;
	int ret = 0;

	cmd.conv_layer = layer_form(out->plan, layer, piece);
	emit(out, &cmd);
	for (uint32_t g = 0; g < piece->group_count; g++)
		emit_input(out, layer, piece->first_group + g);
	for (uint32_t p = 0; p < piece->first_pass + piece->pass_count; p++) {
		if (p >= piece->first_pass)
			emit_pass(out, layer, piece, &cmd.conv_layer, p, first_map);
		first_map += map->groups[p].channels;
	}
	if (out->program->convs)
		ret = describe_piece(out, layer, piece, offset);
	out->convs++;
	return ret;
}

static int emit_part(struct writer *out, uint32_t level)
{
	const struct dh_cmd end = { .opcode = DELTAHOP_OP_END };
	int ret = 0;

	out->commands = out->weights = out->convs = 0;
	for (uint32_t l = 0; !ret && l < out->plan->layer_count; l++) {
		const struct dh_plan_layer *layer = &out->plan->layers[l];

		for (uint32_t p = 0; !ret && layer->part == level && p < layer->piece_count; p++)
			ret = emit_piece(out, layer, &layer->pieces[p]);
	}
	emit(out, &end);
	return ret;
}

static int emit_program(const struct dh_plan *plan, struct dh_program *program, uint32_t level)
{
	struct writer out = { .plan = plan, .program = program };
	int ret = emit_part(&out, level);

	if (out.convs > DH_PROGRAM_MAX_CONVS || out.commands > UINT32_MAX) {
		dh_error_set(plan->err,
			     "the network is cut into %u pieces; a program has at most %u: use "
			     "fewer or smaller layers",
			     out.convs, DH_PROGRAM_MAX_CONVS);
		return -EOPNOTSUPP;
	}
	program->commands = (struct dh_blob){ calloc(1, out.commands), out.commands };
	program->weights = (struct dh_blob){ calloc(1, out.weights), out.weights };
	program->convs = calloc(out.convs, sizeof(*program->convs));
	program->conv_count = out.convs;
	if (!program->commands.data || !program->weights.data || !program->convs)
		return no_memory(plan);
	return ret ? ret : emit_part(&out, level);
}

/* --- maps and programs -------------------------------------------------------------- */

static int describe_map(const struct dh_plan *plan, const struct dh_plan_map *from,
			struct dh_program_map *to)
{
	*to = (struct dh_program_map){
		.name = strdup(plan->net->tensors[from->tensor].name),
		.rows = from->rows,
		.cols = from->cols,
		.channels = from->channels,
		.scale_exp = 8 - plan->tensors[from->tensor].frac,
		.encoded = from->encoded,
		.group_count = from->group_count,
		.groups = calloc(from->group_count, sizeof(*to->groups)),
	};
	if (!to->name || !to->groups)
		return no_memory(plan);
	for (uint32_t g = 0; g < from->group_count; g++)
		to->groups[g] = (struct dh_program_group){
			.channels = from->groups[g].channels,
			.offset = from->groups[g].offset,
			.bytes = from->groups[g].bytes,
		};
	return 0;
}

/* The maps of a part in one region, with their tensors. */
static int describe_side(const struct dh_plan *plan, uint32_t level, uint32_t region,
			 struct dh_program_map **maps, uint32_t *count, int32_t **tensors)
{
	int ret = 0;

	*maps = calloc(plan->map_count, sizeof(**maps));
	*tensors = calloc(plan->map_count, sizeof(**tensors));
	if (!*maps || !*tensors)
		return no_memory(plan);
	for (uint32_t i = 0; !ret && i < plan->map_count; i++) {
		const struct dh_plan_map *map = &plan->maps[i];

		if (map->part != level || map->region != region)
			continue;
		(*tensors)[*count] = map->tensor;
		ret = describe_map(plan, map, &(*maps)[(*count)++]);
	}
	if (ret || *count <= DH_PROGRAM_MAX_MAPS)
		return ret;
	dh_error_set(plan->err, "a part of the network has %u inputs or outputs; it may have %u",
		     *count, DH_PROGRAM_MAX_MAPS);
	return -EOPNOTSUPP;
}

static int make_part(const struct dh_plan *plan, struct dh_network_part *part, uint32_t level)
{
	struct dh_program *program = calloc(1, sizeof(*program));
	int ret;

	part->program = program;
	if (!program)
		return no_memory(plan);
	program->engine = DELTAHOP_ENGINE_CONV;
	program->name = strdup(plan->net->name);
	program->profile = strdup(plan->options->profile);
	program->abi_major = DELTAHOP_HW_ABI_MAJOR;
	program->abi_minor = DELTAHOP_HW_ABI_MINOR;
	program->scratch_bytes = plan->scratch_bytes[level];
	program->macs = plan->limits.conv_macs;
	program->packed = plan->packed;
	if (!program->name || !program->profile)
		return no_memory(plan);
	ret = describe_side(plan, level, DH_REGION_INPUT, &program->inputs, &program->input_count,
			    &part->inputs);
	if (!ret)
		ret = describe_side(plan, level, DH_REGION_OUTPUT, &program->outputs,
				    &program->output_count, &part->outputs);
	if (!ret)
		ret = emit_program(plan, program, level);
	if (ret)
		return ret;
	dh_program_set_need(program);
	return dh_program_check(program, &plan->limits, plan->err);
}

/* --- the network ----------------------------------------------------------------------- */

static int copy_list(const struct dh_plan *plan, const int32_t *from, uint32_t count, int32_t **to)
{
	*to = calloc(count ? count : 1, sizeof(**to));
	if (!*to)
		return no_memory(plan);
	if (count)
		memcpy(*to, from, count * sizeof(**to));
	return 0;
}

static bool has_layers(const struct dh_plan *plan, uint32_t level)
{
	for (uint32_t l = 0; l < plan->layer_count; l++) {
		if (plan->layers[l].part == level)
			return true;
	}
	return false;
}

/* Takes over the chain's program. */
static int make_recurrent(const struct dh_plan *plan, struct dh_plan_chain *chain,
			  struct dh_network_part *part)
{
	part->program = chain->program;
	chain->program = NULL;
	part->inputs = calloc(1, sizeof(*part->inputs));
	part->outputs = calloc(1, sizeof(*part->outputs));
	if (!part->inputs || !part->outputs)
		return no_memory(plan);
	part->inputs[0] = chain->input;
	part->outputs[0] = chain->output;
	return 0;
}

static void add_step(struct dh_network *network, enum dh_step_kind kind, uint32_t index)
{
	network->steps[network->step_count++] = (struct dh_network_step){ kind, index };
}

/* What the host does right behind a part, and the parts of the recurrent engine in between. */
static int make_steps_behind(const struct dh_plan *plan, struct dh_network *network, uint32_t level)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < plan->net->node_count; i++) {
		struct dh_plan_chain *chain = dh_plan_chain_at(plan, i);

		if (chain && chain->level == level) {
			add_step(network, DH_STEP_PART, network->part_count);
			ret = make_recurrent(plan, chain, &network->parts[network->part_count++]);
		} else if (plan->nodes[i].place == DH_PLACE_HOST && plan->nodes[i].level == level) {
			add_step(network, DH_STEP_HOST, i);
		}
	}
	return ret;
}

/* The layers of the convolution engine of each level, then what comes behind them. */
static int make_steps(const struct dh_plan *plan, struct dh_network *network)
{
	uint32_t most = plan->level_count + plan->chain_count;
	int ret = 0;

	network->parts = calloc(most, sizeof(*network->parts));
	network->steps = calloc(plan->net->node_count + most, sizeof(*network->steps));
	if (!network->parts || !network->steps)
		return no_memory(plan);
	for (uint32_t level = 0; !ret && level < plan->level_count; level++) {
		if (has_layers(plan, level)) {
			add_step(network, DH_STEP_PART, network->part_count);
			ret = make_part(plan, &network->parts[network->part_count++], level);
		}
		if (!ret)
			ret = make_steps_behind(plan, network, level);
	}
	return ret;
}

int dh_plan_emit(struct dh_plan *plan, struct dh_network **result)
{
	struct dh_network *network = calloc(1, sizeof(*network));
	const struct dh_net *net = plan->net;
	int ret;

	if (!network)
		return no_memory(plan);
	network->name = strdup(net->name);
	network->profile = strdup(plan->options->profile);
	ret = network->name && network->profile ? 0 : no_memory(plan);
	if (!ret)
		ret = copy_list(plan, net->inputs, net->input_count, &network->inputs);
	if (!ret)
		ret = copy_list(plan, net->outputs, net->output_count, &network->outputs);
	network->input_count = net->input_count;
	network->output_count = net->output_count;
	if (!ret)
		ret = make_steps(plan, network);
	if (!ret) {
		network->net = plan->net;
		ret = dh_network_check(network, plan->err);
	}
	if (ret) {
		network->net = NULL;
		dh_network_free(network);
		return ret;
	}
	*result = network;
	return 0;
}
