import CrypTen
import ExampleSupport
import Foundation

/// People, of whom columns of numbers are known, and whether they didn't pay: made up from a seed.
struct People: Sendable {
    /// `[count, columns]`, of mean 0 and variance 1.
    let columns: Tensor
    /// `[count]`: 1 for who didn't pay.
    let unpaid: Tensor

    init(count: Int, columns width: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let weights = numbers.normals(width)
        var (values, labels): ([Double], [Double]) = ([], [])
        for _ in 0..<count {
            let person = numbers.normals(width)
            let score = zip(person, weights).reduce(-0.5) { $0 + $1.0 * $1.1 }
            values += person
            labels.append(numbers.uniform() < 1 / (1 + exp(-score)) ? 1 : 0)
        }
        columns = Tensor(values, shape: [count, width])
        unpaid = Tensor(labels, shape: [count])
    }
}

extension Tensor {
    /// How often one of these labels that is 1 has a higher score than one that is 0, where equal scores count one half.
    func areaUnderCurve(of scores: Tensor) -> Double {
        let pairs = Array(zip(doubles, scores.doubles))
        let (ones, zeros) = (pairs.filter { $0.0 == 1 }.map(\.1), pairs.filter { $0.0 == 0 }.map(\.1))
        let won = ones.reduce(0.0) { sum, one in
            zeros.reduce(sum) { $0 + (one > $1 ? 1 : one == $1 ? 0.5 : 0) }
        }
        return won / Double(max(1, ones.count * zeros.count))
    }
}
