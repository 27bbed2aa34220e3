internal import CrypTenBase
internal import CrypTenExpressions
internal import SwiftProtobuf

/// Nodes of trees that ask whether a feature is one of a set of numbers.
extension GraphReader {
    /// The lists of a `TreeEnsemble`'s nodes.
    private struct Lists {
        static let equal = 4
        static let isMember = 6

        var modes: [Int]
        var splits: [Double]
        /// By attribute: features, children, whether these are leaves, what becomes of missing numbers.
        var others: [String: [Int64]]

        static let children = [
            "nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs",
        ]
        static let optional = ["nodes_missing_value_tracks_true"]

        /// A test of membership as a chain of comparisons, of which each leads to the same node where it holds, and to the next where it fails.
        mutating func chain(_ index: Int, _ members: [Double]) {
            (modes[index], splits[index]) = (Lists.equal, members[0])
            let count = members.count - 1
            let places = (0..<count).map { modes.count + $0 }
            modes += [Int](repeating: Lists.equal, count: count)
            splits += members.dropFirst()
            for (name, list) in others {
                var list = list
                list += [Int64](repeating: list[index], count: count)
                // All but the last of the chain fail to the next one, which is no leaf.
                for (here, next) in zip([index] + places, places) {
                    if name == "nodes_falsenodeids" { list[here] = Int64(next) }
                    if name == "nodes_falseleafs" { list[here] = 0 }
                }
                others[name] = list
            }
        }
    }

    /// A `TreeEnsemble` whose tests of membership are comparisons with each member; how many a set has is seen, as trees' shapes are.
    ///
    /// - Throws: `.malformedFile` for lists that don't fit each other; `.unsupportedOperator` for a set without members.
    func withoutMemberships(_ node: Onnx_NodeProto) throws -> Onnx_NodeProto {
        func numbers(_ name: String) throws -> [Double] {
            guard let attribute = node.attribute.first(where: { $0.name == name }), attribute.type == .tensor else {
                return []
            }
            return try TensorReader(file: file, allowsMissingNumbers: true).read(attribute.t, name: name).tensor?
                .doubles ?? []
        }
        let modes = try numbers("nodes_modes").map { Int($0) }
        guard modes.contains(Lists.isMember) else { return node }
        var lists = Lists(modes: modes, splits: try numbers("nodes_splits"), others: [:])
        for name in Lists.children + Lists.optional + [WeightAttributes.features] {
            let list = node.attribute.first { $0.name == name }?.ints ?? []
            if list.isEmpty, Lists.optional.contains(name) { continue }
            lists.others[name] = list
        }
        let sets = try numbers("membership_values").split(omittingEmptySubsequences: false) { $0.isNaN }
        let tested = modes.indices.filter { modes[$0] == Lists.isMember }
        // The last set may end with what stands between two, or not.
        guard lists.splits.count == modes.count, lists.others.values.allSatisfy({ $0.count == modes.count }),
            sets.count == tested.count || sets.count == tested.count + 1 && sets[tested.count].isEmpty
        else {
            throw file.problem.malformed(
                "node \(node.title) (TreeEnsemble): its nodes' attributes and sets differ in length"
            )
        }
        for (index, set) in zip(tested, sets) {
            guard !set.isEmpty else {
                throw unsupportedOperator(
                    "TreeEnsemble",
                    node: node.title,
                    why: "node \(index) of its trees asks whether a feature is in a set without members"
                )
            }
            lists.chain(index, Array(set))
        }
        return replaced(node, lists)
    }

    private func replaced(_ node: Onnx_NodeProto, _ lists: Lists) -> Onnx_NodeProto {
        var node = node
        node.attribute.removeAll { $0.name == "membership_values" }
        for index in node.attribute.indices {
            let name = node.attribute[index].name
            if let list = lists.others[name] { node.attribute[index].ints = list }
            switch name {
            case "nodes_modes":
                node.attribute[index].t = .with {
                    ($0.name, $0.dataType) = (name, ONNXElementType.uint8.standardNumber)
                    ($0.dims, $0.int32Data) = ([Int64(lists.modes.count)], lists.modes.map { Int32($0) })
                }
            case "nodes_splits":
                let isDouble = node.attribute[index].t.dataType == ONNXElementType.double.standardNumber
                node.attribute[index].t = .with {
                    $0.name = name
                    $0.dims = [Int64(lists.splits.count)]
                    $0.dataType = (isDouble ? ONNXElementType.double : .float).standardNumber
                    if isDouble { $0.doubleData = lists.splits } else { $0.floatData = lists.splits.map { Float($0) } }
                }
            default: break
            }
        }
        return node
    }
}
