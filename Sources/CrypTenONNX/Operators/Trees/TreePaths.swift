internal import CrypTenExpressions
internal import CrypTenRing

/// The bits of leaves as products of bits of nodes: up to four factors a round, so ⌈log₄ depth⌉ rounds.
///
/// Ways share their beginnings, and so do their products: a part of a way is computed once, however many leaves lie behind it. Bits lie row
/// by row of a node, so that picking nodes moves whole rows.
struct TreePaths {
    /// Products of one round: each names its factors, which are rows of the round before.
    private var rounds: [[[Int]]] = []
    /// The row of each leaf after the last round.
    private var rows: [Int]

    /// - Parameters:
    ///   - leaves: Ways of at least one step.
    ///   - branches: How many nodes there are: a comparison's row is its node's, and the opposite's as many further.
    init(_ leaves: [TreeEnsemble.Leaf], branches: Int) {
        var ways = leaves.map { $0.path.map { $0.holds ? $0.branch : branches + $0.branch } }
        while ways.contains(where: { $0.count > 1 }) {
            var products: [[Int]] = []
            var known: [[Int]: Int] = [:]
            for index in ways.indices {
                ways[index] = stride(from: 0, to: ways[index].count, by: 4).map { start in
                    let part = Array(ways[index][start..<min(start + 4, ways[index].count)])
                    if let place = known[part] { return place }
                    known[part] = products.count
                    products.append(part)
                    return products.count - 1
                }
            }
            // Those of as many factors are one gate.
            let order = products.indices.sorted { (products[$0].count, $0) < (products[$1].count, $1) }
            var position = order
            for (place, product) in order.enumerated() { position[product] = place }
            ways = ways.map { $0.map { position[$0] } }
            rounds.append(order.map { products[$0] })
        }
        rows = ways.map { $0[0] }
    }

    /// The bits of the leaves that are asked for, a row each.
    ///
    /// - Parameters:
    ///   - nodes: A row for each node, of its comparison.
    ///   - leaves: Places of the leaves that this was made of.
    /// - Returns: A row for each of them.
    /// - Throws: What the expressions carry.
    func bits(_ nodes: CrypTensor, of leaves: [Int]) throws -> CrypTensor {
        var bits = try checked(concatenate([nodes, ~nodes], axis: 0))
        for products in rounds {
            var parts: [CrypTensor] = []
            var start = 0
            while start < products.count {
                let factors = products[start].count
                let group = products[start...].prefix { $0.count == factors }
                let operands = (0..<factors).map { factor in
                    bits.applying(.take(axis: 0, indices: group.map { $0[factor] }))
                }
                let product =
                    factors == 1 ? operands[0] : CrypTensor(Node(.and, operands.map(\.node), origin: bits.node.origin))
                parts.append(try checked(product))
                start += group.count
            }
            bits = parts.count == 1 ? parts[0] : try checked(concatenate(parts, axis: 0))
        }
        return bits.applying(.take(axis: 0, indices: leaves.map { rows[$0] }))
    }
}
