/* SPDX-License-Identifier: MIT */
/*
 * The layers of a network, each of them once.
 */
#ifndef DELTAHOP_NET_ROW_H
#define DELTAHOP_NET_ROW_H

#include "tool/format.h"
#include "tool/runner.h"

/**
 * struct net_row - a layer, or the pieces that a layer was cut into
 * @pieces: how many
 */
struct net_row {
	struct dh_layer_report layer;
	uint32_t pieces;
};

/** net_row_of() - layer @index with those after it, before @end, that come from the same node */
struct net_row net_row_of(const struct cost *cost, uint32_t index, uint32_t end);

/** net_row_size() - "channels x rows x columns > maps" */
void net_row_size(const struct net_row *row, struct format *size);

#endif /* DELTAHOP_NET_ROW_H */
