// SPDX-License-Identifier: MIT
/* From float weights to the device's. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compile/quantise.h"

#define PUBLISHED_FRAC 7
#define MAX_FRAC       15
/* A dense Sigmoid needs pre-activations down to -8 for its padding. */
#define MAX_FRAC_SIGMOID 12
/* Pre-activations pass through int16 Q8.8. */
#define Q88_MAX (32767.0 / 256)
/* Without calibration data inputs are taken to stay below this. */
#define ASSUMED_INPUT 8.0
/*
 * How far a sum without calibration data is taken to go, in units of its spread (the inputs' limit
 * counts as four).
 */
#define UNMEASURED_MARGIN 2
/* What was measured may be exceeded by new data. */
#define MARGIN 2.0
/* Vectors whose largest value is below this get a finer scale. */
#define SMALL	0.5
#define MAX_EXP 16

struct context {
	const struct dh_graph *graph;
	const struct dh_quant_options *options;
	struct dh_quant *quant;
	struct dh_error *err;
};

static bool is_gru(const struct dh_graph_layer *layer)
{
	return layer->cell == DELTAHOP_CELL_GRU;
}

/* Its results are within -1..1, and its pre-activations have no scale. */
static bool saturates(const struct dh_graph_layer *layer)
{
	return is_gru(layer) || layer->activation == DELTAHOP_ACT_SIGMOID ||
	       layer->activation == DELTAHOP_ACT_TANH;
}

static unsigned int gate_count(const struct dh_graph_layer *layer)
{
	return is_gru(layer) ? DH_GATE_COUNT : 1;
}

static uint32_t round_up(uint32_t value, uint32_t unit, uint32_t least)
{
	value = (value + unit - 1) / unit * unit;
	return value < least ? least : value;
}

/*
 * Smallest exponent with which values up to @max fit in int16 Q8.8; small vectors get more
 * resolution.
 */
static int scale_exp(double max)
{
	int exp = 0;

	if (max <= 0 || !isfinite(max))
		return 0;
	while (exp < MAX_EXP && max > Q88_MAX * ldexp(1, exp))
		exp++;
	while (exp > -MAX_EXP && max <= SMALL * ldexp(1, exp))
		exp--;
	return exp;
}

/* --- how large can a sum become? --- */

/* Largest real value of the layer's input. */
static double input_bound(const struct context *ctx, uint32_t index)
{
	const struct dh_float_run *ranges = ctx->options->ranges;
	const struct dh_graph_layer *before = index ? &ctx->graph->layers[index - 1] : NULL;

	if (before && saturates(before))
		return 1;
	if (ranges)
		return MARGIN * (before ? ranges->layers[index - 1].output_max : ranges->input_max);
	return before ? Q88_MAX * ldexp(1, ctx->quant->layers[index - 1].output_exp)
		      : ASSUMED_INPUT;
}

static double row_bound(const float *row, size_t count, double max)
{
	double sum = 0;

	for (size_t i = 0; row && i < count; i++)
		sum += fabs(row[i]);
	return sum * max;
}

static double square_sum(const float *values, size_t count, double scale)
{
	double sum = 0;

	for (size_t i = 0; values && i < count; i++)
		sum += values[i] * scale * values[i] * scale;
	return sum;
}

/*
 * What the sums of a layer may reach when nothing was measured: worst cases multiplied from layer
 * to layer would leave no bits.
 */
static double likely_sum(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	size_t rows = gate_count(layer) * (size_t)layer->hidden;
	double x_max = input_bound(ctx, index), most = 0;

	for (size_t row = 0; row < rows; row++) {
		double squares = square_sum(layer->w + row * layer->inputs, layer->inputs, x_max);
		double likely;

		if (layer->r)
			squares += square_sum(layer->r + row * layer->hidden, layer->hidden, 1);
		likely = fabs(layer->bias[row]) + UNMEASURED_MARGIN * sqrt(squares);
		most = likely > most ? likely : most;
	}
	return most;
}

/*
 * Bound of accumulator @bias (enum dh_gru_bias) of a layer: over all inputs within bounds, and by
 * what was measured.
 */
static double sum_bound(const struct context *ctx, uint32_t index, unsigned int bias)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	unsigned int gate = bias == DH_BIAS_CH ? DH_GATE_C : bias;
	double x_max = bias == DH_BIAS_CH ? 0 : input_bound(ctx, index), worst = 0;
	size_t h = layer->hidden, i = layer->inputs;

	for (size_t k = 0; k < h; k++) {
		double sum = fabs(layer->bias[bias * h + k]) +
			     row_bound(layer->w + (gate * h + k) * i, i, x_max);

		if (is_gru(layer) && bias != DH_BIAS_CX)
			sum += row_bound(layer->r + (gate * h + k) * h, h, 1);
		if (sum > worst)
			worst = sum;
	}
	if (ctx->options->ranges &&
	    MARGIN * ctx->options->ranges->layers[index].sum_max[bias] < worst)
		worst = MARGIN * ctx->options->ranges->layers[index].sum_max[bias];
	return worst;
}

/* --- fraction bits of the weights --- */

struct gate_weights {
	const float *w;
	size_t w_count;
	double w_scale;
	const float *r;
	size_t r_count;
};

static double error_of(const float *values, size_t count, double scale, int frac)
{
	double unit = ldexp(1, -frac), error = 0;

	for (size_t i = 0; values && i < count; i++) {
		double want = values[i] * scale, have = rint(want / unit);

		have = have < -128 ? -128 : have > 127 ? 127 : have;
		error += (want - have * unit) * (want - have * unit);
	}
	return error;
}

static double gate_error(const struct gate_weights *gate, int frac)
{
	return error_of(gate->w, gate->w_count, gate->w_scale, frac) +
	       error_of(gate->r, gate->r_count, 1, frac);
}

static int best_frac(const struct gate_weights *gate, int most)
{
	double least = INFINITY;
	int best = 0;

	for (int frac = 0; frac <= most; frac++) {
		double error = gate_error(gate, frac);

		if (error < least) {
			least = error;
			best = frac;
		}
	}
	return best;
}

/* An accumulator has 24 bits, of which 8 + frac are fraction. */
static int most_frac(double bound)
{
	int frac = MAX_FRAC;

	while (frac > 0 && bound >= ldexp(1, 15 - frac))
		frac--;
	return frac;
}

static struct gate_weights gate_of(const struct dh_graph_layer *layer,
				   const struct dh_quant_layer *out, unsigned int gate)
{
	size_t w_count = (size_t)layer->hidden * layer->inputs,
	       r_count = (size_t)layer->hidden * layer->hidden;

	return (struct gate_weights){
		.w = layer->w + gate * w_count,
		.w_count = w_count,
		.w_scale = ldexp(1, out->input_exp - out->output_exp),
		.r = layer->r ? layer->r + gate * r_count : NULL,
		.r_count = r_count,
	};
}

static double gate_bound(const struct context *ctx, uint32_t index, unsigned int gate)
{
	double bound = sum_bound(ctx, index, gate), second;

	if (!is_gru(&ctx->graph->layers[index]) || gate != DH_GATE_C)
		return bound;
	second = sum_bound(ctx, index, DH_BIAS_CH);
	return second > bound ? second : bound;
}

static void choose_fractions(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	struct dh_quant_layer *out = &ctx->quant->layers[index];
	double error = 0, power = 0;

	for (unsigned int g = 0; g < gate_count(layer); g++) {
		struct gate_weights gate = gate_of(layer, out, g);
		int most = most_frac(gate_bound(ctx, index, g) * ldexp(1, -out->output_exp));

		if (layer->activation == DELTAHOP_ACT_SIGMOID && most > MAX_FRAC_SIGMOID)
			most = MAX_FRAC_SIGMOID;
		out->weight_frac[g] = ctx->options->caps & DELTAHOP_CAP_RNN_WEIGHT_SCALE
					      ? best_frac(&gate, most)
					      : PUBLISHED_FRAC;
		error += gate_error(&gate, out->weight_frac[g]);
		power += square_sum(gate.w, gate.w_count, gate.w_scale) +
			 square_sum(gate.r, gate.r_count, 1);
	}
	out->weight_error = power > 0 ? sqrt(error / power) : 0;
}

/* --- scales of vectors --- */

static void choose_scales(const struct context *ctx, uint32_t index)
{
	const struct dh_float_run *ranges = ctx->options->ranges;
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	struct dh_quant_layer *out = &ctx->quant->layers[index];
	double bound, likely;

	if (index)
		out->input_exp = ctx->quant->layers[index - 1].output_exp;
	else if (ranges && !ctx->options->input_is_fixed)
		out->input_exp = scale_exp(ranges->input_max);
	likely = ranges ? INFINITY : likely_sum(ctx, index);
	if (saturates(layer)) {
		out->likely_sum = ranges ? 0 : likely;
		return;
	}
	bound = sum_bound(ctx, index, 0);
	out->output_exp = scale_exp(likely < bound ? likely : bound);
}

/* --- writing it down --- */

static int refuse(const struct context *ctx, uint32_t index, const char *text)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];

	ctx->quant->refused_layer = index;
	snprintf(ctx->quant->refused, sizeof(ctx->quant->refused), "%s", text);
	dh_error_set(ctx->err, "node %s (%s): %s", layer->node, layer->op, text);
	return -EOPNOTSUPP;
}

static int8_t to_int8(double value, int frac)
{
	double scaled = rint(ldexp(value, frac));

	return scaled < -128 ? -128 : scaled > 127 ? 127 : (int8_t)scaled;
}

/* Rows of one gate in every column. */
static void fill_gate(const struct dh_graph_layer *layer, struct dh_quant_layer *out,
		      unsigned int g)
{
	struct gate_weights gate = gate_of(layer, out, g);
	size_t column = gate_count(layer) * (size_t)out->hidden, h = layer->hidden,
	       i = layer->inputs;
	int8_t *x = out->weights + g * out->hidden + (out->bias_column ? column : 0);
	int8_t *recurrent = x + out->inputs * column;

	for (size_t row = 0; row < h; row++) {
		for (size_t k = 0; k < i; k++)
			x[k * column + row] =
				to_int8(gate.w[row * i + k] * gate.w_scale, out->weight_frac[g]);
		for (size_t k = 0; gate.r && k < h; k++)
			recurrent[k * column + row] =
				to_int8(gate.r[row * h + k], out->weight_frac[g]);
		if (out->bias_column)
			out->weights[g * out->hidden + row] =
				to_int8(layer->bias[g * h + row], out->weight_frac[g]);
	}
}

static bool fill_bias(const struct dh_graph_layer *layer, struct dh_quant_layer *out)
{
	unsigned int count = is_gru(layer) ? DH_BIAS_COUNT : 1;

	for (unsigned int b = 0; b < count; b++) {
		int frac = 8 + out->weight_frac[b == DH_BIAS_CH ? DH_GATE_C : b] - out->output_exp;

		for (uint32_t k = 0; k < out->hidden; k++) {
			bool padding = k >= layer->hidden;
			double value = !padding ? layer->bias[b * layer->hidden + k]
				       : layer->activation == DELTAHOP_ACT_SIGMOID ? -8
										   : 0;

			value = rint(ldexp(value, frac));
			if (value < -0x800000 || value > 0x7fffff)
				return false;
			out->bias[b * out->hidden + k] = value;
		}
	}
	return true;
}

/*
 * What int8 can hold at most. Without capability bits: weights in [-1, 127/128], biases too, none
 * for the recurrent product of the candidate, zero start.
 */
static int check_values(const struct context *ctx, uint32_t index, const float *values,
			size_t count, double scale, const char *what)
{
	bool scales = ctx->options->caps & DELTAHOP_CAP_RNN_WEIGHT_SCALE;
	char text[256], times[64] = "";

	if (scale != 1)
		snprintf(times, sizeof(times), ", times %g by the scales of input and output,",
			 scale);
	for (size_t i = 0; values && i < count; i++) {
		double scaled = rint(ldexp(values[i] * scale, scales ? 0 : PUBLISHED_FRAC));

		if (scaled >= -128 && scaled <= 127)
			continue;
		snprintf(text, sizeof(text),
			 scales ? "%s %g%s is outside of [-128, 127], all that int8 can hold; "
				  "scale the network's inputs and weights"
				: "%s %g%s is outside of [-1, 127/128], all that this profile can "
				  "hold; train with weights clipped to that range, or use profile "
				  "card",
			 what, values[i], times);
		return refuse(ctx, index, text);
	}
	return 0;
}

/* Pre-activations are int16 Q8.8; one that starts outside would come back as another. */
static int check_biases(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	size_t count = (is_gru(layer) ? DH_BIAS_COUNT : 1) * (size_t)layer->hidden;
	char text[256];

	for (size_t i = 0; saturates(layer) && i < count; i++) {
		if (fabsf(layer->bias[i]) < Q88_MAX)
			continue;
		snprintf(text, sizeof(text),
			 "bias %g of unit %zu is outside of (-128, 128), all that a pre-activation "
			 "can be on the engine; Sigmoid and Tanh are flat beyond 16: clip it there",
			 layer->bias[i], i % layer->hidden);
		return refuse(ctx, index, text);
	}
	return 0;
}

static int check_weights(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	const struct dh_quant_layer *out = &ctx->quant->layers[index];
	size_t h = layer->hidden, gates = gate_count(layer);
	int ret = check_values(ctx, index, layer->w, gates * h * layer->inputs,
			       ldexp(1, out->input_exp - out->output_exp), "input weight");

	return ret ? ret : check_values(ctx, index, layer->r, gates * h * h, 1, "recurrent weight");
}

static int check_bias_column(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	size_t h = layer->hidden;
	int ret = check_values(ctx, index, layer->bias, gate_count(layer) * h, 1, "bias");

	if (ret)
		return ret;
	for (size_t k = 0; k < h; k++) {
		if (layer->bias[DH_BIAS_CH * h + k] != 0)
			return refuse(ctx, index,
				      "the recurrent bias of the candidate gate (Rbh) is not zero; "
				      "this profile has no such bias: train without "
				      "it, or use profile card");
		if (layer->h0 && layer->h0[k] != 0)
			return refuse(ctx, index,
				      "initial_h is not zero; this profile starts from zeros: use "
				      "zeros, or profile card");
	}
	return 0;
}

static bool alloc_layer(struct dh_quant *quant, const struct dh_graph_layer *layer,
			struct dh_quant_layer *out)
{
	size_t column = gate_count(layer) * (size_t)out->hidden;

	out->weight_bytes =
		column * (out->bias_column + out->inputs + (is_gru(layer) ? out->hidden : 0));
	out->weights = dh_arena_alloc(&quant->arena, out->weight_bytes, 1);
	out->bias = dh_arena_alloc(&quant->arena, (is_gru(layer) ? DH_BIAS_COUNT : 1) * out->hidden,
				   sizeof(*out->bias));
	if (layer->h0)
		out->h0 = dh_arena_alloc(&quant->arena, out->hidden, sizeof(*out->h0));
	return out->weights && out->bias && (out->h0 || !layer->h0);
}

static int fill_layer(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	struct dh_quant_layer *out = &ctx->quant->layers[index];

	if (!alloc_layer(ctx->quant, layer, out)) {
		dh_error_set(ctx->err, "out of memory");
		return -ENOMEM;
	}
	for (unsigned int g = 0; g < gate_count(layer); g++)
		fill_gate(layer, out, g);
	if (!out->bias_column && !fill_bias(layer, out))
		return refuse(ctx, index,
			      "a bias does not fit in a 24-bit accumulator; scale the network's "
			      "values down");
	for (uint32_t k = 0; layer->h0 && k < layer->hidden; k++) {
		if (!(fabsf(layer->h0[k]) <= Q88_MAX))
			return refuse(ctx, index,
				      "initial_h has values beyond 127.99; a GRU's state is within "
				      "[-1, 1]");
		out->h0[k] = rintf(layer->h0[k] * 256);
	}
	return 0;
}

static int quantise_layer(const struct context *ctx, uint32_t index)
{
	const struct dh_graph_layer *layer = &ctx->graph->layers[index];
	struct dh_quant_layer *out = &ctx->quant->layers[index];
	int ret;

	out->inputs = index ? ctx->quant->layers[index - 1].hidden : round_up(layer->inputs, 4, 4);
	out->hidden = round_up(layer->hidden, 8, 16);
	out->bias_column = !(ctx->options->caps & DELTAHOP_CAP_RNN_TEMPLATE);
	choose_scales(ctx, index);
	choose_fractions(ctx, index);
	ret = check_weights(ctx, index);
	if (!ret)
		ret = check_biases(ctx, index);
	if (!ret && out->bias_column && is_gru(layer))
		ret = check_bias_column(ctx, index);
	return ret ? ret : fill_layer(ctx, index);
}

static uint32_t input_limit(const struct context *ctx)
{
	double limit = ceil(ldexp(input_bound(ctx, 0) * 256, -ctx->quant->layers[0].input_exp));

	return limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX;
}

int dh_quantise(const struct dh_graph *graph, const struct dh_quant_options *options,
		struct dh_quant *quant, struct dh_error *err)
{
	struct context ctx = { graph, options, quant, err };
	int ret = 0;

	quant->arena.limit = SIZE_MAX;
	for (uint32_t i = 0; !ret && i < graph->layer_count; i++)
		ret = quantise_layer(&ctx, i);
	quant->input_limit = input_limit(&ctx);
	return ret;
}

void dh_quant_free(struct dh_quant *quant)
{
	dh_arena_free(&quant->arena);
}
