import CrypTen
import ExampleSupport
import Foundation

/// Made-up images `[N, 3, 16, 16]` of stripes in noise, whose classes are their directions.
struct Stripes: Sendable {
    /// Which directions are to be told apart.
    enum Task {
        /// Lying, rising, standing and falling.
        case main
        /// The four halfway between those.
        case between
    }

    static let classes = 4
    let images: Tensor
    let labels: [Int]

    init(_ task: Task, count: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        labels = (0..<count).map { _ in numbers.index(below: Stripes.classes) }
        let pixels = labels.flatMap { label in
            let angle = (Double(label) + (task == .main ? 0 : 0.5)) * .pi / 4
            let (wave, shift) = (numbers.uniform(4, 7), numbers.uniform(0, 2 * .pi))
            let colours = (0..<3).map { _ in numbers.uniform(0.3, 1) }
            return (0..<3 * 256).map { place in
                let (row, column) = (Double(place / 16 % 16), Double(place % 16))
                let along = row * cos(angle) + column * sin(angle)
                return colours[place / 256] * sin(2 * .pi * along / wave + shift) + 0.3 * numbers.normal()
            }
        }
        images = Tensor(pixels, shape: [count, 3, 16, 16])
    }

    /// Rows with a 1 at the class.
    var oneHot: Tensor {
        let ones = labels.flatMap { label in (0..<Stripes.classes).map { $0 == label ? 1 : 0 } }
        return Tensor(ones, shape: [labels.count, Stripes.classes])
    }

    /// The part of the images whose largest score is at their class.
    func accuracy(of scores: Tensor) -> Double {
        share(of: scores.rowWinners, equalTo: labels)
    }
}
