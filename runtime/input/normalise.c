// SPDX-License-Identifier: MIT
/* From event counts to the values of a frame: sigma is that of the counts that are not zero. */
#include <math.h>

#include "input/normalise.h"

#define ONE	  256
#define SIGMAS	  3
#define MIN_SIGMA (0.1 / 255)
#define GREY	  (127.0 / 255) /* an empty pixel where off events are dark and on events bright */

static const struct {
	const char *name;
	uint16_t clip;
} ways[] = {
	[DH_NORMALISE_CAER] = { "caer", 200 },
	[DH_NORMALISE_JAER] = { "jaer", 100 },
	[DH_NORMALISE_JAER_CENTRED] = { "jaer-centred", 100 },
	[DH_NORMALISE_LINEAR] = { "linear", 16 },
};

const char *dh_normalise_name(unsigned int how)
{
	return how < sizeof(ways) / sizeof(*ways) ? ways[how].name : NULL;
}

uint16_t dh_normalise_clip(enum dh_normalise how)
{
	return ways[how].clip;
}

/* Number and sum of the counts that are not zero. */
static int64_t sum_up(const int32_t *counts, size_t pixels, int64_t *number)
{
	int64_t sum = 0;
	size_t i;

	*number = 0;
	for (i = 0; i < pixels; i++) {
		sum += counts[i];
		*number += counts[i] != 0;
	}
	return sum;
}

/* --- as cAER does: in integers, exactly ------------------------------------------------ */

/* Sum of the squared distances from the mean, which is cut to a whole number as cAER's is. */
static uint64_t squares(const int32_t *counts, size_t pixels, int64_t *number)
{
	int64_t sum = sum_up(counts, pixels, number), mean = *number ? sum / *number : 0;
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < pixels; i++)
		if (counts[i])
			total += (counts[i] - mean) * (counts[i] - mean);
	return total;
}

/* The largest number up to ONE whose square is at most @num / @den; ONE if @den is 0. */
static int32_t root(uint64_t num, uint64_t den)
{
	int32_t q = 0;

	for (int32_t bit = ONE; bit; bit >>= 1)
		if (q + bit <= ONE && (uint64_t)(q + bit) * (q + bit) * den <= num)
			q += bit;
	return q;
}

/*
 * floor(256 n / 3 sigma), or floor(256 (n + 3 sigma) / 6 sigma) with polarity, from 0 to 256; sigma
 * squared is squares / number. Where sigma is 0, cAER takes one so small that all counts are cut.
 */
static int16_t caer_pixel(int32_t count, int64_t number, uint64_t squares, bool polarity)
{
	uint64_t half = polarity ? ONE / 2 : ONE, den = SIGMAS * SIGMAS * squares, num;
	int32_t value;

	if (!count)
		return polarity ? (int16_t)(GREY * ONE) : 0;
	num = half * half * (uint64_t)((int64_t)count * count) * number;
	value = root(num, den);
	if (!polarity)
		return value;
	/* Below the middle, the floor is that of a negative number. */
	if (count < 0 && (uint64_t)value * value * den < num)
		value++;
	value = count < 0 ? (int32_t)half - value : (int32_t)half + value;
	return value < 0 ? 0 : value > ONE ? ONE : value;
}

static void caer(const int32_t *counts, size_t pixels, bool polarity, int16_t *q8, float *values)
{
	int64_t number;
	uint64_t total = squares(counts, pixels, &number);
	size_t i;

	for (i = 0; i < pixels; i++) {
		q8[i] = caer_pixel(counts[i], number, total, polarity);
		values[i] = (float)q8[i] / ONE;
	}
}

/* --- the others: in floating point, to the nearest -------------------------------------- */

static double sigma_of(const int32_t *counts, size_t pixels)
{
	int64_t number, sum = sum_up(counts, pixels, &number);
	double mean = number ? (double)sum / number : 0, total = 0, sigma;
	size_t i;

	for (i = 0; i < pixels; i++)
		if (counts[i])
			total += (counts[i] - mean) * (counts[i] - mean);
	sigma = number ? sqrt(total / number) : 0;
	return sigma > MIN_SIGMA ? sigma : MIN_SIGMA;
}

static double jaer_pixel(int32_t count, double sigma, bool polarity, bool centred)
{
	double zero = polarity ? GREY : 0, range = SIGMAS * sigma, value;

	if (!count)
		value = zero;
	else
		value = polarity ? (count + range) / (2 * range) : count / range;
	value = value < 0 ? 0 : value > 1 ? 1 : value;
	return centred ? (value - zero) / (1 - zero) : value;
}

void dh_normalise(enum dh_normalise how, const int32_t *counts, size_t pixels, uint16_t clip,
		  bool polarity, int16_t *q8, float *values)
{
	double sigma, value;
	size_t i;

	if (how == DH_NORMALISE_CAER) {
		caer(counts, pixels, polarity, q8, values);
		return;
	}
	sigma = sigma_of(counts, pixels);
	for (i = 0; i < pixels; i++) {
		if (how == DH_NORMALISE_LINEAR)
			value = (double)counts[i] / clip;
		else
			value = jaer_pixel(counts[i], sigma, polarity,
					   how == DH_NORMALISE_JAER_CENTRED);
		values[i] = (float)value;
		q8[i] = (int16_t)lrint(value * ONE);
	}
}
