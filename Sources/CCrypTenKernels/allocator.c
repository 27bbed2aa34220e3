// Settings of the C library's allocator, where it has them.
#include "CCrypTenKernels.h"

#include <limits.h>

#if defined(__linux__)
#include <malloc.h>
#endif

void cct_allocator_keeps(size_t largest, size_t total) {
#if defined(__GLIBC__)
    const size_t pad = total / 32;
    // With an arena for each thread, what was freed in one the others can't use (a frame is made by one thread and freed by
    // another), and the end of all but the first is never given back.
    mallopt(M_ARENA_MAX, 1);
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

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CCT_THREAD_SANITIZER 1
void __tsan_release(void *address);
void __tsan_acquire(void *address);
#endif
#endif

void cct_block_handed_over(void *block) {
#if defined(CCT_THREAD_SANITIZER)
    __tsan_release(block);
#else
    (void)block;
#endif
}

void cct_block_taken_over(void *block) {
#if defined(CCT_THREAD_SANITIZER)
    __tsan_acquire(block);
#else
    (void)block;
#endif
}
