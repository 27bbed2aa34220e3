// From six primes to four, from residues to words, and residues in 31 bits.
#include "lattice.h"

// With h = (P - 1) / 2, round(x / P) = (x + h - t) / P for t = (x + h) mod P, and t is put together of its residues modulo p4 and
// p5: t = t4 + p4 ((t5 - t4) / p4 mod p5). No number is longer than a residue.
CCT_FOR_EACH_SET(cct_lattice_drop_limbs,
                 (cct_instruction_set set, uint32_t *rows, size_t step, size_t count, const cct_lattice_drop *drop,
                  const cct_lattice_prime *primes),
                 (set, rows, step, count, drop, primes), {
    (void)set;
    const cct_lattice_drop own = *drop;
    const uint32_t p4 = primes[CCT_LATTICE_SENT].prime;
    const uint32_t p5 = primes[CCT_LATTICE_SENT + 1].prime;
    uint32_t *fourth = rows + CCT_LATTICE_SENT * step;
    uint32_t *fifth = fourth + step;
    for (size_t i = 0; i < count; i++) {
        const uint32_t t4 = cct_add(fourth[i], own.half[0], p4);
        // p5 < p4: t4 is below 2 p5.
        const uint32_t t5 = cct_subtract(cct_add(fifth[i], own.half[1], p5), cct_down_once(t4, p5), p5);
        fourth[i] = t4;
        fifth[i] = cct_times(t5, own.combine.factor, own.combine.quotient, p5);
    }
    for (size_t k = 0; k < CCT_LATTICE_SENT; k++) {
        const uint32_t p = primes[k].prime;
        const cct_lattice_factor first = own.first[k];
        const cct_lattice_factor inverse = own.inverse[k];
        const uint32_t half = own.half_kept[k];
        uint32_t *row = rows + k * step;
        for (size_t i = 0; i < count; i++) {
            // Both are below p: the primes that stay are the larger ones.
            const uint32_t t = cct_add(fourth[i], cct_times(fifth[i], first.factor, first.quotient, p), p);
            const uint32_t x = cct_subtract(cct_add(row[i], half, p), t, p);
            row[i] = cct_times(x, inverse.factor, inverse.quotient, p);
        }
    }
})

void cct_lattice_round(uint64_t *out, const uint32_t *rows, size_t step, size_t count,
                       const cct_lattice_fraction *fractions) {
    for (size_t i = 0; i < count; i++) {
        // Sums of products of 31 and 64 bits, by words of weight 2^-256, 2^-192 ...: four of them stay below 2^97.
        unsigned __int128 carry = 0;
        uint64_t word = 0, last = 0;
        CCT_UNROLL for (size_t w = 0; w < CCT_LATTICE_FRACTION; w++) {
            CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_SENT; k++)
                carry += (unsigned __int128)rows[k * step + i] * fractions[k].words[w];
            last = word;
            word = (uint64_t)carry;
            carry >>= 64;
        }
        out[i] = word + (last >> 63);
    }
}

CCT_FOR_EACH_SET(cct_lattice_pack, (cct_instruction_set set, uint32_t *out, const uint32_t *row, size_t groups),
                 (set, out, row, groups), {
    (void)set;
    for (size_t g = 0; g < groups; g++) {
        const uint32_t *x = row + 32 * g;
        const uint32_t last = x[31];
        uint32_t *y = out + 31 * g;
        for (uint32_t i = 0; i < 31; i++) y[i] = x[i] | ((last >> i) << 31);
    }
})

CCT_INLINE void unpack(uint32_t *row, const uint32_t *words, size_t groups, uint32_t prime, uint32_t *largest) {
    uint32_t outside = 0;
    for (size_t g = 0; g < groups; g++) {
        const uint32_t *x = words + 31 * g;
        uint32_t *y = row + 32 * g;
        uint32_t last = 0;
        for (uint32_t i = 0; i < 31; i++) {
            last |= (x[i] >> 31) << i;
            y[i] = x[i] & 0x7FFFFFFF;
        }
        y[31] = last;
        for (size_t i = 0; i < 32; i++) outside |= prime - 1 - y[i];
    }
    *largest = outside >> 31;
}

CCT_FOR_EACH_SET(unpack_all,
                 (cct_instruction_set set, uint32_t *row, const uint32_t *words, size_t groups, uint32_t prime, uint32_t *outside),
                 (set, row, words, groups, prime, outside), {
    (void)set;
    unpack(row, words, groups, prime, outside);
})

int cct_lattice_unpack(cct_instruction_set set, uint32_t *row, const uint32_t *words, size_t groups, uint32_t prime) {
    uint32_t outside = 0;
    unpack_all(set, row, words, groups, prime, &outside);
    return outside == 0;
}
