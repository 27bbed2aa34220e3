import CrypTenBase
package import CrypTenGates
import CrypTenRing

/// Products of tensors of shared words, by ring-LWE or by transfers: whichever takes less by shapes alone.
///
/// Element by element they are `PairRun.product`'s. Else op(x, y) of shares is op(x_0, y_0) + op(x_1, y_1), which the parties compute, and two cross terms: one party encrypts its part of the one operand,
/// the other multiplies by its part of the other one, and both end with shares of the result.
package final class PairTensorProducts {
    private let pair: Pair
    private let keys: PairLatticeKeys
    private var kernels: LatticeKernels { keys.kernels }
    /// What was encrypted since the last exchange, by whose part it is.
    private var encrypted: [Encrypted] = []
    /// How operations of some shapes are done.
    private var ways: [Shapes: Way] = [:]
    /// Bytes of answers, piece by piece.
    private var answerBytes: [LatticePacking: [Int]] = [:]

    private struct Shapes: Hashable {
        var operation: BilinearOperation
        var left, right: Shape
    }

    /// How a cross term is made.
    private enum Way {
        case lattice(LatticePacking)
        case transfers(BilinearTransfers)
        /// Element by element, of operands as large as the result.
        case elements
    }

    /// An operand that one party has encrypted.
    private final class Encrypted {
        let part: ObjectIdentifier
        let holder: Int
        let packing: LatticePacking
        let moment: Int
        /// At the other party.
        var ciphertexts: LatticeCiphertexts?

        init(part: ObjectIdentifier, holder: Int, packing: LatticePacking, moment: Int) {
            (self.part, self.holder, self.packing, self.moment) = (part, holder, packing, moment)
        }
    }

    init(_ pair: Pair, _ keys: PairLatticeKeys) {
        (self.pair, self.keys) = (pair, keys)
    }

    /// What was encrypted is encrypted anew where it is needed again.
    func forget() {
        encrypted = []
    }

    /// Shares of an operation of shared words, for a run.
    package func product(_ form: MaskedProduct, _ x: PairWords, _ y: PairWords, in run: PairRun) throws -> PairWords {
        let (pair, ring) = (pair, pair.kernels)
        let xKnown = form.leftZeroExcept ?? x.knownTo
        let yKnown = form.rightZeroExcept ?? y.knownTo
        // By party: whose part of x meets the other's of y.
        let crossing = (0..<2).filter { (xKnown ?? $0) == $0 && (yKnown ?? 1 - $0) == 1 - $0 }
        var terms: [Later<RingTensor>] = []
        if !crossing.isEmpty {
            switch try way(form) {
            case .elements: return try elementwise(form, x, y, run)
            case .lattice(let packing): terms = crossing.map { cross(form, x.part, y.part, packing, left: $0) }
            case .transfers(let transfers):
                terms = crossing.map { transfers.cross(x.part, y.part, left: $0, pair) }
            }
        }
        let isLocal = (xKnown ?? pair.party) == pair.party && (yKnown ?? pair.party) == pair.party
        return PairWords(
            count: form.output.count,
            part: Later(at: (terms.map(\.moment) + [x.moment, y.moment]).max()!) {
                var sum = RingTensor(zeros: form.output)
                if isLocal {
                    ring.accumulate(
                        &sum,
                        form.operation,
                        try x.part.value().reshaped(to: form.left),
                        try y.part.value().reshaped(to: form.right),
                        subtracting: false
                    )
                }
                for term in terms { ring.accumulate(&sum, adding: try term.value()) }
                return sum.reshaped(to: [form.output.count])
            },
            knownTo: terms.isEmpty ? xKnown ?? yKnown : nil
        )
    }

    /// Element by element, of operands of one shape or broadcast to the result's.
    private func elementwise(
        _ form: MaskedProduct,
        _ x: PairWords,
        _ y: PairWords,
        _ run: PairRun
    ) throws -> PairWords {
        let (output, kernels) = (form.output, pair.kernels)
        func words(_ words: PairWords, _ shape: Shape, _ known: Int?) -> PairWords {
            let part =
                shape == output
                ? words.part
                : words.part.map { part in
                    LinearOperation.broadcast(output).apply([part.reshaped(to: shape)], kernels)
                        .reshaped(to: [output.count])
                }
            return PairWords(count: output.count, part: part, knownTo: known ?? words.knownTo)
        }
        return try run.product(
            words(x, form.left, form.leftZeroExcept),
            words(y, form.right, form.rightZeroExcept)
        )
    }

    /// What takes less of both parties, by ring-LWE or by transfers.
    private func way(_ form: MaskedProduct) throws -> Way {
        let shapes = Shapes(operation: form.operation, left: form.left, right: form.right)
        if let known = ways[shapes] { return known }
        let isElementwise = if case .multiply = form.operation { true } else { false }
        if isElementwise, form.left == form.right { return .elements }
        let transfers = try BilinearTransfers(form.operation, form.left, form.right)
        var way: Way
        do {
            let packing = try LatticePlanner.packing(form.operation, form.left, form.right)
            way = packing.cost.picoseconds <= transfers.picoseconds ? .lattice(packing) : .transfers(transfers)
            let fewest = min(packing.cost.picoseconds, transfers.picoseconds)
            // A factor of few elements takes less where lanes of a packing, or rows of transfers, share it.
            let inSlots = isElementwise ? ElementwiseWork.product(crossTerms: 1).picoseconds(form.output.count) : nil
            if let inSlots, inSlots < fewest { way = .elements }
        } catch let error where transfers.picoseconds > BilinearTransfers.mostPicoseconds {
            throw error
        } catch {
            way = .transfers(transfers)
        }
        ways[shapes] = way
        return way
    }

    /// op(x of party `left`, y of the other one).
    private func cross(
        _ form: MaskedProduct,
        _ x: Later<RingTensor>,
        _ y: Later<RingTensor>,
        _ packing: LatticePacking,
        left: Int
    ) -> Later<RingTensor> {
        let isLeft = packing.encrypted == .left
        let holder = isLeft ? left : 1 - left
        let (held, heldShape) = isLeft ? (x, form.left) : (y, form.right)
        let (plain, plainShape) = isLeft ? (y, form.right) : (x, form.left)
        let encrypted = encrypted(held, heldShape, packing, holder: holder)
        let moment = max(encrypted.moment, plain.moment)
        let exchange = pair.tape.next(after: moment)
        let result = Later<RingTensor>(at: exchange)
        // Some blocks of outputs at a time: their sums take six times what the answers do.
        let perBlock =
            packing.form.groups * packing.rowTiles * 2 * LatticeParameters.limbs * LatticeParameters.degree * 4
        let together = max(1, (64 << 20) / max(perBlock, 1))
        let pieces = stride(from: 0, to: packing.outputs, by: together).map { $0..<min($0 + together, packing.outputs) }
        let lengths = answerBytes[packing] ?? pieces.map { LatticeResults(packing, outputs: $0).bytes }
        answerBytes[packing] = lengths
        pair.counted.count(answersOf: packing, by: 1 - holder)
        pair.counted.answeringBytes[1 - holder] = max(
            pair.counted.answeringBytes[1 - holder],
            LatticePlaintexts.bytes(packing) + min(together, packing.outputs) * perBlock + 2 * (lengths.max() ?? 0)
        )
        let words = lengths.reduce(0) { $0 + ($1 + 7) / 8 }
        pair.tape.message(from: 1 - holder, in: exchange, after: moment, words: words) { [keys, kernels] channel in
            guard let ciphertexts = encrypted.ciphertexts else {
                preconditionFailure("an answer follows its ciphertexts")
            }
            let (key, randomness) = (keys.publicKey(), keys.randomness)
            let plaintexts = try LatticePlaintexts(try plain.value().reshaped(to: plainShape), packing, kernels)
            let served = try ciphertexts.serving(packing)
            var share = RingTensor(zeros: form.output)
            for outputs in pieces {
                let sums = try LatticeAccumulators(served, times: plaintexts, outputs: outputs, kernels)
                try channel.send(RingTensor(bytes: sums.answer(key, randomness, kernels, share: &share)))
            }
            result.fulfil(share)
        } read: { [keys] channel in
            let secret = keys.ownSecret()
            var share = RingTensor(zeros: form.output)
            for (outputs, length) in zip(pieces, lengths) {
                let message = try channel.receive((length + 7) / 8).bytes(length)
                try secret.decrypt(message, packing, outputs: outputs, share: &share)
            }
            result.fulfil(share)
        }
        return result
    }

    /// A party's part of an operand, encrypted once since the last exchange for all that read it in one packing.
    private func encrypted(
        _ part: Later<RingTensor>,
        _ shape: Shape,
        _ packing: LatticePacking,
        holder: Int
    ) -> Encrypted {
        let name = ObjectIdentifier(part)
        if let known = encrypted.first(where: {
            $0.part == name && $0.holder == holder && packing.shares(ciphertextsOf: $0.packing)
        }) {
            return known
        }
        let exchange = pair.tape.next(after: part.moment)
        let encrypted = Encrypted(part: name, holder: holder, packing: packing, moment: exchange)
        self.encrypted.append(encrypted)
        pair.tape.hold(part)
        pair.wait(bytes: packing.ciphertextCount * LatticeParameters.degree * 4 * 12)
        keys.send(of: holder)
        let length = packing.encryptionBytes
        pair.counted.count(ciphertextsOf: packing, by: holder)
        pair.tape.message(from: holder, in: exchange, after: part.moment, words: (length + 7) / 8) { [keys] channel in
            let message = try keys.ownSecret().encrypt(try part.value().reshaped(to: shape), packing)
            try channel.send(RingTensor(bytes: message))
        } read: { [kernels] channel in
            let message = try channel.receive((length + 7) / 8).bytes(length)
            encrypted.ciphertexts = try LatticeCiphertexts(message: message, packing, kernels)
        }
        return encrypted
    }
}

extension RingTensor {
    /// Bytes as words; zeros fill up the last.
    init(bytes: [UInt8]) {
        self.init(uninitialized: [(bytes.count + 7) / 8])
        let count = count
        withMutableWords { words in
            if count > 0 { words[count - 1] = 0 }
            UnsafeMutableRawPointer(words).copyMemory(from: bytes, byteCount: bytes.count)
        }
    }

    /// The first bytes of the words.
    func bytes(_ count: Int) -> [UInt8] {
        withWords { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
    }
}
