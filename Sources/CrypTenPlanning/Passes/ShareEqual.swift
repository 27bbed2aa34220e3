import CrypTenExpressions

/// Entries that have become equal are one: what a pass has moved may be what another part of the graph, a gradient's, was made with.
enum ShareEqual {
    private struct Key: Hashable {
        var operation: Primitive
        var inputs: [Int]
        var kind: ElementKind
    }

    static func apply(_ graph: Graph) -> Graph {
        var shared = Graph()
        var places: [Int] = []
        var known: [Key: Int] = [:]
        for var entry in graph.entries {
            entry.inputs = entry.inputs.map { places[$0] }
            let key = Key(operation: entry.operation, inputs: entry.inputs, kind: entry.kind)
            if let place = known[key] {
                places.append(place)
            } else {
                known[key] = shared.entries.count
                places.append(shared.entries.count)
                shared.entries.append(entry)
            }
        }
        shared.outputs = graph.outputs.map { Graph.Output(entry: places[$0.entry], destination: $0.destination) }
        return shared
    }
}
