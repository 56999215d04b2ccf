// SPDX-License-Identifier: MIT
/* A program as text and as JSON. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "program/disasm.h"
#include "program/disasm_conv.h"

static const char *const cells[] = { "gru", "dense", "gru-before", "lstm", "simple" };
static const char *const activations[] = { "none", "relu", "sigmoid", "tanh" };

/* A command that was decoded, or why not. */
struct line {
	size_t offset;
	enum deltahop_reason reason;
	struct dh_cmd cmd;
	const struct dh_program_layer *layer;
	const struct dh_program_run *run;
	const struct dh_program_conv *conv;
};

static bool next_line(const struct dh_program *program, struct line *line, size_t offset)
{
	*line = (struct line){ .offset = offset };
	if (offset >= program->commands.size)
		return false;
	line->reason = dh_cmd_decode(program->commands.data + offset,
				     program->commands.size - offset, &program->need, &line->cmd);
	for (uint32_t i = 0; i < program->layer_count; i++) {
		if (program->layers[i].cmd_offset == offset)
			line->layer = &program->layers[i];
	}
	for (uint32_t i = 0; i < program->run_count; i++) {
		if (program->runs[i].cmd_offset == offset)
			line->run = &program->runs[i];
	}
	for (uint32_t i = 0; i < program->conv_count; i++) {
		if (program->convs[i].cmd_offset <= offset && offset < program->convs[i].cmd_end)
			line->conv = &program->convs[i];
	}
	return true;
}

static const char *opcode_name(uint16_t opcode)
{
	switch (opcode) {
	case DELTAHOP_OP_NOP:
		return "nop";
	case DELTAHOP_OP_END:
		return "end";
	case DELTAHOP_OP_RNN_LAYER:
		return "rnn.layer";
	case DELTAHOP_OP_RNN_RUN:
		return "rnn.run";
	case DELTAHOP_OP_CONV_LAYER:
		return "conv.layer";
	case DELTAHOP_OP_CONV_INPUT:
		return "conv.input";
	case DELTAHOP_OP_CONV_PASS:
		return "conv.pass";
	case DELTAHOP_OP_CONV_FC:
		return "conv.fc";
	default:
		return "?";
	}
}

/* --- text --- */

static void print_layer(const struct line *line, FILE *out)
{
	const struct dh_layer *layer = &line->cmd.layer;
	fprintf(out, "slot=%u cell=%s", layer->slot, cells[layer->cell]);
	if (layer->activation || dh_cell(layer)->gates == 1)
		fprintf(out, " act=%s", activations[layer->activation]);
	if (layer->output_relu)
		fprintf(out, " output=relu");
	fprintf(out, " inputs=%u hidden=%u frac=%u", layer->inputs, layer->hidden,
		layer->weight_frac[0]);
	for (int gate = 1; gate < dh_cell(layer)->gates; gate++)
		fprintf(out, ",%u", layer->weight_frac[gate]);
	fprintf(out, " %s weights=%s+0x%llx (%zu bytes) state=0x%x (%zu bytes)",
		layer->no_bias ? "no-bias" : "bias", dh_region_name(layer->weight_region),
		(unsigned long long)layer->weight_offset, dh_layer_weight_bytes(layer),
		layer->state_offset, dh_layer_state_bytes(layer));
	if (line->layer)
		fprintf(out, " theta=%d/%d  ; %s (%s %u->%u)", line->layer->theta_x,
			line->layer->theta_h, line->layer->node, line->layer->op,
			line->layer->real_inputs, line->layer->real_hidden);
}

static void print_run(const struct dh_program *program, const struct line *line, FILE *out)
{
	const struct dh_run *run = &line->cmd.run;

	fprintf(out, "slots=%u..%u%s params=%s+0x%llx in=%s+0x%llx out=%s+0x%llx", run->first,
		run->first + run->count - 1, run->last_only ? " last-only" : "",
		dh_region_name(run->params_region), (unsigned long long)run->params_offset,
		dh_region_name(run->input_region), (unsigned long long)run->input_offset,
		dh_region_name(run->output_region), (unsigned long long)run->output_offset);
	if (!line->run)
		return;
	fprintf(out, " stride=%u/%u  ; %s:", line->run->input_stride, line->run->output_stride,
		line->run->steps == DH_STEPS_ONCE ? "once" : "every step");
	for (uint32_t i = run->first;
	     i < run->first + (uint32_t)run->count && i < program->layer_count; i++)
		fprintf(out, " %s", program->layers[i].node);
}

static void print_tensor(const char *what, const struct dh_program_tensor *tensor, FILE *out)
{
	fprintf(out, "; %-7s %s: %u elements (%u in memory), value = int16 / 256 * 2^%d, %s\n",
		what, tensor->name, tensor->elements, tensor->padded, (int)tensor->scale_exp,
		tensor->per_step ? "every step" : "once");
}

static void print_rnn_head(const struct dh_program *program, FILE *out)
{
	fprintf(out,
		"; needs   capabilities 0x%llx, %u slots, %u inputs, %u units, %u bytes of state\n",
		(unsigned long long)program->need.caps, program->need.slots,
		program->need.max_inputs, program->need.max_hidden, program->need.state_bytes);
	fprintf(out, "; memory  commands %zu, weights %zu, state image %zu, scratch %u bytes\n",
		program->commands.size, program->weights.size, program->state_template.size,
		program->scratch_bytes);
	print_tensor("input", &program->input, out);
	print_tensor("output", &program->output, out);
	if (program->host_op)
		fprintf(out, "; host    %s\n", dh_host_op_name(program->host_op));
}

static void print_line(const struct dh_program *program, const struct line *line, FILE *out)
{
	fprintf(out, "%04zx  %-*s", line->offset, program->engine == DELTAHOP_ENGINE_CONV ? 11 : 10,
		opcode_name(line->cmd.opcode));
	if (line->reason)
		fprintf(out, "; refused: %s", dh_reason_text(line->reason));
	else if (line->cmd.opcode == DELTAHOP_OP_RNN_LAYER)
		print_layer(line, out);
	else if (line->cmd.opcode == DELTAHOP_OP_RNN_RUN)
		print_run(program, line, out);
	else
		dh_disasm_conv_print(&line->cmd, line->conv, out);
	fputc('\n', out);
}

void dh_disasm_print_head(const struct dh_program *program, FILE *out)
{
	fprintf(out, "; program %s for profile %s, hardware interface %u.%u\n", program->name,
		program->profile, program->abi_major, program->abi_minor);
	if (program->engine == DELTAHOP_ENGINE_CONV)
		dh_disasm_conv_print_head(program, out);
	else
		print_rnn_head(program, out);
}

void dh_disasm_print(const struct dh_program *program, FILE *out)
{
	struct line line;

	dh_disasm_print_head(program, out);
	for (size_t at = 0; next_line(program, &line, at); at += line.cmd.size) {
		print_line(program, &line, out);
		if (line.reason)
			return;
	}
}

/* --- JSON --- */

static void describe_layer(const struct line *line, json_t **object)
{
	const struct dh_layer *layer = &line->cmd.layer;
	json_t *fractions = json_array();

	for (int gate = 0; gate < dh_cell(layer)->gates; gate++)
		dh_json_append(&fractions, json_integer(layer->weight_frac[gate]));
	dh_json_set(object, "slot", json_integer(layer->slot));
	dh_json_set(object, "cell", json_string(cells[layer->cell]));
	dh_json_set(object, "activation", json_string(activations[layer->activation]));
	dh_json_set(object, "output_relu", json_boolean(layer->output_relu));
	dh_json_set(object, "bias_column", json_boolean(!layer->no_bias));
	dh_json_set(object, "inputs", json_integer(layer->inputs));
	dh_json_set(object, "hidden", json_integer(layer->hidden));
	dh_json_set(object, "weight_frac", fractions);
	dh_json_set(object, "weight_region", json_string(dh_region_name(layer->weight_region)));
	dh_json_set(object, "weight_offset", json_integer(layer->weight_offset));
	dh_json_set(object, "weight_bytes", json_integer(dh_layer_weight_bytes(layer)));
	dh_json_set(object, "state_offset", json_integer(layer->state_offset));
	dh_json_set(object, "state_bytes", json_integer(dh_layer_state_bytes(layer)));
	if (!line->layer)
		return;
	dh_json_set(object, "node", dh_text_json(line->layer->node));
	dh_json_set(object, "operator", dh_text_json(line->layer->op));
	dh_json_set(object, "real_inputs", json_integer(line->layer->real_inputs));
	dh_json_set(object, "real_hidden", json_integer(line->layer->real_hidden));
	dh_json_set(object, "theta_x", json_integer(line->layer->theta_x));
	dh_json_set(object, "theta_h", json_integer(line->layer->theta_h));
}

static void describe_run(const struct line *line, json_t **object)
{
	const struct dh_run *run = &line->cmd.run;

	dh_json_set(object, "first", json_integer(run->first));
	dh_json_set(object, "count", json_integer(run->count));
	dh_json_set(object, "last_only", json_boolean(run->last_only));
	dh_json_set(object, "params_region", json_string(dh_region_name(run->params_region)));
	dh_json_set(object, "params_offset", json_integer(run->params_offset));
	dh_json_set(object, "input_region", json_string(dh_region_name(run->input_region)));
	dh_json_set(object, "input_offset", json_integer(run->input_offset));
	dh_json_set(object, "output_region", json_string(dh_region_name(run->output_region)));
	dh_json_set(object, "output_offset", json_integer(run->output_offset));
	if (!line->run)
		return;
	dh_json_set(object, "steps",
		    json_string(line->run->steps == DH_STEPS_ONCE ? "once" : "sequence"));
	dh_json_set(object, "input_stride", json_integer(line->run->input_stride));
	dh_json_set(object, "output_stride", json_integer(line->run->output_stride));
}

static json_t *describe_line(const struct line *line)
{
	json_t *object = json_object();

	dh_json_set(&object, "offset", json_integer(line->offset));
	dh_json_set(&object, "opcode", json_string(opcode_name(line->cmd.opcode)));
	if (line->reason)
		dh_json_set(&object, "refused", json_string(dh_reason_text(line->reason)));
	else if (line->cmd.opcode == DELTAHOP_OP_RNN_LAYER)
		describe_layer(line, &object);
	else if (line->cmd.opcode == DELTAHOP_OP_RNN_RUN)
		describe_run(line, &object);
	else
		dh_disasm_conv_describe(&line->cmd, line->conv, &object);
	return object;
}

static json_t *describe_tensor(const struct dh_program_tensor *tensor)
{
	json_t *object = json_object();

	dh_json_set(&object, "name", dh_text_json(tensor->name));
	dh_json_set(&object, "elements", json_integer(tensor->elements));
	dh_json_set(&object, "padded", json_integer(tensor->padded));
	dh_json_set(&object, "scale_exp", json_integer(tensor->scale_exp));
	dh_json_set(&object, "per_step", json_boolean(tensor->per_step));
	dh_json_set(&object, "rank", json_integer(tensor->rank));
	dh_json_set(&object, "batch_axis", json_integer(tensor->batch_axis));
	dh_json_set(&object, "step_axis", json_integer(tensor->step_axis));
	return object;
}

static json_t *describe_need(const struct dh_program *program)
{
	const struct dh_cmd_limits *need = &program->need;
	json_t *object = json_object();

	dh_json_set(&object, "caps", json_integer(need->caps));
	dh_json_set(&object, "slots", json_integer(need->slots));
	dh_json_set(&object, "max_inputs", json_integer(need->max_inputs));
	dh_json_set(&object, "max_hidden", json_integer(need->max_hidden));
	dh_json_set(&object, "state_bytes", json_integer(need->state_bytes));
	dh_json_set(&object, "abi_major", json_integer(program->abi_major));
	dh_json_set(&object, "abi_minor", json_integer(program->abi_minor));
	return object;
}

static void describe_rnn(const struct dh_program *program, json_t **object)
{
	dh_json_set(object, "need", describe_need(program));
	dh_json_set(object, "input", describe_tensor(&program->input));
	dh_json_set(object, "output", describe_tensor(&program->output));
	dh_json_set(object, "host_op", json_string(dh_host_op_name(program->host_op)));
	dh_json_set(object, "state_template_bytes", json_integer(program->state_template.size));
	dh_json_set(object, "fixed_steps", json_integer(program->fixed_steps));
	dh_json_set(object, "batch", json_integer(program->batch));
}

static json_t *describe_commands(const struct dh_program *program)
{
	json_t *commands = json_array();
	struct line line;

	for (size_t at = 0; next_line(program, &line, at); at += line.cmd.size) {
		dh_json_append(&commands, describe_line(&line));
		if (line.reason)
			break;
	}
	return commands;
}

json_t *dh_disasm_json(const struct dh_program *program)
{
	bool conv = program->engine == DELTAHOP_ENGINE_CONV;
	json_t *object = json_object();

	if (conv)
		dh_disasm_conv_json(program, &object);
	else
		describe_rnn(program, &object);
	dh_json_set(&object, "name", dh_text_json(program->name));
	dh_json_set(&object, "profile", dh_text_json(program->profile));
	dh_json_set(&object, "engine", json_string(conv ? "conv" : "rnn"));
	dh_json_set(&object, "weight_bytes", json_integer(program->weights.size));
	dh_json_set(&object, "scratch_bytes", json_integer(program->scratch_bytes));
	dh_json_set(&object, "commands", describe_commands(program));
	return object;
}
