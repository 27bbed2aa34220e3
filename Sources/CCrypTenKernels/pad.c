// The pad of a frame: bytes of the counter-mode generator, combined with a payload of any length and alignment.
#include "support.h"

void cct_pad(cct_cipher_kind kind, uint8_t *out, const uint8_t *in, size_t count, uint64_t key_low, uint64_t key_high,
             uint64_t number) {
    enum {
        WORDS = 1024,  // 8 KB: stays in the nearest cache, and takes far longer than preparing the key
        BLOCK = 64
    };
    uint64_t words[WORDS] __attribute__((aligned(64)));
    const uint8_t *pad = (const uint8_t *)words;
    size_t used = 0;
    for (uint64_t start = 0; count > 0; start += WORDS) {
        const size_t bytes = cct_min(count, sizeof words);
        used = cct_round_up(bytes, sizeof *words);
        cct_expand(kind, CCT_STORE, words, used / sizeof *words, key_low, key_high, number, start);
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
        out += bytes;
        in += bytes;
        count -= bytes;
        // A frame has one piece that isn't full, its last; of a short frame little is to be wiped.
        if (count == 0) used = start > 0 ? sizeof words : used;
    }
    cct_wipe(words, used);
}
