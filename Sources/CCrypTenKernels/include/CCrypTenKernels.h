/// The kernels of the ring Z_2^64 and of packed bits, in C.
///
/// Rules for every function: all arithmetic is modulo 2^64; a count may be 0; arrays don't overlap unless the function's
/// description says that they may be the same one; time and memory access depend on counts, extents and the instruction
/// set alone, never on an element; nothing is allocated and nothing is read or written outside the arrays. The caller
/// names the instruction set, which the machine must have: see `cct_supports`.
#ifndef CCRYPTEN_KERNELS_H
#define CCRYPTEN_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

/// The instructions that a function may use.
typedef enum cct_instruction_set {
    CCT_SET_PORTABLE = 0,  ///< what the compiler emits for the oldest machine of the target
    CCT_SET_NEON = 1,      ///< AArch64 vectors; AES instructions where the machine has them
    CCT_SET_AVX2 = 2,      ///< AVX2; VAES on 256 bits or AES-NI where the machine has them
    CCT_SET_AVX512 = 3     ///< AVX-512 F, DQ, BW and VL; VAES where the machine has it
} cct_instruction_set;

/// 1 where this machine can run the set, else 0.
int cct_supports(cct_instruction_set set);

/// Overwrites `count` bytes with zeros; the compiler can't remove it.
void cct_wipe(void *bytes, size_t count);

/// Has the C library's allocator keep blocks below `largest` bytes that were freed, up to `total` bytes of them, and give
/// everything else back to the system, from one arena for all threads; where it is glibc. One setting for the whole process; no kernel allocates.
void cct_allocator_keeps(size_t largest, size_t total);

/// Gives the pages of freed memory back to the system, where the C library can; nowhere else it does anything.
void cct_allocator_gives_back(void);

/// Gives the pages that lie wholly in a block back to the system, where that is Linux: the block stays its owner's, and the pages
/// hold zeros.
void cct_pages_give_back(void *bytes, size_t count);

/// From now on a crash of this process writes no core file, and its signals do what the system does, not what handlers did that
/// were there before (those that are ignored stay ignored); and where the system is Linux, and unless `may_be_watched`, no
/// process of the same user may read its memory or its files in /proc. For the whole process; no kernel calls it.
void cct_process_shows_nothing(int may_be_watched);

/// Tell a thread sanitizer, which can't see every lock, that whoever takes a block over sees what was done to it before it was
/// handed over; otherwise nothing.
void cct_block_handed_over(void *block);
void cct_block_taken_over(void *block);

// MARK: Products (product.c)

/// Words of scratch for a product of `columns` columns and `inner` inner steps; at most 50,000.
size_t cct_matrix_scratch_words(size_t columns, size_t inner);

/// c(r, j) += sum over i < inner of a(r, i) * b(i, j), or -= where `subtract` is not 0, for r < rows and j < columns.
///
/// c(r, j) is c[r * c_step + j]; a(r, i) is a[r * a_row_step + i * a_inner_step]; b(i, j) is
/// b[i * b_inner_step + j * b_column_step]. So either factor may be stored transposed. `scratch` has
/// cct_matrix_scratch_words(columns, inner) words.
/// Cost: rows * columns * inner multiplications; the right factor is copied once, block by block.
void cct_matrix_accumulate(cct_instruction_set set, uint64_t *c, size_t c_step, size_t rows, size_t columns, size_t inner,
                           const uint64_t *a, size_t a_row_step, size_t a_inner_step, const uint64_t *b,
                           size_t b_inner_step, size_t b_column_step, int subtract, uint64_t *scratch);

/// c[j] += sum over i < inner of a[i] * b(i, j), or -= where `subtract` is not 0, for j < columns; b(i, j) is
/// b[i * b_inner_step + j * b_column_step], and one of the steps is 1. The product of a vector and a matrix, either way
/// round. Cost: reads the matrix once, in place.
void cct_vector_accumulate(cct_instruction_set set, uint64_t *c, size_t columns, size_t inner, const uint64_t *a,
                           const uint64_t *b, size_t b_inner_step, size_t b_column_step, int subtract);

// MARK: Convolutions (product_patches.c)

/// An image seen through a sliding window, as a matrix: rows are taps (channel, ky, kx), columns are grid positions
/// (gy, gx), both in row-major order. The element is the image's at channel, y = first_y + ky * tap_step_y + gy *
/// grid_step_y and x likewise, or 0 where that lies outside.
typedef struct {
    const uint64_t *image;  ///< channels of height * width words
    size_t height, width;
    size_t taps_y, taps_x;
    ptrdiff_t first_y, first_x;
    ptrdiff_t tap_step_y, tap_step_x;
    size_t grid_step_y, grid_step_x;
    size_t grid_width;  ///< grid positions in a row
} cct_patches;

/// Where a product's result goes: element (row, column) is base[row * row_step + column / run * run_step + column % run *
/// column_step]; so the columns may be every second pixel of an image.
typedef struct {
    uint64_t *base;
    size_t row_step, run, run_step, column_step;
} cct_target;

/// target(r, c) += sum over i < inner of a[r * a_row_step + i] * patches(i, c), or -= where `subtract` is not 0, for
/// r < rows and first_column <= c < last_column. `scratch` has cct_matrix_scratch_words(columns, inner) words.
void cct_patches_accumulate(cct_instruction_set set, cct_target target, size_t rows, size_t first_column,
                            size_t last_column, size_t inner, const uint64_t *a, size_t a_row_step,
                            const cct_patches *patches, int subtract, uint64_t *scratch);

/// The same with patches(c, i): the inner index runs over grid positions, the columns over taps.
void cct_patches_transposed_accumulate(cct_instruction_set set, cct_target target, size_t rows, size_t first_column,
                                       size_t last_column, size_t inner, const uint64_t *a, size_t a_row_step,
                                       const cct_patches *patches, int subtract, uint64_t *scratch);

// MARK: Single planes (planes.c): convolutions with too few outputs for a register tile, as where groups == channels

/// The extents of one plane's convolution.
typedef struct {
    size_t height, width;                ///< of the input
    size_t kernel_height, kernel_width;  ///< of the kernel
    size_t output_height, output_width;  ///< of the output
    size_t stride_y, stride_x, dilation_y, dilation_x;
    ptrdiff_t padding_y, padding_x;  ///< before the first row and column
} cct_plane_extents;

/// output += input * kernel, or -= where `subtract` is not 0, one channel each.
/// Cost: a multiplication for each output and tap inside the input.
void cct_plane_convolve(cct_instruction_set set, uint64_t *output, const uint64_t *input, const uint64_t *kernel,
                        const cct_plane_extents *extents, int subtract);

/// input += the gradient of cct_plane_convolve by its input, given its output's; or -=. The same cost.
void cct_plane_input_gradient(cct_instruction_set set, uint64_t *input, const uint64_t *output, const uint64_t *kernel,
                              const cct_plane_extents *extents, int subtract);

/// kernel += the gradient of cct_plane_convolve by its kernel, given its output's; or -=. The same cost.
void cct_plane_kernel_gradient(cct_instruction_set set, uint64_t *kernel, const uint64_t *input, const uint64_t *output,
                               const cct_plane_extents *extents, int subtract);

// MARK: Elementwise (elementwise.c); `out` may be the same array as an operand

/// out[i] = a[i] + b[i]
void cct_u64_add(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);
/// out[i] = a[i] - b[i]
void cct_u64_subtract(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);
/// out[i] = a[i] * b[i]
void cct_u64_multiply(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);
/// out[i] = c[i] + a[i] * b[i]
void cct_u64_multiply_add(cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, const uint64_t *b,
                          size_t count);
/// out[i] = c[i] - a[i] * b[i]
void cct_u64_multiply_subtract(cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a,
                               const uint64_t *b, size_t count);
/// out[i] = a[i] * factor + term
void cct_u64_affine(cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t factor, uint64_t term,
                    size_t count);
/// out[i] = c[i] + a[i] * factor
void cct_u64_add_scaled(cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, uint64_t factor,
                        size_t count);
/// out[i] = a[i] >> bits, zeros coming in; 0 <= bits <= 63
void cct_u64_shift_right(cct_instruction_set set, uint64_t *out, const uint64_t *a, unsigned bits, size_t count);
/// out[i] = floor(a[i] * factor / 2^62); factor < 2^62
void cct_u64_multiply_high(cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t factor, size_t count);
/// out[i] = a[i] << bits; 0 <= bits <= 63
void cct_u64_shift_left(cct_instruction_set set, uint64_t *out, const uint64_t *a, unsigned bits, size_t count);
/// out[i] = a[i] & mask
void cct_u64_mask(cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t mask, size_t count);
/// out[i] = sin(2 pi u / 2^64) at scale 2^30 for u = number * a[i] + offset, rounded by integer steps that are the same on every machine: the Taylor
/// polynomial to x^13 in the first quarter, every product rounded down.
void cct_u64_sine(cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t number, uint64_t offset, size_t count);
/// sum[i] += cosine[i] * R(p * c + q * s) + sine[i] * R(p * s - q * c), where s and c are the sine of number * phase[i] and of
/// a quarter turn more, and R(x) is x / 2^30 rounded to the nearest; p and q have signs, and magnitudes up to 2^32.
void cct_u64_add_harmonic(cct_instruction_set set, uint64_t *sum, const uint64_t *phase, uint64_t number,
                          const uint64_t *cosine, const uint64_t *sine, uint64_t p, uint64_t q, size_t count);
/// out[i] = 2^(x / 2^58) at scale 2^fraction_bits for x = a[i] + offset, or offset - a[i] where `negated` is not 0, rounded by integer steps that are the same on every machine: the Taylor
/// polynomial to x^10 in the fraction, every product rounded down, shifted to the nearest. The six high bits of x count modulo
/// 64, as one of -1 - fraction_bits ... 62 - fraction_bits; 0 <= fraction_bits <= 46.
void cct_u64_power_of_two(cct_instruction_set set, uint64_t *out, const uint64_t *a, int negated, uint64_t offset,
                          unsigned fraction_bits, size_t count);
/// out[o * inner + i] = sum over r < extent of a[(o * extent + r) * inner + i], for o < outer and i < inner. `out` is
/// another array than `a`.
void cct_u64_sum(cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t outer, size_t extent, size_t inner);

// MARK: Copies between strided arrays (strided.c)

/// to[i * to_step_0 + j * to_step_1] = from[i * from_step_0 + j * from_step_1] for i < extent_0 and j < extent_1; steps
/// may be 0 in `from`, and negative.
void cct_u64_copy(uint64_t *to, ptrdiff_t to_step_0, ptrdiff_t to_step_1, const uint64_t *from, ptrdiff_t from_step_0,
                  ptrdiff_t from_step_1, size_t extent_0, size_t extent_1);

// MARK: Planes of bits (bits.c, transpose.c); bit i of a plane is bit i % 64 of its word i / 64

/// out[i] = a[i] ^ b[i]; `out` may be the same array as an operand, here and below.
void cct_bits_xor(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);
/// out[i] = a[i] & b[i]
void cct_bits_and(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t count);
/// out[i] = ~a[i]
void cct_bits_not(cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count);
/// out[i] = c[i] ^ (a[i] & b[i])
void cct_bits_xor_and(cct_instruction_set set, uint64_t *out, const uint64_t *c, const uint64_t *a, const uint64_t *b,
                      size_t count);
/// out[i] = a[i] where bit i is 1, else 0, for i < count. `bits` may be NULL where count is 0.
void cct_u64_keep(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count);
/// sum[i] += a[i] where bit i is 1, for i < count. `bits` may be NULL where count is 0.
void cct_u64_add_where(cct_instruction_set set, uint64_t *sum, const uint64_t *a, const uint64_t *bits, size_t count);
/// out[i] = -a[i] where bit i is 1, else a[i], for i < count.
void cct_u64_negate_where(cct_instruction_set set, uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count);
/// With v = (first ? hat[i] : 0) - lambda[i] and u = hat[i] * beta[i] - product[i]: out[i] = v - u where bit i is 1, else u.
/// A party's share of a bit times a value, both masked, where bit i is the bit's public part.
void cct_u64_selection(cct_instruction_set set, uint64_t *out, const uint64_t *hat, const uint64_t *beta,
                       const uint64_t *product, const uint64_t *lambda, const uint64_t *bits, int first, size_t count);
/// out[i] = constant + the sum of factors[p] over planes p < plane_count whose bit i is 1, for i < count; the bits begin with the lowest one
/// of word `first` of every plane.
void cct_u64_weights(cct_instruction_set set, uint64_t *out, const uint64_t *_Nonnull const *_Nonnull planes,
                     const uint64_t *factors, size_t plane_count, uint64_t constant, size_t first, size_t count);
/// sum[i] += factor * a[i], or -= where bit i is 1, for i < count.
void cct_u64_add_signed_multiple(cct_instruction_set set, uint64_t *sum, const uint64_t *a, uint64_t factor,
                                 const uint64_t *bits, size_t count);
/// sum[i] += factor * (a[i] * b[i] - c[i]), or -= where bit i is 1, for i < count.
void cct_u64_add_signed_difference(cct_instruction_set set, uint64_t *sum, const uint64_t *a, const uint64_t *b,
                                   const uint64_t *c, uint64_t factor, const uint64_t *bits, size_t count);
/// With c = a[i] + 2^62: out[i] = (c >> shift) - (2^62 >> shift), and bit i of `selector` is 1 where c has no top bit; the bits
/// beyond `count` in its last word are zeros. 1 <= shift <= 62.
void cct_u64_truncate(cct_instruction_set set, uint64_t *out, uint64_t *selector, const uint64_t *a, unsigned shift,
                      size_t count);
/// The products of the 2^size - 1 non-empty subsets of `size` (1 ... 4) bits, each `count` words: bit j is bits[j * bit_step
/// + i], and the product of subset S goes to out[(S - 1) * out_step + i].
void cct_bits_subset_products(cct_instruction_set set, uint64_t *out, size_t out_step, const uint64_t *bits, size_t bit_step,
                              unsigned size, size_t count);
/// From the bits of c and a party's shares of the subset products of the bits r of a mask, laid out as above, its shares of
/// what `size` bits of r do to a borrow: generate is [r > c], propagate [r = c]. `first`: whether public terms are this party's.
/// Either output may be NULL, not both. The bits beyond the elements in a last word are whatever comes of those of c.
void cct_bits_borrow(cct_instruction_set set, uint64_t *_Nullable generate, uint64_t *_Nullable propagate, const uint64_t *bits,
                     size_t bit_step, const uint64_t *products, size_t product_step, unsigned size, int first, size_t count);
/// What a step of a program of logic does with the places of its operands, for every word.
typedef enum cct_bits_operation {
    CCT_BITS_AND = 0,      ///< out = a & b
    CCT_BITS_XOR = 1,      ///< out = a ^ b
    CCT_BITS_XOR_AND = 2,  ///< out = c ^ (a & b)
    CCT_BITS_NOT = 3,      ///< out = ~a
    CCT_BITS_COPY = 4,     ///< out = a
    CCT_BITS_CLEAR = 5     ///< out = 0
} cct_bits_operation;

/// Does the steps of a program of logic in order, on words start ..< start + count of planes. A step is five numbers: its operation, and
/// the places of out, a, b and c, where each that the operation has no use for is any place. places[p] is where place p begins: of the
/// first `registers` places `block` words, and of the others a plane, whose word `start` is the first one of it that is used. Of `block`
/// words of every plane all steps are done before those of the next ones; it is at least 1.
/// Planes that are written are read in no other place; `out` may be the place of an operand.
/// Time and memory access depend on the steps, too, which are public.
void cct_bits_run(cct_instruction_set set, const uint32_t *steps, size_t step_count, uint64_t *_Nonnull const *_Nonnull places,
                  size_t registers, size_t block, size_t start, size_t count);
/// Bit i of plane p is bit low + p of a[i], for i < count and p < planes; low + planes <= 64. Plane p begins at
/// out[p * plane_step]; the bits beyond `count` in its last word are written as zeros.
void cct_planes_of_words(cct_instruction_set set, uint64_t *out, size_t plane_step, const uint64_t *a, size_t count,
                         unsigned low, unsigned planes);
/// The inverse: bit p of out[i] is bit i of plane p, for i < count and p < planes <= 64; higher bits are zeros.
void cct_words_of_planes(cct_instruction_set set, uint64_t *out, const uint64_t *planes_words, size_t plane_step,
                         size_t count, unsigned planes);

// MARK: Words of few bits (few_bits.c)

/// The `bits` (1 ... 64) low bits of each of `count` elements, one after the other from a word's lowest bit up, into
/// (count * bits + 63) / 64 words; the last one's unused bits are zeros.
void cct_few_bits_pack(cct_instruction_set set, uint64_t *out, const uint64_t *a, size_t count, unsigned bits);
/// The inverse.
void cct_few_bits_unpack(cct_instruction_set set, uint64_t *out, const uint64_t *words, size_t count, unsigned bits);
/// sum[i] += (element i of `words`) << shift where bit i of `chosen` is 1; 0 <= shift <= 63.
void cct_few_bits_add_where(cct_instruction_set set, uint64_t *sum, const uint64_t *words, size_t count, unsigned bits,
                            unsigned shift, const uint64_t *chosen);

// MARK: The generator (expand*.c)

/// What becomes of the generator's words.
typedef enum cct_combination {
    CCT_STORE = 0,    ///< out[i] = word
    CCT_ADD = 1,      ///< out[i] = in[i] + word
    CCT_XOR = 2,      ///< out[i] = in[i] ^ word
    CCT_SUBTRACT = 3  ///< out[i] = in[i] - word
} cct_combination;

/// Ways to compute AES.
typedef enum cct_cipher_kind {
    CCT_CIPHER_BITSLICED = 0,  ///< a circuit of bits, on any machine
    CCT_CIPHER_AESNI = 1,      ///< a block an instruction
    CCT_CIPHER_VAES = 2,       ///< four blocks an instruction; AVX-512
    CCT_CIPHER_ARMV8 = 3,
    CCT_CIPHER_VAES256 = 4  ///< two blocks an instruction; AVX2
} cct_cipher_kind;

/// 1 where this machine, and its operating system, can run the cipher, else 0.
int cct_supports_cipher(cct_cipher_kind kind);

/// The fastest cipher of an instruction set on this machine. CCT_SET_PORTABLE has no AES instructions.
cct_cipher_kind cct_expand_cipher(cct_instruction_set set);

/// To `out` what comes of `in`, which may be the same array, and words start ..< start + count of stream `number` of AES-128 in
/// counter mode. Words 2b and 2b + 1 are the little-endian halves of the encryption of the block whose bytes 0-7 are b and 8-15
/// are `number`, both little endian; `key_low` and `key_high` are the key's halves, little endian. The schedule and the words that
/// were made are wiped. AES instructions or a circuit of bits; never a table. The machine must have the cipher.
/// Cost: a key schedule, and up to one group of blocks more than are used at either end (AES-NI 8, VAES 16 or 32).
void cct_expand(cct_cipher_kind kind, cct_combination combination, uint64_t *out, const uint64_t *in, size_t count,
                uint64_t key_low, uint64_t key_high, uint64_t number, uint64_t start);

/// out[i] = in[i] ^ pad[i] for i < count, where the pad is stream `number` of `cct_expand` as bytes, each word's lowest first.
/// `out` may be `in`; neither need be aligned. The words that were made are wiped. The machine must have the cipher.
void cct_pad(cct_cipher_kind kind, uint8_t *out, const uint8_t *in, size_t count, uint64_t key_low, uint64_t key_high,
             uint64_t number);

// MARK: For measurements (baseline.c)

/// The product of two square matrices by three nested loops, i-k-j, compiled for AVX2 where the target has it: what a
/// compiler makes of the obvious program. c += a * b, all of extent * extent words.
void cct_baseline_matrix_accumulate(uint64_t *c, const uint64_t *a, const uint64_t *b, size_t extent);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#include "CCrypTenLattice.h"
#include "CCrypTenTransfers.h"

#endif
