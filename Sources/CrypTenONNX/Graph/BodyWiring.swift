/// How values come into a graph inside of a node, go from one of its runs to the next, and come out of it.
struct BodyWiring {
    var body: GraphBody
    /// What the node reads, and what that is called inside: its operands, and what the graph reads of the outer one.
    var reads: [(outer: String, inner: String)]
    /// Outputs of the graph by their position, and what the node makes of them.
    var results: [(position: Int, outer: String)]
    /// Outputs of the graph by their position, and the inputs whose values they are in its next run.
    var states: [(position: Int, inner: String)] = []
    /// The output that says whether the graph runs once more.
    var condition: Int?
}

extension GraphNode {
    /// The graphs inside of it, in the order of their attributes' names: in this order it reads what they read of the outer graph.
    var bodies: [(name: String, body: GraphBody)] {
        attributes.sorted { $0.key < $1.key }.compactMap { key, attribute in
            if case .graph(let body) = attribute { (key, body) } else { nil }
        }
    }

    /// What names of nodes inside of one of its graphs begin with.
    func path(ofGraph graph: String) -> String {
        bodies.count == 1 ? name : "\(name)/\(graph)"
    }

    /// Its own inputs, without what its graphs read of the outer one.
    var operandCount: Int {
        attributes.isEmpty ? inputs.count : max(0, inputs.count - bodies.reduce(0) { $0 + $1.body.captures.count })
    }

    /// Its graphs and how they are wired; none for other operators.
    var wirings: [BodyWiring] {
        let bodies = bodies
        if bodies.isEmpty { return [] }
        var captured = inputs.dropFirst(operandCount)
        return bodies.map { _, body in
            let own = captured.prefix(body.captures.count)
            captured = captured.dropFirst(body.captures.count)
            var wiring = wiring(of: body)
            wiring.reads += zip(own, body.captures).map { ($0, $1) }
            return wiring
        }
    }

    private func wiring(of body: GraphBody) -> BodyWiring {
        let operands = Array(inputs.prefix(operandCount))
        func results(from first: Int) -> [(Int, String)] {
            zip(body.outputs.indices.dropFirst(first), outputs).map { ($0, $1) }
        }
        func states(_ count: Int, outputs first: Int, inputs start: Int) -> [(Int, String)] {
            zip(body.outputs.indices.dropFirst(first), body.inputs.dropFirst(start)).prefix(max(0, count)).map {
                ($0, $1)
            }
        }
        switch operation {
        case "Loop":
            // Trips and whether there is a first one; inside, the number of the turn stands in the trips' place.
            let pairs = zip(operands.dropFirst(), body.inputs.dropFirst()).map { ($0, $1) }
            return BodyWiring(
                body: body,
                reads: pairs,
                results: results(from: 1),
                states: states(operands.count - 1, outputs: 0, inputs: 1),
                condition: 0
            )
        case "Scan":
            let own = version == 8 ? Array(operands.dropFirst()) : operands
            var scanned = 0
            if case .int(let count)? = attributes["num_scan_inputs"] { scanned = count }
            let kept = body.inputs.count - max(0, min(scanned, body.inputs.count))
            return BodyWiring(
                body: body,
                reads: zip(own, body.inputs).map { ($0, $1) },
                results: results(from: 0),
                states: states(kept, outputs: 0, inputs: 0)
            )
        default:
            return BodyWiring(body: body, reads: zip(operands, body.inputs).map { ($0, $1) }, results: results(from: 0))
        }
    }
}
