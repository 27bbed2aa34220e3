// Negacyclic number-theoretic transforms of 8192 points: Cooley and Tukey's butterflies one way, Gentleman and Sande's the other, two
// stages at a time while the blocks are long. The last four stages, whose blocks are shorter than a vector, work on 256 coefficients
// that are transposed first, so that a vector has the same place of 16 blocks; they stay so.
#include "lattice_vectors.h"

enum { HEAD = 512, TAIL = 15 * CCT_LATTICE_VECTOR, SIDE = CCT_LATTICE_VECTOR };

// Of two vectors a and b, `DISTANCE` rows apart: the first keeps the places without that bit and gets b's in those with it, and b
// likewise: the blocks off the diagonal change places.
#define SWAP(DISTANCE, FIRST, SECOND)                              \
    CCT_UNROLL for (size_t i = 0; i < SIDE; i++) {                 \
        if (i & (DISTANCE)) continue;                              \
        const row16 a = x[i], b = x[i + (DISTANCE)];               \
        x[i] = __builtin_shufflevector(a, b, FIRST);               \
        x[i + (DISTANCE)] = __builtin_shufflevector(a, b, SECOND); \
    }
#define FIRST8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define SECOND8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define FIRST4 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27
#define SECOND4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define FIRST2 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29
#define SECOND2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define FIRST1 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30
#define SECOND1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31

/// Transposes 16 * 16 words in place.
CCT_INLINE void transpose(uint32_t *words) {
    row16 x[SIDE];
    CCT_UNROLL for (size_t i = 0; i < SIDE; i++) x[i] = LOAD(words + SIDE * i);
    SWAP(8, FIRST8, SECOND8)
    SWAP(4, FIRST4, SECOND4)
    SWAP(2, FIRST2, SECOND2)
    SWAP(1, FIRST1, SECOND1)
    CCT_UNROLL for (size_t i = 0; i < SIDE; i++) STORE(words + SIDE * i, x[i]);
}

/// u, v = u + w v, u - w v for `count` residues, a multiple of 16; one root for all.
CCT_INLINE void butterflies(uint32_t *u, uint32_t *v, size_t count, uint32_t root, uint32_t quotient, const uint32_t prime) {
    const row16 p = ALL(prime), w = ALL(root), q = ALL(quotient);
    for (size_t i = 0; i < count; i += SIDE) {
        const row16 a = LOAD(u + i), c = LOAD(v + i), b = TIMES(c, w, q);
        STORE(u + i, ADD(a, b));
        STORE(v + i, SUBTRACT(a, b));
    }
}

/// u, v = u + v, (u - v) w.
CCT_INLINE void inverse_butterflies(uint32_t *u, uint32_t *v, size_t count, uint32_t root, uint32_t quotient,
                                    const uint32_t prime) {
    const row16 p = ALL(prime), w = ALL(root), q = ALL(quotient);
    for (size_t i = 0; i < count; i += SIDE) {
        const row16 a = LOAD(u + i), b = LOAD(v + i), c = a + p - b;
        STORE(u + i, ADD(a, b));
        STORE(v + i, TIMES(c, w, q));
    }
}

/// Two stages, of `blocks` blocks of four quarters.
CCT_INLINE void two_stages(uint32_t *x, size_t blocks, const cct_lattice_prime *prime) {
    const uint32_t *roots = prime->roots, *quotients = prime->root_quotients;
    const row16 p = ALL(prime->prime);
    const size_t quarter = CCT_LATTICE_DEGREE / 4 / blocks;
    for (size_t i = 0; i < blocks; i++) {
        const row16 w1 = ALL(roots[blocks + i]), q1 = ALL(quotients[blocks + i]);
        const row16 w2 = ALL(roots[2 * blocks + 2 * i]), q2 = ALL(quotients[2 * blocks + 2 * i]);
        const row16 w3 = ALL(roots[2 * blocks + 2 * i + 1]), q3 = ALL(quotients[2 * blocks + 2 * i + 1]);
        uint32_t *a = x + 4 * quarter * i, *b = a + quarter, *c = b + quarter, *d = c + quarter;
        for (size_t k = 0; k < quarter; k += SIDE) {
            const row16 s = LOAD(a + k), t = LOAD(b + k), y = LOAD(c + k), z = LOAD(d + k);
            const row16 u = TIMES(y, w1, q1), v = TIMES(z, w1, q1);
            const row16 e = ADD(s, u), f = SUBTRACT(s, u);
            const row16 m = ADD(t, v), n = SUBTRACT(t, v);
            const row16 g = TIMES(m, w2, q2), h = TIMES(n, w3, q3);
            STORE(a + k, ADD(e, g));
            STORE(b + k, SUBTRACT(e, g));
            STORE(c + k, ADD(f, h));
            STORE(d + k, SUBTRACT(f, h));
        }
    }
}

CCT_INLINE void two_inverse_stages(uint32_t *x, size_t blocks, const cct_lattice_prime *prime) {
    const uint32_t *roots = prime->inverse_roots, *quotients = prime->inverse_root_quotients;
    const row16 p = ALL(prime->prime);
    const size_t quarter = CCT_LATTICE_DEGREE / 4 / blocks;
    for (size_t i = 0; i < blocks; i++) {
        const row16 w1 = ALL(roots[blocks + i]), q1 = ALL(quotients[blocks + i]);
        const row16 w2 = ALL(roots[2 * blocks + 2 * i]), q2 = ALL(quotients[2 * blocks + 2 * i]);
        const row16 w3 = ALL(roots[2 * blocks + 2 * i + 1]), q3 = ALL(quotients[2 * blocks + 2 * i + 1]);
        uint32_t *a = x + 4 * quarter * i, *b = a + quarter, *c = b + quarter, *d = c + quarter;
        for (size_t k = 0; k < quarter; k += SIDE) {
            const row16 s = LOAD(a + k), t = LOAD(b + k), u = LOAD(c + k), v = LOAD(d + k);
            const row16 y = s + p - t, z = u + p - v;
            const row16 e = ADD(s, t), f = TIMES(y, w2, q2), g = ADD(u, v), h = TIMES(z, w3, q3);
            const row16 m = e + p - g, n = f + p - h;
            STORE(a + k, ADD(e, g));
            STORE(b + k, ADD(f, h));
            STORE(c + k, TIMES(m, w1, q1));
            STORE(d + k, TIMES(n, w1, q1));
        }
    }
}

/// One of the last four stages of a transposed chunk: vector k has place k of 16 blocks, and a root for each.
CCT_INLINE void tail_stage(uint32_t *x, const size_t distance, const uint32_t *roots, const uint32_t *quotients,
                           const uint32_t prime) {
    const row16 p = ALL(prime);
    CCT_UNROLL for (size_t block = 0; block < 8 / distance; block++) {
        const row16 w = LOAD(roots + SIDE * block), q = LOAD(quotients + SIDE * block);
        uint32_t *u = x + SIDE * 2 * distance * block, *v = u + SIDE * distance;
        CCT_UNROLL for (size_t i = 0; i < SIDE * distance; i += SIDE) {
            const row16 a = LOAD(u + i), c = LOAD(v + i), b = TIMES(c, w, q);
            STORE(u + i, ADD(a, b));
            STORE(v + i, SUBTRACT(a, b));
        }
    }
}

CCT_INLINE void inverse_tail_stage(uint32_t *x, const size_t distance, const uint32_t *roots, const uint32_t *quotients,
                                   const uint32_t prime) {
    const row16 p = ALL(prime);
    CCT_UNROLL for (size_t block = 0; block < 8 / distance; block++) {
        const row16 w = LOAD(roots + SIDE * block), q = LOAD(quotients + SIDE * block);
        uint32_t *u = x + SIDE * 2 * distance * block, *v = u + SIDE * distance;
        CCT_UNROLL for (size_t i = 0; i < SIDE * distance; i += SIDE) {
            const row16 a = LOAD(u + i), b = LOAD(v + i), c = a + p - b;
            STORE(u + i, ADD(a, b));
            STORE(v + i, TIMES(c, w, q));
        }
    }
}

/// Roots of the stage with this distance: those of the longer ones, 8 / distance - 1 vectors, come before.
CCT_INLINE size_t tail_roots(size_t chunk, const size_t distance) {
    return HEAD + TAIL * chunk + SIDE * (8 / distance - 1);
}

CCT_FOR_EACH_SET(cct_lattice_forward, (cct_instruction_set set, uint32_t *row, const cct_lattice_prime *prime),
                 (set, row, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    const uint32_t *roots = prime->roots;
    const uint32_t *quotients = prime->root_quotients;
    for (size_t blocks = 1; blocks < HEAD / 2; blocks *= 4) two_stages(row, blocks, prime);
    for (size_t chunk = 0; chunk < CCT_LATTICE_DEGREE / CCT_LATTICE_CHUNK; chunk++) {
        uint32_t *x = row + chunk * CCT_LATTICE_CHUNK;
        for (size_t i = 0; i < 8; i++) {
            const size_t root = HEAD / 2 + 8 * chunk + i;
            butterflies(x + 2 * SIDE * i, x + 2 * SIDE * i + SIDE, SIDE, roots[root], quotients[root], p);
        }
        transpose(x);
        tail_stage(x, 8, roots + tail_roots(chunk, 8), quotients + tail_roots(chunk, 8), p);
        tail_stage(x, 4, roots + tail_roots(chunk, 4), quotients + tail_roots(chunk, 4), p);
        tail_stage(x, 2, roots + tail_roots(chunk, 2), quotients + tail_roots(chunk, 2), p);
        tail_stage(x, 1, roots + tail_roots(chunk, 1), quotients + tail_roots(chunk, 1), p);
    }
})

CCT_FOR_EACH_SET(cct_lattice_backward, (cct_instruction_set set, uint32_t *row, const cct_lattice_prime *prime),
                 (set, row, prime), {
    (void)set;
    const uint32_t p = prime->prime;
    const uint32_t *roots = prime->inverse_roots;
    const uint32_t *quotients = prime->inverse_root_quotients;
    for (size_t chunk = 0; chunk < CCT_LATTICE_DEGREE / CCT_LATTICE_CHUNK; chunk++) {
        uint32_t *x = row + chunk * CCT_LATTICE_CHUNK;
        inverse_tail_stage(x, 1, roots + tail_roots(chunk, 1), quotients + tail_roots(chunk, 1), p);
        inverse_tail_stage(x, 2, roots + tail_roots(chunk, 2), quotients + tail_roots(chunk, 2), p);
        inverse_tail_stage(x, 4, roots + tail_roots(chunk, 4), quotients + tail_roots(chunk, 4), p);
        inverse_tail_stage(x, 8, roots + tail_roots(chunk, 8), quotients + tail_roots(chunk, 8), p);
        transpose(x);
        for (size_t i = 0; i < 8; i++) {
            const size_t root = HEAD / 2 + 8 * chunk + i;
            inverse_butterflies(x + 2 * SIDE * i, x + 2 * SIDE * i + SIDE, SIDE, roots[root], quotients[root], p);
        }
    }
    for (size_t blocks = HEAD / 8; blocks; blocks /= 4) two_inverse_stages(row, blocks, prime);
    for (size_t i = 0; i < CCT_LATTICE_DEGREE; i++) row[i] = cct_times(row[i], prime->scale.factor, prime->scale.quotient, p);
})

/// Where the root of block `i` of a stage of `blocks` lies, a power of two up to 2048.
CCT_INLINE size_t place_of_root(size_t blocks, size_t i) {
    if (blocks < HEAD) return blocks + i;
    // Part `part` of block `block` of 512.
    const size_t parts = blocks / HEAD, block = i / parts, part = i % parts;
    return tail_roots(block / SIDE, 8 / parts) + SIDE * part + block % SIDE;
}

/// Blocks first ..< last of a stage of 16 transforms side by side.
CCT_INLINE void stage_of_many(uint32_t *rows, size_t points, size_t blocks, size_t first, size_t last,
                              const cct_lattice_prime *prime) {
    const size_t length = points / 2 / blocks * SIDE;
    for (size_t i = first; i < last; i++) {
        uint32_t *u = rows + 2 * length * i;
        const size_t root = place_of_root(blocks, i);
        butterflies(u, u + length, length, prime->roots[root], prime->root_quotients[root], prime->prime);
    }
}

CCT_FOR_EACH_SET(cct_lattice_forward_many,
                 (cct_instruction_set set, uint32_t *rows, size_t points, const cct_lattice_prime *prime),
                 (set, rows, points, prime), {
    (void)set;
    // 256 points of 16 polynomials stay in the first cache: from there on, one part after the other.
    const size_t parts = points > CCT_LATTICE_CHUNK ? points / CCT_LATTICE_CHUNK : 1;
    for (size_t blocks = 1; blocks < parts; blocks *= 2) stage_of_many(rows, points, blocks, 0, blocks, prime);
    for (size_t part = 0; part < parts; part++) {
        for (size_t blocks = parts; blocks < points; blocks *= 2) {
            stage_of_many(rows, points, blocks, blocks / parts * part, blocks / parts * (part + 1), prime);
        }
    }
})

CCT_FOR_EACH_SET(cct_lattice_apart, (cct_instruction_set set, uint32_t *out, const uint32_t *rows, size_t points, size_t count),
                 (set, out, rows, points, count), {
    (void)set;
    // Distinct vectors of a chunk: points of neighbouring lanes are as far apart.
    const size_t pieces = points * SIDE / CCT_LATTICE_DEGREE;
    uint32_t x[SIDE * SIDE];
    for (size_t vector = 0; vector < points / SIDE; vector++) {
        const size_t first = vector / pieces * pieces * SIDE + vector % pieces;
        for (size_t lane = 0; lane < SIDE; lane++) {
            memcpy(x + SIDE * lane, rows + (first + pieces * lane) * SIDE, SIDE * sizeof *x);
        }
        transpose(x);
        for (size_t j = 0; j < count; j++) memcpy(out + j * points + vector * SIDE, x + SIDE * j, SIDE * sizeof *x);
    }
    cct_wipe(x, sizeof x);
})
