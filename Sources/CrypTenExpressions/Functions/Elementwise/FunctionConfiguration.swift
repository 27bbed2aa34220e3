/// What functions cost and how exact they are, where there is a choice.
///
/// Expressions take the configuration in whose scope they are made. All parties must make theirs in the same.
public struct FunctionConfiguration: Sendable, Hashable {
    /// How exact sigmoid, tanh, erf, gelu, silu and softplus are.
    public enum Accuracy: Sendable, Hashable, CaseIterable {
        /// Within 7·10⁻⁵ with 16 fraction bits: series of 7 to 16 terms.
        case standard
        /// Within 4·10⁻⁵: up to three terms more, each 16 bytes dealt.
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

extension SmoothFunction {
    /// The table of the scope's accuracy.
    static func accurate(_ standard: SmoothFunction, _ high: SmoothFunction) -> SmoothFunction {
        switch FunctionConfiguration.current.smoothAccuracy {
        case .standard: standard
        case .high: high
        }
    }
}
