/* SPDX-License-Identifier: MIT */
/*
 * Inside of the network: for every operation what its outputs look like, and its kernel.
 */
#ifndef DELTAHOP_OP_H
#define DELTAHOP_OP_H

#include "network/net.h"

#define DH_NET_MAX_OUTPUTS 3

/** struct dh_net_shape - type and shape of a tensor, without its elements */
struct dh_net_shape {
	enum dh_net_type type;
	int32_t onnx_type;
	uint32_t rank;
	uint32_t dims[DH_NET_MAX_RANK];
};

/**
 * struct dh_infer - a node whose outputs are asked for
 * @in: its inputs; NULL where one is missing
 * @out: in: what the outputs shall be, of which only that counts which inputs and attributes do
 *	not say (the shape of a reshaped tensor); out: what they are
 * @err: gets what is wrong, without the name of the node
 */
struct dh_infer {
	const struct dh_net_node *node;
	const struct dh_net_tensor *const *in;
	struct dh_net_shape *out;
	struct dh_error *err;
};

/** struct dh_kernel - a node that is computed; @data by tensor, @scratch as in dh_net_compute() */
struct dh_kernel {
	const struct dh_net *net;
	const struct dh_net_node *node;
	void *const *data;
	void *scratch;
};

/**
 * struct dh_op - an operation
 * @name: as ONNX calls it
 * @min_inputs: inputs that must be there
 * @max_inputs: that may be there
 * @outputs: at most
 * @infer: outputs from inputs, and all checks that the kernel relies on; 0 or -EINVAL
 * @compute: the kernel
 * @scratch: its dh_net_scratch(), or NULL: none
 * @work: operations of its kernel, or NULL: about one for each element of its tensors
 */
struct dh_op {
	const char *name;
	uint32_t min_inputs;
	uint32_t max_inputs;
	uint32_t outputs;
	int (*infer)(const struct dh_infer *infer);
	void (*compute)(const struct dh_kernel *kernel);
	size_t (*scratch)(const struct dh_net *net, const struct dh_net_node *node);
	uint64_t (*work)(const struct dh_net *net, const struct dh_net_node *node);
};

/** dh_op_find() - the operation, which must be one */
const struct dh_op *dh_op_find(enum dh_net_op op);

/**
 * dh_op_infer() - the outputs of a node: number of inputs, infer(), limits of size
 * @tensors: what the indices of @node mean
 * @out: as in struct dh_infer, for each output
 *
 * Return: 0 or -EINVAL.
 */
int dh_op_infer(const struct dh_net_tensor *tensors, const struct dh_net_node *node,
		struct dh_net_shape *out, struct dh_error *err);

/** dh_op_work() - about how many operations the kernel of a node does */
uint64_t dh_op_work(const struct dh_net *net, const struct dh_net_node *node);

/** dh_shape_of() - of a tensor */
struct dh_net_shape dh_shape_of(const struct dh_net_tensor *tensor);

/** dh_shape_equal() - the same rank and dimensions? */
bool dh_shape_equal(const uint32_t *a, uint32_t a_rank, const uint32_t *b, uint32_t b_rank);

/** dh_shape_elements() - product of dimensions; false: more than a tensor may have */
bool dh_shape_elements(const uint32_t *dims, uint32_t rank, size_t *count);

/** dh_shape_text() - "1x3x32x32"; "a single value" for rank 0 */
const char *dh_shape_text(const struct dh_net_tensor *tensor, char *text, size_t size);

/** dh_infer_bad() - the sentence; -EINVAL; a macro so that every reader sees what it returns */
#define dh_infer_bad(infer, ...) (dh_error_set((infer)->err, __VA_ARGS__), -EINVAL)

/** dh_infer_need_float() - refuse integers at input @i */
int dh_infer_need_float(const struct dh_infer *infer, uint32_t i);

/* --- for kernels --- */

/** dh_kernel_in() - input @i, which is there */
static inline const struct dh_net_tensor *dh_kernel_in(const struct dh_kernel *k, uint32_t i)
{
	return &k->net->tensors[k->node->inputs[i]];
}

/** dh_kernel_out() - output @i, which is wanted */
static inline const struct dh_net_tensor *dh_kernel_out(const struct dh_kernel *k, uint32_t i)
{
	return &k->net->tensors[k->node->outputs[i]];
}

/** dh_kernel_read() - elements of input @i, which is there */
static inline const void *dh_kernel_read(const struct dh_kernel *k, uint32_t i)
{
	return k->data[k->node->inputs[i]];
}

/** dh_kernel_write() - where those of output @i go, which is wanted */
static inline void *dh_kernel_write(const struct dh_kernel *k, uint32_t i)
{
	return k->data[k->node->outputs[i]];
}

/** dh_kernel_has() - is input @i there? */
static inline bool dh_kernel_has(const struct dh_kernel *k, uint32_t i)
{
	return i < k->node->input_count && k->node->inputs[i] != DH_NET_NONE;
}

/** dh_kernel_wants() - does anybody want output @i? */
static inline bool dh_kernel_wants(const struct dh_kernel *k, uint32_t i)
{
	return i < k->node->output_count && k->node->outputs[i] != DH_NET_NONE;
}

/** dh_kernel_maybe() - elements of input @i; NULL: it is not there */
static inline const void *dh_kernel_maybe(const struct dh_kernel *k, uint32_t i)
{
	return dh_kernel_has(k, i) ? dh_kernel_read(k, i) : NULL;
}

/** dh_elements() - product of dimensions @first to @end - 1 */
static inline size_t dh_elements(const struct dh_net_tensor *tensor, uint32_t first, uint32_t end)
{
	size_t count = 1;

	for (uint32_t i = first; i < end; i++)
		count *= tensor->dims[i];
	return count;
}

/** dh_element_size() - bytes of an element */
static inline size_t dh_element_size(enum dh_net_type type)
{
	return type == DH_NET_FLOAT ? sizeof(float) : sizeof(int64_t);
}

/**
 * struct dh_map - a feature map as kernels of windows see it; 1-D maps have one row
 */
struct dh_map {
	size_t batch, channels, rows, cols;
};

/** dh_map_of() - of a tensor of rank 3 or 4 */
struct dh_map dh_map_of(const struct dh_net_tensor *tensor);

/* infer_*.c */
int dh_infer_conv(const struct dh_infer *infer);
int dh_infer_pool(const struct dh_infer *infer);
int dh_infer_gemm(const struct dh_infer *infer);
int dh_infer_matmul(const struct dh_infer *infer);
int dh_infer_scale(const struct dh_infer *infer);
int dh_infer_binary(const struct dh_infer *infer);
int dh_infer_compare(const struct dh_infer *infer);
int dh_infer_logic(const struct dh_infer *infer);
int dh_infer_where(const struct dh_infer *infer);
int dh_infer_unary(const struct dh_infer *infer);
int dh_infer_unary_any(const struct dh_infer *infer);
int dh_infer_not(const struct dh_infer *infer);
int dh_infer_cast(const struct dh_infer *infer);
int dh_infer_softmax(const struct dh_infer *infer);
int dh_infer_reduce(const struct dh_infer *infer);
int dh_infer_arg(const struct dh_infer *infer);
int dh_infer_reshape(const struct dh_infer *infer);
int dh_infer_transpose(const struct dh_infer *infer);
int dh_infer_expand(const struct dh_infer *infer);
int dh_infer_concat(const struct dh_infer *infer);
int dh_infer_slice(const struct dh_infer *infer);
int dh_infer_pad(const struct dh_infer *infer);
int dh_infer_gather(const struct dh_infer *infer);
int dh_infer_recurrent(const struct dh_infer *infer);

/* kernel_*.c */
void dh_kernel_conv(const struct dh_kernel *kernel);
void dh_kernel_pool(const struct dh_kernel *kernel);
void dh_kernel_gemm(const struct dh_kernel *kernel);
void dh_kernel_matmul(const struct dh_kernel *kernel);
void dh_kernel_scale(const struct dh_kernel *kernel);
void dh_kernel_binary(const struct dh_kernel *kernel);
void dh_kernel_where(const struct dh_kernel *kernel);
void dh_kernel_unary(const struct dh_kernel *kernel);
void dh_kernel_cast(const struct dh_kernel *kernel);
void dh_kernel_softmax(const struct dh_kernel *kernel);
void dh_kernel_reduce(const struct dh_kernel *kernel);
void dh_kernel_arg(const struct dh_kernel *kernel);
void dh_kernel_copy(const struct dh_kernel *kernel);
void dh_kernel_move(const struct dh_kernel *kernel);
void dh_kernel_concat(const struct dh_kernel *kernel);
void dh_kernel_pad(const struct dh_kernel *kernel);
void dh_kernel_gather(const struct dh_kernel *kernel);
void dh_kernel_recurrent(const struct dh_kernel *kernel);

/* what they need beside their tensors, and how long they take */
size_t dh_scratch_conv(const struct dh_net *net, const struct dh_net_node *node);
size_t dh_scratch_pool(const struct dh_net *net, const struct dh_net_node *node);
size_t dh_scratch_gemm(const struct dh_net *net, const struct dh_net_node *node);
size_t dh_scratch_recurrent(const struct dh_net *net, const struct dh_net_node *node);
uint64_t dh_work_conv(const struct dh_net *net, const struct dh_net_node *node);
uint64_t dh_work_pool(const struct dh_net *net, const struct dh_net_node *node);
uint64_t dh_work_gemm(const struct dh_net *net, const struct dh_net_node *node);
uint64_t dh_work_recurrent(const struct dh_net *net, const struct dh_net_node *node);

#endif /* DELTAHOP_OP_H */
