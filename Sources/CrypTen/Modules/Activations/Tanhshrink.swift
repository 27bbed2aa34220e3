/// `x − tanh x`, as a layer.
///
/// See ``CrypTensor/tanh(file:line:)``.
public struct Tanhshrink: ParameterlessLayer {
    private let place: LayerPlace

    /// The layer.
    public init(file: StaticString = #fileID, line: UInt = #line) {
        place = LayerPlace(file, line)
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { x - x.tanh(file: place.file, line: place.line) }
}
