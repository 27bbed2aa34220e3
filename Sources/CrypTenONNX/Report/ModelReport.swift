public import CrypTen
internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing
public import Foundation
internal import SwiftProtobuf

extension ONNXModel {
    /// What is in a model's file, and whether it can be run: also of a file that can't be loaded.
    ///
    /// Loading ends with the first thing that is wrong. Here a node that is refused is put down with its reason and cut out, what it would
    /// compute is taken for an input, and the rest is read on; so all that would be refused is found at once, as far as it doesn't hang on
    /// what was cut out.
    public struct Report: Sendable, Encodable {
        /// A tensor that the caller supplies.
        public struct Input: Sendable, Encodable {
            /// The graph's name for it.
            public var name: String
            /// In which the model declares it; a name of the standard's that isn't read here where it is none of ``ONNXElementType``.
            public var type: String
            /// Extents, names of extents, or "?"; nil where the model doesn't say how many axes there are.
            public var dimensions: [String]?
            /// Whether it can't be secret.
            public var mustBePublic = false
            /// Why not: what it decides, and for which node.
            public var reason: String?
        }

        /// A tensor that the model computes.
        public struct Output: Sendable, Encodable {
            /// The graph's name for it.
            public var name: String
            /// As of an input.
            public var type: String
            /// As of an input.
            public var dimensions: [String]?
        }

        /// An operator that the model uses.
        public struct Operator: Sendable, Encodable {
            /// Empty for the standard's networks.
            public var domain: String
            /// Its name in that.
            public var name: String
            /// Nodes that use it, those inside of other nodes' graphs included.
            public var count: Int
            /// Whether every one of its nodes would be run.
            public var isSupported = true
        }

        /// Numbers that the model holds.
        public struct Parameters: Sendable, Encodable {
            /// Initialisers, and values of `Constant` nodes.
            public var tensors = 0
            /// All their elements.
            public var numbers = 0
            /// What these take in the file, and in files beside it.
            public var bytes = 0
            /// Those that only their owner would know; nil where the model can't be read so far.
            public var secretTensors: Int?
            /// Their elements.
            public var secretNumbers: Int?
        }

        /// A constant that all parties would see.
        public struct PublicConstant: Sendable, Encodable {
            /// The initialiser's name, or that of the `Constant` node's output.
            public var name: String
            /// In which the model holds it.
            public var type: String
            /// Its extents.
            public var shape: [Int]
            /// What decides it.
            public var rule: Rule
            /// The same in words.
            public var reason: String
        }

        /// What would be refused.
        public struct Refusal: Sendable, Encodable {
            /// The operator; nil for what is wrong with the file.
            public var operation: String?
            /// The nodes that it is about.
            public var nodes: [String]
            /// Why, in a sentence.
            public var reason: String
        }

        /// The file's own name for its graph.
        public var name: String
        /// What wrote it, as it says.
        public var producer: String
        /// The version of each domain's operators that it names; the standard's networks under "ai.onnx".
        public var opsets: [String: Int]
        public var inputs: [Input]
        public var outputs: [Output]
        public var operators: [Operator]
        public var parameters = Parameters()
        public var publicConstants: [PublicConstant] = []
        /// Fraction bits that precision was looked at with.
        public var fractionBits: Int
        /// Secret weights of which some number is off by more than 2⁻⁸ of its size, once encoded.
        public var losses: [EncodingLoss] = []
        /// Public factors that are held at 2²⁸, in words.
        public var heldFactors: [String] = []
        public var refusals: [Refusal] = []
        /// The extents of inputs that the model was tried with; nil where it couldn't be tried.
        public var triedShapes: [String: [Int]]?
        /// Why it wasn't tried to its end; nil where it was.
        public var untried: String?

        /// Whether nothing of it would be refused, as far as was seen.
        public var isRunnable: Bool { refusals.isEmpty }

        private enum CodingKeys: String, CodingKey {
            case name, producer, opsets, inputs, outputs, operators, parameters, publicConstants, fractionBits, losses
            case heldFactors, refusals, triedShapes, untried
        }

        /// Reads a file.
        ///
        /// - Parameters:
        ///   - url: The file; external data are read from its folder.
        ///   - shapes: Extents of inputs that the model leaves open; without them it is tried with some that are usual.
        ///   - secret: Constants that are secret whatever the rules say.
        ///   - open: Constants that are public whatever the rules say.
        ///   - fractionBits: The session's.
        /// - Throws: `.fileNotReadable`, or `.malformedFile` for what is no model at all.
        public init(
            contentsOf url: URL,
            shapes: [String: [Int]] = [:],
            secret: Set<String> = [],
            open: Set<String> = [],
            fractionBits: Int = 16
        ) throws {
            let file = try ModelFile(contentsOf: url)
            try self.init(file, shapes: shapes, secret: secret, open: open, fractionBits: fractionBits)
        }

        init(
            _ file: ModelFile,
            shapes: [String: [Int]],
            secret: Set<String>,
            open: Set<String>,
            fractionBits: Int
        ) throws {
            var cut = try CutModel(file, secret: secret, open: open)
            self.init(describing: cut.model, fractionBits: fractionBits)
            if let model = cut.load() {
                add(model)
                ModelTrial(shapes: shapes, fractionBits: fractionBits).run(model, &cut, &self)
            } else {
                untried = "it can't be read to its end"
            }
            refusals = cut.refusals
            for refusal in refusals {
                guard let operation = refusal.operation else { continue }
                for index in operators.indices where operators[index].title == operation {
                    operators[index].isSupported = false
                }
            }
        }
    }
}

extension ONNXModel.Report.Operator {
    /// As errors name it.
    var title: String {
        domain.isEmpty ? name : "\(domain).\(name)"
    }
}

extension ONNXModel.Report {
    /// What the file says, whether it can be run or not.
    private init(describing model: Onnx_ModelProto, fractionBits: Int) {
        let graph = model.graph
        name = onOneLine(graph.name)
        producer = onOneLine([model.producerName, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " "))
        opsets = [:]
        for claim in model.opsetImport {
            opsets[claim.domain.isEmpty ? "ai.onnx" : onOneLine(claim.domain)] = Int(claim.version)
        }
        self.fractionBits = fractionBits
        let held = Set(graph.initializer.map(\.name))
        inputs = graph.input.filter { !held.contains($0.name) }.map {
            Input(name: onOneLine($0.name), type: $0.typeTitle, dimensions: $0.dimensionTitles)
        }
        outputs = graph.output.map {
            Output(name: onOneLine($0.name), type: $0.typeTitle, dimensions: $0.dimensionTitles)
        }
        operators = []
        for node in graph.allNodes() {
            let domain = node.domain == "ai.onnx" ? "" : onOneLine(node.domain)
            let name = onOneLine(node.opType)
            if let place = operators.firstIndex(where: { $0.domain == domain && $0.name == name }) {
                operators[place].count += 1
            } else if !(name == "Constant" && domain.isEmpty) {
                operators.append(Operator(domain: domain, name: name, count: 1))
            }
        }
        for tensor in graph.allTensors() { parameters.add(tensor) }
    }

    /// What is known of a model that was loaded, or of what is left of it.
    private mutating func add(_ model: ONNXModel) {
        let uses = ValueUses(model.graph)
        for index in inputs.indices {
            guard model.inputs.contains(where: { $0.name == inputs[index].name && $0.mustBeKnown }),
                let need = uses[inputs[index].name].known
            else { continue }
            (inputs[index].mustBePublic, inputs[index].reason) = (true, need.reason)
        }
        let secret = model.constants.filter { $0.visibility == .secret }
        parameters.secretTensors = secret.count
        parameters.secretNumbers = secret.reduce(0) { $0 + $1.shape.count }
        publicConstants = model.constants.filter { $0.visibility == .public && $0.shape.count > 0 }.map {
            PublicConstant(
                name: onOneLine($0.name),
                type: $0.type.rawValue,
                shape: $0.shape.dimensions,
                rule: $0.rule,
                reason: $0.reason
            )
        }
        losses = model.encodingLosses(fractionBits: fractionBits)
        heldFactors = model.heldFactors.map {
            "\(onOneLine($0.name)), \($0.number), is a factor of node \(onOneLine($0.node)) (\($0.operation)) and held at 2^28: make it two factors, or scale the model"
        }
    }
}

extension ValueUse.Need {
    /// Why a value can't be secret, in words.
    var reason: String {
        "it decides \(role.noun) that node \(onOneLine(node)) (\(operation)) reads\(isComputed ? ", through arithmetic" : "")"
    }
}

extension ONNXModel.Report.Parameters {
    fileprivate mutating func add(_ tensor: Onnx_TensorProto) {
        let count = tensor.dims.reduce(1) { product, extent in
            let (result, overflows) = product.multipliedReportingOverflow(by: Int(max(0, extent)))
            return overflows ? 0 : result
        }
        let bits: Int
        switch Onnx_TensorProto.DataType(rawValue: Int(tensor.dataType)) {
        case .complex128?: bits = 128
        case .double?, .int64?, .uint64?, .complex64?: bits = 64
        case .float?, .int32?, .uint32?: bits = 32
        case .float16?, .bfloat16?, .int16?, .uint16?: bits = 16
        case .string?, .undefined?, nil: bits = tensor.dataType == 21 || tensor.dataType == 22 ? 4 : 8
        default: bits = 8
        }
        tensors += 1
        numbers = numbers.addingReportingOverflow(count).partialValue
        let (size, overflows) = count.multipliedReportingOverflow(by: bits)
        bytes = bytes.addingReportingOverflow(overflows ? 0 : (size + 7) / 8).partialValue
    }
}

extension Onnx_ValueInfoProto {
    /// The element type's name in the standard; of what is no tensor, what it is.
    var typeTitle: String {
        switch type.value {
        case .tensorType(let tensor)?: elementTypeName(tensor.elemType)
        case nil: "undefined"
        default: "no tensor"
        }
    }

    var dimensionTitles: [String]? {
        guard case .tensorType(let tensor)? = type.value, tensor.hasShape else { return nil }
        return tensor.shape.dim.map { dimension in
            switch dimension.value {
            case .dimValue(let extent)? where extent >= 0: "\(extent)"
            case .dimParam(let name)? where !name.isEmpty: onOneLine(name)
            default: "?"
            }
        }
    }
}

extension Onnx_GraphProto {
    /// Graphs inside of graphs that are looked into.
    private static let deepest = 8

    /// The nodes, and those of graphs that they hold.
    func allNodes(depth: Int = 0) -> [Onnx_NodeProto] {
        node.flatMap { node in
            [node]
                + node.graphs(depth: depth, deepest: Onnx_GraphProto.deepest).flatMap { $0.allNodes(depth: depth + 1) }
        }
    }

    /// Initialisers and the tensors of `Constant` nodes, those inside of nodes included.
    func allTensors(depth: Int = 0) -> [Onnx_TensorProto] {
        initializer
            + node.flatMap { node in
                (node.opType == "Constant" ? node.attribute.filter { $0.type == .tensor }.map(\.t) : [])
                    + node.graphs(depth: depth, deepest: Onnx_GraphProto.deepest).flatMap {
                        $0.allTensors(depth: depth + 1)
                    }
            }
    }
}

extension Onnx_NodeProto {
    /// The graphs that it holds, as far as they can be read.
    func graphs(depth: Int, deepest: Int) -> [Onnx_GraphProto] {
        guard depth < deepest else { return [] }
        return attribute.filter { $0.type == .graph }.compactMap { try? Onnx_GraphProto(serializedBytes: $0.g) }
    }
}
