/// sin(2π u / 2^64) at scale 2^30, as an element of the ring, in integer arithmetic alone: the parties' public factors
/// must agree to the bit on every machine.
///
/// The turn is cut into quarters by the two high bits; the position in a quarter becomes x in [0, π/2] at scale 2^30, and
/// the Taylor polynomial x (1 − x²/6 (1 − x²/20 (1 − x²/42 (1 − x²/72 (1 − x²/110 (1 − x²/156)))))) is evaluated by
/// Horner's rule, each product rounded down.
///
/// - Complexity: the same instructions for every u; the divisors are constants.
/// > Note: within 5·10^-9 of the sine, plus 2π·2^-32 for the low 32 bits of u, which are dropped.
package func integerSine(_ u: UInt64) -> UInt64 {
    let one: UInt64 = 1 << 30
    let position = (u >> 32) & (one - 1)
    let backwards = 0 &- (u >> 62 & 1)
    let folded = (one - position) & backwards | position & ~backwards
    let x = (folded &* 1_686_629_713) >> 30  // 2^30 · π / 2, rounded
    let square = (x &* x) >> 30
    var sum = one
    sum = one &- ((square &* sum) >> 30) / 156
    sum = one &- ((square &* sum) >> 30) / 110
    sum = one &- ((square &* sum) >> 30) / 72
    sum = one &- ((square &* sum) >> 30) / 42
    sum = one &- ((square &* sum) >> 30) / 20
    sum = one &- ((square &* sum) >> 30) / 6
    let y = (x &* sum) >> 30
    let negative = 0 &- (u >> 63)
    return (y ^ negative) &- negative
}

/// What a term of a trigonometric series must satisfy: its sums of products stay within 63 bits.
package func checkHarmonic(
    _ sum: RingTensor,
    _ phase: RingTensor,
    _ cosine: RingTensor,
    _ sine: RingTensor,
    _ factors: (p: Int64, q: Int64)
) {
    precondition(
        [phase, cosine, sine].allSatisfy { $0.count == sum.count },
        "a harmonic on shapes \(sum.shape), \(phase.shape), \(cosine.shape) and \(sine.shape)"
    )
    precondition(
        factors.p.magnitude <= 1 << 32 && factors.q.magnitude <= 1 << 32,
        "a harmonic's factors are at most 2^32"
    )
}
