import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Small products by transfers")
struct BilinearTransferTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var operation: BilinearOperation
        var left, right: Shape
        /// Whether transfers take less than ring-LWE.
        var isSmall = true
        var testDescription: String { "\(operation.name) of \(left) and \(right)" }
    }

    private static let strided = ConvolutionGeometry(
        strides: [2, 1],
        padding: [1, 0, 1, 2],
        dilations: [1, 2],
        groups: 2
    )

    static let cases = [
        Case(operation: .matmul(transposeLeft: false, transposeRight: false), left: [3, 5], right: [5, 4]),
        Case(operation: .matmul(transposeLeft: true, transposeRight: false), left: [2, 5, 3], right: [5, 4]),
        Case(operation: .matmul(transposeLeft: false, transposeRight: true), left: [1, 84], right: [10, 84]),
        Case(operation: .multiply, left: [3, 1, 5], right: [1, 4, 5]),
        Case(operation: .multiply, left: [1], right: [77]),
        Case(operation: .convolution(strided), left: [1, 2, 5, 6], right: [4, 1, 3, 2]),
        Case(
            operation: .convolutionInputGradient(strided, height: 5, width: 6),
            left: [1, 4, 3, 6],
            right: [4, 1, 3, 2]
        ),
        Case(
            operation: .convolutionKernelGradient(strided, height: 3, width: 2),
            left: [1, 2, 5, 6],
            right: [1, 4, 3, 6]
        ),
        Case(
            operation: .matmul(transposeLeft: false, transposeRight: false),
            left: [64, 64],
            right: [64, 64],
            isSmall: false
        ),
        Case(operation: .multiply, left: [1], right: [40_000], isSmall: false),
    ]

    /// Shares of both masks, or one party's alone.
    @Test("are those of the ring, whoever knows the operands", arguments: cases)
    func products(item: Case) throws {
        for (x, y) in [(nil, nil), (0, nil), (nil, 1), (1, 0), (0, 0)] as [(Int?, Int?)] {
            let form = MaskedProduct(
                operation: item.operation,
                left: item.left,
                right: item.right,
                leftZeroExcept: x,
                rightZeroExcept: y
            )
            var numbers = Numbers(seed: 21)
            func parts(_ shape: Shape, _ known: Int?) -> [RingTensor] {
                (0..<2).map { party in
                    let words = numbers.words(shape.count)
                    return known ?? party == party
                        ? RingTensor(words, shape: [shape.count]) : RingTensor(zeros: [shape.count])
                }
            }
            let (left, right) = (parts(item.left, x), parts(item.right, y))
            let made = try PairOfThreads().run { pair, channel in
                let none = ExpansionKey(low: 1, high: UInt64(pair.party))
                let run = PairRun(
                    pair: pair,
                    slabs: Slabs(bits: 12),
                    keys: RunKeys(masks: none, bitMasks: none, correlations: none, orders: none),
                    seeds: none,
                    lattice: none,
                    channel: channel,
                    sink: NoSink()
                )
                func words(_ parts: [RingTensor]) -> PairWords {
                    PairWords(count: parts[pair.party].count, part: Later(parts[pair.party]))
                }
                let product = try run.products.product(form, words(left), words(right), in: run)
                try run.exchange()
                return (try product.part.value(), pair.cost)
            }
            let kernels = PlainKernels()
            var want = RingTensor(zeros: form.output)
            kernels.accumulate(
                &want,
                item.operation,
                kernels.add(left[0], left[1]).reshaped(to: item.left),
                kernels.add(right[0], right[1]).reshaped(to: item.right),
                subtracting: false
            )
            #expect(kernels.add(made[0].0, made[1].0).elements == want.elements)
            #expect(made[0].1 == made[1].1)
            let hasCrossTerms = x == nil || x != y
            #expect((made[0].1.transfers > 0) == (item.isSmall && hasCrossTerms))
            #expect((made[0].1.ciphertexts > 0) == (!item.isSmall && hasCrossTerms))
        }
    }

    private final class NoSink: PairSink {
        func correlation(_ words: RingTensor) throws {}
        func difference(_ words: RingTensor?) throws {}
    }
}
