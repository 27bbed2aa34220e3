// Vectors of 16 residues, of which the compiler makes what each instruction set has: it doesn't find the product of 32-bit halves in a
// loop.
#ifndef CCT_LATTICE_VECTORS_H
#define CCT_LATTICE_VECTORS_H

#include "lattice.h"

typedef uint32_t row16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint64_t row8 __attribute__((vector_size(64), aligned(4), may_alias));

// Macros, for a vector that is passed or returned would have another place for each instruction set.
#define LOAD(FROM) (*(const row16 *)(FROM))
#define STORE(TO, X) (*(row16 *)(TO) = (X))
#define ALL(X) ((row16){0} + (X))
#define MIN(A, B) __builtin_elementwise_min(A, B)
/// The high halves of products of 32 bits: of even and of odd lanes apart.
#define HIGH(A, B)                                                                              \
    ((row16)((((row8)(A) & 0xFFFFFFFF) * ((row8)(B) & 0xFFFFFFFF)) >> 32) |                     \
     (row16)((((row8)(A) >> 32) * ((row8)(B) >> 32)) & 0xFFFFFFFF00000000))
/// cct_times, cct_add, cct_subtract, of vectors, modulo the vector `p` that is in scope.
#define TIMES(X, FACTOR, QUOTIENT)                                     \
    ({                                                                 \
        const row16 product = (X) * (FACTOR) - HIGH(X, QUOTIENT) * p;  \
        MIN(product, product - p);                                     \
    })
#define ADD(A, B)                       \
    ({                                  \
        const row16 sum = (A) + (B);    \
        MIN(sum, sum - p);              \
    })
#define SUBTRACT(A, B)                        \
    ({                                        \
        const row16 difference = (A) - (B);   \
        MIN(difference, difference + p);      \
    })

/// Times a factor with its quotient, modulo `p` in scope.
#define BY(X, FACTOR) TIMES(X, ALL((FACTOR).factor), ALL((FACTOR).quotient))
/// x or x - p, and x or x + p, whichever is in 0 ..< p.
#define DOWN(X)             \
    ({                      \
        const row16 x = (X); \
        MIN(x, x - p);      \
    })
#define UP(X)                \
    ({                       \
        const row16 x = (X); \
        MIN(x, x + p);       \
    })
/// The digit K of a number x = v_0 + p_0 (v_1 + p_1 (v_2 + ...)), modulo its prime `p` in scope, with residue RESIDUE: of MOST digits the first K are
/// in DIGITS, and INVERSES[j] is 1 / p_j. Primes fall, and the first is less than twice the last.
#define DIGIT(RESIDUE, K, MOST, DIGITS, INVERSES)                               \
    ({                                                                          \
        row16 next = (RESIDUE);                                                 \
        CCT_UNROLL for (size_t j = 0; j < (MOST); j++) {                        \
            if (j >= (K)) continue;                                             \
            const row16 digit = DOWN(LOAD(&(DIGITS)[j])), rest = SUBTRACT(next, digit); \
            next = BY(rest, (INVERSES)[j]);                                     \
        }                                                                       \
        next;                                                                   \
    })

#endif
