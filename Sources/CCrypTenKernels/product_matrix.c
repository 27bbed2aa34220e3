// Products whose right factor is a matrix in memory, and the copying into panels.
#include "product.h"
#include "transpose.h"

CCT_FOR_EACH_SET(
    cct_pack_line,
    (cct_instruction_set set, uint64_t *out, const uint64_t *line, size_t i, size_t steps, size_t columns, size_t panel,
     size_t lanes),
    (set, out, line, i, steps, columns, panel, lanes), {
        (void)set;
        for (size_t c = 0; c < columns; c += panel) {
            const size_t used = cct_min(panel, columns - c);
            const size_t width = cct_round_up(used, lanes);
            uint64_t *to = out + c * steps + i * width;
            if (used == 24) {
                CCT_UNROLL
                for (size_t k = 0; k < 24; k++) to[k] = line[c + k];
            } else if (used == 4) {
                CCT_UNROLL
                for (size_t k = 0; k < 4; k++) to[k] = line[c + k];
            } else {
                for (size_t k = 0; k < used; k++) to[k] = line[c + k];
                for (size_t k = used; k < width; k++) to[k] = 0;
            }
        }
    })

enum { FEWEST_PACKED_ROWS = 4, BLOCK_WORDS = 32768 };

typedef struct {
    const uint64_t *base;
    size_t inner_step, column_step;
} matrix;

static void pack_matrix(const cct_source *source, uint64_t *out, size_t inner, size_t steps, size_t column, size_t columns,
                        const cct_tile_shape *shape) {
    const matrix *m = source->context;
    const uint64_t *from = m->base + inner * m->inner_step + column * m->column_step;
    if (m->column_step == 1) {
        for (size_t i = 0; i < steps; i++)
            cct_pack_line(source->set, out, from + i * m->inner_step, i, steps, columns, shape->columns, shape->lanes);
        return;
    }
    // A transposed factor: its columns are contiguous. They are read along, eight at a time where registers transpose them.
    for (size_t c = 0; c < columns; c += shape->columns) {
        const size_t used = cct_min(shape->columns, columns - c);
        const size_t width = cct_round_up(used, shape->lanes);
        uint64_t *to = out + c * steps;
        for (size_t k = 0; k < width;) {
            const uint64_t *first = from + (c + k) * m->column_step;
            size_t i = 0;
#if CCT_X86
            if (source->set == CCT_SET_AVX512 && k + 8 <= used && m->inner_step == 1) {
                for (; i + 8 <= steps; i += 8)
                    cct_exchange_8x8_avx512(to + i * width + k, width, first + i, m->column_step);
                for (; i < steps; i++)
                    for (size_t q = 0; q < 8; q++) to[i * width + k + q] = first[q * m->column_step + i];
                k += 8;
                continue;
            }
#endif
            for (; i < steps; i++) to[i * width + k] = k < used ? first[i * m->inner_step] : 0;
            k += 1;
        }
    }
}

void cct_matrix_accumulate(cct_instruction_set set, uint64_t *c, size_t c_step, size_t rows, size_t columns, size_t inner,
                           const uint64_t *a, size_t a_row_step, size_t a_inner_step, const uint64_t *b,
                           size_t b_inner_step, size_t b_column_step, int subtract, uint64_t *scratch) {
    if (rows < FEWEST_PACKED_ROWS && a_inner_step == 1 && (b_inner_step == 1 || b_column_step == 1)) {
        // Too few rows to pay for packing: vectors, by as many columns as stay in the second-level cache.
        const size_t block = cct_round_up(BLOCK_WORDS / (inner + 1), 64);
        for (size_t j = 0; j < columns; j += block)
            for (size_t r = 0; r < rows; r++)
                cct_vector_accumulate(set, c + r * c_step + j, cct_min(block, columns - j), inner, a + r * a_row_step,
                                      b + j * b_column_step, b_inner_step, b_column_step, subtract);
        return;
    }
    const matrix right = {b, b_inner_step, b_column_step};
    const cct_source source = {pack_matrix, &right, set};
    const cct_target target = {c, c_step, columns ? columns : 1, 0, 1};
    cct_product(set, target, rows, 0, columns, inner, (cct_rows){a, a_row_step, a_inner_step}, &source, subtract, scratch);
}
