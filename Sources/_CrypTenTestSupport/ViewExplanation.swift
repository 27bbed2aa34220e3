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

        /// The streams of one purpose, in the order in which they are drawn.
        func streams(_ purpose: SimulatedStream.Purpose) -> [Name] {
            lock.withLock { words.keys.filter { $0.purpose == purpose }.sorted { $0.number < $1.number } }
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
    ///   - packedBits: Bits of an element in corrections that are shorter than the vector; nil: these are planes of bits.
    /// - Returns: nil where there are none, after as many passes as any program here has stages.
    package static func find(
        of view: ViewSimulator,
        _ program: GateProgram,
        parties: Int,
        honest: Int,
        seed: UInt64,
        inputs: [[UInt64]],
        packedBits: Int?
    ) throws -> ViewExplanation? {
        let script = Script()
        for pass in 1...64 {
            let simulator = GateSimulator(parties: parties, seed: seed, kernels: NativeKernels(threads: 1)) { stream in
                guard stream.purpose.isKnown(to: [honest]), !stream.purpose.isShared else { return nil }
                let name = Script.Name(purpose: stream.purpose, number: stream.stream.number)
                return .words { script.words(name, $0) }
            }
            let values = try program.run(on: simulator, inputs: inputs)
            var isRight = true
            func correct(
                _ purpose: SimulatedStream.Purpose,
                _ got: [[UInt64]],
                _ wanted: [[UInt64]],
                _ change: ([UInt64], _ got: [UInt64], _ wanted: [UInt64]) -> [UInt64]
            ) {
                if got != wanted { isRight = false }
                for (name, (got, wanted)) in zip(script.streams(purpose), zip(got, wanted)) where got != wanted {
                    script.update(name) { change($0, got, wanted) }
                }
            }
            if honest != parties - 1 {
                correct(.correlation(honest), simulator.corrections, view.corrections) { words, got, wanted in
                    if got.count == program.count { return zip(words, zip(got, wanted)).map { $0 &+ $1.0 &- $1.1 } }
                    guard let packedBits else { return zip(words, zip(got, wanted)).map { $0 ^ $1.0 ^ $1.1 } }
                    return packed(words, plus: got, minus: wanted, bits: packedBits, count: program.count)
                }
            }
            let (got, wanted) = (messages(simulator.openings, honest), messages(view.openings, honest))
            correct(.mask(honest), got.sums, wanted.sums) { zip($0, zip($1, $2)).map { $0 &+ $1.1 &- $1.0 } }
            correct(.bitMask(honest), got.bits, wanted.bits) { zip($0, zip($1, $2)).map { $0 ^ $1.1 ^ $1.0 } }
            if isRight {
                // The honest party's own bits come last: changing one changes its message, and its mask then takes that back.
                let (got, wanted) = (results(simulator.openings, honest), results(view.openings, honest))
                correct(.own(honest), got, wanted) { zip($0, zip($1, $2)).map { $0 ^ $1.0 ^ $1.1 } }
            }
            if isRight { return ViewExplanation(simulator: simulator, values: values, passes: pass) }
        }
        return nil
    }

    /// A party's masked messages, of ring elements and of bits.
    private static func messages(_ openings: [SimulatedOpening], _ party: Int) -> (sums: [[UInt64]], bits: [[UInt64]]) {
        let own = openings.filter { $0.opening.purpose != .reveal && $0.parts[party] != nil }
        return (
            own.filter { $0.opening.combination == .sum }.compactMap { $0.parts[party] },
            own.filter { $0.opening.combination == .xor }.compactMap { $0.parts[party] }
        )
    }

    /// The parts that a party reveals of bits to others.
    private static func results(_ openings: [SimulatedOpening], _ party: Int) -> [[UInt64]] {
        openings.filter {
            $0.opening.purpose == .reveal && $0.opening.combination == .xor && $0.opening.receiver != party
        }.compactMap { $0.parts[party] }
    }

    private static func packed(
        _ words: [UInt64],
        plus got: [UInt64],
        minus wanted: [UInt64],
        bits: Int,
        count: Int
    ) -> [UInt64] {
        let kernels = PlainKernels()
        func elements(_ words: [UInt64]) -> RingTensor {
            kernels.unpack(RingTensor(words, shape: [words.count]), bits: bits, shape: [count])
        }
        let sum = kernels.subtract(kernels.add(elements(words), elements(got)), elements(wanted))
        return kernels.pack(sum, bits: bits).elements
    }
}

extension SimulatedStream.Purpose {
    /// Whether two parties can expand it.
    fileprivate var isShared: Bool {
        if case .zero = self { true } else { false }
    }
}
