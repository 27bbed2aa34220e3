/// Long short-term memory, gates in PyTorch's order (input, forget, cell, output); Hochreiter and Schmidhuber 1997.
///
/// 12 rounds a step and layer, one after another; two directions share theirs. See ``RecurrentModule`` for its state.
public struct LSTM: RecurrentModule {
    /// The weights and biases of all layers.
    public var state: ModuleState
    /// The extents and options.
    public var options: RecurrentOptions

    /// A network without values yet.
    ///
    /// - Parameters:
    ///   - inputSize: The last extent of the operands.
    ///   - hiddenSize: The last extent of a layer's states.
    ///   - layers: How many layers.
    ///   - bias: Whether there are biases.
    ///   - batchFirst: Whether sequences are `[N, T, I]` and not `[T, N, I]`.
    ///   - dropout: The probability with which elements between layers are dropped in training.
    ///   - bidirectional: Whether each layer reads its sequence backward, too.
    public init(
        _ inputSize: Int,
        _ hiddenSize: Int,
        layers: Int = 1,
        bias: Bool = true,
        batchFirst: Bool = false,
        dropout: Double = 0,
        bidirectional: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        options = RecurrentOptions(
            inputSize: inputSize,
            hiddenSize: hiddenSize,
            layers: layers,
            hasBias: bias,
            batchFirst: batchFirst,
            isBidirectional: bidirectional,
            dropout: Dropout(dropout, file: file, line: line)
        )
        state = ModuleState(of: "LSTM", file: file, line: line)
        options.declare(in: &state, gates: 4)
    }

    /// The states after each step, `[T, N, directions · H]`, and each layer's last states and cells, `[layers · directions, N, H]`.
    ///
    /// - Parameters:
    ///   - x: The sequences, `[T, N, I]`, or `[N, T, I]` where the batch comes first.
    ///   - initial: The states and cells that the layers start from; zeros where nil.
    public func callAsFunction(
        _ x: CrypTensor,
        initial given: (hidden: CrypTensor, cell: CrypTensor)?
    ) -> (output: CrypTensor, hidden: CrypTensor, cell: CrypTensor) {
        let (file, line) = (state.place.file, state.place.line)
        var cells: [CrypTensor] = []
        let (output, hidden) = run(x) { sequence, weights, index in
            let (states, cell) = sequence.lstm(
                weights,
                state: initial(given?.hidden, index),
                cell: initial(given?.cell, index),
                file: file,
                line: line
            )
            cells.append(cell)
            return states
        }
        return (output, hidden, output.error == nil ? stack(cells, axis: 0, file: file, line: line) : output)
    }

    /// The states after each step.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, initial: nil).output }
}
