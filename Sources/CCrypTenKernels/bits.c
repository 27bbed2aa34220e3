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

/// All ones where bit i of a plane is 1, else 0.
CCT_INLINE uint64_t mask_of_bit(uint64_t word, size_t i) { return 0 - ((word >> i) & 1); }

/// For each group of 64 elements and its word of bits; the last group may be short.
#define GROUPS(STATEMENT)                                                      \
    {                                                                          \
        (void)set;                                                             \
        for (size_t group = 0; group < count; group += 64) {                   \
            const uint64_t word = bits[group / 64];                            \
            const size_t length = cct_min(64, count - group);                  \
            for (size_t i = 0; i < length; i++) {                              \
                const uint64_t mask = mask_of_bit(word, i);                    \
                STATEMENT;                                                     \
            }                                                                  \
        }                                                                      \
    }

CCT_FOR_EACH_SET(cct_u64_keep,
                 (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count),
                 (set, out, a, bits, count), GROUPS(out[group + i] = a[group + i] & mask))

CCT_FOR_EACH_SET(cct_u64_negate_where,
                 (cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count),
                 (set, out, a, bits, count), GROUPS(out[group + i] = (a[group + i] ^ mask) - mask))
