/* SPDX-License-Identifier: MIT */
/*
 * A plan: what the mapper decides about a net. chain.c finds what the recurrent engine does, which
 * recurrent.c compiles; cut.c makes layers of other nodes and parts of these, samples.c and scale.c
 * choose numbers, split.c passes, memory.c offsets; emit.c writes it down.
 */
#ifndef DELTAHOP_PLAN_H
#define DELTAHOP_PLAN_H

#include "base/arena.h"
#include "base/error.h"
#include "deltahop_cmd.h"
#include "map/mapper.h"
#include "network/net.h"
#include "program/program.h"

struct dh_samples;
struct dh_int_run;

#define DH_PLAN_NONE   (-1)
#define DH_KERNEL_MOST 7
/* Maps whose channels make up the input of a layer. */
#define DH_ROOTS_MOST 256
/* Rows and columns of the pieces of a kernel, more than any sensible kernel needs. */
#define DH_TILES_MOST 64

/**
 * struct dh_range - what was seen of a tensor in float
 * @max: largest absolute value
 * @square: sum of squares
 * @zeros: values that are 0
 */
struct dh_range {
	double max;
	double square;
	double zeros;
	double count;
};

/** struct dh_plan_group - channels of a map that lie together: what a pass writes */
struct dh_plan_group {
	uint32_t channels;
	uint64_t offset;
	uint64_t bytes;
};

/**
 * struct dh_plan_map - a feature map of a part
 * @tensor: of the net
 * @writer: layer that computes it, or DH_PLAN_NONE: it is an input of the part
 * @last_reader: last layer that needs it, at least the one that computes it
 * @is_output: the host or another part reads it
 * @non_negative: no value is below 0
 * @encoded: it is
 * @group_most: most channels of a group that its readers can do with
 * @group_unit: groups are multiples of so many channels, but for the last
 * @region: enum dh_program_region
 * @groups: in the order of channels; none while not decided
 */
struct dh_plan_map {
	int32_t tensor;
	uint32_t part;
	uint32_t rows;
	uint32_t cols;
	uint32_t channels;
	int32_t writer;
	int32_t last_reader;
	bool is_output;
	bool non_negative;
	bool encoded;
	uint32_t group_most;
	uint32_t group_unit;
	uint32_t region;
	struct dh_plan_group *groups;
	uint32_t group_count;
};

/** struct dh_input_groups - the groups of all inputs of a layer, in the order of channels */
struct dh_input_groups {
	uint32_t count;
	struct {
		struct dh_plan_map *map;
		uint32_t group;
	} * groups;
};

/** enum dh_pool - what follows the activation of a layer: squares of 2x2 */
enum dh_pool { DH_POOL_NONE, DH_POOL_MAX, DH_POOL_AVERAGE };

/**
 * struct dh_plan_kernel - where the float weights of a layer are
 *
 * Weight of output map o, channel c, kernel row i and column j: data[o * step[0] + c * step[1] + i *
 * step[2] + j * step[3]] * scale[o]. With groups c counts within o's group; with dilation only
 * multiples of it are there, the rest is 0. Fully connected: the kernel is as large as the map.
 */
struct dh_plan_kernel {
	const float *data;
	size_t step[4];
	float *scale;
	float *bias;
	uint32_t groups;
	uint32_t dilations[2];
};

/** struct dh_tiles - how an axis of a kernel is cut */
struct dh_tiles {
	uint32_t count;
	uint8_t first[DH_TILES_MOST];
	uint8_t size[DH_TILES_MOST];
};

/**
 * struct dh_piece - a CONV_LAYER with its inputs: passes that take the same channels and part of the
 * kernel
 * @first_pass: index in the output map's groups; @pass_count likewise
 * @first_group: index in the list of the groups of all inputs; @group_count likewise
 * @first_channel: of these
 * @channels: of these
 * @kernel: rows and columns of the part of the kernel, from @from on
 * @from_psum: a piece before has summed for these passes
 * @to_psum: a piece after it goes on
 */
struct dh_piece {
	uint32_t first_pass;
	uint32_t pass_count;
	uint32_t first_group;
	uint32_t group_count;
	uint32_t first_channel;
	uint32_t channels;
	uint8_t from[2];
	uint8_t kernel[2];
	bool from_psum;
	bool to_psum;
};

/** struct dh_shape - of a feature map */
struct dh_shape {
	uint32_t channels;
	uint32_t rows;
	uint32_t cols;
};

/** struct dh_roots - tensors whose channels follow each other, none of which only renames */
struct dh_roots {
	uint32_t count;
	int32_t tensors[DH_ROOTS_MOST];
};

/** struct dh_cost - what a layer costs by the timing model of the manual, with average zeros */
struct dh_cost {
	double bytes_weights;
	double bytes_in;
	double bytes_out;
	double cycles;
	double work;
};

/**
 * struct dh_plan_layer - a layer of the engine
 * @node: of the net, the main one; @last_node the last one fused into it
 * @fully_connected: a CONV_FC
 * @part: level: host nodes of lower levels run before it
 * @roots: tensors of its input; @inputs the maps of these
 * @add_tensor: tensor that is added, or DH_NET_NONE; @add its map, or DH_PLAN_NONE
 * @acc_tensor: what the accumulators hold in the end
 * @out_tensor: what it gives; @output its map
 * @channels: of the input; fully connected: its values
 * @maps: of the output
 * @kernel: rows, columns
 * @strides: likewise
 * @pads: before the first row, column
 * @out_rows: before pooling; @out_cols likewise
 * @acc_frac: fraction bits of an accumulator
 * @out_shift, @bias_shift, @add_shift: as in the commands
 * @weight8: int8
 * @measured: accumulators are safe by what was measured, not for all inputs
 * @weights: [maps][channels][kernel rows][kernel columns]; @biases [maps], with the rounding
 * @weight_error: of the rounded weights, relative, root mean square
 * @clipped: weights that did not fit
 * @groups: of the inputs
 * @macs: m
 * @view: rows, columns, channels as which the engine sees the input of a CONV_FC
 * @pieces: in the order in which they run
 * @psum_offset: of partial sums in region SCRATCH, of all passes
 * @cost: predicted
 * @error_rms: of the output against float; negative: not measured; @error_max likewise
 * @out_rms: of the output in float
 * @saturated: output values that were
 */
struct dh_plan_layer {
	uint32_t node;
	uint32_t last_node;
	uint32_t part;
	bool fully_connected;
	struct dh_roots *roots;
	uint32_t *inputs;
	uint32_t input_count;
	int32_t add_tensor;
	int32_t add;
	int32_t acc_tensor;
	int32_t out_tensor;
	uint32_t output;
	uint32_t channels;
	uint32_t maps;
	uint32_t kernel[2];
	uint32_t strides[2];
	int32_t pads[2];
	uint32_t out_rows;
	uint32_t out_cols;
	bool relu;
	enum dh_pool pool;
	struct dh_plan_kernel weight;

	int acc_frac;
	uint8_t out_shift;
	uint8_t bias_shift;
	uint8_t add_shift;
	bool weight8;
	bool measured;
	int16_t *weights;
	int32_t *biases;
	double weight_error;
	uint64_t clipped;

	struct dh_input_groups groups;
	uint32_t macs;
	uint32_t view[3];
	struct dh_piece *pieces;
	uint32_t piece_count;
	uint64_t psum_offset;
	struct dh_cost cost;

	double error_rms;
	double error_max;
	double out_rms;
	uint64_t saturated;
};

/* Nodes of a chain, with those that only move or select. */
#define DH_CHAIN_NODES_MOST 128

/**
 * struct dh_chain_layer - a layer of the recurrent engine
 * @cell: GRU or dense
 * @node: of the net, the main one: a GRU, a Gemm or a MatMul
 * @added: constant that is added to its output, or DH_NET_NONE
 * @per_step: runs in every step, else once after the last
 */
struct dh_chain_layer {
	enum deltahop_cell cell;
	uint32_t node;
	uint32_t inputs;
	uint32_t hidden;
	int32_t added;
	enum deltahop_activation activation;
	bool per_step;
};

/**
 * struct dh_plan_chain - layers of the recurrent engine, one behind the other: a part
 * @input: tensor of the net: [steps][elements] in this order, whatever its dimensions are
 * @output: likewise; @all_steps: of every step, else of the last one
 * @head: node at whose place among those of the host the part runs
 * @level: right after the layers of the convolution engine of this number
 * @first_layer: number of its first layer, behind those of the convolution engine
 * @nodes: all that it does
 * @program: once it is compiled; owned
 * @explain: what its compiler says of the layers; owned
 */
struct dh_plan_chain {
	int32_t input;
	int32_t output;
	uint32_t head;
	uint32_t level;
	uint32_t steps;
	uint32_t first_layer;
	bool all_steps;
	struct dh_chain_layer layers[DH_PROGRAM_MAX_LAYERS];
	uint32_t layer_count;
	uint32_t nodes[DH_CHAIN_NODES_MOST];
	uint32_t node_count;
	struct dh_program *program;
	struct dh_explain *explain;
};

/**
 * struct dh_plan_node - what becomes of a node of the net
 * @place: engine, host, or DH_PLACE_NAME: only renames
 * @layer: on the engine; in a chain: its number in that
 * @chain: it is part of, or DH_PLAN_NONE
 * @level: host: runs right after the part of this number
 * @text: why
 */
struct dh_plan_node {
	enum dh_place place;
	int32_t layer;
	int32_t chain;
	uint32_t level;
	const char *text;
};

/**
 * struct dh_plan_tensor - what becomes of a tensor
 * @level: it is there when the part of this number has run, or (computed by the host) right after
 * @on_engine: a layer computes it
 * @for_host: a host node or the caller reads it
 * @frac: fraction bits on the engine: real = int16 / 2^frac
 * @frac_most: finest that its readers can take
 * @vectors: the recurrent engine computes it, so that it has no more fraction bits than @frac
 */
struct dh_plan_tensor {
	uint32_t level;
	bool on_engine;
	bool for_host;
	bool scaled;
	bool vectors;
	int frac;
	int frac_most;
};

/**
 * struct dh_plan - all of it; memory is in @arena
 * @ranges: by tensor, over the samples
 * @packed: DELTAHOP_CAP_CONV_PACKED
 * @tall: 1-D data run along the rows of a map, for they are too long for its columns
 * @measured: there were calibration data
 * @chains: parts of the recurrent engine
 * @unfit: by node: why a later step could not do with it on the engine, or NULL
 * @level_count: parts and host nodes have levels below this
 * @scratch_bytes: by level
 * @output_error: of the network's outputs, relative, if it was measured
 */
struct dh_plan {
	struct dh_arena arena;
	struct dh_net *net;
	const struct dh_map_options *options;
	struct dh_cmd_limits limits;
	bool packed;
	bool tall;
	bool measured;
	const char **unfit;
	struct dh_plan_node *nodes;
	struct dh_plan_tensor *tensors;
	struct dh_range *ranges;
	struct dh_plan_map *maps;
	uint32_t map_count;
	struct dh_plan_layer *layers;
	uint32_t layer_count;
	struct dh_plan_chain *chains;
	uint32_t chain_count;
	uint32_t level_count;
	uint64_t *scratch_bytes;
	double output_error;
	struct dh_explain *explain;
	struct dh_error *err;
};

/** dh_plan_alloc() - zeroed memory of the plan; NULL: none left, with the sentence */
void *dh_plan_alloc(struct dh_plan *plan, size_t count, size_t size);

/** dh_plan_has() - does the device have these capabilities? */
static inline bool dh_plan_has(const struct dh_plan *plan, uint64_t caps)
{
	return (plan->limits.caps & caps) == caps;
}

/** dh_plan_group_channels() - channels of a group that is as small as passes make it */
static inline uint32_t dh_plan_group_channels(const struct dh_plan *plan)
{
	return plan->limits.conv_macs / 8;
}

/** dh_layer_weight() - a weight in float */
float dh_layer_weight(const struct dh_plan_layer *layer, uint32_t map, uint32_t channel,
		      uint32_t row, uint32_t col);

/** dh_layer_weight_count() - weights of a layer, zeros of groups and dilation too */
size_t dh_layer_weight_count(const struct dh_plan_layer *layer);

/** dh_layer_name() - the ONNX node that gives a layer its name */
const char *dh_layer_name(const struct dh_plan *plan, const struct dh_plan_layer *layer);

/** dh_layer_input() - map @i of a layer's input */
static inline struct dh_plan_map *dh_layer_input(const struct dh_plan *plan,
						 const struct dh_plan_layer *layer, uint32_t i)
{
	return &plan->maps[layer->inputs[i]];
}

/** dh_layer_input_width() - channels of input @i of a layer; fully connected: its values */
static inline uint32_t dh_layer_input_width(const struct dh_plan *plan,
					    const struct dh_plan_layer *layer, uint32_t i)
{
	const struct dh_plan_map *map = &plan->maps[layer->inputs[i]];

	return layer->fully_connected ? map->channels * map->rows * map->cols : map->channels;
}

/** dh_map_zeros() - share of a map's values that are 0, 0..1, as measured or assumed */
double dh_map_zeros(const struct dh_plan *plan, const struct dh_plan_map *map);

/** dh_layer_dense() - multiply-accumulates that the network asks for: without zeros of its own */
double dh_layer_dense(const struct dh_plan_layer *layer);

/** dh_layer_sum_bytes() - room for the partial sums of a pass of @maps output maps */
uint64_t dh_layer_sum_bytes(const struct dh_plan_layer *layer, uint32_t maps);

/* --- cutting --------------------------------------------------------------- */

/** dh_plan_shape() - the map that a tensor is; false: it is none */
bool dh_plan_shape(const struct dh_plan *plan, int32_t tensor, struct dh_shape *shape);

/** dh_plan_same_shape() - are two tensors maps of the same shape? */
bool dh_plan_same_shape(const struct dh_plan *plan, int32_t a, int32_t b);

/**
 * dh_plan_roots() - the maps that a tensor consists of, behind what only renames
 * @flat: only the order of the values counts, not the shape
 *
 * Return: false: it cannot be read by the engine.
 */
bool dh_plan_roots(const struct dh_plan *plan, int32_t tensor, bool flat, struct dh_roots *roots);

/** dh_plan_window() - rows and columns of a convolution as the engine sees them */
void dh_plan_window(const struct dh_plan *plan, const struct dh_net_node *node,
		    struct dh_net_window *window);

/**
 * dh_plan_channel_constant() - a constant with one value, or one for each channel of @like
 * @step: set to the distance from channel to channel
 */
const float *dh_plan_channel_constant(const struct dh_plan *plan, int32_t tensor, int32_t like,
				      size_t *step);

/**
 * dh_plan_unfit() - why a node cannot be a layer of the engine of its own
 *
 * Return: NULL: it can; else a sentence with limit, value and what would do.
 */
const char *dh_plan_unfit(struct dh_plan *plan, uint32_t node);

/** dh_plan_fuse() - take into @layer what follows it, as far as possible; sets @out_tensor */
void dh_plan_fuse(struct dh_plan *plan, struct dh_plan_layer *layer);

/** dh_plan_only_user() - the only node that reads a tensor, or NULL */
const struct dh_net_node *dh_plan_only_user(const struct dh_plan *plan, int32_t tensor);

/**
 * dh_plan_evict() - a layer's main node has to run on the host after all
 *
 * Return: -ERESTART: cut again; or -ENOMEM.
 */
int dh_plan_evict(struct dh_plan *plan, uint32_t node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** dh_plan_say() - a sentence in the plan's memory, never NULL */
char *dh_plan_say(struct dh_plan *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** dh_tile_axis() - cut an axis of a kernel into pieces of at most @most */
void dh_tile_axis(uint32_t kernel, uint32_t dilation, uint32_t most, struct dh_tiles *tiles);

/**
 * dh_plan_make() - all the steps
 * @plan: with net, options, explain, err; free it with dh_plan_free() whatever happens
 *
 * Return: as dh_map_net(), which it does the work of; the net is taken over if it succeeds.
 */
int dh_plan_make(struct dh_plan *plan, struct dh_network **network);

/** dh_plan_free() - free all that a plan owns, which is not the net */
void dh_plan_free(struct dh_plan *plan);

/* --- the recurrent engine ---------------------------------------------------- */

/** dh_gru_unfit() - why a GRU cannot be a layer of the recurrent engine, or NULL */
const char *dh_gru_unfit(struct dh_plan *plan, const struct dh_net_node *node);

/** dh_plan_chains() - find the chains, and mark their nodes; 0 or -ENOMEM */
int dh_plan_chains(struct dh_plan *plan);

/** dh_plan_chain_at() - the chain that runs at the place of a node, or NULL */
struct dh_plan_chain *dh_plan_chain_at(const struct dh_plan *plan, uint32_t node);

/** dh_chain_weights() - a matrix of a layer that is dense: [inputs][hidden], or transposed */
const struct dh_net_tensor *dh_chain_weights(const struct dh_plan *plan,
					     const struct dh_chain_layer *layer, bool *transposed);

/** dh_chain_dense() - multiply-accumulates of a chain without zeros */
double dh_chain_dense(const struct dh_plan_chain *chain);

/** dh_chain_run() - what a chain's program makes of @steps vectors, in real values both */
void dh_chain_run(struct dh_int_run *run, uint32_t steps, const float *values, float *result);

/** dh_plan_forget_chains() - free what they own */
void dh_plan_forget_chains(struct dh_plan *plan);

/* --- the steps, in this order ---------------------------------------------- */

/** dh_plan_cut() - layers, host nodes, parts; 0, -EOPNOTSUPP or -ENOMEM */
int dh_plan_cut(struct dh_plan *plan);

/**
 * dh_plan_recurrent() - the programs of the chains
 *
 * Return: 0; -ERESTART: a node has to run on the host; -ERANGE: thresholds that there is no layer for.
 */
int dh_plan_recurrent(struct dh_plan *plan, const struct dh_samples *samples);

/** dh_plan_scale() - scales of tensors and weights as integers */
int dh_plan_scale(struct dh_plan *plan);

/** dh_plan_quantise() - the weights of one layer again, with @weight8; false: cannot be */
bool dh_plan_quantise(struct dh_plan *plan, struct dh_plan_layer *layer, bool weight8);

/** dh_plan_split() - passes and pieces of every layer, groups of every map */
int dh_plan_split(struct dh_plan *plan);

/** dh_plan_place() - offsets of maps and partial sums */
int dh_plan_place(struct dh_plan *plan);

/** dh_plan_emit() - the network; takes the plan's net over if it succeeds */
int dh_plan_emit(struct dh_plan *plan, struct dh_network **network);

#endif /* DELTAHOP_PLAN_H */
