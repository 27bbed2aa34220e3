internal import CrypTenBase
internal import CrypTenExpressions
internal import Foundation
internal import SwiftProtobuf

extension GraphReader {
    /// The graph with the weights that stand among attributes moved out, as initialisers named `NODE/ATTRIBUTE`.
    ///
    /// A skeleton is in this form already.
    func withoutWeightAttributes(_ graph: Onnx_GraphProto) throws -> Onnx_GraphProto {
        if isSkeleton { return graph }
        var result = graph
        var names = Set(graph.initializer.map(\.name)).union(graph.input.map(\.name))
            .union(graph.node.flatMap(\.output))
        for index in graph.node.indices {
            let given = try withStandardForms(graph.node[index])
            guard let operation = OperatorDomain(given.domain)?.operation(given.opType),
                let weights = WeightAttributes.table[operation]
            else { continue }
            let name = given.title
            let (node, features) = try hidingTrees(
                given,
                operation,
                columns: GraphReader.columns(of: given.input.first, in: graph)
            )
            guard node.input.count <= weights.inputs else {
                throw file.problem.malformed(
                    "node \(name) (\(operation)) has \(node.input.count) inputs, where it takes \(weights.inputs)"
                )
            }
            var inputs = node.input + [String](repeating: "", count: weights.inputs - node.input.count)
            for forms in weights.names {
                let given = node.attribute.filter { forms.contains($0.name) }
                let tensors = try given.compactMap { try self.tensor(of: $0, node: name) }
                guard tensors.count <= 1, Set(given.map(\.name)).count == given.count else {
                    throw file.problem.malformed(
                        "node \(name) (\(operation)) has its \(forms[0]) twice"
                    )
                }
                guard var tensor = tensors.first else {
                    inputs.append("")
                    continue
                }
                tensor.name = names.unused("\(name)/\(tensor.name)")
                inputs.append(tensor.name)
                result.initializer.append(tensor)
            }
            if var features {
                features.name = names.unused("\(name)/\(features.name)")
                inputs.append(features.name)
                result.initializer.append(features)
            }
            while inputs.count > weights.inputs, inputs.last == "" { inputs.removeLast() }
            let moved = Set(weights.names.joined()).union(weights.dropped)
            result.node[index].attribute = node.attribute.filter { !moved.contains($0.name) }
            result.node[index].input = inputs
        }
        return result
    }

    /// A node with one form of each attribute: keys and values in lists of their own type, of a kernel's numbers the degree apart, which says
    /// what is computed, and sets of numbers as comparisons with each.
    private func withStandardForms(_ node: Onnx_NodeProto) throws -> Onnx_NodeProto {
        guard OperatorDomain(node.domain) == .classical else { return node }
        switch node.opType {
        case "LabelEncoder": return try withoutTensorForms(node)
        case "SVMClassifier", "SVMRegressor": return withDegree(node)
        case "TreeEnsemble": return try withoutMemberships(node)
        default: return node
        }
    }

    /// `keys_tensor`, `values_tensor` and `default_tensor` of a `LabelEncoder` as the lists that they stand for.
    private func withoutTensorForms(_ node: Onnx_NodeProto) throws -> Onnx_NodeProto {
        var node = node
        for index in node.attribute.indices {
            let attribute = node.attribute[index]
            guard attribute.type == .tensor, attribute.name.hasSuffix("_tensor") else { continue }
            let stem = attribute.name.dropLast("_tensor".count)
            let isOne = stem == "default"
            var changed = attribute
            if attribute.t.isOfTexts {
                changed.name = isOne ? "default_string" : "\(stem)_strings"
                if isOne {
                    (changed.type, changed.s) = (.string, attribute.t.stringData.first ?? Data())
                }
            } else if ONNXElementType(standardNumber: attribute.t.dataType)?.kind == .real {
                changed.name = isOne ? "default_float" : "\(stem)_floats"
            } else {
                changed.name = isOne ? "default_int64" : "\(stem)_int64s"
                if isOne {
                    let tensor = try TensorReader(file: file, allowsMissingNumbers: false).read(
                        attribute.t,
                        name: attribute.name
                    ).2
                    (changed.type, changed.i) = (.int, tensor?.integers?.first ?? -1)
                }
            }
            node.attribute[index] = changed
        }
        return node
    }

    private func withDegree(_ node: Onnx_NodeProto) -> Onnx_NodeProto {
        var node = node
        node.attribute.removeAll { $0.name == Kernel.degree }
        guard let index = node.attribute.firstIndex(where: { $0.name == "kernel_params" && $0.type == .floats }),
            node.attribute[index].floats.count >= 3
        else { return node }
        let degree = node.attribute[index].floats[2]
        node.attribute[index].floats = Array(node.attribute[index].floats.prefix(2))
        let isPolynomial = node.attribute.contains { $0.name == "kernel_type" && $0.s == Data("POLY".utf8) }
        if isPolynomial {
            node.attribute.append(.with { ($0.name, $0.type, $0.f) = (Kernel.degree, .float, degree) })
        }
        return node
    }

    /// What an attribute holds, as a tensor of its name; nil for an empty one.
    func tensor(of attribute: Onnx_AttributeProto, node: String) throws -> Onnx_TensorProto? {
        switch attribute.type {
        case .float, .floats:
            let numbers = attribute.type == .float ? [attribute.f] : attribute.floats
            if numbers.isEmpty { return nil }
            return .with {
                ($0.name, $0.dataType) = (attribute.name, ONNXElementType.float.standardNumber)
                $0.dims = attribute.type == .float ? [] : [Int64(numbers.count)]
                $0.floatData = numbers
            }
        case .tensor:
            guard ONNXElementType(standardNumber: attribute.t.dataType)?.kind == .real else {
                throw file.problem.malformed(
                    "node \(node): attribute \(attribute.name) has element type \(elementTypeName(attribute.t.dataType)), where floats belong"
                )
            }
            if attribute.t.dims.contains(0) { return nil }
            var tensor = attribute.t
            tensor.name = attribute.name
            return tensor
        default:
            throw file.problem.malformed(
                "node \(node): attribute \(attribute.name) must hold floats"
            )
        }
    }

    /// - Throws: `.unsupportedOperator` for attributes of a classical model's operator that would show weights in a skeleton: in a
    ///   graph inside another operator they aren't moved out.
    func checkWeightsAreMoved(_ attributes: [String: GraphAttribute], of operation: String, node: String) throws {
        let names = Set((WeightAttributes.table[operation]?.names ?? []).joined())
        for (key, attribute) in attributes.sorted(by: { $0.key < $1.key }) {
            let isList: Bool =
                switch attribute {
                case .floats: true
                case .tensor(let type, _): type.kind == .real
                default: false
                }
            guard isList || names.contains(key) else { continue }
            throw unsupportedOperator(
                operation,
                node: node,
                why: "its attribute \(onOneLine(key)) holds floats, which are read as weights nowhere here"
            )
        }
    }
}
