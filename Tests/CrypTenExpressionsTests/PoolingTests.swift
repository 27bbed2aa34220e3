import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Pooling")
struct PoolingTests {
    struct Window: Sendable, CustomTestStringConvertible {
        var kernel = IntOrPair(2)
        var stride: IntOrPair?
        var padding = Padding(0)
        var dilation = IntOrPair(1)
        var ceilMode = false
        var input: Shape = [2, 3, 6, 8]

        var testDescription: String {
            "kernel \(kernel), stride \(stride ?? kernel), padding \(padding), dilation \(dilation), ceil \(ceilMode), input \(input)"
        }

        /// Windows along an axis by PyTorch's rule.
        func extent(_ input: Int, _ k: Int, _ s: Int, _ before: Int, _ after: Int, _ d: Int) -> Int {
            let room = input + before + after - d * (k - 1) - 1
            var count = (ceilMode ? (room + s - 1) / s : room / s) + 1
            if ceilMode, (count - 1) * s >= input + before { count -= 1 }
            return count
        }

        /// Every output's elements inside of the image, and how many positions lie in the padded image.
        func elements(_ a: Tensor) -> (shape: Shape, inside: [[Double]], padded: [Int]) {
            let s = stride ?? kernel
            let (h, w) = (a.shape[2], a.shape[3])
            let shape: Shape = [
                a.shape[0], a.shape[1], extent(h, kernel.rows, s.rows, padding.top, padding.bottom, dilation.rows),
                extent(w, kernel.columns, s.columns, padding.left, padding.right, dilation.columns),
            ]
            var (inside, padded): ([[Double]], [Int]) = ([], [])
            for i in indices(of: shape) {
                var (values, count): ([Double], Int) = ([], 0)
                for ky in 0..<kernel.rows {
                    for kx in 0..<kernel.columns {
                        let y = i[2] * s.rows - padding.top + ky * dilation.rows
                        let x = i[3] * s.columns - padding.left + kx * dilation.columns
                        if y < h + padding.bottom, x < w + padding.right { count += 1 }
                        if (0..<h).contains(y), (0..<w).contains(x) { values.append(a[[i[0], i[1], y, x]]) }
                    }
                }
                inside.append(values)
                padded.append(count)
            }
            return (shape, inside, padded)
        }
    }

    static let windows: [Window] = [
        Window(), Window(input: [1, 2, 7, 9]), Window(kernel: 3),
        Window(kernel: IntOrPair(3, 2), stride: IntOrPair(1, 2)),
        Window(kernel: 3, stride: 2, padding: 1), Window(kernel: 3, stride: 2, padding: 1, input: [1, 1, 7, 7]),
        Window(kernel: 3, stride: 2, ceilMode: true),
        Window(kernel: 2, stride: 2, ceilMode: true, input: [1, 1, 7, 5]),
        Window(kernel: 3, stride: 2, padding: 1, ceilMode: true, input: [1, 1, 6, 6]),
        Window(kernel: 2, stride: 3, padding: 1, ceilMode: true, input: [1, 2, 5, 8]),
        Window(kernel: 3, stride: 1, padding: Padding(top: 0, left: 1, bottom: 2, right: 1)),
        Window(kernel: 2, stride: 1, dilation: IntOrPair(3, 2)), Window(kernel: 3, stride: 2, padding: 2, dilation: 2),
        Window(kernel: 3, stride: 2, padding: 2, dilation: 2, ceilMode: true, input: [1, 1, 7, 10]),
        Window(kernel: 1, stride: 2), Window(kernel: IntOrPair(6, 8)), Window(kernel: 1),
        Window(kernel: 2, stride: 2, padding: 1, ceilMode: true, input: [1, 1, 3, 4]),
    ]

    @Test("max pooling matches loops, with padding and in ceil mode; every number may be negative", arguments: windows)
    func maxPool(window: Window) throws {
        var random = SeededGenerator(seed: 12)
        let session = ClearSession()
        let a = random.reals(window.input, in: -9 ... -1)
        let y = session.secret(a).maxPool2d(
            window.kernel,
            stride: window.stride,
            padding: window.padding,
            dilation: window.dilation,
            ceilMode: window.ceilMode
        )
        #expect(y.error == nil)
        let (shape, inside, _) = window.elements(a)
        #expect(y.shape == shape)
        expectClose(try session.value(y), inside.map { $0.max() ?? .nan })
    }

    @Test("mean pooling matches loops, with and without the padding counted", arguments: windows, [true, false])
    func avgPool(window: Window, countIncludePad: Bool) throws {
        var random = SeededGenerator(seed: 13)
        let session = ClearSession()
        let a = random.reals(window.input)
        let y = session.secret(a).avgPool2d(
            window.kernel,
            stride: window.stride,
            padding: window.padding,
            dilation: window.dilation,
            ceilMode: window.ceilMode,
            countIncludePad: countIncludePad
        )
        #expect(y.error == nil)
        let (shape, inside, padded) = window.elements(a)
        #expect(y.shape == shape)
        let expected = zip(inside, padded).map { values, count in
            values.reduce(0, +) / Double(countIncludePad ? count : values.count)
        }
        expectClose(try session.value(y), expected)
    }

    @Test("signals and whole channels")
    func others() throws {
        var random = SeededGenerator(seed: 14)
        let session = ClearSession()
        let a = random.integers([2, 3, 7])
        let x = session.secret(a)
        let window = Window(
            kernel: IntOrPair(1, 3),
            stride: IntOrPair(1, 2),
            padding: Padding(top: 0, left: 1, bottom: 0, right: 1),
            ceilMode: true
        )
        let (_, inside, padded) = window.elements(Tensor(a.doubles, shape: [2, 3, 1, 7]))
        let largest = x.maxPool1d(3, stride: 2, padding: 1, ceilMode: true)
        #expect(largest.kind == .integer)
        expectClose(try session.value(largest), inside.map { $0.max()! })
        expectClose(
            try session.value(x.avgPool1d(3, stride: 2, padding: 1, ceilMode: true)),
            zip(inside, padded).map { $0.reduce(0, +) / Double($1) }
        )
        expectClose(
            try session.value(x.globalMaxPool()),
            tabulate([2, 3, 1]) { i in (0..<7).map { a[[i[0], i[1], $0]] }.max()! }
        )
        expectClose(
            try session.value(x.globalAveragePool()),
            tabulate([2, 3, 1]) { i in (0..<7).reduce(0) { $0 + a[[i[0], i[1], $1]] } / 7 }
        )
        #expect(placeholder([2, 3, 5, 4]).globalMaxPool().shape == [2, 3, 1, 1])
    }

    @Test("windows are stacked in front of a maximum, reshaped side by side, or their axes are taken one by one")
    func plan() {
        let x = placeholder([2, 3, 6, 8])
        let tiles = x.maxPool2d(2).node
        #expect(tiles.operation == .maximum(axis: 0))
        #expect(tiles.inputs[0].shape == [4, 2, 3, 3, 4])
        #expect(tiles.inputs[0].inputs[0].operation == .permute(axes: [3, 5, 0, 1, 2, 4]))
        let overlapping = x.maxPool2d(3, stride: 2, padding: 1).node
        // Along the rows, then along the columns: 3 + 3 elements a window instead of 9.
        #expect(overlapping.operation == .maximum(axis: 3))
        #expect(overlapping.inputs[0].shape == [2, 3, 3, 3, 4])
        #expect(overlapping.inputs[0].inputs[0].inputs[0].operation == .maximum(axis: 2))
        let apart = x.maxPool2d(2, stride: 3).node
        #expect(apart.operation == .maximum(axis: 0))
        #expect(apart.inputs[0].shape == [4, 2, 3, 2, 3])
    }
}
