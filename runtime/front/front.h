/* SPDX-License-Identifier: MIT */
/*
 * One way to compile every network: a chain of recurrent and dense layers becomes a program of the
 * recurrent engine, everything else a network of which the engines do what they can.
 */
#ifndef DELTAHOP_FRONT_H
#define DELTAHOP_FRONT_H

#include "compile/compile.h"
#include "map/mapper.h"

/**
 * struct dh_front_options - how to compile
 * @profile: device profile; NULL: "card"
 * @limits: of a device, instead of those of the profile; may be NULL
 * @calibration: typical values, by input
 * @calibration_count: how many
 * @lengths: of the sequences in them, for recurrent chains; NULL: none
 * @theta_x: as in struct dh_compile_options, and so on
 * @weights: of the convolution engine
 * @sizes: of dimensions that the file leaves open, but for the batch; not for recurrent chains
 * @size_count: how many
 */
struct dh_front_options {
	const char *profile;
	const struct dh_cmd_limits *limits;
	const struct dh_map_data *calibration;
	size_t calibration_count;
	const struct dh_array *lengths;
	int16_t theta_x;
	int16_t theta_h;
	const struct dh_layer_theta *theta;
	uint32_t theta_count;
	enum dh_weight_choice weights;
	const struct dh_net_size *sizes;
	size_t size_count;
};

/** dh_front_device() - compile for a device: fills @limits, and sets profile and limits of @options */
void dh_front_device(const struct dh_device *device, struct dh_cmd_limits *limits,
		     struct dh_front_options *options);

/** struct dh_compiled - one of the two */
struct dh_compiled {
	struct dh_program *program;
	struct dh_network *network;
};

/**
 * dh_front_compile() - compile an ONNX file
 * @compiled: set on success; free it with dh_compiled_free()
 * @explain: set to what was done, also when the network is refused; may be NULL
 *
 * Return: as dh_compile().
 */
int dh_front_compile(const char *onnx_path, const struct dh_front_options *options,
		     struct dh_compiled *compiled, struct dh_explain **explain,
		     struct dh_error *err);

/** dh_front_network() - the same for the convolution engine and the host, whatever network it is */
int dh_front_network(const char *onnx_path, const struct dh_front_options *options,
		     struct dh_network **network, struct dh_error *err);

/** dh_compiled_free() - free whichever it is */
void dh_compiled_free(struct dh_compiled *compiled);

#endif /* DELTAHOP_FRONT_H */
