// Written by Scripts/gpu-kernels from Kernels/. Change the sources there, and run it.
// swift-format-ignore-file

/// The kernels' source, as a driver's compiler gets it.
package enum KernelSource {
    /// The files that it is made of, in this order.
    package static let files = [
        "dialect.h",
        "arguments.h",
        "elementwise.c",
        "expand.c",
        "bits.c",
        "structure.c",
        "products.c",
        "moduli.h",
        "tiles.h",
        "residues.c",
    ]

    /// The SHA-256 of `text`, in hexadecimal digits.
    package static let sha256 = "ebda3029e055783834201e69387b006b5bb8a6e5b0078ab5ab174b9fe0637726"

    package static let text = ###"""
// The language that the kernels are written in: C with the words below, which are CUDA C or OpenCL C 2.0, whichever compiles.
//
// A kernel takes one struct by value, of which everything is the same for all work-items; tensors are 64-bit addresses in it. Both machines are
// little-endian: bits 0 ... 31 of a word of 64 are the first of its two words of 32. Under OpenCL, `PLAIN_LOOPS` leaves loops as they are: a
// processor's registers don't hold what they work on anyway, and its compiler takes long over what is unrolled.
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char i8;
typedef int i32;
typedef long long i64;
typedef uint4 u32x4;

#define GLOBAL
#define LOCAL
#define PRIVATE
#define CONSTANT static __constant__ const
#define INLINE static __device__ __forceinline__
#define KERNEL(NAME, ARGUMENTS, THREADS) extern "C" __global__ void __launch_bounds__(THREADS) NAME(const __grid_constant__ ARGUMENTS p)
#define LOCAL_ARRAY(TYPE, NAME, COUNT) __shared__ __align__(16) TYPE NAME[COUNT]
#define BARRIER() __syncthreads()
#define LOCAL_ID ((u32)threadIdx.x)
#define GROUP_X ((u32)blockIdx.x)
#define GROUP_Y ((u32)blockIdx.y)
#define GROUP_Z ((u32)blockIdx.z)
#define MULHI32(A, B) __umulhi(A, B)
#define MULHI64(A, B) __umul64hi(A, B)
#define POINTER(TYPE, ADDRESS) ((TYPE *)(ADDRESS))
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")

#else

typedef uchar u8;
typedef ushort u16;
typedef uint u32;
typedef ulong u64;
typedef char i8;
typedef int i32;
typedef long i64;
typedef uint4 u32x4;

#define GLOBAL __global
#define LOCAL __local
#define PRIVATE __private
#define CONSTANT __constant
#define INLINE static inline
#define KERNEL(NAME, ARGUMENTS, THREADS) __kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void NAME(const ARGUMENTS p)
#define LOCAL_ARRAY(TYPE, NAME, COUNT) __local TYPE NAME[COUNT] __attribute__((aligned(16)))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define LOCAL_ID ((u32)get_local_id(0))
#define GROUP_X ((u32)get_group_id(0))
#define GROUP_Y ((u32)get_group_id(1))
#define GROUP_Z ((u32)get_group_id(2))
#define MULHI32(A, B) mul_hi((u32)(A), (u32)(B))
#define MULHI64(A, B) mul_hi((u64)(A), (u64)(B))
#define POINTER(TYPE, ADDRESS) ((__global TYPE *)(size_t)(ADDRESS))
#if defined(PLAIN_LOOPS)
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif
#define ROLLED

#endif

/// The number of a work-item among all of a launch that has one dimension.
#define ITEM(THREADS) ((u64)GROUP_X * (THREADS) + LOCAL_ID)

/// All ones where bit 0 is 1, else 0.
#define SPREAD32(BIT) (0u - ((u32)(BIT) & 1))
#define SPREAD64(BIT) ((u64)0 - ((u64)(BIT) & 1))

// Work-items are numbered in teams of 32, the `lanes`, which read one another's words: on NVIDIA through the warp's shuffles, else through local
// memory, where all work-items of a group must take part. THREADS is the group's size.
//
// EXCHANGE: for I = 0 ... COUNT - 1, VALUE (an lvalue, an expression in I) becomes what it is in lane FROM (an expression in I) of the team.
// VOTE: bit k of TO becomes bit 0 of BIT in lane k.
#define LANE (LOCAL_ID % 32)
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define EXCHANGE_ARRAY(NAME, COUNT, THREADS)
#define EXCHANGE(NAME, THREADS, I, COUNT, VALUE, FROM) \
    UNROLL for (u32 I = 0; I < (COUNT); I++) VALUE = __shfl_sync(0xFFFFFFFFu, VALUE, FROM)
#define VOTE(NAME, TO, BIT) TO = __ballot_sync(0xFFFFFFFFu, (int)((u32)(BIT) & 1))
#else
#define EXCHANGE_ARRAY(NAME, COUNT, THREADS) LOCAL_ARRAY(u32, NAME, (COUNT) * (THREADS));
#define EXCHANGE(NAME, THREADS, I, COUNT, VALUE, FROM)                                                                         \
    do {                                                                                                                       \
        UNROLL for (u32 I = 0; I < (COUNT); I++) NAME[I * (THREADS) + LOCAL_ID] = VALUE;                                       \
        BARRIER();                                                                                                             \
        UNROLL for (u32 I = 0; I < (COUNT); I++) VALUE = NAME[I * (THREADS) + LOCAL_ID / 32 * 32 + (FROM)];                    \
        BARRIER();                                                                                                             \
    } while (0)
#define VOTE(NAME, TO, BIT)                                                                                                    \
    do {                                                                                                                       \
        NAME[LOCAL_ID] = (u32)(BIT) & 1;                                                                                       \
        BARRIER();                                                                                                             \
        TO = 0;                                                                                                                \
        for (u32 vote = 0; vote < 32; vote++) TO |= NAME[LOCAL_ID / 32 * 32 + vote] << vote;                                   \
        BARRIER();                                                                                                             \
    } while (0)
#endif
// What kernels are told: one struct by value each. Addresses are bytes of device memory, everything else is counted in words of 64 bits unless
// it says otherwise. 8-byte fields first, then 4-byte ones, so that both dialects and Swift lay them out alike, without gaps.
//
// Kernels whose work-items are elements take them at GROUP_X * THREADS + LOCAL_ID and stop at `count`. Nothing branches on, indexes by, or takes
// its number of steps from an element: only from what stands here.

// to[i] = value
typedef struct { u64 to, count, value; } fill_args;

// What a step makes of operands a, b, c, d, of `sum`, and of a bit. Scalars s, t, v.
enum {
    OP_ADD,                     // a + b
    OP_SUBTRACT,                // a - b
    OP_MULTIPLY,                // a * b
    OP_NEGATE,                  // -a
    OP_ADD_SCALAR,              // a + s
    OP_MULTIPLY_SCALAR,         // a * s
    OP_ADD_PRODUCT,             // sum + a * b
    OP_SUBTRACT_PRODUCT,        // sum - a * b
    OP_ADD_TIMES,               // sum + a * s
    OP_SHIFT_RIGHT,             // a >> s, zeros coming in
    OP_SHIFT_LEFT,              // a << s
    OP_LOW_BITS,                // a & s
    OP_MULTIPLY_HIGH,           // floor(a * s / 2^62), s < 2^62
    OP_SINE,                    // sine of a * s + t: see integerSine
    OP_HARMONIC,                // sum + harmonic s of phase a, cosine b, sine c, factors t and v: see Kernels.accumulate(harmonic:)
    OP_POWER_OF_TWO,            // power of t + a, or of t - a where flags & 1, at s fraction bits: see integerPower
    OP_KEEP_WHERE,              // a where the bit is 1, else 0
    OP_ADD_WHERE,               // sum + a where the bit is 1, else sum
    OP_NEGATE_WHERE,            // -a where the bit is 1, else a
    OP_SELECTION,               // see Kernels.selection: hat a, beta b, product c, mask d; flags & 1: first
    OP_ADD_TIMES_NEGATED_WHERE, // sum + a * s, or sum - a * s where the bit is 1
    OP_ADD_PRODUCT_LESS,        // sum + (a * b - c) * s, or minus that where the bit is 1
};
// Steps are done one after the other with each element. `places`: where the result goes and a, b, c are, a byte each from the lowest up, and in
// `more` d, `sum` and the plane of bits: a register, or ELEMENTWISE_BLOCK and the number of a block, whose element i is word i, and whose bit i is
// bit i % 64 of word i / 64; NO_PLACE reads as 0. Operands may be WALKED_BLOCK, the number of a block, and 32 times that of a walk, which finds
// element i at word walk(i) of the block. A result may take the place of anything that the step reads.
#define ELEMENTWISE_STEPS 16
#define ELEMENTWISE_BLOCKS 24
#define ELEMENTWISE_REGISTERS 8
#define ELEMENTWISE_WALKS 5
#define ELEMENTWISE_BLOCK 32u
#define WALKED_BLOCK 64u
#define NO_PLACE 255u
typedef struct { u64 s, t, v; u32 operation, flags, places, more; } elementwise_step;
// With j = first + i below 2^31: steps[0] * j + steps[1] * (j / d0) + steps[2] * (j / d1), modulo 2^32, and read with a sign. Divisors d are given
// as factors: j / d = j * factor >> shift.
typedef struct { u32 first, steps[3], factors[2], shifts[2]; } elementwise_walk;
typedef struct {
    elementwise_step list[ELEMENTWISE_STEPS];
    u64 bases[ELEMENTWISE_BLOCKS], count;
    elementwise_walk walks[ELEMENTWISE_WALKS];
    u32 steps, unused;
} elementwise_args;

// Of every part: to = words first ... first + count of stream `number` under a key, or added, subtracted, xored (combination 0, 1, 2, 3).
// `first` is any word. `keys`: for each key the 176 bytes of rounds 0 ... 10, little-endian. A group makes 2048 words from a multiple of 512 on:
// a part has ceil((first % 512 + count) / 2048) groups, `groups` of them stand before it.
#define EXPAND_PARTS 10
#define EXPAND_KEYS 3
typedef struct { u64 to, count, number, first; u32 combination, key, groups, unused; } expand_part;
typedef struct { expand_part parts[EXPAND_PARTS]; u32 keys[EXPAND_KEYS][44]; u32 count, unused; } expand_args;

// The last word of every plane keeps its low bits alone: to[plane * step + step - 1] &= mask
typedef struct { u64 to, planes, step, mask; } tails_args;

// c = from + 2^62: to[i] = (c >> shift) - (2^62 >> shift); bit i of selector: c has no top bit. A work-item for each element.
typedef struct { u64 to, selector, from, count; u32 shift, unused; } truncate_args;

// The low `bits` bits of count elements without gaps. pack: a work-item for each word of `to`; unpack: for each element.
typedef struct { u64 to, from, count; u32 bits, unused; } pack_args;
// to[i] += element i of packed words, << shift, where bit i of `chosen` is 1
typedef struct { u64 to, from, chosen, count; u32 bits, shift; } add_unpacked_args;

// planes: plane j of `to`, at j * step, has bit low + j of every element of `from`; words: the inverse, zero above the last plane.
// A work-item for each element.
typedef struct { u64 to, from, count, step; u32 low, planes; } planes_args;

// A program of logic on planes, a work-item for each of `count` words of a plane. `program`: steps of five u32: what a BitProgram.Operation does,
// and the places out, a, b, c. A place is a register, or PLACE_OF_BLOCK | block << 16 | plane: planes of a block lie `step` words apart. Blocks
// are inputs and outputs; they begin at `bases`, or, where they are more, where the table of u64 at `table` says. `scratch`: registers * count
// words, register r of work-item i at r * count + i; unused while registers <= 32. Tail bits: see tails.
#define BOOLEAN_BLOCKS 32
#define PLACE_OF_BLOCK 0x80000000u
typedef struct { u64 program, table, scratch, count, step, bases[BOOLEAN_BLOCKS]; u32 steps, registers; } boolean_args;

// to[offset_to + sum i_k * to_step_k] = from[offset_from + sum i_k * from_step_k] for all i_k < extent_k, row-major in i; unused extents are 1.
// Steps are signed. combination 0 stores, 1 adds, 2 subtracts.
#define AXES 8
typedef struct {
    u64 to, from, count, to_offset, from_offset;
    u64 extents[AXES], to_steps[AXES], from_steps[AXES];
    u32 combination, unused;
} copy_args;

// to[(o * count + k) * inner + i] = from[(o * extent + index[k]) * inner + i]; `indices`: count numbers of 64 bits. A work-item for each word
// of `to`.
typedef struct { u64 to, from, indices, outer, count, extent, inner; } take_args;

// to[i] = sum over j < terms of from[f(i) + g(j)]: f and g walk the kept and the summed axes with their steps in `from`, row-major.
// `width` neighbouring work-items share an element, a power of two up to 256: 1 for few terms, more for many.
typedef struct {
    u64 to, from, count, terms;
    u64 kept_extents[AXES], kept_steps[AXES], summed_extents[AXES], summed_steps[AXES];
    u32 width, unused;
} sum_args;

// c[r, j] += or -= sum over i of a[r, i] * b[i, j], for each batch; c is row-major without gaps. Groups: columns / 64, rows / 64, batches.
typedef struct { u64 c, a, b, a_row, a_inner, b_inner, b_column, a_batch, b_batch, c_batch; u32 rows, columns, inner, subtract; } product_args;

// Patches of an image for a convolution as a product: to[(y * out_width + x), (channel * kernel_height + ky) * kernel_width + kx], zeros outside.
// from: [channels][height][width] with these steps. A work-item for each word of `to`.
typedef struct {
    u64 to, from, channel_step, row_step, column_step, count;
    u32 channels, height, width, kernel_height, kernel_width, out_height, out_width;
    u32 stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x, unused;
} patches_args;

// A convolution each of whose groups has one channel, word by word: to[image][filter][y][x] += or -= the sum over the taps of weights[filter][tap]
// times what the window sees of plane filter / group_outputs of image[image][plane][y][x]. Planes lie without gaps. A work-item for each word.
typedef struct {
    u64 to, image, weights, count;
    u32 outputs, group_outputs, height, width, kernel_height, kernel_width, out_height, out_width;
    u32 stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x, subtract, unused;
} plane_product_args;

// A number, plus the sum of factors whose bits are 1: to[i] = addend + sum over j of factor[j] * bit i of plane j; planes lie at
// `blocks` (a u64 address each), factors at `factors` (u64 each).
typedef struct { u64 to, blocks, factors, addend, count; u32 planes, unused; } weights_args;

// Residues of words as signed bytes: to[m][r][k], row by row without gaps, zeros from `inner` up to `padded`, a multiple of 16. Row r begins at word
// r / split * outer_step + r % split * row_step of `from`, and its elements are inner_step apart. Groups: rows / 32, padded / 32.
typedef struct { u64 to, from, outer_step, row_step, inner_step; u32 rows, split, inner, padded; } residues_args;

// to[m][batch][r][j]: the sum of the products of row r of `a` and column j of `b`, times (P/p)^-1, modulo p; rows are `padded` bytes, a multiple
// of 16 and not below `columns`. Planes and batches are as many bytes apart. a: [m][r][tap][channel]; b: [m][image][y][x][channel]; channels are
// chunks of 16 bytes. Column j is the window of pixel first_pixel + j of all images' output. Groups: columns / 128, rows / 128, batches * 18.
typedef struct {
    u64 to, a, b, a_plane, b_plane, a_batch, b_batch;
    u32 batches, rows, columns, padded, first_pixel, tap_chunks, image_chunks, height, width, kernel_height, kernel_width;
    u32 out_plane, out_width, stride_y, stride_x, padding_y, padding_x, dilation_y, dilation_x, unused;
} residue_product_args;

// to += or -= what `from`, the result of residue_product, stands for: batches, rows and images are as many words apart, pixels are neighbours.
// A work-item for each of batches * rows * padded.
typedef struct {
    u64 to, from, batch_step, row_step, image_step;
    u32 batches, rows, columns, padded, first_pixel, out_plane, subtract, unused;
} reconstruct_args;
// What is done to every element on its own. The operation is an argument, the same for all work-items, so that one kernel serves them all.
//
// | kernel        | what a work-item does                                                                        |
// | fill          | a word                                                                                       |
// | elementwise   | an element                                                                                   |
#define FILL_THREADS 256
#define ELEMENTWISE_THREADS 256

KERNEL(fill, fill_args, FILL_THREADS) {
    const u64 i = ITEM(FILL_THREADS);
    if (i < p.count) POINTER(u64, p.to)[i] = p.value;
}

#define SCALE_30 (1u << 30)

/// floor(a * b / 2^30), for products below 2^62.
INLINE u32 product_30(u32 a, u32 b) { return (u32)((u64)a * b >> 30); }

/// sin(2 pi u / 2^64) at scale 2^30: `integerSine`. The position in a quarter of the turn becomes x in [0, pi / 2] at scale 2^30; then
/// x (1 - x^2 / 6 (1 - x^2 / 20 (1 - ... (1 - x^2 / 156)))), every product rounded down. x^2 < 2^31.4, so all of it has 32 bits.
INLINE u64 sine_of(u64 u) {
    const u32 position = (u32)(u >> 32) & (SCALE_30 - 1), backwards = SPREAD32(u >> 62);
    const u32 folded = ((SCALE_30 - position) & backwards) | (position & ~backwards);
    const u32 x = product_30(folded, 1686629713u);  // 2^30 pi / 2, rounded
    const u32 square = product_30(x, x);
    u32 sum = SCALE_30;
    sum = SCALE_30 - product_30(square, sum) / 156;
    sum = SCALE_30 - product_30(square, sum) / 110;
    sum = SCALE_30 - product_30(square, sum) / 72;
    sum = SCALE_30 - product_30(square, sum) / 42;
    sum = SCALE_30 - product_30(square, sum) / 20;
    sum = SCALE_30 - product_30(square, sum) / 6;
    const u64 negative = SPREAD64(u >> 63);
    return (product_30(x, sum) ^ negative) - negative;
}

/// a / 2^30, rounded to the nearest, of a number with a sign.
INLINE u64 rounded_30(u64 a) { return (u64)((i64)(a + (1u << 29)) >> 30); }

/// cosine * R(p C + q S) + sine * R(p S - q C), with the sine S and the cosine C of u and R(x) = x / 2^30 rounded.
INLINE u64 harmonic_of(u64 u, u64 cosine, u64 sine, u64 p, u64 q) {
    const u64 s = sine_of(u), c = sine_of(u + ((u64)1 << 62));
    return cosine * rounded_30(p * c + q * s) + sine * rounded_30(p * s - q * c);
}

/// 2^x at scale 2^fraction_bits, for x with 58 bits of fraction: `integerPower`. The polynomial sum of (ln 2)^k / k! x^k, k <= 10, is below 2 at
/// scale 2^30, every product rounded down; the six high bits of x shift it, with rounding.
INLINE u64 power_of(u64 x, u32 fraction_bits) {
    const u32 fraction = (u32)(x >> 28) & (SCALE_30 - 1);
    u32 sum = 8;
    sum = product_30(sum, fraction) + 109;
    sum = product_30(sum, fraction) + 1419;
    sum = product_30(sum, fraction) + 16377;
    sum = product_30(sum, fraction) + 165394;
    sum = product_30(sum, fraction) + 1431680;
    sum = product_30(sum, fraction) + 10327387;
    sum = product_30(sum, fraction) + 59597083;
    sum = product_30(sum, fraction) + 257941248;
    sum = product_30(sum, fraction) + 744261118;
    sum = product_30(sum, fraction) + SCALE_30;
    const u32 shift = (62 - fraction_bits - (u32)(x >> 58)) & 63;
    return (((u64)sum << 32) + (((u64)1 << shift) >> 1)) >> shift;
}

/// -a where the mask is all ones, a where it is 0.
INLINE u64 negated_where(u64 a, u64 mask) { return (a ^ mask) - mask; }

/// What a step makes of an element's operands; `where`: all ones where its bit is 1.
INLINE u64 element_of(PRIVATE const elementwise_step *p, u64 a, u64 b, u64 c, u64 d, u64 sum, u64 where) {
    switch (p->operation) {
    case OP_ADD: return a + b;
    case OP_SUBTRACT: return a - b;
    case OP_MULTIPLY: return a * b;
    case OP_NEGATE: return 0 - a;
    case OP_ADD_SCALAR: return a + p->s;
    case OP_MULTIPLY_SCALAR: return a * p->s;
    case OP_ADD_PRODUCT: return sum + a * b;
    case OP_SUBTRACT_PRODUCT: return sum - a * b;
    case OP_ADD_TIMES: return sum + a * p->s;
    case OP_SHIFT_RIGHT: return a >> (u32)p->s;
    case OP_SHIFT_LEFT: return a << (u32)p->s;
    case OP_LOW_BITS: return a & p->s;
    case OP_MULTIPLY_HIGH: return (MULHI64(a, p->s) << 2) | (a * p->s >> 62);
    case OP_SINE: return sine_of(a * p->s + p->t);
    case OP_HARMONIC: return sum + harmonic_of(a * p->s, b, c, p->t, p->v);
    case OP_POWER_OF_TWO: return power_of(p->t + negated_where(a, SPREAD64(p->flags)), (u32)p->s);
    case OP_KEEP_WHERE: return a & where;
    case OP_ADD_WHERE: return sum + (a & where);
    case OP_NEGATE_WHERE: return negated_where(a, where);
    case OP_SELECTION: {
        // With v = hat - mask, or -mask where public terms are another's, and u = hat * beta - product: v - u where the bit is 1, else u.
        const u64 value = (a & SPREAD64(p->flags)) - d;
        return (value & where) + negated_where(a * b - c, where);
    }
    case OP_ADD_TIMES_NEGATED_WHERE: return sum + negated_where(a, where) * p->s;
    case OP_ADD_PRODUCT_LESS: return sum + negated_where(a * b - c, where) * p->s;
    }
    return 0;
}

/// Where a walk finds element i, in words from the block's base.
INLINE i64 walked_to(PRIVATE const elementwise_walk *p, u32 i) {
    const u32 j = p->first + i;
    const u32 quotient = (u32)((u64)j * p->factors[0] >> p->shifts[0]), outer = (u32)((u64)j * p->factors[1] >> p->shifts[1]);
    return (i32)(p->steps[0] * j + p->steps[1] * quotient + p->steps[2] * outer);
}

KERNEL(elementwise, elementwise_args, ELEMENTWISE_THREADS) {
    LOCAL_ARRAY(u64, registers, ELEMENTWISE_REGISTERS * ELEMENTWISE_THREADS);
    const u64 i = ITEM(ELEMENTWISE_THREADS);
    if (i >= p.count) return;
    LOCAL u64 *own = registers + LOCAL_ID;
    // Which place it is, is the same for all work-items.
#define PLACE(PLACES, NUMBER) ((PLACES) >> (8 * (NUMBER)) & 255)
#define BLOCK(TYPE, NUMBER) POINTER(TYPE, p.bases[(NUMBER) % 32])
    ROLLED for (u32 step = 0; step < p.steps; step++) {
        PRIVATE const elementwise_step *q = &p.list[step];
        const u32 out = PLACE(q->places, 0), bits = PLACE(q->more, 2);
        const u64 where = bits == NO_PLACE ? 0 : SPREAD64(BLOCK(const u64, bits)[i / 64] >> (i % 64));
        u64 read[5];  // a, b, c, d, sum
        UNROLL for (int operand = 0; operand < 5; operand++) {
            const u32 place = operand < 3 ? PLACE(q->places, operand + 1) : PLACE(q->more, operand - 3);
            read[operand] = 0;
            if (place < ELEMENTWISE_BLOCK)
                read[operand] = own[place * ELEMENTWISE_THREADS];
            else if (place != NO_PLACE)
                read[operand] = BLOCK(const u64, place)[place < WALKED_BLOCK ? (i64)i : walked_to(&p.walks[place / 32 - 2], (u32)i)];
        }
        const u64 word = element_of(q, read[0], read[1], read[2], read[3], read[4], where);
        if (out >= ELEMENTWISE_BLOCK)
            BLOCK(u64, out)[i] = word;
        else
            own[out * ELEMENTWISE_THREADS] = word;
    }
#undef BLOCK
#undef PLACE
}
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
// Where elements lie: copies with steps, slices that a list names, sums over axes, patches of images.
//
// | kernel        | what a work-item does                                                                        |
// | copy          | an element                                                                                   |
// | take          | a word of the result                                                                         |
// | sum           | a part of an element's terms, of which there are `width`                                     |
// | patches       | a word of the result                                                                         |
#define COPY_THREADS 256
#define TAKE_THREADS 256
#define SUM_THREADS 256
#define PATCHES_THREADS 256

/// The last digit of a number whose digits have extents; what is left are the digits before it. A division of 64 bits is long, and most digits
/// need none.
INLINE u64 last_digit(PRIVATE u64 *number, u64 extent) {
    if (extent == 1) return 0;
    const u64 whole = *number;
    u64 rest = 0;
    if (whole >= extent) rest = (whole | extent) >> 32 ? whole / extent : (u32)whole / (u32)extent;
    *number = rest;
    return whole - rest * extent;
}

/// Where step i of a walk over `extents`, row-major, has come to.
INLINE u64 walked(u64 i, PRIVATE const u64 *extents, PRIVATE const u64 *steps) {
    u64 position = 0;
    for (int axis = AXES - 1; axis >= 0 && i > 0; axis--) position += last_digit(&i, extents[axis]) * steps[axis];
    return position;
}

KERNEL(copy, copy_args, COPY_THREADS) {
    u64 i = ITEM(COPY_THREADS);
    if (i >= p.count) return;
    u64 to = p.to_offset, from = p.from_offset;
    for (int axis = AXES - 1; axis >= 0 && i > 0; axis--) {
        const u64 digit = last_digit(&i, p.extents[axis]);
        to += digit * p.to_steps[axis];
        from += digit * p.from_steps[axis];
    }
    const u64 word = POINTER(const u64, p.from)[from];
    GLOBAL u64 *place = POINTER(u64, p.to) + to;
    switch (p.combination) {
    case 0: *place = word; break;
    case 1: *place += word; break;
    default: *place -= word;
    }
}

KERNEL(take, take_args, TAKE_THREADS) {
    const u64 i = ITEM(TAKE_THREADS);
    if (i >= p.outer * p.count * p.inner) return;
    u64 block = i;
    const u64 element = last_digit(&block, p.inner), number = last_digit(&block, p.count);
    const u64 index = POINTER(const u64, p.indices)[number];
    POINTER(u64, p.to)[i] = POINTER(const u64, p.from)[(block * p.extent + index) * p.inner + element];
}

/// The `width` work-items of an element take its terms in turn; then half of them add the others' sums to theirs, half of those, and so on.
KERNEL(sum, sum_args, SUM_THREADS) {
    LOCAL_ARRAY(u64, parts, SUM_THREADS);
    const u64 item = ITEM(SUM_THREADS), i = item / p.width;
    const u32 member = (u32)(item % p.width);
    u64 part = 0;
    if (i < p.count) {
        GLOBAL const u64 *from = POINTER(const u64, p.from) + walked(i, p.kept_extents, p.kept_steps);
        for (u64 j = member; j < p.terms; j += p.width) part += from[walked(j, p.summed_extents, p.summed_steps)];
    }
    if (p.width > 1) {  // of all work-items alike
        parts[LOCAL_ID] = part;
        for (u32 others = p.width / 2; others > 0; others /= 2) {
            BARRIER();
            if (member < others) parts[LOCAL_ID] += parts[LOCAL_ID + others];
        }
        part = parts[LOCAL_ID];
    }
    if (member == 0 && i < p.count) POINTER(u64, p.to)[i] = part;
}

KERNEL(patches, patches_args, PATCHES_THREADS) {
    const u64 i = ITEM(PATCHES_THREADS);
    if (i >= p.count) return;
    u64 rest = i;
    const u32 kernel_x = (u32)last_digit(&rest, p.kernel_width), kernel_y = (u32)last_digit(&rest, p.kernel_height);
    const u64 channel = last_digit(&rest, p.channels);
    const u32 x = (u32)last_digit(&rest, p.out_width), y = (u32)rest;
    // Above or left of the image a position wraps around to a huge one, which is outside, too.
    const u32 row = y * p.stride_y + kernel_y * p.dilation_y - p.padding_y, column = x * p.stride_x + kernel_x * p.dilation_x - p.padding_x;
    u64 word = 0;
    if (row < p.height && column < p.width) word = POINTER(const u64, p.from)[channel * p.channel_step + row * p.row_step + column * p.column_step];
    POINTER(u64, p.to)[i] = word;
}
// Products of matrices, and of planes, word by word.
//
// | kernel        | what a group of work-items does                                                              |
// | ring_product  | a tile of 64 by 64 of the sum, in steps of 16 of the inner dimension                         |
// | plane_product | 256 elements of a convolution                                                                |
#define RING_PRODUCT_THREADS 256
#define PLANE_PRODUCT_THREADS 256

#define TILE 64
#define TILE_INNER 16
#define TILE_SHARE 4  // a work-item has 4 by 4 elements of a tile, 16 apart, and brings in 4 words of either factor

/// With words cut into halves, a b = a_low b_low + 2^32 (a_low b_high + a_high b_low) modulo 2^64: the sums of the first products have 64 bits,
/// those of the others 32, and they meet at the end. Beyond the matrices, zeros are multiplied.
KERNEL(ring_product, product_args, RING_PRODUCT_THREADS) {
    LOCAL_ARRAY(u64, left, TILE_INNER * TILE);
    LOCAL_ARRAY(u64, right, TILE_INNER * TILE);
    const u32 y = LOCAL_ID / 16, x = LOCAL_ID % 16;
    const u32 first_row = GROUP_Y * TILE, first_column = GROUP_X * TILE;
    GLOBAL const u64 *a = POINTER(const u64, p.a) + GROUP_Z * p.a_batch;
    GLOBAL const u64 *b = POINTER(const u64, p.b) + GROUP_Z * p.b_batch;
    GLOBAL u64 *c = POINTER(u64, p.c) + GROUP_Z * p.c_batch;
    u64 low[TILE_SHARE][TILE_SHARE];
    u32 high[TILE_SHARE][TILE_SHARE];
    UNROLL for (int i = 0; i < TILE_SHARE; i++)
        UNROLL for (int j = 0; j < TILE_SHARE; j++) {
            low[i][j] = 0;
            high[i][j] = 0;
        }
    for (u32 start = 0; start < p.inner; start += TILE_INNER) {
        UNROLL for (int i = 0; i < TILE_SHARE; i++) {
            // Neighbours bring in words that are neighbours in memory, whichever way a factor lies there.
            const u32 word = LOCAL_ID + i * RING_PRODUCT_THREADS;
            const u32 across = word % TILE, along = word / TILE, across_inner = word / TILE_INNER, along_inner = word % TILE_INNER;
            const u32 a_row = p.a_inner == 1 ? across_inner : across, a_inner = p.a_inner == 1 ? along_inner : along;
            const u32 b_column = p.b_inner == 1 ? across_inner : across, b_inner = p.b_inner == 1 ? along_inner : along;
            const u64 row = first_row + a_row, column = first_column + b_column, k = start + a_inner, l = start + b_inner;
            left[a_inner * TILE + a_row] = row < p.rows && k < p.inner ? a[row * p.a_row + k * p.a_inner] : 0;
            right[b_inner * TILE + b_column] = column < p.columns && l < p.inner ? b[l * p.b_inner + column * p.b_column] : 0;
        }
        BARRIER();
        UNROLL for (int k = 0; k < TILE_INNER; k++) {
            u64 u[TILE_SHARE], v[TILE_SHARE];
            UNROLL for (int i = 0; i < TILE_SHARE; i++) {
                u[i] = left[k * TILE + y + 16 * i];
                v[i] = right[k * TILE + x + 16 * i];
            }
            UNROLL for (int i = 0; i < TILE_SHARE; i++)
                UNROLL for (int j = 0; j < TILE_SHARE; j++) {
                    low[i][j] += (u64)(u32)u[i] * (u32)v[j];
                    high[i][j] += (u32)u[i] * (u32)(v[j] >> 32) + (u32)(u[i] >> 32) * (u32)v[j];
                }
        }
        BARRIER();
    }
    UNROLL for (int i = 0; i < TILE_SHARE; i++)
        UNROLL for (int j = 0; j < TILE_SHARE; j++) {
            const u64 row = first_row + y + 16 * i, column = first_column + x + 16 * j;
            const u64 product = low[i][j] + ((u64)high[i][j] << 32);
            if (row < p.rows && column < p.columns) c[row * p.columns + column] += negated_where(product, SPREAD64(p.subtract));
        }
}

KERNEL(plane_product, plane_product_args, PLANE_PRODUCT_THREADS) {
    const u64 i = ITEM(PLANE_PRODUCT_THREADS);
    if (i >= p.count) return;
    u64 rest = i;
    const u32 x = (u32)last_digit(&rest, p.out_width), y = (u32)last_digit(&rest, p.out_height), filter = (u32)last_digit(&rest, p.outputs);
    const u64 plane = rest * (p.outputs / p.group_outputs) + filter / p.group_outputs;
    GLOBAL const u64 *image = POINTER(const u64, p.image) + plane * p.height * p.width;
    GLOBAL const u64 *weights = POINTER(const u64, p.weights) + (u64)filter * p.kernel_height * p.kernel_width;
    u64 sum = 0;
    for (u32 tap_y = 0; tap_y < p.kernel_height; tap_y++) {
        // Above or left of the image a position wraps around to a huge one, which is outside, too.
        const u32 row = y * p.stride_y + tap_y * p.dilation_y - p.padding_y;
        if (row >= p.height) continue;
        for (u32 tap_x = 0; tap_x < p.kernel_width; tap_x++) {
            const u32 column = x * p.stride_x + tap_x * p.dilation_x - p.padding_x;
            if (column < p.width) sum += weights[tap_y * p.kernel_width + tap_x] * image[(u64)row * p.width + column];
        }
    }
    POINTER(u64, p.to)[i] += negated_where(sum, SPREAD64(p.subtract));
}
// The moduli of products by residues, and what is derived from them. Written by Scripts/gpu_kernels/moduli.py.
//
// They are pairwise coprime, and P, their product, is 2^140.45: a number within ±P/2 is known by its residues.
#define MODULI 18
// p
CONSTANT u32 MODULUS[MODULI] = {
    256u, 255u, 253u, 251u, 247u, 241u, 239u, 233u, 229u, 227u, 223u, 217u, 211u, 199u, 197u, 193u, 191u, 181u,
};
// floor(2^32 / p) + 1: MULHI32(u, RECIPROCAL) is floor(u / p) for u < 2^24, and one more at most for u < 2^32
CONSTANT u32 RECIPROCAL[MODULI] = {
    16777217u, 16843010u, 16976156u, 17111424u, 17388532u, 17821442u, 17970575u, 18433337u, 18755316u, 18920561u, 19259944u, 19792477u,
    20355296u, 21582751u, 21801865u, 22253717u, 22486740u, 23729102u,
};
// Byte j: 2^(8 j) mod p
CONSTANT u32 POWERS_LOW[MODULI] = {
    0x1u, 0x1010101u, 0x1b090301u, 0x7d190501u, 0xeb510901u, 0x1e10f01u, 0x85321101u, 0x333f1701u, 0xda2a1b01u, 0x64a01d01u, 0x22c52101u,
    0x4e022701u, 0xb87e2d01u, 0x7b413901u, 0x69843b01u, 0x706d3f01u, 0x9e174101u, 0x910e4b01u,
};
// Byte j: 2^(8 (j + 4)) mod p
CONSTANT u32 POWERS_HIGH[MODULI] = {
    0x0u, 0x1010101u, 0xa3dff351u, 0x403f717bu, 0x3d90108bu, 0xf01e10fu, 0x3303c56eu, 0xaf26b808u, 0x3d79e1a1u, 0x790c6eb0u, 0xf290807u,
    0x5f089c04u, 0x6460b933u, 0x5605232eu, 0xb2be4658u, 0x82c0316cu, 0x73860593u, 0x31d270fu,
};
// (-2^63) mod p, plus 128
CONSTANT u32 BIAS[MODULI] = {
    128u, 255u, 263u, 219u, 224u, 136u, 292u, 329u, 335u, 303u, 215u, 337u, 199u, 264u, 196u, 279u, 306u, 287u,
};
// The first multiple of p from 2^27 on
CONSTANT u32 OFFSET[MODULI] = {
    134217728u, 134217975u, 134217765u, 134217732u, 134217824u, 134217961u, 134217859u, 134217786u, 134217816u, 134217836u, 134217902u,
    134217755u, 134217733u, 134217739u, 134217873u, 134217797u, 134217801u, 134217835u,
};
// (P / p)^-1 mod p
CONSTANT u32 INVERSE[MODULI] = {
    3u, 19u, 40u, 155u, 232u, 96u, 123u, 83u, 168u, 134u, 80u, 151u, 15u, 162u, 147u, 37u, 157u, 164u,
};
// P / p modulo 2^64
CONSTANT u64 WEIGHT[MODULI] = {
    0x6027637ad39f56abul, 0x85ad108b5efe5500ul, 0x4e1198439e7ac700ul, 0xd65716ed76f21100ul, 0xb26d3a89aa9eed00ul, 0x799601c7f115b00ul,
    0x33943b6d11ce0500ul, 0x7c52d49422be7300ul, 0x7350ec6a01d04f00ul, 0xd0ced12cea259900ul, 0x6c1641fc5b67b500ul, 0x704157dd95612300ul,
    0x7aba1a0f8febc900ul, 0x96b5e3077edefd00ul, 0xd69dbe597090af00ul, 0x329bb507ba866b00ul, 0x3f3373e8fb791500ul, 0x222990f19c75df00ul,
};
// 2^27 / p, rounded
CONSTANT u32 FRACTION[MODULI] = {
    524288u, 526344u, 530505u, 534732u, 543392u, 556920u, 561580u, 576042u, 586104u, 591268u, 601873u, 618515u, 636103u, 674461u, 681308u,
    695429u, 702711u, 741534u,
};
#define FRACTION_BITS 27
#define WHOLE 0x27637ad39f56ab00ul  // P modulo 2^64
// Tiles of signed bytes, which tensor cores multiply, and copies that run ahead of them.
//
// TILE: a team of 32 lanes adds the product of a tile of 16 rows and one of 8 columns, 32 deep, to a tile of 16 by 8 sums. With g = lane / 4 and
// q = lane % 4 a lane holds, four bytes a word and the first in the low bits,
//   of A  bytes 4 q ... 4 q + 3 of rows g and g + 8, and bytes 16 + 4 q ... of rows g and g + 8: four words
//   of B  bytes 4 q ... and 16 + 4 q ... of column g: two words
//   of C  columns 2 q and 2 q + 1 of row g, and the same of row g + 8: four sums
// which are the fragments of PTX's mma.m16n8k32. Without tensor cores the same fragments are read from local memory: slow, and for tests.
//
// LOAD_MATRICES: word m of TO[4] becomes bytes 4 q ... 4 q + 3 of row g of matrix m, which has eight rows of 16 bytes in local memory: row ROW of
// matrix MATRIX is at AT, an expression in these two. With whole rows side by side that is a tile's fragment of A, or two tiles' of B.
// MULTIPLY_TILES: all tiles of SUM[DOWN][ACROSS][4] += A[DOWN][4] B[ACROSS / 2][4]; where it's slow, tiles beyond ROWS and COLUMNS stay as they are.
// COPY16: 16 bytes from global to local memory, zeros where they aren't INSIDE. What was copied before a COPIES_COMMIT is there after a
// COPIES_WAIT(LEFT) with at most LEFT commits since, for who waited, and for the group after a barrier.
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

#define TENSOR_TILES
#if !defined(TILES_EMULATED)  // who compiles this for something else has functions of these names
INLINE void multiply_tile(i32 *c, const u32 *a, const u32 *b) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
INLINE void load_matrices(u32 *to, const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"((u32)__cvta_generic_to_shared(row))
                 : "memory");
}
INLINE void copy16(void *to, const void *from, bool inside) {
    const u32 bytes = inside ? 16 : 0;  // the rest are zeros
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"((u32)__cvta_generic_to_shared(to)), "l"(from), "r"(bytes) : "memory");
}
#define COPIES_COMMIT() asm volatile("cp.async.commit_group;" ::: "memory")
#define COPIES_WAIT(LEFT) asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory")
INLINE u32 dot4(u32 a, u32 b, u32 sum) {
    asm("dp4a.u32.u32 %0, %1, %2, %0;" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}
#endif

#define TILE_ARRAY(NAME, THREADS, DOWN, ACROSS)
#define LOAD_MATRICES(TO, MATRIX, ROW, AT)                   \
    do {                                                     \
        const u32 MATRIX = LANE / 8, ROW = LANE % 8;         \
        load_matrices(TO, AT);                               \
    } while (0)
#define MULTIPLY_TILES(NAME, SUM, A, B, DOWN, ACROSS, ROWS, COLUMNS)                        \
    UNROLL for (int across = 0; across < (ACROSS); across++)                                \
        UNROLL for (int down = 0; down < (DOWN); down++) multiply_tile(SUM[down][across], A[down], B[across / 2] + across % 2 * 2)
#define COPY16(TO, FROM, INSIDE) copy16(TO, FROM, INSIDE)

#else

#define LOAD_MATRICES(TO, MATRIX, ROW, AT)                                                                                     \
    for (u32 MATRIX = 0; MATRIX < 4; MATRIX++) {                                                                               \
        const u32 ROW = LANE / 4;                                                                                              \
        (TO)[MATRIX] = ((LOCAL const u32 *)(AT))[LANE % 4];                                                                    \
    }
#define TILE_ARRAY(NAME, THREADS, DOWN, ACROSS) LOCAL_ARRAY(u32, NAME, (THREADS) * (4 * (DOWN) + 2 * (ACROSS)));
#define MULTIPLY_TILES(NAME, SUM, A, B, DOWN, ACROSS, ROWS, COLUMNS)                                                           \
    do {                                                                                                                       \
        LOCAL u32 *lane_words = NAME + LOCAL_ID * (4 * (DOWN) + 2 * (ACROSS));                                                 \
        for (int down = 0; down < 4 * (DOWN); down++) lane_words[down] = A[down / 4][down % 4];                                \
        for (int across = 0; across < 2 * (ACROSS); across++) lane_words[4 * (DOWN) + across] = B[across / 4][across % 4];     \
        BARRIER();                                                                                                             \
        LOCAL const u32 *team_words = lane_words - LANE * (4 * (DOWN) + 2 * (ACROSS));                                         \
        for (u32 down = 0; down < (DOWN) && down * 16 < (ROWS); down++)                                                        \
            for (u32 across = 0; across < (ACROSS) && across * 8 < (COLUMNS); across++)                                        \
                for (u32 e = 0; e < 4; e++)                                                                                    \
                    SUM[down][across][e] += tile_dot(team_words, 4 * (DOWN) + 2 * (ACROSS), 4 * down, 4 * (DOWN) + 2 * across, \
                                                     LANE / 4 + e / 2 * 8, LANE % 4 * 2 + e % 2);                              \
        BARRIER();                                                                                                             \
    } while (0)

/// A row of A times a column of B, of the tiles whose fragments begin at these words of each lane.
INLINE i32 tile_dot(LOCAL const u32 *team, u32 words, u32 a, u32 b, u32 row, u32 column) {
    i32 sum = 0;
    for (u32 k = 0; k < 32; k++) {
        const u32 of_a = team[(row % 8 * 4 + k % 16 / 4) * words + a + row / 8 + k / 16 * 2];
        const u32 of_b = team[(column * 4 + k % 16 / 4) * words + b + k / 16];
        sum += (i32)(i8)(of_a >> 8 * (k % 4)) * (i32)(i8)(of_b >> 8 * (k % 4));
    }
    return sum;
}
#define COPY16(TO, FROM, INSIDE) *(LOCAL u32x4 *)(TO) = (INSIDE) ? *(GLOBAL const u32x4 *)(FROM) : (u32x4)(0)
#define COPIES_COMMIT()
#define COPIES_WAIT(LEFT)
/// sum + the products of the bytes of two words.
INLINE u32 dot4(u32 a, u32 b, u32 sum) {
    for (u32 j = 0; j < 32; j += 8) sum += (a >> j & 255) * (b >> j & 255);
    return sum;
}

#endif
// Products by residues: 18 products of signed bytes instead of one of words, which tensor cores make. Exact for up to 8192 inner elements.
//
// | kernel          | what a group of work-items does                                                              |
// | residues        | a block of 32 rows by 32 elements of the inner dimension                                     |
// | residue_product | a tile of 128 by 128 of one modulus, in steps of 64 of the inner dimension                   |
// | reconstruct     | 256 elements                                                                                 |
//
// Words are read as signed numbers, so the sum X of 8192 products or fewer is within ±2^139, which is less than 0.37 P. With y = (X mod p) (P/p)^-1
// mod p for each modulus p, X = sum of y P/p - P r for a whole r, the nearest to the sum of y / p, from which it differs by X / P.
#define RESIDUES_THREADS 256
#define RESIDUE_PRODUCT_THREADS 128
#define RECONSTRUCT_THREADS 256

// MARK: Words into residues

#define RESIDUE_BLOCK 32

/// The products of a word's bytes with the powers of 2^8 modulo p add up to a number u that is congruent to it. Its top bit is turned, which makes it
/// 2^63 more, and BIAS takes that back, and adds 128: u mod p, less 128, is a signed byte, and 0 for the word 0.
KERNEL(residues, residues_args, RESIDUES_THREADS) {
    LOCAL_ARRAY(u64, words, RESIDUE_BLOCK * (RESIDUE_BLOCK + 1));
    const u32 first_row = GROUP_X * RESIDUE_BLOCK, first = GROUP_Y * RESIDUE_BLOCK;
    UNROLL for (u32 i = 0; i < RESIDUE_BLOCK * RESIDUE_BLOCK / RESIDUES_THREADS; i++) {
        // Neighbours bring in words that are neighbours in memory, whichever way the matrix lies there.
        const u32 number = LOCAL_ID + i * RESIDUES_THREADS, along = number % RESIDUE_BLOCK, across = number / RESIDUE_BLOCK;
        const u32 row = p.inner_step == 1 ? across : along, inner = p.inner_step == 1 ? along : across;
        const u32 r = first_row + row, k = first + inner;
        u64 word = 0;
        if (r < p.rows && k < p.inner) word = POINTER(const u64, p.from)[r / p.split * p.outer_step + r % p.split * p.row_step + k * p.inner_step];
        words[row * (RESIDUE_BLOCK + 1) + inner] = word;
    }
    BARRIER();
    const u32 row = LOCAL_ID / 8, inner = LOCAL_ID % 8 * 4;
    if (first_row + row >= p.rows || first + inner >= p.padded) return;
    u32 low[4], high[4];
    UNROLL for (int j = 0; j < 4; j++) {
        const u64 word = words[row * (RESIDUE_BLOCK + 1) + inner + j];
        low[j] = (u32)word;
        high[j] = (u32)(word >> 32) ^ 0x80000000u;
    }
    GLOBAL u32 *to = POINTER(u32, p.to) + ((u64)(first_row + row) * p.padded + first + inner) / 4;
    const u64 plane = (u64)p.rows * p.padded / 4;
    UNROLL for (int m = 0; m < MODULI; m++) {
        u32 four = 0;
        UNROLL for (int j = 0; j < 4; j++) {
            const u32 u = dot4(low[j], POWERS_LOW[m], dot4(high[j], POWERS_HIGH[m], BIAS[m]));
            four |= (u - MULHI32(u, RECIPROCAL[m]) * MODULUS[m]) << (8 * j);
        }
        to[m * plane] = four ^ 0x80808080u;
    }
}

// MARK: Products of residues

#define PRODUCT_ROWS 128
#define PRODUCT_COLUMNS 128
#define STEP 64      // bytes of a row or column that are brought in at a time: a stage
#define CHUNKS 4     // of 16 bytes, in a stage of a row
#if !defined(STAGES)
#if defined(TENSOR_TILES) || defined(PLAIN_LOOPS)
#define STAGES 3     // one is multiplied while the next two are on their way
#else
#define STAGES 2     // a group's local memory may end at 48 KiB, of which fragments take 16
#endif
#endif
#define DOWN 4       // tiles of a team, of which two by two make the group's 128 by 128
#define ACROSS 8
#define PLACE(ROW, CHUNK) (((CHUNK) ^ (ROW) / 2 % CHUNKS) * 16)  // where it lies
#define STAGE_BYTES ((PRODUCT_ROWS + PRODUCT_COLUMNS) * STEP)
#define FETCHES (PRODUCT_ROWS * CHUNKS / RESIDUE_PRODUCT_THREADS)  // of a work-item, of rows and of columns
#define RESULT_STEP (PRODUCT_COLUMNS + 16)                         // between rows of results: no bank of local memory twice

/// A sum of products of residues as y, a number below p: see above.
INLINE u32 weighted(i32 sum, u32 m) {
    const u32 u = (u32)sum + OFFSET[m];
    const u32 rest = u - MULHI32(u, RECIPROCAL[m]) * MODULUS[m] + MODULUS[m];  // below 2 p
    const u32 v = rest * INVERSE[m];
    return v - MULHI32(v, RECIPROCAL[m]) * MODULUS[m];
}

/// Columns are windows of images, whose inner dimension is that of channels for each tap; for a product of matrices windows have one tap and an
/// image is as high as one column. What a window sees outside of its image is zero.
///
/// A stage holds 64 bytes of each row and column, their chunks in an order in which a team that reads one of each of eight rows, or writes all of two,
/// meets every bank of local memory once.
KERNEL(residue_product, residue_product_args, RESIDUE_PRODUCT_THREADS) {
    LOCAL_ARRAY(u8, stages, STAGES * STAGE_BYTES);
    TILE_ARRAY(fragments, RESIDUE_PRODUCT_THREADS, DOWN, ACROSS)
    const u32 modulus = GROUP_Z % MODULI, batch = GROUP_Z / MODULI;
    const u32 first_row = GROUP_Y * PRODUCT_ROWS, first_column = GROUP_X * PRODUCT_COLUMNS;
    const u32 team_row = LOCAL_ID / 64 * DOWN * 16, team_column = LOCAL_ID / 32 % 2 * ACROSS * 8;
    GLOBAL const u8 *a = POINTER(const u8, p.a) + modulus * p.a_plane + batch * p.a_batch;
    GLOBAL const u8 *b = POINTER(const u8, p.b) + modulus * p.b_plane + batch * p.b_batch;
    i32 sum[DOWN][ACROSS][4];
    UNROLL for (int i = 0; i < DOWN; i++)
        UNROLL for (int j = 0; j < ACROSS; j++)
            UNROLL for (int e = 0; e < 4; e++) sum[i][j][e] = 0;

    // This work-item brings in chunk LOCAL_ID % 4 of each stage of rows and columns LOCAL_ID / 4, 32 more, and so on.
    const u32 line = LOCAL_ID / CHUNKS, chunks = p.kernel_height * p.kernel_width * p.tap_chunks;
    u32 chunk = LOCAL_ID % CHUNKS, channel = chunk, tap_x = 0, tap_y = 0;
    u32 y[FETCHES], x[FETCHES], window[FETCHES];  // where windows begin, and that in chunks; what is above or left of the image wraps around
    UNROLL for (int i = 0; i < FETCHES; i++) {
        const u32 column = first_column + line + i * (RESIDUE_PRODUCT_THREADS / CHUNKS), pixel = p.first_pixel + column;
        const u32 image = pixel / p.out_plane, place = pixel % p.out_plane;
        y[i] = place / p.out_width * p.stride_y - p.padding_y;
        x[i] = place % p.out_width * p.stride_x - p.padding_x;
        window[i] = image * p.image_chunks + (y[i] * p.width + x[i]) * p.tap_chunks;
        if (column >= p.columns) y[i] = 0x80000000u;  // below any image
    }
    const u32 steps = (chunks + CHUNKS - 1) / CHUNKS;
    u32 into = 0;
    ROLLED for (u32 step = 0; step < steps + STAGES - 1; step++) {
        COPIES_WAIT(STAGES - 2);
        BARRIER();
        // At the end zeros come in, which nobody multiplies.
        while (channel >= p.tap_chunks && tap_y < p.kernel_height) {
            channel -= p.tap_chunks;
            if (++tap_x == p.kernel_width) {
                tap_x = 0;
                tap_y++;
            }
        }
        LOCAL u8 *place = stages + into * STAGE_BYTES + line * STEP + PLACE(line, LOCAL_ID % CHUNKS);
        UNROLL for (int i = 0; i < FETCHES; i++) {
            const u32 row = first_row + line + i * (RESIDUE_PRODUCT_THREADS / CHUNKS);
            const bool inside = row < p.rows && chunk < chunks;
            COPY16(place + i * RESIDUE_PRODUCT_THREADS * 16, a + (inside ? (u64)(row * chunks + chunk) * 16 : 0), inside);
        }
        place += PRODUCT_ROWS * STEP;
        const u32 down = tap_y * p.dilation_y, right = tap_x * p.dilation_x, shift = (down * p.width + right) * p.tap_chunks + channel;
        UNROLL for (int i = 0; i < FETCHES; i++) {
            const bool inside = chunk < chunks && y[i] + down < p.height && x[i] + right < p.width;
            COPY16(place + i * RESIDUE_PRODUCT_THREADS * 16, b + (inside ? (u64)(window[i] + shift) * 16 : 0), inside);
        }
        COPIES_COMMIT();
        chunk += CHUNKS;
        channel += CHUNKS;
        into = into + 1 == STAGES ? 0 : into + 1;
        if (step + 1 >= STAGES) {  // where the next copies go lies what came in first
            LOCAL const u8 *rows = stages + into * STAGE_BYTES + team_row * STEP;
            LOCAL const u8 *columns = stages + into * STAGE_BYTES + (PRODUCT_ROWS + team_column) * STEP;
            UNROLL for (u32 first = 0; first < CHUNKS; first += 2) {
                u32 of_a[DOWN][4], of_b[ACROSS / 2][4];
                UNROLL for (int i = 0; i < DOWN; i++)
                    LOAD_MATRICES(of_a[i], m, r, rows + (i * 16 + m % 2 * 8 + r) * STEP + PLACE(r, first + m / 2));
                UNROLL for (int j = 0; j < ACROSS / 2; j++)
                    LOAD_MATRICES(of_b[j], m, r, columns + (j * 16 + m / 2 * 8 + r) * STEP + PLACE(r, first + m % 2));
                MULTIPLY_TILES(fragments, sum, of_a, of_b, DOWN, ACROSS, p.rows - min(p.rows, first_row + team_row),
                               p.columns - min(p.columns, first_column + team_column));
            }
        }
    }

    // Through local memory, so that what is written is 16 bytes at a time.
    COPIES_WAIT(0);
    BARRIER();
    UNROLL for (int i = 0; i < DOWN; i++)
        UNROLL for (int j = 0; j < ACROSS; j++)
            UNROLL for (int half_tile = 0; half_tile < 2; half_tile++) {
                const u32 row = team_row + i * 16 + half_tile * 8 + LANE / 4, column = team_column + j * 8 + LANE % 4 * 2;
                const u32 pair = weighted(sum[i][j][2 * half_tile], modulus) | weighted(sum[i][j][2 * half_tile + 1], modulus) << 8;
                *(LOCAL u16 *)(stages + row * RESULT_STEP + column) = (u16)pair;
            }
    BARRIER();
    GLOBAL u8 *to = POINTER(u8, p.to) + ((u64)modulus * p.batches + batch) * p.rows * p.padded;
    UNROLL for (u32 i = 0; i < PRODUCT_ROWS * PRODUCT_COLUMNS / 16 / RESIDUE_PRODUCT_THREADS; i++) {
        const u32 number = LOCAL_ID + i * RESIDUE_PRODUCT_THREADS;
        const u32 row = number / (PRODUCT_COLUMNS / 16), column = number % (PRODUCT_COLUMNS / 16) * 16;
        GLOBAL u8 *sixteen = to + (u64)(first_row + row) * p.padded + first_column + column;
        if (first_row + row < p.rows && first_column + column < p.padded)
            *(GLOBAL u32x4 *)sixteen = *(LOCAL const u32x4 *)(stages + row * RESULT_STEP + column);
    }
}

// MARK: Sums of products

KERNEL(reconstruct, reconstruct_args, RECONSTRUCT_THREADS) {
    const u32 i = (u32)ITEM(RECONSTRUCT_THREADS), count = p.batches * p.rows * p.padded;
    const u32 column = i % p.padded, row = i / p.padded % p.rows, batch = i / p.padded / p.rows, pixel = p.first_pixel + column;
    if (i >= count || column >= p.columns) return;
    GLOBAL const u8 *from = POINTER(const u8, p.from) + i;
    u64 sum = 0;
    u32 fraction = 1u << (FRACTION_BITS - 1);
    UNROLL for (int m = 0; m < MODULI; m++) {
        const u32 y = from[(u64)m * count];
        sum += WEIGHT[m] * y;
        fraction += FRACTION[m] * y;
    }
    sum -= WHOLE * (fraction >> FRACTION_BITS);
    GLOBAL u64 *to = POINTER(u64, p.to) + batch * p.batch_step + row * p.row_step + pixel / p.out_plane * p.image_step + pixel % p.out_plane;
    *to += negated_where(sum, SPREAD64(p.subtract));
}

"""###
}
