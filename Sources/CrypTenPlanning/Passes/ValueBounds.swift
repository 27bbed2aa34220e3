import CrypTenExpressions
import CrypTenRing

/// What is publicly known of the size of each entry, and the fraction bits that follow from it.
///
/// Ranges start at declarations, constants and functions with bounds, and go through the operations by interval arithmetic. Where
/// nothing is declared a value's fraction bits are the session's, as if there were no ranges; only sums of what a function
/// bounds, such as exponentials, are kept from leaving the ring. Where |v| ≤ 2^R follows from declarations
///
///     fraction bits of an operand of products     min(30 − R, max(f, f + 4 − R)), so that the product of two has room
///     fraction bits that leave a sum room         61 − R
///
/// and operands of a product that still doesn't fit, long sums of products above all, lose what is too much, the one with more
/// bits first. Linear operations on small numbers by unknown ones, as weights are, hand their additional bits on: what is 2^-k of what
/// it would be has k bits more (`gain`).
///
/// Values that are kept with more fraction bits, as parameters in training are, have them as operands of products, whose sums may have as
/// many more; and what is added to such values has them, too (`FineBits`).
///
/// As compilers for encrypted arithmetic choose scales: Dathathri et al., "EVA: An Encrypted Vector Arithmetic Language and
/// Compiler", PLDI 2020; here by ranges instead of depth.
struct ValueBounds {
    /// What is known of an entry.
    struct Bound: Hashable {
        var range = ValueRange.unknown
        /// Whether a declaration is behind it.
        var isDeclared = false
        /// Bits by which an unbounded value is known to be smaller than it would be without declarations.
        var gain = 0

        /// |v| ≤ 2^R.
        var exponent: Int? { range.exponent.map { max($0, ValueRange.leastExponent) } }
    }

    private(set) var bounds: [Bound]
    /// The fraction bits to which an entry is truncated where somebody needs it truncated.
    private(set) var targets: [Int]
    private let fractionBits: Int
    /// Fraction bits of sums and products of which nothing is known.
    private let usualLimit: Int
    private let kinds: [ElementKind]
    private let fine: FineBits
    /// R where a part of a sum is a constant of 2^R, as what a mask adds to scores; nil where none is.
    private var reaches: [Int?] = []
    /// The most fraction bits that an entry may have where it is added up with others as it is.
    private var rooms: [Int] = []

    /// Bits of a value in the ring that every gate takes, less one for what rounding adds.
    private static let roomyBits = 61

    init(_ graph: Graph, fractionBits: Int, usualLimit: Int, kept: [KeptValue]) {
        self.fractionBits = fractionBits
        self.usualLimit = usualLimit
        kinds = graph.entries.map(\.kind)
        fine = FineBits(graph, fractionBits: fractionBits, kept: kept)
        bounds = []
        for entry in graph.entries {
            bounds.append(
                ValueBounds.bound(of: entry, bounds, kept.map(\.range), graph, fractionBits: fractionBits)
            )
        }
        targets = []
        for entry in graph.entries { reaches.append(reach(of: entry)) }
        targets = bounds.indices.map { usualTarget($0) }
        settle(graph)
        rooms = bounds.indices.map { limit($0) }
        for (index, entry) in graph.entries.enumerated().reversed() where Self.adds(entry.operation) {
            for input in entry.inputs { rooms[input] = min(rooms[input], rooms[index]) }
        }
    }

    /// The most fraction bits that an entry may have as a sum or a product.
    func limit(_ index: Int) -> Int {
        let bound = bounds[index]
        guard let exponent = bound.exponent else {
            let usual = min(ValueBounds.roomyBits, usualLimit + bound.gain + fine.room[index])
            return reaches[index].map { min(usual, max(0, ValueBounds.roomyBits - $0)) } ?? usual
        }
        return bound.isDeclared
            ? max(0, ValueBounds.roomyBits - exponent)
            : max(fractionBits, min(usualLimit, ValueBounds.roomyBits + 1 - exponent))
    }

    /// The same for a product that sums read as it is: what they leave it.
    func room(_ index: Int) -> Int {
        rooms[index]
    }

    /// How large a part of a value is where a public constant is what its numbers are, or by what they are multiplied.
    private func reach(of entry: Graph.Entry) -> Int? {
        let known = entry.inputs.map { reaches[$0] }
        switch entry.operation {
        case .constant: return bounds[reaches.count].exponent
        case .bilinear: return known.contains { $0 != nil } ? known.reduce(0) { min($0 + ($1 ?? 0), 62) } : nil
        case .relu, .maximum: return known[0]
        default: return Self.adds(entry.operation) ? known.compactMap(\.self).max() : nil
        }
    }

    /// Whether what an operation makes has its operands' numbers, or sums of them.
    private static func adds(_ operation: Primitive) -> Bool {
        switch operation {
        case .add, .subtract, .negate, .sum, .reshape, .permute, .slice, .broadcast, .concatenate, .take, .pad, .select,
            .stopGradient,
            .known, .notBefore:
            true
        default: false
        }
    }

    /// Whether an entry has more fraction bits than the session's, for it is kept with them.
    func isFine(_ index: Int) -> Bool {
        fine.target[index] > 0 && bounds[index].exponent == nil
    }

    /// A finite range that is behind declarations.
    func declaredRange(of index: Int) -> ValueRange? {
        bounds[index].isDeclared && bounds[index].range.isFinite ? bounds[index].range : nil
    }

    /// The fraction bits of an input: those of what it is declared to be, where nobody reads it as anything else.
    func inputScale(_ index: Int) -> Int {
        kinds[index] == .real ? targets[index] : 0
    }

    // MARK: Targets

    private func usualTarget(_ index: Int) -> Int {
        let bound = bounds[index]
        guard bound.isDeclared, let exponent = bound.exponent else {
            return fractionBits + max(bound.gain, fine.target[index])
        }
        return ValueRange.fractionBits(ofExponent: exponent, session: fractionBits)
    }

    /// First by what reads each value, then for products whose operands have too many bits together.
    private mutating func settle(_ graph: Graph) {
        let readers = graph.consumers
        let handedOut = Set(graph.outputs.map(\.entry))
        for index in graph.entries.indices where bounds[index].isDeclared {
            guard let exponent = bounds[index].exponent else { continue }
            // What no product reads needs no room for one, but room for the sums that it goes into.
            // What is added to numbers of unknown size needs no more bits than those have.
            let sums = readers[index].filter { isSum(graph.entries[$0]) }
            let room =
                sums.map { bounds[$0].exponent == nil ? fractionBits + bounds[$0].gain : limit($0) }.min()
                ?? limit(index)
            let isFactor = readers[index].contains { isProduct(graph, $0) }
            let wanted = isFactor ? targets[index] : max(fractionBits, fractionBits + 4 - exponent)
            targets[index] = max(0, min(wanted, room, limit(index)))
            // A step of Horner's rule has the session's bits besides, and coefficients of any size.
            if readers[index].contains(where: { isPolynomial(graph.entries[$0]) }) {
                targets[index] = min(targets[index], fractionBits)
            }
        }
        for (index, entry) in graph.entries.enumerated() {
            guard case .bilinear = entry.operation, bounds[index].isDeclared, bounds[index].exponent != nil,
                entry.inputs.allSatisfy({ graph.entries[$0].isSecret && bounds[$0].exponent != nil })
            else { continue }
            fit(entry.inputs[0], entry.inputs[1], limit(index))
        }
        // Sources take their scale from their declarations.
        for (index, entry) in graph.entries.enumerated() {
            guard case .input = entry.operation else { continue }
            let declarations = readers[index].filter {
                if case .declared = graph.entries[$0].operation { true } else { false }
            }
            guard declarations.count == readers[index].count, !handedOut.contains(index),
                let scale = declarations.map({ targets[$0] }).min()
            else { continue }
            targets[index] = scale
        }
    }

    private func isSum(_ entry: Graph.Entry) -> Bool {
        switch entry.operation {
        case .add, .subtract, .negate, .sum: true
        default: false
        }
    }

    private func isPolynomial(_ entry: Graph.Entry) -> Bool {
        if case .polynomial = entry.operation { true } else { false }
    }

    private func isProduct(_ graph: Graph, _ index: Int) -> Bool {
        let entry = graph.entries[index]
        switch entry.operation {
        case .bilinear: return entry.inputs.allSatisfy { graph.entries[$0].isSecret }
        case .polynomial, .divide, .divideByRoot: return true
        default: return false
        }
    }

    /// Takes bits away from two operands until their product has no more than `most`.
    private mutating func fit(_ left: Int, _ right: Int, _ most: Int) {
        func bits(_ index: Int) -> Int { targets[index] + (bounds[index].exponent ?? 0) }
        if left == right {
            targets[left] = max(0, min(targets[left], most / 2))
            return
        }
        while targets[left] + targets[right] > most {
            if targets[left] == 0, targets[right] == 0 { return }
            if targets[right] == 0 || targets[left] > 0 && bits(left) >= bits(right) {
                targets[left] -= 1
            } else {
                targets[right] -= 1
            }
        }
    }

    // MARK: Ranges

    private static func bound(
        of entry: Graph.Entry,
        _ known: [Bound],
        _ kept: [ValueRange?],
        _ graph: Graph,
        fractionBits: Int
    ) -> Bound {
        let operands = entry.inputs.map { known[$0] }
        let ranges = operands.map(\.range)
        /// A range that follows from the operands', declared where one of theirs is.
        func follows(_ range: ValueRange) -> Bound {
            let isDeclared = operands.contains(where: \.isDeclared)
            return Bound(
                range: range,
                isDeclared: isDeclared,
                gain: range.isFinite ? 0 : operands.map { gain($0) }.min() ?? 0
            )
        }
        switch entry.operation {
        case .declared(let range):
            return Bound(range: range, isDeclared: true)
        case .constant(let tensor):
            let numbers = tensor.doubles
            // What is too large for any encoding saturates.
            guard !numbers.contains(where: \.isNaN) else { return Bound() }
            guard let low = numbers.min(), let high = numbers.max() else { return Bound(range: .zero) }
            return Bound(range: ValueRange(low, high).clamped(to: 0x1p62))
        case .kept(let number):
            guard let range = kept[number] else { return Bound() }
            return Bound(range: range, isDeclared: true)
        case .random(let distribution, _, _, _):
            if case .uniform = distribution { return Bound(range: ValueRange(0, 1)) }
            return Bound()
        case .input, .publicInput, .keptRows:
            return Bound()

        case .reshape, .permute, .slice, .broadcast, .take, .concatenate, .toReal, .stopGradient, .maximum:
            return follows(ranges.dropFirst().reduce(ranges[0]) { $0.union($1) })
        case .gather, .known, .notBefore:
            return follows(ranges[0])
        case .shuffle(let part, _):
            return follows(ranges[part])
        case .pad, .select:
            return follows(ranges[ranges.count - 1].union(.zero))
        case .floor:
            return follows(ValueRange(ranges[0].low - 1, ranges[0].high))
        case .relu:
            return follows(ranges[0].map { Swift.max(0, $0) })
        case .clamp(let low, let high):
            return follows(ranges[0].map { Swift.min(Swift.max($0, low), high) })

        case .add:
            return follows(ranges[0].adding(ranges[1]))
        case .subtract:
            // x − max(x, 0) is min(x, 0).
            if case .relu = graph.entries[entry.inputs[1]].operation,
                graph.entries[entry.inputs[1]].inputs == [entry.inputs[0]]
            {
                return follows(ranges[0].map { Swift.min($0, 0) })
            }
            return follows(ranges[0].adding(ranges[1].negated))
        case .negate:
            return follows(ranges[0].negated)
        case .sum(let axes):
            let shape = graph.entries[entry.inputs[0]].shape
            return follows(ranges[0].times(axes.reduce(1) { $0 * shape[$1] }))
        case .bilinear(let operation):
            return product(operation, entry, operands, graph)

        case .isNegative, .isPositive, .isZero, .winners, .and, .xor, .not, .bitToInteger:
            return Bound(range: ValueRange(0, 1))
        case .argmax(let axis):
            return Bound(range: ValueRange(0, Double(graph.entries[entry.inputs[0]].shape[axis])))
        case .sine, .cosine:
            return Bound(range: ValueRange(-1.01, 1.01))
        case .normalizedExponential:
            return Bound(range: ValueRange(0, 1.01))
        case .smooth(let function):
            guard let above = function.above else { return Bound() }
            return Bound(range: ValueRange(min(function.below, above) - 0.01, max(function.below, above) + 0.01))
        case .exponential:
            let largest = ExponentialRange(below: ranges[0].high, fractionBits: fractionBits).largest
            guard operands[0].isDeclared, ranges[0].isFinite else { return Bound(range: ValueRange(0, largest)) }
            return follows(ranges[0].map { min(largest, PortableFunctions.exp($0) * 1.01) }.union(.zero))
        case .squareRoot where operands[0].isDeclared:
            return follows(ranges[0].map { Swift.max(0, $0).squareRoot() * 1.01 }.union(.zero))
        case .reciprocal where operands[0].isDeclared && ranges[0].low > 0:
            return follows(ValueRange(0, 1.01 / ranges[0].low))
        case .divide where operands[1].isDeclared && ranges[1].low > 0:
            var bound = follows(ranges[0].multiplied(by: ValueRange(0, 1.01 / ranges[1].low)))
            // Over a small divisor nothing is smaller.
            bound.gain = 0
            return bound
        case .polynomial, .logarithm, .reciprocal, .divide, .squareRoot, .inverseSquareRoot, .divideByRoot,
            .logarithmOfExponentials:
            return Bound()
        }
    }

    /// Bits by which a value is smaller than one of which nothing is known.
    private static func gain(_ bound: Bound) -> Int {
        guard let exponent = bound.exponent else { return bound.gain }
        return bound.isDeclared ? max(0, -exponent) : 0
    }

    private static func product(
        _ operation: BilinearOperation,
        _ entry: Graph.Entry,
        _ operands: [Bound],
        _ graph: Graph
    ) -> Bound {
        let shapes = entry.inputs.map { graph.entries[$0].shape }
        let terms = entry.shape.count == 0 ? 0 : operation.multiplyAccumulates(shapes[0], shapes[1]) / entry.shape.count
        let isSquare = entry.inputs[0] == entry.inputs[1]
        var range = operands[0].range.multiplied(by: operands[1].range)
        if case .multiply = operation {
            if isSquare { range = operands[0].range.squared }
        } else {
            // Terms of the padding are zero.
            range = range.times(terms).union(.zero)
        }
        let isDeclared = operands.contains(where: \.isDeclared)
        if range.isFinite { return Bound(range: range, isDeclared: isDeclared) }
        // Public factors say how large they are; of secret ones nothing is known.
        let gains = zip(entry.inputs, operands).map { input, bound in
            graph.entries[input].isSecret ? gain(bound) : 0
        }
        let growth = zip(entry.inputs, operands).map { input, bound in
            graph.entries[input].isSecret ? 0 : max(0, bound.exponent ?? 62)
        }
        return Bound(range: range, isDeclared: isDeclared, gain: max(0, gains.reduce(0, +) - growth.reduce(0, +)))
    }
}
