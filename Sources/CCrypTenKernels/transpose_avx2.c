// The 64 by 64 bit transposition of four squares at a time, each in a lane of 64 bits of a vector, so that no step crosses lanes.
//
// With index 8I + i of a word and 8J + j of a bit, i and j change places by exchanges between eight vectors with the same I, and I
// and J, which count vectors and bytes, by interleaving eight vectors with the same i.
#include "transpose.h"
#include "words_avx2.h"

#if CCT_X86

enum { SQUARE = 64, SQUARES = 8 };

/// Quadword q of vector r becomes quadword r of vector q.
CCT_INLINE CCT_AVX2 void exchange_quadwords(__m256i r[4]) {
    const __m256i a = _mm256_unpacklo_epi64(r[0], r[1]), b = _mm256_unpackhi_epi64(r[0], r[1]);
    const __m256i c = _mm256_unpacklo_epi64(r[2], r[3]), d = _mm256_unpackhi_epi64(r[2], r[3]);
    r[0] = _mm256_permute2x128_si256(a, c, 0x20);
    r[1] = _mm256_permute2x128_si256(b, d, 0x20);
    r[2] = _mm256_permute2x128_si256(a, c, 0x31);
    r[3] = _mm256_permute2x128_si256(b, d, 0x31);
}

/// Exchanges the bits of `mask` in y with those `shift` above them in x.
CCT_INLINE CCT_AVX2 void exchange_by(__m256i *x, __m256i *y, const int shift, long long mask) {
    const __m256i moved = _mm256_and_si256(_mm256_xor_si256(_mm256_srli_epi64(*x, shift), *y), _mm256_set1_epi64x(mask));
    *y = _mm256_xor_si256(*y, moved);
    *x = _mm256_xor_si256(*x, shift == 1 ? _mm256_add_epi64(moved, moved) : _mm256_slli_epi64(moved, shift));
}

/// Bit j of every byte of vector i becomes bit i of the byte of vector j.
CCT_INLINE CCT_AVX2 void exchange_bits(__m256i r[8]) {
    CCT_UNROLL
    for (int i = 0; i < 4; i++) exchange_by(&r[i], &r[i + 4], 4, 0x0F0F0F0F0F0F0F0F);
    CCT_UNROLL
    for (int i = 0; i < 4; i++) exchange_by(&r[i + (i & 2)], &r[i + (i & 2) + 2], 2, 0x3333333333333333);
    CCT_UNROLL
    for (int i = 0; i < 4; i++) exchange_by(&r[2 * i], &r[2 * i + 1], 1, 0x5555555555555555);
}

/// Byte J of every quadword of vector I becomes byte I of the quadword of vector J. In each half of a vector, the first three steps
/// collect a byte's eight values of one quadword, and the last brings the two quadwords back together.
CCT_INLINE CCT_AVX2 void exchange_bytes(__m256i r[8]) {
    __m256i a[2][4], b[2][2][2], c[2][4];  // a quadword of a half; which vectors, or bytes
    CCT_UNROLL
    for (int k = 0; k < 4; k++) {
        a[0][k] = _mm256_unpacklo_epi8(r[2 * k], r[2 * k + 1]);
        a[1][k] = _mm256_unpackhi_epi8(r[2 * k], r[2 * k + 1]);
    }
    CCT_UNROLL
    for (int h = 0; h < 2; h++) {
        CCT_UNROLL
        for (int k = 0; k < 2; k++) {
            b[h][k][0] = _mm256_unpacklo_epi16(a[h][2 * k], a[h][2 * k + 1]);
            b[h][k][1] = _mm256_unpackhi_epi16(a[h][2 * k], a[h][2 * k + 1]);
        }
        CCT_UNROLL
        for (int j = 0; j < 2; j++) {
            c[h][2 * j] = _mm256_unpacklo_epi32(b[h][0][j], b[h][1][j]);
            c[h][2 * j + 1] = _mm256_unpackhi_epi32(b[h][0][j], b[h][1][j]);
        }
    }
    CCT_UNROLL
    for (int j = 0; j < 4; j++) {
        r[2 * j] = _mm256_unpacklo_epi64(c[0][j], c[1][j]);
        r[2 * j + 1] = _mm256_unpackhi_epi64(c[0][j], c[1][j]);
    }
}

/// The bits are moved to the top of their words, and those of 32 elements gathered as the top bits of 32 bytes.
CCT_AVX2 void cct_line_of_words_avx2(uint64_t *line, const uint64_t *a, unsigned low) {
    const __m128i up = _mm_cvtsi32_si128((int)(63 - low));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    for (size_t s = 0; s < 2 * SQUARES; s++) {
        __m256i dwords[4];
        CCT_UNROLL
        for (size_t k = 0; k < 4; k++) {
            const __m256i x = _mm256_sll_epi64(cct_load(a + 32 * s + 8 * k), up);
            const __m256i y = _mm256_sll_epi64(cct_load(a + 32 * s + 8 * k + 4), up);
            dwords[k] = _mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps(x), _mm256_castsi256_ps(y), 0xDD));
        }
        // Each half of `dwords` has two elements of x and two of y; so has every quarter of `bytes`, after its order is put right.
        const __m256i bytes =
            _mm256_packs_epi16(_mm256_packs_epi32(dwords[0], dwords[1]), _mm256_packs_epi32(dwords[2], dwords[3]));
        const uint32_t bits = (uint32_t)_mm256_movemask_epi8(_mm256_permutevar8x32_epi32(bytes, order));
        // Of a byte's bits, the third and fourth are those of y's first half, the next two those of x's second.
        const uint32_t moved = (bits ^ bits >> 2) & 0x0C0C0C0C;
        const uint32_t ordered = bits ^ moved ^ moved << 2;
        memcpy((char *)line + 4 * s, &ordered, sizeof ordered);
    }
}

CCT_AVX2 void cct_lines_of_words_avx2(uint64_t *lines, const uint64_t *a, unsigned low, unsigned planes) {
    const __m128i by = _mm_cvtsi32_si128((int)low);
    __m256i m[SQUARE];
    for (size_t half = 0; half < SQUARES; half += CCT_LANES, a += CCT_LANES * SQUARE, lines += CCT_LANES) {
        for (size_t i = 0; i < SQUARE; i += 8) {
            __m256i r[8];
            CCT_UNROLL
            for (size_t k = 0; k < 8; k++) r[k] = _mm256_srl_epi64(cct_load(a + k % 4 * SQUARE + i + k / 4 * 4), by);
            exchange_quadwords(r);
            exchange_quadwords(r + 4);
            exchange_bits(r);
            CCT_UNROLL
            for (size_t k = 0; k < 8; k++) m[i + k] = r[k];
        }
        for (size_t j = 0; j < 8 && j < planes; j++) {
            __m256i r[8];
            CCT_UNROLL
            for (size_t k = 0; k < 8; k++) r[k] = m[8 * k + j];
            exchange_bytes(r);
            CCT_UNROLL
            for (size_t k = 0; k < 8; k++) cct_store(lines + (8 * k + j) * SQUARES, r[k]);
        }
    }
}

/// Bytes I of the lines of four squares, to where `words_of_eight` reads them.
CCT_INLINE CCT_AVX2 void gather_lines(__m256i m[SQUARE], const uint64_t *lines, size_t step) {
    for (size_t i = 0; i < 8; i++) {
        __m256i r[8];
        CCT_UNROLL
        for (size_t k = 0; k < 8; k++) r[k] = cct_load(lines + (8 * k + i) * step);
        exchange_bytes(r);
        CCT_UNROLL
        for (size_t k = 0; k < 8; k++) m[8 * k + i] = r[k];
    }
}

/// Words j … j + 7 of four squares: vector k has words j + k / 4 * 4 … of square k % 4.
CCT_INLINE CCT_AVX2 void words_of_eight(__m256i r[8], const __m256i m[SQUARE], size_t j) {
    CCT_UNROLL
    for (size_t k = 0; k < 8; k++) r[k] = m[j + k];
    exchange_bits(r);
    exchange_quadwords(r);
    exchange_quadwords(r + 4);
}

CCT_AVX2 void cct_words_of_lines_avx2(uint64_t *out, const uint64_t *lines) {
    __m256i m[SQUARE];
    for (size_t half = 0; half < SQUARES; half += CCT_LANES, out += CCT_LANES * SQUARE, lines += CCT_LANES) {
        gather_lines(m, lines, SQUARES);
        for (size_t j = 0; j < SQUARE; j += 8) {
            __m256i r[8];
            words_of_eight(r, m, j);
            CCT_UNROLL
            for (size_t k = 0; k < 8; k++) cct_store(out + k % 4 * SQUARE + j + k / 4 * 4, r[k]);
        }
    }
}

CCT_AVX2 void cct_rows_of_lines_avx2(uint64_t *rows, const uint64_t *low, const uint64_t *high, size_t step) {
    __m256i l[SQUARE], h[SQUARE];
    for (size_t half = 0; half < SQUARES; half += CCT_LANES, rows += 2 * CCT_LANES * SQUARE) {
        gather_lines(l, low + half, step);
        gather_lines(h, high + half, step);
        for (size_t j = 0; j < SQUARE; j += 8) {
            __m256i a[8], b[8];
            words_of_eight(a, l, j);
            words_of_eight(b, h, j);
            CCT_UNROLL
            for (size_t k = 0; k < 8; k++) {
                const __m256i even = _mm256_unpacklo_epi64(a[k], b[k]), odd = _mm256_unpackhi_epi64(a[k], b[k]);
                uint64_t *const out = rows + 2 * (k % 4 * SQUARE + j + k / 4 * 4);
                cct_store(out, _mm256_permute2x128_si256(even, odd, 0x20));
                cct_store(out + 4, _mm256_permute2x128_si256(even, odd, 0x31));
            }
        }
    }
}

CCT_AVX2 void cct_words_of_line_avx2(uint64_t *out, const uint64_t *line) {
    const __m256i one = _mm256_set1_epi64x(1);
    for (size_t s = 0; s < SQUARES; s++) {
        const __m256i word = _mm256_set1_epi64x((long long)line[s]);
        __m256i place = _mm256_setr_epi64x(0, 1, 2, 3);
        for (size_t i = 0; i < SQUARE; i += CCT_LANES, out += CCT_LANES) {
            cct_store(out, _mm256_and_si256(_mm256_srlv_epi64(word, place), one));
            place = _mm256_add_epi64(place, _mm256_set1_epi64x(CCT_LANES));
        }
    }
}

#endif
