/// A module that isn't trained: its parameters are buffers, under the same names, and it stays in evaluation whatever is trained
/// around it.
///
/// ```swift
/// var model = Sequential { Frozen(backbone); Linear(512, 10) }
/// ```
public struct Frozen<Base: Module>: Module {
    /// The module, in evaluation.
    public private(set) var base: Base

    /// A module as it is, to stay so.
    public init(_ base: Base) {
        self.base = base.eval()
    }

    /// None.
    public var parameters: ParameterTree {
        get { ParameterTree() }
        set { _ = newValue }
    }

    /// The module's parameters and buffers.
    public var buffers: ParameterTree {
        get { base.stateTree }
        set { (base.parameters, base.buffers) = (newValue, newValue) }
    }

    /// What the module's tensors are; all of them are buffers.
    public var specifications: [ParameterSpecification] {
        base.specifications.map { specification in
            var out = specification
            out.role = .buffer
            return out
        }
    }
}

extension Frozen: Layer where Base: Layer {
    /// The module's value.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor { base(x) }
}
