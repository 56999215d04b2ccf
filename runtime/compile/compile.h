/* SPDX-License-Identifier: MIT */
/*
 * The compiler: from an ONNX file to a program.
 */
#ifndef DELTAHOP_COMPILE_H
#define DELTAHOP_COMPILE_H

#include <stdint.h>

#include "base/error.h"
#include "base/npy.h"
#include "import/explain.h"
#include "import/graph.h"
#include "program/program.h"

/** struct dh_layer_theta - thresholds of one layer; negative ones keep the default */
struct dh_layer_theta {
	uint32_t layer;
	int16_t theta_x;
	int16_t theta_h;
};

/**
 * struct dh_compile_options - how to compile
 * @profile: device profile; its limits hold unless @limits is given. NULL: "card"
 * @limits: of a device
 * @calibration: typical inputs, float or int16 Q8.8 [frames][elements], sequences end to
 *	end; NULL: none
 * @lengths: frames of each sequence, integers; NULL: one sequence
 * @theta_x: default threshold of GRU layers in 1/256 (dense layers have 0)
 * @theta_h: likewise
 * @theta: thresholds of single layers, dense ones too
 * @theta_count: how many
 */
struct dh_compile_options {
	const char *profile;
	const struct dh_cmd_limits *limits;
	const struct dh_array *calibration;
	const struct dh_array *lengths;
	int16_t theta_x;
	int16_t theta_h;
	const struct dh_layer_theta *theta;
	uint32_t theta_count;
};

/**
 * dh_compile() - compile an ONNX file
 * @explain: set to what was done, also when the network is refused (then with what was
 *	reached); may be NULL
 *
 * Return: 0; -EOPNOTSUPP: refused, the sentence says what, which limit, and what would work;
 * -ERANGE: an option that cannot be: no such profile, layer or threshold; -EINVAL, -EIO, -ENOMEM...
 */
int dh_compile(const char *onnx_path, const struct dh_compile_options *options,
	       struct dh_program **program, struct dh_explain **explain, struct dh_error *err);

/** dh_compile_memory() - the same from memory; @name is what errors call it */
int dh_compile_memory(const void *buf, size_t len, const char *name,
		      const struct dh_compile_options *options, struct dh_program **program,
		      struct dh_explain **explain, struct dh_error *err);

/**
 * dh_compile_graph() - compile a chain
 * @explain: gets a row for each layer; a row of a node whose layer is refused says so; may be NULL
 */
int dh_compile_graph(const struct dh_graph *graph, const struct dh_compile_options *options,
		     struct dh_program **program, struct dh_explain *explain, struct dh_error *err);

#endif /* DELTAHOP_COMPILE_H */
