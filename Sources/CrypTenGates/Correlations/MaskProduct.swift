/// A bilinear operation of two masks, as it is asked for: `op(λx, λy)`.
package struct MaskProduct<Words: Sendable>: Sendable {
    /// The operation, the operands' shapes, and which party alone has a share of a mask that isn't zero.
    package let form: MaskedProduct
    /// λx, of as many elements as the left shape.
    package let left: Words
    /// λy, of as many elements as the right shape.
    package let right: Words
}
