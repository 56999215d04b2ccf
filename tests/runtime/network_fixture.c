// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec_fixture.h"
#include "network_fixture.h"
#include "program/map.h"

#define TENSORS 16
#define NODES	4

struct dh_network *network;
struct fixture conv;
float *conv_inputs[2];

int32_t net_add_tensor(const char *name, enum dh_net_type type, uint32_t rank, const uint32_t *dims)
{
	struct dh_net *net = network->net;
	struct dh_net_tensor *tensor = &net->tensors[net->tensor_count];

	tensor->name = dh_arena_strdup(&net->arena, name);
	tensor->type = type;
	tensor->onnx_type = type == DH_NET_FLOAT ? 1 : 7;
	tensor->rank = rank;
	memcpy(tensor->dims, dims, rank * sizeof(*dims));
	tensor->producer = DH_NET_NONE;
	return net->tensor_count++;
}

static int32_t *one_index(struct dh_net *net, int32_t index)
{
	int32_t *list = dh_arena_alloc(&net->arena, 1, sizeof(*list));

	*list = index;
	return list;
}

struct dh_net_node *net_add_node(enum dh_net_op op, const char *name, int32_t in, int32_t out)
{
	struct dh_net *net = network->net;
	struct dh_net_node *node = &net->nodes[net->node_count++];

	*node = (struct dh_net_node){
		.op = op,
		.name = dh_arena_strdup(&net->arena, name),
		.onnx_op = dh_arena_strdup(&net->arena, dh_net_op_name(op)),
		.inputs = one_index(net, in),
		.input_count = 1,
		.outputs = one_index(net, out),
		.output_count = 1,
	};
	return node;
}

void net_begin(void)
{
	struct dh_net *net = calloc(1, sizeof(*net));

	net->arena.limit = 1 << 20;
	net->name = dh_arena_strdup(&net->arena, "net");
	net->tensors = dh_arena_alloc(&net->arena, TENSORS, sizeof(*net->tensors));
	net->nodes = dh_arena_alloc(&net->arena, NODES, sizeof(*net->nodes));
	network = calloc(1, sizeof(*network));
	network->name = strdup("network");
	network->profile = strdup("card");
	network->net = net;
	network->inputs = calloc(TENSORS, sizeof(int32_t));
	network->outputs = calloc(TENSORS, sizeof(int32_t));
	network->parts = calloc(4, sizeof(*network->parts));
	network->steps = calloc(8, sizeof(*network->steps));
}

static void add_step(enum dh_step_kind kind, uint32_t index)
{
	network->steps[network->step_count++] = (struct dh_network_step){ kind, index };
}

static struct dh_network_part *add_part(struct dh_program *program)
{
	struct dh_network_part *part = &network->parts[network->part_count];

	part->program = program;
	part->inputs = calloc(4, sizeof(int32_t));
	part->outputs = calloc(4, sizeof(int32_t));
	add_step(DH_STEP_PART, network->part_count++);
	return part;
}

static int32_t map_tensor(const struct dh_program_map *map)
{
	return net_add_tensor(map->name, DH_NET_FLOAT, 4,
			      (uint32_t[]){ 1, map->channels, map->rows, map->cols });
}

static void fill_conv(void)
{
	for (uint32_t i = 0; i < conv.program->input_count; i++)
		conv_inputs[i] = calloc(dh_map_values(&conv.program->inputs[i]), sizeof(float));
	fix_fill(&conv, conv_inputs);
	fix_evaluate(&conv);
}

/* A convolution part that the caller feeds, with its tensors. */
struct dh_network_part *net_add_conv(void (*program)(struct fixture *fix, uint32_t seed))
{
	struct dh_network_part *part;

	program(&conv, 4);
	part = add_part(conv.program);
	for (uint32_t i = 0; i < conv.program->input_count; i++) {
		part->inputs[i] = map_tensor(&conv.program->inputs[i]);
		network->inputs[network->input_count++] = part->inputs[i];
	}
	for (uint32_t i = 0; i < conv.program->output_count; i++)
		part->outputs[i] = map_tensor(&conv.program->outputs[i]);
	fill_conv();
	return part;
}

static struct dh_network_part *add_gru(int32_t in)
{
	struct dh_network_part *part = add_part(fixture_program(6));

	part->inputs[0] = in;
	part->outputs[0] =
		net_add_tensor("h", DH_NET_FLOAT, 3, (const uint32_t[]){ NET_STEPS, 1, HIDDEN });
	return part;
}

void net_end(void)
{
	struct dh_error err;

	if (dh_network_check(network, &err)) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

/*
 * Convolutions, then a GRU over a map of theirs as 9 steps of 8 values, then Softmax and ArgMax of
 * their other output.
 */
void net_make_mixed(void)
{
	struct dh_network_part *first, *second;
	struct dh_net_node *node;
	int32_t p, class;

	net_begin();
	first = net_add_conv(fix_network);
	second = add_gru(first->outputs[0]);
	p = net_add_tensor("p", DH_NET_FLOAT, 4, (const uint32_t[]){ 1, 11, 1, 1 });
	class = net_add_tensor("class", DH_NET_INT, 4, (const uint32_t[]){ 1, 1, 1, 1 });
	node = net_add_node(DH_NET_SOFTMAX, "softmax", first->outputs[1], p);
	node->attr.softmax.axis = 1;
	node->attr.softmax.end = 2;
	add_step(DH_STEP_HOST, 0);
	node = net_add_node(DH_NET_ARG_MAX, "argmax", p, class);
	node->attr.arg.axis = 1;
	node->attr.arg.keep = true;
	add_step(DH_STEP_HOST, 1);
	network->outputs[0] = second->outputs[0];
	network->outputs[1] = p;
	network->outputs[2] = class;
	network->output_count = 3;
	net_end();
}

void net_unmake(void)
{
	conv.program = NULL; /* the network's */
	fix_free(&conv);
	dh_network_free(network);
	network = NULL;
	for (int i = 0; i < 2; i++) {
		free(conv_inputs[i]);
		conv_inputs[i] = NULL;
	}
}

/* One layer of one map that is not encoded: in memory as the GRU takes it. */
static void fix_plain(struct fixture *fix, uint32_t seed)
{
	const struct ref_conv_layer geometry = {
		.kernel_rows = 3,
		.kernel_cols = 3,
		.stride_rows = 1,
		.stride_cols = 1,
		.pad_top = 1,
		.pad_left = 1,
		.macs = 2,
		.out_shift = 8,
		.bias_shift = 3,
		.rows = NET_STEPS,
		.cols = INPUTS,
		.out_rows = NET_STEPS,
		.out_cols = INPUTS,
		.channels = 2,
	};
	int x, y;

	fix_begin(fix, seed, true);
	x = fix_add_map(fix, DH_REGION_INPUT, NET_STEPS, INPUTS, 2, false);
	fix_name(fix, "x", 0, &x, 1);
	fix_room(fix, DH_REGION_OUTPUT, 24);
	y = fix_add_map(fix, DH_REGION_OUTPUT, NET_STEPS, INPUTS, 1, false);
	fix_add_layer(fix, "conv", &geometry, &x, 1);
	fix_add_pass(fix, false, 1, y, FIX_NONE, 0, 0);
	fix_name(fix, "y", 0, &y, 1);
	fix_end(fix);
}

/* With @independent the GRU takes an input of its own, else what the convolution gives. */
void net_make_pair(bool independent)
{
	struct dh_network_part *first, *second;
	int32_t in;

	net_begin();
	first = net_add_conv(fix_plain);
	in = first->outputs[0];
	if (independent) {
		in = net_add_tensor("r", DH_NET_FLOAT, 3,
				    (const uint32_t[]){ NET_STEPS, 1, INPUTS });
		network->inputs[network->input_count++] = in;
	}
	second = add_gru(in);
	network->outputs[0] = second->outputs[0];
	network->outputs[1] = first->outputs[0];
	network->output_count = 2;
	net_end();
}
