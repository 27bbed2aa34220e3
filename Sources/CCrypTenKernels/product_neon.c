// Register tiles of up to 8 rows by 4 words. NEON has no 64-bit multiplication: with a = a1·2^32 + a0 and b alike, one
// widening multiply-accumulate sums a0·b0 and two 32-bit ones sum a1·b0 + a0·b1, whose high bits never matter.
#include "product.h"

#if CCT_ARM

CCT_INLINE void tile(uint64_t *tile, const size_t rows, size_t inner, cct_rows a, const uint64_t *b) {
    uint64x2_t low[8][2];
    uint32x4_t cross[8];
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++) {
        low[r][0] = low[r][1] = vdupq_n_u64(0);
        cross[r] = vdupq_n_u32(0);
    }
    const uint64_t *left = a.base;
    for (size_t i = 0; i < inner; i++) {
        const uint32x4_t first = vreinterpretq_u32_u64(vld1q_u64(b)), second = vreinterpretq_u32_u64(vld1q_u64(b + 2));
        const uint32x4_t right0 = vuzp1q_u32(first, second), right1 = vuzp2q_u32(first, second);
        CCT_UNROLL
        for (size_t r = 0; r < rows; r++) {
            const uint32x2_t factor = vcreate_u32(left[r * a.row_step]);
            low[r][0] = vmlal_lane_u32(low[r][0], vget_low_u32(right0), factor, 0);
            low[r][1] = vmlal_high_lane_u32(low[r][1], right0, factor, 0);
            cross[r] = vmlaq_lane_u32(cross[r], right0, factor, 1);
            cross[r] = vmlaq_lane_u32(cross[r], right1, factor, 0);
        }
        left += a.inner_step;
        b += 4;
    }
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++) {
        vst1q_u64(tile + 4 * r, vaddq_u64(low[r][0], vshll_n_u32(vget_low_u32(cross[r]), 32)));
        vst1q_u64(tile + 4 * r + 2, vaddq_u64(low[r][1], vshll_n_u32(vget_high_u32(cross[r]), 32)));
    }
}

static void run(uint64_t *out, size_t rows, size_t columns, size_t inner, cct_rows a, const uint64_t *b) {
    (void)columns;
    switch (rows) {
    case 8: tile(out, 8, inner, a, b); return;
    case 4: tile(out, 4, inner, a, b); return;
    case 2: tile(out, 2, inner, a, b); return;
    default: tile(out, 1, inner, a, b); return;
    }
}

cct_tile_shape cct_tiles_neon(void) { return (cct_tile_shape){run, 8, 4, 4}; }

#endif
