package import CrypTenRing

/// Products of up to four of some planes of bits, each a plane.
struct BitMonomials {
    /// The planes that each product has as factors, ascending.
    let products: [[Int]]
    /// How a product of more than two is split: the factors for which this holds are multiplied first, and so are the others.
    let isHigh: (Int) -> Bool
}

extension Pair {
    /// XOR shares of products of shared bits, in a plane each.
    ///
    /// x·y = x_0·y_0 ⊕ x_1·y_1 ⊕ x_0·y_1 ⊕ x_1·y_0: the last two are bits of one party, weighed by the other's, and both by the same party's. A
    /// product of several bits is that of its high factors and its low ones, each made once, whatever number of products has it. All
    /// that one plane of choices weighs in an exchange goes in one message.
    ///
    /// - Complexity: two bits of message for each product of two; a transfer for each plane that is a factor. Two exchanges for products
    ///   of two bits, four for those of three and four.
    func products(of bits: PairBits, _ monomials: BitMonomials) -> PairBits {
        var network = BitNetwork(self, bits)
        let outputs = monomials.products.map { network.node($0, monomials.isHigh) }
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
    private let bits: PairBits
    private let chooser: Int
    private var nodes: [Node] = []
    private var known: [[Int]: Int] = [:]

    init(_ pair: Pair, _ bits: PairBits) {
        (self.pair, self.bits) = (pair, bits)
        chooser = pair.nextChooser()
        nodes = (0..<bits.planes).map { _ in Node(factors: nil, moment: bits.moment) }
    }

    /// The node that is a product of planes.
    mutating func node(_ planes: [Int], _ isHigh: (Int) -> Bool) -> Int {
        guard planes.count > 1 else { return planes[0] }
        if let node = known[planes] { return node }
        let (high, low) = (planes.filter(isHigh), planes.filter { !isHigh($0) })
        let (left, right) = high.isEmpty || low.isEmpty ? ([planes[0]], Array(planes.dropFirst())) : (high, low)
        let factors = (node(left, isHigh), node(right, isHigh))
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
        let (pair, bits, kernels, chooser) = (pair, bits, pair.kernels, chooser)
        let given = bits.planes
        let count = bits.count
        // Choices by planes that are given go together; products get theirs when they are known.
        let base = Set(nodes.compactMap(\.factors).flatMap { [$0.0, $0.1] }.filter { $0 < given }).sorted()
        pair.choose(chooser, by: bits, planes: base)
        let values = (0..<nodes.count).map { _ in Slot() }
        for plane in 0..<given { values[plane].part = bits.part.map { $0[plane] } }
        var choices: [Int: (choices: PairChoices, plane: Int)] = [:]
        for plane in base { choices[plane] = bits.choice(plane, to: chooser)! }
        // Products that are factors themselves choose, too; in order of their depth, which is that of their numbers.
        let inner = Set(nodes.compactMap(\.factors).flatMap { [$0.0, $0.1] }.filter { $0 >= given })
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
        let moment = outputs.map { nodes[$0].moment }.max() ?? bits.moment
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
