package import CrypTenBase
package import CrypTenRing

/// Transfers that were made together, at either side: a row of 128 bits each, for planes of choices of equal length.
///
/// Each plane is handed out once, as a choice. When nobody has it or its choices any more, the rows are overwritten.
package class TransferBatch {
    /// Nil: they aren't made yet.
    fileprivate var made: RingTensor?
    package let planes: Int
    package let count: Int
    fileprivate let run: TransferRun
    private var taken: Set<Int> = []

    fileprivate init(_ rows: RingTensor?, planes: Int, count: Int, of run: TransferRun) {
        (made, self.planes, self.count, self.run) = (rows, planes, count, run)
    }

    deinit { made?.wipe() }

    fileprivate func rows() -> RingTensor {
        guard let made else { preconditionFailure("rows are made before they are read") }
        return made
    }

    /// The rows of a plane, for tests: two words each.
    package func rows(ofPlane plane: Int) -> [UInt64] {
        let step = 128 * BitPlanes.words(for: count)
        return Array(rows().elements[plane * step..<plane * step + 2 * count])
    }

    /// - Throws: `.wordReused` where the plane was handed out before.
    fileprivate func take(_ plane: Int) throws(CrypTenError) {
        precondition(plane >= 0 && plane < planes, "plane \(plane) of \(planes)")
        guard taken.insert(plane).inserted else {
            throw CrypTenError(
                .wordReused,
                "the transfers of plane \(plane) were handed out before: pads are used once; ask the choice that has them"
            )
        }
    }

    fileprivate func withRows<Result>(_ plane: Int, _ body: (UnsafePointer<UInt64>) throws -> Result) rethrows -> Result
    {
        try rows().withWords { try body($0 + 128 * BitPlanes.words(for: count) * plane) }
    }
}

/// What the side that sends words has: rows `q`, which are made when words are first sent.
package final class SentTransfers: TransferBatch {
    fileprivate let delta: SecretWords
    private let slab: Int
    /// What the chooser has sent, of which the rows are made.
    private var message: RingTensor

    init(_ message: RingTensor, slab: Int, planes: Int, count: Int, delta: SecretWords, of run: TransferRun) {
        (self.message, self.slab, self.delta) = (message, slab, delta)
        super.init(nil, planes: planes, count: count, of: run)
    }

    fileprivate override func rows() -> RingTensor {
        if let made { return made }
        let rows = run.kernels.absorb(run.leaves, run.height, slab: slab, message, delta: delta)
        message = RingTensor(zeros: [0])
        made = rows
        return rows
    }

    /// The transfers of a plane of the other side's choices.
    ///
    /// - Throws: `.wordReused` the second time.
    package func choice(_ plane: Int) throws(CrypTenError) -> SentChoice {
        try take(plane)
        return SentChoice(self, plane)
    }
}

/// What the side that chooses has: rows `t = q ⊕ b·Δ`, and its choices b.
package final class ReceivedTransfers: TransferBatch {
    fileprivate var choices: BitPlanes

    init(_ rows: RingTensor, _ choices: BitPlanes, of run: TransferRun) {
        self.choices = choices
        super.init(rows, planes: choices.planes, count: choices.count, of: run)
    }

    deinit { choices.wipe() }

    /// The transfers of a plane of this side's choices.
    ///
    /// - Throws: `.wordReused` the second time.
    package func choice(_ plane: Int) throws(CrypTenError) -> ReceivedChoice {
        try take(plane)
        return ReceivedChoice(self, plane)
    }
}

// MARK: Choices

/// A plane of the other side's choices, which weigh words of this side, as many as there are choices, and as often as it likes: both sides ask the
/// same in the same order.
///
/// With pads H(q) of the rows, which go on as far as they are needed, the message for a word c of w bits is `c + H(q) − H(q ⊕ Δ)`, and this
/// side's share of `b·c` is `−H(q)`, modulo 2^w. The other has `H(t)` and adds the message where b is 1: `H(q ⊕ Δ) + c + H(q) − H(q ⊕ Δ)`. Without Δ
/// the pad of the row that isn't its own is random to it, and so is the message where b is 0; and where b is 1 it gets a share that is fresh.
/// > Gilboa, "Two party RSA key generation", CRYPTO '99; Ishai, Kilian, Nissim, Petrank, "Extending oblivious transfers efficiently",
/// > CRYPTO '03; the hash after Guo, Katz, Wang, Yu, "Efficient and secure multiparty computation from fixed-key block ciphers", S&P '20.
package final class SentChoice {
    private let batch: SentTransfers
    private let plane: Int
    private var position = PadPosition()
    package var count: Int { batch.count }

    fileprivate init(_ batch: SentTransfers, _ plane: Int) {
        (self.batch, self.plane) = (batch, plane)
    }

    /// A share of `choices · words` modulo `2^width`, and the message for the other side.
    ///
    /// `width` is from 1 to 64; of the words, as many low bits count.
    ///
    /// - Complexity: two blocks of AES an element; `width` bits of message.
    package func times(_ words: RingTensor, width: Int = 64) -> (message: RingTensor, share: RingTensor) {
        var share = RingTensor(zeros: words.shape)
        let message = add(words, width: width, shiftedBy: 0, to: &share)
        return (message, share)
    }

    /// Adds a share of `choices · words` modulo `2^width`, times `2^shift`, to a sum: as products bit by bit want it.
    ///
    /// - Returns: The message for the other side.
    package func add(_ words: RingTensor, width: Int, shiftedBy shift: Int, to sum: inout RingTensor) -> RingTensor {
        var message = RingTensor(uninitialized: [TransferKernels.messageWords(count: count, width: width)])
        message.withMutableWords { add(words, width: width, shiftedBy: shift, to: &sum, message: $0) }
        return message
    }

    /// The same with the message written where it's sent from: to `TransferKernels.messageWords(count:width:)` words.
    package func add(
        _ words: RingTensor,
        width: Int,
        shiftedBy shift: Int,
        to sum: inout RingTensor,
        message: UnsafeMutablePointer<UInt64>
    ) {
        precondition(
            words.count == count && sum.count == count && width >= 1 && width <= 64 && shift >= 0 && shift < 64,
            "\(words.count) words of \(width) bits, shifted by \(shift), for \(count) transfers"
        )
        batch.run.counters.countMessage(count: count, width: width)
        send(width) { batch.run.kernels.send(words, width: width, shift: shift, $0, adding: &sum, to: message) }
    }

    /// The same of words that are 0 or 1: the bits of a plane.
    package func add(ones bits: BitPlanes, width: Int, shiftedBy shift: Int, to sum: inout RingTensor) -> RingTensor {
        precondition(
            bits.planes == 1 && bits.count == count && sum.count == count && width >= 1 && width <= 64 && shift >= 0
                && shift < 64,
            "\(bits.planes) planes of \(bits.count) bits, as words of \(width), shifted by \(shift), for \(count) transfers"
        )
        var message = RingTensor(uninitialized: [TransferKernels.messageWords(count: count, width: width)])
        batch.run.counters.countMessage(count: count, width: width)
        message.withMutableWords { message in
            send(width) {
                batch.run.kernels.send(ones: bits, width: width, shift: shift, $0, adding: &sum, to: message)
            }
        }
        return message
    }

    /// A share of `choices · words` modulo `2^width`, for numbers of two words; `width` from 65 to 128.
    package func times(_ words: WideWords, width: Int) -> (message: RingTensor, share: WideWords) {
        precondition(
            words.low.count == count && width > 64 && width <= 128,
            "\(words.low.count) numbers of \(width) bits, \(count) transfers"
        )
        var message = RingTensor(uninitialized: [TransferKernels.messageWords(count: count, width: width)])
        batch.run.counters.countMessage(count: count, width: width)
        let share = message.withMutableWords { message in
            send(width) { batch.run.kernels.send(words, width: width, $0, to: message) }
        }
        return (message, share)
    }

    /// An XOR share of `choices & bits` for each of up to 64 planes of bits, and the message: planes as they are.
    package func times(_ bits: BitPlanes) -> (message: RingTensor, share: BitPlanes) {
        precondition(
            bits.count == count && bits.planes >= 1 && bits.planes <= 64,
            "\(bits.planes) planes of \(bits.count) bits"
        )
        var message = RingTensor(uninitialized: [bits.wordCount])
        batch.run.counters.countMessage(planes: bits.planes, count: count)
        let share = message.withMutableWords { message in
            send(bits.planes) { batch.run.kernels.send(bits, $0, to: message) }
        }
        return (message, share)
    }

    private func send<Share>(_ width: Int, _ body: (SentRows) -> Share) -> Share {
        let pad = position.take(width, batch.run.pads)
        return batch.withRows(plane) { body(SentRows(rows: $0, delta: batch.delta, pad: pad)) }
    }
}

/// A plane of this side's choices, which weigh words of the other side: see `SentChoice`.
package final class ReceivedChoice {
    private let batch: ReceivedTransfers
    private let plane: Int
    private var position = PadPosition()
    package var count: Int { batch.count }

    fileprivate init(_ batch: ReceivedTransfers, _ plane: Int) {
        (self.batch, self.plane) = (batch, plane)
    }

    /// A share of `choices · words` modulo `2^width`, `width` from 1 to 64, from the other side's message.
    ///
    /// - Throws: `.malformedFrame` where the message has another length.
    /// - Complexity: a block of AES an element.
    package func times(_ message: RingTensor, width: Int = 64) throws(CrypTenError) -> RingTensor {
        var share = RingTensor(zeros: [count])
        try add(message, width: width, shiftedBy: 0, to: &share)
        return share
    }

    /// Adds such a share, times `2^shift`, to a sum.
    ///
    /// - Throws: `.malformedFrame` where the message has another length.
    package func add(
        _ message: RingTensor,
        width: Int,
        shiftedBy shift: Int,
        to sum: inout RingTensor
    ) throws(CrypTenError) {
        precondition(
            sum.count == count && width >= 1 && width <= 64 && shift >= 0 && shift < 64,
            "\(sum.count) words of \(width) bits, shifted by \(shift), for \(count) transfers"
        )
        try check(message, TransferKernels.messageWords(count: count, width: width))
        batch.run.counters.countMessage(count: count, width: width)
        receive(message, width) { batch.run.kernels.receive($0, width: width, shift: shift, $1, adding: &sum) }
    }

    /// The same with numbers of two words, `width` from 65 to 128.
    ///
    /// - Throws: `.malformedFrame` where the message has another length.
    package func timesWide(_ message: RingTensor, width: Int) throws(CrypTenError) -> WideWords {
        precondition(width > 64 && width <= 128, "numbers of \(width) bits in two words")
        try check(message, TransferKernels.messageWords(count: count, width: width))
        batch.run.counters.countMessage(count: count, width: width)
        return receive(message, width) { batch.run.kernels.receiveWide($0, width: width, shape: [count], $1) }
    }

    /// An XOR share of `choices & bits` for each of up to 64 planes of the other side's bits.
    ///
    /// - Throws: `.malformedFrame` where the message has another length.
    package func times(_ message: RingTensor, planes: Int) throws(CrypTenError) -> BitPlanes {
        precondition(planes >= 1 && planes <= 64, "\(planes) planes at once")
        try check(message, planes * BitPlanes.words(for: count))
        batch.run.counters.countMessage(planes: planes, count: count)
        var share = receive(message, planes) { batch.run.kernels.receiveBits($0, planes: planes, count: count, $1) }
        share.clearTails()  // the other side's bits beyond the last element are nobody's
        return share
    }

    private func receive<Share>(
        _ message: RingTensor,
        _ width: Int,
        _ body: (UnsafePointer<UInt64>, ReceivedRows) -> Share
    ) -> Share {
        let pad = position.take(width, batch.run.pads)
        return batch.withRows(plane) { rows in
            batch.choices[plane].withWords { choices in
                message.withWords { body($0, ReceivedRows(rows: rows, choices: choices, pad: pad)) }
            }
        }
    }

    private func check(_ message: RingTensor, _ words: Int) throws(CrypTenError) {
        guard message.count == words else {
            throw CrypTenError(
                .malformedFrame,
                "a message for \(count) choices has \(message.count) words in place of \(words): the peer runs something else; end the session"
            )
        }
    }
}
