// SPDX-License-Identifier: MIT
/* Jobs: their memory, and how it is bound. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "execute/instance.h"
#include "program/map.h"

#define ALIGN 64

static uint64_t align(uint64_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

/* --- memory ---------------------------------------------------------------------- */

static uint64_t tensor_bytes(const struct dh_program_tensor *tensor, uint32_t max_steps)
{
	return (uint64_t)tensor->padded * sizeof(int16_t) * (tensor->per_step ? max_steps : 1);
}

static void measure(struct dh_job *job)
{
	const struct dh_program *program = job->instance->program;

	if (program->engine == DELTAHOP_ENGINE_CONV) {
		job->input_bytes = dh_program_maps_bytes(program->inputs, program->input_count);
		job->output_bytes = dh_program_maps_bytes(program->outputs, program->output_count);
	} else {
		job->input_bytes = tensor_bytes(&program->input, job->max_steps);
		job->output_bytes = tensor_bytes(&program->output, job->max_steps);
	}
}

/* What lies between layers is the engine's alone: in the card's own memory if it has some. */
static int place_scratch(struct dh_job *job, struct dh_error *err)
{
	const struct dh_program *program = job->instance->program;
	struct dh_device *device = job->instance->device;

	if (program->engine != DELTAHOP_ENGINE_CONV || !program->scratch_bytes)
		return 0;
	return dh_buffer_init(&job->scratch, device,
			      device->hw.card_size ? DRM_DELTAHOP_PLACEMENT_CARD
						   : DRM_DELTAHOP_PLACEMENT_SYSTEM,
			      program->scratch_bytes, err);
}

static int place(struct dh_job *job, struct dh_error *err)
{
	const struct dh_program *program = job->instance->program;
	int ret = place_scratch(job, err);

	if (ret)
		return ret;
	measure(job);
	job->input_offset = align((uint64_t)program->run_count * DH_PARAMS_PITCH);
	job->output_offset = job->input_offset + align(job->input_bytes);
	job->profile_offset = job->output_offset + align(job->output_bytes);
	return dh_buffer_init(&job->memory, job->instance->device, DRM_DELTAHOP_PLACEMENT_SYSTEM,
			      job->profile_offset + dh_profile_bytes(job), err);
}

static struct drm_deltahop_binding region(const struct dh_buffer *buffer, uint64_t offset,
					  uint64_t size, uint32_t flags)
{
	struct drm_deltahop_binding binding = {
		.handle = buffer->handle,
		.flags = flags,
		.offset = offset,
		.size = size,
	};

	return size ? binding : (struct drm_deltahop_binding){ 0 };
}

/* A layer may read a map that is an output too. */
static uint32_t output_access(const struct dh_program *program)
{
	return program->engine == DELTAHOP_ENGINE_CONV
		       ? DRM_DELTAHOP_BIND_WRITE | DRM_DELTAHOP_BIND_READ
		       : DRM_DELTAHOP_BIND_WRITE;
}

static int bind(struct dh_job *job, struct dh_error *err)
{
	const struct dh_instance *instance = job->instance;
	const struct dh_program *program = instance->program;
	const struct dh_buffer *fixed = &instance->fixed, *memory = &job->memory;
	const uint32_t rd = DRM_DELTAHOP_BIND_READ, wr = DRM_DELTAHOP_BIND_WRITE;
	const uint32_t out = output_access(program);
	const struct drm_deltahop_binding regions[DH_REGION_COUNT] = {
		[DH_REGION_COMMANDS] = region(fixed, 0, program->commands.size, rd),
		[DH_REGION_WEIGHTS] =
			region(fixed, instance->weights_offset, program->weights.size, rd),
		[DH_REGION_PARAMS] =
			region(memory, 0, (uint64_t)program->run_count * DH_PARAMS_PITCH, rd),
		[DH_REGION_INPUT] = region(memory, job->input_offset, job->input_bytes, rd),
		[DH_REGION_OUTPUT] = region(memory, job->output_offset, job->output_bytes, out),
		[DH_REGION_SCRATCH] = job->scratch.device ? region(&job->scratch, 0,
								   program->scratch_bytes, rd | wr)
							  : region(fixed, instance->scratch_offset,
								   program->scratch_bytes, rd | wr),
		[DH_REGION_PROFILE] =
			region(memory, job->profile_offset, dh_profile_bytes(job), wr),
	};
	struct drm_deltahop_bindings_create create = {
		.bindings = (uintptr_t)regions,
		.count = instance->options.profile ? DH_REGION_COUNT : DH_REGION_PROFILE,
		.stride = sizeof(regions[0]),
	};
	int ret = dh_instance_ioctl(job->instance, DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, &create);

	if (ret)
		dh_error_set(err, "%s: cannot bind region %u: %s", job->instance->device->name,
			     create.bad, strerror(-ret));
	else
		job->bindings = create.handle;
	return ret;
}

/* What is the same in every submit of the job. */
static void prepare_args(struct dh_job *job)
{
	const struct dh_instance *instance = job->instance;

	job->signal = (struct drm_deltahop_sync){ .handle = job->sync,
						  .flags = DRM_DELTAHOP_SYNC_SIGNAL };
	job->args = (struct drm_deltahop_job){
		.engine = instance->program->engine,
		.bindings = job->bindings,
		.cmd_size = instance->program->commands.size,
		.cmd_region = DH_REGION_COMMANDS,
		.profile_region = instance->options.profile ? DH_REGION_PROFILE : ~0u,
		.cycle_budget = instance->options.cycle_budget,
		.overrides = (uintptr_t)job->override,
		.override_stride = sizeof(job->override[0]),
		.syncs = (uintptr_t)&job->signal,
		.sync_count = 1,
		.sync_stride = sizeof(job->signal),
	};
}

static int set_up(struct dh_job *job, struct dh_error *err)
{
	struct dh_device *device = job->instance->device;
	int ret = place(job, err);

	if (!ret)
		ret = bind(job, err);
	if (ret)
		return ret;
	ret = device->backend->sync_create(device, &job->sync);
	if (ret)
		dh_error_set(err, "%s: cannot make a syncobj: %s", device->name, strerror(-ret));
	else
		prepare_args(job);
	return ret;
}

/* Into the list, with room in the batch. */
static int enlist(struct dh_job *job)
{
	struct dh_instance *instance = job->instance;
	struct dh_context *context = instance->context;
	struct drm_deltahop_job *grown;
	int ret = -ENOMEM;

	pthread_mutex_lock(&context->lock);
	grown = realloc(context->batch, (context->job_count + 1) * sizeof(*grown));
	if (grown) {
		context->batch = grown;
		context->job_count++;
		job->next = instance->jobs;
		instance->jobs = job;
		ret = 0;
	}
	pthread_mutex_unlock(&context->lock);
	return ret;
}

static int check_max_steps(const struct dh_instance *instance, uint32_t max_steps,
			   struct dh_error *err)
{
	if (!max_steps || max_steps > DELTAHOP_RNN_MAX_STEPS) {
		dh_error_set(err,
			     "a job of %u steps: must be from 1 to %u; carry the state on over "
			     "several jobs",
			     max_steps, DELTAHOP_RNN_MAX_STEPS);
		return -EINVAL;
	}
	if (instance->program->engine == DELTAHOP_ENGINE_CONV && max_steps > 1) {
		dh_error_set(err,
			     "a job of %u steps: the convolution engine knows no steps: give 1",
			     max_steps);
		return -EINVAL;
	}
	return 0;
}

int dh_job_create(struct dh_instance *instance, uint32_t max_steps, struct dh_job **job,
		  struct dh_error *err)
{
	int ret = check_max_steps(instance, max_steps, err);
	struct dh_job *made;

	*job = NULL;
	if (ret)
		return ret;
	made = calloc(1, sizeof(*made));
	if (!made) {
		dh_error_set(err, "dh_job_create: out of memory");
		return -ENOMEM;
	}
	made->instance = instance;
	made->max_steps = max_steps;
	ret = set_up(made, err);
	if (!ret) {
		ret = enlist(made);
		if (ret)
			dh_error_set(err, "dh_job_create: out of memory");
	}
	if (ret)
		dh_job_release(made);
	else
		*job = made;
	return ret;
}

void dh_job_release(struct dh_job *job)
{
	struct drm_deltahop_bindings_destroy destroy = { .handle = job->bindings };

	if (job->sync)
		job->instance->device->backend->sync_destroy(job->instance->device, job->sync);
	if (job->bindings)
		dh_instance_ioctl(job->instance, DRM_IOCTL_DELTAHOP_BINDINGS_DESTROY, &destroy);
	dh_buffer_fini(&job->scratch);
	dh_buffer_fini(&job->memory);
	free(job);
}

void dh_job_destroy(struct dh_job *job)
{
	struct dh_instance *instance;
	struct dh_job **at;

	if (!job)
		return;
	instance = job->instance;
	if (job->phase == JOB_IN_FLIGHT)
		instance->device->backend->sync_wait(instance->device, job->sync, INT64_MAX);
	pthread_mutex_lock(&instance->context->lock);
	for (at = &instance->jobs; *at != job; at = &(*at)->next)
		;
	*at = job->next;
	instance->context->job_count--;
	pthread_mutex_unlock(&instance->context->lock);
	dh_job_release(job);
}

int16_t *dh_job_input(struct dh_job *job)
{
	if (job->input)
		return job->input->map ? (int16_t *)((uint8_t *)job->input->map + job->input_at)
				       : NULL;
	return (int16_t *)((uint8_t *)job->memory.map + job->input_offset);
}

const int16_t *dh_job_output(const struct dh_job *job)
{
	if (job->output)
		return job->output->map
			       ? (const int16_t *)((uint8_t *)job->output->map + job->output_at)
			       : NULL;
	return (const int16_t *)((uint8_t *)job->memory.map + job->output_offset);
}

/* --- the caller's buffers --------------------------------------------------------- */

static void list_overrides(struct dh_job *job)
{
	struct drm_deltahop_override *to = job->override;

	memset(job->override, 0, sizeof(job->override));
	if (job->input) {
		to->region = DH_REGION_INPUT;
		to++->binding = region(job->input, job->input_at, job->input_bytes,
				       DRM_DELTAHOP_BIND_READ | DRM_DELTAHOP_BIND_SYNC);
	}
	if (job->output) {
		to->region = DH_REGION_OUTPUT;
		to++->binding =
			region(job->output, job->output_at, job->output_bytes,
			       output_access(job->instance->program) | DRM_DELTAHOP_BIND_SYNC);
	}
	job->args.override_count = to - job->override;
}

static int check_buffer(struct dh_job *job, const struct dh_buffer *buffer, uint64_t offset,
			uint64_t bytes, const char *what, struct dh_error *err)
{
	if (job->phase == JOB_IN_FLIGHT) {
		dh_error_set(err, "%s buffer: the job is in flight: wait for it first", what);
		return -EBUSY;
	}
	if (buffer && (buffer->device != job->instance->device || offset % 8 ||
		       offset > buffer->size || bytes > buffer->size - offset)) {
		dh_error_set(err,
			     "%s buffer: %llu bytes at offset %llu of a buffer of %zu: it must be "
			     "of this device, the offset a multiple of 8, and the job's %u steps "
			     "must fit",
			     what, (unsigned long long)bytes, (unsigned long long)offset,
			     buffer->size, job->max_steps);
		return -EINVAL;
	}
	return 0;
}

int dh_job_bind_input(struct dh_job *job, struct dh_buffer *buffer, uint64_t offset,
		      struct dh_error *err)
{
	int ret = check_buffer(job, buffer, offset, job->input_bytes, "input", err);

	if (ret)
		return ret;
	job->input = buffer;
	job->input_at = offset;
	list_overrides(job);
	return 0;
}

int dh_job_bind_output(struct dh_job *job, struct dh_buffer *buffer, uint64_t offset,
		       struct dh_error *err)
{
	int ret = check_buffer(job, buffer, offset, job->output_bytes, "output", err);

	if (ret)
		return ret;
	job->output = buffer;
	job->output_at = offset;
	list_overrides(job);
	return 0;
}
