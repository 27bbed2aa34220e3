import CrypTenBase
package import CrypTenGates
package import CrypTenRing

/// Where a run's correlations go, in the order in which the party's gates read them.
package protocol PairSink: AnyObject {
    /// This party's words of a correlation.
    func correlation(_ words: RingTensor) throws
    /// d of what is read bit by bit next; nil where it is read as it is.
    func difference(_ words: RingTensor?) throws
}

/// What a run's requests have in common: keys, what is written down, what comes of it.
package final class PairRun {
    package let pair: Pair
    package let slabs: Slabs
    /// This party's own: nobody else has them.
    let keys: RunKeys
    /// Of the words whose bits are its parts of masks that are read bit by bit.
    let seeds: ExpansionKey
    package let products: PairTensorProducts
    let slots: PairSlotProducts
    let naming: MaskNaming
    /// Nil where the pair only counts.
    private let connection: (channel: any PairChannel, sink: any PairSink)?
    private let limit: Int
    private var seedStreams: UInt64 = 0
    private var entries: [Entry] = []

    private enum Entry {
        case correlation(Later<RingTensor>)
        case difference([Later<RingTensor>]?)

        /// After which exchange it is known.
        var moment: Int {
            switch self {
            case .correlation(let words): words.moment
            case .difference(let pieces): pieces?.map(\.moment).max() ?? 0
            }
        }
    }

    /// A run whose wires are read under the r's that `naming` says, and of which about `limit` bytes wait for an exchange.
    package init(
        pair: Pair,
        slabs: Slabs,
        keys: RunKeys,
        seeds: ExpansionKey,
        lattice: ExpansionKey,
        channel: any PairChannel,
        sink: any PairSink,
        limit: Int = PairRun.usualLimit,
        naming: MaskNaming = .byWire
    ) {
        self.pair = pair
        self.naming = naming
        self.slabs = slabs
        self.keys = keys
        self.seeds = seeds
        connection = (channel, sink)
        self.limit = limit
        let lattice = PairLatticeKeys(pair, key: lattice)
        products = PairTensorProducts(pair, lattice)
        slots = PairSlotProducts(pair, lattice)
    }

    /// One that writes everything down as a party does, and only counts it.
    package init(counting pair: Pair, slabs: Slabs, limit: Int = PairRun.usualLimit) {
        precondition(pair.isCounting, "a pair that makes correlations has a channel")
        // Nothing is expanded with it.
        let none = ExpansionKey(low: 0, high: 0)
        self.pair = pair
        self.slabs = slabs
        naming = .byWire
        keys = RunKeys(masks: none, bitMasks: none, correlations: none, orders: none)
        seeds = none
        connection = nil
        self.limit = limit
        let lattice = PairLatticeKeys(pair, key: none)
        products = PairTensorProducts(pair, lattice)
        slots = PairSlotProducts(pair, lattice)
    }

    /// Bytes that wait before the first exchange goes: 128 MiB, of which later turns take half each, so that they have messages in both directions.
    package static let usualLimit = 128 << 20

    /// A stream of seed words that no other mask has.
    func nextSeedStream() -> UInt64 {
        defer { seedStreams += 1 }
        return naming.stream(seedStreams)
    }

    /// A mask of a wire of its own.
    func mask(_ shape: Shape, _ words: PairWords) -> PairMask {
        PairMask(shape, words, PairOrigin(count: shape.count, .own(nil), self))
    }

    /// Deals words.
    ///
    /// `isLast` isn't set where more is asked of the same bits: what chooses by them goes in one turn, by the same transfers.
    package func deal(_ words: Later<RingTensor>, isLast: Bool = true) throws {
        write(.correlation(words))
        if isLast { try exchangeIfFull() }
    }

    /// Deals a difference, of pieces one after the other.
    ///
    /// What the bits are read for comes next, by the same transfers. `count`: of its elements.
    func deal(difference: [Later<RingTensor>]?, count: Int) throws {
        pair.counted.differenceBytes += 8 * count
        write(.difference(difference))
    }

    private func write(_ entry: Entry) {
        if !pair.isCounting { entries.append(entry) }
    }

    /// Functions of words, element by element, that are made some elements at a time: so no more of them waits than may, and what one plane of
    /// choices weighs stays in a processor's cache.
    ///
    /// `make` is given some of the elements, and returns as many values of all.
    func inPieces(_ words: PairWords, _ make: (PairWords) throws -> [PairWords]) throws -> [PairWords] {
        let ranges = slabs.of(words.count)
        guard ranges.count > 1 else { return try make(words) }
        let pieces = try ranges.map { range in
            let made = try make(words.flat(range))
            try exchangeIfFull()
            return made
        }
        return pieces[0].indices.map { index in PairWords.joining(pieces.map { $0[index] }, pair.kernels) }
    }

    /// Ends the turn, if there is as much of it as may wait.
    ///
    /// The first one may take all that may wait: what isn't more goes at once. Those after it are shorter, for some of them wait at the same time.
    func exchangeIfFull() throws {
        let isFirst = pair.tape.turns == 0
        guard pair.turnBytes >= (isFirst ? limit : limit / 2) else { return }
        try advance()
        // Of longer correlations more turns would wait.
        while pair.waitingBytes > 2 * limit { try advance() }
    }

    private func advance() throws {
        products.forget()
        guard let connection else { return pair.pass(isLast: false) }
        try pair.advance(over: connection.channel)
        try handOn(connection.sink)
    }

    /// Forgets what is written down: the run has failed.
    func abandon() {
        pair.tape.abandon()
        products.forget()
        entries = []
    }

    /// Does all that is written down, and hands on what has come of it.
    package func exchange() throws {
        products.forget()
        guard let (channel, sink) = connection else { return pair.pass(isLast: true) }
        try pair.run(over: channel)
        try handOn(sink)
        precondition(entries.isEmpty, "all is known after the last exchange")
    }

    /// Hands on what is known, up to the first that isn't.
    private func handOn(_ sink: any PairSink) throws {
        let made = Array(entries.prefix { $0.moment <= pair.tape.known })
        entries.removeFirst(made.count)
        for entry in made {
            switch entry {
            case .correlation(let words): try sink.correlation(try words.value())
            case .difference(nil): try sink.difference(nil)
            case .difference(let pieces?):
                try sink.difference(pair.kernels.join(try pieces.map { try $0.value() }))
            }
        }
    }
}

extension Kernels {
    /// Tensors of rank 1, one after the other.
    func join(_ parts: [RingTensor]) -> RingTensor {
        parts.count == 1 ? parts[0] : concatenate(parts, axis: 0)
    }
}
