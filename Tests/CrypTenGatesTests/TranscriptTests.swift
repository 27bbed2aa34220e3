import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// Whatever a gate's parties, any coalition of all but one, the network or the dealer see looks uniform whatever the input.
///
/// Hypothesis: given what an observer knows, the words that reach it are independent and uniform. False alarms: 10^-6 for
/// the suite, divided by its tests, and each test's by the comparisons it made. Seeds are fixed.
///
/// A coalition's own words are set to zeros, which are as good to it as any others, and the whole value lies with one party
/// outside: so a message is `v + λ` with the value itself, and nothing but λ can hide it.
@Suite("Transcripts")
struct TranscriptTests {
    /// The rate of false alarms of one of the suite's statistical tests: one for each kind of gate, and two more.
    static let falseAlarm = 1e-6 / Double(GateKind.allCases.count + 2)

    @Test("of every gate are uniform and independent of the input, whoever looks", arguments: GateKind.allCases)
    func uniform(kind: GateKind) throws {
        #expect(!kind.subjects.isEmpty)
        var comparisons = Comparisons()
        for (index, subject) in kind.subjects.enumerated() {
            let simulator = GateSimulator(parties: 2, kernels: NativeKernels(threads: 1))
            let instance = try subject.make(simulator, [UInt64](repeating: 0, count: 64))
            #expect(instance.kind == kind, "\(subject.name) is a subject of its own kind")
            try Transcript.run(instance, on: simulator)
            let isSilent = simulator.openings.isEmpty && simulator.dealt.isEmpty
            #expect(isSilent == subject.isSilent, "\(subject.name) says what it says")
            if !subject.isSilent {
                comparisons.add(
                    try TranscriptTest().comparisons(of: subject, seed: UInt64(index) << 32 | 0x5EC),
                    prefix: kind.rawValue
                )
            }
        }
        let failures = comparisons.failures(falseAlarm: TranscriptTests.falseAlarm)
        #expect(failures.isEmpty, "\(failures.count) of \(comparisons.all.count): \(failures.prefix(5))")
    }

    @Test("of the dealer are the same bit for bit, whatever the input", arguments: GateKind.allCases)
    func dealer(kind: GateKind) throws {
        for subject in kind.subjects {
            for parties in [2, 3] {
                let dealt = try TranscriptTest().vectors.map { vector in
                    let simulator = GateSimulator(parties: parties, seed: 0xDEA, kernels: NativeKernels(threads: 1))
                    try Transcript.run(try subject.make(simulator, vector), on: simulator)
                    return simulator.corrections
                }
                #expect(dealt.allSatisfy { $0 == dealt[0] }, "\(subject.name): what is dealt depends on masks alone")
            }
        }
    }

    @Test("expand every word once", arguments: GateKind.allCases)
    func words(kind: GateKind) throws {
        for subject in kind.subjects {
            let vector = TranscriptTest().vectors[2]
            let transcript = try Transcript(of: subject, on: vector, parties: 3, observer: .outsider, seed: 3)
            #expect(transcript.audits.allSatisfy { $0.repeated.isEmpty }, "\(subject.name)")
        }
    }

    /// A truncation shows `c mod 2^shift`, its public dither, and which of two masks is in force: the top bit of c. The
    /// public part that gates read is c shifted: its `shift` top bits say nothing, and the others are uniform. Given the
    /// dither the rounding is no secret of the protocol's: over the dither, it is up as often as the fraction says.
    @Test("of truncations have a uniform dither, a fair choice of the mask, and round up as the fraction says")
    func truncation() throws {
        let count = 1 << 15
        var comparisons = Comparisons()
        for (index, fraction) in [0, 1, 1 << 14, 3 << 14, (1 << 16) - 1].enumerated() as EnumeratedSequence<[UInt64]> {
            for (sign, base) in [UInt64(5) << 16, 0 &- (7 << 40)].enumerated() {
                let simulator = GateSimulator(
                    parties: 2,
                    seed: UInt64(0x7200 + 2 * index + sign),
                    kernels: NativeKernels(threads: 1)
                )
                let wire = simulator.wire([UInt64](repeating: base &+ fraction, count: count))
                let gate = TruncateInPlaceGate(shape: [count], shift: 16)
                let read = try simulator.run(gate, [wire])[0]
                guard case .wire(let public0) = read.parties[0], let choice = public0.truncation?.selector else {
                    throw SimulationError("a truncation has a public choice")
                }
                // c >> 16, of 48 bits, and c mod 2^16: packed into full words they are uniform.
                let c = public0.hat.elements.map { $0 &+ 1 << 46 }
                #expect(c.allSatisfy { $0 < 1 << 48 })
                let name = "fraction \(fraction), base \(base)"
                comparisons.addStream(
                    "\(name), public part",
                    zip(c, c.dropFirst()).enumerated().compactMap {
                        $0.offset % 2 == 0 ? $0.element.0 | $0.element.1 << 48 : nil
                    }
                )
                comparisons.addStream(
                    "\(name), dither",
                    stride(from: 0, to: count, by: 4).map { start in
                        (0..<4).reduce(0) { $0 | wire.hat[start + $1] & 0xFFFF << UInt64(16 * $1) }
                    }
                )
                comparisons.addStream("\(name), choice", choice.asWords.elements)
                #expect(choice.bits(ofPlane: 0) == c.map { $0 >> 47 == 0 }, "the choice is the public part's top bit")
                let floor = base >> 16 | (base >> 63 == 1 ? 0xFFFF << 48 : 0)
                let up = try read.plain().count { $0 == floor &+ 1 }
                #expect(try read.plain().allSatisfy { $0 == floor || $0 == floor &+ 1 })
                comparisons.addRate("\(name), rounded up", ones: up, of: count, probability: Double(fraction) * 0x1p-16)
                // Two gates that read one wire share its dither: the second tells nothing that the first doesn't.
                let share = try simulator.run(TruncateGate(shape: [count], form: WireForm(), shift: 16), [wire])[0]
                #expect(try share.plain() == read.plain())
            }
        }
        let failures = comparisons.failures(falseAlarm: TranscriptTests.falseAlarm)
        #expect(failures.isEmpty, "\(failures.count) of \(comparisons.all.count): \(failures.prefix(5))")
    }

    @Test("of uniform words raise no alarm, and rarely look odd")
    func calibration() {
        var random = TestRandom(seed: 0xCA11)
        var comparisons = Comparisons()
        for trial in 0..<400 {
            let (a, b) = (random.words(1024), random.words(1024))
            comparisons.addStream("\(trial)", a)
            comparisons.addPair("\(trial)", a, b)
            comparisons.addSamples("\(trial)", a, b)
        }
        #expect(comparisons.failures(falseAlarm: TranscriptTests.falseAlarm).isEmpty)
        // Probabilities are at most those stated: of so many, a hundredth is below a hundredth, give or take six deviations.
        let count = Double(comparisons.all.count)
        let odd = Double(comparisons.all.count { $0.probability < 0.01 })
        #expect(odd < count * 0.01 + 6 * (count * 0.01).squareRoot())
        // Pearson's are equal to them, not only at most.
        let chi = comparisons.all.filter { $0.name.contains("chi-square") }.map(\.probability)
        let half = Double(chi.count { $0 < 0.5 })
        #expect(abs(half - Double(chi.count) / 2) < 3 * Double(chi.count).squareRoot())
    }

    @Test("are held against the right distributions")
    func distributions() {
        // From tables of the chi-square distribution.
        #expect(abs(chiSquareTail(293.2478, degrees: 255) - 0.05) < 1e-5)
        #expect(abs(chiSquareTail(24.9958, degrees: 15) - 0.05) < 1e-5)
        #expect(abs(chiSquareTail(10.8276, degrees: 1) - 0.001) < 1e-6)
        #expect(abs(chiSquareTail(10, degrees: 2) - 0.006_737_947) < 1e-9)  // exp(−5)
        #expect(abs(chiSquareTail(60, degrees: 2) / 9.357_622_968_840_175e-14 - 1) < 1e-9)  // exp(−30)
        #expect(abs(chiSquareBound(degrees: 255, falseAlarm: 0.05) - 293.2) < 0.3)
        #expect(fairBitsTail(ones: 50, of: 100) == 1)
        // 2·exp(−2·25²/100); the exact probability is 5·10^-7.
        #expect(abs(fairBitsTail(ones: 75, of: 100) - 7.453_306e-6) < 1e-9)
        #expect(chiSquareOfBytes([UInt64](repeating: 0, count: 1000)) > 1e6)
    }
}

/// How many bits beyond the last element are set in openings of bits.
func tailBits(_ simulator: GateSimulator, count: Int, in combination: Opening.Combination = .xor) -> Int {
    let plane = BitPlanes.words(for: count)
    let tail = ~UInt64(0) << UInt64(count % 64)
    return simulator.openings.filter { $0.opening.combination == combination }.reduce(0) { sum, opening in
        opening.parts.compactMap { $0 }.reduce(sum) { sum, words in
            sum
                + stride(from: plane - 1, to: words.count, by: plane).reduce(0) {
                    $0 + (words[$1] & tail).nonzeroBitCount
                }
        }
    }
}
