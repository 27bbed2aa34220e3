/// Correlated oblivious transfer: the extension, what its pads make of words, and how these are packed.
///
/// The rules of CCrypTenKernels.h hold. A *row* is the 128 bits of one transfer, two words, the low ones first.
#ifndef CCRYPTEN_TRANSFERS_H
#define CCRYPTEN_TRANSFERS_H

#include "CCrypTenKernels.h"

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

// MARK: Words of few bits in lanes (lanes.c)

/// Elements of a block: eight lanes of 64.
enum { CCT_LANES_BLOCK = 512 };

/// The `bits` (1 ... 64) low bits of each of `count` elements into (count * bits + 63) / 64 words. Of whole blocks, element 8 r + l is bits
/// r * bits ... of the words l, l + 8, l + 16 ... of the block's 8 * bits; what is left follows as `cct_few_bits_pack` lays it out.
/// Cost: the same for every width, some instructions for eight elements.
void cct_lanes_pack(cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count, unsigned bits);
/// The inverse.
void cct_lanes_unpack(cct_instruction_set set, uint64_t *out, const uint64_t *words, size_t count, unsigned bits);

// MARK: Extension (transfer_extend.c)

/// Words of a row of a slab: 2,048 transfers, of which 128 columns of bits and what else a slab takes stay in the first two caches.
enum { CCT_TRANSFER_ROW_WORDS = 32 };

/// Bytes from one leaf's prepared key to the next, a multiple of 64.
size_t cct_leaf_schedule_bytes(cct_cipher_kind kind);
/// Prepares the keys of `count` leaves of two words each; `schedules` lies at a multiple of 64 bytes.
void cct_leaves_prepare(cct_cipher_kind kind, uint8_t *schedules, const uint64_t *leaves, size_t count);

/// The chooser's part of the extension: 64 * `words` transfers, which begin a slab, with the given bits for choices.
///
/// `schedules` holds 128 / levels trees of 2^levels leaves; `levels` is 2, 4 or 8. With r(x) the stream of a tree's leaf x, column
/// levels * tree + j is the XOR of the r(x) whose x has bit j; rows[2 i] and rows[2 i + 1] are bit i of columns 0 ... 63 and 64 ... 127. Of
/// each slab and tree the XOR of all r(x) and of the choices goes to `message`: 128 / levels * words words. Without `rows` none are made.
void cct_transfer_choose(cct_instruction_set set, cct_cipher_kind kind, const uint8_t *schedules, unsigned levels, uint64_t slab,
                         const uint64_t *choices, size_t words, uint64_t *_Nullable rows, uint64_t *message);

/// What the chooser has sent for 64 * `count` transfers, and the two words of Δ.
typedef struct {
    const uint64_t *words;
    size_t count;
    const uint64_t *delta;
} cct_transfer_message;

/// Rows of 64 * `words` transfers, from 64 * `from` on of those that begin `slab`; `from` is even. Without a message they are the chooser's.
///
/// With one they are the other part's. Place y of a tree in `schedules` is leaf y ^ (bits levels * tree ... of Δ) then, and place 0 isn't
/// read: the columns come out as the chooser's XOR (bit of Δ) * (XOR of all r(x)), and the message turns that into the chooser's XOR (bit
/// of Δ) * choices.
void cct_transfer_rows(cct_instruction_set set, cct_cipher_kind kind, const uint8_t *schedules, unsigned levels, uint64_t slab,
                       size_t from, size_t words, const cct_transfer_message *_Nullable message, uint64_t *rows);

// MARK: Pads (transfer_words.c)

/// Planes of a pad's bits for a later message of bits: bits offset ..< offset + planes of the block (within a half), whose planes lie one after the
/// other. share = H(row); masks = H(row) ^ H(row ^ delta), at the part that sends.
typedef struct {
    uint64_t *share;
    uint64_t *_Nullable masks;
    unsigned offset, planes;
} cct_later_bits;

/// Those of a block, and the words of a plane.
typedef struct {
    const cct_later_bits *_Nullable items;
    size_t count, step;
} cct_later;

/// For `count` transfers and bits offset ..< offset + width of a block of their pads (within a half: offset % 64 + width <= 64), where
/// H(x) = AES(x) ^ x under `key`: message = words + H(row) - H(row ^ delta) modulo 2^width, as `cct_lanes_pack` lays it out, and
/// share += (-H(row) modulo 2^width) << shift. As many rows can be read as a multiple of 64 has. What is `later` is made of the same blocks.
void cct_transfer_send(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *share, const uint64_t *words,
                       const uint64_t *rows, size_t count, const uint64_t *delta, const uint64_t *key, unsigned offset, unsigned width,
                       unsigned shift, const cct_later *later);
/// The same of words that are 0 or 1: the bits of a plane.
void cct_transfer_send_ones(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *share, const uint64_t *bits,
                            const uint64_t *rows, size_t count, const uint64_t *delta, const uint64_t *key, unsigned offset,
                            unsigned width, unsigned shift, const cct_later *later);
/// share += (H(row) + choice * message modulo 2^width) << shift.
void cct_transfer_receive(cct_instruction_set set, cct_cipher_kind kind, uint64_t *share, const uint64_t *message, const uint64_t *rows,
                          const uint64_t *choices, size_t count, const uint64_t *key, unsigned offset, unsigned width, unsigned shift,
                          const cct_later *later);
/// With numbers of 65 ... 128 bits in two words, which take whole blocks, and share = -H(row) or H(row) + choice * message: of the
/// message, the low words as they are, the high ones as `cct_lanes_pack` lays them out.
void cct_transfer_send_wide(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *message_high, uint64_t *share,
                            uint64_t *share_high, const uint64_t *words, const uint64_t *words_high, const uint64_t *rows, size_t count,
                            const uint64_t *delta, const uint64_t *key, unsigned width);
void cct_transfer_receive_wide(cct_instruction_set set, cct_cipher_kind kind, uint64_t *share, uint64_t *share_high,
                               const uint64_t *message, const uint64_t *message_high, const uint64_t *rows, const uint64_t *choices,
                               size_t count, const uint64_t *key, unsigned width);
/// With bits: plane p, whose words begin at p * later->step in all arrays, takes bit offset + p of the block (within a half).
/// message = bits ^ H(row) ^ H(row ^ delta) and share = H(row). Bits beyond `count` in a plane's last word are zeros where they are in
/// `bits`.
void cct_transfer_send_bits(cct_instruction_set set, cct_cipher_kind kind, uint64_t *message, uint64_t *share, const uint64_t *bits,
                            const uint64_t *rows, size_t count, const uint64_t *delta, const uint64_t *key, unsigned offset,
                            unsigned planes, const cct_later *later);
/// share = H(row) ^ choice & message.
void cct_transfer_receive_bits(cct_instruction_set set, cct_cipher_kind kind, uint64_t *share, const uint64_t *message,
                               const uint64_t *rows, const uint64_t *choices, size_t count, const uint64_t *key, unsigned offset,
                               unsigned planes, const cct_later *later);
/// What was made of the pads before: out = pads ^ bits, or pads ^ choice & bits, of `planes` planes of `step` words.
void cct_transfer_bits(cct_instruction_set set, uint64_t *out, const uint64_t *pads, const uint64_t *bits,
                       const uint64_t *_Nullable choices, size_t step, unsigned planes);

// MARK: Base transfers and trees (transfer_extend.c)

/// Exchanges a and b, of `words` words, where the low bit of `bit` is 1; which it is, nothing shows.
void cct_exchange_where(uint64_t *a, uint64_t *b, size_t words, uint64_t bit);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
