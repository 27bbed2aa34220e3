import CrypTenRing
import Testing

@Suite("Convolutions and their gradients")
struct ConvolutionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var input: Shape
        var kernel: Shape
        var geometry: ConvolutionGeometry

        init(_ input: Shape, _ kernel: Shape, _ geometry: ConvolutionGeometry = ConvolutionGeometry()) {
            self.input = input
            self.kernel = kernel
            self.geometry = geometry
        }

        var output: Shape { try! BilinearOperation.convolution(geometry).outputShape(input, kernel) }
        var inputGradient: BilinearOperation {
            .convolutionInputGradient(geometry, height: input[2], width: input[3])
        }
        var kernelGradient: BilinearOperation {
            .convolutionKernelGradient(geometry, height: kernel[2], width: kernel[3])
        }

        var testDescription: String { "\(input) by \(kernel), \(geometry)" }
    }

    static let cases: [Case] = [
        Case([1, 1, 1, 1], [1, 1, 1, 1]),
        Case([2, 3, 5, 6], [4, 3, 3, 3]),
        Case([2, 3, 5, 6], [5, 3, 3, 3], .init(padding: [1, 1, 1, 1])),
        Case([1, 4, 9, 8], [6, 4, 3, 2], .init(padding: [2, 0, 1, 3])),
        Case([1, 4, 9, 8], [9, 4, 3, 3], .init(strides: [2, 2], padding: [1, 1, 1, 1])),
        Case([2, 5, 11, 10], [7, 5, 3, 4], .init(strides: [3, 2], padding: [0, 2, 1, 1])),
        Case([1, 4, 12, 13], [8, 4, 3, 3], .init(padding: [2, 2, 2, 2], dilations: [2, 2])),
        Case([1, 6, 14, 12], [6, 6, 3, 2], .init(strides: [2, 3], padding: [1, 0, 2, 4], dilations: [3, 2])),
        Case([1, 5, 13, 13], [5, 5, 3, 3], .init(strides: [4, 2], padding: [3, 3, 3, 3], dilations: [2, 4])),
        Case([2, 8, 6, 7], [12, 4, 3, 3], .init(padding: [1, 1, 1, 1], groups: 2)),
        Case([1, 6, 6, 7], [6, 2, 3, 3], .init(strides: [2, 1], padding: [1, 1, 1, 1], groups: 3)),
        Case([2, 6, 9, 20], [6, 1, 3, 3], .init(padding: [1, 1, 1, 1], groups: 6)),
        Case([1, 6, 9, 20], [12, 1, 5, 3], .init(strides: [2, 2], padding: [2, 1, 2, 1], groups: 6)),
        Case([1, 3, 9, 9], [12, 1, 3, 3], .init(padding: [0, 1, 2, 0], dilations: [2, 1], groups: 3)),
        Case([2, 7, 5, 5], [9, 7, 1, 1]),
        Case([2, 7, 5, 6], [9, 7, 1, 1], .init(strides: [2, 2])),
        Case([1, 5, 1, 40], [6, 5, 1, 7], .init(padding: [0, 3, 0, 3])),
        Case([1, 3, 30, 31], [8, 3, 7, 7], .init(strides: [2, 2], padding: [3, 3, 3, 3])),
        Case([1, 70, 7, 7], [10, 70, 3, 3], .init(padding: [1, 1, 1, 1])),
        Case([1, 2, 4, 4], [4, 2, 2, 2], .init(strides: [5, 5], padding: [3, 3, 3, 3])),
        Case([1, 4, 20, 20], [4, 4, 3, 3], .init(padding: [9, 9, 9, 9])),
        Case([1, 2, 3, 3], [2, 1, 2, 2], .init(strides: [1, 7], padding: [5, 6, 0, 1], groups: 2)),
    ]

    @Test(
        "the convolution and both gradients equal the specification's",
        arguments: implementations + devicesByResidues,
        cases
    )
    func agreement(kernels: any Kernels, example: Case) throws {
        try expectEqualProducts(kernels, .convolution(example.geometry), example.input, example.kernel)
        try expectEqualProducts(kernels, example.inputGradient, example.output, example.kernel)
        try expectEqualProducts(kernels, example.kernelGradient, example.input, example.output)
    }

    /// ⟨convolution(x, w), g⟩ = ⟨x, inputGradient(g, w)⟩ = ⟨w, kernelGradient(x, g)⟩, exactly, in the ring.
    @Test("the gradients are the convolution's adjoints", arguments: [plain, natives[0]] as [any Kernels], cases)
    func adjoints(kernels: any Kernels, example: Case) {
        var numbers = SeededNumbers(0xAD)
        let (x, w, g) = (numbers.tensor(example.input), numbers.tensor(example.kernel), numbers.tensor(example.output))
        func inner(_ a: RingTensor, _ b: RingTensor) -> UInt64 {
            zip(a.elements, b.elements).reduce(0) { $0 &+ $1.0 &* $1.1 }
        }
        let value = inner(kernels.product(.convolution(example.geometry), x, w), g)
        #expect(inner(x, kernels.product(example.inputGradient, g, w)) == value)
        #expect(inner(w, kernels.product(example.kernelGradient, x, g)) == value)
    }

    @Test("the specification slides the window and leaves out what lies outside")
    func meaning() {
        let x = RingTensor(1...9, shape: [1, 1, 3, 3])
        let w = RingTensor([1, 10, 100, 1000], shape: [1, 1, 2, 2])
        #expect(plain.product(.convolution(.init()), x, w).elements == [5421, 6532, 8754, 9865])
        let padded = plain.product(.convolution(.init(strides: [2, 2], padding: [1, 1, 0, 0])), x, w)
        #expect(padded.elements == [1000, 3200, 7040, 9865])
        let dilated = plain.product(.convolution(.init(dilations: [2, 2])), x, w)
        #expect(dilated.elements == [9731])
    }
}
