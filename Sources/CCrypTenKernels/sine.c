// The sine in integer arithmetic: x - x^3/3! + ... + x^13/13! for x in [0, pi/2] at scale 2^30, by Horner's rule with every
// product and quotient rounded down.
#include "words_avx2.h"

enum { HALF_PI = 1686629713 };  // pi / 2 at scale 2^30

/// a * b for factors below 2^32: the hint that one widening multiplication suffices.
CCT_INLINE uint64_t product(uint64_t a, uint64_t b) { return (uint64_t)(uint32_t)a * (uint32_t)b; }

/// 2^30 - floor((square * sum / 2^30) / d), where 1/d is `inverse` / 2^shift.
///
/// With e = inverse * d - 2^shift, floor(q * inverse / 2^shift) = floor(q / d) while q * e < 2^shift. Here q < 2^31.31, for
/// square < (pi/2)^2 2^30 and sum <= 2^30, and e is below 156, 96, 72, 42, 20 and 6: all six hold.
CCT_INLINE uint64_t horner(uint64_t square, uint64_t sum, uint64_t inverse, unsigned shift) {
    const uint64_t q = product(square, sum) >> 30;
    return ((uint64_t)1 << 30) - (product(q, inverse) >> shift);
}

#define INVERSE(D, SHIFT) ((((uint64_t)1 << (SHIFT)) + (D) - 1) / (D)), (SHIFT)

/// sin(2 pi u / 2^64) at scale 2^30.
CCT_INLINE uint64_t sine(uint64_t u) {
    const uint64_t one = (uint64_t)1 << 30;
    const uint64_t position = (u >> 32) & (one - 1);
    const uint64_t backwards = 0 - ((u >> 62) & 1);
    const uint64_t folded = ((one - position) & backwards) | (position & ~backwards);
    const uint64_t x = product(folded, HALF_PI) >> 30;
    const uint64_t square = product(x, x) >> 30;
    uint64_t sum = one;
    sum = horner(square, sum, INVERSE(156, 39));
    sum = horner(square, sum, INVERSE(110, 38));
    sum = horner(square, sum, INVERSE(72, 38));
    sum = horner(square, sum, INVERSE(42, 37));
    sum = horner(square, sum, INVERSE(20, 36));
    sum = horner(square, sum, INVERSE(6, 34));
    const uint64_t y = product(x, sum) >> 30;
    const uint64_t negative = 0 - (u >> 63);
    return (y ^ negative) - negative;
}

/// a / 2^30, rounded to the nearest, of a number with a sign.
CCT_INLINE uint64_t rounded(uint64_t a) { return (uint64_t)((int64_t)(a + ((uint64_t)1 << 29)) >> 30); }

// MARK: AVX2, whose multiplications take 32 bits and give 64: just what a sine needs

#if CCT_X86

/// Vectors of sines, and of harmonics, which have two each, that are worked through side by side.
enum { SINES = CCT_SIDE_BY_SIDE, HARMONICS = SINES / 2 };

#define FOR_EACH_VECTOR(COUNT) CCT_UNROLL for (int v = 0; v < COUNT; v++)

/// Horner's step, of vectors.
CCT_INLINE CCT_AVX2 void horner_avx2(__m256i sum[], const __m256i q[], uint64_t inverse, const int shift) {
    FOR_EACH_VECTOR(SINES) sum[v] = _mm256_sub_epi64(cct_all(1 << 30), cct_down(cct_product(q[v], cct_all(inverse)), shift));
}

/// Of positions in the first quarter, the sines.
CCT_INLINE CCT_AVX2 void quarter_sines(__m256i y[], const __m256i position[]) {
    __m256i x[SINES], square[SINES], q[SINES], sum[SINES];
    FOR_EACH_VECTOR(SINES) x[v] = cct_down(cct_product(position[v], cct_all(HALF_PI)), 30);
    FOR_EACH_VECTOR(SINES) square[v] = cct_down(cct_product(x[v], x[v]), 30);
    horner_avx2(sum, square, INVERSE(156, 39));
#define STEP(...)                                                               \
    FOR_EACH_VECTOR(SINES) q[v] = cct_down(cct_product(square[v], sum[v]), 30); \
    horner_avx2(sum, q, __VA_ARGS__)
    STEP(INVERSE(110, 38));
    STEP(INVERSE(72, 38));
    STEP(INVERSE(42, 37));
    STEP(INVERSE(20, 36));
    STEP(INVERSE(6, 34));
#undef STEP
    FOR_EACH_VECTOR(SINES) y[v] = cct_down(cct_product(x[v], sum[v]), 30);
}

/// The position of u in its quarter, counted backwards in the second and the fourth.
CCT_INLINE CCT_AVX2 __m256i position_avx2(__m256i u) {
    const __m256i high = cct_down(u, 32);
    const __m256i backwards = _mm256_srai_epi32(_mm256_slli_epi32(high, 1), 31);
    const __m256i position = _mm256_and_si256(high, cct_all((1 << 30) - 1));
    return _mm256_add_epi32(_mm256_xor_si256(position, backwards), _mm256_and_si256(backwards, cct_all((1 << 30) + 1)));
}

/// y, or -y in the half of the turn where sin(u) < 0.
CCT_INLINE CCT_AVX2 __m256i with_sign(__m256i y, __m256i u) {
    const __m256i negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), u);
    return _mm256_sub_epi64(_mm256_xor_si256(y, negative), negative);
}

CCT_INLINE CCT_AVX2 void sines_avx2(uint64_t *out, const uint64_t *a, uint64_t number, uint64_t offset) {
    __m256i u[SINES], position[SINES], y[SINES];
    FOR_EACH_VECTOR(SINES) {
        u[v] = _mm256_add_epi64(cct_multiply(cct_load(a + v * CCT_LANES), cct_all(number)), cct_all(offset));
    }
    FOR_EACH_VECTOR(SINES) position[v] = position_avx2(u[v]);
    quarter_sines(y, position);
    FOR_EACH_VECTOR(SINES) cct_store(out + v * CCT_LANES, with_sign(y[v], u[v]));
}

CCT_AVX2 static void cct_u64_sine_avx2(cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t number,
                                       uint64_t offset, size_t count) {
    (void)set;
    enum { GROUP = SINES * CCT_LANES };
    size_t i = 0;
    for (; i + GROUP <= count; i += GROUP) sines_avx2(out + i, a + i, number, offset);
    const size_t left = count - i;
    if (left) {
        uint64_t words[GROUP] = {0};
        memcpy(words, a + i, left * sizeof(uint64_t));
        sines_avx2(words, words, number, offset);
        memcpy(out + i, words, left * sizeof(uint64_t));
    }
}

/// a / 2^30, rounded to the nearest, of numbers with a sign. There is no shift that keeps it: they are lifted above 0 meanwhile.
CCT_INLINE CCT_AVX2 __m256i rounded_avx2(__m256i a) {
    const uint64_t lift = (uint64_t)1 << 63, half = 1 << 29;
    return _mm256_sub_epi64(cct_down(_mm256_add_epi64(a, cct_all(lift + half)), 30), cct_all(lift >> 30));
}

/// x * factor, where x has 32 bits with its sign, and the factor, too, where `narrow` is not 0.
CCT_INLINE CCT_AVX2 __m256i times(__m256i x, __m256i factor, const int narrow) {
    return narrow ? _mm256_mul_epi32(x, factor) : cct_multiply(x, factor);
}

/// p and q of a harmonic, and its number.
typedef struct {
    uint64_t number, p, q;
} harmonic;

/// A harmonic of HARMONICS * CCT_LANES elements; `narrow`: p and q have 32 bits, with their signs.
CCT_INLINE CCT_AVX2 void add_harmonic_avx2(uint64_t *sum, const uint64_t *phase, const uint64_t *cosine, const uint64_t *sine,
                                           harmonic h, const int narrow) {
    __m256i u[HARMONICS], position[SINES], y[SINES];
    FOR_EACH_VECTOR(HARMONICS) u[v] = cct_multiply(cct_load(phase + v * CCT_LANES), cct_all(h.number));
    FOR_EACH_VECTOR(HARMONICS) position[v] = position_avx2(u[v]);
    // A quarter of a turn on, the position is the same, and counts the other way.
    FOR_EACH_VECTOR(HARMONICS) position[HARMONICS + v] = _mm256_sub_epi64(cct_all(1 << 30), position[v]);
    quarter_sines(y, position);
    FOR_EACH_VECTOR(HARMONICS) {
        const __m256i s = with_sign(y[v], u[v]);
        const __m256i c = with_sign(y[HARMONICS + v], _mm256_add_epi64(u[v], cct_all((uint64_t)1 << 62)));
        const __m256i p = cct_all(h.p), q = cct_all(h.q);
        const __m256i a = _mm256_add_epi64(times(c, p, narrow), times(s, q, narrow));
        const __m256i b = _mm256_sub_epi64(times(s, p, narrow), times(c, q, narrow));
        const size_t place = (size_t)v * CCT_LANES;
        const __m256i added = cct_multiply_two(cct_load(cosine + place), rounded_avx2(a), cct_load(sine + place), rounded_avx2(b));
        cct_store(sum + place, _mm256_add_epi64(cct_load(sum + place), added));
    }
}

CCT_INLINE CCT_AVX2 void add_harmonics_avx2(uint64_t *sum, const uint64_t *phase, const uint64_t *cosine, const uint64_t *sine,
                                            harmonic h, const int narrow, size_t count) {
    enum { GROUP = HARMONICS * CCT_LANES };
    size_t i = 0;
    for (; i + GROUP <= count; i += GROUP) add_harmonic_avx2(sum + i, phase + i, cosine + i, sine + i, h, narrow);
    const size_t left = count - i, bytes = left * sizeof(uint64_t);
    if (left) {
        uint64_t words[4][GROUP] = {0};
        memcpy(words[0], sum + i, bytes);
        memcpy(words[1], phase + i, bytes);
        memcpy(words[2], cosine + i, bytes);
        memcpy(words[3], sine + i, bytes);
        add_harmonic_avx2(words[0], words[1], words[2], words[3], h, narrow);
        memcpy(sum + i, words[0], bytes);
    }
}

CCT_AVX2 static void cct_u64_add_harmonic_avx2(cct_instruction_set set, uint64_t *sum, const uint64_t *phase, uint64_t number,
                                               const uint64_t *cosine, const uint64_t *sine_, uint64_t p, uint64_t q,
                                               size_t count) {
    (void)set;
    const harmonic h = {number, p, q};
    const int64_t low = INT32_MIN, high = INT32_MAX;
    if (low <= (int64_t)p && (int64_t)p <= high && low <= (int64_t)q && (int64_t)q <= high)
        add_harmonics_avx2(sum, phase, cosine, sine_, h, 1, count);
    else
        add_harmonics_avx2(sum, phase, cosine, sine_, h, 0, count);
}

#endif

// MARK: The functions

CCT_FOR_EACH_OTHER_SET(
    cct_u64_sine,
    (cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t number, uint64_t offset, size_t count),
    (set, out, a, number, offset, count), {
        (void)set;
        for (size_t i = 0; i < count; i++) out[i] = sine(a[i] * number + offset);
    })

CCT_FOR_EACH_OTHER_SET(
    cct_u64_add_harmonic,
    (cct_instruction_set set, uint64_t *sum, const uint64_t *phase, uint64_t number, const uint64_t *cosine,
     const uint64_t *sine_, uint64_t p, uint64_t q, size_t count),
    (set, sum, phase, number, cosine, sine_, p, q, count), {
        (void)set;
        const uint64_t quarter = (uint64_t)1 << 62;
        for (size_t i = 0; i < count; i++) {
            const uint64_t u = phase[i] * number;
            const uint64_t s = sine(u);
            const uint64_t c = sine(u + quarter);
            sum[i] += cosine[i] * rounded(p * c + q * s) + sine_[i] * rounded(p * s - q * c);
        }
    })
