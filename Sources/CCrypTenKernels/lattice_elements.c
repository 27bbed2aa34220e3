// Residues, element by element.
#include "lattice_vectors.h"

CCT_FOR_EACH_SET(cct_lattice_residues,
                 (cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count, cct_lattice_factor factor,
                  const cct_lattice_prime *prime),
                 (set, out, words, count, factor, prime), {
    (void)set;
    const cct_lattice_prime own = *prime;
    for (size_t i = 0; i < count; i++) {
        // A number without a sign, 2^63 too large.
        const uint32_t x = cct_word_residue(words[i] ^ (1ull << 63), &own);
        out[i] = cct_times(cct_subtract(x, own.half, own.prime), factor.factor, factor.quotient, own.prime);
    }
})

CCT_FOR_EACH_SET(cct_lattice_add_small,
                 (cct_instruction_set set, uint32_t *row, const uint32_t *small, size_t count, const cct_lattice_prime *prime),
                 (set, row, small, count, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    for (size_t i = 0; i < count; i++) row[i] = cct_add(row[i], cct_up_once(small[i], p), p);
})

CCT_FOR_EACH_SET(cct_lattice_add,
                 (cct_instruction_set set, uint32_t *row, const uint32_t *other, size_t count, const cct_lattice_prime *prime),
                 (set, row, other, count, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    for (size_t i = 0; i < count; i++) row[i] = cct_add(row[i], other[i], p);
})

CCT_FOR_EACH_SET(cct_lattice_subtract,
                 (cct_instruction_set set, uint32_t *row, const uint32_t *other, size_t count, const cct_lattice_prime *prime),
                 (set, row, other, count, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    for (size_t i = 0; i < count; i++) row[i] = cct_subtract(row[i], other[i], p);
})

CCT_FOR_EACH_SET(cct_lattice_scale,
                 (cct_instruction_set set, uint32_t *out, const uint32_t *row, size_t count, cct_lattice_factor factor,
                  const cct_lattice_prime *prime),
                 (set, out, row, count, factor, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    for (size_t i = 0; i < count; i++) out[i] = cct_times(row[i], factor.factor, factor.quotient, p);
})

/// cct_reduced of products of vectors: the low halves of a b and m p are the same.
#define REDUCED(A, B)                                                      \
    ({                                                                     \
        const row16 m = (A) * (B) * ALL(prime->inverse);                   \
        const row16 reduced = HIGH(A, B) - HIGH(m, p);                     \
        MIN(reduced, reduced + p);                                         \
    })

CCT_FOR_EACH_SET(cct_lattice_multiply_add,
                 (cct_instruction_set set, uint32_t *out, const uint32_t *addend, const uint32_t *a, const uint32_t *b,
                  size_t count, int subtract, const cct_lattice_prime *prime),
                 (set, out, addend, a, b, count, subtract, prime), {
    (void)set;
    const row16 p = ALL(prime->prime);
    if (subtract) {
        for (size_t i = 0; i < count; i += CCT_LATTICE_VECTOR) {
            const row16 x = LOAD(a + i), y = LOAD(b + i), z = LOAD(addend + i), product = REDUCED(x, y);
            STORE(out + i, SUBTRACT(z, product));
        }
    } else {
        for (size_t i = 0; i < count; i += CCT_LATTICE_VECTOR) {
            const row16 x = LOAD(a + i), y = LOAD(b + i), z = LOAD(addend + i), product = REDUCED(x, y);
            STORE(out + i, ADD(z, product));
        }
    }
})

CCT_FOR_EACH_SET(cct_lattice_centre,
                 (cct_instruction_set set, uint32_t *row, size_t count, const cct_lattice_prime *prime),
                 (set, row, count, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    const uint32_t half = p >> 1;
    for (size_t i = 0; i < count; i++) row[i] -= p & (0 - ((half - row[i]) >> 31));
})
