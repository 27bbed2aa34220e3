internal import CrypTenBase
internal import CrypTenExpressions
internal import SwiftProtobuf

/// Nodes of trees that ask whether a feature is one of a set of numbers.
extension GraphReader {
    /// The lists of a `TreeEnsemble`'s nodes.
    private struct Lists {
        static let equal = TreeComparison.equal.rawValue
        /// The last of the standard's modes.
        static let isMember = 6

        var modes: [Int]
        var splits: [Double]
        /// By attribute: features, children, whether these are leaves, what becomes of missing numbers.
        var others: [String: [Int64]]

        static let needed = ["nodes_truenodeids", "nodes_trueleafs", "nodes_falsenodeids", "nodes_falseleafs"]
        static let optional = ["nodes_missing_value_tracks_true"]

        /// Tests of membership as chains of comparisons, of which each leads to the same node where it holds, and to the next where it fails.
        mutating func chain(_ sets: [(index: Int, members: ArraySlice<Double>)]) {
            /// Of each node that is added, the one that it stands for.
            var origins: [Int] = []
            /// Where nodes lead that fail, and aren't the last of a chain.
            var next: [(node: Int, to: Int)] = []
            for (index, members) in sets {
                (modes[index], splits[index]) = (Lists.equal, members[members.startIndex])
                var last = index
                for member in members.dropFirst() {
                    next.append((last, splits.count))
                    last = splits.count
                    splits.append(member)
                    origins.append(index)
                }
            }
            modes += [Int](repeating: Lists.equal, count: origins.count)
            for name in others.keys {
                let list = others[name] ?? []
                others[name] = list + origins.map { list[$0] }
            }
            for (node, to) in next {
                others["nodes_falsenodeids"]?[node] = Int64(to)
                others["nodes_falseleafs"]?[node] = 0
            }
        }
    }

    /// A `TreeEnsemble` whose tests of membership are comparisons with each member; how many a set has is seen, as trees' shapes are.
    ///
    /// - Throws: `.malformedFile` for lists that don't fit each other; `.unsupportedOperator` for a set without members.
    func withoutMemberships(_ node: Onnx_NodeProto) throws -> Onnx_NodeProto {
        func tensor(_ name: String) throws -> Tensor? {
            guard let attribute = node.attribute.first(where: { $0.name == name }), attribute.type == .tensor else {
                return nil
            }
            return try TensorReader(file: file, allowsMissingNumbers: true).read(attribute.t, name: name).tensor
        }
        guard let modes = try tensor("nodes_modes")?.integers, modes.contains(Int64(Lists.isMember)) else {
            return node
        }
        guard modes.allSatisfy({ (0...Int64(Lists.isMember)).contains($0) }) else {
            throw file.problem.malformed(
                "node \(node.title) (TreeEnsemble): a mode of its nodes isn't one of the standard's"
            )
        }
        var others: [String: [Int64]] = [:]
        for name in Lists.needed + Lists.optional + [WeightAttributes.features] {
            let list = node.attribute.first { $0.name == name }?.ints ?? []
            if list.isEmpty, Lists.optional.contains(name) { continue }
            others[name] = list
        }
        var lists = Lists(
            modes: modes.map { Int($0) },
            splits: try tensor("nodes_splits")?.doubles ?? [],
            others: others
        )
        let sets = (try tensor("membership_values")?.doubles ?? []).split(omittingEmptySubsequences: false) { $0.isNaN }
        let tested = modes.indices.filter { modes[$0] == Lists.isMember }
        // The last set may end with what stands between two, or not.
        guard lists.splits.count == modes.count, others.values.allSatisfy({ $0.count == modes.count }),
            sets.count == tested.count || sets.count == tested.count + 1 && sets[tested.count].isEmpty
        else {
            throw file.problem.malformed(
                "node \(node.title) (TreeEnsemble): its nodes' attributes and sets differ in length"
            )
        }
        if let (index, _) = zip(tested, sets).first(where: { $1.isEmpty }) {
            throw unsupportedOperator(
                "TreeEnsemble",
                node: node.title,
                why: "node \(index) of its trees asks whether a feature is in a set without members"
            )
        }
        lists.chain(zip(tested, sets).map { ($0, $1) })
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
                    // Of the standard's modes: read so, or made here.
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
