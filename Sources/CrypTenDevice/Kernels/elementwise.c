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

/// What a step makes of an element's operands; `where`: all ones where its bit is 1.
INLINE u64 element_of(PRIVATE const elementwise_step *p, u64 a, u64 b, u64 c, u64 d, u64 sum, u64 where) {
    switch (p->operation) {
    case OP_ADD: return a + b;
    case OP_SUBTRACT: return a - b;
    case OP_MULTIPLY: return a * b;
    case OP_NEGATE: return 0 - a;
    case OP_ADD_SCALAR: return a + p->s;
    case OP_MULTIPLY_SCALAR: return a * p->s;
    case OP_ADD_PRODUCT: return sum + a * b;
    case OP_SUBTRACT_PRODUCT: return sum - a * b;
    case OP_ADD_TIMES: return sum + a * p->s;
    case OP_SHIFT_RIGHT: return a >> (u32)p->s;
    case OP_SHIFT_LEFT: return a << (u32)p->s;
    case OP_LOW_BITS: return a & p->s;
    case OP_MULTIPLY_HIGH: return (MULHI64(a, p->s) << 2) | (a * p->s >> 62);
    case OP_SINE: return sine_of(a * p->s + p->t);
    case OP_HARMONIC: return sum + harmonic_of(a * p->s, b, c, p->t, p->v);
    case OP_POWER_OF_TWO: return power_of(p->t + negated_where(a, SPREAD64(p->flags)), (u32)p->s);
    case OP_KEEP_WHERE: return a & where;
    case OP_ADD_WHERE: return sum + (a & where);
    case OP_NEGATE_WHERE: return negated_where(a, where);
    case OP_SELECTION: {
        // With v = hat - mask, or -mask where public terms are another's, and u = hat * beta - product: v - u where the bit is 1, else u.
        const u64 value = (a & SPREAD64(p->flags)) - d;
        return (value & where) + negated_where(a * b - c, where);
    }
    case OP_ADD_TIMES_NEGATED_WHERE: return sum + negated_where(a, where) * p->s;
    case OP_ADD_PRODUCT_LESS: return sum + negated_where(a * b - c, where) * p->s;
    }
    return 0;
}

/// Where a walk finds element i, in words from the block's base.
INLINE i64 walked_to(PRIVATE const elementwise_walk *p, u32 i) {
    const u32 j = p->first + i;
    const u32 quotient = (u32)((u64)j * p->factors[0] >> p->shifts[0]), outer = (u32)((u64)j * p->factors[1] >> p->shifts[1]);
    return (i32)(p->steps[0] * j + p->steps[1] * quotient + p->steps[2] * outer);
}

KERNEL(elementwise, elementwise_args, ELEMENTWISE_THREADS) {
    LOCAL_ARRAY(u64, registers, ELEMENTWISE_REGISTERS * ELEMENTWISE_THREADS);
    const u64 i = ITEM(ELEMENTWISE_THREADS);
    if (i >= p.count) return;
    LOCAL u64 *own = registers + LOCAL_ID;
    // Which place it is, is the same for all work-items.
#define PLACE(PLACES, NUMBER) ((PLACES) >> (8 * (NUMBER)) & 255)
#define BLOCK(TYPE, NUMBER) POINTER(TYPE, p.bases[(NUMBER) % 32])
    ROLLED for (u32 step = 0; step < p.steps; step++) {
        PRIVATE const elementwise_step *q = &p.list[step];
        const u32 out = PLACE(q->places, 0), bits = PLACE(q->more, 2);
        const u64 where = bits == NO_PLACE ? 0 : SPREAD64(BLOCK(const u64, bits)[i / 64] >> (i % 64));
        u64 read[5];  // a, b, c, d, sum
        UNROLL for (int operand = 0; operand < 5; operand++) {
            const u32 place = operand < 3 ? PLACE(q->places, operand + 1) : PLACE(q->more, operand - 3);
            read[operand] = 0;
            if (place < ELEMENTWISE_BLOCK)
                read[operand] = own[place * ELEMENTWISE_THREADS];
            else if (place != NO_PLACE)
                read[operand] = BLOCK(const u64, place)[place < WALKED_BLOCK ? (i64)i : walked_to(&p.walks[place / 32 - 2], (u32)i)];
        }
        const u64 word = element_of(q, read[0], read[1], read[2], read[3], read[4], where);
        if (out >= ELEMENTWISE_BLOCK)
            BLOCK(u64, out)[i] = word;
        else
            own[out * ELEMENTWISE_THREADS] = word;
    }
#undef BLOCK
#undef PLACE
}
