// The counter-mode generator: makes words by the group of blocks and combines them with the caller's.
#include "expand.h"

int cct_supports_cipher(cct_cipher_kind kind) {
    switch (kind) {
    case CCT_CIPHER_BITSLICED: return 1;
#if CCT_X86
    // The compiler's run-time support asks the processor, and for wide registers the operating system, too.
    case CCT_CIPHER_AESNI: return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
    case CCT_CIPHER_VAES256:
        return cct_supports_cipher(CCT_CIPHER_AESNI) && __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx2");
    case CCT_CIPHER_VAES: return cct_supports_cipher(CCT_CIPHER_VAES256) && cct_supports(CCT_SET_AVX512);
#elif CCT_ARM
    case CCT_CIPHER_ARMV8: return cct_cipher_supports_armv8();
#endif
    default: return 0;
    }
}

cct_cipher_kind cct_expand_cipher(cct_instruction_set set) {
#if CCT_X86
    if (set == CCT_SET_AVX512 && cct_supports_cipher(CCT_CIPHER_VAES)) return CCT_CIPHER_VAES;
    if (set != CCT_SET_PORTABLE && cct_supports_cipher(CCT_CIPHER_VAES256)) return CCT_CIPHER_VAES256;
    if (set != CCT_SET_PORTABLE && cct_supports_cipher(CCT_CIPHER_AESNI)) return CCT_CIPHER_AESNI;
#elif CCT_ARM
    if (set == CCT_SET_NEON && cct_supports_cipher(CCT_CIPHER_ARMV8)) return CCT_CIPHER_ARMV8;
#endif
    (void)set;
    return CCT_CIPHER_BITSLICED;
}

cct_cipher cct_cipher_of(cct_cipher_kind kind) {
    switch (kind) {
#if CCT_X86
    case CCT_CIPHER_VAES: return cct_cipher_vaes();
    case CCT_CIPHER_VAES256: return cct_cipher_vaes256();
    case CCT_CIPHER_AESNI: return cct_cipher_aesni();
#elif CCT_ARM
    case CCT_CIPHER_ARMV8: return cct_cipher_armv8();
#endif
    default: return cct_cipher_bitsliced();
    }
}

void cct_expand(cct_cipher_kind kind, cct_combination combination, uint64_t *out, const uint64_t *in, size_t count,
                uint64_t key_low, uint64_t key_high, uint64_t number, uint64_t start) {
    if (count == 0) return;
    const cct_cipher cipher = cct_cipher_of(kind);
    const size_t group = 2 * cipher.at_once;  // words
    cct_schedule schedule;
    uint64_t words[2 * CCT_MOST_BLOCKS_AT_ONCE] __attribute__((aligned(64)));
    int partial = 0;  // whether `words` was used
    cipher.prepare(&schedule, key_low, key_high);
    if (start % 2) {  // half of the first block is skipped
        const size_t used = cct_min(count, group - 1);
        cipher.blocks(&schedule, CCT_STORE, words, words, 1, start / 2, number);
        cct_combine(out, in, words + 1, used, combination);
        out += used;
        in += used;
        count -= used;
        start += used;
        partial = 1;
    }
    const size_t groups = count / group;
    if (groups) {
        cipher.blocks(&schedule, combination, out, in, groups, start / 2, number);
        out += groups * group;
        in += groups * group;
        count -= groups * group;
        start += groups * group;
    }
    if (count) {
        cipher.blocks(&schedule, CCT_STORE, words, words, 1, start / 2, number);
        cct_combine(out, in, words, count, combination);
        partial = 1;
    }
    cct_wipe(&schedule, cipher.schedule_bytes);
    if (partial) cct_wipe(words, group * sizeof(uint64_t));
}
