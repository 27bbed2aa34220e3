internal import CrypTenExpressions
internal import CrypTenRing

/// A tensor of a module's state, whether there is one yet or not.
struct StateForm {
    var name: String
    var shape: Shape
    var kind: ElementKind
}

extension Module {
    /// What the module declares, in its order, and then what it has besides.
    var stateForms: [StateForm] {
        let declared = specifications.map { StateForm(name: $0.name, shape: $0.shape, kind: $0.kind) }
        let names = Set(declared.map(\.name))
        let others = (Array(parameters) + Array(buffers)).filter { !names.contains($0.name) }
        return declared + others.map { StateForm(name: $0.name, shape: $0.tensor.shape, kind: $0.tensor.kind) }
    }
}
