// Tiles of signed bytes, which tensor cores multiply, and copies that run ahead of them.
//
// TILE: a team of 32 lanes adds the product of a tile of 16 rows and one of 8 columns, 32 deep, to a tile of 16 by 8 sums. With g = lane / 4 and
// q = lane % 4 a lane holds, four bytes a word and the first in the low bits,
//   of A  bytes 4 q ... 4 q + 3 of rows g and g + 8, and bytes 16 + 4 q ... of rows g and g + 8: four words
//   of B  bytes 4 q ... and 16 + 4 q ... of column g: two words
//   of C  columns 2 q and 2 q + 1 of row g, and the same of row g + 8: four sums
// which are the fragments of PTX's mma.m16n8k32. Without tensor cores the same fragments are read from local memory: slow, and for tests.
//
// LOAD_MATRICES: word m of TO[4] becomes bytes 4 q ... 4 q + 3 of row g of matrix m, which has eight rows of 16 bytes in local memory: row ROW of
// matrix MATRIX is at AT, an expression in these two. With whole rows side by side that is a tile's fragment of A, or two tiles' of B.
// MULTIPLY_TILES: all tiles of SUM[DOWN][ACROSS][4] += A[DOWN][4] B[ACROSS / 2][4]; where it's slow, tiles beyond ROWS and COLUMNS stay as they are.
// COPY16: 16 bytes from global to local memory, zeros where they aren't INSIDE. What was copied before a COPIES_COMMIT is there after a
// COPIES_WAIT(LEFT) with at most LEFT commits since, for who waited, and for the group after a barrier.
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

#define TENSOR_TILES
#if !defined(TILES_EMULATED)  // who compiles this for something else has functions of these names
INLINE void multiply_tile(i32 *c, const u32 *a, const u32 *b) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
INLINE void load_matrices(u32 *to, const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"((u32)__cvta_generic_to_shared(row))
                 : "memory");
}
INLINE void copy16(void *to, const void *from, bool inside) {
    const u32 bytes = inside ? 16 : 0;  // the rest are zeros
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((u32)__cvta_generic_to_shared(to)), "l"(from), "r"(bytes) : "memory");
}
#define COPIES_COMMIT() asm volatile("cp.async.commit_group;" ::: "memory")
#define COPIES_WAIT(LEFT) asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory")
INLINE u32 dot4(u32 a, u32 b, u32 sum) {
    asm("dp4a.u32.u32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}
#endif

#define TILE_ARRAY(NAME, THREADS, DOWN, ACROSS)
#define LOAD_MATRICES(TO, MATRIX, ROW, AT)                   \
    do {                                                     \
        const u32 MATRIX = LANE / 8, ROW = LANE % 8;         \
        load_matrices(TO, AT);                               \
    } while (0)
#define MULTIPLY_TILES(NAME, SUM, A, B, DOWN, ACROSS, ROWS, COLUMNS)                        \
    UNROLL for (int across = 0; across < (ACROSS); across++)                                \
        UNROLL for (int down = 0; down < (DOWN); down++) multiply_tile(SUM[down][across], A[down], B[across / 2] + across % 2 * 2)
#define COPY16(TO, FROM, INSIDE) copy16(TO, FROM, INSIDE)

#else

#define LOAD_MATRICES(TO, MATRIX, ROW, AT)                                                                                     \
    for (u32 MATRIX = 0; MATRIX < 4; MATRIX++) {                                                                               \
        const u32 ROW = LANE / 4;                                                                                              \
        (TO)[MATRIX] = ((LOCAL const u32 *)(AT))[LANE % 4];                                                                    \
    }
#define TILE_ARRAY(NAME, THREADS, DOWN, ACROSS) LOCAL_ARRAY(u32, NAME, (THREADS) * (4 * (DOWN) + 2 * (ACROSS)));
#define MULTIPLY_TILES(NAME, SUM, A, B, DOWN, ACROSS, ROWS, COLUMNS)                                                           \
    do {                                                                                                                       \
        LOCAL u32 *lane_words = NAME + LOCAL_ID * (4 * (DOWN) + 2 * (ACROSS));                                                 \
        for (int down = 0; down < 4 * (DOWN); down++) lane_words[down] = A[down / 4][down % 4];                                \
        for (int across = 0; across < 2 * (ACROSS); across++) lane_words[4 * (DOWN) + across] = B[across / 4][across % 4];     \
        BARRIER();                                                                                                             \
        LOCAL const u32 *team_words = lane_words - LANE * (4 * (DOWN) + 2 * (ACROSS));                                         \
        for (u32 down = 0; down < (DOWN) && down * 16 < (ROWS); down++)                                                        \
            for (u32 across = 0; across < (ACROSS) && across * 8 < (COLUMNS); across++)                                        \
                for (u32 e = 0; e < 4; e++)                                                                                    \
                    SUM[down][across][e] += tile_dot(team_words, 4 * (DOWN) + 2 * (ACROSS), 4 * down, 4 * (DOWN) + 2 * across, \
                                                     LANE / 4 + e / 2 * 8, LANE % 4 * 2 + e % 2);                              \
        BARRIER();                                                                                                             \
    } while (0)

/// A row of A times a column of B, of the tiles whose fragments begin at these words of each lane.
INLINE i32 tile_dot(LOCAL const u32 *team, u32 words, u32 a, u32 b, u32 row, u32 column) {
    i32 sum = 0;
    for (u32 k = 0; k < 32; k++) {
        const u32 of_a = team[(row % 8 * 4 + k % 16 / 4) * words + a + row / 8 + k / 16 * 2];
        const u32 of_b = team[(column * 4 + k % 16 / 4) * words + b + k / 16];
        sum += (i32)(i8)(of_a >> 8 * (k % 4)) * (i32)(i8)(of_b >> 8 * (k % 4));
    }
    return sum;
}
#define COPY16(TO, FROM, INSIDE) *(LOCAL u32x4 *)(TO) = (INSIDE) ? *(GLOBAL const u32x4 *)(FROM) : (u32x4)(0)
#define COPIES_COMMIT()
#define COPIES_WAIT(LEFT)
/// sum + the products of the bytes of two words.
INLINE u32 dot4(u32 a, u32 b, u32 sum) {
    for (u32 j = 0; j < 32; j += 8) sum += (a >> j & 255) * (b >> j & 255);
    return sum;
}

#endif
