/// x, but never below or above two numbers, as a layer.
///
/// As two comparisons, whose rounds are shared.
public struct Hardtanh: ParameterlessLayer {
    private let min: Double
    private let max: Double
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameters:
    ///   - min: The lower one.
    ///   - max: The upper one.
    public init(min: Double = -1, max: Double = 1, file: StaticString = #fileID, line: UInt = #line) {
        self.min = min
        self.max = max
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.hardtanh(min: min, max: max, file: place.file, line: place.line)
    }
}

/// `x / 6 + 1 / 2`, but never below 0 or above 1, as a layer.
///
/// As two comparisons, whose rounds are shared.
public struct Hardsigmoid: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.hardSigmoid(file: place.file, line: place.line)
    }
}

/// `x · Hardsigmoid(x)`; Howard and others 2019, as a layer.
///
/// See ``CrypTensor/hardSwish(file:line:)``.
public struct Hardswish: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.hardSwish(file: place.file, line: place.line)
    }
}

/// x where it is farther from 0 than a threshold, else 0, as a layer.
///
/// Two comparisons, whose rounds are shared.
public struct Hardshrink: ParameterlessLayer {
    private let threshold: Double
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter threshold: The distance.
    public init(_ threshold: Double = 0.5, file: StaticString = #fileID, line: UInt = #line) {
        self.threshold = threshold
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.hardShrink(threshold, file: place.file, line: place.line)
    }
}

/// x, nearer to 0 by a threshold, as a layer.
///
/// Two comparisons, whose rounds are shared.
public struct Softshrink: ParameterlessLayer {
    private let threshold: Double
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter threshold: The distance.
    public init(_ threshold: Double = 0.5, file: StaticString = #fileID, line: UInt = #line) {
        self.threshold = threshold
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.softShrink(threshold, file: place.file, line: place.line)
    }
}
