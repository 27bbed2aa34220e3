import CrypTenBase
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Rows of different clients share a run: what one of them sends, whatever words it is, changes no bit of the others' results.
@Suite("A hostile row")
struct HostileRowTests {
    private static let rows = 5
    private static let hostile = 2
    private static let pixels = 8 * 8

    /// A small network of LeNet's kind for images of 8×8, on a batch whose words are held in 0...1 before.
    private static func network(_ source: ExpressionSource, mixing: Bool) -> (places: CrypTensor, logits: CrypTensor) {
        func weights(_ shape: Shape) -> CrypTensor { source.input(shape, owner: 1, range: 0.3) }
        let x = source.input(Tensor([Double](repeating: 0, count: rows * pixels), shape: [rows, 1, 8, 8]))
        var image = x.clampingAnyWord(to: 0...1)
        if mixing { image = image - image.mean(axes: [0], keepDimensions: true) }
        let first = image.conv2d(weights([4, 1, 3, 3]), bias: weights([4]), padding: 1).relu().maxPool2d(2)
        let second = first.conv2d(weights([6, 4, 3, 3]), bias: weights([6]), padding: 1).relu().maxPool2d(2)
        let hidden = second.flatten(start: 1).linear(weights([12, 24]), bias: weights([12])).relu()
        return (x, hidden.linear(weights([10, 12]), bias: weights([10])))
    }

    /// The words of all rows' results under the masks of one seed.
    ///
    /// - Parameter row: The words of the hostile row.
    private static func results(_ row: [UInt64], parties: Int, mixing: Bool = false) throws -> [[Double]] {
        let source = ExpressionSource(seed: 8)
        let (_, logits) = network(source, mixing: mixing)
        let (graph, sources) = try Simplify.graph(of: [(logits.node, .reveal(to: nil))])
        let plan = try Planner(parties: parties, fractionBits: 16, slabBits: 15).plan(graph, kept: [])
        var random = TestRandom(seed: 9)
        var images = (0..<rows * pixels).map { _ in UInt64.random(in: 0...1 << 16, using: &random) }
        images.replaceSubrange(hostile * pixels..<(hostile + 1) * pixels, with: row)
        let inputs = try sources.inputs.map { number -> RingTensor in
            let tensor = try #require(source.values[number])
            if tensor.shape == [rows, 1, 8, 8] { return RingTensor(images, shape: tensor.shape) }
            return try FixedPoint.encode(tensor.doubles, fractionBits: 16, shape: tensor.shape, name: "weights")
        }
        // Real numbers of so few bits are told apart as doubles exactly when their words are.
        let told = try PlanSimulator(plan, seed: 10).run(inputs: inputs)[0].doubles
        return (0..<rows).map { Array(told[$0 * 10..<($0 + 1) * 10]) }
    }

    static let rowsOfWords: [(name: String, words: [UInt64])] = {
        var random = TestRandom(seed: 11)
        return [
            ("2^63", [UInt64](repeating: 1 << 63, count: pixels)),
            ("2^62", [UInt64](repeating: 1 << 62, count: pixels)),
            ("−1", [UInt64](repeating: .max, count: pixels)),
            ("2^63 here and there", (0..<pixels).map { $0 % 7 == 0 ? 1 << 63 : 1 << 15 }),
            ("any words", (0..<pixels).map { _ in UInt64.random(in: 0 ... .max, using: &random) }),
        ]
    }()

    @Test("changes no bit of what others' rows come to, under equal masks", arguments: rowsOfWords.indices, [2, 3])
    func others(index: Int, parties: Int) throws {
        let usual = try Self.results([UInt64](repeating: 1 << 15, count: Self.pixels), parties: parties)
        let hostile = try Self.results(Self.rowsOfWords[index].words, parties: parties)
        for row in 0..<Self.rows where row != Self.hostile {
            #expect(hostile[row].map(\.bitPattern) == usual[row].map(\.bitPattern), "row \(row)")
            #expect(usual[row].contains { $0 != 0 })
        }
        #expect(hostile[Self.hostile] != usual[Self.hostile], "its own row is another one")
    }

    @Test("would be seen where a model mixes rows")
    func mixed() throws {
        let usual = try Self.results([UInt64](repeating: 1 << 15, count: Self.pixels), parties: 2, mixing: true)
        let hostile = try Self.results(Self.rowsOfWords[0].words, parties: 2, mixing: true)
        for row in 0..<Self.rows { #expect(hostile[row] != usual[row], "row \(row)") }
    }
}
