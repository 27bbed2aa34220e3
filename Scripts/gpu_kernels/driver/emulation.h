// The words of CUDA that the kernels are written in, on a processor: the work-items of a group are fibers, which take turns where they wait for
// one another. Kernels.cpp, which the build script writes, includes this, dialect.h, redefined.h, and then the other sources.
//
// What is stricter than on a device, because other devices may be: all work-items of a group come to every barrier, and all 32 of a team to
// every exchange. What was copied asynchronously is there only after somebody has waited for it.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "fiber.h"
#include "kernel.h"

#define __CUDACC_RTC__ 1
#define __device__
#define __global__
#define __constant__
#define __forceinline__ inline
#define __shared__ static
#define __align__(N) __attribute__((aligned(N)))
#define __launch_bounds__(N)
#define __grid_constant__
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-function"

struct dim3 { unsigned x, y, z; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static dim3 threadIdx, blockIdx, gridDim;

namespace emulation {

enum { MOST = 1024, TEAM = 32, COPIES = 256 };
enum State { READY, AT_BARRIER, AT_EXCHANGE, DONE };

struct Copy { void *to; uint4 words; };
struct Item {
    Fiber fiber;
    bool began;
    State state;
    // Copies that were begun, the first of each commit, and how many there are of either.
    Copy copies[COPIES];
    unsigned commits[COPIES], copied, committed;
};

alignas(64) static char stacks[MOST][STACK];
static Item items[MOST];
static Fiber scheduler;
static unsigned current, threads, at_barrier, at_exchange[MOST / TEAM];
// Two tables in turn, so that nobody overwrites what another still reads.
static unsigned traded[2][MOST], parity[MOST];
struct Tile {
    signed char a[16][32], b[8][32];  // of B the columns
    int c[16][8];

    void multiply() {
        static const signed char zeros[16][32] = {};
        memset(c, 0, sizeof c);
        // What stands beyond a matrix's end, mostly.
        if (!memcmp(a, zeros, sizeof a) || !memcmp(b, zeros, sizeof b)) return;
        short wide_a[16][32], wide_b[8][32];
        for (unsigned i = 0; i < 16 * 32; i++) wide_a[i / 32][i % 32] = a[i / 32][i % 32];
        for (unsigned i = 0; i < 8 * 32; i++) wide_b[i / 32][i % 32] = b[i / 32][i % 32];
        for (unsigned row = 0; row < 16; row++)
            for (unsigned column = 0; column < 8; column++)
                for (unsigned k = 0; k < 32; k++) c[row][column] += wide_a[row][k] * wide_b[column][k];
    }
};
static Tile tiles[2][MOST / TEAM];
struct Matrices { const void *rows[TEAM]; unsigned words[TEAM][4]; };
static Matrices matrices[2][MOST / TEAM];
static void (*body)(const void *);
static const void *arguments;
static const Memory *memory;
static char *complaint;

inline void switch_to_scheduler() { items[current].fiber.go(scheduler); }

inline void run_item() {
    for (;;) {
        body(arguments);
        items[current].state = DONE;
        switch_to_scheduler();
    }
}

inline void switch_to_item() {
    Item &item = items[current];
    threadIdx = {current, 0, 0};
    if (!item.began) item.fiber.begin(stacks[current], run_item);
    item.began = true;
    scheduler.go(item.fiber);
}

/// Ends the launch: the scheduler sees the complaint, and comes back to no fiber of the group.
[[noreturn]] inline void fail(const char *what, uint64_t number) {
    snprintf(complaint, COMPLAINT_BYTES, what, (unsigned long long)number);
    switch_to_scheduler();
    __builtin_unreachable();
}

inline void barrier() {
    if (++at_barrier < threads) {
        items[current].state = AT_BARRIER;
        return switch_to_scheduler();
    }
    at_barrier = 0;
    for (unsigned t = 0; t < threads; t++)
        if (items[t].state == AT_BARRIER) items[t].state = READY;
}

/// Waits for the team; the last of it does something for all.
template <class Work> inline void exchange(Work work) {
    const unsigned team = current / TEAM;
    if (++at_exchange[team] < TEAM) {
        items[current].state = AT_EXCHANGE;
        return switch_to_scheduler();
    }
    work();
    at_exchange[team] = 0;
    for (unsigned t = team * TEAM; t < (team + 1) * TEAM; t++) items[t].state = READY;
}

/// What the lanes of the team say.
inline const unsigned *all_say(unsigned word) {
    const unsigned me = current, turn = parity[me] ^= 1;
    traded[turn][me] = word;
    exchange([] {});
    return &traded[turn][me / TEAM * TEAM];
}

/// Where a device's address is in the processor's memory.
inline void *pointer(uint64_t address) {
    if (address == 0) return nullptr;  // an operand that there isn't
    if (address - memory->base >= memory->bytes) fail("the address %016llx isn't the device's", address);
    return memory->start + (address - memory->base);
}

/// Runs a group; what goes wrong is in the complaint.
inline void run_group(bool backwards) {
    at_barrier = 0;
    memset(at_exchange, 0, sizeof at_exchange);
    for (unsigned t = 0; t < threads; t++) items[t].state = READY, items[t].copied = items[t].committed = 0;
    for (unsigned left = threads; left > 0 && !*complaint;) {
        const unsigned before = left;
        bool moved = false;
        for (unsigned turn = 0; turn < threads; turn += TEAM) {
            // A team comes as far as it can before the next one begins, so that a barrier which is missing is missed.
            const unsigned first = backwards ? threads - TEAM - turn : turn;
            for (bool moves = true; moves;) {
                moves = false;
                for (unsigned lane = 0; lane < TEAM && !*complaint; lane++) {
                    current = first + (backwards ? TEAM - 1 - lane : lane);
                    if (items[current].state != READY) continue;
                    moves = moved = true;
                    switch_to_item();
                    left -= items[current].state == DONE;
                }
            }
        }
        if (!moved && left == before && !*complaint)
            snprintf(complaint, COMPLAINT_BYTES, "its work-items part at a barrier: %u of %u wait", left, threads);
    }
    // What a fiber was at when the group was given up is forgotten.
    if (*complaint)
        for (unsigned t = 0; t < threads; t++) items[t].began = false;
}

}  // namespace emulation

// MARK: CUDA's functions

inline void __syncthreads() { emulation::barrier(); }
inline unsigned __shfl_sync(unsigned, unsigned value, unsigned lane) {
    if (lane >= emulation::TEAM) emulation::fail("lane %llu is none of a team", lane);
    return emulation::all_say(value)[lane];
}
inline unsigned __ballot_sync(unsigned, int bit) {
    const unsigned *votes = emulation::all_say(bit != 0);
    unsigned all = 0;
    for (unsigned lane = 0; lane < emulation::TEAM; lane++) all |= votes[lane] << lane;
    return all;
}
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)((unsigned __int128)a * b >> 64); }

// MARK: Tiles of bytes and asynchronous copies, which the sources leave to whoever defines this

#define TILES_EMULATED 1

/// mma.m16n8k32: with g = lane / 4 and q = lane % 4 a lane has of the tile of A rows g and g + 8, of B's column g, of C's columns 2 q and 2 q + 1 of
/// its rows. The team's last makes the product of all.
inline void multiply_tile(int *c, const unsigned *a, const unsigned *b) {
    const unsigned me = emulation::current, lane = me % emulation::TEAM, turn = emulation::parity[me] ^= 1, g = lane / 4, q = lane % 4;
    emulation::Tile &tile = emulation::tiles[turn][me / emulation::TEAM];
    for (unsigned half = 0; half < 2; half++) {
        memcpy(&tile.a[g][16 * half + 4 * q], &a[2 * half], 4);
        memcpy(&tile.a[g + 8][16 * half + 4 * q], &a[2 * half + 1], 4);
        memcpy(&tile.b[g][16 * half + 4 * q], &b[half], 4);
    }
    emulation::exchange([&tile] { tile.multiply(); });
    for (unsigned e = 0; e < 4; e++) c[e] += tile.c[g + e / 2 * 8][2 * q + e % 2];
}
/// ldmatrix.x4: lanes 8 m ... 8 m + 7 say where the rows of matrix m are, of 16 bytes; a lane gets bytes 4 q ... of row g of each matrix.
inline void load_matrices(unsigned *to, const void *row) {
    const unsigned me = emulation::current, lane = me % emulation::TEAM, turn = emulation::parity[me] ^= 1;
    if ((uintptr_t)row % 16) emulation::fail("a row begins in the middle of %llu bytes", 16);
    emulation::Matrices &matrices = emulation::matrices[turn][me / emulation::TEAM];
    matrices.rows[lane] = row;
    emulation::exchange([&matrices] {
        for (unsigned row = 0; row < emulation::TEAM; row++) memcpy(matrices.words[row], matrices.rows[row], 16);
    });
    for (unsigned m = 0; m < 4; m++) to[m] = matrices.words[8 * m + lane / 4][lane % 4];
}
inline unsigned dot4(unsigned a, unsigned b, unsigned sum) {
    for (unsigned j = 0; j < 32; j += 8) sum += (a >> j & 255) * (b >> j & 255);
    return sum;
}
/// What is copied is read now and written when somebody waits for it; until then rubbish is there.
inline void copy16(void *to, const void *from, bool inside) {
    emulation::Item &item = emulation::items[emulation::current];
    if ((uintptr_t)to % 16 || (uintptr_t)from % 16) emulation::fail("%llu bytes are copied from or to the middle of as many", 16);
    if (item.copied == emulation::COPIES) emulation::fail("%llu copies are on their way", item.copied);
    emulation::Copy &copy = item.copies[item.copied++];
    copy = {to, {0, 0, 0, 0}};
    if (inside) memcpy(&copy.words, from, 16);
    memset(to, 0xA5, 16);
}
inline void commit_copies() {
    emulation::Item &item = emulation::items[emulation::current];
    if (item.committed == emulation::COPIES) emulation::fail("%llu commits are on their way", item.committed);
    item.commits[item.committed++] = item.copied;
}
inline void wait_for_copies(unsigned left) {
    emulation::Item &item = emulation::items[emulation::current];
    if (item.committed <= left) return;
    const unsigned passed = item.committed - left, end = item.commits[passed - 1];
    for (unsigned i = 0; i < end; i++) memcpy(item.copies[i].to, &item.copies[i].words, 16);
    memmove(item.copies, item.copies + end, (item.copied - end) * sizeof(emulation::Copy));
    for (unsigned i = 0; i < left; i++) item.commits[i] = item.commits[passed + i] - end;
    item.copied -= end;
    item.committed = left;
}
#define COPIES_COMMIT() commit_copies()
#define COPIES_WAIT(LEFT) wait_for_copies(LEFT)
