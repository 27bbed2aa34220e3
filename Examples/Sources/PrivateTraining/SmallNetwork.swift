import ExampleSupport
import Foundation

/// A network of one hidden layer, tanh(W·x + b) · v + c, whose owner computes it in the clear.
struct SmallNetwork: Sendable {
    /// W row by row, b, v and c.
    var parameters: [Double]
    private let (inputs, hidden): (Int, Int)

    init(inputs: Int, hidden: Int, seed: UInt64) {
        (self.inputs, self.hidden) = (inputs, hidden)
        var numbers = SeededNumbers(seed: seed)
        let first = (0..<hidden * (inputs + 1)).map { _ in numbers.uniform(-3, 3) }
        parameters = first + (0..<hidden).map { _ in numbers.uniform(-1, 1) } + [0]
    }

    /// The score of an example, the logarithm of its odds of being of class 1, and the score's derivative by each parameter.
    func score(_ x: [Double]) -> (score: Double, derivatives: [Double]) {
        let weights = hidden * inputs
        let units = (0..<hidden).map { unit in
            tanh((0..<inputs).reduce(parameters[weights + unit]) { $0 + parameters[unit * inputs + $1] * x[$1] })
        }
        let out = (0..<hidden).map { parameters[weights + hidden + $0] }
        let slopes = (0..<hidden).map { out[$0] * (1 - units[$0] * units[$0]) }
        let score = zip(units, out).reduce(parameters[parameters.count - 1]) { $0 + $1.0 * $1.1 }
        return (score, slopes.flatMap { slope in x.map { slope * $0 } } + slopes + units + [1])
    }

    /// The part of examples that are told apart.
    func accuracy(_ examples: Moons) -> Double {
        let right = zip(examples.points, examples.labels).count { (score($0).score > 0) == $1 }
        return Double(right) / Double(examples.labels.count)
    }
}

/// Made-up points on two half circles that reach into one another, and which half circle each is of.
struct Moons: Sendable {
    private(set) var points: [[Double]] = []
    private(set) var labels: [Bool] = []

    init(count: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<count {
            let (isLower, angle) = (numbers.uniform(0, 1) < 0.5, numbers.uniform(0, .pi))
            let x = isLower ? 1 - cos(angle) : cos(angle)
            let y = isLower ? 0.5 - sin(angle) : sin(angle)
            points.append([x - 0.5 + 0.15 * numbers.normal(), y - 0.25 + 0.15 * numbers.normal()])
            labels.append(isLower)
        }
    }
}
