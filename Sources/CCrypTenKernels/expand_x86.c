// AES-128 with AES-NI, one block a register, and with VAES, four blocks a register.
#include "expand.h"

#if CCT_X86

#define AESNI __attribute__((target("sse4.1,aes")))
#define VAES __attribute__((target("aes,vaes,avx512f,avx512dq,avx512bw,avx512vl")))

int cct_cipher_supports_aesni(void) { return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1"); }

int cct_cipher_supports_vaes(void) {
    return cct_cipher_supports_aesni() && __builtin_cpu_supports("vaes") && __builtin_cpu_supports("avx512f");
}

/// The next round key: every word is the XOR of those before it and of the substituted last one.
CCT_INLINE AESNI __m128i next_key(__m128i key, __m128i assisted) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, _mm_shuffle_epi32(assisted, 0xFF));
}

AESNI static void prepare(cct_schedule *schedule, uint64_t key_low, uint64_t key_high) {
    __m128i *keys = (__m128i *)schedule->words;
    keys[0] = _mm_set_epi64x((long long)key_high, (long long)key_low);
#define ROUND(I, CONSTANT) keys[I] = next_key(keys[I - 1], _mm_aeskeygenassist_si128(keys[I - 1], CONSTANT))
    ROUND(1, 0x01);
    ROUND(2, 0x02);
    ROUND(3, 0x04);
    ROUND(4, 0x08);
    ROUND(5, 0x10);
    ROUND(6, 0x20);
    ROUND(7, 0x40);
    ROUND(8, 0x80);
    ROUND(9, 0x1B);
    ROUND(10, 0x36);
#undef ROUND
}

AESNI static void blocks_aesni(const cct_schedule *schedule, uint64_t *out, uint64_t first, uint64_t number) {
    enum { AT_ONCE = 8 };  // enough to hide an instruction's latency
    const __m128i *keys = (const __m128i *)schedule->words;
    for (size_t start = 0; start < CCT_BLOCKS_AT_ONCE; start += AT_ONCE) {
        __m128i state[AT_ONCE];
        CCT_UNROLL
        for (size_t b = 0; b < AT_ONCE; b++)
            state[b] = _mm_xor_si128(_mm_set_epi64x((long long)number, (long long)(first + start + b)), keys[0]);
        for (size_t round = 1; round < 10; round++) {
            CCT_UNROLL
            for (size_t b = 0; b < AT_ONCE; b++) state[b] = _mm_aesenc_si128(state[b], keys[round]);
        }
        CCT_UNROLL
        for (size_t b = 0; b < AT_ONCE; b++)
            _mm_store_si128((__m128i *)out + start + b, _mm_aesenclast_si128(state[b], keys[10]));
    }
}

VAES static void blocks_vaes(const cct_schedule *schedule, uint64_t *out, uint64_t first, uint64_t number) {
    enum { AT_ONCE = 8, BLOCKS = 4 };
    const __m128i *keys = (const __m128i *)schedule->words;
    const __m512i one_each = _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0);
    const __m512i origin = _mm512_broadcast_i64x2(_mm_set_epi64x((long long)number, (long long)first));
    __m512i counter = _mm512_add_epi64(origin, one_each);
    const __m512i step = _mm512_setr_epi64(BLOCKS, 0, BLOCKS, 0, BLOCKS, 0, BLOCKS, 0);
    for (size_t start = 0; start < CCT_BLOCKS_AT_ONCE; start += AT_ONCE * BLOCKS) {
        __m512i state[AT_ONCE];
        const __m512i first_key = _mm512_broadcast_i32x4(keys[0]), last_key = _mm512_broadcast_i32x4(keys[10]);
        CCT_UNROLL
        for (size_t b = 0; b < AT_ONCE; b++) {
            state[b] = _mm512_xor_si512(counter, first_key);
            counter = _mm512_add_epi64(counter, step);
        }
        for (size_t round = 1; round < 10; round++) {
            const __m512i key = _mm512_broadcast_i32x4(keys[round]);
            CCT_UNROLL
            for (size_t b = 0; b < AT_ONCE; b++) state[b] = _mm512_aesenc_epi128(state[b], key);
        }
        CCT_UNROLL
        for (size_t b = 0; b < AT_ONCE; b++)
            _mm512_store_si512((__m512i *)(out + 2 * start) + b, _mm512_aesenclast_epi128(state[b], last_key));
    }
}

cct_cipher cct_cipher_aesni(void) { return (cct_cipher){prepare, blocks_aesni}; }
cct_cipher cct_cipher_vaes(void) { return (cct_cipher){prepare, blocks_vaes}; }

#endif
