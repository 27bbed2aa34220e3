package import CrypTenRing

/// Whether a wire is less than each of some constants: `[v − threshold < 0]`, and for one threshold also `[v = threshold]`.
///
/// See `SignProtocol`. Operand: a wire of any shape and form; a truncation read in place has `64 − form.shift` bits, and the
/// sign is that of the rounded value. Yields masked bits, one output a threshold, then the equality. Where `sharesHeld` the
/// parties get XOR shares of the signs' masks, which `BooleanGate`, `LinearBitsGate` and `RevealBitsGate` read, and which
/// arithmetic on bits does not.
/// - Complexity: 3 rounds for 20 to 64 bits; on the whole ring 39 bits are opened and 41 bytes dealt an element (and one
///   bit where `sharesHeld`), 12 bytes more for each further threshold. The equality opens 3 bits more.
/// > Note: exact for the whole ring. Of v − threshold it is the sign in the ring: differences must fit. `[v = threshold]`
/// > is also 1 where the difference is −2^63.
/// > Security: Semi-honest, up to all parties but one; shows nothing but the shape.
/// > Ohata, Nuida, "Communication-Efficient (Client-Aided) Secure Two-Party Protocols", FC '20; here on masked wires.
package struct SignGate: Gate {
    package static let name = "sign"

    package let shape: Shape
    package let form: WireForm
    package let thresholds: [UInt64]
    package let equality: Bool
    package let sharesHeld: Bool

    package init(
        shape: Shape,
        form: WireForm = WireForm(),
        thresholds: [UInt64] = [0],
        equality: Bool = false,
        sharesHeld: Bool = true
    ) {
        self.shape = shape
        self.form = form
        self.thresholds = thresholds
        self.equality = equality
        self.sharesHeld = sharesHeld
        trapUnlessValid()
    }

    package func check() throws {
        try form.check()
        try require((1...GateLimits.list).contains(thresholds.count), "a sign by \(thresholds.count) thresholds")
        try require(!equality || thresholds.count == 1, "equality is of one value")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count, form: form)
        let signs = [OperandType](
            repeating: .bits(count: shape.count, sharesHeld: sharesHeld),
            count: thresholds.count
        )
        return signs + (equality ? [.bits(count: shape.count, sharesHeld: true)] : [])
    }

    private var signs: SignProtocol {
        SignProtocol(
            bits: 64 - form.shift,
            thresholds: thresholds.count,
            equality: equality,
            sharesHeld: sharesHeld
        )
    }

    package var stages: Int {
        signs.openings + 1
    }

    package func deal<Stage: DealStage>(stage: Int, _ context: Stage) throws {
        let signs = signs
        var slabs: [[Stage.Bits]] = []
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0: try signs.deal(context.slab(context.wire(0), slab), count: slab.count, context)
            case signs.openings:
                let (negative, zero) = signs.finish(context)
                slabs.append(negative + (zero.map { [$0] } ?? []))
            default: try signs.deal(level: stage, context)
            }
        }
        guard stage == signs.openings else { return }
        for output in 0..<outputs {
            context.yield(.bits(context.join(slabs.map { $0[output] }, count: shape.count)))
        }
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let signs = signs
        var slabs: [[MaskedBits]] = []
        for slab in context.slabs.of(shape.count) {
            switch stage {
            case 0: try signs.evaluate(context.wire(0).hat.flat(slab), thresholds: thresholds, context)
            case signs.openings:
                let (negative, zero) = try signs.finish(context)
                slabs.append(negative + (zero.map { [$0] } ?? []))
            default: try signs.evaluate(level: stage, context)
            }
        }
        guard stage == signs.openings else { return }
        for output in 0..<outputs {
            context.yield(.bits(context.kernels.join(slabs.map { $0[output] }, count: shape.count)))
        }
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        signs.cost(shape.count, slabs: slabs)
    }

    package var redacted: SignGate {
        SignGate(
            shape: shape,
            form: form,
            thresholds: [UInt64](repeating: 0, count: thresholds.count),
            equality: equality,
            sharesHeld: sharesHeld
        )
    }

    private var outputs: Int {
        thresholds.count + (equality ? 1 : 0)
    }
}

extension SignProtocol {
    /// What the stages of `count` elements cost, the last of them nothing.
    func cost(_ count: Int, slabs: Slabs) -> [StageCost] {
        (0..<openings).map { level in
            slabs.cost(of: count, openedPlanes: openedPlanes(level)) {
                Slabs.bitWords(planes: dealtPlanes(level), count: $0)
            }
        } + [StageCost()]
    }
}
