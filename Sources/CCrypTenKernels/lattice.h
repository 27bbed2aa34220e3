// Modular arithmetic of the lattice kernels: a prime below 2^31, residues in 32-bit lanes, no comparison that could become a jump.
#ifndef CCT_LATTICE_H
#define CCT_LATTICE_H

#include "support.h"

/// x or x - p, whichever is in 0 ..< p, for x in 0 ..< 2p: the other one is larger, as a number without a sign.
CCT_INLINE uint32_t cct_down_once(uint32_t x, uint32_t p) {
    const uint32_t y = x - p;
    return x < y ? x : y;
}

/// x or x + p, whichever is in 0 ..< p, for x in -p ..< p, which has wrapped where it is negative.
CCT_INLINE uint32_t cct_up_once(uint32_t x, uint32_t p) {
    const uint32_t y = x + p;
    return x < y ? x : y;
}

/// x * factor modulo p, for any x. The product's quotient is one too small at most.
CCT_INLINE uint32_t cct_times(uint32_t x, uint32_t factor, uint32_t quotient, uint32_t p) {
    const uint32_t q = (uint32_t)(((uint64_t)x * quotient) >> 32);
    return cct_down_once(x * factor - q * p, p);
}

CCT_INLINE uint32_t cct_add(uint32_t a, uint32_t b, uint32_t p) { return cct_down_once(a + b, p); }
CCT_INLINE uint32_t cct_subtract(uint32_t a, uint32_t b, uint32_t p) { return cct_up_once(a - b, p); }

/// x / 2^32 modulo p, for x < p * 2^32 (Montgomery); `inverse` is that of p modulo 2^32.
CCT_INLINE uint32_t cct_reduced(uint64_t x, uint32_t inverse, uint32_t p) {
    const uint32_t m = (uint32_t)x * inverse;
    return cct_up_once((uint32_t)(x >> 32) - (uint32_t)(((uint64_t)m * p) >> 32), p);
}

/// A word modulo p: its high half times 2^32, and its low half, which is below 2p + 2^21.
CCT_INLINE uint32_t cct_word_residue(uint64_t word, const cct_lattice_prime *prime) {
    const uint32_t p = prime->prime;
    const uint32_t high = cct_times((uint32_t)(word >> 32), prime->word.factor, prime->word.quotient, p);
    return cct_add(high, cct_down_once(cct_down_once((uint32_t)word, p), p), p);
}

#endif
