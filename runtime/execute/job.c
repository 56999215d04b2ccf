// SPDX-License-Identifier: MIT
/* Jobs: memory, submit, wait. Nothing here allocates but dh_job_create(). */
#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "execute/instance.h"

#define ALIGN 64

static uint64_t align(uint64_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

static const char *device_name(const struct dh_job *job)
{
	return job->instance->device->name;
}

/* --- memory ---------------------------------------------------------------------- */

static uint64_t tensor_bytes(const struct dh_program_tensor *tensor, uint32_t max_steps)
{
	return (uint64_t)tensor->padded * sizeof(int16_t) * (tensor->per_step ? max_steps : 1);
}

static int place(struct dh_job *job, struct dh_error *err)
{
	const struct dh_program *program = job->instance->program;

	job->input_bytes = tensor_bytes(&program->input, job->max_steps);
	job->output_bytes = tensor_bytes(&program->output, job->max_steps);
	job->input_offset = align((uint64_t)program->run_count * DH_PARAMS_PITCH);
	job->output_offset = job->input_offset + align(job->input_bytes);
	job->profile_offset = job->output_offset + align(job->output_bytes);
	return dh_buffer_init(&job->memory, job->instance->device, DRM_DELTAHOP_PLACEMENT_SYSTEM,
			      job->profile_offset + dh_profile_bytes(program), err);
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

static int bind(struct dh_job *job, struct dh_error *err)
{
	const struct dh_instance *instance = job->instance;
	const struct dh_program *program = instance->program;
	const struct dh_buffer *fixed = &instance->fixed, *memory = &job->memory;
	const uint32_t rd = DRM_DELTAHOP_BIND_READ, wr = DRM_DELTAHOP_BIND_WRITE;
	const struct drm_deltahop_binding regions[DH_REGION_COUNT] = {
		[DH_REGION_COMMANDS] = region(fixed, 0, program->commands.size, rd),
		[DH_REGION_WEIGHTS] =
			region(fixed, instance->weights_offset, program->weights.size, rd),
		[DH_REGION_PARAMS] =
			region(memory, 0, (uint64_t)program->run_count * DH_PARAMS_PITCH, rd),
		[DH_REGION_INPUT] = region(memory, job->input_offset, job->input_bytes, rd),
		[DH_REGION_OUTPUT] = region(memory, job->output_offset, job->output_bytes, wr),
		[DH_REGION_SCRATCH] =
			region(fixed, instance->scratch_offset, program->scratch_bytes, rd | wr),
		[DH_REGION_PROFILE] =
			region(memory, job->profile_offset, dh_profile_bytes(program), wr),
	};
	struct drm_deltahop_bindings_create create = {
		.bindings = (uintptr_t)regions,
		.count = instance->options.profile ? DH_REGION_COUNT : DH_REGION_PROFILE,
		.stride = sizeof(regions[0]),
	};
	int ret = dh_instance_ioctl(job->instance, DRM_IOCTL_DELTAHOP_BINDINGS_CREATE, &create);

	if (ret)
		dh_error_set(err, "%s: cannot bind region %u: %s", device_name(job), create.bad,
			     strerror(-ret));
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
		.engine = DELTAHOP_ENGINE_RNN,
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
	struct drm_deltahop_job *grown;
	int ret = -ENOMEM;

	pthread_mutex_lock(&instance->lock);
	grown = realloc(instance->batch, (instance->job_count + 1) * sizeof(*grown));
	if (grown) {
		instance->batch = grown;
		instance->job_count++;
		job->next = instance->jobs;
		instance->jobs = job;
		ret = 0;
	}
	pthread_mutex_unlock(&instance->lock);
	return ret;
}

int dh_job_create(struct dh_instance *instance, uint32_t max_steps, struct dh_job **job,
		  struct dh_error *err)
{
	struct dh_job *made;
	int ret;

	*job = NULL;
	if (!max_steps || max_steps > DELTAHOP_RNN_MAX_STEPS) {
		dh_error_set(err,
			     "a job of %u steps: must be from 1 to %u; carry the state on over "
			     "several jobs",
			     max_steps, DELTAHOP_RNN_MAX_STEPS);
		return -EINVAL;
	}
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
	pthread_mutex_lock(&instance->lock);
	for (at = &instance->jobs; *at != job; at = &(*at)->next)
		;
	*at = job->next;
	instance->job_count--;
	pthread_mutex_unlock(&instance->lock);
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
		to++->binding = region(job->output, job->output_at, job->output_bytes,
				       DRM_DELTAHOP_BIND_WRITE | DRM_DELTAHOP_BIND_SYNC);
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

/* --- set-up ------------------------------------------------------------------------ */

static int16_t to_q8_8(double value, int32_t scale_exp, uint64_t *clipped)
{
	double q = nearbyint(ldexp(value, 8 - scale_exp));

	if (q >= INT16_MIN && q <= INT16_MAX)
		return q;
	++*clipped;
	return q < 0 ? INT16_MIN : INT16_MAX;
}

int dh_job_quantise(struct dh_job *job, const float *values, uint32_t steps, uint64_t *clipped,
		    struct dh_error *err)
{
	const struct dh_program_tensor *input = &job->instance->program->input;
	int16_t *to = dh_job_input(job);
	uint64_t count = 0;
	uint32_t s, i;

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
			to[i] = to_q8_8(*values, input->scale_exp, &count);
		}
		memset(to + input->elements, 0, (input->padded - input->elements) * sizeof(*to));
	}
	if (clipped)
		*clipped = count;
	return 0;
}

static void write_params(struct dh_job *job, uint32_t index)
{
	const struct dh_instance *instance = job->instance;
	const struct dh_program_run *run = &instance->program->runs[index];
	struct dh_params params = {
		.steps = run->steps == DH_STEPS_ONCE ? 1 : job->steps,
		.input_stride = run->input_stride,
		.output_stride = run->output_stride,
	};
	uint32_t i;

	for (i = 0; i < instance->program->layer_count; i++) {
		const struct dh_program_layer *layer = &instance->program->layers[i];

		if (layer->run != index)
			continue;
		params.theta_x[layer->layer.slot] = instance->theta_x[i];
		params.theta_h[layer->layer.slot] = instance->theta_h[i];
	}
	dh_params_encode(&params, (uint8_t *)job->memory.map + run->params_offset);
}

static int check_steps(const struct dh_job *job, uint32_t steps, struct dh_error *err)
{
	uint32_t fixed = job->instance->program->fixed_steps;

	if (!steps || steps > job->max_steps) {
		dh_error_set(err, "%u steps: the job has memory for 1 to %u", steps,
			     job->max_steps);
		return -ERANGE;
	}
	if (fixed && steps != fixed) {
		dh_error_set(err,
			     "%u steps: the network was exported for sequences of exactly %u: "
			     "export it with a dynamic sequence axis, or give sequences of %u",
			     steps, fixed, fixed);
		return -EINVAL;
	}
	return 0;
}

int dh_job_setup(struct dh_job *job, struct dh_stream *stream, uint32_t steps, uint32_t flags,
		 struct dh_error *err)
{
	struct dh_instance *instance = job->instance;
	int ret = check_steps(job, steps, err);
	uint32_t i;

	if (ret)
		return ret;
	if (flags & ~DH_JOB_RESET || !stream || stream->instance != instance) {
		dh_error_set(
			err,
			"dh_job_setup: flags 0x%x: unknown, or the stream is of another instance",
			flags);
		return -EINVAL;
	}
	pthread_mutex_lock(&instance->lock);
	if (job->phase == JOB_IN_FLIGHT) {
		dh_error_set(err, "dh_job_setup: the job is in flight: wait for it first");
		ret = -EBUSY;
	} else {
		job->steps = steps;
		job->stream = stream;
		job->args.flags = flags & DH_JOB_RESET ? DRM_DELTAHOP_JOB_STATE_RESET : 0;
		for (i = 0; i < instance->program->run_count; i++)
			write_params(job, i);
		job->phase = JOB_READY;
	}
	pthread_mutex_unlock(&instance->lock);
	return ret;
}

/* --- submit ------------------------------------------------------------------------- */

static int check_jobs(struct dh_job *const *jobs, uint32_t count, struct dh_error *err)
{
	struct dh_instance *instance = jobs[0]->instance;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (jobs[i]->phase == JOB_IN_FLIGHT) {
			dh_error_set(err, "dh_submit: job %u is in flight: wait for it first", i);
			return -EALREADY;
		}
		if (jobs[i]->phase == JOB_IDLE || jobs[i]->instance != instance) {
			dh_error_set(err,
				     "dh_submit: job %u: call dh_job_setup() first, and submit "
				     "jobs of one instance at a time",
				     i);
			return -EINVAL;
		}
	}
	if (!instance->ctx_live) {
		dh_error_set(err, "%s: the instance did not survive a cancel: make a new one",
			     instance->device->name);
		return -EIO;
	}
	return 0;
}

static int submit_batch(struct dh_instance *instance, uint32_t count, struct dh_error *err)
{
	struct drm_deltahop_submit submit = {
		.ctx = instance->ctx,
		.jobs = (uintptr_t)instance->batch,
		.count = count,
		.stride = sizeof(instance->batch[0]),
	};
	int ret;

	if (count > instance->device->hw.max_jobs)
		ret = -EBUSY;
	else
		ret = dh_instance_ioctl(instance, DRM_IOCTL_DELTAHOP_SUBMIT, &submit);
	if (ret == -EBUSY)
		dh_error_set(err, "%s: more than %u jobs would be unfinished: wait for some first",
			     instance->device->name, instance->device->hw.max_jobs);
	else if (ret)
		dh_error_set(err, "%s: cannot submit job %d of %u: %s", instance->device->name,
			     (int)submit.bad_job, count, strerror(-ret));
	return ret;
}

/* A job that is in the array twice is found when it is marked. */
static int mark(struct dh_job *const *jobs, uint32_t count, struct dh_error *err)
{
	struct dh_instance *instance = jobs[0]->instance;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (jobs[i]->phase == JOB_IN_FLIGHT) {
			dh_error_set(err, "dh_submit: job %u is in the array twice", i);
			while (i--)
				jobs[i]->phase = JOB_READY;
			return -EALREADY;
		}
		jobs[i]->phase = JOB_IN_FLIGHT;
		jobs[i]->args.state = jobs[i]->stream->handle;
		jobs[i]->args.seqno = 0;
		instance->batch[i] = jobs[i]->args;
	}
	return 0;
}

/* The stream is the job's from now on. */
static void note_start(struct dh_job *job)
{
	job->starts = job->stream->initial || job->args.flags & DRM_DELTAHOP_JOB_STATE_RESET;
	job->stream->initial = false;
}

int dh_submit(struct dh_job *const *jobs, uint32_t count, struct dh_error *err)
{
	struct dh_instance *instance;
	uint32_t i;
	int ret;

	if (!count)
		return 0;
	instance = jobs[0]->instance;
	pthread_mutex_lock(&instance->lock);
	ret = check_jobs(jobs, count, err);
	if (!ret)
		ret = mark(jobs, count, err);
	if (!ret) {
		ret = submit_batch(instance, count, err);
		for (i = 0; i < count; i++) {
			jobs[i]->phase = ret ? JOB_READY : JOB_IN_FLIGHT;
			jobs[i]->args.seqno = instance->batch[i].seqno;
			if (!ret)
				note_start(jobs[i]);
		}
	}
	pthread_mutex_unlock(&instance->lock);
	return ret;
}

/* --- wait --------------------------------------------------------------------------- */

/* Note how the job ended, if it has. */
static void settle(struct dh_job *job, int ret, const struct deltahop_record *record)
{
	if (job->phase != JOB_IN_FLIGHT ||
	    (!le16toh(record->status) && ret != -ENODEV && ret != -ESTALE))
		return;
	job->phase = JOB_ENDED;
	job->result = ret;
	job->record = *record;
}

void dh_job_collect(struct dh_job *job)
{
	struct drm_deltahop_wait wait = { .ctx = job->instance->ctx, .seqno = job->args.seqno };
	int ret;

	if (job->phase != JOB_IN_FLIGHT)
		return;
	ret = dh_instance_ioctl(job->instance, DRM_IOCTL_DELTAHOP_WAIT, &wait);
	settle(job, ret, &wait.record);
}

static int wait_in_flight(struct dh_job *job, int64_t deadline)
{
	struct dh_instance *instance = job->instance;
	struct drm_deltahop_wait wait = { .timeout_ns = deadline };
	enum job_phase phase;
	int ret = 0;

	pthread_mutex_lock(&instance->lock);
	wait.ctx = instance->ctx;
	wait.seqno = job->args.seqno;
	phase = job->phase;
	pthread_mutex_unlock(&instance->lock);
	if (phase != JOB_IN_FLIGHT)
		return 0;
	ret = dh_instance_ioctl(instance, DRM_IOCTL_DELTAHOP_WAIT, &wait);
	pthread_mutex_lock(&instance->lock);
	settle(job, ret, &wait.record);
	phase = job->phase;
	pthread_mutex_unlock(&instance->lock);
	return phase == JOB_IN_FLIGHT ? ret : 0;
}

int dh_job_wait(struct dh_job *job, int64_t timeout_ns, struct dh_error *err)
{
	int ret = wait_in_flight(job, dh_deadline(timeout_ns));

	if (ret) {
		dh_error_set(err,
			     ret == -ETIMEDOUT ? "%s: job %u has not ended yet"
					       : "%s: cannot wait for job %u",
			     device_name(job), job->args.seqno);
		return ret;
	}
	if (job->phase != JOB_ENDED) {
		dh_error_set(err, "dh_job_wait: the job has not been submitted");
		return -EINVAL;
	}
	if (job->result)
		dh_report_failure(job, err);
	return job->result;
}

int dh_job_fd(struct dh_job *job, struct dh_error *err)
{
	struct dh_device *device = job->instance->device;
	int fd;

	if (job->phase != JOB_IN_FLIGHT && job->phase != JOB_ENDED) {
		dh_error_set(err, "dh_job_fd: the job has not been submitted");
		return -EINVAL;
	}
	fd = device->backend->sync_fd(device, job->sync);
	if (fd < 0)
		dh_error_set(err, "%s: no file descriptor for a job: %s", device->name,
			     strerror(-fd));
	return fd;
}

int dh_run(struct dh_job *job, struct dh_stream *stream, uint32_t steps, uint32_t flags,
	   struct dh_error *err)
{
	int ret = dh_job_setup(job, stream, steps, flags, err);

	if (!ret)
		ret = dh_submit(&job, 1, err);
	return ret ? ret : dh_job_wait(job, -1, err);
}
