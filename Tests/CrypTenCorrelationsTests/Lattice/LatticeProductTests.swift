import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

/// Shares add up to the product but for one in 2^46 elements, where r lies within the noise of a half: equality is asserted, and all of these tests together
/// fail by chance with a probability below 2^-28.
@Suite("Products by ring-LWE")
struct LatticeProductTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let operation: BilinearOperation
        let left, right: Shape

        var testDescription: String { "\(operation.name) \(left) \(right)" }
    }

    static let matrix = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)

    static func convolution(
        _ strides: [Int] = [1, 1],
        padding: [Int] = [0, 0, 0, 0],
        dilations: [Int] = [1, 1],
        groups: Int = 1
    ) -> ConvolutionGeometry {
        ConvolutionGeometry(strides: strides, padding: padding, dilations: dilations, groups: groups)
    }

    static let cases: [Case] = [
        Case(operation: matrix, left: [1, 1], right: [1, 1]),
        Case(operation: matrix, left: [7, 33], right: [33, 5]),
        Case(operation: matrix, left: [1, 700], right: [700, 37]),
        Case(operation: matrix, left: [300, 40], right: [40, 70]),
        Case(operation: .matmul(transposeLeft: true, transposeRight: false), left: [20, 9], right: [20, 6]),
        Case(operation: .matmul(transposeLeft: false, transposeRight: true), left: [2, 9, 20], right: [2, 6, 20]),
        Case(operation: .matmul(transposeLeft: true, transposeRight: true), left: [3, 1, 4, 5], right: [2, 6, 4]),
        Case(operation: matrix, left: [3, 2, 8, 5], right: [5, 4]),
        Case(operation: matrix, left: [4, 5], right: [6, 5, 3]),
        Case(operation: .multiply, left: [3, 1, 5], right: [3, 4, 1]),
        Case(operation: .multiply, left: [2, 3], right: [2, 3]),
        Case(operation: .multiply, left: [], right: [40]),
        Case(operation: .convolution(convolution()), left: [2, 3, 9, 10], right: [4, 3, 3, 3]),
        Case(
            operation: .convolution(convolution(padding: [1, 1, 1, 1])),
            left: [1, 16, 14, 14],
            right: [24, 16, 3, 3]
        ),
        Case(
            operation: .convolution(convolution([2, 2], padding: [3, 3, 3, 3])),
            left: [1, 3, 21, 21],
            right: [5, 3, 7, 7]
        ),
        Case(operation: .convolution(convolution([2, 2])), left: [2, 6, 8, 8], right: [7, 6, 1, 1]),
        Case(
            operation: .convolution(convolution([3, 2], padding: [0, 2, 1, 0], dilations: [2, 3])),
            left: [1, 2, 13, 17],
            right: [3, 2, 3, 2]
        ),
        Case(
            operation: .convolution(convolution(dilations: [100, 1])),
            left: [1, 1, 210, 130],
            right: [1, 1, 3, 120]
        ),
        Case(
            operation: .convolution(convolution(padding: [1, 1, 1, 1], groups: 2)),
            left: [1, 4, 6, 6],
            right: [6, 2, 3, 3]
        ),
        Case(
            operation: .convolution(convolution([2, 2], padding: [1, 1, 1, 1], groups: 3)),
            left: [1, 3, 9, 9],
            right: [3, 1, 3, 3]
        ),
        Case(operation: .convolution(convolution()), left: [3, 2, 1, 30], right: [2, 2, 1, 5]),
        Case(
            operation: .convolutionInputGradient(convolution(padding: [1, 1, 1, 1]), height: 8, width: 7),
            left: [2, 5, 8, 7],
            right: [5, 3, 3, 3]
        ),
        Case(
            operation: .convolutionInputGradient(convolution([2, 2], padding: [1, 1, 1, 1]), height: 9, width: 8),
            left: [1, 4, 5, 4],
            right: [4, 3, 3, 3]
        ),
        Case(
            operation: .convolutionInputGradient(
                convolution([3, 2], padding: [0, 2, 1, 0], dilations: [2, 3]),
                height: 13,
                width: 17
            ),
            left: [1, 3, 4, 8],
            right: [3, 2, 3, 2]
        ),
        Case(
            operation: .convolutionInputGradient(convolution([2, 2], groups: 2), height: 7, width: 7),
            left: [2, 4, 4, 4],
            right: [4, 3, 1, 1]
        ),
        Case(
            operation: .convolutionKernelGradient(convolution(padding: [1, 1, 1, 1]), height: 3, width: 3),
            left: [2, 3, 8, 7],
            right: [2, 5, 8, 7]
        ),
        Case(
            operation: .convolutionKernelGradient(
                convolution([2, 2], padding: [1, 1, 1, 1], groups: 2),
                height: 3,
                width: 3
            ),
            left: [2, 4, 9, 8],
            right: [2, 6, 5, 4]
        ),
    ]

    @Test("of every operation are the ring's, either operand encrypted", arguments: cases)
    func product(test: Case) throws {
        let pair = try LatticePair(seed: 100)
        var words = LatticeTestWords(seed: 9)
        let (left, right) = (words.tensor(test.left), words.tensor(test.right))
        let expected = try ringProduct(test.operation, left, right)
        for side in LatticeForm.Operand.allCases {
            let packing = try LatticePlanner.packing(test.operation, test.left, test.right, encrypting: side)
            let result = try pair.run(packing, left, right)
            #expect(result.sum == expected, "\(side), \(packing.form.layout), \(packing.lanes) lanes")
        }
    }

    @Test("with every form, of few and many lanes, of one tile and of many", arguments: [0, 3, 7, 12, 15, 18, 21, 22])
    func packings(index: Int) throws {
        let test = Self.cases[index]
        let pair = try LatticePair(seed: 101)
        var words = LatticeTestWords(seed: 10)
        let (left, right) = (words.tensor(test.left), words.tensor(test.right))
        let expected = try ringProduct(test.operation, left, right)
        let output = try test.operation.outputShape(test.left, test.right)
        var forms = [try LatticePlanner.matrix(test.operation, test.left, test.right)]
        for (height, width) in [(1, 1), (3, 2), (4, 64)] {
            if let form = LatticePlanner.tiles(test.operation, test.left, test.right, output, height, width) {
                forms.append(form)
            }
        }
        for form in forms {
            for side in LatticeForm.Operand.allCases {
                for (lanes, channels, outputs) in [
                    (1, 3, 2), (2, 2, 2), (4, 1, 1), (8, 2, 5), (16, 2, 3), (64, 5, 1), (256, 1, 2), (512, 2, 1),
                ] {
                    guard lanes * channels * outputs * form.area <= LatticeParameters.degree else { continue }
                    let packing = LatticePacking(
                        form,
                        encrypted: side,
                        lanes: lanes,
                        blockChannels: channels,
                        blockOutputs: outputs
                    )
                    guard packing.ciphertextCount + packing.answerCount < 60 else { continue }
                    #expect(
                        try pair.run(packing, left, right).sum == expected,
                        "\(form.layout), \(side), \(lanes) lanes"
                    )
                }
            }
        }
    }

    @Test(
        "of nothing are zeros, without a message but for the seed",
        arguments: [([3, 0], [0, 2]), ([0, 4], [4, 2]), ([3, 4], [4, 0])]
    )
    func empty(left: [Int], right: [Int]) throws {
        let pair = try LatticePair(seed: 102)
        let packing = try LatticePlanner.packing(Self.matrix, Shape(left), Shape(right))
        let result = try pair.run(packing, RingTensor(zeros: Shape(left)), RingTensor(zeros: Shape(right)))
        #expect(result.sum == [UInt64](repeating: 0, count: left[0] * right[1]))
        #expect(result.encryption.count == 16 && result.answer.isEmpty)
    }

    @Test("messages are the same words with every instruction set and any number of threads")
    func knownAnswers() throws {
        let test = Self.cases[13]
        var words = LatticeTestWords(seed: 12)
        let (left, right) = (words.tensor(test.left), words.tensor(test.right))
        let output = try test.operation.outputShape(test.left, test.right)
        let form = try #require(LatticePlanner.tiles(test.operation, test.left, test.right, output, 7, 7))
        let packing = LatticePacking(form, encrypted: .left, lanes: 4, blockChannels: 5, blockOutputs: 5)
        func digest(_ bytes: [UInt8]) -> UInt64 {
            bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        var digests: Set<[UInt64]> = []
        for kernels in allLatticeKernels + [LatticeKernels(NativeKernels(threads: 1))] {
            let pair = try LatticePair(seed: 103, kernels)
            let result = try pair.run(packing, left, right)
            digests.insert([pair.publicKeyMessage, result.encryption, result.answer].map(digest))
        }
        #expect(digests == [[14_200_493_869_471_619_224, 12_569_823_302_231_199_486, 15_585_608_837_134_700_041]])
    }

    @Test("ciphertexts serve every product that reads their operand in the same packing")
    func servedTwice() throws {
        let pair = try LatticePair(seed: 104)
        var words = LatticeTestWords(seed: 13)
        let x = words.tensor([32, 24])
        let packing = try LatticePlanner.packing(Self.matrix, [32, 24], [24, 10], encrypting: .left)
        let ciphertexts = try LatticeCiphertexts(message: pair.secret.encrypt(x, packing), packing, pair.kernels)
        for columns in [10, 7] {
            let form = try LatticePlanner.matrix(Self.matrix, [32, 24], [24, columns])
            let other = LatticePacking(
                form,
                encrypted: .left,
                lanes: packing.lanes,
                blockChannels: packing.blockChannels,
                blockOutputs: min(packing.blockOutputs, columns)
            )
            let y = words.tensor([24, columns])
            let plaintexts = try LatticePlaintexts(y, other, pair.kernels)
            let sums = try LatticeAccumulators(ciphertexts.serving(other), times: plaintexts, pair.kernels)
            var shares = (RingTensor(zeros: [32, columns]), RingTensor(zeros: [32, columns]))
            let answer = sums.answer(pair.publicKey, pair.other, pair.kernels, share: &shares.0)
            try pair.secret.decrypt(answer, other, share: &shares.1)
            let sum = zip(shares.0.elements, shares.1.elements).map { $0 &+ $1 }
            #expect(try sum == ringProduct(Self.matrix, x, y))
        }
        let different = LatticePacking(packing.form, encrypted: .left, lanes: 16, blockChannels: 3, blockOutputs: 2)
        #expect(throws: CrypTenError.self) { try ciphertexts.serving(different) }
    }

    @Test("in parts of the outputs are those of all at once")
    func parts() throws {
        let pair = try LatticePair(seed: 105)
        var words = LatticeTestWords(seed: 14)
        let (x, y) = (words.tensor([20, 12]), words.tensor([12, 9]))
        let form = try LatticePlanner.matrix(Self.matrix, x.shape, y.shape)
        let packing = LatticePacking(form, encrypted: .left, lanes: 32, blockChannels: 5, blockOutputs: 2)
        let ciphertexts = try LatticeCiphertexts(message: pair.secret.encrypt(x, packing), packing, pair.kernels)
        let plaintexts = try LatticePlaintexts(y, packing, pair.kernels)
        var shares = (RingTensor(zeros: [20, 9]), RingTensor(zeros: [20, 9]))
        for outputs in [0..<2, 2..<3, 3..<5] {
            // The last ones of an operand of which only they were taken.
            let part =
                outputs.upperBound == 5 ? try LatticePlaintexts(y, packing, outputs: 2..<5, pair.kernels) : plaintexts
            let sums = try LatticeAccumulators(ciphertexts, times: part, outputs: outputs, pair.kernels)
            let answer = sums.answer(pair.publicKey, pair.other, pair.kernels, share: &shares.0)
            try pair.secret.decrypt(answer, packing, outputs: outputs, share: &shares.1)
        }
        let sum = zip(shares.0.elements, shares.1.elements).map { $0 &+ $1 }
        #expect(try sum == ringProduct(Self.matrix, x, y))
    }

    @Test("a message of another length, or with a number past its prime, is refused by name")
    func hostileBytes() throws {
        let pair = try LatticePair(seed: 106)
        let packing = try LatticePlanner.packing(Self.matrix, [4, 4], [4, 4], encrypting: .left)
        let x = RingTensor(repeating: 5, shape: [4, 4])
        let result = try pair.run(packing, x, x)
        func refuses(_ message: [UInt8], _ read: ([UInt8]) throws -> Void) {
            var damaged = message
            damaged.replaceSubrange(16..<140, with: repeatElement(0xFF, count: 124))
            for bytes in [Array(message.dropLast()), message + [0], [], damaged] {
                let error = #expect(throws: CrypTenError.self) { try read(bytes) }
                #expect(error?.code == .malformedFrame)
            }
        }
        refuses(pair.publicKeyMessage) { _ = try LatticePublicKey(message: $0, pair.kernels) }
        refuses(result.encryption) { _ = try LatticeCiphertexts(message: $0, packing, pair.kernels) }
        refuses(result.answer) { bytes in
            var share = RingTensor(zeros: [4, 4])
            try pair.secret.decrypt(bytes, packing, share: &share)
        }
    }
}
