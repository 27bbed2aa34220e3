/// Larger images or signals: `[N, C, …]` with each axis after the first two a whole number of times as long.
///
/// Local; of the linear modes up to a truncation for each axis.
public struct Upsample: ParameterlessLayer {
    /// What new elements are.
    public enum Mode: Hashable, Sendable {
        /// The nearest old one.
        case nearest
        /// Between the two nearest old ones along each axis, as PyTorch's `linear`, `bilinear` and `trilinear` with `align_corners=False`.
        case linear
    }

    private let scale: Int
    private let mode: Mode
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameters:
    ///   - scaleFactor: How many times as long each axis becomes.
    ///   - mode: What new elements are.
    public init(scaleFactor: Int, mode: Mode = .nearest, file: StaticString = #fileID, line: UInt = #line) {
        (scale, self.mode) = (scaleFactor, mode)
        place = LayerPlace(file, line)
    }

    /// The larger images.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        CrypTensor.composing([x], file: place.file, line: place.line) { origin in
            guard x.rank >= 3, (1...1 << 10).contains(scale),
                x.shape.dimensions.allSatisfy({ (1...1 << 16).contains($0) })
            else {
                throw CrypTenError(
                    .invalidArgument,
                    "Upsample can't make shape \(x.shape) \(scale) times as large: it takes [N, C, …] of extents up to 65,536, and factors from 1 to 1,024"
                )
            }
            return (2..<x.rank).reduce(x) { value, axis in
                switch mode {
                case .nearest: value.repeated(scale, axis: axis, file: place.file, line: place.line)
                case .linear: interpolated(value, axis: axis, at: origin)
                }
            }
        }
    }

    /// Each new element at `(i + 1/2) / scale − 1/2` on the old axis, but never outside of it.
    private func interpolated(_ x: CrypTensor, axis: Int, at origin: SourceOrigin) -> CrypTensor {
        let length = x.shape[axis]
        var (lower, upper, part): ([Int], [Int], [Double]) = ([], [], [])
        for index in 0..<length * scale {
            let place = max(0, (Double(index) + 0.5) / Double(scale) - 0.5)
            let left = min(Int(place), length - 1)
            lower.append(left)
            upper.append(min(left + 1, length - 1))
            part.append(place - Double(left))
        }
        var extents = [Int](repeating: 1, count: x.rank)
        extents[axis] = part.count
        let weights = CrypTensor(constant: Tensor(part, shape: Shape(extents)), at: origin)
        let left = x.take(lower, axis: axis, file: place.file, line: place.line)
        let right = x.take(upper, axis: axis, file: place.file, line: place.line)
        return left + (right - left) * weights
    }
}
