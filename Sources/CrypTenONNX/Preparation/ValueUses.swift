/// What becomes of one value of a graph.
struct ValueUse: Hashable, Sendable {
    /// An input that decides something public and to which the value comes.
    struct Need: Hashable, Sendable {
        var node: String
        var operation: String
        var position: Int
        /// What the node reads there.
        var input: String
        var role: InputRole
        /// Whether anything is computed on the way to it.
        var isComputed = false
    }

    /// It comes, as it is, to a shape, a bound or a scale.
    var plain: Need?
    /// It comes to such an input through arithmetic, or to an address, an exponent or a mode.
    var deciding: Need?
    /// The same, where a public value of the run would do.
    var atRun: Need?
    /// Anything else reads it, or it is an output.
    var isRead = false

    /// What all parties must know it for before the run.
    var known: Need? { plain ?? deciding }

    /// What it must be public for.
    var `public`: Need? { known ?? atRun }

    /// The same value with more uses; of several needs the first stays.
    mutating func add(_ other: ValueUse) {
        plain = plain ?? other.plain
        deciding = deciding ?? other.deciding
        atRun = atRun ?? other.atRun
        isRead = isRead || other.isRead
    }

    mutating func add(_ need: Need, isKnown: Bool) {
        if !isKnown {
            atRun = atRun ?? need
        } else if need.role.opensFloats {
            plain = plain ?? need
        } else {
            deciding = deciding ?? need
        }
    }

    /// The uses of what this one is computed of.
    var computed: ValueUse {
        func marked(_ need: Need?) -> Need? {
            need.map {
                var need = $0
                need.isComputed = true
                return need
            }
        }
        return ValueUse(deciding: marked(deciding ?? plain), atRun: marked(atRun), isRead: isRead)
    }
}

/// The uses of every name of a graph, followed from its outputs backwards through all operators.
///
/// An input that is left out and an output that nobody reads have the empty name, which is no value: nothing comes to it, and
/// nothing from it.
struct ValueUses {
    private var uses: [String: ValueUse] = [:]

    init(_ graph: Graph) {
        self.init(graph.nodes, outputs: graph.outputs.map { ($0.name, ValueUse(isRead: true)) })
    }

    private init(_ nodes: [GraphNode], outputs: [(String, ValueUse)]) {
        for (name, use) in outputs { add(use, to: name) }
        for node in nodes.reversed() {
            if case .graph(let body)? = node.attributes["body"] {
                follow(node, body)
            } else {
                follow(node)
            }
        }
    }

    /// The uses of a name; none for one that isn't there.
    subscript(_ name: String) -> ValueUse {
        uses[name] ?? ValueUse()
    }

    private mutating func add(_ use: ValueUse, to name: String) {
        if !name.isEmpty { uses[name, default: ValueUse()].add(use) }
    }

    private mutating func follow(_ node: GraphNode) {
        let known = OperatorTable.entries[node.operation]?.known ?? []
        let ofShapes = InputRoles.outputsOfShapes[node.operation] ?? []
        var result = ValueUse()
        for (position, name) in node.outputs.enumerated() where !name.isEmpty && !ofShapes.contains(position) {
            result.add(self[name])
        }
        let passed = InputRoles.moves.contains(node.operation) ? result : result.computed
        for (position, name) in node.inputs.enumerated() where !name.isEmpty {
            if InputRoles.withoutNumbers[node.operation]?.contains(position) == true { continue }
            guard let role = InputRoles.role(of: node, at: position) else {
                add(passed, to: name)
                continue
            }
            let need = ValueUse.Need(
                node: node.name,
                operation: node.operation,
                position: position,
                input: name,
                role: role
            )
            // Where the result must be known before the run, no public value of the run will do.
            let isKnown = known.contains(position) || result.known != nil
            uses[name, default: ValueUse()].add(need, isKnown: isKnown)
        }
    }

    /// A graph that runs once for each element of a sequence, whose states go from one run to the next.
    private mutating func follow(_ node: GraphNode, _ body: GraphBody) {
        let captures = node.inputs.suffix(body.captures.count)
        var operands = node.inputs.dropLast(captures.count)[...]
        if node.version == 8 { operands = operands.dropFirst() }
        var scanned = 0
        if case .int(let count)? = node.attributes["num_scan_inputs"] { scanned = count }
        let states = min(body.inputs.count - max(0, min(scanned, body.inputs.count)), body.outputs.count)
        var results = body.outputs.indices.map { $0 < node.outputs.count ? self[node.outputs[$0]] : ValueUse() }
        var inner = ValueUses(body.nodes, outputs: Array(zip(body.outputs, results)))
        // A use reaches at least one more state with each turn; where many take turns, all are taken to have them all.
        for turn in 0..<64 {
            var next = results
            for state in 0..<states { next[state].add(inner[body.inputs[state]]) }
            if turn == 62 {
                let all = next.prefix(states).reduce(into: ValueUse()) { $0.add($1) }
                for state in 0..<states { next[state].add(all) }
            }
            if next == results { break }
            results = next
            inner = ValueUses(body.nodes, outputs: Array(zip(body.outputs, results)))
        }
        for (operand, name) in zip(operands, body.inputs) { add(inner[name], to: operand) }
        for (operand, name) in zip(captures, body.captures) { add(inner[name], to: operand) }
    }
}
