// What Scripts/secret-branches must find, and what it must not: `--self-test` compiles this in several ways.
#include "support.h"

void outside(void);

// expect branch_on_element: branch
void branch_on_element(const uint64_t *a, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (a[i] & 1) outside();
}

// expect branch_on_sum: branch
uint64_t branch_on_sum(const uint64_t *a, size_t count) {
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += a[i] * 3;
    if (sum >> 63) outside();
    return sum;
}

// expect loop_until_zero: branch
size_t loop_until_zero(const uint64_t *a) {
    size_t n = 0;
    for (uint64_t word = a[0]; word != 0; word >>= 1) n++, outside();
    return n;
}

// expect index_by_element: address
void index_by_element(uint64_t *out, const uint64_t *a, const uint64_t *table, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = table[a[i] & 255];
}

// expect store_by_element: address
void store_by_element(uint64_t *out, const uint64_t *a, size_t count) {
    for (size_t i = 0; i < count; i++) out[a[i] & 255] = i;
}

// expect divide_by_element: division
void divide_by_element(uint64_t *out, const uint64_t *a, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = ~(uint64_t)0 / (a[i] | 1);
}

// Enough cases for a table on every machine, and no two alike.
#define PLANTED_CASE(N) \
    case N: __asm__ volatile(".rept " #N "\n nop\n .endr"); outside(); break;

// expect by_table: branch address jump
void by_table(const uint64_t *a) {
    switch (a[0]) {
        PLANTED_CASE(0) PLANTED_CASE(1) PLANTED_CASE(2) PLANTED_CASE(3) PLANTED_CASE(4) PLANTED_CASE(5) PLANTED_CASE(6) PLANTED_CASE(7)
        PLANTED_CASE(8) PLANTED_CASE(9) PLANTED_CASE(10) PLANTED_CASE(11) PLANTED_CASE(12) PLANTED_CASE(13) PLANTED_CASE(14)
    }
}

// expect length_by_element: length
void length_by_element(uint64_t *out, const uint64_t *a) { memcpy(out, a, a[0] & 1023); }

// expect by_argument: branch
void by_argument(uint64_t *out, uint64_t key) {
    *out = 0;
    if (key & 1) outside();
}

// expect through_the_stack: branch
void through_the_stack(const uint64_t *a, size_t i) {
    volatile uint64_t kept[8];
    for (size_t j = 0; j < 8; j++) kept[j] = a[j];
    if (kept[i & 7] & 4) outside();
}

__attribute__((noinline)) static void planted_callee(uint64_t x) {
    if (x & 2) outside();
}

// expect planted_callee: branch
// expect through_a_call: nothing
void through_a_call(const uint64_t *a) {
    planted_callee(a[0]);
    outside();
}

// expect mask_kept: nothing
void mask_kept(uint64_t *out, const uint64_t *a, const uint64_t *bits, size_t count) {
    CCT_FOR_EACH_BIT(bits, out[i] = a[i] & mask)
}

// expect by_count: nothing
void by_count(uint64_t *out, const uint64_t *a, size_t count, unsigned width) {
    if (count > 100) outside();
    for (size_t i = 0; i < count / width; i++) out[i] = a[i * width] ^ (a[i] << 3);
    if (count % width) out[0] = 0;
}

// expect chosen: nothing
uint64_t chosen(const uint64_t *a, uint64_t limit) {
    const uint64_t word = a[0];
    return (word & (0 - (uint64_t)(limit > 7))) + (word >> 63);
}

// expect walked: nothing
void walked(uint64_t *out, const uint64_t *const *arrays, size_t arrays_count, size_t count) {
    for (size_t j = 0; j < arrays_count; j++)
        for (size_t i = 0; i < count; i++) out[i] += arrays[j][i];
}
