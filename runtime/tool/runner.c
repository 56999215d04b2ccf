// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/runner.h"
#include "tool/tool.h"

#define JOBS_AT_ONCE 64
#define JOB_MEMORY   (256u << 20) /* of all jobs together */

/* --- cost ----------------------------------------------------------------------- */

int cost_init(struct cost *cost, uint32_t layers, struct dh_error *err)
{
	memset(cost, 0, sizeof(*cost));
	cost->layer_count = layers;
	cost->layers = calloc(layers + 1, sizeof(*cost->layers));
	if (cost->layers)
		return 0;
	dh_error_set(err, "out of memory");
	return -ENOMEM;
}

void cost_fini(struct cost *cost)
{
	free(cost->layers);
	cost->layers = NULL;
}

static void add_record(struct dh_report *sum, const struct dh_report *one)
{
	sum->cycles += one->cycles;
	sum->step_cycles += one->step_cycles;
	sum->bytes_weights += one->bytes_weights;
	sum->bytes_in += one->bytes_in;
	sum->bytes_out += one->bytes_out;
	sum->bytes_state += one->bytes_state;
	sum->bytes_commands += one->bytes_commands;
	sum->work_done += one->work_done;
	sum->work_skipped += one->work_skipped;
	sum->energy_pj += one->energy_pj;
	sum->profile_lost += one->profile_lost;
	sum->end_ns = one->end_ns;
}

void cost_add_report(struct cost *cost, const struct dh_report *report)
{
	if (!cost->jobs)
		cost->start_ns = report->start_ns;
	add_record(&cost->sum, report);
	cost->sum.engine |= report->engine;
	cost->wait_cycles += report->wait_cycles;
	cost->jobs++;
}

/* What is the same in every job, then what adds up. */
void cost_add_layer(struct cost *cost, uint32_t layer, const struct dh_layer_report *report)
{
	struct dh_layer_report *sum = &cost->layers[layer], before = *sum;

	*sum = *report;
	sum->steps += before.steps;
	sum->cycles += before.cycles;
	sum->dense_cycles += before.dense_cycles;
	sum->bytes_weights += before.bytes_weights;
	sum->bytes_in += before.bytes_in;
	sum->bytes_out += before.bytes_out;
	sum->work_done += before.work_done;
	sum->work_skipped += before.work_skipped;
	sum->fired_x += before.fired_x;
	sum->fired_h += before.fired_h;
	sum->slots_x += before.slots_x;
	sum->slots_h += before.slots_h;
	sum->fired_rh += before.fired_rh;
	sum->slots_rh += before.slots_rh;
}

void cost_add(struct cost *cost, const struct dh_job *job, uint32_t steps)
{
	struct dh_layer_report layer = { .size = sizeof(layer) };
	struct dh_report report = { .size = sizeof(report) };
	uint32_t i;

	dh_job_report(job, &report);
	cost_add_report(cost, &report);
	for (i = 0; i < cost->layer_count; i++)
		if (!dh_job_layer(job, i, &layer))
			cost_add_layer(cost, i, &layer);
	if (cost->profile)
		profile_add_job(cost->profile, job);
	cost->steps += steps;
}

/* --- runner ----------------------------------------------------------------------- */

/* As many jobs as may be in flight, unless that takes too much memory. */
static uint32_t job_count(const struct runner *runner, uint32_t max_steps, bool profile_steps)
{
	struct dh_device_info info = { .size = sizeof(info) };
	uint64_t bytes = 2ull * max_steps *
				 (runner->program->input.padded + runner->program->output.padded) +
			 8192;
	uint32_t count = JOBS_AT_ONCE;

	if (profile_steps)
		bytes += (uint64_t)max_steps * dh_program_layers(runner->program) *
			 sizeof(struct deltahop_profile_row);
	if (!dh_device_get_info(runner->device, &info, NULL) && info.max_jobs < count)
		count = info.max_jobs;
	if (bytes * count > JOB_MEMORY)
		count = JOB_MEMORY / bytes;
	return count ? count : 1;
}

static int create_all(struct runner *runner, uint32_t streams, uint32_t max_steps,
		      bool profile_steps, struct dh_error *err)
{
	struct dh_instance_options options = { .size = sizeof(options),
					       .priority = 1,
					       .profile = true,
					       .profile_steps = profile_steps };
	uint32_t jobs = job_count(runner, max_steps, profile_steps);
	int ret = dh_instance_create(runner->device, runner->program, &options, &runner->instance,
				     err);

	if (ret)
		return ret;
	runner->streams = calloc(streams, sizeof(*runner->streams));
	runner->jobs = calloc(jobs, sizeof(*runner->jobs));
	runner->values =
		calloc(max_steps, runner->program->input.elements * sizeof(*runner->values));
	if (!runner->streams || !runner->jobs || !runner->values) {
		dh_error_set(err, "%u jobs of %u steps: out of memory", jobs, max_steps);
		return -ENOMEM;
	}
	for (; !ret && runner->stream_count < streams; runner->stream_count++)
		ret = dh_stream_create(runner->instance, &runner->streams[runner->stream_count],
				       err);
	for (; !ret && runner->job_count < jobs; runner->job_count++)
		ret = dh_job_create(runner->instance, max_steps, &runner->jobs[runner->job_count],
				    err);
	return ret;
}

int runner_init(struct runner *runner, struct dh_device *device, const struct dh_program *program,
		uint32_t streams, uint32_t max_steps, bool profile_steps, struct dh_error *err)
{
	int ret;

	memset(runner, 0, sizeof(*runner));
	runner->device = device;
	runner->program = program;
	ret = create_all(runner, streams, max_steps, profile_steps, err);
	if (ret)
		runner_fini(runner);
	return ret;
}

void runner_fini(struct runner *runner)
{
	dh_instance_destroy(runner->instance);
	free(runner->streams);
	free(runner->jobs);
	free(runner->values);
	memset(runner, 0, sizeof(*runner));
}

static void compare_range(const struct runner *runner, uint32_t steps, struct cost *cost)
{
	struct dh_tensor_info input = { .size = sizeof(input) };
	size_t i, count;

	dh_program_input(runner->program, &input);
	count = (size_t)steps * input.elements;
	for (i = 0; i < count; i++) {
		double size = fabs(runner->values[i]);

		cost->beyond += size > input.limit;
		if (size > input.limit && size > cost->largest)
			cost->largest = size;
	}
}

/* The first sequence of a stream starts anew in any case: the runner may have run before. */
static int set_up_job(struct runner *runner, struct dh_job *job, const struct sequences *seqs,
		      size_t index, bool keep_state, struct cost *cost, struct dh_error *err)
{
	size_t stream = index % runner->stream_count;
	uint32_t flags = keep_state && stream != index ? 0 : DH_JOB_RESET;
	uint64_t clipped;
	int ret;

	sequences_get(seqs, index, runner->values);
	ret = dh_job_quantise(job, runner->values, seqs->steps[index], &clipped, err);
	if (ret)
		return ret;
	cost->clipped += clipped;
	compare_range(runner, seqs->steps[index], cost);
	return dh_job_setup(job, runner->streams[stream], seqs->steps[index], flags, err);
}

static void keep_answer(const struct runner *runner, const struct dh_job *job, uint32_t steps,
			struct answers *answers, size_t index)
{
	const struct dh_program *program = runner->program;
	float *to = answers->values + answers->first[index] * answers->elements;
	const int16_t *raw = dh_job_output(job);
	uint32_t s, vectors = answers->per_step ? steps : 1;

	for (s = 0; s < vectors; s++)
		dh_program_finish(program, raw + (size_t)s * program->output.padded,
				  to + (size_t)s * answers->elements);
}

/* Sequences @first .. @first + @count - 1, all in flight at once. */
static int run_some(struct runner *runner, const struct sequences *seqs, size_t first,
		    uint32_t count, bool keep_state, struct answers *answers, struct cost *cost,
		    struct dh_error *err)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; !ret && i < count; i++)
		ret = set_up_job(runner, runner->jobs[i], seqs, first + i, keep_state, cost, err);
	if (!ret)
		ret = dh_submit(runner->jobs, count, err);
	for (i = 0; !ret && i < count; i++) {
		ret = dh_job_wait(runner->jobs[i], -1, err);
		if (ret)
			break;
		cost_add(cost, runner->jobs[i], seqs->steps[first + i]);
		if (answers)
			keep_answer(runner, runner->jobs[i], seqs->steps[first + i], answers,
				    first + i);
	}
	return ret;
}

int runner_run(struct runner *runner, const struct sequences *seqs, bool keep_state,
	       struct answers *answers, struct cost *cost, struct dh_error *err)
{
	double start = tool_seconds();
	size_t at, count;
	int ret = 0;

	for (at = 0; !ret && at < seqs->count; at += count) {
		count = seqs->count - at < runner->job_count ? seqs->count - at : runner->job_count;
		ret = run_some(runner, seqs, at, count, keep_state, answers, cost, err);
	}
	cost->host_seconds += tool_seconds() - start;
	return ret;
}
