// The inside of the ring products: register tiles, and panels that they read.
#ifndef CCT_PRODUCT_H
#define CCT_PRODUCT_H

#include "support.h"

enum {
    CCT_INNER_BLOCK = 256,    // inner steps of one packed block
    CCT_COLUMN_BLOCK = 192,   // columns of one packed block: 256 · 192 words stay in the second-level cache
    CCT_LARGEST_ROWS = 8,     // of any register tile
    CCT_LARGEST_COLUMNS = 24  // of any register tile
};

/// Rows of the left factor: element (row, inner) is `base[row * row_step + inner * inner_step]`.
typedef struct {
    const uint64_t *base;
    size_t row_step, inner_step;
} cct_rows;

/// tile[r * columns + c] = sum over i < inner of a(r, i) * b[i * columns + c] for r < rows, c < columns.
/// `rows` and `columns` are among those that the instruction set's `cct_tile_shape` allows.
typedef void (*cct_tile_function)(
    uint64_t *tile, size_t rows, size_t columns, size_t inner, cct_rows a, const uint64_t *b);

/// Register tiles of one instruction set.
typedef struct {
    cct_tile_function run;
    size_t rows;     // the largest tile; a smaller one has a power of two of them
    size_t columns;  // the widest tile; a multiple of `lanes`
    size_t lanes;    // a narrower tile has a multiple of this many columns
} cct_tile_shape;

cct_tile_shape cct_tiles_portable(void);
#if CCT_X86
cct_tile_shape cct_tiles_avx2(void);
cct_tile_shape cct_tiles_avx512(void);
#elif CCT_ARM
cct_tile_shape cct_tiles_neon(void);
#endif

/// Where a product's right factor comes from: a matrix, or an image seen as one.
typedef struct cct_source {
    /// Packs rows `inner ..< inner + steps` and columns `column ..< column + columns` of the factor into panels as wide as
    /// the widest tile, the last one as narrow as a tile may be. Panel p begins at out[p * shape->columns * steps]; its
    /// element (i, c) is at i * width + c, and is zero beyond the columns that were asked for.
    void (*pack)(const struct cct_source *source, uint64_t *out, size_t inner, size_t steps, size_t column,
                 size_t columns, const cct_tile_shape *shape);
    const void *context;
    cct_instruction_set set;
} cct_source;

/// Puts row `i` of a block of `steps` rows, `columns` words at `line`, where `pack` wants it.
void cct_pack_line(cct_instruction_set set, uint64_t *out, const uint64_t *line, size_t i, size_t steps, size_t columns,
                   size_t panel, size_t lanes);

/// target(r, c) += sum over i < inner of a(r, i) * source(i, c), or -= where `subtract`, for r < rows and
/// first_column <= c < last_column. `scratch` has cct_matrix_scratch_words(columns, inner) words.
void cct_product(cct_instruction_set set, cct_target target, size_t rows, size_t first_column, size_t last_column,
                 size_t inner, cct_rows a, const cct_source *source, int subtract, uint64_t *scratch);

#endif
