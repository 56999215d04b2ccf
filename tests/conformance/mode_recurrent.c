// SPDX-License-Identifier: MIT
/*
 * A case of recurrent or dense layers on the embedded device's recurrent engine. Its compiler takes
 * weights from the file only, so that a model is made that has them inside.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "compile/compile.h"
#include "deltahop.h"
#include "import/onnx.h"
#include "network/op.h"

#define PROFILE	  "card"
#define TOLERANCE 0.02 /* of the largest value of the output */

/* --- the model with its weights --- */

static void fill_proto(const struct dh_net_tensor *tensor, int64_t *dims, Onnx__TensorProto *proto)
{
	onnx__tensor_proto__init(proto);
	proto->name = tensor->name;
	proto->has_data_type = true;
	proto->data_type = tensor->type == DH_NET_FLOAT ? ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
							: ONNX__TENSOR_PROTO__DATA_TYPE__INT64;
	for (uint32_t i = 0; i < tensor->rank; i++)
		dims[i] = tensor->dims[i];
	proto->dims = dims;
	proto->n_dims = tensor->rank;
	proto->has_raw_data = true;
	proto->raw_data.data = tensor->data;
	proto->raw_data.len = dh_net_bytes(tensor);
}

/* The bytes of @model with @count tensors as initializers too; NULL: out of memory. */
static uint8_t *pack_with(Onnx__ModelProto *model, const struct dh_net_tensor *tensors,
			  size_t count, size_t *size)
{
	Onnx__GraphProto *graph = model->graph;
	Onnx__TensorProto **old = graph->initializer, **all, *protos;
	int64_t(*dims)[DH_NET_MAX_RANK] = calloc(count + 1, sizeof(*dims));
	size_t old_count = graph->n_initializer;
	uint8_t *bytes = NULL;

	all = calloc(old_count + count + 1, sizeof(*all));
	protos = calloc(count + 1, sizeof(*protos));
	if (all && protos && dims) {
		for (size_t i = 0; i < old_count; i++)
			all[i] = old[i];
		for (size_t i = 0; i < count; i++) {
			fill_proto(&tensors[i], dims[i], &protos[i]);
			all[old_count + i] = &protos[i];
		}
		graph->initializer = all;
		graph->n_initializer = old_count + count;
		*size = onnx__model_proto__get_packed_size(model);
		bytes = malloc(*size + 1);
		if (bytes)
			onnx__model_proto__pack(model, bytes);
		graph->initializer = old;
		graph->n_initializer = old_count;
	}
	free(dims);
	free(protos);
	free(all);
	return bytes;
}

static int compile_case(struct onnx_case *c, const struct case_data *data,
			struct dh_program **program, struct dh_error *say)
{
	struct dh_compile_options options = { .profile = PROFILE };
	struct dh_array x = { .dtype = DH_DTYPE_F4, .ndim = 2 };
	const struct dh_net_tensor *input = &data->inputs[0];
	size_t width = input->dims[input->rank - 1], size;
	struct dh_onnx onnx;
	uint8_t *bytes;
	int ret = dh_onnx_load(c->model, &onnx, say);

	if (ret)
		return ret;
	bytes = pack_with(onnx.model, data->inputs + 1, data->input_count - 1, &size);
	dh_onnx_free(&onnx);
	if (!bytes)
		return -ENOMEM;
	x.shape[0] = dh_net_elements(input) / width;
	x.shape[1] = width;
	x.data = input->data;
	options.calibration = &x;
	ret = dh_compile_memory(bytes, size, c->model, &options, program, NULL, say);
	free(bytes);
	return ret;
}

/* --- running it --- */

/* A tensor as rows of a batch and steps, in whatever order they are. */
struct sequence {
	uint32_t batch, steps, width;
	size_t batch_stride, step_stride;
};

static size_t stride_of(const struct dh_net_tensor *tensor, int32_t axis, uint32_t *size)
{
	*size = axis < 0 ? 1 : tensor->dims[axis];
	return axis < 0 ? 0 : dh_elements(tensor, (uint32_t)axis + 1, tensor->rank);
}

static struct sequence sequence_of(const struct dh_net_tensor *tensor,
				   const struct dh_program_tensor *as)
{
	struct sequence s = { .width = as->elements };

	s.batch_stride = stride_of(tensor, as->batch_axis, &s.batch);
	s.step_stride = stride_of(tensor, as->step_axis, &s.steps);
	return s;
}

/* One row of the batch. */
static bool run_row(const struct dh_program *program, struct dh_job *job, struct dh_stream *stream,
		    const struct case_data *data, uint32_t row, const struct dh_net_tensor *want,
		    struct dh_error *say)
{
	struct sequence in = sequence_of(&data->inputs[0], &program->input);
	struct sequence out = sequence_of(want, &program->output);
	float values[1024];

	for (uint32_t step = 0; step < in.steps; step++)
		memcpy(values + step * in.width,
		       data->inputs[0].floats + row * in.batch_stride + step * in.step_stride,
		       in.width * sizeof(float));
	if (dh_job_quantise(job, values, in.steps, NULL, say) ||
	    dh_run(job, stream, in.steps, DH_JOB_RESET, say))
		return false;
	for (uint32_t step = 0; step < out.steps; step++) {
		struct dh_net_tensor part = { .name = want->name,
					      .rank = 1,
					      .dims = { out.width } };

		dh_program_finish(program, dh_job_output(job) + step * program->output.padded,
				  values);
		part.floats = want->floats + row * out.batch_stride + step * out.step_stride;
		if (!case_compare(&part, &part, values, 0, TOLERANCE * case_largest(want), say))
			return false;
	}
	return true;
}

static bool run_batch(const struct dh_program *program, struct dh_instance *instance,
		      const struct case_data *data, const struct dh_net_tensor *want,
		      struct dh_error *say)
{
	struct sequence in = sequence_of(&data->inputs[0], &program->input);
	struct dh_stream *stream;
	struct dh_job *job;

	if (in.steps * in.width > 1024 || !want) {
		dh_error_set(say, "the case is too large, or has no output %s",
			     program->output.name);
		return false;
	}
	if (dh_stream_create(instance, &stream, say) ||
	    dh_job_create(instance, in.steps, &job, say))
		return false;
	for (uint32_t row = 0; row < in.batch; row++) {
		if (!run_row(program, job, stream, data, row, want, say))
			return false;
	}
	dh_error_set(say, "%u layers on the recurrent engine", dh_program_layers(program));
	return true;
}

static enum verdict run_program(const struct dh_program *program, const struct case_data *data,
				struct dh_error *say)
{
	const struct dh_net_tensor *want = NULL;
	enum verdict verdict = CASE_FAILED;
	struct dh_instance *instance;
	struct dh_device *device;

	for (size_t i = 0; i < data->output_count; i++) {
		if (!strcmp(data->outputs[i].name, program->output.name))
			want = &data->outputs[i];
	}
	if (dh_device_open("embedded:profile=" PROFILE, &device, say))
		return CASE_FAILED;
	if (!dh_instance_create(device, program, NULL, &instance, say)) {
		if (run_batch(program, instance, data, want, say))
			verdict = CASE_OK;
		dh_instance_destroy(instance);
	}
	dh_device_close(device);
	return verdict;
}

enum verdict case_recurrent(struct onnx_case *c, struct dh_error *say)
{
	struct dh_program *program = NULL;
	struct case_data data;
	enum verdict verdict;
	int ret = case_load(c, 0, &data, say);

	if (ret)
		return case_without_data(c, say);
	if (!data.input_count || data.inputs[0].type != DH_NET_FLOAT || !data.inputs[0].rank) {
		dh_error_set(say, "no input of vectors");
		return CASE_REFUSED;
	}
	ret = compile_case(c, &data, &program, say);
	if (ret)
		return ret == -EOPNOTSUPP && say->text[0] ? CASE_REFUSED : CASE_FAILED;
	verdict = run_program(program, &data, say);
	dh_program_free(program);
	return verdict;
}
