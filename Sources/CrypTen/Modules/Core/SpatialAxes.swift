/// How many axes the operands of a layer have after `[N, C]`.
public protocol SpatialAxes: Sendable {
    /// How many.
    static var count: Int { get }
}

/// `[N, C, L]`: signals.
public enum OneAxis: SpatialAxes {
    /// 1
    public static let count = 1
}

/// `[N, C, H, W]`: images.
public enum TwoAxes: SpatialAxes {
    /// 2
    public static let count = 2
}

/// `[N, C, D, H, W]`: volumes.
public enum ThreeAxes: SpatialAxes {
    /// 3
    public static let count = 3
}
