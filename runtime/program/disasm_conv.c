// SPDX-License-Identifier: MIT
/* A program of the convolution engine as text and as JSON. */
#include "base/json.h"
#include "base/text.h"
#include "program/disasm_conv.h"
#include "program/map.h"

static const char *pool_name(uint32_t flags)
{
	return flags & DELTAHOP_CONV_POOL_MAX	? "max"
	       : flags & DELTAHOP_CONV_POOL_AVG ? "avg"
						: "none";
}

/* --- text --- */

static void print_map(const char *what, const struct dh_program_map *map, FILE *out)
{
	fprintf(out, "; %-7s %s: %u channels of %u x %u, value = int16 / 256 * 2^%d%s", what,
		map->name, map->channels, map->rows, map->cols, (int)map->scale_exp,
		map->encoded ? ", encoded" : "");
	if (map->group_count > 1)
		fprintf(out, ", in %u groups", map->group_count);
	fputc('\n', out);
}

void dh_disasm_conv_print_head(const struct dh_program *program, FILE *out)
{
	const struct dh_cmd_limits *need = &program->need;

	fprintf(out,
		"; needs   capabilities 0x%llx, %u MACs of %u weights, store of %u bytes, "
		"%u channels, %u columns, %u outputs\n",
		(unsigned long long)need->caps, need->conv_macs, need->conv_kernel_words,
		need->conv_store_bytes, need->conv_max_channels, need->conv_max_cols,
		need->conv_max_outputs);
	fprintf(out,
		"; memory  commands %zu, weights %zu, scratch %u, input %llu, output %llu bytes%s\n",
		program->commands.size, program->weights.size, program->scratch_bytes,
		(unsigned long long)dh_program_maps_bytes(program->inputs, program->input_count),
		(unsigned long long)dh_program_maps_bytes(program->outputs, program->output_count),
		program->packed ? "" : ", in bus words");
	for (uint32_t i = 0; i < program->input_count; i++)
		print_map("input", &program->inputs[i], out);
	for (uint32_t i = 0; i < program->output_count; i++)
		print_map("output", &program->outputs[i], out);
}

static void print_layer(const struct dh_conv_layer *layer, FILE *out)
{
	fprintf(out, "%ux%ux%u->%ux%u kernel=%ux%u stride=%ux%u pad=%d,%d m=%u shift=%u/%u",
		layer->rows, layer->cols, layer->channels, layer->out_rows, layer->out_cols,
		layer->kernel_rows, layer->kernel_cols, layer->stride_rows, layer->stride_cols,
		layer->pad_top, layer->pad_left, layer->macs, layer->out_shift, layer->bias_shift);
	if (layer->flags & DELTAHOP_CONV_RELU)
		fprintf(out, " relu");
	if (layer->flags & (DELTAHOP_CONV_POOL_MAX | DELTAHOP_CONV_POOL_AVG))
		fprintf(out, " pool=%s", pool_name(layer->flags));
	if (layer->flags & DELTAHOP_CONV_WEIGHT8)
		fprintf(out, " weight8");
	if (layer->flags & DELTAHOP_CONV_ENCODE)
		fprintf(out, " encode");
}

static void print_place(const char *what, uint32_t region, uint64_t offset, FILE *out)
{
	fprintf(out, " %s=%s+0x%llx", what, dh_region_name(region), (unsigned long long)offset);
}

static void print_input(const struct dh_conv_input *input, FILE *out)
{
	fprintf(out, "channels=%u", input->channels);
	print_place("in", input->region, input->offset, out);
	if (input->encoded)
		fprintf(out, " encoded");
}

static void print_pass(const struct dh_conv_pass *pass, FILE *out)
{
	fprintf(out, "maps=%u", pass->maps);
	print_place("weights", pass->weight_region, pass->weight_offset, out);
	if (pass->flags & DELTAHOP_PASS_PSUM_IN)
		print_place("psum-in", pass->psum_region, pass->psum_offset, out);
	if (pass->flags & DELTAHOP_PASS_ADD) {
		print_place("add", pass->add_region, pass->add_offset, out);
		fprintf(out, "<<%u%s", pass->add_shift,
			pass->flags & DELTAHOP_PASS_ADD_ENCODED ? " add-encoded" : "");
	}
	if (pass->flags & DELTAHOP_PASS_PSUM_OUT)
		print_place("psum-out", pass->psum_region, pass->psum_offset, out);
	else
		print_place("out", pass->output_region, pass->output_offset, out);
}

void dh_disasm_conv_print(const struct dh_cmd *cmd, const struct dh_program_conv *conv, FILE *out)
{
	switch (cmd->opcode) {
	case DELTAHOP_OP_CONV_LAYER:
		print_layer(&cmd->conv_layer, out);
		if (conv)
			fprintf(out, "  ; %s (%s, %u maps in %u pass%s)", conv->node, conv->op,
				conv->out_channels, conv->passes, conv->passes == 1 ? "" : "es");
		break;
	case DELTAHOP_OP_CONV_INPUT:
		print_input(&cmd->conv_input, out);
		break;
	case DELTAHOP_OP_CONV_PASS:
	case DELTAHOP_OP_CONV_FC:
		print_pass(&cmd->conv_pass, out);
		break;
	default:
		break;
	}
}

/* --- JSON --- */

static json_t *describe_group(const struct dh_program_group *group)
{
	json_t *object = json_object();

	dh_json_set(&object, "channels", json_integer(group->channels));
	dh_json_set(&object, "offset", json_integer(group->offset));
	dh_json_set(&object, "bytes", json_integer(group->bytes));
	return object;
}

static json_t *describe_map(const struct dh_program_map *map)
{
	json_t *object = json_object(), *groups = json_array();

	for (uint32_t i = 0; i < map->group_count; i++)
		dh_json_append(&groups, describe_group(&map->groups[i]));
	dh_json_set(&object, "name", dh_text_json(map->name));
	dh_json_set(&object, "rows", json_integer(map->rows));
	dh_json_set(&object, "cols", json_integer(map->cols));
	dh_json_set(&object, "channels", json_integer(map->channels));
	dh_json_set(&object, "scale_exp", json_integer(map->scale_exp));
	dh_json_set(&object, "encoded", json_boolean(map->encoded));
	dh_json_set(&object, "groups", groups);
	return object;
}

static json_t *describe_maps(const struct dh_program_map *maps, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		dh_json_append(&array, describe_map(&maps[i]));
	return array;
}

static json_t *describe_need(const struct dh_program *program)
{
	const struct dh_cmd_limits *need = &program->need;
	json_t *object = json_object();

	dh_json_set(&object, "caps", json_integer(need->caps));
	dh_json_set(&object, "conv_macs", json_integer(need->conv_macs));
	dh_json_set(&object, "conv_kernel_words", json_integer(need->conv_kernel_words));
	dh_json_set(&object, "conv_store_bytes", json_integer(need->conv_store_bytes));
	dh_json_set(&object, "conv_max_channels", json_integer(need->conv_max_channels));
	dh_json_set(&object, "conv_max_cols", json_integer(need->conv_max_cols));
	dh_json_set(&object, "conv_max_outputs", json_integer(need->conv_max_outputs));
	dh_json_set(&object, "abi_major", json_integer(program->abi_major));
	dh_json_set(&object, "abi_minor", json_integer(program->abi_minor));
	return object;
}

void dh_disasm_conv_json(const struct dh_program *program, json_t **object)
{
	dh_json_set(object, "need", describe_need(program));
	dh_json_set(object, "packed", json_boolean(program->packed));
	dh_json_set(object, "inputs", describe_maps(program->inputs, program->input_count));
	dh_json_set(object, "outputs", describe_maps(program->outputs, program->output_count));
}

static void describe_layer(const struct dh_conv_layer *layer, json_t **object)
{
	dh_json_set(object, "rows", json_integer(layer->rows));
	dh_json_set(object, "cols", json_integer(layer->cols));
	dh_json_set(object, "channels", json_integer(layer->channels));
	dh_json_set(object, "out_rows", json_integer(layer->out_rows));
	dh_json_set(object, "out_cols", json_integer(layer->out_cols));
	dh_json_set(object, "kernel_rows", json_integer(layer->kernel_rows));
	dh_json_set(object, "kernel_cols", json_integer(layer->kernel_cols));
	dh_json_set(object, "stride_rows", json_integer(layer->stride_rows));
	dh_json_set(object, "stride_cols", json_integer(layer->stride_cols));
	dh_json_set(object, "pad_top", json_integer(layer->pad_top));
	dh_json_set(object, "pad_left", json_integer(layer->pad_left));
	dh_json_set(object, "macs", json_integer(layer->macs));
	dh_json_set(object, "out_shift", json_integer(layer->out_shift));
	dh_json_set(object, "bias_shift", json_integer(layer->bias_shift));
	dh_json_set(object, "relu", json_boolean(layer->flags & DELTAHOP_CONV_RELU));
	dh_json_set(object, "pool", json_string(pool_name(layer->flags)));
	dh_json_set(object, "weight8", json_boolean(layer->flags & DELTAHOP_CONV_WEIGHT8));
	dh_json_set(object, "encode", json_boolean(layer->flags & DELTAHOP_CONV_ENCODE));
}

static json_t *place(uint32_t region, uint64_t offset)
{
	json_t *object = json_object();

	dh_json_set(&object, "region", json_string(dh_region_name(region)));
	dh_json_set(&object, "offset", json_integer(offset));
	return object;
}

static void describe_input(const struct dh_conv_input *input, json_t **object)
{
	dh_json_set(object, "channels", json_integer(input->channels));
	dh_json_set(object, "encoded", json_boolean(input->encoded));
	dh_json_set(object, "input", place(input->region, input->offset));
}

static void describe_pass(const struct dh_conv_pass *pass, json_t **object)
{
	bool psum = pass->flags & (DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_PSUM_OUT);

	dh_json_set(object, "maps", json_integer(pass->maps));
	dh_json_set(object, "weights", place(pass->weight_region, pass->weight_offset));
	dh_json_set(object, "psum_in", json_boolean(pass->flags & DELTAHOP_PASS_PSUM_IN));
	dh_json_set(object, "psum_out", json_boolean(pass->flags & DELTAHOP_PASS_PSUM_OUT));
	if (psum)
		dh_json_set(object, "psum", place(pass->psum_region, pass->psum_offset));
	if (pass->flags & DELTAHOP_PASS_ADD) {
		dh_json_set(object, "add", place(pass->add_region, pass->add_offset));
		dh_json_set(object, "add_shift", json_integer(pass->add_shift));
		dh_json_set(object, "add_encoded",
			    json_boolean(pass->flags & DELTAHOP_PASS_ADD_ENCODED));
	}
	if (!(pass->flags & DELTAHOP_PASS_PSUM_OUT))
		dh_json_set(object, "output", place(pass->output_region, pass->output_offset));
}

void dh_disasm_conv_describe(const struct dh_cmd *cmd, const struct dh_program_conv *conv,
			     json_t **object)
{
	if (conv) {
		dh_json_set(object, "node", dh_text_json(conv->node));
		dh_json_set(object, "operator", dh_text_json(conv->op));
	}
	switch (cmd->opcode) {
	case DELTAHOP_OP_CONV_LAYER:
		describe_layer(&cmd->conv_layer, object);
		break;
	case DELTAHOP_OP_CONV_INPUT:
		describe_input(&cmd->conv_input, object);
		break;
	case DELTAHOP_OP_CONV_PASS:
	case DELTAHOP_OP_CONV_FC:
		describe_pass(&cmd->conv_pass, object);
		break;
	default:
		break;
	}
}
