import CrypTen
import ExampleSupport

/// Points of two classes, which a plane divides: made up from a seed.
struct LabelledPoints: Sendable {
    /// `[count, features]`, normal numbers.
    let features: Tensor
    /// `[count]`: whether a point is on the plane's upper side.
    let labels: Tensor

    init(count: Int, features width: Int, seed: UInt64) {
        var numbers = SeededNumbers(seed: seed)
        let (normal, offset) = (numbers.normals(width), numbers.normal())
        let points = (0..<count).map { _ in numbers.normals(width) }
        features = Tensor(points.flatMap(\.self), shape: [count, width])
        labels = Tensor(.bool(points.map { zip($0, normal).reduce(offset) { $0 + $1.0 * $1.1 } > 0 }), shape: [count])
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

    /// Which part of the points has a score of its side.
    func accuracy(of scores: Tensor) -> Double {
        let right = zip(scores.doubles, labels.doubles).count { ($0 > 0) == ($1 == 1) }
        return Double(right) / Double(labels.shape[0])
    }
}
