import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

extension PadProof {
    /// Of a gate on numbers of either sign within ±2^62.
    init(
        of subject: TranscriptSubject,
        parties: Int,
        count: Int,
        seed: UInt64,
        threads: Int = 1,
        slabs: Slabs = .usual,
        changing mutant: (@Sendable (SimulatedStream) -> AuditingKernels.Change?)? = nil
    ) throws {
        var random = TestRandom(seed: seed ^ 0x9AD)
        let vector = (0..<count).map { _ in UInt64(bitPattern: Int64(bitPattern: random.next()) >> 2) }
        try self.init(
            parties: parties,
            count: count,
            seed: seed,
            threads: threads,
            slabs: slabs,
            changing: mutant
        ) { simulator in
            try Transcript.run(try subject.make(simulator, vector), on: simulator)
        }
    }
}

/// Every word that a gate sends, or is dealt, is hidden by a word of a seed that serves nothing else: exactly, element by
/// element, for every gate (`PadProof`).
@Suite("Pads")
struct PadTests {
    /// Three slabs, the last of them short and with a tail; nine of the smallest slabs of a maximum.
    static let severalSlabs = severalSlabs(.usual)

    private static func severalSlabs(_ slabs: Slabs) -> Int {
        2 * slabs.size + 3137
    }

    @Test("hide all that a gate sends and is dealt, each once", arguments: GateKind.allCases, [67, 2048])
    func pads(kind: GateKind, count: Int) throws {
        for subject in kind.subjects {
            for parties in [2, 3] {
                let proof = try PadProof(of: subject, parties: parties, count: count, seed: 0x9AD)
                #expect(proof.failures.isEmpty, "\(subject.name), \(parties) parties: \(proof.failures.prefix(3))")
                #expect(proof.messages.isEmpty == subject.isSilent, "\(subject.name)")
            }
        }
    }

    @Test("hide it in all slabs, the short last one too, on several threads", arguments: GateKind.allCases, [12, 15])
    func slabs(kind: GateKind, bits: Int) throws {
        let slabs = Slabs(bits: bits)
        let count = Self.severalSlabs(slabs)
        for subject in kind.subjects where !subject.isSilent {
            let proof = try PadProof(of: subject, parties: 2, count: count, seed: 0x51AB, threads: 3, slabs: slabs)
            #expect(proof.failures.isEmpty, "\(subject.name): \(proof.failures.prefix(3))")
            #expect(!proof.messages.isEmpty)
        }
    }

    @Test("leave nothing beyond the last element, in openings, corrections and what is packed", arguments: [2, 3])
    func tails(parties: Int) throws {
        var groups: Set<String> = []
        for subject in GateKind.allCases.flatMap(\.subjects) {
            let proof = try PadProof(of: subject, parties: parties, count: 67, seed: 0x7A11)
            for message in proof.messages {
                #expect(message.group.tail(of: message.words) == 0, "\(subject.name), \(message.name)")
                if case .packed = message.group { groups.insert("packed") }
                if case .xor(count: 67) = message.group { groups.insert("bits") }
            }
        }
        #expect(groups == ["packed", "bits"], "there is something to look at")
        #expect(PadGroup.packed(bits: 16, count: 67).tail(of: [UInt64](repeating: 0, count: 16) + [1 << 48]) == 1)
        #expect(PadGroup.xor(count: 67).tail(of: [.max, 7, 0, 8]) == 1)
    }

    /// A maximum's comparisons are filled up to whole words by elements that are zero to everyone: what is sent of these is
    /// the same whatever the operands, public parts and masks alike.
    @Test("of a maximum say nothing in the places that fill a word up", arguments: [3, 4])
    func filling(operands: Int) throws {
        let count = 67
        let plane = BitPlanes.words(for: count)
        func sent(_ seed: UInt64) throws -> [[UInt64]] {
            // The seed is that of the operands; keys are the same.
            let simulator = GateSimulator(parties: 2, seed: 0xF111, kernels: NativeKernels(threads: 1))
            _ = simulator.words(Int(seed))
            var random = TestRandom(seed: seed)
            let wires = (0..<operands).map { _ in
                simulator.wire((0..<count).map { _ in random.next() >> 2 }, sharesHeld: true)
            }
            _ = try simulator.run(MaximumGate(shape: [count], operands: operands, sharesHeld: true), wires)
            let comparisons = simulator.openings.filter { $0.stage < 3 }.flatMap { $0.parts.compactMap { $0 } }
            // Products of the bits of all pairs' masks are dealt in these stages, too.
            let dealt = zip(simulator.corrections, simulator.correctionStages).filter { $0.1 < 3 }.map(\.0)
            return comparisons + dealt
        }
        let (one, other) = (try sent(1), try sent(2))
        #expect(one.count == other.count && !one.isEmpty)
        #expect(zip(one, other).count { $0 != $1 } >= 6, "three openings of each party differ")
        for (a, b) in zip(one, other) {
            let tail = ~UInt64(0) << UInt64(count % 64)
            for last in stride(from: plane - 1, to: a.count, by: plane) { #expect((a[last] ^ b[last]) & tail == 0) }
        }
    }

    @Test("don't depend on the number of threads", arguments: GateKind.allCases)
    func threads(kind: GateKind) throws {
        let vector = [UInt64](repeating: 5 << 16, count: Self.severalSlabs)
        for subject in kind.subjects.prefix(1) where !subject.isSilent {
            let sent = try [1, 2, 3].map { threads in
                let simulator = GateSimulator(parties: 2, seed: 0x7EAD, kernels: NativeKernels(threads: threads))
                try Transcript.run(try subject.make(simulator, vector), on: simulator)
                return simulator.transcript
            }
            #expect(sent[0] == sent[1] && sent[0] == sent[2], "\(subject.name)")
        }
    }

    /// What is wrong from the second slab on, in the last one, or by several threads.
    struct LargeMutant: Sendable, CustomTestStringConvertible {
        let name: String
        let subject: TranscriptSubject
        let change: @Sendable (SimulatedStream) -> AuditingKernels.Change?

        var testDescription: String { name }

        /// Streams of one kind become others, by their place in a stage of so many.
        static func streams(
            _ name: String,
            _ subject: TranscriptSubject,
            _ isMeant: @escaping @Sendable (SimulatedStream.Purpose) -> Bool,
            _ change: @escaping @Sendable (UInt64) -> (@Sendable ([UInt64]) -> [UInt64])?
        ) -> LargeMutant {
            LargeMutant(name: name, subject: subject) { stream in
                isMeant(stream.purpose) ? change(stream.stream.number).map { .words($0) } : nil
            }
        }
    }

    private static let zeros: @Sendable ([UInt64]) -> [UInt64] = { $0.map { _ in 0 } }

    // A gate that draws one stream for each of three slabs gives them the numbers 0, 1, 2, then 3, 4, 5 in its next stage.
    static let largeMutants: [LargeMutant] = [
        .streams("bits are not masked from the second slab on", GateKind.sign.subjects[0], Mutant.isBitMask) {
            $0 % 3 > 0 ? zeros : nil
        },
        .streams("bits are not masked in the last slab", GateKind.sign.subjects[0], Mutant.isBitMask) {
            $0 % 3 == 2 ? zeros : nil
        },
        .streams("bits are not masked in the last slab of the last level", GateKind.sign.subjects[0], Mutant.isBitMask)
        {
            $0 == 8 ? zeros : nil
        },
        .streams(
            "corrections are not padded from the second slab on",
            GateKind.bitToArithmetic.subjects[0],
            Mutant.isCorrelation
        ) {
            $0 % 3 > 0 ? zeros : nil
        },
        .streams("corrections are not padded in the last slab", GateKind.exponential.subjects[0], Mutant.isCorrelation)
        {
            $0 >= 2 * 2 * 4 ? zeros : nil
        },
        .streams(
            "a packed correction is not padded in the last slab",
            GateKind.truncate.subjects[0],
            Mutant.isCorrelation
        ) {
            $0 == 5 ? zeros : nil
        },
        .streams("winners' bits are not masked in the last slab", GateKind.maximum.subjects[2], Mutant.isBitMask) {
            $0 == 4 * 9 - 1 ? zeros : nil
        },
        .streams("an opening is not masked beyond a slab", GateKind.mask.subjects[0], Mutant.isMask) { _ in
            { words in words.indices.map { $0 < Slabs.usual.size ? words[$0] : 0 } }
        },
        .streams("an opening's last element is not masked", GateKind.mask.subjects[0], Mutant.isMask) { _ in
            { $0.dropLast() + [0] }
        },
        .streams("a second thread masks as the first does", GateKind.absorbed.subjects[0], Mutant.isMask) { _ in
            { words in words.indices.map { words[$0 % (words.count / 2 + 1)] } }
        },
        .streams("a second thread pads as the first does", GateKind.bilinear.subjects[0], Mutant.isCorrelation) { _ in
            { words in words.indices.map { words[$0 % (words.count / 2 + 1)] } }
        },
        .streams("a mask of 4,096 elements is used again and again", GateKind.mask.subjects[0], Mutant.isMask) { _ in
            { words in words.indices.map { words[$0 & 4095] } }
        },
        .streams(
            "a result is revealed without a sharing of zero beyond a slab",
            GateKind.reveal.subjects[0],
            Mutant.isZero
        ) {
            _ in
            { words in words.indices.map { $0 < Slabs.usual.size ? words[$0] : 0 } }
        },
        LargeMutant(name: "two slabs have one mask", subject: GateKind.isZero.subjects[0]) { stream in
            guard case .bitMask = stream.purpose, stream.stream.number % 3 == 1 else { return nil }
            var first = stream.stream
            first.number -= 1
            return .stream(first)
        },
        LargeMutant(
            name: "a gate masks its first slab alone",
            subject: TranscriptSubject(mutant: "one slab masked") { s, v in
                .init(gate: OneSlabMasked(shape: [v.count]), kind: nil, operands: [s.share(v)])
            },
            change: { _ in nil }
        ),
    ]

    @Test("that are missing from the second slab on, in the last one, or by thread are missed", arguments: largeMutants)
    func missing(mutant: LargeMutant) throws {
        var caught = 0
        for turn in 0..<Turns.mutants {
            let proof = try PadProof(
                of: mutant.subject,
                parties: 2,
                count: Self.severalSlabs,
                seed: Turns.seed(turn, 0x51AB),
                threads: 3,
                changing: mutant.change
            )
            #expect(!proof.failures.isEmpty, "turn \(turn)")
            if !proof.failures.isEmpty { caught += 1 }
        }
        Turns.report(mutant.name, caught: caught, by: "PadProof on \(Self.severalSlabs) elements")
    }
}

@Suite("Names of streams")
struct StreamNumberTests {
    @Test("are all different, whatever the step, the stage and how many were drawn before")
    func different() {
        let (steps, stages) = ([0, 1, 1023, 1024, 1025, 4096, 1 << 20, 1 << 31 - 1], [0, 1, 5, 255])
        var masks: Set<UInt64> = []
        var drawn = 0
        for step in steps {
            for stage in stages {
                let numbers = StreamNumbers()
                numbers.begin(step: step, stage: stage)
                for count in 0..<4200 {
                    let all = [
                        numbers.mask(), numbers.bitMask(), numbers.correlation(), numbers.zero(), numbers.ownDraw(),
                    ]
                    // Kinds have keys of their own.
                    #expect(
                        Set(all).count == 1 && all[0] == StreamNumbers.first(step: step, stage: stage) + UInt64(count)
                    )
                    masks.insert(all[0])
                    drawn += 1
                }
            }
        }
        #expect(masks.count == drawn)
    }
}
