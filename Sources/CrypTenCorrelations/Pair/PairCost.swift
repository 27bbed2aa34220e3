/// What making correlations takes of the two parties: counted when it is written down, before any of it goes.
///
/// Parties that make correlations and whoever plans write the same down, so that what is planned is what is done: the words of every message, and
/// what is computed for it. Arrays are by party.
package struct PairCost: Hashable, Sendable {
    /// Of the trees that transfers are extended by: bytes and times follow it, and nothing else does.
    package var height = TreeHeight.usual
    /// Transfers, and what they carry, by the party whose words are weighed; the other one extends them.
    package var weighed = [TransferCounters(), TransferCounters()]
    /// Bytes that each party sends, exchange by exchange: extensions, messages, openings, ciphertexts and answers.
    package var exchangeBytes: [[Int]] = []
    /// Bytes of differences that either party keeps beside its correlations until the run.
    package var differenceBytes = 0
    /// How many turns there are: one, where what is written down doesn't exceed what may wait.
    package var turns = 0
    /// What ring-LWE takes of each party.
    package var lattice = [LatticeWork(), LatticeWork()]
    /// Bytes that transfers and ciphertexts take at a party at most, while they wait for an exchange.
    package var waitingBytes = 0
    /// Bytes that answering a product by ring-LWE takes of a party at most, beside what waits: its operand's values, sums, and a message as it is made.
    package var answeringBytes = [0, 0]

    /// What a party computes for products by ring-LWE.
    package struct LatticeWork: Hashable, Sendable {
        /// Polynomials that it encrypts, and those that it answers.
        package var ciphertexts = 0
        package var answers = 0
        /// Modular multiply-accumulates of what it answers.
        package var multiplyAccumulates = 0
        /// Transforms of 8192 points modulo a prime: of what it encrypts, answers and decrypts.
        package var transforms = 0
        /// Whole-number picoseconds of all that it computes, by `LatticeCost`.
        package var picoseconds = 0
    }

    package init() {}

    /// Exchanges, in all turns.
    package var exchanges: Int { exchangeBytes.count }
    /// Those that are waited for: all of one turn; of many, which overlap, those of the last one.
    package var waitedExchanges: Int { max(0, exchanges - max(0, turns - 1)) }
    /// Bytes that each party sends in all.
    package var sentBytes: [Int] { (0..<2).map { party in exchangeBytes.reduce(0) { $0 + $1[party] } } }
    /// Transfers in both directions.
    package var transfers: Int { weighed.reduce(0) { $0 + $1.transfers } }
    /// Bits of words that choices weigh, in both directions.
    package var messageBits: Int { weighed.reduce(0) { $0 + $1.messageBits } }
    /// Bytes that extend transfers, in both directions.
    package var extensionBytes: Int { weighed.reduce(0) { $0 + $1.extensionBits / 8 } }
    package var ciphertexts: Int { lattice.reduce(0) { $0 + $1.ciphertexts } }
    package var answers: Int { lattice.reduce(0) { $0 + $1.answers } }

    /// About how many seconds a party computes on one processor: by rates that were measured, whole numbers in `TransferPrice` and `LatticeCost`.
    package var computingSeconds: [Double] { computingSeconds(height: height) }

    /// The same of parties whose trees have another height.
    package func computingSeconds(height: TreeHeight) -> [Double] {
        let transfers = weighed.reduce(0) { $0 + TransferPrice.picoseconds($1, height) }
        return lattice.map { Double(transfers + $0.picoseconds) * 1e-12 }
    }

    /// Bytes that each party would send more with trees of another height: extensions are by who chooses.
    package func moreBytes(height other: TreeHeight) -> [Int] {
        weighed.reversed().map { $0.extended / 8 * (other.trees - height.trees) }
    }
}

/// What transfers take, by measured rates: whole numbers, so that both parties choose the same.
enum TransferPrice {
    /// One transfer extended, at either side: the trees' leaves, folded and transposed, with AVX2 and AES on registers of 256 bits, and its row.
    static func extensionPicoseconds(_ height: TreeHeight) -> Int {
        switch height {
        case .two: 7_000
        case .four: 8_000
        case .eight: 27_000
        }
    }
    /// The same by which ways of making a correlation are compared: they are the same whatever the height.
    static let transferPicoseconds = extensionPicoseconds(.usual)
    /// An element that a choice weighs, at either side: its pad, and packing.
    static let elementPicoseconds = 3_000
    /// A message, however short.
    static let messagePicoseconds = 500_000

    static func picoseconds(_ counters: TransferCounters, _ height: TreeHeight) -> Int {
        counters.extended * extensionPicoseconds(height) + counters.weighedElements * elementPicoseconds
            + counters.messages * messagePicoseconds
    }
}

extension PairCost {
    /// Counts what encrypting an operand takes.
    mutating func count(ciphertextsOf packing: LatticePacking, by party: Int) {
        let count = packing.ciphertextCount
        lattice[party].ciphertexts += count
        lattice[party].transforms += 6 * count
        lattice[party].picoseconds += count * (6 * LatticeCost.transformPicoseconds + LatticeCost.ciphertextPicoseconds)
    }

    /// Counts what answering takes, and reading the answers.
    mutating func count(answersOf packing: LatticePacking, by party: Int) {
        let (cost, count) = (packing.cost, packing.answerCount)
        let (answering, decrypting) = (cost.transforms - 6 * packing.ciphertextCount - 8 * count, 8 * count)
        lattice[party].answers += count
        lattice[party].multiplyAccumulates += cost.multiplyAccumulates
        lattice[party].transforms += answering
        lattice[party].picoseconds +=
            cost.multiplyAccumulates * LatticeCost.multiplyAccumulatePicoseconds
            + answering * LatticeCost.transformPicoseconds + count * LatticeCost.answerPicoseconds
        lattice[1 - party].transforms += decrypting
        lattice[1 - party].picoseconds += decrypting * LatticeCost.transformPicoseconds
    }
}
