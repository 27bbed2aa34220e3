/// 2^x at scale 2^fractionBits for the number x whose 58 low bits are its fraction, in integer arithmetic alone: the parties'
/// public factors must agree to the bit on every machine.
///
/// The Taylor polynomial to x^10 in the fraction, at scale 2^30, is evaluated by Horner's rule, each product rounded down; then
/// the whole part, the six high bits, shifts it, rounding to the nearest.
///
/// - Parameter fractionBits: 0 … 46. The whole part counts modulo 64, as one of −1 − fractionBits … 62 − fractionBits.
/// - Complexity: the same instructions for every x.
/// > Note: a relative 10^-8 from the power, and half a unit.
package func integerPower(_ x: UInt64, fractionBits: Int) -> UInt64 {
    let fraction = x >> 28 & (1 << 30 - 1)
    var sum: UInt64 = 8
    for term: UInt64 in [  // 2^30 · ln(2)^k / k!, rounded
        109, 1419, 16_377, 165_394, 1_431_680, 10_327_387, 59_597_083, 257_941_248, 744_261_118, 1 << 30,
    ] { sum = (sum &* fraction) >> 30 &+ term }
    let shift = (62 &- UInt64(fractionBits) &- x >> 58) & 63
    return (sum << 32 &+ (1 << shift) >> 1) >> shift
}
