// The CUDA form of the kernels on the processor: work-items of a group are fibers that take turns at every barrier and shuffle.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#define __CUDACC_RTC__ 1
#define __device__
#define __global__
#define __forceinline__ inline
#define __shared__ static
#define __align__(N) __attribute__((aligned(N)))
#define __launch_bounds__(N)
#define __grid_constant__
struct dim { unsigned x, y, z; };
static dim threadIdx, blockIdx, gridDim;
enum { MOST = 256, STACK = 65536 };
static ucontext_t scheduler, fibers[MOST];
static char stacks[MOST][STACK];
static unsigned current, number, alive;
static bool done[MOST];
static unsigned traded[MOST];
static long waits[MOST];
static void pause_() { waits[current]++; swapcontext(&fibers[current], &scheduler); }
static void __syncthreads() { pause_(); }
static unsigned __shfl_sync(unsigned, unsigned value, unsigned lane) {
    unsigned me = current;
    if (lane > 31) abort();
    traded[me] = value;
    pause_();
    unsigned got = traded[me / 32 * 32 + lane];
    pause_();
    return got;
}
static unsigned __ballot_sync(unsigned, int bit) {
    unsigned me = current, all = 0;
    traded[me] = bit != 0;
    pause_();
    for (int k = 0; k < 32; k++) all |= traded[me / 32 * 32 + k] << k;
    pause_();
    return all;
}
static unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)((unsigned __int128)a * b >> 64); }
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "all.cl"

static void (*body)();
template <class A> struct call { static void (*f)(const A); static A a; static void run() { f(a); } };
template <class A> void (*call<A>::f)(const A);
template <class A> A call<A>::a;
template <class A> static void set(void (*f)(const A), const void *args) { call<A>::f = f; memcpy(&call<A>::a, args, sizeof(A)); body = call<A>::run; }
static void enter() { body(); done[current] = true; swapcontext(&fibers[current], &scheduler); }

#define CASE(NAME, ARGS) if (!strcmp(name, #NAME)) set<ARGS>(NAME, args);
extern "C" void emulate(const char *name, unsigned gx, unsigned gy, unsigned gz, unsigned threads, const void *args) {
    body = 0;
    CASE(fill, fill_args) CASE(elementwise, elementwise_args) CASE(expand, expand_args) CASE(tails, tails_args) CASE(truncate, truncate_args)
    CASE(pack, pack_args) CASE(unpack, pack_args) CASE(add_unpacked, add_unpacked_args) CASE(planes_of, planes_args) CASE(words_of, planes_args)
    CASE(boolean_program, boolean_args) CASE(copy, copy_args) CASE(take, take_args) CASE(sum, sum_args) CASE(ring_product, product_args)
    CASE(patches, patches_args) CASE(weights, weights_args)
    if (!body) { fprintf(stderr, "no kernel %s\n", name); exit(1); }
    gridDim = {gx, gy, gz};
    for (unsigned z = 0; z < gz; z++) for (unsigned y = 0; y < gy; y++) for (unsigned x = 0; x < gx; x++) {
        blockIdx = {x, y, z};
        for (unsigned t = 0; t < threads; t++) {
            done[t] = false, waits[t] = 0;
            getcontext(&fibers[t]);
            fibers[t].uc_stack.ss_sp = stacks[t], fibers[t].uc_stack.ss_size = STACK, fibers[t].uc_link = &scheduler;
            makecontext(&fibers[t], enter, 0);
        }
        for (bool left = true; left;) {
            left = false;
            for (current = 0; current < threads; current++) {
                if (done[current]) continue;
                threadIdx = {current, 0, 0};
                swapcontext(&scheduler, &fibers[current]);
                left |= !done[current];
            }
        }
        for (unsigned t = 1; t < threads; t++) if (waits[t] != waits[0]) { fprintf(stderr, "%s: work-items part at a barrier\n", name); exit(1); }
    }
}
