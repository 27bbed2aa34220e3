/// `a · sigmoid(b)` of the two halves of an axis, as a layer; Dauphin and others 2017.
///
/// See ``CrypTensor/sigmoid(file:line:)``, and 1 round.
public struct GLU: ParameterlessLayer {
    private let axis: Int
    private let place: LayerPlace

    /// The layer.
    ///
    /// - Parameter axis: The axis that is halved, of an even extent.
    public init(axis: Int = -1, file: StaticString = #fileID, line: UInt = #line) {
        self.axis = axis
        place = LayerPlace(file, line)
    }

    /// The first half, gated by the second.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        CrypTensor.composing([x], file: place.file, line: place.line) { _ in
            guard (-x.rank..<x.rank).contains(axis), x.shape[axis].isMultiple(of: 2) else {
                throw CrypTenError(.shapeMismatch, "GLU can't halve axis \(axis) of shape \(x.shape)")
            }
            let half = x.shape[axis] / 2
            let gate = x.narrow(axis: axis, start: half, length: half, file: place.file, line: place.line)
            return x.narrow(axis: axis, start: 0, length: half, file: place.file, line: place.line)
                * gate.sigmoid(file: place.file, line: place.line)
        }
    }
}
