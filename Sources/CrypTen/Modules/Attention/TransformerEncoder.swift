/// Transformer layers one after the other, and a normalisation at the end if one is given; state `layers.0`, `layers.1` and so on, `norm`.
public struct TransformerEncoder: CompositeModule, Layer {
    /// The layers.
    public var layers: ModuleList<TransformerEncoderLayer>
    /// The normalisation at the end.
    public var norm: LayerNorm?

    /// The parts, by PyTorch's names.
    public static var children: [Child<Self>] { [Child("layers", \.layers), Child("norm", \.norm)] }

    /// So many copies of a layer, which get values of their own.
    public init(_ layer: TransformerEncoderLayer, layers: Int, norm: LayerNorm? = nil) {
        self.layers = ModuleList([TransformerEncoderLayer](repeating: layer, count: max(0, layers)))
        self.norm = norm
    }

    /// The encoder's value of sequences, each step reading all steps.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { self(x, mask: nil) }

    /// The encoder's value of sequences.
    ///
    /// - Parameters:
    ///   - x: `[T, N, E]`, or `[N, T, E]` where the batch comes first.
    ///   - mask: As ``MultiHeadAttention`` takes it.
    ///   - isCausal: Whether step i reads steps up to i alone.
    public func callAsFunction(_ x: CrypTensor, mask: CrypTensor?, isCausal: Bool = false) -> CrypTensor {
        let encoded = withLayer("layers") {
            layers.modules.enumerated().reduce(x) { value, next in
                withLayer("\(next.offset)") { next.element(value, mask: mask, isCausal: isCausal) }
            }
        }
        return norm.map { norm in withLayer("norm") { norm(encoded) } } ?? encoded
    }
}
