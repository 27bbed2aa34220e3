// Elements of a few bits, one after the other. Which word an element falls into depends on its position alone.
//
// Sixteen bits are what most sessions truncate by: then an element is two bytes, and the compiler makes vectors of them.
#include "support.h"

CCT_INLINE uint64_t low_mask(unsigned bits) { return ~(uint64_t)0 >> (64 - bits); }

CCT_INLINE void pack(uint64_t *restrict out, const uint64_t *restrict a, size_t count, unsigned bits) {
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

CCT_INLINE void pack_16(uint64_t *restrict out, const uint64_t *restrict a, size_t count) {
    if (count % 4) out[count / 4] = 0;
    for (size_t i = 0; i < count; i++) {
        const uint16_t element = (uint16_t)a[i];
        memcpy((char *)out + 2 * i, &element, 2);
    }
}

CCT_INLINE uint64_t element_at(const uint64_t *words, size_t i, unsigned bits, uint64_t mask) {
    const size_t position = i * bits, shift = position % 64;
    uint64_t element = words[position / 64] >> shift;
    if (shift + bits > 64) element |= words[position / 64 + 1] << (64 - shift);
    return element & mask;
}

CCT_INLINE uint64_t element_of_16(const uint64_t *words, size_t i) {
    uint16_t element;
    memcpy(&element, (const char *)words + 2 * i, 2);
    return element;
}

CCT_FOR_EACH_SET(cct_few_bits_pack,
                 (cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count, unsigned bits),
                 (set, out, a, count, bits), {
                     (void)set;
                     if (bits == 16)
                         pack_16(out, a, count);
                     else
                         pack(out, a, count, bits);
                 })

CCT_FOR_EACH_SET(cct_few_bits_unpack,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict words, size_t count, unsigned bits),
                 (set, out, words, count, bits), {
                     (void)set;
                     const uint64_t mask = low_mask(bits);
                     if (bits == 16)
                         for (size_t i = 0; i < count; i++) out[i] = element_of_16(words, i);
                     else
                         CCT_SCALAR for (size_t i = 0; i < count; i++) out[i] = element_at(words, i, bits, mask);
                 })

CCT_FOR_EACH_SET(cct_few_bits_add_where,
                 (cct_instruction_set set, uint64_t *restrict sum, const uint64_t *restrict words, size_t count, unsigned bits,
                  unsigned shift, const uint64_t *restrict chosen),
                 (set, sum, words, count, bits, shift, chosen), {
                     (void)set;
                     const uint64_t low = low_mask(bits);
                     if (bits == 16)
                         CCT_FOR_EACH_BIT(chosen, sum[i] += (element_of_16(words, i) << shift) & mask)
                     else
                         CCT_FOR_EACH_BIT(chosen, sum[i] += (element_at(words, i, bits, low) << shift) & mask)
                 })
