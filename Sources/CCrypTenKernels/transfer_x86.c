// Fold and hash of correlated transfers with AES-NI and VAES: as many vectors in flight as the generator has.
#include "transfer.h"

#if CCT_X86

#define AESNI __attribute__((target("sse4.1,aes")))
#define VAES256 __attribute__((target("aes,vaes,avx,avx2")))
#define VAES __attribute__((target("aes,vaes,avx512f,avx512dq,avx512bw,avx512vl")))

enum { ROUNDS = 10 };

/// CIPHER(NAME, TARGET, VECTOR, WIDTH, COUNT, IN_FLIGHT, …) defines both for vectors of WIDTH blocks: COUNT of them are a pass of a
/// row, IN_FLIGHT are hashed together.
#define CIPHER(NAME, TARGET, VECTOR, WIDTH, COUNT, IN_FLIGHT, ONE_EACH, SET, ADD, LOAD, STORE, KEY, ENCRYPT, ENCRYPT_LAST)     \
    CCT_INLINE TARGET void NAME##_make(VECTOR *state, const uint8_t *schedule, uint64_t block) {                               \
        const __m128i *keys = (const __m128i *)(const void *)schedule;                                                         \
        VECTOR key = KEY(keys[0]), counter = ADD(SET(0, block), ONE_EACH);                                                     \
        const VECTOR step = SET(0, WIDTH);                                                                                     \
        CCT_UNROLL                                                                                                             \
        for (size_t v = 0; v < COUNT; v++) {                                                                                   \
            state[v] = counter ^ key;                                                                                          \
            counter = ADD(counter, step);                                                                                      \
        }                                                                                                                      \
        CCT_UNROLL                                                                                                             \
        for (size_t round = 1; round < ROUNDS; round++) {                                                                      \
            key = KEY(keys[round]);                                                                                            \
            CCT_UNROLL                                                                                                         \
            for (size_t v = 0; v < COUNT; v++) state[v] = ENCRYPT(state[v], key);                                              \
        }                                                                                                                      \
        key = KEY(keys[ROUNDS]);                                                                                               \
        CCT_UNROLL                                                                                                             \
        for (size_t v = 0; v < COUNT; v++) state[v] = ENCRYPT_LAST(state[v], key);                                             \
    }                                                                                                                          \
    CCT_FOLD(NAME##_fold, TARGET, VECTOR, COUNT, NAME##_make)                                                                  \
    TARGET static void NAME##_hash(const cct_schedule *schedule, uint64_t *out, const uint64_t *in, uint64_t low,              \
                                   uint64_t high, size_t blocks) {                                                             \
        const __m128i *keys = (const __m128i *)schedule->words;                                                                \
        const VECTOR difference = SET(high, low);                                                                              \
        for (size_t i = 0; i < blocks; i += WIDTH * IN_FLIGHT, in += 2 * WIDTH * IN_FLIGHT, out += 2 * WIDTH * IN_FLIGHT) {    \
            VECTOR state[IN_FLIGHT], key = KEY(keys[0]) ^ difference;                                                          \
            CCT_UNROLL                                                                                                         \
            for (size_t v = 0; v < IN_FLIGHT; v++) state[v] = LOAD((const VECTOR *)(in + 2 * WIDTH * v)) ^ key;                \
            CCT_UNROLL                                                                                                         \
            for (size_t round = 1; round < ROUNDS; round++) {                                                                  \
                key = KEY(keys[round]);                                                                                        \
                CCT_UNROLL                                                                                                     \
                for (size_t v = 0; v < IN_FLIGHT; v++) state[v] = ENCRYPT(state[v], key);                                      \
            }                                                                                                                  \
            key = KEY(keys[ROUNDS]) ^ difference;                                                                              \
            CCT_UNROLL                                                                                                         \
            for (size_t v = 0; v < IN_FLIGHT; v++) {                                                                           \
                const VECTOR x = LOAD((const VECTOR *)(in + 2 * WIDTH * v));                                                   \
                STORE((VECTOR *)(out + 2 * WIDTH * v), ENCRYPT_LAST(state[v], key) ^ x);                                       \
            }                                                                                                                  \
        }                                                                                                                      \
    }                                                                                                                          \
    cct_transfer_cipher cct_transfer_##NAME(void) { return (cct_transfer_cipher){NAME##_fold, NAME##_hash}; }

#define SET_128(HIGH, LOW) _mm_set_epi64x((long long)(HIGH), (long long)(LOW))
#define SET_256(HIGH, LOW) _mm256_broadcastsi128_si256(SET_128(HIGH, LOW))
#define SET_512(HIGH, LOW) _mm512_broadcast_i64x2(SET_128(HIGH, LOW))
#define SAME(KEY) (KEY)

CIPHER(aesni, AESNI, __m128i, 1, 8, 8, _mm_setzero_si128(), SET_128, _mm_add_epi64, _mm_loadu_si128, _mm_storeu_si128, SAME,
       _mm_aesenc_si128, _mm_aesenclast_si128)

CIPHER(vaes256, VAES256, __m256i, 2, 8, 8, _mm256_setr_epi64x(0, 0, 1, 0), SET_256, _mm256_add_epi64, _mm256_loadu_si256,
       _mm256_storeu_si256, _mm256_broadcastsi128_si256, _mm256_aesenc_epi128, _mm256_aesenclast_epi128)

CIPHER(vaes, VAES, __m512i, 4, 4, 8, _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0), SET_512, _mm512_add_epi64, _mm512_loadu_si512,
       _mm512_storeu_si512, _mm512_broadcast_i32x4, _mm512_aesenc_epi128, _mm512_aesenclast_epi128)

#endif
