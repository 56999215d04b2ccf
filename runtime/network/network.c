// SPDX-License-Identifier: MIT
/* A compiled network of several parts: is it consistent? */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network/net.h"
#include "network/network.h"
#include "program/map.h"

void dh_network_free(struct dh_network *network)
{
	if (!network)
		return;
	for (uint32_t i = 0; network->parts && i < network->part_count; i++) {
		dh_program_free(network->parts[i].program);
		free(network->parts[i].inputs);
		free(network->parts[i].outputs);
	}
	free(network->parts);
	free(network->steps);
	free(network->inputs);
	free(network->outputs);
	free(network->name);
	free(network->profile);
	dh_net_free(network->net);
	free(network);
}

/* --- parts ------------------------------------------------------------------------ */

uint32_t dh_part_inputs(const struct dh_program *program)
{
	return program->engine == DELTAHOP_ENGINE_CONV ? program->input_count : 1;
}

uint32_t dh_part_outputs(const struct dh_program *program)
{
	return program->engine == DELTAHOP_ENGINE_CONV ? program->output_count : 1;
}

uint32_t dh_part_steps(const struct dh_network *network, const struct dh_network_part *part)
{
	const struct dh_program *program = part->program;

	if (program->engine == DELTAHOP_ENGINE_CONV)
		return 1;
	return dh_net_elements(&network->net->tensors[part->inputs[0]]) / program->input.elements;
}

uint32_t dh_network_layers(const struct dh_network *network)
{
	uint32_t layers = 0;

	for (uint32_t i = 0; i < network->part_count; i++)
		layers += dh_program_layers(network->parts[i].program);
	return layers;
}

/* --- check ------------------------------------------------------------------------- */

/**
 * struct check - on its way through the schedule
 * @ready: by tensor: it has been written
 * @done: by part: it has been run
 */
struct check {
	const struct dh_network *network;
	struct dh_error *err;
	bool *ready;
	bool *done;
};

static int wrong(const struct check *check, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(const struct check *check, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	dh_error_set(check->err, "network is damaged: %s; compile it again", text);
	return -EINVAL;
}

static bool is_tensor(const struct check *check, int32_t index)
{
	return index >= 0 && (uint32_t)index < check->network->net->tensor_count;
}

static int check_read(const struct check *check, int32_t index, const char *who)
{
	if (!is_tensor(check, index))
		return wrong(check, "%.100s reads tensor %d, which there is not", who, index);
	if (!check->ready[index])
		return wrong(check, "%.100s reads %.100s, which nothing before it writes", who,
			     check->network->net->tensors[index].name);
	return 0;
}

static int check_write(const struct check *check, int32_t index, const char *who)
{
	if (!is_tensor(check, index))
		return wrong(check, "%.100s writes tensor %d, which there is not", who, index);
	if (check->ready[index])
		return wrong(check, "%.100s writes %.100s, which is there already", who,
			     check->network->net->tensors[index].name);
	check->ready[index] = true;
	return 0;
}

/* --- parts of it --- */

/* Values of a part that are values of a tensor. */
static int check_values(const struct check *check, int32_t index, uint64_t count, const char *who)
{
	const struct dh_net_tensor *tensor = &check->network->net->tensors[index];

	if (tensor->type != DH_NET_FLOAT)
		return wrong(check, "%.100s: tensor %.100s has integers", who, tensor->name);
	if (dh_net_elements(tensor) != count)
		return wrong(check, "%.100s: tensor %.100s has %zu elements, the part %llu", who,
			     tensor->name, dh_net_elements(tensor), (unsigned long long)count);
	return 0;
}

static int check_conv_part(const struct check *check, const struct dh_network_part *part)
{
	const struct dh_program *program = part->program;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < program->input_count; i++) {
		ret = check_read(check, part->inputs[i], program->name);
		if (!ret)
			ret = check_values(check, part->inputs[i],
					   dh_map_values(&program->inputs[i]), program->name);
	}
	for (uint32_t i = 0; !ret && i < program->output_count; i++) {
		ret = check_write(check, part->outputs[i], program->name);
		if (!ret)
			ret = check_values(check, part->outputs[i],
					   dh_map_values(&program->outputs[i]), program->name);
	}
	return ret;
}

static int check_rnn_part(const struct check *check, const struct dh_network_part *part)
{
	const struct dh_program *program = part->program;
	uint64_t steps;
	int ret = check_read(check, part->inputs[0], program->name);

	if (ret)
		return ret;
	if (program->host_op != DH_HOST_NONE)
		return wrong(check, "part %.100s leaves %s to the host", program->name,
			     dh_host_op_name(program->host_op));
	steps = dh_net_elements(&check->network->net->tensors[part->inputs[0]]) /
		program->input.elements;
	if (!steps || steps > DELTAHOP_RNN_MAX_STEPS ||
	    (program->fixed_steps && program->fixed_steps != steps))
		return wrong(check, "part %.100s has %llu steps", program->name,
			     (unsigned long long)steps);
	ret = check_values(check, part->inputs[0], steps * program->input.elements, program->name);
	if (!ret)
		ret = check_write(check, part->outputs[0], program->name);
	if (!ret)
		ret = check_values(check, part->outputs[0],
				   (program->output.per_step ? steps : 1) *
					   program->output.elements,
				   program->name);
	return ret;
}

static int check_part(const struct check *check, uint32_t index)
{
	const struct dh_network_part *part;

	if (index >= check->network->part_count || check->done[index])
		return wrong(check, "part %u is not there, or comes twice", index);
	part = &check->network->parts[index];
	if (!part->program || !part->inputs || !part->outputs)
		return wrong(check, "part %u is not whole", index);
	check->done[index] = true;
	return part->program->engine == DELTAHOP_ENGINE_CONV ? check_conv_part(check, part)
							     : check_rnn_part(check, part);
}

static int check_node(const struct check *check, uint32_t index)
{
	const struct dh_net_node *node;
	int ret = 0;

	if (index >= check->network->net->node_count)
		return wrong(check, "there is no node %u", index);
	node = &check->network->net->nodes[index];
	for (uint32_t i = 0; !ret && i < node->input_count; i++) {
		if (node->inputs[i] != DH_NET_NONE)
			ret = check_read(check, node->inputs[i], node->name);
	}
	for (uint32_t i = 0; !ret && i < node->output_count; i++) {
		if (node->outputs[i] != DH_NET_NONE)
			ret = check_write(check, node->outputs[i], node->name);
	}
	return ret;
}

static int check_steps(const struct check *check)
{
	const struct dh_network *network = check->network;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < network->step_count; i++) {
		const struct dh_network_step *step = &network->steps[i];

		if (step->kind != DH_STEP_PART && step->kind != DH_STEP_HOST)
			ret = wrong(check, "step %u is of kind %u", i, step->kind);
		else if (step->kind == DH_STEP_PART)
			ret = check_part(check, step->index);
		else
			ret = check_node(check, step->index);
	}
	for (uint32_t i = 0; !ret && i < network->part_count; i++) {
		if (!check->done[i])
			ret = wrong(check, "part %u is never run", i);
	}
	return ret;
}

static int check_ends(const struct check *check)
{
	const struct dh_network *network = check->network;
	int ret = 0;

	for (uint32_t i = 0; i < network->net->tensor_count; i++)
		check->ready[i] = network->net->tensors[i].data;
	for (uint32_t i = 0; !ret && i < network->input_count; i++)
		ret = check_write(check, network->inputs[i], "the caller");
	if (!ret)
		ret = check_steps(check);
	for (uint32_t i = 0; !ret && i < network->output_count; i++)
		ret = check_read(check, network->outputs[i], "the caller");
	return ret;
}

static int check_whole(const struct check *check)
{
	const struct dh_network *network = check->network;

	if (!network->name || !network->profile || !network->net)
		return wrong(check, "a name or its nodes are missing");
	if (network->step_count > DH_NETWORK_MAX_STEPS || network->part_count > network->step_count)
		return wrong(check, "%u parts in %u steps", network->part_count,
			     network->step_count);
	if ((network->input_count && !network->inputs) ||
	    (network->output_count && !network->outputs) || !network->output_count)
		return wrong(check, "it has no outputs, or inputs are missing");
	return 0;
}

int dh_network_check(const struct dh_network *network, struct dh_error *err)
{
	struct check check = { .network = network, .err = err };
	int ret = check_whole(&check);

	if (ret)
		return ret;
	check.ready = calloc(network->net->tensor_count + 1, sizeof(*check.ready));
	check.done = calloc(network->part_count + 1, sizeof(*check.done));
	if (check.ready && check.done) {
		ret = check_ends(&check);
	} else {
		dh_error_set(err, "out of memory");
		ret = -ENOMEM;
	}
	free(check.ready);
	free(check.done);
	return ret;
}

/* --- what it takes and gives -------------------------------------------------------- */

uint32_t dh_network_inputs(const struct dh_network *network)
{
	return network->input_count;
}

uint32_t dh_network_outputs(const struct dh_network *network)
{
	return network->output_count;
}

uint32_t dh_network_steps(const struct dh_network *network)
{
	return network->step_count;
}

static int describe(const struct dh_network *network, const int32_t *list, uint32_t count,
		    uint32_t index, struct dh_values_info *info)
{
	struct dh_values_info full = { .size = info->size };
	const struct dh_net_tensor *tensor;

	if (index >= count)
		return -ERANGE;
	tensor = &network->net->tensors[list[index]];
	full.name = tensor->name;
	full.integers = tensor->type == DH_NET_INT;
	full.rank = tensor->rank;
	memcpy(full.dims, tensor->dims, sizeof(tensor->dims));
	full.count = dh_net_elements(tensor);
	memcpy(info, &full, info->size < sizeof(full) ? info->size : sizeof(full));
	return 0;
}

int dh_network_input(const struct dh_network *network, uint32_t index, struct dh_values_info *info)
{
	return describe(network, network->inputs, network->input_count, index, info);
}

int dh_network_output(const struct dh_network *network, uint32_t index, struct dh_values_info *info)
{
	return describe(network, network->outputs, network->output_count, index, info);
}
