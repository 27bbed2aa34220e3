import CrypTenONNX
import Foundation
import SwiftProtobuf

/// The rule of public constants, stated on a file's own graph: every constant is followed forwards, from reader to reader.
///
/// It shares no code and no table with the importer, which follows needs backwards.
struct RuleOnFile {
    /// What may be done with a constant.
    enum Verdict: Equatable {
        case secret, `public`
        /// It decides what would have to be public, and isn't: its owner must open it.
        case refused
    }

    /// Each constant on which an output depends.
    private(set) var verdicts: [String: Verdict] = [:]

    /// Inputs that the standard defines as a shape, a bound or a scale, and those that it defines as a place, an exponent or a
    /// switch: operator, then positions.
    private static let structural = table(
        """
        AffineGrid 1, Attention 6, BlackmanWindow 0, CenterCropPad 1, Clip 1 2, Col2Im 1 2, ConstantOfShape 0, CumProd 1, CumSum 1, \
        DFT 1 2, Dropout 1, Expand 1, GRU 4, HammingWindow 0, HannWindow 0, LSTM 4, MaxUnpool 2, MelWeightMatrix 0 1 2 3 4, OneHot 1, \
        Pad 1 3, RNN 4, Range 0 1 2, ReduceL1 1, ReduceL2 1, ReduceLogSum 1, ReduceLogSumExp 1, ReduceMax 1, ReduceMean 1, \
        ReduceMin 1, ReduceProd 1, ReduceSum 1, ReduceSumSquare 1, Reshape 1, Resize 1 2 3, ReverseSequence 1, STFT 1 3, \
        Slice 1 2 3 4, Split 1, Squeeze 1, Tile 1, TopK 1, Trilu 1, Unsqueeze 1, Upsample 1
        """
    )
    private static let placing = table(
        """
        Compress 1, DeformConv 2, Dropout 2, GridSample 1, MaxUnpool 1, NegativeLogLikelihoodLoss 1, Pow 1, RoiAlign 1 2, \
        RotaryEmbedding 3, SoftmaxCrossEntropyLoss 1, TensorScatter 2
        """
    )
    /// Places that may be secret: what is found there isn't the number that led to it.
    private static let finding = table(
        "Gather 1, GatherElements 1, GatherND 1, Scatter 1, ScatterElements 1, ScatterND 1"
    )
    private static let moving: Set<String> = [
        "Cast", "CastLike", "Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze",
        "Tile",
        "Transpose", "Unsqueeze", "a step of Scan",
    ]

    private static func table(_ text: String) -> [String: Set<Int>] {
        var table: [String: Set<Int>] = [:]
        for entry in text.split(separator: ", ") {
            let words = entry.split(separator: " ")
            table[String(words[0])] = Set(words.dropFirst().compactMap { Int($0) })
        }
        return table
    }

    private struct Reader {
        var operation: String
        var position: Int
        var outputs: [String]
    }

    private struct Constant {
        var type: Int32
        var count: Int
        var isNode: Bool
        /// Of one float.
        var number: Double?
    }

    private var readers: [String: [Reader]] = [:]
    private var constants: [String: Constant] = [:]
    private var outputs: Set<String> = []

    /// - Parameter open: Constants that their owner shows.
    init(_ proto: Onnx_ModelProto, open: Set<String> = []) {
        outputs = Set(proto.graph.output.map(\.name))
        read(proto.graph, under: "", names: [:])
        for (name, constant) in constants {
            let path = follow(name)
            if path.reachesAnything { verdicts[name] = RuleOnFile.verdict(constant, path, isOpen: open.contains(name)) }
        }
    }

    private static func verdict(_ constant: Constant, _ path: Path, isOpen: Bool) -> Verdict {
        let isFloat = [1, 10, 11, 16].contains(constant.type)
        let isShort = [2, 3, 4, 5, 6].contains(constant.type)
        if constant.count == 0 || isOpen || (constant.isNode && constant.count == 1) { return .public }
        if !isFloat { return isShort && path.becomesFloat && !path.isStructure && !path.isPlace ? .secret : .public }
        if path.isExponent, !path.isPlace, !path.isStructure, let number = constant.number {
            let isWhole = number.truncatingRemainder(dividingBy: 1) == 0
            if number.magnitude <= 8, isWhole || number.magnitude == 0.5 { return .public }
            if !isWhole { return .secret }
        }
        if path.isPlace || path.isExponent { return .refused }
        if path.isStructure { return path.isUsed ? .refused : .public }
        return .secret
    }

    // MARK: Reading

    /// Adds a graph's readers and constants; names of a graph in a node stand under the node's.
    private mutating func read(_ graph: Onnx_GraphProto, under prefix: String, names outer: [String: String]) {
        var names = outer
        let own =
            graph.initializer.map(\.name) + graph.node.flatMap(\.output)
            + (prefix.isEmpty ? [] : graph.input.map(\.name))
        for name in own where !name.isEmpty { names[name] = prefix + name }
        let resolved = { (name: String) in name.isEmpty ? "" : names[name] ?? name }
        for tensor in graph.initializer {
            constants[prefix + tensor.name] = Constant(
                type: tensor.dataType,
                count: tensor.dims.reduce(1) { $0 * Int($1) },
                isNode: false,
                number: RuleOnFile.number(tensor)
            )
        }
        for node in graph.node {
            if node.opType == "Constant", let output = node.output.first {
                constants[prefix + output] = RuleOnFile.constant(node)
            } else if node.opType == "Scan", let body = node.attribute.first(where: { $0.name == "body" }),
                let inner = try? Onnx_GraphProto(serializedBytes: body.g)
            {
                readScan(node, inner, resolved, names)
            } else {
                add(node.opType, node.input.map(resolved), node.output.map(resolved), node)
            }
        }
    }

    private mutating func readScan(
        _ node: Onnx_NodeProto,
        _ body: Onnx_GraphProto,
        _ resolved: (String) -> String,
        _ names: [String: String]
    ) {
        let name = node.name.isEmpty ? node.output.first { !$0.isEmpty } ?? "" : node.name
        let under = name + "/"
        let inside = Set(body.initializer.map(\.name) + body.node.flatMap(\.output) + body.input.map(\.name))
        let scanned = Int(node.attribute.first { $0.name == "num_scan_inputs" }?.i ?? 0)
        let states = body.input.count - scanned
        read(body, under: under, names: names)
        let operands = node.input.suffix(body.input.count)
        for (operand, input) in zip(operands, body.input) {
            add("a step of Scan", [resolved(operand)], [under + input.name], node)
        }
        for (index, output) in body.output.enumerated() {
            let from = inside.contains(output.name) ? under + output.name : resolved(output.name)
            var to = index < node.output.count ? [resolved(node.output[index])] : []
            if index < states { to.append(under + body.input[index].name) }
            add("a step of Scan", [from], to, node)
        }
    }

    private mutating func add(_ operation: String, _ inputs: [String], _ outputs: [String], _ node: Onnx_NodeProto) {
        var operation = operation
        if operation == "Cast" {
            let type = node.attribute.first { $0.name == "to" }?.i ?? 0
            operation = [1, 10, 11, 16].contains(type) ? "Cast to float" : type == 9 ? "Cast to bool" : "Cast"
        }
        for (position, input) in inputs.enumerated() where !input.isEmpty {
            readers[input, default: []].append(
                Reader(operation: operation, position: position, outputs: outputs.filter { !$0.isEmpty })
            )
        }
    }

    /// The one 32-bit float of a tensor.
    private static func number(_ tensor: Onnx_TensorProto) -> Double? {
        guard tensor.dataType == 1, tensor.dims.allSatisfy({ $0 == 1 }) else { return nil }
        if let first = tensor.floatData.first { return Double(first) }
        guard tensor.rawData.count == 4 else { return nil }
        let bits = tensor.rawData.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Double(Float(bitPattern: bits))
    }

    private static func constant(_ node: Onnx_NodeProto) -> Constant {
        let value = node.attribute.first
        switch value?.name {
        case "value":
            let tensor = value?.t ?? Onnx_TensorProto()
            return Constant(type: tensor.dataType, count: tensor.dims.reduce(1) { $0 * Int($1) }, isNode: true)
        case "value_float": return Constant(type: 1, count: 1, isNode: true)
        case "value_floats": return Constant(type: 1, count: value?.floats.count ?? 0, isNode: true)
        case "value_ints": return Constant(type: 7, count: value?.ints.count ?? 0, isNode: true)
        default: return Constant(type: 7, count: 1, isNode: true)
        }
    }

    // MARK: Following

    /// Where a constant comes to.
    private struct Path {
        /// A shape, a bound or a scale reads it as it is.
        var isStructure = false
        /// A place reads it, or anything computed of it.
        var isPlace = false
        /// It is an exponent, as it is.
        var isExponent = false
        /// An output depends on its numbers.
        var isUsed = false
        /// An output, or anything public, depends on it at all.
        var reachesAnything = false
        /// It becomes a float that is computed with.
        var becomesFloat = false
    }

    private struct Step: Hashable {
        var name: String
        /// Whether anything has been computed; whether the numbers count, or the shape alone; whether it has been compared.
        var isComputed: Bool
        var isNumber: Bool
        var isCompared: Bool
    }

    private func follow(_ name: String) -> Path {
        var path = Path()
        var seen: Set<Step> = []
        var open = [Step(name: name, isComputed: false, isNumber: true, isCompared: false)]
        while let step = open.popLast() {
            guard seen.insert(step).inserted else { continue }
            if outputs.contains(step.name) {
                path.reachesAnything = true
                path.isUsed = path.isUsed || step.isNumber
            }
            for reader in readers[step.name] ?? [] {
                var next = step
                let base = reader.operation.hasPrefix("Cast to") ? "Cast" : reader.operation
                let ofShape =
                    ["Shape", "Size", "EyeLike"].contains(base) || (base == "CastLike" && reader.position == 1)
                let isStructure = RuleOnFile.structural[base]?.contains(reader.position) == true
                let isPlace = RuleOnFile.placing[base]?.contains(reader.position) == true
                if step.isNumber, base == "Pow", isPlace, !step.isComputed {
                    path.isExponent = true
                } else if step.isNumber, isStructure || isPlace {
                    if isPlace || step.isComputed { path.isPlace = true } else { path.isStructure = true }
                }
                next.isNumber = step.isNumber && !ofShape && !isStructure && !isPlace
                let isFinding = RuleOnFile.finding[base]?.contains(reader.position) == true
                next.isComputed = step.isComputed || isFinding || !RuleOnFile.moving.contains(base)
                next.isCompared =
                    step.isCompared || isFinding || reader.operation == "Cast to bool"
                    || ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "And", "Or", "Xor"]
                        .contains(base)
                if step.isNumber, !step.isCompared, reader.operation == "Cast to float" || base == "CastLike" {
                    path.becomesFloat = path.becomesFloat || reader.position == 0
                }
                for (position, output) in reader.outputs.enumerated() {
                    var there = next
                    there.name = output
                    // A mask that drops nothing follows from the shape.
                    if base == "Dropout", position == 1 { there.isNumber = false }
                    open.append(there)
                }
            }
        }
        return path
    }
}
