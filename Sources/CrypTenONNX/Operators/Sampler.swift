internal import CrypTenExpressions
internal import CrypTenRing

/// Weighted sums of elements of images at public positions, the channels together.
struct Sampler {
    let extents: [Int]
    let samples: Int
    let taps: Int

    private var size: Int { extents.reduce(1, *) }

    /// The products of taps along the axes, as rows of the table; −1 for a zero.
    func taps(_ perAxis: [[(position: Int, weight: Double)]], sample: Int) -> [(Int, Double)] {
        var all: [(Int, Double)] = [(0, 1)]
        for (axis, taps) in perAxis.enumerated() {
            all = all.flatMap { place, weight in
                taps.map { tap in
                    (place < 0 || tap.position < 0 ? -1 : place * extents[axis] + tap.position, weight * tap.weight)
                }
            }
        }
        return all.map { ($0.0 < 0 ? -1 : $0.0 + sample * size, $0.1) }
    }

    /// `[N, C, …]` as a row for each position, and a row of zeros at the end.
    func table(of x: CrypTensor) -> CrypTensor {
        x.reshape([x.shape[0], x.shape[1], size]).transposed(1, 2).reshape([x.shape[0] * size, x.shape[1]])
            .pad(before: [0, 0], after: [1, 0])
    }

    /// A weighted sum of rows for each point.
    func rows(_ points: [[(Int, Double)]], of table: CrypTensor) -> CrypTensor {
        var sum: CrypTensor?
        let zero = samples * size
        for tap in 0..<taps {
            let weights = points.map { $0.count > tap && $0[tap].0 >= 0 ? $0[tap].1 : 0 }
            if weights.allSatisfy({ $0 == 0 }) { continue }
            let places = points.map { $0.count > tap && $0[tap].0 >= 0 ? $0[tap].0 : zero }
            var part = table.take(places, axis: 0)
            if !weights.allSatisfy({ $0 == 1 }) {
                part = part * CrypTensor(constant: Tensor(weights, shape: [points.count, 1]))
            }
            sum = sum.map { $0 + part } ?? part
        }
        return sum ?? table.take(points.map { _ in zero }, axis: 0)
    }

    /// The points' rows as `[N, C, …]`.
    func apply(_ points: [[(Int, Double)]], to x: CrypTensor, outputs: [Int]) throws -> CrypTensor {
        let channels = x.shape[1]
        let perSample = outputs.dropFirst().reduce(1, *)
        return rows(points, of: table(of: x)).reshape([outputs[0], perSample, channels]).transposed(1, 2)
            .reshape([outputs[0], channels] + outputs.dropFirst())
    }

    /// Positions around a place, and their weights.
    static func axisTaps(_ place: Double, _ mode: String) -> [(position: Int, weight: Double)] {
        let base = place.rounded(.down)
        let rest = place - base
        switch mode {
        case "nearest": return [(Int(place.rounded(.toNearestOrEven)), 1)]
        case "linear": return [(Int(base), 1 - rest), (Int(base) + 1, rest)]
        default:
            let a = -0.75
            func inner(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
            func outer(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
            return [
                (Int(base) - 1, outer(rest + 1)), (Int(base), inner(rest)), (Int(base) + 1, inner(1 - rest)),
                (Int(base) + 2, outer(2 - rest)),
            ]
        }
    }
}
