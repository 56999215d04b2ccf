// SPDX-License-Identifier: MIT
/* Layers in integers, an output value at a time. */
#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "compile/int_run.h"
#include "integers.h"

static long long clamp16(long long value)
{
	return value > 32767 ? 32767 : value < -32768 ? -32768 : value;
}

/* The integer that a real value is on the engine. */
static long long to_integer(const struct dh_plan *plan, struct dh_net_run *run, int32_t tensor,
			    size_t i)
{
	return clamp16(
		llrint(ldexp(dh_net_run_floats(run, tensor)[i], plan->tensors[tensor].frac)));
}

/* Values of all inputs one behind the other, in the network's order. */
static long long *gather(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			 struct dh_net_run *run)
{
	long long *values = NULL;
	size_t count = 0;

	for (uint32_t r = 0; r < layer->roots->count; r++) {
		int32_t tensor = layer->roots->tensors[r];
		size_t more = dh_net_elements(&plan->net->tensors[tensor]);

		values = realloc(values, (count + more) * sizeof(*values));
		ck_assert_ptr_nonnull(values);
		for (size_t i = 0; i < more; i++)
			values[count++] = to_integer(plan, run, tensor, i);
	}
	return values;
}

static long long sum_at(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			const long long *in, uint32_t o, long y, long x)
{
	const struct dh_plan_map *map = &plan->maps[layer->inputs[0]];
	long rows = layer->fully_connected ? 1 : (long)map->rows;
	long cols = layer->fully_connected ? 1 : (long)map->cols;
	long long sum = (long long)layer->biases[o] * (1LL << layer->bias_shift);

	for (uint32_t c = 0; c < layer->channels; c++) {
		for (long i = 0; i < (long)layer->kernel[0]; i++) {
			for (long j = 0; j < (long)layer->kernel[1]; j++) {
				long r = y * (long)layer->strides[0] + i - layer->pads[0];
				long k = x * (long)layer->strides[1] + j - layer->pads[1];
				size_t w = ((o * (size_t)layer->channels + c) * layer->kernel[0] +
					    i) * layer->kernel[1] +
					   j;

				if (r >= 0 && r < rows && k >= 0 && k < cols)
					sum += in[(c * rows + r) * cols + k] * layer->weights[w];
			}
		}
	}
	return sum;
}

/* The accumulator with what is added; nothing may wrap around. */
static long long accumulate(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			    struct dh_net_run *run, const long long *in, uint32_t o, uint32_t y,
			    uint32_t x)
{
	long long sum = sum_at(plan, layer, in, o, y, x);

	if (layer->add_tensor != DH_NET_NONE)
		sum += to_integer(plan, run, layer->add_tensor,
				  ((size_t)o * layer->out_rows + y) * layer->out_cols + x) *
		       (1LL << layer->add_shift);
	ck_assert_msg(sum >= INT32_MIN && sum <= INT32_MAX, "an accumulator is %lld", sum);
	return layer->relu && sum < 0 ? 0 : sum;
}

static long long floor_shift(long long value, int shift)
{
	return (long long)floor(ldexp((double)value, -shift));
}

static long long output_at(const struct dh_plan *plan, const struct dh_plan_layer *layer,
			   struct dh_net_run *run, const long long *in, uint32_t o, uint32_t y,
			   uint32_t x)
{
	long long square[4], result;

	if (!layer->pool)
		return clamp16(
			floor_shift(accumulate(plan, layer, run, in, o, y, x), layer->out_shift));
	for (uint32_t i = 0; i < 4; i++)
		square[i] = accumulate(plan, layer, run, in, o, 2 * y + i / 2, 2 * x + i % 2);
	result = square[0];
	for (int i = 1; i < 4; i++) {
		if (layer->pool == DH_POOL_AVERAGE)
			result += square[i];
		else if (square[i] > result)
			result = square[i];
	}
	return clamp16(
		floor_shift(result, layer->out_shift + (layer->pool == DH_POOL_AVERAGE ? 2 : 0)));
}

void integers_layer(const struct dh_plan *plan, const struct dh_plan_layer *layer,
		    struct dh_net_run *run)
{
	uint32_t step = layer->pool ? 2 : 1;
	uint32_t rows = layer->out_rows / step, cols = layer->out_cols / step;
	float *out = dh_net_run_floats(run, layer->out_tensor);
	long long *in = gather(plan, layer, run);

	for (uint32_t o = 0; o < layer->maps; o++) {
		for (uint32_t y = 0; y < rows; y++) {
			for (uint32_t x = 0; x < cols; x++)
				*out++ = (float)ldexp((double)output_at(plan, layer, run, in, o, y,
									x),
						      -plan->tensors[layer->out_tensor].frac);
		}
	}
	free(in);
}

static const struct dh_program *program_of(const struct dh_network *network, int32_t output)
{
	for (uint32_t i = 0; i < network->part_count; i++) {
		if (network->parts[i].outputs[0] == output)
			return network->parts[i].program;
	}
	ck_abort_msg("no part gives tensor %d", output);
	return NULL;
}

static void integers_chain(const struct dh_plan_chain *chain, const struct dh_network *network,
			   struct dh_net_run *run)
{
	struct dh_int_run *vectors = dh_int_run_create(program_of(network, chain->output));

	ck_assert_ptr_nonnull(vectors);
	dh_chain_run(vectors, chain->steps, dh_net_run_floats(run, chain->input),
		     dh_net_run_floats(run, chain->output));
	dh_int_run_free(vectors);
}

static void integers_behind(const struct dh_plan *plan, const struct dh_network *network,
			    uint32_t level, struct dh_net_run *run)
{
	for (uint32_t i = 0; i < plan->net->node_count; i++) {
		const struct dh_plan_chain *chain = dh_plan_chain_at(plan, i);

		if (chain && chain->level == level)
			integers_chain(chain, network, run);
		else if (plan->nodes[i].place == DH_PLACE_HOST && plan->nodes[i].level == level)
			dh_net_run_node(run, i);
	}
}

void integers_network(const struct dh_plan *plan, const struct dh_network *network,
		      struct dh_net_run *run)
{
	for (uint32_t level = 0; level < plan->level_count; level++) {
		for (uint32_t l = 0; l < plan->layer_count; l++) {
			if (plan->layers[l].part == level)
				integers_layer(plan, &plan->layers[l], run);
		}
		integers_behind(plan, network, level, run);
	}
}
