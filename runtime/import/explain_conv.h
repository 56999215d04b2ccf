/* SPDX-License-Identifier: MIT */
/*
 * The layers of the convolution engine in an explanation, as text and as JSON.
 */
#ifndef DELTAHOP_EXPLAIN_CONV_H
#define DELTAHOP_EXPLAIN_CONV_H

#include "import/explain.h"

/** dh_explain_convs_print() - their table; nothing if there are none */
void dh_explain_convs_print(const struct dh_explain *explain, FILE *out);

/** dh_explain_convs_json() - an array, a new reference, or NULL */
json_t *dh_explain_convs_json(const struct dh_explain *explain);

#endif /* DELTAHOP_EXPLAIN_CONV_H */
