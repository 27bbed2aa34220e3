// Settings of the C library's allocator, where it has them, and what becomes of pages.
// For madvise, of which C itself knows nothing.
#define _DEFAULT_SOURCE 1
#include "CCrypTenKernels.h"

#include <limits.h>
#include <stdint.h>

#if defined(__linux__)
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>
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

void cct_pages_give_back(void *bytes, size_t count) {
#if defined(__linux__)
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t)bytes + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)bytes + count) / page * page;
    // What is read there later is zeros. An allocator's own words stand outside the block.
    if (begin < end) (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
#else
    (void)bytes;
    (void)count;
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
