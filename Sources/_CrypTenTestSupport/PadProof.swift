package import CrypTenGates
import CrypTenRing
import Foundation

/// Holds every word that a party or the dealer sends against the rule that hides it: it is something that doesn't depend on
/// one word of a seed, plus that word, which serves nothing else.
///
/// The pads of one party in one stage are exchanged for others, one run after another; Δ is how far they differ. Then
///
/// - each opening of that party in that stage must change by the Δ of a pad of its own, element by element, and nothing
///   else that was sent up to then, or dealt, may change at all;
/// - each correction must change by minus the Δ of its own pad of each party that isn't dealt to, whatever the stage;
/// - each reveal must change by plus the Δ of its pair's sharing of zero at one of the two, minus that at the other.
///
/// So given inputs, all pads and all that is sent correspond one to one, stage after stage: of uniform pads the messages are
/// uniform and independent. This is exact for every element, whatever the number of elements and threads, and raises no
/// false alarm: a bit that is fixed or biased, an element without its mask, a mask that serves two elements or openings, each
/// changes by something else than Δ. What it doesn't show: that the generator's words look uniform (its known answers and
/// `Comparisons` do), and that no word is used in two runs (`ExpansionAudit` does).
package struct PadProof {
    /// One message, and the group in which its pad is added.
    package struct Message: Sendable {
        package var name: String
        package var words: [UInt64]
        package var group: PadGroup
    }

    /// What is not as it should be; empty where the proof holds.
    package private(set) var failures: [String] = []
    /// All messages whose pad was found.
    package private(set) var messages: [Message] = []
    /// How many runs it took.
    package private(set) var runs = 0

    private let parties: Int
    private let counts: [Int]
    private let make: (@escaping @Sendable (SimulatedStream) -> AuditingKernels.Change?) throws -> GateSimulator

    /// Runs the gate as often as it takes.
    ///
    /// - Parameters:
    ///   - count: Elements of the gate.
    ///   - mutant: What becomes of the streams in all runs.
    ///   - run: The same gate on the same operands each time.
    package init(
        parties: Int,
        count: Int,
        seed: UInt64,
        threads: Int = 1,
        slabs: Slabs = .usual,
        changing mutant: (@Sendable (SimulatedStream) -> AuditingKernels.Change?)? = nil,
        _ run: @escaping (GateSimulator) throws -> Void
    ) throws {
        self.init(parties: parties, count: count, seed: seed, threads: threads, slabs: slabs, mutant: mutant, run: run)
        try prove()
    }

    /// Of the corrections alone, by the words of one party.
    init(
        parties: Int,
        count: Int,
        seed: UInt64,
        corrections party: Int,
        _ run: @escaping (GateSimulator) throws -> Void
    ) throws {
        self.init(parties: parties, count: count, seed: seed, threads: 1, slabs: .usual, mutant: nil, run: run)
        let base = try self.run(Pads()) { _ in false }
        try proveCorrections(party, base)
    }

    private init(
        parties: Int,
        count: Int,
        seed: UInt64,
        threads: Int,
        slabs: Slabs,
        mutant: (@Sendable (SimulatedStream) -> AuditingKernels.Change?)?,
        run: @escaping (GateSimulator) throws -> Void
    ) {
        self.parties = parties
        // A gate works on all at once, or in slabs, or in slabs of a half or a quarter, and the last one is shorter;
        // bits of three or six pairs lie one after the other, in whole words.
        counts = Set(
            ([0..<max(count, 1)] + [1, 2, 4].flatMap { slabs.divided(by: $0).of(count) }).flatMap { slab in
                [slab.count] + [1, 3, 6].map { $0 * 64 * BitPlanes.words(for: slab.count) }
            }
        ).sorted()
        make = { change in
            let simulator = GateSimulator(
                parties: parties,
                seed: seed,
                kernels: NativeKernels(threads: threads),
                slabs: slabs,
                changing: { stream in PadProof.composed(stream, change, mutant?(stream)) }
            )
            try run(simulator)
            return simulator
        }
    }

    /// A change of pads, of the stream that a mutant expands, before what the mutant does to its words.
    private static func composed(
        _ stream: SimulatedStream,
        _ change: (SimulatedStream) -> AuditingKernels.Change?,
        _ mutant: AuditingKernels.Change?
    ) -> AuditingKernels.Change? {
        var resolved = stream
        switch mutant {
        case .stream(let other), .wordsOf(let other, _): resolved.stream = other
        case .words, nil: break
        }
        guard case .words(let exchange)? = change(resolved) else { return mutant }
        return switch mutant {
        case nil: .words(exchange)
        case .stream(let other): .wordsOf(other, exchange)
        case .words(let after): .words { after(exchange($0)) }
        case .wordsOf(let other, let after): .wordsOf(other) { after(exchange($0)) }
        }
    }

    /// Pads in whose place others are taken, in the order in which they were drawn.
    ///
    /// Safety of `@unchecked Sendable`: `drawn` is touched only while `lock` is held.
    private final class Pads: @unchecked Sendable {
        struct Pad {
            var number: UInt64
            var given: [UInt64]
            var taken: [UInt64]
        }

        private let lock = NSLock()
        private var drawn: [SimulatedStream.Purpose: [Pad]] = [:]

        func change(_ stream: SimulatedStream) -> AuditingKernels.Change {
            let (purpose, number) = (stream.purpose, stream.stream.number)
            let isOfBits = if case .bitMask = purpose { true } else { false }
            return .words { given in
                var random = TestRandom(seed: number << 1 | (isOfBits ? 1 : 0))
                let taken = random.words(given.count)
                self.lock.withLock {
                    // The dealer and a party draw the same: it is one pad.
                    if self.drawn[purpose]?.contains(where: { $0.number == number }) != true {
                        self.drawn[purpose, default: []].append(Pad(number: number, given: given, taken: taken))
                    }
                }
                return taken
            }
        }

        subscript(purpose: SimulatedStream.Purpose) -> [Pad] {
            lock.withLock { drawn[purpose] ?? [] }
        }
    }

    // MARK: The proof

    private mutating func run(
        _ pads: Pads,
        where isChanged: @escaping @Sendable (SimulatedStream) -> Bool
    ) throws -> GateSimulator {
        runs += 1
        return try make { isChanged($0) ? pads.change($0) : nil }
    }

    /// Holds some messages against as many pads, in order.
    private mutating func compare(
        _ name: String,
        _ messages: [[UInt64]],
        _ changed: [[UInt64]],
        _ pads: [Pads.Pad],
        subtracting: Bool = false
    ) {
        guard messages.count == pads.count, changed.count == pads.count else {
            failures.append("\(name): \(pads.count) pads for \(messages.count) messages")
            return
        }
        for (index, (pad, (words, other))) in zip(pads, zip(messages, changed)).enumerated() {
            let group = PadGroup.find(
                words,
                other,
                from: pad.given,
                to: pad.taken,
                subtracting: subtracting,
                counts: counts
            )
            if let group {
                self.messages.append(Message(name: "\(name) \(index)", words: words, group: group))
            } else {
                failures.append("\(name) \(index) of \(messages.count): not its pad, each element once")
            }
        }
    }

    private mutating func expectEqual(_ name: String, _ isEqual: Bool) {
        if !isEqual { failures.append("\(name): depends on pads of later messages") }
    }

    private mutating func prove() throws {
        let base = try run(Pads()) { _ in false }
        for (role, audit) in base.audits.enumerated() where !audit.repeated.isEmpty {
            failures.append("role \(role) expands words of \(audit.repeated.count) streams twice")
        }
        for party in 0..<parties {
            if party != parties - 1, !base.corrections.isEmpty { try proveCorrections(party, base) }
            let stages = Set(base.openings.filter { $0.isPadded(by: party) }.map(\.stage))
            for stage in stages.sorted() { try proveOpenings(party, stage, base) }
        }
        guard base.openings.contains(where: { $0.opening.purpose == .reveal }) else { return }
        for first in 0..<parties {
            for second in first + 1..<max(parties, first + 1) { try proveReveals(first, second, base) }
        }
    }

    private mutating func proveCorrections(_ party: Int, _ base: GateSimulator) throws {
        let pads = Pads()
        let changed = try run(pads) { $0.purpose == .correlation(party) }
        compare(
            "corrections, by words of party \(party)",
            base.corrections,
            changed.corrections,
            pads[.correlation(party)],
            subtracting: true
        )
    }

    private mutating func proveOpenings(_ party: Int, _ stage: Int, _ base: GateSimulator) throws {
        let pads = Pads()
        let changed = try run(pads) {
            $0.stage == stage && ($0.purpose == .mask(party) || $0.purpose == .bitMask(party))
        }
        let name = "openings of party \(party) in stage \(stage)"
        func messages(_ simulator: GateSimulator, _ combination: Opening.Combination) -> [[UInt64]] {
            simulator.openings.compactMap {
                $0.stage == stage && $0.isPadded(by: party) && $0.opening.combination == combination
                    ? $0.parts[party] : nil
            }
        }
        compare("\(name), sums", messages(base, .sum), messages(changed, .sum), pads[.mask(party)])
        compare("\(name), bits", messages(base, .xor), messages(changed, .xor), pads[.bitMask(party)])
        // All else that was sent up to then, and is dealt in this stage.
        func others(_ simulator: GateSimulator) -> [[UInt64]?] {
            simulator.openings.filter { $0.stage <= stage }.flatMap { opening in
                (0..<parties).map {
                    opening.stage == stage && $0 == party && opening.isPadded(by: party) ? nil : opening.parts[$0]
                }
            }
                + zip(simulator.corrections, simulator.correctionStages).map { $1 <= stage ? $0 : nil }
        }
        expectEqual(name, others(base) == others(changed))
    }

    private mutating func proveReveals(_ first: Int, _ second: Int, _ base: GateSimulator) throws {
        let pads = Pads()
        let changed = try run(pads) { $0.purpose == .zero(first, second) }
        func parts(_ simulator: GateSimulator, _ party: Int) -> [[UInt64]] {
            simulator.openings.compactMap { $0.opening.purpose == .reveal ? $0.parts[party] : nil }
        }
        for party in 0..<parties {
            let name = "reveals of party \(party), by words of \(first) and \(second)"
            if party == first || party == second {
                compare(
                    name,
                    parts(base, party),
                    parts(changed, party),
                    pads[.zero(first, second)],
                    subtracting: party == second
                )
            } else {
                expectEqual(name, parts(base, party) == parts(changed, party))
            }
        }
    }
}

extension SimulatedOpening {
    /// Whether a party sends a part of it under a mask of its own.
    fileprivate func isPadded(by party: Int) -> Bool {
        opening.purpose != .reveal && parts[party] != nil
    }
}
