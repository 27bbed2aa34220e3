// The inside of the generator: block functions of each instruction set.
#ifndef CCT_EXPAND_H
#define CCT_EXPAND_H

#include "support.h"

enum { CCT_MOST_BLOCKS_AT_ONCE = 64 };  // of any cipher

/// A prepared key, as its owner likes it; wiped by `cct_expand`.
typedef struct {
    uint64_t words[2 * 11 * 8] __attribute__((aligned(64)));
} cct_schedule;

/// One way of computing AES-128.
typedef struct {
    size_t at_once;         // blocks that it makes at once, up to CCT_MOST_BLOCKS_AT_ONCE
    size_t schedule_bytes;  // what `prepare` writes
    void (*prepare)(cct_schedule *schedule, uint64_t key_low, uint64_t key_high);
    /// Combines `out` with blocks first ..< first + groups * at_once of a stream, two words each.
    void (*blocks)(const cct_schedule *schedule, cct_combination combination, uint64_t *out, size_t groups, uint64_t first,
                   uint64_t number);
} cct_cipher;

/// Combines `out` with words that were made.
CCT_INLINE void cct_combine(uint64_t *restrict out, const uint64_t *restrict words, size_t count,
                            cct_combination combination) {
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

cct_cipher cct_cipher_bitsliced(void);
#if CCT_X86
cct_cipher cct_cipher_aesni(void);
cct_cipher cct_cipher_vaes256(void);
cct_cipher cct_cipher_vaes(void);
#elif CCT_ARM
int cct_cipher_supports_armv8(void);
cct_cipher cct_cipher_armv8(void);
#endif

#endif
