// The product of a vector and a matrix: every element of the matrix is used once, so nothing is packed.
#include "support.h"

CCT_FOR_EACH_SET(
    cct_vector_accumulate,
    (cct_instruction_set set, uint64_t *c, size_t columns, size_t inner, const uint64_t *a, const uint64_t *b,
     size_t b_inner_step, size_t b_column_step, int subtract),
    (set, c, columns, inner, a, b, b_inner_step, b_column_step, subtract), {
        (void)set;
        const uint64_t sign = subtract ? ~(uint64_t)0 : 1;
        if (b_inner_step == 1) {  // columns are contiguous: one sum each
            for (size_t j = 0; j < columns; j++) {
                const uint64_t *column = b + j * b_column_step;
                uint64_t sum = 0;
                for (size_t i = 0; i < inner; i++) sum += a[i] * column[i];
                c[j] += sign * sum;
            }
            return;
        }
        size_t i = 0;
        for (; i + 4 <= inner; i += 4) {  // rows are contiguous: four at a time, for fewer passes over the result
            const uint64_t f0 = sign * a[i], f1 = sign * a[i + 1], f2 = sign * a[i + 2], f3 = sign * a[i + 3];
            const uint64_t *r0 = b + i * b_inner_step, *r1 = r0 + b_inner_step;
            const uint64_t *r2 = r1 + b_inner_step, *r3 = r2 + b_inner_step;
            for (size_t j = 0; j < columns; j++) c[j] += f0 * r0[j] + f1 * r1[j] + f2 * r2[j] + f3 * r3[j];
        }
        for (; i < inner; i++) {
            const uint64_t factor = sign * a[i];
            const uint64_t *row = b + i * b_inner_step;
            for (size_t j = 0; j < columns; j++) c[j] += factor * row[j];
        }
    })
