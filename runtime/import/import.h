/* SPDX-License-Identifier: MIT */
/*
 * Inside of the importer: an abstract run of the ONNX graph. Each value of the graph is a
 * constant, or data that flows through the one chain of layers, of which only the meaning of
 * the axes is tracked.
 */
#ifndef DELTAHOP_IMPORT_H
#define DELTAHOP_IMPORT_H

#include "base/names.h"
#include "import/constant.h"
#include "import/graph.h"
#include "import/onnx.h"

/** enum dh_role - what runs along an axis of the data; found out when a layer uses it */
enum dh_role {
	DH_ROLE_OPEN,
	DH_ROLE_STEP,
	DH_ROLE_BATCH,
	DH_ROLE_FEATURE,
};

/**
 * struct dh_length - something that data extend along. Reshape may put several in one axis, or
 * none (an axis of size 1)
 * @size: may be unknown
 */
struct dh_length {
	enum dh_role role;
	struct dh_sym size;
};

#define DH_MAX_LENGTHS 128
#define DH_MAX_MERGED  4

/** struct dh_axis - an axis of data: the lengths that it runs over, outermost first */
struct dh_axis {
	uint8_t count;
	uint8_t length[DH_MAX_MERGED];
};

/** enum dh_value_kind - what a value of the graph is */
enum dh_value_kind {
	DH_VALUE_CONSTANT,
	DH_VALUE_DATA,	 /* output of the chain so far, or a graph input */
	DH_VALUE_STATES, /* last hidden vectors of several layers, only good as output */
};

/**
 * struct dh_value - a value of the graph
 * @constant: DH_VALUE_CONSTANT
 * @rank: of data
 * @axes: of data
 * @stage: how many operations of the chain are behind it; only the newest data can be used
 * @input: index of the graph input that it is, while nothing was computed; -1
 * @first: with @input: elements of axis 0 from here on (a slice of a stack of states); @sliced
 * @per_step: a vector for each step, else one
 * @final_state: the last hidden vector that a GRU gives as second output
 * @parts: DH_VALUE_STATES: what was put together along axis 0; @part_count is 0 when that
 *	is no longer known
 */
struct dh_value {
	enum dh_value_kind kind;
	struct dh_constant constant;
	unsigned int rank;
	struct dh_axis axes[DH_MAX_RANK];
	unsigned int stage;
	int input;
	int64_t first;
	bool sliced;
	bool per_step;
	bool final_state;
	struct dh_value **parts;
	size_t part_count;
};

/**
 * struct dh_name - an entry of the table of names
 * @value: NULL until it is computed, or first asked for
 * @initializer: where the value comes from, if it is one
 * @input: index of the graph input, or -1
 * @live: an output of the network depends on it
 */
struct dh_name {
	const char *name;
	struct dh_value *value;
	const Onnx__TensorProto *initializer;
	int input;
	bool live;
};

/** enum dh_input_use - what a graph input turned out to be */
enum dh_input_use { DH_INPUT_UNUSED, DH_INPUT_DATA, DH_INPUT_STATE };

/**
 * struct dh_import - an import on its way
 * @scratch: memory that is needed no longer than the import
 * @data_input: graph input that feeds the first layer, or -1
 * @state_input: graph inputs that are initial states, with the element of axis 0 in @state_first
 * @stage: operations in the chain
 * @tip_pre_activation: the newest operation is a dense layer without activation, so that
 *	Add or Relu can join it
 * @scale: with @shift: the newest operation is x * scale + shift by element, which the
 *	next layer takes into its weights
 * @last_activation: the newest operation is this, in a dense layer on the device;
 *	@last_activation_row is its row in @explain
 * @tip_is_identity: that layer does nothing else, and is not needed if the host does it
 * @placed_layer: set by a node's handler: the layer it went to
 * @place: likewise
 * @note: likewise: what to say about it
 */
struct dh_import {
	struct dh_onnx onnx;
	const Onnx__GraphProto *proto;
	struct dh_graph *graph;
	struct dh_arena scratch;
	struct dh_explain *explain;
	struct dh_error *err;
	int64_t opset;
	struct dh_names names;
	struct dh_length lengths[DH_MAX_LENGTHS];
	unsigned int length_count;
	enum dh_input_use *input_use;
	int data_input;
	int state_input[DH_GRAPH_MAX_LAYERS];
	int64_t state_first[DH_GRAPH_MAX_LAYERS];
	unsigned int state_count;
	unsigned int stage;
	bool tip_pre_activation;
	float *scale;
	float *shift;
	enum dh_host_op last_activation;
	bool tip_is_identity;
	size_t last_activation_row;
	enum dh_place place;
	int placed_layer;
	char note[384];
	char label[128];
};

/** typedef dh_import_op - handler of an operator */
typedef int (*dh_import_op)(struct dh_import *im, const Onnx__NodeProto *node);

/* --- import.c: values and sentences --- */

/** dh_import_say() - the sentence "node NAME (OP): ..." */
void dh_import_say(struct dh_import *im, const Onnx__NodeProto *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** dh_import_refuse() - likewise; a macro so that every reader sees what it returns */
#define dh_import_refuse(im, node, ...) (dh_import_say(im, node, __VA_ARGS__), -EOPNOTSUPP)

/** dh_import_say_no_memory() - the sentence; true: it was the limit for constants of a graph */
bool dh_import_say_no_memory(struct dh_import *im);

/** dh_import_no_memory() - likewise; -ENOMEM, or -EOPNOTSUPP for the limit */
#define dh_import_no_memory(im) (dh_import_say_no_memory(im) ? -EOPNOTSUPP : -ENOMEM)

/**
 * dh_import_input() - value of input @i of a node, which must be there; 0 or an error with its
 * sentence
 */
int dh_import_input(struct dh_import *im, const Onnx__NodeProto *node, size_t i,
		    struct dh_value **value);

/**
 * dh_import_constant_input() - likewise, and it must be a constant; @what it is, for the sentence
 */
int dh_import_constant_input(struct dh_import *im, const Onnx__NodeProto *node, size_t i,
			     const char *what, const struct dh_constant **constant);

/** dh_import_has_input() - is input @i given? */
bool dh_import_has_input(const Onnx__NodeProto *node, size_t i);

/** dh_import_set_output() - give output @i of a node a value, which is copied */
int dh_import_set_output(struct dh_import *im, const Onnx__NodeProto *node, size_t i,
			 const struct dh_value *value);

/** dh_import_set_constant() - likewise, a constant */
int dh_import_set_constant(struct dh_import *im, const Onnx__NodeProto *node,
			   const struct dh_constant *constant);

/** dh_import_output_live() - does the network need output @i? */
bool dh_import_output_live(struct dh_import *im, const Onnx__NodeProto *node, size_t i);

/** dh_import_label() - what to call a node in sentences */
const char *dh_import_label(struct dh_import *im, const Onnx__NodeProto *node);

/**
 * dh_import_need_tip() - refuse data that are not the end of the chain (a branch), or not data at
 * all
 */
int dh_import_need_tip(struct dh_import *im, const Onnx__NodeProto *node,
		       const struct dh_value *value);

/**
 * dh_import_add_layer() - a new layer at the end of the chain, with name and operator of @node and
 * memory for its weights
 */
int dh_import_add_layer(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_graph_layer *form, struct dh_graph_layer **layer);

/**
 * dh_import_feature_axis() - the last axis of data are the elements of vectors
 * @size: set to their number
 */
int dh_import_feature_axis(struct dh_import *im, const Onnx__NodeProto *node,
			   const struct dh_value *value, uint32_t *size);

/**
 * dh_import_absorb() - take a pending x * scale + shift into the weights and biases of the new
 * layer
 */
void dh_import_absorb(struct dh_import *im, struct dh_graph_layer *layer);

/**
 * dh_import_new_data() - @value with its last axis replaced by @hidden new elements, or kept if 0,
 * now the end of the chain
 */
int dh_import_new_data(struct dh_import *im, const struct dh_value *value, uint32_t hidden,
		       struct dh_value *out);

/** dh_import_use_input() - data that are a graph input become the network's input */
int dh_import_use_input(struct dh_import *im, const Onnx__NodeProto *node,
			const struct dh_value *value);

/** dh_import_need_float_input() - a graph input used as data or state must be of a float type */
int dh_import_need_float_input(struct dh_import *im, const Onnx__NodeProto *node, int input);

/**
 * dh_import_new_length() - a length of @size, or one that is not known if @size is negative; -1:
 * too many
 */
int dh_import_new_length(struct dh_import *im, enum dh_role role, int64_t size);

/** dh_import_axis_size() - product of the lengths of an axis; false: not expressible */
bool dh_import_axis_size(const struct dh_import *im, const struct dh_axis *axis,
			 struct dh_sym *size);

/** dh_import_axis_role() - role of an axis that has exactly one length, else DH_ROLE_OPEN */
enum dh_role dh_import_axis_role(const struct dh_import *im, const struct dh_axis *axis);

/**
 * dh_import_axis_number() - an axis attribute, counted from the end if negative; -1: out of range
 */
int dh_import_axis_number(int64_t axis, unsigned int rank);

/**
 * dh_import_ints() - known integers of a constant input or, before that was an input, of attribute
 * @name
 */
int dh_import_ints(struct dh_import *im, const Onnx__NodeProto *node, size_t input,
		   const char *name, int64_t *out, size_t room, size_t *count);

/** dh_import_tensor() - a constant of a TensorProto */
int dh_import_tensor(struct dh_import *im, const Onnx__TensorProto *tensor,
		     struct dh_constant *out);

/** dh_import_find_op() - handler of an operator, or NULL */
dh_import_op dh_import_find_op(const char *op);

/* --- operators --- */

/* import_constant.c */
int dh_import_constant(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_constant_of_shape(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_shape(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_expand(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_concat(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_arithmetic(struct dh_import *im, const Onnx__NodeProto *node);

/* import_move.c */
int dh_import_identity(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_dropout(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_cast(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_transpose(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_squeeze(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_unsqueeze(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_reshape(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_flatten(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_slice(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_gather(struct dh_import *im, const Onnx__NodeProto *node);

/* import_gru.c */
int dh_import_gru(struct dh_import *im, const Onnx__NodeProto *node);

/* import_dense.c */
int dh_import_gemm(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_matmul(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_affine(struct dh_import *im, const Onnx__NodeProto *node, char op,
		     const struct dh_value *data, const struct dh_constant *constant);
int dh_import_batch_norm(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_activation(struct dh_import *im, const Onnx__NodeProto *node);
int dh_import_head(struct dh_import *im, const Onnx__NodeProto *node);

#endif /* DELTAHOP_IMPORT_H */
