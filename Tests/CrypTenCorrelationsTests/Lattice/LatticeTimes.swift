import CrypTenCorrelations
import CrypTenRing
import Foundation
import Testing

/// Times of one cross term, both parties one after the other in one process; run where `CRYPTEN_LATTICE_TIMES` is set.
@Suite(
    "Times of products by ring-LWE",
    .enabled(if: ProcessInfo.processInfo.environment["CRYPTEN_LATTICE_TIMES"] != nil, "CRYPTEN_LATTICE_TIMES isn't set")
)
struct LatticeTimes {
    static let cases: [(name: String, operation: BilinearOperation, left: Shape, right: Shape)] = {
        func convolution(_ stride: Int, _ padding: Int) -> BilinearOperation {
            .convolution(
                ConvolutionGeometry(strides: [stride, stride], padding: [padding, padding, padding, padding])
            )
        }
        return [
            ("matmul 512³", .matmul(transposeLeft: false, transposeRight: false), [512, 512], [512, 512]),
            ("conv 7×7/2, 224², 3 → 64", convolution(2, 3), [1, 3, 224, 224], [64, 3, 7, 7]),
            ("conv 3×3, 56², 64 → 64", convolution(1, 1), [1, 64, 56, 56], [64, 64, 3, 3]),
            ("conv 3×3/2, 56², 64 → 128", convolution(2, 1), [1, 64, 56, 56], [128, 64, 3, 3]),
            ("conv 1×1/2, 56², 64 → 128", convolution(2, 0), [1, 64, 56, 56], [128, 64, 1, 1]),
            ("conv 3×3, 28², 128 → 128", convolution(1, 1), [1, 128, 28, 28], [128, 128, 3, 3]),
            ("conv 3×3/2, 28², 128 → 256", convolution(2, 1), [1, 128, 28, 28], [256, 128, 3, 3]),
            ("conv 3×3, 14², 256 → 256", convolution(1, 1), [1, 256, 14, 14], [256, 256, 3, 3]),
            ("conv 3×3/2, 14², 256 → 512", convolution(2, 1), [1, 256, 14, 14], [512, 256, 3, 3]),
            ("conv 3×3, 7², 512 → 512", convolution(1, 1), [1, 512, 7, 7], [512, 512, 3, 3]),
            ("linear 512 → 1000", .matmul(transposeLeft: false, transposeRight: false), [1, 512], [512, 1_000]),
        ]
    }()

    @Test("of a matrix product and of ResNet-18's layers", arguments: NativeKernels.available)
    func times(set: NativeKernels.InstructionSet) throws {
        guard set != .portable else { return }
        let kernels = LatticeKernels(NativeKernels(threads: 2, instructionSet: set))
        let pair = try LatticePair(seed: 1, kernels)
        var words = LatticeTestWords(seed: 2)
        var all = 0.0
        for (name, operation, left, right) in Self.cases {
            let x = RingTensor((0..<left.count).map { _ in words.next() }, shape: left)
            let y = RingTensor((0..<right.count).map { _ in words.next() }, shape: right)
            // Processor time of all threads: the machine may be shared.
            let clock = ProcessorClock()
            var packing: LatticePacking!
            let planned = try clock.measure { packing = try LatticePlanner.packing(operation, left, right) }
            let (own, plain) = packing.encrypted == .left ? (x, y) : (y, x)
            var message: [UInt8] = []
            var answer: [UInt8] = []
            var shares = (RingTensor(zeros: packing.form.outputShape), RingTensor(zeros: packing.form.outputShape))
            var ciphertexts: LatticeCiphertexts!
            var plaintexts: LatticePlaintexts!
            var sums: LatticeAccumulators!
            let steps = try [
                clock.measure { message = try pair.secret.encrypt(own, packing) },
                clock.measure { ciphertexts = try LatticeCiphertexts(message: message, packing, kernels) },
                clock.measure { plaintexts = try LatticePlaintexts(plain, packing, kernels) },
                clock.measure { sums = try LatticeAccumulators(ciphertexts, times: plaintexts, kernels) },
                clock.measure { answer = sums.answer(pair.publicKey, pair.other, kernels, share: &shares.0) },
                clock.measure { try pair.secret.decrypt(answer, packing, share: &shares.1) },
            ]
            let total = steps.reduce(0, +)
            all += total
            func text(_ seconds: Double) -> String { String(format: "%.1f", 1e3 * seconds) }
            let cost = packing.cost
            print(
                "\(set.rawValue) \(name): \(text(total)) ms (encrypt, read, plain, multiply, answer, decrypt: "
                    + steps.map(text).joined(separator: " ")
                    + "); planned in \(text(planned)) for \(text(cost.seconds)); \(packing.encrypted) encrypted, \(packing.form.layout), "
                    + "\(packing.lanes) × \(packing.blockChannels) × \(packing.blockOutputs); \(cost.ciphertexts) in, \(cost.answers) out; "
                    + "\(String(format: "%.1f", Double(message.count) * 1e-6)) + \(String(format: "%.1f", Double(answer.count) * 1e-6)) MB; "
                    + "\(String(format: "%.1f", Double(cost.multiplyAccumulates) * 1e-9)) G"
            )
            let sum = zip(shares.0.elements, shares.1.elements).map { $0 &+ $1 }
            #expect(try sum == ringProduct(operation, x, y))
        }
        print("\(set.rawValue) all: \(all) s of processor time")
    }

    /// What `SlotPrice` has of a ciphertext and an answer.
    @Test("of products in slots", arguments: NativeKernels.available, LatticeSlots.allCases)
    func slots(set: NativeKernels.InstructionSet, slots: LatticeSlots) throws {
        let kernels = LatticeKernels(NativeKernels(threads: 1, instructionSet: set))
        let clock = ProcessorClock()
        var pair: LatticePair!
        let key = try clock.measure { pair = try LatticePair(seed: 1, kernels) }
        var words = LatticeTestWords(seed: 2)
        let chunks = 16
        let count = chunks * slots.chunk
        let (x, y) = (slots.parts(words.tensor([count]).elements), slots.parts(words.tensor([count]).elements))
        var message: RingTensor!
        var answers: [RingTensor] = []
        func answer(_ terms: Int) throws {
            let (message, _) = try LatticeSlotProducts.answer(
                Array(repeating: (message, y), count: terms),
                in: slots,
                count: count,
                key: pair.publicKey,
                pair.other,
                kernels
            )
            answers.append(message)
        }
        // Of the second time: the first one's memory is there.
        var steps: [Double] = []
        for _ in 0..<2 {
            steps = try [
                clock.measure { message = pair.secret.encrypt(x, in: slots) },
                clock.measure { try answer(1) },
                clock.measure { try answer(2) },
                clock.measure { _ = try pair.secret.decrypt(answers[0], in: slots, count: count) },
            ]
        }
        func text(_ seconds: Double) -> String { String(format: "%.0f", 1e6 * seconds) }
        let each = steps.map { $0 / Double(chunks * slots.pairs) }
        print(
            "\(set.rawValue), 8192 slots of \(slots), a pair of primes: encrypted \(text(each[0])) µs, "
                + "multiplied \(text(each[2] - each[1])), answered \(text(2 * each[1] - each[2])), decrypted \(text(each[3])); "
                + "keys \(text(key))"
        )
        #expect(message.count == slots.encryptionBytes(count) / 8)
    }
}

private struct ProcessorClock {
    func measure(_ body: () throws -> Void) rethrows -> Double {
        let start = clock()
        try body()
        return Double(clock() - start) / Double(CLOCKS_PER_SEC)
    }
}
