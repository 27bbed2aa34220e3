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
    /// It comes to an exponent: data may stay secret there, and a constant, which may be any number of a base of any sign, may not.
    var exponent: Need?
    /// It comes to an input that may be secret, and where it is public must be known before the run.
    var isKnownWherePublic = false
    /// Anything else reads it, or it is an output.
    var isRead = false

    /// What all parties must know it for before the run.
    var known: Need? { plain ?? deciding }

    /// What it must be public for.
    var `public`: Need? { known ?? atRun ?? exponent }

    /// The same value with more uses; of several needs the first stays.
    mutating func add(_ other: ValueUse) {
        plain = plain ?? other.plain
        deciding = deciding ?? other.deciding
        atRun = atRun ?? other.atRun
        exponent = exponent ?? other.exponent
        isKnownWherePublic = isKnownWherePublic || other.isKnownWherePublic
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
        return ValueUse(
            deciding: marked(deciding ?? plain),
            atRun: marked(atRun),
            exponent: marked(exponent),
            isKnownWherePublic: isKnownWherePublic,
            isRead: isRead
        )
    }
}

/// The uses of every name of a graph, followed from its outputs backwards through all operators.
///
/// An input that is left out and an output that nobody reads have the empty name, which is no value: nothing comes to it, and
/// nothing from it.
struct ValueUses {
    private var uses: [String: ValueUse] = [:]

    init(_ graph: Graph) {
        self.init(graph.nodes, outputs: graph.outputs.map { ($0.name, ValueUse(isRead: true)) }, loops: 0)
    }

    /// - Parameter loops: How many graphs around these nodes run more than once.
    private init(_ nodes: [GraphNode], outputs: [(String, ValueUse)], loops: Int) {
        for (name, use) in outputs { add(use, to: name) }
        for node in nodes.reversed() {
            let wirings = node.wirings
            if wirings.isEmpty {
                follow(node)
            } else {
                for wiring in wirings { follow(node, wiring, loops) }
                for position in 0..<node.operandCount { addNeed(of: node, at: position) }
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
        let entry = OperatorTable.entries[node.operation]
        let known = entry?.known ?? []
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
            let need = ValueUse.Need(node, at: position, role)
            if let entry, entry.secret.contains(position), result.known == nil {
                let exponent = role == .exponent ? need : nil
                uses[name, default: ValueUse()].add(
                    ValueUse(
                        exponent: exponent,
                        isKnownWherePublic: !entry.atRun || result.isKnownWherePublic,
                        isRead: exponent == nil
                    )
                )
                continue
            }
            // Where the result must be known before the run, no public value of the run will do.
            let isKnown = known.contains(position) || result.known != nil
            uses[name, default: ValueUse()].add(need, isKnown: isKnown)
        }
    }

    /// What a graph that decides something reads there.
    private mutating func addNeed(of node: GraphNode, at position: Int) {
        let name = node.inputs[position]
        guard !name.isEmpty, let role = InputRoles.role(of: node, at: position) else { return }
        uses[name, default: ValueUse()].add(ValueUse.Need(node, at: position, role), isKnown: true)
    }

    /// A graph inside of a node, whose states go from one run to the next.
    private mutating func follow(_ node: GraphNode, _ wiring: BodyWiring, _ loops: Int) {
        let (body, depth) = (wiring.body, wiring.states.isEmpty ? loops : loops + 1)
        var results = [ValueUse](repeating: ValueUse(), count: body.outputs.count)
        for (position, outer) in wiring.results where !outer.isEmpty { results[position].add(self[outer]) }
        if let condition = wiring.condition, condition < results.count {
            let name = body.outputs[condition]
            results[condition].add(
                ValueUse.Need(node: node.name, operation: node.operation, position: 1, input: name, role: .condition),
                isKnown: true
            )
        }
        var inner = ValueUses(body.nodes, outputs: Array(zip(body.outputs, results)), loops: depth)
        // A use reaches at least one more state with each turn; where many take turns, all are taken to have them all. Loops in loops
        // take turns in each turn, so that there are few.
        let most = loops == 0 ? 24 : 2
        var turn = 0
        while !wiring.states.isEmpty {
            var next = results
            for (position, name) in wiring.states { next[position].add(inner[name]) }
            if turn >= most {
                let all = wiring.states.reduce(into: ValueUse()) { $0.add(next[$1.position]) }
                for (position, _) in wiring.states { next[position].add(all) }
            }
            if next == results { break }
            (results, turn) = (next, turn + 1)
            inner = ValueUses(body.nodes, outputs: Array(zip(body.outputs, results)), loops: depth)
        }
        for (outer, name) in wiring.reads { add(inner[name], to: outer) }
    }
}

extension ValueUse.Need {
    /// What a node needs an input for.
    fileprivate init(_ node: GraphNode, at position: Int, _ role: InputRole) {
        self.init(
            node: node.name,
            operation: node.operation,
            position: position,
            input: node.inputs[position],
            role: role
        )
    }
}
