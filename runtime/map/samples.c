// SPDX-License-Identifier: MIT
/* Typical inputs, and the ranges that tensors have with them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "map/samples.h"

/* Kinds of made-up inputs: noise around 0, noise above it, all high, all low, a slope. */
#define MADE_UP 10

/* --- matching ----------------------------------------------------------------- */

static bool is_known_type(enum dh_dtype type)
{
	return type == DH_DTYPE_F4 || type == DH_DTYPE_F8 || type == DH_DTYPE_I2 ||
	       type == DH_DTYPE_U1;
}

/* Axes behind the samples make up exactly one input, or the whole array is one. */
static bool has_samples(const struct dh_array *array, size_t elements)
{
	size_t count = 1;

	for (unsigned int i = array->ndim; i-- > 0 && count < elements;)
		count *= array->shape[i];
	return count == elements && dh_array_count(array) >= elements;
}

static double value_at(const struct dh_array *array, size_t i)
{
	switch (array->dtype) {
	case DH_DTYPE_F4:
		return ((const float *)array->data)[i];
	case DH_DTYPE_F8:
		return ((const double *)array->data)[i];
	case DH_DTYPE_I2:
		return ((const int16_t *)array->data)[i] / 256.0;
	default:
		return ((const uint8_t *)array->data)[i];
	}
}

static int check_finite(struct dh_plan *plan, const char *name, const struct dh_array *array)
{
	for (size_t i = 0, count = dh_array_count(array); i < count; i++) {
		if (isfinite(value_at(array, i)))
			continue;
		dh_error_set(plan->err, "calibration data of %s: value %zu is not a finite number",
			     name, i);
		return -EINVAL;
	}
	return 0;
}

static int check_array(struct dh_plan *plan, const struct dh_net_tensor *input,
		       const struct dh_array *array)
{
	char shape[128] = "";
	size_t len = 0;

	if (!is_known_type(array->dtype)) {
		dh_error_set(plan->err,
			     "calibration data of %s are %s; give float32, float64, uint8 (as they "
			     "are) or int16 (value * 256)",
			     input->name, dh_dtype_name(array->dtype));
		return -EINVAL;
	}
	for (uint32_t i = 0; i < input->rank; i++)
		len += snprintf(shape + len, sizeof(shape) - len, "[%u]", input->dims[i]);
	if (!has_samples(array, dh_net_elements(input))) {
		dh_error_set(plan->err,
			     "calibration data of %s do not have the shape [samples]%s of the "
			     "network's input",
			     input->name, shape);
		return -EINVAL;
	}
	return check_finite(plan, input->name, array);
}

static const struct dh_array *find_array(const struct dh_plan *plan, const char *name)
{
	const struct dh_map_options *options = plan->options;

	for (size_t i = 0; i < options->calibration_count; i++) {
		const char *wanted = options->calibration[i].name;

		if (wanted ? !strcmp(wanted, name) : plan->net->input_count == 1)
			return options->calibration[i].array;
	}
	return NULL;
}

static int match(struct dh_plan *plan, struct dh_samples *samples, uint32_t i)
{
	const struct dh_net_tensor *input = &plan->net->tensors[plan->net->inputs[i]];
	const struct dh_array *array = find_array(plan, input->name);
	size_t count;
	int ret;

	if (!array) {
		dh_error_set(
			plan->err,
			"no calibration data for input %s: give data for each of the %u inputs, "
			"as NAME=X.npy",
			input->name, plan->net->input_count);
		return -EINVAL;
	}
	ret = check_array(plan, input, array);
	if (ret)
		return ret;
	samples->arrays[i] = array;
	count = dh_array_count(array) / dh_net_elements(input);
	if (!samples->given || count < samples->given)
		samples->given = count;
	return 0;
}

int dh_samples_find(struct dh_plan *plan, struct dh_samples *samples)
{
	uint32_t inputs = plan->net->input_count;
	int ret = 0;

	*samples = (struct dh_samples){ .net = plan->net };
	samples->arrays = dh_plan_alloc(plan, inputs ? inputs : 1, sizeof(*samples->arrays));
	if (!samples->arrays)
		return -ENOMEM;
	plan->measured = plan->options->calibration_count;
	for (uint32_t i = 0; !ret && plan->measured && i < inputs; i++)
		ret = match(plan, samples, i);
	if (!plan->measured)
		samples->given = MADE_UP;
	samples->count = samples->given;
	return ret;
}

/* --- values ---------------------------------------------------------------------- */

/* The same on every machine. */
static float noise(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) / (float)(1 << 24);
}

static float made_up(size_t kind, size_t i, size_t count, uint32_t *state)
{
	float value = noise(state);

	switch (kind % 5) {
	case 0:
		return DH_SAMPLES_ASSUMED * (2 * value - 1);
	case 1:
		return DH_SAMPLES_ASSUMED * value;
	case 2:
		return DH_SAMPLES_ASSUMED;
	case 3:
		return -DH_SAMPLES_ASSUMED;
	default:
		return DH_SAMPLES_ASSUMED * (2.0F * i / count - 1);
	}
}

static void fill_input(const struct dh_samples *samples, uint32_t input, size_t index,
		       struct dh_net_run *run)
{
	int32_t tensor = samples->net->inputs[input];
	size_t count = dh_net_elements(&samples->net->tensors[tensor]);
	bool floats = samples->net->tensors[tensor].type == DH_NET_FLOAT;
	uint32_t state = index + 1;

	for (size_t i = 0; i < count; i++) {
		double value = samples->arrays[input]
				       ? value_at(samples->arrays[input], index * count + i)
				       : made_up(index, i, count, &state);

		if (floats)
			dh_net_run_floats(run, tensor)[i] = value;
		else
			dh_net_run_ints(run, tensor)[i] = samples->arrays[input] ? value : 0;
	}
}

void dh_samples_fill(const struct dh_samples *samples, size_t index, struct dh_net_run *run)
{
	for (uint32_t i = 0; i < samples->net->input_count; i++)
		fill_input(samples, i, index, run);
}

/* --- ranges ------------------------------------------------------------------------ */

static void note(struct dh_range *range, const float *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		double value = fabs(values[i]);

		if (value > range->max)
			range->max = value;
		range->square += value * value;
		range->zeros += value == 0;
	}
	range->count += count;
}

int dh_samples_measure(struct dh_plan *plan, struct dh_samples *samples, double work)
{
	double dense = 1;
	struct dh_net_run *run;
	int ret = dh_net_run_create(plan->net, &run, plan->err);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < plan->layer_count; i++)
		dense += dh_layer_dense(&plan->layers[i]);
	for (uint32_t i = 0; i < plan->chain_count; i++)
		dense += dh_chain_dense(&plan->chains[i]);
	if (samples->count > work / dense)
		samples->count = work / dense >= 1 ? work / dense : 1;
	for (size_t s = 0; s < samples->count; s++) {
		dh_samples_fill(samples, s, run);
		dh_net_run_all(run);
		for (uint32_t t = 0; t < plan->net->tensor_count; t++) {
			const struct dh_net_tensor *tensor = &plan->net->tensors[t];

			if (tensor->type == DH_NET_FLOAT && !tensor->data)
				note(&plan->ranges[t], dh_net_run_floats(run, t),
				     dh_net_elements(tensor));
		}
	}
	dh_net_run_free(run);
	return 0;
}
