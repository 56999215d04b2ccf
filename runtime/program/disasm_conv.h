/* SPDX-License-Identifier: MIT */
/*
 * The convolution engine's part of program/disasm.h.
 */
#ifndef DELTAHOP_DISASM_CONV_H
#define DELTAHOP_DISASM_CONV_H

#include <stdio.h>

#include <jansson.h>

#include "program/program.h"

/** dh_disasm_conv_print_head() - what a program needs, its memory and its maps */
void dh_disasm_conv_print_head(const struct dh_program *program, FILE *out);

/** dh_disasm_conv_print() - what follows the name of a command; @conv: its layer, or NULL */
void dh_disasm_conv_print(const struct dh_cmd *cmd, const struct dh_program_conv *conv, FILE *out);

/** dh_disasm_conv_json() - the head, into a JSON object, which becomes NULL without memory */
void dh_disasm_conv_json(const struct dh_program *program, json_t **object);

/** dh_disasm_conv_describe() - a command, likewise */
void dh_disasm_conv_describe(const struct dh_cmd *cmd, const struct dh_program_conv *conv,
			     json_t **object);

#endif /* DELTAHOP_DISASM_CONV_H */
