// Products by residues: 18 products of signed bytes instead of one of words, which tensor cores make. Exact for up to 8192 inner elements.
//
// | kernel          | what a group of work-items does                                                              |
// | residues        | a block of 32 rows by 32 elements of the inner dimension                                     |
// | residue_product | a tile of 128 by 128 of one modulus, in steps of 64 of the inner dimension                   |
// | reconstruct     | 256 elements                                                                                 |
//
// Words are read as signed numbers, so the sum X of 8192 products or fewer is within ±2^139, which is less than 0.37 P. With y = (X mod p) (P/p)^-1
// mod p for each modulus p, X = sum of y P/p - P r for a whole r, the nearest to the sum of y / p, from which it differs by X / P.
#define RESIDUES_THREADS 256
#define RESIDUE_PRODUCT_THREADS 128
#define RECONSTRUCT_THREADS 256

// MARK: Words into residues

#define RESIDUE_BLOCK 32

/// The products of a word's bytes with the powers of 2^8 modulo p add up to a number u that is congruent to it. Its top bit is turned, which makes it
/// 2^63 more, and BIAS takes that back, and adds 128: u mod p, less 128, is a signed byte, and 0 for the word 0.
KERNEL(residues, residues_args, RESIDUES_THREADS) {
    LOCAL_ARRAY(u64, words, RESIDUE_BLOCK * (RESIDUE_BLOCK + 1));
    const u32 first_row = GROUP_X * RESIDUE_BLOCK, first = GROUP_Y * RESIDUE_BLOCK;
    UNROLL for (u32 i = 0; i < RESIDUE_BLOCK * RESIDUE_BLOCK / RESIDUES_THREADS; i++) {
        // Neighbours bring in words that are neighbours in memory, whichever way the matrix lies there.
        const u32 number = LOCAL_ID + i * RESIDUES_THREADS, along = number % RESIDUE_BLOCK, across = number / RESIDUE_BLOCK;
        const u32 row = p.inner_step == 1 ? across : along, inner = p.inner_step == 1 ? along : across;
        const u32 r = first_row + row, k = first + inner;
        u64 word = 0;
        if (r < p.rows && k < p.inner) word = POINTER(const u64, p.from)[r / p.split * p.outer_step + r % p.split * p.row_step + k * p.inner_step];
        words[row * (RESIDUE_BLOCK + 1) + inner] = word;
    }
    BARRIER();
    const u32 row = LOCAL_ID / 8, inner = LOCAL_ID % 8 * 4;
    if (first_row + row >= p.rows || first + inner >= p.padded) return;
    u32 low[4], high[4];
    UNROLL for (int j = 0; j < 4; j++) {
        const u64 word = words[row * (RESIDUE_BLOCK + 1) + inner + j];
        low[j] = (u32)word;
        high[j] = (u32)(word >> 32) ^ 0x80000000u;
    }
    GLOBAL u32 *to = POINTER(u32, p.to) + ((u64)(first_row + row) * p.padded + first + inner) / 4;
    const u64 plane = (u64)p.rows * p.padded / 4;
    UNROLL for (int m = 0; m < MODULI; m++) {
        u32 four = 0;
        UNROLL for (int j = 0; j < 4; j++) {
            const u32 u = dot4(low[j], POWERS_LOW[m], dot4(high[j], POWERS_HIGH[m], BIAS[m]));
            four |= (u - MULHI32(u, RECIPROCAL[m]) * MODULUS[m]) << (8 * j);
        }
        to[m * plane] = four ^ 0x80808080u;
    }
}

// MARK: Products of residues

#define PRODUCT_ROWS 128
#define PRODUCT_COLUMNS 128
#define STEP 64      // bytes of a row or column that are brought in at a time: a stage
#define CHUNKS 4     // of 16 bytes, in a stage of a row
#if !defined(STAGES)
#if defined(TENSOR_TILES) || defined(PLAIN_LOOPS)
#define STAGES 3     // one is multiplied while the next two are on their way
#else
#define STAGES 2     // a group's local memory may end at 48 KiB, of which fragments take 16
#endif
#endif
#define DOWN 4       // tiles of a team, of which two by two make the group's 128 by 128
#define ACROSS 8
#define PLACE(ROW, CHUNK) (((CHUNK) ^ (ROW) / 2 % CHUNKS) * 16)  // where it lies
#define STAGE_BYTES ((PRODUCT_ROWS + PRODUCT_COLUMNS) * STEP)
#define FETCHES (PRODUCT_ROWS * CHUNKS / RESIDUE_PRODUCT_THREADS)  // of a work-item, of rows and of columns
#define RESULT_STEP (PRODUCT_COLUMNS + 16)                         // between rows of results: no bank of local memory twice

/// A sum of products of residues as y, a number below p: see above.
INLINE u32 weighted(i32 sum, u32 m) {
    const u32 u = (u32)sum + OFFSET[m];
    const u32 rest = u - MULHI32(u, RECIPROCAL[m]) * MODULUS[m] + MODULUS[m];  // below 2 p
    const u32 v = rest * INVERSE[m];
    return v - MULHI32(v, RECIPROCAL[m]) * MODULUS[m];
}

/// Columns are windows of images, whose inner dimension is that of channels for each tap; for a product of matrices windows have one tap and an
/// image is as high as one column. What a window sees outside of its image is zero.
///
/// A stage holds 64 bytes of each row and column, their chunks in an order in which a team that reads one of each of eight rows, or writes all of two,
/// meets every bank of local memory once.
KERNEL(residue_product, residue_product_args, RESIDUE_PRODUCT_THREADS) {
    LOCAL_ARRAY(u8, stages, STAGES * STAGE_BYTES);
    TILE_ARRAY(fragments, RESIDUE_PRODUCT_THREADS, DOWN, ACROSS)
    const u32 modulus = GROUP_Z % MODULI, batch = GROUP_Z / MODULI;
    const u32 first_row = GROUP_Y * PRODUCT_ROWS, first_column = GROUP_X * PRODUCT_COLUMNS;
    const u32 team_row = LOCAL_ID / 64 * DOWN * 16, team_column = LOCAL_ID / 32 % 2 * ACROSS * 8;
    GLOBAL const u8 *a = POINTER(const u8, p.a) + modulus * p.a_plane + batch * p.a_batch;
    GLOBAL const u8 *b = POINTER(const u8, p.b) + modulus * p.b_plane + batch * p.b_batch;
    i32 sum[DOWN][ACROSS][4];
    UNROLL for (int i = 0; i < DOWN; i++)
        UNROLL for (int j = 0; j < ACROSS; j++)
            UNROLL for (int e = 0; e < 4; e++) sum[i][j][e] = 0;

    // This work-item brings in chunk LOCAL_ID % 4 of each stage of rows and columns LOCAL_ID / 4, 32 more, and so on.
    const u32 line = LOCAL_ID / CHUNKS, chunks = p.kernel_height * p.kernel_width * p.tap_chunks;
    u32 chunk = LOCAL_ID % CHUNKS, channel = chunk, tap_x = 0, tap_y = 0;
    u32 y[FETCHES], x[FETCHES], window[FETCHES];  // where windows begin, and that in chunks; what is above or left of the image wraps around
    UNROLL for (int i = 0; i < FETCHES; i++) {
        const u32 column = first_column + line + i * (RESIDUE_PRODUCT_THREADS / CHUNKS), pixel = p.first_pixel + column;
        const u32 image = pixel / p.out_plane, place = pixel % p.out_plane;
        y[i] = place / p.out_width * p.stride_y - p.padding_y;
        x[i] = place % p.out_width * p.stride_x - p.padding_x;
        window[i] = image * p.image_chunks + (y[i] * p.width + x[i]) * p.tap_chunks;
        if (column >= p.columns) y[i] = 0x80000000u;  // below any image
    }
    const u32 steps = (chunks + CHUNKS - 1) / CHUNKS;
    u32 into = 0;
    ROLLED for (u32 step = 0; step < steps + STAGES - 1; step++) {
        COPIES_WAIT(STAGES - 2);
        BARRIER();
        // At the end zeros come in, which nobody multiplies.
        while (channel >= p.tap_chunks && tap_y < p.kernel_height) {
            channel -= p.tap_chunks;
            if (++tap_x == p.kernel_width) {
                tap_x = 0;
                tap_y++;
            }
        }
        LOCAL u8 *place = stages + into * STAGE_BYTES + line * STEP + PLACE(line, LOCAL_ID % CHUNKS);
        UNROLL for (int i = 0; i < FETCHES; i++) {
            const u32 row = first_row + line + i * (RESIDUE_PRODUCT_THREADS / CHUNKS);
            const bool inside = row < p.rows && chunk < chunks;
            COPY16(place + i * RESIDUE_PRODUCT_THREADS * 16, a + (inside ? (u64)(row * chunks + chunk) * 16 : 0), inside);
        }
        place += PRODUCT_ROWS * STEP;
        const u32 down = tap_y * p.dilation_y, right = tap_x * p.dilation_x, shift = (down * p.width + right) * p.tap_chunks + channel;
        UNROLL for (int i = 0; i < FETCHES; i++) {
            const bool inside = chunk < chunks && y[i] + down < p.height && x[i] + right < p.width;
            COPY16(place + i * RESIDUE_PRODUCT_THREADS * 16, b + (inside ? (u64)(window[i] + shift) * 16 : 0), inside);
        }
        COPIES_COMMIT();
        chunk += CHUNKS;
        channel += CHUNKS;
        into = into + 1 == STAGES ? 0 : into + 1;
        if (step + 1 >= STAGES) {  // where the next copies go lies what came in first
            LOCAL const u8 *rows = stages + into * STAGE_BYTES + team_row * STEP;
            LOCAL const u8 *columns = stages + into * STAGE_BYTES + (PRODUCT_ROWS + team_column) * STEP;
            UNROLL for (u32 first = 0; first < CHUNKS; first += 2) {
                u32 of_a[DOWN][4], of_b[ACROSS / 2][4];
                UNROLL for (int i = 0; i < DOWN; i++)
                    LOAD_MATRICES(of_a[i], m, r, rows + (i * 16 + m % 2 * 8 + r) * STEP + PLACE(r, first + m / 2));
                UNROLL for (int j = 0; j < ACROSS / 2; j++)
                    LOAD_MATRICES(of_b[j], m, r, columns + (j * 16 + m / 2 * 8 + r) * STEP + PLACE(r, first + m % 2));
                MULTIPLY_TILES(fragments, sum, of_a, of_b, DOWN, ACROSS, p.rows - min(p.rows, first_row + team_row),
                               p.columns - min(p.columns, first_column + team_column));
            }
        }
    }

    // Through local memory, so that what is written is 16 bytes at a time.
    COPIES_WAIT(0);
    BARRIER();
    UNROLL for (int i = 0; i < DOWN; i++)
        UNROLL for (int j = 0; j < ACROSS; j++)
            UNROLL for (int half_tile = 0; half_tile < 2; half_tile++) {
                const u32 row = team_row + i * 16 + half_tile * 8 + LANE / 4, column = team_column + j * 8 + LANE % 4 * 2;
                const u32 pair = weighted(sum[i][j][2 * half_tile], modulus) | weighted(sum[i][j][2 * half_tile + 1], modulus) << 8;
                *(LOCAL u16 *)(stages + row * RESULT_STEP + column) = (u16)pair;
            }
    BARRIER();
    GLOBAL u8 *to = POINTER(u8, p.to) + ((u64)modulus * p.batches + batch) * p.rows * p.padded;
    UNROLL for (u32 i = 0; i < PRODUCT_ROWS * PRODUCT_COLUMNS / 16 / RESIDUE_PRODUCT_THREADS; i++) {
        const u32 number = LOCAL_ID + i * RESIDUE_PRODUCT_THREADS;
        const u32 row = number / (PRODUCT_COLUMNS / 16), column = number % (PRODUCT_COLUMNS / 16) * 16;
        GLOBAL u8 *sixteen = to + (u64)(first_row + row) * p.padded + first_column + column;
        if (first_row + row < p.rows && first_column + column < p.padded)
            *(GLOBAL u32x4 *)sixteen = *(LOCAL const u32x4 *)(stages + row * RESULT_STEP + column);
    }
}

// MARK: Sums of products

KERNEL(reconstruct, reconstruct_args, RECONSTRUCT_THREADS) {
    const u32 i = (u32)ITEM(RECONSTRUCT_THREADS), count = p.batches * p.rows * p.padded;
    const u32 column = i % p.padded, row = i / p.padded % p.rows, batch = i / p.padded / p.rows, pixel = p.first_pixel + column;
    if (i >= count || column >= p.columns) return;
    GLOBAL const u8 *from = POINTER(const u8, p.from) + i;
    u64 sum = 0;
    u32 fraction = 1u << (FRACTION_BITS - 1);
    UNROLL for (int m = 0; m < MODULI; m++) {
        const u32 y = from[(u64)m * count];
        sum += WEIGHT[m] * y;
        fraction += FRACTION[m] * y;
    }
    sum -= WHOLE * (fraction >> FRACTION_BITS);
    GLOBAL u64 *to = POINTER(u64, p.to) + batch * p.batch_step + row * p.row_step + pixel / p.out_plane * p.image_step + pixel % p.out_plane;
    *to += negated_where(sum, SPREAD64(p.subtract));
}
