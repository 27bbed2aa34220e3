// Products of matrices, and of planes, word by word.
//
// | kernel        | what a group of work-items does                                                              |
// | ring_product  | a tile of 64 by 64 of the sum, in steps of 16 of the inner dimension                         |
// | plane_product | 256 elements of a convolution                                                                |
#define RING_PRODUCT_THREADS 256
#define PLANE_PRODUCT_THREADS 256

#define TILE 64
#define TILE_INNER 16
#define TILE_SHARE 4  // a work-item has 4 by 4 elements of a tile, 16 apart, and brings in 4 words of either factor

/// With words cut into halves, a b = a_low b_low + 2^32 (a_low b_high + a_high b_low) modulo 2^64: the sums of the first products have 64 bits,
/// those of the others 32, and they meet at the end. Beyond the matrices, zeros are multiplied.
KERNEL(ring_product, product_args, RING_PRODUCT_THREADS) {
    LOCAL_ARRAY(u64, left, TILE_INNER * TILE);
    LOCAL_ARRAY(u64, right, TILE_INNER * TILE);
    const u32 y = LOCAL_ID / 16, x = LOCAL_ID % 16;
    const u32 first_row = GROUP_Y * TILE, first_column = GROUP_X * TILE;
    GLOBAL const u64 *a = POINTER(const u64, p.a) + GROUP_Z * p.a_batch;
    GLOBAL const u64 *b = POINTER(const u64, p.b) + GROUP_Z * p.b_batch;
    GLOBAL u64 *c = POINTER(u64, p.c) + GROUP_Z * p.c_batch;
    u64 low[TILE_SHARE][TILE_SHARE];
    u32 high[TILE_SHARE][TILE_SHARE];
    UNROLL for (int i = 0; i < TILE_SHARE; i++)
        UNROLL for (int j = 0; j < TILE_SHARE; j++) {
            low[i][j] = 0;
            high[i][j] = 0;
        }
    for (u32 start = 0; start < p.inner; start += TILE_INNER) {
        UNROLL for (int i = 0; i < TILE_SHARE; i++) {
            // Neighbours bring in words that are neighbours in memory, whichever way a factor lies there.
            const u32 word = LOCAL_ID + i * RING_PRODUCT_THREADS;
            const u32 across = word % TILE, along = word / TILE, across_inner = word / TILE_INNER, along_inner = word % TILE_INNER;
            const u32 a_row = p.a_inner == 1 ? across_inner : across, a_inner = p.a_inner == 1 ? along_inner : along;
            const u32 b_column = p.b_inner == 1 ? across_inner : across, b_inner = p.b_inner == 1 ? along_inner : along;
            const u64 row = first_row + a_row, column = first_column + b_column, k = start + a_inner, l = start + b_inner;
            left[a_inner * TILE + a_row] = row < p.rows && k < p.inner ? a[row * p.a_row + k * p.a_inner] : 0;
            right[b_inner * TILE + b_column] = column < p.columns && l < p.inner ? b[l * p.b_inner + column * p.b_column] : 0;
        }
        BARRIER();
        UNROLL for (int k = 0; k < TILE_INNER; k++) {
            u64 u[TILE_SHARE], v[TILE_SHARE];
            UNROLL for (int i = 0; i < TILE_SHARE; i++) {
                u[i] = left[k * TILE + y + 16 * i];
                v[i] = right[k * TILE + x + 16 * i];
            }
            UNROLL for (int i = 0; i < TILE_SHARE; i++)
                UNROLL for (int j = 0; j < TILE_SHARE; j++) {
                    low[i][j] += (u64)(u32)u[i] * (u32)v[j];
                    high[i][j] += (u32)u[i] * (u32)(v[j] >> 32) + (u32)(u[i] >> 32) * (u32)v[j];
                }
        }
        BARRIER();
    }
    UNROLL for (int i = 0; i < TILE_SHARE; i++)
        UNROLL for (int j = 0; j < TILE_SHARE; j++) {
            const u64 row = first_row + y + 16 * i, column = first_column + x + 16 * j;
            const u64 product = low[i][j] + ((u64)high[i][j] << 32);
            if (row < p.rows && column < p.columns) c[row * p.columns + column] += negated_where(product, SPREAD64(p.subtract));
        }
}

KERNEL(plane_product, plane_product_args, PLANE_PRODUCT_THREADS) {
    const u64 i = ITEM(PLANE_PRODUCT_THREADS);
    if (i >= p.count) return;
    u64 rest = i;
    const u32 x = (u32)last_digit(&rest, p.out_width), y = (u32)last_digit(&rest, p.out_height), filter = (u32)last_digit(&rest, p.outputs);
    const u64 plane = rest * (p.outputs / p.group_outputs) + filter / p.group_outputs;
    GLOBAL const u64 *image = POINTER(const u64, p.image) + plane * p.height * p.width;
    GLOBAL const u64 *weights = POINTER(const u64, p.weights) + (u64)filter * p.kernel_height * p.kernel_width;
    u64 sum = 0;
    for (u32 tap_y = 0; tap_y < p.kernel_height; tap_y++) {
        // Above or left of the image a position wraps around to a huge one, which is outside, too.
        const u32 row = y * p.stride_y + tap_y * p.dilation_y - p.padding_y;
        if (row >= p.height) continue;
        for (u32 tap_x = 0; tap_x < p.kernel_width; tap_x++) {
            const u32 column = x * p.stride_x + tap_x * p.dilation_x - p.padding_x;
            if (column < p.width) sum += weights[tap_y * p.kernel_width + tap_x] * image[(u64)row * p.width + column];
        }
    }
    POINTER(u64, p.to)[i] += negated_where(sum, SPREAD64(p.subtract));
}
