extension Initializer {
    /// A tensor's first values, drawn in the clear.
    ///
    /// - Throws: as ``distribution(of:)``.
    package func draw(_ shape: Shape, using generator: inout some RandomNumberGenerator) throws -> Tensor {
        var source = RealSource(generator)
        let values = Initializer.draw(try distribution(of: shape), shape, &source)
        generator = source.generator
        return Tensor(values, shape: shape)
    }

    private static func draw<Generator>(
        _ distribution: Distribution,
        _ shape: Shape,
        _ source: inout RealSource<Generator>
    ) -> [Double] {
        let count = shape.count
        switch distribution {
        case .uniform(let low, let high):
            return (0..<count).map { _ in low + (high - low) * source.uniform() }
        case .normal(let mean, let deviation):
            return (0..<count).map { _ in mean + deviation * source.normal() }
        case .truncatedNormal(let mean, let deviation, let low, let high):
            let bounds = ((low - mean) / deviation)...((high - mean) / deviation)
            return (0..<count).map { _ in
                min(high, max(low, mean + deviation * source.normal(within: bounds)))
            }
        case .constant(let value):
            return [Double](repeating: value, count: count)
        case .orthogonal(let gain):
            return orthogonal(rows: shape[0], columns: count / max(1, shape[0]), &source).map { $0 * gain }
        case .identity:
            return (0..<count).map { $0 / shape[1] == $0 % shape[1] ? 1 : 0 }
        case .zeroRow(let row, let other):
            var values = draw(other, shape, &source)
            let width = count / shape[0]
            values.replaceSubrange(row * width..<(row + 1) * width, with: repeatElement(0, count: width))
            return values
        }
    }

    /// A matrix whose rows, or columns where they are fewer, are orthonormal: normal vectors, made orthogonal one after another.
    ///
    /// Gram and Schmidt's method applied twice to each vector, so that what the first pass leaves by rounding is gone. A vector's sign
    /// is that of the normal one, so all orthonormal frames are as likely.
    private static func orthogonal<Generator>(
        rows: Int,
        columns: Int,
        _ source: inout RealSource<Generator>
    ) -> [Double] {
        let (count, length) = (min(rows, columns), max(rows, columns))
        var frame: [[Double]] = []
        while frame.count < count {
            var vector = (0..<length).map { _ in source.normal() }
            let before = norm(vector)
            for _ in 0..<2 {
                for other in frame {
                    let part = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                    for index in vector.indices { vector[index] -= part * other[index] }
                }
            }
            let after = norm(vector)
            // As good as dependent on the others: another one.
            if after > 1e-8 * before { frame.append(vector.map { $0 / after }) }
        }
        if rows <= columns { return frame.flatMap(\.self) }
        return (0..<rows).flatMap { row in frame.map { $0[row] } }
    }

    private static func norm(_ vector: [Double]) -> Double {
        vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
}

/// Real numbers of a generator's words.
private struct RealSource<Generator: RandomNumberGenerator> {
    var generator: Generator
    private var spare: Double?

    init(_ generator: Generator) {
        self.generator = generator
    }

    /// Uniform in [0, 1): a multiple of 2⁻⁵³.
    mutating func uniform() -> Double {
        Double(generator.next() >> 11) * 0x1p-53
    }

    /// Normal with mean 0 and deviation 1, by Box and Muller: two of two uniform numbers.
    mutating func normal() -> Double {
        if let last = spare {
            spare = nil
            return last
        }
        let radius = (-2 * PortableFunctions.log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        spare = radius * PortableFunctions.sin(angle)
        return radius * PortableFunctions.cos(angle)
    }

    /// Normal with mean 0 and deviation 1 on the condition that it lies in a range.
    ///
    /// Numbers are drawn until one fits: normal ones where a good part of them do, otherwise uniform ones that are accepted in proportion to
    /// their density; far out, where it falls like `e^(−a·t)`, only as far as 40 times less likely than rounding shows.
    mutating func normal(within range: ClosedRange<Double>) -> Double {
        let (low, high) = (range.lowerBound, range.upperBound)
        if low <= 0, high >= 0, high - low >= 3 {
            while true {
                let value = normal()
                if range.contains(value) { return value }
            }
        }
        if high < 0 { return -normal(within: -high ... -low) }
        let nearest = max(low, 0)
        let end = min(high, nearest + 40 / max(nearest, 4))
        while true {
            let value = low + (end - low) * uniform()
            if uniform() < PortableFunctions.exp((nearest * nearest - value * value) / 2) { return value }
        }
    }
}
