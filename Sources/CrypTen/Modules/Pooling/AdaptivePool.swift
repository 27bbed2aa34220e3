/// Pools into as many windows as are asked for: window i of m over n elements is `⌊i·n/m⌋ ..< ⌈(i+1)·n/m⌉`.
public struct AdaptivePool<Axes: SpatialAxes, Kind: AdaptivePoolKind>: ParameterlessLayer {
    private let extents: [Int]
    private let place: LayerPlace

    /// As many windows along each axis.
    public init(_ outputSize: Int, file: StaticString = #fileID, line: UInt = #line) {
        self.init([Int](repeating: outputSize, count: Axes.count), file: file, line: line)
    }

    /// A number of windows for each axis.
    public init(_ outputSize: [Int], file: StaticString = #fileID, line: UInt = #line) {
        extents = outputSize
        place = LayerPlace(file, line)
    }

    /// The windows' means or largest elements.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        CrypTensor.composing([x], file: place.file, line: place.line) { _ in
            guard x.rank == Axes.count + 2, extents.count == Axes.count else {
                throw CrypTenError(
                    .shapeMismatch,
                    "an adaptive pool of \(Axes.count) axes can't take shape \(x.shape) to extents \(extents): it takes [N, C] and \(Axes.count) axes more"
                )
            }
            return Kind.pool(x, extents, place.file, place.line)
        }
    }
}

/// What an adaptive pool makes of a window.
public protocol AdaptivePoolKind: Sendable {
    /// The pool.
    static func pool(_ x: CrypTensor, _ extents: [Int], _ file: StaticString, _ line: UInt) -> CrypTensor
}

/// Means.
public enum AveragePoolKind: AdaptivePoolKind {
    /// Local up to the truncation.
    public static func pool(_ x: CrypTensor, _ extents: [Int], _ file: StaticString, _ line: UInt) -> CrypTensor {
        x.adaptiveAvgPool(extents, file: file, line: line)
    }
}

/// Largest elements.
public enum MaximumPoolKind: AdaptivePoolKind {
    /// 5 rounds for every factor of four of the window.
    public static func pool(_ x: CrypTensor, _ extents: [Int], _ file: StaticString, _ line: UInt) -> CrypTensor {
        x.adaptiveMaxPool(extents, file: file, line: line)
    }
}

/// Windows' means along one axis.
public typealias AdaptiveAvgPool1d = AdaptivePool<OneAxis, AveragePoolKind>
/// Windows' means along two axes.
public typealias AdaptiveAvgPool2d = AdaptivePool<TwoAxes, AveragePoolKind>
/// Windows' means along three axes.
public typealias AdaptiveAvgPool3d = AdaptivePool<ThreeAxes, AveragePoolKind>
/// Windows' largest elements along one axis.
public typealias AdaptiveMaxPool1d = AdaptivePool<OneAxis, MaximumPoolKind>
/// Windows' largest elements along two axes.
public typealias AdaptiveMaxPool2d = AdaptivePool<TwoAxes, MaximumPoolKind>
/// Windows' largest elements along three axes.
public typealias AdaptiveMaxPool3d = AdaptivePool<ThreeAxes, MaximumPoolKind>
