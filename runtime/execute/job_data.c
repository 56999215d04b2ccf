// SPDX-License-Identifier: MIT
/* The values that go into a job and come out of it. */
#include <errno.h>
#include <string.h>

#include "base/fixed.h"
#include "execute/instance.h"
#include "program/map.h"

/* --- vectors --- */

int dh_job_quantise(struct dh_job *job, const float *values, uint32_t steps, uint64_t *clipped,
		    struct dh_error *err)
{
	const struct dh_program_tensor *input = &job->instance->program->input;
	double per_unit = 1 / dh_fixed_unit(input->scale_exp);
	int16_t *to = dh_job_input(job);
	uint64_t count = 0;
	uint32_t s, i;

	if (job->instance->program->engine != DELTAHOP_ENGINE_RNN) {
		dh_error_set(err, "dh_job_quantise: the program takes maps, not vectors");
		return -EINVAL;
	}
	if (steps > job->max_steps || !to) {
		dh_error_set(err, "%u steps of input: the job has memory for %u", steps,
			     to ? job->max_steps : 0);
		return -ERANGE;
	}
	for (s = 0; s < steps; s++, to += input->padded) {
		for (i = 0; i < input->elements; i++, values++) {
			if (!isfinite(*values)) {
				dh_error_set(err,
					     "input: element %u of step %u is not a finite number",
					     i, s);
				return -EDOM;
			}
			to[i] = dh_fixed(*values, per_unit, &count);
		}
		memset(to + input->elements, 0, (input->padded - input->elements) * sizeof(*to));
	}
	if (clipped)
		*clipped = count;
	return 0;
}

/* --- maps --- */

static int check_finite(const struct dh_program_map *map, const float *chw, struct dh_error *err)
{
	uint64_t i, count = dh_map_values(map);

	for (i = 0; i < count; i++) {
		if (isfinite(chw[i]))
			continue;
		dh_error_set(err, "%s: value %llu of %llu is not a finite number", map->name,
			     (unsigned long long)i, (unsigned long long)count);
		return -EDOM;
	}
	return 0;
}

int dh_job_write_map(struct dh_job *job, uint32_t index, const float *chw, uint64_t *clipped,
		     struct dh_error *err)
{
	const struct dh_program *program = job->instance->program;
	uint8_t *to = (uint8_t *)dh_job_input(job);
	uint64_t count = 0;
	int ret;

	if (index >= program->input_count || !to) {
		dh_error_set(err, "input map %u: the program has %u, or their buffer is not mapped",
			     index, program->input_count);
		return -ERANGE;
	}
	ret = check_finite(&program->inputs[index], chw, err);
	if (ret)
		return ret;
	dh_map_write(&program->inputs[index], program->packed, chw, to, &count);
	if (clipped)
		*clipped = count;
	return 0;
}

int dh_job_read_map(const struct dh_job *job, uint32_t index, float *chw, struct dh_error *err)
{
	const struct dh_program *program = job->instance->program;
	const uint8_t *from = (const uint8_t *)dh_job_output(job);

	if (index >= program->output_count || !from) {
		dh_error_set(err,
			     "output map %u: the program has %u, or their buffer is not mapped",
			     index, program->output_count);
		return -ERANGE;
	}
	if (dh_map_read(&program->outputs[index], program->packed, from, chw))
		return 0;
	dh_error_set(err, "%s: the device has written map %s in no form that a map has",
		     job->instance->device->name, program->outputs[index].name);
	return -EBADMSG;
}
