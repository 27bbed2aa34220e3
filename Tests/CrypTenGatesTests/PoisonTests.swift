import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Memory that tensors get, and give up, is filled with a pattern meanwhile: for the whole process, so one test after the other.
@Suite("Nobody reads what others left in memory", .serialized)
struct PoisonTests {
    private static let patterns: [UInt64?] = [nil, 0xA5A5_A5A5_A5A5_A5A5, 0x5A5A_5A5A_5A5A_5A5A, .max]

    /// Every word that every party has after a gate.
    private func results(
        of subject: TranscriptSubject,
        count: Int,
        parties: Int,
        poison pattern: UInt64?
    ) throws -> [[UInt64]] {
        ProcessMemory.poison(pattern)
        defer { ProcessMemory.poison(nil) }
        let simulator = GateSimulator(parties: parties, seed: 7, kernels: NativeKernels(threads: 1))
        let vector = (0..<UInt64(count)).map { $0 &* 0x9E37_79B9_7F4A_7C15 >> 40 }
        let instance = try subject.make(simulator, vector)
        func run(_ gate: some Gate) throws -> [SimulatedValue] {
            try simulator.run(gate, instance.operands, shapes: instance.operands.isEmpty ? [[0]] : nil)
        }
        return try run(instance.gate).flatMap(\.parties).map(words)
    }

    private func words(_ value: PartyValue) -> [UInt64] {
        switch value {
        case .share(let words), .plain(let words): words.elements
        case .wire(let wire): wire.hat.elements + (wire.maskShare?.elements ?? [])
        case .bits(let bits): bits.hat.asWords.elements + (bits.maskShare?.asWords.elements ?? [])
        case .absent: []
        }
    }

    @Test("every gate's results are the same, whatever memory held before", arguments: GateKind.allCases, [2, 3])
    func gates(kind: GateKind, parties: Int) throws {
        for subject in kind.subjects {
            for count in [129, 5000] {
                let expected = try results(of: subject, count: count, parties: parties, poison: nil)
                for pattern in Self.patterns.dropFirst() {
                    let found = try results(of: subject, count: count, parties: parties, poison: pattern)
                    #expect(found == expected, "\(subject.name), \(count) elements, \(pattern ?? 0)")
                }
            }
        }
    }

    @Test("the pattern is there: memory that nobody has written holds it")
    func pattern() {
        for pattern in Self.patterns.compactMap({ $0 }) {
            ProcessMemory.poison(pattern)
            defer { ProcessMemory.poison(nil) }
            for count in [3, 5000] {
                let words = RingTensor(uninitialized: [count]).elements
                #expect(words.allSatisfy { $0 == pattern })
            }
        }
    }

    @Test("what tensors leave in memory that is kept is overwritten when a run ends")
    func wiped() {
        do {
            let words = RingTensor(repeating: 0x5EC2E7, shape: [10_000])
            #expect(words.count == 10_000)
        }
        #expect(!ProcessMemory.keepsNothingUsed)
        let held = RingTensor(repeating: 7, shape: [10_000])
        ProcessMemory.wipeGivenBack()
        #expect(ProcessMemory.keepsNothingUsed)
        #expect(held.elements.allSatisfy { $0 == 7 }, "what is in use stays")
    }
}
