extension Initializer {
    /// What a tensor of a shape is drawn from: an initialiser whose scales are numbers.
    package enum Distribution: Hashable, Sendable {
        case uniform(low: Double, high: Double)
        case normal(mean: Double, deviation: Double)
        case truncatedNormal(mean: Double, deviation: Double, low: Double, high: Double)
        case constant(Double)
        case orthogonal(gain: Double)
        case identity
        indirect case zeroRow(Int, of: Distribution)
    }

    /// What this draws a tensor of a shape from.
    ///
    /// - Throws: `.invalidArgument` for a shape that has no fans, for bounds that aren't in order and for numbers that aren't finite.
    package func distribution(of shape: Shape) throws -> Distribution {
        switch self {
        case .uniform(let low, let high):
            try check(low.isFinite && high.isFinite && low <= high, shape, "its bounds are finite and in order")
            return .uniform(low: low, high: high)
        case .normal(let mean, let deviation):
            try check(mean.isFinite && deviation.isFinite && deviation >= 0, shape, "its mean and deviation are finite")
            return .normal(mean: mean, deviation: deviation)
        case .truncatedNormal(let mean, let deviation, let low, let high):
            try check(
                mean.isFinite && deviation.isFinite && deviation > 0 && low.isFinite && high.isFinite && low < high,
                shape,
                "its mean, deviation and bounds are finite, and the bounds in order"
            )
            return .truncatedNormal(mean: mean, deviation: deviation, low: low, high: high)
        case .constant(let value):
            try check(value.isFinite, shape, "its value is finite")
            return .constant(value)
        case .xavierUniform(let gain):
            let (fanIn, fanOut) = try fans(of: shape)
            let bound = gain * (6 / Double(fanIn + fanOut)).squareRoot()
            return try Initializer.uniform(-bound, bound).distribution(of: shape)
        case .xavierNormal(let gain):
            let (fanIn, fanOut) = try fans(of: shape)
            return try Initializer.normal(deviation: gain * (2 / Double(fanIn + fanOut)).squareRoot())
                .distribution(of: shape)
        case .kaimingUniform(let mode, let nonlinearity):
            let bound = nonlinearity.gain * (3 / Double(try fan(mode, of: shape))).squareRoot()
            return try Initializer.uniform(-bound, bound).distribution(of: shape)
        case .kaimingNormal(let mode, let nonlinearity):
            return try Initializer.normal(deviation: nonlinearity.gain / Double(try fan(mode, of: shape)).squareRoot())
                .distribution(of: shape)
        case .orthogonal(let gain):
            try check(gain.isFinite && shape.rank >= 2, shape, "its gain is finite, and the shape has two axes or more")
            return .orthogonal(gain: gain)
        case .identity:
            try check(shape.rank == 2, shape, "it takes a matrix")
            return .identity
        case .zeroRow(let row, let other):
            try check(
                shape.rank > 0 && (0..<shape[0]).contains(row),
                shape,
                "there is no row \(row)"
            )
            return .zeroRow(row, of: try other.distribution(of: shape))
        }
    }

    private func fan(_ mode: Fan, of shape: Shape) throws -> Int {
        let (fanIn, fanOut) = try fans(of: shape)
        return mode == .fanIn ? fanIn : fanOut
    }

    /// How many connections lead into a unit and out of one.
    private func fans(of shape: Shape) throws -> (in: Int, out: Int) {
        try check(shape.rank >= 2 && shape.count > 0, shape, "it takes two axes or more, none of extent 0")
        let window = shape.dimensions.dropFirst(2).reduce(1, *)
        return (shape[1] * window, shape[0] * window)
    }

    private func check(_ holds: Bool, _ shape: Shape, _ rule: String) throws {
        if !holds { throw CrypTenError(.invalidArgument, "\(self) can't start a tensor of shape \(shape): \(rule)") }
    }
}
