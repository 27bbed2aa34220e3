/// Self-attention and a network for each step, each with its residual sum and layer normalisation; state as PyTorch's: `self_attn`,
/// `linear1`, `linear2`, `norm1`, `norm2`; Vaswani and others 2017.
///
/// Rounds: those of ``MultiHeadAttention``, of the activation, of two ``LayerNorm`` and of two products, one after another.
public struct TransformerEncoderLayer: CompositeModule, Layer {
    /// What follows the first product.
    public enum Activation: Hashable, Sendable {
        /// max(x, 0)
        case relu
        /// See ``GELU``.
        case gelu
    }

    /// Self-attention.
    public var selfAttention: MultiHeadAttention
    /// The step network's first product.
    public var linear1: Linear
    /// Its second one.
    public var linear2: Linear
    /// The normalisation of attention.
    public var norm1: LayerNorm
    /// The normalisation of the step network.
    public var norm2: LayerNorm
    private var dropout: Dropout
    private let activation: Activation
    private let normFirst: Bool

    /// The parts, by PyTorch's names.
    public static var children: [Child<Self>] {
        [
            Child("self_attn", \.selfAttention), Child("linear1", \.linear1), Child("linear2", \.linear2),
            Child("norm1", \.norm1), Child("norm2", \.norm2), Child("dropout", \.dropout),
        ]
    }

    /// A layer without values yet.
    ///
    /// - Parameters:
    ///   - width: The last extent of the operands.
    ///   - heads: How many; they divide the width.
    ///   - feedForwardWidth: The extent between the two products.
    ///   - dropout: The probability with which elements are dropped in training.
    ///   - activation: What follows the first product.
    ///   - epsilon: What layer normalisation adds to a variance.
    ///   - batchFirst: Whether operands are `[N, T, E]` and not `[T, N, E]`.
    ///   - normFirst: Whether the operands of attention and of the step network are normalised, and not the sums.
    public init(
        _ width: Int,
        heads: Int,
        feedForwardWidth: Int = 2048,
        dropout: Double = 0.1,
        activation: Activation = .relu,
        epsilon: Double = 1e-5,
        batchFirst: Bool = false,
        normFirst: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        selfAttention = MultiHeadAttention(
            width,
            heads: heads,
            dropout: dropout,
            batchFirst: batchFirst,
            file: file,
            line: line
        )
        linear1 = Linear(width, feedForwardWidth, file: file, line: line)
        linear2 = Linear(feedForwardWidth, width, file: file, line: line)
        norm1 = LayerNorm(width, epsilon: epsilon, file: file, line: line)
        norm2 = LayerNorm(width, epsilon: epsilon, file: file, line: line)
        self.dropout = Dropout(dropout, file: file, line: line)
        (self.activation, self.normFirst) = (activation, normFirst)
    }

    /// The layer's value of sequences, each step reading all steps.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, mask: nil) }

    /// The layer's value of sequences.
    ///
    /// - Parameters:
    ///   - x: `[T, N, E]`, or `[N, T, E]` where the batch comes first.
    ///   - mask: As ``MultiHeadAttention`` takes it.
    ///   - isCausal: Whether step i reads steps up to i alone.
    public func callAsFunction(_ x: CrypTensor, mask: CrypTensor?, isCausal: Bool = false) -> CrypTensor {
        func attended(_ x: CrypTensor) -> CrypTensor {
            withLayer("self_attn") { dropout(selfAttention(x, x, x, mask: mask, isCausal: isCausal)) }
        }
        func fed(_ x: CrypTensor) -> CrypTensor {
            let inner = withLayer("linear1") { linear1(x) }
            let active = withLayer("activation") { activation == .relu ? inner.relu() : inner.gelu() }
            return withLayer("linear2") { dropout(linear2(dropout(active))) }
        }
        func first(_ x: CrypTensor) -> CrypTensor { withLayer("norm1") { norm1(x) } }
        func second(_ x: CrypTensor) -> CrypTensor { withLayer("norm2") { norm2(x) } }
        if normFirst {
            let sum = x + attended(first(x))
            return sum + fed(second(sum))
        }
        let sum = first(x + attended(x))
        return second(sum + fed(sum))
    }
}
