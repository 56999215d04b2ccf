// SPDX-License-Identifier: MIT
/* Kernels of what goes element by element. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "import/onnx.h"
#include "network/unary.h"
#include "network/walk.h"

/* --- one input --- */

/* The switch over @op is outside of the loop where the compiler knows @op. */
static inline __attribute__((always_inline)) void
unary_loop(enum dh_net_op op, const float *x, float *y, size_t count, float a, float b)
{
	for (size_t i = 0; i < count; i++)
		y[i] = dh_unary(op, x[i], a, b);
}

static void unary_floats(enum dh_net_op op, const float *x, float *y, size_t count, float a,
			 float b)
{
	switch (op) {
	case DH_NET_RELU:
		unary_loop(DH_NET_RELU, x, y, count, a, b);
		break;
	case DH_NET_CLIP:
		unary_loop(DH_NET_CLIP, x, y, count, a, b);
		break;
	case DH_NET_LEAKY_RELU:
		unary_loop(DH_NET_LEAKY_RELU, x, y, count, a, b);
		break;
	default:
		unary_loop(op, x, y, count, a, b);
		break;
	}
}

static int64_t unary_int(enum dh_net_op op, int64_t x, float a, float b)
{
	switch (op) {
	case DH_NET_RELU:
		return x > 0 ? x : 0;
	case DH_NET_CLIP:
		return x < a ? dh_to_int(a) : x > b ? dh_to_int(b) : x;
	case DH_NET_ABS:
		return x < 0 ? (int64_t) - (uint64_t)x : x;
	case DH_NET_NEG:
		return -(uint64_t)x;
	case DH_NET_SIGN:
		return (x > 0) - (x < 0);
	default: /* DH_NET_NOT */
		return !x;
	}
}

void dh_kernel_unary(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0), *out = dh_kernel_out(k, 0);
	const int64_t *ints = dh_kernel_read(k, 0);
	float a = k->node->attr.unary.a, b = k->node->attr.unary.b;
	int64_t *y = dh_kernel_write(k, 0);
	size_t count = dh_net_elements(x);

	if (x->type == DH_NET_FLOAT) {
		unary_floats(k->node->op, dh_kernel_read(k, 0), dh_kernel_write(k, 0), count, a, b);
		return;
	}
	for (size_t i = 0; i < count; i++)
		y[i] = dh_onnx_int_wrap(out->onnx_type, unary_int(k->node->op, ints[i], a, b));
}

static int64_t cast_to_int(const struct dh_kernel *k, size_t i, int32_t to)
{
	bool is_float = dh_kernel_in(k, 0)->type == DH_NET_FLOAT;
	float x = is_float ? ((const float *)dh_kernel_read(k, 0))[i] : 0;
	int64_t value = is_float ? dh_to_int(x) : ((const int64_t *)dh_kernel_read(k, 0))[i];

	if (to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL)
		return is_float ? x != 0 : value != 0;
	return dh_onnx_int_wrap(to, value);
}

void dh_kernel_cast(const struct dh_kernel *k)
{
	const struct dh_net_tensor *out = dh_kernel_out(k, 0), *in = dh_kernel_in(k, 0);
	size_t count = dh_net_elements(out);

	if (out->type == DH_NET_INT) {
		for (size_t i = 0; i < count; i++)
			((int64_t *)dh_kernel_write(k, 0))[i] = cast_to_int(k, i, out->onnx_type);
		return;
	}
	for (size_t i = 0; i < count; i++)
		((float *)dh_kernel_write(k, 0))[i] =
			in->type == DH_NET_FLOAT ? ((const float *)dh_kernel_read(k, 0))[i]
						 : ((const int64_t *)dh_kernel_read(k, 0))[i];
}

/* --- two inputs --- */

/* A span of an operation: expression of a[i] and b[i]. */
#define SPAN(type, out, expression)                                \
	do {                                                       \
		for (size_t i = 0; i < walk->span; i++) {          \
			type a = pa[(ptrdiff_t)i * walk->step[0]]; \
			type b = pb[(ptrdiff_t)i * walk->step[1]]; \
                                                                   \
			(out)[i] = (expression);                   \
		}                                                  \
	} while (0)

static void float_span(enum dh_net_op op, const struct dh_walk *walk, const float *pa,
		       const float *pb, float *y)
{
	pa += walk->at[0];
	pb += walk->at[1];
	switch (op) {
	case DH_NET_ADD:
		SPAN(float, y, a + b);
		break;
	case DH_NET_SUB:
		SPAN(float, y, a - b);
		break;
	case DH_NET_MUL:
		SPAN(float, y, a *b);
		break;
	case DH_NET_DIV:
		SPAN(float, y, a / b);
		break;
	case DH_NET_POW:
		SPAN(float, y, dh_pow(a, b));
		break;
	case DH_NET_MIN:
		SPAN(float, y, b < a ? b : a);
		break;
	case DH_NET_MAX:
		SPAN(float, y, b > a ? b : a);
		break;
	default: /* DH_NET_PRELU */
		SPAN(float, y, a < 0 ? a * b : a);
		break;
	}
}

static void compare_span(enum dh_net_op op, const struct dh_walk *walk, const float *pa,
			 const float *pb, int64_t *y)
{
	pa += walk->at[0];
	pb += walk->at[1];
	if (op == DH_NET_EQUAL)
		SPAN(float, y, a == b);
	else if (op == DH_NET_GREATER)
		SPAN(float, y, a > b);
	else
		SPAN(float, y, a < b);
}

/* Towards zero; what has no answer is 0, and the one that does not fit wraps. */
static int64_t int_quotient(int64_t a, int64_t b)
{
	return !b ? 0 : b == -1 ? (int64_t) - (uint64_t)a : a / b;
}

static int64_t int_power(int64_t x, int64_t y)
{
	uint64_t product = 1, factor = x;

	if (y < 0)
		return x == 1 || x == -1 ? (y % 2 ? x : 1) : 0;
	for (; y; y >>= 1) {
		if (y & 1)
			product *= factor;
		factor *= factor;
	}
	return product;
}

static void int_span(enum dh_net_op op, const struct dh_walk *walk, const int64_t *pa,
		     const int64_t *pb, int64_t *y)
{
	pa += walk->at[0];
	pb += walk->at[1];
	switch (op) {
	case DH_NET_ADD:
		SPAN(uint64_t, y, a + b);
		break;
	case DH_NET_SUB:
		SPAN(uint64_t, y, a - b);
		break;
	case DH_NET_MUL:
		SPAN(uint64_t, y, a * b);
		break;
	case DH_NET_DIV:
		SPAN(int64_t, y, int_quotient(a, b));
		break;
	case DH_NET_POW:
		SPAN(int64_t, y, int_power(a, b));
		break;
	case DH_NET_MIN:
		SPAN(int64_t, y, b < a ? b : a);
		break;
	case DH_NET_MAX:
		SPAN(int64_t, y, b > a ? b : a);
		break;
	case DH_NET_EQUAL:
		SPAN(int64_t, y, a == b);
		break;
	case DH_NET_GREATER:
		SPAN(int64_t, y, a > b);
		break;
	case DH_NET_LESS:
		SPAN(int64_t, y, a < b);
		break;
	case DH_NET_AND:
		SPAN(int64_t, y, a && b);
		break;
	default: /* DH_NET_OR */
		SPAN(int64_t, y, a || b);
		break;
	}
}

static void wrap_span(int32_t onnx_type, int64_t *y, size_t count)
{
	for (size_t i = 0; i < count; i++)
		y[i] = dh_onnx_int_wrap(onnx_type, y[i]);
}

void dh_kernel_binary(const struct dh_kernel *k)
{
	const struct dh_net_tensor *in[] = { dh_kernel_in(k, 0), dh_kernel_in(k, 1) };
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	const void *a = dh_kernel_read(k, 0), *b = dh_kernel_read(k, 1);
	char *y = dh_kernel_write(k, 0);
	struct dh_walk walk;

	if (!dh_walk_spread(&walk, out, in, 2))
		return;
	do {
		if (in[0]->type == DH_NET_INT) {
			int_span(k->node->op, &walk, a, b, (int64_t *)y);
			wrap_span(out->onnx_type, (int64_t *)y, walk.span);
		} else if (out->type == DH_NET_INT) {
			compare_span(k->node->op, &walk, a, b, (int64_t *)y);
		} else {
			float_span(k->node->op, &walk, a, b, (float *)y);
		}
		y += walk.span * dh_element_size(out->type);
	} while (dh_walk_next(&walk));
}

/* --- three inputs --- */

void dh_kernel_where(const struct dh_kernel *k)
{
	const struct dh_net_tensor *in[] = { dh_kernel_in(k, 0), dh_kernel_in(k, 1),
					     dh_kernel_in(k, 2) };
	const struct dh_net_tensor *out = dh_kernel_out(k, 0);
	const int64_t *condition = dh_kernel_read(k, 0);
	size_t size = dh_element_size(out->type);
	char *y = dh_kernel_write(k, 0);
	struct dh_walk walk;

	if (!dh_walk_spread(&walk, out, in, 3))
		return;
	do {
		for (ptrdiff_t i = 0; i < (ptrdiff_t)walk.span; i++, y += size) {
			int from = condition[walk.at[0] + i * walk.step[0]] ? 1 : 2;

			memcpy(y,
			       (const char *)dh_kernel_read(k, from) +
				       (walk.at[from] + i * walk.step[from]) * (ptrdiff_t)size,
			       size);
		}
	} while (dh_walk_next(&walk));
}

/* --- by channel --- */

void dh_kernel_scale(const struct dh_kernel *k)
{
	const struct dh_net_tensor *x = dh_kernel_in(k, 0);
	const float *in = dh_kernel_read(k, 0), *scale = dh_kernel_read(k, 1),
		    *shift = dh_kernel_read(k, 2);
	size_t channels = x->dims[1], inner = dh_elements(x, 2, x->rank);
	float *y = dh_kernel_write(k, 0);

	for (size_t row = 0; row < x->dims[0] * channels; row++) {
		for (size_t i = 0; i < inner; i++)
			*y++ = *in++ * scale[row % channels] + shift[row % channels];
	}
}
