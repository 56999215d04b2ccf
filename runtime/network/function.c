// SPDX-License-Identifier: MIT
/* Functions of one number that are the same on every machine. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "network/function.h"

#define LN2_HIGH      0x1.62e42fefa3800p-1 /* few enough bits for exact multiples */
#define LN2_LOW	      0x1.ef35793c76730p-45
#define SQRT_HALF     0.70710678118654752440
#define TWO_SQRT_PI   1.12837916709551257390 /* 2 / sqrt(pi) */
#define NEAR_ZERO     1e-5
#define LARGEST_POWER 700.0

int64_t dh_to_int(float x)
{
	if (isnan(x))
		return 0;
	return x >= 0x1p63f ? INT64_MAX : x <= -0x1p63f ? INT64_MIN : (int64_t)x;
}

static double power_of_two(int64_t exponent)
{
	uint64_t bits = (uint64_t)(exponent + 1023) << 52;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

double dh_exp(double x)
{
	double k, rest, sum = 1;

	if (isnan(x))
		return x;
	x = x > LARGEST_POWER ? LARGEST_POWER : x < -LARGEST_POWER ? -LARGEST_POWER : x;
	k = rint(x / (LN2_HIGH + LN2_LOW));
	rest = x - k * LN2_HIGH - k * LN2_LOW;
	for (int n = 13; n > 0; n--)
		sum = 1 + sum * rest / n;
	return sum * power_of_two(k);
}

double dh_expm1(double x)
{
	return fabs(x) < NEAR_ZERO ? x + x * x / 2 : dh_exp(x) - 1;
}

double dh_log(double x)
{
	double m, s, square, sum = 0;
	int exponent;

	if (!(x > 0) || isinf(x))
		return x == 0 ? -INFINITY : x < 0 ? NAN : x;
	m = frexp(x, &exponent);
	if (m < SQRT_HALF) {
		m *= 2;
		exponent--;
	}
	s = (m - 1) / (m + 1);
	square = s * s;
	for (int n = 19; n > 0; n -= 2)
		sum = sum * square + 1.0 / n;
	return 2 * s * sum + exponent * LN2_LOW + exponent * LN2_HIGH;
}

double dh_log1p(double x)
{
	return fabs(x) < NEAR_ZERO ? x - x * x / 2 : dh_log(1 + x);
}

double dh_tanh(double x)
{
	double square = x * x;

	if (square < 1e-6)
		return x * (1 - square / 3 * (1 - square * 2 / 5));
	return 1 - 2 / (dh_exp(2 * x) + 1);
}

double dh_sigmoid(double x)
{
	return 1 / (1 + dh_exp(-x));
}

/* The series of erf() loses no more than six digits up to 4, where it is 1 in float. */
double dh_erf(double x)
{
	double square = x * x, term = x, sum = x;

	if (square > 16)
		return x > 0 ? 1 : -1;
	for (int n = 1; n < 100 && fabs(term) > 1e-18; n++) {
		term *= -square / n;
		sum += term / (2 * n + 1);
	}
	return TWO_SQRT_PI * sum;
}

static double whole_power(double x, unsigned int y)
{
	double product = 1;

	for (; y; y >>= 1) {
		if (y & 1)
			product *= x;
		x *= x;
	}
	return product;
}

double dh_pow(double x, double y)
{
	bool whole = rint(y) == y, odd = whole && fmod(y, 2) != 0;
	double size;

	if (whole && fabs(y) <= 64)
		return y < 0 ? 1 / whole_power(x, -y) : whole_power(x, y);
	if (y == 0.5)
		return sqrt(x);
	if (x == 0)
		return y > 0 ? 0 : INFINITY;
	size = dh_exp(y * dh_log(fabs(x)));
	if (x > 0)
		return size;
	return !whole ? NAN : odd ? -size : size;
}
