import CrypTenExpressions

/// `max(relu(x), …)` becomes `relu(max(x, …))`: a quarter of the ReLUs after a 2×2 pool, and the same value.
///
/// It applies where the maximum reads, through operations that only move elements, nothing but ReLUs that nobody else
/// reads. Padding with zeros is no obstacle: the ReLU of the maximum has no value below zero either.
package enum PoolBeforeReLU {
    package static func apply(_ graph: Graph) -> Graph {
        var graph = graph
        let consumers = graph.consumers
        let handedOut = Set(graph.outputs.map(\.entry))
        for index in graph.entries.indices {
            guard case .maximum = graph.entries[index].operation else { continue }
            guard let relus = relusBelow(index, graph, consumers, handedOut), !relus.isEmpty else { continue }
            // Each ReLU of the chain steps aside: readers of it read what it read.
            var moved: Set<Int> = []
            for relu in relus { moved.insert(relu) }
            for reader in graph.entries.indices {
                for (position, input) in graph.entries[reader].inputs.enumerated() where moved.contains(input) {
                    graph.entries[reader].inputs[position] = graph.entries[input].inputs[0]
                }
            }
            insertReLU(after: index, &graph)
            // Positions have changed: look again from the start.
            return apply(graph)
        }
        return graph
    }

    /// The ReLUs that a maximum reads through moves of elements, or nil where it reads anything else.
    private static func relusBelow(
        _ index: Int,
        _ graph: Graph,
        _ consumers: [[Int]],
        _ handedOut: Set<Int>
    ) -> Set<Int>? {
        var relus: Set<Int> = []
        var inside: Set<Int> = [index]
        var stack = graph.entries[index].inputs
        while let next = stack.popLast() {
            if inside.contains(next) || relus.contains(next) { continue }
            let entry = graph.entries[next]
            if case .relu = entry.operation {
                relus.insert(next)
            } else if entry.operation.movesElements, entry.isSecret {
                inside.insert(next)
                stack.append(contentsOf: entry.inputs)
            } else {
                return nil
            }
        }
        let all = inside.union(relus).subtracting([index])
        for entry in all where handedOut.contains(entry) || !consumers[entry].allSatisfy(inside.contains) {
            return nil
        }
        return relus
    }

    /// Puts a ReLU behind an entry: everyone who read the entry reads the ReLU.
    private static func insertReLU(after index: Int, _ graph: inout Graph) {
        let shift = { (place: Int) in place > index ? place + 1 : place }
        for place in graph.entries.indices {
            graph.entries[place].inputs = graph.entries[place].inputs.map { $0 >= index && place > index ? $0 + 1 : $0 }
        }
        var relu = graph.entries[index]
        relu.operation = .relu
        relu.inputs = [index]
        graph.entries.insert(relu, at: index + 1)
        graph.outputs = graph.outputs.map {
            Graph.Output(entry: $0.entry == index ? index + 1 : shift($0.entry), destination: $0.destination)
        }
    }
}
