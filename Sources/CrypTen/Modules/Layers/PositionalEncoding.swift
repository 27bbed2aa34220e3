/// Adds each position's sines and cosines: `sin(t / 10000^(2i / width))` and its cosine at elements 2i and 2i + 1; Vaswani and others 2017.
///
/// The numbers are public: no round. In training ``Dropout`` of the sum.
public struct PositionalEncoding: ParameterlessLayer {
    private let width: Int
    private let batchFirst: Bool
    private var dropout: Dropout
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameters:
    ///   - width: The last extent of the operands.
    ///   - dropout: The probability with which elements are dropped in training.
    ///   - batchFirst: Whether operands are `[N, T, width]` and not `[T, N, width]`.
    public init(
        _ width: Int,
        dropout: Double = 0,
        batchFirst: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        (self.width, self.batchFirst) = (width, batchFirst)
        self.dropout = Dropout(dropout, file: file, line: line)
        place = LayerPlace(file, line)
    }

    /// The layer in training, or in evaluation.
    public func training(_ isOn: Bool) -> PositionalEncoding {
        var out = self
        out.dropout = dropout.training(isOn)
        return out
    }

    /// The sequence and its positions.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let sum = CrypTensor.composing([x], file: place.file, line: place.line) { origin in
            guard x.rank == 3, x.shape[2] == width, width > 0, x.shape[batchFirst ? 1 : 0] <= (1 << 26) / width else {
                throw CrypTenError(
                    .shapeMismatch,
                    "PositionalEncoding of width \(width) can't take shape \(x.shape): it takes a batch of sequences of at most 2^26 elements"
                )
            }
            let steps = x.shape[batchFirst ? 1 : 0]
            let values = (0..<steps).flatMap { step in
                (0..<width).map { index -> Double in
                    let rate = PortableFunctions.pow(10_000, -Double(index / 2 * 2) / Double(width))
                    let angle = Double(step) * rate
                    return index.isMultiple(of: 2) ? PortableFunctions.sin(angle) : PortableFunctions.cos(angle)
                }
            }
            let shape: Shape = batchFirst ? [1, steps, width] : [steps, 1, width]
            return x + CrypTensor(constant: Tensor(values, shape: shape), at: origin)
        }
        return dropout(sum)
    }
}
