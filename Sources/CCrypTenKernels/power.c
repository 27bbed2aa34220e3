// Powers of two in integer arithmetic: the Taylor polynomial of 2^x to x^10 for x in [0, 1) at scale 2^30, by Horner's rule with
// every product rounded down, and a shift.
#include "support.h"

/// floor(sum * x / 2^30) + term, for factors below 2^32.
CCT_INLINE uint64_t horner(uint64_t sum, uint64_t x, uint64_t term) {
    return ((uint64_t)(uint32_t)sum * (uint32_t)x >> 30) + term;
}

CCT_FOR_EACH_SET(
    cct_u64_power_of_two,
    (cct_instruction_set set, uint64_t *out, const uint64_t *a, unsigned fraction_bits, size_t count),
    (set, out, a, fraction_bits, count), {
        (void)set;
        const uint64_t one = (uint64_t)1 << 30;
        for (size_t i = 0; i < count; i++) {
            const uint64_t x = (a[i] >> 28) & (one - 1);
            // ln(2)^k / k! at scale 2^30
            uint64_t sum = 8;
            sum = horner(sum, x, 109);
            sum = horner(sum, x, 1419);
            sum = horner(sum, x, 16377);
            sum = horner(sum, x, 165394);
            sum = horner(sum, x, 1431680);
            sum = horner(sum, x, 10327387);
            sum = horner(sum, x, 59597083);
            sum = horner(sum, x, 257941248);
            sum = horner(sum, x, 744261118);
            sum = horner(sum, x, one);
            const uint64_t shift = (62 - fraction_bits - (a[i] >> 58)) & 63;
            const uint64_t half = ((uint64_t)1 << shift) >> 1;
            out[i] = ((sum << 32) + half) >> shift;
        }
    })
