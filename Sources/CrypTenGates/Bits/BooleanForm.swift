/// A Boolean function in algebraic normal form: `constant ⊕ (XOR of products of inputs)`; a product names its inputs.
///
/// `x or y` is `[[0], [1], [0, 1]]`, `not x` is the constant 1 and `[[0]]`.
package struct BooleanForm: Hashable, Sendable, Codable {
    package let constant: Bool
    package let products: [[Int]]

    package init(constant: Bool = false, products: [[Int]]) {
        self.constant = constant
        self.products = products
    }

    /// The products as sets of inputs, each once; an empty one counts as the constant.
    var terms: [UInt64] {
        sets.filter { $0 != 0 }
    }

    var constantTerm: Bool {
        constant != sets.contains(0)
    }

    /// Two equal products cancel.
    private var sets: [UInt64] {
        let sets = products.map { $0.reduce(UInt64(0)) { $0 | 1 << UInt64($1) } }
        return Dictionary(sets.map { ($0, 1) }, uniquingKeysWith: +).filter { $0.value % 2 == 1 }.keys.sorted()
    }

    /// The largest number of inputs of a product.
    package var fanIn: Int {
        terms.map(\.nonzeroBitCount).max() ?? 0
    }

    /// What a gate's functions must satisfy: at least one, of up to 64 inputs, in products of up to so many.
    static func check(_ outputs: [BooleanForm], inputs: Int, fanIn: Int) throws {
        try require((0...64).contains(inputs), "functions of \(inputs) inputs; 64 are the most")
        try require((1...GateLimits.list).contains(outputs.count), "\(outputs.count) functions")
        let products = outputs.reduce(0) { $0 + $1.products.count }
        try require(products <= 4 * GateLimits.list, "\(products) products")
        for output in outputs {
            try require(
                output.products.allSatisfy { $0.count <= 64 && $0.allSatisfy { (0..<inputs).contains($0) } },
                "a product of other than its inputs"
            )
            try require(output.fanIn <= fanIn, "a product of more than \(fanIn) inputs")
        }
    }
}
