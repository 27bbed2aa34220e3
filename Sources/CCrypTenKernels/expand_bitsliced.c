// AES-128 on eight blocks at once as a circuit of bits, for machines without AES instructions. Constant time: no table.
//
// A state is eight planes, each of two 64-bit lanes: in a lane, bit 16·b + i of plane j is bit j of byte i of block b, and
// byte i stands in row i % 4 and column i / 4 of the standard's square.
#include "transfer.h"

enum { AT_ONCE = 64 };  // blocks of a group: eight times eight

typedef uint64_t lanes __attribute__((vector_size(16)));

typedef struct {
    lanes plane[8];
} state;

/// Every byte's inverse in GF(2^8) and the affine map, in 113 gates and 4 negations.
/// > Boyar, Peralta, "A depth-16 circuit for the AES S-box", 2011 (IACR ePrint 2011/332).
CCT_INLINE void substitute(state *q) {
    const lanes x0 = q->plane[7], x1 = q->plane[6], x2 = q->plane[5], x3 = q->plane[4];
    const lanes x4 = q->plane[3], x5 = q->plane[2], x6 = q->plane[1], x7 = q->plane[0];
    // The top linear part.
    const lanes y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5, t0 = x1 ^ x2;
    const lanes y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6, y3 = y5 ^ y8;
    const lanes t1 = x4 ^ y12, y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ t0, y11 = y20 ^ y9;
    const lanes y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;
    // The part that is not linear.
    const lanes t2 = y12 & y15, t3 = y3 & y6, t4 = t3 ^ t2, t5 = y4 & x7, t6 = t5 ^ t2, t7 = y13 & y16;
    const lanes t8 = y5 & y1, t9 = t8 ^ t7, t10 = y2 & y7, t11 = t10 ^ t7, t12 = y9 & y11, t13 = y14 & y17;
    const lanes t14 = t13 ^ t12, t15 = y8 & y10, t16 = t15 ^ t12, t17 = t4 ^ t14, t18 = t6 ^ t16, t19 = t9 ^ t14;
    const lanes t20 = t11 ^ t16, t21 = t17 ^ y20, t22 = t18 ^ y19, t23 = t19 ^ y21, t24 = t20 ^ y18;
    const lanes t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26, t28 = t25 & t27, t29 = t28 ^ t22, t30 = t23 ^ t24;
    const lanes t31 = t22 ^ t26, t32 = t31 & t30, t33 = t32 ^ t24, t34 = t23 ^ t33, t35 = t27 ^ t33, t36 = t24 & t35;
    const lanes t37 = t36 ^ t34, t38 = t27 ^ t36, t39 = t29 & t38, t40 = t25 ^ t39, t41 = t40 ^ t37, t42 = t29 ^ t33;
    const lanes t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;
    const lanes z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1, z5 = t29 & y7;
    const lanes z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12, z10 = t37 & y3, z11 = t33 & y4;
    const lanes z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2, z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;
    // The bottom linear part.
    const lanes t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10, t50 = z2 ^ z12, t51 = z2 ^ z5;
    const lanes t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7, t55 = z16 ^ z17, t56 = z12 ^ t48, t57 = t50 ^ t53;
    const lanes t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57, t61 = z14 ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58;
    const lanes t64 = z4 ^ t59, t65 = t61 ^ t62, t66 = z1 ^ t63, t67 = t64 ^ t65, s3 = t53 ^ t66;
    q->plane[7] = t59 ^ t63;
    q->plane[6] = t64 ^ ~s3;
    q->plane[5] = t55 ^ ~t67;
    q->plane[4] = s3;
    q->plane[3] = t51 ^ t66;
    q->plane[2] = t47 ^ t65;
    q->plane[1] = t56 ^ ~t62;
    q->plane[0] = t48 ^ ~t60;
}

/// Row r moves r columns to the left: bit i of a block comes from bit i + 4r.
CCT_INLINE lanes shift_rows(lanes x) {
    return (x & 0x1111111111111111) | ((x >> 4) & 0x0222022202220222) | ((x << 12) & 0x2000200020002000) |
           ((x >> 8) & 0x0044004400440044) | ((x << 8) & 0x4400440044004400) | ((x >> 12) & 0x0008000800080008) |
           ((x << 4) & 0x8880888088808880);
}

/// The next row of every column: bit i comes from bit i + 1.
CCT_INLINE lanes next_row(lanes x) { return ((x >> 1) & 0x7777777777777777) | ((x << 3) & 0x8888888888888888); }

/// The row after the next.
CCT_INLINE lanes row_after(lanes x) { return ((x >> 2) & 0x3333333333333333) | ((x << 2) & 0xCCCCCCCCCCCCCCCC); }

/// Every column times the standard's matrix: 2·(x + next) + next + the two rows after.
CCT_INLINE void mix_columns(state *q) {
    lanes pair[8], rest[8];
    CCT_UNROLL
    for (int j = 0; j < 8; j++) {
        const lanes next = next_row(q->plane[j]);
        pair[j] = q->plane[j] ^ next;
        rest[j] = next ^ row_after(pair[j]);
    }
    CCT_UNROLL
    for (int j = 0; j < 8; j++) {
        q->plane[j] = rest[j] ^ pair[(j + 7) % 8];
        if (j == 1 || j == 3 || j == 4) q->plane[j] ^= pair[7];  // x^8 = x^4 + x^3 + x + 1
    }
}

/// Exchanges the bits of `mask` in `high` with those `shift` above them in `low`.
#define EXCHANGE(LOW, HIGH, SHIFT, MASK)                                \
    {                                                                   \
        const lanes moved = (((LOW) >> (SHIFT)) ^ (HIGH)) & (MASK);     \
        (LOW) ^= moved << (SHIFT);                                      \
        (HIGH) ^= moved;                                                \
    }

// Bit j of byte i of word w becomes bit i of byte w of word j, in each lane, by two steps. Each is its own inverse.

/// Bit j of byte i becomes bit i of byte j in every word.
CCT_INLINE void exchange_bits(state *q) {
    CCT_UNROLL
    for (int w = 0; w < 8; w++) {  // bits with bytes inside a word
        lanes x = q->plane[w], moved;
        moved = (x ^ (x >> 7)) & 0x00AA00AA00AA00AA;
        x ^= moved ^ (moved << 7);
        moved = (x ^ (x >> 14)) & 0x0000CCCC0000CCCC;
        x ^= moved ^ (moved << 14);
        moved = (x ^ (x >> 28)) & 0x00000000F0F0F0F0;
        q->plane[w] = x ^ moved ^ (moved << 28);
    }
}

/// Byte j of word w becomes byte w of word j.
CCT_INLINE void exchange_bytes(state *q) {
    CCT_UNROLL
    for (int w = 0; w < 4; w++) EXCHANGE(q->plane[w], q->plane[w + 4], 32, 0x00000000FFFFFFFF)
    CCT_UNROLL
    for (int w = 0; w < 4; w++) {
        const int low = w / 2 * 4 + w % 2;  // 0, 1, 4, 5
        EXCHANGE(q->plane[low], q->plane[low + 2], 16, 0x0000FFFF0000FFFF)
    }
    CCT_UNROLL
    for (int w = 0; w < 8; w += 2) EXCHANGE(q->plane[w], q->plane[w + 1], 8, 0x00FF00FF00FF00FF)
}

/// The same key in every block, as planes; one lane of each, for both are equal.
static void spread_key(uint64_t *out, const uint8_t bytes[16]) {
    uint64_t halves[2];
    for (int h = 0; h < 2; h++) {
        halves[h] = 0;
        for (int i = 0; i < 8; i++) halves[h] |= (uint64_t)bytes[8 * h + i] << (8 * i);
    }
    state q;
    for (int w = 0; w < 8; w++) q.plane[w] = (lanes){halves[w % 2], halves[w % 2]};
    exchange_bits(&q);
    exchange_bytes(&q);
    for (int j = 0; j < 8; j++) out[2 * j] = q.plane[j][0], out[2 * j + 1] = q.plane[j][1];
    cct_wipe(&q, sizeof q);
    cct_wipe(halves, sizeof halves);
}

static void prepare(cct_schedule *schedule, uint64_t key_low, uint64_t key_high) {
    uint8_t key[16], constant = 1;
    for (int i = 0; i < 16; i++) key[i] = (uint8_t)((i < 8 ? key_low : key_high) >> (8 * (i % 8)));
    spread_key(schedule->words, key);
    for (int round = 1; round <= 10; round++) {
        state q;
        memcpy(&q, schedule->words + 16 * (round - 1), sizeof q);
        substitute(&q);
        exchange_bytes(&q);
        exchange_bits(&q);
        const uint64_t last = q.plane[1][0] >> 32;  // the substituted last column
        for (int row = 0; row < 4; row++) key[row] ^= (uint8_t)(last >> (8 * ((row + 1) % 4)));
        key[0] ^= constant;
        for (int i = 4; i < 16; i++) key[i] ^= key[i - 4];
        constant = (uint8_t)(constant << 1 ^ (constant >> 7) * 0x1B);
        spread_key(schedule->words + 16 * round, key);
        cct_wipe(&q, sizeof q);
    }
    cct_wipe(key, sizeof key);
}

/// Encrypts eight blocks, whose words lie in the planes as `exchange_bits` takes them: block b in lane b / 4, words 2 (b % 4) and one on.
CCT_INLINE void encrypt_eight(const cct_schedule *schedule, state *q) {
    state key;
    exchange_bits(q);
    exchange_bytes(q);
    for (size_t round = 0; round < 10; round++) {
        memcpy(&key, schedule->words + 16 * round, sizeof key);
        for (int j = 0; j < 8; j++) q->plane[j] ^= key.plane[j];
        substitute(q);
        CCT_UNROLL
        for (int j = 0; j < 8; j++) q->plane[j] = shift_rows(q->plane[j]);
        if (round < 9) mix_columns(q);
    }
    memcpy(&key, schedule->words + 160, sizeof key);
    for (int j = 0; j < 8; j++) q->plane[j] ^= key.plane[j];
    exchange_bytes(q);
    exchange_bits(q);
}

/// The blocks first ..< first + count, a multiple of eight.
static void encrypt(const cct_schedule *schedule, uint64_t *out, uint64_t first, uint64_t number, size_t count) {
    for (size_t start = 0; start < count; start += 8) {
        state q;
        for (uint64_t b = 0; b < 4; b++) {
            const uint64_t block = first + start + b;
            q.plane[2 * b] = (lanes){block, block + 4};
            q.plane[2 * b + 1] = (lanes){number, number};
        }
        encrypt_eight(schedule, &q);
        for (int lane = 0; lane < 2; lane++)
            for (int w = 0; w < 8; w++) out[2 * start + 8 * (size_t)lane + (size_t)w] = q.plane[w][lane];
    }
}

static void blocks(const cct_schedule *schedule, cct_combination combination, uint64_t *out, const uint64_t *in, size_t groups,
                   uint64_t first, uint64_t number) {
    uint64_t words[2 * AT_ONCE];
    for (size_t g = 0; g < groups; g++) {
        encrypt(schedule, words, first + g * AT_ONCE, number, AT_ONCE);
        cct_combine(out + 2 * g * AT_ONCE, in + 2 * g * AT_ONCE, words, 2 * AT_ONCE, combination);
    }
    cct_wipe(words, sizeof words);
}

cct_cipher cct_cipher_bitsliced(void) { return (cct_cipher){AT_ONCE, 16 * 11 * sizeof(uint64_t), prepare, blocks, sizeof(uint64_t)}; }

// MARK: Correlated transfers

CCT_INLINE void make(lanes *row, const uint8_t *schedule, uint64_t block) {
    encrypt((const cct_schedule *)(const void *)schedule, (uint64_t *)row, block, 0, CCT_ROW_BLOCKS);
}

CCT_FOLD(fold, , lanes, CCT_ROW_BLOCKS, make)

static void hash(const cct_schedule *schedule, uint64_t *out, const uint64_t *in, uint64_t low, uint64_t high, size_t blocks) {
    for (size_t i = 0; i < blocks; i += 8, in += 16, out += 16) {
        state q;
        for (int w = 0; w < 8; w++) {
            const uint64_t difference = w % 2 ? high : low;
            q.plane[w] = (lanes){in[w] ^ difference, in[8 + w] ^ difference};
        }
        encrypt_eight(schedule, &q);
        for (int lane = 0; lane < 2; lane++)
            for (int w = 0; w < 8; w++) {
                const int word = 8 * lane + w;
                out[word] = q.plane[w][lane] ^ in[word] ^ (w % 2 ? high : low);
            }
    }
}

cct_transfer_cipher cct_transfer_bitsliced(void) { return (cct_transfer_cipher){fold, hash}; }
