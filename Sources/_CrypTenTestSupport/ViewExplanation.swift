import CrypTenGates
import CrypTenRing
import Foundation

/// Seeds of an honest party that make its real code, and the dealer's, say what a simulator has made up.
///
/// Each message of the honest party holds a word of its seeds that is used nowhere else, and each correction is padded by
/// one: so for given inputs there is exactly one choice of these words for every view, and uniform words give a uniform view.
/// This finds that choice: pass after pass, a word is changed by what its message was off, until all messages are right.
/// Where a word serves two messages, or none hides one, there is no choice, and it gives up.
///
/// A program that draws bits and reveals each of them, in that order, has a choice more: the honest party's own bits, which
/// make the results whatever the view says that they are.
package struct ViewExplanation {
    /// The honest party's words, by stream.
    private final class Script: @unchecked Sendable {
        struct Name: Hashable {
            var purpose: SimulatedStream.Purpose
            var number: UInt64
            var stage: Int
        }

        // Touched only while `lock` is held.
        private let lock = NSLock()
        private var words: [Name: [UInt64]] = [:]

        /// The words of a stream; those of its key until they are changed.
        func words(_ name: Name, _ given: [UInt64]) -> [UInt64] {
            lock.withLock {
                if let known = words[name] { return known }
                words[name] = given
                return given
            }
        }

        /// The streams of one purpose, of a stage or of all, in the order in which they are drawn.
        func streams(_ purpose: SimulatedStream.Purpose, stage: Int? = nil) -> [Name] {
            lock.withLock {
                words.keys.filter { $0.purpose == purpose && stage ?? $0.stage == $0.stage }
                    .sorted { $0.number < $1.number }
            }
        }

        func update(_ name: Name, _ change: ([UInt64]) -> [UInt64]) {
            lock.withLock { words[name] = words[name].map(change) }
        }
    }

    /// The real run that says what the view says.
    package let simulator: GateSimulator
    /// What its values are.
    package let values: [SimulatedValue]
    /// How many runs it took.
    package let passes: Int

    /// Looks for the words.
    ///
    /// - Parameters:
    ///   - view: Made of the same seed, program and inputs of the other parties.
    ///   - inputs: Everybody's, the honest party's too.
    /// - Returns: nil where there are none, after as many passes as any program here has stages.
    package static func find(
        of view: ViewSimulator,
        _ program: GateProgram,
        parties: Int,
        honest: Int,
        seed: UInt64,
        inputs: [[UInt64]]
    ) throws -> ViewExplanation? {
        let script = Script()
        let pads = try groups(program, parties: parties, honest: honest, seed: seed, inputs: inputs)
        guard let pads else { return nil }
        for pass in 1...64 {
            let simulator = GateSimulator(parties: parties, seed: seed, kernels: NativeKernels(threads: 1)) { stream in
                guard stream.purpose.isKnown(to: [honest]), !stream.purpose.isShared else { return nil }
                let name = Script.Name(purpose: stream.purpose, number: stream.stream.number, stage: stream.stage)
                return .words { script.words(name, $0) }
            }
            let values = try program.run(on: simulator, inputs: inputs)
            var isRight = true
            func correct(_ streams: [Script.Name], _ got: [[UInt64]], _ wanted: [[UInt64]], _ groups: [PadGroup]) {
                if got != wanted { isRight = false }
                for (index, name) in streams.enumerated() where index < min(got.count, wanted.count, groups.count) {
                    // A correction is its function less the pad, an opening plus it.
                    let (add, take) = name.purpose == .correlation(honest) ? (got, wanted) : (wanted, got)
                    script.update(name) {
                        groups[index].adding(
                            take[index],
                            to: groups[index].adding(add[index], to: $0),
                            subtracting: true
                        )
                    }
                }
            }
            if honest != parties - 1 {
                correct(script.streams(.correlation(honest)), simulator.corrections, view.corrections, pads)
            }
            for stage in Set(simulator.openings.map(\.stage)) {
                for combination in [Opening.Combination.sum, .xor] {
                    let got = messages(simulator.openings, honest, stage, combination)
                    let group: PadGroup = combination == .sum ? .sum : .xor(count: program.count)
                    correct(
                        script.streams(combination == .sum ? .mask(honest) : .bitMask(honest), stage: stage),
                        got,
                        messages(view.openings, honest, stage, combination),
                        got.map { _ in group }
                    )
                }
            }
            if isRight {
                // The honest party's own bits come last: changing one changes its message, and its mask then takes that back.
                let got = results(simulator.openings, honest)
                correct(
                    script.streams(.own(honest)),
                    got,
                    results(view.openings, honest),
                    got.map { _ in .xor(count: program.count) }
                )
            }
            if isRight { return ViewExplanation(simulator: simulator, values: values, passes: pass) }
        }
        return nil
    }

    /// In which group the honest party's words pad each correction; nil where they don't pad one.
    private static func groups(
        _ program: GateProgram,
        parties: Int,
        honest: Int,
        seed: UInt64,
        inputs: [[UInt64]]
    ) throws -> [PadGroup]? {
        guard honest != parties - 1 else { return [] }
        let proof = try PadProof(parties: parties, count: program.count, seed: seed, corrections: honest) {
            _ = try program.run(on: $0, inputs: inputs)
        }
        return proof.failures.isEmpty ? proof.messages.map(\.group) : nil
    }

    /// The parts that a party reveals of bits to others.
    private static func results(_ openings: [SimulatedOpening], _ party: Int) -> [[UInt64]] {
        openings.filter {
            $0.opening.purpose == .reveal && $0.opening.combination == .xor && $0.opening.receiver != party
        }.compactMap { $0.parts[party] }
    }

    /// A party's masked messages of a stage, of ring elements or of bits.
    private static func messages(
        _ openings: [SimulatedOpening],
        _ party: Int,
        _ stage: Int,
        _ combination: Opening.Combination
    ) -> [[UInt64]] {
        openings.compactMap {
            $0.stage == stage && $0.opening.purpose != .reveal && $0.opening.combination == combination
                ? $0.parts[party] : nil
        }
    }
}

extension SimulatedStream.Purpose {
    /// Whether two parties can expand it.
    fileprivate var isShared: Bool {
        if case .zero = self { true } else { false }
    }
}
