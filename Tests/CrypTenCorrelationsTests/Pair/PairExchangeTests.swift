import CrypTenCorrelations
import CrypTenExpressions
import CrypTenPlanning
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("A whole plan takes as many exchanges as its longest correlation")
struct PairExchangeTests {
    private func exchanges(_ planned: PlannedExpressions) throws -> Int {
        let session = try PairedSession(seed: 91)
        for result in session.make(planned.plan) { _ = try result.get() }
        #expect(session.makers[0].exchanges == session.makers[1].exchanges)
        return session.makers[0].exchanges
    }

    /// Layers of a matrix product and a ReLU.
    private func layers(_ count: Int, _ source: ExpressionSource) -> CrypTensor {
        (0..<count).reduce(source.input([2, 4])) { x, _ in x.matmul(source.input([4, 4], owner: 1, range: 0.5)).relu() }
    }

    @Test("four for twenty layers as for one", arguments: [1, 20])
    func depth(count: Int) throws {
        let source = ExpressionSource(seed: 92)
        let planned = try PlannedExpressions([(layers(count, source), .reveal(to: nil))], of: source)
        #expect(try exchanges(planned) == 4)
    }

    @Test("two for a product alone, eight at the most with exponentials, however many")
    func kinds() throws {
        let source = ExpressionSource(seed: 93)
        let (x, y) = (source.input([4, 4]), source.input([4, 4], owner: 1))
        #expect(try exchanges(PlannedExpressions([(x * y, .reveal(to: nil))], of: source)) <= 4)
        let attention = (0..<3).reduce(x) { x, _ in x.softmax(axis: 1).matmul(y).gelu() }
        let planned = try PlannedExpressions([(attention, .reveal(to: nil))], of: source)
        let count = try exchanges(planned)
        #expect(count > 4 && count <= 8, "\(count)")
    }
}
