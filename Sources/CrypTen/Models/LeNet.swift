/// LeNet on images of 28 × 28, `[N, 1, 28, 28]` to `[N, classes]`; LeCun, Bottou, Bengio and Haffner 1998, with rectified units and maxima
/// instead of the sigmoids and means of its time.
///
/// State: `conv1`, `conv2`, `fc1`, `fc2`, `fc3`; 44,426 numbers for ten classes.
public struct LeNet: CompositeModule, Layer {
    /// 6 channels by 5 × 5 windows.
    public var conv1: Conv2d
    /// 16 channels by 5 × 5 windows.
    public var conv2: Conv2d
    /// 120 units.
    public var fc1: Linear
    /// 84 units.
    public var fc2: Linear
    /// A unit for each class.
    public var fc3: Linear

    /// The parts.
    public static var children: [Child<Self>] {
        [
            Child("conv1", \.conv1), Child("conv2", \.conv2), Child("fc1", \.fc1), Child("fc2", \.fc2),
            Child("fc3", \.fc3),
        ]
    }

    /// A network without values yet.
    ///
    /// - Parameters:
    ///   - classes: How many.
    ///   - channels: The images' channels.
    public init(classes: Int = 10, channels: Int = 1, file: StaticString = #fileID, line: UInt = #line) {
        conv1 = Conv2d(channels, 6, kernelSize: 5, file: file, line: line)
        conv2 = Conv2d(6, 16, kernelSize: 5, file: file, line: line)
        fc1 = Linear(256, 120, file: file, line: line)
        fc2 = Linear(120, 84, file: file, line: line)
        fc3 = Linear(84, classes, file: file, line: line)
    }

    /// A score for each class.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let first = withLayer("conv1") { conv1(x).relu().maxPool2d(2) }
        let second = withLayer("conv2") { conv2(first).relu().maxPool2d(2) }
        let third = withLayer("fc1") { fc1(second.flatten(start: 1)).relu() }
        let fourth = withLayer("fc2") { fc2(third).relu() }
        return withLayer("fc3") { fc3(fourth) }
    }
}
