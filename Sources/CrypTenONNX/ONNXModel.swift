internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
public import Foundation

/// A network from an ONNX file: a function of named tensors with named secret parameters.
///
/// The owner loads the file; everybody else gets its ``skeleton()``: the graph without the secret weights. Both import to
/// the same expressions. Secret are floats, of any rank and size, and integers that become floats. Public, and in the
/// skeleton, are other integers, booleans, one number in a `Constant` node, floats that nothing reads but a shape, a bound or
/// a scale, names, shapes, operators and their attributes. ``constants`` says of each which ``Rule`` decided.
///
/// ```swift
/// let model = try ONNXModel(contentsOf: url)                       // the owner
/// let skeleton = try ONNXModel(skeleton: bytesFromTheOwner)        // the others
/// let outputs = try model.apply(inputs: ["x": x], parameters: secretWeights)
/// ```
///
/// Arithmetic on weights alone, such as the folding of batch normalisation into a convolution, is done by the owner in
/// double when the file is loaded: a parameter is what the network multiplies and adds, not what the file holds.
public struct ONNXModel: Sendable {
    /// The name that the model gives its graph.
    public let name: String
    /// The version of the standard operators that it uses; the newest that is known for a file without any.
    public let opset: Int
    /// What the caller supplies, in the model's order.
    public let inputs: [Input]
    /// What it computes, in the model's order.
    public internal(set) var outputs: [Output]
    /// All constants that an output depends on, and whether they are secret.
    public let constants: [Constant]
    /// The secret tensors that ``apply(inputs:parameters:publicValues:)`` takes, in the order of their first use.
    public internal(set) var parameters: [Parameter]

    /// What the parameters are for.
    public let purpose: Purpose

    /// What a model is loaded for.
    public enum Purpose: String, Sendable, Codable {
        /// To be run: what depends on weights alone is computed by their owner when the file is loaded.
        case inference
        /// To be trained: the parameters are the file's own weights, under its names. What an `Identity` makes of one is a parameter of
        /// its own, as it is in the network that was exported: exporters write weights that start alike once.
        case training
    }

    /// Public exponents of parameters, by name: all numbers of one lie below 2 to its exponent in magnitude. None unless
    /// ``withWeightExponents()`` made them.
    public internal(set) var weightExponents: [String: Int] = [:]

    /// Inputs of whole numbers of which the model reads rows of tables, by name: where they are secret, their owner gives the numbers
    /// expanded, see ``Words/expanded(_:name:)``.
    public let words: [String: Words]

    /// The texts of outputs of texts, by name; at the owner also those that ``withHiddenLabels()`` hides from the others.
    public var texts: [String: [String]] {
        outputs.reduce(into: ownTexts) { $0[$1.name] = $1.texts ?? $0[$1.name] }
    }

    /// The texts of outputs that the skeleton doesn't have.
    var ownTexts: [String: [String]] = [:]
    /// The graph as it was read, without secret numbers.
    var graph: Graph
    /// The nodes that are imported, and the constants that they read.
    let nodes: [GraphNode]
    let values: [String: Value]
    /// What is imported instead where the only words are secret, and only sums of them are read.
    let counting: WordCounting?
    /// The elements of all constants whose numbers were there: what may be computed of them goes by it.
    let constantCount: Int

    /// Loads a model's file; external data are read from its folder.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - secret: Constants that are secret whatever the rules say.
    ///   - open: Constants that are public whatever the rules say: all parties see their numbers.
    ///   - trees: What the skeleton shows of ensembles of trees.
    ///   - purpose: What the model is loaded for.
    /// - Throws: `CrypTenError.Code.fileNotReadable` or `.malformedFile`, naming the file and what is wrong with it;
    ///   `.unsupportedOperator`, naming operator and node, also where a weight that isn't open decides an address, a shape, a
    ///   bound or a scale; `.invalidArgument` for a name that is none of a constant;
    ///   `.outOfRange` for weights that are infinite or not numbers, naming the weight and the index.
    public init(
        contentsOf url: URL,
        secret: Set<String> = [],
        open: Set<String> = [],
        trees: TreeVisibility = .features,
        for purpose: Purpose = .inference
    ) throws {
        try self.init(try ModelFile(contentsOf: url), isSkeleton: false, secret, open, trees, purpose)
    }

    /// Loads a model from the bytes of a file without external data; `name` stands for the file in messages.
    public init(
        bytes: Data,
        name: String = "model",
        secret: Set<String> = [],
        open: Set<String> = [],
        trees: TreeVisibility = .features,
        for purpose: Purpose = .inference
    ) throws {
        try self.init(try ModelFile(bytes: bytes, name: name), isSkeleton: false, secret, open, trees, purpose)
    }

    /// The model that an owner's ``skeleton()`` describes; its parameters have no values.
    ///
    /// The bytes come from a peer and are checked like a file's.
    public init(skeleton bytes: Data, for purpose: Purpose = .inference) throws {
        try self.init(try ModelFile(bytes: bytes, name: "skeleton"), isSkeleton: true, [], [], .features, purpose)
    }

    init(
        _ file: ModelFile,
        isSkeleton: Bool,
        _ secret: Set<String>,
        _ open: Set<String>,
        _ trees: TreeVisibility,
        _ purpose: Purpose
    ) throws {
        var reader = GraphReader(file: file, isSkeleton: isSkeleton, trees: trees)
        var graph = try reader.read()
        if purpose == .training { graph.separateEqualWeights() }
        let (readInputs, readNodes) = (graph.inputs, graph.nodes)
        graph.separateEmbeddings()
        let trained = purpose == .training ? graph.expandWords() : [:]
        self.purpose = purpose
        if isSkeleton {
            let uses = ValueUses(graph)
            if let hidden = graph.constants.first(where: { $0.isSecret && uses[$0.name].known != nil }) {
                throw file.problem.malformed(
                    "constant '\(hidden.name)' decides a shape, an address or an attribute, but has no numbers"
                )
            }
            graph.markInputs(uses)
        } else {
            try graph.checkScales()
            try graph.classifyConstants(secret: secret, open: open)
        }
        constantCount = graph.constants.reduce(0) { $0 + ($1.tensor?.shape.count ?? 0) }
        let preparation = ImportBudget.limiting(constants: constantCount) { Preparation(graph, for: purpose) }
        parameters = preparation.parameters(outputs: graph.outputs)
        for parameter in parameters {
            if let value = parameter.value, let index = value.firstNonFinite {
                throw CrypTenError(
                    .outOfRange,
                    "\(file.name): parameter '\(parameter.name)' (from \(parameter.sources.joined(separator: ", "))) isn't finite at index \(index)"
                )
            }
        }
        if let exponents = reader.exponents {
            weightExponents = try ONNXModel.exponents(exponents, of: parameters, file.problem)
        }
        for index in graph.constants.indices where graph.constants[index].isSecret {
            graph.constants[index].tensor = nil
        }
        nodes = preparation.nodes
        counting = purpose == .training ? nil : WordCounting(graph, preparation)
        words =
            purpose == .training
            ? trained
            : counting?.words
                ?? ONNXModel.words(
                    of: graph.inputs,
                    preparation.nodes,
                    shapes: preparation.constants.mapValues(\.shape)
                )
        values = preparation.constants.filter { $0.value.knownTensor != nil }
        graph.markOrderedInputs(preparation.nodes)
        name = graph.name
        opset = graph.opsets[.standard] ?? OperatorDomain.standard.versions.upperBound
        inputs = graph.inputs
        outputs = graph.outputs
        constants = graph.constants.map {
            Constant(
                name: $0.name,
                type: $0.type,
                shape: $0.shape,
                visibility: $0.isSecret ? .secret : .public,
                rule: $0.rule,
                reader: $0.reader.map { "\(onOneLine($0.node)) (\($0.operation))" }
            )
        }
        (graph.inputs, graph.nodes) = (readInputs, readNodes)
        if !trained.isEmpty {
            let read = Set(readNodes.flatMap(\.inputs)).union(graph.outputs.map(\.name))
            graph.constants.removeAll { !read.contains($0.name) }
        }
        self.graph = graph
    }
}

extension Tensor {
    /// The first index whose number is infinite or not a number, or nil.
    fileprivate var firstNonFinite: Int? {
        switch elements {
        case .float(let values): values.firstIndex { !$0.isFinite }
        case .double(let values): values.firstIndex { !$0.isFinite }
        case .int32, .int64, .bool: nil
        }
    }
}
