// The counter-mode generator: makes words by the kilobyte and combines them with the caller's.
#include "expand.h"

cct_cipher_kind cct_expand_cipher(cct_instruction_set set) {
#if CCT_X86
    if (set == CCT_SET_AVX512 && cct_cipher_supports_vaes()) return CCT_CIPHER_VAES;
    if (set != CCT_SET_PORTABLE && cct_cipher_supports_aesni()) return CCT_CIPHER_AESNI;
#elif CCT_ARM
    if (set == CCT_SET_NEON && cct_cipher_supports_armv8()) return CCT_CIPHER_ARMV8;
#endif
    (void)set;
    return CCT_CIPHER_BITSLICED;
}

static cct_cipher cipher_of(cct_cipher_kind kind) {
    switch (kind) {
#if CCT_X86
    case CCT_CIPHER_VAES: return cct_cipher_vaes();
    case CCT_CIPHER_AESNI: return cct_cipher_aesni();
#elif CCT_ARM
    case CCT_CIPHER_ARMV8: return cct_cipher_armv8();
#endif
    default: return cct_cipher_bitsliced();
    }
}

CCT_INLINE void combine(uint64_t *restrict out, const uint64_t *restrict words, size_t count, cct_combination combination) {
    switch (combination) {
    case CCT_STORE: memcpy(out, words, count * sizeof(uint64_t)); break;
    case CCT_ADD:
        for (size_t i = 0; i < count; i++) out[i] += words[i];
        break;
    case CCT_SUBTRACT:
        for (size_t i = 0; i < count; i++) out[i] -= words[i];
        break;
    case CCT_XOR:
        for (size_t i = 0; i < count; i++) out[i] ^= words[i];
        break;
    }
}

void cct_expand(cct_instruction_set set, cct_combination combination, uint64_t *out, size_t count, uint64_t key_low,
                uint64_t key_high, uint64_t number, uint64_t start) {
    enum { WORDS = 2 * CCT_BLOCKS_AT_ONCE };
    if (count == 0) return;
    const cct_cipher cipher = cipher_of(cct_expand_cipher(set));
    cct_schedule schedule;
    uint64_t words[WORDS] __attribute__((aligned(64)));
    cipher.prepare(&schedule, key_low, key_high);
    for (size_t skipped = start % 2; count > 0; skipped = 0) {  // an odd start skips half of its first block
        cipher.blocks(&schedule, words, start / 2, number);
        const size_t used = cct_min(count, WORDS - skipped);
        combine(out, words + skipped, used, combination);
        out += used;
        count -= used;
        start += used;
    }
    cct_wipe(&schedule, sizeof schedule);
    cct_wipe(words, sizeof words);
}
