// Fold and hash of correlated transfers with the ARMv8 instructions.
#include "transfer.h"

#if CCT_ARM

#define ARMV8 __attribute__((target("aes")))

enum { IN_FLIGHT = 8 };

/// Encrypts what `state` holds.
CCT_INLINE ARMV8 void encrypt(uint64x2_t *state, const uint64_t *words) {
    for (size_t round = 0; round < 9; round++) {
        const uint8x16_t key = vreinterpretq_u8_u64(vld1q_u64(words + 2 * round));
        CCT_UNROLL
        for (size_t b = 0; b < IN_FLIGHT; b++)
            state[b] = vreinterpretq_u64_u8(vaesmcq_u8(vaeseq_u8(vreinterpretq_u8_u64(state[b]), key)));
    }
    const uint8x16_t key = vreinterpretq_u8_u64(vld1q_u64(words + 18)), last = vreinterpretq_u8_u64(vld1q_u64(words + 20));
    CCT_UNROLL
    for (size_t b = 0; b < IN_FLIGHT; b++)
        state[b] = vreinterpretq_u64_u8(veorq_u8(vaeseq_u8(vreinterpretq_u8_u64(state[b]), key), last));
}

CCT_INLINE ARMV8 void make(uint64x2_t *state, const uint8_t *schedule, uint64_t block) {
    CCT_UNROLL
    for (size_t b = 0; b < IN_FLIGHT; b++) state[b] = vcombine_u64(vcreate_u64(block + b), vcreate_u64(0));
    encrypt(state, (const uint64_t *)(const void *)schedule);
}

CCT_FOLD(fold, ARMV8, uint64x2_t, IN_FLIGHT, make)

ARMV8 static void hash(const cct_schedule *schedule, uint64_t *out, const uint64_t *in, uint64_t low, uint64_t high, size_t blocks) {
    const uint64x2_t difference = vcombine_u64(vcreate_u64(low), vcreate_u64(high));
    for (size_t i = 0; i < blocks; i += IN_FLIGHT, in += 2 * IN_FLIGHT, out += 2 * IN_FLIGHT) {
        uint64x2_t state[IN_FLIGHT];
        CCT_UNROLL
        for (size_t b = 0; b < IN_FLIGHT; b++) state[b] = vld1q_u64(in + 2 * b) ^ difference;
        encrypt(state, schedule->words);
        CCT_UNROLL
        for (size_t b = 0; b < IN_FLIGHT; b++) vst1q_u64(out + 2 * b, state[b] ^ vld1q_u64(in + 2 * b) ^ difference);
    }
}

cct_transfer_cipher cct_transfer_armv8(void) { return (cct_transfer_cipher){fold, hash}; }

#endif
