package import CrypTenRing

/// Between which powers of two a wire lies: thermometer bits `[0 ≤ v < 2^k]` for some k, where signed also `[−2^k ≤ v < 0]`,
/// and the sign `[v < 0]`.
///
/// See `MagnitudeProtocol`: the comparisons share the groups of their bits, so that a further one takes about seven bits, and not
/// the 39 of a further threshold of `SignGate`. Operand: a wire of any shape and form; of a truncation read in place it is the
/// rounded value. Yields masked bits without shares of their masks, for `StepGate` and `StepProductGate`: in the positions' order
/// the first kind, then the second, then the sign.
/// - Complexity: 3 rounds. For positions 0, 4, …, 60 of 64 bits, 107 bits are opened and 173 bytes dealt an element, 151 and 257 where signed.
/// > Note: exact for the whole ring.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape and the positions.
package struct MagnitudeGate: Gate {
    package static let name = "magnitude"

    package let shape: Shape
    package let form: WireForm
    /// The exponents of the powers of two, ascending: of 64 bits multiples of four, which leave no more groups than there may be.
    package let positions: [Int]
    package let isSigned: Bool

    package init(shape: Shape, form: WireForm = WireForm(), positions: [Int], isSigned: Bool) {
        self.shape = shape
        self.form = form
        self.positions = positions
        self.isSigned = isSigned
        trapUnlessValid()
    }

    package func check() throws {
        try form.check()
        let bits = 64 - form.shift
        try require((1...GateLimits.list).contains(positions.count), "magnitudes by \(positions.count) powers")
        try require(
            positions[0] >= 0 && positions.last! <= bits - 2 && zip(positions, positions.dropFirst()).allSatisfy(<),
            "magnitudes of \(bits) bits by the powers \(positions)"
        )
        try require(
            MagnitudeGate.groups(bits: bits, positions: positions).count <= MagnitudeGate.mostGroups,
            "powers \(positions) that cut \(bits) bits into more than \(MagnitudeGate.mostGroups) groups"
        )
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count, form: form)
        return [OperandType](repeating: .bits(count: shape.count, sharesHeld: false), count: outputs)
    }

    /// What three levels of fours hold.
    private static let mostGroups = 16

    /// The groups of up to four bits, lowest first: no position lies inside of one.
    static func groups(bits: Int, positions: [Int]) -> [Range<Int>] {
        let ends = (positions[0] == 0 ? [] : [0]) + positions + [bits]
        return zip(ends, ends.dropFirst()).flatMap { low, high in
            carryGroups(high - low).map { low + $0.lowerBound..<low + $0.upperBound }
        }
    }

    /// The bits that are opened an element; nil where there is no such gate.
    package static func openedBits(bits: Int, positions: [Int], isSigned: Bool) -> Int? {
        guard groups(bits: bits, positions: positions).count <= mostGroups else { return nil }
        let levels = MagnitudeProtocol(bits: bits, positions: positions, isSigned: isSigned)
        return (0..<MagnitudeProtocol.openings).reduce(0) { $0 + levels.openedPlanes($1) }
    }

    /// How many bits it yields.
    package var outputs: Int {
        (isSigned ? 2 : 1) * positions.count + 1
    }

    private var levels: MagnitudeProtocol {
        MagnitudeProtocol(bits: 64 - form.shift, positions: positions, isSigned: isSigned)
    }

    /// Of a quarter of the elements that other gates' have: of each there is much that must stay in the cache.
    private func quarters(_ slabs: Slabs) -> Slabs {
        slabs.divided(by: 4)
    }

    package var stages: Int {
        MagnitudeProtocol.openings + 1
    }

    package func deal<Stage: DealStage>(stage: Int, _ context: Stage) throws {
        let levels = levels
        var slabs: [[Stage.Bits]] = []
        for slab in quarters(context.slabs).of(shape.count) {
            switch stage {
            case 0: try levels.deal(context.slab(context.wire(0), slab), count: slab.count, context)
            case MagnitudeProtocol.openings: slabs.append(levels.finish(context))
            default: try levels.deal(level: stage, context)
            }
        }
        guard stage == MagnitudeProtocol.openings else { return }
        for output in 0..<outputs {
            context.yield(.bits(context.join(slabs.map { $0[output] }, count: shape.count)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let levels = levels
        var slabs: [[BitPlanes]] = []
        for slab in quarters(context.slabs).of(shape.count) {
            switch stage {
            case 0: try levels.evaluate(context.wire(0).hat.flat(slab), context)
            case MagnitudeProtocol.openings: slabs.append(try levels.finish(context))
            default: try levels.evaluate(level: stage, context)
            }
        }
        guard stage == MagnitudeProtocol.openings else { return }
        for output in 0..<outputs {
            let hat = context.kernels.join(slabs.map { $0[output] }, count: shape.count)
            context.yield(.bits(MaskedBits(hat: hat, maskShare: nil)))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        let (levels, slabs) = (levels, quarters(slabs))
        return (0..<MagnitudeProtocol.openings).map { level in
            slabs.cost(of: shape.count, openedPlanes: levels.openedPlanes(level)) {
                levels.dealtWords(level, count: $0)
            }
        } + [StageCost()]
    }
}
