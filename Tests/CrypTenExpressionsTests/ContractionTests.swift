import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Sums of products: einsum, volumes, matrices")
struct ContractionTests {
    /// Einstein's summation as its definition has it: a loop over all letters.
    private func reference(_ inputs: [String], _ output: String, _ operands: [Tensor]) -> [Double] {
        var extents: [Character: Int] = [:]
        for (term, operand) in zip(inputs, operands) {
            for (letter, extent) in zip(term, operand.shape.dimensions) { extents[letter] = extent }
        }
        let letters = extents.keys.sorted()
        let target = Shape(output.map { extents[$0]! })
        var sums = [Double](repeating: 0, count: target.count)
        for index in indices(of: Shape(letters.map { extents[$0]! })) {
            let value = Dictionary(uniqueKeysWithValues: zip(letters, index))
            var place = 0
            for letter in output { place = place * extents[letter]! + value[letter]! }
            sums[place] += zip(inputs, operands).reduce(1) { $0 * $1.1[$1.0.map { value[$0]! }] }
        }
        return sums
    }

    @Test(
        "einsum is the loop over all letters",
        arguments: [
            (["ij", "jk"], "ik"), (["ij"], "ji"), (["ij"], ""), (["ii"], "i"), (["ii"], ""), (["bij", "bjk"], "bik"),
            (["i", "j"], "ij"), (["i", "i"], ""), (["ijk", "k"], "ji"), (["ij", "jk", "kl"], "li"),
            (["bhqd", "bhkd"], "bhqk"),
            (["iij", "jk"], "ki"), (["ij", "ij"], "ij"), (["ij", "kl"], "il"),
        ] as [([String], String)]
    )
    func einstein(inputs: [String], output: String) throws {
        var random = SeededGenerator(seed: 51)
        let session = ClearSession()
        let extents: [Character: Int] = ["i": 3, "j": 4, "k": 2, "l": 3, "b": 2, "h": 2, "q": 3, "d": 4]
        let operands = inputs.map { random.reals(Shape($0.map { extents[$0]! })) }
        let secrets = operands.map { session.secret($0) }
        let result = try session.value(einsum(inputs.joined(separator: ",") + " -> " + output, secrets))
        expectClose(result, reference(inputs, output, operands))
    }

    @Test("an ellipsis broadcasts, and the result's letters follow from the operands'")
    func ellipses() throws {
        var random = SeededGenerator(seed: 52)
        let session = ClearSession()
        let (a, b) = (random.reals([2, 1, 3, 4]), random.reals([5, 4, 2]))
        let (x, y) = (session.secret(a), session.secret(b))
        let product = try session.value(einsum("...ij,...jk->...ik", x, y))
        #expect(product.shape == [2, 5, 3, 2])
        expectClose(
            product,
            tabulate([2, 5, 3, 2]) { n in (0..<4).reduce(0) { $0 + a[[n[0], 0, n[2], $1]] * b[[n[1], $1, n[3]]] } }
        )
        let c = random.reals([3, 4])
        expectClose(try session.value(einsum("ba", session.secret(c))), tabulate([4, 3]) { c[[$0[1], $0[0]]] })
        #expect(einsum("ij,jk->ik", x, y).error?.message.contains("einsum can't apply") == true)
        #expect(einsum("i1->i", session.secret(c)).error != nil)
    }

    /// A plain convolution of volumes: `taps` lists the kernel's offsets.
    @Test("convolutions of volumes, and their transposes, are the plain loops", arguments: [1, 2])
    func volumes(groups: Int) throws {
        var random = SeededGenerator(seed: 53)
        let session = ClearSession()
        let (a, w, bias) = (random.reals([2, 4, 5, 6, 4]), random.reals([6, 4 / groups, 2, 3, 2]), random.reals([6]))
        let (stride, padding, dilation) = ([2, 1, 1], [1, 0, 2], [1, 2, 1])
        func extent(_ input: Int, _ kernel: Int, _ axis: Int) -> Int {
            (input + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis] + 1
        }
        let output = Shape([2, 6, extent(5, 2, 0), extent(6, 3, 1), extent(4, 2, 2)])
        let taps = indices(of: [2, 3, 2])
        let perGroup = 6 / groups
        func place(_ o: [Int], _ tap: [Int]) -> [Int] {
            (0..<3).map { o[$0 + 2] * stride[$0] + tap[$0] * dilation[$0] - padding[$0] }
        }
        func isInside(_ p: [Int]) -> Bool { zip(p, [5, 6, 4]).allSatisfy { (0..<$1).contains($0) } }
        let expected = tabulate(output) { o in
            var sum = bias[[o[1]]]
            for c in 0..<4 / groups {
                for tap in taps where isInside(place(o, tap)) {
                    let channel = o[1] / perGroup * (4 / groups) + c
                    sum += a[[o[0], channel] + place(o, tap)] * w[[o[1], c] + tap]
                }
            }
            return sum
        }
        let x = session.secret(a)
        let result = conv3d(
            x,
            weight: session.secret(w),
            bias: session.secret(bias),
            stride: IntOrTriple(2, 1, 1),
            padding: IntOrTriple(1, 0, 2),
            dilation: IntOrTriple(1, 2, 1),
            groups: groups
        )
        #expect(result.shape == output)
        expectClose(try session.value(result), expected, within: 1e-9)

        // The transpose puts every element where the convolution reads it.
        let g = random.reals(output)
        let channels = random.reals([4])
        var back = tabulate([2, 4, 5, 6, 4]) { channels[[$0[1]]] }
        for o in indices(of: output) {
            for c in 0..<4 / groups {
                for tap in taps where isInside(place(o, tap)) {
                    let p = place(o, tap)
                    let channel = o[1] / perGroup * (4 / groups) + c
                    back[(((o[0] * 4 + channel) * 5 + p[0]) * 6 + p[1]) * 4 + p[2]] += g[o] * w[[o[1], c] + tap]
                }
            }
        }
        let spare = [0, 1, 2].map { axis -> Int in
            let (input, kernel) = ([5, 6, 4][axis], [2, 3, 2][axis])
            return (input + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) % stride[axis]
        }
        let transposed = session.secret(g).convTransposed3d(
            session.secret(w),
            bias: session.secret(channels),
            stride: IntOrTriple(2, 1, 1),
            padding: IntOrTriple(1, 0, 2),
            outputPadding: IntOrTriple(spare[0], spare[1], spare[2]),
            dilation: IntOrTriple(1, 2, 1),
            groups: groups
        )
        #expect(transposed.shape == a.shape)
        expectClose(try session.value(transposed), back, within: 1e-9)
    }

    @Test("transposed convolutions of signals")
    func signals() throws {
        var random = SeededGenerator(seed: 54)
        let session = ClearSession()
        let (a, w) = (random.reals([2, 3, 4]), random.reals([3, 2, 3]))
        var expected = [Double](repeating: 0, count: 2 * 2 * 8)
        for n in 0..<2 {
            for o in 0..<3 {
                for c in 0..<2 {
                    for i in 0..<4 {
                        for k in 0..<3 where (0..<8).contains(2 * i + k - 1) {
                            expected[(n * 2 + c) * 8 + 2 * i + k - 1] += a[[n, o, i]] * w[[o, c, k]]
                        }
                    }
                }
            }
        }
        let result = session.secret(a).convTransposed1d(session.secret(w), stride: 2, padding: 1, outputPadding: 1)
        #expect(result.shape == [2, 2, 8])
        expectClose(try session.value(result), expected)
    }

    @Test("pools of volumes and adaptive pools are the plain loops")
    func pools() throws {
        var random = SeededGenerator(seed: 55)
        let session = ClearSession()
        let a = random.reals([1, 2, 5, 4, 6])
        let x = session.secret(a)
        func windows(_ o: [Int]) -> [[Int]] {
            indices(of: [2, 2, 3]).map { tap in
                [o[0], o[1], o[2] * 2 + tap[0] - 1, o[3] + tap[1], o[4] * 3 + tap[2] - 1]
            }
        }
        func inside(_ p: [Int]) -> Bool { zip(p, a.shape.dimensions).allSatisfy { (0..<$1).contains($0) } }
        let output: Shape = [1, 2, 3, 3, 2]
        let largest = x.maxPool3d(IntOrTriple(2, 2, 3), stride: IntOrTriple(2, 1, 3), padding: IntOrTriple(1, 0, 1))
        #expect(largest.shape == output)
        expectClose(
            try session.value(largest),
            tabulate(output) { windows($0).filter(inside).map { a[$0] }.max()! }
        )
        for counts in [false, true] {
            let means = x.avgPool3d(
                IntOrTriple(2, 2, 3),
                stride: IntOrTriple(2, 1, 3),
                padding: IntOrTriple(1, 0, 1),
                countIncludePad: counts
            )
            expectClose(
                try session.value(means),
                tabulate(output) { o in
                    let read = windows(o).filter(inside)
                    return read.reduce(0) { $0 + a[$1] } / Double(counts ? 12 : read.count)
                }
            )
        }
        let target: Shape = [1, 2, 2, 3, 4]
        func range(_ i: Int, _ n: Int, _ m: Int) -> Range<Int> { i * n / m..<((i + 1) * n + m - 1) / m }
        func cells(_ o: [Int]) -> [Double] {
            range(o[2], 5, 2).flatMap { d in
                range(o[3], 4, 3).flatMap { h in range(o[4], 6, 4).map { a[[o[0], o[1], d, h, $0]] } }
            }
        }
        expectClose(try session.value(x.adaptiveMaxPool([2, 3, 4])), tabulate(target) { cells($0).max()! })
        expectClose(
            try session.value(x.adaptiveAvgPool([2, 3, 4])),
            tabulate(target) { cells($0).reduce(0, +) / Double(cells($0).count) }
        )
    }

    @Test("determinants and inverses of well-conditioned matrices", arguments: 1...5)
    func matrices(size: Int) throws {
        var random = SeededGenerator(seed: UInt64(60 + size))
        let session = ClearSession()
        let noise = random.reals([2, size, size], in: -0.5...0.5)
        let a = Tensor(tabulate([2, size, size]) { noise[$0] + ($0[1] == $0[2] ? 3 : 0) }, shape: [2, size, size])
        // By elimination.
        func determinant(_ n: Int) -> Double {
            var m = (0..<size).map { i in (0..<size).map { a[[n, i, $0]] } }
            var result = 1.0
            for k in 0..<size {
                result *= m[k][k]
                for i in k + 1..<max(size, k + 1) {
                    let factor = m[i][k] / m[k][k]
                    for j in k..<size { m[i][j] -= factor * m[k][j] }
                }
            }
            return result
        }
        let x = session.secret(a)
        expectClose(try session.value(x.determinant()), (0..<2).map(determinant), within: 1e-7)
        let identity = try session.value(x.matmul(x.inverse()))
        expectClose(identity, tabulate([2, size, size]) { $0[1] == $0[2] ? 1 : 0 }, within: 1e-6)
    }
}
