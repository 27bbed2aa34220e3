/// Functions of angles, of the same bits on every machine.
extension PortableFunctions {
    /// The sine of any finite angle: within 3 units.
    package static func sin(_ x: Double) -> Double {
        guard let (quarters, rest) = quarterTurns(x) else { return .nan }
        return sine(of: rest, quarters)
    }

    /// The cosine of any finite angle: within 3 units.
    package static func cos(_ x: Double) -> Double {
        guard let (quarters, rest) = quarterTurns(x) else { return .nan }
        return sine(of: rest, quarters + 1)
    }

    /// The inverse tangent: within 6 units.
    package static func atan(_ x: Double) -> Double {
        if x.isNaN { return x }
        let size = x.magnitude
        let value = size > 1 ? .pi / 2 - inverseTangent(1 / size) : inverseTangent(size)
        return x < 0 ? -value : value
    }

    /// The sine of a fraction of a full turn.
    package static func sine(_ part: Int, of whole: Int) -> Double {
        // Eighths of a turn, so that the series runs over at most π/4.
        let (n, turn) = (((part % whole) + whole) % whole, Double(whole))
        let octant = 8 * n / whole
        let rest = Double(8 * n - octant * whole) / turn * (.pi / 4)
        let back = Double((octant + 1) * whole - 8 * n) / turn * (.pi / 4)
        switch octant {
        case 0: return sineSeries(rest)
        case 1: return cosineSeries(back)
        case 2: return cosineSeries(rest)
        case 3: return sineSeries(back)
        case 4: return -sineSeries(rest)
        case 5: return -cosineSeries(back)
        case 6: return -cosineSeries(rest)
        default: return -sineSeries(back)
        }
    }

    /// The cosine of a fraction of a full turn.
    package static func cosine(_ part: Int, of whole: Int) -> Double {
        sine(4 * (part % whole) + whole, of: 4 * whole)
    }

    // MARK: Angles

    /// 2/π in binary behind 64 zeros: the bits that a product with any double needs.
    private static let twoOverPi: [UInt64] = [
        0, 0xa2f9_836e_4e44_1529, 0xfc27_57d1_f534_ddc0, 0xdb62_9599_3c43_9041, 0xfe51_63ab_debb_c561,
        0xb724_6e3a_424d_d2e0, 0x0649_2eea_09d1_921c, 0xfe1d_eb1c_b129_a73e, 0xe882_35f5_2ebb_4484,
        0xe99c_7026_b45f_7e41, 0x3991_d639_8353_39f4, 0x9c84_5f8b_bdf9_283b, 0x1ff8_97ff_de05_980f,
        0xef2f_118b_5a0a_6d1f, 0x6d36_7ecf_27cb_09b7, 0x4f46_3f66_9e5f_ea2d, 0x7527_bac7_ebe5_f17b,
        0x3d07_39f7_8a52_92ea, 0x6bfb_5fb1_1f8d_5d08, 0x5603_3046_fc7b_6bab,
    ]

    /// An angle as whole quarters of a turn, modulo 4, and a rest of at most π/4; nil for what isn't finite.
    ///
    /// The product with 2/π modulo 4, exact to 137 bits behind the point: Payne and Hanek, "Radian reduction for trigonometric
    /// functions", 1983.
    private static func quarterTurns(_ x: Double) -> (quarters: Int, rest: Double)? {
        guard x.isFinite else { return nil }
        if x.magnitude <= .pi / 4 { return (0, x) }
        // |x| = m · 2^e with a whole m of 53 bits; bits of 2/π whose products are multiples of 4 are left out.
        let m = x.significandBitPattern | 1 << 52
        let first = Int(x.exponent) - 52 - 1 + 63
        func word(_ number: Int) -> UInt64 {
            let (index, shift) = ((first + 64 * number) / 64, (first + 64 * number) % 64)
            return shift == 0 ? twoOverPi[index] : twoOverPi[index] << shift | twoOverPi[index + 1] >> (64 - shift)
        }
        // m times 192 bits, modulo 2^192: two bits of quarters, and 190 of their fraction.
        let (low, middle) = (m.multipliedFullWidth(by: word(2)), m.multipliedFullWidth(by: word(1)))
        var words = [m &* word(0), middle.low, low.low]
        let (sum, carries) = words[1].addingReportingOverflow(low.high)
        words[1] = sum
        words[0] = words[0] &+ middle.high &+ (carries ? 1 : 0)
        var quarters = Int(words[0] >> 62)
        var fraction = [words[0] << 2 | words[1] >> 62, words[1] << 2 | words[2] >> 62]
        // To the nearest quarter.
        let isBelow = fraction[0] >> 63 == 1
        if isBelow {
            quarters += 1
            fraction = fraction.map { ~$0 }
        }
        let zeros = fraction[0] == 0 ? 64 : fraction[0].leadingZeroBitCount
        let top = zeros == 64 ? fraction[1] : fraction[0] << zeros | (zeros == 0 ? 0 : fraction[1] >> (64 - zeros))
        let rest = Double(top) * Double(sign: .plus, exponent: -64 - zeros, significand: 1) * (.pi / 2)
        let signed = isBelow ? -rest : rest
        return x < 0 ? (-quarters, -signed) : (quarters, signed)
    }

    /// The sine of an angle of at most π/4 and so many quarters of a turn.
    private static func sine(of rest: Double, _ quarters: Int) -> Double {
        switch quarters & 3 {
        case 0: sineSeries(rest)
        case 1: cosineSeries(rest)
        case 2: -sineSeries(rest)
        default: -cosineSeries(rest)
        }
    }

    private static func sineSeries(_ x: Double) -> Double {
        var (sum, k) = (1.0, 19.0)
        while k > 1 {
            sum = 1 - sum * x * x / (k * (k - 1))
            k -= 2
        }
        return sum * x
    }

    private static func cosineSeries(_ x: Double) -> Double {
        var (sum, k) = (1.0, 18.0)
        while k > 0 {
            sum = 1 - sum * x * x / (k * (k - 1))
            k -= 2
        }
        return sum
    }

    /// The inverse tangent of 0 to 1: four times that of the tangent of a quarter of the angle, by its series.
    private static func inverseTangent(_ x: Double) -> Double {
        let half = x / (1 + (1 + x * x).squareRoot())
        let quarter = half / (1 + (1 + half * half).squareRoot())
        let square = quarter * quarter
        var (sum, k) = (0.0, 25.0)
        while k >= 1 {
            sum = 1 / k - sum * square
            k -= 2
        }
        return 4 * quarter * sum
    }
}
