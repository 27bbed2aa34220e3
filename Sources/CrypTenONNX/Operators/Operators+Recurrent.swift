internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Networks that read a sequence step by step.
    static let recurrent: [String: OperatorEntry] = [
        "RNN": OperatorEntry([7, 14, 22], known: [4]) {
            try RecurrentNetwork($0, gates: 1, activations: ["Tanh"]).outputs()
        },
        "GRU": OperatorEntry([7, 14, 22], known: [4]) {
            try RecurrentNetwork($0, gates: 3, activations: ["Sigmoid", "Tanh"]).outputs()
        },
        "LSTM": OperatorEntry([7, 14, 22], known: [4]) {
            try RecurrentNetwork($0, gates: 4, activations: ["Sigmoid", "Tanh", "Tanh"]).outputs()
        },
    ]
}

/// A recurrent node: its cell is told by how many gates it has.
private struct RecurrentNetwork {
    private let operation: Operation
    private let gates: Int
    private let hidden: Int
    private let steps: Int
    private let batch: Int
    private let isBatchFirst: Bool
    private let directions: [Bool]  // whether each runs backwards
    private let lengths: [Int]?
    private let clip: Double?
    private let activations: [(CrypTensor) throws -> CrypTensor]
    private let x: CrypTensor

    init(_ operation: Operation, gates: Int, activations standard: [String]) throws {
        self.operation = operation
        self.gates = gates
        let (input, weights, recurrence) = (try operation.real(0), try operation.real(1), try operation.real(2))
        guard input.shape.rank == 3, weights.shape.rank == 3, recurrence.shape.rank == 3 else {
            throw operation.mismatch(
                "shapes \(input.shape), \(weights.shape) and \(recurrence.shape) must have three axes"
            )
        }
        isBatchFirst = try operation.version >= 14 && operation.flag("layout", default: false)
        let expression = try input.expression()
        x = isBatchFirst ? expression.transposed(0, 1) : expression
        (steps, batch, hidden) = (x.shape[0], x.shape[1], recurrence.shape[2])
        switch try operation.string("direction", default: "forward") {
        case "forward": directions = [false]
        case "reverse": directions = [true]
        case "bidirectional": directions = [false, true]
        case let other: throw operation.malformed("direction '\(other)' isn't known")
        }
        guard weights.shape.dimensions == [directions.count, gates * hidden, x.shape[2]],
            recurrence.shape.dimensions == [directions.count, gates * hidden, hidden],
            try operation.int("hidden_size", default: hidden) == hidden
        else {
            throw operation.mismatch("weights \(weights.shape) and \(recurrence.shape) don't fit input \(input.shape)")
        }
        lengths = try operation.knownIntegers(4)
        if let lengths {
            let possible = 0...steps
            guard lengths.count == batch, lengths.allSatisfy(possible.contains) else {
                throw operation.mismatch("lengths \(lengths) don't fit \(batch) sequences of \(steps) steps")
            }
        }
        clip = try operation.float("clip").flatMap { $0 > 0 ? $0 : nil }
        guard try !operation.flag("input_forget", default: false) else {
            throw operation.unsupported("its input and forget gates are coupled, which isn't computed here")
        }
        try ImportBudget.spend(0, work: steps << 10, for: "\(steps) steps of \(operation.node.name)")
        let all = directions.flatMap { _ in standard }
        let names = try operation.strings("activations") ?? all
        guard names.count == all.count else {
            throw operation.malformed("it has \(names.count) activations, not \(all.count)")
        }
        var alphas = try operation.floats("activation_alpha") ?? []
        var betas = try operation.floats("activation_beta") ?? []
        activations = try names.map { name in
            try RecurrentNetwork.activation(name, &alphas, &betas, operation)
        }
    }

    /// A function by its name, with the next of the numbers that it takes.
    private static func activation(
        _ name: String,
        _ alphas: inout [Double],
        _ betas: inout [Double],
        _ operation: Operation
    ) throws -> (CrypTensor) throws -> CrypTensor {
        func next(_ list: inout [Double], _ standard: Double) -> Double { list.isEmpty ? standard : list.removeFirst() }
        switch name.lowercased() {
        case "relu": return { $0.relu() }
        case "tanh": return { $0.tanh() }
        case "sigmoid": return { $0.sigmoid() }
        case "softsign": return { $0.softsign() }
        case "softplus": return { $0.softplus() }
        case "leakyrelu":
            let alpha = next(&alphas, 0.01)
            return { $0.leakyRelu(alpha) }
        case "thresholdedrelu":
            let alpha = next(&alphas, 1)
            return { $0.thresholdedRelu(alpha) }
        case "elu":
            let alpha = next(&alphas, 1)
            return { $0.elu(alpha) }
        case "affine":
            let (alpha, beta) = (next(&alphas, 1), next(&betas, 0))
            return { $0 * alpha + beta }
        case "scaledtanh":
            let (alpha, beta) = (next(&alphas, 1), next(&betas, 1))
            return { ($0 * beta).tanh() * alpha }
        case "hardsigmoid":
            let (alpha, beta) = (next(&alphas, 0.2), next(&betas, 0.5))
            return { $0.hardSigmoid(slope: alpha, shift: beta) }
        default: throw operation.unsupported("its activation '\(name)' isn't computed here")
        }
    }

    /// Numbers of one direction, `[1, …]` or `[N, 1, …]` as the layout has them.
    private func part(_ position: Int, _ direction: Int, isState: Bool = false) throws -> CrypTensor? {
        guard let value = operation.optional(position) else { return nil }
        let axis = isState && isBatchFirst ? 1 : 0
        guard value.shape.rank > axis, value.shape[axis] == directions.count else {
            throw operation.mismatch("input \(position) of shape \(value.shape) isn't one for each direction")
        }
        return try value.expression().narrow(axis: axis, start: direction, length: 1).squeeze(axis: axis)
    }

    func outputs() throws -> [Value] {
        let type = try operation.real(0).type
        var (sequences, lastHidden, lastCell): ([CrypTensor], [CrypTensor], [CrypTensor]) = ([], [], [])
        for (direction, isReverse) in directions.enumerated() {
            let (all, hidden, cell) = try run(direction, isReverse)
            sequences.append(all)
            lastHidden.append(hidden)
            if let cell { lastCell.append(cell) }
        }
        // [T, D, N, H] and [D, N, H], or with the batch first [N, T, D, H] and [N, D, H].
        func arranged(_ states: [CrypTensor]) throws -> Value {
            let all = stack(states, axis: 0)
            return Value(type, try checked(isBatchFirst ? all.transposed(0, 1) : all))
        }
        let all = stack(sequences, axis: 1)
        let sequence = Value(type, try checked(isBatchFirst ? all.permuted([2, 0, 1, 3]) : all))
        return try [sequence, arranged(lastHidden)] + (lastCell.isEmpty ? [] : [arranged(lastCell)])
    }

    private func run(_ direction: Int, _ isReverse: Bool) throws -> (CrypTensor, CrypTensor, CrypTensor?) {
        guard let w = try part(1, direction), let r = try part(2, direction) else {
            throw operation.malformed("no weights")
        }
        let bias = try part(3, direction)
        let zeros = CrypTensor(0.0).broadcast(to: [batch, hidden])
        var h = try part(5, direction, isState: true) ?? zeros
        var c: CrypTensor? = try gates == 4 ? part(6, direction, isState: true) ?? zeros : nil
        let peepholes = try gates == 4 ? part(7, direction) : nil
        let size = gates * hidden
        // Gate by gate; a cell that applies its reset gate after the recurrence keeps the biases apart.
        let inputBias = bias.map { $0.narrow(axis: 0, start: 0, length: size) }
        let recurrenceBias = bias.map { $0.narrow(axis: 0, start: size, length: size) }
        var projected = x.matmul(w.transposed())  // [T, N, G · H]
        if let inputBias { projected = projected + inputBias }
        var outputs: [CrypTensor] = []
        for number in 0..<steps {
            let step = isReverse ? steps - 1 - number : number
            let input = projected[TensorIndex.position(step)]
            var (next, cell) = try cell(input, h, c, r, recurrenceBias, peepholes, direction)
            if let lengths {
                // A sequence that has ended keeps its state, and gives zeros.
                let runs = CrypTensor(constant: Tensor(.bool(lengths.map { step < $0 }), shape: [batch, 1]))
                outputs.append(which(runs, next, 0.0))
                if let c, let after = cell { cell = which(runs, after, c) }
                next = which(runs, next, h)
            } else {
                outputs.append(next)
            }
            (h, c) = (try checked(next), cell)
        }
        if isReverse { outputs.reverse() }
        return (stack(outputs, axis: 0), h, c)
    }

    private func activated(_ value: CrypTensor, _ number: Int, _ direction: Int) throws -> CrypTensor {
        let held = clip.map { value.clamp(min: -$0, max: $0) } ?? value
        return try activations[direction * (activations.count / directions.count) + number](held)
    }

    private func gate(_ x: CrypTensor, _ number: Int) -> CrypTensor {
        x.narrow(axis: -1, start: number * hidden, length: hidden)
    }

    /// One step: the next hidden state, and of an LSTM the next cell.
    private func cell(
        _ input: CrypTensor,
        _ h: CrypTensor,
        _ c: CrypTensor?,
        _ r: CrypTensor,
        _ bias: CrypTensor?,
        _ peepholes: CrypTensor?,
        _ direction: Int
    ) throws -> (CrypTensor, CrypTensor?) {
        func recurrence(_ state: CrypTensor, _ range: Range<Int>) -> CrypTensor {
            let rows = r.narrow(axis: 0, start: range.lowerBound * hidden, length: range.count * hidden)
            let product = state.matmul(rows.transposed())
            return bias.map {
                product + $0.narrow(axis: 0, start: range.lowerBound * hidden, length: range.count * hidden)
            } ?? product
        }
        switch gates {
        case 1:
            return (try activated(input + recurrence(h, 0..<1), 0, direction), nil)
        case 3:
            let both = input.narrow(axis: -1, start: 0, length: 2 * hidden) + recurrence(h, 0..<2)
            let (update, reset) = (
                try activated(gate(both, 0), 0, direction), try activated(gate(both, 1), 0, direction)
            )
            let isAfter = try operation.flag("linear_before_reset", default: false)
            let inner = isAfter ? reset * recurrence(h, 2..<3) : recurrence(reset * h, 2..<3)
            let candidate = try activated(gate(input, 2) + inner, 1, direction)
            return (candidate + update * (h - candidate), nil)
        default:
            guard let c else { throw operation.malformed("an LSTM has a cell") }
            let all = input + recurrence(h, 0..<4)
            func peep(_ number: Int, _ cell: CrypTensor) -> CrypTensor {
                let sum = gate(all, [0, 1, 2][number])
                return peepholes.map { sum + cell * gate($0, number) } ?? sum
            }
            let inputGate = try activated(peep(0, c), 0, direction)
            let forget = try activated(peep(2, c), 0, direction)
            let candidate = try activated(gate(all, 3), 1, direction)
            let cell = forget * c + inputGate * candidate
            let output = try activated(peep(1, cell), 0, direction)
            return (output * (try activated(cell, 2, direction)), cell)
        }
    }
}
