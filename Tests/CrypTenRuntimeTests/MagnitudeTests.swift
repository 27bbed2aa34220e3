import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

/// Logarithms, roots, reciprocals, quotients and exponentials over all that the encoding holds, at any number of fraction bits.
@Suite("Functions of any magnitude are right from one unit of the operand to the end of the encoding")
struct MagnitudeTests {
    /// Numbers of all magnitudes between two, evenly in their logarithms, as multiples of the unit.
    private static func magnitudes(_ low: Double, _ high: Double, _ count: Int, unit: Double) -> [Double] {
        (0..<count).map { place in
            (low * pow(high / low, Double(place) / Double(count - 1)) / unit).rounded() * unit
        }
    }

    private static func results(
        _ bits: Int,
        _ parties: Int,
        _ operands: [[Double]],
        _ functions: @escaping @Sendable ([CrypTensor]) -> [CrypTensor]
    ) async throws -> [[Double]] {
        var configuration = SessionConfiguration()
        configuration.fractionBits = bits
        return try await withLocalParties(parties, configuration: configuration) { session -> [[Double]] in
            var inputs: [CrypTensor] = []
            for (place, numbers) in operands.enumerated() {
                inputs.append(
                    try await session.input(from: .party(place % 2), shape: [numbers.count], name: "x\(place)") {
                        Tensor(numbers, shape: [numbers.count])
                    }
                )
            }
            return try await session.reveal(functions(inputs), to: .all)!.map(\.doubles)
        }[0]
    }

    /// One function's results against the truth, where that is within its limit.
    private static func expect(
        _ name: String,
        _ got: [Double],
        _ truth: [Double],
        limit: Double = .infinity,
        location: SourceLocation = #_sourceLocation,
        bound: (Double) -> Double
    ) {
        var worst = (error: 0.0, place: 0)
        for place in got.indices where abs(truth[place]) <= limit {
            let error = abs(got[place] - truth[place]) / bound(truth[place])
            if !(error <= worst.error) { worst = (error, place) }
        }
        print("\(name): \(worst.error) of the bound at \(truth[worst.place]) (\(got[worst.place]))")
        #expect(
            worst.error <= 1,
            "\(name) is \(got[worst.place]), not \(truth[worst.place])",
            sourceLocation: location
        )
    }

    @Test("of squares, which are read at the product's scale", arguments: [8, 12, 16, 20, 24, 28], [2, 3])
    func squares(bits: Int, parties: Int) async throws {
        let unit = pow(2, -Double(bits))
        let x = Self.magnitudes(unit, pow(2, 30.999 - Double(bits)), 500, unit: unit)
        let got = try await Self.results(bits, parties, [x]) { inputs in
            let y = inputs[0] * inputs[0]
            return [log(y), sqrt(y), rsqrt(y), reciprocal(y)]
        }
        let y = x.map { $0 * $0 }
        let limit = pow(2, Double(48 - bits))
        let name = "\(bits) bits, \(parties) parties: "
        Self.expect(name + "log", got[0], y.map { Foundation.log($0) }) { _ in 1e-3 + 2 * unit }
        Self.expect(name + "sqrt", got[1], x) { max(1e-3 * $0, 2 * unit) }
        Self.expect(name + "rsqrt", got[2], x.map { 1 / $0 }, limit: limit) { max(1e-3 * $0, 8 * unit) }
        Self.expect(name + "reciprocal", got[3], y.map { 1 / $0 }, limit: limit) { max(1e-3 * $0, 8 * unit) }
    }

    @Test("of sums of products with public factors and numbers", arguments: [12, 16, 24], [2, 3])
    func factors(bits: Int, parties: Int) async throws {
        let unit = pow(2, -Double(bits))
        let x = Self.magnitudes(unit, pow(2, 28 - Double(bits)), 300, unit: unit)
        let got = try await Self.results(bits, parties, [x]) { inputs in
            let y = inputs[0] * inputs[0]
            return [
                log(y * 0.1), sqrt(y * 0.3), rsqrt(y * 3 + 0.001), sqrt((y + 1e-6) * 0.25), log(y + 1e-6),
                reciprocal(y * 7 + 2),
            ]
        }
        let y = x.map { $0 * $0 }
        let limit = pow(2, Double(48 - bits))
        let name = "\(bits) bits, \(parties) parties: "
        // Numbers are added at the product's scale.
        let added = pow(2, -2 * Double(bits)) / 1e-6
        Self.expect(name + "log of a part", got[0], y.map { Foundation.log($0 * 0.1) }) { _ in 1e-3 + 2 * unit }
        Self.expect(name + "sqrt of a part", got[1], y.map { ($0 * 0.3).squareRoot() }) { max(1e-3 * $0, 2 * unit) }
        Self.expect(name + "rsqrt of a sum", got[2], y.map { 1 / ($0 * 3 + 0.001).squareRoot() }, limit: limit) {
            max((1e-3 + 1000 * added * 1e-6) * $0, 8 * unit)
        }
        Self.expect(name + "sqrt of a sum", got[3], y.map { (($0 + 1e-6) * 0.25).squareRoot() }) {
            max((1e-3 + added) * $0, 2 * unit)
        }
        Self.expect(name + "log of a sum", got[4], y.map { Foundation.log($0 + 1e-6) }) { _ in 1e-3 + added + 2 * unit }
        Self.expect(name + "reciprocal of a sum", got[5], y.map { 1 / ($0 * 7 + 2) }) { max(1e-3 * $0, 8 * unit) }
    }

    @Test("of numbers themselves, multiplied up to the end", arguments: [4, 8, 12, 16, 20, 24, 28], [2, 3])
    func numbers(bits: Int, parties: Int) async throws {
        let unit = pow(2, -Double(bits))
        let end = pow(2, 61.999 - 2 * Double(bits))
        let x = Self.magnitudes(unit, end, 400, unit: unit)
        // Whole factors reach beyond what a party may put in: to 2^(62 − bits).
        let far = 1 << bits
        let got = try await Self.results(bits, parties, [x]) { inputs in
            let (y, z) = (inputs[0], inputs[0] * far)
            return [log(y), sqrt(y), rsqrt(y), reciprocal(y), reciprocal(-y), log(z), sqrt(z)]
        }
        let limit = pow(2, Double(48 - bits))
        let name = "\(bits) bits, \(parties) parties: "
        let z = x.map { $0 * Double(far) }
        for (place, y) in [(0, x), (5, z)] {
            Self.expect(name + "log", got[place], y.map { Foundation.log($0) }) { _ in 1e-3 + 2 * unit }
            Self.expect(name + "sqrt", got[place + 1], y.map { $0.squareRoot() }) { max(1e-3 * $0, 2 * unit) }
        }
        Self.expect(name + "rsqrt", got[2], x.map { 1 / $0.squareRoot() }, limit: limit) { max(1e-3 * $0, 8 * unit) }
        Self.expect(name + "reciprocal", got[3], x.map { 1 / $0 }, limit: limit) { max(1e-3 * $0, 8 * unit) }
        Self.expect(name + "reciprocal of less than 0", got[4], x.map { -1 / $0 }, limit: limit) {
            max(1e-3 * abs($0), 8 * unit)
        }
    }

    @Test("quotients of all sizes", arguments: [4, 8, 12, 16, 20, 24, 28], [2, 3])
    func quotients(bits: Int, parties: Int) async throws {
        let unit = pow(2, -Double(bits))
        let end = pow(2, 61.99 - 2 * Double(bits))
        let largest = pow(2, Double(min(62 - 2 * bits, 48 - bits)))
        var random = TestRandom(seed: 21)
        let y = Self.magnitudes(unit, end, 600, unit: unit)
        let x = y.map { divisor -> Double in
            let (low, high) = (log2(unit), log2(min(largest * 0.9, end / divisor)))
            let quotient = exp2(Double.random(in: min(low, high)...high, using: &random))
            return ((Bool.random(using: &random) ? 1 : -1) * divisor * quotient / unit).rounded() * unit
        }
        // Whole factors on both sides of the quotient: divisors up to 2^(60 − bits).
        let far = 1 << max(0, bits - 2)
        let got = try await Self.results(bits, parties, [x, y]) { inputs in
            let (x, y) = (inputs[0], inputs[1])
            let columns = y.reshape(600, 1)
            return [
                x / y, x / -y, (x * far) / (y * far), (x.reshape(600, 1) / columns).reshape(600),
                (x.reshape(600, 1).broadcast(to: [600, 2]) / columns).reshape(1200),
            ]
        }
        let quotients = zip(x, y).map { $0 / $1 }
        let name = "\(bits) bits, \(parties) parties: "
        for (place, sign) in [1.0, -1, 1, 1].enumerated() {
            Self.expect(name + "quotient \(place)", got[place], quotients.map { $0 * sign }) {
                max(1e-3 * abs($0), 8 * unit)
            }
        }
        Self.expect(name + "quotients of rows", got[4], quotients.flatMap { [$0, $0] }) {
            max(1e-3 * abs($0), 8 * unit)
        }
    }

    @Test("public numbers over secret ones of any size", arguments: [12, 16, 24])
    func publicNumerators(bits: Int) async throws {
        let unit = pow(2, -Double(bits))
        let y = Self.magnitudes(unit, pow(2, 61.99 - 2 * Double(bits)), 400, unit: unit)
        let many = y.indices.map { Double($0 % 7) * 0.5 - 1 }
        let got = try await Self.results(bits, 2, [y]) { inputs in
            [1000 / inputs[0], -0.25 / inputs[0], Tensor(many, shape: [many.count]) / inputs[0]]
        }
        let limit = pow(2, Double(min(62 - 2 * bits, 48 - bits)))
        for (place, x) in [[Double](repeating: 1000, count: 400), [Double](repeating: -0.25, count: 400), many]
            .enumerated()
        {
            Self.expect("\(bits) bits: \(x[0]) / y", got[place], zip(x, y).map { $0 / $1 }, limit: limit) {
                max(1e-3 * abs($0), 8 * unit)
            }
        }
    }

    @Test("exponentials up to their end, and there beyond it", arguments: [4, 8, 12, 16, 20, 24, 28], [2, 3])
    func exponentials(bits: Int, parties: Int) async throws {
        let unit = pow(2, -Double(bits))
        // Results end at 2^(62 − 2f), but not below 2^15 nor above 2^30.
        let octaves = Double(max(15, min(30, 62 - 2 * bits)))
        let last = octaves == 15 ? 10.375 : floor(octaves * M_LN2 * 256) / 256
        // Numbers that can be put in, doubled twice.
        let room = pow(2, 61 - 2 * Double(bits))
        let x = (0..<1000).map { place in
            let number = -14 + (last + 14) * Double(place) / 1000
            return (min(max(number, -room), room) / 4 / unit).rounded() * unit
        }
        let got = try await Self.results(bits, parties, [x]) { inputs in
            [exp(inputs[0] * 4), exp(inputs[0] * 4 + 1000)]
        }
        Self.expect("\(bits) bits, \(parties) parties: exp", got[0], x.map { Foundation.exp(4 * $0) }) {
            max(1e-3 * $0, 8 * unit, 0x1p-13)
        }
        Self.expect("\(bits) bits, \(parties) parties: exp beyond", got[1], x.map { _ in Foundation.exp(last) }) {
            1e-3 * $0
        }
    }

    @Test("layer normalisation of rows with two numbers far out")
    func outliers() async throws {
        var random = TestRandom(seed: 22)
        let rows = (0..<16).map { row -> [Double] in
            var numbers = (0..<64).map { _ in Double.random(in: -4...4, using: &random) }
            if row % 4 > 0 { numbers[row] = 20_000 }
            if row % 4 > 1 { numbers[row + 3] = row % 2 == 0 ? -20_000 : 19_000 }
            return numbers.map { ($0 * 0x1p16).rounded() * 0x1p-16 }
        }
        let got = try await Self.results(16, 2, [rows.flatMap(\.self)]) { [layerNorm($0[0].reshape(16, 64))] }
        for (row, numbers) in rows.enumerated() {
            let mean = numbers.reduce(0, +) / 64
            let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 64
            for (place, number) in numbers.enumerated() {
                let truth = (number - mean) / (variance + 1e-5).squareRoot()
                #expect(abs(got[0][row * 64 + place] - truth) <= 2e-3, "row \(row)")
            }
        }
    }
}
