import CrypTenBase
public import CrypTenExpressions

/// Gradients that are never larger than they may be.
///
/// ```swift
/// let (loss, gradients, _) = valueAndGradient(of: model) { mseLoss($0(x), y) }
/// try await optimizer.update(&model, gradients.clipped(toNorm: 1), on: session)
/// ```
///
/// Nobody learns a gradient, its length, or whether it was clipped. A gradient that comes out has 24 fraction bits where sessions have 16: small
/// ones stay what they are. Gradients lie within 2²² divided by what is said below, with 16 fraction bits; with n, within 2^(38 − n).
extension ParameterTree {
    /// Each element, but never below −`bound` or above `bound`, as PyTorch's `clip_grad_value_`.
    ///
    /// - Parameter bound: Positive.
    /// - Returns: The gradients; ill-formed ones where the bound isn't positive and finite.
    /// - Complexity: 4 rounds; for each element 17 bytes opened and 86 dealt.
    public func clipped(
        toValue bound: Double,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> ParameterTree {
        mapTensors { _, gradient in
            CrypTensor.composing([gradient], file: file, line: line) { _ in
                try Clipping.check(bound, "clipped(toValue:)")
                let (least, most) = (-bound * Clipping.room, bound * Clipping.room)
                let bounded = (gradient * Int(Clipping.room)).clamp(min: least, max: most, file: file, line: line)
                return bounded * (1 / Clipping.room)
            }
        }
    }

    /// All elements times one secret number, so that the square root of the sum of all their squares, ‖g‖, is at most `bound`:
    /// min(1, bound / ‖g‖), as PyTorch's `clip_grad_norm_` with the usual norm.
    ///
    /// PyTorch adds 10⁻⁶ to ‖g‖ before it divides, which makes a difference of at most 10⁻⁶ / `bound`, relative, and is left out. Where ‖g‖ is
    /// less than `bound` by 10⁻³ or more the factor is 1, exactly; above, its relative error is 10⁻³ until ‖g‖ is a hundred times the bound.
    /// ‖g‖ lies below 2¹⁵ with 16 fraction bits, and elements within 2¹⁸.
    ///
    /// - Parameter bound: Positive.
    /// - Returns: The gradients; ill-formed ones where the bound isn't positive and finite, or any of them was.
    /// - Complexity: 14 rounds, in 11 of which a single number is opened; for each element 32 bytes opened and 30 dealt.
    public func clipped(
        toNorm bound: Double,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> ParameterTree {
        if isEmpty { return self }
        let factor = CrypTensor.composing(map(\.tensor), file: file, line: line) { _ in
            try Clipping.check(bound, "clipped(toNorm:)")
            // bound / ‖g‖ with some bits more, so that it keeps its precision while it is small.
            let square = squaredNorm(file: file, line: line)
            let unit = bound * Clipping.factorRoom
            return (square * (1 / (unit * unit))).inverseSquareRoot(file: file, line: line)
                .clamp(min: 0, max: Clipping.factorRoom, file: file, line: line)
        }
        return mapTensors { _, gradient in
            CrypTensor.composing([factor, gradient], file: file, line: line) { _ in
                gradient * Int(Clipping.room) * factor * (1 / (Clipping.room * Clipping.factorRoom))
            }
        }
    }

    /// The sum of the squares of all elements of all tensors: what says whether gradients explode, if it is told to anybody.
    ///
    /// 1 round. Below 2³⁰ with 16 fraction bits.
    public func squaredNorm(file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        let squares = map { $0.tensor.square(file: file, line: line).sum(file: file, line: line) }
        return squares.dropFirst().reduce(squares.first ?? CrypTensor(0.0), +)
    }
}

private enum Clipping {
    /// By what gradients are multiplied before they are truncated: powers of two, whose multiples lose nothing.
    static let room = 256.0
    /// By what the factor of all gradients is multiplied.
    static let factorRoom = 16.0

    static func check(_ bound: Double, _ function: String) throws {
        guard bound > 0, bound.isFinite else {
            throw CrypTenError(
                .invalidArgument,
                "\(function) can't clip gradients to \(bound): bounds are positive and finite"
            )
        }
    }
}
