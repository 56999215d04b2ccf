// SPDX-License-Identifier: MIT
/* Runs a network: nothing here allocates. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "network/session.h"

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec * 1e-9;
}

/* --- values to the device and back ----------------------------------------------------- */

static int write_maps(struct dh_session *session, struct dh_session_part *part,
		      struct dh_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < part->part->program->input_count; i++) {
		uint64_t clipped = 0;

		ret = dh_job_write_map(part->job, i, session->data[part->part->inputs[i]], &clipped,
				       err);
		part->clipped += clipped;
	}
	return ret;
}

static int write_inputs(struct dh_session *session, struct dh_session_part *part,
			struct dh_error *err)
{
	uint32_t flags = part->stream && !session->keep_states ? DH_JOB_RESET : 0;
	double start = now();
	int ret = 0;

	part->clipped = 0;
	if (part->from)
		;
	else if (part->part->program->engine == DELTAHOP_ENGINE_CONV)
		ret = write_maps(session, part, err);
	else
		ret = dh_job_quantise(part->job, session->data[part->part->inputs[0]], part->steps,
				      &part->clipped, err);
	if (!ret)
		ret = dh_job_setup(part->job, part->stream, part->steps, flags, err);
	part->seconds = now() - start;
	return ret;
}

static void read_vectors(const struct dh_session_part *part, float *values)
{
	const struct dh_program *program = part->part->program;
	uint32_t vectors = program->output.per_step ? part->steps : 1;
	const int16_t *raw = dh_job_output(part->job);

	for (uint32_t i = 0; i < vectors; i++) {
		dh_program_finish(program, raw, values);
		raw += program->output.padded;
		values += program->output.elements;
	}
}

static int read_outputs(struct dh_session *session, struct dh_session_part *part,
			struct dh_error *err)
{
	double start = now();
	int ret = 0;

	for (uint32_t i = 0; !ret && i < dh_part_outputs(part->part->program); i++) {
		float *values = session->data[part->part->outputs[i]];

		if (!part->read_back[i])
			continue;
		if (part->part->program->engine == DELTAHOP_ENGINE_CONV)
			ret = dh_job_read_map(part->job, i, values, err);
		else
			read_vectors(part, values);
	}
	part->seconds += now() - start;
	return ret;
}

/* --- a run ------------------------------------------------------------------------------- */

static struct dh_session_part *part_at(const struct dh_session *session, uint32_t step)
{
	return &session->parts[session->network->steps[step].index];
}

/* All of them are waited for, and the first one that fails is told. */
static int wait_all(struct dh_session *session, uint32_t count, struct dh_error *err)
{
	int first = 0;

	for (uint32_t i = 0; i < count; i++) {
		int ret = dh_job_wait(session->jobs[i], -1, first ? NULL : err);

		first = first ? first : ret;
	}
	return first;
}

static int run_parts(struct dh_session *session, const struct dh_batch *batch, struct dh_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < batch->count; i++) {
		struct dh_session_part *part = part_at(session, batch->first + i);

		session->jobs[i] = part->job;
		ret = write_inputs(session, part, err);
	}
	if (!ret)
		ret = dh_submit(session->jobs, batch->count, err);
	if (!ret)
		ret = wait_all(session, batch->count, err);
	for (uint32_t i = 0; !ret && i < batch->count; i++)
		ret = read_outputs(session, part_at(session, batch->first + i), err);
	return ret;
}

static void run_node(struct dh_session *session, uint32_t step)
{
	const struct dh_net *net = session->network->net;
	double start = now();

	dh_net_compute(net, &net->nodes[session->network->steps[step].index], session->data,
		       session->scratch);
	session->seconds[step] = now() - start;
}

int dh_session_run(struct dh_session *session, struct dh_error *err)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < session->batch_count; i++) {
		const struct dh_batch *batch = &session->batches[i];

		if (session->network->steps[batch->first].kind == DH_STEP_HOST)
			run_node(session, batch->first);
		else
			ret = run_parts(session, batch, err);
	}
	return ret;
}

/* --- recurrent parts -------------------------------------------------------------------------- */

static int check_recurrent(const struct dh_session *session, const char *what, struct dh_error *err)
{
	for (uint32_t i = 0; i < session->network->part_count; i++) {
		if (session->parts[i].stream)
			return 0;
	}
	dh_error_set(err, "%s: network %s has no recurrent layers on the device", what,
		     session->network->name);
	return -ERANGE;
}

int dh_session_keep_states(struct dh_session *session, bool keep, struct dh_error *err)
{
	session->keep_states = keep;
	return check_recurrent(session, "states", err);
}

int dh_session_set_theta(struct dh_session *session, int theta_x, int theta_h, struct dh_error *err)
{
	int ret = check_recurrent(session, "thresholds", err);

	for (uint32_t i = 0; !ret && i < session->network->part_count; i++) {
		if (session->parts[i].stream)
			ret = dh_instance_set_theta(session->parts[i].instance, -1, theta_x,
						    theta_h, err);
	}
	return ret;
}

/* --- tensors of the caller ----------------------------------------------------------------- */

void *dh_session_input(struct dh_session *session, uint32_t index)
{
	return index < session->network->input_count
		       ? session->data[session->network->inputs[index]]
		       : NULL;
}

const void *dh_session_output(const struct dh_session *session, uint32_t index)
{
	return index < session->network->output_count
		       ? session->data[session->network->outputs[index]]
		       : NULL;
}

/* --- reports -------------------------------------------------------------------------------- */

static void describe_part(const struct dh_session *session, uint32_t step,
			  struct dh_step_report *full)
{
	const struct dh_session_part *part = part_at(session, step);

	full->name = part->part->program->name;
	full->op = "";
	full->engine = part->part->program->engine;
	full->first_layer = part->first_layer;
	full->layers = dh_program_layers(part->part->program);
	full->clipped = part->clipped;
	full->host_seconds = part->seconds;
}

int dh_session_step(const struct dh_session *session, uint32_t step, struct dh_step_report *report)
{
	const struct dh_network *network = session->network;
	struct dh_step_report full = { .size = report->size };

	if (step >= network->step_count)
		return -ERANGE;
	full.on_host = network->steps[step].kind == DH_STEP_HOST;
	if (full.on_host) {
		const struct dh_net_node *node = &network->net->nodes[network->steps[step].index];

		full.name = node->name;
		full.op = node->onnx_op;
		full.host_seconds = session->seconds[step];
	} else {
		describe_part(session, step, &full);
	}
	memcpy(report, &full, report->size < sizeof(full) ? report->size : sizeof(full));
	return 0;
}

int dh_session_report(const struct dh_session *session, uint32_t step, struct dh_report *report)
{
	if (step >= session->network->step_count ||
	    session->network->steps[step].kind != DH_STEP_PART)
		return -ERANGE;
	dh_job_report(part_at(session, step)->job, report);
	return 0;
}

uint32_t dh_session_rows(const struct dh_session *session, uint32_t step)
{
	if (step >= session->network->step_count ||
	    session->network->steps[step].kind != DH_STEP_PART)
		return 0;
	return dh_job_rows(part_at(session, step)->job);
}

int dh_session_row(const struct dh_session *session, uint32_t step, uint32_t index,
		   struct dh_row_report *row)
{
	const struct dh_session_part *part;

	if (index >= dh_session_rows(session, step))
		return -ERANGE;
	part = part_at(session, step);
	dh_job_row(part->job, index, row);
	row->layer += part->first_layer;
	return 0;
}

int dh_session_layer(const struct dh_session *session, uint32_t layer,
		     struct dh_layer_report *report)
{
	for (uint32_t i = 0; i < session->network->part_count; i++) {
		const struct dh_session_part *part = &session->parts[i];
		uint32_t layers = dh_program_layers(part->part->program);

		if (layer - part->first_layer < layers)
			return dh_job_layer(part->job, layer - part->first_layer, report);
	}
	return -ERANGE;
}
