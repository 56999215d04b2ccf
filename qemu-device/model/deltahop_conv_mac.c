// SPDX-License-Identifier: MIT
/*
 * The multiply-accumulate units: pixels of many channels at one place times their kernels, for all
 * output maps at once. Sums wrap modulo 2^32, so any order of adding gives the same bits.
 */
#include <string.h>

#if defined(__x86_64__) && !defined(DH_PORTABLE)
#define DH_X86
#include <immintrin.h>
#endif

#include "deltahop_conv.h"

/* What the vectors leave over, and the whole where there are none. */
static void add_plain(uint32_t *accu, size_t count, const int16_t *const *kernel, size_t offset,
		      const int16_t *value, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const int16_t *weight = kernel[k] + offset;

		for (size_t i = 0; i < count; i++)
			accu[i] += (uint32_t)(value[k] * weight[i]);
	}
}

#ifdef DH_X86
/* Two pixels side by side, as multiply-and-add of pairs wants them. */
static inline int32_t pair(const int16_t *value)
{
	int32_t both;

	memcpy(&both, value, sizeof(both));
	return both;
}

static inline __m128i load8(const int16_t *weight)
{
	return _mm_loadu_si128((const __m128i *)weight);
}

static inline void store_sum(uint32_t *accu, __m128i sum)
{
	__m128i *at = (__m128i *)accu;

	_mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), sum));
}

static void add_sse2(uint32_t *accu, size_t count, const int16_t *const *kernel, size_t offset,
		     const int16_t *value, size_t n)
{
	size_t i;

	for (i = 0; i + 8 <= count; i += 8) {
		__m128i low = _mm_setzero_si128(), high = low;

		for (size_t k = 0; k < n; k += 2) {
			__m128i v = _mm_set1_epi32(pair(value + k));
			__m128i w0 = load8(kernel[k] + offset + i);
			__m128i w1 = load8(kernel[k + 1] + offset + i);

			low = _mm_add_epi32(low, _mm_madd_epi16(_mm_unpacklo_epi16(w0, w1), v));
			high = _mm_add_epi32(high, _mm_madd_epi16(_mm_unpackhi_epi16(w0, w1), v));
		}
		store_sum(accu + i, low);
		store_sum(accu + i + 4, high);
	}
	add_plain(accu + i, count - i, kernel, offset + i, value, n);
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load16(const int16_t *weight)
{
	return _mm256_loadu_si256((const __m256i *)weight);
}

/* Add the products of two pixels with 16 weights to elements 0..3, 8..11 and 4..7, 12..15. */
AVX2 static inline void add_products(__m256i *even, __m256i *odd, __m256i w0, __m256i w1, __m256i v)
{
	*even = _mm256_add_epi32(*even, _mm256_madd_epi16(_mm256_unpacklo_epi16(w0, w1), v));
	*odd = _mm256_add_epi32(*odd, _mm256_madd_epi16(_mm256_unpackhi_epi16(w0, w1), v));
}

/* Bring the elements in order, and add them. */
AVX2 static inline void store_sums(uint32_t *accu, __m256i even, __m256i odd)
{
	__m256i *at = (__m256i *)accu;

	_mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at),
						 _mm256_permute2x128_si256(even, odd, 0x20)));
	_mm256_storeu_si256(at + 1, _mm256_add_epi32(_mm256_loadu_si256(at + 1),
						     _mm256_permute2x128_si256(even, odd, 0x31)));
}

AVX2 static void add_avx2(uint32_t *accu, size_t count, const int16_t *const *kernel, size_t offset,
			  const int16_t *value, size_t n)
{
	size_t i;

	for (i = 0; i + 32 <= count; i += 32) {
		__m256i even0 = _mm256_setzero_si256(), odd0 = even0, even1 = even0, odd1 = even0;

		for (size_t k = 0; k < n; k += 2) {
			const int16_t *w0 = kernel[k] + offset + i,
				      *w1 = kernel[k + 1] + offset + i;
			__m256i v = _mm256_set1_epi32(pair(value + k));

			add_products(&even0, &odd0, load16(w0), load16(w1), v);
			add_products(&even1, &odd1, load16(w0 + 16), load16(w1 + 16), v);
		}
		store_sums(accu + i, even0, odd0);
		store_sums(accu + i + 16, even1, odd1);
	}
	add_sse2(accu + i, count - i, kernel, offset + i, value, n);
}

dh_conv_add_function *dh_conv_choose_add(void)
{
	return __builtin_cpu_supports("avx2") ? add_avx2 : add_sse2;
}

/* A bit for each of 16 values that is not zero. */
static inline uint32_t nonzero_bits(const int16_t *values)
{
	__m128i zero = _mm_setzero_si128(), low = _mm_cmpeq_epi16(load8(values), zero),
		high = _mm_cmpeq_epi16(load8(values + 8), zero);

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(low, high)) ^ 0xffff;
}
#else
dh_conv_add_function *dh_conv_choose_add(void)
{
	return add_plain;
}

static inline uint32_t nonzero_bits(const int16_t *values)
{
	uint32_t bits = 0;

	for (int i = 0; i < 16; i++)
		bits |= (uint32_t)(values[i] != 0) << i;
	return bits;
}
#endif

size_t dh_conv_gather(const int16_t *values, size_t count, uint16_t *index, int16_t *pixel)
{
	size_t n = 0, i = 0;

	for (; i + 16 <= count; i += 16) {
		for (uint32_t bits = nonzero_bits(values + i); bits; bits &= bits - 1) {
			index[n] = i + __builtin_ctz(bits);
			pixel[n] = values[index[n]];
			n++;
		}
	}
	for (; i < count; i++) {
		index[n] = i;
		pixel[n] = values[i];
		n += values[i] != 0;
	}
	pixel[n] = 0;
	return n;
}
