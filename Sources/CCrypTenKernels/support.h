// What the kernel files share: target attributes, one loop compiled for every instruction set, small helpers.
#ifndef CCT_SUPPORT_H
#define CCT_SUPPORT_H

#include "CCrypTenKernels.h"
#include <string.h>

#if defined(__x86_64__)
#define CCT_X86 1
#include <immintrin.h>
#define CCT_AVX2 __attribute__((target("avx2,bmi2")))
#define CCT_AVX512 __attribute__((target("avx2,bmi2,avx512f,avx512dq,avx512bw,avx512vl")))
#elif defined(__aarch64__)
#define CCT_ARM 1
#include <arm_neon.h>
#endif

/// The loop that follows has a constant count and holds registers: unrolled, or they would live in memory.
#define CCT_UNROLL _Pragma("clang loop unroll(full)")

/// The loop that follows stays scalar: vector gathers and scatters are slower than the loads and stores they replace.
#define CCT_SCALAR _Pragma("clang loop vectorize(disable)")

/// The loop that follows is short: one vector at a time, which leaves fewer elements over to be done one by one.
#define CCT_SHORT _Pragma("clang loop interleave_count(1)")

/// The loop that follows reads and writes many arrays that may be a multiple of 4 KiB apart, where a cache keeps few lines of them:
/// two vectors at a time, so that with vectors of half a line each line is used up at once.
#define CCT_LINES _Pragma("clang loop interleave_count(2)")

#define CCT_INLINE static inline __attribute__((always_inline))

/// CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, BODY) defines `NAME PARAMETERS BODY` for every instruction set of the
/// target, and `NAME` itself, which picks one: its first parameter must be `cct_instruction_set set`. The compiler
/// vectorises the loops of the body for each.
///
/// CCT_FOR_EACH_OTHER_SET leaves out AVX2: NAME_avx2 is written by hand, above.
#if CCT_X86
#define CCT_FOR_EACH_OTHER_SET(NAME, PARAMETERS, ARGUMENTS, ...) \
    static void NAME##_portable PARAMETERS __VA_ARGS__           \
    CCT_AVX512 static void NAME##_avx512 PARAMETERS __VA_ARGS__  \
    void NAME PARAMETERS {                                       \
        switch (set) {                                           \
        case CCT_SET_AVX512: NAME##_avx512 ARGUMENTS; break;     \
        case CCT_SET_AVX2: NAME##_avx2 ARGUMENTS; break;         \
        default: NAME##_portable ARGUMENTS;                      \
        }                                                        \
    }
#define CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, ...)  \
    CCT_AVX2 static void NAME##_avx2 PARAMETERS __VA_ARGS__ \
    CCT_FOR_EACH_OTHER_SET(NAME, PARAMETERS, ARGUMENTS, __VA_ARGS__)
#else
#define CCT_FOR_EACH_OTHER_SET(NAME, PARAMETERS, ARGUMENTS, ...) void NAME PARAMETERS __VA_ARGS__
#define CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, ...) void NAME PARAMETERS __VA_ARGS__
#endif

/// The compiler knows nothing of what is in a local array from here on, and so makes no branch of it.
#define CCT_HIDE(ARRAY) __asm__("" : "+m"(ARRAY))

/// masks[i] is all ones where bit i of `word` is 1, else 0. Values that are combined with a mask made in place may become a
/// choice that jumps by the bit and, where it is 0, doesn't read; with one that comes out of memory they can't.
CCT_INLINE void cct_masks_of_bits(uint64_t masks[64], uint64_t word) {
    for (size_t i = 0; i < 64; i++) masks[i] = 0 - ((word >> i) & 1);
    CCT_HIDE(*(uint64_t(*)[64])masks);
}

/// The body of a function of `count` elements of which each has a bit, for each group of 64 elements and its word of BITS; the
/// last group may be short. STATEMENT is done for element `i`, with `mask` all ones where its bit is 1, else 0.
#define CCT_FOR_EACH_BIT(BITS, STATEMENT)                              \
    for (size_t group = 0; group < count; group += 64) {               \
        uint64_t masks[64];                                            \
        cct_masks_of_bits(masks, (BITS)[group / 64]);                  \
        const size_t length = cct_min(64, count - group);              \
        for (size_t in_group = 0; in_group < length; in_group++) {     \
            const size_t i = group + in_group;                         \
            const uint64_t mask = masks[in_group];                     \
            STATEMENT;                                                 \
        }                                                              \
    }

CCT_INLINE size_t cct_min(size_t a, size_t b) { return a < b ? a : b; }
CCT_INLINE size_t cct_round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

#endif
