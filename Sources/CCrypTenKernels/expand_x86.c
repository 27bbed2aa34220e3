// AES-128 with AES-NI, one block a register, and with VAES, two or four blocks a register.
//
// Every width keeps as many registers in flight as hide an instruction's latency on the machines that have it, and combines the
// blocks with the caller's words while they are in registers.
#include "expand.h"

#if CCT_X86

#define AESNI __attribute__((target("sse4.1,aes")))
#define VAES256 __attribute__((target("aes,vaes,avx,avx2")))
#define VAES __attribute__((target("aes,vaes,avx512f,avx512dq,avx512bw,avx512vl")))

enum { ROUNDS = 10 };

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

/// BLOCKS(NAME, TARGET, VECTOR, COUNT, WIDTH, …) defines a cipher's block function for vectors of WIDTH blocks, COUNT of them in
/// flight: `one_each` has the blocks' places in a vector, KEY broadcasts a round key.
#define BLOCKS(NAME, TARGET, VECTOR, COUNT, WIDTH, ONE_EACH, SET, ADD, SUBTRACT, XOR, LOAD, STORE, KEY, ENCRYPT, ENCRYPT_LAST) \
    CCT_INLINE TARGET void NAME##_groups(const __m128i *keys, cct_combination combination, uint64_t *out, const uint64_t *in,  \
                                         size_t groups, uint64_t first, uint64_t number) {                                     \
        VECTOR counter = ADD(SET(number, first), ONE_EACH);                                                                    \
        const VECTOR step = SET(0, WIDTH);                                                                                     \
        for (; groups > 0; groups--, out += 2 * WIDTH * COUNT, in += 2 * WIDTH * COUNT) {                                      \
            VECTOR state[COUNT], key = KEY(keys[0]);                                                                           \
            CCT_UNROLL                                                                                                         \
            for (size_t b = 0; b < COUNT; b++) {                                                                               \
                state[b] = XOR(counter, key);                                                                                  \
                counter = ADD(counter, step);                                                                                  \
            }                                                                                                                  \
            CCT_UNROLL                                                                                                         \
            for (size_t round = 1; round < ROUNDS; round++) {                                                                  \
                key = KEY(keys[round]);                                                                                        \
                CCT_UNROLL                                                                                                     \
                for (size_t b = 0; b < COUNT; b++) state[b] = ENCRYPT(state[b], key);                                          \
            }                                                                                                                  \
            key = KEY(keys[ROUNDS]);                                                                                           \
            CCT_UNROLL                                                                                                         \
            for (size_t b = 0; b < COUNT; b++) {                                                                               \
                VECTOR *const place = (VECTOR *)(out + 2 * WIDTH * b);                                                         \
                const VECTOR *const from = (const VECTOR *)(in + 2 * WIDTH * b);                                               \
                const VECTOR words = ENCRYPT_LAST(state[b], key);                                                              \
                switch (combination) {                                                                                         \
                case CCT_STORE: STORE(place, words); break;                                                                    \
                case CCT_ADD: STORE(place, ADD(LOAD(from), words)); break;                                                     \
                case CCT_SUBTRACT: STORE(place, SUBTRACT(LOAD(from), words)); break;                                           \
                case CCT_XOR: STORE(place, XOR(LOAD(from), words)); break;                                                     \
                }                                                                                                              \
            }                                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    TARGET static void NAME(const cct_schedule *schedule, cct_combination combination, uint64_t *out, const uint64_t *in,      \
                            size_t groups, uint64_t first, uint64_t number) {                                                  \
        const __m128i *keys = (const __m128i *)schedule->words;                                                                \
        switch (combination) {                                                                                                 \
        case CCT_STORE: NAME##_groups(keys, CCT_STORE, out, in, groups, first, number); break;                                 \
        case CCT_ADD: NAME##_groups(keys, CCT_ADD, out, in, groups, first, number); break;                                     \
        case CCT_SUBTRACT: NAME##_groups(keys, CCT_SUBTRACT, out, in, groups, first, number); break;                           \
        case CCT_XOR: NAME##_groups(keys, CCT_XOR, out, in, groups, first, number); break;                                     \
        }                                                                                                                      \
    }                                                                                                                          \
    cct_cipher cct_cipher_##NAME(void) {                                                                                       \
        return (cct_cipher){WIDTH * COUNT, (ROUNDS + 1) * sizeof(__m128i), prepare, NAME, 1};                                  \
    }

#define SET_128(HIGH, LOW) _mm_set_epi64x((long long)(HIGH), (long long)(LOW))
#define SET_256(HIGH, LOW) _mm256_broadcastsi128_si256(SET_128(HIGH, LOW))
#define SET_512(HIGH, LOW) _mm512_broadcast_i64x2(SET_128(HIGH, LOW))
#define SAME(KEY) (KEY)

BLOCKS(aesni, AESNI, __m128i, 8, 1, _mm_setzero_si128(), SET_128, _mm_add_epi64, _mm_sub_epi64, _mm_xor_si128, _mm_loadu_si128,
       _mm_storeu_si128, SAME, _mm_aesenc_si128, _mm_aesenclast_si128)

BLOCKS(vaes256, VAES256, __m256i, 8, 2, _mm256_setr_epi64x(0, 0, 1, 0), SET_256, _mm256_add_epi64, _mm256_sub_epi64,
       _mm256_xor_si256, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_broadcastsi128_si256, _mm256_aesenc_epi128,
       _mm256_aesenclast_epi128)

BLOCKS(vaes, VAES, __m512i, 8, 4, _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0), SET_512, _mm512_add_epi64, _mm512_sub_epi64,
       _mm512_xor_si512, _mm512_loadu_si512, _mm512_storeu_si512, _mm512_broadcast_i32x4, _mm512_aesenc_epi128,
       _mm512_aesenclast_epi128)

#endif
