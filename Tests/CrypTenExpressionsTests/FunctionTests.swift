import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Foundation
import Testing

@Suite("Functions")
struct FunctionTests {
    static let tables: [(SmoothFunction, SmoothFunction, @Sendable (Double) -> Double)] = [
        (.sigmoid, .sigmoidAccurate, { 1 / (1 + exp(-$0)) }),
        (.tanh, .tanhAccurate, { Foundation.tanh($0) }),
        (.erf, .erfAccurate, { Foundation.erf($0) }),
        (.gelu, .geluAccurate, { 0.5 * $0 * (1 + Foundation.erf($0 / sqrt(2))) }),
        (.silu, .siluAccurate, { $0 / (1 + exp(-$0)) }),
        (.softplus, .softplusAccurate, { $0 > 30 ? $0 : log(1 + exp($0)) }),
        (.mish, .mishAccurate, { $0 * Foundation.tanh($0 > 30 ? $0 : log(1 + exp($0))) }),
        (
            .geluTanh, .geluTanhAccurate,
            { 0.5 * $0 * (1 + Foundation.tanh(sqrt(2 / .pi) * ($0 + 0.044715 * $0 * $0 * $0))) }
        ),
    ]

    @Test(
        "tables are within 4.5·10⁻⁵, or 1.8·10⁻⁵, of the true functions on 10⁵ points in ±16, and far outside",
        arguments: 0..<tables.count
    )
    func accuracy(index: Int) {
        let (standard, high, function) = Self.tables[index]
        for (table, bound) in [(standard, 4.5e-5), (high, 1.8e-5)] {
            let near = (0...100_000).map { -16 + 32 * Double($0) / 100_000 }
            let far = [1e2, 1e3, 1e4, 1e6, 0x1p40].flatMap { [-$0, $0] }
            let ends = [table.lowest, table.highest].flatMap { [$0.nextDown, $0, $0.nextUp] }
            var worst = 0.0
            for x in near + far + ends { worst = max(worst, (table.evaluate(x) - function(x)).magnitude) }
            #expect(worst <= bound, "\(table.name)")
            #expect([table.lowest, table.highest].allSatisfy { ($0 * 16).rounded() == $0 * 16 })
            #expect(table.series.cosines.count <= 19)
            #expect((table.above == nil) == ["gelu", "silu", "softplus", "mish", "geluTanh"].contains(table.name))
        }
    }

    @Test("series of mantissas are within a quarter of what their functions promise")
    func mantissas() {
        let cases: [(TrigonometricSeries, Double, (Double) -> Double, Double, Bool)] = [
            (.reciprocalMantissa, 1 / 16, { 1 / $0 }, 2.2e-4, true), (.rootMantissa, 1 / 16, sqrt, 2.5e-4, true),
            (.inverseRootMantissa, 1 / 16, { 1 / sqrt($0) }, 2.5e-4, true),
            (.logarithmMantissa, 1 / 16, { log($0) }, 1e-4, false),
            (.reciprocalExactMantissa, 1 / 16, { 1 / $0 }, 2.5e-5, true),
            (.reciprocalFineMantissa, 1 / 4, { 1 / $0 }, 2e-5, true),
            (.inverseRootFineMantissa, 1 / 4, { 1 / sqrt($0) }, 2e-5, true),
            (.logarithmFineMantissa, 1 / 4, { log($0) }, 1e-5, false),
        ]
        for (index, (series, lowest, function, bound, isRelative)) in cases.enumerated() {
            let worst = (0...10_000).map { place in
                let x = lowest + (1 - lowest) * Double(place) / 10_000
                let error = (series.evaluate(x) - function(x)).magnitude
                return isRelative ? error / function(x) : error
            }.max()!
            #expect(worst <= bound, "series \(index)")
            #expect(series.magnitudeBits <= 13)
        }
    }

    @Test("functions have their meaning in the clear")
    func meanings() throws {
        let session = ClearSession()
        let values = [-7, -2.5, -1, -0.25, 0, 0.5, 1, 3, 6, 8]
        let x = session.secret(Tensor(values, shape: [10]))
        let n = session.secret(Tensor([Int64(-7), -1, 0, 2, 9], shape: [5]))
        let cases: [(CrypTensor, (Double) -> Double)] = [
            (relu(x), { max($0, 0) }), (relu6(x), { min(max($0, 0), 6) }), (hardtanh(x), { min(max($0, -1), 1) }),
            (clamp(x, min: -2, max: 0.5), { min(max($0, -2), 0.5) }), (clamp(x, min: -2), { max($0, -2) }),
            (clamp(x, max: 0.5), { min($0, 0.5) }), (x.clamp(min: 0), { max($0, 0) }),
            (x.clamp(min: 1, max: 1), { _ in 1 }),
            (leakyRelu(x, 0.1), { $0 > 0 ? $0 : 0.1 * $0 }), (abs(x), { $0.magnitude }), (sign(x), { $0 < 0 ? -1 : 1 }),
            (square(x), { $0 * $0 }), (pow(x, 0), { _ in 1 }), (pow(x, 1), { $0 }), (pow(x, 2), { $0 * $0 }),
            (pow(x, 7), { Foundation.pow($0, 7) }),
            (x.polynomial([1, -2, 0, 0.5]), { 1 - 2 * $0 + 0.5 * $0 * $0 * $0 }),
            (sin(x), { Foundation.sin($0) }), (cos(x), { Foundation.cos($0) }), (sigmoid(x), { 1 / (1 + exp(-$0)) }),
            (tanh(x), { Foundation.tanh($0) }), (erf(x), { Foundation.erf($0) }),
            (gelu(x), { $0 / 2 * (1 + Foundation.erf($0 / sqrt(2))) }),
            (silu(x), { $0 / (1 + exp(-$0)) }), (softplus(x), { log(1 + exp($0)) }), (x.dropout(0.3), { $0 }),
            (maximum(x, 0.5), { max($0, 0.5) }), (minimum(x, 1), { min($0, 1) }),
        ]
        for (index, (expression, function)) in cases.enumerated() {
            expectClose(try session.value(expression), values.map(function), within: 1e-6, "case \(index)")
        }
        #expect(try session.value(n.clamp(min: -3, max: 4)).integers == [-3, -1, 0, 2, 4])
        #expect(try session.value(n.relu6()).integers == [0, 0, 0, 2, 6])
        #expect(try session.value(n.clamp(max: 4)).integers == [-7, -1, 0, 2, 4])
        #expect(n.clamp(max: 0.5).kind == .real)
        #expect(try session.value(n.abs()).integers == [7, 1, 0, 2, 9])
        #expect(try session.value(n.sign()).integers == [-1, -1, 1, 1, 1])
        #expect(try session.value(n.pow(5)).integers == [-16807, -1, 0, 32, 59049])
        #expect(sign(x).kind == .real)
    }

    @Test("batch normalisation scales and shifts every channel")
    func batchNorm() throws {
        var random = SeededGenerator(seed: 15)
        let session = ClearSession()
        let (a, scale, shift) = (random.reals([2, 3, 2, 2]), random.reals([3]), random.reals([3]))
        let expected = tabulate([2, 3, 2, 2]) { a[$0] * scale[[$0[1]]] + shift[[$0[1]]] }
        let x = session.secret(a)
        expectClose(
            try session.value(x.batchNorm(scale: CrypTensor(constant: scale), shift: CrypTensor(constant: shift))),
            expected
        )
        expectClose(
            try session.value(x.batchNorm(scale: session.secret(scale), shift: session.secret(shift))),
            expected
        )
        #expect(placeholder([4, 3]).batchNorm(scale: placeholder([3]), shift: placeholder([3])).shape == [4, 3])
    }
}
