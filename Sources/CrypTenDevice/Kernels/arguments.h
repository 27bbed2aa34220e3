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
