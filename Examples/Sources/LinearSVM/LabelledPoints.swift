import CrypTen
import ExampleSupport

/// Points of two classes, around two centres that lie on either side of a plane: made up from a seed.
struct LabelledPoints: Sendable {
    /// `[count, features]`: normal numbers, of mean 0 but along one direction.
    let features: Tensor
    /// `[count]`: whether a point is of the upper centre.
    let labels: Tensor

    init(count: Int, features width: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let normal = numbers.normals(width)
        let length = normal.reduce(0) { $0 + $1 * $1 }.squareRoot()
        var (points, sides): ([Double], [Bool]) = ([], [])
        for _ in 0..<count {
            let isAbove = numbers.uniform() < 0.5
            let distance = (isAbove ? 2.0 : -2.0) / length
            points += zip(numbers.normals(width), normal).map { $0 + distance * $1 }
            sides.append(isAbove)
        }
        features = Tensor(points, shape: [count, width])
        labels = Tensor(.bool(sides), shape: [count])
    }

    private init(features: Tensor, labels: Tensor) {
        (self.features, self.labels) = (features, labels)
    }

    /// The first points and the others.
    func split(at count: Int) -> (LabelledPoints, LabelledPoints) {
        func part(_ rows: Range<Int>) -> LabelledPoints {
            LabelledPoints(features: features.rows(rows), labels: labels.rows(rows))
        }
        return (part(0..<count), part(count..<labels.shape[0]))
    }

    /// For which part of the points a machine, of weights that all know, gives a score of its side.
    func accuracy(of machine: Linear) throws -> Double {
        let scores = try valuesInTheClear(of: [machine(CrypTensor(constant: features))])[0]
        let right = zip(scores.doubles, labels.doubles).count { ($0 > 0) == ($1 == 1) }
        return Double(right) / Double(labels.shape[0])
    }
}
