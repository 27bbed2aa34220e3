// AES-128 with the ARMv8 instructions: AESE adds a round key, shifts rows and substitutes; AESMC mixes columns.
#include "expand.h"

#if CCT_ARM

#if defined(__linux__)
#include <sys/auxv.h>
#endif

#define ARMV8 __attribute__((target("aes")))

int cct_cipher_supports_armv8(void) {
#if defined(__linux__)
    return (getauxval(AT_HWCAP) >> 3 & 1) != 0;  // HWCAP_AES
#elif defined(__APPLE__)
    return 1;
#else
    return 0;
#endif
}

/// The substitution of four bytes, each of which is in all four rows of a column so that no row shift moves it away.
CCT_INLINE ARMV8 uint32_t substitute(uint32_t word) {
    const uint8x16_t columns = vreinterpretq_u8_u32(vdupq_n_u32(word));
    return vgetq_lane_u32(vreinterpretq_u32_u8(vaeseq_u8(columns, vdupq_n_u8(0))), 0);
}

ARMV8 static void prepare(cct_schedule *schedule, uint64_t key_low, uint64_t key_high) {
    uint32_t *keys = (uint32_t *)schedule->words;
    keys[0] = (uint32_t)key_low;
    keys[1] = (uint32_t)(key_low >> 32);
    keys[2] = (uint32_t)key_high;
    keys[3] = (uint32_t)(key_high >> 32);
    uint32_t constant = 1;
    for (size_t i = 4; i < 44; i++) {
        uint32_t word = keys[i - 1];
        if (i % 4 == 0) {
            word = substitute(word >> 8 | word << 24) ^ constant;
            constant = constant == 0x80 ? 0x1B : constant << 1;  // a public constant
        }
        keys[i] = keys[i - 4] ^ word;
    }
}

enum { AT_ONCE = 8 };  // enough to hide an instruction's latency

ARMV8 static void blocks(const cct_schedule *schedule, cct_combination combination, uint64_t *out, const uint64_t *in,
                         size_t groups, uint64_t first, uint64_t number) {
    uint64_t made[2 * AT_ONCE];
    for (size_t g = 0; g < groups; g++) {
        uint8x16_t state[AT_ONCE];
        CCT_UNROLL
        for (size_t b = 0; b < AT_ONCE; b++)
            state[b] = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(first + g * AT_ONCE + b), vcreate_u64(number)));
        const uint64_t *const words = schedule->words;
        for (size_t round = 0; round < 9; round++) {
            const uint8x16_t key = vreinterpretq_u8_u64(vld1q_u64(words + 2 * round));
            CCT_UNROLL
            for (size_t b = 0; b < AT_ONCE; b++) state[b] = vaesmcq_u8(vaeseq_u8(state[b], key));
        }
        const uint8x16_t key = vreinterpretq_u8_u64(vld1q_u64(words + 18)), last = vreinterpretq_u8_u64(vld1q_u64(words + 20));
        CCT_UNROLL
        for (size_t b = 0; b < AT_ONCE; b++)
            vst1q_u64(made + 2 * b, vreinterpretq_u64_u8(veorq_u8(vaeseq_u8(state[b], key), last)));
        cct_combine(out + 2 * g * AT_ONCE, in + 2 * g * AT_ONCE, made, 2 * AT_ONCE, combination);
    }
    cct_wipe(made, sizeof made);
}

cct_cipher cct_cipher_armv8(void) { return (cct_cipher){AT_ONCE, 22 * sizeof(uint64_t), prepare, blocks, sizeof(uint64_t)}; }

#endif
