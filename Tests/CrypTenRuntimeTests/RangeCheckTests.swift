import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import Testing

/// One operation, with what it is made of just inside of its range, and just outside.
struct RangeCase: Sendable, CustomTestStringConvertible {
    var name: String
    /// Of party 0, and of party 1.
    var inside: ([Double], [Double])
    var outside: ([Double], [Double])
    /// What the error says made the number, and of its limit.
    var maker: String
    var limit: String
    var tolerance = 1e-3
    var function: @Sendable (CrypTensor, CrypTensor) -> CrypTensor

    var testDescription: String { name }

    /// The smallest step of a real number.
    static let unit = 0x1p-16
    /// An exact factor that costs no fraction bits.
    static func times(_ x: CrypTensor, _ exponent: Int) -> CrypTensor {
        x * CrypTensor(1 << exponent)
    }

    static let all: [RangeCase] = [
        RangeCase(
            name: "multiply",
            inside: ([3, 0x1p15, -0x1p15], [2, 0x1p15, 0x1p15]),
            outside: ([3, 0x1p15, 1], [2, 0x1p15 + unit, 1]),
            maker: "multiply: 1073741824.5 at [1]",
            limit: "2^30 = 1073741824"
        ) { $0 * $1 },
        RangeCase(
            name: "matmul",
            inside: ([0x1p14, 0x1p14, 0x1p14, 0x1p14], [0x1p14, 0x1p14, 0x1p14, 0x1p14]),
            outside: ([0x1p14, 0x1p14, 0x1p14, 0x1p14 + 1], [0x1p14, 0x1p14, 0x1p14, 0x1p14]),
            maker: "matmul",
            limit: "2^30"
        ) { $0.reshape([1, 4]).matmul($1.reshape([4, 1])) },
        RangeCase(
            name: "convolution",
            inside: ([0x1p14, 0x1p14, 0x1p14, 0x1p14], [0x1p14, 0x1p14, 0x1p14, 0x1p14]),
            outside: ([0x1p14, 0x1p14, 0x1p14, 0x1p14 + 1], [0x1p14, 0x1p14, 0x1p14, 0x1p14]),
            maker: "convolution",
            limit: "2^30"
        ) { $0.reshape([1, 1, 2, 2]).conv2d($1.reshape([1, 1, 2, 2])) },
        RangeCase(
            name: "square",
            inside: ([0x1p15, -0x1p15], [0]),
            outside: ([1, -0x1p15 - unit], [0]),
            maker: "multiply",
            limit: "2^30"
        ) { x, _ in x * x },
        RangeCase(
            name: "a public factor",
            inside: ([0x1p26], [0]),
            outside: ([0x1p26 + 1024], [0]),
            maker: "multiply",
            limit: "2^27",
            tolerance: 0x1p7
        ) { x, _ in relu(x * 1.99999) },
        RangeCase(
            name: "add",
            inside: ([0x1p29, -0x1p29], [0x1p29 - unit, -0x1p29]),
            outside: ([0x1p29], [0x1p29]),
            maker: "add",
            limit: "2^47"
        ) { times($0, 17) + times($1, 17) },
        RangeCase(
            name: "subtract",
            inside: ([-0x1p29], [0x1p29]),
            outside: ([-0x1p29 - unit], [0x1p29]),
            maker: "subtract",
            limit: "2^47"
        ) { times($0, 17) - times($1, 17) },
        RangeCase(
            name: "sum",
            inside: ([0x1p28, 0x1p28, 0x1p28, 0x1p28 - unit], [0]),
            outside: ([0x1p28, 0x1p28, 0x1p28, 0x1p28], [0]),
            maker: "sum",
            limit: "2^47"
        ) { x, _ in times(x, 17).sum() },
        RangeCase(
            name: "comparison of two",
            inside: ([0x1p29 - unit, -0x1p29], [-0x1p29, 0x1p29]),
            outside: ([0x1p29], [-0x1p29]),
            maker: "subtract",
            limit: "2^47"
        ) { times($0, 17) .< times($1, 17) },
        RangeCase(
            name: "comparison with a constant",
            inside: ([0x1p29, -0x1.8p29], [0]),
            outside: ([-0x1.8p29 - unit], [0]),
            maker: "multiply",
            limit: "2^47"
        ) { x, _ in times(x, 17) .< 0x1p45 },
        RangeCase(
            name: "relu of a product",
            inside: ([0x1p15, -0x1p15], [0x1p15, 0x1p15]),
            outside: ([0x1p15], [0x1p15 + unit]),
            maker: "multiply",
            limit: "2^30"
        ) { relu($0 * $1) },
        RangeCase(
            name: "relu of a sum",
            inside: ([0x1p29 - unit], [0x1p29]),
            outside: ([0x1p29], [0x1p29]),
            maker: "add",
            limit: "2^47"
        ) { relu(times($0, 17) + times($1, 17)) },
        RangeCase(
            name: "maximum",
            inside: ([0x1p29 - unit, 5], [-0x1p29, 7]),
            outside: ([0x1p29, 5], [-0x1p29, 7]),
            maker: "multiply",
            limit: "2^47"
        ) { x, y in concatenate([times(x, 17).reshape([2, 1]), times(y, 17).reshape([2, 1])], axis: 1).max(axis: 1) },
        RangeCase(
            name: "argmax",
            inside: ([0x1p29 - unit, 5], [-0x1p29, 7]),
            outside: ([0x1p29, 5], [-0x1p29, 7]),
            maker: "multiply",
            limit: "2^47"
        ) { x, y in
            concatenate([times(x, 17).reshape([2, 1]), times(y, 17).reshape([2, 1])], axis: 1).argmax(axis: 1)
        },
        RangeCase(
            name: "equality",
            inside: ([0x1p29, 1], [0x1p29, 2]),
            outside: ([0x1p29, 1], [0, 2]),
            maker: "multiply",
            limit: "2^47"
        ) { times($0, 19) .== times($1, 19) },
        RangeCase(
            name: "selection",
            inside: ([0x1p29 - unit, 1], [1, -1]),
            outside: ([0x1p29, 1], [1, -1]),
            maker: "multiply",
            limit: "2^47"
        ) { `where`($1 .> 0.0, times($0, 18), 0.0) },
        RangeCase(
            name: "polynomial",
            inside: ([0x1p15, -0x1p15], [0]),
            outside: ([0x1p15 + unit], [0]),
            maker: "polynomial",
            limit: "2^30"
        ) { x, _ in x.polynomial([0, 0, 1]) },
        RangeCase(
            name: "polynomial by Horner's rule",
            inside: ([0x1p10, -0x1p10], [0]),
            outside: ([0x1p10 + 1], [0]),
            maker: "polynomial",
            limit: "2^30",
            tolerance: 64
        ) { x, _ in x.polynomial([0, 0, 0, 1]) },
        RangeCase(
            name: "sigmoid",
            inside: ([0x1p29 - 1, -0x1p29 + 1, 0.5], [0]),
            outside: ([0x1p29, 0, 0], [0]),
            maker: "multiply",
            limit: "2^47"
        ) { x, _ in sigmoid(times(x, 18) * CrypTensor(1)) },
    ]
}

@Suite("Range checks")
struct RangeCheckTests {
    private static func tensors(_ numbers: ([Double], [Double])) -> (Tensor, Tensor) {
        (Tensor(numbers.0, shape: [numbers.0.count]), Tensor(numbers.1, shape: [numbers.1.count]))
    }

    /// What each party's check reports.
    private static func check(
        _ numbers: ([Double], [Double]),
        parties: Int = 2,
        _ function: @escaping @Sendable (CrypTensor, CrypTensor) -> CrypTensor
    ) async throws -> [CheckReport] {
        let (x, y) = tensors(numbers)
        return try await withInsecureCheckedParties(parties) { session in
            let a = try await session.input(from: .party(0)) { x }
            let b = try await session.input(from: .party(1)) { y }
            return try await session.check(function(a, b))
        }
    }

    @Test("just inside of its range an operation is right and not reported", arguments: RangeCase.all)
    func inside(_ range: RangeCase) async throws {
        let (x, y) = Self.tensors(range.inside)
        let wanted = try ClearEvaluator { _ in
            throw CrypTenError(.invalidArgument, "all is constant here")
        }.evaluate([range.function(CrypTensor(constant: x), CrypTensor(constant: y)).node])[0]
        for report in try await Self.check(range.inside, range.function) {
            #expect(report.violation == nil)
            let values = try #require(report.values?.first).doubles
            #expect(zip(values, wanted.doubles).allSatisfy { abs($0 - $1) <= range.tolerance })
            #expect(report.operations.compactMap(\.headRoomBits).allSatisfy { $0 >= 0 })
        }
    }

    @Test("just outside, the value is named with its limit, at every party", arguments: RangeCase.all)
    func outside(_ range: RangeCase) async throws {
        for report in try await Self.check(range.outside, range.function) {
            let violation = try #require(report.violation)
            #expect(violation.code == .outOfRange)
            #expect(violation.message.contains(range.maker), "\(violation)")
            #expect(violation.message.contains(range.limit), "\(violation)")
            #expect(report.values == nil)
        }
    }

    @Test("whatever the magnitude, what isn't reported is right", arguments: 0..<6)
    func unreportedIsRight(kind: Int) async throws {
        let functions: [@Sendable (CrypTensor, CrypTensor) -> CrypTensor] = [
            { relu($0 * $1) }, { ($0 + $1) * $1 }, { x, y in maximum(x * y, y) },
            { x, y in `where`(x .> y, x, y * 2.0) }, { x, y in gelu(x) + y.sum() }, { x, _ in (x * 0.25).pow(2) },
        ]
        let function = functions[kind]
        for exponent in stride(from: 1, through: 29, by: 4) {
            let size = Double(1 << exponent)
            let numbers = ([size, -size * 0.75, 3], [size / 2, size, -size])
            let reports = try await Self.check(numbers) { x, y in
                RangeCase.times(function(x, y), exponent) - RangeCase.times(y, 18)
            }
            let (x, y) = Self.tensors(numbers)
            let wanted = try ClearEvaluator { _ in
                throw CrypTenError(.invalidArgument, "all is constant here")
            }.evaluate([
                (function(CrypTensor(constant: x), CrypTensor(constant: y)) * Double(1 << exponent)
                    - CrypTensor(constant: y) * 0x1p18).node
            ])[0].doubles
            guard let values = reports[0].values?[0].doubles else { continue }
            // Rounding is to 2^-16 of each factor, and is scaled with the result.
            for (value, want) in zip(values, wanted) {
                let error: Double = abs(value - want)
                #expect(error <= size * size * 1e-3 + 1e-3, "2^\(exponent): \(value), not \(want)")
            }
        }
    }

    @Test(
        "a layer's sum that leaves its range is named with its layer, index and value; the layers before it are reported"
    )
    func namesTheLayer() async throws {
        let reports = try await withInsecureCheckedParties(2) { session in
            let x = try await session.input(from: .party(0), name: "pixels") {
                Tensor((0..<32).map { $0 == 21 ? 9000 : 1 }, shape: [1, 2, 4, 4])
            }
            let weights = try await session.hold([
                try await session.input(from: .party(1)) {
                    Tensor([Double](repeating: 0.5, count: 8), shape: [4, 2, 1, 1])
                },
                try await session.input(from: .party(1)) {
                    Tensor([Double](repeating: 180_000, count: 4), shape: [1, 4, 1, 1])
                },
            ])
            let first = withLayer("conv1") { relu(x.conv2d(weights[0])) }
            let second = withLayer("conv2") { relu(first.conv2d(weights[1]) + 1.0) }
            let third = withLayer("head") { second.sum(axis: 1) }
            return try await session.check(third)
        }
        for report in reports {
            let message = try #require(report.violation).message
            #expect(message.hasPrefix("conv2 / convolution with sums"), "\(message)")
            // 4 · 180,000 · (9000 + 1) / 2 + 1
            #expect(message.contains("3240360001 at [0, 0, 1, 1] is outside ±2^30 = 1073741824"), "\(message)")
            #expect(message.contains("16 fraction bits; use fewer fraction bits, declare ranges of what goes in"))
            let names = report.layers.map(\.name)
            #expect(names.contains("conv1") && !names.contains("head"))
            #expect(report.layers.first { $0.name == "conv1" }.map { abs($0.largestMagnitude - 4500.5) < 1e-3 } == true)
        }
    }

    @Test(
        "reveal and evaluate throw at every party, give their results up, and the session goes on",
        arguments: [2, 3]
    )
    func throwsEverywhere(parties: Int) async throws {
        let results = try await withInsecureCheckedParties(parties) { session -> Tensor? in
            let x = try await session.input(from: .party(0)) { Tensor([0x1p16, 2], shape: [2]) }
            let revealed = await #expect(throws: CrypTenError.self) { try await session.reveal(x * x, to: .party(1)) }
            let kept = await #expect(throws: CrypTenError.self) { try await session.evaluate([x * x, x + 1.0]) }
            #expect(revealed?.code == .outOfRange && kept?.code == .outOfRange)
            #expect(revealed?.message.contains("4294967296 at [0]") == true)
            return try await session.reveal(x * 0.5, to: .all)
        }
        for result in results { #expect(result?.doubles == [0x1p15, 1]) }
    }

    @Test("inputs, held weights, kept values, public operands, draws and prepared runs are followed from run to run")
    func sources() async throws {
        let reports = try await withInsecureCheckedParties(3) { session -> [CheckReport] in
            let weights = try await session.input(from: .party(1)) { Tensor([1.5, -2, 0.25, 3], shape: [2, 2]) }
            let held = try await session.hold([weights])[0]
            let (ids, _) = try await session.publicInput(from: .party(2)) { Tensor([1, 0, 1] as [Int64], shape: [3]) }
            let (scale, _) = try await session.publicInput(from: .party(0)) { Tensor([2, 0.3, -1], shape: [3]) }
            let noise = try await session.evaluate([
                try await session.uniform([3, 2]), try await session.bernoulli(0.25, [3, 2]).toReal(),
            ])
            let rows = held.gather(ids, axis: 0) + noise[0] * noise[1]
            let fresh = try await session.uniform([3, 2])
            var found = [try await session.check(sigmoid(rows) + fresh, rows.sum(axis: 1) * scale)]
            let ahead = try await session.placeholder(from: .party(0), shape: [2, 2])
            try await session.prepare([relu(ahead.matmul(held))], revealingTo: .all, runs: 2)
            for factor in [1.0, 0x1.8p29] {
                let x = try await session.input(from: .party(0), shape: [2, 2]) {
                    Tensor([factor, 2, 3, 4], shape: [2, 2])
                }
                found.append(try await session.check(relu(x.matmul(held))))
            }
            #expect(try await session.statistics.preparedRuns == 0)
            return found
        }
        for report in reports {
            #expect(report[0].violation == nil && report[1].violation == nil)
            for layer in report[0].layers + report[1].layers { #expect(layer.largestError < 2e-4, "\(layer)") }
            #expect(report[1].values?[0].doubles.first.map { abs($0 - 2) < 1e-3 } == true)
            #expect(report[2].violation?.message.contains("matmul") == true)
        }
    }

    @Test("whole numbers are exact modulo 2^64, and a comparison of what has wrapped is reported")
    func integers() async throws {
        let reports = try await withInsecureCheckedParties(2) { session -> [CheckReport] in
            let x = try await session.input(from: .party(0)) { Tensor([Int64.max, 5], shape: [2]) }
            let y = try await session.input(from: .party(1)) { Tensor([3, -7] as [Int64], shape: [2]) }
            return [try await session.check(x * y + x), try await session.check(x + y .> 0)]
        }
        #expect(reports[0][0].values?[0].integers == [Int64.max &* 3 &+ .max, -30])
        #expect(reports[0][0].layers.allSatisfy { $0.largestError < 1 || $0.largestMagnitude > 0x1p63 })
        let message = try #require(reports[0][1].violation).message
        #expect(message.contains("add: 9.22337203685e+18 at [0]") && message.contains("±2^63"), "\(message)")
    }

    @Test("what wraps on the way and comes back is right, and not reported")
    func wrapsAndReturns() async throws {
        let reports = try await Self.check(([0x1p29, 1], [0x1p29, 2])) { x, y in
            RangeCase.times(x, 20) - RangeCase.times(y, 20) + 1.0
        }
        #expect(reports[0].violation == nil)
        #expect(reports[0].values?[0].doubles == [1, 1 - 0x1p20])
    }

    @Test("a factor too large for fixed point is reported; a mask of −∞ that is chosen isn't")
    func saturatedConstants() async throws {
        let factor = try await Self.check(([1e-3], [0])) { x, _ in x * 1e20 }
        #expect(factor[0].violation?.message.contains("public number") == true)
        let mask = try await Self.check(([1, -1], [0, 0])) { x, y in relu(`where`(x .> y, x, -1e30)) }
        #expect(mask[0].violation == nil)
        #expect(mask[0].values?[0].doubles == [1, 0])
    }

    @Test("the period of sine and cosine divides the ring, so that no angle is out of range")
    func sine() async throws {
        let reports = try await Self.check(([0x1p29, -3], [0, 0])) { x, _ in
            sin(RangeCase.times(x, 20) - RangeCase.times(x, 20) + x)
        }
        #expect(reports[0].violation == nil)
        #expect(reports[0].layers.allSatisfy { $0.largestError < 1e-4 })
    }

    @Test("a checked run sends what an unchecked one does, to the byte", arguments: [2, 3])
    func costs(parties: Int) async throws {
        let program: @Sendable (Session) async throws -> [Int] = { session in
            let x = try await session.input(from: .party(0)) { Tensor([1, -2, 3, 0.5], shape: [2, 2]) }
            let w = try await session.hold([
                try await session.input(from: .party(1)) { Tensor([1, 2], shape: [2, 1]) }
            ])[0]
            let kept = try await session.evaluate([sigmoid(x.matmul(w))])[0]
            _ = try await session.reveal(relu(kept - 0.5).max(axis: 0), to: .party(0))
            let spent = try await session.statistics
            return [spent.runs, spent.rounds, spent.onlineBytes, spent.setupBytes, spent.dealerBytes]
        }
        let plain = try await withLocalParties(parties, program)
        let checked = try await withInsecureCheckedParties(parties, program)
        #expect(plain == checked)
    }

    @Test("no other session can be checked, and nothing of it is sent for the asking")
    func refusal() async throws {
        _ = try await withLocalParties(2) { session in
            let x = try await session.input(from: .party(0), shape: [1]) { Tensor([1], shape: [1]) }
            let error = await #expect(throws: CrypTenError.self) { try await session.check(x) }
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("withInsecureCheckedParties") == true)
            #expect(try await session.statistics.onlineBytes == 0)
            #expect(try await session.reveal(x, to: .all)?.doubles == [1])
        }
    }

    @Test("a party that fails ends a checked run for all, with its own error")
    func failure() async throws {
        await #expect {
            _ = try await withInsecureCheckedParties(2) { session in
                let x = try await session.input(from: .party(0)) { Tensor([1], shape: [1]) }
                if session.party == .party(1) { throw CrypTenError(.fileNotReadable, "weights.npy is missing") }
                _ = try await session.reveal(x * x, to: .all)
            }
        } throws: { ($0 as? CrypTenError)?.code == .fileNotReadable }
    }
}
