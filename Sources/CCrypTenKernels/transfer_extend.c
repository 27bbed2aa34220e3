// The extension of correlated transfers: trees' leaves to columns of bits, and columns to rows of 128 bits.
#include "transfer.h"
#include "transpose.h"

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

/// Rows that a transposition makes at once, and room for their low and their high words.
enum { PIECE = 512 };

/// What a slab takes on its way from leaves to rows. Secret.
typedef struct {
    uint64_t columns[COLUMNS * CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
    uint64_t sum[CCT_TRANSFER_ROW_WORDS] __attribute__((aligned(64)));
    uint64_t low[PIECE], high[PIECE];
    cct_fold_space fold;
} slab_space;

/// A slab's rows from its columns: row i has bit i of column c at its bit c.
static void rows_of_columns(cct_instruction_set set, uint64_t *rows, slab_space *space, size_t words) {
    const uint64_t *const low = space->columns, *const high = low + BLOCK * CCT_TRANSFER_ROW_WORDS;
    for (size_t start = 0; start < words * 64; start += PIECE) {
        const size_t count = cct_min(PIECE, words * 64 - start);
#if CCT_X86
        if (set == CCT_SET_AVX2 && count == PIECE) {
            cct_rows_of_lines_avx2(rows + 2 * start, low + start / 64, high + start / 64, CCT_TRANSFER_ROW_WORDS);
            continue;
        }
#endif
        cct_words_of_planes(set, space->low, low + start / 64, CCT_TRANSFER_ROW_WORDS, count, 64);
        cct_words_of_planes(set, space->high, high + start / 64, CCT_TRANSFER_ROW_WORDS, count, 64);
        cct_interleave(set, rows + 2 * start, space->low, space->high, count);
    }
}

void cct_transfer_choose(cct_instruction_set set, cct_cipher_kind kind, const uint8_t *schedules, unsigned levels, uint64_t slab,
                         const uint64_t *choices, size_t words, uint64_t *rows, uint64_t *message) {
    const cct_transfer_cipher cipher = transfer_cipher(kind);
    const size_t stride = cct_leaf_schedule_bytes(kind), tree = stride << levels;
    slab_space space;
    for (size_t start = 0; start < words; start += CCT_TRANSFER_ROW_WORDS, slab++) {
        const size_t used = cct_min(CCT_TRANSFER_ROW_WORDS, words - start);
        for (size_t t = 0; t < COLUMNS / levels; t++) {
            cipher.fold(schedules + t * tree, stride, levels, slab * CCT_ROW_BLOCKS,
                        space.columns + t * levels * CCT_TRANSFER_ROW_WORDS, space.sum, &space.fold);
            for (size_t i = 0; i < used; i++) message[t * used + i] = space.sum[i] ^ choices[start + i];
        }
        message += COLUMNS / levels * used;
        if (rows) rows_of_columns(set, rows + 128 * start, &space, used);
    }
    cct_wipe(&space, sizeof space);
}

/// Words from ..< from + count of what a tree has in a message, of which each slab has its words of all trees.
CCT_INLINE void words_of_tree(uint64_t *out, const cct_transfer_message *message, size_t trees, size_t tree, size_t from, size_t count) {
    while (count > 0) {
        const size_t start = from - from % CCT_TRANSFER_ROW_WORDS, used = cct_min(CCT_TRANSFER_ROW_WORDS, message->count - start);
        const size_t here = cct_min(count, start + used - from);
        memcpy(out, message->words + trees * start + tree * used + (from - start), here * sizeof(uint64_t));
        out += here;
        from += here;
        count -= here;
    }
}

void cct_transfer_rows(cct_instruction_set set, cct_cipher_kind kind, const uint8_t *schedules, unsigned levels, uint64_t slab,
                       size_t from, size_t words, const cct_transfer_message *message, uint64_t *rows) {
    const cct_transfer_cipher cipher = transfer_cipher(kind);
    const size_t stride = cct_leaf_schedule_bytes(kind), tree = stride << levels, trees = COLUMNS / levels;
    uint64_t correction[CCT_TRANSFER_ROW_WORDS], masks[COLUMNS];
    slab_space space;
    memset(correction, 0, sizeof correction);
    if (message) {
        cct_masks_of_bits(masks, message->delta[0]);
        cct_masks_of_bits(masks + BLOCK, message->delta[1]);
    }
    for (size_t start = 0; start < words; start += CCT_TRANSFER_ROW_WORDS) {
        const size_t used = cct_min(CCT_TRANSFER_ROW_WORDS, words - start);
        for (size_t t = 0; t < trees; t++) {
            uint64_t *const own = space.columns + t * levels * CCT_TRANSFER_ROW_WORDS;
            cipher.fold(schedules + t * tree, stride, levels, slab * CCT_ROW_BLOCKS + (from + start) / 2, own, NULL, &space.fold);
            if (!message) continue;
            words_of_tree(correction, message, trees, t, from + start, used);
            for (unsigned j = 0; j < levels; j++) xor_masked(own + j * CCT_TRANSFER_ROW_WORDS, correction, masks[t * levels + j]);
        }
        rows_of_columns(set, rows + 128 * start, &space, used);
    }
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
