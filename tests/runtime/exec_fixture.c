// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "exec_fixture.h"

#define COLUMN	     (3 * HIDDEN)
#define COLUMNS_0    (1 + INPUTS + HIDDEN)
#define COLUMNS_1    (1 + HIDDEN + HIDDEN)
#define WEIGHT_BYTES ((COLUMNS_0 + COLUMNS_1) * COLUMN)

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static uint32_t append(struct dh_blob *blob, const struct dh_cmd *cmd)
{
	uint32_t offset = blob->size;

	blob->size += dh_cmd_encode(cmd, blob->data + offset);
	return offset;
}

static void add_layer(struct dh_program *program, uint32_t index)
{
	struct dh_program_layer *layer = &program->layers[index];
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER };

	layer->layer = (struct dh_layer){
		.slot = index,
		.cell = DELTAHOP_CELL_GRU,
		.inputs = index ? HIDDEN : INPUTS,
		.hidden = HIDDEN,
		.weight_frac = { 7, 7, 7, 0 },
		.weight_region = DH_REGION_WEIGHTS,
		.weight_offset = index * COLUMNS_0 * COLUMN,
		.state_offset = index * DELTAHOP_RNN_STATE_GRU(INPUTS, HIDDEN),
	};
	cmd.layer = layer->layer;
	layer->cmd_offset = append(&program->commands, &cmd);
	layer->node = strdup(index ? "second" : "first");
	layer->op = strdup("GRU");
	layer->real_inputs = layer->layer.inputs;
	layer->real_hidden = HIDDEN;
	layer->theta_x = 8;
	layer->theta_h = 12;
}

static void add_run(struct dh_program *program)
{
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_RUN }, end = { .opcode = DELTAHOP_OP_END };

	cmd.run = (struct dh_run){
		.count = LAYERS,
		.params_region = DH_REGION_PARAMS,
		.input_region = DH_REGION_INPUT,
		.output_region = DH_REGION_OUTPUT,
	};
	program->runs[0] = (struct dh_program_run){
		.cmd_offset = append(&program->commands, &cmd),
		.input_stride = INPUTS * 2,
		.output_stride = HIDDEN * 2,
		.count = LAYERS,
	};
	append(&program->commands, &end);
}

static struct dh_program_tensor tensor(const char *name, uint32_t elements)
{
	return (struct dh_program_tensor){
		.name = strdup(name),
		.elements = elements,
		.padded = elements,
		.per_step = true,
		.rank = 3,
		.batch_axis = 1,
	};
}

struct dh_program *fixture_program(uint32_t seed)
{
	struct dh_program *program = calloc(1, sizeof(*program));
	uint32_t i;

	program->name = strdup("fixture");
	program->profile = strdup("edgedrnn");
	program->abi_major = DELTAHOP_HW_ABI_MAJOR;
	program->commands.data = calloc(1, 256);
	program->weights.data = malloc(WEIGHT_BYTES);
	program->weights.size = WEIGHT_BYTES;
	for (i = 0; i < WEIGHT_BYTES; i++)
		program->weights.data[i] = (int8_t)(next(&seed) % 65) - 32;
	program->layers = calloc(LAYERS, sizeof(*program->layers));
	program->layer_count = LAYERS;
	program->runs = calloc(1, sizeof(*program->runs));
	program->run_count = 1;
	for (i = 0; i < LAYERS; i++)
		add_layer(program, i);
	add_run(program);
	program->state_bytes =
		DELTAHOP_RNN_STATE_GRU(INPUTS, HIDDEN) + DELTAHOP_RNN_STATE_GRU(HIDDEN, HIDDEN);
	program->need = (struct dh_cmd_limits){
		.slots = LAYERS,
		.max_inputs = HIDDEN,
		.max_hidden = HIDDEN,
		.state_bytes = program->state_bytes,
	};
	program->input = tensor("x", INPUTS);
	program->output = tensor("y", HIDDEN);
	return program;
}

void fixture_free(struct dh_program *program)
{
	uint32_t i;

	for (i = 0; i < program->layer_count; i++) {
		free(program->layers[i].node);
		free(program->layers[i].op);
	}
	free(program->layers);
	free(program->runs);
	free(program->commands.data);
	free(program->weights.data);
	free(program->input.name);
	free(program->output.name);
	free(program->name);
	free(program->profile);
	free(program);
}

void fixture_input(uint32_t stream, uint32_t step, int16_t *x)
{
	uint32_t i, seed;

	for (i = 0; i < INPUTS; i++) {
		seed = (stream + 1) * 7919 + i * 104729 + step / (1 + i);
		next(&seed);
		x[i] = (int)(next(&seed) % 512) - 256;
	}
}

void fixture_reference(struct fixture_reference *ref, const struct dh_program *program)
{
	uint32_t i;

	memset(ref, 0, sizeof(*ref));
	for (i = 0; i < LAYERS; i++) {
		const struct dh_layer *layer = &program->layers[i].layer;

		ref->layer[i] = (struct ref_layer){
			.cell = layer->cell,
			.inputs = layer->inputs,
			.hidden = layer->hidden,
			.frac = { 7, 7, 7, 0 },
			.weights = (const int8_t *)program->weights.data + layer->weight_offset,
		};
		ref->theta_x[i] = program->layers[i].theta_x;
		ref->theta_h[i] = program->layers[i].theta_h;
	}
}

void fixture_step(struct fixture_reference *ref, const int16_t *x, int16_t *y)
{
	struct ref_trace trace;
	uint32_t i;

	for (i = 0; i < LAYERS; i++) {
		ref_step(&ref->layer[i], &ref->memory[i], ref->theta_x[i], ref->theta_h[i], x,
			 &trace);
		ref->fired += trace.bias + trace.x + trace.h;
		x = ref->memory[i].h;
	}
	memcpy(y, x, HIDDEN * sizeof(*y));
}
