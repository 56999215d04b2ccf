/* SPDX-License-Identifier: MIT */
/*
 * A network as a graph of tensor operations: shapes are static, weights are float constants, and
 * every operation has a kernel in float. It comes from an ONNX file, or from the host's part of a
 * compiled network; it is plain data, so that it can be stored as it is.
 *
 * What importing has already done, so that no user has to: shapes, axes, pads, limits and
 * the like are attributes, never inputs; auto_pad is pads; 1-D windows are 2-D ones of one row;
 * global pooling is pooling over the whole map; Split is a DH_NET_SLICE for each output;
 * Flatten, Squeeze, Unsqueeze are DH_NET_RESHAPE; Identity and Dropout are gone; what depends on
 * constants only is a constant.
 */
#ifndef DELTAHOP_NET_H
#define DELTAHOP_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "import/explain.h"

#define DH_NET_MAX_RANK	    6
#define DH_NET_MAX_ELEMENTS ((size_t)1 << 28)
#define DH_NET_MAX_INPUTS   1024 /* of a node */
#define DH_NET_NONE	    (-1)

/** enum dh_net_type - how the elements of a tensor are held */
enum dh_net_type {
	DH_NET_FLOAT, /* float */
	DH_NET_INT,   /* int64_t; booleans too, as 0 and 1 */
};

/**
 * struct dh_net_tensor - a value of the network, in C order (maps: N, C, rows, cols)
 * @name: in the ONNX file; fit to be shown
 * @type: of the elements
 * @onnx_type: ONNX's number of the type in the file; integers wrap to its width
 * @rank: dimensions, 0 to DH_NET_MAX_RANK; 0: a single value
 * @dims: elements along each; the product is at most DH_NET_MAX_ELEMENTS; only a constant may
 *	have a 0 here
 * @data: of a constant: @floats or @ints; NULL: computed, or an input of the network
 * @producer: node that computes it, or DH_NET_NONE
 * @users: nodes that read it, in order, each once; outputs of the network are not among them
 */
struct dh_net_tensor {
	char *name;
	enum dh_net_type type;
	int32_t onnx_type;
	uint32_t rank;
	uint32_t dims[DH_NET_MAX_RANK];
	union {
		void *data;
		float *floats;
		int64_t *ints;
	};
	int32_t producer;
	uint32_t *users;
	uint32_t user_count;
};

/**
 * enum dh_net_op - operations; in brackets the inputs, {} what may be missing
 *
 * Constants of the list are those that a kernel relies on; dh_net_check() sees to it.
 */
enum dh_net_op {
	/* windows: maps are [N][C][rows][cols] or [N][C][cols] */
	DH_NET_CONV,	 /* attr.conv (x, w[M][C/group][rows]{[cols]}, {bias[M]}) */
	DH_NET_MAX_POOL, /* attr.pool (x); padding never wins */
	DH_NET_AVERAGE_POOL,

	/* matrices */
	DH_NET_GEMM,   /* attr.gemm (a, b, {c}): alpha a b + beta c */
	DH_NET_MATMUL, /* (a, b), as numpy.matmul() */

	/* by channel (axis 1): x * scale[C] + shift[C]; a BatchNormalization that met no Conv */
	DH_NET_SCALE, /* (x, constant scale, constant shift) */

	/* two inputs, broadcast to each other */
	DH_NET_ADD,
	DH_NET_SUB,
	DH_NET_MUL,
	DH_NET_DIV,
	DH_NET_POW,
	DH_NET_MIN,
	DH_NET_MAX,
	DH_NET_PRELU, /* (x, slope) */
	DH_NET_EQUAL, /* comparisons and logic give 0 or 1 in DH_NET_INT */
	DH_NET_GREATER,
	DH_NET_LESS,
	DH_NET_AND,
	DH_NET_OR,
	DH_NET_WHERE, /* (condition, x, y) */

	/* one input, element by element; attr.unary where a or b is named */
	DH_NET_RELU,
	DH_NET_CLIP,		 /* to a..b */
	DH_NET_LEAKY_RELU,	 /* a: slope below 0 */
	DH_NET_THRESHOLDED_RELU, /* a: threshold */
	DH_NET_ELU,		 /* a */
	DH_NET_SELU,		 /* a: alpha, b: gamma */
	DH_NET_CELU,		 /* a */
	DH_NET_SIGMOID,
	DH_NET_HARD_SIGMOID, /* max(0, min(1, a x + b)) */
	DH_NET_HARD_SWISH,
	DH_NET_TANH,
	DH_NET_SOFTPLUS,
	DH_NET_SOFTSIGN,
	DH_NET_EXP,
	DH_NET_LOG,
	DH_NET_SQRT,
	DH_NET_ABS,
	DH_NET_NEG,
	DH_NET_RECIPROCAL,
	DH_NET_FLOOR,
	DH_NET_CEIL,
	DH_NET_ROUND,
	DH_NET_SIGN,
	DH_NET_ERF,
	DH_NET_NOT,
	DH_NET_CAST, /* to the type of the output */

	/* along axes */
	DH_NET_SOFTMAX, /* attr.softmax (x) */
	DH_NET_LOG_SOFTMAX,
	DH_NET_REDUCE_MEAN, /* attr.reduce (x) */
	DH_NET_REDUCE_SUM,
	DH_NET_REDUCE_MAX,
	DH_NET_REDUCE_MIN,
	DH_NET_REDUCE_PROD,
	DH_NET_REDUCE_L1,
	DH_NET_REDUCE_L2,
	DH_NET_REDUCE_SUM_SQUARE,
	DH_NET_ARG_MAX, /* attr.arg (x) */
	DH_NET_ARG_MIN,

	/* moves */
	DH_NET_RESHAPE,	  /* (x): the same elements in the same order */
	DH_NET_TRANSPOSE, /* attr.transpose (x) */
	DH_NET_EXPAND,	  /* (x): broadcast to the output's shape */
	DH_NET_CONCAT,	  /* attr.axis (x...) */
	DH_NET_SLICE,	  /* attr.slice (x) */
	DH_NET_PAD,	  /* attr.pad (x) */
	DH_NET_GATHER,	  /* attr.axis (x, constant indices, none negative) */

	/* sequences, with ONNX's inputs and outputs in ONNX's order */
	DH_NET_GRU, /* attr.recurrent (x, w, r, {b}, {sequence_lens}, {initial_h}) */
	DH_NET_LSTM,
	DH_NET_RNN,

	DH_NET_OP_COUNT,
};

/**
 * struct dh_net_window - of convolution and pooling, by axis: [0] rows, [1] columns; in 1-D
 * everything of [0] is that of a single row
 * @pads: before rows, before columns, after rows, after columns, none negative; zero in 1-D rows
 */
struct dh_net_window {
	uint32_t kernel[2];
	uint32_t strides[2];
	uint32_t dilations[2];
	uint32_t pads[4];
};

/** enum dh_net_pad_mode - where the elements of a border come from */
enum dh_net_pad_mode {
	DH_NET_PAD_CONSTANT,
	DH_NET_PAD_EDGE,
	DH_NET_PAD_REFLECT,
	DH_NET_PAD_WRAP,
};

/** enum dh_net_direction - of a recurrent layer */
enum dh_net_direction { DH_NET_FORWARD, DH_NET_REVERSE, DH_NET_BIDIRECTIONAL };

/** struct dh_net_activation - of a recurrent layer: an operation of one input, with a and b */
struct dh_net_activation {
	enum dh_net_op op;
	float a, b;
};

/**
 * struct dh_net_recurrent - attributes of GRU, LSTM, RNN
 * @clip: inputs of activations are limited to -clip..clip; 0: they are not
 * @batch_first: ONNX's layout 1
 * @activations: as many for each direction as the cell has (GRU 2, LSTM 3, RNN 1)
 */
struct dh_net_recurrent {
	enum dh_net_direction direction;
	uint32_t hidden;
	float clip;
	bool batch_first;
	bool linear_before_reset;
	bool input_forget;
	struct dh_net_activation activations[6];
};

/** union dh_net_attributes - of a node, by operation */
union dh_net_attributes {
	struct {
		struct dh_net_window window;
		uint32_t group;
	} conv;
	/* @ceil_mode: how the output's shape came about, which may reach beyond the pads */
	struct {
		struct dh_net_window window;
		bool ceil_mode;
		bool count_include_pad;
	} pool;
	struct {
		float alpha, beta;
		bool trans_a, trans_b;
	} gemm;
	struct {
		float a, b;
	} unary;
	/* over all elements of axes @axis to @end - 1 together */
	struct {
		uint32_t axis, end;
	} softmax;
	/* @axes: bit per axis; @keep: reduced axes stay, with size 1 */
	struct {
		uint32_t axes;
		bool keep;
	} reduce;
	/* @last: of equal elements the last one */
	struct {
		uint32_t axis;
		bool keep;
		bool last;
	} arg;
	uint32_t axis;
	/* axis k of the output is axis @perm[k] of the input */
	struct {
		uint32_t perm[DH_NET_MAX_RANK];
	} transpose;
	/* first element and step by axis; the output's shape says how many */
	struct {
		uint32_t starts[DH_NET_MAX_RANK];
		int32_t steps[DH_NET_MAX_RANK];
	} slice;
	struct {
		enum dh_net_pad_mode mode;
		int32_t before[DH_NET_MAX_RANK];
		int32_t after[DH_NET_MAX_RANK];
		float value;
	} pad;
	struct dh_net_recurrent recurrent;
};

/**
 * struct dh_net_node - an operation
 * @name: of the ONNX node, or of its output if it has none; fit to be shown
 * @onnx_op: operator in the ONNX file ("Conv")
 * @source: index of the ONNX node in struct dh_net.sources
 * @inputs: indices of tensors, DH_NET_NONE where a missing one stands before another
 * @outputs: likewise
 */
struct dh_net_node {
	enum dh_net_op op;
	char *name;
	char *onnx_op;
	uint32_t source;
	int32_t *inputs;
	uint32_t input_count;
	int32_t *outputs;
	uint32_t output_count;
	union dh_net_attributes attr;
};

/**
 * struct dh_net_source - what became of an ONNX node
 * @node: the node of the net that does its work (the first one of several), alone or for
 *	others too; DH_NET_NONE: nothing is left to do
 * @place: with @node: DH_PLACE_HOST, until a mapper knows better
 * @text: what to say about it ("folded into conv1"), or ""
 */
struct dh_net_source {
	char *name;
	char *op;
	int32_t node;
	enum dh_place place;
	char *text;
};

/**
 * struct dh_net - the network; all memory is in @arena
 * @nodes: in an order in which they can be computed
 * @inputs: tensors, in the order of the file, without those that are constants
 * @outputs: tensors, in the order of the file; one may also be an input or a constant
 * @sources: in the order of the file; empty if it did not come from ONNX
 */
struct dh_net {
	struct dh_arena arena;
	char *name;
	struct dh_net_tensor *tensors;
	uint32_t tensor_count;
	struct dh_net_node *nodes;
	uint32_t node_count;
	int32_t *inputs;
	uint32_t input_count;
	int32_t *outputs;
	uint32_t output_count;
	struct dh_net_source *sources;
	uint32_t source_count;
};

/** struct dh_net_size - what a dimension that the file leaves open shall be; @name: in the file */
struct dh_net_size {
	const char *name;
	uint32_t size;
};

/**
 * struct dh_net_options - of an import; all zero is fine
 * @constants: inputs of the network that are to be constants: name, type, rank, dims, data
 * @sizes: of open dimensions other than the batch, which is 1
 * @one_batch: a fixed batch N (axis 0 of inputs, 1 of those of recurrent layers) becomes 1, for N runs
 */
struct dh_net_options {
	const struct dh_net_tensor *constants;
	size_t constant_count;
	const struct dh_net_size *sizes;
	size_t size_count;
	bool one_batch;
};

/**
 * dh_net_import() - read an ONNX file
 * @options: may be NULL
 * @explain: gets a row for each ONNX node, also when the import fails; row i is source i; may be
 *	NULL
 * @net: set on success; free it with dh_net_free()
 *
 * Return: 0; -EOPNOTSUPP: a node, or the file, is not supported; -EINVAL: not a valid model;
 * -ENOMEM; or the errno of reading.
 */
int dh_net_import(const char *path, const struct dh_net_options *options,
		  struct dh_explain *explain, struct dh_net **net, struct dh_error *err);

/** dh_net_import_memory() - the same from memory; @name is what errors call it */
int dh_net_import_memory(const void *buf, size_t len, const char *name,
			 const struct dh_net_options *options, struct dh_explain *explain,
			 struct dh_net **net, struct dh_error *err);

/** dh_net_free() - NULL is fine */
void dh_net_free(struct dh_net *net);

/**
 * dh_net_check() - is this a sound network, which the kernels can run?
 *
 * For networks out of files: all indices, the order of the nodes, attributes, constants and the
 * shape of every output. Sets producers and users, with memory of the arena.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int dh_net_check(struct dh_net *net, struct dh_error *err);

/** dh_net_op_name() - name of an operation, as ONNX calls it */
const char *dh_net_op_name(enum dh_net_op op);

/** dh_net_op_is_unary() - is it an operation of one float input, element by element? */
bool dh_net_op_is_unary(enum dh_net_op op);

/** dh_net_elements() - number of elements of a tensor */
size_t dh_net_elements(const struct dh_net_tensor *tensor);

/** dh_net_bytes() - their size in memory */
size_t dh_net_bytes(const struct dh_net_tensor *tensor);

/** dh_net_is_output() - is tensor @index an output of the network? */
bool dh_net_is_output(const struct dh_net *net, int32_t index);

/**
 * dh_net_compute() - run the kernel of a node
 * @data: of every tensor of the net, by index, constants too; only the node's own are used
 * @scratch: dh_net_scratch() bytes, aligned for any type
 *
 * Cannot fail on a net that was imported or passed dh_net_check(), and allocates nothing.
 */
void dh_net_compute(const struct dh_net *net, const struct dh_net_node *node, void *const *data,
		    void *scratch);

/** dh_net_scratch() - bytes that the kernel of a node needs beside its tensors */
size_t dh_net_scratch(const struct dh_net *net, const struct dh_net_node *node);

/* --- a run of the whole in float ----------------------------------------- */

struct dh_net_run;

/**
 * dh_net_run_create() - memory for every tensor of a net, zero at first
 *
 * The net must outlive it and must not change. A run is used by one thread at a time; a net may
 * have any number of runs.
 *
 * Return: 0 or -ENOMEM.
 */
int dh_net_run_create(const struct dh_net *net, struct dh_net_run **run, struct dh_error *err);

/** dh_net_run_free() - NULL is fine */
void dh_net_run_free(struct dh_net_run *run);

/** dh_net_run_floats() - elements of a DH_NET_FLOAT tensor; of a constant: do not write them */
float *dh_net_run_floats(struct dh_net_run *run, int32_t tensor);

/** dh_net_run_ints() - of a DH_NET_INT tensor */
int64_t *dh_net_run_ints(struct dh_net_run *run, int32_t tensor);

/** dh_net_run_node() - compute node @node from what its inputs hold now */
void dh_net_run_node(struct dh_net_run *run, uint32_t node);

/** dh_net_run_all() - every node in order */
void dh_net_run_all(struct dh_net_run *run);

#endif /* DELTAHOP_NET_H */
