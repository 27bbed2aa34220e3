// Straight-line logic on planes of bits, some words of every plane at a time, so that what is in between stays in a cache.
#include "support.h"

/// Where the words of a place begin that are worked on now: of a register its own, of a plane those from `first` on.
CCT_INLINE uint64_t *place(uint64_t *const *places, uint32_t number, size_t registers, size_t first) {
    return places[number] + (number < registers ? 0 : first);
}

/// What a step does, for each word. A word is read before it is written, so that `out` may be an operand.
#define DO(STATEMENT)                                                      \
    {                                                                      \
        _Pragma("clang loop vectorize(assume_safety) interleave_count(2)") \
        for (size_t i = 0; i < length; i++) STATEMENT;                     \
        break;                                                             \
    }

CCT_INLINE void do_step(const uint32_t *step, uint64_t *const *places, size_t registers, size_t first, size_t length) {
    uint64_t *out = place(places, step[1], registers, first);
    const uint64_t *a = place(places, step[2], registers, first);
    const uint64_t *b = place(places, step[3], registers, first);
    const uint64_t *c = place(places, step[4], registers, first);
    switch (step[0]) {
    case CCT_BITS_AND: DO(out[i] = a[i] & b[i])
    case CCT_BITS_XOR: DO(out[i] = a[i] ^ b[i])
    case CCT_BITS_XOR_AND: DO(out[i] = c[i] ^ (a[i] & b[i]))
    case CCT_BITS_NOT: DO(out[i] = ~a[i])
    case CCT_BITS_COPY: DO(out[i] = a[i])
    default: DO(out[i] = 0)
    }
}

CCT_FOR_EACH_SET(cct_bits_run,
                 (cct_instruction_set set, const uint32_t *steps, size_t step_count, uint64_t *const *places,
                  size_t registers, size_t block, size_t start, size_t count),
                 (set, steps, step_count, places, registers, block, start, count), {
                     (void)set;
                     for (size_t done = 0; done < count; done += block)
                         for (size_t s = 0; s < step_count; s++)
                             do_step(steps + s * 5, places, registers, start + done, cct_min(block, count - done));
                 })
