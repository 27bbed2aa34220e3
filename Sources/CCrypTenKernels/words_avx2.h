// Vectors of four words, for the kernels that are written by hand for AVX2.
#ifndef CCT_WORDS_AVX2_H
#define CCT_WORDS_AVX2_H

#include "support.h"

#if CCT_X86

/// Words of a vector.
enum { CCT_LANES = 4 };

/// Vectors that are worked through side by side where each step waits for the one before: the others fill the gap.
enum { CCT_SIDE_BY_SIDE = 8 };

CCT_INLINE CCT_AVX2 __m256i cct_load(const uint64_t *from) { return _mm256_loadu_si256((const __m256i *)from); }
CCT_INLINE CCT_AVX2 void cct_store(uint64_t *to, __m256i x) { _mm256_storeu_si256((__m256i *)to, x); }

/// The same word in every place.
CCT_INLINE CCT_AVX2 __m256i cct_all(uint64_t word) { return _mm256_set1_epi64x((long long)word); }

/// The product of the low halves, in full. The empty statement keeps the compiler from merging the multiplication with what was
/// done to `a`: it makes five instructions of two.
CCT_INLINE CCT_AVX2 __m256i cct_product(__m256i a, __m256i b) {
    __asm__("" : "+x"(a));
    return _mm256_mul_epu32(a, b);
}

/// Words `a` shifted by a number that is known when this is compiled, zeros coming in.
CCT_INLINE CCT_AVX2 __m256i cct_down(__m256i a, const int bits) { return _mm256_srli_epi64(a, bits); }
CCT_INLINE CCT_AVX2 __m256i cct_up(__m256i a, const int bits) { return _mm256_slli_epi64(a, bits); }

/// The part of a product from bit 32 on: the sum of `cross`'s halves, which are a1 * b0 and a0 * b1, their low 32 bits.
CCT_INLINE CCT_AVX2 __m256i cct_crossed(__m256i cross) { return cct_up(_mm256_add_epi64(cross, cct_down(cross, 32)), 32); }

/// a * b modulo 2^64: with halves, a0 * b0 + 2^32 (a1 * b0 + a0 * b1).
CCT_INLINE CCT_AVX2 __m256i cct_multiply(__m256i a, __m256i b) {
    const __m256i cross = _mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xB1));
    return _mm256_add_epi64(cct_product(a, b), cct_crossed(cross));
}

/// a * b + c * d.
CCT_INLINE CCT_AVX2 __m256i cct_multiply_two(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i cross = _mm256_add_epi32(_mm256_mullo_epi32(a, _mm256_shuffle_epi32(b, 0xB1)),
                                           _mm256_mullo_epi32(c, _mm256_shuffle_epi32(d, 0xB1)));
    return _mm256_add_epi64(_mm256_add_epi64(cct_product(a, b), cct_product(c, d)), cct_crossed(cross));
}

#endif
#endif
