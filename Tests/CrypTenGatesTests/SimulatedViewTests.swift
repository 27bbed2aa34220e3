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
    /// A program, its results in the clear, and which corrections are packed.
    struct Subject: Sendable, CustomTestStringConvertible {
        let name: String
        var packedBits: Int?
        /// A program for parties `0` and `last` as owners and a receiver of its reveals.
        let program: @Sendable (_ owners: [Int], _ count: Int, _ receiver: Int?) -> GateProgram
        /// What step `index` reveals of inputs x and y, given the public part of a value.
        let result: @Sendable (_ step: Int, _ x: [UInt64], _ y: [UInt64], _ hat: (Int) -> [UInt64]) -> [UInt64]

        var testDescription: String { name }
    }

    private static func program(_ owners: [Int], _ count: Int, _ steps: [GateProgram.Step]) -> GateProgram {
        let inputs = owners.enumerated().map { GateProgram.Step(InputGate(owner: $1, shape: [count]), [$0]) }
        return GateProgram(owners: owners, count: count, steps: inputs + steps)
    }

    /// Bits as they are revealed: a plane.
    private static func plane(_ bits: [Bool]) -> [UInt64] {
        PlainKernels().planes(of: RingTensor(words(bits), shape: [bits.count]), from: 0, count: 1).asWords.elements
    }

    // Values 0 and 1 are the inputs, 2 and 3 their wires; steps 0 and 1 are theirs.
    static let subjects: [Subject] = [
        Subject(name: "input, linear, unmask, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(
                        LinearGate(.combine(factors: [3, .max]), form: .wire, shapes: [[count], [count]]),
                        [2, 3]
                    ),
                    .init(UnmaskGate(), [4]), .init(RevealGate(shape: [count], receiver: receiver), [5]),
                ]
            )
        } result: { _, x, y, _ in
            zip(x, y).map { 3 &* $0 &- $1 }
        },
        Subject(name: "bilinear, mask, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(BilinearGate(operation: .multiply, left: [count], right: [count]), [2, 3]),
                    .init(MaskGate(shape: [count]), [4]),
                    .init(BilinearGate(operation: .multiply, left: [count], right: [count]), [5, 2]),
                    .init(RevealGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { _, x, y, _ in
            zip(x, y).map { $0 &* $1 &* $0 }
        },
        Subject(name: "absorbed, truncate, reveal", packedBits: 16) { owners, count, receiver in
            let product = AbsorbedProduct(operation: .multiply, left: [count], right: [count])
            return program(
                owners,
                count,
                [
                    .init(AbsorbedGate(products: [product], addends: 0, shape: [count]), [2, 3]),
                    .init(TruncateGate(shape: [count], form: WireForm(sharesHeld: false), shift: 16), [4]),
                    .init(RevealGate(shape: [count], receiver: receiver), [5]),
                ]
            )
        } result: { _, x, y, hat in
            rounded(zip(x, y).map { $0 &* $1 }, hat: hat(4), shift: 16)
        },
        Subject(name: "sign, is zero, boolean, bit to arithmetic, select, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(SignGate(shape: [count]), [2]), .init(IsZeroGate(shape: [count]), [3]),
                    .init(
                        BooleanGate(
                            outputs: [BooleanForm(products: [[0], [1], [0, 1]])],
                            inputs: 2,
                            shape: [count]
                        ),
                        [4, 5]
                    ),
                    .init(BitToArithmeticGate(shape: [count]), [6]), .init(SelectGate(shape: [count]), [6, 3]),
                    .init(RevealGate(shape: [count], receiver: receiver), [7]),
                    .init(RevealGate(shape: [count], receiver: receiver), [8]),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [4]),
                ]
            )
        } result: { step, x, y, _ in
            let negative = x.signed.map { $0 < 0 }
            let either = zip(negative, y).map { $0 || $1 == 0 }
            switch step {
            case 7: return words(either)
            case 8: return zip(either, y).map { $0 ? $1 : 0 }
            default: return plane(negative)
            }
        },
        // Whatever bits the functionality draws, here those of its inputs: there is one choice of the honest party's own.
        Subject(name: "drawn bits, reveal") { owners, count, receiver in
            program(
                owners,
                count,
                [
                    .init(DrawnBitsGate(planes: 1, shape: [count]), []),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [4]),
                    .init(DrawnBitsGate(planes: 1, shape: [count]), []),
                    .init(RevealBitsGate(shape: [count], receiver: receiver), [6]),
                ]
            )
        } result: { step, x, y, _ in
            plane((step == 3 ? x : y).map { $0 & 1 == 1 })
        },
    ]

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

    private func simulate(
        _ subject: Subject,
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
            subject.result(step, inputs[0], inputs[1]) { hat(values[$0]) }
        }
        return (view, values)
    }

    private func explain(
        _ view: ViewSimulator,
        of subject: Subject,
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
            inputs: inputs,
            packedBits: subject.packedBits
        )
    }

    @Test("lead the other parties to the result, and are explained by the real inputs", arguments: subjects, [2, 3])
    func explained(subject: Subject, parties: Int) throws {
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
                let want = subject.result(index, inputs[0], inputs[1]) { hat(values[$0]) }
                for (party, value) in values[index + 2].enumerated() where party != honest {
                    guard case .plain(let plain) = value else { throw SimulationError("nothing is revealed") }
                    #expect(plain.elements == want)
                }
            }
            let explanation = try #require(
                try explain(view, of: subject, program, parties: parties, honest: honest, inputs: inputs),
                "honest party \(honest)"
            )
            let speaks = view.openings.contains { $0.opening.purpose != .reveal && $0.parts[honest] != nil }
            #expect(explanation.passes > 1 || !speaks, "by chance they would not be equal")
            // All that goes over the wires, the other parties' own messages and what reveals the results included.
            #expect(explanation.simulator.openings.map(\.parts) == view.openings.map(\.parts))
            if honest != parties - 1 { #expect(explanation.simulator.corrections == view.corrections) }
        }
    }

    @Test("are explained by quite different inputs, where the result goes to their owner", arguments: subjects, [2, 3])
    func equivocal(subject: Subject, parties: Int) throws {
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
                    try explain(view, of: subject, program, parties: parties, honest: honest, inputs: inputs)
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

    @Test("have the distribution of real ones", arguments: subjects)
    func samples(subject: Subject) throws {
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
        // One of as many tests like it as there are subjects.
        let failures = comparisons.failures(falseAlarm: 1e-6 / Double(Self.subjects.count))
        #expect(failures.isEmpty, "\(failures.prefix(5))")
    }

    @Test("of gates that leak can't be explained", arguments: [0, 1])
    func mutants(index: Int) throws {
        let count = 128
        let gates: [any Gate] = [SharedMask(shape: [count]), MissingMask(shape: [count], party: 1)]
        let program = Self.program(
            [0, 1],
            count,
            [.init(UnmaskGate(), [2]), .init(UnmaskGate(), [3]), .init(gates[index], index == 0 ? [4, 5] : [5])]
        )
        let subject = Subject(name: "mutant", program: { _, _, _ in program }, result: { _, _, _, _ in [] })
        let inputs = [numbers(count, seed: 7), numbers(count, seed: 8)]
        let (view, _) = try simulate(subject, program, parties: 2, honest: 1, inputs: inputs, words: 80)
        #expect(try explain(view, of: subject, program, parties: 2, honest: 1, inputs: inputs) == nil)
    }
}
