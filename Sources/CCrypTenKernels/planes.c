// Convolutions of one plane with one kernel: row by row, each tap a multiple of a piece of a row.
#include "support.h"

/// Output columns whose tap lies inside a row of the input: low ..< high.
typedef struct {
    size_t low, high;
} span;

/// Where tap `tap` of output position 0 lies, and for which output positions it lies inside `extent`.
CCT_INLINE span inside(ptrdiff_t first, size_t step, size_t extent, size_t count) {
    const ptrdiff_t stride = (ptrdiff_t)step;
    const ptrdiff_t low = first < 0 ? (stride - 1 - first) / stride : 0;
    const ptrdiff_t high = first < (ptrdiff_t)extent ? ((ptrdiff_t)extent - 1 - first) / stride + 1 : 0;
    const size_t last = high < 0 ? 0 : cct_min((size_t)high, count);
    return (span){cct_min((size_t)low, last), last};
}

/// Runs STATEMENT for every output row `o` and tap `k` that meet, with `i` the input row from where the tap of output
/// column 0 lies (which may be before the row's beginning), and the columns `x` that are inside.
#define FOR_EACH_ROW(INPUT, OUTPUT, STATEMENT)                                                                  \
    for (size_t ky = 0; ky < e->kernel_height; ky++) {                                                          \
        const ptrdiff_t first_y = (ptrdiff_t)(ky * e->dilation_y) - e->padding_y;                               \
        const span rows = inside(first_y, e->stride_y, e->height, e->output_height);                            \
        for (size_t y = rows.low; y < rows.high; y++) {                                                         \
            const ptrdiff_t from = (first_y + (ptrdiff_t)(y * e->stride_y)) * (ptrdiff_t)e->width;              \
            for (size_t kx = 0; kx < e->kernel_width; kx++) {                                                   \
                const ptrdiff_t first_x = (ptrdiff_t)(kx * e->dilation_x) - e->padding_x;                       \
                const span x = inside(first_x, e->stride_x, e->width, e->output_width);                         \
                const size_t k = ky * e->kernel_width + kx, s = e->stride_x, n = x.high - x.low;                \
                INPUT + from + first_x + (ptrdiff_t)(x.low * s);                                                \
                OUTPUT + y * e->output_width + x.low;                                                           \
                STATEMENT                                                                                       \
            }                                                                                                   \
        }                                                                                                       \
    }

/// out[j] += weight * in[j * step] for low <= j < high.
CCT_INLINE void add_tap(uint64_t *restrict out, const uint64_t *restrict in, uint64_t weight, size_t step, size_t low,
                        size_t high) {
    if (step == 1)
        CCT_SHORT for (size_t j = low; j < high; j++) out[j] += weight * in[j];
    else
        CCT_SCALAR for (size_t j = low; j < high; j++) out[j] += weight * in[j * step];
}

/// One tap of a row of the kernel: where its inputs begin, what it weighs, and the output columns where it lies inside. In values of
/// their own, not in arrays: so that nobody need prove which words of an array hold the weights, which are secret.
typedef struct {
    const uint64_t *in;
    uint64_t weight;
    span x;
} tap;

CCT_INLINE tap tap_at(const uint64_t *row, const uint64_t *kernel, uint64_t sign, const cct_plane_extents *e, size_t kx) {
    const ptrdiff_t first = (ptrdiff_t)(kx * e->dilation_x) - e->padding_x;
    return (tap){row + first, sign * kernel[kx], inside(first, e->stride_x, e->width, e->output_width)};
}

/// Adds a tap outside of low ..< high.
CCT_INLINE void add_outside(uint64_t *restrict out, tap t, size_t step, size_t low, size_t high) {
    add_tap(out, t.in, t.weight, step, t.x.low, cct_min(low, t.x.high));
    add_tap(out, t.in, t.weight, step, high > t.x.low ? high : t.x.low, t.x.high);
}

CCT_INLINE size_t max(size_t a, size_t b) { return a > b ? a : b; }

/// One row of the output and one row of the kernel: three taps at a time where all of them are inside, for fewer passes.
CCT_INLINE void convolve_row(uint64_t *restrict out, const uint64_t *restrict row, const uint64_t *kernel, uint64_t sign,
                             const cct_plane_extents *e) {
    const size_t s = e->stride_x;
    for (size_t kx = 0; kx < e->kernel_width; kx += 3) {
        const size_t taps = cct_min(3, e->kernel_width - kx);
        const tap none = {row, 0, {0, 0}};
        const tap a = tap_at(row, kernel, sign, e, kx);
        const tap b = taps > 1 ? tap_at(row, kernel, sign, e, kx + 1) : none;
        const tap c = taps > 2 ? tap_at(row, kernel, sign, e, kx + 2) : none;
        size_t low = max(a.x.low, max(b.x.low, c.x.low)), high = cct_min(a.x.high, cct_min(b.x.high, c.x.high));  // all inside
        if (taps < 3 || s != 1 || low > high) low = high = e->output_width;  // one by one
        CCT_SHORT for (size_t j = low; j < high; j++) out[j] += a.weight * a.in[j] + b.weight * b.in[j] + c.weight * c.in[j];
        add_outside(out, a, s, low, high);
        add_outside(out, b, s, low, high);
        add_outside(out, c, s, low, high);
    }
}

CCT_FOR_EACH_SET(
    cct_plane_convolve,
    (cct_instruction_set set, uint64_t *output, const uint64_t *input, const uint64_t *kernel, const cct_plane_extents *e,
     int subtract),
    (set, output, input, kernel, e, subtract), {
        (void)set;
        const uint64_t sign = subtract ? ~(uint64_t)0 : 1;
        for (size_t ky = 0; ky < e->kernel_height; ky++) {
            const ptrdiff_t first_y = (ptrdiff_t)(ky * e->dilation_y) - e->padding_y;
            const span rows = inside(first_y, e->stride_y, e->height, e->output_height);
            for (size_t y = rows.low; y < rows.high; y++)
                convolve_row(output + y * e->output_width,
                             input + (first_y + (ptrdiff_t)(y * e->stride_y)) * (ptrdiff_t)e->width,
                             kernel + ky * e->kernel_width, sign, e);
        }
    })

CCT_FOR_EACH_SET(
    cct_plane_input_gradient,
    (cct_instruction_set set, uint64_t *input, const uint64_t *output, const uint64_t *kernel, const cct_plane_extents *e,
     int subtract),
    (set, input, output, kernel, e, subtract), {
        (void)set;
        const uint64_t sign = subtract ? ~(uint64_t)0 : 1;
        FOR_EACH_ROW(uint64_t *restrict i = input, const uint64_t *restrict o = output, {
            const uint64_t weight = sign * kernel[k];
            if (s == 1)
                CCT_SHORT for (size_t j = 0; j < n; j++) i[j] += weight * o[j];
            else
                CCT_SCALAR for (size_t j = 0; j < n; j++) i[j * s] += weight * o[j];
        })
    })

CCT_FOR_EACH_SET(
    cct_plane_kernel_gradient,
    (cct_instruction_set set, uint64_t *kernel, const uint64_t *input, const uint64_t *output, const cct_plane_extents *e,
     int subtract),
    (set, kernel, input, output, e, subtract), {
        (void)set;
        FOR_EACH_ROW(const uint64_t *i = input, const uint64_t *o = output, {
            uint64_t sum = 0;
            if (s == 1)
                CCT_SHORT for (size_t j = 0; j < n; j++) sum += i[j] * o[j];
            else
                CCT_SCALAR for (size_t j = 0; j < n; j++) sum += i[j * s] * o[j];
            kernel[k] += subtract ? 0 - sum : sum;
        })
    })
