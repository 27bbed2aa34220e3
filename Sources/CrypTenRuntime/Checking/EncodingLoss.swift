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
        guard tensor.kind == .real else { return nil }
        let unit = Double(sign: .plus, exponent: fractionBits, significand: 1)
        let numbers = tensor.doubles.filter { $0 != 0 && $0.isFinite }
        let rounded = numbers.map { ($0 * unit).rounded() / unit }
        imprecise = zip(numbers, rounded).count { abs($0 - $1) > $0.magnitude * EncodingLoss.precision }
        vanished = rounded.count { $0 == 0 }
        guard imprecise > 0 else { return nil }
        self.name = name
        self.numbers = numbers.count
        let sizes = numbers.map(\.magnitude).sorted()
        // Half a step is 2⁻⁸ of a number that is 2⁷ steps large.
        neededFractionBits = max(fractionBits + 1, 7 - Int(sizes[sizes.count / 8].exponent))
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
