import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Positions, sums along axes, and order")
struct RearrangementTests {
    @Test("elements are read from and written to a position of their own")
    func scatters() throws {
        var random = SeededGenerator(seed: 41)
        let session = ClearSession()
        let a = random.reals([3, 5, 2])
        let x = session.secret(a)
        let reads = Tensor((0..<12).map { _ in Int.random(in: -5..<5, using: &random) }, shape: [3, 2, 2])
        func row(_ index: [Int], _ positions: Tensor) -> Int {
            let r = Int(positions[index])
            return r < 0 ? r + 5 : r
        }
        let taken = tabulate([3, 2, 2]) { a[[$0[0], row($0, reads), $0[2]]] }
        #expect(try session.value(x.takeAlong(reads, axis: 1)).doubles == taken)

        let b = random.reals([3, 2, 2])
        let y = session.secret(b)
        for reduction in CrypTensor.ScatterReduction.allCases {
            var expected = a.doubles
            for index in indices(of: [3, 2, 2]) {
                let place = index[0] * 10 + row(index, reads) * 2 + index[2]
                switch reduction {
                case .none: expected[place] = b[index]
                case .add: expected[place] += b[index]
                case .multiply: expected[place] *= b[index]
                case .minimum: expected[place] = min(expected[place], b[index])
                case .maximum: expected[place] = max(expected[place], b[index])
                }
            }
            expectClose(
                try session.value(scatter(x, reads, y, axis: 1, reduction: reduction)),
                expected,
                "\(reduction)"
            )
        }
        // All to one place, more than two of them.
        let same = Tensor([2, 2, 2, 2], shape: [4])
        let v = session.secret(Tensor([1.0, 10, 100, 1000], shape: [4]))
        let zeros = session.secret(Tensor([0.0, 0, 0.5], shape: [3]))
        #expect(try session.value(zeros.scatterAdd(same, v, axis: 0)).doubles == [0, 0, 1111.5])
        let parts = random.reals([4, 5, 2])
        let sums = try session.value(x.indexAdd([2, 0, -1, 2], session.secret(parts)))
        let list = [2, 0, 2, 2]
        expectClose(
            sums,
            tabulate([3, 5, 2]) { index in
                list.indices.filter { list[$0] == index[0] }
                    .reduce(a[index]) { $0 + parts[[$1, index[1], index[2]]] }
            }
        )
    }

    @Test("running sums and products, and products over axes", arguments: [false, true], [false, true])
    func running(exclusive: Bool, reverse: Bool) throws {
        var random = SeededGenerator(seed: 42)
        let session = ClearSession()
        let (a, n) = (random.reals([2, 7, 3], in: 0.5...1.5), random.integers([2, 7, 3]))
        let (x, m) = (session.secret(a), session.secret(n))
        func before(_ index: [Int]) -> [[Int]] {
            (0..<7).filter { k in
                reverse ? (exclusive ? k > index[1] : k >= index[1]) : (exclusive ? k < index[1] : k <= index[1])
            }.map { [index[0], $0, index[2]] }
        }
        expectClose(
            try session.value(x.cumsum(axis: 1, exclusive: exclusive, reverse: reverse)),
            tabulate([2, 7, 3]) { before($0).reduce(0) { $0 + a[$1] } }
        )
        expectClose(
            try session.value(x.cumprod(axis: -2, exclusive: exclusive, reverse: reverse)),
            tabulate([2, 7, 3]) { before($0).reduce(1) { $0 * a[$1] } }
        )
        expectClose(
            try session.value(m.cumsum(axis: 1, exclusive: exclusive, reverse: reverse)),
            tabulate([2, 7, 3]) { before($0).reduce(0) { $0 + n[$1] } }
        )
        expectClose(
            try session.value(x.prod(axes: [0, 1])),
            tabulate([3]) { index in
                indices(of: [2, 7]).reduce(1) { $0 * a[$1 + index] }
            }
        )
        #expect(try session.value(x.prod(axis: 1, keepDimensions: true)).shape == [2, 1, 3])
        #expect(try session.value(m.prod()).integers == [n.integers!.reduce(1, &*)])
    }

    @Test("sorting is the library's, for every length, with the order of equal elements kept", arguments: 0...17)
    func sorting(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let session = ClearSession()
        let a = Tensor((0..<2 * count).map { _ in Double(Int.random(in: -4...4, using: &random)) }, shape: [2, count])
        let x = session.secret(a)
        func row(_ r: Int) -> [Double] { Array(a.doubles[r * count..<(r + 1) * count]) }
        func order(_ r: Int, _ descending: Bool) -> [Int] {
            (0..<count).sorted { i, j in
                let (p, q) = (row(r)[i], row(r)[j])
                return p == q ? i < j : descending ? p > q : p < q
            }
        }
        for descending in [false, true] {
            let sorted = try session.value(x.sort(descending: descending)).doubles
            #expect(sorted == (0..<2).flatMap { r in order(r, descending).map { row(r)[$0] } })
            let places = try session.value(x.argsort(descending: descending)).integers
            #expect(places == (0..<2).flatMap { order($0, descending).map(Int64.init) })
            for k in Set([0, 1, count / 2, count]) where k <= count {
                let (values, where_) = x.topK(k, largest: descending)
                #expect(
                    try session.value(values).doubles
                        == (0..<2).flatMap { r in order(r, descending).prefix(k).map { row(r)[$0] } }
                )
                #expect(
                    try session.value(where_).integers
                        == (0..<2).flatMap { order($0, descending).prefix(k).map(Int64.init) }
                )
            }
        }
        if count > 0 {
            #expect(try session.value(x.median()).doubles == (0..<2).map { row($0).sorted()[(count - 1) / 2] })
        } else {
            #expect(x.median().error != nil)
        }
    }

    @Test("triangles, diagonals, traces and masks")
    func triangles() throws {
        var random = SeededGenerator(seed: 43)
        let session = ClearSession()
        let a = random.reals([2, 4, 5])
        let x = session.secret(a)
        for diagonal in -6...6 {
            expectClose(
                try session.value(tril(x, diagonal)),
                tabulate([2, 4, 5]) { $0[2] - $0[1] <= diagonal ? a[$0] : 0 }
            )
            expectClose(
                try session.value(triu(x, diagonal)),
                tabulate([2, 4, 5]) { $0[2] - $0[1] >= diagonal ? a[$0] : 0 }
            )
            let pairs = (0..<4).filter { (0..<5).contains($0 + diagonal) }
            expectClose(
                try session.value(x.diagonal(offset: diagonal)),
                (0..<2).flatMap { n in pairs.map { a[[n, $0, $0 + diagonal]] } }
            )
        }
        expectClose(try session.value(trace(x)), (0..<2).map { n in (0..<4).reduce(0) { $0 + a[[n, $1, $1]] } })
        expectClose(
            try session.value(x.diagonal(axis1: 0, axis2: 2)),
            tabulate([4, 2]) { a[[$0[1], $0[0], $0[1]]] }
        )
        let mask = random.bits([4, 5])
        for bits in [CrypTensor(constant: mask), session.secret(mask)] {
            expectClose(
                try session.value(x.maskedFill(bits, -3)),
                tabulate([2, 4, 5]) { mask[[$0[1], $0[2]]] == 1 ? -3 : a[$0] }
            )
        }
    }

    @Test("lengths and angles")
    func norms() throws {
        var random = SeededGenerator(seed: 44)
        let session = ClearSession()
        let (a, b) = (random.reals([3, 6]), random.reals([3, 6]))
        let (x, y) = (session.secret(a), session.secret(b))
        func rows(_ body: ([Double], [Double]) -> Double) -> [Double] {
            (0..<3).map { r in body((0..<6).map { a[[r, $0]] }, (0..<6).map { b[[r, $0]] }) }
        }
        func dot(_ p: [Double], _ q: [Double]) -> Double { zip(p, q).reduce(0) { $0 + $1.0 * $1.1 } }
        expectClose(try session.value(norm(x, 1, axes: [1])), rows { p, _ in p.reduce(0) { $0 + $1.magnitude } })
        expectClose(try session.value(norm(x, axes: [1])), rows { p, _ in dot(p, p).squareRoot() })
        expectClose(try session.value(norm(x, .infinity, axes: [1])), rows { p, _ in p.map(\.magnitude).max()! })
        expectClose(
            try session.value(norm(x, 3, axes: [1])),
            rows { p, _ in
                var total = 0.0
                for v in p { total += v.magnitude * v.magnitude * v.magnitude }
                var root = total
                for _ in 0..<200 { root -= (root * root * root - total) / (3 * root * root) }
                return root
            },
            within: 1e-6
        )
        expectClose(
            try session.value(cosineSimilarity(x, y)),
            rows { p, q in dot(p, q) / (dot(p, p) * dot(q, q)).squareRoot() }
        )
        expectClose(
            try session.value(x.std(axes: [1], unbiased: true)),
            rows { p, _ in
                let mean = p.reduce(0, +) / 6
                return (p.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 5).squareRoot()
            }
        )
    }
}
