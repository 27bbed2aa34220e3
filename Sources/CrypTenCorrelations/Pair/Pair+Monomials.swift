import CrypTenRing

extension Pair {
    /// XOR shares of products of planes of shared bits, in a plane each.
    ///
    /// x·y = x_0·y_0 ⊕ x_1·y_1 ⊕ x_0·y_1 ⊕ x_1·y_0: the last two are bits of one party, weighed by the other's, and both by the same party's. A
    /// product of several bits is that of two parts, each made once, whatever number of products has it. All that one plane of choices weighs
    /// in an exchange goes in one message.
    ///
    /// - Parameters:
    ///   - blocks: Where the planes are, of equal counts.
    ///   - products: Each one's planes, counted through all blocks, ascending.
    ///   - split: The two parts of a product of more than two.
    /// - Complexity: two bits of message for each product of two; a transfer for each plane that is a factor. Two exchanges for products
    ///   of two bits, four for those of three and four.
    package func products(
        of blocks: [PairPlanes],
        _ products: [[Int]],
        split: ([Int]) -> (high: [Int], low: [Int])
    ) -> PairBits {
        var network = BitNetwork(self, blocks)
        let outputs = products.map { network.node($0, split) }
        return network.run(outputs)
    }
}

/// Ands of shared bits: first what there is to do, then all of it by the exchanges in which it can be done.
struct BitNetwork {
    private struct Node {
        /// The two factors; nil for a plane that is given.
        var factors: (Int, Int)?
        var moment: Int
    }

    private let pair: Pair
    /// The planes that are given.
    private let given: [(source: PairBits, plane: Int)]
    private let count: Int
    private let chooser: Int
    private var nodes: [Node] = []
    private var known: [[Int]: Int] = [:]

    init(_ pair: Pair, _ blocks: [PairPlanes]) {
        self.pair = pair
        given = blocks.flatMap { block in block.range.map { (block.source, $0) } }
        count = blocks[0].count
        // Who has chosen by these planes already, as by a mask's that is being read.
        let before = given.lazy.compactMap { plane in
            (0..<2).first { plane.source.choice(plane.plane, to: $0) != nil }
        }.first
        chooser = before ?? pair.nextChooser()
        nodes = given.map { Node(factors: nil, moment: $0.source.moment) }
    }

    /// The node that is a product of planes.
    mutating func node(_ planes: [Int], _ split: ([Int]) -> (high: [Int], low: [Int])) -> Int {
        guard planes.count > 1 else { return planes[0] }
        if let node = known[planes] { return node }
        let (high, low) = planes.count > 2 ? split(planes) : ([planes[1]], [planes[0]])
        let factors = (node(high, split), node(low, split))
        nodes.append(Node(factors: factors, moment: 0))
        known[planes] = nodes.count - 1
        return nodes.count - 1
    }

    /// One bit weighed by another's choice.
    private struct Term: Hashable {
        var choice: Int
        var exchange: Int
    }

    /// Does everything; the planes of the result are those nodes.
    mutating func run(_ outputs: [Int]) -> PairBits {
        let (pair, given, kernels, chooser, count) = (pair, given, pair.kernels, chooser, count)
        // Choices by planes that are given go together; products get theirs when they are known.
        let base = Set(nodes.compactMap(\.factors).flatMap { [$0.0, $0.1] }.filter { $0 < given.count }).sorted()
        let values = (0..<nodes.count).map { _ in Slot() }
        for (node, plane) in given.enumerated() { values[node].part = plane.source.part.map { $0[plane.plane] } }
        var choices: [Int: (choices: PairChoices, plane: Int)] = [:]
        for (index, node) in base.enumerated() {
            let source = given[node].source
            // All planes of a source at once, before the first of them.
            if !base[..<index].contains(where: { given[$0].source === source }) {
                pair.choose(
                    chooser,
                    by: source,
                    planes: base.filter { given[$0].source === source }.map { given[$0].plane }
                )
            }
            choices[node] = source.choice(given[node].plane, to: chooser)!
        }
        // Products that are factors themselves choose, too; in order of their depth, which is that of their numbers.
        let inner = Set(nodes.compactMap(\.factors).flatMap { [$0.0, $0.1] }.filter { $0 >= given.count })
        var places: [Int: [(later: Int, plane: Int)]] = [:]
        var made: [Later<BitPlanes>] = []
        for level in levels() {
            // All that one choice weighs of what is known in the same exchange.
            var weighed: [(term: Term, words: [Int], products: [Int])] = []
            var index: [Term: Int] = [:]
            for product in level {
                let (a, b) = nodes[product].factors!
                for (choice, word) in [(a, b), (b, a)] {
                    let exchange = pair.tape.next(after: max(choices[choice]!.choices.moment, nodes[word].moment))
                    let term = Term(choice: choice, exchange: exchange)
                    nodes[product].moment = max(nodes[product].moment, exchange)
                    if let place = index[term] {
                        weighed[place].words.append(word)
                        weighed[place].products.append(product)
                    } else {
                        index[term] = weighed.count
                        weighed.append((term, [word], [product]))
                    }
                }
            }
            for (term, words, products) in weighed {
                let place = choices[term.choice]!
                for start in stride(from: 0, to: words.count, by: 64) {
                    let some = words[start..<min(start + 64, words.count)]
                    let share = pair.weigh(
                        by: place.choices,
                        plane: place.plane,
                        planes: some.count,
                        after: some.map { nodes[$0].moment }.max()!
                    ) {
                        kernels.stack(try some.map { try values[$0].part!.value() })
                    }
                    for (plane, product) in products[start..<start + some.count].enumerated() {
                        places[product, default: []].append((made.count, plane))
                    }
                    made.append(share)
                }
            }
            for product in level {
                let (a, b) = nodes[product].factors!
                let (left, right) = (values[a].part!, values[b].part!)
                let terms = places[product]!.map { (made[$0.later], $0.plane) }
                values[product].part = Later(at: nodes[product].moment) {
                    var bit = kernels.and(try left.value(), try right.value())
                    for (share, plane) in terms { kernels.accumulate(&bit, xor: try share.value()[plane]) }
                    return bit
                }
            }
            let choosing = level.filter(inner.contains)
            // Those that are known at the same time choose together.
            for moment in Set(choosing.map { nodes[$0].moment }).sorted() {
                let some = choosing.filter { nodes[$0].moment == moment }
                let extended = pair.choices(of: chooser, planes: some.count, count: count, after: moment) {
                    kernels.stack(try some.map { try values[$0].part!.value() })
                }
                for (plane, product) in some.enumerated() { choices[product] = (extended, plane) }
            }
        }
        let moment = outputs.map { nodes[$0].moment }.max() ?? 0
        return PairBits(
            planes: outputs.count,
            count: count,
            part: Later(at: moment) { kernels.stack(try outputs.map { try values[$0].part!.value() }) }
        )
    }

    private final class Slot {
        var part: Later<BitPlanes>?
    }

    /// The products, by how many there are below them.
    private func levels() -> [[Int]] {
        var depth = [Int](repeating: 0, count: nodes.count)
        var levels: [[Int]] = []
        for node in nodes.indices {
            guard let (a, b) = nodes[node].factors else { continue }
            depth[node] = max(depth[a], depth[b]) + 1
            while levels.count < depth[node] { levels.append([]) }
            levels[depth[node] - 1].append(node)
        }
        return levels
    }
}
