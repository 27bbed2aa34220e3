import CrypTenBase
package import CrypTenExpressions
package import CrypTenGates
package import CrypTenRing
import Foundation

/// A secret run followed step by step in exact integers, by someone who sees what all parties have: which value left the
/// range in which the next gate is right, and how near the others came.
///
/// It does with numbers what the plan does with shares, and nothing by chance: truncations round as those of the run, whose
/// public dither is in the masked wires, less what parties without a dealer have opened of their masks; random values, and what a gate rounds inside, are put together from the parties'
/// shares. All else must come out as the parties have it, word by word, and is held against it. So what a run without a
/// violation reveals is the plan's own arithmetic on numbers that no step has wrapped.
///
/// Sums and products may wrap on the way where what reads them is right all the same: the ring forgets multiples of 2^64, and a
/// later difference may take them back. A number is only looked at where a gate takes it for what it says: truncations,
/// comparisons, functions, results.
package struct ExactRun {
    let prepared: PreparedPlan
    let kernels: any Kernels
    /// The clear evaluation that the values are compared with.
    private var clear: ClearGraph
    private(set) var slots: [ExactValue?]
    /// The public parts of wires: with them truncations round.
    private(set) var hats: [RingTensor?]
    /// Of values whose rows are shuffled: which row of the first turn's operand is at each place.
    var orders: [Int: [Int]] = [:]
    /// What readings of bits subtract in the step that is followed, in their order; none where a dealer knows the masks.
    private var differences: [RingTensor] = []
    /// Fraction bits of each slot, where they are known.
    private var scales: [Int?]
    private var makers: [Maker?]
    /// Of slots with numbers that have left the ring: who made the first one that has.
    private var leavers: [Maker?]
    private var findings: [Int: EntryFinding] = [:]
    /// The narrowest use of numbers that no entry stands for, by layer: levels of a tournament, sums inside a function.
    private var inner: [String?: RangeUse] = [:]
    /// Slots inside of functions whose numbers fit by construction, whatever the operand: nobody need look at how nearly.
    private let fits: [Bool]

    /// Who computed a number that is handed on as it is, by masking or moving: its own largest, and where it stands.
    struct Maker {
        var step: Int?
        var entry: Int?
        var layer: String?
        var largest: (number: Double, place: Int)
        var shape: Shape
        var scale: Int?
    }

    /// What fills a binding.
    package struct Bound {
        package var value: ExactValue
        /// Of a wire that an earlier run kept.
        package var hat: RingTensor?

        package init(value: ExactValue, hat: RingTensor? = nil) {
            self.value = value
            self.hat = hat
        }
    }

    /// What one party has got in a step.
    package struct Seen: Sendable {
        package var outputs: [PartyValue]
        /// d of each reading of bits, in order, where the parties made the correlations: public, and the same at all.
        package var differences: [RingTensor]

        package init(_ outputs: [PartyValue], differences: [RingTensor]) {
            (self.outputs, self.differences) = (outputs, differences)
        }
    }

    /// - Parameters:
    ///   - bound: What fills each binding but the constants.
    ///   - source: The clear values of the graph's inputs, kept values and public operands.
    package init(
        _ prepared: PreparedPlan,
        kernels: any Kernels,
        bound: (PlanBinding) throws -> Bound,
        source: @escaping @Sendable (Primitive) throws -> ClearValue
    ) throws {
        self.prepared = prepared
        self.kernels = kernels
        clear = ClearGraph(prepared, source: source)
        let count = prepared.plan.slots
        slots = Array(repeating: nil, count: count)
        hats = Array(repeating: nil, count: count)
        makers = Array(repeating: nil, count: count)
        leavers = Array(repeating: nil, count: count)
        scales = prepared.meanings.map { $0?.scale }
        fits = prepared.slotsThatFit
        for binding in prepared.plan.bindings {
            let filling: Bound
            if case .constant(let index) = binding.source {
                filling = Bound(value: ExactValue(prepared.constants[index]))
            } else {
                filling = try bound(binding)
            }
            hats[binding.slot] = filling.hat
            scales[binding.slot] = binding.scale
            try fill(binding.slot, with: filling.value.reshaped(to: binding.shape), by: nil)
        }
    }

    /// Follows a step, once all parties have done it.
    ///
    /// - Parameters:
    ///   - seen: What each party got.
    ///   - freed: Slots that nobody reads any more.
    /// - Throws: `RangeViolation` for a number that the step can't be right on; `CrypTenError.Code.diverged` where the
    ///   parties' shares stand for another number, which only a defect of the protocol can cause.
    package mutating func follow(_ index: Int, seen: [Seen], freed: [Int]) throws {
        let step = prepared.plan.steps[index]
        differences = try shared(seen.map(\.differences), of: step, index)
        defer { differences = [] }
        let disclosed = step.outputs.indices.map { output in disclose(seen.map { $0.outputs[output] }) }
        let values = try results(of: step, index, disclosed.map(\.words))
        for (output, slot) in step.outputs.enumerated() {
            if let words = disclosed[output].words, words.elements != values[output].words.elements {
                throw defect(of: step, index, "has come out otherwise than its operands say")
            }
            hats[slot] = disclosed[output].hat
            if scales[slot] == nil { scales[slot] = scale(of: step, output: output) }
            try fill(slot, with: values[output], by: index)
        }
        for slot in freed { (slots[slot], hats[slot], orders[slot]) = (nil, nil, nil) }
    }

    private func defect(of step: PlanStep, _ index: Int, _ problem: String) -> CrypTenError {
        CrypTenError(
            .diverged,
            "step \(index), \(type(of: step.gate.gate).name)\(step.layer.map { " of \($0)" } ?? ""), \(problem): a defect of this program"
        )
    }

    /// What all parties subtract in a step's readings of bits.
    private func shared(_ differences: [[RingTensor]], of step: PlanStep, _ index: Int) throws -> [RingTensor] {
        let words = differences.map { $0.flatMap(\.elements) }
        guard words.allSatisfy({ $0 == words[0] }) else {
            throw defect(of: step, index, "reads bits of masks that differ between parties")
        }
        return differences.first ?? []
    }

    /// The public part of a step's wire as its first readings of bits take it: that of the mask whose bits they read.
    func bitwiseHat(of step: PlanStep) -> RingTensor {
        guard let hat = hats[step.inputs[0]] else { preconditionFailure("what reads bits reads a wire") }
        if differences.isEmpty { return hat }
        // Slab by slab; a gate may read all of them again in a later stage.
        var (words, start) = (hat, 0)
        words.withMutableWords { words in
            for difference in differences where start < hat.count {
                for (place, word) in zip(start..<hat.count, difference.elements) { words[place] &-= word }
                start += difference.count
            }
        }
        precondition(start == hat.count, "readings of a wire's bits have all of its elements")
        return words
    }

    /// What the parties' parts of a slot say together: its words where all is there, and the public part of a wire.
    private func disclose(_ parts: [PartyValue]) -> (words: RingTensor?, hat: RingTensor?) {
        var sum: RingTensor?
        for part in parts {
            switch part {
            case .share(let share):
                if var total = sum {
                    kernels.accumulate(&total, adding: share)
                    sum = total
                } else {
                    sum = share
                }
            case .wire(let wire):
                return (nil, wire.hat)
            case .bits(let bits):
                let masks = parts.compactMap { part -> BitPlanes? in
                    guard case .bits(let bits) = part else { return nil }
                    return bits.maskShare
                }
                guard masks.count == parts.count else { return (nil, nil) }
                let plane = masks.reduce(bits.hat) { kernels.xor($0, $1) }
                return (kernels.words(of: plane, shape: [plane.count]), nil)
            case .plain(let plain):
                return (plain, nil)
            case .absent:
                break
            }
        }
        return (sum, nil)
    }

    // MARK: Books

    /// Fills a slot, and notes who made its numbers and how far they are from those in the clear.
    private mutating func fill(_ slot: Int, with value: ExactValue, by step: Int?) throws {
        slots[slot] = value
        let entry = prepared.meanings[slot]?.entry
        let planStep = step.map { prepared.plan.steps[$0] }
        if let planStep, planStep.gate.handsOn,
            let maker = planStep.inputs.compactMap({ makers[$0] }).max(by: {
                $0.largest.number.magnitude < $1.largest.number.magnitude
            })
        {
            makers[slot] = maker
        } else {
            makers[slot] = Maker(
                step: step,
                entry: entry,
                layer: entry.map { prepared.graph.entries[$0].layer } ?? planStep?.layer,
                largest: value.largest,
                shape: value.shape,
                scale: scales[slot]
            )
        }
        if value.wide != nil {
            leavers[slot] = planStep?.inputs.compactMap { leavers[$0] }.first ?? makers[slot]
        }
        if let entry, let scale = scales[slot] {
            // A comparison that is revealed may be a whole number by then.
            let isComparison = if case .revealedSign? = planStep?.gate { true } else { false }
            try compare(value, in: slot, scale: scale, entry, adopting: isComparison)
        }
    }

    /// Holds an entry's value against the one in the clear.
    private mutating func compare(
        _ value: ExactValue,
        in slot: Int,
        scale: Int,
        _ entry: Int,
        adopting: Bool
    ) throws {
        let node = prepared.graph.entries[entry]
        let unit = Double(sign: .plus, exponent: -scale, significand: 1)
        let numbers = value.numbers.map { $0 * unit }
        switch node.operation {
        case .random: clear.provide(entry, numbers, node)
        case .shuffle(let part, _):
            if let order = orders[slot] { try clear.provide(entry, rows: order, of: node.inputs[part]) }
        case .floor, .argmax: try clear.adopt(entry, numbers)
        default: if node.kind == .bit || adopting { try clear.adopt(entry, numbers) }
        }
        let inTheClear = try clear.value(of: entry)
        var finding = findings[entry] ?? EntryFinding()
        let largest = value.largest
        if largest.number.magnitude * unit >= finding.largest {
            (finding.largest, finding.largestPlace) = (largest.number.magnitude * unit, largest.place)
        }
        if node.kind == .integer, value.wide != nil {
            // Whole numbers are exact modulo 2^64, here as in the clear.
            finding.compare(ExactValue(value.words).numbers, with: inTheClear, unit: 0)
        } else {
            finding.compare(numbers, with: inTheClear, unit: node.kind == .real ? unit : 0)
        }
        findings[entry] = finding
    }

    /// The number in the slot that a rule forbids, told of whoever made it.
    func violation(
        _ slot: Int,
        _ rule: RangeRule,
        at found: (number: Double, place: Int),
        by step: PlanStep
    ) -> RangeViolation {
        let leaver = slots[slot]?.wide == nil ? nil : leavers[slot]
        let maker = leaver ?? makers[slot]
        let isMakers = leaver != nil || maker.map { $0.largest.number == found.number } ?? false
        let entry = (maker?.entry ?? prepared.meanings[slot]?.entry).map(named)
        let node = entry.map { prepared.graph.entries[$0] }
        let isInput = node.map { $0.inputs.isEmpty && $0.layer != nil } ?? false
        return RangeViolation(
            layer: isInput ? node?.layer : maker?.layer,
            operation: maker?.step.flatMap { prepared.plan.steps[$0].gate.products } ?? node?.operation.name
                ?? maker?.step.map { type(of: prepared.plan.steps[$0].gate.gate).name } ?? "a public number",
            originNumber: node?.number,
            reader: step.layer.map { "\($0) / \(step.gate.reading)" } ?? step.gate.reading,
            rule: rule,
            number: leaver?.largest.number ?? found.number,
            scale: (isMakers ? maker?.scale : nil) ?? scales[slot],
            place: isMakers ? maker?.largest.place ?? found.place : found.place,
            shape: (isMakers ? maker?.shape : nil) ?? slots[slot]?.shape ?? []
        )
    }

    /// The input that an entry is, as a real number or with its range, or the entry itself.
    private func named(_ entry: Int) -> Int {
        var source = entry
        while true {
            switch prepared.graph.entries[source].operation {
            case .toReal, .declared: source = prepared.graph.entries[source].inputs[0]
            case .input: return source
            default: return entry
            }
        }
    }

    /// Notes how near a number came to where its reader goes wrong.
    mutating func note(_ slot: Int, _ rule: RangeRule, _ magnitude: Double, by step: PlanStep) {
        if fits[slot] { return }
        let use = RangeUse(
            reader: step.gate.reading,
            rule: rule,
            headRoomBits: magnitude == 0 ? .infinity : Double(rule.exponent) - log2(magnitude)
        )
        if let entry = makers[slot]?.entry ?? prepared.meanings[slot]?.entry {
            findings[entry, default: EntryFinding()].note(use)
        } else {
            let layer = makers[slot]?.layer ?? step.layer
            if let known = inner[layer], known.headRoomBits <= use.headRoomBits { return }
            inner[layer] = use
        }
    }

    /// Fraction bits of an output that no entry stands for; nil where they can't be told.
    private func scale(of step: PlanStep, output: Int) -> Int? {
        let operands = step.inputs.map { scales[$0] }
        switch step.gate {
        case .mask, .unmask, .promote, .gather, .reshare, .reveal, .input, .addPlain:
            return operands[0] ?? operands.last ?? nil
        case .maximum: return output == 0 ? operands[0] : 0
        case .linear(let gate):
            if case .combine(let factors) = gate.operation, factors != [1], factors != [.max] { return nil }
            return operands[0]
        case .select: return operands[1]
        case .bilinear, .truncatedProduct, .plainProduct:
            return operands[0].flatMap { left in operands[1].map { left + $0 } }
        case .absorbed: return operands[0].flatMap { left in operands[1].map { left + $0 } }
        case .truncate(let gate): return operands[0].map { $0 - gate.shift }
        case .truncateInPlace(let gate): return operands[0].map { $0 - gate.shift }
        case .quotient(let gate): return operands[0].map { $0 - gate.shift }
        case .truncatedReLU(let gate): return output == 0 ? operands[0].map { $0 - gate.shift } : 0
        case .random: return prepared.plan.fractionBits
        case .permutation: return operands[output]
        case .step, .stepProduct, .polynomial, .trigonometric, .exponential: return nil
        case .sign, .revealedSign, .magnitude, .isZero, .boolean, .linearBits, .drawnBits, .bitToArithmetic,
            .revealBits:
            return 0
        }
    }

    /// The numbers of an output, and those in the clear.
    package mutating func output(_ index: Int) throws -> (value: ExactValue, clear: ClearValue) {
        guard let value = slots[prepared.plan.outputs[index].slot] else {
            preconditionFailure("outputs are filled when the plan has run, and never freed")
        }
        let entry = prepared.graph.outputs[index].entry
        var inTheClear = try clear.value(of: entry)
        inTheClear.layer = prepared.graph.entries[entry].layer
        return (value, inTheClear)
    }

    /// What has been found so far: an entry for each value that the plan has as such, in the graph's order.
    ///
    /// - Throws: as evaluation in the clear.
    package mutating func report() throws -> [EntryFinding] {
        let outputs = Set(prepared.graph.outputs.map(\.entry))
        for entry in prepared.graph.entries.indices {
            guard let outside = clear.outside(of: entry) else { continue }
            findings[entry, default: EntryFinding()].outside = EntryFinding.Outside(
                count: outside.count,
                number: outside.number,
                place: outside.place,
                low: outside.range.low,
                high: outside.range.high
            )
        }
        return try findings.sorted { $0.key < $1.key }.map { entry, finding in
            var finding = finding
            let node = prepared.graph.entries[entry]
            finding.entry = entry
            let source = prepared.graph.entries[named(entry)]
            finding.layer = source.layer
            if case .kept = node.operation { finding.layer = try clear.value(of: entry).layer }
            finding.operation = source.operation.name
            finding.originNumber = source.number
            finding.shape = node.shape
            finding.kind = node.kind
            finding.isOutput = outputs.contains(entry)
            finding.isSource = node.inputs.isEmpty
            finding.operands = ancestors(of: entry)
            if let deviation = finding.deviation, deviation.count > 0 {
                finding.deviation?.operands = try operands(of: node, at: deviation.place)
            }
            return finding
        }
    }

    /// The entries that one is made of and that have been looked at, through those that haven't.
    private func ancestors(of entry: Int) -> [Int] {
        var (found, seen, pending) = ([Int](), Set<Int>(), prepared.graph.entries[entry].inputs)
        while let next = pending.popLast() {
            guard seen.insert(next).inserted else { continue }
            if findings[next] != nil { found.append(next) } else { pending += prepared.graph.entries[next].inputs }
        }
        return found.sorted()
    }

    /// The true operands of an element of an operation by elements.
    private mutating func operands(of node: Graph.Entry, at place: Int) throws -> [Double] {
        switch node.operation {
        case .divide, .divideByRoot, .bilinear(.multiply):
            return try node.inputs.map { input in
                try ClearEvaluator.apply(
                    .broadcast(node.shape),
                    to: [Tensor(try clear.value(of: input).tensor.doubles, shape: prepared.graph.entries[input].shape)],
                    shape: node.shape
                ).doubles[place]
            }
        case .exponential, .logarithm, .reciprocal, .squareRoot, .inverseSquareRoot, .smooth, .sine, .cosine,
            .polynomial:
            return [try clear.value(of: node.inputs[0]).tensor.doubles[place]]
        default: return []
        }
    }

    /// The narrowest use of what is inside of gates, by layer.
    package var innerUses: [String?: RangeUse] {
        inner
    }
}

extension PreparedPlan {
    /// Whether a slot, which stands for no value of the graph, is bounded by its making: series and powers, and what they are
    /// added and masked into.
    fileprivate var slotsThatFit: [Bool] {
        var fits = [Bool](repeating: false, count: plan.slots)
        for step in plan.steps {
            let isBounded: Bool =
                switch step.gate {
                case .trigonometric, .exponential, .step, .stepProduct: true
                case .linear, .addPlain, .mask, .unmask, .truncate, .truncateInPlace:
                    step.inputs.allSatisfy { fits[$0] }
                default: false
                }
            for slot in step.outputs { fits[slot] = isBounded && meanings[slot] == nil }
        }
        return fits
    }
}
