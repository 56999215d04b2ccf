// SPDX-License-Identifier: MIT
/* Runs the network over typical inputs. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compile/calibrate.h"
#include "compile/int_run.h"

/* Enough data, and a few seconds: multiply-accumulates that a calibration may take. */
#define MAX_WORK 6e9
/* Relative; int8 with a good scale has about 0.01. */
#define MAX_WEIGHT_ERROR 0.1

/**
 * struct dh_calibration - data and what was measured
 * @data: float [frames][elements]
 * @lengths: frames of each of @sequences sequences
 * @given: sequences in the file, of which @sequences are used
 */
struct dh_calibration {
	float *data;
	size_t *lengths;
	size_t sequences;
	size_t given;
	size_t frames;
	struct dh_float_run *ranges;
};

/* --- the data --- */

static double value_at(const struct dh_array *array, size_t i)
{
	switch (array->dtype) {
	case DH_DTYPE_I1:
		return ((const int8_t *)array->data)[i];
	case DH_DTYPE_I2:
		return ((const int16_t *)array->data)[i];
	case DH_DTYPE_I4:
		return ((const int32_t *)array->data)[i];
	case DH_DTYPE_I8:
		return ((const int64_t *)array->data)[i];
	case DH_DTYPE_U1:
		return ((const uint8_t *)array->data)[i];
	case DH_DTYPE_U2:
		return ((const uint16_t *)array->data)[i];
	case DH_DTYPE_U4:
		return ((const uint32_t *)array->data)[i];
	case DH_DTYPE_U8:
		return ((const uint64_t *)array->data)[i];
	case DH_DTYPE_F4:
		return ((const float *)array->data)[i];
	default:
		return ((const double *)array->data)[i];
	}
}

static int read_data(struct dh_calibration *c, const struct dh_graph *graph,
		     const struct dh_array *data, struct dh_error *err)
{
	bool is_q88 = data->dtype == DH_DTYPE_I2;
	size_t count = dh_array_count(data), elements = graph->input.elements;

	if (!is_q88 && data->dtype != DH_DTYPE_F4 && data->dtype != DH_DTYPE_F8) {
		dh_error_set(err, "calibration data are %s; give float32, float64 or int16 (Q8.8)",
			     dh_dtype_name(data->dtype));
		return -EINVAL;
	}
	if (data->ndim < 2 || data->ndim > 3 || data->shape[data->ndim - 1] != elements || !count) {
		dh_error_set(err,
			     "calibration data must have the shape [frames][%zu] or "
			     "[sequences][frames][%zu], like the network's input %s",
			     elements, elements, graph->input.name);
		return -EINVAL;
	}
	c->frames = count / elements;
	c->data = malloc(count * sizeof(*c->data));
	for (size_t i = 0; c->data && i < count; i++) {
		c->data[i] = is_q88 ? value_at(data, i) / 256 : value_at(data, i);
		if (!isfinite(c->data[i])) {
			dh_error_set(
				err,
				"calibration data: frame %zu, element %zu is not a finite number",
				i / elements, i % elements);
			return -EINVAL;
		}
	}
	if (!c->data)
		dh_error_set(err, "out of memory");
	return c->data ? 0 : -ENOMEM;
}

static int read_lengths(struct dh_calibration *c, const struct dh_array *lengths,
			struct dh_error *err)
{
	size_t sum = 0;

	if (lengths->ndim != 1 || lengths->dtype == DH_DTYPE_F4 || lengths->dtype == DH_DTYPE_F8) {
		dh_error_set(err, "lengths must be a list of integers");
		return -EINVAL;
	}
	for (size_t i = 0; i < c->sequences; i++) {
		double length = value_at(lengths, i);

		if (length < 1 || length > c->frames - sum) {
			dh_error_set(err,
				     "lengths[%zu] = %.0f: lengths must be at least 1 and add up "
				     "to the %zu frames of the data",
				     i, length, c->frames);
			return -EINVAL;
		}
		c->lengths[i] = length;
		sum += c->lengths[i];
	}
	if (sum == c->frames)
		return 0;
	dh_error_set(err, "lengths add up to %zu; the calibration data have %zu frames", sum,
		     c->frames);
	return -EINVAL;
}

/*
 * Without lengths: rows of a network without steps are independent; a third axis separates
 * sequences; else it is one.
 */
static int split_data(struct dh_calibration *c, const struct dh_graph *graph,
		      const struct dh_array *data, const struct dh_array *lengths,
		      struct dh_error *err)
{
	c->sequences = lengths ? dh_array_count(lengths)
		       : graph->input.step_axis < 0 && graph->fixed_steps == 1 ? c->frames
		       : data->ndim == 3				       ? data->shape[0]
									       : 1;
	c->given = c->sequences;
	c->lengths = calloc(c->sequences ? c->sequences : 1, sizeof(*c->lengths));
	if (!c->lengths) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	if (lengths)
		return read_lengths(c, lengths, err);
	for (size_t i = 0; i < c->sequences; i++)
		c->lengths[i] = c->frames / c->sequences;
	return 0;
}

/* Keep the sequences from the start that are affordable, at least one (cut short if need be). */
static void limit_work(struct dh_calibration *c, const struct dh_graph *graph)
{
	double per_frame = 1;
	size_t frames, sum = 0, keep = 0;

	for (uint32_t i = 0; i < graph->layer_count; i++) {
		const struct dh_graph_layer *layer = &graph->layers[i];
		double h = layer->hidden;

		per_frame += layer->r ? 3 * h * (layer->inputs + h) : h * layer->inputs;
	}
	frames = MAX_WORK / per_frame;
	if (c->lengths[0] > frames)
		c->lengths[0] = frames + 1;
	while (keep < c->sequences && (!keep || sum + c->lengths[keep] <= frames))
		sum += c->lengths[keep++];
	c->sequences = keep;
	c->frames = sum;
}

static int measure_ranges(struct dh_calibration *c, const struct dh_graph *graph,
			  struct dh_error *err)
{
	const float *frame = c->data;

	c->ranges = dh_float_run_create(graph);
	if (!c->ranges) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	for (size_t s = 0; s < c->sequences; s++) {
		dh_float_run_reset(c->ranges);
		for (size_t t = 0; t < c->lengths[s]; t++, frame += graph->input.elements)
			dh_float_run_step(c->ranges, frame);
		dh_float_run_finish(c->ranges);
	}
	return 0;
}

int dh_calibration_create(const struct dh_graph *graph, const struct dh_array *data,
			  const struct dh_array *lengths, struct dh_calibration **calibration,
			  struct dh_error *err)
{
	struct dh_calibration *c = calloc(1, sizeof(*c));
	int ret = 0;

	*calibration = c;
	if (!c) {
		dh_error_set(err, "out of memory");
		return -ENOMEM;
	}
	if (!data && lengths) {
		dh_error_set(err,
			     "lengths are given without calibration data; give both or neither");
		return -EINVAL;
	}
	if (!data)
		return 0;
	ret = read_data(c, graph, data, err);
	if (!ret)
		ret = split_data(c, graph, data, lengths, err);
	if (ret)
		return ret;
	limit_work(c, graph);
	return measure_ranges(c, graph, err);
}

void dh_calibration_free(struct dh_calibration *calibration)
{
	if (!calibration)
		return;
	dh_float_run_free(calibration->ranges);
	free(calibration->lengths);
	free(calibration->data);
	free(calibration);
}

const struct dh_float_run *dh_calibration_ranges(const struct dh_calibration *calibration)
{
	return calibration->ranges;
}

/* --- both arithmetics side by side --- */

/** struct meter - error of a layer's output so far */
struct meter {
	double square;
	double max;
	size_t count;
};

/** struct pair - the two runs */
struct pair {
	const struct dh_graph *graph;
	const struct dh_quant *quant;
	struct dh_float_run *exact;
	struct dh_int_run *device;
	struct meter meters[DH_GRAPH_MAX_LAYERS];
	int16_t *input;
	size_t clipped;
	size_t answers;
	size_t same;
};

static void quantise_input(struct pair *pair, const float *frame)
{
	double unit = ldexp(1, pair->quant->layers[0].input_exp) / 256;

	for (uint32_t i = 0; i < pair->graph->input.elements; i++) {
		double value = rint(frame[i] / unit);

		pair->clipped += value < INT16_MIN || value > INT16_MAX;
		pair->input[i] = value < INT16_MIN   ? INT16_MIN
				 : value > INT16_MAX ? INT16_MAX
						     : value;
	}
}

static void compare(struct pair *pair, bool per_step)
{
	for (uint32_t i = 0; i < pair->graph->layer_count; i++) {
		double unit = ldexp(1, pair->quant->layers[i].output_exp) / 256;
		struct meter *meter = &pair->meters[i];

		if (pair->graph->layers[i].per_step != per_step)
			continue;
		for (uint32_t k = 0; k < pair->graph->layers[i].hidden; k++) {
			double error = fabs(pair->device->layers[i].h[k] * unit -
					    pair->exact->layers[i].output[k]);

			meter->square += error * error;
			meter->max = error > meter->max ? error : meter->max;
			meter->count++;
		}
	}
}

/* Do both say the same class? */
static void compare_answers(struct pair *pair)
{
	const int16_t *device = dh_int_run_output(pair->device);
	const float *exact = dh_float_run_output(pair->exact);
	uint32_t best = 0, best_device = 0;

	for (uint32_t k = 1; k < pair->graph->output.elements; k++) {
		best = exact[k] > exact[best] ? k : best;
		best_device = device[k] > device[best_device] ? k : best_device;
	}
	pair->answers++;
	pair->same += best == best_device;
}

static void run_pair(struct pair *pair, const struct dh_calibration *c)
{
	const float *frame = c->data;

	for (size_t s = 0; s < c->sequences; s++) {
		dh_float_run_reset(pair->exact);
		dh_int_run_reset(pair->device);
		for (size_t t = 0; t < c->lengths[s]; t++, frame += pair->graph->input.elements) {
			quantise_input(pair, frame);
			dh_float_run_step(pair->exact, frame);
			dh_int_run_step(pair->device, pair->input);
			compare(pair, true);
		}
		dh_float_run_finish(pair->exact);
		dh_int_run_finish(pair->device);
		compare(pair, false);
		compare_answers(pair);
	}
}

static void write_row(const struct pair *pair, const struct dh_program *program, uint32_t i,
		      struct dh_explain *explain)
{
	const struct dh_graph_layer *source = &pair->graph->layers[i];
	const struct dh_quant_layer *quant = &pair->quant->layers[i];
	const struct meter *meter = &pair->meters[i];
	struct dh_explain_layer row = {
		.name = source->node,
		.op = source->op,
		.inputs = source->inputs,
		.hidden = source->hidden,
		.padded_inputs = program->layers[i].layer.inputs,
		.padded_hidden = program->layers[i].layer.hidden,
		.gates = source->cell == DELTAHOP_CELL_GRU ? DH_GATE_COUNT : 1,
		.weight_error = quant->weight_error,
		.output_scale_exp = quant->output_exp,
		.error_rms = -1,
	};

	memcpy(row.weight_frac, quant->weight_frac, sizeof(row.weight_frac));
	if (meter->count) {
		row.error_rms = sqrt(meter->square / meter->count);
		row.error_max = meter->max;
		row.headroom_bits = pair->device->layers[i].sum_max > 0
					    ? -log2(pair->device->layers[i].sum_max)
					    : 24;
	}
	dh_explain_layer(explain, &row);
}

static void write_notes(const struct pair *pair, const struct dh_calibration *c,
			struct dh_explain *explain)
{
	bool wrapped = false;

	for (uint32_t i = 0; i < pair->graph->layer_count; i++)
		wrapped |= pair->device->layers[i].sum_max >= 1;
	dh_explain_note(explain,
			"measured on %zu sequences, %zu frames of calibration data%s, with the "
			"default thresholds",
			c->sequences, c->frames,
			c->sequences < c->given ? " (the first of them, to save time)" : "");
	if (pair->graph->output.elements > 1)
		dh_explain_note(
			explain,
			"the largest output is the same as in float in %zu of %zu sequences",
			pair->same, pair->answers);
	if (pair->clipped)
		dh_explain_warn(explain,
				"%zu input values are outside of the range of the input's format "
				"and were clipped",
				pair->clipped);
	if (wrapped)
		dh_explain_warn(explain,
				"a 24-bit accumulator or an int16 pre-activation wrapped around on "
				"the calibration data (headroom below 0); results will be wrong: "
				"scale the input or the weights down");
}

/* What is wrong with a layer as such. */
static void warn_of_layer(const struct dh_graph_layer *layer, const struct dh_quant_layer *quant,
			  struct dh_explain *explain)
{
	if (quant->weight_error > MAX_WEIGHT_ERROR)
		dh_explain_warn(explain,
				"node %s (%s): weights as int8 are off by %.0f %%; results will be "
				"poor: train with weights of more equal size",
				layer->node, layer->op, 100 * quant->weight_error);
	if (quant->likely_sum > INT16_MAX / 256.0)
		dh_explain_warn(explain,
				"node %s (%s): pre-activations may reach %.0f, and wrap around at "
				"128; scale the input down, or show by --calibration X.npy that "
				"they do not",
				layer->node, layer->op, quant->likely_sum);
}

static void write_scales(const struct dh_graph *graph, const struct dh_quant *quant,
			 bool calibrated, struct dh_explain *explain)
{
	int exp = quant->layers[0].input_exp;

	if (!calibrated)
		dh_explain_warn(explain,
				"no calibration data: inputs are taken to lie within -%g..%g, and "
				"errors were not measured; give typical input with --calibration "
				"X.npy",
				quant->input_limit / 256.0, quant->input_limit / 256.0);
	else
		dh_explain_note(explain, "input %s: int16 = value * 256 / 2^%d", graph->input.name,
				exp);
}

static int start_pair(struct pair *pair, const struct dh_program *program)
{
	pair->exact = dh_float_run_create(pair->graph);
	pair->device = dh_int_run_create(program);
	pair->input = calloc(program->input.padded, sizeof(*pair->input));
	return pair->exact && pair->device && pair->input ? 0 : -ENOMEM;
}

int dh_calibration_report(struct dh_calibration *calibration, const struct dh_graph *graph,
			  const struct dh_quant *quant, const struct dh_program *program,
			  struct dh_explain *explain, struct dh_error *err)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int ret = pair ? 0 : -ENOMEM;

	if (!ret) {
		pair->graph = graph;
		pair->quant = quant;
		ret = start_pair(pair, program);
	}
	if (!ret && calibration->ranges)
		run_pair(pair, calibration);
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++) {
		write_row(pair, program, i, explain);
		warn_of_layer(&graph->layers[i], &quant->layers[i], explain);
	}
	if (!ret) {
		write_scales(graph, quant, calibration->ranges, explain);
		if (calibration->ranges)
			write_notes(pair, calibration, explain);
	} else {
		dh_error_set(err, "out of memory");
	}
	if (pair) {
		dh_float_run_free(pair->exact);
		dh_int_run_free(pair->device);
		free(pair->input);
	}
	free(pair);
	return ret;
}
