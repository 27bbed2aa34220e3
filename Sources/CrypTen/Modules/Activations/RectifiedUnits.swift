/// max(x, 0), as a layer.
///
/// 4 rounds.
public struct ReLU: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.relu(file: place.file, line: place.line)
    }
}

/// x, but never below 0 or above 6, as a layer.
///
/// As two comparisons, whose rounds are shared.
public struct ReLU6: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.relu6(file: place.file, line: place.line)
    }
}

/// x where it is positive, a slope times it elsewhere, as a layer.
///
/// 4 rounds.
public struct LeakyReLU: ParameterlessLayer {
    private let negativeSlope: Double
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter negativeSlope: The slope.
    public init(_ negativeSlope: Double = 0.01, file: StaticString = #fileID, line: UInt = #line) {
        self.negativeSlope = negativeSlope
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.leakyRelu(negativeSlope, file: place.file, line: place.line)
    }
}

/// x where it is positive, `alpha · (eˣ − 1)` elsewhere, as a layer.
///
/// See ``CrypTensor/elu(_:file:line:)``.
public struct ELU: ParameterlessLayer {
    private let alpha: Double
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter alpha: Minus the limit far below 0.
    public init(_ alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line) {
        self.alpha = alpha
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.elu(alpha, file: place.file, line: place.line)
    }
}

/// x where it is positive, `alpha · (e^(x / alpha) − 1)` elsewhere, as a layer.
///
/// See ``CrypTensor/celu(_:file:line:)``.
public struct CELU: ParameterlessLayer {
    private let alpha: Double
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter alpha: Minus the limit far below 0.
    public init(_ alpha: Double = 1, file: StaticString = #fileID, line: UInt = #line) {
        self.alpha = alpha
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.celu(alpha, file: place.file, line: place.line)
    }
}

/// `scale · ELU(x)` with the two numbers that keep mean 0 and variance 1; Klambauer and others 2017, as a layer.
///
/// See ``CrypTensor/selu(alpha:scale:file:line:)``.
public struct SELU: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.selu(file: place.file, line: place.line)
    }
}
