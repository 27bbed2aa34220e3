import CrypTenRing
import Foundation
import Testing

/// A portable function, the library's, where they are compared, and how many units in the last place they may differ.
private typealias Comparison = (
    name: String, ours: @Sendable (Double) -> Double, library: @Sendable (Double) -> Double, range: ClosedRange<Double>,
    units: Double
)

@Suite("Portable functions")
struct PortableFunctionsTests {
    private static let comparisons: [Comparison] = [
        ("exp", PortableFunctions.exp, { Foundation.exp($0) }, -1...1, 3),
        ("exp", PortableFunctions.exp, { Foundation.exp($0) }, -700...709.78, 3),
        ("log", PortableFunctions.log, { Foundation.log($0) }, 0.5...2, 5),
        ("log", PortableFunctions.log, { Foundation.log($0) }, 1e-300...1e300, 5),
        ("log1p", PortableFunctions.log1p, { Foundation.log1p($0) }, -0.9...1, 7),
        ("expm1", PortableFunctions.expm1, { Foundation.expm1($0) }, -2...2, 8),
        ("tanh", PortableFunctions.tanh, { Foundation.tanh($0) }, -20...20, 7),
        ("tanh", PortableFunctions.tanh, { Foundation.tanh($0) }, -0.4...0.4, 7),
        ("erf", PortableFunctions.erf, { Foundation.erf($0) }, -6...6, 13),
        ("erfc", PortableFunctions.erfc, { Foundation.erfc($0) }, -6...26, 41),
        ("sin", PortableFunctions.sin, { Foundation.sin($0) }, -100...100, 4),
        ("sin", PortableFunctions.sin, { Foundation.sin($0) }, -1e300...1e300, 4),
        ("cos", PortableFunctions.cos, { Foundation.cos($0) }, -100...100, 4),
        ("cos", PortableFunctions.cos, { Foundation.cos($0) }, -1e15...1e15, 4),
        ("atan", PortableFunctions.atan, { Foundation.atan($0) }, -10...10, 7),
    ]

    @Test("differ from the system's library by no more units in the last place than they say, and one")
    func library() {
        var state: UInt64 = 0x5EED
        for (name, ours, library, range, units) in Self.comparisons {
            for _ in 0..<20_000 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let part = Double(state >> 11) * 0x1p-53
                let x = range.lowerBound + part * range.upperBound - part * range.lowerBound
                let (got, expected) = (ours(x), library(x))
                #expect((got - expected).magnitude <= units * expected.ulp, "\(name)(\(x)) = \(got), not \(expected)")
            }
        }
    }

    @Test("powers differ by no more than they say")
    func powers() {
        for base in [0.1, 0.7, 1.3, 20, 1e10] {
            for exponent in [-20.5, -1.3, 0.25, 2.5, 65, 101] {
                let (got, expected) = (PortableFunctions.pow(base, exponent), Foundation.pow(base, exponent))
                let bound = 0x1p-52 * (3 + 4 * (exponent * Foundation.log(base)).magnitude)
                #expect(got == expected || (got / expected - 1).magnitude <= bound, "\(base) to \(exponent)")
            }
        }
    }

    @Test("have the library's special values")
    func specialValues() {
        let functions: [(Double) -> Double] = [
            PortableFunctions.exp, PortableFunctions.log, PortableFunctions.log1p, PortableFunctions.expm1,
            PortableFunctions.tanh,
            PortableFunctions.erf, PortableFunctions.erfc, PortableFunctions.sin, PortableFunctions.cos,
            PortableFunctions.atan,
        ]
        let library: [(Double) -> Double] = [
            { Foundation.exp($0) }, { Foundation.log($0) }, { Foundation.log1p($0) }, { Foundation.expm1($0) },
            { Foundation.tanh($0) },
            { Foundation.erf($0) }, { Foundation.erfc($0) }, { Foundation.sin($0) }, { Foundation.cos($0) },
            { Foundation.atan($0) },
        ]
        for (ours, theirs) in zip(functions, library) {
            for x in [0, -0.0, .infinity, -.infinity, .nan, -1, 1e300, -1e300] {
                let (got, expected) = (ours(x), theirs(x))
                #expect(
                    got.isNaN == expected.isNaN
                        && (got == expected || (got - expected).magnitude <= 4 * expected.ulp || got.isNaN),
                    "\(got) of \(x), not \(expected)"
                )
            }
        }
    }

    @Test("are these bits on every machine")
    func knownBits() {
        #expect(PortableFunctions.exp(0.75).bitPattern == 0x4000_ef9d_b467_dcf8)
        #expect(PortableFunctions.log(1.9).bitPattern == 0x3fe4_8a11_293d_785b)
        #expect(PortableFunctions.sin(1e22).bitPattern == 0xbfeb_453a_b76b_f397)
        #expect(PortableFunctions.cos(100.25).bitPattern == 0x3fee_bec7_2ba6_b0ec)
        #expect(PortableFunctions.tanh(0.3).bitPattern == 0x3fd2_a4dd_a7d9_14fa)
        #expect(PortableFunctions.erf(0.4).bitPattern == 0x3fdb_6ac7_c4b2_0a05)
        #expect(PortableFunctions.erfc(2.7).bitPattern == 0x3f21_9b75_731c_79ae)
        #expect(PortableFunctions.atan(3.1).bitPattern == 0x3ff4_23db_7312_cebc)
        #expect(PortableFunctions.pow(2.7, 1.3).bitPattern == 0x400d_1915_63de_7938)
    }
}
