import CrypTenBase
import CrypTenExpressions
import CrypTenRing
import CrypTenRuntime
import CrypTenTransport
import NIOConcurrencyHelpers
import NIOCore
import Testing
import _CrypTenTestSupport

/// All frames of a whole network look uniform, whatever its input and its weights, at every party and on every link.
///
/// Hypothesis: openings and corrections are independent uniform words. A run's last round, which reveals the result to party
/// 0, is left out of that: its words sum to the result. False alarms: 10^-6 for the suite, whose keys come from the system's
/// randomness, divided by its tests and by the comparisons that each made.
///
/// Numbers of elements are multiples of 64, so that planes of bits have no tails.
@Suite("Transcripts of sessions")
struct SessionTranscriptTests {
    /// Of each of three tests: a network of two and of three parties, and a session that repeats its keys.
    static let falseAlarm = 1e-6 / 3

    /// One party's numbers.
    struct Numbers: Sendable {
        var image: [Double]
        var kernel: [Double]
        var matrix: [Double]

        /// Nothing but zeros.
        static let zeros = Numbers(
            image: [Double](repeating: 0, count: 8 * 64),
            kernel: [Double](repeating: 0, count: 4 * 9),
            matrix: [Double](repeating: 0, count: 16 * 64)
        )

        /// Large images, and weights of either sign.
        static let large: Numbers = {
            var random = TestRandom(seed: 0x1A46E)
            func reals(_ count: Int, _ range: Double) -> [Double] {
                (0..<count).map { _ in Double.random(in: -range...range, using: &random) }
            }
            return Numbers(image: reals(8 * 64, 1000), kernel: reals(4 * 9, 3), matrix: reals(16 * 64, 2))
        }()
    }

    /// Convolution, pooling, ReLU, linear, sigmoid; weights held, or put in anew by each run. Two runs of one plan.
    @Sendable private static func network(_ session: Session, _ numbers: Numbers, holds: Bool) async throws -> [Tensor]
    {
        let kernel = try await session.input(from: .party(1), shape: [4, 1, 3, 3]) {
            Tensor(numbers.kernel, shape: [4, 1, 3, 3])
        }
        let matrix = try await session.input(from: .party(1), shape: [16, 64]) {
            Tensor(numbers.matrix, shape: [16, 64])
        }
        let weights = holds ? try await session.hold([kernel, matrix]) : [kernel, matrix]
        var results: [Tensor] = []
        for _ in 0..<2 {
            let image = try await session.input(from: .party(0), shape: [8, 1, 8, 8]) {
                Tensor(numbers.image, shape: [8, 1, 8, 8])
            }
            let pooled = relu(image.conv2d(weights[0], padding: 1)).maxPool2d(2)
            let logits = pooled.reshape(8, 64).linear(weights[1])
            if let result = try await session.reveal(sigmoid(logits), to: .party(0)) { results.append(result) }
        }
        return results
    }

    private static func record(
        _ parties: Int,
        _ numbers: Numbers,
        holds: Bool = true,
        changing change: (@Sendable (Int) -> (@Sendable (ExpansionAudit.Stream) -> AuditingKernels.Change?)?)? = nil
    ) async throws -> (session: AuditedSession<[Tensor]>, frames: [RecordingTransport.Recorded]) {
        let recorders = NIOLockedValueBox<[RecordingTransport]>([])
        let outcome = try await auditParties(
            parties,
            recording: { transport in
                let recorder = RecordingTransport(transport)
                recorders.withLockedValue { $0.append(recorder) }
                return recorder
            },
            changing: change
        ) { session, _ in try await network(session, numbers, holds: holds) }
        let session = try outcome.get()
        let all = recorders.withLockedValue { $0 }.sorted { $0.role.wireOrder(parties) < $1.role.wireOrder(parties) }
        // What one member sends is what the other receives: nothing is seen by a party that isn't here.
        for member in all {
            for other in all where other !== member {
                let sent = member.sent.filter { $0.receiver == other.role && $0.frame.kind != .credit }
                let received = other.received.filter { $0.sender == member.role && $0.frame.kind != .credit }
                let common = Set(sent.map { "\($0.frame.kind)" })
                for kind in common {
                    #expect(
                        sent.filter { "\($0.frame.kind)" == kind }.map(\.words)
                            == received.filter { "\($0.frame.kind)" == kind }.map(\.words)
                    )
                }
            }
        }
        return (session, all.flatMap(\.sent))
    }

    /// The words that one member sends another in one run, without those of its last round where that reveals.
    private struct Link: Hashable {
        var sender: Role
        var receiver: Role
        var run: UInt64
    }

    private static func links(_ frames: [RecordingTransport.Recorded], revealing: Set<UInt64>) -> [Link: [UInt64]] {
        var last: [UInt64: UInt32] = [:]
        for frame in frames where frame.frame.kind == .opening {
            last[frame.frame.run] = max(last[frame.frame.run] ?? 0, frame.frame.round)
        }
        var links: [Link: [UInt64]] = [:]
        for recorded in frames where [.opening, .correction].contains(recorded.frame.kind) {
            let frame = recorded.frame
            if frame.kind == .opening, revealing.contains(frame.run), frame.round == last[frame.run] {
                #expect(recorded.receiver == .party(.party(0)) && frame.payload.readableBytes == 8 * 16 * 8)
                continue
            }
            links[Link(sender: recorded.sender, receiver: recorded.receiver, run: frame.run), default: []] +=
                recorded.words
        }
        return links
    }

    /// Every link of every run, what any two parties open together, and the same of two runs on one input.
    private static func comparisons(_ links: [Link: [UInt64]], repeated runs: (UInt64, UInt64)) -> Comparisons {
        var out = Comparisons()
        for (link, words) in links.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let name = "\(link.sender) to \(link.receiver)"
            out.addStream("run \(link.run), \(name)", words)
            let back = Link(sender: link.receiver, receiver: link.sender, run: link.run)
            var opened: [UInt64]?
            if let other = links[back], other.count == words.count {
                opened = zip(words, other).map { $0 &+ $1 }
                if "\(link.sender)" < "\(link.receiver)" {
                    out.addPair("run \(link.run), \(name) and back", words, other)
                    out.addStream("run \(link.run), \(name) and back, together", opened!)
                }
            }
            guard link.run == runs.0 else { continue }
            let again = Link(sender: link.sender, receiver: link.receiver, run: runs.1)
            out.addPair("between runs, \(name)", words, links[again] ?? [])
            let againBack = Link(sender: link.receiver, receiver: link.sender, run: runs.1)
            if let opened, let a = links[again], let b = links[againBack] {
                out.addPair("between runs, \(name), together", opened, zip(a, b).map { $0 &+ $1 })
            }
        }
        return out
    }

    @Test("of a network are uniform and independent of input and weights, at every party", arguments: [2, 3])
    func network(parties: Int) async throws {
        var comparisons = Comparisons()
        var first: (links: [Link: [UInt64]], shape: [String])?
        for (index, numbers) in [Numbers.zeros, .large].enumerated() {
            let (session, frames) = try await Self.record(parties, numbers)
            #expect(session.results[0].count == 2 && session.results[1].isEmpty)
            #expect(session.audits.allSatisfy { $0.repeated.isEmpty })
            // Run 1 holds the weights, runs 2 and 3 are of one plan.
            let links = Self.links(frames, revealing: [2, 3])
            // Every pair of parties has opened, both ways, and the last one was dealt to.
            #expect(links.keys.filter { $0.run == 3 }.count == parties * (parties - 1) + 1)
            #expect(links.filter { $0.key.run > 1 }.allSatisfy { $0.value.count > 1024 })
            comparisons.add(Self.comparisons(links, repeated: (2, 3)), prefix: "numbers \(index)")
            // Kinds, sizes and order of all that is sent say nothing: they follow from shapes.
            let shape = frames.map {
                "\($0.sender) \($0.receiver) \($0.frame.kind) \($0.frame.run) \($0.frame.round) \($0.frame.payload.readableBytes)"
            }
            if let first {
                #expect(first.shape == shape)
                for (link, words) in first.links {
                    comparisons.addSamples(
                        "\(link.sender) to \(link.receiver), run \(link.run)",
                        words,
                        links[link] ?? []
                    )
                }
            }
            first = first ?? (links, shape)
        }
        let failures = comparisons.failures(falseAlarm: Self.falseAlarm)
        #expect(failures.isEmpty, "\(failures.count) of \(comparisons.all.count): \(failures.prefix(5))")
    }

    /// Expands with the keys of a session's first run in its second, at one role: the i-th new key stands for the i-th.
    private final class KeysOfTheFirstRun: Sendable {
        private let keysARun: Int
        private let order = NIOLockedValueBox<[[UInt64]]>([])

        init(keysARun: Int) {
            self.keysARun = keysARun
        }

        func change(_ stream: ExpansionAudit.Stream) -> AuditingKernels.Change? {
            order.withLockedValue { order in
                let key = [stream.low, stream.high]
                let index =
                    order.firstIndex(of: key)
                    ?? {
                        order.append(key)
                        return order.count - 1
                    }()
                guard index >= keysARun else { return nil }
                let old = order[index - keysARun]
                return .stream(ExpansionAudit.Stream(low: old[0], high: old[1], number: stream.number))
            }
        }
    }

    @Test("of a session whose keys are the same in every run are caught, and so are its words")
    func keysOfTheFirstRun() async throws {
        let sound = try await Self.record(2, .large, holds: false)
        #expect(RepeatedWords.count(sound.frames) == 0)
        let mutants = sound.session.audits.map { KeysOfTheFirstRun(keysARun: $0.keys.count / 2) }
        let mutant = try await Self.record(2, .large, holds: false) { role in { mutants[role].change($0) } }
        // It computes what it should: nobody would notice.
        for (a, b) in zip(mutant.session.results[0], sound.session.results[0]) {
            #expect(zip(a.doubles, b.doubles).allSatisfy { abs($0 - $1) < 1e-3 })
        }
        let links = Self.links(mutant.frames, revealing: [1, 2])
        let failures = Self.comparisons(links, repeated: (1, 2)).failures(falseAlarm: Self.falseAlarm)
        #expect(failures.contains { $0.name.contains("between runs, party 0 to party 1: chi-square of differences") })
        #expect(
            failures.contains { $0.name.contains("between runs, \(Role.dealer) to party 1: chi-square of differences") }
        )
        #expect(mutant.session.audits.allSatisfy { !$0.repeated.isEmpty })
        #expect(RepeatedWords.count(mutant.frames) > 1000)
        // The sound one raises none.
        let soundLinks = Self.links(sound.frames, revealing: [1, 2])
        let alarms = Self.comparisons(soundLinks, repeated: (1, 2)).failures(falseAlarm: Self.falseAlarm)
        #expect(alarms.isEmpty, "\(alarms.prefix(5))")
    }
}

extension Role {
    /// Parties in order, then the dealer.
    fileprivate func wireOrder(_ parties: Int) -> Int {
        switch self {
        case .party(let party): party.index
        case .dealer: parties
        }
    }
}

/// Masked words that were sent twice: two neighbouring words of an opening or a correction that are there again, at any
/// place, in any frame of any session.
///
/// 128 uniform bits are never the same again; what is masked by words that were used before, and is equal, is.
enum RepeatedWords {
    private struct Window: Hashable {
        var first: UInt64
        var second: UInt64
    }

    /// What one member sends to several in one round is one message.
    private struct Message: Hashable {
        var sender: Role
        var run: UInt64
        var round: UInt32
        var kind: String
        var words: [UInt64]
    }

    static func count(_ frames: [RecordingTransport.Recorded]...) -> Int {
        var seen: Set<Window> = []
        var repeated = 0
        for session in frames {
            var messages: Set<Message> = []
            for recorded in session where [.opening, .correction].contains(recorded.frame.kind) {
                let frame = recorded.frame
                let message = Message(
                    sender: recorded.sender,
                    run: frame.run,
                    round: frame.round,
                    kind: "\(frame.kind)",
                    words: recorded.words
                )
                guard messages.insert(message).inserted else { continue }
                for (a, b) in zip(message.words, message.words.dropFirst()) {
                    if !seen.insert(Window(first: a, second: b)).inserted { repeated += 1 }
                }
            }
        }
        return repeated
    }
}
