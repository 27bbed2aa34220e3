/// Collects the layers of a block: lines, conditions and loops.
@resultBuilder
public enum LayerBuilder {
    /// One layer.
    public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
    /// Several layers.
    public static func buildExpression(_ layers: [any Layer]) -> [any Layer] { layers }
    /// The lines' layers.
    public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap(\.self) }
    /// Layers that a condition may leave out.
    public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
    /// The layers of a condition's first branch.
    public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
    /// The layers of its other branch.
    public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
    /// The layers of a loop.
    public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap(\.self) }
    /// The layers of an availability check.
    public static func buildLimitedAvailability(_ part: [any Layer]) -> [any Layer] { part }
}
