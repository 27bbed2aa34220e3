// Numbers of fixed point in slots, modulo four primes: complex ones as two residues each, and back, from products, to parts at the scale that the
// factors had; products of real ones as numbers of two words.
#include "lattice_vectors.h"

enum { SIDE = CCT_LATTICE_VECTOR, NUMBERS = CCT_LATTICE_DEGREE / 2 };

/// T, the product of four primes below 2^30, and the number with such digits in a lane.
#define MODULUS(PRIMES) ((unsigned __int128)((uint64_t)(PRIMES)[0] * (PRIMES)[1]) * ((uint64_t)(PRIMES)[2] * (PRIMES)[3]))
#define WHOLE(DIGITS, LANE, PRIMES)                                                             \
    ((unsigned __int128)((uint64_t)(PRIMES)[0] * (PRIMES)[1]) *                                 \
         ((DIGITS)[2][LANE] + (uint64_t)(PRIMES)[2] * (DIGITS)[3][LANE]) +                      \
     ((DIGITS)[0][LANE] + (uint64_t)(PRIMES)[0] * (DIGITS)[1][LANE]))

CCT_FOR_EACH_SET(cct_lattice_complex,
                 (cct_instruction_set set, uint32_t *out, const uint64_t *real, const uint64_t *imaginary,
                  const cct_lattice_complex_factor *factor, uint32_t prime),
                 (set, out, real, imaginary, factor, prime), {
    (void)set;
    // Three primes more there is no sign.
    const row16 p = ALL(prime), lift = ALL(3 * prime);
    const cct_lattice_factor one = factor->real, other = factor->imaginary;
    uint32_t x[SIDE], y[SIDE];
    for (size_t i = 0; i < NUMBERS; i += SIDE) {
        for (size_t lane = 0; lane < SIDE; lane++) {
            x[lane] = (uint32_t)real[i + lane];
            y[lane] = (uint32_t)imaginary[i + lane];
        }
        const row16 a = BY(LOAD(x) + lift, one), b = BY(LOAD(y) + lift, other);
        STORE(out + i, ADD(a, b));
        STORE(out + NUMBERS + i, SUBTRACT(a, b));
    }
    cct_wipe(x, sizeof x);
    cct_wipe(y, sizeof y);
})

CCT_FOR_EACH_SET(cct_lattice_collect_complex,
                 (cct_instruction_set set, uint64_t *real, uint64_t *imaginary, const uint32_t *rows, size_t step, size_t count,
                  const cct_lattice_fixed_collection *collection, int negative),
                 (set, real, imaginary, rows, step, count, collection, negative), {
    (void)set;
    const cct_lattice_fixed_collection *own = collection;
    // T - x and its sign, or x.
    const uint64_t sign = negative ? ~(uint64_t)0 : 0;
    const unsigned __int128 signs = (unsigned __int128)sign << 64 | sign;
    const unsigned __int128 lift = (MODULUS(own->primes) + 1) & signs;
    uint32_t digits[CCT_LATTICE_FIXED_PRIMES][SIDE];
    uint64_t words[SIDE];
    for (size_t i = 0; i < count; i += SIDE) {
        CCT_UNROLL for (size_t part = 0; part < 2; part++) {
            CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_FIXED_PRIMES; k++) {
                const row16 p = ALL(own->primes[k]);
                const row16 u = LOAD(rows + k * step + i), v = LOAD(rows + k * step + NUMBERS + i);
                const row16 twice = part ? SUBTRACT(u, v) : ADD(u, v), residue = BY(twice, own->halves[part][k]);
                STORE(digits[k], DIGIT(residue, k, CCT_LATTICE_FIXED_PRIMES, digits, own->inverse[k]));
            }
            for (size_t lane = 0; lane < SIDE; lane++) {
                const unsigned __int128 x = WHOLE(digits, lane, own->primes);
                const uint64_t word = (uint64_t)(((x ^ signs) + lift) >> CCT_LATTICE_FIXED_BITS);
                words[lane] = (word ^ sign) - sign;
            }
            memcpy((part ? imaginary : real) + i, words, cct_min(SIDE, count - i) * sizeof *words);
        }
    }
    cct_wipe(digits, sizeof digits);
    cct_wipe(words, sizeof words);
})

CCT_FOR_EACH_SET(cct_lattice_collect_real,
                 (cct_instruction_set set, uint64_t *low, uint64_t *high, const uint32_t *rows, size_t step, size_t count,
                  const cct_lattice_fixed_collection *collection, int negative),
                 (set, low, high, rows, step, count, collection, negative), {
    (void)set;
    const cct_lattice_fixed_collection *own = collection;
    const unsigned __int128 lift = negative ? 0 - MODULUS(own->primes) : 0;
    uint32_t digits[CCT_LATTICE_FIXED_PRIMES][SIDE];
    uint64_t words[2][SIDE];
    for (size_t i = 0; i < count; i += SIDE) {
        CCT_UNROLL for (size_t k = 0; k < CCT_LATTICE_FIXED_PRIMES; k++) {
            const row16 p = ALL(own->primes[k]);
            STORE(digits[k], DIGIT(LOAD(rows + k * step + i), k, CCT_LATTICE_FIXED_PRIMES, digits, own->inverse[k]));
        }
        for (size_t lane = 0; lane < SIDE; lane++) {
            const unsigned __int128 x = WHOLE(digits, lane, own->primes) + lift;
            words[0][lane] = (uint64_t)x;
            words[1][lane] = (uint64_t)(x >> 64);
        }
        const size_t bytes = cct_min(SIDE, count - i) * sizeof **words;
        memcpy(low + i, words[0], bytes);
        memcpy(high + i, words[1], bytes);
    }
    cct_wipe(digits, sizeof digits);
    cct_wipe(words, sizeof words);
})
