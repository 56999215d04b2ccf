// SPDX-License-Identifier: MIT
/* Jobs: set-up, submit, wait. Nothing here allocates. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "execute/instance.h"

static const char *device_name(const struct dh_job *job)
{
	return job->instance->device->name;
}

/* --- set-up ------------------------------------------------------------------------ */

static void write_params(struct dh_job *job, uint32_t index)
{
	const struct dh_instance *instance = job->instance;
	const struct dh_program_run *run = &instance->program->runs[index];
	struct dh_params params = {
		.steps = run->steps == DH_STEPS_ONCE ? 1 : job->steps,
		.input_stride = run->input_stride,
		.output_stride = run->output_stride,
		.profile_steps = instance->options.profile_steps,
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

/* Only a recurrent program has streams. */
static int check_stream(const struct dh_instance *instance, const struct dh_stream *stream,
			uint32_t flags, struct dh_error *err)
{
	if (instance->program->engine == DELTAHOP_ENGINE_CONV) {
		if (!stream && !flags)
			return 0;
		dh_error_set(err, "dh_job_setup: flags 0x%x, or a stream: the program has no state",
			     flags);
		return -EINVAL;
	}
	if (!(flags & ~DH_JOB_RESET) && stream && stream->instance == instance)
		return 0;
	dh_error_set(err, "dh_job_setup: flags 0x%x: unknown, or the stream is of another instance",
		     flags);
	return -EINVAL;
}

int dh_job_setup(struct dh_job *job, struct dh_stream *stream, uint32_t steps, uint32_t flags,
		 struct dh_error *err)
{
	struct dh_instance *instance = job->instance;
	int ret = check_steps(job, steps, err);
	uint32_t i;

	if (ret)
		return ret;
	ret = check_stream(instance, stream, flags, err);
	if (ret)
		return ret;
	pthread_mutex_lock(&instance->context->lock);
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
	pthread_mutex_unlock(&instance->context->lock);
	return ret;
}

/* --- submit ------------------------------------------------------------------------- */

static int check_jobs(struct dh_job *const *jobs, uint32_t count, struct dh_error *err)
{
	struct dh_context *context = jobs[0]->instance->context;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (jobs[i]->phase == JOB_IN_FLIGHT) {
			dh_error_set(err, "dh_submit: job %u is in flight: wait for it first", i);
			return -EALREADY;
		}
		if (jobs[i]->phase == JOB_IDLE || jobs[i]->instance->context != context) {
			dh_error_set(err,
				     "dh_submit: job %u: call dh_job_setup() first, and submit "
				     "jobs of one instance at a time",
				     i);
			return -EINVAL;
		}
	}
	if (!context->live) {
		dh_error_set(err, "%s: the instance did not survive a cancel: make a new one",
			     context->device->name);
		return -EIO;
	}
	return 0;
}

static int submit_batch(struct dh_context *context, uint32_t count, struct dh_error *err)
{
	struct dh_device *device = context->device;
	struct drm_deltahop_submit submit = {
		.ctx = context->id,
		.jobs = (uintptr_t)context->batch,
		.count = count,
		.stride = sizeof(context->batch[0]),
	};
	int ret;

	if (count > device->hw.max_jobs)
		ret = -EBUSY;
	else
		ret = device->backend->ioctl(device, DRM_IOCTL_DELTAHOP_SUBMIT, &submit);
	if (ret == -EBUSY)
		dh_error_set(err, "%s: more than %u jobs would be unfinished: wait for some first",
			     device->name, device->hw.max_jobs);
	else if (ret)
		dh_error_set(err, "%s: cannot submit job %d of %u: %s", device->name,
			     (int)submit.bad_job, count, strerror(-ret));
	return ret;
}

/* 1 + index of the job that must succeed first, if it is one of this submit. */
static uint32_t depends_on(struct dh_job *const *jobs, uint32_t index)
{
	for (uint32_t i = 0; jobs[index]->after && i < index; i++) {
		if (jobs[i] == jobs[index]->after)
			return i + 1;
	}
	return 0;
}

/* A job that is in the array twice is found when it is marked. */
static int mark(struct dh_job *const *jobs, uint32_t count, struct dh_error *err)
{
	struct dh_context *context = jobs[0]->instance->context;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (jobs[i]->phase == JOB_IN_FLIGHT) {
			dh_error_set(err, "dh_submit: job %u is in the array twice", i);
			while (i--)
				jobs[i]->phase = JOB_READY;
			return -EALREADY;
		}
		jobs[i]->phase = JOB_IN_FLIGHT;
		jobs[i]->args.state = jobs[i]->stream ? jobs[i]->stream->handle : 0;
		jobs[i]->args.depends = depends_on(jobs, i);
		jobs[i]->args.seqno = 0;
		context->batch[i] = jobs[i]->args;
	}
	return 0;
}

/* The stream is the job's from now on. */
static void note_start(struct dh_job *job)
{
	if (!job->stream)
		return;
	job->starts = job->stream->initial || job->args.flags & DRM_DELTAHOP_JOB_STATE_RESET;
	job->stream->initial = false;
}

int dh_submit(struct dh_job *const *jobs, uint32_t count, struct dh_error *err)
{
	struct dh_context *context;
	uint32_t i;
	int ret;

	if (!count)
		return 0;
	context = jobs[0]->instance->context;
	pthread_mutex_lock(&context->lock);
	ret = check_jobs(jobs, count, err);
	if (!ret)
		ret = mark(jobs, count, err);
	if (!ret) {
		ret = submit_batch(context, count, err);
		for (i = 0; i < count; i++) {
			jobs[i]->phase = ret ? JOB_READY : JOB_IN_FLIGHT;
			jobs[i]->args.seqno = context->batch[i].seqno;
			if (!ret)
				note_start(jobs[i]);
		}
	}
	pthread_mutex_unlock(&context->lock);
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
	struct drm_deltahop_wait wait = { .ctx = job->instance->context->id,
					  .seqno = job->args.seqno };
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

	pthread_mutex_lock(&instance->context->lock);
	wait.ctx = instance->context->id;
	wait.seqno = job->args.seqno;
	phase = job->phase;
	pthread_mutex_unlock(&instance->context->lock);
	if (phase != JOB_IN_FLIGHT)
		return 0;
	ret = dh_instance_ioctl(instance, DRM_IOCTL_DELTAHOP_WAIT, &wait);
	pthread_mutex_lock(&instance->context->lock);
	settle(job, ret, &wait.record);
	phase = job->phase;
	pthread_mutex_unlock(&instance->context->lock);
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
