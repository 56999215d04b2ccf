// SPDX-License-Identifier: MIT
/* Is a program of the recurrent engine consistent? */
#include <string.h>

#include "program/check.h"

#define MAX_SCRATCH (1u << 20)
#define MAX_RANK    8

int dh_program_check_rnn_parts(const struct dh_program *program, struct dh_error *err)
{
	if (!program->input.name || !program->output.name)
		return dh_program_wrong(err, "a name is missing");
	if (!program->layer_count || program->layer_count > DH_PROGRAM_MAX_LAYERS ||
	    !program->layers)
		return dh_program_wrong(err, "%u layers", program->layer_count);
	if (!program->run_count || program->run_count > program->layer_count || !program->runs)
		return dh_program_wrong(err, "%u runs", program->run_count);
	for (uint32_t i = 0; i < program->layer_count; i++) {
		if (!program->layers[i].node || !program->layers[i].op)
			return dh_program_wrong(err, "layer %u has no name", i);
	}
	if (!program->weights.data)
		return dh_program_wrong(err, "it has no weights");
	if (program->state_template.size &&
	    (program->state_template.size != program->state_bytes || !program->state_template.data))
		return dh_program_wrong(err, "its initial state has %zu bytes instead of %u",
					program->state_template.size, program->state_bytes);
	if (program->scratch_bytes > MAX_SCRATCH)
		return dh_program_wrong(err, "%u bytes of scratch memory", program->scratch_bytes);
	if (program->host_op > DH_HOST_RELU)
		return dh_program_wrong(err, "host operation %u", program->host_op);
	if (program->input_range > DH_RANGE_CALIBRATED)
		return dh_program_wrong(err, "range of the input from source %u",
					program->input_range);
	if (program->fixed_steps > DELTAHOP_RNN_MAX_STEPS)
		return dh_program_wrong(err, "%u steps", program->fixed_steps);
	return 0;
}

static int check_tensor(const struct dh_program_tensor *tensor, uint32_t padded,
			struct dh_error *err)
{
	int rank = tensor->rank;

	if (tensor->padded != padded || !tensor->elements || tensor->elements > padded)
		return dh_program_wrong(err, "tensor %.100s has %u elements in %u, its layer %u",
					tensor->name, tensor->elements, tensor->padded, padded);
	if (tensor->scale_exp < -DH_CHECK_MAX_SCALE || tensor->scale_exp > DH_CHECK_MAX_SCALE)
		return dh_program_wrong(err, "tensor %.100s has scale 2^%d", tensor->name,
					(int)tensor->scale_exp);
	if (tensor->rank > MAX_RANK || tensor->batch_axis < -1 || tensor->batch_axis >= rank ||
	    tensor->step_axis < -1 || tensor->step_axis >= rank ||
	    (tensor->step_axis >= 0 && tensor->step_axis == tensor->batch_axis))
		return dh_program_wrong(err, "tensor %.100s has impossible axes", tensor->name);
	return 0;
}

static int check_theta(const struct dh_program_layer *layer, uint32_t index, struct dh_error *err)
{
	if (layer->theta_x < 0 || layer->theta_x > 511 || layer->theta_h < 0 ||
	    layer->theta_h > 511)
		return dh_program_wrong(err, "layer %u has thresholds %d and %d", index,
					layer->theta_x, layer->theta_h);
	return 0;
}

static bool same_layer(const struct dh_layer *a, const struct dh_layer *b)
{
	return a->slot == b->slot && a->cell == b->cell && a->activation == b->activation &&
	       a->no_bias == b->no_bias && a->output_relu == b->output_relu &&
	       a->inputs == b->inputs && a->hidden == b->hidden &&
	       !memcmp(a->weight_frac, b->weight_frac, sizeof(a->weight_frac)) &&
	       a->weight_region == b->weight_region && a->weight_offset == b->weight_offset &&
	       a->state_offset == b->state_offset;
}

static int check_layer(const struct dh_program *program, uint32_t index, size_t offset,
		       const struct dh_layer *found, struct dh_error *err)
{
	const struct dh_program_layer *layer = &program->layers[index];
	uint64_t bytes = dh_layer_weight_bytes(found);

	if (layer->cmd_offset != offset || !same_layer(&layer->layer, found) ||
	    found->slot != index)
		return dh_program_wrong(
			err, "the source map of layer %u (%.100s) does not match command %zu",
			index, layer->node, offset);
	if (found->weight_region != DH_REGION_WEIGHTS ||
	    found->weight_offset > program->weights.size ||
	    bytes > program->weights.size - found->weight_offset)
		return dh_program_wrong(err, "layer %u (%.100s) reads weights past their end",
					index, layer->node);
	if (found->state_offset > program->state_bytes ||
	    dh_layer_state_bytes(found) > program->state_bytes - found->state_offset)
		return dh_program_wrong(err,
					"layer %u (%.100s) has its state past the end of the image",
					index, layer->node);
	if (index &&
	    found->state_offset < program->layers[index - 1].layer.state_offset +
					  dh_layer_state_bytes(&program->layers[index - 1].layer))
		return dh_program_wrong(err, "the states of layers %u and %u overlap", index - 1,
					index);
	if (layer->real_inputs > found->inputs || layer->real_hidden > found->hidden ||
	    !layer->real_inputs || !layer->real_hidden)
		return dh_program_wrong(err, "layer %u (%.100s) is larger than its slot", index,
					layer->node);
	if (layer->run >= program->run_count)
		return dh_program_wrong(err, "layer %u (%.100s) is in no run", index, layer->node);
	return check_theta(layer, index, err);
}

/*
 * The runs take the layers in order; each reads where the one before wrote, the first the input,
 * the last writes the output.
 */
static int check_run_memory(const struct dh_program *program, uint32_t index,
			    const struct dh_run *run, struct dh_error *err)
{
	const struct dh_program_run *plan = &program->runs[index];
	bool first = !index, last = index + 1 == program->run_count;
	uint32_t in_bytes = 2 * program->layers[plan->first].layer.inputs;
	uint32_t out_bytes = 2 * program->layers[plan->first + plan->count - 1].layer.hidden;
	bool once = plan->steps == DH_STEPS_ONCE || run->last_only;

	if (run->params_region != DH_REGION_PARAMS || run->params_offset != plan->params_offset ||
	    plan->params_offset != index * DH_PARAMS_PITCH)
		return dh_program_wrong(err, "run %u has its parameters in the wrong place", index);
	if (run->input_region != (first ? DH_REGION_INPUT : DH_REGION_SCRATCH) ||
	    run->output_region != (last ? DH_REGION_OUTPUT : DH_REGION_SCRATCH))
		return dh_program_wrong(err, "run %u reads or writes the wrong region", index);
	if (plan->input_stride != in_bytes || plan->output_stride != out_bytes)
		return dh_program_wrong(err, "run %u has strides %u and %u instead of %u and %u",
					index, plan->input_stride, plan->output_stride, in_bytes,
					out_bytes);
	if (run->input_offset || run->output_offset)
		return dh_program_wrong(
			err, "run %u does not start at the beginning of its regions", index);
	if (!first && (plan->steps != DH_STEPS_ONCE || in_bytes > program->scratch_bytes))
		return dh_program_wrong(err, "run %u reads past the end of the scratch memory",
					index);
	if (!last && (!once || out_bytes > program->scratch_bytes))
		return dh_program_wrong(err, "run %u writes past the end of the scratch memory",
					index);
	if (last && program->output.per_step == once)
		return dh_program_wrong(
			err, "the output of run %u is not as often as the program says", index);
	return 0;
}

static int check_run(const struct dh_program *program, uint32_t index, uint32_t next_layer,
		     size_t offset, const struct dh_run *run, struct dh_error *err)
{
	const struct dh_program_run *plan = &program->runs[index];

	if (plan->cmd_offset != offset || plan->first != run->first || plan->count != run->count ||
	    plan->steps > DH_STEPS_ONCE)
		return dh_program_wrong(err, "the plan of run %u does not match command %zu", index,
					offset);
	if (run->first != next_layer || run->count > program->layer_count - next_layer)
		return dh_program_wrong(err, "run %u does not continue where the one before ended",
					index);
	for (uint32_t i = run->first; i < run->first + (uint32_t)run->count; i++) {
		if (program->layers[i].run != index)
			return dh_program_wrong(
				err, "layer %u is in another run than the source map says", i);
	}
	return check_run_memory(program, index, run, err);
}

static int check_commands(const struct dh_program *program, const struct dh_cmd_limits *limits,
			  struct dh_error *err)
{
	uint32_t layers = 0, runs = 0, done = 0;
	struct dh_cmd cmd;
	int ret = 0;

	for (size_t at = 0; !ret && at < program->commands.size; at += cmd.size) {
		dh_cmd_decode(program->commands.data + at, program->commands.size - at, limits,
			      &cmd);
		if (cmd.opcode == DELTAHOP_OP_RNN_LAYER) {
			ret = layers < program->layer_count
				      ? check_layer(program, layers, at, &cmd.layer, err)
				      : dh_program_wrong(err, "more layers than it says");
			layers++;
		} else if (cmd.opcode == DELTAHOP_OP_RNN_RUN) {
			if (layers != program->layer_count || runs >= program->run_count)
				ret = dh_program_wrong(
					err, "runs before all layers are set up, or more runs "
					     "than it says");
			else
				ret = check_run(program, runs, done, at, &cmd.run, err);
			done += cmd.run.count;
			runs++;
		}
	}
	if (!ret && (runs != program->run_count || done != program->layer_count))
		ret = dh_program_wrong(err, "layers that no command runs");
	return ret;
}

int dh_program_check_rnn(const struct dh_program *program, const struct dh_cmd_limits *limits,
			 struct dh_error *err)
{
	int ret = check_commands(program, limits, err);

	if (!ret)
		ret = check_tensor(&program->input, program->layers[0].layer.inputs, err);
	if (!ret)
		ret = check_tensor(&program->output,
				   program->layers[program->layer_count - 1].layer.hidden, err);
	if (!ret && program->runs[0].steps != DH_STEPS_SEQUENCE)
		ret = dh_program_wrong(err, "its first run does not take the input sequence");
	return ret;
}
