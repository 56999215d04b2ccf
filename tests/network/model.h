/* SPDX-License-Identifier: MIT */
/*
 * ONNX models out of a few lines of text, for tests. A line is one of
 *
 *	opset 13				(21 if there is none)
 *	input x 1 3 8 8				a number is a size, ? an open one, a word the name of an open one
 *	input:int64 n 2
 *	const w 4 3 3 3				random numbers from -1 to 1, always the same
 *	const w 2 2 = 1 2 3 4
 *	const:int64 shape 2 = 1 -1
 *	Conv c: x w - -> y kernel_shape=[3,3] auto_pad=VALID alpha=0.5 value=<1.5>
 *						operator, name of the node, inputs (- is none), outputs,
 *						attributes: [list], <tensor>, number with or
 *						without a point, word
 *	output y
 */
#ifndef MODEL_H
#define MODEL_H

#include "network/net.h"

/** model_bytes() - the model as a file, to be freed; a text that is wrong ends the test */
void *model_bytes(const char *text, size_t *size);

/** model_import() - import it; 0 or an error */
int model_import(const char *text, const struct dh_net_options *options, struct dh_net **net,
		 struct dh_error *err);

/** model_net() - import it, which must work */
struct dh_net *model_net(const char *text);

/** model_run() - run a net with its inputs random (always the same); free it */
struct dh_net_run *model_run(const struct dh_net *net);

/** model_count() - nodes of an operation */
unsigned int model_count(const struct dh_net *net, enum dh_net_op op);

#endif /* MODEL_H */
