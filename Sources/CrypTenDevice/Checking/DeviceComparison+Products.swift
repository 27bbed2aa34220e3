import CrypTenRing

/// Products of matrices, and convolutions with their gradients.
extension DeviceCheck {
    static let productFamilies: [Family] = [ResidueUse.never, .always].flatMap { residues -> [Family] in
        let way = residues == .never ? "word by word" : "by residues"
        return [
            Family(name: "products of matrices \(way)", residues: residues) { $0.compareProducts() },
            Family(name: "products at the edges of words \(way)", residues: residues) { $0.compareProductsOfEdges() },
            Family(name: "convolutions \(way)", residues: residues) { $0.compareConvolutions(gradients: false) },
            Family(name: "their gradients \(way)", residues: residues) { $0.compareConvolutions(gradients: true) },
        ]
    }
}

extension DeviceComparison {
    mutating func compareProducts() {
        let small: [(Int, Int, Int)] =
            isShort
            ? [(1, 130, 33), (17, 9, 64)]
            : [
                (1, 1, 1), (1, 130, 33), (130, 1, 64), (7, 9, 15), (16, 17, 16), (33, 64, 100), (127, 5, 63),
                (128, 16, 65), (129, 129, 130), (65, 63, 257), (2, 3, 8193), (300, 257, 1000), (640, 384, 512),
            ]
        for (m, n, k) in small {
            for (left, right) in [(false, false), (false, true), (true, false), (true, true)] {
                compare(
                    .matmul(transposeLeft: left, transposeRight: right),
                    left ? [k, m] : [m, k],
                    right ? [n, k] : [k, n]
                )
            }
        }
        for (left, right) in [
            ([3, 4, 70], [70, 6]), ([4, 70], [3, 70, 6]), ([2, 3, 4, 70], [2, 3, 70, 6]), ([2, 1, 4, 70], [3, 70, 6]),
        ] as [(Shape, Shape)] {
            compare(.matmul(transposeLeft: false, transposeRight: false), left, right)
        }
    }

    mutating func compareProductsOfEdges() {
        let extents = isShort ? [65] : [1, 63, 64, 65, 8191, 8192, 8193, 16_400]
        for words in ProductWords.allCases {
            for (index, inner) in extents.enumerated() {
                let (left, right) = (index % 2 == 0, index % 3 == 0)
                compare(
                    .matmul(transposeLeft: left, transposeRight: right),
                    left ? [inner, 3] : [3, inner],
                    right ? [5, inner] : [inner, 5],
                    words
                )
            }
        }
    }

    private static let convolutions: [(Shape, Shape, ConvolutionGeometry)] = [
        ([2, 3, 5, 6], [4, 3, 3, 3], .init(padding: [1, 1, 1, 1])),
        ([2, 8, 6, 7], [12, 4, 3, 3], .init(padding: [1, 1, 1, 1], groups: 2)),
        ([1, 6, 14, 12], [6, 6, 3, 2], .init(strides: [2, 3], padding: [1, 0, 2, 4], dilations: [3, 2])),
        ([2, 6, 9, 20], [6, 1, 3, 3], .init(padding: [1, 1, 1, 1], groups: 6)),
        ([1, 17, 9, 8], [9, 17, 3, 2], .init(strides: [2, 2], padding: [1, 0, 1, 1])),
        ([1, 6, 9, 20], [12, 1, 5, 3], .init(strides: [2, 2], padding: [2, 1, 2, 1], groups: 6)),
        ([2, 16, 5, 6], [4, 16, 3, 3], .init(padding: [1, 1, 1, 1])),
        ([2, 40, 6, 7], [12, 20, 3, 3], .init(padding: [1, 1, 1, 1], groups: 2)),
        ([1, 33, 14, 12], [6, 33, 3, 2], .init(strides: [2, 3], padding: [1, 0, 2, 4], dilations: [3, 2])),
        ([3, 20, 5, 5], [130, 20, 1, 1], .init()),
        ([2, 20, 7, 5], [9, 20, 1, 1], .init(strides: [2, 2])),
        ([1, 16, 1, 40], [6, 16, 1, 7], .init(padding: [0, 3, 0, 3])),
        ([1, 16, 3, 4], [3, 16, 2, 2], .init(strides: [3, 2], padding: [6, 7, 4, 5])),
        ([1, 40, 15, 15], [3, 40, 15, 15], .init()),
        ([1, 3, 30, 31], [8, 3, 7, 7], .init(strides: [2, 2], padding: [3, 3, 3, 3])),
        ([1, 64, 56, 56], [64, 64, 3, 3], .init(padding: [1, 1, 1, 1])),
    ]

    mutating func compareConvolutions(gradients: Bool) {
        for (input, kernel, geometry) in isShort ? Self.convolutions[..<4] : Self.convolutions[...] {
            guard let output = try? BilinearOperation.convolution(geometry).outputShape(input, kernel) else {
                preconditionFailure("no convolution of \(input) by \(kernel)")
            }
            guard gradients else {
                compare(.convolution(geometry), input, kernel)
                continue
            }
            compare(.convolutionInputGradient(geometry, height: input[2], width: input[3]), output, kernel)
            compare(.convolutionKernelGradient(geometry, height: kernel[2], width: kernel[3]), input, output)
        }
    }

    /// Compares `sum ± operation(a, b)`.
    private mutating func compare(
        _ operation: BilinearOperation,
        _ left: Shape,
        _ right: Shape,
        _ words: ProductWords = .any
    ) {
        var numbers = EdgeWords(UInt64(left.count &* 31 &+ right.count))
        let a = words.tensor(left, first: true, &numbers)
        let b = words.tensor(right, first: false, &numbers)
        guard let shape = try? operation.outputShape(left, right) else {
            preconditionFailure("no \(operation.name) of \(left) and \(right)")
        }
        let base = numbers.tensor(shape)
        for subtracting in [false, true] {
            equal("\(operation.name) of \(left) and \(right)\(subtracting ? ", subtracted" : ""), \(words.rawValue)") {
                var sum = base
                $0.accumulate(&sum, operation, a, b, subtracting: subtracting)
                return sum.elements
            }
        }
    }
}
