// SPDX-License-Identifier: MIT
/*
 * The compiler on networks as exporters write them: the imported graph computes in float what
 * the framework computed; the program computes in integers what an independent reference of
 * the engine computes, bit for bit, on the device model and in the compiler's own arithmetic;
 * and both are near each other.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/float_run.h"
#include "compile/int_run.h"
#include "compile/quantise.h"
#include "deltahop.h"
#include "net_fixture.h"
#include "program/disasm.h"
#include "reference.h"

#define FLOAT_TOLERANCE 2e-4
/* The engine's sigmoid and tanh have steps of 1/16. */
#define DEVICE_RMS 0.06

/*
 * name, layers; @rms: largest error of the device against float, if it is not DEVICE_RMS (without
 * any sigmoid or tanh)
 */
static const struct {
	const char *name;
	uint32_t layers;
	double rms;
} nets[] = {
	{ "gru_odd", 1, 0 },
	{ "gru_opset9", 1, 0 },
	{ "gru_opset17", 1, 0 },
	{ "gru_fixed", 1, 0 },
	{ "gru_nobias", 2, 0 },
	{ "gru3", 3, 0 },
	{ "gru_batch", 2, 0 },
	{ "gru_batch_first", 3, 0 },
	{ "gru_states", 2, 0 },
	{ "gru_bare", 1, 0 },
	{ "last_linear", 3, 0 },
	{ "last_hidden", 4, 0 },
	{ "last_slice", 2, 0 },
	{ "last_argmax", 1, 0 },
	{ "last_batch_first", 3, 0 },
	{ "last_only", 1, 0 },
	{ "dense_gru_dense", 5, 0 },
	{ "normalised", 1, 0 },
	{ "mlp", 3, 0 },
	{ "mlp_norm", 2, 0.02 },
	{ "mlp_large", 2, 0.02 },
	{ "weights_half", 1, 0 },
	{ "weights_double", 1, 0 },
	{ "weights_float_data", 1, 0 },
	{ "weights_constant_nodes", 1, 0 },
	{ "weights_also_inputs", 1, 0 },
	{ "lens_full", 1, 0 },
	{ "state_expand", 1, 0 },
	{ "state_constant", 1, 0 },
	{ "keras", 2, 0 },
	{ "keras_last", 2, 0 },
	{ "no_ops", 1, 0 },
	{ "relu_between", 4, 0 },
	{ "relu_end", 1, 0 },
};

static const char *const published[] = { "published", "published_grow", "published_odd" };

/* --- float ------------------------------------------------------------------------ */

static void finish_float(const struct net *net, const float *raw, float *out)
{
	uint32_t n = net->graph->output.elements;
	float sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += expf(raw[i]);
	for (uint32_t i = 0; i < n; i++) {
		switch (net->graph->host_op) {
		case DH_HOST_SOFTMAX:
			out[i] = expf(raw[i]) / sum;
			break;
		case DH_HOST_LOG_SOFTMAX:
			out[i] = raw[i] - logf(sum);
			break;
		case DH_HOST_RELU:
			out[i] = fmaxf(raw[i], 0);
			break;
		case DH_HOST_SIGMOID:
			out[i] = 1 / (1 + expf(-raw[i]));
			break;
		case DH_HOST_ARGMAX:
			out[0] = !i ? 0 : raw[i] > raw[(uint32_t)out[0]] ? i : out[0];
			break;
		default:
			out[i] = raw[i];
			break;
		}
	}
}

static void check_float_vector(const struct net *net, const float *raw, const float *expected,
			       const char *what)
{
	float out[1024] = { 0 };

	finish_float(net, raw, out);
	for (uint32_t i = 0; i < net->width; i++)
		ck_assert_msg(fabsf(out[i] - expected[i]) <=
				      FLOAT_TOLERANCE * (1 + fabsf(expected[i])),
			      "%s: %s: value %u is %g, expected %g", net->name, what, i, out[i],
			      expected[i]);
}

static void check_float(const struct net *net)
{
	struct dh_float_run *run = dh_float_run_create(net->graph);
	const float *x = net->x, *y = net->y;

	for (uint32_t b = 0; b < net->batch; b++) {
		dh_float_run_reset(run);
		for (uint32_t t = 0; t < net->steps; t++, x += net->graph->input.elements) {
			dh_float_run_step(run, x);
			if (net->graph->output.per_step) {
				check_float_vector(net, dh_float_run_output(run), y, "float");
				y += net->width;
			}
		}
		dh_float_run_finish(run);
		if (!net->graph->output.per_step) {
			check_float_vector(net, dh_float_run_output(run), y, "float");
			y += net->width;
		}
	}
	dh_float_run_free(run);
}

START_TEST(import_is_exact)
{
	struct net net;

	net_load(&net, nets[_i].name, "card", 0);
	ck_assert_uint_eq(net.program->layer_count, nets[_i].layers);
	check_float(&net);
	net_free(&net);
}
END_TEST

/* --- integers ------------------------------------------------------------------------- */

/** struct stack - the program by the reference of the tests */
struct stack {
	const struct dh_program *program;
	struct ref_layer layer[DH_PROGRAM_MAX_LAYERS];
	struct ref_state *memory;
	struct ref_trace trace;
};

static struct stack *stack_create(const struct dh_program *program)
{
	struct stack *stack = calloc(1, sizeof(*stack));

	stack->program = program;
	stack->memory = calloc(program->layer_count, sizeof(*stack->memory));
	for (uint32_t i = 0; i < program->layer_count; i++) {
		const struct dh_layer *from = &program->layers[i].layer;

		stack->layer[i] = (struct ref_layer){
			.cell = from->cell,
			.activation = from->activation,
			.no_bias = from->no_bias,
			.inputs = from->inputs,
			.hidden = from->hidden,
			.weights = (int8_t *)program->weights.data + from->weight_offset,
		};
		memcpy(stack->layer[i].frac, from->weight_frac, 4);
	}
	return stack;
}

static void stack_reset(struct stack *stack)
{
	memset(stack->memory, 0, stack->program->layer_count * sizeof(*stack->memory));
	for (uint32_t i = 0; i < stack->program->layer_count && stack->program->state_template.size;
	     i++)
		ref_load(&stack->layer[i], &stack->memory[i],
			 stack->program->state_template.data +
				 stack->program->layers[i].layer.state_offset);
}

static void stack_run(struct stack *stack, enum dh_run_steps steps, const int16_t *x)
{
	for (uint32_t i = 0; i < stack->program->layer_count; i++) {
		const struct dh_program_layer *layer = &stack->program->layers[i];

		if (stack->program->runs[layer->run].steps == steps)
			ref_step(&stack->layer[i], &stack->memory[i], layer->theta_x,
				 layer->theta_h, x, &stack->trace);
		x = stack->memory[i].h;
	}
}

static void stack_free(struct stack *stack)
{
	free(stack->memory);
	free(stack);
}

/** struct board - a device with the program on it */
struct board {
	struct dh_device *device;
	struct dh_instance *instance;
	struct dh_stream *stream;
	struct dh_job *job;
};

static void board_create(struct board *board, const struct net *net, const char *spec)
{
	struct dh_error err;

	ck_assert_msg(!dh_device_open(spec, &board->device, &err), "%s", err.text);
	ck_assert_msg(!dh_instance_create(board->device, net->program, NULL, &board->instance,
					  &err),
		      "%s: %s", net->name, err.text);
	ck_assert_msg(!dh_stream_create(board->instance, &board->stream, &err), "%s", err.text);
	ck_assert_msg(!dh_job_create(board->instance, net->steps, &board->job, &err), "%s",
		      err.text);
}

static void board_free(struct board *board)
{
	dh_instance_destroy(board->instance);
	dh_device_close(board->device);
}

static const int16_t *board_run(struct board *board, const struct net *net, const float *x)
{
	struct dh_error err;

	for (uint32_t t = 0; t < net->steps; t++)
		net_quantise(net, x + t * net->program->input.elements,
			     dh_job_input(board->job) + t * net->program->input.padded);
	ck_assert_msg(!dh_run(board->job, board->stream, net->steps, DH_JOB_RESET, &err), "%s: %s",
		      net->name, err.text);
	return dh_job_output(board->job);
}

static void same_bits(const struct net *net, const int16_t *have, const int16_t *want, uint32_t b,
		      uint32_t t, const char *who)
{
	for (uint32_t i = 0; i < net->program->output.padded; i++)
		ck_assert_msg(have[i] == want[i],
			      "%s: stream %u, step %u, element %u: %s says %d, the reference %d",
			      net->name, b, t, i, who, have[i], want[i]);
}

/* Padding is silent: nothing may be in it. */
static void check_padding(const struct net *net, const struct stack *stack)
{
	for (uint32_t i = 0; i < net->program->layer_count; i++) {
		const struct dh_program_layer *layer = &net->program->layers[i];

		for (uint32_t k = layer->real_hidden; k < layer->layer.hidden; k++)
			ck_assert_msg(!stack->memory[i].h[k], "%s: layer %u: padded unit %u is %d",
				      net->name, i, k, stack->memory[i].h[k]);
	}
}

/** struct error_sum - distance of the device from the expected output, and size of that */
struct error_sum {
	double square;
	double power;
	uint32_t count;
};

static void add_error(const struct net *net, const int16_t *raw, const float *expected,
		      struct error_sum *sum)
{
	float values[1024];

	dh_program_finish(net->program, raw, values);
	for (uint32_t i = 0; i < net->width; i++) {
		sum->square += (values[i] - expected[i]) * (values[i] - expected[i]);
		sum->power += expected[i] * expected[i];
		sum->count++;
	}
}

/* One stream on reference, compiler's arithmetic and device. */
static void check_stream(const struct net *net, uint32_t b, struct stack *stack,
			 struct dh_int_run *run, struct board *board, struct error_sum *sum)
{
	const float *x = net->x + (size_t)b * net->steps * net->program->input.elements;
	const float *y = net->y + (size_t)b * net_output_steps(net) * net->width;
	const int16_t *device = board_run(board, net, x), *reference;
	int16_t in[1024];

	reference = stack->memory[net->program->layer_count - 1].h;
	stack_reset(stack);
	dh_int_run_reset(run);
	for (uint32_t t = 0; t < net->steps; t++) {
		net_quantise(net, x + t * net->program->input.elements, in);
		stack_run(stack, DH_STEPS_SEQUENCE, in);
		dh_int_run_step(run, in);
		if (t + 1 == net->steps) {
			stack_run(stack, DH_STEPS_ONCE, NULL);
			dh_int_run_finish(run);
		}
		check_padding(net, stack);
		if (!net->program->output.per_step && t + 1 < net->steps)
			continue;
		same_bits(net, dh_int_run_output(run), reference, b, t,
			  "the compiler's arithmetic");
		same_bits(net, device, reference, b, t, "the device");
		add_error(net, device, y, sum);
		device += net->program->output.padded;
		y += net->width;
	}
}

static double check_integers(const struct net *net, const char *spec)
{
	struct dh_int_run *run = dh_int_run_create(net->program);
	struct stack *stack = stack_create(net->program);
	struct error_sum sum = { 0 };
	struct board board;

	board_create(&board, net, spec);
	for (uint32_t b = 0; b < net->batch; b++)
		check_stream(net, b, stack, run, &board, &sum);
	board_free(&board);
	stack_free(stack);
	dh_int_run_free(run);
	/* outputs larger than 1 may have larger errors */
	return sqrt(sum.square / fmax(sum.power, sum.count));
}

START_TEST(program_is_exact)
{
	double rms, most = nets[_i].rms ? nets[_i].rms : DEVICE_RMS;
	struct net net;

	net_load(&net, nets[_i].name, "card", 0);
	rms = check_integers(&net, "embedded:profile=card");
	ck_assert_msg(rms <= most, "%s: error %g, more than %g", net.name, rms, most);
	net_free(&net);
}
END_TEST

START_TEST(program_is_exact_with_thresholds)
{
	struct net net;

	net_load(&net, nets[_i].name, "card", 24);
	check_integers(&net, "embedded:profile=card");
	net_free(&net);
}
END_TEST

START_TEST(published_profile)
{
	struct net net;
	double rms;

	net_load(&net, published[_i], "edgedrnn", 0);
	ck_assert_uint_eq(net.program->need.caps, 0);
	check_float(&net);
	rms = check_integers(&net, "embedded:profile=edgedrnn");
	ck_assert_msg(rms <= DEVICE_RMS, "%s: error %g", net.name, rms);
	net_free(&net);
}
END_TEST

/* --- the rest ---------------------------------------------------------------------- */

START_TEST(same_input_same_bytes)
{
	struct net a, b;

	net_load(&a, "dense_gru_dense", "card", 3);
	net_load(&b, "dense_gru_dense", "card", 3);
	ck_assert_uint_eq(a.program->commands.size, b.program->commands.size);
	ck_assert_int_eq(memcmp(a.program->commands.data, b.program->commands.data,
				a.program->commands.size),
			 0);
	ck_assert_uint_eq(a.program->weights.size, b.program->weights.size);
	ck_assert_int_eq(memcmp(a.program->weights.data, b.program->weights.data,
				a.program->weights.size),
			 0);
	net_free(&a);
	net_free(&b);
}
END_TEST

START_TEST(no_calibration_compiles_too)
{
	struct dh_program *program;
	struct dh_explain *explain;
	struct dh_error err;

	ck_assert_msg(!dh_compile(net_path(nets[_i].name, ".onnx"), NULL, &program, &explain, &err),
		      "%s", err.text);
	ck_assert_int_eq(program->input.scale_exp, 0);
	ck_assert_uint_eq(explain->layer_count, program->layer_count);
	ck_assert(explain->layers[0].error_rms < 0);
	dh_explain_free(explain);
	dh_program_free(program);
}
END_TEST

static bool warns(const struct dh_explain *explain, const char *word)
{
	for (size_t i = 0; i < explain->warning_count; i++)
		if (strstr(explain->warnings[i], word))
			return true;
	return false;
}

/*
 * Inputs that make pre-activations leave int16 although the accumulators hold them; without
 * calibration data, weights that make it likely; and inputs that int16 Q8.8 cannot hold.
 */
START_TEST(wrapping_is_told)
{
	struct dh_compile_options options = { 0 };
	struct dh_array calibration = { .dtype = DH_DTYPE_F4, .ndim = 2 };
	struct dh_program *program;
	struct dh_explain *explain;
	struct dh_quant quant = { 0 };
	struct dh_graph *graph;
	struct dh_error err;
	float x[64];

	ck_assert(!dh_graph_import(net_path("gru_bare", ".onnx"), NULL, &graph, &err));
	calibration.shape[0] = 1;
	calibration.shape[1] = graph->input.elements;
	calibration.data = x;
	ck_assert_uint_le(graph->input.elements, 64);
	options.calibration = &calibration;
	for (int large = 0; large < 2; large++) {
		for (uint32_t i = 0; i < graph->input.elements; i++)
			x[i] = (graph->layers[0].w[i] > 0 ? 1 : -1) * (large ? 1000.0f : 1);
		ck_assert(!dh_compile(net_path("gru_bare", ".onnx"), &options, &program, &explain,
				      &err));
		ck_assert_int_eq(warns(explain, "wrapped around"), large);
		ck_assert_int_eq(explain->layers[0].headroom_bits < 0, large);
		dh_explain_free(explain);
		dh_program_free(program);
	}
	for (uint32_t i = 0; i < graph->input.elements; i++)
		graph->layers[0].w[i] = 10;
	ck_assert(!dh_quantise(graph, &(struct dh_quant_options){ .caps = ~0ull }, &quant, &err));
	ck_assert_double_gt(quant.layers[0].likely_sum, 128);
	dh_quant_free(&quant);
	dh_graph_free(graph);
}
END_TEST

START_TEST(thresholds_by_layer)
{
	struct dh_layer_theta theta[] = { { 1, 5, -1 }, { 2, 7, 0 } };
	struct dh_compile_options options = {
		.theta_x = 8, .theta_h = 16, .theta = theta, .theta_count = 2
	};
	struct dh_program *program;
	struct dh_error err;

	ck_assert_msg(!dh_compile(net_path("last_linear", ".onnx"), &options, &program, NULL, &err),
		      "%s", err.text);
	ck_assert_int_eq(program->layers[0].theta_x, 8);
	ck_assert_int_eq(program->layers[0].theta_h, 16);
	ck_assert_int_eq(program->layers[1].theta_x, 5);
	ck_assert_int_eq(program->layers[1].theta_h, 16);
	ck_assert_int_eq(program->layers[2].theta_x, 7);
	ck_assert(program->need.caps & DELTAHOP_CAP_RNN_LAYER_THETA);
	dh_program_free(program);
	theta[0].layer = 3;
	ck_assert_int_lt(
		dh_compile(net_path("last_linear", ".onnx"), &options, &program, NULL, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "layer 3"));
	options.theta_count = 0;
	options.theta_x = 512;
	ck_assert_int_lt(
		dh_compile(net_path("last_linear", ".onnx"), &options, &program, NULL, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "512"));
}
END_TEST

START_TEST(explain_has_a_row_for_each_node)
{
	static const enum dh_place places[] = { DH_PLACE_NAME, DH_PLACE_NAME, DH_PLACE_ENGINE,
						DH_PLACE_NAME, DH_PLACE_UNUSED };
	struct dh_program *program;
	struct dh_explain *explain;
	struct dh_error err;
	json_t *json;

	ck_assert_msg(!dh_compile(net_path("no_ops", ".onnx"), NULL, &program, &explain, &err),
		      "%s", err.text);
	ck_assert_uint_eq(explain->node_count, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(explain->nodes[i].place, places[i]);
	json = dh_explain_json(explain);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "nodes")), 5);
	json_decref(json);
	json = dh_disasm_json(program);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "commands")), 3);
	ck_assert_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(json, "commands"), 0), "node")),
			 "gru");
	json_decref(json);
	dh_explain_free(explain);
	dh_program_free(program);
}
END_TEST

/* The input's scale follows the data; int16 data are taken as they are. */
START_TEST(calibration_chooses_the_input_scale)
{
	static const struct {
		float value;
		int exp;
	} cases[] = { { 1, 0 }, { 100, 0 }, { 200, 1 }, { 1000, 3 }, { 0.2f, -2 } };
	float data[12 * 12];
	struct dh_array array = { DH_DTYPE_F4, 2, { 12, 12 }, data };
	struct dh_compile_options options = { .calibration = &array };
	struct dh_program *program;
	struct dh_error err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < 144; k++)
			data[k] = k % 7 ? 0 : cases[i].value;
		ck_assert_msg(!dh_compile(net_path("gru_bare", ".onnx"), &options, &program, NULL,
					  &err),
			      "%s", err.text);
		ck_assert_int_eq(program->input.scale_exp, cases[i].exp);
		dh_program_free(program);
	}
}
END_TEST

START_TEST(bad_calibration_is_refused)
{
	float data[24] = { 0 };
	int64_t lens[2] = { 1, 2 };
	struct dh_array array = { DH_DTYPE_F4, 2, { 2, 12 }, data },
			lengths = { DH_DTYPE_I8, 1, { 2 }, lens };
	struct dh_compile_options options = { .calibration = &array, .lengths = &lengths };
	struct dh_program *program;
	struct dh_error err;

	ck_assert_int_lt(dh_compile(net_path("gru_bare", ".onnx"), &options, &program, NULL, &err),
			 0);
	ck_assert_ptr_nonnull(strstr(err.text, "lengths[1] = 2"));
	lens[1] = 1;
	data[13] = NAN;
	ck_assert_int_lt(dh_compile(net_path("gru_bare", ".onnx"), &options, &program, NULL, &err),
			 0);
	ck_assert_ptr_nonnull(strstr(err.text, "frame 1, element 1"));
	array.shape[1] = 6;
	ck_assert_int_lt(dh_compile(net_path("gru_bare", ".onnx"), &options, &program, NULL, &err),
			 0);
	ck_assert_ptr_nonnull(strstr(err.text, "[frames][12]"));
	options.calibration = NULL;
	ck_assert_int_lt(dh_compile(net_path("gru_bare", ".onnx"), &options, &program, NULL, &err),
			 0);
	ck_assert_ptr_nonnull(strstr(err.text, "without calibration data"));
}
END_TEST

int main(void)
{
	const int count = sizeof(nets) / sizeof(nets[0]);
	Suite *suite = suite_create("compiler");
	TCase *models = tcase_create("networks"), *rest = tcase_create("options");
	SRunner *runner;
	int failed;

	tcase_set_timeout(models, 60);
	tcase_add_loop_test(models, import_is_exact, 0, count);
	tcase_add_loop_test(models, program_is_exact, 0, count);
	tcase_add_loop_test(models, program_is_exact_with_thresholds, 0, count);
	tcase_add_loop_test(models, no_calibration_compiles_too, 0, count);
	tcase_add_loop_test(models, published_profile, 0, sizeof(published) / sizeof(published[0]));
	tcase_add_test(rest, same_input_same_bytes);
	tcase_add_test(rest, thresholds_by_layer);
	tcase_add_test(rest, wrapping_is_told);
	tcase_add_test(rest, explain_has_a_row_for_each_node);
	tcase_add_test(rest, calibration_chooses_the_input_scale);
	tcase_add_test(rest, bad_calibration_is_refused);
	suite_add_tcase(suite, models);
	suite_add_tcase(suite, rest);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
