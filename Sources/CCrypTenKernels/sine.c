// The sine in integer arithmetic: x - x^3/3! + ... + x^13/13! for x in [0, pi/2] at scale 2^30, by Horner's rule with every
// product and quotient rounded down.
#include "support.h"

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
    const uint64_t x = product(folded, 1686629713) >> 30;  // pi / 2 at scale 2^30
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

CCT_FOR_EACH_SET(
    cct_u64_sine, (cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count), (set, out, a, count), {
        (void)set;
        for (size_t i = 0; i < count; i++) out[i] = sine(a[i]);
    })

CCT_FOR_EACH_SET(
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
