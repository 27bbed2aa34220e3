#include "support.h"

int cct_supports(cct_instruction_set set) {
    switch (set) {
    case CCT_SET_PORTABLE: return 1;
#if CCT_X86
    case CCT_SET_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");
    case CCT_SET_AVX512:
        return cct_supports(CCT_SET_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#elif CCT_ARM
    case CCT_SET_NEON: return 1;
#endif
    default: return 0;
    }
}

void cct_wipe(void *bytes, size_t count) {
    memset(bytes, 0, count);
    // The compiler must believe that this reads the zeros.
    __asm__ __volatile__("" : : "r"(bytes) : "memory");
}
