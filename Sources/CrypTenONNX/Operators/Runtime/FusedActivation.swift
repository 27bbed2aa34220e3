internal import CrypTenBase
internal import CrypTenExpressions

/// A function of each element that onnxruntime's optimiser has put into the operator before it.
struct FusedActivation {
    /// The standard's operator, in a version whose parameters are attributes; nil: none.
    private let operation: String?
    private let attributes: [String: GraphAttribute]

    /// The parameters of each function, in the order in which a convolution lists them.
    private static let functions: [String: [String]] = [
        "Relu": [], "Tanh": [], "Sigmoid": [], "Softplus": [], "Softsign": [], "HardSwish": [],
        "LeakyRelu": ["alpha"], "Elu": ["alpha"], "ThresholdedRelu": ["alpha"], "Celu": ["alpha"],
        "Selu": ["alpha", "gamma"], "HardSigmoid": ["alpha", "beta"], "Clip": ["min", "max"],
        "Softmax": ["axis"], "LogSoftmax": ["axis"],
    ]

    /// A node's activation: an attribute names it, and its parameters are in a list, or each in an attribute `activation_…`.
    ///
    /// - Throws: `.unsupportedOperator` for a function that isn't known, and for parameters that aren't its.
    init(_ operation: Operation) throws {
        let name = try operation.string("activation", default: "")
        guard !name.isEmpty else {
            (self.operation, attributes) = (nil, [:])
            return
        }
        guard let parameters = Self.functions[name] else {
            throw operation.unsupported(
                "its activation \(onOneLine(name)) isn't one of \(Self.functions.keys.sorted().joined(separator: ", "))"
            )
        }
        var attributes: [String: GraphAttribute] = [:]
        if let list = try operation.floats("activation_params") {
            guard list.count == parameters.count || list.isEmpty else {
                throw operation.malformed("\(name) takes \(parameters.count) parameters, not \(list.count)")
            }
            for (parameter, number) in zip(parameters, list) { attributes[parameter] = .float(Float(number)) }
        }
        for parameter in parameters {
            if let given = operation.node.attributes["activation_\(parameter)"] { attributes[parameter] = given }
        }
        (self.operation, self.attributes) = (name, attributes)
    }

    func applied(to value: Value, of operation: Operation) throws -> Value {
        guard let function = self.operation else { return value }
        // The bounds of later versions are inputs.
        let version = function == "Clip" ? 6 : nil
        return try operation.result(of: function, version: version, [.made(value)], attributes)
    }
}
