// Settings of the C library's allocator, where it has them.
#include "CCrypTenKernels.h"

#include <limits.h>

#if defined(__linux__)
#include <malloc.h>
#endif

void cct_allocator_keeps(size_t largest, size_t total) {
#if defined(__GLIBC__)
    const size_t pad = total / 32;
    mallopt(M_MMAP_THRESHOLD, largest < INT_MAX ? (int)largest : INT_MAX);
    mallopt(M_TRIM_THRESHOLD, total < INT_MAX ? (int)total : INT_MAX);
    mallopt(M_TOP_PAD, pad < INT_MAX ? (int)pad : INT_MAX);
#else
    (void)largest;
    (void)total;
#endif
}

void cct_allocator_gives_back(void) {
#if defined(__GLIBC__)
    (void)malloc_trim(0);
#endif
}
