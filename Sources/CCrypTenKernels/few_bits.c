// Elements of a few bits, one after the other. Which word an element falls into depends on its position alone.
//
// Sixteen bits are what most sessions truncate by: then an element is two bytes, and the compiler makes vectors of them. For other
// numbers of bits it can't; with AVX2, vectors are made by hand.
#include "words_avx2.h"

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

CCT_INLINE void unpack(uint64_t *restrict out, const uint64_t *restrict words, size_t start, size_t count, unsigned bits) {
    const uint64_t mask = low_mask(bits);
    CCT_SCALAR for (size_t i = start; i < count; i++) out[i] = element_at(words, i, bits, mask);
}

CCT_INLINE void unpack_16(uint64_t *restrict out, const uint64_t *restrict words, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = element_of_16(words, i);
}

CCT_INLINE void add_where(uint64_t *restrict sum, const uint64_t *restrict words, size_t count, unsigned bits, unsigned shift,
                          const uint64_t *restrict chosen) {
    const uint64_t low = low_mask(bits);
    CCT_FOR_EACH_BIT(chosen, sum[i] += (element_at(words, i, bits, low) << shift) & mask)
}

CCT_INLINE void add_16_where(uint64_t *restrict sum, const uint64_t *restrict words, size_t count, unsigned shift,
                             const uint64_t *restrict chosen) {
    CCT_FOR_EACH_BIT(chosen, sum[i] += (element_of_16(words, i) << shift) & mask)
}

// MARK: AVX2

#if CCT_X86

/// Elements that are worked through together: they fill as many bytes as an element has bits.
enum { EIGHT = 8 };

/// Where eight elements lie among their bytes: half a vector reads 16 bytes and picks eight for each of two elements, which is
/// enough for up to 57 bits, wherever in the first byte they begin.
typedef struct {
    size_t from[4];
    __m256i order[2], below[2], mask;
} places;

CCT_INLINE CCT_AVX2 places places_of(unsigned bits) {
    places p;
    uint8_t order[64];
    uint64_t below[EIGHT];
    for (size_t half = 0; half < 4; half++) {
        const size_t first = 2 * half * bits, second = first + bits;
        p.from[half] = first / 8;
        for (size_t i = 0; i < 8; i++) {
            order[16 * half + i] = (uint8_t)i;
            order[16 * half + 8 + i] = (uint8_t)(second / 8 - first / 8 + i);
        }
        below[2 * half] = first % 8;
        below[2 * half + 1] = second % 8;
    }
    for (size_t v = 0; v < 2; v++) {
        p.order[v] = _mm256_loadu_si256((const __m256i *)(order + 32 * v));
        p.below[v] = cct_load(below + CCT_LANES * v);
    }
    p.mask = cct_all(low_mask(bits));
    return p;
}

/// How many elements can be read by eight without a byte from beyond the words.
CCT_INLINE size_t readable(const places *p, size_t count, unsigned bits) {
    const size_t bytes = (count * bits + 63) / 64 * 8, reach = p->from[3] + 16;
    return bytes < reach ? 0 : cct_min(count / EIGHT, (bytes - reach) / bits + 1) * EIGHT;
}

/// Four of the eight elements whose bytes begin at `bytes`.
CCT_INLINE CCT_AVX2 __m256i four(const uint8_t *bytes, const places *p, int v) {
    const __m128i low = _mm_loadu_si128((const __m128i *)(bytes + p->from[2 * v]));
    const __m128i high = _mm_loadu_si128((const __m128i *)(bytes + p->from[2 * v + 1]));
    const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    return _mm256_and_si256(_mm256_srlv_epi64(_mm256_shuffle_epi8(both, p->order[v]), p->below[v]), p->mask);
}

enum { MOST_FOR_VECTORS = 57 };

CCT_AVX2 static void cct_few_bits_unpack_avx2(cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict words,
                                              size_t count, unsigned bits) {
    (void)set;
    if (bits == 16) {
        unpack_16(out, words, count);
        return;
    }
    size_t done = 0;
    if (bits <= MOST_FOR_VECTORS) {
        const places p = places_of(bits);
        done = readable(&p, count, bits);
        const uint8_t *bytes = (const uint8_t *)words;
        for (size_t i = 0; i < done; i += EIGHT, bytes += bits) {
            cct_store(out + i, four(bytes, &p, 0));
            cct_store(out + i + CCT_LANES, four(bytes, &p, 1));
        }
    }
    unpack(out, words, done, count, bits);
}

/// sum += elements << by, where the bits of a byte, from `place` down from the top of a word, are 1.
CCT_INLINE CCT_AVX2 void add_four_where(uint64_t *sum, __m256i elements, __m128i by, __m256i byte, __m256i place) {
    const __m256i mask = _mm256_cmpgt_epi64(_mm256_setzero_si256(), _mm256_sllv_epi64(byte, place));
    cct_store(sum, _mm256_add_epi64(cct_load(sum), _mm256_and_si256(_mm256_sll_epi64(elements, by), mask)));
}

CCT_AVX2 static void cct_few_bits_add_where_avx2(cct_instruction_set set, uint64_t *restrict sum, const uint64_t *restrict words,
                                                 size_t count, unsigned bits, unsigned shift, const uint64_t *restrict chosen) {
    (void)set;
    if (bits == 16) {
        add_16_where(sum, words, count, shift, chosen);
        return;
    }
    size_t done = 0;
    if (bits <= MOST_FOR_VECTORS) {
        const places p = places_of(bits);
        done = readable(&p, count, bits) / 64 * 64;  // what is left begins with a word of `chosen`
        const uint8_t *bytes = (const uint8_t *)words;
        const __m128i by = _mm_cvtsi32_si128((int)shift);
        const __m256i first = _mm256_setr_epi64x(63, 62, 61, 60), second = _mm256_setr_epi64x(59, 58, 57, 56);
        for (size_t i = 0; i < done; i += EIGHT, bytes += bits) {
            const __m256i byte = cct_all(chosen[i / 64] >> i % 64);
            add_four_where(sum + i, four(bytes, &p, 0), by, byte, first);
            add_four_where(sum + i + CCT_LANES, four(bytes, &p, 1), by, byte, second);
        }
    }
    // 64 elements fill `bits` words.
    add_where(sum + done, words + done / 64 * bits, count - done, bits, shift, chosen + done / 64);
}

/// With up to 32 bits, two elements fit a word: half as many are put one after the other.
CCT_AVX2 static void cct_few_bits_pack_avx2(cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count,
                                            unsigned bits) {
    (void)set;
    if (bits == 16) {
        pack_16(out, a, count);
        return;
    }
    size_t done = 0;
    if (bits <= 32) {
        const __m256i mask = cct_all(low_mask(bits)), up = _mm256_setr_epi64x(0, bits, 0, bits);
        for (; done + 64 <= count; done += 64, out += bits) {
            uint64_t pairs[32];
            CCT_UNROLL
            for (size_t i = 0; i < 32; i += 4) {
                const __m256i x = _mm256_sllv_epi64(_mm256_and_si256(cct_load(a + done + 2 * i), mask), up);
                const __m256i y = _mm256_sllv_epi64(_mm256_and_si256(cct_load(a + done + 2 * i + 4), mask), up);
                const __m256i both = _mm256_or_si256(_mm256_unpacklo_epi64(x, y), _mm256_unpackhi_epi64(x, y));
                cct_store(pairs + i, _mm256_permute4x64_epi64(both, 0xD8));
            }
            pack(out, pairs, 32, 2 * bits);
        }
    }
    pack(out, a + done, count - done, bits);
}

#endif

// MARK: The functions

CCT_FOR_EACH_OTHER_SET(cct_few_bits_pack,
                       (cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count, unsigned bits),
                       (set, out, a, count, bits), {
                           (void)set;
                           if (bits == 16)
                               pack_16(out, a, count);
                           else
                               pack(out, a, count, bits);
                       })

CCT_FOR_EACH_OTHER_SET(cct_few_bits_unpack,
                       (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict words, size_t count,
                        unsigned bits),
                       (set, out, words, count, bits), {
                           (void)set;
                           if (bits == 16)
                               unpack_16(out, words, count);
                           else
                               unpack(out, words, 0, count, bits);
                       })

CCT_FOR_EACH_OTHER_SET(cct_few_bits_add_where,
                       (cct_instruction_set set, uint64_t *restrict sum, const uint64_t *restrict words, size_t count,
                        unsigned bits, unsigned shift, const uint64_t *restrict chosen),
                       (set, sum, words, count, bits, shift, chosen), {
                           (void)set;
                           if (bits == 16)
                               add_16_where(sum, words, count, shift, chosen);
                           else
                               add_where(sum, words, count, bits, shift, chosen);
                       })
