internal import CrypTenRing

/// `max(relu(x), …)` as `relu(max(x, …))` where nobody else reads the ReLUs: the same value, whose gradient then reads a maximum's
/// winners and one ReLU of it.
///
/// Planning does the same with what it is given (`PoolBeforeReLU`); once there is a gradient, that reads the ReLUs, too.
enum PooledForm {
    /// The expression in that form.
    ///
    /// - Parameter kept: Tensors that stay what they are, for something is asked of them.
    static func of(_ value: CrypTensor, keeping kept: [CrypTensor]) -> CrypTensor {
        if value.error != nil { return value }
        let order = ClearEvaluator.order(of: [value.node])
        var readers: [ObjectIdentifier: [Node]] = [:]
        for node in order {
            for input in node.inputs { readers[ObjectIdentifier(input), default: []].append(node) }
        }
        let fixed = Set((kept + [value]).map { ObjectIdentifier($0.node) })
        var dropped: Set<ObjectIdentifier> = []
        var moved: Set<ObjectIdentifier> = []
        for node in order {
            guard case .maximum = node.operation,
                let relus = relus(below: node, readers, fixed), !relus.isEmpty
            else { continue }
            dropped.formUnion(relus)
            moved.insert(ObjectIdentifier(node))
        }
        if moved.isEmpty { return value }
        var made: [ObjectIdentifier: Node] = [:]
        for node in order {
            let key = ObjectIdentifier(node)
            let inputs = node.inputs.map { made[ObjectIdentifier($0)]! }
            if dropped.contains(key) {
                made[key] = inputs[0]
            } else if zip(inputs, node.inputs).allSatisfy({ $0 === $1 }) {
                made[key] = node
            } else {
                made[key] = node.copy(inputs, checkpoint: node.checkpoint)
            }
            if moved.contains(key) {
                made[key] = Node(
                    .relu,
                    [made[key]!],
                    origin: node.origin,
                    layer: node.layer,
                    checkpoint: node.checkpoint
                )
            }
        }
        // A ReLU that has moved may have come below another maximum, as where windows are taken row by row, then by column.
        return of(CrypTensor(made[ObjectIdentifier(value.node)]!), keeping: kept)
    }

    /// The ReLUs that a maximum reads through moves of elements, all of them read by it alone; nil where it reads anything else.
    private static func relus(
        below maximum: Node,
        _ readers: [ObjectIdentifier: [Node]],
        _ fixed: Set<ObjectIdentifier>
    ) -> Set<ObjectIdentifier>? {
        var (relus, inside): (Set<ObjectIdentifier>, Set<ObjectIdentifier>) = ([], [ObjectIdentifier(maximum)])
        var pending = maximum.inputs
        while let node = pending.popLast() {
            let key = ObjectIdentifier(node)
            if relus.contains(key) || inside.contains(key) { continue }
            if fixed.contains(key) { return nil }
            if case .relu = node.operation {
                relus.insert(key)
            } else if node.operation.movesElements, node.visibility == .secret {
                inside.insert(key)
                pending += node.inputs
            } else {
                return nil
            }
        }
        let all = relus.union(inside).subtracting([ObjectIdentifier(maximum)])
        return all.allSatisfy { key in
            readers[key, default: []].allSatisfy { inside.contains(ObjectIdentifier($0)) }
        } ? relus : nil
    }
}
