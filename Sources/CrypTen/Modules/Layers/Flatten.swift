/// Axes made one, by default all but the first. Local.
public struct Flatten: ParameterlessLayer {
    private let first: Int
    private let last: Int
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameters:
    ///   - startAxis: The first axis that is joined.
    ///   - endAxis: The last one.
    public init(startAxis: Int = 1, endAxis: Int = -1, file: StaticString = #fileID, line: UInt = #line) {
        (first, last) = (startAxis, endAxis)
        place = LayerPlace(file, line)
    }

    /// The operand in its new shape.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.flatten(start: first, end: last, file: place.file, line: place.line)
    }
}
