import CrypTenDevice
import CrypTenRing
import Testing

@Suite("Convolutions by residues", .enabled(if: !usable.isEmpty, "OpenCL finds no device on this machine"))
struct ResidueConvolutionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var input, kernel: Shape
        var geometry: ConvolutionGeometry

        init(_ input: Shape, _ kernel: Shape, _ geometry: ConvolutionGeometry = ConvolutionGeometry()) {
            (self.input, self.kernel, self.geometry) = (input, kernel, geometry)
        }

        var testDescription: String { "\(input) by \(kernel), \(geometry)" }
    }

    /// By taps where groups have 16 channels or more, by patches or planes where they have fewer.
    static let cases: [Case] = [
        Case([2, 16, 5, 6], [4, 16, 3, 3], .init(padding: [1, 1, 1, 1])),
        Case([1, 17, 9, 8], [9, 17, 3, 2], .init(strides: [2, 2], padding: [1, 0, 1, 1])),
        Case([2, 40, 6, 7], [12, 20, 3, 3], .init(padding: [1, 1, 1, 1], groups: 2)),
        Case([1, 33, 14, 12], [6, 33, 3, 2], .init(strides: [2, 3], padding: [1, 0, 2, 4], dilations: [3, 2])),
        Case([3, 20, 5, 5], [130, 20, 1, 1]),
        Case([2, 20, 7, 5], [9, 20, 1, 1], .init(strides: [2, 2])),
        Case([1, 16, 1, 40], [6, 16, 1, 7], .init(padding: [0, 3, 0, 3])),
        Case([1, 16, 3, 4], [3, 16, 2, 2], .init(strides: [3, 2], padding: [6, 7, 4, 5])),
        Case([1, 16, 20, 20], [4, 16, 3, 3], .init(padding: [9, 9, 9, 9])),
        Case([1, 40, 15, 15], [3, 40, 15, 15]),
        Case([1, 16, 30, 30], [1, 16, 30, 30]),
        Case([2, 3, 9, 9], [8, 3, 5, 5], .init(strides: [2, 2], padding: [2, 2, 2, 2])),
        Case([2, 6, 9, 20], [6, 1, 3, 3], .init(padding: [1, 1, 1, 1], groups: 6)),
        Case([1, 6, 9, 20], [12, 1, 5, 3], .init(strides: [2, 2], padding: [2, 1, 2, 1], groups: 6)),
        Case([1, 1, 12, 12], [20, 1, 8, 8], .init(padding: [3, 3, 4, 4])),
    ]

    private func expectAllEqual(_ kernels: DeviceKernels, _ example: Case) throws {
        let geometry = example.geometry
        let output = try BilinearOperation.convolution(geometry).outputShape(example.input, example.kernel)
        let (input, kernel) = (example.input, example.kernel)
        for subtracting in [false, true] {
            let all: [(BilinearOperation, Shape, Shape)] = [
                (.convolution(geometry), input, kernel),
                (.convolutionInputGradient(geometry, height: input[2], width: input[3]), output, kernel),
                (.convolutionKernelGradient(geometry, height: kernel[2], width: kernel[3]), input, output),
            ]
            for (operation, left, right) in all {
                try expectEqual(kernels, operation, left, right, subtracting: subtracting)
            }
        }
    }

    @Test("and both gradients equal the specification's", arguments: cases)
    func agreement(example: Case) throws {
        for kernels in try residueKernels() { try expectAllEqual(kernels, example) }
    }

    @Test(
        "in blocks of groups, channels, images and columns",
        arguments: [1, 50_000, 100_000, 400_000],
        cases.prefix(8)
    )
    func blocks(bytes: Int, example: Case) throws {
        for queue in try queues.get() { try expectAllEqual(residueKernels(queue, bytes: bytes), example) }
    }

    @Test("are cut as there is room", arguments: [(10_000, 0), (80_000, 6), (120_000, 4), (400_000, 1)])
    func cuts(bytes: Int, products: Int) throws {
        for queue in try queues.get() {
            let counting = ObservedQueue(queue)
            let geometry = ConvolutionGeometry(padding: [1, 1, 1, 1], groups: 2)
            try expectEqual(
                residueKernels(counting, bytes: bytes),
                .convolution(geometry),
                [3, 40, 6, 7],
                [12, 20, 3, 3]
            )
            #expect(counting.launches["residue_product", default: 0] == products)
            #expect((counting.launches["patches"] == nil) == (products > 0))
        }
    }

    @Test("are exact at the edges of words", arguments: Words.allCases)
    func edges(words: Words) throws {
        for kernels in try residueKernels() {
            try expectEqual(
                kernels,
                .convolution(.init(padding: [1, 1, 1, 1])),
                [1, 910, 3, 3],
                [2, 910, 3, 3],
                words
            )
            try expectEqual(kernels, .convolution(.init()), [2, 927, 3, 3], [2, 927, 3, 3], words)
        }
    }

    @Test("make no patches, and take all images at once")
    func launches() throws {
        for queue in try queues.get() {
            let counting = ObservedQueue(queue)
            let kernels = residueKernels(counting, bytes: 256 << 20)
            try expectEqual(
                kernels,
                .convolution(.init(padding: [1, 1, 1, 1], groups: 2)),
                [3, 40, 6, 7],
                [12, 20, 3, 3]
            )
            // The sum, at which the test looks too, is copied.
            #expect(counting.launches == ["copy": 1, "residues": 2, "residue_product": 1, "reconstruct": 1])
        }
    }
}
