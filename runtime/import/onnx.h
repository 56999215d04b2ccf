/* SPDX-License-Identifier: MIT */
/*
 * ONNX files: reading one safely, and getting at tensors and attributes.
 */
#ifndef DELTAHOP_ONNX_H
#define DELTAHOP_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "onnx.pb-c.h"

/**
 * struct dh_onnx - a model in memory
 * @allocated: bytes that it takes; @limit: the most that it may
 * @out_of_memory: why unpacking it failed
 */
struct dh_onnx {
	Onnx__ModelProto *model;
	size_t allocated;
	size_t limit;
	size_t file_size;
	bool out_of_memory;
};

/** dh_onnx_load() - read a file; free it with dh_onnx_free() */
int dh_onnx_load(const char *path, struct dh_onnx *onnx, struct dh_error *err);

/** dh_onnx_parse() - the same from memory; @name is what errors call it */
int dh_onnx_parse(const void *buf, size_t len, const char *name, struct dh_onnx *onnx,
		  struct dh_error *err);

/** dh_onnx_free() - free a model */
void dh_onnx_free(struct dh_onnx *onnx);

/** dh_onnx_opset() - version of the standard operators; 1: the file is older than such numbers */
int64_t dh_onnx_opset(const Onnx__ModelProto *model);

/** struct dh_onnx_tensor - a single tensor in memory; allocations are limited as those of a model */
struct dh_onnx_tensor {
	Onnx__TensorProto *proto;
	struct dh_onnx memory;
};

/** dh_onnx_tensor_load() - read a file of one TensorProto (.pb); free it */
int dh_onnx_tensor_load(const char *path, struct dh_onnx_tensor *tensor, struct dh_error *err);

/** dh_onnx_tensor_free() - free it */
void dh_onnx_tensor_free(struct dh_onnx_tensor *tensor);

/** dh_onnx_attribute() - attribute of a node by name, or NULL */
const Onnx__AttributeProto *dh_onnx_attribute(const Onnx__NodeProto *node, const char *name);

/**
 * dh_onnx_check_attributes() - are the attributes of a node of the types that importers read?
 * @why: set to a sentence about the first one that is not
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int dh_onnx_check_attributes(const Onnx__NodeProto *node, int64_t opset, struct dh_error *why);

/**
 * dh_onnx_int() - an integer attribute, or @missing; that its type is right has been checked
 */
int64_t dh_onnx_int(const Onnx__NodeProto *node, const char *name, int64_t missing);

/** dh_onnx_float() - a float attribute, or @missing, likewise */
float dh_onnx_float(const Onnx__NodeProto *node, const char *name, float missing);

/** dh_onnx_string() - is the bytes value @b the string @text? */
bool dh_onnx_bytes_are(const ProtobufCBinaryData *b, const char *text);

/** dh_onnx_tensor_count() - elements of a tensor; false: dimensions are negative or too large */
bool dh_onnx_tensor_count(const Onnx__TensorProto *tensor, size_t *count);

/** dh_onnx_is_float() - is this data type float, double or float16? */
bool dh_onnx_is_float(int data_type);

/** dh_onnx_is_int() - is this data type an integer or bool? */
bool dh_onnx_is_int(int data_type);

/** dh_onnx_int_wrap() - @value as an integer type holds it: cut off to its width; bool: 0 or 1 */
int64_t dh_onnx_int_wrap(int data_type, int64_t value);

/** dh_onnx_type_name() - ONNX's name of a data type */
const char *dh_onnx_type_name(int data_type);

/** dh_onnx_tensor_inside() - are its elements in the file itself? 0, or an error */
int dh_onnx_tensor_inside(const Onnx__TensorProto *tensor, struct dh_error *err);

/** dh_onnx_floats() - elements of a float tensor as float; @out has room for its count */
int dh_onnx_floats(const Onnx__TensorProto *tensor, size_t count, float *out, struct dh_error *err);

/** dh_onnx_ints() - elements of an integer tensor; @out has room for its count */
int dh_onnx_ints(const Onnx__TensorProto *tensor, size_t count, int64_t *out, struct dh_error *err);

#endif /* DELTAHOP_ONNX_H */
