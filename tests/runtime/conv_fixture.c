// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conv_fixture.h"
#include "program/map.h"
#include "reference_conv_timing.h"

#define MAX_COMMANDS 4096
#define MAX_WEIGHTS  (1 << 20)

static uint32_t next(struct fixture *fix)
{
	fix->seed = fix->seed * 1664525 + 1013904223;
	return fix->seed >> 8;
}

/* Never 0, but for @fix->sparse of 8. */
static int16_t number(struct fixture *fix, int most)
{
	int value = 1 + next(fix) % most;

	if ((int)(next(fix) % 8) < fix->sparse)
		return 0;
	return next(fix) % 2 ? value : -value;
}

/* --- making --- */

void fix_begin(struct fixture *fix, uint32_t seed, bool packed)
{
	struct dh_program *program = calloc(1, sizeof(*program));

	*fix = (struct fixture){ .program = program, .seed = seed, .macs = 128, .sparse = 3 };
	program->name = strdup("fixture");
	program->profile = strdup(packed ? "card" : "nullhop-asic");
	program->engine = DELTAHOP_ENGINE_CONV;
	program->abi_major = DELTAHOP_HW_ABI_MAJOR;
	program->macs = fix->macs;
	program->packed = packed;
	program->commands.data = calloc(1, MAX_COMMANDS);
	program->weights.data = calloc(1, MAX_WEIGHTS);
	program->convs = calloc(FIX_LAYERS, sizeof(*program->convs));
	program->inputs = calloc(FIX_MAPS, sizeof(*program->inputs));
	program->outputs = calloc(FIX_MAPS, sizeof(*program->outputs));
}

uint32_t fix_room(struct fixture *fix, uint32_t region, uint32_t bytes)
{
	uint32_t offset = fix->bytes[region];

	fix->bytes[region] += (bytes + 15) / 8 * 8;
	return offset;
}

int fix_add_map(struct fixture *fix, uint32_t region, int rows, int cols, int channels,
		bool encoded)
{
	struct fix_map *map = &fix->map[fix->maps];

	*map = (struct fix_map){
		.region = region,
		.offset =
			fix_room(fix, region,
				 dh_map_room(rows, cols, channels, encoded, fix->program->packed)),
		.ref = { .rows = rows,
			 .cols = cols,
			 .channels = channels,
			 .encoded = encoded,
			 .card = region == DH_REGION_SCRATCH },
	};
	return fix->maps++;
}

static void append(struct fixture *fix, const struct dh_cmd *cmd)
{
	struct dh_blob *commands = &fix->program->commands;

	commands->size += dh_cmd_encode(cmd, commands->data + commands->size);
	if (fix->layers)
		fix->program->convs[fix->layers - 1].cmd_end = commands->size;
}

static void append_layer(struct fixture *fix, const struct ref_conv_layer *ref)
{
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_CONV_LAYER };

	cmd.conv_layer = (struct dh_conv_layer){
		.flags = (ref->relu ? DELTAHOP_CONV_RELU : 0) |
			 (ref->pool_max ? DELTAHOP_CONV_POOL_MAX : 0) |
			 (ref->pool_avg ? DELTAHOP_CONV_POOL_AVG : 0) |
			 (ref->weight8 ? DELTAHOP_CONV_WEIGHT8 : 0) |
			 (ref->encode ? DELTAHOP_CONV_ENCODE : 0),
		.kernel_rows = ref->kernel_rows,
		.kernel_cols = ref->kernel_cols,
		.stride_rows = ref->stride_rows,
		.stride_cols = ref->stride_cols,
		.pad_top = ref->pad_top,
		.pad_left = ref->pad_left,
		.macs = ref->macs,
		.out_shift = ref->out_shift,
		.rows = ref->rows,
		.cols = ref->cols,
		.out_rows = ref->out_rows,
		.out_cols = ref->out_cols,
		.channels = ref->channels,
		.bias_shift = ref->bias_shift,
	};
	append(fix, &cmd);
}

void fix_add_layer(struct fixture *fix, const char *node, const struct ref_conv_layer *geometry,
		   const int *in, int count)
{
	struct fix_layer *layer = &fix->layer[fix->layers];
	struct dh_program_conv *conv = &fix->program->convs[fix->layers++];

	layer->ref = *geometry;
	layer->ref.inputs = count;
	conv->cmd_offset = fix->program->commands.size;
	conv->node = strdup(node);
	conv->op = strdup("Conv");
	fix->program->conv_count = fix->layers;
	append_layer(fix, &layer->ref);
	for (int i = 0; i < count; i++) {
		const struct fix_map *map = &fix->map[in[i]];
		struct dh_cmd cmd = { .opcode = DELTAHOP_OP_CONV_INPUT };

		layer->in[i] = in[i];
		layer->ref.input[i] = map->ref;
		cmd.conv_input = (struct dh_conv_input){
			.encoded = map->ref.encoded,
			.channels = map->ref.channels,
			.region = map->region,
			.offset = map->offset,
		};
		append(fix, &cmd);
	}
}

static size_t kernel_count(const struct ref_conv_layer *layer, int maps)
{
	return (size_t)maps * layer->channels * layer->kernel_rows * layer->kernel_cols;
}

static void make_weights(struct fixture *fix, const struct ref_conv_layer *layer,
			 struct ref_conv_pass *pass)
{
	size_t i, count = pass->fully_connected
				  ? (size_t)layer->rows * layer->cols * layer->channels * pass->maps
				  : kernel_count(layer, pass->maps);

	pass->bias = calloc(pass->maps, sizeof(*pass->bias));
	pass->kernel = calloc(count, sizeof(*pass->kernel));
	for (i = 0; i < (size_t)pass->maps; i++)
		pass->bias[i] = number(fix, 500);
	for (i = 0; i < count; i++)
		pass->kernel[i] = number(fix, 100);
}

void fix_add_pass(struct fixture *fix, bool fully_connected, int maps, int out, int add, int psum,
		  uint32_t psum_offset)
{
	struct fix_layer *layer = &fix->layer[fix->layers - 1];
	struct fix_pass *pass = &layer->pass[layer->passes++];
	struct dh_program *program = fix->program;
	struct dh_cmd cmd = { .opcode = fully_connected ? DELTAHOP_OP_CONV_FC
							: DELTAHOP_OP_CONV_PASS };

	*pass = (struct fix_pass){ .out = out, .add = add };
	pass->ref = (struct ref_conv_pass){
		.maps = maps,
		.fully_connected = fully_connected,
		.psum_in = psum & 1,
		.psum_out = psum & 2,
		.add = add != FIX_NONE,
		.psum_card = true,
		.weight_card = true,
		.output_card = out != FIX_NONE && fix->map[out].ref.card,
		.add_shift = add != FIX_NONE ? 6 : 0,
	};
	make_weights(fix, &layer->ref, &pass->ref);
	cmd.conv_pass = (struct dh_conv_pass){
		.flags = (psum & 1 ? DELTAHOP_PASS_PSUM_IN : 0) |
			 (psum & 2 ? DELTAHOP_PASS_PSUM_OUT : 0) |
			 (add != FIX_NONE ? DELTAHOP_PASS_ADD : 0) |
			 (add != FIX_NONE && fix->map[add].ref.encoded ? DELTAHOP_PASS_ADD_ENCODED
								       : 0),
		.maps = maps,
		.add_shift = pass->ref.add_shift,
		.weight_region = DH_REGION_WEIGHTS,
		.weight_offset = program->weights.size,
		.output_region = out != FIX_NONE ? fix->map[out].region : 0,
		.output_offset = out != FIX_NONE ? fix->map[out].offset : 0,
		.psum_region = psum ? DH_REGION_SCRATCH : 0,
		.psum_offset = psum_offset,
		.add_region = add != FIX_NONE ? fix->map[add].region : 0,
		.add_offset = add != FIX_NONE ? fix->map[add].offset : 0,
	};
	append(fix, &cmd);
	ref_conv_store_weights(&layer->ref, &pass->ref, fix->macs, program->packed, 77,
			       program->weights.data + program->weights.size);
	program->weights.size +=
		(ref_conv_weight_bytes(&layer->ref, &pass->ref, fix->macs, program->packed) + 7) /
		8 * 8;
	program->convs[fix->layers - 1].passes++;
	program->convs[fix->layers - 1].out_channels += maps;
}

void fix_name(struct fixture *fix, const char *name, int scale_exp, const int *ids, int count)
{
	struct dh_program *program = fix->program;
	bool input = fix->map[ids[0]].region == DH_REGION_INPUT;
	struct dh_program_map *map = input ? &program->inputs[program->input_count++]
					   : &program->outputs[program->output_count++];

	*map = (struct dh_program_map){
		.name = strdup(name),
		.rows = fix->map[ids[0]].ref.rows,
		.cols = fix->map[ids[0]].ref.cols,
		.scale_exp = scale_exp,
		.encoded = fix->map[ids[0]].ref.encoded,
		.group_count = count,
		.groups = calloc(count, sizeof(*map->groups)),
	};
	for (int i = 0; i < count; i++) {
		const struct fix_map *from = &fix->map[ids[i]];

		map->channels += from->ref.channels;
		map->groups[i] = (struct dh_program_group){
			.channels = from->ref.channels,
			.offset = from->offset,
			.bytes = dh_map_room(from->ref.rows, from->ref.cols, from->ref.channels,
					     from->ref.encoded, program->packed),
		};
	}
}

void fix_end(struct fixture *fix)
{
	struct dh_program *program = fix->program;
	struct dh_cmd end = { .opcode = DELTAHOP_OP_END };

	program->scratch_bytes = fix->bytes[DH_REGION_SCRATCH];
	program->commands.size +=
		dh_cmd_encode(&end, program->commands.data + program->commands.size);
	dh_program_set_need(program);
}

/* --- computing --- */

static struct fix_map *map_at(const struct fixture *fix, uint32_t region, uint32_t offset)
{
	for (int i = 0; i < fix->maps; i++) {
		if (fix->map[i].region == region && fix->map[i].offset == offset)
			return (struct fix_map *)&fix->map[i];
	}
	abort();
}

static size_t values(const struct ref_map *map)
{
	return (size_t)map->rows * map->cols * map->channels;
}

/* Value of channel @c, at @pixel, of a map that lies in groups. */
static int16_t *value_at(const struct fixture *fix, const struct dh_program_map *map,
			 uint32_t region, uint32_t c, uint32_t pixel)
{
	uint32_t group = 0;
	struct fix_map *part;

	while (c >= map->groups[group].channels)
		c -= map->groups[group++].channels;
	part = map_at(fix, region, map->groups[group].offset);
	return &part->ref.value[(size_t)pixel * part->ref.channels + c];
}

/* Value @v in the order of [channels][rows][cols]. */
static float float_at(const struct fixture *fix, const struct dh_program_map *map, uint32_t region,
		      uint32_t v)
{
	uint32_t pixels = map->rows * map->cols, channel = v / pixels, pixel = v % pixels;
	int16_t value = *value_at(fix, map, region, channel, pixel);

	return ldexpf(value, map->scale_exp - 8);
}

void fix_fill(struct fixture *fix, float **floats)
{
	for (int i = 0; i < fix->maps; i++) {
		free(fix->map[i].ref.value);
		fix->map[i].ref.value = calloc(values(&fix->map[i].ref), sizeof(int16_t));
		for (size_t v = 0; v < values(&fix->map[i].ref); v++)
			fix->map[i].ref.value[v] =
				fix->map[i].region == DH_REGION_INPUT ? number(fix, 700) : 0;
	}
	for (uint32_t m = 0; m < fix->program->input_count; m++) {
		const struct dh_program_map *map = &fix->program->inputs[m];

		for (uint32_t v = 0; v < dh_map_values(map); v++)
			floats[m][v] = float_at(fix, map, DH_REGION_INPUT, v);
	}
}

static void evaluate_pass(struct fixture *fix, const struct fix_layer *layer, struct fix_pass *pass,
			  int32_t **sums)
{
	struct ref_map output;

	pass->ref.psum = *sums;
	if (pass->add != FIX_NONE)
		pass->ref.added = fix->map[pass->add].ref;
	if (pass->ref.psum_out) {
		*sums = ref_conv_psums(&layer->ref, &pass->ref);
		return;
	}
	output = ref_conv_output(&layer->ref, &pass->ref);
	memcpy(fix->map[pass->out].ref.value, output.value,
	       values(&fix->map[pass->out].ref) * sizeof(int16_t));
	free(output.value);
}

/* Partial sums go from one layer to the next. */
void fix_evaluate(struct fixture *fix)
{
	int32_t *sums = NULL;

	for (int l = 0; l < fix->layers; l++) {
		struct fix_layer *layer = &fix->layer[l];

		for (int i = 0; i < layer->ref.inputs; i++)
			layer->ref.input[i] = fix->map[layer->in[i]].ref;
		for (int p = 0; p < layer->passes; p++)
			evaluate_pass(fix, layer, &layer->pass[p], &sums);
	}
	for (int l = 0; l < fix->layers; l++) {
		for (int p = 0; p < fix->layer[l].passes; p++)
			fix->layer[l].pass[p].ref.psum = NULL;
	}
	free(sums);
}

float *fix_expected(const struct fixture *fix, uint32_t index)
{
	const struct dh_program_map *map = &fix->program->outputs[index];
	float *floats = calloc(dh_map_values(map), sizeof(*floats));

	for (uint32_t v = 0; v < dh_map_values(map); v++)
		floats[v] = float_at(fix, map, DH_REGION_OUTPUT, v);
	return floats;
}

void fix_cost(const struct fixture *fix, int layer, const struct ref_conv_device *device,
	      struct ref_conv_cost *sum)
{
	const struct fix_layer *l = &fix->layer[layer];
	int held = 0;

	*sum = (struct ref_conv_cost){ 0 };
	for (int p = 0; p < l->passes; p++) {
		const struct fix_pass *pass = &l->pass[p];
		struct ref_conv_cost cost = ref_conv_cost(
			&l->ref, &pass->ref, device,
			pass->out == FIX_NONE ? NULL : &fix->map[pass->out].ref, &held, NULL);

		sum->cycles += cost.cycles;
		sum->step_cycles += cost.step_cycles;
		sum->bytes_weights += cost.bytes_weights;
		sum->bytes_in += cost.bytes_in;
		sum->bytes_out += cost.bytes_out;
		sum->work_done += cost.work_done;
		sum->work_skipped += cost.work_skipped;
		sum->stripes += cost.stripes;
		sum->taken += cost.taken;
	}
}

void fix_free(struct fixture *fix)
{
	for (int l = 0; l < fix->layers; l++) {
		for (int p = 0; p < fix->layer[l].passes; p++) {
			free(fix->layer[l].pass[p].ref.bias);
			free(fix->layer[l].pass[p].ref.kernel);
		}
	}
	for (int i = 0; i < fix->maps; i++)
		free(fix->map[i].ref.value);
	dh_program_free(fix->program);
}

/* --- programs --- */

void fix_network(struct fixture *fix, uint32_t seed)
{
	const struct ref_conv_layer first = {
		.relu = true,
		.encode = true,
		.weight8 = true,
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 2,
		.out_shift = 6,
		.bias_shift = 3,
		.rows = 9,
		.cols = 7,
		.out_rows = 9,
		.out_cols = 7,
		.channels = 3,
	};
	struct ref_conv_layer second = first, third = { 0 }, sums;
	int x, skip, a, b, pooled, y, z, in[2];
	uint32_t psum;

	fix_begin(fix, seed, true);
	x = fix_add_map(fix, DH_REGION_INPUT, 9, 7, 3, false);
	skip = fix_add_map(fix, DH_REGION_INPUT, 9, 7, 6, true);
	fix_name(fix, "x", 1, &x, 1);
	fix_name(fix, "skip", 0, &skip, 1);
	a = fix_add_map(fix, DH_REGION_SCRATCH, 9, 7, 20, true);
	b = fix_add_map(fix, DH_REGION_SCRATCH, 9, 7, 12, true);
	fix_add_layer(fix, "first", &first, &x, 1);
	fix_add_pass(fix, false, 20, a, FIX_NONE, 0, 0);
	fix_add_pass(fix, false, 12, b, FIX_NONE, 0, 0);

	/* the channels of its input in two pieces, which hand on partial sums */
	psum = fix_room(fix, DH_REGION_SCRATCH, 4 * 9 * 7 * 6);
	sums = first;
	sums.weight8 = false;
	sums.encode = sums.relu = false;
	sums.out_shift = 11;
	sums.macs = 4;
	sums.channels = 20;
	fix_add_layer(fix, "second", &sums, &a, 1);
	fix_add_pass(fix, false, 6, FIX_NONE, FIX_NONE, 2, psum);
	pooled = fix_add_map(fix, DH_REGION_OUTPUT, 4, 3, 6, true);
	second = sums;
	second.channels = 12;
	second.encode = second.relu = second.pool_max = true;
	fix_add_layer(fix, "second", &second, &b, 1);
	fix_add_pass(fix, false, 6, pooled, skip, 1, psum);

	third = (struct ref_conv_layer){
		.kernel_rows = 1,
		.kernel_cols = 1,
		.stride_rows = 1,
		.stride_cols = 1,
		.macs = 1,
		.out_shift = 9,
		.bias_shift = 4,
		.rows = 4,
		.cols = 3,
		.out_rows = 1,
		.out_cols = 1,
		.channels = 6,
	};
	y = fix_add_map(fix, DH_REGION_OUTPUT, 1, 1, 5, false);
	z = fix_add_map(fix, DH_REGION_OUTPUT, 1, 1, 6, false);
	fix_add_layer(fix, "third", &third, &pooled, 1);
	fix_add_pass(fix, true, 5, y, FIX_NONE, 0, 0);
	fix_add_pass(fix, true, 6, z, FIX_NONE, 0, 0);
	fix_name(fix, "pooled", -1, &pooled, 1);
	in[0] = y;
	in[1] = z;
	fix_name(fix, "y", 2, in, 2);
	fix_end(fix);
}

void fix_published(struct fixture *fix, uint32_t seed)
{
	const struct ref_conv_layer first = {
		.relu = true,
		.encode = true,
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 1,
		.out_shift = 8,
		.bias_shift = 8,
		.rows = 5,
		.cols = 5,
		.out_rows = 5,
		.out_cols = 5,
		.channels = 3,
	};
	struct ref_conv_layer second = first;
	int x, a, b, y[3];

	fix_begin(fix, seed, false);
	x = fix_add_map(fix, DH_REGION_INPUT, 5, 5, 3, false);
	fix_name(fix, "x", 0, &x, 1);
	a = fix_add_map(fix, DH_REGION_SCRATCH, 5, 5, 4, true);
	b = fix_add_map(fix, DH_REGION_SCRATCH, 5, 5, 3, true);
	fix_add_layer(fix, "first", &first, &x, 1);
	fix_add_pass(fix, false, 4, a, FIX_NONE, 0, 0);
	fix_add_pass(fix, false, 3, b, FIX_NONE, 0, 0);
	second.channels = 7;
	second.pad_top = second.pad_left = 0;
	second.out_rows = second.out_cols = 3;
	y[0] = fix_add_map(fix, DH_REGION_OUTPUT, 3, 3, 3, true);
	y[1] = fix_add_map(fix, DH_REGION_OUTPUT, 3, 3, 1, true);
	y[2] = fix_add_map(fix, DH_REGION_OUTPUT, 3, 3, 2, true);
	fix_add_layer(fix, "second", &second, (int[]){ a, b }, 2);
	for (int i = 0; i < 3; i++)
		fix_add_pass(fix, false, fix->map[y[i]].ref.channels, y[i], FIX_NONE, 0, 0);
	fix_name(fix, "y", 0, y, 3);
	fix_end(fix);
}
