/* SPDX-License-Identifier: MIT */
/*
 * Inside of the import of a network: the nodes of an ONNX graph are read in order, each by the
 * function of its operator, and become nodes of the network or constants.
 */
#ifndef DELTAHOP_READER_H
#define DELTAHOP_READER_H

#include "base/names.h"
#include "import/onnx.h"
#include "network/builder.h"

/**
 * struct dh_read_value - a name of the graph
 * @tensor: what it is, or DH_NET_NONE: not known yet
 * @initializer: where it comes from, if it is one
 * @given: likewise, from the options
 * @input: index of the graph input, or -1
 * @live: an output of the network depends on it
 */
struct dh_read_value {
	const char *name;
	int32_t tensor;
	const Onnx__TensorProto *initializer;
	const struct dh_net_tensor *given;
	int32_t input;
	bool live;
};

/**
 * struct dh_reader - an import on its way
 * @err: of the caller; @why: of the builder
 * @names: of values, which are in @scratch
 * @scratch: memory that is needed no longer than the import
 * @row: the ONNX node that is read
 */
struct dh_reader {
	struct dh_builder builder;
	struct dh_onnx onnx;
	const Onnx__GraphProto *proto;
	const struct dh_net_options *options;
	struct dh_explain *explain;
	struct dh_error *err;
	struct dh_error why;
	int64_t opset;
	struct dh_names names;
	struct dh_arena scratch;
	uint32_t row;
	char label[128];
	char note[384];
};

/** typedef dh_read_op - reads a node of one operator */
typedef int (*dh_read_op)(struct dh_reader *r, const Onnx__NodeProto *proto);

/** dh_read_find_op() - the function of an operator, or NULL */
dh_read_op dh_read_find_op(const char *op);

/**
 * dh_read_op_named() - the operation of this ONNX name, in lower or upper case; DH_NET_OP_COUNT: none
 */
enum dh_net_op dh_read_op_named(const char *name, size_t len);

/** dh_read_unary_defaults() - a and b of such an operation where the file says nothing */
void dh_read_unary_defaults(enum dh_net_op op, float *a, float *b);

/* --- sentences --- */

/** dh_read_label() - what to call a node in sentences */
const char *dh_read_label(struct dh_reader *r, const Onnx__NodeProto *proto);

/** dh_read_say() - the sentence "node NAME (OP): ..."; without @proto just what follows */
void dh_read_say(struct dh_reader *r, const Onnx__NodeProto *proto, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** dh_read_refuse() - likewise; a macro so that every reader sees what it returns */
#define dh_read_refuse(r, proto, ...) (dh_read_say(r, proto, __VA_ARGS__), -EOPNOTSUPP)

/** dh_read_say_no_memory() - the sentence; true: it was the limit for constants of a graph */
bool dh_read_say_no_memory(struct dh_reader *r);

/** dh_read_no_memory() - likewise; -ENOMEM, or -EOPNOTSUPP for the limit */
#define dh_read_no_memory(r) (dh_read_say_no_memory(r) ? -EOPNOTSUPP : -ENOMEM)

/* --- inputs --- */

/** dh_read_has_input() - is input @i given? */
bool dh_read_has_input(const Onnx__NodeProto *proto, size_t i);

/** dh_read_input() - the tensor of input @i, which must be there; 0 or an error */
int dh_read_input(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int32_t *tensor);

/** dh_read_optional() - likewise; DH_NET_NONE if it is not given */
int dh_read_optional(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int32_t *tensor);

/** dh_read_inputs() - the first @count inputs, missing ones at the end or as DH_NET_NONE */
int dh_read_inputs(struct dh_reader *r, const Onnx__NodeProto *proto, size_t count,
		   int32_t *tensors, uint32_t *given);

/** dh_read_tensor() - a tensor by index, until the next one is made */
const struct dh_net_tensor *dh_read_tensor(const struct dh_reader *r, int32_t tensor);

/** dh_read_constant() - input @i, which must be a constant; @what it is, for the sentence */
int dh_read_constant(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, const char *what,
		     struct dh_net_tensor *constant);

/**
 * dh_read_ints() - integers of constant input @i, or of attribute @what if it is not given
 * @i: SIZE_MAX: an attribute in all operator sets
 * @given: set to whether there is either
 */
int dh_read_ints(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, const char *what,
		 int64_t *out, size_t room, size_t *count, bool *given);

/** dh_read_number() - likewise a single number, which is left alone if there is none */
int dh_read_number(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, const char *what,
		   float *out);

/** dh_read_axis() - an axis of @rank, counted from the end if negative */
int dh_read_axis(struct dh_reader *r, const Onnx__NodeProto *proto, int64_t axis, uint32_t rank,
		 uint32_t *out);

/** dh_read_axes() - a list of axes of @rank, each once, as bits */
int dh_read_axes(struct dh_reader *r, const Onnx__NodeProto *proto, const int64_t *axes,
		 size_t count, uint32_t rank, uint32_t *mask);

/** dh_read_proto() - a constant of a TensorProto; its index or an error */
int dh_read_proto(struct dh_reader *r, const Onnx__TensorProto *proto, int32_t *tensor);

/* --- outputs --- */

/** dh_read_output_live() - does the network need output @i? */
bool dh_read_output_live(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i);

/** dh_read_bind() - output @i is this tensor */
int dh_read_bind(struct dh_reader *r, const Onnx__NodeProto *proto, size_t i, int32_t tensor);

/** dh_read_add() - add a node of @form, of which name, operator and row are filled in */
int dh_read_add(struct dh_reader *r, const Onnx__NodeProto *proto, struct dh_form *form,
		int32_t *outputs);

/** dh_read_emit() - add a node of @form with one output, which is that of the ONNX node */
int dh_read_emit(struct dh_reader *r, const Onnx__NodeProto *proto, struct dh_form *form);

/** dh_read_reshape() - add a reshape of @tensor to @dims, unless it has them; its index or error */
int dh_read_reshape(struct dh_reader *r, const Onnx__NodeProto *proto, int32_t tensor,
		    uint32_t rank, const uint32_t *dims, int32_t *out);

/** dh_read_list() - a constant list of integers as output 0 */
int dh_read_list(struct dh_reader *r, const Onnx__NodeProto *proto, const int64_t *values,
		 size_t count);

/* --- operators --- */

/* read_window.c */
int dh_read_conv(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_pool(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_global_pool(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_matrix.c */
int dh_read_gemm(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_matmul(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_batch_norm(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_elementwise.c */
int dh_read_binary(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_many(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_not_less(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_where(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_unary(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_clip(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_cast(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_axis.c */
int dh_read_softmax(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_reduce(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_arg(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_constant.c */
int dh_read_constant_node(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_constant_of_shape(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_shape(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_size(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_range(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_shape.c */
int dh_read_identity(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_dropout(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_reshape_node(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_flatten(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_squeeze(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_unsqueeze(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_transpose(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_expand(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_depth_to_space(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_space_to_depth(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_move.c */
int dh_read_concat(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_split(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_slice(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_pad(struct dh_reader *r, const Onnx__NodeProto *proto);
int dh_read_gather(struct dh_reader *r, const Onnx__NodeProto *proto);

/* read_recurrent.c */
int dh_read_recurrent(struct dh_reader *r, const Onnx__NodeProto *proto);

#endif /* DELTAHOP_READER_H */
