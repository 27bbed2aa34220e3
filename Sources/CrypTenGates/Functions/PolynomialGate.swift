package import CrypTenRing

/// A polynomial of one wire with public integer coefficients: a share of Σ coefficients[k]·v^k modulo 2^64.
///
/// The dealer deals shares of λ², …, λ^d; a party expands (v^ − λ)^k over them (`MaskPolynomial`). Operand: a wire of any
/// shape and form; a truncation read in place costs `form.shift` bits more a power, of the mask itself, too.
/// - Complexity: no round, no bytes; the dealer sends 8·(d − 1) bytes an element.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape and d.
package struct PolynomialGate: Gate {
    package static let name = "polynomial"

    package let shape: Shape
    package let form: WireForm
    package let coefficients: [UInt64]

    package init(shape: Shape, form: WireForm, coefficients: [UInt64]) {
        self.shape = shape
        self.form = form
        self.coefficients = coefficients
        trapUnlessValid()
    }

    package func check() throws {
        try form.check()
        try require((1...33).contains(coefficients.count), "a polynomial of degree \(coefficients.count - 1)")
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 1)
        try operands.wire(0, count: shape.count, form: form)
        return [.share(shape)]
    }

    private var degree: Int {
        coefficients.count - 1
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        for slab in context.slabs.of(shape.count) {
            try context.dealPowers(of: context.slab(context.wire(0), slab), degree: degree)
        }
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        let kernels = context.kernels
        let slabs = try context.slabs.of(shape.count).map { slab in
            let wire = context.wire(0).slab(slab, kernels)
            var sum = MaskPolynomial(degree: degree)
            sum.add(coefficients, try context.powers(of: wire, degree: degree), kernels)
            return sum.value(at: wire.hat, kernels)
        }
        context.yield(.share(kernels.join(slabs, shape: shape)))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [slabs.cost(of: shape.count) { form.powerWords($0, degree: degree) }]
    }

    package var redacted: PolynomialGate {
        PolynomialGate(shape: shape, form: form, coefficients: [UInt64](repeating: 0, count: coefficients.count))
    }
}
