// Loops over elements, one a function; the compiler makes the vector instructions.
#include "support.h"

#define LOOP(NAME, PARAMETERS, ARGUMENTS, STATEMENT)        \
    CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, {         \
        (void)set;                                          \
        for (size_t i = 0; i < count; i++) STATEMENT;       \
    })

LOOP(cct_u64_add, (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, a, b, count), out[i] = a[i] + b[i])

LOOP(cct_u64_subtract, (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, a, b, count), out[i] = a[i] - b[i])

LOOP(cct_u64_multiply, (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, a, b, count), out[i] = a[i] * b[i])

LOOP(cct_u64_multiply_add,
     (cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, c, a, b, count), out[i] = c[i] + a[i] * b[i])

LOOP(cct_u64_multiply_subtract,
     (cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, c, a, b, count), out[i] = c[i] - a[i] * b[i])

LOOP(cct_u64_affine,
     (cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t factor, uint64_t term, size_t count),
     (set, out, a, factor, term, count), out[i] = a[i] * factor + term)

LOOP(cct_u64_add_scaled,
     (cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, uint64_t factor, size_t count),
     (set, out, c, a, factor, count), out[i] = c[i] + a[i] * factor)

LOOP(cct_u64_shift_right, (cct_instruction_set set, uint64_t *out, const uint64_t *a, unsigned bits, size_t count),
     (set, out, a, bits, count), out[i] = a[i] >> bits)

LOOP(cct_u64_shift_left, (cct_instruction_set set, uint64_t *out, const uint64_t *a, unsigned bits, size_t count),
     (set, out, a, bits, count), out[i] = a[i] << bits)

LOOP(cct_u64_mask, (cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t mask, size_t count),
     (set, out, a, mask, count), out[i] = a[i] & mask)

// Extents are public, so a sum may choose its order by them.
CCT_FOR_EACH_SET(
    cct_u64_sum,
    (cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t outer, size_t extent, size_t inner),
    (set, out, a, outer, extent, inner), {
        (void)set;
        for (size_t o = 0; o < outer; o++) {
            const uint64_t *from = a + o * extent * inner;
            uint64_t *to = out + o * inner;
            if (inner == 1) {
                uint64_t sum = 0;
                for (size_t r = 0; r < extent; r++) sum += from[r];
                *to = sum;
                continue;
            }
            for (size_t i = 0; i < inner; i++) to[i] = 0;
            for (size_t r = 0; r < extent; r++)
                for (size_t i = 0; i < inner; i++) to[i] += from[r * inner + i];
        }
    })
