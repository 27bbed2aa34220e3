import CrypTenGates
import CrypTenRing
import Testing
import _CrypTenTestSupport

/// What all parties but one see can be computed without that one's data: from their inputs and seeds, public values and the
/// result.
///
/// `ViewSimulator` does that. It is held against the protocol in three ways.
///
/// - The other parties' real code runs on the simulated messages, sees one public part of every wire and learns the result.
/// - *Exactly*: for the honest party's real inputs there are words of its seeds with which its real code and the real dealer
///   send what the simulator made up, bit for bit (`ViewExplanation`); where nothing is revealed to the others, also for
///   quite different inputs. As the words are found by adding to each what its message was off, they and the messages
///   correspond one to one, for any inputs: so of uniform words a real view has the simulated view's distribution.
/// - By samples: real and simulated messages have one distribution.
///
/// What this doesn't show: that expanded words look uniform to whoever lacks the key, which is AES's business; that no word
/// is used in two runs, which the audits of sessions see; that one to one holds for all values, which is seen here on some.
/// It is of honest parties that follow the protocol, and of one of them: with fewer colluding, the others' reveals differ
/// from these by sharings of zero (`TranscriptTests`). Results of truncations are told as the public dither rounds them.
@Suite("Simulated views")
struct SimulatedViewTests {
    private static let seed: UInt64 = 0x51A

    /// Small numbers of either sign, a fifth of them zero: products fit.
    private func numbers(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in
            random.next() % 5 == 0 ? 0 : UInt64(bitPattern: Int64(bitPattern: random.next()) >> 36)
        }
    }

    private func hat(_ values: [PartyValue]) -> [UInt64] {
        for case .wire(let wire) in values { return wire.hat.elements }
        return []
    }

    /// What an ideal functionality may read.
    private func facts(_ view: ViewSimulator, _ values: [[PartyValue]], _ count: Int) -> ViewSubject.Facts {
        ViewSubject.Facts(
            hat: { hat(values[$0]) },
            lastOpened: { view.opened.last ?? [] },
            drawn: { view.drawn($0, count: count) },
            order: { view.order(of: $0, $1, rows: count) }
        )
    }

    private func simulate(
        _ subject: ViewSubject,
        _ program: GateProgram,
        parties: Int,
        honest: Int,
        inputs: [[UInt64]],
        words: UInt64
    ) throws -> (view: ViewSimulator, values: [[PartyValue]]) {
        let view = ViewSimulator(parties: parties, honest: honest, seed: Self.seed, words: words)
        // The simulator gets zeros for the honest party's inputs; the functionality alone knows them.
        let known = zip(program.owners, inputs).map { $0 == honest ? [UInt64](repeating: 0, count: $1.count) : $1 }
        let values = try view.run(program, inputs: known) { step, values in
            subject.result(step, inputs[0], inputs[1], facts(view, values, program.count))
        }
        return (view, values)
    }

    private func explain(
        _ view: ViewSimulator,
        _ program: GateProgram,
        parties: Int,
        honest: Int,
        inputs: [[UInt64]]
    ) throws -> ViewExplanation? {
        try ViewExplanation.find(
            of: view,
            program,
            parties: parties,
            honest: honest,
            seed: Self.seed,
            inputs: inputs
        )
    }

    @Test(
        "lead the other parties to the result, and are explained by the real inputs",
        arguments: ViewSubject.all,
        [2, 3]
    )
    func explained(subject: ViewSubject, parties: Int) throws {
        let count = 128
        let inputs = [numbers(count, seed: 1), numbers(count, seed: 2)]
        for honest in 0..<parties {
            let program = subject.program([0, parties - 1], count, nil)
            let (view, values) = try simulate(
                subject,
                program,
                parties: parties,
                honest: honest,
                inputs: inputs,
                words: 77
            )
            // Every party that is there sees the same public parts, and the results.
            for value in values {
                var hats: [[UInt64]] = []
                for party in value {
                    switch party {
                    case .wire(let wire): hats.append(wire.hat.elements)
                    case .bits(let bits): hats.append(bits.hat.asWords.elements)
                    case .plain(let plain) where value.count { if case .plain = $0 { true } else { false } } > 1:
                        hats.append(plain.elements)
                    default: break
                    }
                }
                #expect(hats.allSatisfy { $0 == hats[0] })
            }
            for (index, step) in program.steps.enumerated() {
                guard step.gate is RevealGate else { continue }
                // Reveals are a program's last steps, and yield one value each.
                let want = subject.result(index, inputs[0], inputs[1], facts(view, values, program.count))
                for (party, value) in values[values.count - (program.steps.count - index)].enumerated()
                where party != honest {
                    guard case .plain(let plain) = value else { throw SimulationError("nothing is revealed") }
                    #expect(plain.elements == want)
                }
            }
            let explanation = try #require(
                try explain(view, program, parties: parties, honest: honest, inputs: inputs),
                "honest party \(honest)"
            )
            let speaks = view.openings.contains { $0.opening.purpose != .reveal && $0.parts[honest] != nil }
            #expect(explanation.passes > 1 || !speaks, "by chance they would not be equal")
            // All that goes over the wires, the other parties' own messages and what reveals the results included.
            #expect(explanation.simulator.openings.map(\.parts) == view.openings.map(\.parts))
            if honest != parties - 1 { #expect(explanation.simulator.corrections == view.corrections) }
        }
    }

    @Test(
        "are explained by quite different inputs, where the result goes to their owner",
        arguments: ViewSubject.all,
        [2, 3]
    )
    func equivocal(subject: ViewSubject, parties: Int) throws {
        let count = 128
        for honest in [0, parties - 1] {
            let program = subject.program([0, parties - 1], count, honest)
            let own = honest == 0 ? 0 : 1
            var inputs = [numbers(count, seed: 3), numbers(count, seed: 4)]
            let (view, _) = try simulate(subject, program, parties: parties, honest: honest, inputs: inputs, words: 78)
            for candidate in [
                inputs[own], [UInt64](repeating: 0, count: count), [UInt64](repeating: 0 &- (1 << 40), count: count),
            ] {
                inputs[own] = candidate
                let explanation = try #require(
                    try explain(view, program, parties: parties, honest: honest, inputs: inputs)
                )
                // The honest party's own reveals don't go anywhere.
                let (real, simulated) = (explanation.simulator.openings, view.openings)
                #expect(real.count == simulated.count)
                for (a, b) in zip(real, simulated) {
                    for party in 0..<parties where a.opening.receiver != honest || party != honest {
                        #expect(a.parts[party] == b.parts[party])
                    }
                }
                if honest != parties - 1 { #expect(explanation.simulator.corrections == view.corrections) }
            }
        }
    }

    @Test("have the distribution of real ones", arguments: ViewSubject.all)
    func samples(subject: ViewSubject) throws {
        let count = 2048
        let inputs = [numbers(count, seed: 5), numbers(count, seed: 6)]
        var comparisons = Comparisons()
        for parties in [2, 3] {
            for honest in 0..<parties {
                let program = subject.program([0, parties - 1], count, nil)
                let (view, _) = try simulate(
                    subject,
                    program,
                    parties: parties,
                    honest: honest,
                    inputs: inputs,
                    words: 79
                )
                let real = GateSimulator(parties: parties, seed: Self.seed, kernels: NativeKernels(threads: 1))
                _ = try program.run(on: real, inputs: inputs)
                for (a, b) in zip(real.openings, view.openings) where a.opening.purpose != .reveal {
                    let name = "\(parties) parties, \(honest) honest"
                    let (x, y) = (a.parts[honest] ?? [], b.parts[honest] ?? [])
                    comparisons.addStream("\(name), real", x)
                    comparisons.addStream("\(name), simulated", y)
                    comparisons.addSamples(name, x, y)
                }
            }
        }
        // One test of each program.
        let failures = comparisons.failures(falseAlarm: 1e-6 / Double(ViewSubject.all.count))
        #expect(failures.isEmpty, "\(failures.prefix(5))")
    }

    /// Gates that leak, on the inputs' wires 2 and 3, shares 4 and 5, and bits 6 and 7.
    static let mutants: [(name: String, step: @Sendable (Int) -> GateProgram.Step)] = [
        ("one mask hides two values", { .init(SharedMask(shape: [$0]), [4, 5]) }),
        ("one party forgets its mask", { .init(MissingMask(shape: [$0], party: 1), [5]) }),
        ("a mask of 63 bits", { .init(NarrowMask(shape: [$0], bits: 63), [5]) }),
        ("a share goes out under an operand's mask", { .init(OperandsMask(shape: [$0]), [4, 3]) }),
        ("bits go out under the mask of others", { .init(OperandsBitMask(shape: [$0]), [6, 7]) }),
        ("a mask is sent in a later stage", { .init(MaskShownLater(shape: [$0]), [3]) }),
    ]

    @Test("of gates that leak can't be explained", arguments: mutants.indices)
    func leaks(index: Int) throws {
        let count = 128
        let mutant = Self.mutants[index]
        let program = ViewSubject.program(
            [0, 1],
            count,
            [
                .init(UnmaskGate(), [2]), .init(UnmaskGate(), [3]), .init(SignGate(shape: [count]), [2]),
                .init(SignGate(shape: [count]), [3]), mutant.step(count),
            ]
        )
        let subject = ViewSubject(name: mutant.name, program: { _, _, _ in program }, result: { _, _, _, _ in [] })
        let inputs = [numbers(count, seed: 7), numbers(count, seed: 8)]
        var caught = 0
        for turn in 0..<Turns.mutants {
            let words = Turns.seed(turn, 80)
            let (view, _) = try simulate(subject, program, parties: 2, honest: 1, inputs: inputs, words: words)
            let isExplained = try explain(view, program, parties: 2, honest: 1, inputs: inputs) != nil
            #expect(!isExplained, "turn \(turn)")
            if !isExplained { caught += 1 }
        }
        Turns.report(mutant.name, caught: caught, by: "ViewExplanation")
    }

    @Test("are of every kind of gate", arguments: GateKind.allCases)
    func everyKind(kind: GateKind) throws {
        let gates = ViewSubject.all.flatMap {
            $0.program([0, 1], 64, nil).steps.map { ObjectIdentifier(type(of: $0.gate)) }
        }
        let instance = try kind.subjects[0].make(GateSimulator(parties: 2), [UInt64](repeating: 0, count: 64))
        #expect(gates.contains(ObjectIdentifier(type(of: instance.gate))))
    }
}
