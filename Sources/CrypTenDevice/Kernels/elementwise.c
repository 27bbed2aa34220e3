// What is done to every element on its own. The operation is an argument, the same for all work-items, so that one kernel serves them all.
//
// | kernel        | what a work-item does                                                                        |
// | fill          | a word                                                                                       |
// | elementwise   | an element                                                                                   |
#define FILL_THREADS 256
#define ELEMENTWISE_THREADS 256

KERNEL(fill, fill_args, FILL_THREADS) {
    const u64 i = ITEM(FILL_THREADS);
    if (i < p.count) POINTER(u64, p.to)[i] = p.value;
}

#define SCALE_30 (1u << 30)

/// floor(a * b / 2^30), for products below 2^62.
INLINE u32 product_30(u32 a, u32 b) { return (u32)((u64)a * b >> 30); }

/// sin(2 pi u / 2^64) at scale 2^30: `integerSine`. The position in a quarter of the turn becomes x in [0, pi / 2] at scale 2^30; then
/// x (1 - x^2 / 6 (1 - x^2 / 20 (1 - ... (1 - x^2 / 156)))), every product rounded down. x^2 < 2^31.4, so all of it has 32 bits.
INLINE u64 sine_of(u64 u) {
    const u32 position = (u32)(u >> 32) & (SCALE_30 - 1), backwards = SPREAD32(u >> 62);
    const u32 folded = ((SCALE_30 - position) & backwards) | (position & ~backwards);
    const u32 x = product_30(folded, 1686629713u);  // 2^30 pi / 2, rounded
    const u32 square = product_30(x, x);
    u32 sum = SCALE_30;
    sum = SCALE_30 - product_30(square, sum) / 156;
    sum = SCALE_30 - product_30(square, sum) / 110;
    sum = SCALE_30 - product_30(square, sum) / 72;
    sum = SCALE_30 - product_30(square, sum) / 42;
    sum = SCALE_30 - product_30(square, sum) / 20;
    sum = SCALE_30 - product_30(square, sum) / 6;
    const u64 negative = SPREAD64(u >> 63);
    return (product_30(x, sum) ^ negative) - negative;
}

/// a / 2^30, rounded to the nearest, of a number with a sign.
INLINE u64 rounded_30(u64 a) { return (u64)((i64)(a + (1u << 29)) >> 30); }

/// cosine * R(p C + q S) + sine * R(p S - q C), with the sine S and the cosine C of u and R(x) = x / 2^30 rounded.
INLINE u64 harmonic_of(u64 u, u64 cosine, u64 sine, u64 p, u64 q) {
    const u64 s = sine_of(u), c = sine_of(u + ((u64)1 << 62));
    return cosine * rounded_30(p * c + q * s) + sine * rounded_30(p * s - q * c);
}

/// 2^x at scale 2^fraction_bits, for x with 58 bits of fraction: `integerPower`. The polynomial sum of (ln 2)^k / k! x^k, k <= 10, is below 2 at
/// scale 2^30, every product rounded down; the six high bits of x shift it, with rounding.
INLINE u64 power_of(u64 x, u32 fraction_bits) {
    const u32 fraction = (u32)(x >> 28) & (SCALE_30 - 1);
    u32 sum = 8;
    sum = product_30(sum, fraction) + 109;
    sum = product_30(sum, fraction) + 1419;
    sum = product_30(sum, fraction) + 16377;
    sum = product_30(sum, fraction) + 165394;
    sum = product_30(sum, fraction) + 1431680;
    sum = product_30(sum, fraction) + 10327387;
    sum = product_30(sum, fraction) + 59597083;
    sum = product_30(sum, fraction) + 257941248;
    sum = product_30(sum, fraction) + 744261118;
    sum = product_30(sum, fraction) + SCALE_30;
    const u32 shift = (62 - fraction_bits - (u32)(x >> 58)) & 63;
    return (((u64)sum << 32) + (((u64)1 << shift) >> 1)) >> shift;
}

/// -a where the mask is all ones, a where it is 0.
INLINE u64 negated_where(u64 a, u64 mask) { return (a ^ mask) - mask; }

KERNEL(elementwise, elementwise_args, ELEMENTWISE_THREADS) {
    const u64 i = ITEM(ELEMENTWISE_THREADS);
    if (i >= p.count) return;
    GLOBAL u64 *to = POINTER(u64, p.to);
    GLOBAL const u64 *sum = POINTER(const u64, p.sum);
    GLOBAL const u64 *a = POINTER(const u64, p.a), *b = POINTER(const u64, p.b), *c = POINTER(const u64, p.c), *d = POINTER(const u64, p.d);
    // All ones where the element's bit is 1; read by the operations that have bits.
#define WHERE SPREAD64(POINTER(const u64, p.bits)[i / 64] >> (i % 64))
    switch (p.operation) {
    case OP_ADD: to[i] = a[i] + b[i]; break;
    case OP_SUBTRACT: to[i] = a[i] - b[i]; break;
    case OP_MULTIPLY: to[i] = a[i] * b[i]; break;
    case OP_NEGATE: to[i] = 0 - a[i]; break;
    case OP_ADD_SCALAR: to[i] = a[i] + p.s; break;
    case OP_MULTIPLY_SCALAR: to[i] = a[i] * p.s; break;
    case OP_ADD_PRODUCT: to[i] = sum[i] + a[i] * b[i]; break;
    case OP_SUBTRACT_PRODUCT: to[i] = sum[i] - a[i] * b[i]; break;
    case OP_ADD_TIMES: to[i] = sum[i] + a[i] * p.s; break;
    case OP_SHIFT_RIGHT: to[i] = a[i] >> (u32)p.s; break;
    case OP_SHIFT_LEFT: to[i] = a[i] << (u32)p.s; break;
    case OP_LOW_BITS: to[i] = a[i] & p.s; break;
    case OP_MULTIPLY_HIGH: {
        const u64 x = a[i];
        to[i] = (MULHI64(x, p.s) << 2) | (x * p.s >> 62);
        break;
    }
    case OP_SINE: to[i] = sine_of(a[i] * p.s + p.t); break;
    case OP_HARMONIC: to[i] = sum[i] + harmonic_of(a[i] * p.s, b[i], c[i], p.t, p.v); break;
    case OP_POWER_OF_TWO: to[i] = power_of(p.t + negated_where(a[i], SPREAD64(p.flags)), (u32)p.s); break;
    case OP_KEEP_WHERE: to[i] = a[i] & WHERE; break;
    case OP_ADD_WHERE: to[i] = sum[i] + (a[i] & WHERE); break;
    case OP_NEGATE_WHERE: to[i] = negated_where(a[i], WHERE); break;
    case OP_SELECTION: {
        // With v = hat - mask, or -mask where public terms are another's, and u = hat * beta - product: v - u where the bit is 1, else u.
        const u64 hat = a[i], value = (hat & SPREAD64(p.flags)) - d[i], where = WHERE;
        to[i] = (value & where) + negated_where(hat * b[i] - c[i], where);
        break;
    }
    case OP_ADD_TIMES_NEGATED_WHERE: to[i] = sum[i] + negated_where(a[i], WHERE) * p.s; break;
    case OP_ADD_PRODUCT_LESS: to[i] = sum[i] + negated_where(a[i] * b[i] - c[i], WHERE) * p.s; break;
    }
#undef WHERE
}
