internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

/// One node with its inputs' values, as an operator's import function sees it.
struct Operation {
    let node: GraphNode
    /// Nil for an optional input that is left out.
    let inputs: [Value?]
    /// Whether what behaves otherwise in training does so.
    var isTraining = false
    /// Whether the model was loaded to be trained: then modes of training are no mistake of the file's.
    var isOfTrainedModel = false

    var version: Int { node.version }

    // MARK: What is wrong

    /// The refusal of this node.
    func unsupported(_ why: String) -> CrypTenError {
        unsupportedOperator(node.operation, node: node.name, why: why)
    }

    /// The node breaks the standard's rules.
    func malformed(_ why: String) -> CrypTenError {
        CrypTenError(.malformedFile, "node \(node.name) (\(node.operation)): \(why)")
    }

    /// The inputs' shapes don't fit the node.
    func mismatch(_ why: String) -> CrypTenError {
        CrypTenError(.shapeMismatch, why)
    }

    /// Whether anything reads an output; later ones are optional.
    func isRead(output position: Int) -> Bool {
        position < node.outputs.count && !node.outputs[position].isEmpty
    }

    // MARK: Inputs

    func optional(_ position: Int) -> Value? {
        position < inputs.count ? inputs[position] : nil
    }

    func input(_ position: Int) throws -> Value {
        guard let value = optional(position) else { throw malformed("input \(position) is missing") }
        return value
    }

    /// All inputs of an operator that takes any number, of one type.
    func allInputs() throws -> [Value] {
        let values = try inputs.indices.map { try input($0) }
        guard let first = values.first else { throw malformed("it has no inputs") }
        guard values.allSatisfy({ $0.type.kind == first.type.kind }) else {
            throw malformed("its inputs have different types")
        }
        return values
    }

    /// Two inputs of one type.
    func pair() throws -> (Value, Value) {
        let values = (try input(0), try input(1))
        guard values.0.type.kind == values.1.type.kind else {
            throw malformed("its inputs have types \(values.0.type.rawValue) and \(values.1.type.rawValue)")
        }
        return values
    }

    /// Two inputs of one type that broadcast; before version 7 the second stands, by an attribute, at an axis of the first.
    func alignedPair() throws -> (Value, Value) {
        let (a, b) = try pair()
        guard version < 7, try flag("broadcast", default: false), let start = try int("axis") else { return (a, b) }
        let first = try axis(start, rank: a.shape.rank)
        guard first + b.shape.rank <= a.shape.rank else {
            throw mismatch("shape \(b.shape) can't stand at axis \(first) of shape \(a.shape)")
        }
        let rest = [Int](repeating: 1, count: a.shape.rank - first - b.shape.rank)
        return (a, try b.reshaped(Shape(b.shape.dimensions + rest)))
    }

    /// An input of floats.
    func real(_ position: Int) throws -> Value {
        let value = try input(position)
        guard value.type.kind == .real else {
            throw unsupported("input \(position) is \(value.type.rawValue); floats are computed here")
        }
        return value
    }

    /// An input of floats or integers.
    func number(_ position: Int) throws -> Value {
        let value = try input(position)
        guard value.type.kind != .bit else {
            throw unsupported("input \(position) is bool; floats and integers are computed here")
        }
        return value
    }

    /// An input whose numbers must be known at import, or nil where it is left out.
    func known(_ position: Int) throws -> Tensor? {
        guard let value = optional(position) else { return nil }
        guard let tensor = value.knownTensor else {
            let role = InputRoles.role(of: node, at: position) ?? .shape
            throw unsupported(
                "input \(position) ('\(node.inputs[position])') is \(role.noun) that isn't known before the run: \(role.plural) "
                    + "that depend on secrets aren't supported yet by \(node.operation). Public inputs, and constants named "
                    + "with --open, are known, and all parties see all their numbers"
            )
        }
        return tensor
    }

    /// An input of integers that must be known at import, as a list, or nil where it is left out.
    func knownIntegers(_ position: Int) throws -> [Int]? {
        guard let tensor = try known(position) else { return nil }
        guard tensor.shape.rank <= 1, tensor.kind == .integer, let integers = tensor.integers else {
            throw malformed("input \(position) of shape \(tensor.shape) must be a list of integers")
        }
        return integers.map { Int($0) }
    }

    /// An input that is one number and must be known at import, or nil where it is left out.
    func knownScalar(_ position: Int) throws -> Double? {
        guard let tensor = try known(position) else { return nil }
        guard tensor.shape.count == 1 else {
            throw malformed("input \(position) of shape \(tensor.shape) must be one number")
        }
        return tensor.doubles[0]
    }

    /// An input that is one whole number and must be known at import, or nil where it is left out.
    func knownWhole(_ position: Int) throws -> Int? {
        guard let number = try knownScalar(position) else { return nil }
        guard let whole = Int(exactly: number) else {
            throw malformed("input \(position) must be a whole number, not \(number)")
        }
        return whole
    }

    // MARK: Attributes

    func int(_ name: String) throws -> Int? {
        guard let attribute = node.attributes[name] else { return nil }
        guard case .int(let value) = attribute else { throw malformed("attribute \(name) must be an integer") }
        return value
    }

    func int(_ name: String, default standard: Int) throws -> Int {
        try int(name) ?? standard
    }

    /// An attribute that is 0 or 1.
    func flag(_ name: String, default standard: Bool) throws -> Bool {
        try int(name).map { $0 != 0 } ?? standard
    }

    func ints(_ name: String) throws -> [Int]? {
        guard let attribute = node.attributes[name] else { return nil }
        guard case .ints(let values) = attribute else {
            throw malformed("attribute \(name) must be a list of integers")
        }
        return values
    }

    func float(_ name: String) throws -> Double? {
        guard let attribute = node.attributes[name] else { return nil }
        guard case .float(let value) = attribute, value.isFinite else {
            throw malformed("attribute \(name) must be a finite number")
        }
        return Double(value)
    }

    func float(_ name: String, default standard: Double) throws -> Double {
        try float(name) ?? standard
    }

    func string(_ name: String, default standard: String) throws -> String {
        guard let attribute = node.attributes[name] else { return standard }
        guard case .string(let text) = attribute else { throw malformed("attribute \(name) must be text") }
        return text
    }

    func floats(_ name: String) throws -> [Double]? {
        guard let attribute = node.attributes[name] else { return nil }
        guard case .floats(let values) = attribute, values.allSatisfy(\.isFinite) else {
            throw malformed("attribute \(name) must be a list of finite numbers")
        }
        return values.map(Double.init)
    }

    func strings(_ name: String) throws -> [String]? {
        guard let attribute = node.attributes[name] else { return nil }
        guard case .strings(let texts) = attribute else { throw malformed("attribute \(name) must be a list of texts") }
        return texts
    }

    // MARK: Axes

    /// An axis from 0 on; negative ones count from the last.
    func axis(_ axis: Int, rank: Int) throws -> Int {
        guard (-rank..<rank).contains(axis) else { throw malformed("axis \(axis) isn't one of \(rank)") }
        return axis < 0 ? axis + rank : axis
    }

    /// Different axes from 0 on.
    func axes(_ axes: [Int], rank: Int) throws -> [Int] {
        let positions = try axes.map { try axis($0, rank: rank) }
        guard Set(positions).count == positions.count else { throw malformed("axes \(axes) name one axis twice") }
        return positions
    }

    /// Axes that are an input from one version on and an attribute before; nil where they aren't given.
    func axes(inputSince since: Int) throws -> [Int]? {
        version >= since ? try knownIntegers(1) : try ints("axes")
    }
}
