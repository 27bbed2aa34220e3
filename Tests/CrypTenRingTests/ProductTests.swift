import CrypTenRing
import Testing

/// Whether a backend's `sum ± operation(a, b)` equals the specification's.
func expectEqualProducts(
    _ kernels: any Kernels,
    _ operation: BilinearOperation,
    _ left: Shape,
    _ right: Shape,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    var numbers = SeededNumbers(UInt64(left.count &* 31 &+ right.count))
    let (a, b) = (numbers.tensor(left), numbers.tensor(right))
    let base = numbers.tensor(try operation.outputShape(left, right))
    for subtracting in [false, true] {
        var (sum, expected) = (base, base)
        kernels.accumulate(&sum, operation, a, b, subtracting: subtracting)
        plain.accumulate(&expected, operation, a, b, subtracting: subtracting)
        #expect(
            sum.elements == expected.elements,
            "\(kernels.name): \(operation) of \(left) and \(right)\(subtracting ? ", subtracted" : "")",
            sourceLocation: sourceLocation
        )
    }
}

@Suite("Matrix products")
struct MatrixProductTests {
    static let transposes = [(false, false), (false, true), (true, false), (true, true)]

    @Test("every remainder of rows, columns and inner steps", arguments: onOneThread + devicesByResidues)
    func remainders(kernels: any Kernels) throws {
        for m in 0...19 {
            for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 33, 47, 48, 49] {
                for k in [0, 1, 2, 3, 5, 8] {
                    let (ta, tb) = Self.transposes[(m + n + k) % 4]
                    try expectEqualProducts(
                        kernels,
                        .matmul(transposeLeft: ta, transposeRight: tb),
                        ta ? [k, m] : [m, k],
                        tb ? [n, k] : [k, n]
                    )
                }
            }
        }
    }

    @Test("more than one block of columns and of inner steps", arguments: implementations + devicesByResidues)
    func blocks(kernels: any Kernels) throws {
        for (m, n, k) in [
            (5, 200, 300), (13, 193, 257), (70, 400, 17), (1, 500, 300), (300, 1, 500), (2, 2, 1025), (9, 385, 513),
        ] {
            for (ta, tb) in Self.transposes {
                try expectEqualProducts(
                    kernels,
                    .matmul(transposeLeft: ta, transposeRight: tb),
                    ta ? [k, m] : [m, k],
                    tb ? [n, k] : [k, n]
                )
            }
        }
    }

    @Test("batches broadcast", arguments: implementations + devicesByResidues)
    func batches(kernels: any Kernels) throws {
        let plainShapes: [(Shape, Shape)] = [
            ([3, 4, 5], [3, 5, 6]), ([3, 4, 5], [5, 6]), ([4, 5], [3, 5, 6]), ([2, 1, 4, 5], [3, 5, 6]),
            ([1, 4, 5], [7, 5, 6]), ([2, 3, 1, 9], [2, 3, 9, 1]), ([0, 4, 5], [5, 6]), ([2, 3, 4, 5], [1, 1, 5, 6]),
            ([2, 3, 1, 40], [40, 50]), ([6, 40, 30], [1, 30, 50]),
            ([2, 3, 4, 5], [2, 1, 5, 6]), ([2, 1, 4, 5], [2, 3, 5, 6]), ([3, 1, 2, 4, 5], [3, 2, 1, 5, 6]),
        ]
        for (left, right) in plainShapes {
            try expectEqualProducts(kernels, .matmul(transposeLeft: false, transposeRight: false), left, right)
            func swapped(_ shape: Shape) -> Shape { Shape(shape.dimensions.dropLast(2) + [shape[-1], shape[-2]]) }
            try expectEqualProducts(kernels, .matmul(transposeLeft: true, transposeRight: false), swapped(left), right)
            try expectEqualProducts(kernels, .matmul(transposeLeft: false, transposeRight: true), left, swapped(right))
        }
    }

    @Test("elementwise products broadcast", arguments: implementations)
    func multiply(kernels: any Kernels) throws {
        let shapes: [(Shape, Shape)] = [
            ([3, 4], [3, 4]), ([3, 4], [4]), ([], [3, 4]), ([5, 1], [1, 7]), ([2, 3, 1, 1], [2, 3, 8, 9]), ([0], [1]),
        ]
        for (left, right) in shapes {
            try expectEqualProducts(kernels, .multiply, left, right)
            try expectEqualProducts(kernels, .multiply, right, left)
        }
    }

    @Test("the specification's product is the sum of products")
    func meaning() {
        let a = RingTensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let b = RingTensor([7, 8, 9, 10, 11, UInt64.max], shape: [3, 2])
        let out = plain.product(.matmul(transposeLeft: false, transposeRight: false), a, b)
        #expect(out.elements == [58, 25, 139, 76])
    }

    @Test("more threads give the same bits", arguments: NativeKernels.available)
    func threads(instructionSet: NativeKernels.InstructionSet) {
        let one = NativeKernels(threads: 1, instructionSet: instructionSet)
        var numbers = SeededNumbers(0x7EAD)
        let (a, b) = (numbers.tensor([150, 170]), numbers.tensor([170, 190]))
        let image = numbers.tensor([2, 8, 20, 20])
        let kernel = numbers.tensor([12, 8, 3, 3])
        let long = numbers.tensor([300_000])
        let geometry = ConvolutionGeometry(padding: [1, 1, 1, 1])
        let key = ExpansionKey(low: 1, high: 2)
        let matmul = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
        func results(_ kernels: any Kernels) -> [[UInt64]] {
            [
                kernels.product(matmul, a, b).elements,
                kernels.product(.convolution(geometry), image, kernel).elements,
                kernels.add(long, long).elements,
                kernels.sine(long).elements,
                kernels.expand(key, number: 3, from: 1, shape: [300_001]).elements,
                kernels.planes(of: long, from: 3, count: 20).allWords,
                kernels.pack(long, bits: 13).elements,
                kernels.sum(long.reshaped(to: [3, 100, 1000]), axes: [1]).elements,
                kernels.gather(long.reshaped(to: [300, 1000]), .permuting([300, 1000], axes: [1, 0])).elements,
            ]
        }
        let expected = results(one)
        for threads in [2, 3, 4, 7] {
            #expect(results(NativeKernels(threads: threads, instructionSet: instructionSet)) == expected)
        }
    }
}
