// SPDX-License-Identifier: MIT
/* The compiler: limits, mapping to layer slots, commands, state image. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile/calibrate.h"
#include "compile/compile.h"
#include "compile/quantise.h"
#include "deltahop_model.h"

#define DEFAULT_PROFILE "card"
#define SCRATCH_UNIT	64

/** struct compiler - a compilation on its way */
struct compiler {
	const struct dh_compile_options *options;
	const char *profile;
	struct dh_cmd_limits limits;
	const struct dh_graph *graph;
	struct dh_quant quant;
	struct dh_calibration *calibration;
	struct dh_program *program;
	struct dh_explain *explain;
	struct dh_error *err;
};

static int no_memory(struct compiler *cc)
{
	dh_error_set(cc->err, "out of memory");
	return -ENOMEM;
}

static int refuse_layer(struct compiler *cc, uint32_t index, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse_layer(struct compiler *cc, uint32_t index, const char *fmt, ...)
{
	const struct dh_graph_layer *layer = &cc->graph->layers[index];
	char why[384];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	dh_error_set(cc->err, "node %s (%s): %s", layer->node, layer->op, why);
	dh_explain_refuse_layer(cc->explain, index, why);
	return -EOPNOTSUPP;
}

/* --- limits --- */

static int find_limits(struct compiler *cc)
{
	struct dh_config config;

	cc->profile = cc->options->profile ? cc->options->profile : DEFAULT_PROFILE;
	if (cc->options->limits) {
		cc->limits = *cc->options->limits;
		return 0;
	}
	if (!dh_config_profile(&config, cc->profile) ||
	    !(config.engines & 1U << DELTAHOP_ENGINE_RNN)) {
		dh_error_set(cc->err,
			     "profile %s: there is no such device profile with a recurrent engine; "
			     "use card or edgedrnn",
			     cc->profile);
		return -ERANGE;
	}
	cc->limits = dh_config_limits(&config);
	return 0;
}

static int check_dense(struct compiler *cc, uint32_t index)
{
	if (cc->graph->layers[index].cell != DELTAHOP_CELL_DENSE)
		return 0;
	if (cc->limits.caps & DELTAHOP_CAP_RNN_DENSE && cc->limits.caps & DELTAHOP_CAP_RNN_TEMPLATE)
		return 0;
	return refuse_layer(cc, index,
			    "profile %s has no dense layers, only GRU; cut the model before this "
			    "node and do it in the application, or "
			    "use profile card",
			    cc->profile);
}

static int check_sizes(struct compiler *cc, uint32_t index)
{
	const struct dh_graph_layer *layer = &cc->graph->layers[index];

	if (layer->inputs > cc->limits.max_inputs)
		return refuse_layer(cc, index, "%u inputs; the engine has at most %u",
				    layer->inputs, cc->limits.max_inputs);
	if (layer->hidden > cc->limits.max_hidden)
		return refuse_layer(cc, index, "%u units; the engine has at most %u", layer->hidden,
				    cc->limits.max_hidden);
	if (index && layer->hidden + 7 < cc->graph->layers[index - 1].hidden &&
	    !(cc->limits.caps & DELTAHOP_CAP_RNN_WEIGHT_BASE))
		return refuse_layer(cc, index,
				    "%u units after a layer of %u; on profile %s the weights of a "
				    "smaller layer would lie over those of "
				    "the larger: use layers that do not shrink, or profile card",
				    layer->hidden, cc->graph->layers[index - 1].hidden,
				    cc->profile);
	return 0;
}

static int check_limits(struct compiler *cc)
{
	uint32_t slots = cc->limits.slots < DH_PROGRAM_MAX_LAYERS ? cc->limits.slots
								  : DH_PROGRAM_MAX_LAYERS;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < cc->graph->layer_count; i++) {
		ret = check_dense(cc, i);
		if (!ret && i >= slots)
			ret = refuse_layer(cc, i,
					   "layer %u of the network; profile %s has %u layer "
					   "slots: use fewer layers, or split the model",
					   i + 1, cc->profile, slots);
		if (!ret)
			ret = check_sizes(cc, i);
	}
	return ret;
}

/* --- thresholds --- */

static int check_theta(struct compiler *cc, int theta)
{
	if (theta >= 0 && theta <= 511)
		return 0;
	dh_error_set(cc->err,
		     "threshold %d is out of range: thresholds are 0 to 511, in 1/256 (0.5 is 128)",
		     theta);
	return -ERANGE;
}

/* Those of the whole network are for its recurrent layers. */
static int set_default_theta(struct compiler *cc)
{
	const struct dh_compile_options *options = cc->options;
	struct dh_program_layer *layers = cc->program->layers;
	bool any = false;
	int ret = check_theta(cc, options->theta_x);

	if (!ret)
		ret = check_theta(cc, options->theta_h);
	for (uint32_t i = 0; i < cc->program->layer_count; i++) {
		bool dense = layers[i].layer.cell == DELTAHOP_CELL_DENSE;

		any |= !dense;
		layers[i].theta_x = dense ? 0 : options->theta_x;
		layers[i].theta_h = dense ? 0 : options->theta_h;
	}
	if (!any && (options->theta_x || options->theta_h))
		dh_explain_warn(cc->explain,
				"thresholds of the whole network are for recurrent layers, and it "
				"has none: give those of its layers, as in 0=8");
	return ret;
}

static int set_theta(struct compiler *cc)
{
	const struct dh_compile_options *options = cc->options;
	struct dh_program_layer *layers = cc->program->layers;
	int ret = set_default_theta(cc);

	for (uint32_t i = 0; !ret && i < options->theta_count; i++) {
		const struct dh_layer_theta *theta = &options->theta[i];

		if (theta->layer >= cc->program->layer_count) {
			dh_error_set(cc->err,
				     "threshold for layer %u: the network has layers 0 to %u",
				     theta->layer, cc->program->layer_count - 1);
			return -ERANGE;
		}
		if (theta->theta_x >= 0)
			layers[theta->layer].theta_x = theta->theta_x;
		if (theta->theta_h >= 0)
			layers[theta->layer].theta_h = theta->theta_h;
		ret = check_theta(cc, layers[theta->layer].theta_x);
		if (!ret)
			ret = check_theta(cc, layers[theta->layer].theta_h);
	}
	for (uint32_t i = 1; !ret && i < cc->program->layer_count &&
			     !(cc->limits.caps & DELTAHOP_CAP_RNN_LAYER_THETA);
	     i++) {
		if (layers[i].theta_x != layers[0].theta_x ||
		    layers[i].theta_h != layers[0].theta_h)
			ret = refuse_layer(cc, i,
					   "thresholds %d/%d differ from those of layer 0 (%d/%d); "
					   "profile %s has one pair for all layers",
					   layers[i].theta_x, layers[i].theta_h, layers[0].theta_x,
					   layers[0].theta_h, cc->profile);
	}
	return ret;
}

/* --- layers, their weights and states --- */

static int place_layer(struct compiler *cc, uint32_t index, uint64_t *columns)
{
	const struct dh_quant_layer *quant = &cc->quant.layers[index];
	const struct dh_graph_layer *source = &cc->graph->layers[index];
	struct dh_program_layer *out = &cc->program->layers[index];
	struct dh_program *program = cc->program;
	struct dh_layer *layer = &out->layer;

	*layer = (struct dh_layer){
		.slot = index,
		.cell = source->cell,
		.activation = source->activation,
		.no_bias = !quant->bias_column,
		.inputs = quant->inputs,
		.hidden = quant->hidden,
		.weight_region = DH_REGION_WEIGHTS,
		.state_offset = program->state_bytes,
	};
	memcpy(layer->weight_frac, quant->weight_frac, sizeof(layer->weight_frac));
	/* one base address for all layers: their columns are counted through */
	layer->weight_offset = cc->limits.caps & DELTAHOP_CAP_RNN_WEIGHT_BASE
				       ? program->weights.size
				       : *columns * dh_layer_column_bytes(layer);
	*columns += dh_layer_columns(layer);
	program->weights.size = layer->weight_offset + quant->weight_bytes;
	program->state_bytes += dh_layer_state_bytes(layer);
	out->node = strdup(source->node);
	out->op = strdup(source->op);
	out->real_inputs = source->inputs;
	out->real_hidden = source->hidden;
	if (program->state_bytes > cc->limits.state_bytes)
		return refuse_layer(cc, index,
				    "the state of the layers up to here takes %u bytes; the engine "
				    "holds %u: use fewer or smaller layers",
				    program->state_bytes, cc->limits.state_bytes);
	return out->node && out->op ? 0 : no_memory(cc);
}

static int place_layers(struct compiler *cc)
{
	struct dh_program *program = cc->program;
	uint64_t columns = 0;
	int ret = 0;

	program->layers = calloc(cc->graph->layer_count, sizeof(*program->layers));
	if (!program->layers)
		return no_memory(cc);
	program->layer_count = cc->graph->layer_count;
	for (uint32_t i = 0; !ret && i < program->layer_count; i++)
		ret = place_layer(cc, i, &columns);
	if (ret)
		return ret;
	program->weights.data = calloc(1, program->weights.size);
	if (!program->weights.data)
		return no_memory(cc);
	for (uint32_t i = 0; i < program->layer_count; i++)
		memcpy(program->weights.data + program->layers[i].layer.weight_offset,
		       cc->quant.layers[i].weights, cc->quant.layers[i].weight_bytes);
	return 0;
}

static void put_le(uint8_t *at, uint32_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		at[i] = value >> 8 * i;
}

/*
 * A layer's block of the state image: zeros but for the initial hidden vector and the biases in
 * the accumulators.
 */
static bool fill_state(const struct dh_layer *layer, const struct dh_quant_layer *quant,
		       uint8_t *block)
{
	bool gru = layer->cell == DELTAHOP_CELL_GRU, any = false;
	uint8_t *h = block + 8 + 2 * ((layer->inputs + 7u) / 8 * 8) + 2 * layer->hidden;
	uint8_t *sums = gru ? h + 2 * layer->hidden : h - 2 * layer->hidden;
	uint32_t count = (gru ? DH_BIAS_COUNT : 1) * layer->hidden;

	for (uint32_t i = 0; quant->h0 && i < layer->hidden; i++) {
		put_le(h + 2 * i, (uint16_t)quant->h0[i], 2);
		any |= quant->h0[i];
	}
	for (uint32_t i = 0; !quant->bias_column && i < count; i++) {
		put_le(sums + 4 * i, quant->bias[i] & 0xffffff, 4);
		any |= quant->bias[i];
	}
	return any;
}

static int make_state(struct compiler *cc)
{
	struct dh_program *program = cc->program;
	uint8_t *image = calloc(1, program->state_bytes);
	bool any = false;

	if (!image)
		return no_memory(cc);
	for (uint32_t i = 0; i < program->layer_count; i++) {
		const struct dh_layer *layer = &program->layers[i].layer;

		any |= fill_state(layer, &cc->quant.layers[i], image + layer->state_offset);
	}
	if (!any) {
		free(image);
		return 0;
	}
	program->state_template = (struct dh_blob){ image, program->state_bytes };
	return 0;
}

/* --- runs --- */

static void add_run(struct compiler *cc, uint32_t first, uint32_t count, enum dh_run_steps steps)
{
	struct dh_program *program = cc->program;
	struct dh_program_run *run = &program->runs[program->run_count];

	*run = (struct dh_program_run){
		.steps = steps,
		.params_offset = program->run_count * DH_PARAMS_PITCH,
		.input_stride = 2 * program->layers[first].layer.inputs,
		.output_stride = 2 * program->layers[first + count - 1].layer.hidden,
		.first = first,
		.count = count,
	};
	for (uint32_t i = first; i < first + count; i++)
		program->layers[i].run = program->run_count;
	program->run_count++;
}

/* All layers of every step in one run, those behind the last step in another. */
static int make_runs(struct compiler *cc)
{
	struct dh_program *program = cc->program;
	uint32_t steps = 0;

	program->runs = calloc(2, sizeof(*program->runs));
	if (!program->runs)
		return no_memory(cc);
	while (steps < cc->graph->layer_count && cc->graph->layers[steps].per_step)
		steps++;
	add_run(cc, 0, steps, DH_STEPS_SEQUENCE);
	if (steps == cc->graph->layer_count)
		return 0;
	add_run(cc, steps, cc->graph->layer_count - steps, DH_STEPS_ONCE);
	program->scratch_bytes =
		(program->runs[0].output_stride + SCRATCH_UNIT - 1) / SCRATCH_UNIT * SCRATCH_UNIT;
	return 0;
}

/* --- commands --- */

static void emit(struct dh_blob *commands, const struct dh_cmd *cmd)
{
	commands->size += dh_cmd_encode(cmd, commands->data + commands->size);
}

static void emit_run(struct compiler *cc, uint32_t index)
{
	struct dh_program *program = cc->program;
	struct dh_program_run *run = &program->runs[index];
	bool is_last = index + 1 == program->run_count;
	struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_RUN };

	cmd.run = (struct dh_run){
		.first = run->first,
		.count = run->count,
		.last_only = run->steps == DH_STEPS_SEQUENCE &&
			     (!is_last || !cc->graph->output.per_step),
		.params_region = DH_REGION_PARAMS,
		.params_offset = run->params_offset,
		.input_region = index ? DH_REGION_SCRATCH : DH_REGION_INPUT,
		.output_region = is_last ? DH_REGION_OUTPUT : DH_REGION_SCRATCH,
	};
	run->cmd_offset = program->commands.size;
	emit(&program->commands, &cmd);
}

static int make_commands(struct compiler *cc)
{
	struct dh_program *program = cc->program;
	size_t room = program->layer_count * sizeof(struct deltahop_cmd_rnn_layer) +
		      program->run_count * sizeof(struct deltahop_cmd_rnn_run) +
		      sizeof(struct deltahop_cmd);
	struct dh_cmd end = { .opcode = DELTAHOP_OP_END };

	program->commands.data = calloc(1, room);
	if (!program->commands.data)
		return no_memory(cc);
	for (uint32_t i = 0; i < program->layer_count; i++) {
		struct dh_cmd cmd = { .opcode = DELTAHOP_OP_RNN_LAYER,
				      .layer = program->layers[i].layer };

		program->layers[i].cmd_offset = program->commands.size;
		emit(&program->commands, &cmd);
	}
	for (uint32_t i = 0; i < program->run_count; i++)
		emit_run(cc, i);
	emit(&program->commands, &end);
	return 0;
}

/* --- the rest of the program --- */

static int describe_tensor(struct compiler *cc, const struct dh_graph_tensor *from, uint32_t padded,
			   int32_t exp, struct dh_program_tensor *to)
{
	*to = (struct dh_program_tensor){
		.name = strdup(from->name),
		.elements = from->elements,
		.padded = padded,
		.scale_exp = exp,
		.per_step = from->per_step,
		.rank = from->rank,
		.batch_axis = from->batch_axis,
		.step_axis = from->step_axis,
	};
	return to->name ? 0 : no_memory(cc);
}

static int describe(struct compiler *cc)
{
	uint32_t last = cc->graph->layer_count - 1;
	struct dh_program *program = cc->program;
	int ret = describe_tensor(cc, &cc->graph->input, cc->quant.layers[0].inputs,
				  cc->quant.layers[0].input_exp, &program->input);

	if (!ret)
		ret = describe_tensor(cc, &cc->graph->output, cc->quant.layers[last].hidden,
				      cc->quant.layers[last].output_exp, &program->output);
	program->name = strdup(cc->graph->name);
	program->profile = strdup(cc->profile);
	program->abi_major = DELTAHOP_HW_ABI_MAJOR;
	program->abi_minor = DELTAHOP_HW_ABI_MINOR;
	program->host_op = cc->graph->host_op;
	program->input_limit = cc->quant.input_limit;
	program->input_range = cc->options->calibration ? DH_RANGE_CALIBRATED : DH_RANGE_ASSUMED;
	program->fixed_steps = cc->graph->fixed_steps;
	program->batch = cc->graph->batch;
	if (!ret && (!program->name || !program->profile))
		ret = no_memory(cc);
	return ret;
}

static int build_program(struct compiler *cc)
{
	int ret;

	cc->program = calloc(1, sizeof(*cc->program));
	if (!cc->program)
		return no_memory(cc);
	ret = place_layers(cc);
	if (!ret)
		ret = set_theta(cc);
	if (!ret)
		ret = make_state(cc);
	if (!ret)
		ret = make_runs(cc);
	if (!ret)
		ret = make_commands(cc);
	if (!ret)
		ret = describe(cc);
	if (ret)
		return ret;
	dh_program_set_need(cc->program);
	return dh_program_check(cc->program, &cc->limits, cc->err);
}

static int quantise(struct compiler *cc)
{
	struct dh_quant_options options = {
		.ranges = dh_calibration_ranges(cc->calibration),
		.input_is_fixed = cc->options->calibration &&
				  cc->options->calibration->dtype == DH_DTYPE_I2,
		.caps = cc->limits.caps,
	};
	int ret = dh_quantise(cc->graph, &options, &cc->quant, cc->err);

	if (ret == -EOPNOTSUPP)
		dh_explain_refuse_layer(cc->explain, cc->quant.refused_layer, cc->quant.refused);
	return ret;
}

static int compile(struct compiler *cc)
{
	int ret = find_limits(cc);

	if (!ret)
		ret = check_limits(cc);
	if (!ret)
		ret = dh_calibration_create(cc->graph, cc->options->calibration,
					    cc->options->lengths, &cc->calibration, cc->err);
	if (!ret)
		ret = quantise(cc);
	if (!ret)
		ret = build_program(cc);
	if (!ret)
		ret = dh_calibration_report(cc->calibration, cc->graph, &cc->quant, cc->program,
					    cc->explain, cc->err);
	return ret;
}

int dh_compile_graph(const struct dh_graph *graph, const struct dh_compile_options *options,
		     struct dh_program **program, struct dh_explain *explain, struct dh_error *err)
{
	struct compiler *cc = calloc(1, sizeof(*cc));
	int ret;

	*program = NULL;
	if (!cc) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	cc->options = options;
	cc->graph = graph;
	cc->explain = explain;
	cc->err = err;
	ret = compile(cc);
	if (explain && explain->out_of_memory)
		ret = no_memory(cc);
	if (ret)
		dh_program_free(cc->program);
	else
		*program = cc->program;
	dh_calibration_free(cc->calibration);
	dh_quant_free(&cc->quant);
	free(cc);
	return ret;
}

/* --- ONNX files --- */

static struct dh_explain *start(struct dh_program **program, struct dh_explain **explain,
				struct dh_error *err)
{
	struct dh_explain *rows = dh_explain_create();

	*program = NULL;
	if (explain)
		*explain = rows;
	if (!rows)
		dh_error_set(err, "out of memory");
	return rows;
}

/* Takes over the graph, or the error that there is none, and rows that nobody wants. */
static int compile_import(struct dh_graph *graph, int ret, const struct dh_compile_options *options,
			  struct dh_program **program, struct dh_explain *rows, bool wanted,
			  struct dh_error *err)
{
	static const struct dh_compile_options defaults;

	if (!ret)
		ret = dh_compile_graph(graph, options ? options : &defaults, program, rows, err);
	if (rows->out_of_memory) {
		dh_error_set(err, "out of memory");
		ret = -ENOMEM;
	}
	dh_graph_free(graph);
	if (!wanted)
		dh_explain_free(rows);
	return ret;
}

int dh_compile(const char *onnx_path, const struct dh_compile_options *options,
	       struct dh_program **program, struct dh_explain **explain, struct dh_error *err)
{
	struct dh_explain *rows = start(program, explain, err);
	struct dh_graph *graph = NULL;
	int ret;

	if (!rows)
		return -ENOMEM;
	ret = dh_graph_import(onnx_path, rows, &graph, err);
	return compile_import(graph, ret, options, program, rows, explain, err);
}

int dh_compile_memory(const void *buf, size_t len, const char *name,
		      const struct dh_compile_options *options, struct dh_program **program,
		      struct dh_explain **explain, struct dh_error *err)
{
	struct dh_explain *rows = start(program, explain, err);
	struct dh_graph *graph = NULL;
	int ret;

	if (!rows)
		return -ENOMEM;
	ret = dh_graph_import_memory(buf, len, name, rows, &graph, err);
	return compile_import(graph, ret, options, program, rows, explain, err);
}
