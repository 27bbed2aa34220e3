// Products whose right factor is an image seen through a sliding window: convolutions and their gradients, without the
// matrix of windows, which would be as many times larger than the image as the window has elements.
#include "product.h"

/// One row of the matrix of windows: out[j] is what the tap `inner` sees at grid position `column + j`, for j < count.
CCT_INLINE void window_line(const cct_patches *p, uint64_t *out, size_t inner, size_t column, size_t count) {
    const size_t tap = inner % (p->taps_y * p->taps_x);
    const uint64_t *plane = p->image + inner / (p->taps_y * p->taps_x) * p->height * p->width;
    const ptrdiff_t first_y = p->first_y + (ptrdiff_t)(tap / p->taps_x) * p->tap_step_y;
    const ptrdiff_t first_x = p->first_x + (ptrdiff_t)(tap % p->taps_x) * p->tap_step_x;
    const ptrdiff_t step = (ptrdiff_t)p->grid_step_x, width = (ptrdiff_t)p->width;
    for (size_t done = 0; done < count;) {  // one row of the grid at a time
        const size_t grid_y = (column + done) / p->grid_width, grid_x = (column + done) % p->grid_width;
        const ptrdiff_t length = (ptrdiff_t)cct_min(count - done, p->grid_width - grid_x);
        const ptrdiff_t y = first_y + (ptrdiff_t)(grid_y * p->grid_step_y);
        const ptrdiff_t x = first_x + (ptrdiff_t)grid_x * step;
        // Positions low ..< high lie inside the image.
        ptrdiff_t low = x < 0 ? (step - 1 - x) / step : 0;
        ptrdiff_t high = x < width ? (width - 1 - x) / step + 1 : 0;
        if (high > length) high = length;
        if (y < 0 || y >= (ptrdiff_t)p->height || high < 0) high = 0;
        if (low > high) low = high;
        const uint64_t *from = plane + y * width + x;
        uint64_t *to = out + done;
        for (ptrdiff_t j = 0; j < low; j++) to[j] = 0;
        if (step == 1)
            CCT_SHORT for (ptrdiff_t j = low; j < high; j++) to[j] = from[j];
        else
            CCT_SCALAR for (ptrdiff_t j = low; j < high; j++) to[j] = from[j * step];
        for (ptrdiff_t j = high; j < length; j++) to[j] = 0;
        done += (size_t)length;
    }
}

CCT_FOR_EACH_SET(
    cct_window_line,
    (cct_instruction_set set, const cct_patches *p, uint64_t *out, size_t inner, size_t column, size_t count),
    (set, p, out, inner, column, count), {
        (void)set;
        window_line(p, out, inner, column, count);
    })

/// Rows of the factor are taps, columns are grid positions.
static void pack_windows(const cct_source *source, uint64_t *out, size_t inner, size_t steps, size_t column,
                         size_t columns, const cct_tile_shape *shape) {
    uint64_t line[CCT_COLUMN_BLOCK] __attribute__((aligned(64)));
    for (size_t i = 0; i < steps; i++) {
        cct_window_line(source->set, source->context, line, inner + i, column, columns);
        cct_pack_line(source->set, out, line, i, steps, columns, shape->columns, shape->lanes);
    }
}

/// Rows of the factor are grid positions, columns are taps.
static void pack_transposed_windows(const cct_source *source, uint64_t *out, size_t inner, size_t steps, size_t column,
                                    size_t columns, const cct_tile_shape *shape) {
    uint64_t line[CCT_INNER_BLOCK] __attribute__((aligned(64)));
    for (size_t c = 0; c < columns; c += shape->columns) {
        const size_t used = cct_min(shape->columns, columns - c);
        const size_t width = cct_round_up(used, shape->lanes);
        uint64_t *to = out + c * steps;
        for (size_t k = 0; k < width; k++) {
            if (k < used)
                cct_window_line(source->set, source->context, line, column + c + k, inner, steps);
            else
                memset(line, 0, steps * sizeof(uint64_t));
            for (size_t i = 0; i < steps; i++) to[i * width + k] = line[i];
        }
    }
}

void cct_patches_accumulate(cct_instruction_set set, cct_target target, size_t rows, size_t first_column,
                            size_t last_column, size_t inner, const uint64_t *a, size_t a_row_step,
                            const cct_patches *patches, int subtract, uint64_t *scratch) {
    const cct_source source = {pack_windows, patches, set};
    cct_product(set, target, rows, first_column, last_column, inner, (cct_rows){a, a_row_step, 1}, &source, subtract,
                scratch);
}

void cct_patches_transposed_accumulate(cct_instruction_set set, cct_target target, size_t rows, size_t first_column,
                                       size_t last_column, size_t inner, const uint64_t *a, size_t a_row_step,
                                       const cct_patches *patches, int subtract, uint64_t *scratch) {
    const cct_source source = {pack_transposed_windows, patches, set};
    cct_product(set, target, rows, first_column, last_column, inner, (cct_rows){a, a_row_step, 1}, &source, subtract,
                scratch);
}
