// Between elements and planes of their bits, eight squares of 64 by 64 bits at a time, so that planes are read and written
// by whole cache lines.
#include "transpose.h"

enum { SQUARES = 8, SQUARE = 64 };

static void transpose_portable(uint64_t *out, const uint64_t *in, unsigned shift, size_t count) {
    for (size_t s = 0; s < count; s++) cct_transpose_64(out + s * SQUARE, in + s * SQUARE, shift);
}

#if CCT_X86
CCT_AVX2 static void transpose_avx2(uint64_t *out, const uint64_t *in, unsigned shift, size_t count) {
    for (size_t s = 0; s < count; s++) cct_transpose_64(out + s * SQUARE, in + s * SQUARE, shift);
}
#endif

static cct_transpose_function transposition(cct_instruction_set set) {
#if CCT_X86
    if (set == CCT_SET_AVX512) return cct_supports_gfni() ? cct_transpose_gfni : cct_transpose_avx512;
    if (set == CCT_SET_AVX2) return transpose_avx2;
#endif
    (void)set;
    return transpose_portable;
}

/// out[p * SQUARES + s] = squares[s * SQUARE + p]: a plane's words of all squares next to each other.
static void lines_of_squares(cct_instruction_set set, uint64_t *out, const uint64_t *squares) {
#if CCT_X86
    if (set == CCT_SET_AVX512) {
        for (size_t p = 0; p < SQUARE; p += 8) cct_exchange_8x8_avx512(out + p * SQUARES, SQUARES, squares + p, SQUARE);
        return;
    }
#endif
    (void)set;
    for (size_t s = 0; s < SQUARES; s++)
        for (size_t p = 0; p < SQUARE; p++) out[p * SQUARES + s] = squares[s * SQUARE + p];
}

/// The inverse.
static void squares_of_lines(cct_instruction_set set, uint64_t *squares, const uint64_t *lines) {
#if CCT_X86
    if (set == CCT_SET_AVX512) {
        for (size_t p = 0; p < SQUARE; p += 8) cct_exchange_8x8_avx512(squares + p, SQUARE, lines + p * SQUARES, SQUARES);
        return;
    }
#endif
    (void)set;
    for (size_t s = 0; s < SQUARES; s++)
        for (size_t p = 0; p < SQUARE; p++) squares[s * SQUARE + p] = lines[p * SQUARES + s];
}

void cct_planes_of_words(cct_instruction_set set, uint64_t *out, size_t plane_step, const uint64_t *a, size_t count,
                         unsigned low, unsigned planes) {
    const cct_transpose_function transpose = transposition(set);
    uint64_t squares[SQUARES * SQUARE] __attribute__((aligned(64)));
    uint64_t lines[SQUARES * SQUARE] __attribute__((aligned(64)));
    for (size_t start = 0; start < count; start += SQUARES * SQUARE) {
        const size_t elements = cct_min(SQUARES * SQUARE, count - start);
        const size_t used = cct_round_up(elements, SQUARE) / SQUARE;
        const uint64_t *elements_at = a + start;
        if (elements < SQUARES * SQUARE) {  // the last squares are filled up with zeros
            memcpy(lines, elements_at, elements * sizeof(uint64_t));
            memset(lines + elements, 0, (SQUARES * SQUARE - elements) * sizeof(uint64_t));
            elements_at = lines;
        }
        transpose(squares, elements_at, low, used);
        lines_of_squares(set, lines, squares);
        for (unsigned p = 0; p < planes; p++) {
            uint64_t *plane = out + p * plane_step + start / SQUARE;
            if (used == SQUARES)
                memcpy(plane, lines + p * SQUARES, SQUARES * sizeof(uint64_t));
            else
                for (size_t s = 0; s < used; s++) plane[s] = lines[p * SQUARES + s];
        }
    }
}

void cct_words_of_planes(cct_instruction_set set, uint64_t *out, const uint64_t *planes_words, size_t plane_step,
                         size_t count, unsigned planes) {
    const cct_transpose_function transpose = transposition(set);
    uint64_t squares[SQUARES * SQUARE] __attribute__((aligned(64)));
    uint64_t lines[SQUARES * SQUARE] __attribute__((aligned(64)));
    memset(lines, 0, sizeof lines);
    for (size_t start = 0; start < count; start += SQUARES * SQUARE) {
        const size_t elements = cct_min(SQUARES * SQUARE, count - start);
        const size_t used = cct_round_up(elements, SQUARE) / SQUARE;
        for (unsigned p = 0; p < planes; p++) {
            const uint64_t *plane = planes_words + p * plane_step + start / SQUARE;
            if (used == SQUARES)
                memcpy(lines + p * SQUARES, plane, SQUARES * sizeof(uint64_t));
            else
                for (size_t s = 0; s < used; s++) lines[p * SQUARES + s] = plane[s];
        }
        squares_of_lines(set, squares, lines);
        if (elements == SQUARES * SQUARE) {
            transpose(out + start, squares, 0, SQUARES);
        } else {
            transpose(lines, squares, 0, used);
            memcpy(out + start, lines, elements * sizeof(uint64_t));
        }
    }
}
