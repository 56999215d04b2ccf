// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/sequences.h"

/* --- reading arrays ------------------------------------------------------------ */

static bool is_integer(enum dh_dtype dtype)
{
	return dtype != DH_DTYPE_F4 && dtype != DH_DTYPE_F8;
}

static int64_t get_integer(const struct dh_array *array, size_t i)
{
	switch (array->dtype) {
	case DH_DTYPE_I1:
		return ((int8_t *)array->data)[i];
	case DH_DTYPE_I2:
		return ((int16_t *)array->data)[i];
	case DH_DTYPE_I4:
		return ((int32_t *)array->data)[i];
	case DH_DTYPE_I8:
		return ((int64_t *)array->data)[i];
	case DH_DTYPE_U1:
		return ((uint8_t *)array->data)[i];
	case DH_DTYPE_U2:
		return ((uint16_t *)array->data)[i];
	case DH_DTYPE_U4:
		return ((uint32_t *)array->data)[i];
	case DH_DTYPE_U8: {
		uint64_t value = ((uint64_t *)array->data)[i];

		return value > INT64_MAX ? INT64_MAX : (int64_t)value;
	}
	default:
		return 0;
	}
}

static float get_real(const struct dh_array *array, size_t i)
{
	switch (array->dtype) {
	case DH_DTYPE_F4:
		return ((float *)array->data)[i];
	case DH_DTYPE_F8:
		return ((double *)array->data)[i];
	default:
		return get_integer(array, i) / 256.0f;
	}
}

static void shape_text(const struct dh_array *array, char *text, size_t size)
{
	size_t len = snprintf(text, size, "[");
	unsigned int i;

	for (i = 0; i < array->ndim && len < size; i++)
		len += snprintf(text + len, size - len, "%s%zu", i ? ", " : "", array->shape[i]);
	if (len < size)
		snprintf(text + len, size - len, "]");
}

/* --- layouts -------------------------------------------------------------------- */

static int allocate(struct sequences *seqs, size_t count, struct dh_error *err)
{
	seqs->count = count;
	seqs->steps = calloc(count ? count : 1, sizeof(*seqs->steps));
	seqs->first = calloc(count ? count : 1, sizeof(*seqs->first));
	if (seqs->steps && seqs->first)
		return 0;
	dh_error_set(err, "%zu sequences: out of memory", count);
	return -ENOMEM;
}

/* Sequence i: @steps vectors, the first at i * @apart, then every @pitch. */
static int lay_out(struct sequences *seqs, size_t count, size_t steps, size_t apart, size_t pitch,
		   struct dh_error *err)
{
	size_t i;
	int ret;

	if (!count || !steps || steps > DELTAHOP_RNN_MAX_STEPS) {
		dh_error_set(err,
			     "input: %zu sequences of %zu steps: there must be at least one, of 1 "
			     "to %u steps",
			     count, steps, DELTAHOP_RNN_MAX_STEPS);
		return -EINVAL;
	}
	ret = allocate(seqs, count, err);
	for (i = 0; !ret && i < count; i++) {
		seqs->steps[i] = steps;
		seqs->first[i] = i * apart;
	}
	seqs->pitch = pitch;
	seqs->max_steps = steps;
	seqs->total_steps = (uint64_t)count * steps;
	return ret;
}

static int lay_out_by_axes(struct sequences *seqs, const struct dh_program *program,
			   const char *path, struct dh_error *err)
{
	const struct dh_array *array = &seqs->array;
	const struct dh_program_tensor *in = &program->input;
	bool batch_first = in->step_axis < 0 || in->batch_axis < 0 ||
			   in->batch_axis < in->step_axis;
	size_t a = array->shape[0], b = array->ndim > 1 ? array->shape[1] : 0;

	if (array->ndim == 1) {
		seqs->layout = SEQUENCES_ONE;
		return lay_out(seqs, 1, 1, 0, 1, err);
	}
	if (array->ndim == 2 && in->step_axis < 0) {
		seqs->layout = SEQUENCES_ROWS;
		return lay_out(seqs, a, 1, 1, 1, err);
	}
	if (array->ndim == 2) {
		seqs->layout = SEQUENCES_ONE;
		return lay_out(seqs, 1, a, 0, 1, err);
	}
	if (array->ndim != 3) {
		dh_error_set(err,
			     "%s: %u axes: give [steps][elements], the network's own three axes, "
			     "or frames end to end with --lengths",
			     path, array->ndim);
		return -EINVAL;
	}
	seqs->layout = batch_first ? SEQUENCES_BATCH_FIRST : SEQUENCES_STEP_FIRST;
	if (batch_first)
		return lay_out(seqs, a, b, b, 1, err);
	return lay_out(seqs, b, a, 1, b, err);
}

static int take_lengths(struct sequences *seqs, const struct dh_array *lengths, const char *path,
			struct dh_error *err)
{
	size_t frames = seqs->array.shape[0], i, at = 0;
	int64_t length;

	for (i = 0; i < seqs->count; i++) {
		length = get_integer(lengths, i);
		if (length < 1 || length > DELTAHOP_RNN_MAX_STEPS) {
			dh_error_set(err, "%s: entry %zu is %lld: a length must be from 1 to %u",
				     path, i, (long long)length, DELTAHOP_RNN_MAX_STEPS);
			return -EINVAL;
		}
		seqs->steps[i] = length;
		seqs->first[i] = at;
		at += length;
		if (seqs->steps[i] > seqs->max_steps)
			seqs->max_steps = seqs->steps[i];
	}
	if (at != frames) {
		dh_error_set(err, "%s: the lengths add up to %zu, but the input has %zu frames",
			     path, at, frames);
		return -EINVAL;
	}
	seqs->total_steps = at;
	seqs->pitch = 1;
	return 0;
}

static int lay_out_by_lengths(struct sequences *seqs, const char *input, const char *path,
			      struct dh_error *err)
{
	struct dh_array lengths;
	int ret;

	if (seqs->array.ndim != 2) {
		dh_error_set(err, "%s: %u axes: with --lengths it must be [frames][elements]",
			     input, seqs->array.ndim);
		return -EINVAL;
	}
	ret = dh_npy_load(path, &lengths, err);
	if (ret)
		return ret;
	seqs->layout = SEQUENCES_END_TO_END;
	if (lengths.ndim != 1 || !is_integer(lengths.dtype) || !lengths.shape[0]) {
		dh_error_set(
			err,
			"%s: %u axes of %s: lengths must be integers with one axis, at least one",
			path, lengths.ndim, dh_dtype_name(lengths.dtype));
		ret = -EINVAL;
	}
	if (!ret)
		ret = allocate(seqs, lengths.shape[0], err);
	if (!ret)
		ret = take_lengths(seqs, &lengths, path, err);
	dh_array_free(&lengths);
	return ret;
}

static int check_array(const struct sequences *seqs, const char *path, struct dh_error *err)
{
	const struct dh_array *array = &seqs->array;
	char shape[128];
	size_t i, count = dh_array_count(array);

	shape_text(array, shape, sizeof(shape));
	if (is_integer(array->dtype) && array->dtype != DH_DTYPE_I2) {
		dh_error_set(err,
			     "%s: elements are %s: give float32 or float64 (real values) or int16 "
			     "(Q8.8, value * 256)",
			     path, dh_dtype_name(array->dtype));
		return -EINVAL;
	}
	if (!array->ndim || array->shape[array->ndim - 1] != seqs->elements) {
		dh_error_set(err,
			     "%s: shape %s: the network takes vectors of %u elements, so the last "
			     "axis must be %u",
			     path, shape, seqs->elements, seqs->elements);
		return -EINVAL;
	}
	for (i = 0; i < count; i++) {
		if (isfinite(get_real(array, i)))
			continue;
		dh_error_set(err,
			     "%s: shape %s: element %zu of vector %zu is not a finite number: "
			     "replace it",
			     path, shape, i % seqs->elements, i / seqs->elements);
		return -EINVAL;
	}
	return 0;
}

static int read_file(struct sequences *seqs, const struct dh_program *program, const char *path,
		     const struct media_options *media, struct dh_error *err)
{
	struct dh_tensor_info info = { .size = sizeof(info) };

	dh_program_input(program, &info);
	switch (media_kind_of(path)) {
	case MEDIA_NONE:
		return dh_npy_load(path, &seqs->array, err);
	case MEDIA_SOUND:
		return media_load_sound(path, info.name, seqs->elements, seqs->elements == 1, media,
					&seqs->array, &seqs->sound, err);
	default:
		dh_error_set(err,
			     "%s: images, but input %s takes vectors of %u elements, step by step: "
			     "give a .npy file",
			     path, info.name, seqs->elements);
		return -EINVAL;
	}
}

int sequences_load(struct sequences *seqs, const struct dh_program *program, const char *input,
		   const char *lengths, const struct media_options *media, struct dh_error *err)
{
	int ret;

	memset(seqs, 0, sizeof(*seqs));
	seqs->elements = program->input.elements;
	ret = read_file(seqs, program, input, media, err);
	if (ret)
		return ret;
	ret = check_array(seqs, input, err);
	if (!ret && lengths)
		ret = lay_out_by_lengths(seqs, input, lengths, err);
	else if (!ret)
		ret = lay_out_by_axes(seqs, program, input, err);
	if (ret)
		sequences_free(seqs);
	return ret;
}

/* A random walk in -1..1: one element in four moves in a step. */
static void walk(int16_t *values, size_t vectors, uint32_t elements)
{
	uint32_t seed = 1;
	size_t v, i;

	for (v = 0; v < vectors; v++, values += elements) {
		for (i = 0; i < elements; i++) {
			seed = seed * 1664525 + 1013904223;
			if (v && seed >> 30)
				values[i] = values[i - (ptrdiff_t)elements];
			else
				values[i] = (int)(seed >> 16 & 511) - 256;
		}
	}
}

int sequences_random(struct sequences *seqs, const struct dh_program *program, size_t count,
		     uint32_t steps, struct dh_error *err)
{
	size_t vectors = count * steps;

	memset(seqs, 0, sizeof(*seqs));
	seqs->elements = program->input.elements;
	seqs->layout = SEQUENCES_BATCH_FIRST;
	seqs->array = (struct dh_array){
		.dtype = DH_DTYPE_I2,
		.ndim = 3,
		.shape = { count, steps, seqs->elements },
		.data = calloc(vectors, seqs->elements * sizeof(int16_t)),
	};
	if (!seqs->array.data) {
		dh_error_set(err, "%zu vectors of input: out of memory", vectors);
		return -ENOMEM;
	}
	walk(seqs->array.data, vectors, seqs->elements);
	return lay_out(seqs, count, steps, steps, 1, err);
}

void sequences_get(const struct sequences *seqs, size_t index, float *values)
{
	size_t at;
	uint32_t s, i;

	for (s = 0; s < seqs->steps[index]; s++) {
		at = (seqs->first[index] + s * seqs->pitch) * seqs->elements;
		for (i = 0; i < seqs->elements; i++)
			*values++ = get_real(&seqs->array, at + i);
	}
}

void sequences_free(struct sequences *seqs)
{
	dh_array_free(&seqs->array);
	free(seqs->steps);
	free(seqs->first);
	memset(seqs, 0, sizeof(*seqs));
}

/* --- labels ----------------------------------------------------------------------- */

int labels_load(const char *path, struct dh_array *labels, struct dh_error *err)
{
	int ret = dh_npy_load(path, labels, err);

	if (ret)
		return ret;
	if (is_integer(labels->dtype) && labels->ndim == 1)
		return 0;
	dh_error_set(err, "%s: %u axes of %s: labels must be integers with one axis", path,
		     labels->ndim, dh_dtype_name(labels->dtype));
	dh_array_free(labels);
	return -EINVAL;
}

int64_t labels_get(const struct dh_array *labels, size_t index)
{
	return get_integer(labels, index);
}

/* --- answers ---------------------------------------------------------------------- */

int answers_init(struct answers *answers, const struct sequences *seqs,
		 const struct dh_program *program, struct dh_error *err)
{
	size_t i;

	memset(answers, 0, sizeof(*answers));
	answers->per_step = program->output.per_step;
	answers->index = program->host_op == DH_HOST_ARGMAX;
	answers->elements = answers->index ? 1 : program->output.elements;
	answers->first = calloc(seqs->count, sizeof(*answers->first));
	for (i = 0; answers->first && i < seqs->count; i++) {
		answers->first[i] = answers->vectors;
		answers->vectors += answers->per_step ? seqs->steps[i] : 1;
	}
	answers->values = calloc(answers->vectors, answers->elements * sizeof(*answers->values));
	if (answers->first && answers->values)
		return 0;
	dh_error_set(err, "answers to %zu sequences: out of memory", seqs->count);
	answers_free(answers);
	return -ENOMEM;
}

/* The shape before the last axis; and where the vector of a sequence and step goes. */
static unsigned int outer_shape(const struct answers *answers, const struct sequences *seqs,
				size_t *shape)
{
	bool step_first = seqs->layout == SEQUENCES_STEP_FIRST;

	if (!answers->per_step || seqs->layout == SEQUENCES_ONE || seqs->layout == SEQUENCES_ROWS ||
	    seqs->layout == SEQUENCES_END_TO_END) {
		shape[0] = answers->vectors;
		return 1;
	}
	shape[0] = step_first ? seqs->max_steps : seqs->count;
	shape[1] = step_first ? seqs->count : seqs->max_steps;
	return 2;
}

static void put(const struct answers *answers, void *data, size_t to, size_t from)
{
	const float *values = answers->values + from * answers->elements;

	if (answers->index)
		((int64_t *)data)[to] = values[0];
	else
		memcpy((float *)data + to * answers->elements, values,
		       answers->elements * sizeof(*values));
}

static void arrange(const struct answers *answers, const struct sequences *seqs, void *data)
{
	bool transpose = answers->per_step && seqs->layout == SEQUENCES_STEP_FIRST;
	size_t i, s, from, vectors;

	for (i = 0; i < seqs->count; i++) {
		vectors = answers->per_step ? seqs->steps[i] : 1;
		for (s = 0; s < vectors; s++) {
			from = answers->first[i] + s;
			put(answers, data, transpose ? s * seqs->count + i : from, from);
		}
	}
}

int answers_save(const struct answers *answers, const struct sequences *seqs, const char *path,
		 struct dh_error *err)
{
	struct dh_array array = { .dtype = answers->index ? DH_DTYPE_I8 : DH_DTYPE_F4 };
	int ret;

	array.ndim = outer_shape(answers, seqs, array.shape);
	if (!answers->index)
		array.shape[array.ndim++] = answers->elements;
	array.data = calloc(dh_array_count(&array) + 1, dh_dtype_size(array.dtype));
	if (!array.data) {
		dh_error_set(err, "%s: out of memory", path);
		return -ENOMEM;
	}
	arrange(answers, seqs, array.data);
	ret = dh_npy_save(path, &array, err);
	dh_array_free(&array);
	return ret;
}

void answers_free(struct answers *answers)
{
	free(answers->first);
	free(answers->values);
	memset(answers, 0, sizeof(*answers));
}
