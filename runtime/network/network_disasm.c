// SPDX-License-Identifier: MIT
/* A network as text and as JSON. */
#include "base/json.h"
#include "base/text.h"
#include "network/net.h"
#include "network/network_disasm.h"
#include "program/disasm.h"

static const char *engine_name(const struct dh_program *program)
{
	return program->engine == DELTAHOP_ENGINE_CONV ? "conv" : "rnn";
}

/* --- text --- */

static void print_shape(const struct dh_net_tensor *tensor, FILE *out)
{
	fputc('[', out);
	for (uint32_t i = 0; i < tensor->rank; i++)
		fprintf(out, "%s%u", i ? ", " : "", tensor->dims[i]);
	fprintf(out, "]%s", tensor->type == DH_NET_INT ? ", integers" : "");
}

static void print_ends(const char *what, const struct dh_network *network, const int32_t *list,
		       uint32_t count, FILE *out)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct dh_net_tensor *tensor = &network->net->tensors[list[i]];

		fprintf(out, "; %-7s %s ", what, tensor->name);
		print_shape(tensor, out);
		fputc('\n', out);
	}
}

static void print_list(const struct dh_network *network, const int32_t *list, uint32_t count,
		       FILE *out)
{
	for (uint32_t i = 0; i < count; i++) {
		if (list[i] != DH_NET_NONE)
			fprintf(out, "%s%s", i ? ", " : "", network->net->tensors[list[i]].name);
	}
}

static void print_part(const struct dh_network *network, uint32_t index, FILE *out)
{
	const struct dh_network_part *part = &network->parts[index];

	fprintf(out, "part %u on engine %s, %u layers: ", index, engine_name(part->program),
		dh_program_layers(part->program));
	print_list(network, part->inputs, dh_part_inputs(part->program), out);
	fprintf(out, " -> ");
	print_list(network, part->outputs, dh_part_outputs(part->program), out);
}

static void print_node(const struct dh_network *network, uint32_t index, FILE *out)
{
	const struct dh_net_node *node = &network->net->nodes[index];

	fprintf(out, "host %s (%s): ", node->name, node->onnx_op);
	print_list(network, node->inputs, node->input_count, out);
	fprintf(out, " -> ");
	print_list(network, node->outputs, node->output_count, out);
}

void dh_network_print_head(const struct dh_network *network, FILE *out)
{
	fprintf(out, "; network %s for profile %s: %u parts, %u steps\n", network->name,
		network->profile, network->part_count, network->step_count);
	print_ends("input", network, network->inputs, network->input_count, out);
	print_ends("output", network, network->outputs, network->output_count, out);
	for (uint32_t i = 0; i < network->step_count; i++) {
		fprintf(out, "; step %-3u", i);
		if (network->steps[i].kind == DH_STEP_PART)
			print_part(network, network->steps[i].index, out);
		else
			print_node(network, network->steps[i].index, out);
		fputc('\n', out);
	}
}

void dh_network_disasm_print(const struct dh_network *network, FILE *out)
{
	dh_network_print_head(network, out);
	for (uint32_t i = 0; i < network->part_count; i++) {
		fprintf(out, "\n; part %u\n", i);
		dh_disasm_print(network->parts[i].program, out);
	}
}

/* --- JSON --- */

static json_t *describe_end(const struct dh_net_tensor *tensor)
{
	json_t *object = json_object(), *shape = json_array();

	for (uint32_t d = 0; d < tensor->rank; d++)
		dh_json_append(&shape, json_integer(tensor->dims[d]));
	dh_json_set(&object, "name", dh_text_json(tensor->name));
	dh_json_set(&object, "shape", shape);
	dh_json_set(&object, "integers", json_boolean(tensor->type == DH_NET_INT));
	return object;
}

static json_t *describe_ends(const struct dh_network *network, const int32_t *list, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		dh_json_append(&array, describe_end(&network->net->tensors[list[i]]));
	return array;
}

static json_t *names(const struct dh_network *network, const int32_t *list, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++) {
		if (list[i] != DH_NET_NONE)
			dh_json_append(&array, dh_text_json(network->net->tensors[list[i]].name));
	}
	return array;
}

static json_t *describe_part(const struct dh_network *network, uint32_t index)
{
	const struct dh_network_part *part = &network->parts[index];
	json_t *object = json_object();

	dh_json_set(&object, "place", json_string(engine_name(part->program)));
	dh_json_set(&object, "part", json_integer(index));
	dh_json_set(&object, "layers", json_integer(dh_program_layers(part->program)));
	dh_json_set(&object, "inputs", names(network, part->inputs, dh_part_inputs(part->program)));
	dh_json_set(&object, "outputs",
		    names(network, part->outputs, dh_part_outputs(part->program)));
	return object;
}

static json_t *describe_node(const struct dh_network *network, uint32_t index)
{
	const struct dh_net_node *node = &network->net->nodes[index];
	json_t *object = json_object();

	dh_json_set(&object, "place", json_string("host"));
	dh_json_set(&object, "name", dh_text_json(node->name));
	dh_json_set(&object, "op", dh_text_json(node->onnx_op));
	dh_json_set(&object, "inputs", names(network, node->inputs, node->input_count));
	dh_json_set(&object, "outputs", names(network, node->outputs, node->output_count));
	return object;
}

static json_t *describe_steps(const struct dh_network *network)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < network->step_count; i++) {
		const struct dh_network_step *step = &network->steps[i];

		dh_json_append(&array, step->kind == DH_STEP_PART
					       ? describe_part(network, step->index)
					       : describe_node(network, step->index));
	}
	return array;
}

json_t *dh_network_disasm_json(const struct dh_network *network, bool commands)
{
	json_t *object = json_object(), *parts = json_array();

	for (uint32_t i = 0; commands && i < network->part_count; i++)
		dh_json_append(&parts, dh_disasm_json(network->parts[i].program));
	dh_json_set(&object, "name", dh_text_json(network->name));
	dh_json_set(&object, "profile", dh_text_json(network->profile));
	dh_json_set(&object, "inputs",
		    describe_ends(network, network->inputs, network->input_count));
	dh_json_set(&object, "outputs",
		    describe_ends(network, network->outputs, network->output_count));
	dh_json_set(&object, "steps", describe_steps(network));
	dh_json_set(&object, "parts", parts);
	return object;
}
