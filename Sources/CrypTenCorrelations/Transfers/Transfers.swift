package import CrypTenBase
package import CrypTenRing

/// Transfers that were made together, at either side: a row of 128 bits each, for planes of choices of equal length.
///
/// Each plane is handed out once, as a choice. Rows of many small planes are kept, for a slab has rows of several; others are made when they are used
/// (`TransferRows`). Rows follow from leaves, which live until the run ends: their memory is overwritten then, with all that tensors have given back.
package class TransferBatch {
    /// The rows of all planes, where they are kept; nil at the side that sends: they aren't made yet.
    fileprivate var kept: RingTensor?
    package let planes: Int
    package let count: Int
    fileprivate let run: TransferRun
    /// The first one's, which the first plane begins.
    fileprivate let slab: Int
    private var taken: Set<Int> = []

    fileprivate init(_ kept: RingTensor?, slab: Int, planes: Int, count: Int, of run: TransferRun) {
        (self.kept, self.slab, self.planes, self.count, self.run) = (kept, slab, planes, count, run)
    }

    /// Whether rows are made of all planes together, once: of small ones, of which a slab has several, and of those that begin within a block of AES.
    fileprivate static func sharesSlabs(planes: Int, count: Int) -> Bool {
        let (words, slab) = (BitPlanes.words(for: count), TransferKernels.slabWords)
        return planes > 1 && (words % 2 != 0 || (words + slab - 1) / slab * slab > words + words / 8)
    }

    /// Whether the side that chooses keeps rows from the extension on: also where making them again takes longer than memory.
    static func keepsRows(planes: Int, count: Int, _ height: TreeHeight) -> Bool {
        sharesSlabs(planes: planes, count: count) || height == .eight
    }

    /// Bytes that transfers take at the side that has more of them, until their words have been weighed, once: rows, or what they are made of.
    static func waitingBytes(planes: Int, count: Int, _ height: TreeHeight) -> Int {
        let words = planes * BitPlanes.words(for: count)
        return words * (keepsRows(planes: planes, count: count, height) ? TransferBatch.rowBytes : 8 * height.trees)
    }

    /// Bytes that the rows of a plane take beside that, where its uses need them in more passes than they are made anew for: they are kept from the first to
    /// the last.
    static func keptBytes(_ uses: @autoclosure () -> [PadUse], planes: Int, count: Int, _ height: TreeHeight) -> Int {
        !keepsRows(planes: planes, count: count, height) && PadUse.passes(uses()) > mostMade(height)
            ? BitPlanes.words(for: count) * rowBytes : 0
    }

    /// Bytes of pads that wait, at the side that has more of them, for a message of bits that isn't a plane's first.
    static func laterBytes(_ use: PadUse, count: Int) -> Int {
        2 * use.planes * BitPlanes.words(for: count) * 8
    }

    /// In how many passes a plane's rows are made anew each time: where there are more, or trees are high, memory takes less time.
    static func mostMade(_ height: TreeHeight) -> Int {
        height == .eight ? 1 : 2
    }

    /// Bytes of the rows of 64 transfers.
    private static let rowBytes = 64 * 16

    /// The rows of a plane, for tests: two words each.
    package func rows(ofPlane plane: Int) -> [UInt64] {
        withRows(plane) { rows in
            switch rows {
            case .kept(let rows): Array(UnsafeBufferPointer(start: rows, count: 2 * count))
            case .made(let origin): Array(run.kernels.rows(of: origin, words: wordsPerPlane).elements.prefix(2 * count))
            }
        }
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

    /// A plane's rows: as they are kept, or what they are made of.
    fileprivate func withRows<Result>(_ plane: Int, _ body: (TransferRows) -> Result) -> Result {
        let first = plane * wordsPerPlane
        if let kept { return kept.withWords { body(.kept($0 + 128 * first)) } }
        return withOrigin(from: first) { body(.made($0)) }
    }

    /// Words of a plane's choices.
    fileprivate var wordsPerPlane: Int { BitPlanes.words(for: count) }

    /// What the rows of the transfers from some word of choices on are made of.
    fileprivate func withOrigin<Result>(from first: Int, _ body: (RowOrigin) -> Result) -> Result {
        withSide { side in
            body(RowOrigin(schedules: run.leaves, height: run.height, slab: slab, first: first, side: side))
        }
    }

    /// What this side has beside leaves.
    fileprivate func withSide<Result>(_ body: (RowOrigin.Side) -> Result) -> Result {
        body(.choosing)
    }
}

/// What the side that sends words has: rows `q`, which are made when words are first sent.
package final class SentTransfers: TransferBatch {
    fileprivate let delta: SecretWords
    /// What the chooser has sent, of which the rows are made.
    private var message: RingTensor

    init(_ message: RingTensor, slab: Int, planes: Int, count: Int, delta: SecretWords, of run: TransferRun) {
        (self.message, self.delta) = (message, delta)
        super.init(nil, slab: slab, planes: planes, count: count, of: run)
    }

    private var words: Int { planes * wordsPerPlane }

    fileprivate override func withSide<Result>(_ body: (RowOrigin.Side) -> Result) -> Result {
        message.withWords { body(.sending(message: $0, words: words, delta: delta)) }
    }

    fileprivate override func withRows<Result>(_ plane: Int, _ body: (TransferRows) -> Result) -> Result {
        if kept == nil, TransferBatch.sharesSlabs(planes: planes, count: count) {
            kept = withOrigin(from: 0) { run.kernels.rows(of: $0, words: words) }
            message = RingTensor(zeros: [0])
        }
        return super.withRows(plane, body)
    }

    /// The transfers of a plane of the other side's choices.
    ///
    /// - Parameter uses: What will be sent by it, in order, where that is known: then each block of a pad is hashed as seldom as can be.
    /// - Throws: `.wordReused` the second time.
    package func choice(_ plane: Int, uses: [PadUse]? = nil) throws(CrypTenError) -> SentChoice {
        try take(plane)
        return SentChoice(self, plane, uses: uses)
    }
}

/// What the side that chooses has: rows `t = q ⊕ b·Δ`, and its choices b.
package final class ReceivedTransfers: TransferBatch {
    fileprivate var choices: BitPlanes

    init(_ kept: RingTensor?, slab: Int, _ choices: BitPlanes, of run: TransferRun) {
        self.choices = choices
        super.init(kept, slab: slab, planes: choices.planes, count: choices.count, of: run)
    }

    deinit { choices.wipe() }

    /// The transfers of a plane of this side's choices.
    ///
    /// - Parameter uses: What will come for it, in order, where that is known.
    /// - Throws: `.wordReused` the second time.
    package func choice(_ plane: Int, uses: [PadUse]? = nil) throws(CrypTenError) -> ReceivedChoice {
        try take(plane)
        return ReceivedChoice(self, plane, uses: uses)
    }
}

/// The rows of a plane for as many passes as there are: for few they are made each time, for more they are kept from the first to the last.
private struct PlaneRows {
    let plane: Int
    /// How many passes are left; nil where nobody has said.
    private var passes: Int?
    private let keeps: Bool
    private var kept: RingTensor?

    init(_ plane: Int, _ uses: [PadUse]?, _ height: TreeHeight) {
        let passes = uses.map(PadUse.passes)
        (self.plane, self.passes, keeps) = (plane, passes, passes ?? .max > TransferBatch.mostMade(height))
    }

    mutating func pass<Result>(over batch: TransferBatch, _ body: (TransferRows) -> Result) -> Result {
        defer {
            passes = passes.map { $0 - 1 }
            if passes == 0 { kept = nil }
        }
        return batch.withRows(plane) { rows in
            guard case .made(let origin) = rows, keeps else { return body(rows) }
            let kept = kept ?? batch.run.kernels.rows(of: origin, words: batch.wordsPerPlane)
            self.kept = kept
            return kept.withWords { body(.kept($0)) }
        }
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
    private var rows: PlaneRows
    /// What is made for later bits: H(q), which is the share, and H(q) ⊕ H(q ⊕ Δ), which the message adds.
    private var pads: PlanePads<(share: BitPlanes, mask: BitPlanes)>
    package var count: Int { batch.count }

    fileprivate init(_ batch: SentTransfers, _ plane: Int, uses: [PadUse]?) {
        (self.batch, rows, pads) = (batch, PlaneRows(plane, uses, batch.run.height), PlanePads(uses))
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
        send(.words(width: width)) {
            batch.run.kernels.send(words, width: width, shift: shift, $0, adding: &sum, to: message)
        }
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
            send(.words(width: width)) {
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
            send(.words(width: width)) { batch.run.kernels.send(words, width: width, $0, to: message) }
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
        let kernels = batch.run.kernels
        let (place, made) = pads.take(.bits(planes: bits.planes))
        let share = message.withMutableWords { message in
            guard let made else { return send(place) { kernels.send(bits, $0, to: message) } }
            bits.withWords { kernels.bits(made.mask, $0, to: message) }
            return made.share
        }
        return (message, share)
    }

    private func send<Share>(_ use: PadUse, _ body: (SentRows) -> Share) -> Share {
        send(pads.take(use).place, body)
    }

    private func send<Share>(_ place: PadPlace, _ body: (SentRows) -> Share) -> Share {
        let later = pads.later(in: place.block)
        var shares = BitPlanes(uninitialized: later.planes, count: count)
        var masks = BitPlanes(uninitialized: later.planes, count: count)
        let share = shares.withMutableWords { shares in
            masks.withMutableWords { masks in
                let (key, offset) = (batch.run.pads[place.block], place.offset)
                let pad = PadBits(key: key, offset: offset, later: later, shares: shares, masks: masks)
                return rows.pass(over: batch) { body(SentRows(rows: $0, delta: batch.delta, pad: pad)) }
            }
        }
        for (use, planes) in later.uses { pads.keep((shares[planes], masks[planes]), for: use) }
        return share
    }
}

/// A plane of this side's choices, which weigh words of the other side: see `SentChoice`.
package final class ReceivedChoice {
    private let batch: ReceivedTransfers
    private var rows: PlaneRows
    /// What is made for later bits: H(t).
    private var pads: PlanePads<BitPlanes>
    package var count: Int { batch.count }

    fileprivate init(_ batch: ReceivedTransfers, _ plane: Int, uses: [PadUse]?) {
        (self.batch, rows, pads) = (batch, PlaneRows(plane, uses, batch.run.height), PlanePads(uses))
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
        receive(message, pads.take(.words(width: width)).place) {
            batch.run.kernels.receive($0, width: width, shift: shift, $1, adding: &sum)
        }
    }

    /// The same with numbers of two words, `width` from 65 to 128.
    ///
    /// - Throws: `.malformedFrame` where the message has another length.
    package func timesWide(_ message: RingTensor, width: Int) throws(CrypTenError) -> WideWords {
        precondition(width > 64 && width <= 128, "numbers of \(width) bits in two words")
        try check(message, TransferKernels.messageWords(count: count, width: width))
        batch.run.counters.countMessage(count: count, width: width)
        return receive(message, pads.take(.words(width: width)).place) {
            batch.run.kernels.receiveWide($0, width: width, shape: [count], $1)
        }
    }

    /// An XOR share of `choices & bits` for each of up to 64 planes of the other side's bits.
    ///
    /// - Throws: `.malformedFrame` where the message has another length.
    package func times(_ message: RingTensor, planes: Int) throws(CrypTenError) -> BitPlanes {
        precondition(planes >= 1 && planes <= 64, "\(planes) planes at once")
        try check(message, planes * BitPlanes.words(for: count))
        batch.run.counters.countMessage(planes: planes, count: count)
        let kernels = batch.run.kernels
        let (place, made) = pads.take(.bits(planes: planes))
        var share: BitPlanes
        if let made {
            share = BitPlanes(uninitialized: planes, count: count)
            share.withMutableWords { share in
                batch.choices[rows.plane].withWords { choices in
                    message.withWords { kernels.bits(made, $0, choices, to: share) }
                }
            }
        } else {
            share = receive(message, place) { kernels.receiveBits($0, planes: planes, count: count, $1) }
        }
        share.clearTails()  // the other side's bits beyond the last element are nobody's
        return share
    }

    private func receive<Share>(
        _ message: RingTensor,
        _ place: PadPlace,
        _ body: (UnsafePointer<UInt64>, ReceivedRows) -> Share
    ) -> Share {
        let later = pads.later(in: place.block)
        var shares = BitPlanes(uninitialized: later.planes, count: count)
        let share = shares.withMutableWords { shares in
            let (key, offset) = (batch.run.pads[place.block], place.offset)
            let pad = PadBits(key: key, offset: offset, later: later, shares: shares, masks: nil)
            return rows.pass(over: batch) { [plane = rows.plane] rows in
                batch.choices[plane].withWords { choices in
                    message.withWords { body($0, ReceivedRows(rows: rows, choices: choices, pad: pad)) }
                }
            }
        }
        for (use, planes) in later.uses { pads.keep(shares[planes], for: use) }
        return share
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
