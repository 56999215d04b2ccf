// SPDX-License-Identifier: MIT
/* Input and output of a network: what they are, and what is left to the host. */
#include <math.h>
#include <string.h>

#include "deltahop.h"
#include "program/program.h"

const char *dh_host_op_name(enum dh_host_op op)
{
	static const char *const names[] = {
		[DH_HOST_NONE] = "none",
		[DH_HOST_SOFTMAX] = "Softmax",
		[DH_HOST_LOG_SOFTMAX] = "LogSoftmax",
		[DH_HOST_ARGMAX] = "ArgMax",
		[DH_HOST_SIGMOID] = "Sigmoid",
		[DH_HOST_TANH] = "Tanh",
		[DH_HOST_RELU] = "Relu",
	};

	return (size_t)op < sizeof(names) / sizeof(names[0]) ? names[op] : "unknown";
}

static void describe(const struct dh_program_tensor *tensor, double limit,
		     struct dh_tensor_info *info)
{
	struct dh_tensor_info full = {
		.size = info->size,
		.name = tensor->name,
		.elements = tensor->elements,
		.pitch = tensor->padded,
		.scale = ldexp(1.0 / 256, tensor->scale_exp),
		.per_step = tensor->per_step,
		.limit = limit,
	};

	memcpy(info, &full, info->size < sizeof(full) ? info->size : sizeof(full));
}

void dh_program_input(const struct dh_program *program, struct dh_tensor_info *info)
{
	double limit = INFINITY;

	if (program->input_range != DH_RANGE_UNKNOWN)
		limit = ldexp(program->input_limit / 256.0, program->input.scale_exp);
	describe(&program->input, limit, info);
}

void dh_program_output(const struct dh_program *program, struct dh_tensor_info *info)
{
	describe(&program->output, INFINITY, info);
}

static uint32_t largest(const int16_t *raw, uint32_t count)
{
	uint32_t i, best = 0;

	for (i = 1; i < count; i++)
		if (raw[i] > raw[best])
			best = i;
	return best;
}

static void softmax(float *values, uint32_t count, float most, bool logarithm)
{
	double sum = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		sum += exp((double)values[i] - most);
	for (i = 0; i < count; i++)
		values[i] = logarithm ? values[i] - most - log(sum)
				      : exp((double)values[i] - most) / sum;
}

static float elementwise(enum dh_host_op op, float value)
{
	switch (op) {
	case DH_HOST_SIGMOID:
		return 1 / (1 + exp(-(double)value));
	case DH_HOST_TANH:
		return tanh((double)value);
	case DH_HOST_RELU:
		return value > 0 ? value : 0;
	default:
		return value;
	}
}

uint32_t dh_program_finish(const struct dh_program *program, const int16_t *raw, float *values)
{
	const struct dh_program_tensor *output = &program->output;
	uint32_t i, best = largest(raw, output->elements);

	if (program->host_op == DH_HOST_ARGMAX) {
		values[0] = best;
		return 1;
	}
	for (i = 0; i < output->elements; i++)
		values[i] = elementwise(program->host_op, ldexp(raw[i] / 256.0, output->scale_exp));
	if (program->host_op == DH_HOST_SOFTMAX || program->host_op == DH_HOST_LOG_SOFTMAX)
		softmax(values, output->elements, ldexp(raw[best] / 256.0, output->scale_exp),
			program->host_op == DH_HOST_LOG_SOFTMAX);
	return output->elements;
}
