// SPDX-License-Identifier: MIT
/* A network on a device: everything that a run needs is made here. */
#include <errno.h>
#include <stdlib.h>

#include "network/session.h"
#include "program/map.h"

static int no_memory(struct dh_error *err)
{
	dh_error_set(err, "dh_session_create: out of memory");
	return -ENOMEM;
}

/* --- tensors ------------------------------------------------------------------------- */

static int make_tensor(struct dh_session *session, int32_t index)
{
	const struct dh_net_tensor *tensor;

	if (index == DH_NET_NONE || session->data[index])
		return 0;
	tensor = &session->network->net->tensors[index];
	session->data[index] = tensor->data ? tensor->data : calloc(dh_net_bytes(tensor) + 1, 1);
	return session->data[index] ? 0 : -ENOMEM;
}

static int make_list(struct dh_session *session, const int32_t *list, uint32_t count)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < count; i++)
		ret = make_tensor(session, list[i]);
	return ret;
}

static int make_step_tensors(struct dh_session *session, const struct dh_network_step *step)
{
	const struct dh_network *network = session->network;
	const struct dh_network_part *part;
	const struct dh_net_node *node;
	int ret;

	if (step->kind == DH_STEP_HOST) {
		node = &network->net->nodes[step->index];
		ret = make_list(session, node->inputs, node->input_count);
		return ret ? ret : make_list(session, node->outputs, node->output_count);
	}
	part = &network->parts[step->index];
	ret = make_list(session, part->inputs, dh_part_inputs(part->program));
	return ret ? ret : make_list(session, part->outputs, dh_part_outputs(part->program));
}

static int make_scratch(struct dh_session *session)
{
	const struct dh_network *network = session->network;
	size_t most = 0;

	for (uint32_t i = 0; i < network->step_count; i++) {
		size_t size;

		if (network->steps[i].kind != DH_STEP_HOST)
			continue;
		size = dh_net_scratch(network->net, &network->net->nodes[network->steps[i].index]);
		most = size > most ? size : most;
	}
	session->scratch = malloc(most + 1);
	return session->scratch ? 0 : -ENOMEM;
}

static int make_tensors(struct dh_session *session, struct dh_error *err)
{
	const struct dh_network *network = session->network;
	int ret;

	session->data = calloc(network->net->tensor_count + 1, sizeof(*session->data));
	session->seconds = calloc(network->step_count + 1, sizeof(*session->seconds));
	if (!session->data || !session->seconds)
		return no_memory(err);
	ret = make_list(session, network->inputs, network->input_count);
	if (!ret)
		ret = make_list(session, network->outputs, network->output_count);
	for (uint32_t i = 0; !ret && i < network->step_count; i++)
		ret = make_step_tensors(session, &network->steps[i]);
	if (!ret)
		ret = make_scratch(session);
	return ret ? no_memory(err) : 0;
}

/* --- parts --------------------------------------------------------------------------- */

static int make_part(struct dh_session *session, struct dh_session_part *part,
		     const struct dh_instance_options *options, struct dh_error *err)
{
	const struct dh_program *program = part->part->program;
	int ret;

	part->read_back = calloc(dh_part_outputs(program), sizeof(*part->read_back));
	if (!part->read_back)
		return no_memory(err);
	ret = dh_instance_add(session->context, program, options, &part->instance, err);
	if (!ret && program->engine == DELTAHOP_ENGINE_RNN)
		ret = dh_stream_create(part->instance, &part->stream, err);
	if (!ret)
		ret = dh_job_create(part->instance, part->steps, &part->job, err);
	return ret;
}

static int make_parts(struct dh_session *session, const struct dh_instance_options *options,
		      struct dh_error *err)
{
	const struct dh_network *network = session->network;
	uint32_t layers = 0;
	int ret = 0;

	session->parts = calloc(network->part_count + 1, sizeof(*session->parts));
	session->jobs = calloc(network->part_count + 1, sizeof(struct dh_job *));
	if (!session->parts || !session->jobs)
		return no_memory(err);
	for (uint32_t i = 0; i < network->step_count; i++) {
		if (network->steps[i].kind == DH_STEP_PART)
			session->parts[network->steps[i].index].step = i;
	}
	for (uint32_t i = 0; !ret && i < network->part_count; i++) {
		struct dh_session_part *part = &session->parts[i];

		part->part = &network->parts[i];
		part->steps = dh_part_steps(network, part->part);
		part->first_layer = layers;
		layers += dh_program_layers(part->part->program);
		ret = make_part(session, part, options, err);
	}
	return ret;
}

/* --- values that stay on the device ----------------------------------------------------- */

/**
 * struct plain - values that lie in a region in the order of their tensor, int16 without gaps
 * @count: of them, 0: they do not
 */
struct plain {
	uint64_t count;
	uint64_t offset;
	int32_t scale_exp;
};

static struct plain plain_vectors(const struct dh_program_tensor *tensor, uint32_t steps)
{
	return (struct plain){
		.count = tensor->padded == tensor->elements
				 ? (uint64_t)(tensor->per_step ? steps : 1) * tensor->elements
				 : 0,
		.scale_exp = tensor->scale_exp,
	};
}

/* Channels come last in memory, but first in a tensor: the same if there is one, or one pixel. */
static struct plain plain_map(const struct dh_program *program, const struct dh_program_map *map)
{
	bool plain = program->packed && !map->encoded && map->group_count == 1 &&
		     (map->channels == 1 || (map->rows == 1 && map->cols == 1));

	return (struct plain){
		.count = plain ? dh_map_values(map) : 0,
		.offset = map->groups[0].offset,
		.scale_exp = map->scale_exp,
	};
}

static struct plain plain_output(const struct dh_session_part *part, uint32_t index)
{
	const struct dh_program *program = part->part->program;

	return program->engine == DELTAHOP_ENGINE_CONV
		       ? plain_map(program, &program->outputs[index])
		       : plain_vectors(&program->output, part->steps);
}

static struct plain plain_input(const struct dh_session_part *part)
{
	const struct dh_program *program = part->part->program;

	return program->engine == DELTAHOP_ENGINE_CONV
		       ? plain_map(program, &program->inputs[0])
		       : plain_vectors(&program->input, part->steps);
}

static bool same_form(const struct dh_program_map *out, const struct dh_program_map *in)
{
	bool same = out->rows == in->rows && out->cols == in->cols &&
		    out->channels == in->channels && out->scale_exp == in->scale_exp &&
		    out->encoded == in->encoded && out->group_count == in->group_count;

	for (uint32_t i = 0; same && i < out->group_count; i++)
		same = out->groups[i].channels == in->groups[i].channels &&
		       out->groups[i].offset - out->groups[0].offset ==
			       in->groups[i].offset - in->groups[0].offset;
	return same;
}

/* Does an output of one part lie as the only input of another takes it? Then from where on? */
static bool lies_as(const struct dh_session_part *from, uint32_t output,
		    const struct dh_session_part *to, uint64_t *offset)
{
	const struct dh_program *a = from->part->program, *b = to->part->program;
	struct plain out = plain_output(from, output), in = plain_input(to);

	if (a->engine == DELTAHOP_ENGINE_CONV && b->engine == DELTAHOP_ENGINE_CONV &&
	    a->packed == b->packed && same_form(&a->outputs[output], &b->inputs[0])) {
		*offset = (uint64_t)a->outputs[output].groups[0].offset -
			  b->inputs[0].groups[0].offset;
		return a->outputs[output].groups[0].offset >= b->inputs[0].groups[0].offset;
	}
	*offset = out.offset - in.offset;
	return out.count && out.count == in.count && out.scale_exp == in.scale_exp &&
	       out.offset >= in.offset;
}

static bool gives(const struct dh_session_part *part, int32_t tensor, uint32_t *output)
{
	for (uint32_t i = 0; i < dh_part_outputs(part->part->program); i++) {
		*output = i;
		if (part->part->outputs[i] == tensor)
			return true;
	}
	return false;
}

/* Have @to read what @from writes, if it can. */
static bool connect(struct dh_session_part *from, struct dh_session_part *to, uint32_t output)
{
	uint64_t offset;

	if (dh_part_inputs(to->part->program) != 1 || !lies_as(from, output, to, &offset) ||
	    dh_job_bind_input(to->job, &from->job->memory, from->job->output_offset + offset, NULL))
		return false;
	to->from = from;
	to->job->after = from->job;
	return true;
}

/* --- batches ------------------------------------------------------------------------- */

static struct dh_session_part *part_of(const struct dh_session *session, uint32_t step)
{
	return &session->parts[session->network->steps[step].index];
}

/* Can the part at @step be submitted together with those of the batch? */
static bool joins(struct dh_session *session, const struct dh_batch *batch, uint32_t step)
{
	const struct dh_network *network = session->network;
	const struct dh_network_part *plan = &network->parts[network->steps[step].index];
	struct dh_session_part *part = part_of(session, step);
	uint32_t output;

	if (batch->count == session->device->hw.max_jobs)
		return false;
	for (uint32_t s = batch->first; s < batch->first + batch->count; s++) {
		struct dh_session_part *before = part_of(session, s);

		for (uint32_t i = 0; i < dh_part_inputs(plan->program); i++) {
			if (gives(before, plan->inputs[i], &output) &&
			    !connect(before, part, output))
				return false;
		}
	}
	return true;
}

static int make_batches(struct dh_session *session, struct dh_error *err)
{
	const struct dh_network *network = session->network;
	struct dh_batch *batch = NULL;

	session->batches = calloc(network->step_count + 1, sizeof(*session->batches));
	if (!session->batches)
		return no_memory(err);
	for (uint32_t i = 0; i < network->step_count; i++) {
		bool host = network->steps[i].kind == DH_STEP_HOST;

		if (batch && !host && joins(session, batch, i)) {
			batch->count++;
			continue;
		}
		batch = &session->batches[session->batch_count++];
		*batch = (struct dh_batch){ i, 1 };
		if (host)
			batch = NULL;
	}
	return 0;
}

/* --- what comes back -------------------------------------------------------------------- */

static bool listed(const int32_t *list, uint32_t count, int32_t tensor)
{
	for (uint32_t i = 0; i < count; i++) {
		if (list[i] == tensor)
			return true;
	}
	return false;
}

static bool step_reads(const struct dh_session *session, const struct dh_network_step *step,
		       int32_t tensor)
{
	const struct dh_session_part *part;
	const struct dh_net_node *node;

	if (step->kind == DH_STEP_HOST) {
		node = &session->network->net->nodes[step->index];
		return listed(node->inputs, node->input_count, tensor);
	}
	part = &session->parts[step->index];
	return !part->from &&
	       listed(part->part->inputs, dh_part_inputs(part->part->program), tensor);
}

static bool is_read(const struct dh_session *session, int32_t tensor)
{
	const struct dh_network *network = session->network;

	if (listed(network->outputs, network->output_count, tensor))
		return true;
	for (uint32_t i = 0; i < network->step_count; i++) {
		if (step_reads(session, &network->steps[i], tensor))
			return true;
	}
	return false;
}

static void find_read_back(struct dh_session *session)
{
	for (uint32_t i = 0; i < session->network->part_count; i++) {
		struct dh_session_part *part = &session->parts[i];

		for (uint32_t o = 0; o < dh_part_outputs(part->part->program); o++)
			part->read_back[o] = is_read(session, part->part->outputs[o]);
	}
}

/* --- all of it --------------------------------------------------------------------------- */

static int set_up(struct dh_session *session, const struct dh_instance_options *options,
		  struct dh_error *err)
{
	uint32_t priority = options && options->size >
						    offsetof(struct dh_instance_options, priority)
				    ? options->priority
				    : DRM_DELTAHOP_PRIORITY_MEDIUM;
	int ret = make_tensors(session, err);

	if (!ret)
		ret = dh_context_create(session->device, priority, &session->context, err);
	if (!ret)
		ret = make_parts(session, options, err);
	if (!ret)
		ret = make_batches(session, err);
	if (!ret)
		find_read_back(session);
	return ret;
}

int dh_session_create(struct dh_device *device, const struct dh_network *network,
		      const struct dh_instance_options *options, struct dh_session **session,
		      struct dh_error *err)
{
	struct dh_session *made = calloc(1, sizeof(*made));
	int ret;

	*session = NULL;
	if (!made)
		return no_memory(err);
	made->device = device;
	made->network = network;
	ret = set_up(made, options, err);
	if (ret)
		dh_session_destroy(made);
	else
		*session = made;
	return ret;
}

static void free_tensors(struct dh_session *session)
{
	const struct dh_net *net = session->network->net;

	for (uint32_t i = 0; session->data && i < net->tensor_count; i++) {
		if (!net->tensors[i].data)
			free(session->data[i]);
	}
	free(session->data);
	free(session->scratch);
}

void dh_session_destroy(struct dh_session *session)
{
	if (!session)
		return;
	for (uint32_t i = 0; session->parts && i < session->network->part_count; i++) {
		dh_instance_destroy(session->parts[i].instance);
		free(session->parts[i].read_back);
	}
	dh_context_destroy(session->context);
	free_tensors(session);
	free(session->parts);
	free(session->batches);
	free(session->jobs);
	free(session->seconds);
	free(session);
}
