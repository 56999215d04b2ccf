/* SPDX-License-Identifier: MIT */
/*
 * Networks of parts and host nodes, made by hand.
 */
#ifndef NETWORK_FIXTURE_H
#define NETWORK_FIXTURE_H

#include "conv_fixture.h"
#include "network/net.h"
#include "network/network.h"

#define NET_STEPS 9 /* of the recurrent part */

/* The network being made, its convolution part, and that one's inputs. */
extern struct dh_network *network;
extern struct fixture conv;
extern float *conv_inputs[2];

/** net_begin() - nothing yet */
void net_begin(void);

/** net_add_tensor() - a tensor; its index */
int32_t net_add_tensor(const char *name, enum dh_net_type type, uint32_t rank,
		       const uint32_t *dims);

/** net_add_node() - a node with one input and one output */
struct dh_net_node *net_add_node(enum dh_net_op op, const char *name, int32_t in, int32_t out);

/** net_add_conv() - a convolution part that the caller feeds, with its tensors and values */
struct dh_network_part *net_add_conv(void (*program)(struct fixture *fix, uint32_t seed));

/** net_end() - it must be sound */
void net_end(void);

/**
 * net_make_mixed() - convolutions, then a GRU over a map of theirs as 9 steps of 8 values, then Softmax
 * and ArgMax of their other output
 */
void net_make_mixed(void);

/**
 * net_make_pair() - a convolution and a GRU; with @independent the GRU has an input of its own, else it
 * takes what the convolution gives, as it lies in memory
 */
void net_make_pair(bool independent);

/** net_unmake() - free all */
void net_unmake(void);

#endif /* NETWORK_FIXTURE_H */
