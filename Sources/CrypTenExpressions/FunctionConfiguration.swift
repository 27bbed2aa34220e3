/// What functions cost and how exact they are, where there is a choice.
///
/// Expressions take the configuration in whose scope they are made. All parties must make theirs in the same.
public struct FunctionConfiguration: Sendable, Hashable {
    /// How exact sigmoid, tanh, erf, gelu, silu and softplus are.
    public enum Accuracy: Sendable, Hashable, CaseIterable {
        /// Within 7·10⁻⁵ with 16 fraction bits: 11 to 17 knots.
        case standard
        /// Within 4·10⁻⁵: two to four knots more, each 7 bits that are opened and 38 bytes dealt.
        case high
    }

    /// How exact sigmoid, tanh, erf, gelu, silu and softplus are.
    public var smoothAccuracy = Accuracy.standard

    @TaskLocal static var current = FunctionConfiguration()
}

/// Makes expressions with a setting changed.
///
/// ```swift
/// let y = withConfiguration(\.smoothAccuracy, .high) { gelu(x) }
/// ```
public func withConfiguration<Value, Result, Failure: Error>(
    _ setting: WritableKeyPath<FunctionConfiguration, Value>,
    _ value: Value,
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    var configuration = FunctionConfiguration.current
    configuration[keyPath: setting] = value
    let outcome = FunctionConfiguration.$current.withValue(configuration) { () -> Swift.Result<Result, Failure> in
        do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }
    return try outcome.get()
}

extension PiecewisePolynomial {
    /// The tables of the scope's accuracy.
    static func smooth(_ standard: PiecewisePolynomial, _ high: PiecewisePolynomial) -> PiecewisePolynomial {
        switch FunctionConfiguration.current.smoothAccuracy {
        case .standard: standard
        case .high: high
        }
    }
}
