/// What a parameter or buffer of a module is, before there is one: its name, shape and first values.
public struct ParameterSpecification: Sendable {
    /// Whether a tensor is trained.
    public enum Role: Hashable, Sendable {
        /// It is trained.
        case parameter
        /// It belongs to the state, and no gradient is taken with respect to it.
        case buffer
    }

    /// The full name: `"layer1.0.conv1.weight"`.
    public var name: String
    /// The extents.
    public var shape: Shape
    /// What the elements are.
    public var kind: ElementKind
    /// How the first values are drawn.
    public var initializer: Initializer
    /// Whether it is trained.
    public var role: Role
    /// Why there is no such tensor: a layer that was made of numbers that can't be.
    package var problem: CrypTenError?

    /// A parameter or buffer.
    public init(
        name: String,
        shape: Shape,
        kind: ElementKind = .real,
        initializer: Initializer,
        role: Role = .parameter
    ) {
        (self.name, self.shape, self.kind) = (name, shape, kind)
        (self.initializer, self.role) = (initializer, role)
    }

    /// The same below a name.
    func below(_ prefix: String) -> ParameterSpecification {
        var out = self
        out.name = "\(prefix).\(name)"
        return out
    }
}
