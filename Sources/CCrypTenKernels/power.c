// Powers of two in integer arithmetic: the Taylor polynomial of 2^x to x^10 for x in [0, 1) at scale 2^30, by Horner's rule with
// every product rounded down, and a shift.
#include "words_avx2.h"

enum { ONE = 1 << 30, TERMS = 11 };

/// ln(2)^k / k! at scale 2^30, from k = 10 to 0.
static const uint64_t COEFFICIENTS[TERMS] = {8,        109,      1419,      16377,     165394, 1431680,
                                             10327387, 59597083, 257941248, 744261118, ONE};

/// floor(sum * x / 2^30) + term, for factors below 2^32.
CCT_INLINE uint64_t horner(uint64_t sum, uint64_t x, uint64_t term) {
    return ((uint64_t)(uint32_t)sum * (uint32_t)x >> 30) + term;
}

#if CCT_X86

#define FOR_EACH_VECTOR CCT_UNROLL for (int v = 0; v < CCT_SIDE_BY_SIDE; v++)

/// The exponents of vector `v`: `sign` is all ones where the words are negated.
CCT_INLINE CCT_AVX2 __m256i exponents_avx2(const uint64_t *a, int v, uint64_t sign, uint64_t offset) {
    const __m256i words = _mm256_xor_si256(cct_load(a + v * CCT_LANES), cct_all(sign));
    return _mm256_add_epi64(words, cct_all(offset - sign));
}

CCT_INLINE CCT_AVX2 void powers_avx2(uint64_t *out, const uint64_t *a, uint64_t sign, uint64_t offset, unsigned fraction_bits) {
    __m256i x[CCT_SIDE_BY_SIDE], sum[CCT_SIDE_BY_SIDE];
    FOR_EACH_VECTOR x[v] = _mm256_and_si256(cct_down(exponents_avx2(a, v, sign, offset), 28), cct_all(ONE - 1));
    FOR_EACH_VECTOR sum[v] = cct_all(COEFFICIENTS[0]);
    CCT_UNROLL
    for (int term = 1; term < TERMS; term++)
        FOR_EACH_VECTOR sum[v] = _mm256_add_epi64(cct_down(cct_product(sum[v], x[v]), 30), cct_all(COEFFICIENTS[term]));
    FOR_EACH_VECTOR {
        const __m256i whole = cct_down(exponents_avx2(a, v, sign, offset), 58);
        const __m256i shift = _mm256_and_si256(_mm256_sub_epi64(cct_all(62 - fraction_bits), whole), cct_all(63));
        const __m256i half = cct_down(_mm256_sllv_epi64(cct_all(1), shift), 1);
        const __m256i power = _mm256_add_epi64(cct_up(sum[v], 32), half);
        cct_store(out + v * CCT_LANES, _mm256_srlv_epi64(power, shift));
    }
}

CCT_AVX2 static void cct_u64_power_of_two_avx2(cct_instruction_set set, uint64_t *out, const uint64_t *a, int negated, uint64_t offset,
                                               unsigned fraction_bits, size_t count) {
    (void)set;
    const uint64_t sign = negated ? ~(uint64_t)0 : 0;
    enum { GROUP = CCT_SIDE_BY_SIDE * CCT_LANES };
    size_t i = 0;
    for (; i + GROUP <= count; i += GROUP) powers_avx2(out + i, a + i, sign, offset, fraction_bits);
    const size_t left = count - i;
    if (left) {
        uint64_t words[GROUP] = {0};
        memcpy(words, a + i, left * sizeof(uint64_t));
        powers_avx2(words, words, sign, offset, fraction_bits);
        memcpy(out + i, words, left * sizeof(uint64_t));
    }
}

#endif

CCT_FOR_EACH_OTHER_SET(
    cct_u64_power_of_two,
    (cct_instruction_set set, uint64_t *out, const uint64_t *a, int negated, uint64_t offset, unsigned fraction_bits,
     size_t count),
    (set, out, a, negated, offset, fraction_bits, count), {
        (void)set;
        const uint64_t sign = negated ? ~(uint64_t)0 : 0;
        for (size_t i = 0; i < count; i++) {
            const uint64_t exponent = (a[i] ^ sign) - sign + offset;
            const uint64_t x = (exponent >> 28) & (ONE - 1);
            uint64_t sum = COEFFICIENTS[0];
            CCT_UNROLL
            for (int term = 1; term < TERMS; term++) sum = horner(sum, x, COEFFICIENTS[term]);
            const uint64_t shift = (62 - fraction_bits - (exponent >> 58)) & 63;
            const uint64_t half = ((uint64_t)1 << shift) >> 1;
            out[i] = ((sum << 32) + half) >> shift;
        }
    })
