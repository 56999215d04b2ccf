/* SPDX-License-Identifier: MIT */
/*
 * Fixed point: real = int16 / 256 * 2^scale_exp.
 */
#ifndef DELTAHOP_FIXED_H
#define DELTAHOP_FIXED_H

#include <math.h>
#include <stdint.h>

/** dh_fixed_unit() - the real value of 1 */
static inline double dh_fixed_unit(int32_t scale_exp)
{
	return ldexp(1.0 / 256, scale_exp);
}

/**
 * dh_fixed() - the nearest number, to even between two
 * @per_unit: 1 / dh_fixed_unit(), a power of two
 * @clipped: counts values that are out of range, of which the nearest one in range comes out
 */
static inline int16_t dh_fixed(double value, double per_unit, uint64_t *clipped)
{
	double q = nearbyint(value * per_unit);

	if (q >= INT16_MIN && q <= INT16_MAX)
		return q;
	++*clipped;
	return q < 0 ? INT16_MIN : INT16_MAX;
}

#endif /* DELTAHOP_FIXED_H */
