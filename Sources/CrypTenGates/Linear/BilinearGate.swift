package import CrypTenRing

/// A product of two wires, of any bilinear kind: multiply, matmul, convolution and their gradients; a share, nothing sent.
///
/// The dealer deals `c = op(λx, λy)`; party i computes `c_i − op(x^, λy_i) − op(λx_i, y^)`, and party 0 adds `op(x^, y^)`.
/// Operands: two wires of the shapes `left` and `right`, whose masks are shared; both may be the same wire (a square).
/// - Returns: A share of the operation's output shape, at the sum of the operands' scales.
/// - Complexity: no round, no bytes; the dealer sends 8 bytes for each element of the *output*. At most two products of
///   the operation's size a party.
/// > Security: Semi-honest, up to all parties but one; exact; shows nothing but the shape.
/// > Patra, Schneider, Suresh, Yalame, "ABY2.0", USENIX Security '21; here with a dealer and n parties.
package struct BilinearGate: Gate {
    package static let name = "bilinear"

    package let product: MaskedProduct

    /// - Parameters:
    ///   - leftZeroExcept: The only party whose share of the left operand's mask isn't zero: the owner of an input.
    ///   - rightZeroExcept: The same of the right operand.
    package init(
        operation: BilinearOperation,
        left: Shape,
        right: Shape,
        leftZeroExcept: Int? = nil,
        rightZeroExcept: Int? = nil
    ) {
        product = MaskedProduct(
            operation: operation,
            left: left,
            right: right,
            leftZeroExcept: leftZeroExcept,
            rightZeroExcept: rightZeroExcept
        )
    }

    package func results(of operands: OperandTypes, parties: Int) throws -> [OperandType] {
        try operands.require(count: 2)
        return [.share(try product.result(of: operands, from: 0, parties: parties))]
    }

    package var stages: Int {
        1
    }

    package func deal(stage: Int, _ context: some DealStage) throws {
        try context.dealProduct(product.masks(context.wire(0), context.wire(1)))
        context.yield(.nothing)
    }

    package func evaluate(stage: Int, _ context: PartyStage) throws {
        var share = try context.correlation(product.output)
        product.evaluate(&share, context.wire(0), context.wire(1), index: 0, context)
        context.yield(.share(share))
    }

    package func cost(parties: Int, slabs: Slabs) -> [StageCost] {
        [StageCost(correctionWords: product.output.count)]
    }
}
