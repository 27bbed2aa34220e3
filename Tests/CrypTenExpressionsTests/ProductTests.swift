import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Products of matrices and convolutions")
struct ProductTests {
    @Test(
        "matmul follows NumPy's rules",
        arguments: [
            ([2, 3], [3, 4]), ([3], [3, 4]), ([2, 3], [3]), ([3], [3]), ([5, 2, 3], [3, 4]), ([5, 2, 3], [3]),
            ([5, 2, 3], [5, 3, 4]), ([1, 6, 2, 3], [5, 1, 3, 4]), ([3], [5, 3, 4]), ([2, 0], [0, 4]),
        ] as [(Shape, Shape)]
    )
    func matmul(left: Shape, right: Shape) throws {
        var random = SeededGenerator(seed: 7)
        let session = ClearSession()
        let (a, b) = (random.reals(left), random.integers(right))
        let full = (left.rank == 1 ? Shape([1, left[0]]) : left, right.rank == 1 ? Shape([right[0], 1]) : right)
        let (wideA, wideB) = (Tensor(a.doubles, shape: full.0), Tensor(b.doubles, shape: full.1))
        let batch = try #require(
            Shape.broadcast(Shape(Array(full.0.dimensions.dropLast(2))), Shape(Array(full.1.dimensions.dropLast(2))))
        )
        let expected = tabulate(Shape(batch.dimensions + [full.0[-2], full.1[-1]])) { index in
            (0..<full.0[-1]).reduce(0) { sum, k in
                let head = Array(index.dropLast(2))
                return sum + wideA.broadcastElement(head + [index[index.count - 2], k])
                    * wideB.broadcastElement(head + [k, index.last!])
            }
        }
        let product = session.secret(a).matmul(session.secret(b))
        #expect(product.kind == .real)
        #expect(product.rank == batch.rank + (left.rank > 1 ? 1 : 0) + (right.rank > 1 ? 1 : 0))
        expectClose(try session.value(product), expected)
    }

    @Test("every transposition of matmul, exact on integers")
    func transpositions() throws {
        var random = SeededGenerator(seed: 8)
        let session = ClearSession()
        let (a, b) = (random.integers([2, 3, 4]), random.integers([2, 4, 5]))
        let (x, y) = (session.secret(a), session.secret(b))
        let plain = try session.value(x.matmul(y))
        #expect(plain.kind == .integer)
        for (left, right) in [(true, false), (false, true), (true, true)] {
            let operands = [left ? x.transposed(1, 2) : x, right ? y.transposed(1, 2) : y]
            let node = Node(.bilinear(.matmul(transposeLeft: left, transposeRight: right)), operands.map(\.node))
            #expect(try session.value(CrypTensor(node)) == plain)
        }
    }

    @Test("linear, dot and outer")
    func linear() throws {
        var random = SeededGenerator(seed: 9)
        let session = ClearSession()
        let (a, w, b) = (random.reals([2, 3, 4]), random.reals([5, 4]), random.reals([5]))
        let layer = session.secret(a).linear(session.secret(w), bias: session.secret(b))
        expectClose(
            try session.value(layer),
            tabulate([2, 3, 5]) { i in (0..<4).reduce(b[[i[2]]]) { $0 + a[[i[0], i[1], $1]] * w[[i[2], $1]] } }
        )
        #expect(placeholder([4]).linear(placeholder([5, 4])).shape == [5])
        let (u, v) = (random.reals([6]), random.reals([6]))
        expectClose(
            try session.value(session.secret(u).dot(session.secret(v))),
            [zip(u.doubles, v.doubles).map(*).reduce(0, +)]
        )
        expectClose(
            try session.value(session.secret(u).outer(session.secret(v))),
            tabulate([6, 6]) { u[[$0[0]]] * v[[$0[1]]] }
        )
    }

    /// The convolution by its definition: one loop an axis.
    static func convolve(_ x: Tensor, _ w: Tensor, _ g: ConvolutionGeometry, _ shape: Shape) -> [Double] {
        let (perGroup, outPerGroup) = (w.shape[1], w.shape[0] / g.groups)
        return tabulate(shape) { i in
            var sum = 0.0
            for c in 0..<perGroup {
                for ky in 0..<w.shape[2] {
                    for kx in 0..<w.shape[3] {
                        let y = i[2] * g.strides[0] + ky * g.dilations[0] - g.padding[0]
                        let z = i[3] * g.strides[1] + kx * g.dilations[1] - g.padding[1]
                        guard (0..<x.shape[2]).contains(y), (0..<x.shape[3]).contains(z) else { continue }
                        sum += x[[i[0], i[1] / outPerGroup * perGroup + c, y, z]] * w[[i[1], c, ky, kx]]
                    }
                }
            }
            return sum
        }
    }

    static let geometries: [(ConvolutionGeometry, Shape, Shape)] = [
        (ConvolutionGeometry(), [2, 3, 6, 5], [4, 3, 3, 2]),
        (ConvolutionGeometry(strides: [2, 3]), [1, 2, 9, 8], [3, 2, 2, 3]),
        (ConvolutionGeometry(padding: [1, 2, 0, 3]), [2, 1, 4, 5], [2, 1, 3, 3]),
        (
            ConvolutionGeometry(strides: [2, 1], padding: [2, 1, 1, 0], dilations: [2, 3]), [1, 2, 8, 9], [2, 2, 3, 2]
        ),
        (ConvolutionGeometry(padding: [1, 1, 1, 1], groups: 2), [2, 4, 5, 5], [6, 2, 3, 3]),
        (ConvolutionGeometry(strides: [2, 2], padding: [1, 1, 1, 1], groups: 4), [1, 4, 7, 6], [4, 1, 3, 3]),
        (ConvolutionGeometry(padding: [4, 4, 4, 4]), [1, 1, 2, 2], [1, 1, 2, 2]),
    ]

    @Test("convolutions and their two gradients match loops over the definition", arguments: geometries)
    func convolutions(geometry: ConvolutionGeometry, input: Shape, kernel: Shape) throws {
        var random = SeededGenerator(seed: 10)
        let session = ClearSession()
        let (a, w, b) = (random.reals(input), random.reals(kernel), random.reals([kernel[0]]))
        let (x, k) = (session.secret(a), session.secret(w))
        let pad = Padding(
            top: geometry.padding[0],
            left: geometry.padding[1],
            bottom: geometry.padding[2],
            right: geometry.padding[3]
        )
        let y = conv2d(
            x,
            weight: k,
            bias: session.secret(b),
            stride: IntOrPair(geometry.strides[0], geometry.strides[1]),
            padding: pad,
            dilation: IntOrPair(geometry.dilations[0], geometry.dilations[1]),
            groups: geometry.groups
        )
        let plain = Self.convolve(a, w, geometry, y.shape)
        expectClose(try session.value(y), zip(plain, indices(of: y.shape)).map { $0 + b[[$1[1]]] })

        // <conv(x, w), g> = <x, inputGradient(g, w)> = <w, kernelGradient(x, g)>, for every x, w and g: test unit by
        // unit.
        let g = random.reals(y.shape)
        let inner = zip(plain, g.doubles).map(*).reduce(0, +)
        let gradient = session.secret(g)
        let toInput = CrypTensor(
            Node(
                .bilinear(.convolutionInputGradient(geometry, height: input[2], width: input[3])),
                [gradient.node, k.node]
            )
        )
        let toKernel = CrypTensor(
            Node(
                .bilinear(.convolutionKernelGradient(geometry, height: kernel[2], width: kernel[3])),
                [x.node, gradient.node]
            )
        )
        let (dx, dw) = (try session.value(toInput), try session.value(toKernel))
        expectClose(Tensor(zip(dx.doubles, a.doubles).map(*).reduce(0, +)), [inner], within: 1e-8)
        expectClose(Tensor(zip(dw.doubles, w.doubles).map(*).reduce(0, +)), [inner], within: 1e-8)
        // Linear, so the derivative along a unit is the convolution of that unit.
        for unit in stride(from: 0, to: a.shape.count, by: 7) {
            var direction = [Double](repeating: 0, count: a.shape.count)
            direction[unit] = 1
            let moved = Self.convolve(Tensor(direction, shape: input), w, geometry, y.shape)
            #expect((dx.doubles[unit] - zip(moved, g.doubles).map(*).reduce(0, +)).magnitude < 1e-9)
        }
        for unit in stride(from: 0, to: w.shape.count, by: 5) {
            var direction = [Double](repeating: 0, count: w.shape.count)
            direction[unit] = 1
            let moved = Self.convolve(a, Tensor(direction, shape: kernel), geometry, y.shape)
            #expect((dw.doubles[unit] - zip(moved, g.doubles).map(*).reduce(0, +)).magnitude < 1e-9)
        }
    }

    @Test("one-dimensional and transposed convolutions")
    func otherConvolutions() throws {
        var random = SeededGenerator(seed: 11)
        let session = ClearSession()
        let (a, w) = (random.reals([2, 4, 9]), random.reals([6, 2, 3]))
        let y = conv1d(
            session.secret(a),
            weight: session.secret(w),
            stride: 2,
            padding: 2,
            dilation: 2,
            groups: 2
        )
        let geometry = ConvolutionGeometry(strides: [1, 2], padding: [0, 2, 0, 2], dilations: [1, 2], groups: 2)
        let expected = Self.convolve(
            Tensor(a.doubles, shape: [2, 4, 1, 9]),
            Tensor(w.doubles, shape: [6, 2, 1, 3]),
            geometry,
            [2, 6, 1, y.shape[2]]
        )
        expectClose(try session.value(y), expected)
        #expect(
            placeholder([1, 1, 4]).conv1d(placeholder([1, 1, 2]), padding: 1, paddingAfter: 0).shape == [1, 1, 4]
        )

        // The transposed convolution scatters: every element of the image adds its multiple of the kernel.
        let (image, kernel) = (random.reals([1, 2, 3, 4]), random.reals([2, 3, 3, 3]))
        let up = session.secret(image).convTransposed2d(session.secret(kernel), stride: 2, padding: 1, outputPadding: 1)
        #expect(up.shape == [1, 3, 6, 8])
        var scattered = [Double](repeating: 0, count: up.shape.count)
        for i in indices(of: image.shape) {
            for k in indices(of: [3, 3, 3]) {
                let (row, column) = (i[2] * 2 + k[1] - 1, i[3] * 2 + k[2] - 1)
                guard (0..<6).contains(row), (0..<8).contains(column) else { continue }
                scattered[(k[0] * 6 + row) * 8 + column] += image[i] * kernel[[i[1], k[0], k[1], k[2]]]
            }
        }
        expectClose(try session.value(up), scattered)
    }
}
