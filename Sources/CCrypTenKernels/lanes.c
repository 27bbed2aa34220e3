// Elements of few bits in eight lanes: what goes to the left is shifted by the same number in all of them, so that any compiler
// makes vectors of it, and no width is slower than another.
#include "support.h"

enum { LANES = 8, STEPS = CCT_LANES_BLOCK / LANES };

/// A block: bits r * bits … of lane l are element LANES * r + l.
CCT_INLINE void pack_block(uint64_t *out, const uint64_t *a, unsigned bits) {
    const uint64_t mask = ~(uint64_t)0 >> (64 - bits);
    uint64_t word[LANES] = {0};
    unsigned filled = 0;
    for (size_t r = 0; r < STEPS; r++, a += LANES) {
        uint64_t element[LANES];
        for (size_t l = 0; l < LANES; l++) element[l] = a[l] & mask;
        for (size_t l = 0; l < LANES; l++) word[l] |= element[l] << filled;
        filled += bits;
        if (filled >= 64) {
            for (size_t l = 0; l < LANES; l++) out[l] = word[l];
            out += LANES;
            filled -= 64;
            if (filled)
                for (size_t l = 0; l < LANES; l++) word[l] = element[l] >> (bits - filled);
            else
                for (size_t l = 0; l < LANES; l++) word[l] = 0;
        }
    }
}

CCT_INLINE void unpack_block(uint64_t *out, const uint64_t *words, unsigned bits) {
    const uint64_t mask = ~(uint64_t)0 >> (64 - bits);
    unsigned used = 0;  // bits of this word that elements have been made of
    for (size_t r = 0; r < STEPS; r++, out += LANES) {
        uint64_t element[LANES];
        for (size_t l = 0; l < LANES; l++) element[l] = words[l] >> used;
        used += bits;
        if (used >= 64) {
            used -= 64;
            words += LANES;
            if (used)
                for (size_t l = 0; l < LANES; l++) element[l] |= words[l] << (bits - used);
        }
        for (size_t l = 0; l < LANES; l++) out[l] = element[l] & mask;
    }
}

CCT_FOR_EACH_SET(cct_lanes_pack,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict a, size_t count, unsigned bits),
                 (set, out, a, count, bits), {
                     for (; count >= CCT_LANES_BLOCK; count -= CCT_LANES_BLOCK, a += CCT_LANES_BLOCK, out += LANES * bits)
                         pack_block(out, a, bits);
                     cct_few_bits_pack(set, out, a, count, bits);
                 })

CCT_FOR_EACH_SET(cct_lanes_unpack,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict words, size_t count, unsigned bits),
                 (set, out, words, count, bits), {
                     for (; count >= CCT_LANES_BLOCK; count -= CCT_LANES_BLOCK, out += CCT_LANES_BLOCK, words += LANES * bits)
                         unpack_block(out, words, bits);
                     cct_few_bits_unpack(set, out, words, count, bits);
                 })
