// SPDX-License-Identifier: MIT
/* deltahop compile: from an ONNX file to a program, with an explanation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/compile.h"
#include "tool/tool.h"

#define THETA_MAX  511
#define LAYERS_MAX DH_GRAPH_MAX_LAYERS

enum {
	KEY_PROFILE = 256,
	KEY_CALIBRATION,
	KEY_LENGTHS,
	KEY_THETA_X,
	KEY_THETA_H,
	KEY_EXPLAIN,
};

struct arguments {
	const char *onnx;
	const char *output;
	const char *profile;
	const char *device;
	const char *calibration;
	const char *lengths;
	int16_t theta_x;
	int16_t theta_h;
	struct dh_layer_theta theta[2 * LAYERS_MAX];
	uint32_t theta_count;
	bool explain;
	bool json;
};

/* "8" for all layers, or "0=8,1=16". */
static void parse_theta(struct argp_state *state, const char *name, const char *text, bool is_x)
{
	struct arguments *args = state->input;
	int16_t *all = is_x ? &args->theta_x : &args->theta_h;
	char *copy, *part, *rest, *value;

	if (!strchr(text, '=')) {
		*all = tool_number(state, name, text, 0, THETA_MAX);
		return;
	}
	copy = strdup(text);
	if (!copy)
		argp_failure(state, EXIT_FAILED, 0, "out of memory");
	for (part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
		struct dh_layer_theta *theta = &args->theta[args->theta_count];

		value = strchr(part, '=');
		if (!value || args->theta_count == 2 * LAYERS_MAX)
			argp_error(state, "%s: \"%s\": give LAYER=NUMBER,... for at most %d layers",
				   name, text, LAYERS_MAX);
		if (!value)
			break;
		*value++ = '\0';
		theta->layer = tool_number(state, name, part, 0, LAYERS_MAX - 1);
		theta->theta_x = is_x ? tool_number(state, name, value, 0, THETA_MAX) : -1;
		theta->theta_h = is_x ? -1 : tool_number(state, name, value, 0, THETA_MAX);
		args->theta_count++;
	}
	free(copy);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case 'o':
		args->output = arg;
		return 0;
	case 'd':
		args->device = arg;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case KEY_PROFILE:
		args->profile = arg;
		return 0;
	case KEY_CALIBRATION:
		args->calibration = arg;
		return 0;
	case KEY_LENGTHS:
		args->lengths = arg;
		return 0;
	case KEY_THETA_X:
		parse_theta(state, "--theta-x", arg, true);
		return 0;
	case KEY_THETA_H:
		parse_theta(state, "--theta-h", arg, false);
		return 0;
	case KEY_EXPLAIN:
		args->explain = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->onnx)
			argp_error(state, "\"%s\": only one network can be compiled at a time",
				   arg);
		args->onnx = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->onnx)
			argp_error(state, "which network? Give an ONNX file");
		if (args->lengths && !args->calibration)
			argp_error(state,
				   "--lengths tells how --calibration is divided: give both");
		if (args->profile && args->device)
			argp_error(state, "give --profile or --device, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "output", 'o', "OUT.dhp", 0,
	  "where the program goes; without it the network is only checked", 0 },
	{ "profile", KEY_PROFILE, "NAME", 0,
	  "hardware profile to compile for: card (default) or edgedrnn", 0 },
	{ "device", 'd', "DEVICE", 0,
	  "compile for the limits of this device (see `deltahop run --help`)", 0 },
	{ "calibration", KEY_CALIBRATION, "X.npy", 0,
	  "typical input, which chooses the scales: [frames][elements]", 0 },
	{ "lengths", KEY_LENGTHS, "L.npy", 0,
	  "the calibration input is sequences end to end, of these lengths", 0 },
	{ "theta-x", KEY_THETA_X, "T", 0,
	  "default threshold of input vectors in 1/256, 0..511: of all recurrent layers, or of "
	  "single layers, also dense ones, as in 0=8,2=16",
	  0 },
	{ "theta-h", KEY_THETA_H, "T", 0,
	  "default threshold of hidden vectors, given as --theta-x is", 0 },
	{ "explain", KEY_EXPLAIN, NULL, 0,
	  "tell what became of every node, also of a network that is refused", 0 },
	{ "json", 'j', NULL, 0, "print JSON: {program, explain, error}", 0 },
	{ 0 }
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NETWORK.onnx",
	.doc = "Compiles an ONNX network into a program file that `deltahop run` takes.\v"
	       "Exit status: 0 compiled; 1 a file cannot be read or written; 2 wrong usage, also a "
	       "profile, layer or threshold that there is not; 3 the network is "
	       "refused, with node, attribute, value, and what would work.",
};

/* --- what is compiled with ------------------------------------------------------ */

struct settings {
	struct dh_compile_options options;
	struct dh_cmd_limits limits;
	struct dh_array calibration;
	struct dh_array lengths;
	char profile[32];
};

static int device_limits(struct settings *settings, const char *spec, struct dh_error *err)
{
	struct dh_device_info info = { .size = sizeof(info) };
	struct dh_device *device;
	int ret = dh_device_open(spec, &device, err);

	if (ret)
		return ret;
	ret = dh_device_get_info(device, &info, err);
	dh_device_close(device);
	if (ret)
		return ret;
	settings->limits = (struct dh_cmd_limits){
		.caps = info.caps,
		.slots = info.slots,
		.max_inputs = info.max_inputs,
		.max_hidden = info.max_hidden,
		.state_bytes = info.state_bytes,
		.conv_macs = info.conv_macs,
		.conv_kernel_words = info.conv_kernel_words,
		.conv_store_bytes = info.conv_store_bytes,
		.conv_max_channels = info.conv_max_channels,
		.conv_max_cols = info.conv_max_cols,
		.conv_max_outputs = info.conv_max_outputs,
	};
	snprintf(settings->profile, sizeof(settings->profile), "%s", info.profile);
	settings->options.limits = &settings->limits;
	settings->options.profile = settings->profile;
	return 0;
}

/* 0, or an exit status after saying why. */
static int load_settings(struct settings *settings, const struct arguments *args,
			 struct dh_error *err)
{
	int ret = 0;

	memset(settings, 0, sizeof(*settings));
	settings->options.profile = args->profile;
	settings->options.theta_x = args->theta_x;
	settings->options.theta_h = args->theta_h;
	settings->options.theta = args->theta;
	settings->options.theta_count = args->theta_count;
	if (args->device)
		ret = device_limits(settings, args->device, err);
	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, err);
	if (args->calibration && dh_npy_load(args->calibration, &settings->calibration, err))
		return tool_fail(EXIT_FAILED, err);
	if (args->lengths && dh_npy_load(args->lengths, &settings->lengths, err))
		return tool_fail(EXIT_FAILED, err);
	if (args->calibration)
		settings->options.calibration = &settings->calibration;
	if (args->lengths)
		settings->options.lengths = &settings->lengths;
	return EXIT_OK;
}

static void free_settings(struct settings *settings)
{
	dh_array_free(&settings->calibration);
	dh_array_free(&settings->lengths);
}

/* --- what came of it -------------------------------------------------------------- */

static json_t *program_json(const struct dh_program *program, const char *path)
{
	json_t *json = json_object();

	json_add(json, "name", json_string(program->name));
	json_add(json, "file", path ? json_string(path) : json_null());
	json_add(json, "profile", json_string(program->profile));
	json_add(json, "layers", json_integer(program->layer_count));
	json_add(json, "command_bytes", json_integer(program->commands.size));
	json_add(json, "weight_bytes", json_integer(program->weights.size));
	json_add(json, "state_bytes", json_integer(program->state_bytes));
	json_add(json, "scratch_bytes", json_integer(program->scratch_bytes));
	return json;
}

static int print_json(const struct arguments *args, const struct dh_program *program,
		      const struct dh_explain *explain, const char *error)
{
	json_t *json = json_object();

	json_add(json, "program", program ? program_json(program, args->output) : json_null());
	json_add(json, "explain", explain ? dh_explain_json(explain) : json_null());
	json_add(json, "error", error ? json_string(error) : json_null());
	return tool_print_json(json, NULL);
}

static void print_program(const struct arguments *args, const struct dh_program *program)
{
	printf("%s: %u layers for profile %s: %zu bytes of commands, %zu of weights, %u of state\n",
	       args->output ? args->output : args->onnx, program->layer_count, program->profile,
	       program->commands.size, program->weights.size, program->state_bytes);
}

static int finish(const struct arguments *args, int ret, const struct dh_program *program,
		  const struct dh_explain *explain, struct dh_error *err)
{
	int status = EXIT_OK;

	if (ret)
		status = ret == -EOPNOTSUPP ? EXIT_REFUSED
			 : ret == -ERANGE   ? EXIT_USAGE
					    : EXIT_FAILED;
	else if (args->output && dh_program_save(program, args->output, err))
		status = EXIT_FAILED;
	for (size_t i = 0; explain && i < explain->warning_count; i++)
		tool_warn("%s: %s", args->onnx, explain->warnings[i]);
	if (args->json) {
		ret = print_json(args, program, explain, status ? err->text : NULL);
		return status ? tool_fail(status, err) : ret;
	}
	if (args->explain && explain)
		dh_explain_print(explain, stdout);
	if (status)
		return tool_fail(status, err);
	print_program(args, program);
	return EXIT_OK;
}

int cmd_compile(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct dh_explain *explain = NULL;
	struct dh_program *program = NULL;
	struct settings settings;
	struct dh_error err;
	int ret, status;

	tool_parse(&argp, argc, argv, &args);
	status = load_settings(&settings, &args, &err);
	if (!status) {
		ret = dh_compile(args.onnx, &settings.options, &program, &explain, &err);
		status = finish(&args, ret, program, explain, &err);
	}
	dh_program_free(program);
	dh_explain_free(explain);
	free_settings(&settings);
	return status;
}
