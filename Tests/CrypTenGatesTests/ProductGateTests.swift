import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Products")
struct ProductGateTests {
    static let cases: [(BilinearOperation, Shape, Shape)] = [
        (.multiply, [7, 65], [65]),
        (.multiply, [0], [0]),
        (.multiply, [4097], [4097]),
        (.matmul(transposeLeft: false, transposeRight: false), [9, 17], [17, 5]),
        (.matmul(transposeLeft: true, transposeRight: false), [2, 17, 9], [17, 5]),
        (.matmul(transposeLeft: false, transposeRight: true), [1, 1], [64, 1]),
        (.convolution(ConvolutionGeometry(strides: [2, 1], padding: [1, 0, 1, 2])), [2, 3, 9, 8], [4, 3, 3, 3]),
        (.convolutionInputGradient(ConvolutionGeometry(), height: 6, width: 7), [2, 4, 4, 5], [4, 3, 3, 3]),
        (.convolutionKernelGradient(ConvolutionGeometry(), height: 3, width: 3), [2, 3, 6, 7], [2, 4, 4, 5]),
    ]

    @Test("a product is exact, whoever holds the masks, and may be absorbed", arguments: parties, cases.indices)
    func product(parties: Int, index: Int) throws {
        let (operation, left, right) = ProductGateTests.cases[index]
        let (x, y) = (ringVectors(left.count, seed: 5), ringVectors(right.count, seed: 6))
        let out = try operation.outputShape(left, right)
        let z = PlainKernels().product(operation, RingTensor(x, shape: left), RingTensor(y, shape: right)).elements
        try check(
            BilinearGate(operation: operation, left: left, right: right),
            parties: parties,
            shapes: [out],
            expected: [z]
        ) { [$0.wire(x, shape: left), $0.wire(y, shape: right)] }
        for (a, b) in [(0, 1), (1, 0), (parties - 1, parties - 1), (0, 0)] {
            for kernels in backends() {
                let simulator = GateSimulator(parties: parties, kernels: kernels)
                let wires = try [
                    simulator.run(InputGate(owner: a, shape: left), [simulator.plain(x, at: a, shape: left)])[0],
                    simulator.run(InputGate(owner: b, shape: right), [simulator.plain(y, at: b, shape: right)])[0],
                ]
                let gate = BilinearGate(
                    operation: operation,
                    left: left,
                    right: right,
                    leftZeroExcept: a,
                    rightZeroExcept: b
                )
                #expect(try simulator.run(gate, wires, shapes: [out])[0].plain() == z)
                let again = ringVectors(out.count, seed: 8)
                let product = AbsorbedProduct(
                    operation: operation,
                    left: left,
                    right: right,
                    leftZeroExcept: a,
                    rightZeroExcept: b
                )
                let sum = AbsorbedGate(products: [product, product], addends: 1, shape: out)
                let wire = try simulator.run(sum, wires + wires + [simulator.share(again, shape: out)], shapes: [out])[
                    0
                ]
                #expect(try wire.plain() == zip(z, again).map { 2 &* $0 &+ $1 })
            }
        }
    }

    @Test("a square reads one wire twice", arguments: parties)
    func square(parties: Int) throws {
        let x = ringVectors(65, seed: 9)
        try check(
            BilinearGate(operation: .multiply, left: [65], right: [65]),
            parties: parties,
            expected: [x.map { $0 &* $0 }]
        ) {
            let wire = $0.wire(x)
            return [wire, wire]
        }
    }

    @Test("an elementwise product reads truncations and absorbed wires", arguments: parties, counts + [moreThanASlab])
    func truncatedProduct(parties: Int, count: Int) throws {
        let x = ringVectors(count, seed: 10, in: truncationRange)
        let y = ringVectors(count, seed: 11)
        for sharesHeld in [true, false] {
            try check(
                TruncatedProductGate(shape: [count], form: WireForm(sharesHeld: sharesHeld)),
                parties: parties,
                expected: [zip(x, y).map { $0 &* $1 }]
            ) { [$0.wire(x, sharesHeld: sharesHeld), $0.wire(y)] }
        }
        for kernels in backends() {
            let simulator = GateSimulator(parties: parties, kernels: kernels)
            let (a, b) = (try simulator.truncatedWire(x, shift: 16), simulator.wire(y))
            let form = WireForm(sharesHeld: false, shift: 16)
            let got = try simulator.run(TruncatedProductGate(shape: [count], form: form), [a, b])[0].plain()
            #expect(got == zip(try a.plain(), y).map { $0 &* $1 })
        }
    }
}
