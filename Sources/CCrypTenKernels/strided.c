// Copies between arrays with steps: the inner loops of gather, permute, pad and take. Plain C for every machine: memory sets
// the pace, and vector gathers are slower than the loads that they replace.
#include "support.h"

enum { TILE = 16 };  // 16 by 16 words of either array: its lines stay in the first-level cache

void cct_u64_copy(uint64_t *to, ptrdiff_t to_step_0, ptrdiff_t to_step_1, const uint64_t *from, ptrdiff_t from_step_0,
                  ptrdiff_t from_step_1, size_t extent_0, size_t extent_1) {
    const ptrdiff_t rows = (ptrdiff_t)extent_0, columns = (ptrdiff_t)extent_1;
    if (to_step_1 == 1 && from_step_1 == 1) {
        for (ptrdiff_t i = 0; i < rows; i++) {
            uint64_t *t = to + i * to_step_0;
            const uint64_t *f = from + i * from_step_0;
            if (columns > 32)
                memcpy(t, f, extent_1 * sizeof(uint64_t));
            else
                for (ptrdiff_t j = 0; j < columns; j++) t[j] = f[j];
        }
    } else if (to_step_1 == 1 && from_step_1 == 0) {
        for (ptrdiff_t i = 0; i < rows; i++) {
            const uint64_t word = from[i * from_step_0];
            for (ptrdiff_t j = 0; j < columns; j++) to[i * to_step_0 + j] = word;
        }
    } else if (from_step_0 == 1 && rows > 1) {  // a transposition: by squares, so that lines are used whole
        for (ptrdiff_t i0 = 0; i0 < rows; i0 += TILE)
            for (ptrdiff_t j0 = 0; j0 < columns; j0 += TILE)
                for (ptrdiff_t i = i0; i < rows && i < i0 + TILE; i++)
                    for (ptrdiff_t j = j0; j < columns && j < j0 + TILE; j++)
                        to[i * to_step_0 + j * to_step_1] = from[i + j * from_step_1];
    } else {
        for (ptrdiff_t i = 0; i < rows; i++)
            for (ptrdiff_t j = 0; j < columns; j++)
                to[i * to_step_0 + j * to_step_1] = from[i * from_step_0 + j * from_step_1];
    }
}
