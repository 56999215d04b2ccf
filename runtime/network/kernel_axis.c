// SPDX-License-Identifier: MIT
/* Kernels of what goes along axes. */
#include <math.h>

#include "network/function.h"
#include "network/walk.h"

/* --- Softmax --- */

/* Softmax of @count elements, @step apart. */
static void softmax(const float *x, float *y, size_t count, size_t step, bool log)
{
	float max = -INFINITY;
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		max = x[i * step] > max ? x[i * step] : max;
	for (size_t i = 0; i < count; i++)
		sum += dh_exp((double)x[i * step] - max);
	for (size_t i = 0; i < count; i++) {
		double rest = (double)x[i * step] - max;

		y[i * step] = log ? rest - dh_log(sum) : dh_exp(rest) / sum;
	}
}

void dh_kernel_softmax(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0);
	uint32_t axis = k->node->attr.softmax.axis, end = k->node->attr.softmax.end;
	size_t outer = dh_elements(x, 0, axis), count = dh_elements(x, axis, end);
	size_t inner = dh_elements(x, end, x->rank);
	const float *in = dh_kernel_read(k, 0);
	float *out = dh_kernel_write(k, 0);

	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 0; i < inner; i++) {
			size_t at = o * count * inner + i;

			softmax(in + at, out + at, count, inner, k->node->op == DH_NET_LOG_SOFTMAX);
		}
	}
}

/* --- reductions --- */

/* A walk over the axes of @x of which the bit in @axes is @chosen. */
static bool walk_axes(const struct dh_net_tensor *x, uint32_t axes, bool chosen,
		      struct dh_walk *walk)
{
	ptrdiff_t strides[DH_NET_MAX_RANK];

	dh_walk_strides(x, strides);
	*walk = dh_walk_begin(1);
	for (uint32_t i = 0; i < x->rank; i++) {
		if ((axes >> i & 1) == chosen)
			dh_walk_axis(walk, x->dims[i], &strides[i]);
	}
	return dh_walk_start(walk);
}

static double float_step(enum dh_net_op op, double sum, double x)
{
	switch (op) {
	case DH_NET_REDUCE_MAX:
		return x > sum ? x : sum;
	case DH_NET_REDUCE_MIN:
		return x < sum ? x : sum;
	case DH_NET_REDUCE_PROD:
		return sum * x;
	case DH_NET_REDUCE_L1:
		return sum + fabs(x);
	case DH_NET_REDUCE_L2:
	case DH_NET_REDUCE_SUM_SQUARE:
		return sum + x * x;
	default:
		return sum + x;
	}
}

static int64_t int_step(enum dh_net_op op, int64_t sum, int64_t x)
{
	switch (op) {
	case DH_NET_REDUCE_MAX:
		return x > sum ? x : sum;
	case DH_NET_REDUCE_MIN:
		return x < sum ? x : sum;
	case DH_NET_REDUCE_PROD:
		return (uint64_t)sum * x;
	default:
		return (uint64_t)sum + x;
	}
}

/* What the steps begin with; of maximum and minimum it is an element. */
static int start_of(enum dh_net_op op)
{
	return op == DH_NET_REDUCE_PROD;
}

static bool is_extreme(enum dh_net_op op)
{
	return op == DH_NET_REDUCE_MAX || op == DH_NET_REDUCE_MIN;
}

static float reduce_floats(const struct dh_net_node *node, const struct dh_net_tensor *x,
			   const float *from)
{
	double sum = is_extreme(node->op) ? *from : start_of(node->op);
	size_t count = 0;
	struct dh_walk walk;

	walk_axes(x, node->attr.reduce.axes, true, &walk);
	do {
		for (ptrdiff_t i = 0; i < (ptrdiff_t)walk.span; i++)
			sum = float_step(node->op, sum, from[walk.at[0] + i * walk.step[0]]);
		count += walk.span;
	} while (dh_walk_next(&walk));
	if (node->op == DH_NET_REDUCE_MEAN)
		return sum / (double)count;
	return node->op == DH_NET_REDUCE_L2 ? sqrt(sum) : sum;
}

static int64_t reduce_ints(const struct dh_net_node *node, const struct dh_net_tensor *x,
			   const int64_t *from)
{
	int64_t sum = is_extreme(node->op) ? *from : start_of(node->op), count = 0;
	struct dh_walk walk;

	walk_axes(x, node->attr.reduce.axes, true, &walk);
	do {
		for (ptrdiff_t i = 0; i < (ptrdiff_t)walk.span; i++)
			sum = int_step(node->op, sum, from[walk.at[0] + i * walk.step[0]]);
		count += (int64_t)walk.span;
	} while (dh_walk_next(&walk));
	return node->op == DH_NET_REDUCE_MEAN && count ? sum / count : sum;
}

void dh_kernel_reduce(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0);
	const float *floats = dh_kernel_read(k, 0);
	const int64_t *ints = dh_kernel_read(k, 0);
	float *float_out = dh_kernel_write(k, 0);
	int64_t *int_out = dh_kernel_write(k, 0);
	struct dh_walk walk;

	if (!walk_axes(x, k->node->attr.reduce.axes, false, &walk))
		return;
	do {
		for (ptrdiff_t i = 0; i < (ptrdiff_t)walk.span; i++) {
			ptrdiff_t at = walk.at[0] + i * walk.step[0];

			if (x->type == DH_NET_FLOAT)
				*float_out++ = reduce_floats(k->node, x, floats + at);
			else
				*int_out++ = reduce_ints(k->node, x, ints + at);
		}
	} while (dh_walk_next(&walk));
}

/* --- ArgMax, ArgMin --- */

/* Is element @a, which comes after @b, the one to choose? */
static bool wins(const struct dh_kernel *k, size_t a, size_t b)
{
	bool max = k->node->op == DH_NET_ARG_MAX, last = k->node->attr.arg.last;

	if (dh_kernel_in(k, 0)->type == DH_NET_FLOAT) {
		const float *x = dh_kernel_read(k, 0);

		return (max ? x[a] > x[b] : x[a] < x[b]) || (last && x[a] == x[b]);
	}
	const int64_t *x = dh_kernel_read(k, 0);

	return (max ? x[a] > x[b] : x[a] < x[b]) || (last && x[a] == x[b]);
}

void dh_kernel_arg(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0);
	uint32_t axis = k->node->attr.arg.axis;
	size_t outer = dh_elements(x, 0, axis), inner = dh_elements(x, axis + 1, x->rank);
	int64_t *y = dh_kernel_write(k, 0);

	for (size_t o = 0; o < outer; o++) {
		for (size_t i = 0; i < inner; i++) {
			size_t first = o * x->dims[axis] * inner + i, best = 0;

			for (size_t n = 1; n < x->dims[axis]; n++) {
				if (wins(k, first + n * inner, first + best * inner))
					best = n;
			}
			*y++ = (int64_t)best;
		}
	}
}
