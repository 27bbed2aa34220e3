// Register tiles of up to 6 rows by one vector of 4 words. AVX2 has no 64-bit multiplication; a product of halves
// a = a1·2^32 + a0 and b = b1·2^32 + b0 is a0·b0 + 2^32 (a1·b0 + a0·b1), so one widening multiplication sums a0·b0, and one
// 32-bit multiplication of a by b with its halves exchanged sums both cross products, whose high bits never matter.
#include "product.h"

#if CCT_X86

CCT_INLINE CCT_AVX2 void tile(uint64_t *tile, const size_t rows, size_t inner, cct_rows a, const uint64_t *b) {
    __m256i low[6], cross[6];
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++) low[r] = cross[r] = _mm256_setzero_si256();
    const uint64_t *left = a.base;
    for (size_t i = 0; i < inner; i++) {
        const __m256i right = _mm256_loadu_si256((const __m256i *)b);
        const __m256i exchanged = _mm256_shuffle_epi32(right, 0xB1);
        CCT_UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m256i factor = _mm256_set1_epi64x((long long)left[r * a.row_step]);
            low[r] = _mm256_add_epi64(low[r], _mm256_mul_epu32(factor, right));
            cross[r] = _mm256_add_epi32(cross[r], _mm256_mullo_epi32(factor, exchanged));
        }
        left += a.inner_step;
        b += 4;
    }
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++) {
        const __m256i both = _mm256_add_epi32(cross[r], _mm256_srli_epi64(cross[r], 32));
        _mm256_storeu_si256((__m256i *)(tile + 4 * r), _mm256_add_epi64(low[r], _mm256_slli_epi64(both, 32)));
    }
}

CCT_AVX2 static void run(uint64_t *out, size_t rows, size_t columns, size_t inner, cct_rows a, const uint64_t *b) {
    (void)columns;
    switch (rows) {
    case 6: tile(out, 6, inner, a, b); return;
    case 4: tile(out, 4, inner, a, b); return;
    case 2: tile(out, 2, inner, a, b); return;
    default: tile(out, 1, inner, a, b); return;
    }
}

cct_tile_shape cct_tiles_avx2(void) { return (cct_tile_shape){run, 6, 4, 4}; }

#endif
