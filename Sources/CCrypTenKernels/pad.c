// The pad of a frame: bytes of the counter-mode generator, combined with a payload of any length and alignment.
#include "expand.h"

/// in ^ pad, for what is less than a group of blocks, or lies where the cipher doesn't write.
CCT_INLINE void combine(uint8_t *out, const uint8_t *in, const uint64_t *words, size_t bytes) {
    enum { BLOCK = 64 };
    const uint8_t *pad = (const uint8_t *)words;
    size_t i = 0;
    // `out` may be `in`, so the compiler can't tell how far apart they are: what is read goes through registers.
    for (; i + BLOCK <= bytes; i += BLOCK) {
        uint64_t block[BLOCK / sizeof(uint64_t)];
        memcpy(block, in + i, BLOCK);
        CCT_UNROLL
        for (size_t word = 0; word < BLOCK / sizeof(uint64_t); word++) block[word] ^= words[i / sizeof(uint64_t) + word];
        memcpy(out + i, block, BLOCK);
    }
    for (; i < bytes; i++) out[i] = in[i] ^ pad[i];
}

void cct_pad(cct_cipher_kind kind, uint8_t *out, const uint8_t *in, size_t count, uint64_t key_low, uint64_t key_high,
             uint64_t number) {
    if (count == 0) return;
    const cct_cipher cipher = cct_cipher_of(kind);
    const size_t group = cipher.at_once * 16;  // bytes
    cct_schedule schedule;
    cipher.prepare(&schedule, key_low, key_high);
    size_t done = 0;
    if ((uintptr_t)out % cipher.alignment == 0 && (uintptr_t)in % cipher.alignment == 0 && count >= group) {
        const size_t groups = count / group;
        cipher.blocks(&schedule, CCT_XOR, (uint64_t *)(void *)out, (const uint64_t *)(const void *)in, groups, 0, number);
        done = groups * group;
    }
    if (done < count) {
        uint64_t words[2 * CCT_MOST_BLOCKS_AT_ONCE] __attribute__((aligned(64)));
        for (; done < count; done += cct_min(group, count - done)) {
            cipher.blocks(&schedule, CCT_STORE, words, words, 1, done / 16, number);
            combine(out + done, in + done, words, cct_min(group, count - done));
        }
        cct_wipe(words, group);
    }
    cct_wipe(&schedule, cipher.schedule_bytes);
}
