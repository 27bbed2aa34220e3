import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

/// The numerical functions against float64 of the decoded operand, on their whole range, with 16 fraction bits.
@Suite("Functions keep their error bounds and their costs")
struct FunctionTests {
    /// What a function promises for shares, element by element.
    struct Claim: Sendable, CustomTestStringConvertible {
        var name: String
        var points: [Double]
        /// The largest error where the truth is this.
        var tolerance: @Sendable (Double) -> Double
        var rounds: Int
        /// Bytes of a party and of the dealer, an element.
        var bytes: Double
        var dealt: Double
        /// Whole numbers that the operand is multiplied by, to reach beyond what a party may put in.
        var factor = 1
        var function: @Sendable (CrypTensor) -> CrypTensor
        var truth: @Sendable (Double) -> Double

        var testDescription: String { name }
    }

    private static let relative: @Sendable (Double) -> Double = { max(1e-3 * abs($0), 0x1p-13) }
    private static let smooth: @Sendable (Double) -> Double = { _ in 1e-4 }

    /// Numbers of all magnitudes between two, evenly in their logarithms.
    private static func magnitudes(_ low: Double, _ high: Double, _ count: Int) -> [Double] {
        (0..<count).map { low * pow(high / low, Double($0) / Double(count - 1)) }
    }

    private static func evenly(_ low: Double, _ high: Double, _ count: Int) -> [Double] {
        (0..<count).map { low + (high - low) * Double($0) / Double(count - 1) }
    }

    private static func bothSigns(_ points: [Double]) -> [Double] {
        points + points.map { -$0 }
    }

    private static let ulp = 0x1p-16
    private static let everywhere =
        evenly(-14, 14, 90_000) + bothSigns(magnitudes(ulp, 0x1p28, 5_000)) + [0, ulp, -ulp, 0x1p28, -0x1p28]

    static let claims: [Claim] = [
        Claim(
            name: "exp",
            points: evenly(-12, 20.79, 99_000) + magnitudes(12, 0x1p29, 900).map { -$0 } + [0, 10, -9.5, -0x1p29],
            tolerance: relative,
            rounds: 5,
            bytes: 26,
            dealt: 200,
            function: { exp($0) },
            truth: { Foundation.exp($0) }
        ),
        Claim(
            name: "log",
            points: magnitudes(0x1p-16, 0x1.fffep29, 99_000) + evenly(0.4, 2.1, 1_000),
            tolerance: { _ in 5e-4 },
            rounds: 6,
            bytes: 38,
            dealt: 602,
            function: { log($0) },
            truth: { Foundation.log($0) }
        ),
        Claim(
            name: "reciprocal",
            points: bothSigns(magnitudes(0x1p-16, 0x1.fffep29, 50_000)),
            tolerance: relative,
            rounds: 7,
            bytes: 55,
            dealt: 732,
            function: { reciprocal($0) },
            truth: { 1 / $0 }
        ),
        Claim(
            name: "sqrt",
            points: magnitudes(0x1p-16, 0x1.fffep29, 99_000) + evenly(0, 2, 1_000),
            tolerance: relative,
            rounds: 7,
            bytes: 54,
            dealt: 578,
            function: { sqrt($0) },
            truth: { $0.squareRoot() }
        ),
        Claim(
            name: "inverse sqrt",
            points: magnitudes(0x1p-16, 0x1.fffep29, 100_000),
            tolerance: relative,
            rounds: 7,
            bytes: 52,
            dealt: 521,
            function: { rsqrt($0) },
            truth: { 1 / $0.squareRoot() }
        ),
        Claim(
            name: "sigmoid",
            points: everywhere.map { $0 / 4096 },
            tolerance: smooth,
            rounds: 4,
            bytes: 26,
            dealt: 273,
            factor: 4096,
            function: { sigmoid($0) },
            truth: { 1 / (1 + Foundation.exp(-$0)) }
        ),
        Claim(
            name: "tanh",
            points: everywhere,
            tolerance: smooth,
            rounds: 4,
            bytes: 26,
            dealt: 305,
            function: { tanh($0) },
            truth: { Foundation.tanh($0) }
        ),
        Claim(
            name: "erf",
            points: everywhere,
            tolerance: smooth,
            rounds: 4,
            bytes: 26,
            dealt: 209,
            function: { erf($0) },
            truth: { Foundation.erf($0) }
        ),
        Claim(
            name: "silu",
            points: everywhere,
            tolerance: smooth,
            rounds: 4,
            bytes: 26,
            dealt: 360,
            function: { silu($0) },
            truth: { $0 / (1 + Foundation.exp(-$0)) }
        ),
        Claim(
            name: "softplus",
            points: everywhere,
            tolerance: smooth,
            rounds: 4,
            bytes: 26,
            dealt: 280,
            function: { softplus($0) },
            truth: { max($0, 0) + log1p(Foundation.exp(-abs($0))) }
        ),
        Claim(
            name: "sin",
            points: evenly(-1024, 1024, 100_000),
            tolerance: { _ in 3e-4 },
            rounds: 2,
            bytes: 16.1,
            dealt: 30,
            function: { sin($0) },
            truth: { Foundation.sin($0) }
        ),
        Claim(
            name: "cos",
            points: evenly(-1024, 1024, 100_000),
            tolerance: { _ in 3e-4 },
            rounds: 2,
            bytes: 16.1,
            dealt: 30,
            function: { cos($0) },
            truth: { Foundation.cos($0) }
        ),
        Claim(
            name: "gelu",
            points: everywhere,
            tolerance: smooth,
            rounds: 4,
            bytes: 26,
            dealt: 232,
            function: { gelu($0) },
            truth: { $0 / 2 * erfc(-$0 / 2.0.squareRoot()) }
        ),
    ]

    /// The smooth ones once more, as exact as they get.
    static let accurateClaims = claims.filter {
        ["sigmoid", "tanh", "erf", "gelu", "silu", "softplus"].contains($0.name)
    }
    .map { claim in
        var accurate = claim
        accurate.name += ", accurate"
        accurate.tolerance = { _ in 4e-5 }
        accurate.dealt += 3 * 16
        accurate.function = { x in withConfiguration(\.smoothAccuracy, .high) { claim.function(x) } }
        return accurate
    }

    struct Outcome: Sendable {
        var values: [Double]
        var rounds: Int
        var bytes: Int
        var dealt: Int
    }

    /// What both parties have of a function of shares, and what it has cost each.
    static func outcomes(
        on operands: [Double],
        shape: Shape? = nil,
        _ function: @escaping @Sendable (CrypTensor) -> CrypTensor
    ) async throws -> [Outcome] {
        try await withLocalParties(2) { session in
            let x = try await share(of: operands, shape: shape, session)
            let before = try await session.statistics
            let kept = try await session.evaluate([function(x)])
            let after = try await session.statistics - before
            let value = try await session.reveal(kept[0], to: .all)
            return Outcome(
                values: value!.doubles,
                rounds: after.rounds,
                bytes: after.onlineBytes,
                dealt: session.party.index == 1 ? after.dealerBytes : 0
            )
        }
    }

    @Test("in ranges", arguments: claims + accurateClaims)
    func ranges(claim: Claim) async throws {
        let operands = claim.points.map { ($0 / Self.ulp).rounded() * Self.ulp }
        let outcomes = try await Self.outcomes(on: operands) { x in
            claim.function(claim.factor == 1 ? x : x * claim.factor)
        }
        var worst = (error: 0.0, at: 0.0, value: 0.0)
        for (x, y) in zip(operands, outcomes[0].values) {
            let truth = claim.truth(x * Double(claim.factor))
            let error = abs(y - truth) / claim.tolerance(truth)
            if !(error <= worst.error) { worst = (error, x * Double(claim.factor), y) }
        }
        let count = Double(operands.count)
        print(
            "\(claim.name): \(worst.error) of the bound at \(worst.at) (\(worst.value)), \(outcomes[0].rounds) rounds, "
                + "\(Double(outcomes[0].bytes) / count) and \(Double(outcomes[1].dealt) / count) bytes"
        )
        #expect(worst.error <= 1, "\(claim.name)(\(worst.at)) is \(worst.value)")
        #expect(outcomes[0].rounds == claim.rounds)
        #expect(Double(outcomes[0].bytes) / count <= claim.bytes)
        #expect(Double(outcomes[1].dealt) / count <= claim.dealt)
    }

    /// Rows of numbers for functions along the last axis: level, spread out, one far above the others, all equal.
    private static func rows(_ width: Int, count: Int, deviation: Double) -> [Double] {
        var random = TestRandom(seed: 11)
        return (0..<count).flatMap { row -> [Double] in
            let spread = [deviation, deviation / 8, deviation * 4, 0][row % 4]
            var numbers = (0..<width).map { _ in Double.random(in: -spread...spread, using: &random) }
            if row % 3 == 0 { numbers[row % width] += 3 * deviation }
            return numbers.map { ($0 / ulp).rounded() * ulp }
        }
    }

    struct RowClaim: Sendable, CustomTestStringConvertible {
        var name: String
        var width: Int
        var tolerance: Double
        var rounds: Int
        var bytes: Double
        var function: @Sendable (CrypTensor) -> CrypTensor
        var truth: @Sendable ([Double]) -> [Double]
        var deviation = 4.0

        var testDescription: String { "\(name) of \(width)" }
    }

    private static func softmax(_ row: [Double]) -> [Double] {
        let largest = row.max()!
        let powers = row.map { Foundation.exp($0 - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    private static func logSoftmax(_ row: [Double]) -> [Double] {
        let largest = row.max()!
        let sum = Foundation.log(row.reduce(0) { $0 + Foundation.exp($1 - largest) })
        return row.map { $0 - largest - sum }
    }

    private static func standardized(_ row: [Double]) -> [Double] {
        let mean = row.reduce(0, +) / Double(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        return row.map { ($0 - mean) / (variance + 1e-5).squareRoot() }
    }

    static let rowClaims: [RowClaim] =
        [10, 128, 1000].flatMap { width in
            [
                RowClaim(
                    name: "softmax",
                    width: width,
                    tolerance: 3e-4,
                    rounds: [10: 23, 128: 32, 1000: 38][width]!,
                    bytes: [10: 55, 128: 52, 1000: 50][width]!,
                    function: { CrypTenExpressions.softmax($0, axis: -1) },
                    truth: softmax
                ),
                RowClaim(
                    name: "logSoftmax",
                    width: width,
                    tolerance: 1e-3,
                    rounds: [10: 20, 128: 29, 1000: 35][width]!,
                    bytes: [10: 36, 128: 36, 1000: 34][width]!,
                    function: { CrypTenExpressions.logSoftmax($0, axis: -1) },
                    truth: logSoftmax
                ),
            ]
        } + [
            RowClaim(
                name: "layerNorm, deviations to 508",
                width: 768,
                tolerance: 2e-3,
                rounds: 11,
                bytes: 17,
                function: { layerNorm($0) },
                truth: standardized,
                deviation: 220
            ),
            RowClaim(
                name: "layerNorm, deviations from 1/64",
                width: 768,
                tolerance: 2e-3,
                rounds: 11,
                bytes: 17,
                function: { layerNorm($0) },
                truth: standardized,
                deviation: 0.25
            ),
        ]

    @Test("along rows", arguments: rowClaims)
    func rows(claim: RowClaim) async throws {
        let count = claim.width > 100 ? 24 : 400
        let operands = Self.rows(claim.width, count: count, deviation: claim.deviation)
        let outcomes = try await Self.outcomes(on: operands, shape: [count, claim.width], claim.function)
        let truth = (0..<count).flatMap { row in
            claim.truth(Array(operands[row * claim.width..<(row + 1) * claim.width]))
        }
        let worst = zip(outcomes[0].values, truth).enumerated().map { (abs($1.0 - $1.1), $0) }.max { $0.0 < $1.0 }!
        let elements = Double(operands.count)
        print(
            "\(claim.testDescription): off by \(worst.0) in row \(worst.1 / claim.width), \(outcomes[0].rounds) rounds, "
                + "\(Double(outcomes[0].bytes) / elements) and \(Double(outcomes[1].dealt) / elements) bytes"
        )
        #expect(worst.0 <= claim.tolerance)
        #expect(outcomes[0].rounds == claim.rounds)
        #expect(Double(outcomes[0].bytes) / elements <= claim.bytes)
    }

    @Test("with other fraction bits", arguments: [4, 8, 12, 20, 24, 28], [2, 3])
    func fractionBits(bits: Int, parties: Int) async throws {
        let unit = Foundation.pow(2, -Double(bits))
        var configuration = SessionConfiguration()
        configuration.fractionBits = bits
        // What inputs may be, 2^(62 − 2·bits), and the functions' sums of squares.
        let highest = bits > 20 ? 4.0 : 50
        let operands = Self.evenly(-highest, highest, 400).map { ($0 / unit).rounded() * unit }
        let positive = operands.map { max(abs($0), max(0.1, 2 * unit)) }.map { ($0 / unit).rounded() * unit }
        let values = try await withLocalParties(parties, configuration: configuration) { session -> [[Double]] in
            let x = try await session.input(from: .party(0)) { Tensor(operands, shape: [400]) }
            let y = try await session.input(from: .party(1)) { Tensor(positive, shape: [400]) }
            let rows = x.reshape(10, 40)
            let results: [CrypTensor] = [
                sigmoid(x), tanh(x), gelu(x), softplus(x), sin(x), exp(-y), CrypTenExpressions.softmax(rows, axis: -1),
                log(y), sqrt(y), x / y,
                reciprocal(y),
            ]
            var values: [[Double]] = []
            for result in try await session.evaluate(results) {
                values.append(try await session.reveal(result, to: .all)!.doubles)
            }
            return values
        }[0]
        let rows = (0..<10).flatMap { Self.softmax(Array(operands[$0 * 40..<$0 * 40 + 40])) }
        let truths: [[Double]] = [
            operands.map { 1 / (1 + Foundation.exp(-$0)) }, operands.map { Foundation.tanh($0) },
            operands.map { $0 / 2 * erfc(-$0 / 2.0.squareRoot()) },
            operands.map { max($0, 0) + log1p(Foundation.exp(-abs($0))) }, operands.map { Foundation.sin($0) },
            positive.map { Foundation.exp(-$0) }, rows, positive.map { Foundation.log($0) },
            positive.map { $0.squareRoot() }, zip(operands, positive).map { $0 / $1 }, positive.map { 1 / $0 },
        ]
        for (index, (got, truth)) in zip(values, truths).enumerated() {
            for (y, exact) in zip(got, truth) {
                let bound = max(1e-3 * abs(exact), 3e-4) + 8 * unit
                #expect(abs(y - exact) <= bound, "function \(index) is \(y), not \(exact)")
            }
        }
    }

    @Test("quotients of secrets, in shapes that broadcast")
    func quotients() async throws {
        var random = TestRandom(seed: 5)
        let divisors = (0..<2000).map { index in
            let magnitude = pow(2, Double.random(in: -10...20, using: &random))
            return ((index % 2 == 0 ? magnitude : -magnitude) / Self.ulp).rounded() * Self.ulp
        }
        let numerators = divisors.indices.map { index in
            let quotient = pow(2, Double.random(in: -14...19, using: &random))
            let number = min(abs(divisors[index]) * quotient, 0x1p29)
            return ((index % 3 == 0 ? number : -number) / Self.ulp).rounded() * Self.ulp
        }
        let values = try await withLocalParties(2) { session -> [[Double]] in
            let x = try await Self.share(of: numerators, session)
            let y = try await Self.share(of: divisors, session)
            let columns = try await Self.share(of: Array(divisors.prefix(40)), shape: [40, 1], session)
            let results = try await session.evaluate([x / y, x.reshape(40, 50) / (columns * columns), 3.0 / y, y / 4.0])
            var values: [[Double]] = []
            for result in results { values.append(try await session.reveal(result, to: .all)!.doubles) }
            return values
        }[0]
        func check(_ got: Double, _ truth: Double, _ what: String) {
            #expect(abs(got - truth) <= max(1e-3 * abs(truth), 0x1p-13), "\(what) is \(got), not \(truth)")
        }
        for (index, (x, y)) in zip(numerators, divisors).enumerated() {
            check(values[0][index], x / y, "\(x) / \(y)")
            check(values[2][index], 3 / y, "3 / \(y)")
            check(values[3][index], y / 4, "\(y) / 4")
            let square = divisors[index / 50] * divisors[index / 50]
            if square >= 0x1p-9, square <= 0x1p20, abs(x / square) <= 0x1p19 {
                // The square is rounded before it divides.
                #expect(
                    abs(values[1][index] - x / square) <= max(1e-3 * abs(x / square), 0x1p-13) + abs(x / square)
                        * 0x1p-16 / square,
                    "\(x) / \(square)"
                )
            }
        }
    }

    @Test("functions of whole numbers, which have no fraction bits")
    func integers() async throws {
        let (x, y) = ([7, -7, 200, 6, 0, -256], [2, 2, -3, 3, 5, 1])
        let values = try await withLocalParties(2) { session -> [[Double]] in
            let a = try await session.input(from: .party(0), shape: [6], kind: .integer) { Tensor(x, shape: [6]) }
            let b = try await session.input(from: .party(1), shape: [6], kind: .integer) { Tensor(y, shape: [6]) }
            let size = b.abs()
            let results = [
                a.truncatedQuotient(b), a.remainder(dividingBy: b), a / b, sqrt(size), log(size), exp(b), reciprocal(b),
                b.softmax(axis: 0), a.abs().divided(by: size, range: 1...8, isSigned: false),
            ]
            return try await session.reveal(results, to: .all)!.map(\.doubles)
        }[0]
        let (a, b) = (x.map(Double.init), y.map(Double.init))
        #expect(values[0] == zip(x, y).map { Double($0 / $1) })
        let quotients: [Double] = zip(a, b).map { $0 / $1 }
        let rests: [Double] = zip(x, y).map { Double((($0 % $1) + $1) % $1) }
        #expect(values[1] == rests)
        let sizes: [Double] = b.map { Swift.abs($0) }
        let truths: [[Double]] = [
            quotients, sizes.map { $0.squareRoot() }, sizes.map { Foundation.log($0) }, b.map { Foundation.exp($0) },
            b.map { 1 / $0 }, Self.softmax(b), quotients.map { Swift.abs($0) },
        ]
        for (values, truths) in zip(values.dropFirst(2), truths) {
            for (value, truth) in zip(values, truths) {
                let bound: Double = max(1e-3 * Swift.abs(truth), 5e-4)
                #expect(Swift.abs(value - truth) <= bound, "\(value), not \(truth)")
            }
        }
    }

    @Test("beyond their ranges functions keep to their limits")
    func limits() async throws {
        let points = [0, -Self.ulp, Self.ulp, -0x1p-11, 0x1p-11, 0x1p21, -0x1p21, 0x1p29, -0x1p29, -1]
        let values = try await withLocalParties(2) { session -> [[Double]] in
            let x = try await Self.share(of: points, session)
            let results = try await session.evaluate([reciprocal(x), sqrt(x), rsqrt(x), log(x), exp(x), 1 / x])
            var values: [[Double]] = []
            for result in results { values.append(try await session.reveal(result, to: .all)!.doubles) }
            return values
        }[0]
        let reciprocals: [Double] = [65536, -65536, 65536, -2048, 2048, 0, 0, 0, 0, -1.0]
        let roots: [Double] = [
            0, 0, 1 / 256, 0, 0x1p-11.squareRoot(), 0x1p21.squareRoot(), 0, 0x1p29.squareRoot(), 0, 0,
        ]
        let inverseRoots: [Double] = [
            256, 256, 256, 256, 0x1p11.squareRoot(), 0x1p-21.squareRoot(), 256, 0x1p-29.squareRoot(), 256, 256,
        ]
        let floor = -16 * M_LN2
        let logarithms: [Double] = [
            floor, floor, floor, floor, -11 * M_LN2, 21 * M_LN2, floor, 29 * M_LN2, floor, floor,
        ]
        let last = Foundation.exp(20.79296875)
        let exponentials: [Double] = [1, 1, 1, 1, 1, last, 0, last, 0, Foundation.exp(-1)]
        let truths: [[Double]] = [reciprocals, roots, inverseRoots, logarithms, exponentials, reciprocals]
        for (values, truths) in zip(values, truths) {
            for (value, truth) in zip(values, truths) {
                #expect(abs(value - truth) <= max(1.5e-3 * abs(truth), 1e-3), "\(value), not \(truth)")
            }
        }
    }

    /// A kept share of numbers: the difference of two ReLUs.
    static func share(of numbers: [Double], shape: Shape? = nil, _ session: Session) async throws -> CrypTensor {
        let shape = shape ?? [numbers.count]
        let positive = try await session.input(from: .party(0), shape: shape, name: "positive") {
            Tensor(numbers.map { max($0, 0) }, shape: shape)
        }
        let negative = try await session.input(from: .party(1), shape: shape, name: "negative") {
            Tensor(numbers.map { max(-$0, 0) }, shape: shape)
        }
        return try await session.evaluate([relu(positive) - relu(negative)])[0]
    }
}
