import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Structure")
struct StructureTests {
    @Test("axes are permuted, reshaped, dropped and added")
    func axes() throws {
        var random = SeededGenerator(seed: 2)
        let session = ClearSession()
        let a = random.reals([2, 3, 4])
        let x = session.secret(a)
        expectClose(try session.value(x.permuted(2, 0, 1)), tabulate([4, 2, 3]) { a[[$0[1], $0[2], $0[0]]] })
        expectClose(try session.value(x.permuted(-1, 0, 1)), tabulate([4, 2, 3]) { a[[$0[1], $0[2], $0[0]]] })
        expectClose(try session.value(x.transposed()), tabulate([4, 3, 2]) { a[$0.reversed()] })
        expectClose(try session.value(x.transposed(0, -1)), tabulate([4, 3, 2]) { a[$0.reversed()] })
        expectClose(try session.value(x.reshape(4, -1)), a.doubles)
        expectClose(try session.value(x.flatten()), a.doubles)
        #expect(x.reshape(4, -1).shape == [4, 6])
        #expect(x.reshape([-1]).shape == [24])
        #expect(x.flatten(start: 1).shape == [2, 12])
        #expect(x.flatten(start: 0, end: 1).shape == [6, 4])
        #expect(x.unsqueeze(-1).shape == [2, 3, 4, 1])
        #expect(x.expandDimensions(axes: [0, 2]).shape == [1, 2, 1, 3, 4])
        #expect(x.expandDimensions(axes: [0, 2]).squeeze().shape == [2, 3, 4])
        #expect(x.expandDimensions(axes: [0, 2]).squeeze(axis: -3).shape == [1, 2, 3, 4])
        #expect(placeholder([]).flatten().shape == [1])
        #expect(placeholder([0, 3]).reshape(3, -1).shape == [3, 0])
        expectClose(try session.value(x.broadcast(to: [2, 2, 3, 4])), a.doubles + a.doubles)
        // Nothing to do is no node.
        #expect(x.permuted(0, 1, 2).node === x.node)
        #expect(x.reshape(2, 3, 4).node === x.node)
        #expect(x[0..., 0...].node === x.node)
    }

    @Test("subscripts take what Python's slices take")
    func slices() throws {
        var random = SeededGenerator(seed: 3)
        let session = ClearSession()
        let a = random.integers([5, 6])
        let x = session.secret(a)
        for start in [nil, -9, -6, -3, -1, 0, 2, 5, 6, 9] as [Int?] {
            for end in [nil, -9, -6, -2, 0, 3, 6, 9] as [Int?] {
                for step in [1, 2, 3, 7, -1, -2, -7, .max, .min + 1] {
                    // Python's rule, spelled out: clamp, then walk.
                    let n = 6
                    func clamp(_ bound: Int?, _ open: Int) -> Int {
                        guard var b = bound else { return open }
                        if b < 0 { b += n }
                        return step > 0 ? min(max(b, 0), n) : min(max(b, -1), n - 1)
                    }
                    var (position, columns) = (clamp(start, step > 0 ? 0 : n - 1), [Int]())
                    let last = clamp(end, step > 0 ? n : -1)
                    while step > 0 ? position < last : position > last {
                        columns.append(position)
                        let (next, overflow) = position.addingReportingOverflow(step)
                        if overflow { break }
                        position = next
                    }
                    let part = x[TensorIndex.all, TensorIndex.range(start: start, end: end, step: step)]
                    #expect(part.shape == [5, columns.count], "\(start as Any) \(end as Any) \(step)")
                    expectClose(try session.value(part), tabulate([5, columns.count]) { a[[$0[0], columns[$0[1]]]] })
                }
            }
        }
        expectClose(try session.value(x[1]), tabulate([6]) { a[[1, $0[0]]] })
        expectClose(try session.value(x[-1, 2..<4]), [a[[4, 2]], a[[4, 3]]])
        expectClose(try session.value(x[TensorIndex.ellipsis, -1]), tabulate([5]) { a[[$0[0], 5]] })
        #expect(x[1...2, TensorIndex.newAxis, ...3].shape == [2, 1, 4])
        #expect(x[..<2, (-2)...].shape == [2, 2])
        #expect(x[...(-1)].shape == [5, 6])
        #expect(x[3..<99].shape == [2, 6])
        let sliced = x.slice(starts: [-1, 1], ends: [.min, .max], axes: [1, 0], steps: [-2, 1])
        expectClose(try session.value(sliced), tabulate([4, 3]) { a[[$0[0] + 1, 5 - 2 * $0[1]]] })
    }

    @Test("parts, reversals and picks match index loops")
    func parts() throws {
        var random = SeededGenerator(seed: 4)
        let session = ClearSession()
        let a = random.reals([3, 5, 2])
        let x = session.secret(a)
        expectClose(
            try session.value(x.narrow(axis: 1, start: 2, length: 3)),
            tabulate([3, 3, 2]) { a[[$0[0], $0[1] + 2, $0[2]]] }
        )
        let parts = x.split([1, 0, 4], axis: 1)
        #expect(parts.map(\.shape) == [[3, 1, 2], [3, 0, 2], [3, 4, 2]])
        expectClose(try session.value(concatenate(parts, axis: -2)), a.doubles)
        expectClose(try session.value(x.split(parts: 3)[2]), tabulate([1, 5, 2]) { a[[2, $0[1], $0[2]]] })
        expectClose(
            try session.value(x.flip(axes: [0, -1])),
            tabulate([3, 5, 2]) { a[[2 - $0[0], $0[1], 1 - $0[2]]] }
        )
        expectClose(
            try session.value(x.roll(-3, axis: 1)),
            tabulate([3, 5, 2]) { a[[$0[0], ($0[1] + 3) % 5, $0[2]]] }
        )
        expectClose(
            try session.value(x.take([4, 0, -2, 0], axis: 1)),
            tabulate([3, 4, 2]) { a[[$0[0], [4, 0, 3, 0][$0[1]], $0[2]]] }
        )
        let picks = Tensor([Int64(4), 0, 1, 1, 2, 3], shape: [2, 3])
        let gathered = tabulate([3, 2, 3, 2]) { a[[$0[0], Int(picks[[$0[1], $0[2]]]), $0[3]]] }
        expectClose(try session.value(x.gather(picks, axis: 1)), gathered)
        expectClose(try session.value(x.gather(session.publicInput(picks), axis: 1)), gathered)
        expectClose(try session.value(x.gather(CrypTensor(constant: picks), axis: 1)), gathered)
        #expect(x.gather(Tensor([Int64(1)], shape: []), axis: 0).shape == [5, 2])
        let outside = session.publicInput(Tensor([Int64(5)], shape: [1]))
        #expect(throws: CrypTenError.self) { try session.value(x.gather(outside, axis: 1)) }
    }

    @Test("tensors are joined, padded and repeated")
    func joins() throws {
        var random = SeededGenerator(seed: 5)
        let session = ClearSession()
        let (a, b) = (random.reals([2, 3]), random.integers([2, 3]))
        let (x, y) = (session.secret(a), session.secret(b))
        let stacked = stack([x, y, x], axis: -1)
        #expect(stacked.shape == [2, 3, 3])
        expectClose(
            try session.value(stacked),
            tabulate([2, 3, 3]) { $0[2] == 1 ? b[[$0[0], $0[1]]] : a[[$0[0], $0[1]]] }
        )
        for value in [0, -1.5] {
            let padded = pad(x, before: [1, 0], after: [0, 2], value: value)
            expectClose(
                try session.value(padded),
                tabulate([3, 5]) { $0[0] > 0 && $0[1] < 3 ? a[[$0[0] - 1, $0[1]]] : value }
            )
        }
        let whole = y.pad(before: [0, 1], after: [1, 0], value: 7)
        #expect(whole.kind == .integer)
        expectClose(try session.value(whole), tabulate([3, 4]) { $0[0] < 2 && $0[1] > 0 ? b[[$0[0], $0[1] - 1]] : 7 })
        #expect(y.pad(before: [0, 1], after: [1, 0], value: 0.5).error != nil)
        expectClose(try session.value(tile(x, [2, 1, 2])), tabulate([2, 2, 6]) { a[[$0[1], $0[2] % 3]] })
        expectClose(try session.value(x.repeated(3, axis: 1)), tabulate([2, 9]) { a[[$0[0], $0[1] / 3]] })
        #expect(x.tiled([0, 1]).shape == [0, 3])
        #expect(concatenate([x .< 0, y]).kind == .integer)
    }
}
