// The inside of correlated oblivious transfer: what each cipher does for it.
#ifndef CCT_TRANSFER_H
#define CCT_TRANSFER_H

#include "expand.h"

enum {
    CCT_ROW_BYTES = CCT_TRANSFER_ROW_WORDS * 8,
    CCT_ROW_BLOCKS = CCT_ROW_BYTES / 16,
    CCT_MOST_LEVELS = 8,
    /// Blocks that `hash` does together: of every cipher a multiple of what it keeps in flight.
    CCT_HASH_BLOCKS = 32
};

/// What a tree's fold keeps while it goes: of each level a column, and the leaves that wait for their neighbours. Secret.
typedef struct {
    uint64_t column[CCT_MOST_LEVELS * CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
    uint64_t pending[CCT_MOST_LEVELS * CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
} cct_fold_space;

/// One cipher's part in it.
typedef struct {
    /// With r(x) the blocks first ..< first + 16 under schedule x: columns[32 j …] = XOR of the r(x) whose x has bit j, j < levels, and
    /// sum = XOR of all. Where `sum` is NULL, schedule 0 isn't there: no column needs it.
    void (*fold)(const uint8_t *schedules, size_t stride, unsigned levels, uint64_t first, uint64_t *columns, uint64_t *sum,
                 cct_fold_space *space);
    /// out = E(x) ^ x for blocks x = in ^ (low, high), `blocks` a multiple of CCT_HASH_BLOCKS.
    void (*hash)(const cct_schedule *schedule, uint64_t *out, const uint64_t *in, uint64_t low, uint64_t high, size_t blocks);
} cct_transfer_cipher;

/// out = H(row ^ (low, high)) for `count` rows, and perhaps some of those that follow up to a multiple of CCT_HASH_BLOCKS.
void cct_transfer_hash(cct_cipher_kind kind, const cct_schedule *schedule, uint64_t *out, const uint64_t *rows, uint64_t low,
                       uint64_t high, size_t count);

cct_transfer_cipher cct_transfer_bitsliced(void);
#if CCT_X86
cct_transfer_cipher cct_transfer_aesni(void);
cct_transfer_cipher cct_transfer_vaes256(void);
cct_transfer_cipher cct_transfer_vaes(void);
#elif CCT_ARM
cct_transfer_cipher cct_transfer_armv8(void);
#endif

/// CCT_FOLD(NAME, TARGET, VECTOR, COUNT, MAKE) defines NAME of the form above for rows of vectors, COUNT of them at a time;
/// MAKE(state, schedule, block) puts COUNT vectors of blocks block … under a schedule into `state`.
///
/// Leaf x meets its neighbour as a counter carries: where bit 0 of x is 1 the pair before it is complete, it goes into column 0, and
/// the pair's sum goes on to the next bit. So a leaf costs two XORs of a row on average, whatever the number of levels.
#define CCT_FOLD(NAME, TARGET, VECTOR, COUNT, MAKE)                                                                            \
    CCT_INLINE TARGET void NAME##_levels(const uint8_t *schedules, size_t stride, const unsigned levels, uint64_t first,       \
                                         uint64_t *columns, uint64_t *sum, cct_fold_space *space) {                            \
        for (size_t at = 0; at < CCT_ROW_BYTES; at += COUNT * sizeof(VECTOR)) {                                                \
            VECTOR *const column = (VECTOR *)(void *)space->column, *const pending = (VECTOR *)(void *)space->pending;         \
            VECTOR state[COUNT];                                                                                               \
            memset(column, 0, levels * COUNT * sizeof(VECTOR));                                                                \
            memset(pending, 0, COUNT * sizeof(VECTOR));                                                                        \
            for (size_t x = sum ? 0 : 1; x < (size_t)1 << levels; x++) {                                                       \
                MAKE(state, schedules + x * stride, first + at / 16);                                                          \
                unsigned j = 0;                                                                                                \
                for (; x >> j & 1; j++) {                                                                                      \
                    CCT_UNROLL                                                                                                 \
                    for (size_t v = 0; v < COUNT; v++) {                                                                       \
                        column[j * COUNT + v] ^= state[v];                                                                     \
                        state[v] ^= pending[j * COUNT + v];                                                                    \
                    }                                                                                                          \
                }                                                                                                              \
                if (j == levels) break;                                                                                        \
                CCT_UNROLL                                                                                                     \
                for (size_t v = 0; v < COUNT; v++) pending[j * COUNT + v] = state[v];                                          \
            }                                                                                                                  \
            for (unsigned j = 0; j < levels; j++)                                                                              \
                memcpy((uint8_t *)columns + j * CCT_ROW_BYTES + at, column + j * COUNT, COUNT * sizeof(VECTOR));               \
            if (sum) memcpy((uint8_t *)sum + at, state, sizeof state);                                                         \
        }                                                                                                                      \
    }                                                                                                                          \
    TARGET static void NAME(const uint8_t *schedules, size_t stride, unsigned levels, uint64_t first, uint64_t *columns,       \
                            uint64_t *sum, cct_fold_space *space) {                                                            \
        switch (levels) {                                                                                                      \
        case 2: NAME##_levels(schedules, stride, 2, first, columns, sum, space); break;                                        \
        case 4: NAME##_levels(schedules, stride, 4, first, columns, sum, space); break;                                        \
        default: NAME##_levels(schedules, stride, 8, first, columns, sum, space);                                              \
        }                                                                                                                      \
    }

#endif
