import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import NIOConcurrencyHelpers
import Testing

@Suite("Runs on shares of somebody who is no party")
struct SharedRunTests {
    /// Additive shares of words, from a generator of the test's own.
    private static func split(_ words: [UInt64], parties: Int, seed: UInt64) -> [[UInt64]] {
        var state = seed
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 29 | state << 35) &* 0x9E37_79B9_7F4A_7C15
        }
        let drawn = (1..<parties).map { _ in words.map { _ in next() } }
        let last = words.indices.map { index in drawn.reduce(words[index]) { $0 &- $1[index] } }
        return drawn + [last]
    }

    private static func code(_ body: () async throws -> Void) async -> CrypTenError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CrypTenError)?.code
        }
    }

    private static func sum(_ shares: [[UInt64]]) -> [UInt64] {
        shares[0].indices.map { index in shares.reduce(0) { $0 &+ $1[index] } }
    }

    /// Words around everything that a comparison turns on.
    private static let words: [UInt64] = {
        let unit = 1 << 16
        let near = [0, 1, unit - 1, unit, unit + 1, 2 * unit, 5 * unit - 1, 5 * unit, 5 * unit + 1, 7 * unit].flatMap {
            [$0, -$0]
        }
        let far = [40, 45, 46, 61, 62, 63].flatMap { exponent -> [UInt64] in
            let power = UInt64(1) << UInt64(exponent)
            return [power &- 1, power, power &+ 1, 0 &- power &- 1, 0 &- power, 1 &- power]
        }
        let edges = [-5, -1, 0, 1, 5].flatMap { bound -> [UInt64] in
            let bound = UInt64(bitPattern: Int64(bound * unit))
            return [(1 << 63) &+ bound, (1 << 63) &+ bound &- 1, (1 << 63) &+ bound &+ 1]
        }
        return near.map { UInt64(bitPattern: Int64($0)) } + far + edges
    }()

    @Test(
        "whatever words come, they are clamped as signed numbers",
        arguments: [2, 3],
        [-1...1, 0...1, 1...5, -5 ... -1, -5...0.5]
    )
    func anyWord(parties: Int, range: ClosedRange<Double>) async throws {
        let words = Self.words
        let shares = Self.split(words, parties: parties, seed: 7)
        let told = try await withLocalParties(parties) { session -> [UInt64] in
            let place = try await session.sharePlace(shape: [words.count], name: "x")
            let own = shares[session.party.index]
            let run = try await session.runOnShares(
                [place.clampingAnyWord(to: range)],
                operands: [(place, own)],
                for: [1]
            )
            #expect(run.shares[0].scale == 16)
            return run.shares[0].words.elements
        }
        let (low, high) = (Int64(range.lowerBound * 65536), Int64(range.upperBound * 65536))
        #expect(
            Self.sum(told).map { Int64(bitPattern: $0) } == words.map { min(max(Int64(bitPattern: $0), low), high) }
        )
    }

    @Test("so are integers", arguments: [2, 3])
    func integers(parties: Int) async throws {
        let words = Self.words
        let shares = Self.split(words, parties: parties, seed: 8)
        let told = try await withLocalParties(parties) { session -> [UInt64] in
            let place = try await session.sharePlace(shape: [words.count], kind: .integer, name: "x")
            let own = shares[session.party.index]
            let clamped = place.clampingAnyWord(to: 0...30_521)
            return try await session.runOnShares([clamped], operands: [(place, own)], for: []).shares[0].words.elements
        }
        #expect(
            Self.sum(told).map { Int64(bitPattern: $0) } == words.map { min(max(Int64(bitPattern: $0), 0), 30_521) }
        )
    }

    @Test("results go back as fresh shares, and every run has a binding of its own", arguments: [2, 3])
    func results(parties: Int) async throws {
        let x = [0.5, -1.25, 3, 100].map { FixedPoint.encodeConstant($0, scale: 16) }
        let told = try await withLocalParties(parties) { session -> [SharedRun] in
            let weights = try await session.input(from: .party(1)) { Tensor([2.0, -1, 0.25, 1], shape: [4]) }
            let held = try await session.hold([weights])[0]
            let place = try await session.sharePlace(shape: [4], name: "x")
            let outputs = [place * held, (place .> 0).toInteger()]
            var runs: [SharedRun] = []
            for seed in 1...4 {
                if seed == 3 { try await session.prepareShares(of: outputs, runs: 2) }
                let before = try await session.statistics
                let own = Self.split(x, parties: parties, seed: UInt64(seed))[session.party.index]
                runs.append(try await session.runOnShares(outputs, operands: [(place, own)], for: [UInt8(seed)]))
                let spent = try await session.statistics - before
                if seed > 2 { #expect(spent.dealerBytes == 0) }
            }
            #expect(try await session.statistics.preparedRuns == 0)
            return runs
        }
        for run in 0..<4 {
            let sums = (0..<2).map { output in Self.sum(told.map { $0[run].shares[output].words.elements }) }
            let products = FixedPoint.decode(RingTensor(sums[0], shape: [4]), scale: told[0][run].shares[0].scale)
            for (product, expected) in zip(products, [1.0, 1.25, 0.75, 100]) {
                #expect(abs(product - expected) <= 3.0 / 65536)
            }
            #expect(sums[1] == [1, 0, 1, 1])
            #expect(Set(told.map { $0[run].binding }).count == 1 && told[0][run].binding.count == 32)
        }
        #expect(Set(told[0].map(\.binding)).count == 4)
        // No word of a party comes twice, though all runs have one result.
        for party in told { #expect(Set(party.flatMap { $0.shares[1].words.elements }).count == 16) }
    }

    @Test("a party's share of a result is uniform, whatever the result is")
    func uniform() async throws {
        // 2^14 words of one value; by their top byte, chi-square with 255 degrees of freedom is below 420 but for one time in 10^9.
        let count = 1 << 14
        let told = try await withLocalParties(2) { session -> [UInt64] in
            let place = try await session.sharePlace(shape: [count], name: "x")
            // The client's words of party 0 are zeros: what party 0 hands back owes nothing to them.
            let own = [UInt64](repeating: session.party.index == 0 ? 0 : 5 << 16, count: count)
            return try await session.runOnShares([place.clampingAnyWord(to: 0...1)], operands: [(place, own)], for: [])
                .shares[0].words.elements
        }
        #expect(Self.sum(told) == [UInt64](repeating: 1 << 16, count: count))
        for words in told {
            for shift in [UInt64(0), 56] {
                var counts = [Double](repeating: 0, count: 256)
                for word in words { counts[Int(word >> shift & 255)] += 1 }
                let expected = Double(count) / 256
                #expect(counts.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected } < 420)
            }
        }
    }

    @Test("a run for another purpose, or on nothing new, is refused")
    func refused() async throws {
        let codes = NIOLockedValueBox<[CrypTenError.Code?]>([nil, nil])
        let ended = await Self.code {
            _ = try await withLocalParties(2) { session in
                let place = try await session.sharePlace(shape: [2], name: "x")
                // Nothing was put in: the session lives.
                #expect(await Self.code { _ = try await session.reveal(place, to: .all) } == .invalidArgument)
                let short = await Self.code {
                    _ = try await session.runOnShares([place + 1], operands: [(place, [1])], for: [])
                }
                #expect(short == .shapeMismatch)
                let run = try await session.runOnShares([place + 1], operands: [(place, [1, 2])], for: [9])
                #expect(run.shares.count == 1)
                // It was read: there is nothing to read again.
                #expect(await Self.code { _ = try await session.reveal(place, to: .all) } == .invalidArgument)
                do {
                    _ = try await session.runOnShares(
                        [place.clampingAnyWord(to: 0...1)],
                        operands: [(place, [1, 2])],
                        for: [UInt8(session.party.index)]
                    )
                } catch let error as CrypTenError {
                    codes.withLockedValue { $0[session.party.index] = error.code }
                    throw error
                }
            }
        }
        let told = codes.withLockedValue { $0 }
        // Whoever sees it first, the dealer or a party: both parties hear of it.
        #expect(told.allSatisfy { $0 == .diverged || $0 == .partyFailed }, "\(told), \(String(describing: ended))")
    }
}
