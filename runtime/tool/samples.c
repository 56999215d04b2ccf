// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/samples.h"

/* --- names --------------------------------------------------------------------------- */

typedef int describe_fn(const struct dh_network *network, uint32_t index,
			struct dh_values_info *info);

static struct dh_values_info info_of(describe_fn *describe, const struct dh_network *network,
				     uint32_t index)
{
	struct dh_values_info info = { .size = sizeof(info) };

	describe(network, index, &info);
	return info;
}

static void list_names(describe_fn *describe, const struct dh_network *network, uint32_t count,
		       char *text, size_t size)
{
	size_t len = 0;

	for (uint32_t i = 0; i < count && len < size; i++)
		len += snprintf(text + len, size - len, "%s%s", i ? ", " : "",
				info_of(describe, network, i).name);
}

/* Is it NAME=FILE of this input or output? Then the file. */
static const char *file_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(text, name, len) && text[len] == '=' ? text + len + 1 : NULL;
}

/* Which input or output a text on the command line means; a bare file means the only one. */
static int find_name(describe_fn *describe, const struct dh_network *network, uint32_t count,
		     const char *text, uint32_t *index, const char **path, struct dh_error *err)
{
	char names[256];

	for (*index = 0; *index < count; ++*index) {
		*path = file_of(text, info_of(describe, network, *index).name);
		if (*path)
			return 0;
	}
	*index = 0;
	*path = text;
	if (count == 1)
		return 0;
	list_names(describe, network, count, names, sizeof(names));
	dh_error_set(err, "%s: which of %u? Give NAME=FILE, with a name of: %s", text, count,
		     names);
	return -EINVAL;
}

static void shape_text(const struct dh_array *array, char *text, size_t size)
{
	size_t len = snprintf(text, size, "[");

	for (unsigned int i = 0; i < array->ndim && len < size; i++)
		len += snprintf(text + len, size - len, "%s%zu", i ? ", " : "", array->shape[i]);
	if (len < size)
		snprintf(text + len, size - len, "]");
}

void samples_dims_text(const struct dh_values_info *info, char *text, size_t size)
{
	struct dh_array array = { .ndim = info->rank };

	for (uint32_t i = 0; i < info->rank; i++)
		array.shape[i] = info->dims[i];
	shape_text(&array, text, size);
}

/* --- inputs --------------------------------------------------------------------------- */

/* Axes that are 1 long say nothing. */
static unsigned int skip_ones(const size_t *shape, unsigned int at, unsigned int end)
{
	while (at < end && shape[at] == 1)
		at++;
	return at;
}

/* Is the array from axis @from on a run? */
static bool is_run(const struct dh_array *array, unsigned int from,
		   const struct dh_values_info *info)
{
	size_t dims[DH_VALUES_MAX_RANK];
	unsigned int a = from, b = 0;

	for (uint32_t i = 0; i < info->rank; i++)
		dims[i] = info->dims[i];
	for (;;) {
		a = skip_ones(array->shape, a, array->ndim);
		b = skip_ones(dims, b, info->rank);
		if (a == array->ndim || b == info->rank)
			return a == array->ndim && b == info->rank;
		if (array->shape[a++] != dims[b++])
			return false;
	}
}

static bool is_real(enum dh_dtype type)
{
	return type == DH_DTYPE_F4 || type == DH_DTYPE_F8;
}

static bool fits_type(const struct dh_values_info *info, enum dh_dtype type)
{
	if (info->integers)
		return !is_real(type);
	return is_real(type) || type == DH_DTYPE_I2 || type == DH_DTYPE_U1;
}

static int check_type(const struct dh_values_info *info, const struct dh_array *array,
		      const char *path, struct dh_error *err)
{
	size_t count = dh_array_count(array);

	if (!fits_type(info, array->dtype)) {
		dh_error_set(
			err,
			info->integers
				? "%s: elements are %s: input %s takes integers"
				: "%s: elements are %s: give float32 or float64 (real values), "
				  "int16 (Q8.8, value * 256) or uint8 (as they are) for %s",
			path, dh_dtype_name(array->dtype), info->name);
		return -EINVAL;
	}
	for (size_t i = 0; is_real(array->dtype) && i < count; i++) {
		if (isfinite(dh_array_value(array, i)))
			continue;
		dh_error_set(err, "%s: element %zu is not a finite number: replace it", path, i);
		return -EINVAL;
	}
	return 0;
}

/* [1, 1, samples], as convolutions over time take it */
static bool is_wave(const struct dh_values_info *info)
{
	return info->rank >= 3 && info->count == info->dims[info->rank - 1];
}

static int read_sound(struct samples *samples, const struct dh_values_info *info, const char *path,
		      const struct media_options *media, struct dh_array *array,
		      struct dh_error *err)
{
	uint32_t axes = 0;
	char dims[128];

	for (uint32_t i = 0; i < info->rank; i++)
		axes += info->dims[i] > 1;
	if (axes <= 1 && !info->integers)
		return media_load_sound(path, info->name, info->count, is_wave(info), media, array,
					&samples->sound, err);
	samples_dims_text(info, dims, sizeof(dims));
	dh_error_set(
		err,
		"%s: sound, but input %s takes %s%s, no waveform: if these are features such as "
		"MFCC, compute them first, into a .npy file",
		path, info->name, dims, info->integers ? " of integers" : "");
	return -EINVAL;
}

/* Images and sound get an axis for the runs, and the elements in the input's order. */
static int read_file(struct samples *samples, uint32_t input, const char *path,
		     const struct media_options *media, struct dh_error *err)
{
	struct dh_values_info info = info_of(dh_network_input, samples->network, input);
	struct dh_array *array = &samples->arrays[input];
	enum media_kind kind = media_kind_of(path);
	int ret;

	if (kind == MEDIA_NONE)
		return dh_npy_load(path, array, err);
	ret = kind == MEDIA_SOUND ? read_sound(samples, &info, path, media, array, err)
				  : media_load_images(path, &info, media, array, err);
	if (!ret)
		samples->runs[input] = array->shape[0];
	return ret;
}

static int take_array(struct samples *samples, uint32_t input, const char *path,
		      const struct media_options *media, struct dh_error *err)
{
	struct dh_values_info info = info_of(dh_network_input, samples->network, input);
	struct dh_array *array = &samples->arrays[input];
	char shape[128], wanted[128];
	int ret;

	if (array->data) {
		dh_error_set(err, "%s: input %s is given twice", path, info.name);
		return -EINVAL;
	}
	ret = read_file(samples, input, path, media, err);
	if (!ret)
		ret = check_type(&info, array, path, err);
	if (ret || samples->runs[input])
		return ret;
	if (array->ndim && array->shape[0] && is_run(array, 1, &info))
		samples->runs[input] = array->shape[0];
	else if (is_run(array, 0, &info))
		samples->runs[input] = 1;
	if (samples->runs[input])
		return 0;
	shape_text(array, shape, sizeof(shape));
	samples_dims_text(&info, wanted, sizeof(wanted));
	dh_error_set(err,
		     "%s: shape %s: input %s takes %s: give an array of that shape, or one with an "
		     "axis for runs in front of it",
		     path, shape, info.name, wanted);
	return -EINVAL;
}

/* Every input is there, and with as many runs as the others. */
static int count_runs(struct samples *samples, struct dh_error *err)
{
	uint32_t inputs = dh_network_inputs(samples->network);

	samples->count = 1;
	for (uint32_t i = 0; i < inputs; i++) {
		struct dh_values_info info = info_of(dh_network_input, samples->network, i);

		if (!samples->runs[i]) {
			dh_error_set(err, "input %s is missing: give --input %s=FILE", info.name,
				     info.name);
			return -EINVAL;
		}
		if (samples->runs[i] == 1 || samples->runs[i] == samples->count)
			continue;
		if (samples->count > 1) {
			dh_error_set(
				err,
				"input %s has %zu runs, another one %zu: give as many of both, "
				"or 1",
				info.name, samples->runs[i], samples->count);
			return -EINVAL;
		}
		samples->count = samples->runs[i];
	}
	return 0;
}

static int samples_init(struct samples *samples, const struct dh_network *network,
			struct dh_error *err)
{
	uint32_t inputs = dh_network_inputs(network);

	memset(samples, 0, sizeof(*samples));
	samples->network = network;
	samples->arrays = calloc(inputs + 1, sizeof(*samples->arrays));
	samples->runs = calloc(inputs + 1, sizeof(*samples->runs));
	if (samples->arrays && samples->runs)
		return 0;
	dh_error_set(err, "%u inputs: out of memory", inputs);
	return -ENOMEM;
}

int samples_load(struct samples *samples, const struct dh_network *network,
		 const struct file_names *files, const struct media_options *media,
		 struct dh_error *err)
{
	int ret = samples_init(samples, network, err);
	const char *path;
	uint32_t input;

	for (uint32_t i = 0; !ret && i < files->count; i++) {
		ret = find_name(dh_network_input, network, dh_network_inputs(network),
				files->text[i], &input, &path, err);
		if (!ret)
			ret = take_array(samples, input, path, media, err);
	}
	return ret ? ret : count_runs(samples, err);
}

static int make_noise(struct samples *samples, uint32_t input, struct dh_error *err)
{
	struct dh_values_info info = info_of(dh_network_input, samples->network, input);
	struct dh_array *array = &samples->arrays[input];
	uint32_t seed = 1 + input;
	float *values;

	*array = (struct dh_array){
		.dtype = DH_DTYPE_F4,
		.ndim = 2,
		.shape = { samples->count, info.count },
		.data = calloc(samples->count, info.count * sizeof(*values)),
	};
	values = array->data;
	if (!values) {
		dh_error_set(err, "%zu runs of input: out of memory", samples->count);
		return -ENOMEM;
	}
	for (size_t i = 0; i < samples->count * info.count; i++) {
		seed = seed * 1664525 + 1013904223;
		values[i] = (int)(seed >> 16 & 511) / 256.0F - 1;
	}
	samples->runs[input] = samples->count;
	return 0;
}

int samples_random(struct samples *samples, const struct dh_network *network, size_t count,
		   struct dh_error *err)
{
	int ret = samples_init(samples, network, err);

	samples->count = count;
	for (uint32_t i = 0; !ret && i < dh_network_inputs(network); i++)
		ret = make_noise(samples, i, err);
	return ret;
}

void samples_get(const struct samples *samples, size_t index, struct dh_session *session)
{
	for (uint32_t i = 0; i < dh_network_inputs(samples->network); i++) {
		struct dh_values_info info = info_of(dh_network_input, samples->network, i);
		size_t first = samples->runs[i] == 1 ? 0 : index * info.count;
		void *to = dh_session_input(session, i);

		for (size_t e = 0; e < info.count; e++) {
			double value = dh_array_value(&samples->arrays[i], first + e);

			if (!info.integers)
				((float *)to)[e] = value;
			else if (samples->arrays[i].dtype == DH_DTYPE_I2)
				((int64_t *)to)[e] = value * 256;
			else
				((int64_t *)to)[e] = value;
		}
	}
}

void samples_free(struct samples *samples)
{
	for (uint32_t i = 0; samples->arrays && i < dh_network_inputs(samples->network); i++)
		dh_array_free(&samples->arrays[i]);
	free(samples->arrays);
	free(samples->runs);
	memset(samples, 0, sizeof(*samples));
}

/* --- outputs -------------------------------------------------------------------------- */

static size_t element_size(const struct dh_values_info *info)
{
	return info->integers ? sizeof(int64_t) : sizeof(float);
}

int results_init(struct results *results, const struct dh_network *network, size_t count,
		 struct dh_error *err)
{
	uint32_t outputs = dh_network_outputs(network);
	bool ok;

	memset(results, 0, sizeof(*results));
	results->network = network;
	results->count = count;
	results->values = calloc(outputs + 1, sizeof(*results->values));
	ok = results->values;
	for (uint32_t i = 0; ok && i < outputs; i++) {
		struct dh_values_info info = info_of(dh_network_output, network, i);

		results->values[i] = calloc(count, info.count * element_size(&info) + 1);
		ok = results->values[i];
	}
	if (ok)
		return 0;
	dh_error_set(err, "outputs of %zu runs: out of memory", count);
	return -ENOMEM;
}

void results_keep(struct results *results, size_t index, const struct dh_session *session)
{
	for (uint32_t i = 0; i < dh_network_outputs(results->network); i++) {
		struct dh_values_info info = info_of(dh_network_output, results->network, i);
		size_t bytes = info.count * element_size(&info);

		memcpy((char *)results->values[i] + index * bytes, dh_session_output(session, i),
		       bytes);
	}
}

double results_value(const struct results *results, uint32_t output, size_t index, size_t element)
{
	struct dh_values_info info = info_of(dh_network_output, results->network, output);
	size_t at = index * info.count + element;

	return info.integers ? ((int64_t *)results->values[output])[at]
			     : ((float *)results->values[output])[at];
}

int64_t results_class(const struct results *results, uint32_t output, size_t index)
{
	struct dh_values_info info = info_of(dh_network_output, results->network, output);
	const float *values = (float *)results->values[output] + index * info.count;
	size_t best = 0;

	if (info.integers)
		return ((int64_t *)results->values[output])[index * info.count];
	for (size_t i = 1; i < info.count; i++)
		best = values[i] > values[best] ? i : best;
	return best;
}

uint64_t results_fingerprint(const struct results *results)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (uint32_t i = 0; i < dh_network_outputs(results->network); i++) {
		struct dh_values_info info = info_of(dh_network_output, results->network, i);
		const uint8_t *bytes = results->values[i];

		for (size_t b = 0; b < results->count * info.count * element_size(&info); b++)
			hash = (hash ^ bytes[b]) * 0x100000001b3;
	}
	return hash;
}

/* A batch axis of 1 becomes that of the runs. */
static int save_output(const struct results *results, uint32_t output, const char *path,
		       struct dh_error *err)
{
	struct dh_values_info info = info_of(dh_network_output, results->network, output);
	struct dh_array array = {
		.dtype = info.integers ? DH_DTYPE_I8 : DH_DTYPE_F4,
		.data = results->values[output],
	};
	uint32_t first = info.rank && info.dims[0] == 1;

	array.shape[array.ndim++] = results->count;
	for (uint32_t i = first; i < info.rank && array.ndim < DH_ARRAY_MAX_DIMS; i++)
		array.shape[array.ndim++] = info.dims[i];
	return dh_npy_save(path, &array, err);
}

int results_save(const struct results *results, const struct file_names *files,
		 struct dh_error *err)
{
	const char *path;
	uint32_t output;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < files->count; i++) {
		ret = find_name(dh_network_output, results->network,
				dh_network_outputs(results->network), files->text[i], &output,
				&path, err);
		if (!ret)
			ret = save_output(results, output, path, err);
	}
	return ret;
}

void results_free(struct results *results)
{
	for (uint32_t i = 0; results->values && i < dh_network_outputs(results->network); i++)
		free(results->values[i]);
	free(results->values);
	memset(results, 0, sizeof(*results));
}
