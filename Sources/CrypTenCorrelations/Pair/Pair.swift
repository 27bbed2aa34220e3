package import CrypTenBase
package import CrypTenRing

/// Two parties that make correlations: what both write down, and what each computes of it.
///
/// Correlations are made of two things: what a party computes of its own part, and words of one party weighed by choice bits of the other, by
/// correlated transfers. Requests, in their own files, are put together of these.
package final class Pair {
    package let party: Int
    package let kernels: any Kernels
    package let tape: PairTape
    /// Where this party has the words.
    private let sender: TransferSender.Run
    /// Where it chooses.
    private let receiver: TransferReceiver.Run
    private let height: TreeHeight
    /// Who chooses where either may: in turns, so that both do as much.
    private var turn = 1
    /// Bytes that what is written down will take, transfers above all.
    private(set) var waitingBytes = 0

    package init(
        party: Int,
        kernels: any Kernels,
        sender: TransferSender.Run,
        receiver: TransferReceiver.Run,
        height: TreeHeight
    ) {
        self.party = party
        self.kernels = kernels
        self.sender = sender
        self.receiver = receiver
        self.height = height
        tape = PairTape(party: party)
    }

    /// What was transferred so far, in both directions.
    package var counters: (sending: TransferCounters, choosing: TransferCounters) {
        (sender.counters, receiver.counters)
    }

    /// Who chooses next.
    func nextChooser() -> Int {
        defer { turn = 1 - turn }
        return turn
    }

    /// Does all that is written down.
    package func run(over channel: any PairChannel) throws {
        try tape.run(over: channel)
        waitingBytes = 0
    }

    /// So many bytes more are held until what is written down has gone.
    func wait(bytes: Int) {
        waitingBytes += bytes
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
        let choices = PairChoices(chooser: chooser, planes: planes, count: count, moment: exchange)
        tape.hold(choices)
        wait(bytes: 16 * 64 * planes * BitPlanes.words(for: count))
        let (sender, receiver) = (sender, receiver)
        let words = height.trees * planes * BitPlanes.words(for: count)
        tape.message(from: chooser, in: exchange) { channel in
            let (message, transfers) = try receiver.extend(try bits())
            choices.extended(transfers)
            try channel.send(message)
        } read: { channel in
            choices.absorbed(try sender.absorb(try channel.receive(words), planes: planes, count: count))
        }
        return choices
    }

    // MARK: Words weighed by choices

    /// Shares of words of one party, weighed by choices of the other: summed up as they come.
    ///
    /// - Parameters:
    ///   - choices: Whose planes weigh.
    ///   - items: In order: the plane, and modulo what power of two its words count.
    ///   - moment: After which exchange the words are known.
    ///   - words: Item i's words; runs at the party that doesn't choose.
    ///   - sum: What the shares are added to.
    ///   - add: Adds item i's share, which lies modulo the power of two of the item.
    func weigh<Sum>(
        by choices: PairChoices,
        _ items: [(plane: Int, width: Int)],
        after moment: Int,
        words: @escaping (Int) throws -> RingTensor,
        into sum: @escaping () throws -> Sum,
        _ add: @escaping (inout Sum, Int, RingTensor) -> Void
    ) -> Later<Sum> {
        let exchange = tape.next(after: max(moment, choices.moment))
        let result = Later<Sum>(at: exchange)
        tape.message(from: 1 - choices.chooser, in: exchange) { channel in
            var total = try sum()
            for (index, item) in items.enumerated() {
                let (message, share) = try choices.sending(item.plane).times(try words(index), width: item.width)
                try channel.send(message)
                add(&total, index, share)
            }
            result.fulfil(total)
        } read: { channel in
            var total = try sum()
            for (index, item) in items.enumerated() {
                let length = TransferKernels.messageWords(count: choices.count, width: item.width)
                let share = try choices.choosing(item.plane).times(try channel.receive(length), width: item.width)
                add(&total, index, share)
            }
            result.fulfil(total)
        }
        return result
    }

    /// The same of numbers of two words, modulo a power of two above 2^64.
    func weighWide<Sum>(
        by choices: PairChoices,
        _ items: [(plane: Int, width: Int)],
        after moment: Int,
        words: @escaping (Int) throws -> WideWords,
        into sum: @escaping () throws -> Sum,
        _ add: @escaping (inout Sum, Int, WideWords) -> Void
    ) -> Later<Sum> {
        let exchange = tape.next(after: max(moment, choices.moment))
        let result = Later<Sum>(at: exchange)
        tape.message(from: 1 - choices.chooser, in: exchange) { channel in
            var total = try sum()
            for (index, item) in items.enumerated() {
                let (message, share) = try choices.sending(item.plane).times(try words(index), width: item.width)
                try channel.send(message)
                add(&total, index, share)
            }
            result.fulfil(total)
        } read: { channel in
            var total = try sum()
            for (index, item) in items.enumerated() {
                let length = TransferKernels.messageWords(count: choices.count, width: item.width)
                let share = try choices.choosing(item.plane).timesWide(try channel.receive(length), width: item.width)
                add(&total, index, share)
            }
            result.fulfil(total)
        }
        return result
    }

    /// XOR shares of planes of bits of one party, weighed by one plane of choices of the other.
    ///
    /// - Parameter bits: Up to 64 planes; runs at the party that doesn't choose.
    func weigh(
        by choices: PairChoices,
        plane: Int,
        planes: Int,
        after moment: Int,
        bits: @escaping () throws -> BitPlanes
    ) -> Later<BitPlanes> {
        let exchange = tape.next(after: max(moment, choices.moment))
        let result = Later<BitPlanes>(at: exchange)
        tape.message(from: 1 - choices.chooser, in: exchange) { channel in
            let (message, share) = try choices.sending(plane).times(try bits())
            try channel.send(message)
            result.fulfil(share)
        } read: { channel in
            let message = try channel.receive(planes * BitPlanes.words(for: choices.count))
            result.fulfil(try choices.choosing(plane).times(message, planes: planes))
        }
        return result
    }

    // MARK: Openings

    /// The sum of both parts, which both learn: of words that are uniform whatever they are made of.
    func open(_ words: PairWords) -> Later<RingTensor> {
        let exchange = tape.next(after: words.moment)
        let (part, kernels) = (words.part, kernels)
        let result = Later<RingTensor>(at: exchange)
        for sender in 0..<2 {
            tape.message(from: sender, in: exchange) { channel in
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
