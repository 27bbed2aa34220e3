/// x where it is positive, a trained slope times it elsewhere; state `weight [1]` or `[C]`; He, Zhang, Ren and Sun 2015.
///
/// 4 rounds, and 1 for a secret slope. Slopes are 1/4 at first.
public struct PReLU: StatefulModule, Layer {
    /// The slopes.
    public var state: ModuleState

    /// A layer without values yet.
    ///
    /// - Parameter count: 1, or one slope for each channel, which axis 1 counts.
    public init(_ count: Int = 1, file: StaticString = #fileID, line: UInt = #line) {
        state = ModuleState(of: "PReLU", file: file, line: line)
        state.require(count > 0, "\(count) slopes; there is one, or one a channel")
        state.declare("weight", [count], .constant(0.25))
    }

    /// The function's value of each element.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let (weight, place) = (state.tensor("weight"), state.place)
        return CrypTensor.composing([x, weight], file: place.file, line: place.line) { _ in
            let channels = [weight.count] + [Int](repeating: 1, count: max(0, x.rank - 2))
            return x.prelu(weight.reshape(channels), file: place.file, line: place.line)
        }
    }
}
