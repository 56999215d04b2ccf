/* SPDX-License-Identifier: MIT */
/*
 * A network as text: what it takes and gives, its steps, and its parts as program/disasm.h shows them.
 */
#ifndef DELTAHOP_NETWORK_DISASM_H
#define DELTAHOP_NETWORK_DISASM_H

#include <stdio.h>

#include <jansson.h>

#include "network/network.h"

/** dh_network_print_head() - names, inputs, outputs, steps */
void dh_network_print_head(const struct dh_network *network, FILE *out);

/** dh_network_disasm_print() - the same, and the commands of all parts */
void dh_network_disasm_print(const struct dh_network *network, FILE *out);

/** dh_network_disasm_json() - as a JSON object, a new reference, or NULL; @commands: with parts */
json_t *dh_network_disasm_json(const struct dh_network *network, bool commands);

#endif /* DELTAHOP_NETWORK_DISASM_H */
