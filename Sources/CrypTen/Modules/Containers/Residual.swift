/// What a body makes of its operand, plus the operand, or what a shortcut makes of it.
///
/// No round beyond the body's. The parts' names are "body" and "shortcut".
public struct Residual: CompositeModule, Layer {
    /// What is added to the operand.
    public var body: Sequential
    /// What takes the operand's place in the sum, if anything.
    public var shortcut: Sequential?

    /// The parts.
    public static var children: [Child<Self>] { [Child("body", \.body), Child("shortcut", \.shortcut)] }

    /// A body whose result has its operand's shape.
    public init(@LayerBuilder _ body: () -> [any Layer]) {
        self.body = Sequential(body())
    }

    /// A body and a shortcut whose results have one shape.
    public init(@LayerBuilder _ body: () -> [any Layer], @LayerBuilder shortcut: () -> [any Layer]) {
        self.body = Sequential(body())
        self.shortcut = Sequential(shortcut())
    }

    /// The sum.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        let direct = shortcut.map { layers in withLayer("shortcut") { layers(x) } } ?? x
        return withLayer("body") { body(x) } + direct
    }
}
