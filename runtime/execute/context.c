// SPDX-License-Identifier: MIT
/* A context of the device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "execute/instance.h"

int dh_context_open(struct dh_context *context, struct dh_error *err)
{
	struct drm_deltahop_ctx_create create = { .priority = context->priority };
	int ret = context->device->backend->ioctl(context->device, DRM_IOCTL_DELTAHOP_CTX_CREATE,
						  &create);

	if (ret) {
		dh_error_set(err, "%s: cannot make a context of priority %u: %s%s",
			     context->device->name, context->priority, strerror(-ret),
			     ret == -EACCES
				     ? ": `deltahop info` lists the priorities that you may use"
				     : "");
		return ret;
	}
	context->id = create.id;
	context->live = true;
	return 0;
}

void dh_context_close(struct dh_context *context)
{
	struct drm_deltahop_ctx_destroy destroy = { .id = context->id };

	if (context->live)
		context->device->backend->ioctl(context->device, DRM_IOCTL_DELTAHOP_CTX_DESTROY,
						&destroy);
	context->live = false;
}

int dh_context_create(struct dh_device *device, uint32_t priority, struct dh_context **context,
		      struct dh_error *err)
{
	struct dh_context *made = calloc(1, sizeof(*made));
	int ret;

	*context = NULL;
	if (!made) {
		dh_error_set(err, "%s: no context: out of memory", device->name);
		return -ENOMEM;
	}
	made->device = device;
	made->priority = priority;
	pthread_mutex_init(&made->lock, NULL);
	ret = dh_context_open(made, err);
	if (ret)
		dh_context_destroy(made);
	else
		*context = made;
	return ret;
}

void dh_context_destroy(struct dh_context *context)
{
	if (!context)
		return;
	dh_context_close(context);
	pthread_mutex_destroy(&context->lock);
	free(context->batch);
	free(context);
}
