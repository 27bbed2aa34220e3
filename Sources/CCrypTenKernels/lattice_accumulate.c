// Sums of products of rows. Factors are centred, so eight products sum to less than 2 p^2 in size, which is below p 2^32: one Montgomery
// reduction for eight. A left factor that is loaded serves four outputs and the right factors of a chunk its 16 vectors and both
// components.
#include "lattice.h"

enum { TERMS = 8, OUTPUTS = 4, LANES = CCT_LATTICE_VECTOR, VECTORS = CCT_LATTICE_CHUNK / CCT_LATTICE_VECTOR,
       CHUNKS = CCT_LATTICE_DEGREE / CCT_LATTICE_CHUNK };

/// Where a step's left factors and sums are: up to eight terms, up to four outputs, some vectors at a time.
typedef struct {
    const uint32_t *left[TERMS];
    uint32_t *sums;
    size_t sum_step, vectors;
} step;

/// Right factors by term and output, 16 lanes, the same for all vectors of a step.
typedef struct {
    uint32_t of[TERMS][OUTPUTS][LANES];
} factors;

CCT_INLINE void work(const step *s, const factors *right, const size_t outputs, uint32_t p, uint32_t inverse) {
    for (size_t k = 0; k < s->vectors; k++) {
        for (size_t j = 0; j < outputs; j++) {
            uint32_t *sum = s->sums + j * s->sum_step + k * LANES;
            int64_t products[LANES] = {0};
            for (size_t t = 0; t < TERMS; t++) {
                const uint32_t *left = s->left[t] + k * LANES;
                for (size_t i = 0; i < LANES; i++)
                    products[i] += (int64_t)(int32_t)left[i] * (int32_t)right->of[t][j][i];
            }
            for (size_t i = 0; i < LANES; i++) {
                const uint64_t wrapped = (uint64_t)products[i];
                const uint64_t positive = wrapped + (((uint64_t)p << 32) & (0 - (wrapped >> 63)));
                sum[i] = cct_add(sum[i], cct_reduced(positive, inverse, p), p);
            }
        }
    }
}

static void work_portable(const step *s, const factors *right, size_t outputs, uint32_t p, uint32_t inverse) {
    switch (outputs) {
    case 1: work(s, right, 1, p, inverse); return;
    case 2: work(s, right, 2, p, inverse); return;
    default: work(s, right, OUTPUTS, p, inverse);
    }
}

#if CCT_X86

// Products of lanes 0, 2, 4 ... and of 1, 3, 5 ... are made apart, for an instruction multiplies 32 bits of every 64.
CCT_INLINE CCT_AVX512 void work512(const step *s, const factors *all, const size_t outputs, uint32_t p, uint32_t inverse) {
    const __m512i prime = _mm512_set1_epi32((int)p), high = _mm512_set1_epi64((long long)((uint64_t)p << 32));
    const __m512i inverses = _mm512_set1_epi32((int)inverse);
    __m512i right[TERMS][OUTPUTS][2];
    for (size_t t = 0; t < TERMS; t++) {
        for (size_t j = 0; j < outputs; j++) {
            right[t][j][0] = _mm512_loadu_si512(all->of[t][j]);
            right[t][j][1] = _mm512_srli_epi64(right[t][j][0], 32);
        }
    }
    for (size_t k = 0; k < s->vectors; k++) {
        __m512i even[OUTPUTS], odd[OUTPUTS];
        CCT_UNROLL for (size_t j = 0; j < outputs; j++) even[j] = odd[j] = _mm512_setzero_si512();
        CCT_UNROLL for (size_t t = 0; t < TERMS; t++) {
            const __m512i a = _mm512_loadu_si512(s->left[t] + k * LANES), b = _mm512_srli_epi64(a, 32);
            CCT_UNROLL for (size_t j = 0; j < outputs; j++) {
                even[j] = _mm512_add_epi64(even[j], _mm512_mul_epi32(a, right[t][j][0]));
                odd[j] = _mm512_add_epi64(odd[j], _mm512_mul_epi32(b, right[t][j][1]));
            }
        }
        CCT_UNROLL for (size_t j = 0; j < outputs; j++) {
            __m512i x[2] = {even[j], odd[j]};
            CCT_UNROLL for (size_t i = 0; i < 2; i++) {
                x[i] = _mm512_mask_add_epi64(x[i], _mm512_movepi64_mask(x[i]), x[i], high);
                const __m512i m = _mm512_mul_epu32(x[i], inverses);
                x[i] = _mm512_sub_epi64(x[i], _mm512_mul_epu32(m, prime));
            }
            const __m512i y = _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(x[0], 32), x[1]);
            uint32_t *sum = s->sums + j * s->sum_step + k * LANES;
            const __m512i z = _mm512_add_epi32(_mm512_loadu_si512(sum), _mm512_min_epu32(y, _mm512_add_epi32(y, prime)));
            _mm512_storeu_si512(sum, _mm512_min_epu32(z, _mm512_sub_epi32(z, prime)));
        }
    }
}

CCT_AVX512 static void work_avx512(const step *s, const factors *right, size_t outputs, uint32_t p, uint32_t inverse) {
    switch (outputs) {
    case 1: work512(s, right, 1, p, inverse); return;
    case 2: work512(s, right, 2, p, inverse); return;
    default: work512(s, right, OUTPUTS, p, inverse);
    }
}

CCT_INLINE CCT_AVX2 __m256i load256(const uint32_t *from) { return _mm256_loadu_si256((const __m256i *)from); }

CCT_INLINE CCT_AVX2 void work256(const step *s, const factors *all, const size_t outputs, uint32_t p, uint32_t inverse) {
    const __m256i prime = _mm256_set1_epi32((int)p), high = _mm256_set1_epi64x((long long)((uint64_t)p << 32));
    const __m256i inverses = _mm256_set1_epi32((int)inverse), zero = _mm256_setzero_si256();
    __m256i right[2][TERMS][OUTPUTS][2];
    for (size_t h = 0; h < 2; h++) {
        for (size_t t = 0; t < TERMS; t++) {
            for (size_t j = 0; j < outputs; j++) {
                right[h][t][j][0] = load256(all->of[t][j] + 8 * h);
                right[h][t][j][1] = _mm256_srli_epi64(right[h][t][j][0], 32);
            }
        }
    }
    for (size_t k = 0; k < 2 * s->vectors; k++) {
        __m256i even[OUTPUTS], odd[OUTPUTS];
        CCT_UNROLL for (size_t j = 0; j < outputs; j++) even[j] = odd[j] = zero;
        CCT_UNROLL for (size_t t = 0; t < TERMS; t++) {
            const __m256i a = load256(s->left[t] + k * 8), b = _mm256_srli_epi64(a, 32);
            CCT_UNROLL for (size_t j = 0; j < outputs; j++) {
                even[j] = _mm256_add_epi64(even[j], _mm256_mul_epi32(a, right[k & 1][t][j][0]));
                odd[j] = _mm256_add_epi64(odd[j], _mm256_mul_epi32(b, right[k & 1][t][j][1]));
            }
        }
        CCT_UNROLL for (size_t j = 0; j < outputs; j++) {
            __m256i x[2] = {even[j], odd[j]};
            CCT_UNROLL for (size_t i = 0; i < 2; i++) {
                x[i] = _mm256_add_epi64(x[i], _mm256_and_si256(high, _mm256_cmpgt_epi64(zero, x[i])));
                const __m256i m = _mm256_mul_epu32(x[i], inverses);
                x[i] = _mm256_sub_epi64(x[i], _mm256_mul_epu32(m, prime));
            }
            const __m256i y = _mm256_blend_epi32(_mm256_srli_epi64(x[0], 32), x[1], 0xAA);
            uint32_t *sum = s->sums + j * s->sum_step + k * 8;
            const __m256i z = _mm256_add_epi32(load256(sum), _mm256_min_epu32(y, _mm256_add_epi32(y, prime)));
            _mm256_storeu_si256((__m256i *)sum, _mm256_min_epu32(z, _mm256_sub_epi32(z, prime)));
        }
    }
}

CCT_AVX2 static void work_avx2(const step *s, const factors *right, size_t outputs, uint32_t p, uint32_t inverse) {
    switch (outputs) {
    case 1: work256(s, right, 1, p, inverse); return;
    case 2: work256(s, right, 2, p, inverse); return;
    default: work256(s, right, OUTPUTS, p, inverse);
    }
}

#endif

#if CCT_ARM

CCT_INLINE void work_of_four(const step *s, const factors *right, const size_t outputs, size_t at, size_t lane, uint32_t p,
                             uint32_t inverse) {
    const int64x2_t high = vdupq_n_s64((int64_t)((uint64_t)p << 32));
    const uint32x4_t prime = vdupq_n_u32(p);
    int64x2_t low[OUTPUTS], top[OUTPUTS];
    CCT_UNROLL for (size_t j = 0; j < outputs; j++) low[j] = top[j] = vdupq_n_s64(0);
    CCT_UNROLL for (size_t t = 0; t < TERMS; t++) {
        const int32x4_t a = vreinterpretq_s32_u32(vld1q_u32(s->left[t] + at));
        CCT_UNROLL for (size_t j = 0; j < outputs; j++) {
            const int32x4_t b = vreinterpretq_s32_u32(vld1q_u32(right->of[t][j] + lane));
            low[j] = vmlal_s32(low[j], vget_low_s32(a), vget_low_s32(b));
            top[j] = vmlal_high_s32(top[j], a, b);
        }
    }
    CCT_UNROLL for (size_t j = 0; j < outputs; j++) {
        int64x2_t x[2] = {low[j], top[j]};
        uint32x2_t y[2];
        CCT_UNROLL for (size_t i = 0; i < 2; i++) {
            x[i] = vaddq_s64(x[i], vandq_s64(high, vshrq_n_s64(x[i], 63)));
            const uint64x2_t word = vreinterpretq_u64_s64(x[i]);
            const uint32x2_t m = vmul_u32(vmovn_u64(word), vdup_n_u32(inverse));
            y[i] = vshrn_n_u64(vsubq_u64(word, vmull_u32(m, vdup_n_u32(p))), 32);
        }
        const uint32x4_t z = vcombine_u32(y[0], y[1]);
        uint32_t *to = s->sums + j * s->sum_step + at;
        const uint32x4_t sum = vaddq_u32(vld1q_u32(to), vminq_u32(z, vaddq_u32(z, prime)));
        vst1q_u32(to, vminq_u32(sum, vsubq_u32(sum, prime)));
    }
}

CCT_INLINE void work128(const step *s, const factors *right, const size_t outputs, uint32_t p, uint32_t inverse) {
    for (size_t at = 0; at < s->vectors * LANES; at += 4) work_of_four(s, right, outputs, at, at % LANES, p, inverse);
}

static void work_neon(const step *s, const factors *right, size_t outputs, uint32_t p, uint32_t inverse) {
    switch (outputs) {
    case 1: work128(s, right, 1, p, inverse); return;
    case 2: work128(s, right, 2, p, inverse); return;
    default: work128(s, right, OUTPUTS, p, inverse);
    }
}

#endif

typedef void (*work_function)(const step *, const factors *, size_t, uint32_t, uint32_t);

static work_function work_of(cct_instruction_set set) {
#if CCT_X86
    if (set == CCT_SET_AVX512) return work_avx512;
    if (set == CCT_SET_AVX2) return work_avx2;
#endif
#if CCT_ARM
    if (set == CCT_SET_NEON) return work_neon;
#endif
    (void)set;
    return work_portable;
}

/// Distinct vectors of a chunk's right factor: one, where it is a polynomial in X^16 or of more lanes.
CCT_INLINE size_t pieces_of(const cct_lattice_products *all) {
    return all->points > CCT_LATTICE_DEGREE / LANES ? all->points * LANES / CCT_LATTICE_DEGREE : 1;
}

/// The right factor `number` in vectors `piece` of a chunk: lane i is the point of leaf 256 chunk + 16 i.
CCT_INLINE void take_right(uint32_t *out, const cct_lattice_products *all, size_t number, size_t chunk, size_t piece) {
    if (all->points > CCT_LATTICE_DEGREE / LANES) {
        memcpy(out, all->right + number * all->points + (chunk * pieces_of(all) + piece) * LANES, LANES * sizeof *out);
        return;
    }
    const uint32_t *from = all->right + number / LANES * all->points * LANES + number % LANES;
    // Points of a chunk: 256 / lanes, or a part of one.
    const size_t points = all->points * CCT_LATTICE_CHUNK / CCT_LATTICE_DEGREE;
    if (points <= 1) {
        const uint32_t x = from[chunk * all->points / CHUNKS * LANES];
        for (size_t i = 0; i < LANES; i++) out[i] = x;
        return;
    }
    const size_t run = LANES / points;
    for (size_t v = 0; v < points; v++) {
        const uint32_t x = from[(chunk * points + v) * LANES];
        for (size_t i = 0; i < run; i++) out[v * run + i] = x;
    }
}

/// The right factors of a step; zeros for terms that there aren't.
CCT_INLINE void take_all(factors *right, const cct_lattice_products *all, size_t first_term, size_t first_output,
                         size_t outputs, size_t chunk, size_t piece) {
    for (size_t i = 0; i < TERMS; i++) {
        for (size_t o = 0; o < outputs; o++) {
            if (first_term + i < all->terms) {
                const size_t number = (first_term + i) * all->right_step + all->first_output + first_output + o;
                take_right(right->of[i][o], all, number, chunk, piece);
            } else {
                memset(right->of[i][o], 0, sizeof right->of[i][o]);
            }
        }
    }
}

void cct_lattice_accumulate(cct_instruction_set set, const cct_lattice_products *products, size_t first_chunk,
                            size_t last_chunk, const cct_lattice_prime *prime) {
    const cct_lattice_products all = *products;
    const work_function run = work_of(set);
    const size_t pieces = pieces_of(&all);
    step s;
    factors right;
    s.sum_step = all.sum_step;
    s.vectors = VECTORS / pieces;
    for (size_t chunk = first_chunk; chunk < last_chunk; chunk++) {
        const uint32_t *left = all.left + chunk * all.terms * all.components * CCT_LATTICE_CHUNK;
        for (size_t j = 0, outputs; j < all.outputs; j += outputs) {
            outputs = all.outputs - j >= OUTPUTS ? OUTPUTS : all.outputs - j >= 2 ? 2 : 1;
            for (size_t t = 0; t < all.terms; t += TERMS) {
                for (size_t piece = 0; piece < pieces; piece++) {
                    take_all(&right, &all, t, j, outputs, chunk, piece);
                    const size_t place = piece * s.vectors * LANES;
                    for (size_t c = 0; c < all.components; c++) {
                        for (size_t i = 0; i < TERMS; i++) {
                            const size_t term = cct_min(t + i, all.terms - 1);
                            s.left[i] = left + (term * all.components + c) * CCT_LATTICE_CHUNK + place;
                        }
                        s.sums = all.sums + j * all.sum_step + c * all.sum_component_step + chunk * CCT_LATTICE_CHUNK + place;
                        run(&s, &right, outputs, prime->prime, prime->inverse);
                    }
                }
            }
        }
    }
    cct_wipe(&right, sizeof right);
}
