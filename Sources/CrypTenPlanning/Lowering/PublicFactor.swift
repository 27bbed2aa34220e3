import CrypTenExpressions
import CrypTenRing

/// A public tensor as the factor of a secret one: how many fraction bits it needs.
struct PublicFactor {
    /// Bits of a factor that isn't exact in few: a relative error of 2^-20.
    static let significantBits = 20
    /// The same where the product's range is known.
    static let mostSignificantBits = 30

    /// The numbers of a constant; none of what is known at run time alone.
    let numbers: [Double]
    let shape: Shape
    /// 2^e ≤ the largest magnitude < 2^(e + 1); nil of zeros, and of what is known at run time.
    let largestExponent: Int?
    /// Fraction bits that hold all numbers exactly, where that is not more than `usualBits`.
    let exactBits: Int?
    /// The session's fraction bits, and for factors below 1 up to six more, with which the product takes no more room.
    let usualBits: Int
    private let integers: [Int64]?
    /// Whether its numbers are known at run time alone.
    let isRunTime: Bool

    init(_ entry: Graph.Entry, isReal: Bool, fractionBits: Int) {
        shape = entry.shape
        isRunTime = if case .constant = entry.operation { false } else { true }
        guard case .constant(let tensor) = entry.operation, isReal else {
            (numbers, largestExponent) = ([], nil)
            integers = if case .constant(let tensor) = entry.operation { tensor.integers } else { nil }
            (exactBits, usualBits) = isReal ? (nil, fractionBits) : (0, 0)
            return
        }
        numbers = tensor.doubles
        integers = nil
        let largest = numbers.lazy.map(\.magnitude).max() ?? 0
        largestExponent = largest > 0 ? Int(min(max(largest, 0x1p-62), 0x1p62).exponent) : nil
        let spare = largest > 0 && largest < 1 ? min(-Int(largest.exponent) - 1, 6) : 0
        let usual = fractionBits + max(spare, 0)
        usualBits = usual
        exactBits = PublicFactor.exactBits(numbers, atMost: usual)
    }

    /// Fraction bits with which the largest number has its significant bits; 0 for large ones, which are whole then.
    var significantFractionBits: Int {
        max(0, PublicFactor.significantBits - 1 - (largestExponent ?? 0))
    }

    /// Fraction bits with which each number has its significant bits, at least four beyond the session's: `usualBits` where numbers are
    /// smaller than that, or not known.
    func wantedBits(fractionBits: Int) -> Int {
        let least = numbers.lazy.map(\.magnitude).filter { $0 > 0 }.min()
        guard let smallest = least?.exponent else { return usualBits }
        let significant = max(PublicFactor.significantBits, fractionBits + 4)
        return max(0, min(usualBits, significant - 1 - max(Int(smallest), -1074)))
    }

    /// As few fraction bits as hold all numbers exactly.
    static func exactBits(_ numbers: [Double], atMost most: Int) -> Int? {
        (0...most).first { bits in
            let unit = Double(sign: .plus, exponent: bits, significand: 1)
            return numbers.allSatisfy { ($0 * unit).rounded() == $0 * unit }
        }
    }

    /// The one number that a constant repeats, encoded.
    func uniform(scale: Int) -> UInt64? {
        if let integers, scale == 0, let first = integers.first, integers.allSatisfy({ $0 == first }) {
            return UInt64(bitPattern: first)
        }
        guard let first = numbers.first, numbers.allSatisfy({ $0 == first }) else { return nil }
        return FixedPoint.encodeConstant(first, scale: scale)
    }

    /// n where the tensor is 1/n everywhere, of a whole n that is no power of two.
    var reciprocalOfCount: Int? {
        guard exactBits == nil, let first = numbers.first, first > 0, first < 1, numbers.allSatisfy({ $0 == first }),
            case let terms = (1 / first).rounded(), terms < 0x1p40, 1 / terms == first
        else { return nil }
        return Int(terms)
    }

    // MARK: Numbers of different sizes

    /// A tensor's positions along an axis, by the octave of its numbers there.
    struct Octaves {
        struct Part {
            var exponent: Int
            var indices: [Int]
            var numbers: [Double]
            /// Where few bits hold them.
            var exactBits: Int?
        }

        /// Of what is multiplied, laid out flat where `isFlat`.
        var shape: Shape
        var axis: Int
        var isFlat: Bool
        var parts: [Part]
    }

    /// Elements that are sorted by octaves one by one, where they differ along more than one axis.
    private static let mostFlat = 1 << 12

    /// The numbers by octaves, of a factor of tensors of this shape; nil where all have bits enough beside the largest.
    func octaves(in result: Shape) -> Octaves? {
        guard let largest = largestExponent else { return nil }
        let isUneven = numbers.contains { number in
            number != 0 && number.magnitude < Double(sign: .plus, exponent: largest, significand: 1)
                && PublicFactor.exactBits([number], atMost: min(max(0, PublicFactor.significantBits - 1 - largest), 62))
                    == nil
        }
        guard isUneven, numbers.count > 1 else { return nil }
        let varying = shape.dimensions.indices.filter { shape[$0] > 1 }
        let (axis, isFlat, laidOut, values): (Int, Bool, Shape, [Double])
        if varying.count == 1 {
            (axis, isFlat, laidOut, values) = (varying[0] + result.rank - shape.rank, false, result, numbers)
        } else if result.count <= PublicFactor.mostFlat, shape == result {
            (axis, isFlat, laidOut, values) = (0, true, Shape([result.count]), numbers)
        } else {
            return nil
        }
        var parts: [Int: Octaves.Part] = [:]
        for (index, number) in values.enumerated() {
            // Zeros are in every octave.
            let exponent = number == 0 ? largest : Int(min(max(number.magnitude, 0x1p-62), 0x1p62).exponent)
            parts[exponent, default: Octaves.Part(exponent: exponent, indices: [], numbers: [])].indices.append(index)
            parts[exponent]?.numbers.append(number)
        }
        let sorted = parts.values.sorted { $0.exponent > $1.exponent }.map { part in
            var part = part
            part.exactBits = PublicFactor.exactBits(
                part.numbers,
                atMost: min(max(0, PublicFactor.significantBits - 1 - part.exponent), usualBits)
            )
            return part
        }
        return Octaves(shape: laidOut, axis: axis, isFlat: isFlat, parts: sorted)
    }

    /// Bits by which one row of factors may be smaller than another before it is given its own.
    private static let evenness = 6

    /// Whether, of a matrix's rows along the axis that is summed over, some are much smaller than others: they stand for features of other units.
    func isUneven(_ operation: BilinearOperation, isLeft: Bool) -> Bool {
        guard case .matmul(let transposeLeft, let transposeRight) = operation, shape.rank == 2,
            let largest = largestExponent
        else { return false }
        // The inner axis is a left operand's last, or its first where transposed; a right operand's the other way round.
        let inner = isLeft ? (transposeLeft ? 0 : 1) : (transposeRight ? 1 : 0)
        let (rows, columns) = (shape[0], shape[1])
        var largestOf = [Double](repeating: 0, count: shape[inner])
        for row in 0..<rows {
            for column in 0..<columns {
                let place = inner == 0 ? row : column
                largestOf[place] = max(largestOf[place], numbers[row * columns + column].magnitude)
            }
        }
        let even = Double(sign: .plus, exponent: largest - PublicFactor.evenness, significand: 1)
        return largestOf.contains { $0 > 0 && $0 < even }
    }
}
