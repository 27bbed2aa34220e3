/// eˣ over its sum along an axis, as a layer.
///
/// See ``CrypTensor/softmax(axis:file:line:)``.
public struct Softmax: ParameterlessLayer {
    private let axis: Int
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter axis: The axis.
    public init(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) {
        self.axis = axis
        place = LayerPlace(file, line)
    }

    /// The function's value of each element along the axis.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.softmax(axis: axis, file: place.file, line: place.line)
    }
}

/// The logarithm of ``Softmax``, as a layer.
///
/// See ``CrypTensor/logSoftmax(axis:file:line:)``.
public struct LogSoftmax: ParameterlessLayer {
    private let axis: Int
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter axis: The axis.
    public init(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) {
        self.axis = axis
        place = LayerPlace(file, line)
    }

    /// The function's value of each element along the axis.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        x.logSoftmax(axis: axis, file: place.file, line: place.line)
    }
}
