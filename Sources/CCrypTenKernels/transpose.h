// The 64 by 64 bit transposition, as each instruction set does it.
#ifndef CCT_TRANSPOSE_H
#define CCT_TRANSPOSE_H

#include "support.h"

/// Transposes `count` squares: bit j of word i of out's square is bit i + shift of word j of in's, zero where that is 64 or
/// more. A square is 64 words, and the next follows it; `out` is another array than `in`.
typedef void (*cct_transpose_function)(uint64_t *out, const uint64_t *in, unsigned shift, size_t count);

/// The transposition for one square by six exchanges of off-diagonal blocks, of 32, 16, ... 1 rows and columns.
CCT_INLINE void cct_transpose_64(uint64_t *restrict m, const uint64_t *restrict in, unsigned shift) {
    for (unsigned i = 0; i < 64; i++) m[i] = in[i] >> (shift & 63);
    uint64_t mask = 0x00000000FFFFFFFF;
    CCT_UNROLL
    for (unsigned width = 32; width != 0; width >>= 1) {
        for (unsigned start = 0; start < 64; start += 2 * width) {
            for (unsigned i = start; i < start + width; i++) {
                const uint64_t exchanged = ((m[i] >> width) ^ m[i + width]) & mask;
                m[i] ^= exchanged << width;
                m[i + width] ^= exchanged;
            }
        }
        mask ^= mask << (width >> 1);
    }
}

#if CCT_X86
/// Eight squares of elements as `planes` lines, and perhaps more: lines[8p + s] is bit low + p of each word of square s.
void cct_lines_of_words_avx2(uint64_t *lines, const uint64_t *a, unsigned low, unsigned planes);
/// The line of bit `low` alone.
void cct_line_of_words_avx2(uint64_t *line, const uint64_t *a, unsigned low);
/// The inverse of 64 lines.
void cct_words_of_lines_avx2(uint64_t *out, const uint64_t *lines);
/// 512 rows of two words, from the lines of their low and of their high words, 64 each and `step` words apart: what
/// `cct_words_of_lines_avx2` makes of either, side by side.
void cct_rows_of_lines_avx2(uint64_t *rows, const uint64_t *low, const uint64_t *high, size_t step);
/// The inverse of one line: words that are 0 or 1.
void cct_words_of_line_avx2(uint64_t *out, const uint64_t *line);

/// The same with AVX-512.
void cct_line_of_words_avx512(uint64_t *line, const uint64_t *a, unsigned low);
void cct_words_of_line_avx512(uint64_t *out, const uint64_t *line);

void cct_transpose_avx512(uint64_t *out, const uint64_t *in, unsigned shift, size_t count);
int cct_supports_gfni(void);
/// The same with GFNI, where the machine has it beside AVX-512.
void cct_transpose_gfni(uint64_t *out, const uint64_t *in, unsigned shift, size_t count);
/// out[j * out_step + i] = in[i * in_step + j] for i, j < 8.
void cct_exchange_8x8_avx512(uint64_t *out, size_t out_step, const uint64_t *in, size_t in_step);
#endif

#endif
