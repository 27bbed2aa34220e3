// Random residues, secrets and noise out of uniform words.
#include "lattice.h"

int cct_lattice_uniform_public(uint32_t *row, const uint32_t *words, size_t count, const uint32_t *spare, size_t spares,
                               uint32_t prime) {
    size_t used = 0;
    for (size_t i = 0; i < count; i++) row[i] = words[i] & 0x7FFFFFFF;
    for (size_t first = 0; first < count; first += 64) {
        const size_t length = cct_min(64, count - first);
        uint32_t outside = 0;
        for (size_t i = 0; i < length; i++) outside |= prime - 1 - row[first + i];
        if (!(outside >> 31)) continue;
        for (size_t i = first; i < first + length; i++) {
            while (row[i] >= prime) {
                if (used == spares) return 0;
                row[i] = spare[used++] & 0x7FFFFFFF;
            }
        }
    }
    return 1;
}

CCT_FOR_EACH_SET(cct_lattice_uniform,
                 (cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count, const cct_lattice_prime *prime),
                 (set, out, words, count, prime), {
    (void)set;
    const cct_lattice_prime own = *prime;
    for (size_t i = 0; i < count; i++) {
        const uint32_t high = cct_word_residue(words[2 * i + 1], &own);
        const uint32_t low = cct_word_residue(words[2 * i], &own);
        out[i] = cct_add(low, cct_times(high, own.words.factor, own.words.quotient, own.prime), own.prime);
    }
})

CCT_FOR_EACH_SET(cct_lattice_ternary, (cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count),
                 (set, out, words, count), {
    (void)set;
    for (size_t i = 0; i < count; i++) {
        // 3 w, by halves of 32 bits: what is carried out of the top.
        uint64_t carry = 0;
        carry = (3 * (words[2 * i] & 0xFFFFFFFF)) >> 32;
        carry = (3 * (words[2 * i] >> 32) + carry) >> 32;
        carry = (3 * (words[2 * i + 1] & 0xFFFFFFFF) + carry) >> 32;
        carry = (3 * (words[2 * i + 1] >> 32) + carry) >> 32;
        out[i] = (uint32_t)carry - 1;
    }
})

CCT_FOR_EACH_SET(cct_lattice_binomial, (cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count),
                 (set, out, words, count), {
    (void)set;
    for (size_t i = 0; i < count; i++) {
        uint64_t x = words[i] & ((1ull << 42) - 1);
        // Ones by pairs, by fours, by bytes; and all bytes.
        x -= (x >> 1) & 0x5555555555555555;
        x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
        x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0F;
        x += x >> 8;
        x += x >> 16;
        x += x >> 32;
        out[i] = (uint32_t)(x & 0xFF) - 21;
    }
})
