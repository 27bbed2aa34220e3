/// `x · sigmoid(x)`, also called swish, as a layer.
///
/// See ``CrypTensor/silu(file:line:)``.
public struct SiLU: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.silu(file: place.file, line: place.line)
    }
}

/// `x · tanh(softplus(x))`; Misra 2019, as a layer.
///
/// See ``CrypTensor/mish(file:line:)``.
public struct Mish: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.mish(file: place.file, line: place.line)
    }
}

/// `ln(1 + eˣ)`, as a layer.
///
/// See ``CrypTensor/softplus(file:line:)``.
public struct Softplus: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.softplus(file: place.file, line: place.line)
    }
}

/// `ln sigmoid(x)`, as a layer.
///
/// See ``CrypTensor/logSigmoid(file:line:)``.
public struct LogSigmoid: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.logSigmoid(file: place.file, line: place.line)
    }
}

/// `x / (1 + |x|)`, as a layer.
///
/// See ``CrypTensor/softsign(file:line:)``.
public struct Softsign: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.softsign(file: place.file, line: place.line)
    }
}

/// `1 / (1 + e⁻ˣ)`, as a layer.
///
/// See ``CrypTensor/sigmoid(file:line:)``.
public struct Sigmoid: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.sigmoid(file: place.file, line: place.line)
    }
}

/// The hyperbolic tangent, as a layer.
///
/// See ``CrypTensor/tanh(file:line:)``.
public struct Tanh: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.tanh(file: place.file, line: place.line)
    }
}
