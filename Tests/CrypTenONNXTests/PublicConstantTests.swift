import CrypTen
import CrypTenBase
import CrypTenExpressions
import CrypTenONNX
import CrypTenRing
import Foundation
import SwiftProtobuf
import Testing
import _CrypTenONNXTestSupport

@Suite("public constants")
struct PublicConstantTests {
    private func visibilities(_ model: ONNXModel) -> [String: Visibility] {
        Dictionary(uniqueKeysWithValues: model.constants.map { ($0.name, $0.visibility) })
    }

    private func rules(_ model: ONNXModel) -> [String: ONNXModel.Rule] {
        Dictionary(uniqueKeysWithValues: model.constants.map { ($0.name, $0.rule) })
    }

    private func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return (error as? CrypTenError)?.message ?? "\(error)"
        }
    }

    // MARK: The rule against a statement of its own

    /// Loads a model twice: as it is, which must be refused where the rule says so, and with all open that the rule asks for.
    private func check(_ bytes: Data, _ name: String, _ load: (Set<String>) throws -> ONNXModel) throws {
        let proto = try Onnx_ModelProto(serializedBytes: bytes)
        let refused = RuleOnFile(proto).verdicts.filter { $0.value == .refused }.keys
        if !refused.isEmpty {
            let text = message { _ = try load([]) }
            #expect(text.contains("--open"), "\(name): \(refused) must be refused, and \(text)")
            #expect(refused.contains { text.contains("'\($0)'") }, "\(name): \(text)")
        }
        let model = try load(Set(refused))
        let expected = RuleOnFile(proto, open: Set(refused)).verdicts
        #expect(visibilities(model) == expected.mapValues { $0 == .public ? .public : .secret }, "\(name)")
        for constant in model.constants {
            let isPublic = ![.weight, .quantizedWeight, .secret].contains(constant.rule)
            #expect(isPublic == (constant.visibility == .public), "\(name): \(constant.name)")
        }
    }

    @Test("of every operator's model they are what the rule says", arguments: OperatorCase.all)
    func operators(item: OperatorCase) throws {
        try check(item.model, item.name) { try ONNXModel(bytes: item.model, name: item.name, open: $0) }
    }

    /// Every network in a folder. Ensembles of trees have their numbers in attributes, which the rule on a file knows nothing of.
    private func files(in root: URL) -> [URL] {
        let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
        return (files?.compactMap { $0 as? URL } ?? []).filter {
            $0.pathExtension == "onnx" && !$0.path.contains("/trees/")
        }.sorted {
            $0.path < $1.path
        }
    }

    @Test("of every network among the fixtures they are what the rule says")
    func fixtures() throws {
        let models = files(in: ReferenceModel.fixtures)
        #expect(models.count == 8)
        for url in models {
            try check(try Data(contentsOf: url), url.lastPathComponent) { try ONNXModel(contentsOf: url, open: $0) }
        }
    }

    @Test(
        "of every larger network they are what the rule says",
        .enabled(if: ReferenceModel.larger != nil, "CRYPTEN_MODELS names no folder of larger models")
    )
    func larger() throws {
        var read = 0
        for url in files(in: try #require(ReferenceModel.larger)) {
            let bytes = try Data(contentsOf: url)
            // The standard's own models may lie there, too: some of them aren't read at all.
            let text = message { _ = try ONNXModel(contentsOf: url) }
            if text != "no error", !text.contains("--open") { continue }
            try check(bytes, url.path) { try ONNXModel(contentsOf: url, open: $0) }
            read += 1
        }
        print("the public constants of \(read) larger models are what the rule says")
        #expect(read > 0)
    }

    // MARK: Names that are none

    /// x · w, then what is built of it, which leaves inputs and outputs out.
    private func afterProduct(_ build: (inout ModelBuilder) -> Void) throws -> ONNXModel {
        var builder = ModelBuilder()
        builder.input("x", .float, [4, 4])
        builder.constant("w", numbers([4, 4]).doubles, [4, 4])
        builder.node("MatMul", ["x", "w"], ["p"], name: "product")
        build(&builder)
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        try check(try builder.bytes, "a product") { try ONNXModel(bytes: try builder.bytes, open: $0) }
        return model
    }

    @Test("an input that is left out behind an output that nobody reads makes nothing public")
    func leftOut() throws {
        let recurrent = { (operation: String, gates: Int) in
            try self.afterProduct { builder in
                builder.constant("u", numbers([1, gates * 2, 4]).doubles, [1, gates * 2, 4])
                builder.constant("v", numbers([1, gates * 2, 2]).doubles, [1, gates * 2, 2])
                builder.constant("axes", integers: [0])
                builder.node("Dropout", ["p"], ["d", ""], name: "drop")
                builder.node("Unsqueeze", ["d", "axes"], ["s"], name: "sequence")
                let outputs = operation == "LSTM" ? ["", "h", ""] : ["", "h"]
                builder.node(operation, ["s", "u", "v", "", ""], outputs, name: "first", ["hidden_size": .int(2)])
                builder.node(operation, ["s", "u", "v", "", ""], ["", "y"], name: "second", ["hidden_size": .int(2)])
            }
        }
        let models = [
            ("LSTM", try recurrent("LSTM", 4)), ("GRU", try recurrent("GRU", 3)), ("RNN", try recurrent("RNN", 1)),
            (
                "Resize",
                try afterProduct { builder in
                    builder.constant("scales", [1, 2], [2])
                    builder.node("Dropout", ["p"], ["d", ""], name: "drop")
                    builder.node("Resize", ["d", "", "scales"], name: "up", ["mode": .string("nearest")])
                }
            ),
            (
                "Clip",
                try afterProduct { builder in
                    builder.constant("k", integers: [2])
                    builder.node("TopK", ["p", "k"], ["top", ""], name: "top")
                    builder.node("Clip", ["top", "", ""], name: "clip")
                }
            ),
        ]
        for (name, model) in models {
            #expect(visibilities(model)["w"] == .secret, "\(name)")
            #expect(model.inputs.map(\.mustBeKnown) == [false], "\(name)")
            #expect(try evaluate(model, ["x": numbers([4, 4], seed: 3)])["y"] != nil, "\(name)")
        }
    }

    @Test("a second name for nothing isn't an input that is left out: the file is refused")
    func nothingNamed() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [2])
        builder.node("Identity", [""], ["bound"], name: "nothing")
        builder.node("Clip", ["x", "", "bound"], name: "clip")
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        let error = #expect(throws: CrypTenError.self) { try evaluate(model, ["x": numbers([2])]) }
        #expect(error?.code == .malformedFile)
        #expect(error?.message.contains("node nothing (Identity): input 0 is missing") == true)
    }

    @Test("what an operator reads no numbers of stays secret: its shape, its type, the mask of a dropout")
    func shapesAlone() throws {
        let model = try afterProduct { builder in
            builder.node("EyeLike", ["w"], ["eye"], name: "eye", ["dtype": .int(7)])
            builder.node("GatherElements", ["p", "eye"], name: "pick")
        }
        #expect(visibilities(model) == ["w": .secret])
        let masked = try afterProduct { builder in
            builder.constant("axes", integers: [-1])
            builder.node("Dropout", ["p"], ["d", "mask"], name: "drop")
            builder.node("Flatten", ["mask"], ["flat"], name: "flat", ["axis": .int(0)])
            builder.constant("zero", integers: [0])
            builder.node("Squeeze", ["flat", "zero"], ["line"], name: "line")
            builder.node("Flatten", ["d"], ["row"], name: "row", ["axis": .int(0)])
            builder.node("Compress", ["row", "line"], name: "keep", ["axis": .int(1)])
        }
        #expect(visibilities(masked)["w"] == .secret)
        #expect(masked.inputs.map(\.mustBeKnown) == [false])
        #expect(try evaluate(masked, ["x": numbers([4, 4])])["y"]?.shape == [1, 16])
    }

    // MARK: Graphs inside of nodes

    /// Cumulative sums of x's rows, clipped by a bound that the graph of the node reads from outside.
    private func scan(_ change: (inout Onnx_GraphProto) -> Void = { _ in }) throws -> ModelBuilder {
        var builder = ModelBuilder()
        builder.input("x", .float, [3, 2])
        builder.constant("top", [1], [])
        builder.constant("start", [0.5, 0], [2])
        builder.constant("dead", [7], [])
        builder.node("Scan", ["start", "x"], ["", "y"], name: "scan", ["num_scan_inputs": .int(1)])
        builder.output("y")
        var body = Onnx_GraphProto()
        body.input = [.with { $0.name = "state" }, .with { $0.name = "row" }]
        body.output = [.with { $0.name = "sum" }, .with { $0.name = "each" }]
        func node(_ operation: String, _ inputs: [String], _ outputs: [String]) -> Onnx_NodeProto {
            .with { ($0.opType, $0.name, $0.input, $0.output) = (operation, operation, inputs, outputs) }
        }
        body.node = [
            node("Add", ["state", "row"], ["sum"]), node("Clip", ["sum", "", "top"], ["each"]),
            node("Clip", ["sum", "", "dead"], ["nobody"]),
        ]
        change(&body)
        let bytes = try body.serializedData()
        builder.proto.graph.node[0].attribute.append(.with { ($0.name, $0.type, $0.g) = ("body", .graph, bytes) })
        return builder
    }

    @Test("a bound that a graph inside of a node reads is public; what only its dead nodes read isn't there at all")
    func insideScan() throws {
        let bytes = try scan().bytes
        let model = try ONNXModel(bytes: bytes)
        #expect(rules(model) == ["top": .bound, "start": .weight])
        let y = try evaluate(model, ["x": Tensor([1.0, 2, 0, -1, 0, 3], shape: [3, 2])])["y"]
        #expect(y?.doubles == [1, 1, 1, 1, 1, 1])
        let skeleton = try ONNXModel(skeleton: try model.skeleton())
        #expect(skeleton.constants.map(\.visibility) == model.constants.map(\.visibility))
    }

    @Test("an address inside of a node's graph refuses the weights that come to it through states")
    func addressInsideScan() throws {
        let bytes = try scan { body in
            body.node[2] = .with {
                ($0.opType, $0.name, $0.input, $0.output) = ("TopK", "TopK", ["sum", "k"], ["", "i"])
            }
            body.node.append(
                .with {
                    ($0.opType, $0.name, $0.input, $0.output) = (
                        "Compress", "Compress", ["row", "i"], ["picked"]
                    )
                }
            )
            body.initializer = [.with { ($0.name, $0.dims, $0.dataType, $0.int64Data) = ("k", [1], 7, [2]) }]
            body.output[1].name = "picked"
        }.bytes
        let text = message { _ = try ONNXModel(bytes: bytes) }
        #expect(
            text.hasPrefix(
                "unsupported operator Compress (node scan/Compress): input 1 ('i') is an address"
            )
        )
        #expect(text.contains("'start' (float [2])"))
        let opened = try ONNXModel(bytes: bytes, open: ["start"])
        #expect(rules(opened)["start"] == .open)
        #expect(opened.inputs.map(\.mustBeKnown) == [true])
    }

    @Test("a constant of a node's graph without a name, or with a name twice, is refused")
    func namelessInside() throws {
        let nameless = try scan { body in
            body.initializer = [.with { ($0.dims, $0.dataType, $0.floatData) = ([1], 1, [3]) }]
        }
        #expect(message { _ = try ONNXModel(bytes: try nameless.bytes) }.contains("has no name"))
        let twice = try scan { body in
            body.initializer = [.with { ($0.name, $0.dims, $0.dataType, $0.floatData) = ("row", [2], 1, [3, 3]) }]
        }
        #expect(message { _ = try ONNXModel(bytes: try twice.bytes) }.contains("'row' is defined twice in its graph"))
    }

    // MARK: Weights that decide

    /// Public words, and a table of weights that decides which expert is taken.
    private func experts(_ pick: String) throws -> Data {
        var builder = ModelBuilder()
        builder.input("ids", .int64, [2])
        builder.constant("embedding", numbers([5, 3]).doubles, [5, 3])
        builder.constant("gate", numbers([3, 4], seed: 5).doubles, [3, 4])
        builder.constant("experts", numbers([2, 4], seed: 6).doubles, [2, 4])
        builder.constant("k", integers: [1])
        builder.node("Gather", ["embedding", "ids"], ["words"], name: "words")
        builder.node("MatMul", ["words", "gate"], ["scores"], name: "scores")
        builder.node("TopK", ["scores", "k"], ["", "best"], name: "best")
        builder.node(pick, ["experts", "best"], name: "pick", pick == "Gather" ? [:] : ["axis": .int(1)])
        builder.output("y")
        return try builder.bytes
    }

    @Test(
        "weights that decide an address stay secret, and the answer is that of open ones",
        arguments: ["GatherElements", "Gather"]
    )
    func addresses(pick: String) throws {
        let bytes = try experts(pick)
        let model = try ONNXModel(bytes: bytes)
        #expect(rules(model) == ["embedding": .weight, "gate": .weight, "experts": .weight, "k": .integer])
        #expect(model.inputs.map(\.mustBeKnown) == [false])
        #expect(model.words["ids"]?.count == 5)
        let words = Tensor([4, 0], shape: [2])
        let secret = try evaluate(model, ["ids": try #require(model.words["ids"]).expanded(words, name: "ids")])
        let open = try ONNXModel(bytes: bytes, open: ["embedding", "gate"])
        #expect(rules(open) == ["embedding": .open, "gate": .open, "experts": .weight, "k": .integer])
        #expect(open.inputs.map(\.isKnownWherePublic) == [pick != "Gather"])
        let known = pick == "Gather" ? [:] : ["ids": words]
        let expected = try evaluate(open, ["ids": words], publicInputs: ["ids"], publicValues: known)
        #expect(distance(try #require(secret["y"]), try #require(expected["y"])) < 1e-12)
        try check(bytes, pick) { try ONNXModel(bytes: bytes, open: $0) }
    }

    @Test("an exponent in an initialiser is public where it says which function is meant, else its owner's decision")
    func exponents() throws {
        func bytes(_ exponent: Double, readTwice: Bool = false) throws -> Data {
            var builder = ModelBuilder(opset: 20)
            builder.input("x", .float, [3])
            builder.constant("p", [exponent], [])
            builder.node("Pow", ["x", "p"], ["power"], name: "power")
            builder.node(readTwice ? "Mul" : "Add", ["power", readTwice ? "p" : "power"], name: "last")
            builder.output("y")
            return try builder.bytes
        }
        let x = Tensor([-1.5, 0.5, 2], shape: [3])
        for (exponent, expected) in [(2.0, [4.5, 0.5, 8]), (3, [-6.75, 0.25, 16])] {
            let model = try ONNXModel(bytes: try bytes(exponent))
            #expect(rules(model) == ["p": .exponent])
            #expect(distance(try #require(evaluate(model, ["x": x])["y"]), Tensor(expected, shape: [3])) < 1e-9)
            #expect(try ONNXModel(skeleton: try model.skeleton()).parameters.isEmpty)
        }
        #expect(rules(try ONNXModel(bytes: try bytes(2, readTwice: true))) == ["p": .exponent])
        let text = message { _ = try ONNXModel(bytes: try bytes(9)) }
        #expect(text.contains("(node power): input 1 ('p') is an exponent") && text.hasSuffix("--open p"), "\(text)")
        // A trained one stays secret: no number below 0 has such a power.
        let trained = try ONNXModel(bytes: try bytes(2.5))
        #expect(rules(trained) == ["p": .weight])
        let y = try evaluate(trained, ["x": Tensor([4.0, 0.25, 1], shape: [3])])["y"]
        #expect(distance(try #require(y), Tensor([64, 0.0625, 2], shape: [3])) < 1e-6)
    }

    @Test(
        "a trained grid, offset, region or exponent is refused, too",
        arguments: ["GridSample", "RoiAlign", "Pow", "Compress"]
    )
    func trained(operation: String) throws {
        var builder = ModelBuilder(opset: 20)
        builder.input("x", .float, [1, 1, 4, 4])
        builder.constant("trained", [0.5, 0, 0.25, 1], operation == "GridSample" ? [1, 1, 2, 2] : [1, 4])
        builder.constant("batch", integers: [0])
        switch operation {
        case "GridSample": builder.node(operation, ["x", "trained"], name: "n")
        case "RoiAlign": builder.node(operation, ["x", "trained", "batch"], name: "n")
        case "Compress":
            builder.node("Cast", ["trained"], ["flags"], name: "flags", ["to": .int(9)])
            builder.constant("axes", integers: [0])
            builder.node("Squeeze", ["flags", "axes"], ["kept"], name: "line")
            builder.node(operation, ["x", "kept"], name: "n", ["axis": .int(3)])
        default: builder.node(operation, ["x", "trained"], name: "n")
        }
        builder.output("y")
        let bytes = try builder.bytes
        let text = message { _ = try ONNXModel(bytes: bytes) }
        #expect(text.hasPrefix("unsupported operator \(operation) (node n): input 1 "))
        #expect(text.contains("'trained' (float ") && text.contains("aren't supported yet by \(operation)"))
        #expect(text.hasSuffix("--open trained"))
        let model = try ONNXModel(bytes: bytes, open: ["trained"])
        #expect(try evaluate(model, ["x": numbers([1, 1, 4, 4])])["y"] != nil)
    }

    @Test(
        "a scale is public where nothing else reads it; with arithmetic before it, or a layer beside it, it is refused"
    )
    func scales() throws {
        func model(_ build: (inout ModelBuilder) -> Void, open: Set<String> = []) throws -> ONNXModel {
            var builder = ModelBuilder()
            builder.input("x", .float, [1, 4])
            builder.constant("s", [1, 2], [2])
            build(&builder)
            builder.node("Resize", ["x", "", "scales"], ["r"], name: "up", ["mode": .string("nearest")])
            builder.output("y")
            builder.proto.graph.node.append(
                .with { ($0.opType, $0.name, $0.input, $0.output) = ("Relu", "last", ["r"], ["y"]) }
            )
            let bytes = try builder.bytes
            return try ONNXModel(bytes: bytes, open: open)
        }
        let moved = try model { $0.node("Identity", ["s"], ["scales"], name: "i") }
        #expect(rules(moved) == ["s": .scale])
        #expect(moved.constants[0].reader == "up (Resize)")
        #expect(moved.constants[0].reason == "read only as a scale, by node up (Resize)")
        let computed: (inout ModelBuilder) -> Void = { $0.node("Mul", ["s", "s"], ["scales"], name: "square") }
        #expect(
            message { _ = try model(computed) }.contains(
                "input 2 ('scales') is a scale computed from the secret constant 's'"
            )
        )
        #expect(rules(try model(computed, open: ["s"])) == ["s": .open])
        let shared: (inout ModelBuilder) -> Void = { builder in
            builder.node("Identity", ["s"], ["scales"], name: "i")
            builder.node("Mul", ["s", "s"], ["squares"], name: "layer")
            builder.output("squares")
        }
        let text = message { _ = try model(shared) }
        #expect(text.contains("read from the secret constant 's' (float [2]), which other nodes read as a weight, too"))
        #expect(rules(try model(shared, open: ["s"])) == ["s": .open])
    }

    // MARK: Small weights

    @Test("a bias, a slope and a scale of one element are secret; one number in a Constant node and a bound are public")
    func oneElement() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2])
        builder.constant("w", [1, -2], [2, 1])
        builder.constant("b", [0.5], [1])
        builder.constant("slope", [0.25], [1])
        builder.constant("logit_scale", [3], [])
        builder.constant("low", [-4], [])
        builder.proto.graph.node.append(
            .with {
                ($0.opType, $0.name, $0.output) = ("Constant", "two", ["two"])
                $0.attribute = [.with { ($0.name, $0.type, $0.f) = ("value_float", .float, 2) }]
            }
        )
        builder.node("Gemm", ["x", "w", "b"], ["g"], name: "layer")
        builder.node("PRelu", ["g", "slope"], ["a"], name: "slope")
        builder.node("Mul", ["a", "logit_scale"], ["m"], name: "scale")
        builder.node("Mul", ["m", "two"], ["t"], name: "twice")
        builder.node("Clip", ["t", "low"], name: "clip")
        builder.output("y")
        let bytes = try builder.bytes
        let model = try ONNXModel(bytes: bytes)
        #expect(
            rules(model) == [
                "w": .weight, "b": .weight, "slope": .weight, "logit_scale": .weight, "low": .bound, "two": .number,
            ]
        )
        let y = try evaluate(model, ["x": Tensor([1.0, 0, 0, 1, 0, 4], shape: [3, 2])])["y"]
        #expect(y?.doubles == [9, -2.25, -4])
        try check(bytes, "small weights") { try ONNXModel(bytes: bytes, open: $0) }
    }

    @Test("integers that become floats are secret weights; those that are places or compared stay public")
    func quantized() throws {
        var builder = ModelBuilder()
        builder.input("x", .float, ["N", 2])
        func integers(_ name: String, _ values: [Int32], _ shape: [Int], _ type: ONNXElementType) {
            builder.proto.graph.initializer.append(
                .with {
                    ($0.name, $0.dataType, $0.int32Data) = (name, type.standardNumber, values)
                    $0.dims = shape.map { Int64($0) }
                }
            )
        }
        integers("quantized", [10, -20, 30, 40], [2, 2], .int8)
        integers("zero", [10], [], .int8)
        integers("bias", [100, 200], [2], .int32)
        integers("columns", [1, 0], [2], .int32)
        builder.constant("scale", [0.5], [])
        builder.node("Sub", ["quantized", "zero"], ["shifted"], name: "shift")
        builder.node("Cast", ["shifted"], ["floats"], name: "cast", ["to": .int(1)])
        builder.node("Mul", ["floats", "scale"], ["weight"], name: "scaling")
        builder.node("Cast", ["bias"], ["shift"], name: "cast bias", ["to": .int(1)])
        builder.node("MatMul", ["x", "weight"], ["p"], name: "product")
        builder.node("Add", ["p", "shift"], ["s"], name: "sum")
        builder.node("Gather", ["s", "columns"], name: "turn", ["axis": .int(1)])
        builder.output("y")
        let bytes = try builder.bytes
        let model = try ONNXModel(bytes: bytes)
        #expect(
            rules(model) == [
                "quantized": .quantizedWeight, "zero": .quantizedWeight, "bias": .quantizedWeight, "columns": .integer,
                "scale": .weight,
            ]
        )
        // The owner computes the weight: nothing of it is left to the parties.
        #expect(model.parameters.map(\.name).sorted() == ["shift", "weight"])
        let y = try evaluate(model, ["x": Tensor([1.0, 2], shape: [1, 2])])["y"]
        #expect(y?.doubles == [200 - 15 + 30, 100 + 20])
        try check(bytes, "quantized") { try ONNXModel(bytes: bytes, open: $0) }
    }

    @Test("a number around a tensor may be secret, and costs no product", arguments: [true, false])
    func secretPadding(isWeight: Bool) throws {
        var builder = ModelBuilder()
        builder.input("x", .float, [1, 2])
        if isWeight { builder.constant("filling", [7], []) } else { builder.input("filling", .float, []) }
        builder.constant("pads", integers: [1, 0, 0, 2])
        builder.node("Pad", ["x", "pads", "filling"])
        builder.output("y")
        let model = try ONNXModel(bytes: try builder.bytes)
        if isWeight { #expect(rules(model) == ["filling": .weight, "pads": .integer]) }
        var inputs = ["x": Tensor([1.0, 2], shape: [1, 2])]
        if !isWeight { inputs["filling"] = Tensor([7.0], shape: []) }
        let y = try evaluate(model, inputs)["y"]
        #expect(y == Tensor([7.0, 7, 7, 7, 1, 2, 7, 7], shape: [2, 4]))
        let operations = try Imported(model, inputs).canonicalGraph
        #expect(!operations.contains { $0.hasPrefix("multiply") })
    }
}
