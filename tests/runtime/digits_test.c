// SPDX-License-Identifier: MIT
/*
 * digits_test FOLDER: the spoken-digit network from ONNX to answers, through the public header;
 * every output bit against the reference, on several devices, with and without thresholds. Prints
 * the accuracy.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"
#include "deltahop.h"
#include "program/program.h"
#include "reference.h"

#define RECORDINGS 300
#define LAYERS_MAX 8

static struct dh_error err;

static void need(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "%s: %s\n", what, err.text);
	exit(1);
}

static void *load(const char *folder, const char *name, size_t *count)
{
	struct dh_array array;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	need(dh_npy_load(path, &array, &err), name);
	*count = array.shape[0];
	return array.data;
}

/* --- the reference -------------------------------------------------------------- */

struct network {
	const struct dh_program *program;
	struct ref_layer layer[LAYERS_MAX];
	struct ref_state memory[LAYERS_MAX];
	int theta;
};

static void prepare(struct network *net, const struct dh_program *program, int theta)
{
	uint32_t i;

	memset(net, 0, sizeof(*net));
	net->program = program;
	net->theta = theta;
	for (i = 0; i < program->layer_count; i++) {
		const struct dh_layer *layer = &program->layers[i].layer;

		net->layer[i] = (struct ref_layer){
			.cell = layer->cell,
			.activation = layer->activation,
			.no_bias = layer->no_bias,
			.inputs = layer->inputs,
			.hidden = layer->hidden,
			.weights = (const int8_t *)program->weights.data + layer->weight_offset,
		};
		memcpy(net->layer[i].frac, layer->weight_frac, 4);
		if (program->state_template.size)
			ref_load(&net->layer[i], &net->memory[i],
				 program->state_template.data + layer->state_offset);
	}
}

/* Layers of one run, one step. */
static const int16_t *step(struct network *net, uint32_t run, const int16_t *x)
{
	static struct ref_trace trace;
	uint32_t i, theta;

	for (i = 0; i < net->program->layer_count; i++) {
		if (net->program->layers[i].run != run)
			continue;
		theta = net->layer[i].cell == DELTAHOP_CELL_DENSE ? 0 : net->theta;
		ref_step(&net->layer[i], &net->memory[i], theta, theta, x, &trace);
		x = net->memory[i].h;
	}
	return x;
}

static const int16_t *infer(struct network *net, const int16_t *x, uint32_t steps, uint32_t pitch)
{
	const int16_t *y = NULL;
	uint32_t s, run;

	for (s = 0; s < steps; s++)
		y = step(net, 0, x + (size_t)s * pitch);
	for (run = 1; run < net->program->run_count; run++)
		y = step(net, run, y);
	return y;
}

/* --- the device ------------------------------------------------------------------ */

struct data {
	const int16_t *features;
	const int32_t *lengths;
	const uint8_t *labels;
};

static uint32_t longest(const struct data *data)
{
	uint32_t i, most = 0;

	for (i = 0; i < RECORDINGS; i++)
		if (data->lengths[i] > (int32_t)most)
			most = data->lengths[i];
	return most;
}

static int check(const struct dh_job *job, const struct dh_program *program,
		 const int16_t *expected, uint32_t recording)
{
	if (!memcmp(dh_job_output(job), expected, program->output.elements * sizeof(*expected)))
		return 0;
	fprintf(stderr, "recording %u: output differs from the reference\n", recording);
	return 1;
}

static uint32_t answer(const int16_t *y, uint32_t count)
{
	uint32_t i, at = 0;

	for (i = 1; i < count; i++)
		if (y[i] > y[at])
			at = i;
	return at;
}

static int run_all(const char *spec, const struct dh_program *program, const struct data *data,
		   int theta)
{
	struct dh_instance *instance;
	struct dh_device *device;
	struct dh_stream *stream;
	static struct network net;
	struct dh_job *job;
	const int16_t *x = data->features;
	uint32_t i, s, right = 0, pitch = program->input.padded, width = program->input.elements;
	int wrong = 0;

	need(dh_device_open(spec, &device, &err), spec);
	need(dh_instance_create(device, program, NULL, &instance, &err), "instance");
	need(dh_instance_set_theta(instance, -1, theta, theta, &err), "threshold");
	need(dh_stream_create(instance, &stream, &err), "stream");
	need(dh_job_create(instance, longest(data), &job, &err), "job");
	for (i = 0; i < RECORDINGS; i++) {
		uint32_t steps = data->lengths[i];

		for (s = 0; s < steps; s++, x += width)
			memcpy(dh_job_input(job) + (size_t)s * pitch, x, width * sizeof(*x));
		need(dh_run(job, stream, steps, DH_JOB_RESET, &err), "run");
		prepare(&net, program, theta);
		wrong += check(job, program, infer(&net, dh_job_input(job), steps, pitch), i);
		right += answer(dh_job_output(job), program->output.elements) == data->labels[i];
	}
	printf("%s, threshold %d: %u of %u right, %d different\n", spec, theta, right, RECORDINGS,
	       wrong);
	dh_instance_destroy(instance);
	dh_device_close(device);
	return wrong || right < 270;
}

int main(int argc, char **argv)
{
	struct dh_compile_settings settings = { .size = sizeof(settings) };
	struct dh_program *program;
	char onnx[512], calibration[512], lengths[512];
	struct data data;
	size_t count;
	int failed;

	if (argc != 2)
		return 1;
	snprintf(onnx, sizeof(onnx), "%s/spoken_digits.onnx", argv[1]);
	snprintf(calibration, sizeof(calibration), "%s/calibration_features.npy", argv[1]);
	snprintf(lengths, sizeof(lengths), "%s/calibration_lengths.npy", argv[1]);
	settings.calibration = calibration;
	settings.lengths = lengths;
	need(dh_program_compile(onnx, &settings, &program, &err), onnx);
	data.features = load(argv[1], "test_features.npy", &count);
	data.lengths = load(argv[1], "test_lengths.npy", &count);
	data.labels = load(argv[1], "test_labels.npy", &count);
	failed = run_all("embedded", program, &data, 0);
	failed |= run_all("embedded:pes=32,dram-n=2,dram-q=1", program, &data, 16);
	failed |= run_all("embedded:card-size=0,link-n=0,pes=8", program, &data, 64);
	dh_program_free(program);
	free((void *)data.features);
	free((void *)data.lengths);
	free((void *)data.labels);
	return failed;
}
