import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Foundation
import Testing
import _CrypTenTestSupport

/// Functions that are built of others, in secret runs: their errors and their rounds, as their documentation states them.
@Suite("Functions composed of others keep their error bounds")
struct ComposedFunctionTests {
    struct Claim: Sendable, CustomTestStringConvertible {
        var name: String
        var points: ClosedRange<Double>
        /// The largest error where the truth is this.
        var tolerance: @Sendable (Double) -> Double
        var rounds: Int
        var function: @Sendable (CrypTensor) -> CrypTensor
        var truth: @Sendable (Double) -> Double

        init(
            _ name: String,
            _ points: ClosedRange<Double>,
            _ tolerance: @escaping @Sendable (Double) -> Double,
            rounds: Int,
            _ function: @escaping @Sendable (CrypTensor) -> CrypTensor,
            _ truth: @escaping @Sendable (Double) -> Double
        ) {
            self.name = name
            self.points = points
            self.tolerance = tolerance
            self.rounds = rounds
            self.function = function
            self.truth = truth
        }

        var testDescription: String { name }
    }

    private static func within(_ bound: Double) -> @Sendable (Double) -> Double {
        { _ in bound }
    }

    private static func relative(_ bound: Double) -> @Sendable (Double) -> Double {
        { max(bound * abs($0), 0x1p-13) }
    }

    static let claims: [Claim] = [
        Claim("elu", -20...20, within(2e-4), rounds: 9, { $0.elu() }, { $0 > 0 ? $0 : expm1($0) }),
        Claim("celu", -20...20, within(4e-4), rounds: 9, { $0.celu(2) }, { $0 > 0 ? $0 : 2 * expm1($0 / 2) }),
        Claim(
            "selu",
            -20...20,
            within(4e-4),
            rounds: 10,
            { $0.selu() },
            { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) }
        ),
        Claim("mish", -30...30, within(1e-4), rounds: 4, { $0.mish() }, { $0 * Foundation.tanh(log1p(exp($0))) }),
        Claim(
            "geluTanh",
            -30...30,
            within(1e-4),
            rounds: 4,
            { $0.geluTanh() },
            { $0 / 2 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
        ),
        Claim("swish", -30...30, within(1e-4), rounds: 4, { $0.swish(1.702) }, { $0 / (1 + exp(-1.702 * $0)) }),
        Claim("falling swish", -30...30, within(1e-4), rounds: 4, { $0.swish(-2) }, { $0 / (1 + exp(2 * $0)) }),
        Claim("slow swish", -9...9, within(1e-3), rounds: 6, { $0.swish(0.125) }, { $0 / (1 + exp(-0.125 * $0)) }),
        Claim("softsign", -1e5...1e5, relative(1e-3), rounds: 16, { $0.softsign() }, { $0 / (1 + abs($0)) }),
        Claim("tan", -1.56...1.56, relative(2e-3), rounds: 10, { $0.tan() }, { Foundation.tan($0) }),
        Claim("sinh", -10...10, relative(1e-3), rounds: 6, { $0.sinh() }, { Foundation.sinh($0) }),
        Claim("cosh", -10...10, relative(1e-3), rounds: 6, { $0.cosh() }, { Foundation.cosh($0) }),
        Claim("atan", -1000...1000, within(2e-4), rounds: 27, { $0.atan() }, { Foundation.atan($0) }),
        Claim("atan near 0", -2...2, within(2e-4), rounds: 27, { $0.atan() }, { Foundation.atan($0) }),
        Claim("asin", -1...1, within(2e-3), rounds: 19, { $0.asin() }, { Foundation.asin($0) }),
        Claim("acos", -1...1, within(2e-3), rounds: 19, { $0.acos() }, { Foundation.acos($0) }),
        Claim("asinh", -16000...16000, within(1e-3), rounds: 16, { $0.asinh() }, { Foundation.asinh($0) }),
        Claim("asinh near 0", -4...4, within(1e-3), rounds: 16, { $0.asinh() }, { Foundation.asinh($0) }),
        Claim("acosh", 2...16000, within(2e-3), rounds: 14, { $0.acosh() }, { Foundation.acosh($0) }),
        Claim("acosh near 1", 1...2, within(1e-2), rounds: 14, { $0.acosh() }, { Foundation.acosh($0) }),
        Claim("atanh", -0.99975...0.99975, within(5e-4), rounds: 7, { $0.atanh() }, { Foundation.atanh($0) }),
        Claim(
            "logSigmoid",
            -30...30,
            within(1e-4),
            rounds: 4,
            { $0.logSigmoid() },
            { min($0, 0) - log1p(exp(-abs($0))) }
        ),
        Claim("x to -3", 0.1...8, relative(2e-3), rounds: 11, { $0.pow(-3.0) }, { Foundation.pow($0, -3) }),
        Claim("x to -8", 0.3...4, relative(2e-3), rounds: 13, { $0.pow(-8.0) }, { Foundation.pow($0, -8) }),
        Claim("x to 7", -4...4, relative(2e-3), rounds: 6, { $0.pow(7) }, { Foundation.pow($0, 7) }),
        Claim("x to 2.5", 0.01...40, relative(3e-3), rounds: 11, { $0.pow(2.5) }, { Foundation.pow($0, 2.5) }),
        Claim("x to -1/2", 0.001...4000, relative(1e-3), rounds: 7, { $0.pow(-0.5) }, { 1 / $0.squareRoot() }),
        Claim(
            "hardSwish",
            -8...8,
            within(1e-4),
            rounds: 6,
            { $0.hardSwish() },
            { $0 * min(max($0 / 6 + 0.5, 0), 1) }
        ),
        Claim("log2", 0.01...1000, within(8e-4), rounds: 7, { $0.log() * 1.4426950408889634 }, { Foundation.log2($0) }),
    ]

    @Test("a quotient takes 8 rounds, a secret power 12, a layer normalisation with a secret weight 13")
    func twoOperands() async throws {
        let x = (0..<600).map { 0.25 + Double($0) / 128 }
        let y = (0..<600).map { 2.3 - Double($0) / 128 }.map { ($0 * 0x1p16).rounded() * 0x1p-16 }
        let outcomes = try await withLocalParties(2) { session -> (values: [[Double]], rounds: [Int]) in
            let a = try await FunctionTests.share(of: x, session)
            let b = try await FunctionTests.share(of: y, session)
            let rows = a.reshape(6, 100)
            let weight = try await session.input(from: .party(1)) {
                Tensor([Double](repeating: 2, count: 100), shape: [100])
            }
            var (values, rounds): ([[Double]], [Int]) = ([], [])
            for function in [{ a / b }, { a.pow(b) }, { layerNorm(rows, weight: weight) }] as [() -> CrypTensor] {
                let before = try await session.statistics
                let kept = try await session.evaluate([function()])
                rounds.append((try await session.statistics - before).rounds)
                values.append(try await session.reveal(kept[0], to: .all)!.doubles)
            }
            return (values, rounds)
        }[0]
        #expect(outcomes.rounds == [8, 12, 13])
        for index in 0..<600 {
            let (quotient, power) = (x[index] / y[index], Foundation.pow(x[index], y[index]))
            #expect(abs(outcomes.values[0][index] - quotient) <= max(1e-3 * abs(quotient), 0x1p-13))
            #expect(abs(outcomes.values[1][index] - power) <= max(3e-3 * power, 0x1p-12))
        }
        #expect(outcomes.values[2].reduce(0) { max($0, abs($1)) } < 2 * 3.0.squareRoot() + 0.01)
    }

    static let documented: [(name: String, rounds: Int, function: @Sendable (CrypTensor) -> CrypTensor)] = [
        ("norm 1", 4, { $0.norm(1, axes: [1]) }), ("norm 2", 8, { $0.norm(2, axes: [1]) }),
        ("std", 9, { $0.std(axes: [1]) }), ("cosineSimilarity", 12, { $0.cosineSimilarity($0 * 2 + 1, axis: 1) }),
        ("floor", 5, { $0.floor() }), ("trunc", 9, { $0.trunc() }), ("round", 15, { $0.round() }),
        ("remainder", 10, { $0.remainder(3) }), ("fmod", 14, { $0.fmod(3) }),
        ("attention", 26, { scaledDotProductAttention($0.reshape(2, 8, 8), $0.reshape(2, 8, 8), $0.reshape(2, 8, 8)) }),
    ]

    @Test("documented rounds", arguments: documented.indices)
    func documentedRounds(index: Int) async throws {
        let (name, rounds, function) = Self.documented[index]
        let operands = (0..<128).map { Double($0 % 23) / 4 - 2.5 }
        let outcomes = try await FunctionTests.outcomes(on: operands, shape: [8, 16], function)
        #expect(outcomes[0].rounds == rounds, "\(name)")
    }

    @Test("recurrent networks take 5, 13 and 12 rounds a step; normal numbers 15")
    func recurrentRounds() async throws {
        let rounds = try await withLocalParties(2) { session -> [Int] in
            func measured(_ body: () async throws -> CrypTensor) async throws -> Int {
                let before = try await session.statistics
                _ = try await session.evaluate([try await body()])
                return (try await session.statistics - before).rounds
            }
            func weights(_ gates: Int) async throws -> RecurrentWeights {
                let share = try await FunctionTests.share(
                    of: [Double](repeating: 0.125, count: gates * 8),
                    shape: [gates * 2, 4],
                    session
                )
                return RecurrentWeights(input: share, hidden: share[0..., 0..<2])
            }
            let short = try await FunctionTests.share(
                of: [Double](repeating: 0.5, count: 8),
                shape: [1, 2, 4],
                session
            )
            let long = try await FunctionTests.share(
                of: [Double](repeating: 0.5, count: 24),
                shape: [3, 2, 4],
                session
            )
            let (one, three, four) = (try await weights(1), try await weights(3), try await weights(4))
            var rounds: [Int] = []
            for network in [{ $0.rnn(one) }, { $0.gru(three) }, { $0.lstm(four).output }]
                as [(CrypTensor) -> CrypTensor]
            {
                let (first, last) = (try await measured { network(short) }, try await measured { network(long) })
                rounds.append((last - first) / 2)
            }
            return rounds + [try await measured { try await session.normal([4]) }]
        }[0]
        #expect(rounds == [5, 13, 12, 15])
    }

    @Test("in ranges", arguments: claims)
    func ranges(claim: Claim) async throws {
        let count = 20_000
        let step = (claim.points.upperBound - claim.points.lowerBound) / Double(count - 1)
        let operands = (0..<count).map { ((claim.points.lowerBound + step * Double($0)) * 0x1p16).rounded() * 0x1p-16 }
        let outcomes = try await FunctionTests.outcomes(on: operands, claim.function)
        var worst = (error: 0.0, at: 0.0, value: 0.0)
        for (x, y) in zip(operands, outcomes[0].values) {
            let truth = claim.truth(x)
            let error = abs(y - truth) / claim.tolerance(truth)
            if !(error <= worst.error) { worst = (error, x, y) }
        }
        print(
            "\(claim.name): \(worst.error) of the bound at \(worst.at) (\(worst.value)), \(outcomes[0].rounds) rounds"
        )
        #expect(worst.error <= 1, "\(claim.name)(\(worst.at)) is \(worst.value)")
        #expect(outcomes[0].rounds == claim.rounds)
    }
}
