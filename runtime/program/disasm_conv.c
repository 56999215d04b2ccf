// SPDX-License-Identifier: MIT
/* A program of the convolution engine as text and as JSON. */
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

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static json_t *describe_map(const struct dh_program_map *map)
{
	json_t *groups = json_array();

	for (uint32_t i = 0; i < map->group_count; i++)
		json_array_append_new(groups, json_pack("{s:i, s:I, s:I}", "channels",
							(int)map->groups[i].channels, "offset",
							(json_int_t)map->groups[i].offset, "bytes",
							(json_int_t)map->groups[i].bytes));
	return json_pack("{s:o, s:i, s:i, s:i, s:i, s:b, s:o}", "name", dh_text_json(map->name),
			 "rows", (int)map->rows, "cols", (int)map->cols, "channels",
			 (int)map->channels, "scale_exp", (int)map->scale_exp, "encoded",
			 map->encoded, "groups", groups);
}

static json_t *describe_maps(const struct dh_program_map *maps, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, describe_map(&maps[i]));
	return array;
}

static json_t *describe_need(const struct dh_program *program)
{
	const struct dh_cmd_limits *need = &program->need;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i}", "caps",
			 (json_int_t)need->caps, "conv_macs", (json_int_t)need->conv_macs,
			 "conv_kernel_words", (json_int_t)need->conv_kernel_words,
			 "conv_store_bytes", (json_int_t)need->conv_store_bytes,
			 "conv_max_channels", (json_int_t)need->conv_max_channels, "conv_max_cols",
			 (json_int_t)need->conv_max_cols, "conv_max_outputs",
			 (json_int_t)need->conv_max_outputs, "abi_major", (int)program->abi_major,
			 "abi_minor", (int)program->abi_minor);
}

json_t *dh_disasm_conv_json(const struct dh_program *program)
{
	return json_pack("{s:o, s:b, s:o, s:o}", "need", describe_need(program), "packed",
			 program->packed, "inputs",
			 describe_maps(program->inputs, program->input_count), "outputs",
			 describe_maps(program->outputs, program->output_count));
}

static void describe_layer(const struct dh_conv_layer *layer, json_t *object)
{
	set(object, "rows", json_integer(layer->rows));
	set(object, "cols", json_integer(layer->cols));
	set(object, "channels", json_integer(layer->channels));
	set(object, "out_rows", json_integer(layer->out_rows));
	set(object, "out_cols", json_integer(layer->out_cols));
	set(object, "kernel_rows", json_integer(layer->kernel_rows));
	set(object, "kernel_cols", json_integer(layer->kernel_cols));
	set(object, "stride_rows", json_integer(layer->stride_rows));
	set(object, "stride_cols", json_integer(layer->stride_cols));
	set(object, "pad_top", json_integer(layer->pad_top));
	set(object, "pad_left", json_integer(layer->pad_left));
	set(object, "macs", json_integer(layer->macs));
	set(object, "out_shift", json_integer(layer->out_shift));
	set(object, "bias_shift", json_integer(layer->bias_shift));
	set(object, "relu", json_boolean(layer->flags & DELTAHOP_CONV_RELU));
	set(object, "pool", json_string(pool_name(layer->flags)));
	set(object, "weight8", json_boolean(layer->flags & DELTAHOP_CONV_WEIGHT8));
	set(object, "encode", json_boolean(layer->flags & DELTAHOP_CONV_ENCODE));
}

static json_t *place(uint32_t region, uint64_t offset)
{
	return json_pack("{s:s, s:I}", "region", dh_region_name(region), "offset",
			 (json_int_t)offset);
}

static void describe_input(const struct dh_conv_input *input, json_t *object)
{
	set(object, "channels", json_integer(input->channels));
	set(object, "encoded", json_boolean(input->encoded));
	set(object, "input", place(input->region, input->offset));
}

static void describe_pass(const struct dh_conv_pass *pass, json_t *object)
{
	bool psum = pass->flags & (DELTAHOP_PASS_PSUM_IN | DELTAHOP_PASS_PSUM_OUT);

	set(object, "maps", json_integer(pass->maps));
	set(object, "weights", place(pass->weight_region, pass->weight_offset));
	set(object, "psum_in", json_boolean(pass->flags & DELTAHOP_PASS_PSUM_IN));
	set(object, "psum_out", json_boolean(pass->flags & DELTAHOP_PASS_PSUM_OUT));
	if (psum)
		set(object, "psum", place(pass->psum_region, pass->psum_offset));
	if (pass->flags & DELTAHOP_PASS_ADD) {
		set(object, "add", place(pass->add_region, pass->add_offset));
		set(object, "add_shift", json_integer(pass->add_shift));
		set(object, "add_encoded", json_boolean(pass->flags & DELTAHOP_PASS_ADD_ENCODED));
	}
	if (!(pass->flags & DELTAHOP_PASS_PSUM_OUT))
		set(object, "output", place(pass->output_region, pass->output_offset));
}

void dh_disasm_conv_describe(const struct dh_cmd *cmd, const struct dh_program_conv *conv,
			     json_t *object)
{
	if (conv) {
		set(object, "node", dh_text_json(conv->node));
		set(object, "operator", dh_text_json(conv->op));
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
