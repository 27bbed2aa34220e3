// Between elements and planes of their bits, eight squares of 64 by 64 bits at a time, so that planes are read and written
// by whole cache lines.
#include "transpose.h"

enum { SQUARES = 8, SQUARE = 64, FEW = 3 };  // FEW planes are faster one by one

static void transpose_portable(uint64_t *out, const uint64_t *in, unsigned shift, size_t count) {
    for (size_t s = 0; s < count; s++) cct_transpose_64(out + s * SQUARE, in + s * SQUARE, shift);
}

static cct_transpose_function transposition(cct_instruction_set set) {
#if CCT_X86
    if (set == CCT_SET_AVX512) return cct_supports_gfni() ? cct_transpose_gfni : cct_transpose_avx512;
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

/// Bits low ... low + planes - 1 of the words of the first `used` of eight squares, a line for each.
static void lines_of_words(cct_instruction_set set, uint64_t *lines, const uint64_t *a, size_t used, unsigned low,
                           unsigned planes) {
#if CCT_X86
    if (set == CCT_SET_AVX2) {
        if (planes > FEW)
            cct_lines_of_words_avx2(lines, a, low, planes);
        else
            for (unsigned p = 0; p < planes; p++) cct_line_of_words_avx2(lines + p * SQUARES, a, low + p);
        return;
    }
    if (set == CCT_SET_AVX512 && planes <= FEW) {
        for (unsigned p = 0; p < planes; p++) cct_line_of_words_avx512(lines + p * SQUARES, a, low + p);
        return;
    }
#endif
    (void)planes;
    uint64_t squares[SQUARES * SQUARE] __attribute__((aligned(64)));
    transposition(set)(squares, a, low, used);
    lines_of_squares(set, lines, squares);
}

/// The inverse; lines from `planes` on are zeros.
static void words_of_lines(cct_instruction_set set, uint64_t *out, const uint64_t *lines, size_t used, unsigned planes) {
#if CCT_X86
    if (set == CCT_SET_AVX2) {
        if (planes == 1)
            cct_words_of_line_avx2(out, lines);
        else
            cct_words_of_lines_avx2(out, lines);
        return;
    }
    if (set == CCT_SET_AVX512 && planes == 1) {
        cct_words_of_line_avx512(out, lines);
        return;
    }
#endif
    (void)planes;
    uint64_t squares[SQUARES * SQUARE] __attribute__((aligned(64)));
    squares_of_lines(set, squares, lines);
    transposition(set)(out, squares, 0, used);
}

void cct_planes_of_words(cct_instruction_set set, uint64_t *out, size_t plane_step, const uint64_t *a, size_t count,
                         unsigned low, unsigned planes) {
    uint64_t words[SQUARES * SQUARE] __attribute__((aligned(64)));
    uint64_t lines[SQUARES * SQUARE] __attribute__((aligned(64)));
    for (size_t start = 0; start < count; start += SQUARES * SQUARE) {
        const size_t elements = cct_min(SQUARES * SQUARE, count - start);
        const size_t used = cct_round_up(elements, SQUARE) / SQUARE;
        const uint64_t *elements_at = a + start;
        if (elements < SQUARES * SQUARE) {  // the last squares are filled up with zeros
            memcpy(words, elements_at, elements * sizeof(uint64_t));
            memset(words + elements, 0, (SQUARES * SQUARE - elements) * sizeof(uint64_t));
            elements_at = words;
        }
        lines_of_words(set, lines, elements_at, used, low, planes);
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
    uint64_t words[SQUARES * SQUARE] __attribute__((aligned(64)));
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
        if (elements == SQUARES * SQUARE) {
            words_of_lines(set, out + start, lines, SQUARES, planes);
        } else {
            words_of_lines(set, words, lines, used, planes);
            memcpy(out + start, words, elements * sizeof(uint64_t));
        }
    }
}
