/* SPDX-License-Identifier: MIT */
/*
 * What a run cost, as a table and as JSON.
 */
#ifndef DELTAHOP_TABLE_H
#define DELTAHOP_TABLE_H

#include <jansson.h>

#include "tool/runner.h"

/** table_print() - for people, 100 columns; @dense: compare with the dense run */
void table_print(const struct cost *cost, const struct dh_device_info *device, bool dense);

/** table_json() - for machines */
json_t *table_json(const struct cost *cost, const struct dh_device_info *device, bool dense);

/** table_other_cycles() - of everything but the layers: the same in the dense run */
uint64_t table_other_cycles(const struct cost *cost);

/** table_bytes() - for all purposes */
uint64_t table_bytes(const struct dh_report *report);

/** table_print_bytes() - the table of bytes by purpose */
void table_print_bytes(const struct cost *cost);

/** table_print_waiting() - what was lost because the other engine used the channel, if anything */
void table_print_waiting(const struct cost *cost);

/** table_adds_up() - are the totals the sums of the rows? */
bool table_adds_up(const struct cost *cost);

#endif /* DELTAHOP_TABLE_H */
