package import CrypTenExpressions
import CrypTenRing

/// A value in the clear, and how far a secret run may be from it.
package struct ClearValue: Sendable {
    /// The true numbers: of unrounded sources, by functions in double.
    package var tensor: Tensor
    /// The bound of each number's error; nil where all must be exact.
    package var errors: [Double]?
    /// Of a value that an earlier run kept: the layer that it was made in there.
    package var layer: String?

    package init(_ tensor: Tensor, errors: [Double]? = nil) {
        self.tensor = tensor
        self.errors = errors
    }

    /// Of the rows along the first axis, in the order of `rows`.
    package func rows(_ rows: [Int]) -> ClearValue {
        var copy = self
        copy.tensor = tensor.rows(rows)
        copy.errors = errors.map { Tensor($0, shape: tensor.shape).rows(rows).doubles }
        return copy
    }
}

/// A graph's entries in the clear, in double, each when it is first asked for, with the bounds of what a run may make of them.
struct ClearGraph {
    private let graph: Graph
    private let source: @Sendable (Primitive) throws -> ClearValue
    private let bounds: ErrorBounds
    /// The least fraction bits of each entry's forms in the plan, and whether it has several.
    private let scales: [(least: Int, isTruncated: Bool)?]
    private let consumers: [[Int]]
    private var known: [Int: ClearValue] = [:]

    /// - Parameter source: The clear values of inputs, kept values and public operands.
    init(_ prepared: PreparedPlan, source: @escaping @Sendable (Primitive) throws -> ClearValue) {
        graph = prepared.graph
        consumers = prepared.graph.consumers
        bounds = ErrorBounds(fractionBits: prepared.plan.fractionBits)
        var scales = [(least: Int, isTruncated: Bool)?](repeating: nil, count: prepared.graph.entries.count)
        for meaning in prepared.meanings {
            guard let meaning else { continue }
            let known = scales[meaning.entry]
            scales[meaning.entry] = (
                min(known?.least ?? meaning.scale, meaning.scale),
                known.map { $0.isTruncated || $0.least != meaning.scale } ?? false
            )
        }
        self.scales = scales
        self.source = source
    }

    /// Says what a random entry has drawn.
    mutating func provide(_ entry: Int, _ numbers: [Double], _ node: Graph.Entry) {
        known[entry] = ClearValue(
            node.kind == .bit
                ? Tensor(.bool(numbers.map { $0 == 1 }), shape: node.shape) : Tensor(numbers, shape: node.shape)
        )
    }

    /// Says into which order an entry has put its operand's rows.
    mutating func provide(_ entry: Int, rows: [Int], of operand: Int) throws {
        known[entry] = try value(of: operand).rows(rows)
    }

    /// Takes over what a run has decided, at places where either outcome is right: what depends on it is then compared with what is
    /// right for that outcome.
    ///
    /// Of a number that may be anything, as a quotient by what may be 0, no outcome is known to be right.
    mutating func adopt(_ index: Int, _ numbers: [Double]) throws {
        let node = graph.entries[index]
        let value = try value(of: index)
        guard let errors = value.errors else { return }
        let whole = value.tensor.doubles
        var isRight = numbers.indices.map { errors[$0] > 0 && abs(numbers[$0] - whole[$0]) <= errors[$0] }
        switch node.operation {
        case .argmax(let axis): try confirm(&isRight, numbers, node, axis)
        case .floor, .isNegative, .isZero:
            if let operands = try self.value(of: node.inputs[0]).errors {
                for place in isRight.indices where !operands[place].isFinite { isRight[place] = false }
            }
        default: break
        }
        let adopted = numbers.indices.map { isRight[$0] ? numbers[$0] : whole[$0] }
        let tensor =
            node.kind == .bit
            ? Tensor(.bool(adopted.map { $0 == 1 }), shape: node.shape)
            : Tensor(adopted.map { Int64(exactly: $0) ?? 0 }, shape: node.shape)
        known[index] = ClearValue(tensor, errors: numbers.indices.map { isRight[$0] ? 0 : errors[$0] })
    }

    /// An index of a largest element is right where that element may be the largest.
    private mutating func confirm(_ isRight: inout [Bool], _ numbers: [Double], _ node: Graph.Entry, _ axis: Int) throws
    {
        let x = try value(of: node.inputs[0])
        guard let errors = x.errors else { return }
        let (values, extent) = (x.tensor.doubles, x.tensor.shape[axis])
        let inner = x.tensor.shape.dimensions[(axis + 1)...].reduce(1, *)
        for place in numbers.indices where isRight[place] {
            guard let index = Int(exactly: numbers[place]), (0..<extent).contains(index) else {
                isRight[place] = false
                continue
            }
            let start = place / inner * extent * inner + place % inner
            let chosen = start + index * inner
            isRight[place] = (0..<extent).allSatisfy { step in
                let other = start + step * inner
                return values[chosen] + errors[chosen] >= values[other] - errors[other]
            }
        }
    }

    /// An entry's value; what it is made of is evaluated once, without recursion.
    mutating func value(of index: Int) throws -> ClearValue {
        var pending = [index]
        while let next = pending.last {
            if known[next] != nil {
                pending.removeLast()
                continue
            }
            let entry = graph.entries[next]
            let missing = entry.inputs.filter { known[$0] == nil }
            if !missing.isEmpty {
                pending += missing
                continue
            }
            known[next] = try evaluate(next, entry)
            pending.removeLast()
        }
        guard let value = known[index] else { preconditionFailure("the entry was evaluated") }
        return value
    }

    private func evaluate(_ index: Int, _ entry: Graph.Entry) throws -> ClearValue {
        switch entry.operation {
        case .constant(let tensor):
            return ClearValue(tensor)
        case .input, .kept, .keptRows, .publicInput, .random, .shuffle:
            var value = try source(entry.operation)
            value.tensor = value.tensor.of(entry.kind)
            if case .input = entry.operation, entry.kind == .real, let scale = scales[index]?.least {
                value.errors = value.tensor.roundingErrors(scale: scale)
            }
            return value
        case .add, .subtract:
            if let composed = composed(entry) {
                let step = max(step(of: index, entry), step(of: composed.inner, graph.entries[composed.inner]))
                return bounds.value(of: composed.meaning, composed.parts.map { operand($0) }, entry.shape, step: step)
            }
            fallthrough
        default:
            let operands = entry.inputs.map { operand($0) }
            let result = try ClearEvaluator.apply(entry.operation, to: operands.map(\.tensor), shape: entry.shape)
            let errors = try bounds.errors(
                of: entry,
                operands,
                result,
                step: step(of: index, entry),
                isAdded: isAdded(index)
            )
            return ClearValue(result, errors: errors)
        }
    }

    /// What is composed of a difference and a sum, and means less: choices, the larger and the smaller of two numbers, magnitudes.
    ///
    /// By their parts they would be thought three times as far off, and in double the difference and the sum would take all digits from
    /// x where y is as large as a mask's −10³⁰.
    private func composed(_ entry: Graph.Entry) -> (meaning: ErrorBounds.Meaning, parts: [Int], inner: Int)? {
        guard entry.kind == .real else { return nil }
        func operation(_ index: Int) -> Primitive { graph.entries[index].operation }
        func operands(_ index: Int) -> [Int] { graph.entries[index].inputs }
        if case .subtract = entry.operation {
            let (x, inner) = (entry.inputs[0], entry.inputs[1])
            if case .relu = operation(inner), case .subtract = operation(operands(inner)[0]),
                case let parts = operands(operands(inner)[0]), parts[0] == x
            {
                return (.smaller, parts, inner)
            }
            if case .bilinear(.multiply) = operation(x), case .relu = operation(operands(x)[0]),
                operands(operands(x)[0])[0] == inner, case .constant(let two) = operation(operands(x)[1]),
                two.doubles.allSatisfy({ $0 == 2 })
            {
                return (.magnitude, [inner], operands(x)[0])
            }
            return nil
        }
        for (inner, y) in [(entry.inputs[0], entry.inputs[1]), (entry.inputs[1], entry.inputs[0])] {
            switch operation(inner) {
            case .select:
                guard case .subtract = operation(operands(inner)[1]) else { continue }
                let parts = operands(operands(inner)[1])
                if parts[1] == y { return (.choice, [parts[0], y, operands(inner)[0]], inner) }
            case .relu:
                guard case .subtract = operation(operands(inner)[0]) else { continue }
                let parts = operands(operands(inner)[0])
                if parts[1] == y { return (.larger, parts, inner) }
            default: continue
            }
        }
        return nil
    }

    /// Whether a value goes into a sum, as it is or moved.
    private func isAdded(_ index: Int) -> Bool {
        consumers[index].contains { reader in
            switch graph.entries[reader].operation {
            case .add, .subtract, .sum: true
            case .negate, .reshape, .permute, .slice, .broadcast, .concatenate, .take, .pad: isAdded(reader)
            default: false
            }
        }
    }

    /// The true numbers of an entry that don't lie in the range declared of it: how many, the first one, and where it stands.
    ///
    /// Nil for what is evaluated no more, and where all lie in it.
    func outside(of index: Int) -> (count: Int, number: Double, place: Int, range: ValueRange)? {
        guard case .declared(let range) = graph.entries[index].operation,
            let numbers = known[graph.entries[index].inputs[0]]?.tensor.doubles
        else { return nil }
        let places = numbers.indices.filter { !(numbers[$0] >= range.low && numbers[$0] <= range.high) }
        return places.first.map { (places.count, numbers[$0], $0, range) }
    }

    private func operand(_ entry: Int) -> ErrorBounds.Operand {
        // The difference of a choice was evaluated, and so were its parts.
        guard let value = known[entry] else { preconditionFailure("operands come first") }
        let isRounded = !graph.entries[entry].isSecret && graph.entries[entry].kind == .real
        return ErrorBounds.Operand(
            value.tensor,
            errors: value.errors,
            isRounded: isRounded && value.tensor.roundingErrors(scale: bounds.fractionBits) != nil
        )
    }

    /// The step of the encoding that an entry's value is rounded to; 0 where it is as exact as its operands.
    private func step(of index: Int, _ entry: Graph.Entry) -> Double {
        guard let scale = scales[index] else {
            // What has no form of its own is a part of another entry's sum.
            return 0
        }
        switch entry.operation {
        case .bilinear, .relu, .select, .clamp, .polynomial: break
        default: if !scale.isTruncated, entry.inputs.allSatisfy({ graph.entries[$0].isSecret }) { return 0 }
        }
        return Double(sign: .plus, exponent: -scale.least, significand: 1)
    }
}

extension Tensor {
    /// The numbers in the one type that evaluation in the clear has for a kind.
    fileprivate func of(_ kind: ElementKind) -> Tensor {
        switch kind {
        case .real: Tensor(doubles, shape: shape)
        case .integer: Tensor(integers ?? doubles.map { Int64($0) }, shape: shape)
        case .bit: Tensor(.bool(doubles.map { $0 == 1 }), shape: shape)
        }
    }

    /// What rounding to so many fraction bits changes of each number; nil where it changes none.
    fileprivate func roundingErrors(scale: Int) -> [Double]? {
        let unit = Double(sign: .plus, exponent: scale, significand: 1)
        let errors = doubles.map { number -> Double in
            let scaled = number * unit
            return scaled.isFinite ? abs(scaled - scaled.rounded()) / unit : 0
        }
        return errors.contains { $0 > 0 } ? errors : nil
    }
}
