internal import CrypTenBase
internal import CrypTenRing

/// Normalisations by the statistics of the secret itself: distances from a mean over a standard deviation.
extension CrypTensor {
    /// Layer normalisation over the last axes: `(x − mean) / √(variance + epsilon) · weight + bias`; Ba, Kiros and Hinton 2016.
    ///
    /// For standard deviations from 2⁻⁶ on, of rows whose squared distances sum to what products may be, 2³⁰ with 16 fraction bits: absolute
    /// error 2·10⁻³ over 768 elements. Of smaller deviations the mean's rounding shows; results stay bounded.
    ///
    /// - Parameters:
    ///   - axes: How many of the last axes are normalised together.
    ///   - weight: Of those axes' shape, or one that broadcasts; public or secret.
    ///   - bias: Likewise.
    /// - Complexity: 11 rounds, and 2 for a secret weight.
    public func layerNorm(
        axes: Int = 1,
        weight: CrypTensor? = nil,
        bias: CrypTensor? = nil,
        epsilon: Double = 1e-5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self] + [weight, bias].compactMap(\.self), file: file, line: line) { origin in
            guard (1...Swift.max(rank, 1)).contains(axes), rank > 0 else {
                throw CrypTenError(
                    .invalidArgument,
                    "layerNorm can't normalise the last \(axes) axes of shape \(shape)"
                )
            }
            let last = Array(rank - axes..<rank)
            let normal = try standardized(over: last, centered: true, epsilon: epsilon, in: "layerNorm", at: origin)
            return normal.affine(weight, bias, at: origin)
        }
    }

    /// `x / √(mean of x² + epsilon) · weight` over the last axis; Zhang and Sennrich 2019.
    ///
    /// As `layerNorm`, without the mean.
    public func rmsNorm(
        weight: CrypTensor? = nil,
        epsilon: Double = 1e-5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self] + [weight].compactMap(\.self), file: file, line: line) { origin in
            guard rank > 0 else { throw CrypTenError(.invalidArgument, "rmsNorm can't normalise a scalar") }
            return try standardized(over: [rank - 1], centered: false, epsilon: epsilon, in: "rmsNorm", at: origin)
                .affine(weight, nil, at: origin)
        }
    }

    /// Normalisation of each channel of each image `[N, C, …]` by itself; weight and bias `[C]`.
    ///
    /// As `layerNorm`.
    public func instanceNorm(
        weight: CrypTensor? = nil,
        bias: CrypTensor? = nil,
        epsilon: Double = 1e-5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self] + [weight, bias].compactMap(\.self), file: file, line: line) { origin in
            guard rank >= 3 else {
                throw CrypTenError(.shapeMismatch, "instanceNorm takes [N, C, …], not shape \(shape)")
            }
            let normal = try standardized(
                over: Array(2..<rank),
                centered: true,
                epsilon: epsilon,
                in: "instanceNorm",
                at: origin
            )
            return try normal.channelAffine(weight, bias, in: "instanceNorm", at: origin)
        }
    }

    /// Normalisation of groups of channels of each image `[N, C, …]`; weight and bias `[C]`; Wu and He 2018.
    ///
    /// As `layerNorm`.
    public func groupNorm(
        groups: Int,
        weight: CrypTensor? = nil,
        bias: CrypTensor? = nil,
        epsilon: Double = 1e-5,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self] + [weight, bias].compactMap(\.self), file: file, line: line) { origin in
            guard rank >= 2, groups > 0, shape[1] % groups == 0 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "groupNorm can't divide the channels of shape \(shape) into \(groups) groups"
                )
            }
            let grouped = Shape([shape[0], groups, shape.count / Swift.max(1, shape[0] * groups)])
            let normal = try reshaped(grouped, at: origin)
                .standardized(over: [2], centered: true, epsilon: epsilon, in: "groupNorm", at: origin)
                .reshaped(shape, at: origin)
            return try normal.channelAffine(weight, bias, in: "groupNorm", at: origin)
        }
    }

    /// Distances from the mean, or from 0, over their quadratic mean along axes.
    ///
    /// The squares are summed, not averaged: their sum loses no bit to a truncation, and the count is a public factor of the root.
    private func standardized(
        over axes: [Int],
        centered: Bool,
        epsilon: Double,
        in name: String,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        let count = axes.reduce(1) { $0 * shape[$1] }
        guard count > 0 else {
            throw CrypTenError(.shapeMismatch, "\(name) over axes \(axes) of shape \(shape) has no elements")
        }
        guard epsilon >= 0, (epsilon * Double(count)).isFinite else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't add epsilon \(epsilon): it must not be negative, nor infinite times \(count) elements"
            )
        }
        let x = real(at: origin)
        let mean = centered ? self.mean(axes: axes, keepDimensions: true) : nil
        let distances = mean.map { x.applying(.subtract, $0.broadcasted(to: shape, at: origin), at: origin) } ?? x
        return distances.overRootMeanSquare(along: axes, epsilon: epsilon, at: origin).normal
    }

    /// This over the root of the mean of its squares along axes plus epsilon, and the sum of the squares, whose axes have the extent 1.
    ///
    /// Its gradient takes one division, by the same root.
    package func overRootMeanSquare(
        along axes: [Int],
        epsilon: Double,
        at origin: SourceOrigin?
    ) -> (normal: CrypTensor, sumOfSquares: CrypTensor) {
        let sum = applying(.bilinear(.multiply), self, at: origin).sum(axes: axes, keepDimensions: true)
        let normal = dividedByRoot(ofSquares: sum, along: axes, epsilon: epsilon, at: origin)
        return (normal.applying(.known(.standardization(axes: axes, epsilon: epsilon)), self, at: origin), sum)
    }

    /// This over the root of the mean of as many squares as there are along axes, of which the sum is given, plus epsilon.
    func dividedByRoot(
        ofSquares sum: CrypTensor,
        along axes: [Int],
        epsilon: Double,
        at origin: SourceOrigin?
    ) -> CrypTensor {
        let count = axes.reduce(1) { $0 * shape[$1] }
        let (total, addend) = CrypTensor.aligned(
            sum,
            CrypTensor(constant: Tensor(epsilon * Double(count)), at: origin),
            at: origin
        )
        return applying(.divideByRoot(.whole, count: count), total.applying(.add, addend, at: origin), at: origin)
    }

    private func affine(_ weight: CrypTensor?, _ bias: CrypTensor?, at origin: SourceOrigin) -> CrypTensor {
        var result = self
        if let weight { result = result.applying(.bilinear(.multiply), weight.real(at: origin), at: origin) }
        if let bias { result = result.adding(bias.real(at: origin), at: origin) }
        return result
    }

    /// Weight and bias of each channel of `[N, C, …]`.
    private func channelAffine(
        _ weight: CrypTensor?,
        _ bias: CrypTensor?,
        in name: String,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        if error != nil { return self }
        let channels = Shape([1, shape[1]] + [Int](repeating: 1, count: rank - 2))
        for parameter in [weight, bias].compactMap(\.self) where parameter.shape != [shape[1]] {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) of shape \(shape) takes a weight and a bias for each of its \(shape[1]) channels, not shape \(parameter.shape)"
            )
        }
        return affine(
            weight?.reshaped(channels, at: origin),
            bias?.reshaped(channels, at: origin),
            at: origin
        )
    }
}

/// Layer normalisation over the last axes.
public func layerNorm(
    _ x: CrypTensor,
    axes: Int = 1,
    weight: CrypTensor? = nil,
    bias: CrypTensor? = nil,
    epsilon: Double = 1e-5,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.layerNorm(axes: axes, weight: weight, bias: bias, epsilon: epsilon, file: file, line: line)
}
