internal import CrypTenRing

/// A secure operation: a fixed number of stages, each local work between two openings, in two halves and a price.
///
/// In stage s the parties' half, `evaluate`, reads masked inputs, correlations and what stage s − 1 opened, and opens or yields. It
/// cannot send: only the engine opens. The other half, `deal`, names the correlations that it reads, as functions of the masks of what it reads and
/// opens: it asks for them, and doesn't compute them (`DealStage`). Both make the same calls in the same order: the n-th correlation that is asked for
/// is the n-th that is read, the n-th mask of an opening the n-th opening, and for each request that reads bits of a mask there is a
/// `bitwise(_:)`. The last stage opens nothing (unless the gate is an opening itself, which yields in the stage after).
package protocol Gate: Hashable, Sendable, Codable {
    /// The name in plans and cost reports.
    static var name: String { get }
    /// How many stages; all but the last end in an opening.
    var stages: Int { get }
    /// What its fields must satisfy, whatever its operands: initialisers trap on it, and a plan of a peer's is refused.
    ///
    /// - Throws: `CrypTenError.Code.malformedFile` saying what is wrong.
    func check() throws
    /// What it yields of operands of the given types, where its fields satisfy `check()`.
    ///
    /// With such operands both halves run to their end, and allocate what the shapes justify.
    /// - Throws: `CrypTenError.Code.malformedFile` naming the operand, or the field, that doesn't fit.
    func results(of operands: OperandTypes, parties: Int) throws -> [OperandType]
    /// The most streams of one kind that a stage draws, where there may be more than have numbers.
    func streams(slabs: Slabs) -> Int
    /// What each stage opens and is dealt: equal to what the halves do, to the word.
    func cost(parties: Int, slabs: Slabs) -> [StageCost]
    /// What a stage's correlations are: the half of whoever makes them, on masks.
    func deal(stage: Int, _ context: some DealStage) throws
    /// The same at a dealer, whose engine runs any gate: what `deal` is where masks are tensors, without the price of not knowing it.
    func deal(stage: Int, at dealer: DealerStage) throws
    /// A party's half, on masked values and shares.
    func evaluate(stage: Int, _ context: PartyStage) throws
    /// This gate without its thresholds and coefficients, which the dealer does not need.
    var redacted: Self { get }
}

extension Gate {
    package var redacted: Self {
        self
    }

    /// A requirement, so that each gate has its own: a stage of few elements takes some microseconds, and would take a half more.
    package func deal(stage: Int, at dealer: DealerStage) throws {
        try deal(stage: stage, dealer)
    }

    /// Whatever the slabs, a gate of few streams for each draws fewer than have numbers.
    package func streams(slabs: Slabs) -> Int {
        0
    }
}

/// What one stage of a gate opens and is dealt, in words of 8 bytes.
package struct StageCost: Hashable, Sendable {
    /// The openings that follow the stage, in order.
    package var openings: [Opening]
    /// What the dealer sends.
    package var correctionWords: Int

    package init(openings: [Opening] = [], correctionWords: Int = 0) {
        self.openings = openings
        self.correctionWords = correctionWords
    }
}

/// A run of words that some parties send, some get, and everyone who gets them sums.
package struct Opening: Hashable, Sendable {
    /// How the parts combine.
    package enum Combination: Hashable, Sendable {
        case sum
        case xor
    }

    /// What it is for: a masked value, an owner's input, or a result.
    package enum Purpose: Hashable, Sendable {
        case open
        case input
        case reveal
    }

    package var words: Int
    package var combination: Combination
    package var purpose: Purpose
    /// The only party that sends; nil: every one.
    package var sender: Int?
    /// The only party that gets it; nil: every one.
    package var receiver: Int?

    package init(
        words: Int,
        combination: Combination,
        purpose: Purpose = .open,
        sender: Int? = nil,
        receiver: Int? = nil
    ) {
        self.words = words
        self.combination = combination
        self.purpose = purpose
        self.sender = sender
        self.receiver = receiver
    }

    /// The words of it that one party sends to another.
    package func words(from party: Int, to other: Int) -> Int {
        party != other && sender ?? party == party && receiver ?? other == other ? words : 0
    }
}
