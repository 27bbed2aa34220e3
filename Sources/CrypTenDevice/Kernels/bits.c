// Between elements and planes of bits: truncation, words of few bits, planes of words and back, programs of logic, sums of weights.
//
// | kernel          | what a work-item does                                                                        |
// | truncate        | an element; 32 of them make half a word of the selector                                      |
// | pack            | a word of packed bits                                                                        |
// | unpack          | an element                                                                                   |
// | add_unpacked    | an element                                                                                   |
// | planes_of       | an element; 32 of them make half a word of every plane                                       |
// | words_of        | an element                                                                                   |
// | boolean_program | a word of every plane: few to a group, for a program is long and its planes are short        |
// | weights         | an element                                                                                   |
#define TRUNCATE_THREADS 256
#define PACK_THREADS 256
#define UNPACK_THREADS 256
#define ADD_UNPACKED_THREADS 256
#define PLANES_OF_THREADS 256
#define WORDS_OF_THREADS 256
#define BOOLEAN_PROGRAM_THREADS 64
#define WEIGHTS_THREADS 256

/// Words of 64 bits that hold so many bits.
INLINE u64 words_for(u64 bits) { return bits / 64 + (bits % 64 != 0); }

/// The word whose low bits, 1 to 64 of them, are 1.
INLINE u64 low_ones(u32 bits) { return ~(u64)0 >> (64 - bits); }

KERNEL(truncate, truncate_args, TRUNCATE_THREADS) {
    EXCHANGE_ARRAY(votes, 1, TRUNCATE_THREADS)
    const u64 i = ITEM(TRUNCATE_THREADS), offset = (u64)1 << 62;
    u32 selected = 0, half_word;
    if (i < p.count) {
        const u64 c = POINTER(const u64, p.from)[i] + offset;
        POINTER(u64, p.to)[i] = (c >> p.shift) - (offset >> p.shift);
        selected = (u32)(~c >> 63);
    }
    VOTE(votes, half_word, selected);
    if (LANE == 0 && i / 64 < words_for(p.count)) POINTER(u32, p.selector)[i / 32] = half_word;
}

// MARK: Words of few bits

KERNEL(pack, pack_args, PACK_THREADS) {
    const u64 word = ITEM(PACK_THREADS);
    if (word >= words_for(p.count * p.bits)) return;
    GLOBAL const u64 *from = POINTER(const u64, p.from);
    // The elements that have a bit among the word's: the first may begin before it, the last may end after it.
    const u64 first = word * 64 / p.bits, mask = low_ones(p.bits);
    const u32 skipped = (u32)(word * 64 - first * p.bits);  // bits of the first element that are in the word before
    u64 out = (from[first] & mask) >> skipped, i = first + 1;
    for (u32 place = p.bits - skipped; place < 64 && i < p.count; place += p.bits, i++) out |= (from[i] & mask) << place;
    POINTER(u64, p.to)[word] = out;
}

/// Element i of packed words.
INLINE u64 unpacked(GLOBAL const u64 *from, u64 i, u32 bits) {
    const u64 word = i * bits / 64;
    const u32 place = (u32)(i * bits % 64);
    u64 element = from[word] >> place;
    if (place + bits > 64) element |= from[word + 1] << (64 - place);
    return element & low_ones(bits);
}

KERNEL(unpack, pack_args, UNPACK_THREADS) {
    const u64 i = ITEM(UNPACK_THREADS);
    if (i < p.count) POINTER(u64, p.to)[i] = unpacked(POINTER(const u64, p.from), i, p.bits);
}

KERNEL(add_unpacked, add_unpacked_args, ADD_UNPACKED_THREADS) {
    const u64 i = ITEM(ADD_UNPACKED_THREADS);
    if (i >= p.count) return;
    const u64 where = SPREAD64(POINTER(const u64, p.chosen)[i / 64] >> (i % 64));
    POINTER(u64, p.to)[i] += unpacked(POINTER(const u64, p.from), i, p.bits) << p.shift & where;
}

// MARK: Planes

/// Exchanges rows and columns of two squares of 32 by 32 bits at once; lane k of a team has row k of either, in X[0] and X[1].
#define TRANSPOSE_LANES(NAME, THREADS, X)                                                                                      \
    UNROLL for (u32 size = 16; size > 0; size /= 2) {                                                                          \
        const u32 low = 0xFFFFFFFFu / ((1u << size) + 1), lower = SPREAD32(LANE / size);                                       \
        u32 other[2];                                                                                                          \
        UNROLL for (int h = 0; h < 2; h++) other[h] = X[h];                                                                    \
        EXCHANGE(NAME, THREADS, h, 2, other[h], LANE ^ size);                                                                  \
        UNROLL for (int h = 0; h < 2; h++)                                                                                     \
            X[h] = (lower & ((X[h] & ~low) | (other[h] >> size & low))) | (~lower & ((X[h] & low) | (other[h] & low) << size)); \
    }

KERNEL(planes_of, planes_args, PLANES_OF_THREADS) {
    EXCHANGE_ARRAY(exchanged, 2, PLANES_OF_THREADS)
    const u64 i = ITEM(PLANES_OF_THREADS);
    const u64 bits = i < p.count ? POINTER(const u64, p.from)[i] >> p.low : 0;
    u32 x[2] = {(u32)bits, (u32)(bits >> 32)};
    TRANSPOSE_LANES(exchanged, PLANES_OF_THREADS, x)
    // A lane now has 32 elements' bits of plane LANE, and of plane 32 + LANE.
    if (i / 64 >= words_for(p.count)) return;
    GLOBAL u32 *to = POINTER(u32, p.to) + i / 32;
    if (LANE < p.planes) to[2 * p.step * LANE] = x[0];
    if (32 + LANE < p.planes) to[2 * p.step * (32 + LANE)] = x[1];
}

KERNEL(words_of, planes_args, WORDS_OF_THREADS) {
    EXCHANGE_ARRAY(exchanged, 2, WORDS_OF_THREADS)
    const u64 i = ITEM(WORDS_OF_THREADS);
    u32 x[2] = {0, 0};
    if (i / 64 < words_for(p.count)) {
        GLOBAL const u32 *from = POINTER(const u32, p.from) + i / 32;
        if (LANE < p.planes) x[0] = from[2 * p.step * LANE];
        if (32 + LANE < p.planes) x[1] = from[2 * p.step * (32 + LANE)];
    }
    TRANSPOSE_LANES(exchanged, WORDS_OF_THREADS, x)
    if (i < p.count) POINTER(u64, p.to)[i] = (x[0] | (u64)x[1] << 32) << p.low;
}

// MARK: Programs of logic

/// What a step does: the numbers of `BitProgram.Operation`.
enum { LOGIC_AND, LOGIC_XOR, LOGIC_XOR_AND, LOGIC_NOT, LOGIC_COPY, LOGIC_CLEAR };

/// So many registers are in local memory, the others in the scratch.
#define LOCAL_REGISTERS 32

KERNEL(boolean_program, boolean_args, BOOLEAN_PROGRAM_THREADS) {
    LOCAL_ARRAY(u64, registers, LOCAL_REGISTERS * BOOLEAN_PROGRAM_THREADS);
    const u64 i = ITEM(BOOLEAN_PROGRAM_THREADS);
    if (i >= p.count) return;
    LOCAL u64 *own = registers + LOCAL_ID;
    GLOBAL u64 *scratch = POINTER(u64, p.scratch) + i;
    GLOBAL const u64 *table = POINTER(const u64, p.table);
    GLOBAL const u32 *step = POINTER(const u32, p.program);
    // Which place it is, is the same for all work-items.
#define BLOCK_OF(PLACE) ((PLACE) >> 16 & 0x7FFFu)
#define WORD_OF(PLACE) (POINTER(u64, p.table ? table[BLOCK_OF(PLACE)] : p.bases[BLOCK_OF(PLACE)])[((PLACE) & 0xFFFFu) * p.step + i])
#define READ(PLACE)                                                                                                            \
    ((PLACE) >= PLACE_OF_BLOCK    ? WORD_OF(PLACE)                                                                             \
     : (PLACE) < LOCAL_REGISTERS ? own[(PLACE) * BOOLEAN_PROGRAM_THREADS]                                                      \
                                  : scratch[(u64)(PLACE) * p.count])
    for (u32 s = 0; s < p.steps; s++, step += 5) {
        const u32 operation = step[0], out = step[1];
        u64 word = 0;
        if (operation != LOGIC_CLEAR) {
            word = READ(step[2]);
            switch (operation) {
            case LOGIC_AND: word &= READ(step[3]); break;
            case LOGIC_XOR: word ^= READ(step[3]); break;
            case LOGIC_XOR_AND: word = READ(step[4]) ^ (word & READ(step[3])); break;
            case LOGIC_NOT: word = ~word; break;
            }
        }
        if (out >= PLACE_OF_BLOCK)
            WORD_OF(out) = word;
        else if (out < LOCAL_REGISTERS)
            own[out * BOOLEAN_PROGRAM_THREADS] = word;
        else
            scratch[(u64)out * p.count] = word;
    }
#undef READ
#undef WORD_OF
#undef BLOCK_OF
}

// MARK: Weights

KERNEL(weights, weights_args, WEIGHTS_THREADS) {
    const u64 i = ITEM(WEIGHTS_THREADS);
    if (i >= p.count) return;
    GLOBAL const u64 *blocks = POINTER(const u64, p.blocks), *factors = POINTER(const u64, p.factors);
    u64 sum = p.addend;
    for (u32 plane = 0; plane < p.planes; plane++) sum += factors[plane] & SPREAD64(POINTER(const u64, blocks[plane])[i / 64] >> (i % 64));
    POINTER(u64, p.to)[i] = sum;
}
