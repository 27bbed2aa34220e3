/// Polynomials modulo X^8192 + 1 and a prime p below 2^31: what products of tensors by ring-LWE are computed with.
///
/// The rules of CCrypTenKernels.h hold. A *row* is the 8192 residues of one polynomial modulo one prime, each in 0 ..< p unless
/// they are said to be *centred*, between -p/2 and p/2 in two's complement. A row holds coefficients, in order, or *values*, the
/// polynomial at the odd powers of a root of unity: those of 256 coefficients' worth of neighbouring leaves of the transform lie
/// together in a chunk, as 16 vectors of 16, so that no stage works inside a vector; products go element by element in any order.
#ifndef CCRYPTEN_LATTICE_H
#define CCRYPTEN_LATTICE_H

#include "CCrypTenKernels.h"

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

enum {
    CCT_LATTICE_DEGREE = 8192,
    CCT_LATTICE_LIMBS = 6,       ///< primes of a ciphertext
    CCT_LATTICE_SENT = 4,        ///< primes of an answer
    CCT_LATTICE_CHUNK = 256,     ///< values that lie together
    CCT_LATTICE_VECTOR = 16,     ///< values of a vector
    CCT_LATTICE_FRACTION = 4,    ///< words of a fraction: see cct_lattice_round
    CCT_LATTICE_SLOT_PRIMES = 6,    ///< primes of slots: see lattice_slots.c
    CCT_LATTICE_FIXED_PRIMES = 4,   ///< those of numbers of fixed point: see lattice_fixed.c
    CCT_LATTICE_FIXED_BITS = 30     ///< fraction bits of these
};

/// A number below p to multiply by, and floor(number 2^32 / p) (Shoup, NTL): a product modulo p is three multiplications then.
typedef struct {
    uint32_t factor, quotient;
} cct_lattice_factor;

/// A prime, and what follows from it. Tables have 8192 words: 512 roots of the first stages, by block, and then those of the last
/// four, 15 vectors a chunk.
typedef struct {
    uint32_t prime;
    uint32_t inverse;           ///< of the prime, modulo 2^32
    uint32_t half;              ///< 2^63 modulo the prime
    cct_lattice_factor word;    ///< 2^32
    cct_lattice_factor words;   ///< 2^64
    cct_lattice_factor scale;   ///< 1 / 8192
    const uint32_t *roots, *root_quotients;
    const uint32_t *inverse_roots, *inverse_root_quotients;
} cct_lattice_prime;

// MARK: Transforms (lattice_transform.c)

/// Coefficients to values, in place. Cost: 53,248 modular products.
void cct_lattice_forward(cct_instruction_set set, uint32_t *row, const cct_lattice_prime *prime);

/// Values to coefficients, in place.
void cct_lattice_backward(cct_instruction_set set, uint32_t *row, const cct_lattice_prime *prime);

/// Coefficients to values of 16 polynomials in X^(8192 / points), side by side: element (c, j) at c * 16 + j is coefficient c of
/// polynomial j. Afterwards it is the value at leaves c * 8192 / points ..., which are equal. `points` is a power of two up to 4096.
void cct_lattice_forward_many(cct_instruction_set set, uint32_t *rows, size_t points, const cct_lattice_prime *prime);

/// The first `count` of such polynomials, of 1024 points or more, one after the other: value at leaf 256 c + 16 r + k, the same for all k of a run of
/// 8192 / points, at (c * pieces + run) * 16 + r, where pieces are points / 512. With 8192 points that would be a row.
void cct_lattice_apart(cct_instruction_set set, uint32_t *out, const uint32_t *rows, size_t points, size_t count);

// MARK: Elementwise (lattice_elements.c)

/// out[i] = words[i] * factor modulo p, words in two's complement.
void cct_lattice_residues(cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count,
                          cct_lattice_factor factor, const cct_lattice_prime *prime);

/// row[i] += small[i] modulo p, where -p < small[i] < p, in two's complement.
void cct_lattice_add_small(cct_instruction_set set, uint32_t *row, const uint32_t *small, size_t count,
                           const cct_lattice_prime *prime);

/// row[i] += other[i] modulo p.
void cct_lattice_add(cct_instruction_set set, uint32_t *row, const uint32_t *other, size_t count,
                     const cct_lattice_prime *prime);

/// row[i] -= other[i] modulo p.
void cct_lattice_subtract(cct_instruction_set set, uint32_t *row, const uint32_t *other, size_t count,
                          const cct_lattice_prime *prime);

/// out[i] = row[i] * factor modulo p; `out` may be `row`.
void cct_lattice_scale(cct_instruction_set set, uint32_t *out, const uint32_t *row, size_t count, cct_lattice_factor factor,
                       const cct_lattice_prime *prime);

/// out[i] = addend[i] + a[i] * b[i] / 2^32 modulo p, or minus where `subtract` is not 0; `out` may be any of
/// the others. `count` is a multiple of 16.
void cct_lattice_multiply_add(cct_instruction_set set, uint32_t *out, const uint32_t *addend, const uint32_t *a,
                              const uint32_t *b, size_t count, int subtract, const cct_lattice_prime *prime);

/// Makes residues centred, in place.
void cct_lattice_centre(cct_instruction_set set, uint32_t *row, size_t count, const cct_lattice_prime *prime);

// MARK: Sums of products (lattice_accumulate.c)

/// Where rows lie whose products are summed, all modulo one prime; factors are centred. Left factors lie chunk by chunk, so that what one
/// chunk reads is one piece of memory: steps of whole rows would put all terms into the same few lines of a cache.
typedef struct {
    uint32_t *sums;        ///< output j, component c: a row at sums + j * sum_step + c * sum_component_step
    size_t sum_step, sum_component_step;
    const uint32_t *left;  ///< chunk h of term t, component c: left + ((h * terms + t) * components + c) * 256
    size_t components;
    /// The right factor of term t and output j is number s = t * right_step + first_output + j. Of polynomials in X^lanes with
    /// 512 points or fewer, its value at point v is right[(s / 16 * points + v) * 16 + s % 16]; else it is at right + s * points, as by cct_lattice_apart.
    const uint32_t *right;
    size_t right_step, first_output;
    size_t points;
    size_t terms, outputs;
} cct_lattice_products;

/// sum(j, c) += sum over t < terms of left(t, c) * right(t, j) / 2^32 modulo p, in chunks first_chunk ..< last_chunk of the rows.
/// Cost: 256 * terms * outputs * components modular multiply-accumulates a chunk.
void cct_lattice_accumulate(cct_instruction_set set, const cct_lattice_products *products, size_t first_chunk,
                            size_t last_chunk, const cct_lattice_prime *prime);

// MARK: Rounding, and what is sent (lattice_round.c)

/// What it takes to go from six primes to four: P is the product of the last two.
typedef struct {
    uint32_t half[2];                                 ///< (P - 1) / 2 modulo the last two primes
    cct_lattice_factor combine;                       ///< 1 / p4 modulo p5
    uint32_t half_kept[CCT_LATTICE_SENT];             ///< (P - 1) / 2 modulo the others
    cct_lattice_factor first[CCT_LATTICE_SENT];       ///< p4 modulo the others
    cct_lattice_factor inverse[CCT_LATTICE_SENT];     ///< 1 / P modulo the others
} cct_lattice_drop;

/// Residues of round(x / P) modulo the first four primes, in place, of x modulo all six: exact, P is odd. Row k is rows + k * step.
void cct_lattice_drop_limbs(cct_instruction_set set, uint32_t *rows, size_t step, size_t count, const cct_lattice_drop *drop,
                            const cct_lattice_prime *primes);

/// A fraction of 256 bits, its lowest word first.
typedef struct {
    uint64_t words[CCT_LATTICE_FRACTION];
} cct_lattice_fraction;

/// out[i] = round(2^64 x / q) modulo 2^64 of x modulo q, the product of the first four primes; residue k of x is rows[k * step + i].
/// fractions[k] is
/// floor(2^256 (q / p_k)^-1 / p_k), the inverse modulo p_k. Exact: the sum of residues times fractions is
/// below x / q by less than 2^-223, and 2^64 x / q is no nearer to a half than 1 / (2 q) > 2^-125.
void cct_lattice_round(uint64_t *out, const uint32_t *rows, size_t step, size_t count,
                       const cct_lattice_fraction *fractions);

/// 31 bits of 32 * groups residues as 31 words a group: the last one's bits are the others' highest.
void cct_lattice_pack(cct_instruction_set set, uint32_t *out, const uint32_t *row, size_t groups);

/// The residues of such words. Returns 1 where all are below p, else 0: what is unpacked is public.
int cct_lattice_unpack(cct_instruction_set set, uint32_t *row, const uint32_t *words, size_t groups, uint32_t prime);

// MARK: Slots (lattice_slots.c)
//
// Primes of slots are below 2^30 and 1 modulo 16384, and have transforms as the others. Rows are whole ones.

/// A factor F below p, for words: 2^32 F and F with their quotients, and 2^63 F modulo p.
typedef struct {
    cct_lattice_factor high, low;
    uint32_t half;
} cct_lattice_word_factor;

/// out[i] = words[i] * factor modulo p, words in two's complement; any p below 2^31.
void cct_lattice_slots(cct_instruction_set set, uint32_t *out, const uint64_t *words, const cct_lattice_word_factor *factor,
                       const cct_lattice_prime *prime);

/// Makes `second`, residues modulo the prime p1, the signed digit d of the number first + p0 d with these residues, whose magnitude is at most
/// (p0 p1 + p0) / 2. `first` are residues modulo p0, p1 < p0 < 2 p1; `inverse` is 1 / p0 modulo p1.
void cct_lattice_join(cct_instruction_set set, uint32_t *second, const uint32_t *first, cct_lattice_factor inverse, uint32_t prime);

/// out[i] = first[i] * factors[0] + second[i] * factors[1] modulo a prime p, larger than both: with factors F and p0 F the number that
/// cct_lattice_join has made, times F.
void cct_lattice_lift(cct_instruction_set set, uint32_t *out, const uint32_t *first, const uint32_t *second,
                      const cct_lattice_factor *factors, uint32_t prime);

/// From residues modulo q, the product of the first four primes, to two primes of slots, whose product is M.
typedef struct {
    cct_lattice_factor scale[CCT_LATTICE_SENT];                      ///< M modulo each prime
    uint32_t half[CCT_LATTICE_SENT];                                 ///< (q - 1) / 2 modulo each
    cct_lattice_factor inverse[CCT_LATTICE_SENT][CCT_LATTICE_SENT];  ///< [k][j]: 1 / p_j modulo p_k, for j < k
    uint32_t primes[2];                                              ///< of slots
    uint32_t start[2];                                               ///< (q - 1) / 2 / q modulo either
    cct_lattice_factor digits[2][CCT_LATTICE_SENT];                  ///< -p_0 ... p_(k - 1) / q modulo either
} cct_lattice_lowering;

/// Residues of round(M x / q), of x by its four residues at rows[k * step + i]: exact.
void cct_lattice_lower(cct_instruction_set set, uint32_t *first, uint32_t *second, const uint32_t *rows, size_t step,
                       const cct_lattice_lowering *lowering, const cct_lattice_prime *primes);

/// From residues modulo all primes of slots to words.
typedef struct {
    uint32_t primes[CCT_LATTICE_SLOT_PRIMES];
    cct_lattice_factor inverse[CCT_LATTICE_SLOT_PRIMES][CCT_LATTICE_SLOT_PRIMES];  ///< [k][j]: 1 / p_j modulo p_k, for j < k
    uint64_t weights[CCT_LATTICE_SLOT_PRIMES];                                     ///< p_0 ... p_(k - 1)
} cct_lattice_collection;

/// out[i] = x + offset modulo 2^64 of the number x, from 0 to the primes' product, with residues rows[k * step + i]: exact. The primes fall, and
/// the first is less than twice the last. Reads whole vectors.
void cct_lattice_collect(cct_instruction_set set, uint64_t *out, const uint32_t *rows, size_t step, size_t count,
                         const cct_lattice_collection *collection, uint64_t offset);

// MARK: Numbers of fixed point in slots (lattice_fixed.c)
//
// Real ones are words. Of a complex one, x + i y, whole numbers of 2^-30, there are two slots in a row, i and 4096 + i: x + I y and x - I y, where I^2 = -1 modulo the prime. So products of
// complex numbers are products of slots.

/// A factor F below p, for complex numbers: F, and F I.
typedef struct {
    cct_lattice_factor real, imaginary;
} cct_lattice_complex_factor;

/// Slots of 4096 numbers times a factor, modulo a prime p below 2^29. Parts are between -3p and 3p, in two's complement.
void cct_lattice_complex(cct_instruction_set set, uint32_t *out, const uint64_t *real, const uint64_t *imaginary,
                         const cct_lattice_complex_factor *factor, uint32_t prime);

/// From slots modulo four primes to shares.
typedef struct {
    uint32_t primes[CCT_LATTICE_FIXED_PRIMES];
    cct_lattice_factor inverse[CCT_LATTICE_FIXED_PRIMES][CCT_LATTICE_FIXED_PRIMES];  ///< [k][j]: 1 / p_j modulo p_k, for j < k
    cct_lattice_factor halves[2][CCT_LATTICE_FIXED_PRIMES];                            ///< 1 / 2, and 1 / (2 I): of complex numbers
} cct_lattice_fixed_collection;

/// floor(x / 2^30) modulo 2^64 of the numbers x, from 0 to the primes' product T, whose residues are those of the real and of the imaginary parts; or
/// -floor((T - x) / 2^30), where `negative` is not 0, which is public. Row k is rows + k * step. Primes as those of cct_lattice_collect. Reads whole vectors.
void cct_lattice_collect_complex(cct_instruction_set set, uint64_t *real, uint64_t *imaginary, const uint32_t *rows, size_t step,
                                 size_t count, const cct_lattice_fixed_collection *collection, int negative);

/// low[i] + 2^64 high[i] = x, or x - T modulo 2^128 where `negative` is not 0, which is public, of the numbers x, from 0 to T, with residues
/// rows[k * step + i].
void cct_lattice_collect_real(cct_instruction_set set, uint64_t *low, uint64_t *high, const uint32_t *rows, size_t step, size_t count,
                              const cct_lattice_fixed_collection *collection, int negative);

// MARK: Sampling (lattice_sample.c)

/// Uniform residues out of uniform words, 31 bits of each 32: those that aren't below p, some in 2^11, are replaced by the next of
/// `spare` that is. Public: time and access depend on the words. Returns 1, or 0 where there were too few spares.
int cct_lattice_uniform_public(uint32_t *row, const uint32_t *words, size_t count, const uint32_t *spare, size_t spares,
                               uint32_t prime);

/// Secret uniform residues out of two words each: 128 bits modulo p, no further than 2^-97 from uniform. No rejection.
void cct_lattice_uniform(cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count,
                         const cct_lattice_prime *prime);

/// -1, 0 or 1 in two's complement out of two words each, floor(3 w / 2^128) - 1: no further than 2^-126 from uniform. No rejection.
void cct_lattice_ternary(cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count);

/// The number of ones in 42 bits of each word, less 21: centred binomial, deviation 3.24.
void cct_lattice_binomial(cct_instruction_set set, uint32_t *out, const uint64_t *words, size_t count);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif

#endif
