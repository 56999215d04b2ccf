/* SPDX-License-Identifier: MIT */
/*
 * A network on its way: tensors and nodes are added at the end, nodes are taken away or join others,
 * and at last what is left is put together.
 */
#ifndef DELTAHOP_BUILDER_H
#define DELTAHOP_BUILDER_H

#include "network/op.h"

/**
 * struct dh_builder - all zero but for @net and @err at the start
 * @net: its arrays of tensors and nodes are allocated by themselves, with @tensor_room and
 *	@node_room, until dh_builder_finish(); constants are in its arena
 * @data: by tensor: of constants
 * @joined: by node: DH_NET_NONE: it is there; DH_BUILDER_GONE: it is not; else the node that does
 *	its work too
 * @fold_work: operations that computing constants has cost
 */
struct dh_builder {
	struct dh_net *net;
	struct dh_error *err;
	uint32_t tensor_room;
	uint32_t node_room;
	void **data;
	int32_t *joined;
	uint64_t fold_work;
};

#define DH_BUILDER_GONE (-2)

/**
 * struct dh_form - a node to be
 * @want: of its outputs what inputs and attributes do not say; see struct dh_infer
 * @skip: bit per output that nobody wants
 * @keep: must be a node, even if it could be computed now
 */
struct dh_form {
	enum dh_net_op op;
	const char *name;
	const char *onnx_op;
	uint32_t source;
	const int32_t *inputs;
	uint32_t input_count;
	uint32_t output_count;
	union dh_net_attributes attr;
	struct dh_net_shape want[DH_NET_MAX_OUTPUTS];
	uint32_t skip;
	bool keep;
};

/** dh_builder_tensor() - add a tensor without name or data; its index or -ENOMEM */
int32_t dh_builder_tensor(struct dh_builder *b, const struct dh_net_shape *shape);

/** dh_builder_constant() - add a constant and give it memory; its index or -ENOMEM */
int32_t dh_builder_constant(struct dh_builder *b, const struct dh_net_shape *shape);

/**
 * dh_builder_node() - add a node, or compute it if it depends on constants only
 * @outputs: set to its outputs, DH_NET_NONE where @form.skip says so
 *
 * Return: 0; -EINVAL: @err says what is wrong with it, without its name; -ENOMEM.
 */
int dh_builder_node(struct dh_builder *b, const struct dh_form *form, int32_t *outputs);

/** dh_builder_name() - name a tensor; 0 or -ENOMEM */
int dh_builder_name(struct dh_builder *b, int32_t tensor, const char *name);

/** dh_builder_finish() - only what outputs need, in arrays of the arena, checked; 0 or an error */
int dh_builder_finish(struct dh_builder *b);

/** dh_builder_free() - what is left beside the network */
void dh_builder_free(struct dh_builder *b);

#endif /* DELTAHOP_BUILDER_H */
