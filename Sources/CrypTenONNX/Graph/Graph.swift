internal import CrypTenExpressions
internal import CrypTenRing

/// A model's graph after reading: every name is defined once and before it is used, every operator and its version are
/// known, and constants have as many elements as their shapes say.
struct Graph: Sendable {
    /// The model's own name, for messages.
    var name: String
    /// The version of each domain's operators that the model uses.
    var opsets: [OperatorDomain: Int]
    var inputs: [ONNXModel.Input]
    var outputs: [ONNXModel.Output]
    /// Initialisers and the values of `Constant` nodes, in the model's order.
    var constants: [GraphConstant]
    /// In topological order; only those on which an output depends.
    var nodes: [GraphNode]
    /// Of names whose numbers are places of texts, the texts.
    var texts: [String: [String]] = [:]
}

/// A named tensor that the model holds.
struct GraphConstant: Sendable {
    var name: String
    var type: ONNXElementType
    var shape: Shape
    /// Nil for a secret constant of a skeleton.
    var tensor: Tensor?
    /// Of a constant of texts: the texts, whose places are the numbers.
    var texts: [String]?
    /// Secret constants are known to the model's owner alone.
    var isSecret: Bool
    /// Whether it is the value of a `Constant` node, and no initialiser.
    var isNode = false
    /// What decides that it is secret or public: in a skeleton, its owner.
    var rule = ONNXModel.Rule.owner
    /// The input for whose sake it is public without its owner's word.
    var reader: ValueUse.Need?
}

/// One operator of the graph.
struct GraphNode: Hashable, Sendable {
    /// The node's name, or its first output's where it has none.
    var name: String
    /// Its name in the table of operators: the standard's networks have no prefix, others their domain's.
    var operation: String
    /// The operator set that last changed the operator, up to the model's own.
    var version: Int
    /// The empty name is an optional input that is left out.
    var inputs: [String]
    /// The empty name is an output that nobody reads.
    var outputs: [String]
    var attributes: [String: GraphAttribute]
}

/// A constant that is part of an operator.
enum GraphAttribute: Hashable, Sendable {
    case float(Float)
    case int(Int)
    case string(String)
    case floats([Float])
    case ints([Int])
    case strings([String])
    case tensor(type: ONNXElementType, Tensor)
    case graph(GraphBody)
}

/// A graph inside an operator: a branch, or what runs once for each step of a loop or of a sequence.
struct GraphBody: Hashable, Sendable {
    /// What the operator supplies.
    var inputs: [String]
    var outputs: [String]
    var nodes: [GraphNode]
    /// Names of the outer graph that it reads; the operator has them as its last inputs, in this order, one graph's after another's.
    var captures: [String]
}
