import CrypTenBase
package import CrypTenExpressions
import CrypTenRing

/// From nodes to a graph: public parts are folded, common subexpressions shared.
///
/// What depends on constants alone becomes a constant. What depends on tensors that are public only at run time becomes
/// one public operand: the parties evaluate it in the clear before the run.
package struct Simplify {
    private var graph = Graph()
    private var sources = GraphSources()
    private var places: [ObjectIdentifier: Int] = [:]
    private var known: [Key: Int] = [:]
    private var atRunTime: [ObjectIdentifier: Bool] = [:]

    private struct Key: Hashable {
        var operation: Primitive
        var inputs: [Int]
        var kind: ElementKind
    }

    private init() {}

    /// - Throws: the error that an ill-formed expression carries.
    package static func graph(of roots: [(Node, Graph.Destination)]) throws -> (Graph, GraphSources) {
        var pass = Simplify()
        for (root, destination) in roots {
            if let error = root.error { throw error }
            let entry = try pass.place(root)
            pass.graph.outputs.append(Graph.Output(entry: entry, destination: destination))
        }
        return (pass.graph, pass.sources)
    }

    /// Places a node and all below it, without recursion: networks are deep.
    private mutating func place(_ root: Node) throws -> Int {
        var stack = [root]
        while let node = stack.last {
            if places[ObjectIdentifier(node)] != nil {
                stack.removeLast()
                continue
            }
            let height = stack.count
            if node.visibility != .public {
                for input in node.inputs.reversed() where places[ObjectIdentifier(input)] == nil { stack.append(input) }
            }
            guard stack.count == height else { continue }
            places[ObjectIdentifier(node)] = try add(node)
            stack.removeLast()
        }
        guard let place = places[ObjectIdentifier(root)] else { preconditionFailure("the root was placed") }
        return place
    }

    private mutating func add(_ node: Node) throws -> Int {
        if node.visibility == .public { return try addPublic(node) }
        let operation = normalise(node.operation)
        let inputs = node.inputs.map { input -> Int in
            guard let place = places[ObjectIdentifier(input)] else { preconditionFailure("inputs come first") }
            return place
        }
        // Operations that change nothing.
        switch operation {
        case .reshape, .broadcast:
            if node.shape == graph.entries[inputs[0]].shape { return inputs[0] }
        case .permute(let axes):
            if axes == Array(axes.indices) { return inputs[0] }
        case .stopGradient, .known:
            return inputs[0]
        default:
            break
        }
        return insert(operation, inputs, node, isSecret: true)
    }

    private mutating func insert(_ operation: Primitive, _ inputs: [Int], _ node: Node, isSecret: Bool) -> Int {
        let next = graph.entries.count
        let place = Simplify.note(next, in: &known[Key(operation: operation, inputs: inputs, kind: node.kind)])
        guard place == next else { return place }
        graph.entries.append(
            Graph.Entry(
                operation: operation,
                inputs: inputs,
                shape: node.shape,
                kind: node.kind,
                isSecret: isSecret,
                layer: node.layer,
                number: next
            )
        )
        sources.origins.append(node.origin)
        return next
    }

    /// What is known already, or else `place` from now on: one search for both, of keys that take long to look at.
    private static func note(_ place: Int, in known: inout Int?) -> Int {
        if let known { return known }
        known = place
        return place
    }

    private mutating func addPublic(_ node: Node) throws -> Int {
        try checkWork(of: node)
        if dependsOnRunTime(node) {
            sources.plain.append(node)
            return insert(.publicInput(number: sources.plain.count - 1), [], node, isSecret: false)
        }
        var value: Tensor
        if case .constant(let tensor) = node.operation {
            value = tensor
        } else {
            value = try ClearEvaluator { _ in
                preconditionFailure("constants have no bindings")
            }.evaluate([node])[0]
        }
        if let place = value.doubles.firstIndex(where: \.isNaN) {
            let origin = node.origin.map { ", made at \($0)" } ?? ""
            throw CrypTenError(.outOfRange, "element \(place) of a public tensor\(origin) is not a number")
        }
        // One form a kind, so that equal constants are equal.
        switch node.kind {
        case .real: value = Tensor(.double(value.doubles), shape: value.shape)
        case .integer: value = Tensor(.int64(value.integers ?? []), shape: value.shape)
        case .bit: break
        }
        return insert(.constant(value), [], node, isSecret: false)
    }

    /// What public parts of an expression may take to compute, in elements and 64 multiply-accumulates: a few bytes of a model
    /// must not ask for more memory than there is.
    private static let mostWork = 1 << 26

    private func checkWork(of node: Node) throws {
        if node.inputs.isEmpty { return }
        let work = ClearEvaluator.work(of: [node])
        if work > Simplify.mostWork {
            let origin = node.origin.map { ", made at \($0)" } ?? ""
            throw CrypTenError(
                .outOfRange,
                """
                a public tensor of shape \(node.shape)\(origin) takes \(work) elements to compute, and at most \(Simplify.mostWork) \
                are computed; make it smaller, or put it in as a tensor
                """
            )
        }
    }

    private mutating func dependsOnRunTime(_ node: Node) -> Bool {
        if let answer = atRunTime[ObjectIdentifier(node)] { return answer }
        var answer = false
        if case .publicInput = node.operation { answer = true }
        for input in node.inputs where dependsOnRunTime(input) { answer = true }
        atRunTime[ObjectIdentifier(node)] = answer
        return answer
    }

    /// Sources by order of appearance; `known` makes a source that appears twice one entry, so its session number
    /// must stay part of its identity until it has a place: nodes of one number are one node.
    private mutating func normalise(_ operation: Primitive) -> Primitive {
        func position<Source: Equatable>(_ number: Source, in list: inout [Source]) -> Int {
            if let index = list.firstIndex(of: number) { return index }
            list.append(number)
            return list.count - 1
        }
        switch operation {
        case .input(let owner, let number):
            return .input(owner: owner, number: position(number, in: &sources.inputs))
        case .kept(let number):
            return .kept(number: position(KeptRead(number), in: &sources.kept))
        case .keptRows(let number, let rows):
            return .kept(number: position(KeptRead(number, rows: rows), in: &sources.kept))
        case .random(let distribution, let source, let shape, let number):
            return .random(
                distribution,
                drawnBy: source,
                shape,
                number: position(number, in: &sources.random)
            )
        case .shuffle(let part, let number):
            return .shuffle(part: part, number: position(number, in: &sources.random))
        default:
            return operation
        }
    }
}
