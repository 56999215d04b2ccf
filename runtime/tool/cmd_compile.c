// SPDX-License-Identifier: MIT
/* deltahop compile: from an ONNX file to a program, with an explanation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front/front.h"
#include "tool/tool.h"

#define THETA_MAX  511
#define LAYERS_MAX DH_GRAPH_MAX_LAYERS
#define NAMES_MAX  64

enum {
	KEY_PROFILE = 256,
	KEY_CALIBRATION,
	KEY_LENGTHS,
	KEY_THETA_X,
	KEY_THETA_H,
	KEY_EXPLAIN,
	KEY_WEIGHTS,
	KEY_SIZE,
};

struct arguments {
	const char *onnx;
	const char *output;
	const char *profile;
	const char *device;
	const char *calibration[NAMES_MAX];
	uint32_t calibration_count;
	const char *lengths;
	struct dh_net_size sizes[NAMES_MAX];
	uint32_t size_count;
	enum dh_weight_choice weights;
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

static void parse_weights(struct argp_state *state, const char *text)
{
	static const char *const names[] = {
		[DH_WEIGHTS_AUTO] = "auto",
		[DH_WEIGHTS_8] = "8",
		[DH_WEIGHTS_16] = "16",
	};
	struct arguments *args = state->input;

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			args->weights = i;
			return;
		}
	}
	argp_error(state, "--weights: \"%s\": give auto, 8 or 16", text);
}

/* NAME=SIZE; the text is cut in two. */
static void parse_size(struct argp_state *state, char *text)
{
	struct arguments *args = state->input;
	char *value = strrchr(text, '=');

	if (!value || value == text || args->size_count == NAMES_MAX) {
		argp_error(state, "--size: \"%s\": give NAME=SIZE, at most %d times", text,
			   NAMES_MAX);
		return;
	}
	*value++ = '\0';
	args->sizes[args->size_count].name = text;
	args->sizes[args->size_count++].size = tool_number(state, "--size", value, 1, INT32_MAX);
}

static void add_calibration(struct argp_state *state, const char *text)
{
	struct arguments *args = state->input;

	if (args->calibration_count == NAMES_MAX)
		argp_error(state, "--calibration: at most %d times", NAMES_MAX);
	else
		args->calibration[args->calibration_count++] = text;
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
		add_calibration(state, arg);
		return 0;
	case KEY_WEIGHTS:
		parse_weights(state, arg);
		return 0;
	case KEY_SIZE:
		parse_size(state, arg);
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
		if (args->lengths && !args->calibration_count)
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
	  "hardware profile to compile for: card (default), edgedrnn, nullhop-fpga or nullhop-asic",
	  0 },
	{ "device", 'd', "DEVICE", 0,
	  "compile for the limits of this device (see `deltahop run --help`)", 0 },
	{ "calibration", KEY_CALIBRATION, "[NAME=]X.npy", 0,
	  "typical input, which chooses the scales: [samples][input's shape], of a recurrent network "
	  "[frames][elements]; with several inputs once for each, with its name",
	  0 },
	{ "weights", KEY_WEIGHTS, "BITS", 0,
	  "weights of the convolution engine: 8, 16, or auto (default): 8 where it does no harm",
	  0 },
	{ "size", KEY_SIZE, "NAME=SIZE", 0,
	  "a dimension that the network leaves open, other than the batch, is this long", 0 },
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
	struct dh_front_options options;
	struct dh_cmd_limits limits;
	struct dh_array arrays[NAMES_MAX];
	struct dh_map_data calibration[NAMES_MAX];
	char *names[NAMES_MAX];
	struct dh_array lengths;
};

static int device_limits(struct settings *settings, const char *spec, struct dh_error *err)
{
	struct dh_device *device;
	int ret = dh_device_open(spec, &device, err);

	if (ret)
		return ret;
	dh_front_device(device, &settings->limits, &settings->options);
	dh_device_close(device);
	return 0;
}

/* X.npy, or NAME=X.npy if there is no file of that whole name. */
static int load_calibration(struct settings *settings, const char *text, struct dh_error *err)
{
	size_t i = settings->options.calibration_count;
	const char *path = strchr(text, '=');

	if (path && access(text, F_OK)) {
		settings->names[i] = strndup(text, path - text);
		if (!settings->names[i]) {
			dh_error_set(err, "out of memory");
			return -ENOMEM;
		}
		path++;
	} else {
		path = text;
	}
	settings->calibration[i] = (struct dh_map_data){ settings->names[i], &settings->arrays[i] };
	settings->options.calibration_count++;
	return dh_npy_load(path, &settings->arrays[i], err);
}

static void set_options(struct settings *settings, const struct arguments *args)
{
	settings->options = (struct dh_front_options){
		.profile = args->profile,
		.calibration = settings->calibration,
		.theta_x = args->theta_x,
		.theta_h = args->theta_h,
		.theta = args->theta,
		.theta_count = args->theta_count,
		.weights = args->weights,
		.sizes = args->sizes,
		.size_count = args->size_count,
	};
}

/* 0, or an exit status after saying why. */
static int load_settings(struct settings *settings, const struct arguments *args,
			 struct dh_error *err)
{
	int ret = 0;

	memset(settings, 0, sizeof(*settings));
	set_options(settings, args);
	if (args->device)
		ret = device_limits(settings, args->device, err);
	if (ret)
		return tool_fail(ret == -EINVAL ? EXIT_USAGE : EXIT_DEVICE, err);
	for (uint32_t i = 0; !ret && i < args->calibration_count; i++)
		ret = load_calibration(settings, args->calibration[i], err);
	if (!ret && args->lengths)
		ret = dh_npy_load(args->lengths, &settings->lengths, err);
	if (args->lengths)
		settings->options.lengths = &settings->lengths;
	return ret ? tool_fail(EXIT_FAILED, err) : EXIT_OK;
}

static void free_settings(struct settings *settings)
{
	for (int i = 0; i < NAMES_MAX; i++) {
		dh_array_free(&settings->arrays[i]);
		free(settings->names[i]);
	}
	dh_array_free(&settings->lengths);
}

/* --- what came of it -------------------------------------------------------------- */

/** struct sizes - of a program, or of all parts of a network together */
struct sizes {
	const char *name;
	const char *profile;
	uint32_t layers;
	size_t commands;
	size_t weights;
	size_t state;
	size_t scratch;
};

static void add_sizes(struct sizes *sizes, const struct dh_program *program)
{
	sizes->layers += program->layer_count + program->conv_count;
	sizes->commands += program->commands.size;
	sizes->weights += program->weights.size;
	sizes->state += program->state_bytes;
	sizes->scratch += program->scratch_bytes;
}

static struct sizes sizes_of(const struct dh_compiled *compiled)
{
	struct sizes sizes = { 0 };

	if (compiled->program) {
		sizes.name = compiled->program->name;
		sizes.profile = compiled->program->profile;
		add_sizes(&sizes, compiled->program);
		return sizes;
	}
	sizes.name = compiled->network->name;
	sizes.profile = compiled->network->profile;
	for (uint32_t i = 0; i < compiled->network->part_count; i++)
		add_sizes(&sizes, compiled->network->parts[i].program);
	return sizes;
}

static json_t *program_json(const struct dh_compiled *compiled, const char *path)
{
	struct sizes sizes = sizes_of(compiled);
	json_t *json = json_object();

	json_add(json, "name", json_string(sizes.name));
	json_add(json, "file", path ? json_string(path) : json_null());
	json_add(json, "profile", json_string(sizes.profile));
	json_add(json, "layers", json_integer(sizes.layers));
	json_add(json, "command_bytes", json_integer(sizes.commands));
	json_add(json, "weight_bytes", json_integer(sizes.weights));
	json_add(json, "state_bytes", json_integer(sizes.state));
	json_add(json, "scratch_bytes", json_integer(sizes.scratch));
	json_add(json, "parts",
		 json_integer(compiled->network ? compiled->network->part_count : 1));
	json_add(json, "steps",
		 json_integer(compiled->network ? compiled->network->step_count : 1));
	return json;
}

static bool is_compiled(const struct dh_compiled *compiled)
{
	return compiled->program || compiled->network;
}

static int print_json(const struct arguments *args, const struct dh_compiled *compiled,
		      const struct dh_explain *explain, const char *error)
{
	json_t *json = json_object();

	json_add(json, "program",
		 is_compiled(compiled) ? program_json(compiled, args->output) : json_null());
	json_add(json, "explain", explain ? dh_explain_json(explain) : json_null());
	json_add(json, "error", error ? json_string(error) : json_null());
	return tool_print_json(json, NULL);
}

static void print_program(const struct arguments *args, const struct dh_compiled *compiled)
{
	const struct dh_network *network = compiled->network;
	struct sizes sizes = sizes_of(compiled);

	printf("%s: ", args->output ? args->output : args->onnx);
	if (network)
		printf("%u parts on the device, %u operations on the host; ", network->part_count,
		       network->step_count - network->part_count);
	printf("%u layers for profile %s: %zu bytes of commands, %zu of weights, %zu of %s\n",
	       sizes.layers, sizes.profile, sizes.commands, sizes.weights,
	       network ? sizes.scratch : sizes.state, network ? "scratch memory" : "state");
}

static int save(const struct arguments *args, const struct dh_compiled *compiled,
		struct dh_error *err)
{
	if (!args->output)
		return 0;
	return compiled->network ? dh_network_save(compiled->network, args->output, err)
				 : dh_program_save(compiled->program, args->output, err);
}

static int finish(const struct arguments *args, int ret, const struct dh_compiled *compiled,
		  const struct dh_explain *explain, struct dh_error *err)
{
	int status = EXIT_OK;

	if (ret)
		status = ret == -EOPNOTSUPP ? EXIT_REFUSED
			 : ret == -ERANGE   ? EXIT_USAGE
					    : EXIT_FAILED;
	else if (save(args, compiled, err))
		status = EXIT_FAILED;
	for (size_t i = 0; explain && i < explain->warning_count; i++)
		tool_warn("%s: %s", args->onnx, explain->warnings[i]);
	if (args->json) {
		ret = print_json(args, compiled, explain, status ? err->text : NULL);
		return status ? tool_fail(status, err) : ret;
	}
	if (args->explain && explain)
		dh_explain_print(explain, stdout);
	if (status)
		return tool_fail(status, err);
	print_program(args, compiled);
	return EXIT_OK;
}

int cmd_compile(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct dh_explain *explain = NULL;
	struct dh_compiled compiled = { 0 };
	struct settings settings;
	struct dh_error err;
	int ret, status;

	tool_parse(&argp, argc, argv, &args);
	status = load_settings(&settings, &args, &err);
	if (!status) {
		ret = dh_front_compile(args.onnx, &settings.options, &compiled, &explain, &err);
		status = finish(&args, ret, &compiled, explain, &err);
	}
	dh_compiled_free(&compiled);
	dh_explain_free(explain);
	free_settings(&settings);
	return status;
}
