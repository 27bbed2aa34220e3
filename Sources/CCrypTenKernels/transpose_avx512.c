// The 64 by 64 bit transposition in eight registers. Word 8I + i and bit 8J + j begin in register I, quadword i, byte J,
// bit j, and four steps move the indices:
//     bytes with quadwords (I, J, i, j), quadwords with registers (J, I, i, j), bits with bytes (J, I, j, i), bytes with
//     quadwords again (J, j, I, i): word 8J + j, bit 8I + i.
#include "transpose.h"

#if CCT_X86

enum { SQUARE = 64, SQUARES = 8, LANES = 8 };

#define GFNI __attribute__((target("avx2,bmi2,avx512f,avx512dq,avx512bw,avx512vl,gfni")))

/// A permutation of 16-bit pieces. The empty statement keeps the compiler from merging it with the shuffle before it into
/// one of bytes, for which plain AVX-512 needs a dozen instructions.
CCT_INLINE CCT_AVX512 __m512i permute(__m512i order, __m512i x) {
    __asm__("" : "+v"(x));
    return _mm512_permutexvar_epi16(order, x);
}

/// Byte b of quadword q becomes byte q of quadword b: pairs within 128 bits, then pairs across the register.
CCT_INLINE CCT_AVX512 __m512i exchange_bytes(__m512i x) {
    const __m512i pairs = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15));
    const __m512i across = _mm512_set_epi16(31, 23, 15, 7, 30, 22, 14, 6, 29, 21, 13, 5, 28, 20, 12, 4,  //
                                            27, 19, 11, 3, 26, 18, 10, 2, 25, 17, 9, 1, 24, 16, 8, 0);
    return permute(across, _mm512_shuffle_epi8(x, pairs));
}

/// Byte b of quadword q becomes byte 7 - q of quadword b.
CCT_INLINE CCT_AVX512 __m512i exchange_bytes_reversed(__m512i x) {
    const __m512i pairs = _mm512_broadcast_i32x4(_mm_setr_epi8(8, 0, 9, 1, 10, 2, 11, 3, 12, 4, 13, 5, 14, 6, 15, 7));
    const __m512i across = _mm512_set_epi16(7, 15, 23, 31, 6, 14, 22, 30, 5, 13, 21, 29, 4, 12, 20, 28,  //
                                            3, 11, 19, 27, 2, 10, 18, 26, 1, 9, 17, 25, 0, 8, 16, 24);
    return permute(across, _mm512_shuffle_epi8(x, pairs));
}

/// Exchanges the bits of `mask` with those `shift` above them.
CCT_INLINE CCT_AVX512 __m512i exchange_by(__m512i x, const int shift, long long mask) {
    const __m512i moved = _mm512_and_si512(_mm512_xor_si512(x, _mm512_srli_epi64(x, shift)), _mm512_set1_epi64(mask));
    return _mm512_xor_si512(x, _mm512_xor_si512(moved, _mm512_slli_epi64(moved, shift)));
}

/// Bit b of byte c becomes bit c of byte b in every quadword.
CCT_INLINE CCT_AVX512 __m512i exchange_bits(__m512i x) {
    x = exchange_by(x, 7, 0x00AA00AA00AA00AA);
    x = exchange_by(x, 14, 0x0000CCCC0000CCCC);
    return exchange_by(x, 28, 0x00000000F0F0F0F0);
}

/// Quadword q of register r becomes quadword r of register q.
CCT_INLINE CCT_AVX512 void exchange_registers(__m512i r[8]) {
    __m512i pairs[8], quads[8];
    CCT_UNROLL
    for (int k = 0; k < 8; k += 2) {  // pairs of registers, neighbouring quadwords
        pairs[k] = _mm512_unpacklo_epi64(r[k], r[k + 1]);
        pairs[k + 1] = _mm512_unpackhi_epi64(r[k], r[k + 1]);
    }
    const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    CCT_UNROLL
    for (int k = 0; k < 8; k += 4) {
        CCT_UNROLL
        for (int j = 0; j < 2; j++) {
            quads[k + j] = _mm512_permutex2var_epi64(pairs[k + j], even, pairs[k + 2 + j]);
            quads[k + 2 + j] = _mm512_permutex2var_epi64(pairs[k + j], odd, pairs[k + 2 + j]);
        }
    }
    CCT_UNROLL
    for (int k = 0; k < 4; k++) {
        r[k] = _mm512_shuffle_i64x2(quads[k], quads[k + 4], 0x44);
        r[k + 4] = _mm512_shuffle_i64x2(quads[k], quads[k + 4], 0xEE);
    }
}

CCT_AVX512 void cct_exchange_8x8_avx512(uint64_t *out, size_t out_step, const uint64_t *in, size_t in_step) {
    __m512i r[8];
    CCT_UNROLL
    for (size_t k = 0; k < 8; k++) r[k] = _mm512_loadu_si512(in + k * in_step);
    exchange_registers(r);
    CCT_UNROLL
    for (size_t k = 0; k < 8; k++) _mm512_storeu_si512(out + k * out_step, r[k]);
}

/// The bit is moved to the top of its word, and the top bits of eight words are a byte.
CCT_AVX512 void cct_line_of_words_avx512(uint64_t *line, const uint64_t *a, unsigned low) {
    const __m128i up = _mm_cvtsi32_si128((int)(63 - low));
    uint8_t *const bytes = (uint8_t *)line;
    for (size_t i = 0; i < SQUARES * SQUARE; i += LANES)
        bytes[i / LANES] = _mm512_movepi64_mask(_mm512_sll_epi64(_mm512_loadu_si512(a + i), up));
}

CCT_AVX512 void cct_words_of_line_avx512(uint64_t *out, const uint64_t *line) {
    const uint8_t *const bytes = (const uint8_t *)line;
    for (size_t i = 0; i < SQUARES * SQUARE; i += LANES)
        _mm512_storeu_si512(out + i, _mm512_maskz_set1_epi64(bytes[i / LANES], 1));
}

CCT_AVX512 void cct_transpose_avx512(uint64_t *out, const uint64_t *in, unsigned shift, size_t count) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (size_t s = 0; s < count; s++, in += 64, out += 64) {
        __m512i r[8];
        CCT_UNROLL
        for (int k = 0; k < 8; k++) r[k] = exchange_bytes(_mm512_srl_epi64(_mm512_loadu_si512(in + 8 * k), by));
        exchange_registers(r);
        CCT_UNROLL
        for (int k = 0; k < 8; k++) _mm512_storeu_si512(out + 8 * k, exchange_bytes(exchange_bits(r[k])));
    }
}

int cct_supports_gfni(void) { return __builtin_cpu_supports("gfni"); }

GFNI void cct_transpose_gfni(uint64_t *out, const uint64_t *in, unsigned shift, size_t count) {
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    // A matrix of bits times the unit vectors is its transpose; the instruction counts the matrix's rows from byte 7.
    const __m512i units = _mm512_set1_epi64((long long)0x8040201008040201);
    for (size_t s = 0; s < count; s++, in += 64, out += 64) {
        __m512i r[8];
        CCT_UNROLL
        for (int k = 0; k < 8; k++) r[k] = exchange_bytes_reversed(_mm512_srl_epi64(_mm512_loadu_si512(in + 8 * k), by));
        exchange_registers(r);
        CCT_UNROLL
        for (int k = 0; k < 8; k++)
            _mm512_storeu_si512(out + 8 * k, exchange_bytes(_mm512_gf2p8affine_epi64_epi8(units, r[k], 0)));
    }
}

#endif
