/* SPDX-License-Identifier: MIT */
/*
 * The test networks as protobuf messages, to be changed before they are compiled.
 */
#ifndef ONNX_FIXTURE_H
#define ONNX_FIXTURE_H

#include "base/error.h"
#include "onnx.pb-c.h"

/** onnx_read() - a network by name; fails the test if it cannot; free it with onnx_free() */
Onnx__ModelProto *onnx_read(const char *name);

/** onnx_read_file() - likewise, any ONNX file */
Onnx__ModelProto *onnx_read_file(const char *path);

/** onnx_find() - likewise, the first network that compiles and has an operator */
Onnx__ModelProto *onnx_find(const char *op);

/** onnx_free() - free a model and what was added to it */
void onnx_free(Onnx__ModelProto *model);

/** onnx_node() - the first node of an operator, or NULL */
Onnx__NodeProto *onnx_node(const Onnx__ModelProto *model, const char *op);

/** onnx_last_node() - likewise, the last one */
Onnx__NodeProto *onnx_last_node(const Onnx__ModelProto *model, const char *op);

/** onnx_initializer() - a constant by name, or NULL */
Onnx__TensorProto *onnx_initializer(const Onnx__ModelProto *model, const char *name);

/** onnx_add_node() - put a node in front; @b may be NULL */
Onnx__NodeProto *onnx_add_node(Onnx__ModelProto *model, const char *op, const char *a,
			       const char *b, const char *output);

/** onnx_set_input() - let input @i of a node, which it has, be another value */
void onnx_set_input(Onnx__NodeProto *node, size_t i, const char *name);

/** onnx_add_int() - give a node an integer attribute */
void onnx_add_int(Onnx__NodeProto *node, const char *name, int64_t value);

/** onnx_add_ints() - add a constant, a list of integers */
void onnx_add_ints(Onnx__ModelProto *model, const char *name, const int64_t *values, size_t count);

/** onnx_add_floats() - add a constant of @rank dimensions */
void onnx_add_floats(Onnx__ModelProto *model, const char *name, const int64_t *dims, size_t rank,
		     const float *values);

/** onnx_save() - to a file */
void onnx_save(const Onnx__ModelProto *model, const char *path);

/** onnx_compile() - compile and throw away: 0, or an error */
int onnx_compile(const Onnx__ModelProto *model, struct dh_error *err);

/** onnx_import_network() - likewise, import as a network of tensor operations */
int onnx_import_network(const Onnx__ModelProto *model, struct dh_error *err);

#endif /* ONNX_FIXTURE_H */
