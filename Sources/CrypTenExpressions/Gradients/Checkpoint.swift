/// What is made in the body is kept until the body's end alone: gradients compute it again.
///
/// A training step holds what its gradients will read of the forward pass, all of it at once. Of a body's values they read copies, which are
/// computed when the gradient of what the body gives is there, and are forgotten when the body's gradients are. What remains is what bodies
/// read and give, and one body's values at a time.
///
/// ```swift
/// for block in blocks { x = checkpointed { block(x) } }
/// ```
///
/// What is computed again costs again: its openings, its dealt bytes, its comparisons. Random numbers are the same ones; truncations round anew,
/// so that a value and its copy may differ by a unit. Without a gradient it is the body. A body inside of another belongs to that one.
/// > Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
public func checkpointed<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    try Checkpoint.$current.binding(Checkpoint.current ?? Checkpoint(), throwing: body)
}

/// Tells the nodes of one body of ``checkpointed(_:)`` from those of another.
package final class Checkpoint: Sendable {
    /// That of the body that is running.
    @TaskLocal package static var current: Checkpoint?
}

/// The copies of bodies' nodes that gradients read.
struct Recomputation {
    private let order: [Node]
    /// By the node that it is a copy of, in its body.
    private var copies: [ObjectIdentifier: Node] = [:]
    /// Copies that are made of what comes late.
    private var late: Set<ObjectIdentifier> = []
    private var begun: Set<ObjectIdentifier> = []
    /// By the body and the operand from outside of it.
    private var operands: [Operand: Node] = [:]

    private struct Operand: Hashable {
        var checkpoint: ObjectIdentifier
        var node: ObjectIdentifier
    }

    /// - Parameter order: All nodes, operands first.
    init(of order: [Node]) {
        self.order = order
    }

    /// A node and its operands as its gradient's rule reads them.
    ///
    /// - Parameter signal: The gradient of the node, which of the nodes of a body is asked for last to first.
    mutating func read(_ node: Node, signal: Node) -> (value: CrypTensor, operands: [CrypTensor]) {
        guard let checkpoint = node.checkpoint else { return (CrypTensor(node), node.inputs.map { CrypTensor($0) }) }
        if signal.visibility == .secret, begun.insert(ObjectIdentifier(checkpoint)).inserted {
            copy(checkpoint, after: signal)
        }
        return (
            CrypTensor(copies[ObjectIdentifier(node)] ?? node),
            node.inputs.map { CrypTensor(operand($0, in: checkpoint)) }
        )
    }

    private func operand(_ node: Node, in checkpoint: Checkpoint) -> Node {
        if node.checkpoint === checkpoint { return copies[ObjectIdentifier(node)] ?? node }
        return operands[Operand(checkpoint: ObjectIdentifier(checkpoint), node: ObjectIdentifier(node))] ?? node
    }

    private mutating func copy(_ checkpoint: Checkpoint, after signal: Node) {
        func delayed(_ node: Node) -> Node {
            Node(.notBefore, [node, signal], origin: node.origin, layer: node.layer, checkpoint: nil)
        }
        for node in order where node.checkpoint === checkpoint && node.visibility == .secret {
            var inputs = node.inputs.map { input -> Node in
                guard input.checkpoint !== checkpoint, input.visibility == .secret, input.kind != .bit,
                    !input.inputs.isEmpty
                else { return operand(input, in: checkpoint) }
                let key = Operand(checkpoint: ObjectIdentifier(checkpoint), node: ObjectIdentifier(input))
                let made = operands[key] ?? delayed(input)
                operands[key] = made
                late.insert(ObjectIdentifier(made))
                return made
            }
            if !node.operation.isView, !inputs.contains(where: { late.contains(ObjectIdentifier($0)) }),
                let place = inputs.firstIndex(where: { $0.visibility == .secret && $0.kind != .bit })
            {
                // Made of inputs and kept values alone.
                inputs[place] = delayed(inputs[place])
                late.insert(ObjectIdentifier(inputs[place]))
            }
            let copy = node.copy(inputs, checkpoint: nil)
            copies[ObjectIdentifier(node)] = copy
            if inputs.contains(where: { late.contains(ObjectIdentifier($0)) }) { late.insert(ObjectIdentifier(copy)) }
        }
    }
}

extension Primitive {
    /// Whether the result is the operand in another form, of which a copy would save nothing.
    fileprivate var isView: Bool {
        switch self {
        case .declared, .toReal: true
        default: movesElements
        }
    }
}

extension Node {
    /// The same operation on other operands.
    func copy(_ inputs: [Node], checkpoint: Checkpoint?) -> Node {
        Node(operation, inputs, origin: origin, layer: layer, checkpoint: checkpoint)
    }
}
