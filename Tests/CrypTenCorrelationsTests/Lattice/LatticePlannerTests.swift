import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("The choice of packings")
struct LatticePlannerTests {
    static let matrix = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)

    @Test(
        "the cost is what is made and sent",
        arguments: [([64, 96], [96, 80]), ([1, 300], [300, 50]), ([5, 5], [5, 5])]
    )
    func cost(left: [Int], right: [Int]) throws {
        let pair = try LatticePair(seed: 200)
        var words = LatticeTestWords(seed: 1)
        let (x, y) = (words.tensor(Shape(left)), words.tensor(Shape(right)))
        let packing = try LatticePlanner.packing(Self.matrix, x.shape, y.shape)
        let (cost, result) = (packing.cost, try pair.run(packing, x, y))
        #expect(result.encryption.count == cost.bytesIn + 16)
        #expect(result.encryption.count == packing.encryptionBytes)
        // Each answer's results are a multiple of 32.
        #expect((cost.bytesOut..<cost.bytesOut + cost.answers * 4 * 124 + 1).contains(result.answer.count))
        #expect(
            cost.multiplyAccumulates == packing.form.groups * packing.rowTiles * packing.terms * packing.outputs
                * 98_304
        )
    }

    @Test("no packing of a form is cheaper than the one that is chosen")
    func best() throws {
        let shapes: (Shape, Shape) = ([100, 60], [60, 40])
        let chosen = try LatticePlanner.packing(Self.matrix, shapes.0, shapes.1).cost.picoseconds
        let form = try LatticePlanner.matrix(Self.matrix, shapes.0, shapes.1)
        for side in LatticeForm.Operand.allCases {
            for lanes in (0..<8).map({ 1 << $0 }) {
                for channels in 1...60 {
                    for outputs in 1...100 where lanes * channels * outputs <= 8_192 {
                        let packing = LatticePacking(
                            form,
                            encrypted: side,
                            lanes: lanes,
                            blockChannels: channels,
                            blockOutputs: outputs
                        )
                        if packing.cost.picoseconds < chosen {
                            Issue.record("\(side), \(lanes), \(channels), \(outputs)")
                        }
                    }
                }
            }
        }
    }

    @Test("3 × 3 convolutions do several multiply-accumulates of the ring a coefficient")
    func convolutions() throws {
        let operation = BilinearOperation.convolution(ConvolutionGeometry(padding: [1, 1, 1, 1]))
        let shapes: (Shape, Shape) = ([1, 64, 56, 56], [64, 64, 3, 3])
        let packing = try LatticePlanner.packing(operation, shapes.0, shapes.1)
        let ring = operation.multiplyAccumulates(shapes.0, shapes.1)
        #expect(packing.cost.multiplyAccumulates < 4 * ring, "12 of a matrix product")
    }

    @Test("small products cost more than transfers of bits, large ones less")
    func comparison() throws {
        // A product of words by transfers, a cross term: 64 transfers of 15 ns.
        let transfer = 960_000
        let small = try LatticePlanner.packing(Self.matrix, [5, 5], [5, 5]).cost.picoseconds
        let large = try LatticePlanner.packing(Self.matrix, [64, 64], [64, 64]).cost.picoseconds
        #expect(small > 125 * transfer && large < 262_144 * transfer / 10)
    }

    @Test("extremes of shapes and windows end in a packing or an error, soon")
    func extremes() throws {
        let wide = BilinearOperation.convolution(ConvolutionGeometry(dilations: [1 << 20, 1]))
        let packing = try LatticePlanner.packing(wide, [1, 1, (1 << 20) + 1, 3], [1, 1, 2, 3])
        #expect(packing.form.layout == .matrix, "no tile holds a window of 2^20 rows")
        let huge = try LatticePlanner.packing(.multiply, [1 << 30], [1 << 30]).cost
        #expect(huge.picoseconds > 1 << 60, "a ciphertext and an answer for each element")
        #expect(throws: CrypTenError.self) {
            try LatticePlanner.packing(Self.matrix, [1 << 16, 1 << 16], [1 << 16, 1])
        }
        #expect(throws: CrypTenError.self) { try LatticePlanner.packing(Self.matrix, [2, 3], [4, 2]) }
    }

    @Test("the longest sum has a bound of 2^80, and longer ones are refused before anything is sent")
    func refused() throws {
        #expect(LatticeNoise.bits(terms: LatticeNoise.mostTerms) <= LatticeNoise.admittedBits)
        #expect(LatticeNoise.bits(terms: LatticeNoise.mostTerms + 1) > LatticeNoise.admittedBits)
        let longest = LatticeNoise.mostTerms
        _ = try LatticePlanner.packing(Self.matrix, [1, longest], Shape([longest, 1]))
        let error = #expect(throws: CrypTenError.self) {
            try LatticePlanner.packing(Self.matrix, [1, longest + 1], [longest + 1, 1])
        }
        #expect(error?.code == .invalidArgument && error?.message.contains("noise") == true)
        // Asked for all the same.
        let pair = try LatticePair(seed: 201)
        let form = try LatticePlanner.matrix(Self.matrix, [1, longest + 1], [longest + 1, 1])
        let packing = LatticePacking(form, encrypted: .left, lanes: 1, blockChannels: 8_192, blockOutputs: 1)
        let operand = RingTensor(zeros: form.leftShape)
        #expect(throws: CrypTenError.self) { try pair.secret.encrypt(operand, packing) }
        #expect(throws: CrypTenError.self) { try LatticeCiphertexts(message: [], packing, pair.kernels) }
        #expect(throws: CrypTenError.self) {
            try LatticePlaintexts(operand.reshaped(to: form.rightShape), packing, pair.kernels)
        }
    }
}
