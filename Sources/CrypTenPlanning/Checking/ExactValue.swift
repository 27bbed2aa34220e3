import CrypTenExpressions
package import CrypTenRing

/// What a slot of a plan would hold if the ring had no end: its words, and the numbers that they stand for.
///
/// A word is a number modulo 2^64. As long as all numbers lie in −2^63 ..< 2^63 the words, read as signed, are they, and
/// nothing else is kept. Once one doesn't, `wide` holds them all, to the 53 bits of a double: enough to tell which multiple of
/// 2^64 a word has lost, as long as no sum has terms beyond 2^110.
package struct ExactValue: Sendable {
    /// The numbers modulo 2^64.
    package private(set) var words: RingTensor
    /// The numbers, where one of them has left the ring.
    package private(set) var wide: [Double]?
    /// The least and the largest of the words, read as signed, and where they stand.
    private(set) var low: (value: Int64, place: Int) = (0, 0)
    private(set) var high: (value: Int64, place: Int) = (0, 0)

    /// Numbers that lie in the ring.
    package init(_ words: RingTensor) {
        self.words = words
        words.withWords { words in
            for place in 0..<self.words.count {
                let value = Int64(bitPattern: words[place])
                if place == 0 || value < low.value { low = (value, place) }
                if place == 0 || value > high.value { high = (value, place) }
            }
        }
    }

    /// Numbers that may lie anywhere.
    ///
    /// - Parameters:
    ///   - words: They modulo 2^64.
    ///   - bound: None of them is larger in magnitude: where that fits the ring, `numbers` isn't asked for.
    ///   - numbers: They.
    init(_ words: RingTensor, bound: Double, numbers: () throws -> [Double]) rethrows {
        self.init(words)
        guard bound >= ExactValue.safe else { return }
        let numbers = try numbers()
        let haveLeft = words.withWords { words in
            numbers.indices.contains { abs(numbers[$0] - Double(Int64(bitPattern: words[$0]))) >= 0x1p63 }
        }
        if haveLeft { wide = numbers }
    }

    /// What is surely below this, whatever a double's rounding does, is in the ring.
    private static let safe = 0x1p62

    var shape: Shape {
        words.shape
    }

    var count: Int {
        words.count
    }

    /// The numbers as doubles.
    var numbers: [Double] {
        if let wide { return wide }
        return words.withWords { words in (0..<count).map { Double(Int64(bitPattern: words[$0])) } }
    }

    /// The number of largest magnitude, and where it stands.
    package var largest: (number: Double, place: Int) {
        if let wide {
            let place = wide.indices.max { wide[$0].magnitude < wide[$1].magnitude } ?? 0
            return wide.isEmpty ? (0, 0) : (wide[place], place)
        }
        return low.value.magnitude > high.value.magnitude
            ? (Double(low.value), low.place) : (Double(high.value), high.place)
    }

    /// The largest magnitude.
    package var magnitude: Double {
        largest.number.magnitude
    }

    /// Elements moved by an operation that computes nothing.
    static func moving(_ operands: [ExactValue], _ move: ([RingTensor]) -> RingTensor) -> ExactValue {
        let words = move(operands.map(\.words))
        guard operands.contains(where: { $0.wide != nil }) else { return ExactValue(words) }
        let moved = move(operands.map { RingTensor($0.numbers.map(\.bitPattern), shape: $0.shape) })
        return ExactValue(words, bound: .infinity) { moved.elements.map(Double.init(bitPattern:)) }
    }

    /// The rows along the first axis, in the order of `rows`.
    package func rows(_ rows: [Int], _ kernels: any Kernels) -> ExactValue {
        ExactValue.moving([self]) { kernels.take($0[0], axis: 0, indices: rows) }
    }

    /// The same numbers under another shape of as many.
    func reshaped(to shape: Shape) -> ExactValue {
        var copy = self
        copy.words = words.reshaped(to: shape)
        return copy
    }
}
