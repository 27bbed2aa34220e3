/// A bilinear layer: `y_o = x₁ᵀ W_o x₂ + b_o`, of `[N, I₁]` and `[N, I₂]` to `[N, O]`; state `weight [O, I₁, I₂]`, `bias [O]`.
///
/// 2 rounds; both uniform within `1 / √I₁` at first, as PyTorch's.
public struct Bilinear: StatefulModule {
    /// The weight and the bias.
    public var state: ModuleState

    /// A layer without values yet.
    public init(
        _ inFeatures1: Int,
        _ inFeatures2: Int,
        _ outFeatures: Int,
        bias: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        state = ModuleState(of: "Bilinear", file: file, line: line)
        let start = Initializer.layerBias(fanIn: inFeatures1)
        state.declare("weight", [outFeatures, inFeatures1, inFeatures2], start)
        if bias { state.declare("bias", [outFeatures], start) }
    }

    /// The form's values for each row of two operands.
    public func callAsFunction(_ first: CrypTensor, _ second: CrypTensor) -> CrypTensor {
        let (weight, place) = (state.tensor("weight"), state.place)
        let operands = [first, second, weight] + (state["bias"].map { [$0] } ?? [])
        return CrypTensor.composing(operands, file: place.file, line: place.line) { _ in
            guard first.rank == 2, second.rank == 2, weight.rank == 3, first.shape[0] == second.shape[0],
                first.shape[1] == weight.shape[1], second.shape[1] == weight.shape[2]
            else {
                throw CrypTenError(
                    .shapeMismatch,
                    "Bilinear can't combine shapes \(first.shape), \(second.shape) and \(weight.shape): it takes [N, I1], [N, I2] and [O, I1, I2]"
                )
            }
            let (outputs, inner, outer) = (weight.shape[0], weight.shape[1], weight.shape[2])
            let table = weight.permuted([1, 0, 2], file: place.file, line: place.line)
                .reshape([inner, outputs * outer], file: place.file, line: place.line)
            let halves = first.matmul(table, file: place.file, line: place.line)
                .reshape([first.shape[0], outputs, outer], file: place.file, line: place.line)
            let sums = halves.matmul(second.unsqueeze(2), file: place.file, line: place.line).squeeze(axis: 2)
            return state["bias"].map { sums + $0 } ?? sums
        }
    }
}
