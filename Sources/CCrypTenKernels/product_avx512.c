// Register tiles of up to 8 rows by three vectors of 8 words, with the 64-bit multiplication of AVX-512 DQ.
#include "product.h"

#if CCT_X86

#define LANES 8

CCT_INLINE CCT_AVX512 void tile(uint64_t *tile, const size_t rows, const size_t vectors, size_t inner, cct_rows a,
                                const uint64_t *b) {
    __m512i sum[8][3];
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++)
        CCT_UNROLL
        for (size_t v = 0; v < vectors; v++) sum[r][v] = _mm512_setzero_si512();
    const uint64_t *left = a.base;
    for (size_t i = 0; i < inner; i++) {
        __m512i right[3];
        CCT_UNROLL
        for (size_t v = 0; v < vectors; v++) right[v] = _mm512_loadu_si512(b + v * LANES);
        CCT_UNROLL
        for (size_t r = 0; r < rows; r += 2) {
            const __m512i factor = _mm512_set1_epi64((long long)left[r * a.row_step]);
            if (rows == 1) {
                CCT_UNROLL
                for (size_t v = 0; v < vectors; v++)
                    sum[r][v] = _mm512_add_epi64(sum[r][v], _mm512_mullo_epi64(factor, right[v]));
                continue;
            }
            const __m512i next_factor = _mm512_set1_epi64((long long)left[(r + 1) * a.row_step]);
            CCT_UNROLL
            for (size_t v = 0; v < vectors; v++) {
                // Two products, then two sums, a fifth faster on Zen 4 than one and one: there an addition may take a
                // port that a multiplication needs. The empty statement keeps the compiler from exchanging them.
                __m512i product = _mm512_mullo_epi64(factor, right[v]);
                __m512i next_product = _mm512_mullo_epi64(next_factor, right[v]);
                __asm__("" : "+v"(product), "+v"(next_product));
                sum[r][v] = _mm512_add_epi64(sum[r][v], product);
                sum[r + 1][v] = _mm512_add_epi64(sum[r + 1][v], next_product);
            }
        }
        left += a.inner_step;
        b += vectors * LANES;
    }
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++)
        CCT_UNROLL
        for (size_t v = 0; v < vectors; v++) _mm512_storeu_si512(tile + (r * vectors + v) * LANES, sum[r][v]);
}

#define WIDTHS(ROWS)                                        \
    switch (columns / LANES) {                              \
    case 3: tile(out, ROWS, 3, inner, a, b); return;        \
    case 2: tile(out, ROWS, 2, inner, a, b); return;        \
    default: tile(out, ROWS, 1, inner, a, b); return;       \
    }

CCT_AVX512 static void run(uint64_t *out, size_t rows, size_t columns, size_t inner, cct_rows a, const uint64_t *b) {
    switch (rows) {
    case 8: WIDTHS(8)
    case 4: WIDTHS(4)
    case 2: WIDTHS(2)
    default: WIDTHS(1)
    }
}

cct_tile_shape cct_tiles_avx512(void) { return (cct_tile_shape){run, 8, 3 * LANES, LANES}; }

#endif
