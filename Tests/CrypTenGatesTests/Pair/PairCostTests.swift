import CrypTenCorrelations
import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

@Suite("Costs of gates without a dealer")
struct PairCostTests {
    @Test("are planned as they are counted: transfers, messages, bytes each way, exchanges", arguments: GateKind.allCases)
    func planned(kind: GateKind) throws {
        var random = TestRandom(seed: 0xC057)
        let vector = random.words(kind == .permutation ? 64 : 4224).map { UInt64(bitPattern: Int64(bitPattern: $0) >> 24) }
        for subject in kind.subjects {
            let costs = try PairedGate(subject, vector).costs
            let planned = costs.planned
            #expect(costs.written == [planned, planned], "\(subject.name)")
            #expect(costs.transfers == [planned.weighed, planned.weighed], "\(subject.name)")
            #expect(costs.sentBytes == planned.sentBytes, "\(subject.name)")
            #expect(costs.exchanges == [planned.exchanges, planned.exchanges], "\(subject.name)")
        }
    }
}
