package import CrypTenGates
import CrypTenRing

/// A few gates, one after the other: inputs of parties first, then steps that read what came before.
package struct GateProgram: Sendable {
    package struct Step: Sendable {
        package var gate: any Gate
        package var inputs: [Int]

        package init(_ gate: any Gate, _ inputs: [Int]) {
            self.gate = gate
            self.inputs = inputs
        }
    }

    /// Whose the inputs are: values 0, 1, …; what all know comes next, then each step's outputs.
    package var owners: [Int]
    package var known: [[UInt64]]
    package var steps: [Step]
    package var count: Int

    package init(owners: [Int], known: [[UInt64]] = [], count: Int, steps: [Step]) {
        self.owners = owners
        self.known = known
        self.count = count
        self.steps = steps
    }

    /// Runs all roles on all inputs.
    package func run(on simulator: GateSimulator, inputs: [[UInt64]]) throws -> [SimulatedValue] {
        var values = zip(owners, inputs).map { simulator.plain($1, at: $0) } + known.map { simulator.known($0) }
        func run(_ gate: some Gate, _ operands: [SimulatedValue]) throws -> [SimulatedValue] {
            try simulator.run(gate, operands, shapes: [[count]])
        }
        for step in steps { values += try run(step.gate, step.inputs.map { values[$0] }) }
        return values
    }
}

/// What all parties but one see of a program, computed without that one's inputs and words, and without a dealer.
///
/// Given are the parties' own inputs and seeds, public values, and results as an ideal functionality tells them. The honest
/// party's messages are fresh uniform words, and so are corrections; but where a result is revealed, its message is the one
/// that makes the result. The other parties run their own code on that.
package final class ViewSimulator {
    /// An ideal functionality: the words that a reveal makes, for the index of a step and the values so far. It knows all
    /// inputs, and may read public parts: a truncation's rounding is theirs.
    package typealias Functionality = (_ step: Int, _ values: [[PartyValue]]) -> [UInt64]

    private let parties: Int
    private let honest: Int
    private let kernels = NativeKernels(threads: 1)
    private let keys: GateSimulator
    private var random: TestRandom
    private var stages = 0
    /// Everything that is opened, as the parties see it: the honest one's part made up.
    package private(set) var openings: [SimulatedOpening] = []
    /// What everyone learns of each opening that isn't a reveal, in order.
    package private(set) var opened: [[UInt64]] = []
    /// What the last party gets; nothing where it is the honest one.
    package private(set) var corrections: [[UInt64]] = []

    /// - Parameters:
    ///   - seed: Of the parties' keys: those of a `GateSimulator` of this seed.
    ///   - words: Seeds the simulator's own words.
    package init(parties: Int, honest: Int, seed: UInt64, words: UInt64) {
        self.parties = parties
        self.honest = honest
        keys = GateSimulator(parties: parties, seed: seed)
        random = TestRandom(seed: words)
    }

    /// - Parameter inputs: of the parties; the honest one's are not read.
    /// - Returns: for each value what each party has; the honest one nothing.
    package func run(
        _ program: GateProgram,
        inputs: [[UInt64]],
        functionality: Functionality
    ) throws -> [[PartyValue]] {
        var values: [[PartyValue]] = zip(program.owners, inputs).map { owner, input in
            (0..<parties).map {
                $0 == owner && $0 != honest ? .plain(RingTensor(input, shape: [program.count])) : .absent
            }
        }
        for tensor in program.known.map({ RingTensor($0, shape: [program.count]) }) {
            values.append((0..<parties).map { $0 == honest ? .absent : .plain(tensor) })
        }
        let numbers = (0..<parties).map { _ in StreamNumbers() }
        let sources = (0..<parties).map { party -> any CorrelationSource in
            party == parties - 1
                ? UniformCorrelations(self)
                : SimulatedSource(kernels, key: keys.keys[party].correlations)
        }
        for (index, step) in program.steps.enumerated() {
            let operands = step.inputs.map { values[$0] }
            let memories = (0..<parties).map { _ in GateMemory() }
            var outputs = [[PartyValue]](repeating: [], count: parties)
            var arriving = [[RingTensor?]](repeating: [], count: parties)
            for stage in 0..<step.gate.stages {
                let exchanges = arriving.map { SimulatedExchange(arriving: $0) }
                for party in 0..<parties where party != honest {
                    let context = PartyStage(
                        PartyRun(
                            party: party,
                            parties: parties,
                            kernels: kernels,
                            slabs: keys.slabs,
                            keys: keys.keys[party],
                            pairKeys: keys.pairKeys[party],
                            ownKey: keys.ownKeys[party],
                            numbers: numbers[party],
                            correlations: sources[party],
                            exchange: exchanges[party]
                        ),
                        inputs: operands.map { $0[party] },
                        memory: memories[party]
                    )
                    try step.gate.evaluate(stage: stage, context)
                    outputs[party] += context.outputs
                }
                arriving = combine(exchanges) { functionality(index, values) }
                stages += 1
            }
            // What a `GateSimulator` does after each gate, so that numbers stay equal.
            for number in numbers { _ = (number.mask(), number.bitMask(), number.correlation(), number.order()) }
            for source in sources { (source as? SimulatedSource)?.skip() }
            let produced = outputs[honest == 0 ? 1 : 0].count
            for output in 0..<produced {
                values.append((0..<parties).map { $0 == honest ? .absent : outputs[$0][output] })
            }
        }
        return values
    }

    /// The sum of all parties' words of a number of masks, which a gate for random numbers makes its own: it is for a
    /// functionality that draws them, the simulator doesn't look at it.
    package func drawn(_ number: UInt64, count: Int) -> [UInt64] {
        keys.keys.reduce([UInt64](repeating: 0, count: count)) { sum, key in
            let words = kernels.expand(key.masks, number: number, from: 0, shape: [count])
            return zip(sum, words.elements).map { $0 &+ $1 }
        }
    }

    /// The order into which a party puts so many rows by a number of its orders: for a functionality, as `drawn` is.
    package func order(of party: Int, _ number: UInt64, rows: Int) -> [Int] {
        keys.order(of: party, number, rows: rows)
    }

    /// Makes the honest party's part of each opening of a stage, and hands all parties the sums.
    private func combine(_ exchanges: [SimulatedExchange], _ result: () -> [UInt64]) -> [[RingTensor?]] {
        var arriving = [[RingTensor?]](repeating: [], count: parties)
        for index in exchanges[honest == 0 ? 1 : 0].appended.indices {
            let opening = exchanges[honest == 0 ? 1 : 0].appended[index].opening
            var parts = exchanges.enumerated().map { party, exchange in
                party == honest ? nil : exchange.appended[index].part?.elements
            }
            func combined(_ a: [UInt64], _ b: [UInt64], inverse: Bool = false) -> [UInt64] {
                zip(a, b).map { opening.combination == .xor ? $0 ^ $1 : inverse ? $0 &- $1 : $0 &+ $1 }
            }
            let own = parts.compactMap { $0 }
            if opening.purpose == .reveal {
                if opening.receiver != honest {
                    parts[honest] = own.reduce(result()) { combined($0, $1, inverse: true) }
                }
            } else if opening.sender ?? honest == honest {
                parts[honest] = random.words(opening.words)
            }
            openings.append(SimulatedOpening(opening: opening, parts: parts, stage: stages))
            let zeros = [UInt64](repeating: 0, count: opening.words)
            let sum = RingTensor(parts.compactMap { $0 }.reduce(zeros) { combined($0, $1) }, shape: [opening.words])
            if opening.purpose != .reveal { opened.append(sum.elements) }
            for party in 0..<parties { arriving[party].append(opening.receiver ?? party == party ? sum : nil) }
        }
        return arriving
    }

    /// Corrections that a dealer without masks makes up.
    private final class UniformCorrelations: CorrelationSource {
        private unowned let simulator: ViewSimulator

        init(_ simulator: ViewSimulator) {
            self.simulator = simulator
        }

        func words(_ words: Int, number: UInt64) throws -> RingTensor {
            let correction = simulator.random.words(words)
            simulator.corrections.append(correction)
            return RingTensor(correction, shape: [words])
        }
    }
}
