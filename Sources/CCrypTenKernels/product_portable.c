// Register tiles of 4 by 4 words in plain C.
#include "product.h"

CCT_INLINE void tile(uint64_t *tile, const size_t rows, size_t inner, cct_rows a, const uint64_t *b) {
    uint64_t sum[4][4] = {{0}};
    const uint64_t *left = a.base;
    for (size_t i = 0; i < inner; i++) {
        CCT_UNROLL
        for (size_t r = 0; r < rows; r++)
            CCT_UNROLL
            for (size_t c = 0; c < 4; c++) sum[r][c] += left[r * a.row_step] * b[c];
        left += a.inner_step;
        b += 4;
    }
    CCT_UNROLL
    for (size_t r = 0; r < rows; r++)
        CCT_UNROLL
        for (size_t c = 0; c < 4; c++) tile[4 * r + c] = sum[r][c];
}

static void run(uint64_t *out, size_t rows, size_t columns, size_t inner, cct_rows a, const uint64_t *b) {
    (void)columns;
    switch (rows) {
    case 4: tile(out, 4, inner, a, b); return;
    case 2: tile(out, 2, inner, a, b); return;
    default: tile(out, 1, inner, a, b); return;
    }
}

cct_tile_shape cct_tiles_portable(void) { return (cct_tile_shape){run, 4, 4, 4}; }
