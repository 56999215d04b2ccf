/* SPDX-License-Identifier: MIT */
/*
 * A program as text: its commands with the ONNX nodes that they come from.
 */
#ifndef DELTAHOP_DISASM_H
#define DELTAHOP_DISASM_H

#include <stdio.h>

#include <jansson.h>

#include "program/program.h"

/** dh_disasm_print_head() - what the program needs and holds */
void dh_disasm_print_head(const struct dh_program *program, FILE *out);

/** dh_disasm_print() - what the program needs and holds, then one line per command */
void dh_disasm_print(const struct dh_program *program, FILE *out);

/** dh_disasm_json() - the same as a JSON object, a new reference, or NULL */
json_t *dh_disasm_json(const struct dh_program *program);

#endif /* DELTAHOP_DISASM_H */
