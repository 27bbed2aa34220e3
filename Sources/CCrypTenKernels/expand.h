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
    /// To `out` what comes of `in` and blocks first ..< first + groups * at_once of a stream, two words each. Both are multiples of
    /// `alignment` bytes, and may be the same array.
    void (*blocks)(const cct_schedule *schedule, cct_combination combination, uint64_t *out, const uint64_t *in, size_t groups,
                   uint64_t first, uint64_t number);
    size_t alignment;
} cct_cipher;

/// To `out` what comes of `in` and words that were made; `out` may be `in`.
CCT_INLINE void cct_combine(uint64_t *out, const uint64_t *in, const uint64_t *restrict words, size_t count,
                            cct_combination combination) {
    switch (combination) {
    case CCT_STORE: memcpy(out, words, count * sizeof(uint64_t)); break;
    case CCT_ADD:
        for (size_t i = 0; i < count; i++) out[i] = in[i] + words[i];
        break;
    case CCT_SUBTRACT:
        for (size_t i = 0; i < count; i++) out[i] = in[i] - words[i];
        break;
    case CCT_XOR:
        for (size_t i = 0; i < count; i++) out[i] = in[i] ^ words[i];
        break;
    }
}

cct_cipher cct_cipher_of(cct_cipher_kind kind);
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
