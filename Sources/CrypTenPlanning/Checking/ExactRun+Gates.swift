import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenRing

/// What each gate does to numbers, and the numbers on which it is right.
extension ExactRun {
    /// The numbers that a step yields.
    ///
    /// - Parameter disclosed: The words that the run has yielded, where all parties' parts of them are there.
    /// - Throws: `RangeViolation`.
    mutating func results(of step: PlanStep, _ index: Int, _ disclosed: [RingTensor?]) throws -> [ExactValue] {
        let x = step.inputs.map { slot -> ExactValue in
            guard let value = slots[slot] else { preconditionFailure("step \(index) reads a slot that is filled") }
            return value
        }
        switch step.gate {
        case .input, .mask, .unmask, .reshare, .revealBits:
            return x
        case .promote(let gate):
            return [x[0].reshaped(to: gate.shape)]
        case .linear(let gate):
            return [try linear(gate, x, step)]
        case .addPlain(let gate):
            if gate.form == .bits { return [xor(x)] }
            return [combination([1, 1], x)]
        case .plainProduct(let gate):
            let (plain, share) = gate.plainIsLeft ? (0, 1) : (1, 0)
            try requireFactor(plain, x[plain], times: x[share], step)
            return [product(gate.operation, x[0], x[1])]
        case .gather(let gate):
            let extent = gate.table[gate.axis]
            let indices = x[1].words.elements.map { word in
                let index = Int(Int64(bitPattern: word))
                return index < 0 ? index + extent : index
            }
            let moved = ExactValue.moving([x[0]]) { kernels.take($0[0], axis: gate.axis, indices: indices) }
            let axes = gate.table.dimensions
            return [moved.reshaped(to: Shape(axes[..<gate.axis] + gate.indices.dimensions + axes[(gate.axis + 1)...]))]
        case .bilinear(let gate):
            return [
                product(gate.product.operation, reshaped(x[0], gate.product.left), reshaped(x[1], gate.product.right))
            ]
        case .absorbed(let gate):
            let products = gate.products.enumerated().map { index, term in
                product(term.operation, reshaped(x[2 * index], term.left), reshaped(x[2 * index + 1], term.right))
            }
            let terms = products + x[(2 * gate.products.count)...].map { $0.reshaped(to: gate.shape) }
            return [combination([UInt64](repeating: 1, count: terms.count), terms)]
        case .truncatedProduct:
            return [product(.multiply, x[0], x[1])]
        case .truncate(let gate):
            return [gate.shift == 0 ? x[0] : try truncated(x[0], by: gate.shift, step)]
        case .quotient(let gate):
            return [try quotient(gate, x[0], step)]
        case .truncateInPlace(let gate):
            return [try truncated(x[0], by: gate.shift, step)]
        case .truncatedReLU(let gate):
            let rounded = try truncated(x[0], by: gate.shift, step)
            let bits = ExactValue(map(rounded.words, gate.shape) { Int64(bitPattern: $0) > 0 ? 1 : 0 })
            return [positive(rounded)] + (gate.yieldsBits ? [bits] : [])
        case .sign(let gate):
            return try signs(x[0], gate.form, gate.thresholds, gate.shape, step)
                + (gate.equality ? [zeros(x[0].words, gate.thresholds[0], gate.shape)] : [])
        case .revealedSign(let gate):
            let sign = try signs(x[0], gate.form, [gate.threshold], gate.shape, step)
            guard gate.isOpposite else { return sign }
            return [ExactValue(map(sign[0].words, gate.shape) { $0 == 0 ? 1 : 0 })]
        case .isZero(let gate):
            // The ring says zero of all multiples of 2^64.
            if let place = x[0].wide?.indices.first(where: { place in
                x[0].wide![place].magnitude >= 0x1p63 && x[0].words.withWords { $0[place] == 0 }
            }) {
                throw violation(step.inputs[0], .ring, at: (x[0].numbers[place], place), by: step)
            }
            return [zeros(x[0].words, 0, gate.shape)]
        case .bitToArithmetic(let gate):
            return [x[0].reshaped(to: gate.shape)]
        case .step(let gate):
            return gate.outputs.map { steps($0, x, gate.shape) }
        case .magnitude(let gate):
            return try magnitudes(x[0], gate, step)
        case .stepProduct(let gate):
            let bits = Array(x.dropLast())
            return gate.steps.map { steps($0, bits, gate.shape) }
                + gate.products.map { output in
                    product(.multiply, steps(output, bits, gate.shape), reshaped(x[gate.bits], gate.shape))
                }
        case .select:
            let bits = x[0].words.elements
            var words = x[1].words
            words.withMutableWords { words in
                for place in bits.indices where bits[place] == 0 { words[place] = 0 }
            }
            return [
                ExactValue(words, bound: x[1].magnitude) { zip(bits, x[1].numbers).map { $0 == 0 ? 0 : $1 } }
            ]
        case .polynomial(let gate):
            return [try polynomial(gate, x[0], step)]
        case .trigonometric, .exponential, .random, .drawnBits:
            // Whatever the angle or the exponent: their periods divide the ring. What was drawn, and how a function was rounded, the
            // parties' shares tell.
            return disclosed.map { words in
                guard let words else {
                    preconditionFailure("\(type(of: step.gate.gate).name) yields shares of its results")
                }
                return ExactValue(words.reshaped(to: shape(of: step, words)))
            }
        case .permutation(let gate):
            return try permuted(gate, x, step, index, disclosed)
        case .boolean(let gate):
            return gate.outputs.map { form in bits(form, x, gate.shape) }
        case .linearBits(let gate):
            return gate.outputs.map { form in bits(form, x, gate.shape) }
        case .maximum(let gate):
            return try maximum(gate, x, step)
        case .reveal:
            if kind(ofOutput: step.outputs[0]) == .real { try require(x[0], step) }
            return x
        }
    }

    /// Rows as the parties' shares have them, which must be the operands' in some order, the same for all.
    ///
    /// Of rows that are equal throughout any is as good as another.
    private mutating func permuted(
        _ gate: PermutationGate,
        _ x: [ExactValue],
        _ step: PlanStep,
        _ index: Int,
        _ disclosed: [RingTensor?]
    ) throws -> [ExactValue] {
        func rows(_ tensors: [RingTensor]) -> [[UInt64]] {
            let widths = gate.shapes.map { $0.count / Swift.max(1, gate.rows) }
            let words = tensors.map(\.elements)
            return (0..<gate.rows).map { row in
                zip(words, widths).flatMap { $0[row * $1..<(row + 1) * $1] }
            }
        }
        let (before, after) = (rows(x.map(\.words)), rows(disclosed.compactMap { $0 }))
        func sorted(_ rows: [[UInt64]]) -> [Int] {
            rows.indices.sorted { rows[$0].lexicographicallyPrecedes(rows[$1]) }
        }
        var order = [Int](repeating: 0, count: gate.rows)
        for (from, to) in zip(sorted(before), sorted(after)) {
            guard before[from] == after[to] else {
                throw CrypTenError(
                    .diverged,
                    "step \(index), \(PermutationGate.name), has not kept its operands' rows: a defect of this program"
                )
            }
            order[to] = from
        }
        for (input, output) in zip(step.inputs, step.outputs) {
            // The first party's turn is the first of a shuffle.
            orders[output] = gate.party == 0 ? order : orders[input].map { known in order.map { known[$0] } }
        }
        return zip(x, gate.shapes).map { value, shape in
            ExactValue.moving([value]) { kernels.take($0[0].reshaped(to: shape), axis: 0, indices: order) }
        }
    }

    private func reshaped(_ value: ExactValue, _ shape: Shape) -> ExactValue {
        value.shape == shape ? value : value.reshaped(to: shape)
    }

    private func shape(of step: PlanStep, _ words: RingTensor) -> Shape {
        switch step.gate {
        case .random(let gate): gate.shape
        case .drawnBits(let gate): gate.shape
        case .trigonometric(let gate): gate.shape
        case .exponential(let gate): gate.shape
        default: words.shape
        }
    }

    private func kind(ofOutput slot: Int) -> ElementKind? {
        prepared.plan.outputs.first { $0.slot == slot }?.kind
    }

    // MARK: What a gate requires

    /// Numbers that a gate takes for what they say must lie within its limit: those of its first operand.
    private mutating func require(_ value: ExactValue, _ step: PlanStep) throws {
        guard let rule = step.gate.rangeRule else { return }
        let slot = step.inputs[0]
        let isInside =
            value.wide == nil
            && (rule == .ring || (value.low.value >= -(1 << 62) && value.high.value <= 1 << 62))
        guard isInside else { throw violation(slot, rule, at: value.largest, by: step) }
        note(slot, rule, value.magnitude, by: step)
    }

    /// A public number that was too large for its scale is no factor; of what is 0 or 1 it is the value that is chosen.
    private func requireFactor(_ operand: Int, _ plain: ExactValue, times other: ExactValue, _ step: PlanStep) throws {
        let slot = step.inputs[operand]
        guard plain.magnitude >= 0x1p62, !(other.low.value >= 0 && other.high.value <= 1 && other.wide == nil),
            prepared.plan.bindings.contains(where: { $0.slot == slot && $0.kind == .real })
        else { return }
        throw violation(slot, .publicNumber, at: plain.largest, by: step)
    }

    /// `[v < t]` is right where v − t fits the bits that are compared, and t is what was meant.
    private mutating func signs(
        _ value: ExactValue,
        _ form: WireForm,
        _ thresholds: [UInt64],
        _ shape: Shape,
        _ step: PlanStep
    ) throws -> [ExactValue] {
        let slot = step.inputs[0]
        if value.wide != nil { throw violation(slot, .ring, at: value.largest, by: step) }
        guard let rule = step.gate.rangeRule else {
            preconditionFailure("comparisons are right on differences that fit")
        }
        let limit = Int64.max >> Int64(form.shift)
        var largest = 0.0
        for threshold in thresholds.map(Int64.init(bitPattern:)) {
            for extreme in [value.low, value.high] {
                let (difference, overflows) = extreme.value.subtractingReportingOverflow(threshold)
                guard !overflows, difference >= -limit - 1, difference <= limit else {
                    throw violation(slot, rule, at: (Double(extreme.value), extreme.place), by: step)
                }
                if threshold.magnitude == 1 << 62, extreme.value.magnitude >= 1 << 62 {
                    throw violation(slot, .publicNumber, at: (Double(extreme.value), extreme.place), by: step)
                }
                largest = max(largest, Double(difference.magnitude))
            }
        }
        note(slot, rule, largest, by: step)
        return thresholds.map { threshold in
            ExactValue(map(value.words, shape) { Int64(bitPattern: $0) < Int64(bitPattern: threshold) ? 1 : 0 })
        }
    }

    /// Which powers of two a number lies between is right for whatever has a mantissa.
    private mutating func magnitudes(
        _ value: ExactValue,
        _ gate: MagnitudeGate,
        _ step: PlanStep
    ) throws -> [ExactValue] {
        try require(value, step)
        func bits(_ condition: (Int64) -> Bool) -> ExactValue {
            ExactValue(map(value.words, gate.shape) { condition(Int64(bitPattern: $0)) ? 1 : 0 })
        }
        return gate.positions.map { position in bits { $0 >= 0 && $0 >> Int64(position) == 0 } }
            + (gate.isSigned ? gate.positions : []).map { position in bits { $0 >> Int64(position) == -1 } }
            + [bits { $0 < 0 }]
    }

    // MARK: Numbers

    private func map(_ words: RingTensor, _ shape: Shape, _ function: (UInt64) -> UInt64) -> RingTensor {
        var out = RingTensor(uninitialized: shape)
        out.withMutableWords { out in
            words.withWords { words in for place in 0..<shape.count { out[place] = function(words[place]) } }
        }
        return out
    }

    private func zeros(_ words: RingTensor, _ threshold: UInt64, _ shape: Shape) -> ExactValue {
        ExactValue(map(words, shape) { $0 == threshold ? 1 : 0 })
    }

    private func xor(_ x: [ExactValue]) -> ExactValue {
        let other = x[1].words.elements
        var words = x[0].words
        words.withMutableWords { words in for place in other.indices { words[place] ^= other[place] & 1 } }
        return ExactValue(words)
    }

    private func bits(_ form: BooleanForm, _ x: [ExactValue], _ shape: Shape) -> ExactValue {
        let operands = x.map(\.words.elements)
        return ExactValue(
            RingTensor(
                (0..<shape.count).map { place in
                    form.products.reduce(form.constant ? 1 : 0) { sum, product in
                        sum ^ product.reduce(1) { $0 & operands[$1][place] }
                    }
                },
                shape: shape
            )
        )
    }

    private mutating func linear(_ gate: LinearGate, _ x: [ExactValue], _ step: PlanStep) throws -> ExactValue {
        let operands = zip(x, gate.shapes).map { reshaped($0, $1) }
        switch gate.operation {
        case .combine(let factors):
            let isReal =
                prepared.meanings[step.outputs[0]].map { prepared.graph.entries[$0.entry].kind == .real } ?? true
            if isReal, let place = factors.firstIndex(where: { Int64(bitPattern: $0).magnitude == 1 << 62 }) {
                throw violation(step.inputs[place], .publicNumber, at: operands[place].largest, by: step)
            }
            return combination(factors, operands)
        case .sum(let axes):
            let operand = operands[0]
            let words = kernels.sum(operand.words, axes: axes)
            let terms = operand.count / max(1, words.count)
            return try ExactValue(words, bound: operand.magnitude * Double(terms)) {
                try inTheClear(.sum(axes: axes), [operand], words.shape)
            }
        default:
            return ExactValue.moving(operands) { gate.operation.apply($0, kernels) }
        }
    }

    private func steps(_ output: StepGate.Output, _ bits: [ExactValue], _ shape: Shape) -> ExactValue {
        let bits = bits.map(\.words.elements)
        return ExactValue(
            RingTensor(
                (0..<shape.count).map { place in
                    zip(bits, output.factors).reduce(output.constant) { $0 &+ ($1.0[place] == 0 ? 0 : $1.1) }
                },
                shape: shape
            )
        )
    }

    private func combination(_ factors: [UInt64], _ x: [ExactValue]) -> ExactValue {
        let words = LinearOperation.combine(factors: factors).apply(x.map(\.words), kernels)
        let scales = factors.map { Double(Int64(bitPattern: $0)) }
        let bound = zip(scales, x).reduce(0) { $0 + $1.0.magnitude * $1.1.magnitude }
        return ExactValue(words, bound: bound) {
            zip(scales, x).reduce(into: [Double](repeating: 0, count: words.count)) { sum, term in
                for (place, number) in term.1.numbers.enumerated() { sum[place] += term.0 * number }
            }
        }
    }

    private func product(_ operation: BilinearOperation, _ a: ExactValue, _ b: ExactValue) -> ExactValue {
        let words = kernels.product(operation, a.words, b.words)
        let terms = operation.multiplyAccumulates(a.shape, b.shape) / max(1, words.count)
        return ExactValue(words, bound: a.magnitude * b.magnitude * Double(max(1, terms))) {
            // The shapes are those of a gate; evaluation in the clear takes any that have a product.
            (try? inTheClear(.bilinear(operation), [a, b], words.shape)) ?? []
        }
    }

    private func inTheClear(_ operation: Primitive, _ x: [ExactValue], _ shape: Shape) throws -> [Double] {
        try ClearEvaluator.apply(operation, to: x.map { Tensor($0.numbers, shape: $0.shape) }, shape: shape).doubles
    }

    /// `⌊z / 2^shift⌋ + [δ < z mod 2^shift]` with the public δ of the wire, see `TruncateGate`.
    private mutating func truncated(
        _ value: ExactValue,
        by shift: Int,
        _ step: PlanStep
    ) throws -> ExactValue {
        try require(value, step)
        let hat = bitwiseHat(of: step)
        let low = UInt64(1) << UInt64(shift) - 1
        var words = RingTensor(uninitialized: value.shape)
        words.withMutableWords { out in
            value.words.withWords { words in
                hat.withWords { hat in
                    for place in 0..<value.count {
                        let dither = (hat[place] &+ 1 << 62) & low
                        let floor = UInt64(bitPattern: Int64(bitPattern: words[place]) >> Int64(shift))
                        out[place] = floor &+ (dither < words[place] & low ? 1 : 0)
                    }
                }
            }
        }
        return ExactValue(words)
    }

    /// z over a whole number, rounded as the public part of the wire has it, see `QuotientGate`.
    private mutating func quotient(_ gate: QuotientGate, _ value: ExactValue, _ step: PlanStep) throws -> ExactValue {
        try require(value, step)
        let hat = bitwiseHat(of: step)
        let factor = gate.factor
        func high(_ number: UInt64) -> UInt64 {
            let (high, low) = number.multipliedFullWidth(by: factor)
            return high << 2 | low >> 62
        }
        let words = zip(hat.elements, value.words.elements).map { hat, word in
            let (sum, mask) = (hat &+ 1 << 62, hat &- word)
            let hasWrapped = mask >> 63 == 1 && sum >> 63 == 0
            return high(sum) &- factor &- high(mask) &+ (hasWrapped ? 4 &* factor : 0)
        }
        return ExactValue(RingTensor(words, shape: gate.shape))
    }

    private func positive(_ value: ExactValue) -> ExactValue {
        ExactValue(map(value.words, value.shape) { Int64(bitPattern: $0) < 0 ? 0 : $0 })
    }

    private func polynomial(_ gate: PolynomialGate, _ x: ExactValue, _ step: PlanStep) throws -> ExactValue {
        let coefficients = gate.coefficients.map { Int64(bitPattern: $0) }
        if coefficients.contains(where: { $0.magnitude == 1 << 62 }) {
            throw violation(step.inputs[0], .publicNumber, at: x.largest, by: step)
        }
        let words = map(x.words, x.shape) { v in
            gate.coefficients.reversed().reduce(0) { $0 &* v &+ $1 }
        }
        func value(_ v: Double, _ coefficients: [Double]) -> Double {
            coefficients.reversed().reduce(0) { $0 * v + $1 }
        }
        let bound = value(x.magnitude, coefficients.map { Double($0.magnitude) })
        return ExactValue(words, bound: bound) {
            let coefficients = coefficients.map(Double.init)
            return x.numbers.map { value($0, coefficients) }
        }
    }

    /// All pairs are compared: their differences must fit the ring, whatever the operands are.
    private mutating func maximum(_ gate: MaximumGate, _ x: [ExactValue], _ step: PlanStep) throws -> [ExactValue] {
        let operands = x.prefix(gate.operands).map { reshaped($0, gate.shape) }
        let numbers = operands.map(\.numbers)
        let words = operands.map { $0.words.elements }
        let isWide = operands.contains { $0.wide != nil }
        var widest = 0.0
        var winners = [Int](repeating: 0, count: gate.shape.count)
        for place in 0..<gate.shape.count {
            for (i, j) in (0..<gate.operands).flatMap({ i in (i + 1..<gate.operands).map { (i, $0) } }) {
                let difference = numbers[i][place] - numbers[j][place]
                let overflows =
                    isWide
                    ? !(-0x1p63..<0x1p63).contains(difference)
                    : Int64(bitPattern: words[i][place]).subtractingReportingOverflow(
                        Int64(bitPattern: words[j][place])
                    )
                    .overflow
                widest = max(widest, difference.magnitude)
                guard !overflows else {
                    let loser = numbers[i][place].magnitude < numbers[j][place].magnitude ? j : i
                    throw violation(
                        step.inputs[loser],
                        .difference(bits: 64),
                        at: (numbers[loser][place], place),
                        by: step
                    )
                }
            }
            // The differences are right, so the words' order is the numbers'.
            for next in 1..<gate.operands
            where Int64(bitPattern: words[next][place] &- words[winners[place]][place]) > 0 { winners[place] = next }
        }
        for operand in 0..<gate.operands { note(step.inputs[operand], .difference(bits: 64), widest, by: step) }
        func chosen(_ values: [ExactValue]) -> ExactValue {
            let words = values.map { $0.words.elements }
            let picked = winners.indices.map { words[winners[$0]][$0] }
            return ExactValue(RingTensor(picked, shape: gate.shape), bound: values.map(\.magnitude).max() ?? 0) {
                let numbers = values.map(\.numbers)
                return winners.indices.map { numbers[winners[$0]][$0] }
            }
        }
        let bits = (0..<(gate.yieldsWinners ? gate.operands - 1 : 0)).map { k in
            ExactValue(RingTensor(winners.map { $0 == k ? 1 : 0 }, shape: gate.shape))
        }
        switch gate.payload {
        case .none: return [chosen(operands)] + bits
        case .constants(let constants):
            let words = RingTensor(winners.map { constants[$0] }, shape: gate.shape)
            return [chosen(operands), ExactValue(words)] + bits
        case .wires: return [chosen(operands), chosen(Array(x.suffix(gate.operands)))] + bits
        }
    }
}

extension PlanGate {
    /// Whether the gate hands its operands' numbers on as they are.
    var handsOn: Bool {
        switch self {
        case .mask, .unmask, .promote, .reshare, .reveal, .revealBits, .gather: return true
        case .linear(let gate):
            switch gate.operation {
            case .reshape, .permute, .slice, .broadcast, .concatenate, .take, .pad: return true
            case .combine(let factors): return factors == [1]
            case .sum: return false
            }
        default: return false
        }
    }

    /// The products that the gate computes, by name; nil for other gates.
    var products: String? {
        switch self {
        case .bilinear(let gate): return gate.product.operation.name
        case .plainProduct(let gate): return gate.operation.name
        case .truncatedProduct: return BilinearOperation.multiply.name
        case .absorbed(let gate):
            var names: [String] = []
            for name in gate.products.map(\.operation.name) where !names.contains(name) { names.append(name) }
            return names.joined(separator: " and ") + (gate.products.count + gate.addends > 1 ? " with sums" : "")
        default: return nil
        }
    }

    /// What the gate takes its operand for, in a sentence about its range.
    var reading: String {
        switch self {
        case .truncate, .truncateInPlace: "truncation"
        case .truncatedReLU: "truncation and ReLU"
        case .quotient: "division by a public number"
        case .sign, .revealedSign, .magnitude: "comparison"
        case .maximum: "maximum"
        case .reveal: "result"
        default: type(of: gate).name
        }
    }
}
