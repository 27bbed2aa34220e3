// The ring product: the right factor is packed block by block into panels as wide as a register tile, and every tile
// streams one panel against a few rows of the left factor, which is read where it lies.
#include "product.h"

static cct_tile_shape tiles(cct_instruction_set set) {
    switch (set) {
#if CCT_X86
    case CCT_SET_AVX512: return cct_tiles_avx512();
    case CCT_SET_AVX2: return cct_tiles_avx2();
#elif CCT_ARM
    case CCT_SET_NEON: return cct_tiles_neon();
#endif
    default: return cct_tiles_portable();
    }
}

size_t cct_matrix_scratch_words(size_t columns, size_t inner) {
    // Every tile's width divides the unit, and so the block.
    return cct_min(inner, CCT_INNER_BLOCK) * cct_min(cct_round_up(columns, 24), CCT_COLUMN_BLOCK);
}

/// Adds a tile to the target, or subtracts it; `width` is the tile's, of which `columns` are the target's.
CCT_INLINE void merge(cct_target target, size_t row, size_t rows, size_t column, size_t columns, size_t width,
                      const uint64_t *tile, int subtract) {
    const uint64_t sign = subtract ? ~(uint64_t)0 : 1;
    size_t done = 0;
    while (done < columns) {  // one run of the target at a time
        const size_t in_run = (column + done) % target.run;
        const size_t count = cct_min(columns - done, target.run - in_run);
        uint64_t *out = target.base + row * target.row_step + (column + done) / target.run * target.run_step +
                        in_run * target.column_step;
        for (size_t r = 0; r < rows; r++) {
            uint64_t *o = out + r * target.row_step;
            const uint64_t *t = tile + r * width + done;
            if (target.column_step == 1 && subtract)
                for (size_t c = 0; c < count; c++) o[c] -= t[c];
            else if (target.column_step == 1)
                for (size_t c = 0; c < count; c++) o[c] += t[c];
            else
                for (size_t c = 0; c < count; c++) o[c * target.column_step] += sign * t[c];
        }
        done += count;
    }
}

/// Copies `count` rows of the left factor next to each other: out[i * count + r].
CCT_INLINE cct_rows gather_rows(uint64_t *out, cct_rows a, size_t count, size_t steps) {
    for (size_t i = 0; i < steps; i++)
        for (size_t r = 0; r < count; r++) out[i * count + r] = a.base[r * a.row_step + i * a.inner_step];
    return (cct_rows){out, 1, count};
}

void cct_product(cct_instruction_set set, cct_target target, size_t rows, size_t first_column, size_t last_column,
                 size_t inner, cct_rows a, const cct_source *source, int subtract, uint64_t *scratch) {
    const cct_tile_shape shape = tiles(set);
    const size_t block_columns = CCT_COLUMN_BLOCK / shape.columns * shape.columns;
    uint64_t tile[CCT_LARGEST_ROWS * CCT_LARGEST_COLUMNS] __attribute__((aligned(64)));
    uint64_t gathered[CCT_LARGEST_ROWS * CCT_INNER_BLOCK] __attribute__((aligned(64)));
    for (size_t block = first_column; block < last_column; block += block_columns) {
        const size_t columns = cct_min(block_columns, last_column - block);
        for (size_t step = 0; step < inner; step += CCT_INNER_BLOCK) {
            const size_t steps = cct_min(CCT_INNER_BLOCK, inner - step);
            source->pack(source, scratch, step, steps, block, columns, &shape);
            for (size_t r = 0, count; r < rows; r += count) {
                for (count = shape.rows; count > rows - r;) count = count > 4 ? 4 : count / 2;
                cct_rows left = {a.base + r * a.row_step + step * a.inner_step, a.row_step, a.inner_step};
                if (a.inner_step != 1 && columns > 2 * shape.columns) left = gather_rows(gathered, left, count, steps);
                for (size_t c = 0; c < columns; c += shape.columns) {
                    const size_t used = cct_min(shape.columns, columns - c);
                    const size_t width = cct_round_up(used, shape.lanes);
                    shape.run(tile, count, width, steps, left, scratch + c * steps);
                    merge(target, r, count, block + c, used, width, tile, subtract);
                }
            }
        }
    }
}
