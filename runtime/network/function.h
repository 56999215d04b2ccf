/* SPDX-License-Identifier: MIT */
/*
 * Functions of one number, from additions, multiplications, divisions and roots only: the C library's
 * differ in the last bit between machines, and a network must not. Good to about 1e-12.
 */
#ifndef DELTAHOP_FUNCTION_H
#define DELTAHOP_FUNCTION_H

#include <stdint.h>

/** dh_to_int() - the whole part of x, or the nearest integer that there is; 0 for not a number */
int64_t dh_to_int(float x);

/** dh_exp() - e to the power of x; beyond 700 as for 700 */
double dh_exp(double x);

/** dh_expm1() - dh_exp(x) - 1, also good near 0 */
double dh_expm1(double x);

/** dh_log() - natural logarithm; -infinity for 0, not a number below */
double dh_log(double x);

/** dh_log1p() - dh_log(1 + x), also good near 0 */
double dh_log1p(double x);

/** dh_tanh() - hyperbolic tangent */
double dh_tanh(double x);

/** dh_sigmoid() - 1 / (1 + e to the power of -x) */
double dh_sigmoid(double x);

/** dh_erf() - error function */
double dh_erf(double x);

/** dh_pow() - x to the power of y; not a number for a root of a negative x */
double dh_pow(double x, double y);

#endif /* DELTAHOP_FUNCTION_H */
