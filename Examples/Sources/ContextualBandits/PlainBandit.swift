import CrypTen
import ExampleSupport

/// The same choices by somebody who sees all numbers, in double.
enum PlainBandit {
    /// What is paid and learnt of all visits.
    static func course(of visits: Visits) throws -> ContextualBandits.Course {
        let (offers, features) = (visits.rewards.shape[1], visits.contexts.shape[1])
        let identity = (0..<features).map { row in (0..<features).map { $0 == row ? 1.0 : 0 } }
        var inverses = [[[Double]]](repeating: identity, count: offers)
        var moments = [[Double]](repeating: [Double](repeating: 0, count: features), count: offers)
        var (course, paid) = (ContextualBandits.Course(), 0.0)

        for (visitor, lot) in visits.lots.enumerated() {
            let x = visits.contexts.rows([visitor]).doubles
            let directions = inverses.map { product($0, x) }
            let expected = zip(directions, moments).map { dot($0, $1) }
            let chosen = lot ?? (1..<offers).reduce(0) { expected[$1] > expected[$0] ? $1 : $0 }
            let reward = visits.rewards.rows([visitor]).doubles[chosen]

            let v = directions[chosen]
            let scale = 1 / (1 + dot(x, v))
            for i in 0..<features {
                for j in 0..<features { inverses[chosen][i][j] -= scale * v[i] * v[j] }
                moments[chosen][i] += reward * x[i]
            }
            paid += reward
            if visits.marks.contains(visitor + 1) { course.paid.append(paid) }
        }
        course.weights = zip(inverses, moments).flatMap { product($0, $1) }
        return course
    }

    private static func dot(_ x: [Double], _ y: [Double]) -> Double {
        zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private static func product(_ matrix: [[Double]], _ x: [Double]) -> [Double] {
        matrix.map { dot($0, x) }
    }
}
