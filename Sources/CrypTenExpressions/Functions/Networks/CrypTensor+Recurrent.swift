internal import CrypTenBase
internal import CrypTenRing

/// The weights of one layer of a recurrent network, in PyTorch's order and layout.
public struct RecurrentWeights: Sendable {
    /// `[gates · H, I]`
    public var input: CrypTensor
    /// `[gates · H, H]`
    public var hidden: CrypTensor
    /// `[gates · H]`
    public var inputBias: CrypTensor?
    /// `[gates · H]`
    public var hiddenBias: CrypTensor?

    /// Weights, with biases or without.
    public init(input: CrypTensor, hidden: CrypTensor, inputBias: CrypTensor? = nil, hiddenBias: CrypTensor? = nil) {
        (self.input, self.hidden, self.inputBias, self.hiddenBias) = (input, hidden, inputBias, hiddenBias)
    }

    fileprivate var all: [CrypTensor] {
        [input, hidden] + [inputBias, hiddenBias].compactMap(\.self)
    }
}

/// Recurrent layers over a sequence `[T, N, I]`, from the first step to the last.
///
/// The inputs' products of all steps are one product; then each step takes the rounds of its gates, one after another.
extension CrypTensor {
    /// Elman's network, `h ← tanh(W x + U h + b)`: 5 rounds a step.
    ///
    /// - Parameters:
    ///   - state: `[N, H]`; zeros where nil.
    ///   - usesReLU: Whether max(x, 0) takes the hyperbolic tangent's place.
    /// - Returns: `[T, N, H]`, the states after each step.
    public func rnn(
        _ weights: RecurrentWeights,
        state: CrypTensor? = nil,
        usesReLU: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self] + weights.all + [state].compactMap(\.self), file: file, line: line) { origin in
            let cell = try RecurrentCell(self, weights, gates: 1, "rnn", at: origin)
            var h = try cell.state(state)
            let states = (0..<shape[0]).map { step in
                let sum = cell.inputs(step).adding(cell.recurrence(h), at: origin)
                h = sum.applying(usesReLU ? .relu : .smooth(.tanh), at: origin)
                return h
            }
            return stack(states, axis: 0, file: file, line: line)
        }
    }

    /// A gated recurrent unit, its gates in PyTorch's order (reset, update, new): 13 rounds a step; Cho and others 2014.
    ///
    /// - Parameter state: `[N, H]`; zeros where nil.
    /// - Returns: `[T, N, H]`, the states after each step.
    public func gru(
        _ weights: RecurrentWeights,
        state: CrypTensor? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self] + weights.all + [state].compactMap(\.self), file: file, line: line) { origin in
            let cell = try RecurrentCell(self, weights, gates: 3, "gru", at: origin)
            var h = try cell.state(state)
            let states = (0..<shape[0]).map { step -> CrypTensor in
                let (input, inner) = (cell.inputs(step), cell.recurrence(h))
                let gates = cell.part(input, 0..<2).adding(cell.part(inner, 0..<2), at: origin)
                    .applying(.smooth(.sigmoid), at: origin)
                let reset = cell.part(gates, 0..<1).applying(.bilinear(.multiply), cell.part(inner, 2..<3), at: origin)
                let new = cell.part(input, 2..<3).adding(reset, at: origin).applying(.smooth(.tanh), at: origin)
                let change = h.applying(.subtract, new, at: origin)
                h = new.applying(
                    .add,
                    cell.part(gates, 1..<2).applying(.bilinear(.multiply), change, at: origin),
                    at: origin
                )
                return h
            }
            return stack(states, axis: 0, file: file, line: line)
        }
    }

    /// Long short-term memory, its gates in PyTorch's order (input, forget, cell, output): 12 rounds a step; Hochreiter and
    /// Schmidhuber 1997.
    ///
    /// - Parameters:
    ///   - state: `[N, H]`; zeros where nil.
    ///   - cell: `[N, H]`; zeros where nil.
    /// - Returns: `[T, N, H]`, the states after each step, and the last cell `[N, H]`; an error is in both.
    public func lstm(
        _ weights: RecurrentWeights,
        state: CrypTensor? = nil,
        cell initial: CrypTensor? = nil,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> (output: CrypTensor, cell: CrypTensor) {
        var last: CrypTensor?
        let operands = [self] + weights.all + [state, initial].compactMap(\.self)
        let output = CrypTensor.composing(operands, file: file, line: line) { origin in
            let cell = try RecurrentCell(self, weights, gates: 4, "lstm", at: origin)
            var (h, c) = (try cell.state(state), try cell.state(initial))
            let states = (0..<shape[0]).map { step -> CrypTensor in
                let sum = cell.inputs(step).adding(cell.recurrence(h), at: origin)
                let gates = sum.applying(.smooth(.sigmoid), at: origin)
                let candidate = cell.part(sum, 2..<3).applying(.smooth(.tanh), at: origin)
                let kept = cell.part(gates, 1..<2).applying(.bilinear(.multiply), c, at: origin)
                c = cell.part(gates, 0..<1).applying(.bilinear(.multiply), candidate, at: origin)
                    .applying(.add, kept, at: origin)
                h = cell.part(gates, 3..<4)
                    .applying(.bilinear(.multiply), c.applying(.smooth(.tanh), at: origin), at: origin)
                return h
            }
            last = c
            return stack(states, axis: 0, file: file, line: line)
        }
        return (output, output.error == nil ? last ?? output : output)
    }
}

/// What the steps of a recurrent layer share.
private struct RecurrentCell {
    private let projected: CrypTensor
    private let weights: RecurrentWeights
    private let hidden: Int
    private let batch: Int
    private let name: String
    private let origin: SourceOrigin

    init(_ x: CrypTensor, _ weights: RecurrentWeights, gates: Int, _ name: String, at origin: SourceOrigin) throws {
        guard x.rank == 3, x.shape[0] > 0, weights.hidden.rank == 2, case let hidden = weights.hidden.shape[1],
            weights.input.shape.dimensions == [gates * hidden, x.shape[2]],
            weights.hidden.shape.dimensions == [gates * hidden, hidden],
            [weights.inputBias, weights.hiddenBias].compactMap(\.self)
                .allSatisfy({ $0.shape.dimensions == [gates * hidden] })
        else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't combine shapes \(x.shape), \(weights.input.shape) and \(weights.hidden.shape): it takes [T, N, I], "
                    + "[\(gates) · H, I] and [\(gates) · H, H], at least one step, and biases [\(gates) · H]"
            )
        }
        guard x.shape[0] <= 1 << 16 else {
            throw CrypTenError(
                .outOfRange,
                "\(name) of shape \(x.shape) has more than 65,536 steps; take fewer at a time"
            )
        }
        (self.weights, self.hidden, self.batch) = (weights, hidden, x.shape[1])
        (self.name, self.origin) = (name, origin)
        projected = try x.linear(weights.input, bias: weights.inputBias).real(at: origin).wellFormed()
    }

    /// A state that was given, or zeros.
    func state(_ given: CrypTensor?) throws -> CrypTensor {
        let shape = try projected.checkedShape([batch, hidden], in: name)
        guard let given else { return CrypTensor(constant: Tensor(0.0), at: origin).broadcasted(to: shape, at: origin) }
        guard given.shape == shape else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't start from a state of shape \(given.shape): it is \(shape)"
            )
        }
        return given.real(at: origin)
    }

    /// What a step's input gives to all gates.
    func inputs(_ step: Int) -> CrypTensor {
        projected.narrowed(axis: 0, start: step, length: 1, at: origin)
            .reshaped(Shape(projected.shape.dimensions.dropFirst().map(\.self)), at: origin)
    }

    /// What the state gives to all gates.
    func recurrence(_ state: CrypTensor) -> CrypTensor {
        state.linear(weights.hidden, bias: weights.hiddenBias)
    }

    /// Some of the gates.
    func part(_ gates: CrypTensor, _ range: Range<Int>) -> CrypTensor {
        gates.narrowed(axis: 1, start: range.lowerBound * hidden, length: range.count * hidden, at: origin)
    }
}
