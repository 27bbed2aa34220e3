import CrypTen
import ExampleSupport

/// Visitors, what offers would pay of each, and where the lot falls: made up from a seed.
struct Visits: Sendable {
    /// `[count, features]`: vectors of length 1.
    let contexts: Tensor
    /// `[count, offers]`: rewards around ½, larger where a visitor is like those whom an offer is for.
    let rewards: Tensor
    /// For each visitor the offer that is shown whatever is expected, if one is.
    let lots: [Int?]

    init(count: Int, offers: Int, features: Int, exploration: Double, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        func direction() -> [Double] {
            let vector = numbers.normals(features)
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return vector.map { $0 / length }
        }
        let ideals = (0..<offers).map { _ in direction() }
        var (contexts, rewards, lots): ([Double], [Double], [Int?]) = ([], [], [])
        for _ in 0..<count {
            let visitor = direction()
            contexts += visitor
            rewards += ideals.map { ideal in
                zip(ideal, visitor).reduce(0.5 + 0.05 * numbers.normal()) { $0 + $1.0 * $1.1 / 2 }
            }
            let isDrawn = numbers.uniform() < exploration
            lots.append(isDrawn ? Int.random(in: 0..<offers, using: &numbers) : nil)
        }
        self.contexts = Tensor(contexts, shape: [count, features])
        self.rewards = Tensor(rewards, shape: [count, offers])
        self.lots = lots
    }

    /// After how many visitors it is told what was paid: a quarter of them, a half, and so on.
    var marks: [Int] {
        (1...4).map { max(1, lots.count * $0 / 4) }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// What the first visitors would have paid if the best offer had been known for each.
    func largestRewards(of count: Int) -> Double {
        sum(of: count) { $0.max() ?? 0 }
    }

    /// What they would have paid on average if all offers were shown by lot.
    func meanRewards(of count: Int) -> Double {
        sum(of: count) { $0.reduce(0, +) / Double($0.count) }
    }

    private func sum(of count: Int, _ value: (ArraySlice<Double>) -> Double) -> Double {
        let (numbers, width) = (rewards.doubles, rewards.shape[1])
        return (0..<count).reduce(0) { $0 + value(numbers[$1 * width..<($1 + 1) * width]) }
    }
}
