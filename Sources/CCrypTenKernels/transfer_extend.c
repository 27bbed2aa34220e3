// The extension of correlated transfers: trees' leaves to columns of bits, and columns to rows of 128 bits.
#include "transfer.h"

enum { BLOCK = 64, COLUMNS = 128 };

static cct_transfer_cipher transfer_cipher(cct_cipher_kind kind) {
    switch (kind) {
#if CCT_X86
    case CCT_CIPHER_VAES: return cct_transfer_vaes();
    case CCT_CIPHER_VAES256: return cct_transfer_vaes256();
    case CCT_CIPHER_AESNI: return cct_transfer_aesni();
#elif CCT_ARM
    case CCT_CIPHER_ARMV8: return cct_transfer_armv8();
#endif
    default: return cct_transfer_bitsliced();
    }
}

size_t cct_leaf_schedule_bytes(cct_cipher_kind kind) { return cct_round_up(cct_cipher_of(kind).schedule_bytes, 64); }

void cct_leaves_prepare(cct_cipher_kind kind, uint8_t *schedules, const uint64_t *leaves, size_t count) {
    const cct_cipher cipher = cct_cipher_of(kind);
    const size_t stride = cct_leaf_schedule_bytes(kind);
    for (size_t x = 0; x < count; x++)
        cipher.prepare((cct_schedule *)(void *)(schedules + x * stride), leaves[2 * x], leaves[2 * x + 1]);
}

/// columns[i] ^= mask & other[i], for a row.
CCT_INLINE void xor_masked(uint64_t *columns, const uint64_t *other, uint64_t mask) {
    for (size_t i = 0; i < CCT_TRANSFER_ROW_WORDS; i++) columns[i] ^= other[i] & mask;
}

/// Rows from their low and their high words.
CCT_FOR_EACH_SET(cct_interleave,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict low, const uint64_t *restrict high,
                  size_t count),
                 (set, out, low, high, count), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) {
                         out[2 * i] = low[i];
                         out[2 * i + 1] = high[i];
                     }
                 })

/// A slab's rows from its columns: row i has bit i of column c at its bit c.
static void rows_of_columns(cct_instruction_set set, uint64_t *rows, const uint64_t *columns, size_t words) {
    enum { PIECE = 512 };  // rows: what a transposition does at once
    uint64_t low[PIECE], high[PIECE];
    for (size_t start = 0; start < words * 64; start += PIECE) {
        const size_t count = cct_min(PIECE, words * 64 - start);
        cct_words_of_planes(set, low, columns + start / 64, CCT_TRANSFER_ROW_WORDS, count, 64);
        cct_words_of_planes(set, high, columns + 64 * CCT_TRANSFER_ROW_WORDS + start / 64, CCT_TRANSFER_ROW_WORDS, count, 64);
        cct_interleave(set, rows + 2 * start, low, high, count);
    }
    cct_wipe(low, sizeof low);
    cct_wipe(high, sizeof high);
}

void cct_transfer_choose(cct_instruction_set set, cct_cipher_kind kind, const uint8_t *schedules, unsigned levels, uint64_t slab,
                         const uint64_t *choices, size_t words, uint64_t *rows, uint64_t *message) {
    const cct_transfer_cipher cipher = transfer_cipher(kind);
    const size_t stride = cct_leaf_schedule_bytes(kind), tree = stride << levels;
    uint64_t columns[COLUMNS * CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
    uint64_t sum[CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
    cct_fold_space space;
    for (size_t start = 0; start < words; start += CCT_TRANSFER_ROW_WORDS, slab++) {
        const size_t used = cct_min(CCT_TRANSFER_ROW_WORDS, words - start);
        for (size_t t = 0; t < COLUMNS / levels; t++) {
            cipher.fold(schedules + t * tree, stride, levels, slab * CCT_ROW_BLOCKS, columns + t * levels * CCT_TRANSFER_ROW_WORDS, sum,
                        &space);
            for (size_t i = 0; i < used; i++) message[t * used + i] = sum[i] ^ choices[start + i];
        }
        message += COLUMNS / levels * used;
        rows_of_columns(set, rows + 128 * start, columns, used);
    }
    cct_wipe(columns, sizeof columns);
    cct_wipe(sum, sizeof sum);
    cct_wipe(&space, sizeof space);
}

void cct_transfer_absorb(cct_instruction_set set, cct_cipher_kind kind, const uint8_t *schedules, unsigned levels, uint64_t slab,
                         const uint64_t *message, size_t words, const uint64_t *delta, uint64_t *rows) {
    const cct_transfer_cipher cipher = transfer_cipher(kind);
    const size_t stride = cct_leaf_schedule_bytes(kind), tree = stride << levels;
    uint64_t columns[COLUMNS * CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
    uint64_t correction[CCT_TRANSFER_ROW_WORDS], masks[COLUMNS];
    cct_fold_space space;
    memset(correction, 0, sizeof correction);
    cct_masks_of_bits(masks, delta[0]);
    cct_masks_of_bits(masks + BLOCK, delta[1]);
    for (size_t start = 0; start < words; start += CCT_TRANSFER_ROW_WORDS, slab++) {
        const size_t used = cct_min(CCT_TRANSFER_ROW_WORDS, words - start);
        for (size_t t = 0; t < COLUMNS / levels; t++, message += used) {
            uint64_t *const own = columns + t * levels * CCT_TRANSFER_ROW_WORDS;
            cipher.fold(schedules + t * tree, stride, levels, slab * CCT_ROW_BLOCKS, own, NULL, &space);
            memcpy(correction, message, used * sizeof(uint64_t));
            for (unsigned j = 0; j < levels; j++) xor_masked(own + j * CCT_TRANSFER_ROW_WORDS, correction, masks[t * levels + j]);
        }
        rows_of_columns(set, rows + 128 * start, columns, used);
    }
    cct_wipe(columns, sizeof columns);
    cct_wipe(masks, sizeof masks);
    cct_wipe(&space, sizeof space);
}

void cct_transfer_hash(cct_cipher_kind kind, const cct_schedule *schedule, uint64_t *out, const uint64_t *rows, uint64_t low,
                       uint64_t high, size_t count) {
    transfer_cipher(kind).hash(schedule, out, rows, low, high, cct_round_up(count, CCT_HASH_BLOCKS));
}

void cct_exchange_where(uint64_t *a, uint64_t *b, size_t words, uint64_t bit) {
    uint64_t mask[1] = {0 - (bit & 1)};
    CCT_HIDE(mask);
    for (size_t i = 0; i < words; i++) {
        const uint64_t moved = (a[i] ^ b[i]) & mask[0];
        a[i] ^= moved;
        b[i] ^= moved;
    }
    cct_wipe(mask, sizeof mask);
}
