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

#define CCT_INLINE static inline __attribute__((always_inline))

/// CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, BODY) defines `NAME PARAMETERS BODY` for every instruction set of the
/// target, and `NAME` itself, which picks one: its first parameter must be `cct_instruction_set set`. The compiler
/// vectorises the loops of the body for each.
#if CCT_X86
#define CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, ...)    \
    static void NAME##_portable PARAMETERS __VA_ARGS__        \
    CCT_AVX2 static void NAME##_avx2 PARAMETERS __VA_ARGS__   \
    CCT_AVX512 static void NAME##_avx512 PARAMETERS __VA_ARGS__ \
    void NAME PARAMETERS {                                    \
        switch (set) {                                        \
        case CCT_SET_AVX512: NAME##_avx512 ARGUMENTS; break;  \
        case CCT_SET_AVX2: NAME##_avx2 ARGUMENTS; break;      \
        default: NAME##_portable ARGUMENTS;                   \
        }                                                     \
    }
#else
#define CCT_FOR_EACH_SET(NAME, PARAMETERS, ARGUMENTS, ...) void NAME PARAMETERS __VA_ARGS__
#endif

CCT_INLINE size_t cct_min(size_t a, size_t b) { return a < b ? a : b; }
CCT_INLINE size_t cct_round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

#endif
