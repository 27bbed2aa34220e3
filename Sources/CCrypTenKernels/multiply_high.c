// The high part of products of 64 and 62 bits.
#include "support.h"

CCT_FOR_EACH_SET(
    cct_u64_multiply_high, (cct_instruction_set set, uint64_t *out, const uint64_t *a, uint64_t factor, size_t count),
    (set, out, a, factor, count), {
        (void)set;
        CCT_SCALAR
        for (size_t i = 0; i < count; i++) out[i] = (uint64_t)((unsigned __int128)a[i] * factor >> 62);
    })
