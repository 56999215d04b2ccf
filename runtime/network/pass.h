/* SPDX-License-Identifier: MIT */
/*
 * Simplifications of a network while it is built. Each is one sweep over the nodes in order, and
 * changes nothing that the network computes but for rounding.
 */
#ifndef DELTAHOP_PASS_H
#define DELTAHOP_PASS_H

#include "network/builder.h"

/**
 * struct dh_pass - a sweep on its way; arrays are by tensor
 * @uses: how many inputs of nodes it is, and outputs of the network
 * @producer: its node, or DH_NET_NONE
 * @instead: the tensor that is read instead of it, or DH_NET_NONE
 * @is_output: of the network
 * @room: of the arrays
 */
struct dh_pass {
	struct dh_builder *b;
	uint32_t *uses;
	int32_t *producer;
	int32_t *instead;
	bool *is_output;
	uint32_t room;
};

/** dh_net_simplify() - all simplifications; 0 or -ENOMEM */
int dh_net_simplify(struct dh_builder *b);

/* --- for the visitors --- */

/** typedef dh_pass_visit - looks at a node and changes it; 0 or -ENOMEM */
typedef int (*dh_pass_visit)(struct dh_pass *pass, struct dh_net_node *node);

/** dh_pass_tensor() - a tensor, until the next one is made */
struct dh_net_tensor *dh_pass_tensor(const struct dh_pass *pass, int32_t tensor);

/** dh_pass_before() - the node that computes input @i of @node, or NULL */
struct dh_net_node *dh_pass_before(const struct dh_pass *pass, const struct dh_net_node *node,
				   uint32_t i);

/** dh_pass_only_before() - likewise, if nothing else needs what it computes */
struct dh_net_node *dh_pass_only_before(const struct dh_pass *pass, const struct dh_net_node *node,
					uint32_t i);

/** dh_pass_is_constant() - is input @i of @node a constant of floats? */
bool dh_pass_is_constant(const struct dh_pass *pass, const struct dh_net_node *node, uint32_t i);

/** dh_pass_read() - input @i of @node becomes @tensor */
void dh_pass_read(struct dh_pass *pass, struct dh_net_node *node, uint32_t i, int32_t tensor);

/** dh_pass_skip() - what reads the output of @node reads its input 0 instead, if that can be */
int dh_pass_skip(struct dh_pass *pass, struct dh_net_node *node);

/**
 * dh_pass_join() - @node, the only one before @gone, does its work too and computes its output;
 * 0 or -ENOMEM
 */
int dh_pass_join(struct dh_pass *pass, struct dh_net_node *gone, struct dh_net_node *node);

/**
 * dh_pass_join_before() - @node, whose only one before is @gone, does its work too and reads
 * @input, which was an input of @gone; 0 or -ENOMEM
 */
int dh_pass_join_before(struct dh_pass *pass, struct dh_net_node *gone, struct dh_net_node *node,
			int32_t input);

/**
 * dh_pass_own() - constant input @i of @node, of floats, to be changed: a copy if others read it
 * too; NULL: out of memory
 */
float *dh_pass_own(struct dh_pass *pass, struct dh_net_node *node, uint32_t i);

/**
 * dh_pass_make() - a constant of @count floats, zero at first, as input @i of @node, which has
 * all before it; NULL: out of memory
 */
float *dh_pass_make(struct dh_pass *pass, struct dh_net_node *node, uint32_t i, uint32_t count);

/* --- visitors --- */

int dh_pass_moves(struct dh_pass *pass, struct dh_net_node *node);
int dh_pass_pads(struct dh_pass *pass, struct dh_net_node *node);
int dh_pass_products(struct dh_pass *pass, struct dh_net_node *node);
int dh_pass_scales(struct dh_pass *pass, struct dh_net_node *node);

#endif /* DELTAHOP_PASS_H */
