// SPDX-License-Identifier: MIT
/* Which way a network is compiled, and with what. */
#include <errno.h>
#include <string.h>

#include "front/front.h"
#include "deltahop_model.h"
#include "execute/backend.h"
#include "import/onnx.h"

#define DEFAULT_PROFILE "card"

void dh_front_device(const struct dh_device *device, struct dh_cmd_limits *limits,
		     struct dh_front_options *options)
{
	*limits = dh_device_limits(device);
	options->limits = limits;
	options->profile = dh_profile_name(device->hw.profile);
}

/** struct front - a compilation on its way */
struct front {
	const char *path;
	const struct dh_front_options *options;
	const char *profile;
	struct dh_cmd_limits limits;
	struct dh_compiled *compiled;
	struct dh_explain *explain;
	struct dh_error *err;
};

/* --- what there is to choose from --------------------------------------------------- */

/** struct kinds - operators that decide */
struct kinds {
	bool windows;
	bool recurrent;
};

static bool is_one_of(const char *op, const char *const *list)
{
	while (*list && strcmp(op, *list))
		list++;
	return *list;
}

static void find_kinds(const Onnx__GraphProto *graph, struct kinds *kinds)
{
	static const char *const windows[] = { "Conv",		"MaxPool",	     "AveragePool",
					       "GlobalMaxPool", "GlobalAveragePool", NULL };
	static const char *const recurrent[] = { "GRU", "LSTM", "RNN", NULL };

	for (size_t i = 0; graph && i < graph->n_node; i++) {
		const char *op = graph->node[i]->op_type ? graph->node[i]->op_type : "";

		kinds->windows |= is_one_of(op, windows);
		kinds->recurrent |= is_one_of(op, recurrent);
	}
}

static int read_kinds(const struct front *front, struct kinds *kinds)
{
	struct dh_onnx onnx;
	int ret = dh_onnx_load(front->path, &onnx, front->err);

	*kinds = (struct kinds){ 0 };
	if (ret)
		return ret;
	find_kinds(onnx.model->graph, kinds);
	dh_onnx_free(&onnx);
	return 0;
}

static int find_limits(struct front *front)
{
	struct dh_config config;

	front->profile = front->options->profile ? front->options->profile : DEFAULT_PROFILE;
	if (front->options->limits) {
		front->limits = *front->options->limits;
		return 0;
	}
	if (!dh_config_profile(&config, front->profile)) {
		dh_error_set(front->err,
			     "profile %s: there is no such device profile; use card, edgedrnn, "
			     "nullhop-fpga or nullhop-asic",
			     front->profile);
		return -ERANGE;
	}
	front->limits = dh_config_limits(&config);
	return 0;
}

static bool has_recurrent(const struct front *front)
{
	return front->limits.slots;
}

static bool has_convolution(const struct front *front)
{
	return front->limits.conv_macs;
}

/* --- the two ways ------------------------------------------------------------------------ */

static int no_memory(const struct front *front)
{
	dh_error_set(front->err, "out of memory");
	return -ENOMEM;
}

static int new_explain(struct front *front)
{
	dh_explain_free(front->explain);
	front->explain = dh_explain_create();
	return front->explain ? 0 : no_memory(front);
}

static int compile_chain(struct front *front)
{
	const struct dh_front_options *options = front->options;
	struct dh_compile_options chain = {
		.profile = front->profile,
		.limits = options->limits,
		.lengths = options->lengths,
		.theta_x = options->theta_x,
		.theta_h = options->theta_h,
		.theta = options->theta,
		.theta_count = options->theta_count,
	};

	if (options->calibration_count > 1) {
		dh_error_set(front->err,
			     "calibration data for %zu inputs; a recurrent network has "
			     "one",
			     options->calibration_count);
		return -EINVAL;
	}
	if (options->calibration_count)
		chain.calibration = options->calibration[0].array;
	dh_explain_free(front->explain);
	front->explain = NULL;
	return dh_compile(front->path, &chain, &front->compiled->program, &front->explain,
			  front->err);
}

/* A network of parts has a fixed shape. */
static int refuse_lengths(const struct front *front)
{
	if (!front->options->lengths)
		return 0;
	dh_error_set(front->err,
		     "--lengths is for networks that are recurrent as a whole, and this "
		     "one has other parts: leave it out");
	return -ERANGE;
}

static int compile_net(struct front *front)
{
	const struct dh_net_options import = { .sizes = front->options->sizes,
					       .size_count = front->options->size_count,
					       .one_batch = true };
	const struct dh_map_options map = {
		.profile = front->profile,
		.limits = front->limits,
		.calibration = front->options->calibration,
		.calibration_count = front->options->calibration_count,
		.weights = front->options->weights,
		.theta_x = front->options->theta_x,
		.theta_h = front->options->theta_h,
		.theta = front->options->theta,
		.theta_count = front->options->theta_count,
	};
	struct dh_net *net;
	int ret = refuse_lengths(front);

	if (!ret)
		ret = new_explain(front);
	if (!ret)
		ret = dh_net_import(front->path, &import, front->explain, &net, front->err);
	if (ret)
		return ret;
	return dh_map_net(net, &map, &front->compiled->network, front->explain, front->err);
}

/*
 * Dense layers alone run on either engine: on the recurrent one, which skips what did not change, if
 * they are a chain. What neither engine does anything of is what the chain's compiler says it is.
 */
static int compile_either(struct front *front, const struct kinds *kinds)
{
	struct dh_error chain_err = { { 0 } };
	int ret = compile_chain(front);

	if (ret != -EOPNOTSUPP || kinds->recurrent || !has_convolution(front))
		return ret;
	if (front->err)
		chain_err = *front->err;
	ret = compile_net(front);
	if (!ret && front->compiled->network->part_count)
		return 0;
	dh_compiled_free(front->compiled);
	if (ret == -ENOMEM)
		return ret;
	dh_error_set(front->err, "%s", chain_err.text);
	return ret ? ret : -EOPNOTSUPP;
}

static int compile(struct front *front)
{
	struct kinds kinds;
	int ret = find_limits(front);

	if (!ret)
		ret = read_kinds(front, &kinds);
	if (ret)
		return ret;
	if (has_convolution(front) && (kinds.windows || !has_recurrent(front)))
		return compile_net(front);
	return compile_either(front, &kinds);
}

int dh_front_compile(const char *onnx_path, const struct dh_front_options *options,
		     struct dh_compiled *compiled, struct dh_explain **explain,
		     struct dh_error *err)
{
	struct front front = {
		.path = onnx_path, .options = options, .compiled = compiled, .err = err
	};
	int ret;

	*compiled = (struct dh_compiled){ 0 };
	ret = compile(&front);
	if (front.explain && front.explain->out_of_memory) {
		dh_compiled_free(compiled);
		ret = no_memory(&front);
	}
	if (explain)
		*explain = front.explain;
	else
		dh_explain_free(front.explain);
	return ret;
}

int dh_front_network(const char *onnx_path, const struct dh_front_options *options,
		     struct dh_network **network, struct dh_error *err)
{
	struct dh_compiled compiled = { 0 };
	struct front front = {
		.path = onnx_path, .options = options, .compiled = &compiled, .err = err
	};
	int ret = find_limits(&front);

	if (!ret && !has_convolution(&front)) {
		dh_error_set(err,
			     "profile %s has no convolution engine; use card, nullhop-fpga or "
			     "nullhop-asic",
			     front.profile);
		ret = -ERANGE;
	}
	if (!ret)
		ret = compile_net(&front);
	dh_explain_free(front.explain);
	*network = compiled.network;
	return ret;
}

void dh_compiled_free(struct dh_compiled *compiled)
{
	dh_program_free(compiled->program);
	dh_network_free(compiled->network);
	*compiled = (struct dh_compiled){ 0 };
}
