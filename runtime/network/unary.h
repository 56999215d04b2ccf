/* SPDX-License-Identifier: MIT */
/*
 * The value of operations of one number, for their kernel and for those of recurrent layers.
 */
#ifndef DELTAHOP_UNARY_H
#define DELTAHOP_UNARY_H

#include <math.h>

#include "network/function.h"
#include "network/net.h"

static inline float dh_limit(float x, float low, float high)
{
	return x < low ? low : x > high ? high : x;
}

/** dh_unary() - operation @op of @x, with the attributes a and b */
static inline float dh_unary(enum dh_net_op op, float x, float a, float b)
{
	switch (op) {
	case DH_NET_RELU:
		return x > 0 ? x : 0;
	case DH_NET_CLIP:
		return dh_limit(x, a, b);
	case DH_NET_LEAKY_RELU:
		return x < 0 ? a * x : x;
	case DH_NET_THRESHOLDED_RELU:
		return x > a ? x : 0;
	case DH_NET_ELU:
		return x < 0 ? a * dh_expm1(x) : x;
	case DH_NET_SELU:
		return x < 0 ? b * (a * dh_expm1(x)) : b * x;
	case DH_NET_CELU:
		return x < 0 ? a * dh_expm1(x / a) : x;
	case DH_NET_SIGMOID:
		return dh_sigmoid(x);
	case DH_NET_HARD_SIGMOID:
		return dh_limit(a * x + b, 0, 1);
	case DH_NET_HARD_SWISH:
		return x * dh_limit(x / 6 + 0.5f, 0, 1);
	case DH_NET_TANH:
		return dh_tanh(x);
	case DH_NET_SOFTPLUS:
		return x > 40 ? x : dh_log1p(dh_exp(x));
	case DH_NET_SOFTSIGN:
		return x / (1 + fabsf(x));
	case DH_NET_EXP:
		return dh_exp(x);
	case DH_NET_LOG:
		return dh_log(x);
	case DH_NET_SQRT:
		return sqrtf(x);
	case DH_NET_ABS:
		return fabsf(x);
	case DH_NET_NEG:
		return -x;
	case DH_NET_RECIPROCAL:
		return 1 / x;
	case DH_NET_FLOOR:
		return floorf(x);
	case DH_NET_CEIL:
		return ceilf(x);
	case DH_NET_ROUND:
		return rintf(x);
	case DH_NET_SIGN:
		return (x > 0) - (x < 0);
	case DH_NET_ERF:
		return dh_erf(x);
	default:
		return x;
	}
}

#endif /* DELTAHOP_UNARY_H */
