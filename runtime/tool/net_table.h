/* SPDX-License-Identifier: MIT */
/*
 * What running a network of parts cost, as a table and as JSON.
 */
#ifndef DELTAHOP_NET_TABLE_H
#define DELTAHOP_NET_TABLE_H

#include <jansson.h>

#include "tool/net_runner.h"

/** net_table_print() - for people, 100 columns; @dense: compare with the dense run */
void net_table_print(const struct net_cost *cost, const struct dh_device_info *device, bool dense);

/** net_table_json() - for machines */
json_t *net_table_json(const struct net_cost *cost, const struct dh_device_info *device,
		       bool dense);

#endif /* DELTAHOP_NET_TABLE_H */
