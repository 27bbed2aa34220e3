package import CrypTenBase
package import CrypTenRing

/// Where in the user's code an expression was written.
package struct SourceOrigin: Hashable, Sendable, CustomStringConvertible {
    package var file: String
    package var line: UInt

    package init(file: String, line: UInt) {
        self.file = file
        self.line = line
    }

    package var description: String {
        "\(file):\(line)"
    }
}

extension CrypTenError {
    /// Says where in the user's code it happened: the call, or the operands' origins where an operator can't know its
    /// own.
    package mutating func locate(_ places: [SourceOrigin]) {
        guard let first = places.first else { return }
        let others = places.dropFirst().filter { $0 != first }
        message += ", at " + ([first] + others.prefix(1)).map(\.description).joined(separator: " and ")
    }
}

/// Tells the nodes of one session from those of another.
package final class SessionIdentity: Sendable {
    package init() {}
}

/// One operation of an expression: immutable, and compared by identity.
///
/// An ill-formed operation is a node with an `error`, which spreads to all that is made of it and is thrown by whoever
/// runs, reveals or prices the expression, before a byte moves.
package final class Node: Sendable {
    package let operation: Primitive
    /// Written by the initialisers and emptied when nobody else holds the node; so never changed while it is shared.
    private nonisolated(unsafe) var operands: [Node]
    package let shape: Shape
    package let kind: ElementKind
    package let visibility: Visibility
    /// The session whose inputs or kept values this is made of; nil for constants.
    package let session: SessionIdentity?
    package let error: CrypTenError?
    /// Where the function or method was called that made this; for an operator, where its first operand was made.
    package let origin: SourceOrigin?
    /// The layer that made it, for cost reports and progress: "conv1", "layer1.0.conv2".
    package let layer: String?
    /// The body of ``checkpointed(_:)`` that it was made in.
    package let checkpoint: Checkpoint?

    /// What a source's session keeps for it, and gives up with it: an owner's own numbers.
    private let payload: (any AnyObject & Sendable)?

    package var inputs: [Node] {
        operands
    }

    /// A source: its shape and kind are its own.
    package init(
        source operation: Primitive,
        shape: Shape,
        kind: ElementKind,
        visibility: Visibility,
        session: SessionIdentity?,
        origin: SourceOrigin? = nil,
        layer: String? = nil,
        error: CrypTenError? = nil,
        payload: (any AnyObject & Sendable)? = nil
    ) {
        self.payload = payload
        checkpoint = nil
        self.operation = operation
        self.operands = []
        self.shape = shape
        self.kind = kind
        self.visibility = visibility
        self.session = session
        self.error = error
        self.origin = origin
        self.layer = layer
    }

    /// An operation on operands; its shape and kind follow from theirs by `operation`'s rule.
    package init(
        _ operation: Primitive,
        _ inputs: [Node],
        origin: SourceOrigin? = nil,
        layer: String? = LayerScope.current,
        checkpoint: Checkpoint? = Checkpoint.current
    ) {
        payload = nil
        self.checkpoint = checkpoint
        self.operation = operation
        self.operands = inputs
        self.origin = origin ?? inputs.lazy.compactMap(\.origin).first
        self.layer = layer
        visibility = inputs.contains { $0.visibility == .secret } ? .secret : .public
        let sessions = inputs.compactMap(\.session)
        session = sessions.first
        do {
            if let broken = inputs.lazy.compactMap(\.error).first { throw broken }
            if let first = sessions.first, sessions.contains(where: { $0 !== first }) {
                throw CrypTenError(
                    .wrongSession,
                    "\(operation.name) combines tensors of two sessions; reveal one and put it into the other"
                )
            }
            (shape, kind) = try operation.result(of: inputs.map { ($0.shape, $0.kind, $0.visibility) })
            error = nil
        } catch let problem as CrypTenError {
            var located = problem
            if inputs.allSatisfy({ $0.error == nil }) {
                located.locate(origin.map { [$0] } ?? inputs.compactMap(\.origin))
            }
            (shape, kind, error) = ([], .real, located)
        } catch {
            preconditionFailure("shape rules throw CrypTenError")
        }
    }

    /// Tensors whose rows are put into one secret order, the same for all: their places in it.
    package static func shuffled(_ nodes: [Node], number: Int) -> [Node] {
        nodes.indices.map { Node(.shuffle(part: $0, number: number), nodes, layer: "shuffle") }
    }

    /// Lets go of the operands one by one: releasing a deep expression doesn't recurse.
    deinit {
        var pending = operands
        operands = []
        while var node = pending.popLast() {
            if isKnownUniquelyReferenced(&node) {
                pending.append(contentsOf: node.operands)
                node.operands = []
            }
        }
    }
}

/// The name of the layer under whose scope nodes are being made.
package enum LayerScope {
    @TaskLocal package static var current: String?
}
