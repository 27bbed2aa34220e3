import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// A gate, or its randomness, that is broken in one way, and the comparison that must see it.
struct Mutant: Sendable, CustomTestStringConvertible {
    let name: String
    /// What the name of a comparison that raises an alarm must contain; nil where none can.
    let caughtBy: String?
    let subject: TranscriptSubject
    var test = TranscriptTest()
    /// Whether it shows only where two runs are compared, or at the ends of planes, which `PadProof` doesn't look at.
    var isOfTwoRuns = false

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
        parties: [Int] = [2, 3],
        _ change: @escaping @Sendable ([UInt64]) -> [UInt64]
    ) -> TranscriptTest {
        TranscriptTest(parties: parties) { matches($0.purpose) ? .words(change) : nil }
    }

    static let isMask: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .mask = $0 { true } else { false }
    }
    static let isBitMask: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .bitMask = $0 { true } else { false }
    }
    static let isCorrelation: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .correlation = $0 { true } else { false }
    }
    static let isZero: @Sendable (SimulatedStream.Purpose) -> Bool = {
        if case .zero = $0 { true } else { false }
    }

    private static let mask = GateKind.mask.subjects[0]
    private static let sign = GateKind.sign.subjects[0]
    private static let product = GateKind.bilinear.subjects[0]
    private static let number = GateKind.bitToArithmetic.subjects[0]
    private static let reveal = GateKind.reveal.subjects[0]
    private static let revealBits = GateKind.revealBits.subjects[0]

    static let all: [Mutant] =
        [
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
            Mutant(
                name: "who permutes is sent shares without their masks",
                caughtBy: "party 0 sends: chi-square",
                subject: TranscriptSubject(mutant: "bare permutation") { s, v in
                    TranscriptSubject.Instance(
                        gate: BarePermutation(shape: [v.count], party: 1),
                        kind: nil,
                        operands: [s.share(v)]
                    )
                }
            ),
            Mutant(
                name: "shares of a permuted mask are the mask at the party that permutes",
                caughtBy: "chi-square of differences",
                subject: GateKind.permutation.subjects[1],
                test: words(of: isCorrelation, parties: [2]) { $0.map { _ in 0 } }
            ),
            // Randomness.
            Mutant(
                name: "the same masks in two runs",
                caughtBy: "between runs",
                subject: mask,
                test: TranscriptTest(repeatsKeys: true),
                isOfTwoRuns: true
            ),
            Mutant(
                name: "the same masks of bits in two runs",
                caughtBy: "between runs",
                subject: sign,
                test: TranscriptTest(repeatsKeys: true),
                isOfTwoRuns: true
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
                caughtBy: "the dealer sends: bits of a position",
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
        ] + weakMasks

    /// Masks that are nearly what they should be.
    private static let weakMasks: [Mutant] =
        [
            Mutant(
                name: "a bit of a mask is 1 with probability 0.58",
                caughtBy: "pooled words: bits of a position",
                subject: mask,
                test: words(of: isMask, parties: [2]) { words in
                    var random = TestRandom(seed: words[0])
                    // 0.5 + 0.5 · 0.16
                    return words.map { $0 | (random.next() % 100 < 16 ? 1 << 29 : 0) }
                }
            ),
            Mutant(
                name: "a bit of a mask of bits is 1 with probability 0.58",
                // Under it lie bits that look uniform themselves; only what belongs to them would tell.
                caughtBy: nil,
                subject: sign,
                test: words(of: isBitMask, parties: [2]) { words in
                    var random = TestRandom(seed: words[0])
                    return words.map { $0 | (random.next() % 100 < 16 ? 1 << 29 : 0) }
                }
            ),
            Mutant(
                name: "8 elements of 2,048 are sent without their masks",
                caughtBy: "and the input: equal words",
                subject: mask,
                test: words(of: isMask, parties: [2]) { words in words.indices.map { $0 % 256 == 77 ? 0 : words[$0] } }
            ),
            Mutant(
                name: "one element of 2,048 is sent without its mask",
                caughtBy: "and the input: equal words",
                subject: mask,
                test: words(of: isMask, parties: [2]) { words in words.indices.map { $0 == 1999 ? 0 : words[$0] } }
            ),
            Mutant(
                name: "masks lie below 2^64 − 2^58",
                caughtBy: "pooled words: bytes of a position",
                subject: mask,
                test: words(of: isMask) { words in
                    var random = TestRandom(seed: words[0])
                    return words.map { word in
                        var word = word
                        while word >= 0 &- (1 << 58) { word = random.next() }
                        return word
                    }
                }
            ),
        ]
        + [5, 17, 41, 64].map { lag in
            Mutant(
                name: "one mask for elements i and i + \(lag)",
                caughtBy: "a word again",
                subject: mask,
                test: words(of: isMask, parties: [2]) { words in
                    words.indices.map { $0 / lag % 2 == 1 ? words[$0 - lag] : words[$0] }
                }
            )
        }
        + [5, 23, 41].map { lag in
            Mutant(
                name: "one mask for bits i and i + \(lag)",
                caughtBy: "serial correlation of bits",
                subject: sign,
                test: words(of: isBitMask, parties: [2]) { words in
                    let low = (0..<64).reduce(UInt64(0)) { $1 / lag % 2 == 0 ? $0 | 1 << UInt64($1) : $0 }
                    return words.map { $0 & low | ($0 & low) << UInt64(lag) & ~low | $0 & ~low & ~(low << UInt64(lag)) }
                }
            )
        }
        + [
            Mutant(
                name: "the last bit of a mask of bits is always zero",
                // One bit of 2,048.
                caughtBy: nil,
                subject: sign,
                test: words(of: isBitMask, parties: [2]) { $0.dropLast() + [$0.last! & ~(1 << 63)] }
            )
        ]
}

@Suite("Mutants: the tests of transcripts see what is broken")
struct MutantTests {
    @Test("every one is caught, by the comparison that is meant for it", arguments: Mutant.all)
    func caught(mutant: Mutant) throws {
        guard let comparison = mutant.caughtBy else { return }
        var caught = 0
        for turn in 0..<Turns.mutants {
            let comparisons = try mutant.test.comparisons(of: mutant.subject, seed: Turns.seed(turn, 0xBAD))
            let failures = comparisons.failures(falseAlarm: TranscriptTests.falseAlarm)
            let isCaught = failures.contains { $0.name.contains(comparison) }
            #expect(isCaught, "turn \(turn): \(failures.count) of \(comparisons.all.count): \(failures.prefix(8))")
            if isCaught { caught += 1 }
        }
        Turns.report(mutant.name, caught: caught, by: "Comparisons: \(comparison)")
    }

    @Test("every one of a single run is caught by the proof of pads, too", arguments: Mutant.all)
    func caughtExactly(mutant: Mutant) throws {
        guard !mutant.isOfTwoRuns else { return }
        var caught = 0
        for turn in 0..<Turns.mutants {
            let proof = try PadProof(
                of: mutant.subject,
                parties: 3,
                count: mutant.test.count,
                seed: Turns.seed(turn, 0xBAD),
                changing: mutant.test.change
            )
            #expect(!proof.failures.isEmpty, "turn \(turn)")
            if !proof.failures.isEmpty { caught += 1 }
        }
        Turns.report(mutant.name, caught: caught, by: "PadProof")
    }

    @Test("what they are mutants of raises no alarm, with other keys each time", arguments: ["mask", "sign"])
    func clean(name: String) throws {
        let subject = (GateKind.mask.subjects + GateKind.sign.subjects).first { $0.name == name }
        for turn in 0..<Turns.clean {
            let comparisons = try TranscriptTest(parties: [2]).comparisons(of: subject!, seed: Turns.seed(turn, 0xC1EA))
            let failures = comparisons.failures(falseAlarm: TranscriptTests.falseAlarm)
            #expect(failures.isEmpty, "turn \(turn): \(failures.prefix(5))")
        }
    }

    @Test("what the proof of pads is held against passes it, with other keys each time", arguments: GateKind.allCases)
    func cleanExactly(kind: GateKind) throws {
        for turn in 0..<Turns.clean {
            for subject in kind.subjects {
                let proof = try PadProof(of: subject, parties: 2, count: 130, seed: Turns.seed(turn, 0xC1EA))
                #expect(proof.failures.isEmpty, "turn \(turn), \(subject.name): \(proof.failures.prefix(3))")
            }
        }
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
