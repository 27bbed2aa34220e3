// The generator: AES-128 in counter mode as a circuit of bits. There is no table, so nothing is looked up by a secret.
//
// | kernel        | what a work-item does                                                                        |
// | expand        | eight blocks of AES; a group makes EXPAND_WORDS words of the stream, from a multiple of 512 on |
// | tails         | a plane                                                                                      |
//
// Four work-items hold the four columns of 32 blocks, 32 registers each: bit k of register 8 r + j is bit j of the byte in row r of block k's
// column. A block is the little-endian words `block` (columns 0 and 1) and `number` (columns 2 and 3), and so is what is made of it.
// > FIPS 197, "Advanced Encryption Standard (AES)", 2001, updated 2023.
#define EXPAND_THREADS 128
#define EXPAND_WORDS 2048  // 32 blocks of two words for every four work-items
#define TAILS_THREADS 256

#define EXPAND_ROUNDS 10
#define TEAM_BLOCKS 256  // of 32 work-items

/// The byte's inverse in GF(2^8) and the standard's affine map, in 113 gates and 4 negations: q[j] is bit j.
/// > Boyar, Peralta, "A depth-16 circuit for the AES S-box", 2011 (IACR ePrint 2011/332).
INLINE void substitute(PRIVATE u32 *q) {
    const u32 x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4], x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];
    // The top linear part.
    const u32 y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5, t0 = x1 ^ x2;
    const u32 y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6, y3 = y5 ^ y8;
    const u32 t1 = x4 ^ y12, y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ t0, y11 = y20 ^ y9;
    const u32 y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;
    // The part that is not linear.
    const u32 t2 = y12 & y15, t3 = y3 & y6, t4 = t3 ^ t2, t5 = y4 & x7, t6 = t5 ^ t2, t7 = y13 & y16;
    const u32 t8 = y5 & y1, t9 = t8 ^ t7, t10 = y2 & y7, t11 = t10 ^ t7, t12 = y9 & y11, t13 = y14 & y17;
    const u32 t14 = t13 ^ t12, t15 = y8 & y10, t16 = t15 ^ t12, t17 = t4 ^ t14, t18 = t6 ^ t16, t19 = t9 ^ t14;
    const u32 t20 = t11 ^ t16, t21 = t17 ^ y20, t22 = t18 ^ y19, t23 = t19 ^ y21, t24 = t20 ^ y18;
    const u32 t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26, t28 = t25 & t27, t29 = t28 ^ t22, t30 = t23 ^ t24;
    const u32 t31 = t22 ^ t26, t32 = t31 & t30, t33 = t32 ^ t24, t34 = t23 ^ t33, t35 = t27 ^ t33, t36 = t24 & t35;
    const u32 t37 = t36 ^ t34, t38 = t27 ^ t36, t39 = t29 & t38, t40 = t25 ^ t39, t41 = t40 ^ t37, t42 = t29 ^ t33;
    const u32 t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;
    const u32 z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1, z5 = t29 & y7;
    const u32 z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12, z10 = t37 & y3, z11 = t33 & y4;
    const u32 z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2, z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;
    // The bottom linear part.
    const u32 t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10, t50 = z2 ^ z12, t51 = z2 ^ z5;
    const u32 t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7, t55 = z16 ^ z17, t56 = z12 ^ t48, t57 = t50 ^ t53;
    const u32 t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57, t61 = z14 ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58;
    const u32 t64 = z4 ^ t59, t65 = t61 ^ t62, t66 = z1 ^ t63, t67 = t64 ^ t65, s3 = t53 ^ t66;
    q[7] = t59 ^ t63;
    q[6] = t64 ^ ~s3;
    q[5] = t55 ^ ~t67;
    q[4] = s3;
    q[3] = t51 ^ t66;
    q[2] = t47 ^ t65;
    q[1] = t56 ^ ~t62;
    q[0] = t48 ^ ~t60;
}

/// The column times the standard's matrix: row r becomes 2 (r + next) + next + (the two rows after). With pair_r = r + next, bit j is
/// pair_r[j - 1], plus pair_r[7] where x^8 = x^4 + x^3 + x + 1 says so, plus next[j] and pair_{r + 2}[j].
INLINE void mix_column(PRIVATE u32 *s) {
    u32 top[4], below[4];
    UNROLL for (int r = 0; r < 4; r++) top[r] = below[r] = s[8 * r + 7] ^ s[8 * ((r + 1) % 4) + 7];
    UNROLL for (int j = 0; j < 8; j++) {
        const u32 reduced = j == 1 || j == 3 || j == 4 ? 0xFFFFFFFFu : 0;
        u32 pair[4], next[4];
        UNROLL for (int r = 0; r < 4; r++) {
            next[r] = s[8 * ((r + 1) % 4) + j];
            pair[r] = s[8 * r + j] ^ next[r];
        }
        UNROLL for (int r = 0; r < 4; r++) {
            s[8 * r + j] = below[r] ^ (top[r] & reduced) ^ next[r] ^ pair[(r + 2) % 4];
            below[r] = pair[r];
        }
    }
}

/// Exchanges rows and columns of a square of 32 by 32 bits, of which s[i] is row i: first blocks of 16 by 16, then of 8 by 8, and so on.
INLINE void transpose_square(PRIVATE u32 *s) {
    UNROLL for (int step = 0; step < 5; step++) {
        const int size = 16 >> step;
        const u32 low = 0xFFFFFFFFu / ((1u << size) + 1);  // `size` ones, as many zeros, and so on
        UNROLL for (int i = 0; i < 16; i++) {
            const int upper = i / size * 2 * size + i % size, lower = upper + size;
            const u32 moved = ((s[upper] >> size) ^ s[lower]) & low;
            s[upper] ^= moved << size;
            s[lower] ^= moved;
        }
    }
}

KERNEL(expand, expand_args, EXPAND_THREADS) {
    LOCAL_ARRAY(u32, keys, (EXPAND_ROUNDS + 1) * 128);  // for each bit of each round's key: ones or zeros
    EXCHANGE_ARRAY(exchanged, 24, EXPAND_THREADS)
    // Which part a group belongs to is the same for all its work-items.
    u32 part = 0;
    while (part + 1 < p.count && GROUP_X >= p.parts[part + 1].groups) part++;
    const expand_part q = p.parts[part];
    for (u32 bit = LOCAL_ID; bit < (EXPAND_ROUNDS + 1) * 128; bit += EXPAND_THREADS) keys[bit] = SPREAD32(p.keys[q.key][bit / 32] >> (bit % 32));
    BARRIER();
    // Work-items 4 q ... 4 q + 3 of a team have block 8 k + q in bit k. The team's first block is a multiple of TEAM_BLOCKS, so bits 3 ... 7 of
    // the counter are k, and nothing is carried.
    const u32 column = LANE % 4, four = LANE / 4;
    const u64 team = (u64)(GROUP_X - q.groups) * (EXPAND_THREADS / 32) + LOCAL_ID / 32;
    const u64 block = (q.first / (2 * TEAM_BLOCKS) + team) * TEAM_BLOCKS + four;
    const u32 counter = (u32)((column < 2 ? block : q.number) >> (column % 2 * 32)), counting = column == 0 ? 0xFFFFFFFFu : 0;
    u32 s[32];
    UNROLL for (int j = 0; j < 32; j++) s[j] = SPREAD32(counter >> j);
    s[3] ^= counting & 0xAAAAAAAAu;
    s[4] ^= counting & 0xCCCCCCCCu;
    s[5] ^= counting & 0xF0F0F0F0u;
    s[6] ^= counting & 0xFF00FF00u;
    s[7] ^= counting & 0xFFFF0000u;
    LOCAL const u32 *key = keys + 32 * column;
    UNROLL for (int j = 0; j < 32; j++) s[j] ^= key[j];
    ROLLED for (u32 round = 1; round <= EXPAND_ROUNDS; round++) {
        UNROLL for (int r = 0; r < 4; r++) substitute(s + 8 * r);
        // Row r comes from r columns to the right.
        EXCHANGE(exchanged, EXPAND_THREADS, j, 24, s[8 + j], (LANE & ~3u) | ((column + 1 + j / 8) & 3));
        if (round < EXPAND_ROUNDS) mix_column(s);
        key += 128;
        UNROLL for (int j = 0; j < 32; j++) s[j] ^= key[j];
    }
    // s[k] becomes the column's four bytes of block 8 k + four. A word needs two columns: an even one takes blocks k < 16, an odd one the rest.
    transpose_square(s);
    const u32 odd = column % 2;
    u32 given[16];
    UNROLL for (int k = 0; k < 16; k++) given[k] = odd ? s[k] : s[16 + k];
    EXCHANGE(exchanged, EXPAND_THREADS, k, 16, given[k], LANE ^ 1);
    GLOBAL u64 *to = POINTER(u64, q.to);
    UNROLL for (int k = 0; k < 16; k++) {
        const u32 own = odd ? s[16 + k] : s[k];
        const u64 word = odd ? given[k] | (u64)own << 32 : own | (u64)given[k] << 32;
        const u64 at = 2 * (block + 8 * (k + 16 * odd)) + column / 2 - q.first;  // huge before the first
        if (at >= q.count) continue;
        switch (q.combination) {
        case 0: to[at] = word; break;
        case 1: to[at] += word; break;
        case 2: to[at] -= word; break;
        default: to[at] ^= word;
        }
    }
}

KERNEL(tails, tails_args, TAILS_THREADS) {
    const u64 plane = ITEM(TAILS_THREADS);
    if (plane < p.planes) POINTER(u64, p.to)[plane * p.step + p.step - 1] &= p.mask;
}
