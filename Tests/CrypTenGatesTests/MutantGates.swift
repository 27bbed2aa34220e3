import CrypTenGates
import CrypTenRing
import _CrypTenTestSupport

// Gates that leak, each in one way: they prove that the tests of transcripts would see it. They yield nothing.

/// A gate that is in no plan, so that nobody asks what it takes; it yields nothing.
protocol MutantGate: Gate {}

extension MutantGate {
    func check() throws {}

    func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        []
    }
}

/// A mutant whose first stage opens words once, wrongly.
protocol OneOpeningMutant: MutantGate {
    /// What is opened.
    var opened: Shape { get }
    /// Opens it.
    func open(_ context: PartyStage) throws
}

extension OneOpeningMutant {
    var stages: Int { 2 }

    func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 { _ = context.freshSum(opened) }
    }

    func evaluate(stage: Int, _ context: PartyStage) throws {
        if stage == 0 { try open(context) } else { _ = try context.openedWords(opened) }
    }

    func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(openings: [Opening(words: opened.count, combination: .sum)]), StageCost()]
    }
}

/// Two shares opened as they should be: what the mutants below do wrong.
struct TwoOpenings: MutantGate {
    static let name = "two openings"
    let shape: Shape
    var stages: Int { 2 }

    func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 { for _ in 0..<2 { _ = context.openMask(shape) } }
    }

    func evaluate(stage: Int, _ context: PartyStage) throws {
        for index in 0..<2 {
            if stage == 0 { try context.open(context.share(index)) } else { _ = try context.openedWire() }
        }
    }

    func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(openings: (0..<2).map { _ in Opening(words: shape.count, combination: .sum) }), StageCost()]
    }
}

/// Two shares opened under one mask.
struct SharedMask: MutantGate {
    static let name = "shared mask"
    let shape: Shape
    var stages: Int { 2 }

    func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 { _ = context.freshSum(shape) }
    }

    func evaluate(stage: Int, _ context: PartyStage) throws {
        let mask = stage == 0 ? context.freshShare(shape) : nil
        for index in 0..<2 {
            if let mask {
                try context.open(masked: context.kernels.add(context.share(index), mask))
            } else {
                _ = try context.openedWords(shape)
            }
        }
    }

    func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        TwoOpenings(shape: shape).cost(parties: parties, slabs: slabs)
    }
}

/// A share sent as it is, by one party or by all.
struct MissingMask: OneOpeningMutant {
    static let name = "missing mask"
    let shape: Shape
    /// Who forgets it; nil: everyone.
    let party: Int?
    var opened: Shape { shape }

    func open(_ context: PartyStage) throws {
        let mask = context.freshShare(shape)
        let forgets = party.map { $0 == context.party } ?? true
        try context.open(masked: forgets ? context.share(0) : context.kernels.add(context.share(0), mask))
    }
}

/// A mask of fewer bits than the ring has.
struct NarrowMask: OneOpeningMutant {
    static let name = "narrow mask"
    let shape: Shape
    let bits: Int
    var opened: Shape { shape }

    func open(_ context: PartyStage) throws {
        let mask = context.kernels.lowBits(context.freshShare(shape), bits)
        try context.open(masked: context.kernels.add(context.share(0), mask))
    }
}

/// A share sent to one party as it is, which puts the rows into an order.
struct BarePermutation: MutantGate {
    static let name = "bare permutation"
    let shape: Shape
    let party: Int
    var stages: Int { 2 }

    func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 { _ = context.freshSum(shape) }
    }

    func evaluate(stage: Int, _ context: PartyStage) throws {
        guard stage == 0 else {
            _ = try context.openedHere(shape)
            return
        }
        context.skipFreshShare()
        try context.open(masked: context.share(0), to: party)
    }

    func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(openings: [Opening(words: shape.count, combination: .sum, receiver: party)]), StageCost()]
    }
}

/// Bits that a party has drawn itself, sent as they are.
struct UnmaskedDraw: OneOpeningMutant {
    static let name = "unmasked draw"
    let shape: Shape
    var opened: Shape { [BitPlanes.words(for: shape.count)] }

    func deal(stage: Int, _ context: some DealStage) throws {}

    func open(_ context: PartyStage) throws {
        try context.open(masked: context.ownBits(planes: 1, count: shape.count).asWords.reshaped(to: opened))
    }
}

/// Masked bits negated word by word, so that the bits beyond the last element are sent, too.
struct TailBits: OneOpeningMutant {
    static let name = "tail bits"
    let shape: Shape
    var opened: Shape { [BitPlanes.words(for: shape.count)] }

    func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 { _ = context.freshBits(planes: 1, count: shape.count) }
    }

    func open(_ context: PartyStage) throws {
        let mask = context.freshBits(planes: 1, count: shape.count)
        let masked = context.kernels.xor(context.bits(0).maskShare!, mask)
        try context.open(masked: RingTensor(masked.asWords.elements.map { ~$0 }, shape: opened))
    }
}

/// The elements after the first slab sent as they are.
struct OneSlabMasked: OneOpeningMutant {
    static let name = "one slab masked"
    let shape: Shape
    var opened: Shape { shape }

    func open(_ context: PartyStage) throws {
        let (share, mask) = (context.share(0).elements, context.freshShare(shape).elements)
        let message = share.indices.map { $0 < context.slabs.size ? share[$0] &+ mask[$0] : share[$0] }
        try context.open(masked: RingTensor(message, shape: shape))
    }
}

/// A share opened under the mask of another operand, a wire's, in place of a fresh one.
struct OperandsMask: OneOpeningMutant {
    static let name = "operand's mask"
    let shape: Shape
    var opened: Shape { shape }

    func open(_ context: PartyStage) throws {
        _ = context.freshShare(shape)
        try context.open(masked: context.kernels.add(context.share(0), context.wire(1).maskShare!))
    }
}

/// Bits opened under the mask of other bits, in place of a fresh one.
struct OperandsBitMask: MutantGate {
    static let name = "operand's mask of bits"
    let shape: Shape
    var stages: Int { 2 }
    private var words: Int { BitPlanes.words(for: shape.count) }

    func deal(stage: Int, _ context: some DealStage) throws {}

    func evaluate(stage: Int, _ context: PartyStage) throws {
        guard stage == 0 else {
            _ = try context.openedWords([words])
            return
        }
        let message = context.kernels.xor(context.bits(0).maskShare!, context.bits(1).maskShare!)
        try context.open(masked: message.asWords)
    }

    func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(openings: [Opening(words: words, combination: .sum)]), StageCost()]
    }
}

/// A wire's mask opened under a fresh mask, and again, in the next stage, bare.
struct MaskShownLater: MutantGate {
    static let name = "mask shown later"
    let shape: Shape
    var stages: Int { 3 }

    func deal(stage: Int, _ context: some DealStage) throws {
        if stage == 0 { _ = context.freshSum(shape) }
    }

    func evaluate(stage: Int, _ context: PartyStage) throws {
        switch stage {
        case 0: try context.open(masked: context.kernels.add(context.wire(0).maskShare!, context.freshShare(shape)))
        case 1:
            _ = try context.openedWords(shape)
            try context.open(masked: context.wire(0).maskShare!)
        default: _ = try context.openedWords(shape)
        }
    }

    func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let opening = StageCost(openings: [Opening(words: shape.count, combination: .sum)])
        return [opening, opening, StageCost()]
    }
}
