/* SPDX-License-Identifier: MIT */
/*
 * A case of ONNX's backend tests: a directory with model.onnx and test_data_set_N/input_K.pb,
 * output_K.pb.
 */
#ifndef CASE_H
#define CASE_H

#include "network/net.h"

/** enum verdict - how a case went */
enum verdict {
	CASE_OK,
	CASE_REFUSED, /* with a sentence */
	CASE_FAILED,
};

/**
 * struct onnx_case - a case
 * @path: its directory
 * @model: file name of the model
 * @input_names: of the graph, those that are no initializers, in order
 * @output_names: of the graph, in order
 */
struct onnx_case {
	struct dh_arena arena;
	const char *path;
	char model[4096];
	char **input_names;
	size_t input_count;
	char **output_names;
	size_t output_count;
};

/**
 * struct case_data - a set of data
 * @inputs: values of the first inputs of the graph, with their names; there may be fewer than it has
 * @outputs: likewise
 */
struct case_data {
	struct dh_net_tensor *inputs;
	size_t input_count;
	struct dh_net_tensor *outputs;
	size_t output_count;
};

/** typedef case_mode - runs a case one way; @say gets a sentence,
 * or a remark if all is well */
typedef enum verdict (*case_mode)(struct onnx_case *c, struct dh_error *say);

/** case_name() - the last two parts of the path of a case ("node/test_relu") */
const char *case_name(const char *path);

/** case_open() - read names of inputs and outputs; 0 or an error with a sentence */
int case_open(struct onnx_case *c, const char *path, struct dh_error *say);

/** case_load() - read data set @number; 0, -ENOENT: there is none, or an error with a sentence */
int case_load(struct onnx_case *c, unsigned int number, struct case_data *data,
	      struct dh_error *say);

/**
 * case_without_data() - of a case that case_load() could not read: such data (not of tensors, or
 * not of floats) are as good as a refusal, unless there is another reason to refuse: then that is said
 */
enum verdict case_without_data(struct onnx_case *c, struct dh_error *say);

/** case_close() - free it */
void case_close(struct onnx_case *c);

/**
 * case_compare() - is what was computed what should be?
 * @want: the output as it should be
 * @have: type and shape of what was computed; @elements
 * @relative: to the element; @absolute: in addition
 * @say: gets the first difference
 */
bool case_compare(const struct dh_net_tensor *want, const struct dh_net_tensor *have,
		  const void *elements, double relative, double absolute, struct dh_error *say);

/** case_largest() - largest absolute value of a tensor of floats; 0 of one of integers */
double case_largest(const struct dh_net_tensor *tensor);

/* the modes */
enum verdict case_float(struct onnx_case *c, struct dh_error *say);
enum verdict case_device(struct onnx_case *c, struct dh_error *say);
enum verdict case_mutate(struct onnx_case *c, struct dh_error *say);
enum verdict case_recurrent(struct onnx_case *c, struct dh_error *say);

#endif /* CASE_H */
