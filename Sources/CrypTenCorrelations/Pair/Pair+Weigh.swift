import CrypTenRing

/// What a plane of choices weighs, and where its share goes.
struct WeighedWord {
    /// The plane of choices.
    var plane: Int
    /// The words count modulo 2^width.
    var width: Int
    /// Their shares, of `width` bits, count times 2^shift.
    var shift = 0
    /// Which of the sums they are added to.
    var sum = 0
}

/// One party's words; where they are 0 or 1, the bits of a plane.
enum WordsToWeigh {
    case words(RingTensor)
    case ones(BitPlanes)
}

// Words weighed by choices.
extension Pair {
    /// Shares of words of one party, weighed by choices of the other: summed up as they come.
    ///
    /// - Parameters:
    ///   - choices: Whose planes weigh.
    ///   - items: In order: what is weighed, and where it goes.
    ///   - moment: After which exchange the words are known.
    ///   - words: Item i's words; runs at the party that doesn't choose.
    ///   - sums: What the shares are added to.
    /// - Returns: The sums, which are known after the exchange.
    func weigh(
        by choices: PairChoices,
        _ items: [WeighedWord],
        after moment: Int,
        words: @escaping (Int) throws -> WordsToWeigh,
        into sums: @escaping () throws -> [RingTensor]
    ) -> Later<[RingTensor]> {
        let moment = max(moment, choices.moment)
        let exchange = tape.next(after: moment)
        let result = Later<[RingTensor]>(at: exchange)
        let length = count(items.map { ($0.plane, $0.width) }, weighedBy: choices, in: exchange, after: moment)
        tape.message(from: 1 - choices.chooser, in: exchange, after: moment, words: length) { channel in
            var totals = try sums()
            for (index, item) in items.enumerated() {
                let choice = try choices.sending(item.plane)
                let message =
                    switch try words(index) {
                    case .words(let words):
                        choice.add(words, width: item.width, shiftedBy: item.shift, to: &totals[item.sum])
                    case .ones(let bits):
                        choice.add(ones: bits, width: item.width, shiftedBy: item.shift, to: &totals[item.sum])
                    }
                try channel.send(message)
            }
            result.fulfil(totals)
        } read: { channel in
            var totals = try sums()
            for item in items {
                let message = try channel.receive(TransferKernels.messageWords(count: choices.count, width: item.width))
                try choices.choosing(item.plane).add(
                    message,
                    width: item.width,
                    shiftedBy: item.shift,
                    to: &totals[item.sum]
                )
            }
            result.fulfil(totals)
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
        let moment = max(moment, choices.moment)
        let exchange = tape.next(after: moment)
        let result = Later<Sum>(at: exchange)
        let length = count(items, weighedBy: choices, in: exchange, after: moment)
        tape.message(from: 1 - choices.chooser, in: exchange, after: moment, words: length) { channel in
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
    private func count(
        _ items: [(plane: Int, width: Int)],
        weighedBy choices: PairChoices,
        in exchange: Int,
        after moment: Int
    ) -> Int {
        items.reduce(0) { words, item in
            let (plane, width) = item
            use(plane, of: choices, for: .words(width: width), in: exchange, after: moment)
            counted.weighed[1 - choices.chooser].countMessage(count: choices.count, width: width)
            return words + TransferKernels.messageWords(count: choices.count, width: width)
        }
    }

    /// XOR shares of up to 64 planes of bits of one party, weighed by one plane of choices of the other.
    ///
    /// `bits` runs at the party that doesn't choose.
    func weigh(
        by choices: PairChoices,
        plane: Int,
        planes: Int,
        after moment: Int,
        bits: @escaping () throws -> BitPlanes
    ) -> Later<BitPlanes> {
        let moment = max(moment, choices.moment)
        let exchange = tape.next(after: moment)
        let result = Later<BitPlanes>(at: exchange)
        use(plane, of: choices, for: .bits(planes: planes), in: exchange, after: moment)
        counted.weighed[1 - choices.chooser].countMessage(planes: planes, count: choices.count)
        let words = planes * BitPlanes.words(for: choices.count)
        tape.message(from: 1 - choices.chooser, in: exchange, after: moment, words: words) { channel in
            let (message, share) = try choices.sending(plane).times(try bits())
            try channel.send(message)
            result.fulfil(share)
        } read: { channel in
            let message = try channel.receive(words)
            result.fulfil(try choices.choosing(plane).times(message, planes: planes))
        }
        return result
    }
}
