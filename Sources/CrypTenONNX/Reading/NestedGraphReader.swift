internal import CrypTenBase
internal import Foundation

/// Graphs inside of operators: what they read of the outer graph becomes inputs of the operator, and their constants become the
/// outermost graph's, so that everything else knows constants and dependencies of nodes only.
extension GraphReader {
    /// Operators that hold graphs, and the attributes that are these.
    static let graphAttributes: [String: Set<String>] = [
        "If": ["else_branch", "then_branch"], "Loop": ["body"], "Scan": ["body"], "SequenceMap": ["body"],
    ]

    /// The model's graph with the constants of nested graphs moved out, and what those read among their operators' inputs.
    func withoutNestedConstants(_ graph: FileGraph) throws -> FileGraph {
        guard graph.nodes.contains(where: { !$0.graphs.isEmpty }) else { return graph }
        var mover = ConstantMover(problem: file.problem, names: graph.allNames)
        var result = graph
        result.nodes = try graph.nodes.map { try mover.node($0, under: $0.name) }
        result.initializers += mover.initializers
        result.nodes = mover.nodes + result.nodes
        return result
    }

    /// A nested graph whose constants have been moved out.
    func body(_ graph: FileGraph, of name: String) throws -> GraphBody {
        let used = Set(graph.nodes.flatMap(\.inputs) + graph.outputs.map(\.name))
        return GraphBody(
            inputs: graph.inputs.map(\.name),
            outputs: graph.outputs.map(\.name),
            nodes: try graph.nodes.map { try self.node($0, name: "\(name)/\($0.name)", used: used) },
            captures: graph.freeNames
        )
    }
}

/// Takes constants out of nested graphs, inner ones first.
private struct ConstantMover {
    let problem: FileProblem
    /// Every name of the file.
    var names: Set<String>
    /// What has been taken out.
    var initializers: [FileConstant] = []
    var nodes: [FileNode] = []

    /// A node whose graphs have no constants, with what they read as its last inputs.
    mutating func node(_ node: FileNode, under path: String) throws -> FileNode {
        var node = node
        for index in node.graphs.indices {
            let (name, graph) = (node.graphs[index].name, node.graphs[index].graph)
            try check(name, of: node)
            let inner = node.graphs.count == 1 ? path : "\(path)/\(onOneLine(name))"
            node.graphs[index].graph = try self.graph(graph, of: node.name, under: inner)
        }
        node.inputs += node.graphs.flatMap(\.graph.freeNames)
        return node
    }

    /// Only some operators hold graphs; an operator of a domain that isn't read is refused for that.
    private func check(_ attribute: String, of node: FileNode) throws {
        guard let domain = OperatorDomain(node.domain) else { return }
        guard domain == .standard, GraphReader.graphAttributes[node.operation]?.contains(attribute) == true,
            !node.attributes.contains(where: { $0.name == attribute })
        else {
            throw unsupportedOperator(
                domain.operation(node.operation),
                node: node.name,
                why: "its attribute \(onOneLine(attribute)) is a graph, which only If, Loop, Scan and SequenceMap have"
            )
        }
    }

    private mutating func graph(_ graph: FileGraph, of node: String, under path: String) throws -> FileGraph {
        try check(graph, of: node)
        var moved: [String: String] = [:]
        func name(_ inner: String, _ names: inout Set<String>) -> String {
            let name = names.unused("\(path)/\(inner)")
            moved[inner] = name
            return name
        }
        for var constant in graph.initializers {
            constant.name = name(constant.name, &names)
            initializers.append(constant)
        }
        var kept: [FileNode] = []
        for var inner in graph.nodes {
            guard inner.isConstant, inner.outputs.count == 1 else {
                kept.append(inner)
                continue
            }
            inner.outputs = [name(inner.outputs[0], &names)]
            inner.name = "\(path)/\(inner.name)"
            nodes.append(inner)
        }
        var result = graph
        (result.initializers, result.nodes) = ([], kept)
        result.rename(moved)
        result.nodes = liveNodes(result)
        result.nodes = try result.nodes.map { try self.node($0, under: "\(path)/\($0.name)") }
        return result
    }

    /// Every name of a nested graph is defined once; the empty one, which stands for what is left out, is none.
    private func check(_ graph: FileGraph, of node: String) throws {
        guard !graph.outputs.isEmpty else { throw problem.malformed("node \(node): its graph has no outputs") }
        guard !graph.outputs.contains(where: { $0.name.isEmpty }) else {
            throw problem.malformed("node \(node): an output of its graph has no name")
        }
        // Before IR version 4 initialisers had to be listed as inputs too; in a nested graph they can't be.
        var defined: Set<String> = []
        let names = graph.initializers.map(\.name) + graph.inputs.map(\.name)
        for name in names + graph.nodes.flatMap(\.outputs).filter({ !$0.isEmpty }) {
            guard !name.isEmpty, defined.insert(name).inserted else {
                throw problem.malformed(
                    "node \(node): "
                        + (name.isEmpty
                            ? "a constant or an input of its graph has no name"
                            : "'\(onOneLine(name))' is defined twice in its graph")
                )
            }
        }
        for inner in graph.nodes {
            guard !inner.operation.isEmpty else { throw problem.malformed("node \(inner.name) has no operator") }
            guard inner.outputs.contains(where: { !$0.isEmpty }) else {
                throw problem.malformed("node \(inner.title) has no outputs")
            }
            if inner.isConstant, inner.outputs.contains("") {
                throw problem.malformed("node \(node): a constant of its graph has no name")
            }
        }
    }

    /// The nodes on which an output depends: what others read decides nothing, so no constant is looked at for their sake.
    private func liveNodes(_ graph: FileGraph) -> [FileNode] {
        var used = Set(graph.outputs.map(\.name))
        var live: [FileNode] = []
        for node in graph.nodes.reversed() where node.outputs.contains(where: { !$0.isEmpty && used.contains($0) }) {
            live.append(node)
            used.formUnion(node.reads)
        }
        return live.reversed()
    }
}

extension FileGraph {
    /// Calls what it reads by other names, inside of its nodes, too, where no graph defines the old one itself.
    fileprivate mutating func rename(_ others: [String: String]) {
        guard !others.isEmpty else { return }
        for index in nodes.indices {
            nodes[index].inputs = nodes[index].inputs.map { others[$0] ?? $0 }
            for inner in nodes[index].graphs.indices {
                var names = others
                let graph = nodes[index].graphs[inner].graph
                for name in graph.inputs.map(\.name) + graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs) {
                    names[name] = nil
                }
                nodes[index].graphs[inner].graph.rename(names)
            }
        }
        for index in outputs.indices { outputs[index].name = others[outputs[index].name] ?? outputs[index].name }
    }
}
