// SPDX-License-Identifier: MIT
/* A program on a device: memory plan, thresholds, streams. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "execute/instance.h"

#define ALIGN 64

int dh_instance_ioctl(struct dh_instance *instance, unsigned long request, void *arg)
{
	return instance->device->backend->ioctl(instance->device, request, arg);
}

static uint64_t align(uint64_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

static uint32_t rnn_rows(const struct dh_job *job, const struct dh_program_layer *layer)
{
	const struct dh_program *program = job->instance->program;
	bool once = program->runs[layer->run].steps == DH_STEPS_ONCE;

	return job->instance->options.profile_steps && !once ? job->max_steps : 1;
}

/*
 * A row for every layer of the recurrent engine, or for every step of it; for every pass of the other
 * engine.
 */
uint32_t dh_profile_rows(const struct dh_job *job)
{
	const struct dh_program *program = job->instance->program;
	uint32_t rows = 0;

	for (uint32_t i = 0; i < program->layer_count; i++)
		rows += rnn_rows(job, &program->layers[i]);
	for (uint32_t i = 0; i < program->conv_count; i++)
		rows += program->convs[i].passes;
	return rows;
}

size_t dh_profile_bytes(const struct dh_job *job)
{
	return sizeof(struct deltahop_profile_head) +
	       dh_profile_rows(job) * sizeof(struct deltahop_profile_row);
}

/* What does not change from job to job, in the card's own memory if it has some. */
static int place_fixed(struct dh_instance *instance, struct dh_error *err)
{
	const struct dh_program *program = instance->program;
	uint32_t placement = instance->device->hw.card_size ? DRM_DELTAHOP_PLACEMENT_CARD
							    : DRM_DELTAHOP_PLACEMENT_SYSTEM;
	uint64_t scratch = 0;
	uint8_t *map;
	int ret;

	instance->weights_offset = align(program->commands.size);
	instance->scratch_offset = instance->weights_offset + align(program->weights.size);
	if (program->engine == DELTAHOP_ENGINE_RNN)
		scratch = align(program->scratch_bytes);
	ret = dh_buffer_init(&instance->fixed, instance->device, placement,
			     instance->scratch_offset + scratch, err);
	if (ret)
		return ret;
	map = instance->fixed.map;
	memcpy(map, program->commands.data, program->commands.size);
	if (program->weights.size)
		memcpy(map + instance->weights_offset, program->weights.data,
		       program->weights.size);
	return 0;
}

static int place_initial(struct dh_instance *instance, struct dh_error *err)
{
	const struct dh_blob *image = &instance->program->state_template;
	int ret;

	if (!image->size)
		return 0;
	ret = dh_buffer_init(&instance->initial, instance->device, DRM_DELTAHOP_PLACEMENT_SYSTEM,
			     image->size, err);
	if (!ret)
		memcpy(instance->initial.map, image->data, image->size);
	return ret;
}

static int prepare_layers(struct dh_instance *instance, struct dh_error *err)
{
	const struct dh_program *program = instance->program;
	uint32_t i, count = dh_program_layers(program);
	int ret = 0;

	instance->theta_x = calloc(count, sizeof(*instance->theta_x));
	instance->theta_h = calloc(count, sizeof(*instance->theta_h));
	instance->dense_cycles = calloc(count, sizeof(*instance->dense_cycles));
	if (!instance->theta_x || !instance->theta_h || !instance->dense_cycles)
		ret = -ENOMEM;
	for (i = 0; !ret && i < program->layer_count; i++) {
		instance->theta_x[i] = program->layers[i].theta_x;
		instance->theta_h[i] = program->layers[i].theta_h;
	}
	for (i = 0; !ret && i < count; i++)
		ret = dh_report_dense_cycles(instance, i, &instance->dense_cycles[i]);
	if (ret)
		dh_error_set(err, "dh_instance_create: out of memory");
	return ret;
}

static int set_up(struct dh_instance *instance, struct dh_error *err)
{
	int ret = prepare_layers(instance, err);

	if (!ret)
		ret = place_fixed(instance, err);
	if (!ret)
		ret = place_initial(instance, err);
	return ret;
}

static int check_program(const struct dh_device *device, const struct dh_program *program,
			 struct dh_error *err)
{
	struct dh_cmd_limits limits = dh_device_limits(device);
	int ret = dh_program_check_abi(program, device->hw.hw_abi >> 16, device->hw.hw_abi & 0xffff,
				       err);

	return ret ? ret : dh_program_check(program, &limits, err);
}

static void enlist(struct dh_instance *instance)
{
	struct dh_context *context = instance->context;

	pthread_mutex_lock(&context->lock);
	instance->next = context->instances;
	context->instances = instance;
	pthread_mutex_unlock(&context->lock);
}

int dh_instance_add(struct dh_context *context, const struct dh_program *program,
		    const struct dh_instance_options *options, struct dh_instance **instance,
		    struct dh_error *err)
{
	struct dh_instance *made;
	size_t size = sizeof(made->options);
	int ret;

	*instance = NULL;
	ret = check_program(context->device, program, err);
	if (ret)
		return ret;
	made = calloc(1, sizeof(*made));
	if (!made) {
		dh_error_set(err, "dh_instance_create: out of memory");
		return -ENOMEM;
	}
	made->device = context->device;
	made->context = context;
	made->program = program;
	if (options)
		memcpy(&made->options, options, options->size < size ? options->size : size);
	enlist(made);
	ret = set_up(made, err);
	if (ret)
		dh_instance_destroy(made);
	else
		*instance = made;
	return ret;
}

static uint32_t priority_of(const struct dh_instance_options *options)
{
	return options && options->size > offsetof(struct dh_instance_options, priority)
		       ? options->priority
		       : DRM_DELTAHOP_PRIORITY_MEDIUM;
}

int dh_instance_create(struct dh_device *device, const struct dh_program *program,
		       const struct dh_instance_options *options, struct dh_instance **instance,
		       struct dh_error *err)
{
	struct dh_context *context;
	int ret;

	*instance = NULL;
	ret = check_program(device, program, err);
	if (!ret)
		ret = dh_context_create(device, priority_of(options), &context, err);
	if (ret)
		return ret;
	ret = dh_instance_add(context, program, options, instance, err);
	if (ret)
		dh_context_destroy(context);
	else
		(*instance)->owns_context = true;
	return ret;
}

/* They end with the context, if that is closed, else in their turn. */
static void stop_jobs(struct dh_instance *instance)
{
	const struct dh_backend *backend = instance->device->backend;
	struct dh_job *job;

	for (job = instance->jobs; job; job = job->next) {
		if (job->phase != JOB_IN_FLIGHT)
			continue;
		backend->sync_wait(instance->device, job->sync, INT64_MAX);
		job->phase = JOB_ENDED;
		job->result = -ECANCELED;
		job->record = (struct deltahop_record){
			.status = htole16(DELTAHOP_STATUS_CANCELLED),
			.reason = htole16(DELTAHOP_REASON_CLOSED),
			.writer = htole16(DELTAHOP_WRITER_DRIVER),
			.fault_region = htole32(~0u),
			.seqno = htole32(job->args.seqno),
		};
	}
}

static void destroy_state(struct dh_stream *stream)
{
	struct drm_deltahop_state_destroy destroy = { .handle = stream->handle };

	if (stream->handle)
		dh_instance_ioctl(stream->instance, DRM_IOCTL_DELTAHOP_STATE_DESTROY, &destroy);
	stream->handle = 0;
}

static void delist(struct dh_instance *instance)
{
	struct dh_context *context = instance->context;
	struct dh_instance **at;

	pthread_mutex_lock(&context->lock);
	for (at = &context->instances; *at != instance; at = &(*at)->next)
		;
	*at = instance->next;
	pthread_mutex_unlock(&context->lock);
}

void dh_instance_destroy(struct dh_instance *instance)
{
	struct dh_stream *stream;
	struct dh_job *job;

	if (!instance)
		return;
	if (instance->owns_context)
		dh_context_close(instance->context);
	stop_jobs(instance);
	while ((job = instance->jobs)) {
		instance->jobs = job->next;
		dh_job_release(job);
	}
	while ((stream = instance->streams)) {
		instance->streams = stream->next;
		destroy_state(stream);
		free(stream);
	}
	dh_buffer_fini(&instance->initial);
	dh_buffer_fini(&instance->fixed);
	delist(instance);
	if (instance->owns_context)
		dh_context_destroy(instance->context);
	free(instance->theta_x);
	free(instance->theta_h);
	free(instance->dense_cycles);
	free(instance);
}

/* --- thresholds ----------------------------------------------------------------- */

static bool theta_ok(int theta)
{
	return theta == DH_THETA_KEEP || (theta >= 0 && theta <= 511);
}

/* Those of the whole network are for its recurrent layers. */
static bool is_recurrent(const struct dh_instance *instance, int layer)
{
	return instance->program->layers[layer].layer.cell != DELTAHOP_CELL_DENSE;
}

int dh_instance_set_theta(struct dh_instance *instance, int layer, int theta_x, int theta_h,
			  struct dh_error *err)
{
	int i, count = instance->program->layer_count;

	if (!count) {
		dh_error_set(err, "threshold %d: the program has no recurrent layers",
			     theta_x == DH_THETA_KEEP ? theta_h : theta_x);
		return -EOPNOTSUPP;
	}
	if (layer < -1 || layer >= count) {
		dh_error_set(err, "threshold of layer %d: the network has layers 0 to %d", layer,
			     count - 1);
		return -ERANGE;
	}
	if (!theta_ok(theta_x) || !theta_ok(theta_h)) {
		dh_error_set(err, "threshold %d: must be from 0 to 511, in 1/256 of the value",
			     theta_ok(theta_x) ? theta_h : theta_x);
		return -ERANGE;
	}
	if (layer >= 0 && count > 1 &&
	    !(instance->device->hw.caps & DELTAHOP_CAP_RNN_LAYER_THETA)) {
		dh_error_set(err,
			     "threshold of layer %d: %s has one threshold for all layers: set that "
			     "of the whole network",
			     layer, instance->device->name);
		return -EOPNOTSUPP;
	}
	pthread_mutex_lock(&instance->context->lock);
	for (i = 0; i < count; i++) {
		if (layer < 0 ? !is_recurrent(instance, i) : i != layer)
			continue;
		if (theta_x != DH_THETA_KEEP)
			instance->theta_x[i] = theta_x;
		if (theta_h != DH_THETA_KEEP)
			instance->theta_h[i] = theta_h;
	}
	pthread_mutex_unlock(&instance->context->lock);
	return 0;
}

/* --- streams --------------------------------------------------------------------- */

static int create_state(struct dh_stream *stream, struct dh_error *err)
{
	struct dh_instance *instance = stream->instance;
	struct drm_deltahop_state_create create = {
		.ctx = instance->context->id,
		.size = instance->program->state_bytes,
		.template_handle = instance->initial.handle,
	};
	int ret;

	stream->initial = true;
	if (!create.size)
		return 0;
	ret = dh_instance_ioctl(instance, DRM_IOCTL_DELTAHOP_STATE_CREATE, &create);
	if (ret)
		dh_error_set(err, "%s: cannot make a state of %u bytes: %s", instance->device->name,
			     create.size, strerror(-ret));
	else
		stream->handle = create.handle;
	return ret;
}

int dh_stream_create(struct dh_instance *instance, struct dh_stream **stream, struct dh_error *err)
{
	struct dh_stream *made = calloc(1, sizeof(*made));
	int ret;

	*stream = NULL;
	if (!made) {
		dh_error_set(err, "dh_stream_create: out of memory");
		return -ENOMEM;
	}
	made->instance = instance;
	pthread_mutex_lock(&instance->context->lock);
	ret = create_state(made, err);
	if (!ret) {
		made->next = instance->streams;
		instance->streams = made;
		*stream = made;
	}
	pthread_mutex_unlock(&instance->context->lock);
	if (ret)
		free(made);
	return ret;
}

int dh_stream_reset(struct dh_stream *stream, struct dh_error *err)
{
	struct drm_deltahop_state_reset reset;
	int ret = 0;

	pthread_mutex_lock(&stream->instance->context->lock);
	reset = (struct drm_deltahop_state_reset){ .handle = stream->handle };
	if (reset.handle)
		ret = dh_instance_ioctl(stream->instance, DRM_IOCTL_DELTAHOP_STATE_RESET, &reset);
	stream->initial |= !ret;
	pthread_mutex_unlock(&stream->instance->context->lock);
	if (ret)
		dh_error_set(err, "%s: cannot reset a stream: %s", stream->instance->device->name,
			     strerror(-ret));
	return ret;
}

void dh_stream_destroy(struct dh_stream *stream)
{
	struct dh_stream **at;

	if (!stream)
		return;
	pthread_mutex_lock(&stream->instance->context->lock);
	for (at = &stream->instance->streams; *at != stream; at = &(*at)->next)
		;
	*at = stream->next;
	destroy_state(stream);
	pthread_mutex_unlock(&stream->instance->context->lock);
	free(stream);
}

/* --- cancel ------------------------------------------------------------------------ */

static int renew_states(struct dh_instance *instance, struct dh_error *err)
{
	struct dh_stream *stream;
	int ret = 0;

	for (stream = instance->streams; !ret && stream; stream = stream->next) {
		destroy_state(stream);
		ret = create_state(stream, err);
	}
	return ret;
}

/* A new context, and all states anew in it; or none: no job may run without its state. */
static int start_over(struct dh_context *context, struct dh_error *err)
{
	struct dh_instance *instance;
	int ret = dh_context_open(context, err);

	for (instance = context->instances; !ret && instance; instance = instance->next)
		ret = renew_states(instance, err);
	if (ret)
		dh_context_close(context);
	return ret;
}

int dh_instance_cancel(struct dh_instance *instance, struct dh_error *err)
{
	struct dh_context *context = instance->context;
	struct dh_job *job;
	int ret;

	pthread_mutex_lock(&context->lock);
	for (instance = context->instances; instance; instance = instance->next) {
		for (job = instance->jobs; job; job = job->next)
			dh_job_collect(job);
	}
	dh_context_close(context);
	for (instance = context->instances; instance; instance = instance->next)
		stop_jobs(instance);
	ret = start_over(context, err);
	pthread_mutex_unlock(&context->lock);
	return ret;
}
