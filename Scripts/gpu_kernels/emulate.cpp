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
static char stacks[MOST][STACK] __attribute__((aligned(16)));
static void begin();
#if defined(__x86_64__)
// What a call must keep is pushed, and the stack exchanged: swapcontext asks the kernel for the signal mask each time, which takes ten times as long.
extern "C" void exchange_stacks(void **from, void *to);
asm(".text\nexchange_stacks:\n push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
    " pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret\n");
static void *scheduler, *fibers[MOST];
static void start(unsigned t) {
    void **top = (void **)(stacks[t] + STACK) - 2;  // a call leaves the stack eight bytes off a multiple of 16
    *--top = 0, *--top = (void *)begin;
    fibers[t] = top - 6;
}
static void to_scheduler(unsigned t) { exchange_stacks(&fibers[t], scheduler); }
static void to_fiber(unsigned t) { exchange_stacks(&scheduler, fibers[t]); }
#else
static ucontext_t scheduler, fibers[MOST];
static void start(unsigned t) {
    getcontext(&fibers[t]);
    fibers[t].uc_stack.ss_sp = stacks[t], fibers[t].uc_stack.ss_size = STACK, fibers[t].uc_link = &scheduler;
    makecontext(&fibers[t], begin, 0);
}
static void to_scheduler(unsigned t) { swapcontext(&fibers[t], &scheduler); }
static void to_fiber(unsigned t) { swapcontext(&scheduler, &fibers[t]); }
#endif
static unsigned current, number, alive;
static bool done[MOST];
static unsigned traded[MOST];
static long waits[MOST];
static void pause_() { waits[current]++; to_scheduler(current); }
static bool at_barrier[MOST];
static void __syncthreads() { at_barrier[current] = true; pause_(); }
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
struct uint4 { unsigned x, y, z, w; };
#define __constant__

// What tiles.h says in PTX.
#define TILES_EMULATED 1
static unsigned dot4(unsigned a, unsigned b, unsigned sum) {
    for (int j = 0; j < 4; j++) sum += (unsigned)((unsigned char *)&a)[j] * ((unsigned char *)&b)[j];
    return sum;
}
// mma.m16n8k32 with signed bytes, from the tables of the PTX manual (9.7.14, "Matrix fragments for mma.m16n8k32"): every lane gives its elements
// to the matrices of its warp, all wait, and every lane takes its elements of the product. Two sets, so that nobody gives before all have taken.
static signed char matrix_a[2][MOST / 32][16][32], matrix_b[2][MOST / 32][32][8];
static unsigned products[MOST];
static void multiply_tile(int *c, const unsigned *a, const unsigned *b) {
    const unsigned lane = current % 32, group_id = lane >> 2, id_in_group = lane % 4, warp = current / 32, set = products[current]++ % 2;
    for (int i = 0; i < 16; i++) {
        const int row = (0 <= i && i < 4) || (8 <= i && i < 12) ? group_id : group_id + 8;
        const int column = i < 8 ? id_in_group * 4 + (i & 3) : id_in_group * 4 + (i & 3) + 16;
        matrix_a[set][warp][row][column] = ((const signed char *)a)[i];
    }
    for (int i = 0; i < 8; i++) {
        const int row = i < 4 ? id_in_group * 4 + (i & 3) : id_in_group * 4 + (i & 3) + 16;
        matrix_b[set][warp][row][group_id] = ((const signed char *)b)[i];
    }
    pause_();
    for (int i = 0; i < 4; i++) {
        const int row = i < 2 ? group_id : group_id + 8, column = id_in_group * 2 + (i & 1);
        for (int k = 0; k < 32; k++) c[i] += matrix_a[set][warp][row][k] * matrix_b[set][warp][k][column];
    }
}
// ldmatrix.x4 of eight rows of eight halves: lanes 8 m ... 8 m + 7 say where the rows of matrix m are; a lane gets two halves of each matrix.
static const void *row_places[MOST];
static void load_matrices(unsigned *to, const void *row) {
    if ((uintptr_t)row % 16) { fprintf(stderr, "a row that begins in the middle of 16 bytes\n"); exit(1); }
    row_places[current] = row;
    pause_();
    const unsigned lane = current % 32, warp = current - lane;
    for (unsigned m = 0; m < 4; m++) memcpy(to + m, (const uint16_t *)row_places[warp + 8 * m + lane / 4] + 2 * (lane % 4), 4);
    pause_();
}
// Copies run as late as their owner's waiting allows, or, where EAGER is set, at once; till then nobody may count on what lies there.
static const bool eager = getenv("EAGER");
static struct { void *to; const void *from; bool inside; } copies[MOST][64];
static unsigned issued[MOST], landed[MOST], commits[MOST][64], committed[MOST];
static void land(unsigned me, unsigned number) {
    auto &copy = copies[me][number % 64];
    if (copy.inside) memcpy(copy.to, copy.from, 16);
    else memset(copy.to, 0, 16);
}
static void copy16(void *to, const void *from, bool inside) {
    if ((uintptr_t)to % 16 || (uintptr_t)from % 16) { fprintf(stderr, "a copy from or to the middle of 16 bytes\n"); exit(1); }
    const unsigned number = issued[current]++;
    copies[current][number % 64] = {to, from, inside};
    if (issued[current] - landed[current] > 64) abort();
    if (eager) land(current, number), landed[current]++;
    else memset(to, 0xA5, 16);
}
static void COPIES_COMMIT() { commits[current][committed[current]++ % 64] = issued[current]; }
static void COPIES_WAIT(unsigned left) {
    if (committed[current] <= left) return;
    for (const unsigned until = commits[current][(committed[current] - left - 1) % 64]; (int)(until - landed[current]) > 0; landed[current]++)
        land(current, landed[current]);
}
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "all.cl"

static void (*body)();
template <class A> struct call { static void (*f)(const A); static A a; static void run() { f(a); } };
template <class A> void (*call<A>::f)(const A);
template <class A> A call<A>::a;
template <class A> static void set(void (*f)(const A), const void *args) { call<A>::f = f; memcpy(&call<A>::a, args, sizeof(A)); body = call<A>::run; }
static void begin() {
    body();
    // What nobody waited for arrives some time.
    for (; landed[current] != issued[current]; landed[current]++) land(current, landed[current]);
    done[current] = true;
    to_scheduler(current);
}

#define CASE(NAME, ARGS) if (!strcmp(name, #NAME)) set<ARGS>(NAME, args);
extern "C" void emulate(const char *name, unsigned gx, unsigned gy, unsigned gz, unsigned threads, const void *args) {
    body = 0;
    CASE(fill, fill_args) CASE(elementwise, elementwise_args) CASE(expand, expand_args) CASE(tails, tails_args) CASE(truncate, truncate_args)
    CASE(pack, pack_args) CASE(unpack, pack_args) CASE(add_unpacked, add_unpacked_args) CASE(planes_of, planes_args) CASE(words_of, planes_args)
    CASE(boolean_program, boolean_args) CASE(copy, copy_args) CASE(take, take_args) CASE(sum, sum_args) CASE(ring_product, product_args)
    CASE(patches, patches_args) CASE(weights, weights_args) CASE(residues, residues_args) CASE(residue_product, residue_product_args)
    CASE(reconstruct, reconstruct_args) CASE(plane_product, plane_product_args)
    if (!body) { fprintf(stderr, "no kernel %s\n", name); exit(1); }
    gridDim = {gx, gy, gz};
    for (unsigned z = 0; z < gz; z++) for (unsigned y = 0; y < gy; y++) for (unsigned x = 0; x < gx; x++) {
        blockIdx = {x, y, z};
        for (unsigned t = 0; t < threads; t++) {
            done[t] = at_barrier[t] = false, waits[t] = products[t] = issued[t] = landed[t] = committed[t] = 0;
            start(t);
        }
        // A team runs as far as it can, to the barrier, before the next one begins, first to last and last to first in turn: nobody gets by with
        // what another team happens to have done.
        bool left = true;
        for (unsigned phase = 0; left; phase++) {
            left = false;
            for (unsigned k = 0; k < (threads + 31) / 32; k++) {
                const unsigned first = (phase % 2 ? (threads + 31) / 32 - 1 - k : k) * 32, end = first + 32 < threads ? first + 32 : threads;
                for (bool moved = true; moved;) {
                    moved = false;
                    for (current = first; current < end; current++) {
                        if (done[current] || at_barrier[current]) continue;
                        threadIdx = {current, 0, 0};
                        to_fiber(current);
                        moved = true;
                    }
                }
            }
            for (unsigned t = 0; t < threads; t++) at_barrier[t] = false, left |= !done[t];
        }
        for (unsigned t = 1; t < threads; t++) if (waits[t] != waits[0]) { fprintf(stderr, "%s: work-items part at a barrier\n", name); exit(1); }
    }
}
