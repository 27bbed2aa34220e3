import CrypTenExpressions
import CrypTenRing

/// The exponentials that an encoding can hold.
///
/// Results to 2^(62 − 2f), 2^30 with 16 fraction bits, leave a product's scale; with many fraction bits they still go to 2^15.
struct ExponentialRange {
    /// Where results begin, 2^-14: below e^−9.5 they are 0.
    static let lowestOctave = -14
    static let lowest = -9.5
    /// As many octaves as a table of four entries has bits for.
    static let fewOctaves = 29
    /// Results end at 2^this.
    let highestOctave: Int
    /// The largest operand, a multiple of 2^-8; above, results are `largest`.
    let highest: Double
    let largest: Double

    /// - Parameters:
    ///   - bound: What no operand is above; infinite where nothing is known.
    ///   - fractionBits: The session's.
    init(below bound: Double = .infinity, fractionBits: Int) {
        let end = max(15, min(30, 62 - 2 * fractionBits))
        let logarithm = 0.6931471805599453
        // One octave more than needed: what is rounded may lie above the bound.
        let needed = bound < Double(end) * logarithm ? Int((max(bound, 0) / logarithm).rounded(.up)) + 1 : end
        // Fifteen cost what fewer do, and give the results of before.
        highestOctave = min(end, max(15, needed))
        highest = highestOctave == 15 ? 10.375 : ((Double(highestOctave) * logarithm) * 256).rounded(.down) / 256
        largest = highestOctave == 15 ? 32048 : PortableFunctions.exp(highest).rounded(.down)
    }
}
