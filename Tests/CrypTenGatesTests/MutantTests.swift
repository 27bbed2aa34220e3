import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// A gate, or its randomness, that is broken in one way, and the comparison that must see it.
struct Mutant: Sendable, CustomTestStringConvertible {
    let name: String
    /// What the name of a comparison that raises an alarm must contain.
    let caughtBy: String
    let subject: TranscriptSubject
    var test = TranscriptTest()

    var testDescription: String {
        name
    }

    private static func shares(
        _ name: String,
        _ count: Int,
        _ gate: @escaping @Sendable (Shape) -> any Gate
    ) -> TranscriptSubject {
        TranscriptSubject(mutant: name) { s, v in
            TranscriptSubject.Instance(
                gate: gate([v.count]),
                kind: nil,
                operands: (0..<count).map { _ in s.share(v) }
            )
        }
    }

    private static func words(
        of matches: @escaping @Sendable (SimulatedStream.Purpose) -> Bool,
        _ change: @escaping @Sendable ([UInt64]) -> [UInt64]
    ) -> TranscriptTest {
        TranscriptTest { matches($0.purpose) ? .words(change) : nil }
    }

    private static let isMask: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .mask = $0 { true } else { false }
    }
    private static let isBitMask: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .bitMask = $0 { true } else { false }
    }
    private static let isCorrelation: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .correlation = $0 { true } else { false }
    }
    private static let isZero: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .zero = $0 { true } else { false }
    }

    private static let mask = GateKind.mask.subjects[0]
    private static let sign = GateKind.sign.subjects[0]
    private static let product = GateKind.bilinear.subjects[0]
    private static let number = GateKind.bitToArithmetic.subjects[0]
    private static let reveal = GateKind.reveal.subjects[0]
    private static let revealBits = GateKind.revealBits.subjects[0]

    static let all: [Mutant] = [
        // Gates.
        Mutant(
            name: "one mask hides two values",
            caughtBy: "chi-square of differences",
            subject: shares("shared mask", 2) { SharedMask(shape: $0) }
        ),
        Mutant(
            name: "no mask",
            caughtBy: "chi-square",
            subject: shares("missing mask", 1) { MissingMask(shape: $0, party: nil) }
        ),
        Mutant(
            name: "one party forgets its mask",
            caughtBy: "parties [1], input 0, party 0 sends: chi-square",
            subject: shares("missing mask", 1) { MissingMask(shape: $0, party: 0) }
        ),
        Mutant(
            name: "a mask of 48 bits",
            caughtBy: "bits of a position",
            subject: shares("narrow mask", 1) { NarrowMask(shape: $0, bits: 48) }
        ),
        Mutant(
            name: "a mask of 63 bits",
            caughtBy: "bits of a position",
            subject: shares("narrow mask", 1) { NarrowMask(shape: $0, bits: 63) }
        ),
        Mutant(
            name: "bits that a party draws are sent without a mask",
            caughtBy: "party 1 sends: chi-square",
            subject: TranscriptSubject(mutant: "unmasked draw") { s, v in
                s.drawBits(of: v, from: 16, planes: 1)
                return TranscriptSubject.Instance(gate: UnmaskedDraw(shape: [v.count]), kind: nil, operands: [])
            }
        ),
        // Randomness.
        Mutant(
            name: "the same masks in two runs",
            caughtBy: "between runs",
            subject: mask,
            test: TranscriptTest(repeatsKeys: true)
        ),
        Mutant(
            name: "the same masks of bits in two runs",
            caughtBy: "between runs",
            subject: sign,
            test: TranscriptTest(repeatsKeys: true)
        ),
        Mutant(
            name: "the same correlation in two runs",
            caughtBy: "between runs, the dealer sends",
            subject: number,
            test: TranscriptTest { stream in
                guard case .correlation(let party) = stream.purpose else { return nil }
                let number = stream.stream.number
                return .words { words in
                    var random = TestRandom(seed: number << 8 | UInt64(party))
                    return random.words(words.count)
                }
            }
        ),
        Mutant(
            name: "three bits of a mask are always zero",
            caughtBy: "bits of a position",
            subject: mask,
            test: words(of: isMask) { $0.map { $0 & ~(1 << 3 | 1 << 31 | 1 << 62) } }
        ),
        Mutant(
            name: "a bit of a mask is 1 three times in four",
            caughtBy: "bits of a position",
            subject: mask,
            test: words(of: isMask) { $0.map { $0 | $0 >> 1 & 1 } }
        ),
        Mutant(
            name: "a mask has the same word again four elements on",
            caughtBy: "serial correlation of words",
            subject: mask,
            test: words(of: isMask) { words in words.indices.map { words[$0 & ~4] } }
        ),
        Mutant(
            name: "a mask's bits repeat those five places below",
            caughtBy: "serial correlation of bits",
            subject: mask,
            test: words(of: isMask) { $0.map { $0 & 0x1F | ($0 & 0x1F) << 5 | $0 & ~0x3FF } }
        ),
        Mutant(
            name: "two planes of bits have one mask",
            caughtBy: "pairs: planes",
            subject: sign,
            test: words(of: isBitMask) { words in
                // Of 2,048 elements: planes of 32 words.
                words.count < 64 ? words : Array(words[..<32] + words[..<32] + words[64...])
            }
        ),
        Mutant(
            name: "a mask of bits is 1 one time in four",
            caughtBy: "chi-square",
            subject: sign,
            test: words(of: isBitMask) { words in words.indices.map { words[$0] & words[($0 + 1) % words.count] } }
        ),
        Mutant(
            name: "corrections are not padded",
            caughtBy: "the dealer sends: chi-square",
            subject: product,
            test: words(of: isCorrelation) { $0.map { _ in 0 } }
        ),
        Mutant(
            name: "corrections of bits are not padded",
            caughtBy: "the dealer sends: chi-square",
            subject: sign,
            test: words(of: isCorrelation) { $0.map { _ in 0 } }
        ),
        Mutant(
            name: "a result is revealed without a sharing of zero",
            caughtBy: "outsider, input 0, party 1 reveals: chi-square",
            subject: reveal,
            test: words(of: isZero) { $0.map { _ in 0 } }
        ),
        Mutant(
            name: "a result is revealed without a sharing of zero between two of three parties",
            caughtBy: "3 parties, parties [0], input 0, party 2 reveals: chi-square",
            subject: reveal,
            test: words(of: { $0 == .zero(1, 2) }) { $0.map { _ in 0 } }
        ),
        Mutant(
            name: "bits are revealed without a sharing of zero",
            caughtBy: "reveals",
            subject: revealBits,
            test: words(of: isZero) { $0.map { _ in 0 } }
        ),
        Mutant(
            name: "a number of a stream is used again",
            caughtBy: "chi-square of differences",
            subject: shares("two openings", 2) { TwoOpenings(shape: $0) },
            test: TranscriptTest { stream in
                guard case .mask = stream.purpose else { return nil }
                var first = stream.stream
                first.number = 0
                return .stream(first)
            }
        ),
    ]
}

@Suite("Mutants: the tests of transcripts see what is broken")
struct MutantTests {
    @Test("every one is caught, by the comparison that is meant for it", arguments: Mutant.all)
    func caught(mutant: Mutant) throws {
        let comparisons = try mutant.test.comparisons(of: mutant.subject, seed: 0xBAD)
        let failures = comparisons.failures(falseAlarm: TranscriptTests.falseAlarm)
        #expect(
            failures.contains { $0.name.contains(mutant.caughtBy) },
            "\(failures.count) of \(comparisons.all.count): \(failures.prefix(8))"
        )
    }

    @Test("what they are mutants of is not")
    func sound() throws {
        let subject = TranscriptSubject(mutant: "two openings") { s, v in
            TranscriptSubject.Instance(
                gate: TwoOpenings(shape: [v.count]),
                kind: nil,
                operands: [s.share(v), s.share(v)]
            )
        }
        let failures = try TranscriptTest().comparisons(of: subject, seed: 0x600D)
            .failures(falseAlarm: TranscriptTests.falseAlarm)
        #expect(failures.isEmpty, "\(failures)")
        // Changes of randomness reach what they name, and nothing else: with none the words are the same.
        let vector = TranscriptTest().vectors[2]
        let streams = try [nil, { @Sendable (_: SimulatedStream) in nil as AuditingKernels.Change? }].map { change in
            try Transcript(of: subject, on: vector, parties: 2, observer: .party(0), seed: 1, changing: change)
                .sources.map(\.stream)
        }
        #expect(streams[0] == streams[1])
    }

    @Test("a number that is used again is seen by the audit, too")
    func audited() throws {
        for mutant in Mutant.all where mutant.name == "a number of a stream is used again" {
            let transcript = try Transcript(
                of: mutant.subject,
                on: mutant.test.vectors[2],
                parties: 2,
                observer: .party(0),
                seed: 1,
                changing: mutant.test.change
            )
            #expect(transcript.audits.allSatisfy { $0.repeated.count == ($0 === transcript.audits[2] ? 2 : 1) })
        }
    }

    @Test("bits beyond the last element are seen")
    func tails() throws {
        let simulator = GateSimulator(parties: 2, seed: 0x7A11)
        _ = try simulator.run(TailBits(shape: [67]), [simulator.bits([Bool](repeating: true, count: 67))])
        #expect(tailBits(simulator, count: 67, in: .sum) == 2 * 61)
    }
}
