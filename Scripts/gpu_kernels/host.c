// Runs every kernel of CrypTenDevice through OpenCL and compares it with loops. Usage: host SOURCE [family ...]
#define CL_TARGET_OPENCL_VERSION 200
#include <CL/cl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t u64;
typedef int64_t i64;
typedef uint32_t u32;
typedef uint8_t u8;
#include "../../Sources/CrypTenDevice/Kernels/arguments.h"

#define CHECK(X) do { cl_int e_ = (X); if (e_) { fprintf(stderr, "%s:%d: error %d\n", __FILE__, __LINE__, e_); exit(1); } } while (0)
static cl_context context;
static cl_command_queue queue;
static cl_program program;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }

// MARK: Numbers

static u64 seed = 0x5EED;
static u64 rnd(void) {
    u64 z = (seed += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}
static u64 below(u64 n) { return rnd() % n; }
static const u64 EDGES[] = {0, 1, 1ull << 63, ~0ull, 1ull << 62, (1ull << 63) - 1, (1ull << 62) - 1, 3ull << 62, 1ull << 32, 0xFFFFFFFFull, 2, ~1ull,
                            (1ull << 63) + 1, 1ull << 61, 0x8000000080000000ull, 0x5555555555555555ull, 0xAAAAAAAAAAAAAAAAull};
enum { MODES = 6, EDGE_COUNT = sizeof EDGES / sizeof EDGES[0] };
static u64 value(int mode, u64 i) { return mode < 4 ? EDGES[mode] : mode == 4 ? EDGES[(i * 7 + i / 17) % EDGE_COUNT] : rnd(); }
static const u64 COUNTS[] = {0, 1, 63, 64, 65, 255, 256, 257, 1000};
enum { NCOUNTS = 9 };

// MARK: Memory, with guards

enum { GUARD = 32 };
#define CANARY 0xC0FFEE0DDF00D5A5ull
static struct { u64 *base; u64 count; } blocks[256];
static int block_count;
// GUARDED: memory that ends where a page begins which nobody may read, so that a word read beyond the end, or much before the start, is a crash.
// PoCL takes any address of the process; the usual memory is coarse-grained SVM.
static int guarded;
static size_t guarded_bytes(u64 count) { return (8 * count + 4095) / 4096 * 4096; }
static u64 *words(u64 count) {
    if (guarded) {
        const size_t bytes = guarded_bytes(count);
        char *page = mmap(0, bytes + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED || (bytes && mprotect(page + 4096, bytes, PROT_READ | PROT_WRITE))) { perror("mmap"); exit(1); }
        blocks[block_count].base = (u64 *)page;
        blocks[block_count++].count = count;
        return (u64 *)(page + 4096 + bytes) - count;
    }
    u64 *base = clSVMAlloc(context, CL_MEM_READ_WRITE, 8 * (count + 2 * GUARD), 64);
    if (!base) { fprintf(stderr, "no SVM\n"); exit(1); }
    for (int i = 0; i < GUARD; i++) base[i] = base[GUARD + count + i] = CANARY;
    blocks[block_count].base = base;
    blocks[block_count++].count = count;
    return base + GUARD;
}
static u64 *filled(u64 count, int mode) { u64 *w = words(count); for (u64 i = 0; i < count; i++) w[i] = value(mode, i); return w; }
static u64 *copied(const u64 *from, u64 count) { u64 *w = malloc(8 * count + 8); if (count) memcpy(w, from, 8 * count); return w; }
static u64 compared, differing, launches, guards_broken;
static void release(void) {
    for (int b = 0; b < block_count; b++) {
        if (guarded) { munmap(blocks[b].base, guarded_bytes(blocks[b].count) + 8192); continue; }
        for (int i = 0; i < GUARD; i++) guards_broken += (blocks[b].base[i] != CANARY) + (blocks[b].base[GUARD + blocks[b].count + i] != CANARY);
        clSVMFree(context, blocks[b].base);
    }
    block_count = 0;
}
static void compare(const char *what, const u64 *got, const u64 *want, u64 count) {
    u64 bad = 0, first = 0;
    for (u64 i = 0; i < count; i++) if (got[i] != want[i] && !bad++) first = i;
    if (bad && differing < 50)
        printf("  %s: %llu of %llu differ, first at %llu: %016llx, not %016llx\n", what, (unsigned long long)bad, (unsigned long long)count,
               (unsigned long long)first, (unsigned long long)got[first], (unsigned long long)want[first]);
    compared += count;
    differing += bad;
}

#ifdef EMULATED
void emulate(const char *name, unsigned gx, unsigned gy, unsigned gz, unsigned threads, const void *args);
static void launch_(const char *name, u64 gx, u64 gy, u64 gz, size_t threads, const void *args, size_t size) {
    (void)size;
    emulate(name, gx ? gx : 1, gy ? gy : 1, gz ? gz : 1, threads, args);
    launches++;
}
#else
static void launch_(const char *name, u64 gx, u64 gy, u64 gz, size_t threads, const void *args, size_t size) {
    static struct { char name[32]; cl_kernel kernel; } cache[32];
    static int cached;
    int k = 0;
    while (k < cached && strcmp(cache[k].name, name)) k++;
    if (k == cached) {
        cl_int e;
        strcpy(cache[k].name, name);
        cache[k].kernel = clCreateKernel(program, name, &e);
        if (e) fprintf(stderr, "kernel %s: ", name);
        CHECK(e);
        cached++;
    }
    CHECK(clSetKernelArg(cache[k].kernel, 0, size, args));
    // A launch of nothing runs one group, so that its guard is seen to hold.
    size_t local[3] = {threads, 1, 1}, global[3] = {(gx ? gx : 1) * threads, gy ? gy : 1, gz ? gz : 1};
    CHECK(clEnqueueNDRangeKernel(queue, cache[k].kernel, 3, 0, global, local, 0, 0, 0));
    CHECK(clFinish(queue));
    launches++;
}
#endif
#define UP(N, D) (((N) + (D) - 1) / (D))
#define LAUNCH(NAME, ITEMS, THREADS, ARGS) launch_(NAME, UP(ITEMS, THREADS), 1, 1, THREADS, &(ARGS), sizeof(ARGS))

// MARK: Specifications

static u64 integer_sine(u64 u) {
    const u64 one = 1 << 30, position = (u >> 32) & (one - 1);
    const u64 backwards = 0 - (u >> 62 & 1);
    const u64 folded = ((one - position) & backwards) | (position & ~backwards);
    const u64 x = (folded * 1686629713) >> 30, square = (x * x) >> 30;
    u64 sum = one;
    static const u64 divisors[] = {156, 110, 72, 42, 20, 6};
    for (int k = 0; k < 6; k++) sum = one - ((square * sum) >> 30) / divisors[k];
    const u64 y = (x * sum) >> 30, negative = 0 - (u >> 63);
    return (y ^ negative) - negative;
}
static u64 integer_power(u64 x, int fraction_bits) {
    const u64 fraction = (x >> 28) & ((1 << 30) - 1);
    u64 sum = 8;
    static const u64 terms[] = {109, 1419, 16377, 165394, 1431680, 10327387, 59597083, 257941248, 744261118, 1 << 30};
    for (int k = 0; k < 10; k++) sum = ((sum * fraction) >> 30) + terms[k];
    const u64 shift = (62 - (u64)fraction_bits - (x >> 58)) & 63;
    return ((sum << 32) + ((1ull << shift) >> 1)) >> shift;
}
static u64 rounded(u64 x) { return (u64)((i64)(x + (1 << 29)) >> 30); }
static u64 harmonic(u64 to, u64 phase, u64 cosine, u64 sine, u64 number, u64 p, u64 q) {
    const u64 angle = phase * number, s = integer_sine(angle), c = integer_sine(angle + (1ull << 62));
    return to + cosine * rounded(p * c + q * s) + sine * rounded(p * s - q * c);
}
static int bit(const u64 *bits, u64 i) { return bits[i / 64] >> (i % 64) & 1; }
/// One operation on blocks.
typedef struct { u64 s, t, v; u32 operation, flags; } operation_args;
static u64 expected(const operation_args *p, u64 i, const u64 *to, const u64 *a, const u64 *b, const u64 *c, const u64 *d, const u64 *bits) {
    const u64 s = p->s;
    switch (p->operation) {
    case OP_ADD: return a[i] + b[i];
    case OP_SUBTRACT: return a[i] - b[i];
    case OP_MULTIPLY: return a[i] * b[i];
    case OP_NEGATE: return -a[i];
    case OP_ADD_SCALAR: return a[i] + s;
    case OP_MULTIPLY_SCALAR: return a[i] * s;
    case OP_ADD_PRODUCT: return to[i] + a[i] * b[i];
    case OP_SUBTRACT_PRODUCT: return to[i] - a[i] * b[i];
    case OP_ADD_TIMES: return to[i] + a[i] * s;
    case OP_SHIFT_RIGHT: return a[i] >> s;
    case OP_SHIFT_LEFT: return a[i] << s;
    case OP_LOW_BITS: return a[i] & s;
    case OP_MULTIPLY_HIGH: return (u64)((unsigned __int128)a[i] * s >> 62);
    case OP_SINE: return integer_sine(a[i] * s + p->t);
    case OP_HARMONIC: return harmonic(to[i], a[i], b[i], c[i], s, p->t, p->v);
    case OP_POWER_OF_TWO: return integer_power(p->flags & 1 ? p->t - a[i] : p->t + a[i], (int)s);
    case OP_KEEP_WHERE: return bit(bits, i) ? a[i] : 0;
    case OP_ADD_WHERE: return bit(bits, i) ? to[i] + a[i] : to[i];
    case OP_NEGATE_WHERE: return bit(bits, i) ? -a[i] : a[i];
    case OP_SELECTION: {
        const u64 v = (p->flags & 1 ? a[i] : 0) - d[i], u = a[i] * b[i] - c[i];
        return bit(bits, i) ? v - u : u;
    }
    case OP_ADD_TIMES_NEGATED_WHERE: return bit(bits, i) ? to[i] - a[i] * s : to[i] + a[i] * s;
    case OP_ADD_PRODUCT_LESS: return bit(bits, i) ? to[i] - (a[i] * b[i] - c[i]) * s : to[i] + (a[i] * b[i] - c[i]) * s;
    }
    abort();
}
enum { OPERATIONS = OP_ADD_PRODUCT_LESS + 1 };

// A slow AES-128 without tables: the inverse as x^254, bit by bit.
static u8 gmul(u8 a, u8 b) { u8 r = 0; for (int i = 0; i < 8; i++) { r ^= (u8)(a & -(b >> i & 1)); a = (u8)(a << 1 ^ (a >> 7) * 0x1b); } return r; }
static u8 sbox(u8 x) {
    u8 power = x, inverse = 1;  // 254 = 2 + 4 + ... + 128
    for (int k = 0; k < 7; k++) { power = gmul(power, power); inverse = gmul(inverse, power); }
    u8 r = 0x63;
    for (int k = 0; k < 5; k++) r ^= (u8)(inverse << k | inverse >> (8 - k));
    return r;
}
static void aes_schedule(u8 *k, const u8 *key) {
    memcpy(k, key, 16);
    u8 constant = 1;
    for (int i = 16; i < 176; i += 4) {
        u8 t[4];
        memcpy(t, k + i - 4, 4);
        if (i % 16 == 0) {
            const u8 f = t[0];
            for (int j = 0; j < 3; j++) t[j] = sbox(t[j + 1]);
            t[3] = sbox(f);
            t[0] ^= constant;
            constant = gmul(constant, 2);
        }
        for (int j = 0; j < 4; j++) k[i + j] = k[i + j - 16] ^ t[j];
    }
}
static void aes_encrypt(const u8 *k, u8 *s) {
    u8 t[16];
    for (int i = 0; i < 16; i++) s[i] ^= k[i];
    for (int r = 1; r <= 10; r++) {
        for (int i = 0; i < 16; i++) t[i] = sbox(s[(i + 4 * (i % 4)) % 16]);
        for (int c = 0; c < 16; c += 4)
            for (int i = 0; i < 4; i++) {
                const u8 mixed = gmul(t[c + i], 2) ^ gmul(t[c + (i + 1) % 4], 3) ^ t[c + (i + 2) % 4] ^ t[c + (i + 3) % 4];
                s[c + i] = (r < 10 ? mixed : t[c + i]) ^ k[16 * r + c + i];
            }
    }
}
static u64 *stream(const u8 *schedule, u64 number, u64 first, u64 count) {
    u64 *out = malloc(8 * count + 8);
    u8 block[16];
    for (u64 i = 0, made = ~0ull; i < count; i++) {
        const u64 which = (first + i) / 2;
        if (made != which || i == 0) { memcpy(block, &which, 8); memcpy(block + 8, &number, 8); aes_encrypt(schedule, block); made = which; }
        memcpy(out + i, block + 8 * ((first + i) % 2), 8);
    }
    return out;
}

// MARK: Families

static void test_fill(void) {
    for (int n = 0; n < NCOUNTS; n++)
        for (int mode = 0; mode < MODES; mode++) {
            const u64 count = COUNTS[n], v = value(mode, 5);
            u64 *to = filled(count, 5), *want = malloc(8 * count + 8);
            for (u64 i = 0; i < count; i++) want[i] = v;
            fill_args p = {(u64)to, count, v};
            LAUNCH("fill", count, 256, p);
            compare("fill", to, want, count);
            free(want), release();
        }
}

static void one_elementwise(operation_args p, u64 count, int modes[6], int alias) {
    char what[64];
    u64 *op[5] = {filled(count, modes[0]), filled(count, modes[1]), filled(count, modes[2]), filled(count, modes[3]), filled(count, modes[4])};
    u64 *bits = filled(UP(count, 64), modes[5]);
    u64 *to = alias ? op[alias] : op[0];
    u64 *want = malloc(8 * count + 8);
    for (u64 i = 0; i < count; i++) want[i] = expected(&p, i, to, op[1], op[2], op[3], op[4], bits);
    // The operands and what it adds to are blocks of their own, in an order that changes, or one of them is where the result goes.
    elementwise_args all = {0};
    const u32 turn = (u32)below(ELEMENTWISE_BLOCKS);
    u64 *const blocks[7] = {to, op[1], op[2], op[3], op[4], to, bits};
    u32 place[7];
    for (u32 k = 0; k < 7; k++) all.bases[place[k] = (turn + 3 * k) % ELEMENTWISE_BLOCKS] = (u64)blocks[k], place[k] += ELEMENTWISE_BLOCK;
    all.list[0] = (elementwise_step){p.s, p.t, p.v, p.operation, p.flags, place[0] | place[1] << 8 | place[2] << 16 | place[3] << 24,
                                     place[4] | place[5] << 8 | place[6] << 16};
    all.count = count, all.steps = 1;
    LAUNCH("elementwise", count, 256, all);
    sprintf(what, "elementwise %u, modes %d %d", p.operation, modes[1], modes[2]);
    compare(what, to, want, count);
    free(want), release();
}
/// A walk over no more than `count` words: three digits of j = first + i with steps, of which some are 0, or lead back. Returns the word at which
/// element 0 of the walk lies; `to` gets where each element does.
static u64 one_walk(elementwise_walk *walk, u64 count, u64 *to) {
    const u64 e2 = 1 + below(count + 3), e1 = 1 + below(9), most = count + below(count + 1), d[2] = {e2, e1 * e2};
    const u64 e0 = most / d[1] + 1;
    i64 steps[3] = {0, 0, 0}, base = 0;
    u64 room = count ? count : 1;
    for (int axis = 0; axis < 3; axis++) {
        const u64 extent = axis == 0 ? e2 : axis == 1 ? e1 : e0;
        if (extent > room || below(3) == 0) continue;
        const i64 step = (i64)((count ? count : 1) / room);
        steps[axis] = below(4) ? step : -step;
        if (steps[axis] < 0) base += step * (i64)(extent - 1);
        room /= extent;
    }
    walk->first = (u32)below(most - count + 1);
    walk->steps[0] = (u32)steps[0], walk->steps[1] = (u32)(steps[1] - (i64)e2 * steps[0]), walk->steps[2] = (u32)(steps[2] - (i64)e1 * steps[1]);
    for (int k = 0; k < 2; k++) {
        u32 bits = 0;
        while (1ull << bits < d[k]) bits++;
        walk->shifts[k] = 31 + bits, walk->factors[k] = (u32)(((1ull << (31 + bits)) + d[k] - 1) / d[k]);
    }
    for (u64 i = 0; i < count; i++) {
        const u64 j = walk->first + i;
        to[i] = (u64)(base + (i64)(j % e2) * steps[0] + (i64)(j / e2 % e1) * steps[1] + (i64)(j / d[1]) * steps[2]);
    }
    return (u64)base;
}
/// Steps on registers and blocks, beside the same done one after the other.
static void one_sequence(u64 count) {
    u64 *block[ELEMENTWISE_BLOCKS], *want[ELEMENTWISE_BLOCKS], *own[ELEMENTWISE_REGISTERS] = {0}, *bits = filled(UP(count, 64), 5);
    const u32 steps = 1 + (u32)below(ELEMENTWISE_STEPS), blocks = 2 + (u32)below(ELEMENTWISE_BLOCKS - 2);
    elementwise_args all = {0};
    for (u32 k = 0; k < blocks; k++) block[k] = k ? filled(count, 5) : bits, want[k] = k ? copied(block[k], count) : bits, all.bases[k] = (u64)block[k];
    for (u32 k = 0; k < ELEMENTWISE_REGISTERS; k++) own[k] = calloc(count + 1, 8);
    // What is walked over is a block of its own each: nothing else is written there.
    u64 *walked[ELEMENTWISE_WALKS];
    u32 walks = 0;
    for (u32 k = blocks; k < ELEMENTWISE_BLOCKS && walks < ELEMENTWISE_WALKS; k++, walks++) {
        u64 *words = filled(count + 1, 5), *places = malloc(8 * count + 8);
        all.bases[k] = (u64)(words + one_walk(&all.walks[walks], count, places));
        walked[walks] = places;
        for (u64 i = 0; i < count; i++) places[i] = words[places[i]];
    }
    u32 written = 0;
    for (u32 n = 0; n < steps; n++) {
        u32 place[7];
        const u64 *read[7] = {0};
        for (u32 k = 1; k < 6; k++) {
            const u32 number = (u32)below(ELEMENTWISE_REGISTERS);
            if (k == 3 && below(2)) place[k] = NO_PLACE;
            else if (walks && below(3) == 0) place[k] = number % walks, read[k] = walked[place[k]], place[k] = WALKED_BLOCK + 32 * place[k] + blocks + place[k];
            else if (below(2) && written >> number & 1) place[k] = number, read[k] = own[number];
            else place[k] = 1 + (u32)below(blocks - 1), read[k] = want[place[k]], place[k] += ELEMENTWISE_BLOCK;
        }
        place[6] = ELEMENTWISE_BLOCK;
        const int to_block = n + 1 == steps || below(3) == 0;
        place[0] = to_block ? ELEMENTWISE_BLOCK + 1 + (u32)below(blocks - 1) : (u32)below(ELEMENTWISE_REGISTERS);
        operation_args p = {rnd(), rnd(), rnd(), (u32)below(OPERATIONS), (u32)below(2)};
        if (p.operation == OP_SHIFT_LEFT || p.operation == OP_SHIFT_RIGHT) p.s &= 63;
        if (p.operation == OP_MULTIPLY_HIGH) p.s &= (1ull << 62) - 1;
        if (p.operation == OP_POWER_OF_TWO) p.s %= 47;
        if (p.operation == OP_HARMONIC) p.t >>= 33, p.v >>= 33;
        all.list[n] = (elementwise_step){p.s, p.t, p.v, p.operation, p.flags, place[0] | place[1] << 8 | place[2] << 16 | place[3] << 24,
                                         place[4] | place[5] << 8 | place[6] << 16};
        u64 *to = to_block ? want[place[0] - ELEMENTWISE_BLOCK] : own[place[0]];
        for (u64 i = 0; i < count; i++) {
            u64 x[6];
            for (int k = 1; k < 6; k++) x[k] = read[k] ? read[k][i] : 0;
            const u64 one_bit = (u64)bit(bits, i);
            to[i] = expected(&p, 0, &x[5], &x[1], &x[2], &x[3], &x[4], &one_bit);
        }
        if (!to_block) written |= 1u << place[0];
    }
    all.count = count, all.steps = steps;
    LAUNCH("elementwise", count, 256, all);
    for (u32 k = 1; k < blocks; k++) compare("steps", block[k], want[k], count), free(want[k]);
    for (u32 k = 0; k < ELEMENTWISE_REGISTERS; k++) free(own[k]);
    for (u32 k = 0; k < walks; k++) free(walked[k]);
    release();
}
static void test_elementwise(void) {
    for (int round = 0; round < 400; round++) one_sequence(COUNTS[round % NCOUNTS]);
    static const int fractions[] = {0, 1, 16, 20, 30, 45, 46}, shifts[] = {0, 1, 31, 32, 33, 62, 63};
    for (u32 operation = 0; operation < OPERATIONS; operation++) {
        const u64 before = compared, bad = differing;
        for (int n = 0; n < NCOUNTS; n++)
            for (int m = 0; m < MODES; m++)
                for (int k = 0; k < MODES; k++)
                    for (int flags = 0; flags < 2; flags++) {
                        operation_args p = {0};
                        p.operation = operation, p.flags = flags, p.s = value(k, rnd()), p.t = value(m, rnd()), p.v = value((m + k) % MODES, rnd());
                        if (operation == OP_SHIFT_LEFT || operation == OP_SHIFT_RIGHT) p.s = shifts[(n + k) % 7];
                        if (operation == OP_LOW_BITS) p.s = ~0ull >> (k < 2 ? 63 * k : below(64));
                        if (operation == OP_MULTIPLY_HIGH) p.s &= (1ull << 62) - 1;
                        if (operation == OP_POWER_OF_TWO) p.s = fractions[(n + k) % 7];
                        if (operation == OP_HARMONIC) {
                            const u64 factors[MODES] = {0, 1, 1ull << 32, -(1ull << 32), 0xFFFFFFFF, rnd() >> 32};
                            p.s = k ? k : 1000003, p.t = factors[m], p.v = flags ? factors[k] : -factors[(k + 1) % MODES];
                        }
                        int modes[6] = {(int)below(MODES), m, k, (int)below(MODES), (int)below(MODES), n % 2 ? 5 : (int)below(MODES)};
                        one_elementwise(p, COUNTS[n], modes, (m + k + n) % 5);
                    }
        if (operation == OP_POWER_OF_TWO)
            for (int f = 0; f <= 46; f++)
                for (int flags = 0; flags < 2; flags++) {
                    operation_args p = {0};
                    p.operation = operation, p.flags = flags, p.s = f, p.t = rnd();
                    int modes[6] = {5, 5, 5, 5, 5, 5};
                    one_elementwise(p, 1000, modes, 0);
                }
        if (operation == OP_SINE || operation == OP_HARMONIC || operation == OP_POWER_OF_TWO)
            for (int round = 0; round < 4; round++) {
                operation_args p = {0};
                p.operation = operation, p.flags = round & 1, p.s = operation == OP_POWER_OF_TWO ? 30 + round : 1 + round, p.t = rnd(), p.v = rnd() >> 33;
                if (operation == OP_HARMONIC) p.t >>= 33;
                int modes[6] = {5, 5, 5, 5, 5, 5};
                one_elementwise(p, 1 << 20, modes, 0);
            }
        printf("    operation %2u: %llu words, %llu differ\n", operation, (unsigned long long)(compared - before), (unsigned long long)(differing - bad));
    }
}

static void one_expansion(const u8 *schedule, u64 number, u64 first, u64 count, u32 combination, const u64 *made) {
    char what[96];
    u64 *to = filled(count, 5), *want = copied(to, count);
    for (u64 i = 0; i < count; i++) {
        if (combination == 0) want[i] = made[i];
        if (combination == 1) want[i] += made[i];
        if (combination == 2) want[i] -= made[i];
        if (combination == 3) want[i] ^= made[i];
    }
    // Before it and behind it stand parts of other keys, which have a place of their own.
    const u64 groups = UP(first % 512 + count, 2048);
    u64 *other = filled(4096, 5);
    expand_args p = {0};
    for (int k = 0; k < EXPAND_KEYS; k++) for (int j = 0; j < 44; j++) p.keys[k][j] = (u32)rnd();
    const int key = (int)(number % EXPAND_KEYS), place = (int)(first % (EXPAND_PARTS - 1));
    memcpy(p.keys[key], schedule, 176);
    for (int k = 0; k < place; k++) p.parts[k] = (expand_part){(u64)other, 1 + k, k, 5, 0, (u32)((key + 1) % EXPAND_KEYS), (u32)k, 0};
    p.parts[place] = (expand_part){(u64)to, count, number, first, combination, (u32)key, (u32)place, 0};
    p.parts[place + 1] = (expand_part){(u64)(other + 2048), 100, 7, 9, 1, (u32)((key + 2) % EXPAND_KEYS), (u32)(place + groups), 0};
    p.count = (u32)place + 2;
    launch_("expand", place + groups + 1, 1, 1, 128, &p, sizeof p);
    sprintf(what, "expand %llu from %llu, combination %u", (unsigned long long)count, (unsigned long long)first, combination);
    compare(what, to, want, count);
    free(want), release();
}
static void test_expand(void) {
    u8 key[16], schedule[176], text[16];
    static const u8 cipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30, 0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    for (int i = 0; i < 16; i++) key[i] = (u8)i, text[i] = (u8)(17 * i);
    aes_schedule(schedule, key);
    u64 counter[2], known[2];
    memcpy(counter, text, 16), memcpy(known, cipher, 16);
    aes_encrypt(schedule, text);
    if (memcmp(text, cipher, 16)) { printf("  the plain AES isn't FIPS 197's\n"); differing++; }
    // The kernel itself, with the standard's vector as a counter.
    one_expansion(schedule, counter[1], 2 * counter[0], 2, 0, known);
    const u64 firsts[] = {0, 1, 2, 3, 510, 511, 512, 513, 2047, 2049, 123457, (1ull << 32) - 1, (1ull << 33) - 641, (1ull << 33) + 7, (1ull << 40) + 1,
                          (1ull << 63) - 1000001};
    const u64 counts[] = {0, 1, 2, 63, 64, 65, 255, 256, 257, 1000, 1535, 1536, 2048, 2049, 5000};
    for (unsigned f = 0; f < sizeof firsts / 8; f++)
        for (unsigned n = 0; n < sizeof counts / 8; n++) {
            const u64 halves[2] = {value(f % MODES, f), value((f + n) % MODES, n)}, number = value((n + 2 * f) % MODES, f);
            memcpy(key, halves, 16);
            aes_schedule(schedule, key);
            u64 *made = stream(schedule, number, firsts[f], counts[n]);
            for (u32 combination = 0; combination < 4; combination++) one_expansion(schedule, number, firsts[f], counts[n], combination, made);
            free(made);
        }
}
static void test_tails(void) {
    for (int n = 0; n < NCOUNTS; n++)
        for (u64 step = 1; step < 4; step++)
            for (int k = 0; k < 64; k += 9) {
                const u64 planes = COUNTS[n], mask = ~0ull >> k;
                u64 *to = filled(planes * step, 5), *want = copied(to, planes * step);
                for (u64 j = 0; j < planes; j++) want[j * step + step - 1] &= mask;
                tails_args p = {(u64)to, planes, step, mask};
                LAUNCH("tails", planes, 256, p);
                compare("tails", to, want, planes * step);
                free(want), release();
            }
}

static void test_truncate(void) {
    for (int n = 0; n < NCOUNTS; n++)
        for (u32 shift = 1; shift <= 62; shift++)
            for (int mode = 0; mode < MODES; mode++) {
                const u64 count = COUNTS[n], per = UP(count, 64);
                u64 *from = filled(count, mode), *to = mode % 2 ? from : filled(count, 5), *selector = filled(per, 5);
                u64 *want = malloc(8 * count + 8), *bits = calloc(per + 1, 8);
                for (u64 i = 0; i < count; i++) {
                    const u64 c = from[i] + (1ull << 62);
                    want[i] = (c >> shift) - ((1ull << 62) >> shift);
                    bits[i / 64] |= (c >> 63 ^ 1) << (i % 64);
                }
                truncate_args p = {(u64)to, (u64)selector, (u64)from, count, shift, 0};
                LAUNCH("truncate", count, 256, p);
                compare("truncate", to, want, count), compare("truncate's selector", selector, bits, per);
                free(want), free(bits), release();
            }
}

static void set_packed(u64 *packed, u64 i, u32 bits, u64 element) {
    for (u32 k = 0; k < bits; k++) packed[(i * bits + k) / 64] |= (element >> k & 1) << ((i * bits + k) % 64);
}
static void test_pack(void) {
    for (int n = 0; n < NCOUNTS; n++)
        for (u32 bits = 1; bits <= 64; bits++)
            for (int mode = 3; mode < MODES; mode++) {
                const u64 count = COUNTS[n], size = UP(count * bits, 64), mask = ~0ull >> (64 - bits);
                u64 *from = filled(count, mode), *packed = filled(size, 5), *want = calloc(size + 1, 8);
                for (u64 i = 0; i < count; i++) set_packed(want, i, bits, from[i]);
                pack_args p = {(u64)packed, (u64)from, count, bits, 0};
                LAUNCH("pack", size, 256, p);
                compare("pack", packed, want, size);
                u64 *to = filled(count, 5), *elements = malloc(8 * count + 8);
                for (u64 i = 0; i < count; i++) elements[i] = from[i] & mask;
                pack_args q = {(u64)to, (u64)packed, count, bits, 0};
                LAUNCH("unpack", count, 256, q);
                compare("unpack", to, elements, count);
                const u32 shift = (u32)(mode == 3 ? 0 : mode == 4 ? 63 : below(64));
                u64 *chosen = filled(UP(count, 64), mode), *sum = filled(count, 5);
                for (u64 i = 0; i < count; i++) elements[i] = sum[i] + (bit(chosen, i) ? elements[i] << shift : 0);
                add_unpacked_args r = {(u64)sum, (u64)packed, (u64)chosen, count, bits, shift};
                LAUNCH("add_unpacked", count, 256, r);
                compare("add_unpacked", sum, elements, count);
                free(want), free(elements), release();
            }
}

static void test_planes(void) {
    for (int n = 0; n < NCOUNTS; n++)
        for (u32 low = 0; low <= 64; low++)
            for (u32 planes = 0; low + planes <= 64; planes += planes < 2 ? 1 : 1 + (u32)below(12)) {
                const int mode = n + low < 10 ? (int)below(MODES) : 5;
                const u64 count = COUNTS[n], per = UP(count, 64), step = per + below(3);
                u64 *from = filled(count, mode), *to = filled(step * planes, 5), *want = copied(to, step * planes);
                for (u32 j = 0; j < planes; j++) {
                    for (u64 w = 0; w < per; w++) want[j * step + w] = 0;
                    for (u64 i = 0; i < count; i++) want[j * step + i / 64] |= (from[i] >> (low + j) & 1) << (i % 64);
                }
                if (low == 64) continue;
                planes_args p = {(u64)to, (u64)from, count, step, low, planes};
                LAUNCH("planes_of", count, 256, p);
                compare("planes_of", to, want, step * planes);
                u64 *back = filled(count, 5), *elements = calloc(count + 1, 8), *source = filled(step * planes, 5);
                for (u64 i = 0; i < count; i++)
                    for (u32 j = 0; j < planes; j++) elements[i] |= (u64)bit(source + j * step, i) << j;
                planes_args q = {(u64)back, (u64)source, count, step, 0, planes};
                LAUNCH("words_of", count, 256, q);
                compare("words_of", back, elements, count);
                q.from = (u64)to, q.low = low;
                for (u64 i = 0; i < count; i++) elements[i] = planes ? from[i] & ((~0ull >> (64 - planes)) << low) : 0;
                LAUNCH("words_of", count, 256, q);
                compare("words_of planes_of", back, elements, count);
                free(want), free(elements), release();
            }
}

static void test_boolean(void) {
    static const u64 sizes[] = {0, 1, 2, 63, 64, 65, 127, 128, 129, 257, 1000};
    for (unsigned n = 0; n < sizeof sizes / 8; n++)
        for (int round = 0; round < 40; round++) {
            const u64 count = sizes[n], step = count + below(3);
            const u32 registers = round % 4 == 0 ? 0 : round % 4 == 1 ? 1 + (u32)below(31) : round % 4 == 2 ? 32 : 33 + (u32)below(40);
            const u32 inputs = 1 + (u32)below(12), outputs = 1 + (u32)below(9), places = registers + inputs + outputs, steps = (u32)below(400) + places;
            u32 *code = (u32 *)words((steps * 5 + 1) / 2);
            u64 *plane = words(inputs + 1), *to = filled(step * outputs, 5), *scratch = registers > 32 ? filled(registers * count, 5) : 0;
            u64 **at = malloc(8 * places);
            for (u32 j = 0; j < inputs; j++) at[registers + j] = filled(count, round % 3 ? 5 : (int)below(MODES)), plane[j] = (u64)at[registers + j];
            for (u32 j = 0; j < registers; j++) at[j] = malloc(8 * count + 8);
            u64 *want = copied(to, step * outputs);
            for (u32 j = 0; j < outputs; j++) at[registers + inputs + j] = want + j * step;
            for (u32 s = 0; s < steps; s++) {
                u32 *c = code + 5 * s;
                c[0] = (u32)below(6);
                c[1] = (u32)below(registers + outputs);
                if (s < registers + outputs) c[0] = s % 2 ? 5 : 4, c[1] = s;  // every place is written before it is read
                if (c[1] >= registers) c[1] += inputs;
                for (int k = 2; k < 5; k++) c[k] = s < registers + outputs ? registers + (u32)below(inputs) : (u32)below(places);
                for (u64 i = 0; i < count; i++) {
                    const u64 a = at[c[2]][i], b = at[c[3]][i], d = at[c[4]][i];
                    at[c[1]][i] = c[0] == 0 ? a & b : c[0] == 1 ? a ^ b : c[0] == 2 ? d ^ (a & b) : c[0] == 3 ? ~a : c[0] == 4 ? a : 0;
                }
            }
            // Inputs are blocks of a plane each, and the output is the block behind them.
            for (u32 s = 0; s < 5 * steps; s++)
                if (s % 5 && code[s] >= registers) {
                    const u32 place = code[s] - registers;
                    code[s] = PLACE_OF_BLOCK | (place < inputs ? place << 16 : inputs << 16 | (place - inputs));
                }
            boolean_args p = {(u64)code, round % 5 ? 0 : (u64)plane, (u64)scratch, count, step, {0}, steps, registers};
            plane[inputs] = (u64)to;
            for (u32 j = 0; j <= inputs; j++) p.bases[j] = round % 5 ? plane[j] : 0;
            LAUNCH("boolean_program", count, 64, p);
            compare("boolean_program", to, want, step * outputs);
            for (u32 j = 0; j < registers; j++) free(at[j]);
            free(at), free(want), release();
        }
}

static void test_weights(void) {
    for (int n = 0; n < NCOUNTS; n++)
        for (u32 planes = 1; planes <= 70; planes += planes < 5 ? 1 : 13)
            for (int mode = 0; mode < MODES; mode++) {
                const u64 count = COUNTS[n], constant = value(mode, 3);
                u64 *to = filled(count, 5), *plane = words(planes), *factors = filled(planes, mode), *want = malloc(8 * count + 8);
                for (u64 i = 0; i < count; i++) want[i] = constant;
                for (u32 j = 0; j < planes; j++) {
                    u64 *bits = filled(UP(count, 64), 5);
                    plane[j] = (u64)bits;
                    for (u64 i = 0; i < count; i++) want[i] += bit(bits, i) ? factors[j] : 0;
                }
                weights_args p = {(u64)to, (u64)plane, (u64)factors, constant, count, planes, 0};
                LAUNCH("weights", count, 256, p);
                compare("weights", to, want, count);
                free(want), release();
            }
}

/// Calls for every index of `extents`, row-major, with its digits.
#define FOR_EACH_INDEX(EXTENTS, DIGITS, ...)                                       \
    {                                                                               \
        u64 DIGITS[AXES] = {0}, total_ = 1;                                         \
        for (int k_ = 0; k_ < AXES; k_++) total_ *= (EXTENTS)[k_];                  \
        for (u64 n_ = 0; n_ < total_; n_++) {                                       \
            __VA_ARGS__;                                                            \
            for (int k_ = AXES - 1; k_ >= 0 && ++DIGITS[k_] == (EXTENTS)[k_]; k_--) DIGITS[k_] = 0; \
        }                                                                           \
    }
/// Extents whose product is at most `most`; those of axes that aren't used are 1, wherever they are.
static u64 extents(u64 *e, u64 most) {
    u64 product = 1;
    for (int k = 0; k < AXES; k++) e[k] = 1;
    for (int tries = (int)below(AXES + 1); tries > 0; tries--) {
        const int k = (int)below(AXES);
        const u64 extent = 1 + below(tries % 2 ? 5 : 40);
        if (e[k] == 1 && product * extent <= most) e[k] = extent, product *= extent;
    }
    return product;
}
/// Steps of a permuted layout with some axes backwards, maybe spread; where it begins, and how many words it spans.
static void layout(const u64 *e, u64 *steps, u64 *offset, u64 *span, int broadcast) {
    int order[AXES];
    for (int k = 0; k < AXES; k++) order[k] = k;
    for (int k = AXES - 1; k > 0; k--) { const int j = (int)below(k + 1), x = order[k]; order[k] = order[j], order[j] = x; }
    u64 size = 1;
    *offset = 0;
    for (int k = 0; k < AXES; k++) {
        const int axis = order[k];
        const u64 step = size * (1 + (below(4) == 0));
        if (broadcast && below(5) == 0) { steps[axis] = 0; continue; }
        if (below(3) == 0) steps[axis] = -step, *offset += step * (e[axis] - 1);
        else steps[axis] = step;
        size = step * e[axis];
        if (size > 1 << 20) abort();
    }
    *span = size;
}
static void row_major(const u64 *e, u64 *steps) { u64 s = 1; for (int k = AXES - 1; k >= 0; k--) steps[k] = s, s *= e[k]; }

static void one_copy(const u64 *e, u32 combination, int plain) {
    copy_args p = {0};
    u64 span_to, span_from;
    memcpy(p.extents, e, sizeof p.extents);
    p.count = 1;
    for (int k = 0; k < AXES; k++) p.count *= e[k];
    layout(p.extents, p.to_steps, &p.to_offset, &span_to, 0);
    layout(p.extents, p.from_steps, &p.from_offset, &span_from, 1);
    if (plain) row_major(p.extents, p.to_steps), p.to_offset = below(4), span_to = p.count + p.to_offset;
    u64 *to = filled(span_to, 5), *from = filled(span_from, 5), *want = copied(to, span_to);
    FOR_EACH_INDEX(p.extents, digit, {
        u64 t = p.to_offset, f = p.from_offset;
        for (int k = 0; k < AXES; k++) t += digit[k] * p.to_steps[k], f += digit[k] * p.from_steps[k];
        want[t] = combination == 0 ? from[f] : combination == 1 ? want[t] + from[f] : want[t] - from[f];
    })
    p.to = (u64)to, p.from = (u64)from, p.combination = combination;
    LAUNCH("copy", p.count, 256, p);
    compare("copy", to, want, span_to);
    free(want), release();
}
static void test_copy(void) {
    u64 e[AXES];
    for (int round = 0; round < 3000; round++) extents(e, 2000), one_copy(e, round % 3, round / 3 % 2);
    for (int n = 0; n < NCOUNTS; n++)
        for (int k = 0; k < AXES; k++) {
            for (int j = 0; j < AXES; j++) e[j] = 1;
            e[k] = COUNTS[n];
            if (COUNTS[n]) one_copy(e, n % 3, n % 2);
        }
    // All eight axes at once, and nothing.
    for (int k = 0; k < AXES; k++) e[k] = k < 4 ? 2 : 3;
    for (int round = 0; round < 30; round++) one_copy(e, round % 3, round / 3 % 2);
    copy_args p = {0};
    u64 *w = filled(4, 5), *want = copied(w, 4);
    p.to = p.from = (u64)w;
    for (int k = 0; k < AXES; k++) p.extents[k] = 1;
    LAUNCH("copy", 0, 256, p);
    compare("copy", w, want, 4);
    free(want), release();
}

// Digits of numbers beyond 32 bits, which no copy of this size needs: a kernel of the test's own.
#ifndef EMULATED
static const char *DIGITS = "\n__kernel void digits_of(fill_args p) {\n"
    "    const u64 i = get_global_id(0);\n"
    "    if (i >= p.count) return;\n"
    "    __global u64 *to = POINTER(u64, p.to) + 4 * i;\n"
    "    u64 number = to[0];\n"
    "    to[2] = last_digit(&number, to[1]);\n"
    "    to[3] = number;\n"
    "}\n";
static void test_digits(void) {
    const u64 count = 20000;
    u64 *to = filled(4 * count, 5), *want = malloc(32 * count);
    for (u64 i = 0; i < count; i++) {
        to[4 * i] >>= below(64), to[4 * i + 1] >>= below(64);
        if (i < MODES * MODES) to[4 * i] = value(i % MODES, i), to[4 * i + 1] = value(i / MODES, i);
        if (i % 5 == 0) to[4 * i] = to[4 * i + 1] * (1 + below(3)) - below(2);
        if (!to[4 * i + 1]) to[4 * i + 1] = 1;
        want[4 * i] = to[4 * i], want[4 * i + 1] = to[4 * i + 1];
        want[4 * i + 2] = to[4 * i] % to[4 * i + 1], want[4 * i + 3] = to[4 * i] / to[4 * i + 1];
    }
    fill_args p = {(u64)to, count, 0};
    LAUNCH("digits_of", count, 64, p);
    compare("last_digit", to, want, 4 * count);
    free(want), release();
}
#else
static const char *DIGITS = "";
static void test_digits(void) {}
#endif

static void test_take(void) {
    for (int round = 0; round < 1500; round++) {
        const u64 outer = 1 + below(round % 2 ? 3 : 20), extent = 1 + below(30), inner = 1 + below(round % 3 ? 4 : 40);
        const u64 count = round < NCOUNTS ? COUNTS[round] : below(25), size = outer * count * inner;
        u64 *from = filled(outer * extent * inner, 5), *to = filled(size, 5), *index = words(count), *want = malloc(8 * size + 8);
        for (u64 k = 0; k < count; k++) index[k] = below(extent);
        u64 i = 0;
        for (u64 o = 0; o < outer; o++)
            for (u64 k = 0; k < count; k++)
                for (u64 e = 0; e < inner; e++) want[i++] = from[(o * extent + index[k]) * inner + e];
        take_args p = {(u64)to, (u64)from, (u64)index, outer, count, extent, inner};
        LAUNCH("take", size, 256, p);
        compare("take", to, want, size);
        free(want), release();
    }
}

static void one_sum(u64 count_limit, u64 terms_limit, const u64 *kept, const u64 *summed) {
    for (u32 width = 1; width <= 256; width *= 2) {
        sum_args p = {0};
        u64 e[2][AXES], steps[AXES], span, offset, size = 1;
        // One layout over both: odd axes are summed, even ones kept, of a tensor with as many axes as have an extent.
        if (kept) memcpy(e[0], kept, sizeof e[0]), memcpy(e[1], summed, sizeof e[1]);
        else extents(e[0], count_limit), extents(e[1], terms_limit);
        (void)steps, (void)span, (void)offset;
        p.count = p.terms = 1;
        for (int k = AXES - 1; k >= 0; k--) {
            p.kept_extents[k] = e[0][k], p.summed_extents[k] = e[1][k];
            const int kept_first = (int)below(2);
            for (int h = 0; h < 2; h++) {
                u64 *s = h == kept_first ? p.summed_steps : p.kept_steps;
                s[k] = size;
                size *= h == kept_first ? e[1][k] : e[0][k];
            }
            p.count *= e[0][k], p.terms *= e[1][k];
        }
        u64 *from = filled(size, below(2) ? 5 : 4), *to = filled(p.count, 5), *want = calloc(p.count + 1, 8), i = 0;
        FOR_EACH_INDEX(p.kept_extents, x, {
            u64 f = 0;
            for (int k = 0; k < AXES; k++) f += x[k] * p.kept_steps[k];
            FOR_EACH_INDEX(p.summed_extents, y, {
                u64 g = f;
                for (int k = 0; k < AXES; k++) g += y[k] * p.summed_steps[k];
                want[i] += from[g];
            })
            i++;
        })
        p.from = (u64)from, p.to = (u64)to, p.width = width;
        LAUNCH("sum", p.count * width, 256, p);
        compare("sum", to, want, p.count);
        free(want), release();
    }
}
static void test_sum(void) {
    for (int round = 0; round < 150; round++) one_sum(round % 2 ? 1000 : 20, round % 2 ? 20 : 1000, 0, 0);
    for (int n = 0; n < NCOUNTS; n++)
        for (int m = 0; m < NCOUNTS; m++) {
            u64 kept[AXES], summed[AXES];
            for (int k = 0; k < AXES; k++) kept[k] = summed[k] = 1;
            kept[n % AXES] = COUNTS[n], summed[m % AXES] = COUNTS[m];
            if (COUNTS[n] * COUNTS[m] <= 300000) one_sum(0, 0, kept, summed);
        }
}

static void test_patches(void) {
    for (int round = 0; round < 600; round++) {
        patches_args p = {0};
        do {
            p.channels = 1 + (u32)below(4), p.height = 1 + (u32)below(12), p.width = 1 + (u32)below(12);
            p.kernel_height = 1 + (u32)below(4), p.kernel_width = 1 + (u32)below(4), p.stride_y = 1 + (u32)below(3), p.stride_x = 1 + (u32)below(3);
            p.padding_y = (u32)below(4), p.padding_x = (u32)below(4), p.dilation_y = 1 + (u32)below(3), p.dilation_x = 1 + (u32)below(3);
        } while ((p.kernel_height - 1) * p.dilation_y + 1 > p.height + 2 * p.padding_y || (p.kernel_width - 1) * p.dilation_x + 1 > p.width + 2 * p.padding_x);
        p.out_height = (p.height + 2 * p.padding_y - (p.kernel_height - 1) * p.dilation_y - 1) / p.stride_y + 1;
        p.out_width = (p.width + 2 * p.padding_x - (p.kernel_width - 1) * p.dilation_x - 1) / p.stride_x + 1;
        u64 e[AXES] = {1, 1, 1, 1, 1, p.channels, p.height, p.width}, steps[AXES], offset, span;
        layout(e, steps, &offset, &span, 0);
        p.channel_step = steps[5], p.row_step = steps[6], p.column_step = steps[7];
        p.count = (u64)p.out_height * p.out_width * p.channels * p.kernel_height * p.kernel_width;
        u64 *from = filled(span, 5), *to = filled(p.count, 5), *want = malloc(8 * p.count + 8), i = 0;
        for (u32 y = 0; y < p.out_height; y++)
            for (u32 x = 0; x < p.out_width; x++)
                for (u32 c = 0; c < p.channels; c++)
                    for (u32 ky = 0; ky < p.kernel_height; ky++)
                        for (u32 kx = 0; kx < p.kernel_width; kx++) {
                            const i64 row = (i64)y * p.stride_y + ky * p.dilation_y - (i64)p.padding_y, column = (i64)x * p.stride_x + kx * p.dilation_x - (i64)p.padding_x;
                            const int inside = row >= 0 && row < p.height && column >= 0 && column < p.width;
                            want[i++] = inside ? from[offset + c * p.channel_step + row * p.row_step + column * p.column_step] : 0;
                        }
        p.to = (u64)to, p.from = (u64)(from + offset);
        LAUNCH("patches", p.count, 256, p);
        compare("patches", to, want, p.count);
        free(want), release();
    }
}

static void one_product(u32 rows, u32 columns, u32 inner, u32 batches, int mode) {
    const int ta = (int)below(2), tb = (int)below(2), shared_a = (int)below(2), shared_b = (int)below(2);
    const u64 gap = below(3);  // rows that lie apart
    product_args p = {0};
    p.rows = rows, p.columns = columns, p.inner = inner, p.subtract = (u32)below(2);
    p.a_row = ta ? 1 : inner + gap, p.a_inner = ta ? rows + gap : 1, p.b_inner = tb ? 1 : columns + gap, p.b_column = tb ? inner + gap : 1;
    const u64 size_a = ta ? inner * (rows + gap) : rows * (inner + gap), size_b = tb ? columns * (inner + gap) : inner * (columns + gap);
    p.a_batch = shared_a ? 0 : size_a, p.b_batch = shared_b ? 0 : size_b, p.c_batch = (u64)rows * columns + gap;
    u64 *a = filled(shared_a ? size_a : batches * size_a, mode), *b = filled(shared_b ? size_b : batches * size_b, mode == 4 ? 4 : mode);
    u64 *c = filled(batches * p.c_batch, 5), *want = copied(c, batches * p.c_batch);
    for (u64 n = 0; n < batches; n++)
        for (u64 r = 0; r < rows; r++)
            for (u64 j = 0; j < columns; j++) {
                u64 s = 0;
                for (u64 k = 0; k < inner; k++) s += a[n * p.a_batch + r * p.a_row + k * p.a_inner] * b[n * p.b_batch + k * p.b_inner + j * p.b_column];
                want[n * p.c_batch + r * columns + j] += p.subtract ? -s : s;
            }
    p.a = (u64)a, p.b = (u64)b, p.c = (u64)c;
    launch_("ring_product", UP(columns, 64), UP(rows, 64), batches, 256, &p, sizeof p);
    compare("ring_product", c, want, batches * p.c_batch);
    free(want), release();
}
static void test_products(void) {
    static const u32 sizes[] = {0, 1, 15, 16, 17, 63, 64, 65, 130};
    for (int m = 0; m < 9; m++)
        for (int n = 0; n < 9; n++)
            for (int k = 0; k < 9; k += 1 + (m * n > 20)) one_product(sizes[m], sizes[n], sizes[k], 1 + (u32)below(2), (m + n + k) % MODES);
    for (int mode = 0; mode < MODES; mode++)
        for (int round = 0; round < 3; round++) one_product(20, 20, 8192, 1, mode), one_product(1, 257, 1000, 1, mode), one_product(257, 1, 1000, 1, mode);
    for (int round = 0; round < 20; round++) one_product(1 + (u32)below(70), 1 + (u32)below(70), 1 + (u32)below(70), 1 + (u32)below(7), 5);
}

#include "residue_cases.h"

// MARK: Main

static char *read_file(const char *name) {
    FILE *f = fopen(name, "rb");
    if (!f) { perror(name); exit(1); }
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *s = calloc(n + 1, 1);
    if (fread(s, 1, n, f) != (size_t)n) exit(1);
    fclose(f);
    return s;
}
int main(int argc, char **argv) {
    cl_platform_id platform;
    cl_device_id device;
    cl_uint n;
    cl_int e;
    CHECK(clGetPlatformIDs(1, &platform, &n));
    CHECK(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, &n));
    char text[256];
    CHECK(clGetDeviceInfo(device, CL_DEVICE_VERSION, sizeof text, text, 0));
    printf("%s\n", text);
    context = clCreateContext(0, 1, &device, 0, 0, &e);
    CHECK(e);
    queue = clCreateCommandQueueWithProperties(context, device, 0, &e);
    CHECK(e);
    const char *source[] = {read_file(argv[1]), DIGITS};
    program = clCreateProgramWithSource(context, 2, source, 0, &e);
    CHECK(e);
    double t = now();
    guarded = getenv("GUARDED") != 0;
    const char *options = getenv("OPTIONS");
    const int failed = clBuildProgram(program, 1, &device, options ? options : "-cl-std=CL2.0 -DPLAIN_LOOPS", 0, 0);
    size_t size;
    clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, 0, 0, &size);
    char *log = malloc(size + 1);
    clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, size, log, 0);
    printf("%.8000s\n", log);
    if (failed) return 1;
    printf("built in %.2f s\n", now() - t);
    static const struct { const char *name; void (*test)(void); } tests[] = {
        {"fill", test_fill}, {"elementwise", test_elementwise}, {"expand", test_expand}, {"tails", test_tails}, {"truncate", test_truncate},
        {"pack, unpack, add_unpacked", test_pack}, {"planes_of, words_of", test_planes}, {"boolean_program", test_boolean}, {"weights", test_weights},
        {"copy", test_copy}, {"digits of indices", test_digits}, {"take", test_take}, {"sum", test_sum}, {"patches", test_patches}, {"ring_product", test_products},
        {"residues", test_residues}, {"residue_product", test_residue_product}, {"tiles", test_tiles}, {"reconstruct", test_reconstruct},
        {"products by residues", test_products_by_residues}, {"convolutions by taps", test_convolutions},
        {"plane_product", test_plane_product}};
    u64 all = 0, all_launches = 0, bad = 0;
    for (unsigned k = 0; k < sizeof tests / sizeof tests[0]; k++) {
        int wanted = argc < 3;
        for (int j = 2; j < argc; j++) wanted |= strstr(tests[k].name, argv[j]) != 0;
        if (!wanted) continue;
        compared = differing = launches = guards_broken = 0;
        t = now();
        tests[k].test();
        printf("%-28s %7llu launches, %9llu words compared, %llu differ, %llu guards broken (%.1f s)\n", tests[k].name, (unsigned long long)launches,
               (unsigned long long)compared, (unsigned long long)differing, (unsigned long long)guards_broken, now() - t);
        fflush(stdout);
        all += compared, all_launches += launches, bad += differing + guards_broken;
    }
    printf("%s: %llu launches, %llu words\n", bad ? "FAILED" : "all equal", (unsigned long long)all_launches, (unsigned long long)all);
    return bad != 0;
}
