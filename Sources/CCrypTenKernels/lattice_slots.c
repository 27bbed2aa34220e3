// Words in slots: residues modulo primes below 2^29, polynomials modulo products of two of them, and both ways between these and the primes
// of ciphertexts. All numbers are residues or digits in 32-bit lanes.
#include "lattice_vectors.h"

enum { SIDE = CCT_LATTICE_VECTOR, ROW = CCT_LATTICE_DEGREE };

CCT_FOR_EACH_SET(cct_lattice_slots,
                 (cct_instruction_set set, uint32_t *out, const uint64_t *words, const cct_lattice_word_factor *factor,
                  const cct_lattice_prime *prime),
                 (set, out, words, factor, prime), {
    (void)set;
    const row16 p = ALL(prime->prime), half = ALL(factor->half);
    const cct_lattice_factor lowest = factor->low, highest = factor->high;
    uint32_t low[SIDE], high[SIDE];
    for (size_t i = 0; i < ROW; i += SIDE) {
        for (size_t lane = 0; lane < SIDE; lane++) {
            low[lane] = (uint32_t)words[i + lane];
            // A number without a sign, 2^63 too large.
            high[lane] = (uint32_t)(words[i + lane] >> 32) ^ 0x80000000u;
        }
        const row16 a = BY(LOAD(low), lowest), b = BY(LOAD(high), highest), sum = ADD(a, b);
        STORE(out + i, SUBTRACT(sum, half));
    }
    cct_wipe(low, sizeof low);
    cct_wipe(high, sizeof high);
})

CCT_FOR_EACH_SET(cct_lattice_join,
                 (cct_instruction_set set, uint32_t *second, const uint32_t *first, cct_lattice_factor inverse, uint32_t prime),
                 (set, second, first, inverse, prime), {
    (void)set;
    const row16 p = ALL(prime), half = ALL(prime >> 1);
    for (size_t i = 0; i < ROW; i += SIDE) {
        const row16 a = DOWN(LOAD(first + i)), b = LOAD(second + i), c = SUBTRACT(b, a), d = BY(c, inverse);
        STORE(second + i, d - (p & (0 - ((half - d) >> 31))));
    }
})

CCT_FOR_EACH_SET(cct_lattice_lift,
                 (cct_instruction_set set, uint32_t *out, const uint32_t *first, const uint32_t *second,
                  const cct_lattice_factor *factors, uint32_t prime),
                 (set, out, first, second, factors, prime), {
    (void)set;
    const row16 p = ALL(prime);
    const cct_lattice_factor one = factors[0], other = factors[1];
    for (size_t i = 0; i < ROW; i += SIDE) {
        const row16 d = UP(LOAD(second + i)), a = BY(LOAD(first + i), one), b = BY(d, other);
        STORE(out + i, ADD(a, b));
    }
})

// With h = (q - 1) / 2 and r = (M x + h) mod q, round(M x / q) = (M x + h - r) / q, and M is 0 modulo either prime of slots: what is left is
// (h - r) / q. r is put together of digits, r = v0 + p0 (v1 + p1 (v2 + p2 v3)).
CCT_FOR_EACH_SET(cct_lattice_lower,
                 (cct_instruction_set set, uint32_t *first, uint32_t *second, const uint32_t *rows, size_t step,
                  const cct_lattice_lowering *lowering, const cct_lattice_prime *primes),
                 (set, first, second, rows, step, lowering, primes), {
    (void)set;
    const cct_lattice_lowering own = *lowering;
    for (size_t i = 0; i < ROW; i += SIDE) {
        row16 digits[CCT_LATTICE_SENT];
        CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_SENT; k++) {
            const row16 p = ALL(primes[k].prime), scaled = BY(LOAD(rows + k * step + i), own.scale[k]);
            digits[k] = DIGIT(ADD(scaled, ALL(own.half[k])), k, CCT_LATTICE_SENT, digits, own.inverse[k]);
        }
        CCT_UNROLL for (size_t s = 0; s < 2; s++) {
            const row16 p = ALL(own.primes[s]);
            row16 total = ALL(own.start[s]);
            CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_SENT; k++) {
                const row16 part = BY(digits[k], own.digits[s][k]);
                total = ADD(total, part);
            }
            STORE((s ? second : first) + i, total);
        }
    }
})

CCT_FOR_EACH_SET(cct_lattice_collect,
                 (cct_instruction_set set, uint64_t *out, const uint32_t *rows, size_t step, size_t count,
                  const cct_lattice_collection *collection, uint64_t offset),
                 (set, out, rows, step, count, collection, offset), {
    (void)set;
    const cct_lattice_collection *own = collection;
    uint32_t digits[CCT_LATTICE_SLOT_PRIMES][SIDE];
    uint64_t words[SIDE];
    for (size_t i = 0; i < count; i += SIDE) {
        CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_SLOT_PRIMES; k++) {
            const row16 p = ALL(own->primes[k]);
            STORE(digits[k], DIGIT(LOAD(rows + k * step + i), k, CCT_LATTICE_SLOT_PRIMES, digits, own->inverse[k]));
        }
        for (size_t lane = 0; lane < SIDE; lane++) {
            uint64_t word = offset;
            CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_SLOT_PRIMES; k++) word += digits[k][lane] * own->weights[k];
            words[lane] = word;
        }
        memcpy(out + i, words, cct_min(SIDE, count - i) * sizeof *words);
    }
    cct_wipe(digits, sizeof digits);
    cct_wipe(words, sizeof words);
})
