// Elements of a few bits, one after the other. Which word an element falls into depends on its position alone.
#include "support.h"

CCT_INLINE uint64_t low_mask(unsigned bits) { return ~(uint64_t)0 >> (64 - bits); }

void cct_few_bits_pack(uint64_t *out, const uint64_t *a, size_t count, unsigned bits) {
    const uint64_t mask = low_mask(bits);
    uint64_t word = 0;
    unsigned filled = 0;  // bits of `word` that are taken; below 64
    for (size_t i = 0; i < count; i++) {
        const uint64_t element = a[i] & mask;
        word |= element << filled;
        filled += bits;
        if (filled >= 64) {
            *out++ = word;
            filled -= 64;
            word = filled ? element >> (bits - filled) : 0;
        }
    }
    if (filled) *out = word;
}

void cct_few_bits_unpack(uint64_t *out, const uint64_t *words, size_t count, unsigned bits) {
    const uint64_t mask = low_mask(bits);
    for (size_t i = 0, position = 0; i < count; i++, position += bits) {
        const size_t shift = position % 64;
        uint64_t element = words[position / 64] >> shift;
        if (shift + bits > 64) element |= words[position / 64 + 1] << (64 - shift);
        out[i] = element & mask;
    }
}
