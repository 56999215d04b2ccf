/* SPDX-License-Identifier: MIT */
/*
 * The mapper: from a net to a network, of which the engines do what they can and the host the rest.
 */
#ifndef DELTAHOP_MAPPER_H
#define DELTAHOP_MAPPER_H

#include "base/error.h"
#include "base/npy.h"
#include "compile/compile.h"
#include "deltahop_cmd.h"
#include "import/explain.h"
#include "network/net.h"
#include "network/network.h"

/** enum dh_weight_choice - how wide weights are in memory */
enum dh_weight_choice {
	DH_WEIGHTS_AUTO, /* 8 bits where it does no harm */
	DH_WEIGHTS_8,
	DH_WEIGHTS_16,
};

/** struct dh_map_data - typical values of an input; @name: of the tensor, NULL: the only input */
struct dh_map_data {
	const char *name;
	const struct dh_array *array;
};

/**
 * struct dh_map_options - how to map
 * @profile: name of the device profile
 * @limits: of the device
 * @calibration: [samples][values of the input], for every input or for none
 * @weights: of the convolution engine
 * @theta_x: of recurrent layers, as in struct dh_compile_options, and so on; @theta counts layers of
 *	the recurrent engine behind those of the convolution engine, as the explanation does
 */
struct dh_map_options {
	const char *profile;
	struct dh_cmd_limits limits;
	const struct dh_map_data *calibration;
	size_t calibration_count;
	enum dh_weight_choice weights;
	int16_t theta_x;
	int16_t theta_h;
	const struct dh_layer_theta *theta;
	uint32_t theta_count;
};

/**
 * dh_map_net() - map a net
 * @net: taken over, also when it fails
 * @explain: with the rows of the import, row i of ONNX node i; may be NULL
 *
 * Return: 0; -EOPNOTSUPP; -EINVAL: calibration data that do not fit; -ENOMEM.
 */
int dh_map_net(struct dh_net *net, const struct dh_map_options *options,
	       struct dh_network **network, struct dh_explain *explain, struct dh_error *err);

#endif /* DELTAHOP_MAPPER_H */
