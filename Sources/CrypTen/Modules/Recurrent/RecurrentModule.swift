/// What RNN, LSTM and GRU share: layers of a recurrent network, over a sequence in one direction or in both.
///
/// State, for each layer l and, where there are two directions, with `_reverse` for the second: `weight_ih_l0 [gates · H, I]`,
/// `weight_hh_l0 [gates · H, H]`, `bias_ih_l0` and `bias_hh_l0 [gates · H]`; all uniform within `1 / √H` at first, as PyTorch's.
public protocol RecurrentModule: StatefulModule, Layer {
    /// The network's extents and options.
    var options: RecurrentOptions { get set }
}

/// The extents and options of a recurrent network.
public struct RecurrentOptions: Sendable {
    let inputSize: Int
    let hiddenSize: Int
    let layers: Int
    let hasBias: Bool
    let batchFirst: Bool
    let isBidirectional: Bool
    /// Between layers.
    var dropout: Dropout

    var directions: Int { isBidirectional ? 2 : 1 }

    /// Declares the tensors of all layers.
    func declare(in state: inout ModuleState, gates: Int) {
        let plausible = 1...1 << 20
        state.require(
            plausible.contains(inputSize) && plausible.contains(hiddenSize) && (1...1 << 10).contains(layers),
            "\(inputSize) inputs, \(hiddenSize) hidden units and \(layers) layers are from 1 on"
        )
        guard (1...1 << 10).contains(layers) else { return }
        let bound = 1 / Double(max(1, hiddenSize)).squareRoot()
        let start = Initializer.uniform(-bound, bound)
        let units = gates.multipliedReportingOverflow(by: hiddenSize).partialValue
        for layer in 0..<layers {
            let width = layer == 0 ? inputSize : directions &* hiddenSize
            for direction in 0..<directions {
                let end = RecurrentOptions.suffix(layer, direction)
                state.declare("weight_ih\(end)", [units, width], start)
                state.declare("weight_hh\(end)", [units, hiddenSize], start)
                if hasBias {
                    state.declare("bias_ih\(end)", [units], start)
                    state.declare("bias_hh\(end)", [units], start)
                }
            }
        }
    }

    static func suffix(_ layer: Int, _ direction: Int) -> String {
        "_l\(layer)" + (direction == 1 ? "_reverse" : "")
    }
}

extension RecurrentModule {
    /// The network in training, or in evaluation: between its layers elements are dropped, or not.
    public func training(_ isOn: Bool) -> Self {
        var out = self
        out.options.dropout = options.dropout.training(isOn)
        return out
    }

    /// The last layer's states after each step, and each layer's last ones.
    ///
    /// - Parameters:
    ///   - x: `[T, N, I]`, or `[N, T, I]` where the batch comes first.
    ///   - run: One layer in one direction: from its sequence, its weights and its number to the states `[T, N, H]`.
    /// - Returns: The outputs in the operand's order of axes, and the states `[layers · directions, N, H]`.
    func run(
        _ x: CrypTensor,
        _ run: (CrypTensor, RecurrentWeights, Int) -> CrypTensor
    ) -> (output: CrypTensor, hidden: CrypTensor) {
        let (file, line) = (state.place.file, state.place.line)
        var last: [CrypTensor] = []
        let output = CrypTensor.composing([x], file: file, line: line) { _ in
            guard x.rank == 3, x.shape[options.batchFirst ? 1 : 0] > 0 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(state.layer) can't take shape \(x.shape): it takes \(options.batchFirst ? "[N, T, I]" : "[T, N, I]") with a step or more"
                )
            }
            var sequence = options.batchFirst ? x.transposed(0, 1, file: file, line: line) : x
            for layer in 0..<options.layers {
                if layer > 0 { sequence = options.dropout(sequence) }
                let outputs = (0..<options.directions).map { direction -> CrypTensor in
                    let isReverse = direction == 1
                    let index = layer * options.directions + direction
                    let operand = isReverse ? sequence.flip(axes: [0], file: file, line: line) : sequence
                    let states = withLayer("l\(layer)" + (isReverse ? "_reverse" : "")) {
                        run(operand, weights(layer, direction), index)
                    }
                    if states.error == nil {
                        last.append(
                            states.narrow(axis: 0, start: states.shape[0] - 1, length: 1, file: file, line: line)
                        )
                    }
                    return isReverse ? states.flip(axes: [0], file: file, line: line) : states
                }
                sequence = outputs.count == 1 ? outputs[0] : concatenate(outputs, axis: 2, file: file, line: line)
                if sequence.error != nil { return sequence }
            }
            return options.batchFirst ? sequence.transposed(0, 1, file: file, line: line) : sequence
        }
        if output.error != nil { return (output, output) }
        return (output, concatenate(last, axis: 0, file: file, line: line))
    }

    private func weights(_ layer: Int, _ direction: Int) -> RecurrentWeights {
        let end = RecurrentOptions.suffix(layer, direction)
        return RecurrentWeights(
            input: state.tensor("weight_ih\(end)"),
            hidden: state.tensor("weight_hh\(end)"),
            inputBias: state["bias_ih\(end)"],
            hiddenBias: state["bias_hh\(end)"]
        )
    }

    /// The part of states `[layers · directions, N, H]` that one layer in one direction starts from.
    func initial(_ states: CrypTensor?, _ index: Int) -> CrypTensor? {
        states.map {
            $0.narrow(axis: 0, start: index, length: 1, file: state.place.file, line: state.place.line).squeeze(axis: 0)
        }
    }
}
