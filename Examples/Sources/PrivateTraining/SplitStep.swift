import Foundation

/// What the owner of the features makes of them in each step, in whole numbers, so that nothing of what is published is rounded.
///
/// The gradient of an example's loss is (p − y) · ∂score/∂parameters. Its owner knows p and the derivatives, and shortens the latter to the
/// length C where they are longer; who has the labels knows y. With |p − y| ≤ 1 an example's gradient is no longer than C, whatever its label.
struct SplitStep: Sendable {
    /// The unit of p and y.
    static let one = 1 << 10
    /// The unit of derivatives.
    private static let unit = Double(1 << 10)

    /// Examples' probabilities p, in multiples of 1 / `one`.
    let probabilities: [Int]
    /// Examples' shortened derivatives, row by row, in multiples of 1 / `unit`.
    let derivatives: [Int]

    init(_ network: SmallNetwork, _ points: [[Double]], clip: Double) {
        let scores = points.map { network.score($0) }
        probabilities = scores.map { Int((Double(SplitStep.one) / (1 + exp(-$0.score))).rounded()) }
        derivatives = scores.flatMap { _, derivatives -> [Int] in
            let length = derivatives.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let factor = SplitStep.unit * min(1, clip / length)
            // Towards 0: rounded numbers are no longer than the bound either.
            return derivatives.map { Int($0 * factor) }
        }
    }

    /// How long an example's gradient is at most, in the units of the published sum.
    static func bound(clip: Double) -> Double { clip * unit * Double(one) }

    /// The mean gradient that a published sum stands for, of so many examples.
    static func gradient(_ sum: [Int64], of count: Double) -> [Double] {
        sum.map { Double($0) / (unit * Double(one) * count) }
    }
}
