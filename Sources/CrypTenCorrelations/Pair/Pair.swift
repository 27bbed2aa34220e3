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
    /// Where this party has the words, and where it chooses; nil where it only counts.
    private let transfers: (sender: TransferSender.Run, receiver: TransferReceiver.Run)?
    private let height: TreeHeight
    /// Who chooses where either may: in turns, so that both do as much.
    private var turn = 1
    /// Bytes that what is written down will take, transfers above all.
    private(set) var waitingBytes = 0
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
        tape = PairTape(party: party)
    }

    /// One that writes everything down as a party does, and counts it: nothing is computed, sent or kept.
    package init(counting height: TreeHeight) {
        party = 0
        kernels = NativeKernels(threads: 1)
        transfers = nil
        self.height = height
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

    /// Does all that is written down.
    package func run(over channel: any PairChannel) throws {
        try tape.run(over: channel)
        waitingBytes = 0
    }

    /// Passes over all that is written down, which was only counted.
    func pass() {
        tape.finish()
        waitingBytes = 0
    }

    /// So many bytes more are held until what is written down has gone.
    func wait(bytes: Int) {
        waitingBytes += bytes
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
        counted.weighed[1 - chooser].countExtension(planes: planes, count: count, height)
        let transfers = transfers
        let words = height.trees * planes * BitPlanes.words(for: count)
        tape.message(from: chooser, in: exchange, words: words) { channel in
            let (message, extended) = try transfers!.receiver.extend(try bits())
            choices.extended(extended)
            try channel.send(message)
        } read: { channel in
            choices.absorbed(try transfers!.sender.absorb(try channel.receive(words), planes: planes, count: count))
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
        let length = count(items.map(\.width), weighedBy: choices)
        tape.message(from: 1 - choices.chooser, in: exchange, words: length) { channel in
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
        let length = count(items.map(\.width), weighedBy: choices)
        tape.message(from: 1 - choices.chooser, in: exchange, words: length) { channel in
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

    /// Counts messages of words of so many bits each.
    ///
    /// - Returns: Their words.
    private func count(_ widths: [Int], weighedBy choices: PairChoices) -> Int {
        widths.reduce(0) { words, width in
            counted.weighed[1 - choices.chooser].countMessage(count: choices.count, width: width)
            return words + TransferKernels.messageWords(count: choices.count, width: width)
        }
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
        counted.weighed[1 - choices.chooser].countMessage(planes: planes, count: choices.count)
        let words = planes * BitPlanes.words(for: choices.count)
        tape.message(from: 1 - choices.chooser, in: exchange, words: words) { channel in
            let (message, share) = try choices.sending(plane).times(try bits())
            try channel.send(message)
            result.fulfil(share)
        } read: { channel in
            let message = try channel.receive(words)
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
            tape.message(from: sender, in: exchange, words: words.count) { channel in
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
