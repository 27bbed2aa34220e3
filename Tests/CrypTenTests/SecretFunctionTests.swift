import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

/// Functions that are composed of gates, between parties: exact ones exactly, others within some roundings.
@Suite("Functions of a tensor, between parties")
struct SecretFunctionTests {
    private func run(
        parties: Int = 2,
        _ tensors: [Tensor],
        _ body: @escaping @Sendable ([CrypTensor]) -> [CrypTensor]
    ) async throws -> [Tensor] {
        let answers = try await withLocalParties(parties) { session -> [Tensor]? in
            var inputs: [CrypTensor] = []
            for (index, tensor) in tensors.enumerated() {
                inputs.append(try await session.input(from: .party(index % parties)) { tensor })
            }
            return try await session.reveal(body(inputs), to: .all)
        }
        for answer in answers { #expect(answer == answers[0]) }
        return try #require(answers[0])
    }

    private func expectClose(_ got: Tensor, _ expected: [Double], within bound: Double) {
        #expect(got.shape.count == expected.count)
        let worst = zip(got.doubles, expected).map { ($0 - $1).magnitude }.max { !($0 >= $1) } ?? 0
        #expect(worst <= bound, "\(worst)")
    }

    @Test(
        "sorts, their positions, the largest and the median are exact, equal numbers in their order",
        arguments: [2, 3]
    )
    func order(parties: Int) async throws {
        let values = [3.25, -1, 7, 3.25, 0, -1, 100_000.5, 3.25, -40]
        let got = try await run(parties: parties, [Tensor(values, shape: [9])]) { inputs in
            let x = inputs[0]
            let (top, places) = x.topK(4)
            return [
                x.sort(), x.sort(descending: true), x.argsort(), x.argsort(descending: true), top, places, x.median(),
            ]
        }
        let up = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        let down = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
        #expect(got[0].doubles == up.map { values[$0] })
        #expect(got[1].doubles == down.map { values[$0] })
        #expect(got[2].integers == up.map(Int64.init))
        #expect(got[3].integers == down.map(Int64.init))
        #expect(got[4].doubles == down.prefix(4).map { values[$0] })
        #expect(got[5].integers == down.prefix(4).map(Int64.init))
        #expect(got[6].doubles == [3.25])
    }

    @Test("whole numbers near a real one are exact on 4,096 numbers and the edges", arguments: [2, 3])
    func roundings(parties: Int) async throws {
        var values = (0..<4096).map { (i: Int) -> Double in Double((i * 40_503) % 262_144 - 131_072) / 4096 }
        values += [0, 0x1p-16, -0x1p-16, 0.5, -0.5, 1 - 0x1p-16, -1, 0x1p29, -0x1p29, 0x1p29 - 0.5, 12345 + 0x1p-16]
        let got = try await run(parties: parties, [Tensor(values, shape: [values.count])]) { inputs in
            let x = inputs[0]
            return [x.floor(), x.ceil(), x.trunc(), x.round()]
        }
        #expect(got[0].doubles == values.map { $0.rounded(.down) })
        #expect(got[1].doubles == values.map { $0.rounded(.up) })
        #expect(got[2].doubles == values.map { $0.rounded(.towardZero) })
        #expect(got[3].doubles == values.map { $0.rounded(.toNearestOrEven) })
    }

    @Test("a product's floor is that of the number that it is truncated to")
    func productFloor() async throws {
        let (a, b) = ([1.5, -2.25, 3.75, 100.125], [2.0, 3.5, -1.25, 7.75])
        let got = try await run([Tensor(a, shape: [4]), Tensor(b, shape: [4])]) { x in
            let product = x[0] * x[1]
            return [product.floor(), product]
        }
        #expect(got[0].doubles == zip(a, b).map { ($0 * $1).rounded(.down) })
        expectClose(got[1], zip(a, b).map(*), within: 0x1p-15)
    }

    @Test("remainders of public divisors, bits, and shifts of integers")
    func integers() async throws {
        let values: [Int64] = [-9, -8, -7, -1, 0, 1, 6, 7, 8, 1000, 123_456_789, -(1 << 40)]
        let small = Array(values.prefix(10))
        let got = try await run([Tensor(values, shape: [12]), Tensor(small, shape: [10])]) { inputs in
            let (x, y) = (inputs[0], inputs[1])
            return [
                y.remainder(7.0), y.fmod(-3.0), x.bits(64).toInteger(), x.bits().integersFromBits(), x.shiftedLeft(5),
                x.shiftedRight(3),
            ]
        }
        #expect(got[0].integers == small.map { (($0 % 7) + 7) % 7 })
        #expect(got[1].integers == small.map { $0 % 3 })
        var bits: [Int64] = []
        for value in values { for k in Int64(0)..<64 { bits.append((value >> k) & 1) } }
        #expect(got[2].integers == bits)
        #expect(got[3].integers == values)
        #expect(got[4].integers == values.map { $0 << 5 })
        #expect(got[5].integers == values.map { $0 >> 3 })
    }

    @Test("secret positions read secret tables; writes to public positions are moves and sums")
    func positions() async throws {
        let table = (0..<12).map { Double($0) * 0.75 - 3 }
        let got = try await run(
            [
                Tensor(table, shape: [4, 3]), Tensor([2, 0, 3, 9], shape: [2, 2]), Tensor([1.5, -2, 0.25], shape: [3]),
            ]
        ) { inputs in
            let (t, i, v) = (inputs[0], inputs[1], inputs[2])
            return [
                t.take(i), embedding(i, weight: t), t.take(i[0], axis: 1), i.oneHot(4).toInteger(),
                v.scatter(Tensor([2, 2, 0], shape: [3]), v, axis: 0),
                v.scatterAdd(Tensor([2, 2, 0], shape: [3]), v, axis: 0),
                t.takeAlong(Tensor([0, 2, 1, -1], shape: [4, 1]), axis: 1), t.cumsum(axis: 0), v.cumprod(axis: 0),
            ]
        }
        func row(_ i: Int) -> [Double] { i < 4 ? Array(table[i * 3..<i * 3 + 3]) : [0, 0, 0] }
        #expect(got[0].doubles == row(2) + row(0) + row(3) + row(9))
        #expect(got[1] == got[0])
        var columns: [Double] = []
        for r in 0..<4 { columns += [table[r * 3 + 2], table[r * 3]] }
        #expect(got[2].doubles == columns)
        #expect(got[3].integers == [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
        #expect(got[4].doubles == [0.25, -2, -2])
        #expect(got[5].doubles == [1.75, -2, -0.25])
        #expect(got[6].doubles == [table[0], table[5], table[7], table[11]])
        var sums = table
        for k in 3..<12 { sums[k] += sums[k - 3] }
        #expect(got[7].doubles == sums)
        expectClose(got[8], [1.5, -3, -0.75], within: 0x1p-14)
    }

    @Test("einsum, volumes, determinants and recurrent layers stay within some roundings")
    func products() async throws {
        func numbers(_ shape: Shape, _ seed: Int) -> Tensor {
            Tensor((0..<shape.count).map { Double(($0 * 37 + seed * 11) % 41) / 20 - 1 }, shape: shape)
        }
        let operands = [
            numbers([2, 3, 4], 1), numbers([2, 5, 4], 2), numbers([1, 2, 3, 4, 3], 3), numbers([2, 2, 2, 2, 2], 4),
            numbers([3, 3], 5), numbers([3, 2, 3], 6), numbers([8, 3], 7), numbers([8, 2], 8),
        ]
        @Sendable func body(_ x: [CrypTensor]) -> [CrypTensor] {
            let weights = RecurrentWeights(input: x[6], hidden: x[7])
            let (states, cell) = x[5].lstm(weights)
            return [
                einsum("bij,bkj->bik", x[0], x[1]), x[2].conv3d(x[3], padding: 1),
                x[2].convTransposed3d(x[3], stride: 2),
                x[2].avgPool3d(2), x[2].maxPool3d(2, stride: 1), x[4].determinant(), states, cell,
                x[4].prelu(0.25), x[4].hardSwish(), x[4].softShrink(0.25),
            ]
        }
        let got = try await run(operands) { body($0) }
        let clear = try ClearEvaluator { _ in throw CrypTenError(.invalidArgument, "all is constant") }
            .evaluate(body(operands.map { CrypTensor(constant: $0) }).map(\.node))
        for (secret, plain) in zip(got, clear) {
            #expect(secret.shape == plain.shape)
            expectClose(secret, plain.doubles, within: 1e-3)
        }
    }

    @Test("functions take the rounds that they state: of a share, its masking included, and one for a last truncation")
    func rounds() async throws {
        let taken = try await withLocalParties(2) { session -> [(String, Int, Int)] in
            let a = try await session.input(from: .party(0)) {
                Tensor((0..<16).map { Double($0) / 4 - 1 }, shape: [16])
            }
            let n = try await session.input(from: .party(0)) { Tensor((0..<16).map { $0 }, shape: [16]) }
            let x = try await session.evaluate([a * a])[0]
            let m = x.reshape([4, 4])
            let sequence = x.reshape([4, 1, 4])
            let weights = a.reshape([4, 4])
            let cases: [(String, CrypTensor, Int)] = [
                ("floor", x.floor(), 5), ("ceil", x.ceil(), 5), ("trunc", x.trunc(), 9), ("round", x.round(), 15),
                ("remainder", x.remainder(3.0), 10), ("fmod", x.fmod(3.0), 14), ("hardSwish", x.hardSwish(), 6),
                ("thresholdedRelu", x.thresholdedRelu(), 4), ("softShrink", x.softShrink(), 4), ("mish", x.mish(), 12),
                ("geluTanh", x.geluTanh(), 15), ("cumsum", x.cumsum(axis: 0), 0), ("cumprod", x.cumprod(axis: 0), 8),
                ("prod", x.prod(), 8), ("sort", x.sort(), 40), ("argsort", x.argsort(), 50),
                ("sort of 4", m.sort(), 12),
                ("oneHot", n.oneHot(4).toInteger(), 4), ("take", x.take(n[0..<2]), 5),
                ("bits", n.bits().toInteger(), 5),
                ("shiftedRight", n.shiftedRight(3), 5), ("determinant", m.determinant(), 5),
                ("rnn", sequence.rnn(RecurrentWeights(input: weights, hidden: weights)), 25),
            ]
            var results: [(String, Int, Int)] = []
            for (name, expression, bound) in cases {
                let cost = try await session.cost(of: expression, revealingTo: .all)
                results.append((name, cost.rounds - 1, bound))
            }
            return results
        }
        for (name, rounds, bound) in taken[0] { #expect(rounds <= bound, "\(name)") }
    }
}
