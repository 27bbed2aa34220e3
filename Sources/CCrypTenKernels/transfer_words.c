// Words that a choice bit weighs: what the sender masks, and what the receiver makes of it.
#include "transfer.h"

#include <stdbool.h>

/// Elements that are worked through at once: their pads stay in the first cache.
enum { PIECE = CCT_LANES_BLOCK };

/// m = c + H(q) - H(q ^ Δ) and share += -H(q) << shift, of which bits `mask` count, from one word of each block of the pads.
CCT_FOR_EACH_SET(cct_mask_words,
                 (cct_instruction_set set, uint64_t *restrict message, uint64_t *restrict share, const uint64_t *restrict words,
                  const uint64_t *restrict zero, const uint64_t *restrict one, size_t count, unsigned from, uint64_t mask, unsigned shift),
                 (set, message, share, words, zero, one, count, from, mask, shift), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) {
                         const uint64_t z = zero[2 * i] >> from;
                         message[i] = (words[i] + z - (one[2 * i] >> from)) & mask;
                         share[i] += ((0 - z) & mask) << shift;
                     }
                 })

/// share += (H(t) + b m) << shift, of which bits `low` count.
CCT_FOR_EACH_SET(cct_unmask_words,
                 (cct_instruction_set set, uint64_t *restrict share, const uint64_t *restrict message, const uint64_t *restrict pad,
                  const uint64_t *restrict choices, size_t count, unsigned from, uint64_t low, unsigned shift),
                 (set, share, message, pad, choices, count, from, low, shift),
                 {(void)set; CCT_FOR_EACH_BIT(choices, share[i] += (((pad[2 * i] >> from) + (message[i] & mask)) & low) << shift)})

/// The same with words of two: both halves of a block are the pad.
CCT_FOR_EACH_SET(cct_mask_wide,
                 (cct_instruction_set set, uint64_t *restrict message, uint64_t *restrict message_high, uint64_t *restrict share,
                  uint64_t *restrict share_high, const uint64_t *restrict words, const uint64_t *restrict words_high,
                  const uint64_t *restrict zero, const uint64_t *restrict one, size_t count, uint64_t mask),
                 (set, message, message_high, share, share_high, words, words_high, zero, one, count, mask), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) {
                         const uint64_t z = zero[2 * i], o = one[2 * i], sum = words[i] + z;
                         const uint64_t carry = sum < z, borrow = sum < o;
                         message[i] = sum - o;
                         message_high[i] = (words_high[i] + zero[2 * i + 1] + carry - one[2 * i + 1] - borrow) & mask;
                         share[i] = 0 - z;
                         share_high[i] = (0 - zero[2 * i + 1] - (uint64_t)(z != 0)) & mask;
                     }
                 })

CCT_FOR_EACH_SET(cct_unmask_wide,
                 (cct_instruction_set set, uint64_t *restrict share, uint64_t *restrict share_high, const uint64_t *restrict message,
                  const uint64_t *restrict message_high, const uint64_t *restrict pad, const uint64_t *restrict choices, size_t count,
                  uint64_t low),
                 (set, share, share_high, message, message_high, pad, choices, count, low), {
                     (void)set;
                     CCT_FOR_EACH_BIT(choices, share[i] = pad[2 * i] + (message[i] & mask);
                                      share_high[i] = (pad[2 * i + 1] + (message_high[i] & mask) + (uint64_t)(share[i] < pad[2 * i])) & low)
                 })

CCT_INLINE uint64_t low_mask(unsigned width) { return ~(uint64_t)0 >> (64 - width); }

/// What all four need: the pad's key, and room for a piece.
typedef struct {
    cct_schedule schedule;
    uint64_t zero[2 * PIECE], one[2 * PIECE];
    uint64_t message[PIECE], message_high[PIECE];
} workspace;

/// One word of each block of the pads, or the XOR of those of both pads.
CCT_FOR_EACH_SET(cct_pick, (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict pads, size_t count),
                 (set, out, pads, count), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) out[i] = pads[2 * i];
                 })
CCT_FOR_EACH_SET(cct_pick_xor,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict zero, const uint64_t *restrict one,
                  size_t count),
                 (set, out, zero, one, count), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) out[i] = zero[2 * i] ^ one[2 * i];
                 })

/// Planes of bits offset ..< offset + planes of a piece's pads, those of the rows or the XOR of `both`, from element `start` on.
static void planes_of_pads(cct_instruction_set set, workspace *w, uint64_t *out, size_t step, bool both, size_t start, size_t some,
                           unsigned offset, unsigned planes) {
    const size_t half = offset / 64;
    if (both)
        cct_pick_xor(set, w->message, w->zero + half, w->one + half, some);
    else
        cct_pick(set, w->message, w->zero + half, some);
    cct_planes_of_words(set, out + start / 64, step, w->message, some, offset % 64, planes);
}

/// What later messages take of a piece's pads.
static void make_later(cct_instruction_set set, workspace *w, const cct_later *later, size_t start, size_t some) {
    for (size_t i = 0; i < later->count; i++) {
        const cct_later_bits *const item = &later->items[i];
        planes_of_pads(set, w, item->share, later->step, false, start, some, item->offset, item->planes);
        if (item->masks) planes_of_pads(set, w, item->masks, later->step, true, start, some, item->offset, item->planes);
    }
}

/// A piece of what `cct_transfer_send` does.
CCT_INLINE void send_piece(cct_instruction_set set, cct_cipher_kind kind, workspace *w, uint64_t *message, uint64_t *share,
                           const uint64_t *words, const uint64_t *rows, size_t start, size_t some, const uint64_t *delta,
                           unsigned offset, unsigned width, unsigned shift, const cct_later *later) {
    const size_t half = offset / 64;
    cct_transfer_hash(kind, &w->schedule, w->zero, rows + 2 * start, 0, 0, some);
    cct_transfer_hash(kind, &w->schedule, w->one, rows + 2 * start, delta[0], delta[1], some);
    cct_mask_words(set, w->message, share + start, words, w->zero + half, w->one + half, some, offset % 64, low_mask(width), shift);
    cct_lanes_pack(set, message + start / 64 * width, w->message, some, width);
    make_later(set, w, later, start, some);
}

void cct_transfer_send(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *share, const uint64_t *words,
                       const uint64_t *rows, size_t count, const uint64_t *delta, const uint64_t *key, unsigned offset, unsigned width,
                       unsigned shift, const cct_later *later) {
    workspace w __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE)
        send_piece(set, kind, &w, message, share, words + start, rows, start, cct_min(PIECE, count - start), delta, offset, width, shift,
                   later);
    cct_wipe(&w, sizeof w);
}

/// Bits as words of 0 and 1.
CCT_FOR_EACH_SET(cct_words_of_bits, (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict bits, size_t count),
                 (set, out, bits, count), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) out[i] = bits[i / 64] >> (i % 64) & 1;
                 })

void cct_transfer_send_ones(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *share, const uint64_t *bits,
                            const uint64_t *rows, size_t count, const uint64_t *delta, const uint64_t *key, unsigned offset,
                            unsigned width, unsigned shift, const cct_later *later) {
    workspace w __attribute__((aligned(64)));
    uint64_t words[PIECE] __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t some = cct_min(PIECE, count - start);
        cct_words_of_bits(set, words, bits + start / 64, some);
        send_piece(set, kind, &w, message, share, words, rows, start, some, delta, offset, width, shift, later);
    }
    cct_wipe(&w, sizeof w);
    cct_wipe(words, sizeof words);
}

void cct_transfer_receive(cct_instruction_set set, cct_cipher_kind kind, uint64_t *share, const uint64_t *message, const uint64_t *rows,
                          const uint64_t *choices, size_t count, const uint64_t *key, unsigned offset, unsigned width, unsigned shift,
                          const cct_later *later) {
    workspace w __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t some = cct_min(PIECE, count - start);
        cct_transfer_hash(kind, &w.schedule, w.zero, rows + 2 * start, 0, 0, some);
        cct_lanes_unpack(set, w.message, message + start / 64 * width, some, width);
        cct_unmask_words(set, share + start, w.message, w.zero + offset / 64, choices + start / 64, some, offset % 64, low_mask(width),
                         shift);
        make_later(set, &w, later, start, some);
    }
    cct_wipe(&w, sizeof w);
}

void cct_transfer_send_wide(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *message_high, uint64_t *share,
                            uint64_t *share_high, const uint64_t *words, const uint64_t *words_high, const uint64_t *rows, size_t count,
                            const uint64_t *delta, const uint64_t *key, unsigned width) {
    workspace w __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t some = cct_min(PIECE, count - start);
        cct_transfer_hash(kind, &w.schedule, w.zero, rows + 2 * start, 0, 0, some);
        cct_transfer_hash(kind, &w.schedule, w.one, rows + 2 * start, delta[0], delta[1], some);
        cct_mask_wide(set, message + start, w.message_high, share + start, share_high + start, words + start, words_high + start, w.zero,
                      w.one, some, low_mask(width - 64));
        cct_lanes_pack(set, message_high + start / 64 * (width - 64), w.message_high, some, width - 64);
    }
    cct_wipe(&w, sizeof w);
}

void cct_transfer_receive_wide(cct_instruction_set set, cct_cipher_kind kind, uint64_t *share, uint64_t *share_high,
                               const uint64_t *message, const uint64_t *message_high, const uint64_t *rows, const uint64_t *choices,
                               size_t count, const uint64_t *key, unsigned width) {
    workspace w __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t some = cct_min(PIECE, count - start);
        cct_transfer_hash(kind, &w.schedule, w.zero, rows + 2 * start, 0, 0, some);
        cct_lanes_unpack(set, w.message_high, message_high + start / 64 * (width - 64), some, width - 64);
        cct_unmask_wide(set, share + start, share_high + start, message + start, w.message_high, w.zero, choices + start / 64, some,
                        low_mask(width - 64));
    }
    cct_wipe(&w, sizeof w);
}

// MARK: Bits

void cct_transfer_send_bits(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *share, const uint64_t *bits,
                            const uint64_t *rows, size_t count, const uint64_t *delta, const uint64_t *key, unsigned offset,
                            unsigned planes, const cct_later *later) {
    workspace w __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t some = cct_min(PIECE, count - start), at = start / 64, words = cct_round_up(some, 64) / 64;
        cct_transfer_hash(kind, &w.schedule, w.zero, rows + 2 * start, 0, 0, some);
        cct_transfer_hash(kind, &w.schedule, w.one, rows + 2 * start, delta[0], delta[1], some);
        planes_of_pads(set, &w, share, later->step, false, start, some, offset, planes);
        planes_of_pads(set, &w, message, later->step, true, start, some, offset, planes);
        for (unsigned p = 0; p < planes; p++)
            for (size_t i = 0; i < words; i++) message[p * later->step + at + i] ^= bits[p * later->step + at + i];
        make_later(set, &w, later, start, some);
    }
    cct_wipe(&w, sizeof w);
}

void cct_transfer_receive_bits(cct_instruction_set set, cct_cipher_kind kind, uint64_t *share, const uint64_t *message,
                               const uint64_t *rows, const uint64_t *choices, size_t count, const uint64_t *key, unsigned offset,
                               unsigned planes, const cct_later *later) {
    workspace w __attribute__((aligned(64)));
    cct_cipher_of(kind).prepare(&w.schedule, key[0], key[1]);
    for (size_t start = 0; start < count; start += PIECE) {
        const size_t some = cct_min(PIECE, count - start), at = start / 64, words = cct_round_up(some, 64) / 64;
        cct_transfer_hash(kind, &w.schedule, w.zero, rows + 2 * start, 0, 0, some);
        planes_of_pads(set, &w, share, later->step, false, start, some, offset, planes);
        for (unsigned p = 0; p < planes; p++)
            for (size_t i = 0; i < words; i++)
                share[p * later->step + at + i] ^= choices[at + i] & message[p * later->step + at + i];
        make_later(set, &w, later, start, some);
    }
    cct_wipe(&w, sizeof w);
}

CCT_FOR_EACH_SET(cct_xor_chosen,
                 (cct_instruction_set set, uint64_t *restrict out, const uint64_t *restrict pads, const uint64_t *restrict bits,
                  const uint64_t *restrict choices, size_t count),
                 (set, out, pads, bits, choices, count), {
                     (void)set;
                     for (size_t i = 0; i < count; i++) out[i] = pads[i] ^ (choices[i] & bits[i]);
                 })

void cct_transfer_bits(cct_instruction_set set, uint64_t *out, const uint64_t *pads, const uint64_t *bits, const uint64_t *choices,
                       size_t step, unsigned planes) {
    for (unsigned p = 0; p < planes; p++) {
        const uint64_t *const chosen = choices ? choices : bits + p * step;
        cct_xor_chosen(set, out + p * step, pads + p * step, bits + p * step, chosen, step);
    }
}
