// SPDX-License-Identifier: MIT
/*
 * The recurrent engine's multiply-accumulate. The x86 forms multiply the weights of a row in pairs,
 * which compilers do not find by themselves.
 */
#if defined(__x86_64__) && !defined(DH_PORTABLE)
#define DH_X86
#include <immintrin.h>
#endif

#include "deltahop_rnn.h"

#ifdef DH_X86
static inline int32_t pair(const int16_t *delta)
{
	return (int32_t)((uint16_t)delta[0] | (uint32_t)(uint16_t)delta[1] << 16);
}

static inline __m128i load8(const int8_t *bytes)
{
	return _mm_loadl_epi64((const __m128i *)bytes);
}

static void add_sse2(state32 *restrict accu, const int8_t *const column[DH_RNN_BATCH],
		     const int16_t delta[DH_RNN_BATCH], size_t count)
{
	__m128i d01 = _mm_set1_epi32(pair(delta)), d23 = _mm_set1_epi32(pair(delta + 2)),
		zero = _mm_setzero_si128();

	for (size_t i = 0; i < count; i += 8) {
		__m128i w01 = _mm_unpacklo_epi8(load8(column[0] + i), load8(column[1] + i));
		__m128i w23 = _mm_unpacklo_epi8(load8(column[2] + i), load8(column[3] + i));
		__m128i low = _mm_add_epi32(
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(zero, w01), 8), d01),
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpacklo_epi8(zero, w23), 8), d23));
		__m128i high = _mm_add_epi32(
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(zero, w01), 8), d01),
			_mm_madd_epi16(_mm_srai_epi16(_mm_unpackhi_epi8(zero, w23), 8), d23));
		__m128i *at = (__m128i *)(accu + i);

		_mm_storeu_si128(at, _mm_add_epi32(_mm_loadu_si128(at), low));
		_mm_storeu_si128(at + 1, _mm_add_epi32(_mm_loadu_si128(at + 1), high));
	}
}

#define AVX2 __attribute__((target("avx2")))

AVX2 static inline __m256i load16(const int8_t *bytes)
{
	return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)bytes));
}

AVX2 static void add_avx2(state32 *restrict accu, const int8_t *const column[DH_RNN_BATCH],
			  const int16_t delta[DH_RNN_BATCH], size_t count)
{
	__m256i d01 = _mm256_set1_epi32(pair(delta)), d23 = _mm256_set1_epi32(pair(delta + 2));
	const int8_t *rest[DH_RNN_BATCH];
	size_t i;

	for (i = 0; i + 16 <= count; i += 16) {
		__m256i w0 = load16(column[0] + i), w1 = load16(column[1] + i);
		__m256i w2 = load16(column[2] + i), w3 = load16(column[3] + i);
		/* Elements 0..3 and 8..11, then 4..7 and 12..15. */
		__m256i even =
			_mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(w0, w1), d01),
					 _mm256_madd_epi16(_mm256_unpacklo_epi16(w2, w3), d23));
		__m256i odd =
			_mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(w0, w1), d01),
					 _mm256_madd_epi16(_mm256_unpackhi_epi16(w2, w3), d23));
		__m256i *at = (__m256i *)(accu + i);

		_mm256_storeu_si256(at,
				    _mm256_add_epi32(_mm256_loadu_si256(at),
						     _mm256_permute2x128_si256(even, odd, 0x20)));
		_mm256_storeu_si256(at + 1,
				    _mm256_add_epi32(_mm256_loadu_si256(at + 1),
						     _mm256_permute2x128_si256(even, odd, 0x31)));
	}
	for (int k = 0; k < DH_RNN_BATCH; k++)
		rest[k] = column[k] + i;
	add_sse2(accu + i, rest, delta, count - i);
}

dh_add_function *dh_rnn_choose_add(void)
{
	return __builtin_cpu_supports("avx2") ? add_avx2 : add_sse2;
}
#else
static void add_plain(state32 *restrict accu, const int8_t *const column[DH_RNN_BATCH],
		      const int16_t delta[DH_RNN_BATCH], size_t count)
{
	for (size_t i = 0; i < count; i++)
		accu[i] += (uint32_t)(delta[0] * column[0][i] + delta[1] * column[1][i] +
				      delta[2] * column[2][i] + delta[3] * column[3][i]);
}

dh_add_function *dh_rnn_choose_add(void)
{
	return add_plain;
}
#endif
