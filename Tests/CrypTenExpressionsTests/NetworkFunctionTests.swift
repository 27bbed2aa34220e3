import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Foundation
import Testing

@Suite("Attention, recurrent layers, losses, secret positions, bits of integers")
struct NetworkFunctionTests {
    private func sigmoid(_ x: Double) -> Double { 1 / (1 + Foundation.exp(-x)) }

    @Test("attention is the softmax of scores times values", arguments: [false, true])
    func attention(isCausal: Bool) throws {
        var random = SeededGenerator(seed: 71)
        let session = ClearSession()
        let (q, k, v) = (random.reals([2, 3, 4]), random.reals([2, 5, 4]), random.reals([2, 5, 3]))
        let bias = random.reals([3, 5])
        let allowed = Tensor(.bool((0..<15).map { (i: Int) -> Bool in i % 5 == 0 || i % 3 != 1 }), shape: [3, 5])
        func expected(_ score: (Int, Int, Double) -> Double?) -> [Double] {
            tabulate([2, 3, 3]) { (n: [Int]) -> Double in
                var powers: [Double] = []
                for t in 0..<5 {
                    var product = 0.0
                    for d in 0..<4 { product += q[[n[0], n[1], d]] * k[[n[0], t, d]] }
                    let sum = isCausal && t > n[1] ? nil : score(n[1], t, product / 2)
                    powers.append(sum.map { Foundation.exp($0) } ?? 0)
                }
                let total = powers.reduce(0, +)
                var result = 0.0
                for t in 0..<5 { result += powers[t] / total * v[[n[0], t, n[2]]] }
                return result
            }
        }
        let (x, y, z) = (session.secret(q), session.secret(k), session.secret(v))
        expectClose(
            try session.value(scaledDotProductAttention(x, y, z, isCausal: isCausal)),
            expected { $2 },
            within: 1e-8
        )
        expectClose(
            try session.value(scaledDotProductAttention(x, y, z, mask: session.secret(bias), isCausal: isCausal)),
            expected { bias[[$0, $1]] + $2 },
            within: 1e-8
        )
        for mask in [CrypTensor(constant: allowed), session.secret(allowed)] {
            expectClose(
                try session.value(scaledDotProductAttention(x, y, z, mask: mask, isCausal: isCausal)),
                expected { allowed[[$0, $1]] == 1 ? $2 : nil },
                within: 1e-8
            )
        }
        #expect(
            scaledDotProductAttention(x, z, z).error?.message.contains("scaledDotProductAttention can't combine")
                == true
        )
    }

    @Test("recurrent layers are their cells, step by step")
    func recurrent() throws {
        var random = SeededGenerator(seed: 72)
        let session = ClearSession()
        let (steps, batch, inputs, hidden) = (4, 2, 3, 2)
        let a = random.reals([steps, batch, inputs])
        let x = session.secret(a)
        func run(
            _ gates: Int,
            _ cell: (_ wx: [Double], _ uh: [Double], _ h: [Double], _ c: inout [Double]) -> [Double]
        )
            throws -> (RecurrentWeights, [Double], [Double])
        {
            let rows = gates * hidden
            let (w, u) = (random.reals([rows, inputs], in: -1...1), random.reals([rows, hidden], in: -1...1))
            let (b, d) = (random.reals([rows], in: -1...1), random.reals([rows], in: -1...1))
            var out = [Double](repeating: 0, count: steps * batch * hidden)
            var last: [Double] = []
            for n in 0..<batch {
                var (h, c) = ([Double](repeating: 0, count: hidden), [Double](repeating: 0, count: hidden))
                for t in 0..<steps {
                    var (wx, uh) = (b.doubles, d.doubles)
                    for r in 0..<rows {
                        for i in 0..<inputs { wx[r] += w[[r, i]] * a[[t, n, i]] }
                        for j in 0..<hidden { uh[r] += u[[r, j]] * h[j] }
                    }
                    h = cell(wx, uh, h, &c)
                    for j in 0..<hidden { out[(t * batch + n) * hidden + j] = h[j] }
                }
                last += c
            }
            let weights = RecurrentWeights(
                input: session.secret(w),
                hidden: session.secret(u),
                inputBias: session.secret(b),
                hiddenBias: session.secret(d)
            )
            return (weights, out, last)
        }
        let elman = try run(1) { wx, uh, _, _ in zip(wx, uh).map { Foundation.tanh($0 + $1) } }
        expectClose(try session.value(x.rnn(elman.0)), elman.1, within: 1e-8)
        let gated = try run(3) { wx, uh, h, _ in
            (0..<hidden).map { j in
                let (r, z) = (sigmoid(wx[j] + uh[j]), sigmoid(wx[hidden + j] + uh[hidden + j]))
                let new = Foundation.tanh(wx[2 * hidden + j] + r * uh[2 * hidden + j])
                return (1 - z) * new + z * h[j]
            }
        }
        expectClose(try session.value(x.gru(gated.0)), gated.1, within: 1e-8)
        let memory = try run(4) { wx, uh, _, c in
            let sum = zip(wx, uh).map { $0 + $1 }
            return (0..<hidden).map { j in
                c[j] = sigmoid(sum[hidden + j]) * c[j] + sigmoid(sum[j]) * Foundation.tanh(sum[2 * hidden + j])
                return sigmoid(sum[3 * hidden + j]) * Foundation.tanh(c[j])
            }
        }
        let (output, cell) = x.lstm(memory.0)
        expectClose(try session.value(output), memory.1, within: 1e-8)
        expectClose(try session.value(cell), memory.2, within: 1e-8)
        #expect(x.lstm(elman.0).cell.error?.message.contains("lstm can't combine") == true)
        #expect(x.gru(gated.0, state: placeholder([1, 2])).error?.message.contains("gru can't start") == true)
    }

    @Test("losses are their formulas")
    func losses() throws {
        var random = SeededGenerator(seed: 73)
        let session = ClearSession()
        let (a, b) = (random.reals([3, 4]), random.reals([3, 4], in: 0.1...0.9))
        let (x, p) = (session.secret(a), session.secret(b))
        let classes = Tensor([2, 0, 3], shape: [3])
        func logSoftmax(_ n: Int, _ c: Int) -> Double {
            a[[n, c]] - Foundation.log((0..<4).reduce(0) { $0 + Foundation.exp(a[[n, $1]]) })
        }
        let each = [2, 0, 3].enumerated().map { -logSoftmax($0.offset, $0.element) }
        expectClose(try session.value(crossEntropy(x, classes: classes, reduction: .none)), each)
        expectClose(try session.value(crossEntropy(x, classes: classes)), [each.reduce(0, +) / 3])
        var weighted = 0.0
        for n in 0..<3 { for c in 0..<4 { weighted -= b[[n, c]] * logSoftmax(n, c) } }
        expectClose(try session.value(crossEntropy(x, p, reduction: .sum)), [weighted])
        let pairs = zip(a.doubles, b.doubles)
        expectClose(try session.value(mseLoss(x, p)), [pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 12])
        expectClose(
            try session.value(l1Loss(x, p, reduction: .sum)),
            [pairs.reduce(0) { $0 + ($1.0 - $1.1).magnitude }]
        )
        expectClose(
            try session.value(binaryCrossEntropyWithLogits(x, p, reduction: .none)),
            pairs.map { -$1 * Foundation.log(sigmoid($0)) - (1 - $1) * Foundation.log(1 - sigmoid($0)) }
        )
        let t = session.secret(Tensor(b.doubles.map { $0.rounded() }, shape: [3, 4]))
        expectClose(
            try session.value(binaryCrossEntropy(p, t, reduction: .none)),
            b.doubles.map { -Foundation.log($0 >= 0.5 ? $0 : 1 - $0) }
        )
        #expect(mseLoss(x, t.sum()).error?.message.contains("mseLoss can't combine shapes [3, 4] and []") == true)
    }

    @Test("slices at secret positions and by one-hot rows", arguments: [0, 1, 2])
    func secretPositions(axis: Int) throws {
        var random = SeededGenerator(seed: 74)
        let session = ClearSession()
        let a = random.reals([3, 4, 2])
        let x = session.secret(a)
        let extent = a.shape[axis]
        let positions = Tensor([0, extent - 1, 1, 0, extent, -1], shape: [3, 2])
        var target = a.shape.dimensions
        target.replaceSubrange(axis...axis, with: [3, 2])
        let expected = tabulate(Shape(target)) { index in
            let p = Int(positions[Array(index[axis..<axis + 2])])
            guard (0..<extent).contains(p) else { return 0 }
            var place = index
            place.replaceSubrange(axis..<axis + 2, with: [p])
            return a[place]
        }
        let index = session.secret(positions)
        expectClose(try session.value(x.take(index, axis: axis)), expected)
        expectClose(try session.value(x.take(oneHot: index.oneHot(extent), axis: axis)), expected)
        expectClose(try session.value(x.take(oneHot: index.oneHot(extent).toInteger(), axis: axis)), expected)
        #expect(try session.value(index.oneHot(2)).shape == [3, 2, 2])
    }

    @Test("embeddings read public and secret tables at public and secret positions")
    func embeddings() throws {
        var random = SeededGenerator(seed: 75)
        let session = ClearSession()
        let table = random.reals([5, 3])
        let tokens = Tensor([4, 0, 2, 2], shape: [2, 2])
        let expected = tabulate([2, 2, 3]) { table[[Int(tokens[[$0[0], $0[1]]]), $0[2]]] }
        for weight in [session.secret(table), CrypTensor(constant: table)] {
            for index in [session.secret(tokens), session.publicInput(tokens), CrypTensor(constant: tokens)] {
                expectClose(try session.value(embedding(index, weight: weight)), expected)
            }
            expectClose(
                try session.value(embedding(oneHot: session.secret(tokens).oneHot(5), weight: weight)),
                expected
            )
        }
        #expect(
            embedding(session.secret(tokens), weight: placeholder([5])).error?.message.contains("embedding") == true
        )
    }

    @Test("integers and their bits, and shifts, on the whole ring")
    func bits() throws {
        let session = ClearSession()
        let values: [Int64] = [0, 1, -1, 5, -6, 1 << 40, .max, .min, -123_456_789_012]
        let n = session.secret(Tensor(values, shape: [9]))
        let all = n.bits()
        #expect(
            try session.value(all).integers == values.flatMap { v in (0..<64).map { (v >> Int64($0)) & 1 } }
        )
        #expect(try session.value(all.integersFromBits()).integers == values)
        #expect(try session.value(n.bits(3)).integers == values.flatMap { v in (0..<3).map { (v >> Int64($0)) & 1 } })
        for count in [0, 1, 7, 31, 63] {
            #expect(try session.value(n.shiftedLeft(count)).integers == values.map { $0 << Int64(count) })
            #expect(try session.value(n.shiftedRight(count)).integers == values.map { $0 >> Int64(count) })
        }
        #expect(n.bits(65).error?.message.contains("bits can't give 65 bits") == true)
        #expect(placeholder([2]).shiftedLeft(1).error?.message.contains("shiftedLeft can't move real [2]") == true)
    }
}
