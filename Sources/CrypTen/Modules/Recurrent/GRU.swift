/// Gated recurrent units, gates in PyTorch's order (reset, update, new); Cho and others 2014.
///
/// 13 rounds a step and layer, one after another; two directions share theirs. See ``RecurrentModule`` for its state.
public struct GRU: RecurrentModule {
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
        state = ModuleState(of: "GRU", file: file, line: line)
        options.declare(in: &state, gates: 3)
    }

    /// The states after each step, `[T, N, directions · H]`, and each layer's last ones, `[layers · directions, N, H]`.
    ///
    /// - Parameters:
    ///   - x: The sequences, `[T, N, I]`, or `[N, T, I]` where the batch comes first.
    ///   - initial: The states that the layers start from; zeros where nil.
    public func callAsFunction(_ x: CrypTensor, initial given: CrypTensor?) -> (output: CrypTensor, hidden: CrypTensor)
    {
        run(x) { sequence, weights, index in
            sequence.gru(
                weights,
                state: initial(given, index),
                file: state.place.file,
                line: state.place.line
            )
        }
    }

    /// The states after each step.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, initial: nil).output }
}
