/* SPDX-License-Identifier: MIT */
/* Numbers of the manual in wide integers, plainly. Shared by the references, by nothing else. */
#ifndef DELTAHOP_TEST_REFERENCE_NUMBER_H
#define DELTAHOP_TEST_REFERENCE_NUMBER_H

/** ref_cut() - the low @bits bits as a signed number */
static inline long long ref_cut(long long v, int bits)
{
	long long modulus = 1LL << bits, rest = ((v % modulus) + modulus) % modulus;

	return rest >= modulus / 2 ? rest - modulus : rest;
}

/** ref_down() - v / 2^n rounded down */
static inline long long ref_down(long long v, int n)
{
	long long unit = 1LL << n;

	return v >= 0 ? v / unit : -((-v + unit - 1) / unit);
}

/** ref_ceil() - a / b rounded up, for numbers that are not negative */
static inline long long ref_ceil(long long a, long long b)
{
	return (a + b - 1) / b;
}

#endif /* DELTAHOP_TEST_REFERENCE_NUMBER_H */
