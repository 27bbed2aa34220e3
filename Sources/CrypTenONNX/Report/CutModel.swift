internal import CrypTenBase
internal import CrypTenExpressions
internal import Foundation
internal import SwiftProtobuf

/// A model's file from which what is refused is cut out, node by node, and put down with its reason.
///
/// What a cut node would compute becomes an input, and what it reads an output, so that everything before and behind it is still looked at.
struct CutModel {
    private let file: ModelFile
    private let secret: Set<String>
    private let open: Set<String>
    private(set) var model: Onnx_ModelProto
    private(set) var refusals: [ONNXModel.Report.Refusal] = []
    /// What cut nodes would compute.
    private(set) var missing: Set<String> = []
    private var isWhole = true
    /// Of added outputs the types that they turned out to have.
    private var types: [String: Int32] = [:]

    /// Nodes that are cut at most, those of one operator at once: a file that has more reasons is hardly a model.
    private static let mostCuts = 256
    private var cuts = 0

    init(_ file: ModelFile, secret: Set<String>, open: Set<String>) throws {
        (self.file, self.secret, self.open) = (file, secret, open)
        do {
            model = try Onnx_ModelProto(serializedBytes: file.bytes)
        } catch {
            throw file.problem.malformed("it isn't an ONNX model, or it is truncated", cause: error)
        }
        guard model.hasGraph else {
            throw file.problem.malformed("it isn't an ONNX model, or it is truncated: there is no graph")
        }
    }

    /// Loads what is left when all that can't be loaded is cut out; nil where a reason isn't one node's.
    mutating func load() -> ONNXModel? {
        while true {
            do {
                return try loaded(model)
            } catch {
                guard cut(error) else { return nil }
            }
        }
    }

    /// What is left, without what hangs on cut nodes: of that no shape is known. Nil where nothing is left to be tried.
    mutating func loadTriable() -> ONNXModel? {
        if isWhole { return load() }
        var kept = model
        var unknown = missing
        var nodes = kept.graph.node
        var dropped: [Onnx_NodeProto] = []
        // Files may have nodes in any order.
        while let place = nodes.firstIndex(where: { $0.input.contains(where: unknown.contains) }) {
            let node = nodes.remove(at: place)
            unknown.formUnion(node.output)
            dropped.append(node)
        }
        kept.graph.node = nodes
        kept.graph.input.removeAll { missing.contains($0.name) }
        kept.graph.output.removeAll { unknown.contains($0.name) }
        let read = Set(dropped.flatMap(\.input)).subtracting(unknown)
        kept.graph.show(read.intersection(nodes.flatMap(\.output)))
        guard !kept.graph.output.isEmpty, !nodes.isEmpty else { return nil }
        return try? loaded(kept)
    }

    /// Gives an added output the type that it was computed in; whether it is one, and had another.
    mutating func retype(_ error: CrypTenError) -> Bool {
        let words = error.message.split(separator: "'", omittingEmptySubsequences: false)
        guard words.count >= 3, words[0] == "output ", let type = error.message.split(separator: " ").last,
            let known = ONNXElementType(rawValue: String(type)), types[String(words[1])] == nil, !isWhole
        else { return false }
        types[String(words[1])] = known.standardNumber
        return true
    }

    private func loaded(_ model: Onnx_ModelProto) throws -> ONNXModel {
        var model = model
        for index in model.graph.output.indices {
            guard let type = types[model.graph.output[index].name] else { continue }
            model.graph.output[index].type.tensorType.elemType = type
        }
        let bytes = isWhole ? file.bytes : try model.serializedData()
        let names = Set(model.graph.initializer.map(\.name)).union(model.graph.node.flatMap(\.output))
        return try ONNXModel(
            ModelFile(file, bytes: bytes),
            isSkeleton: false,
            isWhole ? secret : secret.intersection(names),
            isWhole ? open : open.intersection(names),
            .features,
            .inference
        )
    }

    /// Puts an error down and cuts out the nodes that it is about.
    ///
    /// - Returns: whether there are any, so that the rest can be looked at.
    mutating func cut(_ error: any Error) -> Bool {
        let error = (error as? CrypTenError) ?? CrypTenError(.malformedFile, "\(error)")
        cuts += 1
        guard let refused = RefusedNode(error), cuts <= CutModel.mostCuts else {
            refusals.append(
                ONNXModel.Report.Refusal(
                    operation: nil,
                    nodes: [],
                    reason: cuts <= CutModel.mostCuts
                        ? error.message : "there are more than \(CutModel.mostCuts) reasons; the rest wasn't looked at"
                )
            )
            return false
        }
        func isIt(_ node: Onnx_NodeProto) -> Bool {
            let name = node.title
            return name == refused.node || refused.node.hasPrefix(name + "/")
        }
        var places = model.graph.node.indices.filter { isIt(model.graph.node[$0]) }
        let same = places.first.map { model.graph.node[$0] }
        if let same, same.isOfUnknownOperator, !same.opType.isEmpty {
            places = model.graph.node.indices.filter {
                model.graph.node[$0].opType == same.opType && model.graph.node[$0].domain == same.domain
            }
        }
        let names = places.isEmpty ? [refused.node] : places.map { model.graph.node[$0].title }
        // A node inside of another one's graph is named itself.
        put(refused, nodes: places.count == 1 ? [refused.node] : names)
        guard !places.isEmpty else { return false }
        let gone = places.map { model.graph.node[$0] }
        isWhole = false
        model.graph.node = model.graph.node.indices.filter { !places.contains($0) }.map { model.graph.node[$0] }
        let outputs = Set(gone.flatMap(\.output).filter { !$0.isEmpty })
        for name in outputs.sorted() { model.graph.input.append(Onnx_ValueInfoProto(cut: name)) }
        missing.formUnion(outputs)
        model.graph.show(Set(gone.flatMap(\.input).filter { !$0.isEmpty }).subtracting(missing))
        return true
    }

    private mutating func put(_ refused: RefusedNode, nodes: [String]) {
        if let place = refusals.firstIndex(where: { $0.operation == refused.operation && $0.reason == refused.reason })
        {
            refusals[place].nodes += nodes
        } else {
            refusals.append(
                ONNXModel.Report.Refusal(operation: refused.operation, nodes: nodes, reason: refused.reason)
            )
        }
    }
}

/// The node that an error is about: what `unsupportedOperator` writes, read again.
struct RefusedNode {
    var operation: String
    var node: String
    var reason: String

    init?(_ error: CrypTenError) {
        let prefix = "unsupported operator "
        guard error.code == .unsupportedOperator, error.message.hasPrefix(prefix),
            case let text = error.message.dropFirst(prefix.count), let start = text.firstRange(of: " (node "),
            let end = text[start.upperBound...].firstRange(of: "): ")
        else { return nil }
        operation = String(text[..<start.lowerBound])
        node = String(text[start.upperBound..<end.lowerBound])
        reason = String(text[end.upperBound...])
    }
}

extension Onnx_NodeProto {
    /// Whether no node of its operator can be run.
    fileprivate var isOfUnknownOperator: Bool {
        guard let domain = OperatorDomain(domain) else { return true }
        return OperatorTable.entries[domain.operation(opType)] == nil
    }
}

extension Onnx_GraphProto {
    /// Makes names outputs that aren't.
    fileprivate mutating func show(_ names: Set<String>) {
        let types = Dictionary(initializer.map { ($0.name, $0.dataType) }, uniquingKeysWith: { first, _ in first })
        let known = Set(output.map(\.name))
        for name in names.subtracting(known).sorted() {
            output.append(Onnx_ValueInfoProto(cut: name, type: types[name]))
        }
    }
}

extension Onnx_ValueInfoProto {
    /// A tensor of which nothing is known.
    fileprivate init(cut name: String, type: Int32? = nil) {
        self.init()
        self.name = name
        var tensor = Onnx_TypeProto.Tensor()
        let isRead = type.map { ONNXElementType(standardNumber: $0) != nil } ?? false
        tensor.elemType = isRead ? type ?? 1 : ONNXElementType.float.standardNumber
        self.type.tensorType = tensor
    }
}
