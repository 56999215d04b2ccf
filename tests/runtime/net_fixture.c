// SPDX-License-Identifier: MIT
/* Loads a test network and brings its data in order. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_fixture.h"

const char *net_path(const char *name, const char *suffix)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s%s", MODELS_DIR, name, suffix);
	return path;
}

static size_t axis_size(const struct dh_array *array, int axis)
{
	return axis < 0 ? 1 : array->shape[axis];
}

static size_t stride_of(const struct dh_array *array, int axis)
{
	size_t stride = 1;

	for (unsigned int i = axis + 1; axis >= 0 && i < array->ndim; i++)
		stride *= array->shape[i];
	return axis < 0 ? 0 : stride;
}

/* Any order of batch and steps to [batch][steps][width]. */
static float *in_order(const struct dh_array *array, int batch_axis, int step_axis, uint32_t batch,
		       uint32_t steps, uint32_t width)
{
	float *out = malloc((size_t)batch * steps * width * sizeof(*out)), *at = out;

	ck_assert_uint_eq(dh_array_count(array), (size_t)batch * steps * width);
	for (uint32_t b = 0; b < batch; b++) {
		for (uint32_t s = 0; s < steps; s++, at += width)
			memcpy(at,
			       (float *)array->data + b * stride_of(array, batch_axis) +
				       s * stride_of(array, step_axis),
			       width * sizeof(*at));
	}
	return out;
}

static void load_data(struct net *net)
{
	const struct dh_graph_tensor *in = &net->graph->input, *out = &net->graph->output;
	struct dh_array x, y;
	struct dh_error err;

	ck_assert_msg(!dh_npy_load(net_path(net->name, ".in.npy"), &x, &err), "%s", err.text);
	ck_assert_msg(!dh_npy_load(net_path(net->name, ".out.npy"), &y, &err), "%s", err.text);
	ck_assert_uint_eq(x.ndim, in->rank);
	ck_assert_uint_eq(y.ndim, out->rank);
	net->batch = axis_size(&x, in->batch_axis);
	net->steps = axis_size(&x, in->step_axis);
	net->width = net->graph->host_op == DH_HOST_ARGMAX ? 1 : out->elements;
	net->x = in_order(&x, in->batch_axis, in->step_axis, net->batch, net->steps, in->elements);
	net->y = in_order(&y, out->batch_axis, out->step_axis, net->batch, net_output_steps(net),
			  net->width);
	dh_array_free(&x);
	dh_array_free(&y);
}

void net_load(struct net *net, const char *name, const char *profile, int16_t theta)
{
	struct dh_compile_options options = { .profile = profile,
					      .theta_x = theta,
					      .theta_h = theta };
	struct dh_array calibration = { .dtype = DH_DTYPE_F4, .ndim = 3 };
	struct dh_error err;

	*net = (struct net){ .name = name };
	ck_assert_msg(!dh_graph_import(net_path(name, ".onnx"), NULL, &net->graph, &err), "%s: %s",
		      name, err.text);
	load_data(net);
	calibration.shape[0] = net->batch;
	calibration.shape[1] = net->steps;
	calibration.shape[2] = net->graph->input.elements;
	calibration.data = net->x;
	options.calibration = &calibration;
	ck_assert_msg(!dh_compile(net_path(name, ".onnx"), &options, &net->program, NULL, &err),
		      "%s: %s", name, err.text);
}

void net_free(struct net *net)
{
	dh_program_free(net->program);
	dh_graph_free(net->graph);
	free(net->x);
	free(net->y);
}

uint32_t net_output_steps(const struct net *net)
{
	return net->graph->output.per_step ? net->steps : 1;
}

void net_quantise(const struct net *net, const float *x, int16_t *out)
{
	memset(out, 0, net->program->input.padded * sizeof(*out));
	for (uint32_t i = 0; i < net->program->input.elements; i++)
		out[i] = rint(ldexp(x[i] * 256, -net->program->input.scale_exp));
}
