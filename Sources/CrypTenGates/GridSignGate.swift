package import CrypTenRing

/// Whether a wire is less than each of many constants on a grid: `[v < start + κ·2^step]` for every position κ.
///
/// See `GridSignProtocol`. Operand: an ordinary wire of any shape, with shares of its mask or without. Yields masked bits,
/// one output a position; `sharesHeld` as in `SignGate`.
/// - Complexity: 3 rounds. Of an element, three positions on a grid of 2^7 open 85 bits and are dealt 507 bits, and each
///   further one 7 and 45; on a grid of 2^4: 73 and 510, and 3 and 43.
/// > Note: exact on the whole ring, in the sense of `SignGate`. 0 < step ≤ 16, 0 < span − step ≤ 16, span < 63.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
package struct GridSignGate: Gate {
    package static let name = "grid sign"

    package let shape: Shape
    package let start: UInt64
    package let step: Int
    package let span: Int
    package let positions: [Int]
    package let sharesHeld: Bool

    package init(
        shape: Shape,
        start: UInt64,
        step: Int,
        span: Int,
        positions: [Int],
        sharesHeld: Bool = true
    ) {
        self.shape = shape
        self.start = start
        self.step = step
        self.span = span
        self.positions = positions
        self.sharesHeld = sharesHeld
        trapUnlessValid()
    }

    package func check() throws {
        try KnotGrid(start: start, step: step, span: span).check()
        try require((1...GateLimits.list).contains(positions.count), "\(positions.count) positions")
        try require(positions.allSatisfy { (0..<1 << (span - step)).contains($0) }, "positions beyond the grid")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count)
        return positions.map { _ in .bits(count: shape.count, sharesHeld: sharesHeld) }
    }

    private var signs: GridSignProtocol {
        GridSignProtocol(step: step, span: span, count: positions.count, sharesHeld: sharesHeld)
    }

    package var stages: Int {
        signs.openings + 1
    }

    package func deal(stage: Int, _ context: DealerStage) throws {
        let signs = signs
        var slabs: [[BitPlanes]] = []
        for slab in Slabs.of(shape.count) {
            switch stage {
            case 0:
                let wire = context.wire(0)
                precondition(wire.alternative == nil, "a grid is of an ordinary wire")
                try signs.deal(wire.mask.flat(slab), context)
            case signs.openings: slabs.append(signs.finish(context))
            default: try signs.deal(level: stage, context)
            }
        }
        guard stage == signs.openings else { return }
        for output in positions.indices {
            context.yield(.bits(context.kernels.join(slabs.map { $0[output] }, count: shape.count)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let signs = signs
        var slabs: [[MaskedBits]] = []
        for slab in Slabs.of(shape.count) {
            switch stage {
            case 0: try signs.evaluate(context.wire(0).hat.flat(slab), start: start, positions: positions, context)
            case signs.openings: slabs.append(try signs.finish(context))
            default: try signs.evaluate(level: stage, context)
            }
        }
        guard stage == signs.openings else { return }
        for output in positions.indices {
            context.yield(.bits(context.kernels.join(slabs.map { $0[output] }, count: shape.count)))
        }
    }

    package func cost(parties: Int) -> [StageCost] {
        signs.cost(shape.count)
    }

    package var redacted: GridSignGate {
        GridSignGate(
            shape: shape,
            start: 0,
            step: step,
            span: span,
            positions: [Int](repeating: 0, count: positions.count),
            sharesHeld: sharesHeld
        )
    }
}
