import CrypTenBase
package import CrypTenRing

/// Two parties that make correlations: what both write down, and what each computes of it.
///
/// Correlations are made of two things: what a party computes of its own part, and words of one party weighed by choice bits of the other, by
/// correlated transfers. Requests, in their own files, are put together of these.
package final class Pair {
    package let party: Int
    package let kernels: any Kernels
    package let tape: PairTape
    /// Where this party has the words, and where it chooses; nil where it only counts.
    private let transfers: (sender: TransferSender.Run, receiver: TransferReceiver.Run)?
    private let height: TreeHeight
    /// Who chooses where either may: in turns, so that both do as much.
    private var turn = 1
    /// Bytes that what is written down will take, transfers above all: of this turn, and of those before that haven't gone to their last exchange.
    private(set) var turnBytes = 0
    private var earlier: [(bytes: Int, last: Int)] = []
    /// What was written down, without what the tape counts.
    var counted = PairCost()

    package init(
        party: Int,
        kernels: any Kernels,
        sender: TransferSender.Run,
        receiver: TransferReceiver.Run,
        height: TreeHeight
    ) {
        self.party = party
        self.kernels = kernels
        transfers = (sender, receiver)
        self.height = height
        counted.height = height
        tape = PairTape(party: party)
    }

    /// One that writes everything down as a party does, and counts it: nothing is computed, sent or kept.
    package init(counting height: TreeHeight) {
        party = 0
        kernels = NativeKernels(threads: 1)
        transfers = nil
        self.height = height
        counted.height = height
        tape = PairTape(party: party, isCounting: true)
    }

    /// Whether it only counts.
    var isCounting: Bool { transfers == nil }

    /// What was transferred so far, in both directions.
    package var counters: (sending: TransferCounters, choosing: TransferCounters) {
        transfers.map { ($0.sender.counters, $0.receiver.counters) } ?? (TransferCounters(), TransferCounters())
    }

    /// What all takes that was written down so far.
    package var cost: PairCost {
        var cost = counted
        cost.exchangeBytes = tape.words.map { $0.map { 8 * $0 } }
        cost.turns = tape.turns
        return cost
    }

    /// Who chooses next.
    func nextChooser() -> Int {
        defer { turn = 1 - turn }
        return turn
    }

    /// Bytes that wait for an exchange, in all turns.
    var waitingBytes: Int { earlier.reduce(turnBytes) { $0 + $1.bytes } }

    /// Does all that is written down.
    package func run(over channel: any PairChannel) throws {
        try endTurn { try tape.run(over: channel) }
    }

    /// Ends a turn: the next exchange goes.
    func advance(over channel: any PairChannel) throws {
        try endTurn { try tape.advance(over: channel) }
    }

    /// Passes over all that is written down, or over as much as goes when a turn ends: which was only counted.
    func pass(isLast: Bool) {
        endTurn { isLast ? tape.pass() : tape.passExchange() }
    }

    private func endTurn(_ body: () throws -> Void) rethrows {
        earlier.append((turnBytes, tape.last))
        turnBytes = 0
        try body()
        earlier.removeAll { $0.last <= tape.known }
    }

    /// So many bytes more are held until what is written down has gone.
    func wait(bytes: Int) {
        turnBytes += bytes
        counted.waitingBytes = max(counted.waitingBytes, waitingBytes)
    }

    // MARK: Choices

    /// Transfers by a party's part of some planes of shared bits, made where there are none yet.
    func choose(_ chooser: Int, by bits: PairBits, planes: [Int]) {
        let missing = planes.filter { bits.choice($0, to: chooser) == nil }
        guard !missing.isEmpty else { return }
        let kernels = kernels
        let part = bits.part
        let choices = choices(of: chooser, planes: missing.count, count: bits.count, after: bits.moment) {
            let value = try part.value()
            return missing.count == bits.planes ? value : kernels.stack(missing.map { value[$0] })
        }
        for (place, plane) in missing.enumerated() { bits.setChoice(plane, to: chooser, choices, plane: place) }
    }

    /// Transfers by a party's part of all planes of shared bits, in their order: anew where there are none of some, or the planes chose apart.
    ///
    /// In a later turn some of a mask's bits may have chosen for another correlation before all are to.
    func chooseTogether(_ chooser: Int, by bits: PairBits) -> PairChoices {
        let known = (0..<bits.planes).map { bits.choice($0, to: chooser) }
        if let choices = known[0]?.choices,
            known.enumerated().allSatisfy({ $1?.choices === choices && $1?.plane == $0 })
        {
            return choices
        }
        let part = bits.part
        let choices = choices(of: chooser, planes: bits.planes, count: bits.count, after: bits.moment) {
            try part.value()
        }
        for plane in 0..<bits.planes { bits.setChoice(plane, to: chooser, choices, plane: plane) }
        return choices
    }

    /// Transfers by bits that one party alone knows.
    ///
    /// - Parameter bits: Runs at the chooser.
    func choices(
        of chooser: Int,
        planes: Int,
        count: Int,
        after moment: Int,
        _ bits: @escaping () throws -> BitPlanes
    ) -> PairChoices {
        let exchange = tape.next(after: moment)
        let choices = PairChoices(chooser: chooser, planes: planes, count: count, moment: exchange, in: tape.turn)
        tape.hold(choices)
        wait(bytes: TransferBatch.waitingBytes(planes: planes, count: count, height))
        counted.weighed[1 - chooser].countExtension(planes: planes, count: count, height)
        let transfers = transfers
        let words = height.trees * planes * BitPlanes.words(for: count)
        tape.message(from: chooser, in: exchange, after: moment, words: words) { channel in
            let (message, extended) = try transfers!.receiver.extend(try bits())
            choices.extended(extended)
            try channel.send(message)
        } read: { channel in
            choices.absorbed(try transfers!.sender.absorb(try channel.receive(words), planes: planes, count: count))
        }
        return choices
    }

    /// Notes what a plane of choices will weigh, by a message in an exchange that is made of what is known after another.
    func use(_ plane: Int, of choices: PairChoices, for use: PadUse, in exchange: Int, after moment: Int) {
        wait(bytes: choices.note(use, of: plane, in: exchange, after: moment, height))
    }

    // MARK: Openings

    /// The sum of both parts, which both learn: of words that are uniform whatever they are made of.
    package func open(_ words: PairWords) -> Later<RingTensor> {
        let exchange = tape.next(after: words.moment)
        let (part, kernels) = (words.part, kernels)
        let result = Later<RingTensor>(at: exchange)
        for sender in 0..<2 {
            tape.message(from: sender, in: exchange, after: words.moment, words: words.count) { channel in
                try channel.send(try part.value())
            } read: { channel in
                var sum = try channel.receive(words.count)
                kernels.accumulate(&sum, adding: try part.value())
                result.fulfil(sum)
            }
        }
        return result
    }
}
