public import CrypTenExpressions
import Foundation

/// What fixed point takes from the numbers of a tensor: for its owner alone, who has them.
public struct EncodingLoss: Sendable, Hashable, Codable {
    /// What the tensor is called.
    public var name: String
    /// How many numbers it has that aren't 0.
    public var numbers: Int
    /// How many of them are off by more than 2⁻⁸ of their size.
    public var imprecise: Int
    /// How many of those become 0.
    public var vanished: Int
    /// The fraction bits with which no more than one in eight would be off by so much.
    public var neededFractionBits: Int

    /// Nil where no number is off by more than 2⁻⁸ of its size.
    ///
    /// - Parameters:
    ///   - tensor: The numbers.
    ///   - fractionBits: Those with which they are encoded.
    ///   - name: What the tensor is called.
    public init?(of tensor: Tensor, fractionBits: Int, name: String) {
        var tally = Tally(fractionBits: fractionBits)
        switch tensor.elements {
        case .float(let numbers): for number in numbers { tally.add(Double(number)) }
        case .double(let numbers): for number in numbers { tally.add(number) }
        case .int32, .int64, .bool: return nil
        }
        guard tally.imprecise > 0 else { return nil }
        self.name = name
        (numbers, imprecise, vanished) = (tally.numbers, tally.imprecise, tally.vanished)
        // Half a step is 2⁻⁸ of a number that is 2⁷ steps large.
        neededFractionBits = max(fractionBits + 1, 7 - tally.exponent(of: tally.numbers / 8))
    }

    /// What is counted of numbers one after another: networks have hundreds of millions.
    private struct Tally {
        private let unit: Double
        private(set) var (numbers, imprecise, vanished) = (0, 0, 0)
        /// How many numbers have each exponent, the least one first.
        private var exponents = [Int](repeating: 0, count: Tally.greatest - Tally.least + 1)
        private static let (least, greatest) = (-1074, 1023)

        init(fractionBits: Int) {
            unit = Double(sign: .plus, exponent: fractionBits, significand: 1)
        }

        mutating func add(_ number: Double) {
            guard number != 0, number.isFinite else { return }
            let rounded = (number * unit).rounded() / unit
            numbers += 1
            if abs(number - rounded) > number.magnitude * EncodingLoss.precision { imprecise += 1 }
            if rounded == 0 { vanished += 1 }
            exponents[Int(number.exponent) - Tally.least] += 1
        }

        /// The exponent of the number at a place, if they stood by their size.
        func exponent(of place: Int) -> Int {
            var smaller = 0
            for (index, count) in exponents.enumerated() {
                smaller += count
                if smaller > place { return index + Tally.least }
            }
            return Tally.greatest
        }
    }

    /// The same of numbers whose range is declared: with the fraction bits that follow from it.
    package init?(of tensor: Tensor, fractionBits: Int, range: ClosedRange<Double>?, name: String) {
        let exponent = range.flatMap { ValueRange($0.lowerBound, $0.upperBound).exponent }
        let bits = exponent.map { ValueRange.fractionBits(ofExponent: $0, session: fractionBits) } ?? fractionBits
        self.init(of: tensor, fractionBits: bits, name: name)
    }

    /// Whether so many numbers lose so much that it is worth a word: more than one in eight; of any network some weights are small.
    public var isNotable: Bool {
        imprecise * 8 > numbers
    }

    private static let precision = 0x1p-8
}
