// Logic on words of packed bits, and elements that a bit keeps or negates.
#include "support.h"

#define LOOP(NAME, PARAMETERS, ARGUMENTS, STATEMENT)        \
    CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, {         \
        (void)set;                                          \
        for (size_t i = 0; i < count; i++) STATEMENT;       \
    })

LOOP(cct_bits_xor, (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, a, b, count), out[i] = a[i] ^ b[i])

LOOP(cct_bits_and, (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, a, b, count), out[i] = a[i] & b[i])

LOOP(cct_bits_not, (cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count), (set, out, a, count),
     out[i] = ~a[i])

LOOP(cct_bits_xor_and,
     (cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, const uint64_t *b, size_t count),
     (set, out, c, a, b, count), out[i] = c[i] ^ (a[i] & b[i]))

#define GROUPS(STATEMENT)                      \
    {                                          \
        (void)set;                             \
        CCT_FOR_EACH_BIT(bits, STATEMENT)      \
    }

CCT_FOR_EACH_SET(cct_u64_keep,
                 (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count),
                 (set, out, a, bits, count), GROUPS(out[i] = a[i] & mask))

CCT_FOR_EACH_SET(cct_u64_add_where,
                 (cct_instruction_set set, uint64_t *sum, const uint64_t *a, const uint64_t *bits, size_t count),
                 (set, sum, a, bits, count), GROUPS(sum[i] += a[i] & mask))

CCT_FOR_EACH_SET(cct_u64_negate_where,
                 (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count),
                 (set, out, a, bits, count), GROUPS(out[i] = (a[i] ^ mask) - mask))

// MARK: Groups of bits

/// out = XOR over subsets S of n bits of share_S * (product of hat_k for k outside S), for f[S] = share_S: variable after
/// variable, f[S] becomes f[S with it] ^ hat & f[S without it]. The result is f[0].
#define FOLD(F, HAT, BITS)                                                          \
    CCT_UNROLL                                                                      \
    for (int bit = (int)(BITS) - 1; bit >= 0; bit--) {                              \
        CCT_UNROLL                                                                  \
        for (int set_without = 0; set_without < 1 << bit; set_without++)            \
            F[set_without] = F[set_without | 1 << bit] ^ (HAT(bit) & F[set_without]); \
    }

/// The group's generate and propagate bits; `size` and which are wanted are constants where this is called.
CCT_INLINE void borrow(uint64_t *restrict generate, uint64_t *restrict propagate, const uint64_t *restrict bits, size_t bit_step,
                       const uint64_t *restrict products, size_t product_step, const int size, uint64_t first, size_t count) {
    CCT_LINES
    for (size_t i = 0; i < count; i++) {
        uint64_t q[4], folds[4], f[8];
        CCT_UNROLL
        for (int j = 0; j < size; j++) q[j] = ~bits[(size_t)j * bit_step + i];
        CCT_UNROLL
        for (int j = 0; j < size; j++) {
            const int above = size - 1 - j;
            CCT_UNROLL
            for (int s = 0; s < 1 << above; s++) f[s] = products[(size_t)((s << (j + 1) | 1 << j) - 1) * product_step + i];
#define ABOVE(BIT) q[j + 1 + BIT]
            FOLD(f, ABOVE, above)
#undef ABOVE
            folds[j] = f[0];
        }
        if (generate) {
            uint64_t sum = q[0] & folds[0];
            CCT_UNROLL
            for (int j = 1; j < size; j++) sum ^= q[j] & folds[j];
            generate[i] = sum;
        }
        if (propagate) {
            uint64_t sum = folds[size - 1] ^ (q[size - 1] & first);
            CCT_UNROLL
            for (int j = size - 2; j >= 0; j--) sum = folds[j] ^ (q[j] & sum);
            propagate[i] = sum;
        }
    }
}

#define BORROW(SIZE)                                                                                        \
    if (generate && propagate)                                                                              \
        borrow(generate, propagate, bits, bit_step, products, product_step, SIZE, ones, count);             \
    else if (generate)                                                                                      \
        borrow(generate, 0, bits, bit_step, products, product_step, SIZE, ones, count);                     \
    else                                                                                                    \
        borrow(0, propagate, bits, bit_step, products, product_step, SIZE, ones, count);                    \
    break;

CCT_FOR_EACH_SET(cct_bits_borrow,
                 (cct_instruction_set set, uint64_t *generate, uint64_t *propagate, const uint64_t *bits, size_t bit_step,
                  const uint64_t *products, size_t product_step, unsigned size, int first, size_t count),
                 (set, generate, propagate, bits, bit_step, products, product_step, size, first, count), {
                     (void)set;
                     const uint64_t ones = first ? ~(uint64_t)0 : 0;
                     switch (size) {
                     case 1: BORROW(1)
                     case 2: BORROW(2)
                     case 3: BORROW(3)
                     default: BORROW(4)
                     }
                 })

CCT_INLINE void subset_products(uint64_t *restrict out, size_t out_step, const uint64_t *restrict bits, size_t bit_step,
                                const int size, size_t count) {
    CCT_LINES
    for (size_t i = 0; i < count; i++) {
        uint64_t product[16];
        CCT_UNROLL
        for (int j = 0; j < size; j++) {
            const uint64_t bit = bits[(size_t)j * bit_step + i];
            product[1 << j] = bit;
            CCT_UNROLL
            for (int rest = 1; rest < 1 << j; rest++) product[1 << j | rest] = product[rest] & bit;
        }
        CCT_UNROLL
        for (int s = 1; s < 1 << size; s++) out[(size_t)(s - 1) * out_step + i] = product[s];
    }
}

CCT_FOR_EACH_SET(cct_bits_subset_products,
                 (cct_instruction_set set, uint64_t *out, size_t out_step, const uint64_t *bits, size_t bit_step,
                  unsigned size, size_t count),
                 (set, out, out_step, bits, bit_step, size, count), {
                     (void)set;
                     switch (size) {
                     case 1: subset_products(out, out_step, bits, bit_step, 1, count); break;
                     case 2: subset_products(out, out_step, bits, bit_step, 2, count); break;
                     case 3: subset_products(out, out_step, bits, bit_step, 3, count); break;
                     default: subset_products(out, out_step, bits, bit_step, 4, count);
                     }
                 })

// MARK: Selection and truncation

CCT_FOR_EACH_SET(cct_u64_selection,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict hat, const uint64_t *restrict beta,
                  const uint64_t *restrict product, const uint64_t *restrict lambda, const uint64_t *restrict bits, int first,
                  size_t count),
                 (set, out, hat, beta, product, lambda, bits, first, count), {
                     const uint64_t own = first ? ~(uint64_t)0 : 0;
                     GROUPS({
                         const uint64_t value = (hat[i] & own) - lambda[i];
                         const uint64_t flipped = hat[i] * beta[i] - product[i];
                         out[i] = (value & mask) + ((flipped ^ mask) - mask);
                     })
                 })

CCT_FOR_EACH_SET(cct_u64_weights,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *const *planes, const uint64_t *factors,
                  size_t plane_count, uint64_t constant, size_t first, size_t count),
                 (set, out, planes, factors, plane_count, constant, first, count), {
                     (void)set;
                     for (size_t group = 0; group < count; group += 64) {
                         uint64_t sums[64], masks[64];
                         for (size_t i = 0; i < 64; i++) sums[i] = constant;
                         for (size_t p = 0; p < plane_count; p++) {
                             cct_masks_of_bits(masks, planes[p][first + group / 64]);
                             for (size_t i = 0; i < 64; i++) sums[i] += factors[p] & masks[i];
                         }
                         memcpy(out + group, sums, cct_min(64, count - group) * sizeof(uint64_t));
                     }
                 })

CCT_FOR_EACH_SET(cct_u64_add_signed_multiple,
                 (cct_instruction_set set, uint64_t *restrict sum, const uint64_t *restrict a, uint64_t factor,
                  const uint64_t *restrict bits, size_t count),
                 (set, sum, a, factor, bits, count), GROUPS(sum[i] += ((a[i] ^ mask) - mask) * factor))

CCT_FOR_EACH_SET(cct_u64_add_signed_difference,
                 (cct_instruction_set set, uint64_t *restrict sum, const uint64_t *restrict a, const uint64_t *restrict b,
                  const uint64_t *restrict c, uint64_t factor, const uint64_t *restrict bits, size_t count),
                 (set, sum, a, b, c, factor, bits, count), GROUPS({
                     const uint64_t difference = a[i] * b[i] - c[i];
                     sum[i] += ((difference ^ mask) - mask) * factor;
                 }))

CCT_FOR_EACH_SET(cct_u64_truncate,
                 (cct_instruction_set set, uint64_t *restrict out, uint64_t *restrict selector, const uint64_t *restrict a,
                  unsigned shift, size_t count),
                 (set, out, selector, a, shift, count), {
                     (void)set;
                     const uint64_t offset = (uint64_t)1 << 62;
                     for (size_t group = 0; group < count; group += 64) {
                         const size_t length = cct_min(64, count - group);
                         uint64_t word = 0;
                         for (size_t i = 0; i < length; i++) {
                             const uint64_t c = a[group + i] + offset;
                             out[group + i] = (c >> shift) - (offset >> shift);
                             word |= (~c >> 63) << i;
                         }
                         selector[group / 64] = word;
                     }
                 })
