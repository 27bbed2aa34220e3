// What the ring product is measured against.
#include "support.h"

#if CCT_X86
CCT_AVX2
#endif
void cct_baseline_matrix_accumulate(uint64_t *c, const uint64_t *a, const uint64_t *b, size_t extent) {
    for (size_t i = 0; i < extent; i++)
        for (size_t k = 0; k < extent; k++) {
            const uint64_t factor = a[i * extent + k];
            for (size_t j = 0; j < extent; j++) c[i * extent + j] += factor * b[k * extent + j];
        }
}
