package import CrypTenRing

/// Whether a wire is less than a constant, in plain at one party or at all: a comparison that nothing reads but who learns it.
///
/// `SignGate` opens its last level under a fresh mask, and `RevealBitsGate` then takes a round to give that mask away. Here the last level
/// is never masked: each party adds a fresh sharing of zero to its share of the sign, as in `RevealGate`, and sends that.
/// Operand: a wire as `SignGate` reads it. - Returns: plain words 0 and 1 at whoever learns it, absent elsewhere.
/// - Complexity: 3 rounds for 20 to 64 bits, the result's among them, one fewer than a sign and its reveal; on the whole ring 38 bits are
///   opened, one is revealed and 41 bytes and a bit are dealt an element.
/// > Note: exact for the whole ring. Of v − threshold it is the sign in the ring: differences must fit.
/// > Security: Semi-honest, up to all parties but one; whoever learns the result learns nothing but the result.
/// > Ohata, Nuida, "Communication-Efficient (Client-Aided) Secure Two-Party Protocols", FC '20; here on masked wires.
package struct RevealedSignGate: Gate {
    package static let name = "revealed sign"

    package let shape: Shape
    package let form: WireForm
    package let threshold: UInt64
    /// Whether what is revealed is the opposite: `[v ≥ threshold]`.
    package let isOpposite: Bool
    /// Who learns it; nil: everyone.
    package let receiver: Int?

    package init(shape: Shape, form: WireForm, threshold: UInt64, isOpposite: Bool, receiver: Int?) {
        self.shape = shape
        self.form = form
        self.threshold = threshold
        self.isOpposite = isOpposite
        self.receiver = receiver
        trapUnlessValid()
    }

    package func check() throws {
        try form.check()
        try require(Self.takes(form), "a revealed sign of \(64 - form.shift) bits")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try require(receiver.map { (0..<parties).contains($0) } ?? true, "there is no party \(receiver ?? 0)")
        try operands.wire(0, count: shape.count, form: form)
        return [.plain(shape, party: receiver)]
    }

    /// Whether a wire has bits enough for a level after the first: level one opens more than the sign.
    package static func takes(_ form: WireForm) -> Bool {
        SignProtocol(bits: 64 - form.shift).openings > 1
    }

    private var sign: SignProtocol {
        SignProtocol(bits: 64 - form.shift, sharesHeld: true)
    }

    package var stages: Int {
        sign.openings + 1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        let sign = sign
        if stage == sign.openings { return context.yield(.nothing) }
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0: try sign.deal(context.slab(context.wire(0), slab), count: slab.count, context)
            case sign.openings - 1: try sign.dealLast(context)
            default: try sign.deal(level: stage, context)
            }
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let sign = sign
        var slabs: [RingTensor] = []
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0:
                try sign.evaluate(context.wire(0).hat.flat(slab), thresholds: [threshold], context)
            case sign.openings:
                guard let words = try context.revealed() else { continue }
                let plane = context.kernels.planes(words, planes: 1, count: slab.count)
                slabs.append(context.kernels.words(of: plane, shape: [slab.count]))
            case sign.openings - 1:
                let share = try sign.share(context)
                let isTurned = isOpposite && context.isFirst
                try context.reveal(isTurned ? context.kernels.not(share) : share, to: receiver)
            default:
                try sign.evaluate(level: stage, context)
            }
        }
        guard stage == sign.openings else { return }
        let isHere = receiver == nil || receiver == context.party
        context.yield(isHere ? .plain(context.kernels.join(slabs, shape: shape)) : .absent)
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        var stages = sign.cost(shape.count, slabs: slabs)
        let last = sign.openings - 1
        for index in stages[last].openings.indices {
            stages[last].openings[index].purpose = .reveal
            stages[last].openings[index].receiver = receiver
        }
        return stages
    }

    package var redacted: RevealedSignGate {
        RevealedSignGate(shape: shape, form: form, threshold: 0, isOpposite: isOpposite, receiver: receiver)
    }
}
