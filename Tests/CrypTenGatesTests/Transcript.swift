import CrypTenGates
import CrypTenRing
import _CrypTenTestSupport

/// What one run of one gate shows to whoever looks, and how that is compared with uniform words.
struct Transcript: Sendable {
    /// Who looks.
    enum Observer: Hashable, Sendable, CustomStringConvertible {
        /// Sees every frame, and has no share: the network. All of the value lies with one party.
        case outsider
        /// Some parties together, who know their own words: these are zeros, and what they get from the others is all
        /// there is. All of the value lies with one of the others.
        case coalition(Set<Int>)
        /// One party on uniform shares, with all it sees: frames in both directions, corrections, its own shares.
        case party(Int)

        var description: String {
            switch self {
            case .outsider: "outsider"
            case .coalition(let parties): "parties \(parties.sorted())"
            case .party(let party): "party \(party)"
            }
        }

        /// All that differ: coalitions of all parties but one see what smaller ones see.
        ///
        /// Not so where results are revealed: one honest party's words follow from the result. Then smaller ones are added.
        static func all(of parties: Int, revealing: Bool) -> [Observer] {
            var coalitions = (0..<parties).map { honest in Set((0..<parties).filter { $0 != honest }) }
            if revealing, parties > 2 { coalitions += (0..<parties).map { [$0] } }
            return [.outsider] + coalitions.map { .coalition($0) } + (0..<parties).map { .party($0) }
        }
    }

    /// Words that somebody sent, or dealt, or holds.
    struct Source: Sendable {
        var name: String
        /// Openings of ring elements, corrections of the same size, shares, public parts.
        var words: [[UInt64]] = []
        /// Openings of bits and whatever else, cut into runs as long as a plane.
        var planes: [[UInt64]] = []

        /// Everything in one stream.
        var stream: [UInt64] {
            Array((words + planes).joined())
        }

        mutating func add(_ piece: [UInt64], count: Int) {
            if piece.count == count {
                words.append(piece)
            } else {
                let plane = BitPlanes.words(for: count)
                for start in stride(from: 0, to: piece.count, by: plane) {
                    planes.append(Array(piece[start..<min(start + plane, piece.count)]))
                }
            }
        }
    }

    let observer: Observer
    /// What should be uniform and independent.
    var sources: [Source] = []
    /// Revealed words: uniform each, but given all of them they sum to the result.
    var revealed: [Source] = []
    /// What the observer knows anyway.
    var known: [Source] = []
    /// What each role has expanded.
    var audits: [ExpansionAudit]

    /// Runs a gate on a vector.
    init(
        of subject: TranscriptSubject,
        on vector: [UInt64],
        parties: Int,
        observer: Observer,
        seed: UInt64,
        changing change: (@Sendable (SimulatedStream) -> AuditingKernels.Change?)? = nil
    ) throws {
        let corrupted: Set<Int>? =
            switch observer {
            case .outsider: []
            case .coalition(let parties): parties
            case .party: nil
            }
        let simulator = GateSimulator(
            parties: parties,
            seed: seed,
            kernels: NativeKernels(threads: 1),
            corrupted: corrupted,
            changing: change
        )
        let instance = try subject.make(simulator, vector)
        try Transcript.run(instance, on: simulator)
        self.init(simulator, operands: instance.operands, count: vector.count, observer: observer)
    }

    /// What a run that has been made shows.
    init(_ simulator: GateSimulator, operands: [SimulatedValue], count: Int, observer: Observer) {
        self.observer = observer
        audits = simulator.audits
        let parties = 0..<simulator.parties
        let seen: Set<Int>
        let honest: [Int]
        switch observer {
        case .outsider: (seen, honest) = ([], Array(parties))
        case .coalition(let members): (seen, honest) = (members, parties.filter { !members.contains($0) })
        case .party(let party): (seen, honest) = ([party], parties.filter { $0 != party })
        }
        for sender in parties {
            var (sent, revealed) = (Source(name: "party \(sender) sends"), Source(name: "party \(sender) reveals"))
            for opening in simulator.openings {
                guard let part = opening.parts[sender] else { continue }
                let receiver = opening.opening.receiver
                let arrives = receiver.map { seen.contains($0) || seen.isEmpty } ?? true
                let isOwn = !honest.contains(sender)
                guard arrives || isOwn, receiver != sender else { continue }
                if opening.opening.purpose == .reveal {
                    // Of one honest party alone they follow from the result.
                    if honest.count > 1 || isOwn { revealed.add(part, count: count) }
                } else {
                    sent.add(part, count: count)
                }
            }
            // With words of zeros, what the coalition sends itself is no secret and not uniform.
            if case .coalition = observer, !honest.contains(sender) { continue }
            sources.append(sent)
            self.revealed.append(revealed)
        }
        if seen.isEmpty || seen.contains(simulator.parties - 1) {
            var dealt = Source(name: "the dealer sends")
            for correction in simulator.corrections { dealt.add(correction, count: count) }
            sources.append(dealt)
        }
        for operand in operands {
            guard !seen.isEmpty else { continue }
            for (party, value) in operand.parties.enumerated() where seen.contains(party) {
                switch value {
                case .share(let share):
                    if case .party = observer { known.append(Source(name: "share", words: [share.elements])) }
                case .wire(let wire):
                    if wire.truncation == nil { known.append(Source(name: "wire", words: [wire.hat.elements])) }
                    if case .party = observer, let mask = wire.maskShare {
                        known.append(Source(name: "mask share", words: [mask.elements]))
                    }
                case .bits(let bits):
                    known.append(Source(name: "bits", planes: [bits.hat.asWords.elements]))
                    if case .party = observer, let mask = bits.maskShare {
                        known.append(Source(name: "bits' mask share", planes: [mask.asWords.elements]))
                    }
                case .plain, .absent: break
                }
            }
        }
    }

    static func run(_ instance: TranscriptSubject.Instance, on simulator: GateSimulator) throws {
        func run(_ gate: some Gate) throws {
            _ = try simulator.run(gate, instance.operands, shapes: instance.operands.isEmpty ? [[0]] : nil)
        }
        try run(instance.gate)
    }

    // MARK: Comparisons

    /// One run: every stream, all pairs of pieces, and all pieces with what is known and with the plain value itself.
    func comparisons(plain: [UInt64]) -> Comparisons {
        var out = Comparisons()
        for source in sources + revealed { out.addStream(source.name, source.stream) }
        let planes = sources.flatMap(\.planes)
        out.addPlanes("pairs", planes)
        out.addPlanes("pairs with what is known", planes + revealed.flatMap(\.planes), against: known.flatMap(\.planes))
        let words = sources.flatMap { source in source.words.map { (source.name, $0) } }
        // Among many, those that are near each other: a pair costs eight counts an element.
        for (i, a) in words.enumerated() {
            for (name, b) in words[(i + 1)...].prefix(8) { out.addPair("\(a.0) and \(name)", a.1, b) }
        }
        for piece in words + revealed.flatMap({ source in source.words.map { (source.name, $0) } }) {
            for other in known.flatMap(\.words) { out.addPair("\(piece.0) and what is known", piece.1, other) }
            out.addPair("\(piece.0) and the input", piece.1, plain)
        }
        let kernels = PlainKernels()
        let bits = kernels.planes(of: RingTensor(plain, shape: [plain.count]), from: 0, count: 64)
        out.addPlanes("pairs with the input", planes, against: (0..<64).map { bits[$0].asWords.elements })
        return out
    }

    /// Two runs of one gate on different inputs: one distribution, and no piece has to do with its like.
    func comparisons(with other: Transcript) -> Comparisons {
        var out = Comparisons()
        for (a, b) in zip(sources + revealed, other.sources + other.revealed) {
            out.addSamples(a.name, a.stream, b.stream)
            for (x, y) in zip(a.words, b.words) { out.addPair("between runs, \(a.name)", x, y) }
            out.addPlanes("between runs, \(a.name)", a.planes, pairedWith: b.planes)
        }
        return out
    }
}

extension Comparisons {
    /// Each plane and its like in another run.
    fileprivate mutating func addPlanes(_ name: String, _ planes: [[UInt64]], pairedWith others: [[UInt64]]) {
        let pairs = zip(planes, others).map { a, b in
            fairBitsTail(
                ones: zip(a, b).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount },
                of: 64 * min(a.count, b.count)
            )
        }
        if let lowest = pairs.min() { add("\(name): planes", min(1, lowest * Double(pairs.count))) }
    }
}

/// All comparisons of a gate's runs: 2 and 3 parties, every observer, inputs that differ in everything.
struct TranscriptTest: Sendable {
    /// Elements: a multiple of 64, so that there are no tail bits.
    var count = 2048
    var parties = [2, 3]
    /// Whether all runs have the keys of the first.
    var repeatsKeys = false
    var change: (@Sendable (SimulatedStream) -> AuditingKernels.Change?)?

    /// Zeros, a pattern, and numbers of either sign, all within ±2^62.
    var vectors: [[UInt64]] {
        var random = TestRandom(seed: 0x1417)
        return [
            [UInt64](repeating: 0, count: count),
            [UInt64](repeating: 0x3FFF_0000_FFFF_0000, count: count),
            (0..<count).map { _ in UInt64(bitPattern: Int64(bitPattern: random.next()) >> 2) },
        ]
    }

    private func reveals(_ subject: TranscriptSubject, _ parties: Int) throws -> Bool {
        let instance = try subject.make(GateSimulator(parties: parties), [])
        return instance.gate.cost(parties: parties, slabs: .usual).flatMap(\.openings).contains {
            $0.purpose == .reveal
        }
    }

    func comparisons(of subject: TranscriptSubject, seed: UInt64) throws -> Comparisons {
        var out = Comparisons()
        // By input, and by whether the whole value lies with one party: what a bias does to a sum depends on the other term.
        var pools: [String: (words: [UInt64], planes: [UInt64])] = [:]
        let vectors = vectors
        for parties in parties {
            let observers = Transcript.Observer.all(of: parties, revealing: try reveals(subject, parties))
            for (place, observer) in observers.enumerated() {
                let prefix = "\(subject.name), \(parties) parties, \(observer)"
                var first: Transcript?
                for (index, vector) in vectors.enumerated() {
                    let seed = seed &+ UInt64(parties * 1000 + place * 10 + (repeatsKeys ? 0 : index))
                    let transcript = try Transcript(
                        of: subject,
                        on: vector,
                        parties: parties,
                        observer: observer,
                        seed: seed,
                        changing: change
                    )
                    out.add(transcript.comparisons(plain: vector), prefix: "\(prefix), input \(index)")
                    if let first { out.add(transcript.comparisons(with: first), prefix: "\(prefix), input \(index)") }
                    first = first ?? transcript
                    let isWhole = if case .party = observer { false } else { true }
                    let pool = "input \(index), \(isWhole ? "whole" : "shared")"
                    pools[pool, default: ([], [])].words += transcript.sources.flatMap(\.words).joined()
                    pools[pool, default: ([], [])].planes += transcript.sources.flatMap(\.planes).joined()
                }
            }
        }
        if !repeatsKeys {
            for (name, pool) in pools.sorted(by: { $0.key < $1.key }) {
                out.addPool("\(subject.name), \(name), pooled words", pool.words)
                out.addPool("\(subject.name), \(name), pooled planes", pool.planes)
            }
        }
        return out
    }
}
