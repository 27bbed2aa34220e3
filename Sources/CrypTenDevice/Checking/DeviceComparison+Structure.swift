import CrypTenRing

/// What moves elements, and sums over axes.
extension DeviceComparison {
    private static let views: [(Shape, StridedView)] = {
        let cube: Shape = [3, 5, 7]
        let large: Shape = [2, 33, 4, 17]
        // More axes than a kernel knows.
        let deep: Shape = [2, 3, 1, 2, 2, 3, 2, 1, 2, 2, 3, 2]
        return [
            (cube, .permuting(cube, axes: [2, 1, 0])), (cube, .permuting(cube, axes: [1, 2, 0])),
            (large, .permuting(large, axes: [0, 3, 2, 1])), (large, .permuting(large, axes: [0, 2, 3, 1])),
            (cube, .slicing(cube, starts: [2, 0, 6], steps: [-1, 2, -3], shape: [3, 3, 3])),
            (cube, .slicing(cube, starts: [1, 1, 1], steps: [1, 1, 1], shape: [1, 4, 0])),
            (large, .slicing(large, starts: [0, 32, 0, 1], steps: [1, -2, 1, 2], shape: [2, 17, 4, 8])),
            ([], .broadcasting([], to: [2, 3])), ([5, 1], .broadcasting([5, 1], to: [4, 5, 200])),
            ([300, 200], .permuting([300, 200], axes: [1, 0])),
            (deep, .permuting(deep, axes: Array((0..<12).reversed()))),
        ]
    }()

    mutating func compareStructure() {
        var numbers = EdgeWords(6)
        for (shape, view) in Self.views {
            let a = numbers.tensor(shape)
            equal("a view of \(shape)") { $0.gather(a, view).elements }
        }
        let a = numbers.tensor([4, 6, 5])
        for axis in [0, 1, 2, -1] {
            for indices in [[], [3], [0, 3, 3, 1], [2, 2, 2, 2, 2, 2, 2]] {
                equal("slices \(indices) along \(axis)") { $0.take(a, axis: axis, indices: indices).elements }
            }
        }
        for axis in [0, 1, 2] {
            let parts = [2, 0, 1, 5].map { numbers.tensor(Shape([3, 3, 70]).replacing(axis: axis, with: $0)) }
            equal("parts along \(axis)") { $0.concatenate(parts, axis: axis).elements }
        }
        for (shape, before, after) in [
            ([4], [2], [3]), ([0, 2], [1, 1], [1, 0]), ([2, 3, 5, 7], [0, 0, 1, 2], [0, 0, 3, 1]),
            ([3, 100], [1, 7], [0, 9]),
        ] as [(Shape, [Int], [Int])] {
            let a = numbers.tensor(shape)
            equal("\(shape) padded") { $0.pad(a, before: before, after: after, value: 0xFEED).elements }
        }
        compareSums(&numbers)
    }

    private mutating func compareSums(_ numbers: inout EdgeWords) {
        for shape: Shape in [[3, 4, 5, 6], [2, 1, 70, 9], [4, 0, 3, 2]] {
            let a = numbers.tensor(shape)
            for axes in [[], [0], [3], [1, 2], [0, 3], [2, 0], [0, 1, 2, 3]] {
                equal("sums of \(shape) over \(axes)") { $0.sum(a, axes: axes).elements }
            }
        }
        for terms in isShort ? [63, 2048] : [1, 63, 64, 2047, 2048, 5000, 300_000] {
            for rows in [1, 3, isShort ? 5 : 60] {
                let a = numbers.tensor([rows, terms])
                equal("sums of \(rows) rows of \(terms)") { $0.sum(a, axes: [1]).elements }
                equal("sums of \(rows) columns of \(terms)") {
                    $0.sum(a.reshaped(to: [terms, rows]), axes: [0]).elements
                }
            }
        }
    }
}
