/* SPDX-License-Identifier: MIT */
/*
 * What shapes and kernel of recurrent layers share.
 */
#ifndef DELTAHOP_RECURRENT_H
#define DELTAHOP_RECURRENT_H

#include "network/op.h"

/** struct dh_net_cell - gates, activations of a direction, most inputs */
struct dh_net_cell {
	enum dh_net_op op;
	uint32_t gates;
	uint32_t activations;
	uint32_t inputs;
};

/** dh_net_cell_of() - of DH_NET_GRU, DH_NET_LSTM, DH_NET_RNN */
const struct dh_net_cell *dh_net_cell_of(enum dh_net_op op);

/** struct dh_recurrent_sizes - of a layer */
struct dh_recurrent_sizes {
	uint32_t steps, batch, inputs, directions;
};

/** dh_recurrent_sizes() - from its input, which has rank 3 */
struct dh_recurrent_sizes dh_recurrent_sizes(const struct dh_net_node *node,
					     const struct dh_net_tensor *x);

#endif /* DELTAHOP_RECURRENT_H */
