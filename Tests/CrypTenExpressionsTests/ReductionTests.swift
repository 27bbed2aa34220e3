import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import Testing

@Suite("Reductions")
struct ReductionTests {
    @Test(
        "sums, means, variances and extrema match index loops",
        arguments: [nil, [0], [1], [-1], [0, 2], [2, 1], [0, 1, 2], []] as [[Int]?]
    )
    func reductions(axes: [Int]?) throws {
        var random = SeededGenerator(seed: 6)
        let session = ClearSession()
        let a = random.reals([2, 3, 4])
        let x = session.secret(a)
        let gone = Set((axes ?? [0, 1, 2]).map { $0 < 0 ? $0 + 3 : $0 })
        let kept = Shape((0..<3).map { gone.contains($0) ? 1 : a.shape[$0] })
        func reduce(_ f: ([Double]) -> Double) -> [Double] {
            tabulate(kept) { target in
                f(
                    indices(of: a.shape).filter { i in (0..<3).allSatisfy { gone.contains($0) || i[$0] == target[$0] } }
                        .map { a[$0] }
                )
            }
        }
        let loops: [(CrypTensor, CrypTensor, [Double])] = [
            (sum(x, axes: axes), x.sum(axes: axes, keepDimensions: true), reduce { $0.reduce(0, +) }),
            (
                mean(x, axes: axes), x.mean(axes: axes, keepDimensions: true),
                reduce { $0.reduce(0, +) / Double($0.count) }
            ),
            (max(x, axes: axes), x.max(axes: axes, keepDimensions: true), reduce { $0.max()! }),
            (min(x, axes: axes), x.min(axes: axes, keepDimensions: true), reduce { $0.min()! }),
            (
                variance(x, axes: axes), x.variance(axes: axes, keepDimensions: true),
                reduce { v in
                    let mean = v.reduce(0, +) / Double(v.count)
                    return v.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(v.count)
                }
            ),
        ]
        for (dropped, keeping, expected) in loops {
            #expect(keeping.shape == kept)
            #expect(dropped.shape == Shape((0..<3).filter { !gone.contains($0) }.map { a.shape[$0] }))
            expectClose(try session.value(dropped), expected)
            expectClose(try session.value(keeping), expected)
        }
    }

    @Test("argmax and argmin give the lowest index among equals")
    func positions() throws {
        let session = ClearSession()
        let x = session.secret(Tensor([1, 3, 3, 2, 0, 0, -1, -1], shape: [2, 4]))
        #expect(try session.value(argmax(x, axis: 1)).integers == [1, 0])
        #expect(try session.value(argmin(x, axis: -1)).integers == [0, 2])
        #expect(try session.value(x.argmax(axis: 0)).integers == [0, 0, 0, 0])
        #expect(try session.value(x.argmax()).integers == [1])
        #expect(try session.value(x.argmin()).integers == [6])
        #expect(x.argmax(axis: 1, keepDimensions: true).shape == [2, 1])
        #expect(x.argmax(keepDimensions: true).shape == [1, 1])
        #expect(try session.value((x .> 0).argmax(axis: 1)).integers == [0, 0])
        #expect(try session.value((x .> 0).sum(axis: 1)).integers == [4, 0])
        #expect(try session.value(x.max(axis: 1).sum()).doubles == [3])
    }
}
