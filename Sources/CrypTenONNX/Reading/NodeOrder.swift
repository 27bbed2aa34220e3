internal import CrypTenBase

extension FileGraph {
    /// The same graph, and all inside of it, with every node behind those whose results it reads.
    ///
    /// Nodes that stand so stay where they are.
    ///
    /// - Returns: The graph with its nodes in order.
    /// - Throws: `CrypTenError.Code.malformedFile` naming the nodes of a cycle.
    func inOrder(_ problem: FileProblem) throws -> FileGraph {
        var graph = self
        for index in graph.nodes.indices {
            for inner in graph.nodes[index].graphs.indices {
                graph.nodes[index].graphs[inner].graph = try graph.nodes[index].graphs[inner].graph.inOrder(problem)
            }
        }
        graph.nodes = try NodeOrder(graph).order(problem).map { graph.nodes[$0] }
        return graph
    }
}

/// Nodes and which of them each reads.
private struct NodeOrder {
    let nodes: [FileNode]
    let needed: [[Int]]

    init(_ graph: FileGraph) {
        nodes = graph.nodes
        // A name that is defined twice is refused later.
        var defined = Set(graph.inputs.map(\.name) + graph.initializers.map(\.name) + [""])
        var makers: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.outputs where defined.insert(output).inserted { makers[output] = index }
        }
        needed = nodes.map { node in node.reads.compactMap { makers[$0] } }
    }

    private enum Mark { case untouched, begun, done }

    /// Depth first from each node in the file's order, without recursion: a file may have a chain of any length.
    func order(_ problem: FileProblem) throws -> [Int] {
        var marks = [Mark](repeating: .untouched, count: nodes.count)
        var order: [Int] = []
        order.reserveCapacity(nodes.count)
        for start in nodes.indices where marks[start] == .untouched {
            var path = [(node: start, next: 0)]
            marks[start] = .begun
            while let (node, next) = path.last {
                guard next < needed[node].count else {
                    marks[node] = .done
                    order.append(node)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let other = needed[node][next]
                switch marks[other] {
                case .done: continue
                case .begun: throw cycle(path.map(\.node), from: other, problem)
                case .untouched:
                    marks[other] = .begun
                    path.append((other, 0))
                }
            }
        }
        return order
    }

    private func cycle(_ path: [Int], from first: Int, _ problem: FileProblem) -> CrypTenError {
        let members = path.drop { $0 != first }.reversed().map { nodes[$0].title }
        if members.count == 1 { return problem.malformed("node \(members[0]) reads its own result") }
        let rest = members.count > 8 ? " and \(members.count - 8) more" : ""
        return problem.malformed(
            "a cycle: nodes \(members.prefix(8).joined(separator: ", "))\(rest) each read a result of the next one, and the last one of the first"
        )
    }
}
