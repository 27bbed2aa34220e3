package import CrypTenRing

/// One piece of a `PiecewiseGate`: Σ coefficients[k]·(v − center)^k modulo 2^64.
package struct PolynomialPiece: Hashable, Sendable, Codable {
    package let center: UInt64
    package let coefficients: [UInt64]

    package init(center: UInt64, coefficients: [UInt64]) {
        self.center = center
        self.coefficients = coefficients
    }
}

/// A piecewise polynomial of one wire, out of one layer of signs and one truncation.
///
/// With t_j = [v ≥ knot_j] the value is `P_0 + Σ_j t_j·(P_{j+1} − P_j)`; only the selected piece need fit the ring. The bits
/// of the signs are masked by β_j, and the dealer deals λ², …, λ^d and β_j·λ^0, …, β_j·λ^d, from which a party makes shares
/// of `t_j·λ^k = t_j^·λ^k + (1 − 2·t_j^)·β_j·λ^k`; they are linear in the result (`MaskPolynomial`). The sum is opened and
/// truncated by `outputShift`; where that is 0 it is the result.
///
/// Operand: a wire of any shape and form. - Returns: a share of the same shape.
/// - Parameters: knots ascending; one piece more than knots.
/// - Complexity: 4 rounds, 3 without truncation; opens the signs of the knots and 8 bytes; the dealer sends the signs' bits,
///   8·(d + 1) bytes a knot, 8·(d − 1), and 8 and `outputShift` bits for the truncation.
/// > Note: the selected piece's value must lie within ±2^62 for the truncation, and is rounded by it.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape and the numbers of knots and powers.
package struct PiecewiseGate: Gate {
    package static let name = "piecewise polynomial"

    package let shape: Shape
    package let form: WireForm
    package let knots: [UInt64]
    package let pieces: [PolynomialPiece]
    package let outputShift: Int

    package init(shape: Shape, form: WireForm, knots: [UInt64], pieces: [PolynomialPiece], outputShift: Int) {
        self.shape = shape
        self.form = form
        self.knots = knots
        self.pieces = pieces
        self.outputShift = outputShift
        trapUnlessValid()
    }

    private var degree: Int {
        pieces.map(\.coefficients.count).max()! - 1
    }

    private var signs: SignProtocol {
        SignProtocol(bits: 64 - form.shift, thresholds: knots.count)
    }

    package func check() throws {
        try form.check()
        try require((1...GateLimits.list).contains(knots.count), "\(knots.count) knots")
        try require(pieces.count == knots.count + 1, "\(pieces.count) pieces between \(knots.count) knots")
        try require(pieces.allSatisfy { (1...33).contains($0.coefficients.count) }, "pieces of degree 0 to 32")
        try require((0...62).contains(outputShift), "a truncation by \(outputShift) bits")
        let slabs = shape.count / Slabs.size + 1
        let streams = 2 * (knots.count + 1) * (degree + 1)
        try require(slabs <= GateLimits.streams / streams, "\(knots.count) knots of \(shape.count) elements")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count, form: form)
        return [.share(shape)]
    }

    package var stages: Int {
        signs.openings + (outputShift > 0 ? 2 : 1)
    }

    package func deal(stage: Int, _ context: DealerStage) throws {
        let signs = signs
        if stage == 0 { context.memory.wireMasks.append(context.wire(0)) }
        let compared = stage == 0 ? context.wire(0).mask : nil
        for slab in Slabs.of(shape.count) {
            switch stage {
            case 0: try signs.deal(compared!.flat(slab), context)
            case 1..<signs.openings: try signs.deal(level: stage, context)
            case signs.openings:
                let less = signs.finish(context).negative
                try dealPieces(context.memory.wireMasks[0].slab(slab), less, context)
                if outputShift > 0 { context.memory.tensors.append(context.openMask([slab.count])) }
            default:
                let wire = WireMask(mask: context.memory.tensors.removeFirst(), sharesHeld: true)
                try context.dealMask(of: context.truncated(wire, by: outputShift))
            }
        }
        if stage == stages - 1 { context.yield(.nothing) }
    }

    private func dealPieces(_ wire: WireMask, _ less: [BitPlanes], _ context: DealerStage) throws {
        try context.dealPowers(of: wire, degree: degree)
        for mask in less {
            let beta = context.kernels.words(of: mask, shape: wire.mask.shape)
            try context.deal(beta)
            for d in stride(from: 1, through: degree, by: 1) {
                try context.dealFunction(of: wire) { context.kernels.multiply(beta, context.power($0, d)) }
            }
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let (signs, kernels) = (signs, context.kernels)
        if stage == 0 { context.memory.wires.append(context.wire(0)) }
        let compared = stage == 0 ? context.wire(0).hat : nil
        let differences = stage == signs.openings ? differences : []
        var slabs: [RingTensor] = []
        for slab in Slabs.of(shape.count) {
            switch stage {
            case 0: try signs.evaluate(compared!.flat(slab), thresholds: knots, context)
            case 1..<signs.openings: try signs.evaluate(level: stage, context)
            case signs.openings:
                let less = try signs.finish(context).negative.map(\.hat)
                let share = try evaluatePieces(context.memory.wires[0].slab(slab, kernels), less, differences, context)
                if outputShift > 0 { try context.open(share) } else { slabs.append(share) }
            default:
                let wire = context.truncated(try context.openedWire(), by: outputShift)
                slabs.append(context.unmasked(wire, mask: try context.mask(of: wire)))
            }
        }
        if stage == stages - 1 { context.yield(.share(kernels.join(slabs, shape: shape))) }
    }

    /// P_0, P_1 − P_0, … about zero.
    private var differences: [[UInt64]] {
        let about = pieces.map { piece in
            let zeros = [UInt64](repeating: 0, count: degree + 1 - piece.coefficients.count)
            return MaskPolynomial.recentered(piece.coefficients, center: piece.center) + zeros
        }
        return [about[0]] + zip(about.dropFirst(), about).map { zip($0, $1).map { $0 &- $1 } }
    }

    /// A slab's sum of pieces.
    private func evaluatePieces(
        _ wire: MaskedWire,
        _ less: [BitPlanes],
        _ differences: [[UInt64]],
        _ context: PartyStage
    ) throws -> RingTensor {
        let kernels = context.kernels
        let powers = try context.powers(of: wire, degree: degree)
        var sum = MaskPolynomial(degree: degree)
        sum.add(differences[0], powers, kernels)
        for (j, mask) in less.enumerated() {
            let t = kernels.not(mask)
            var masked = [try context.correlation(wire.hat.shape)]
            for _ in stride(from: 1, through: degree, by: 1) { masked.append(try context.function(of: wire)) }
            let selected = zip(masked, powers).map { product, power in
                var share = kernels.negate(product, where: t)
                if let power { kernels.accumulate(&share, adding: power, where: t) }
                return share
            }
            sum.add(differences[j + 1], selected, kernels)
        }
        return sum.value(at: wire.hat, kernels)
    }

    package func cost(parties: Int) -> [StageCost] {
        let signs = signs
        var cost = signs.cost(shape.count)
        cost[signs.openings] = .slabs(of: shape.count, openedWords: outputShift > 0 ? 1 : 0) {
            form.powerWords($0, degree: degree) + knots.count * ($0 + degree * form.functionWords($0))
        }
        if outputShift > 0 {
            let truncated = WireForm(sharesHeld: false, shift: outputShift)
            cost.append(.slabs(of: shape.count, dealt: truncated.maskWords))
        }
        return cost
    }

    package var redacted: PiecewiseGate {
        PiecewiseGate(
            shape: shape,
            form: form,
            knots: [UInt64](repeating: 0, count: knots.count),
            pieces: pieces.map {
                PolynomialPiece(center: 0, coefficients: [UInt64](repeating: 0, count: $0.coefficients.count))
            },
            outputShift: outputShift
        )
    }
}
