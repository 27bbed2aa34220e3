// The inside of the generator: block functions of each instruction set.
#ifndef CCT_EXPAND_H
#define CCT_EXPAND_H

#include "support.h"

enum { CCT_BLOCKS_AT_ONCE = 64 };  // blocks of one call of a block function: 1 KB

/// A prepared key, as its owner likes it; wiped by `cct_expand`.
typedef struct {
    uint64_t words[2 * 11 * 8] __attribute__((aligned(64)));
} cct_schedule;

/// One way of computing AES-128.
typedef struct {
    void (*prepare)(cct_schedule *schedule, uint64_t key_low, uint64_t key_high);
    /// Encrypts blocks first ..< first + CCT_BLOCKS_AT_ONCE of a stream into two words each.
    void (*blocks)(const cct_schedule *schedule, uint64_t *out, uint64_t first, uint64_t number);
} cct_cipher;

cct_cipher cct_cipher_bitsliced(void);
#if CCT_X86
int cct_cipher_supports_aesni(void);
int cct_cipher_supports_vaes(void);
cct_cipher cct_cipher_aesni(void);
cct_cipher cct_cipher_vaes(void);
#elif CCT_ARM
int cct_cipher_supports_armv8(void);
cct_cipher cct_cipher_armv8(void);
#endif

#endif
