#if os(Linux)
import CrypTenService
import CrypTenSharing
import Testing
import _CrypTenTestSupport

extension CellFaultTests {
    /// Nobody else's cell may be looked through meanwhile, nor take memory that was just given back.
    @Test("a client's words are in memory while its request waits, and nowhere after its run")
    func forgotten() async throws {
        let cell = try ThreadCell(parties: 2)
        try cell.start()
        let marker = MemoryMarker(77)
        let end = ContinuousClock.now + .seconds(20)
        while try await cell.ask([0, 0, 0, 0]) == .lost(["restarting"]), ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(5))
        }
        for seed in 1...3 as ClosedRange<UInt64> {
            let id = RequestID.random()
            async let last = cell.answer(at: 1, id, part: Self.words(marker, seed), rows: 4)
            while cell.waiting(at: 1) == 0 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(try marker.occurrences() > 0, "it waits for the other party's part")
            var generator = SystemRandomNumberGenerator()
            async let first = cell.answer(at: 0, id, part: .seed(.random(using: &generator)), rows: 4)
            #expect(await [first, last] == [true, true])
            // The engine's thread lets go of the run's words when it has given the results away.
            let limit = ContinuousClock.now + .seconds(5)
            while try marker.occurrences() > 0, ContinuousClock.now < limit {
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try marker.occurrences() == 0)
        }
        await cell.stop()
    }

    /// The marker's words, four rows of four, held by what is returned alone.
    private static func words(_ marker: MemoryMarker, _ seed: UInt64) -> InferenceRequest.Part {
        .words([
            [UInt64](unsafeUninitializedCapacity: 16) { words, count in
                if let start = words.baseAddress { marker.write(16, from: seed, to: start) }
                count = 16
            }
        ])
    }
}
#endif
