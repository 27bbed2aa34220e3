/// Elman's recurrent network: `h ← tanh(W x + U h + b)`.
///
/// 5 rounds a step and layer, one after another; two directions share theirs. See ``RecurrentModule`` for its state.
public struct RNN: RecurrentModule {
    /// The weights and biases of all layers.
    public var state: ModuleState
    /// The extents and options.
    public var options: RecurrentOptions
    private let usesReLU: Bool

    /// A network without values yet.
    ///
    /// - Parameters:
    ///   - inputSize: The last extent of the operands.
    ///   - hiddenSize: The last extent of a layer's states.
    ///   - layers: How many layers.
    ///   - usesReLU: Whether max(x, 0) takes the hyperbolic tangent's place.
    ///   - bias: Whether there are biases.
    ///   - batchFirst: Whether sequences are `[N, T, I]` and not `[T, N, I]`.
    ///   - dropout: The probability with which elements between layers are dropped in training.
    ///   - bidirectional: Whether each layer reads its sequence backward, too.
    public init(
        _ inputSize: Int,
        _ hiddenSize: Int,
        layers: Int = 1,
        usesReLU: Bool = false,
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
        self.usesReLU = usesReLU
        state = ModuleState(of: "RNN", file: file, line: line)
        options.declare(in: &state, gates: 1)
    }

    /// The states after each step, `[T, N, directions · H]`, and each layer's last ones, `[layers · directions, N, H]`.
    ///
    /// - Parameters:
    ///   - x: The sequences, `[T, N, I]`, or `[N, T, I]` where the batch comes first.
    ///   - initial: The states that the layers start from; zeros where nil.
    public func callAsFunction(_ x: CrypTensor, initial given: CrypTensor?) -> (output: CrypTensor, hidden: CrypTensor)
    {
        run(x) { sequence, weights, index in
            sequence.rnn(
                weights,
                state: initial(given, index),
                usesReLU: usesReLU,
                file: state.place.file,
                line: state.place.line
            )
        }
    }

    /// The states after each step.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, initial: nil).output }
}
